// What is refused here is refused by TypeScript itself; Effect's own diagnostic about the same lines says nothing more.
// @effect-diagnostics missingEffectError:off
import * as Heartbeat from "effect-supervisor/Heartbeat"
import type * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Task from "effect-supervisor/Task"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { describe, expect, test } from "tstyche"

class Timeout extends Data.TaggedError("Timeout")<{ readonly millis: number }> {}
class AuthError extends Data.TaggedError("AuthError")<{ readonly user: string }> {}
class Db extends Context.Service<Db, { readonly query: Effect.Effect<number, Timeout> }>()("Db") {}
class Clockwork extends Context.Service<Clockwork, { readonly pace: number }>()("Clockwork") {}
class Prober extends Context.Service<Prober, { readonly check: Effect.Effect<void, AuthError> }>()("Prober") {}

declare const errorOf: <E>(reason: RestartPolicy.RestartReason<E>) => E
declare const work: Effect.Effect<number, Timeout | AuthError>
declare const ofAnything: Schedule.Schedule<number, RestartPolicy.RestartReason<unknown>>
declare const ofBoth: Schedule.Schedule<number, RestartPolicy.RestartReason<Timeout | AuthError>>
declare const onlyTimeouts: Schedule.Schedule<number, RestartPolicy.RestartReason<Timeout>>
declare const ofNumbers: Schedule.Schedule<number, number>
declare const onlyTimeoutsPolicy: RestartPolicy.RestartPolicy<Timeout>
declare const paced: Schedule.Schedule<number, unknown, never, Clockwork>

describe("Task.make", () => {
  test("has the effect's own types", () => {
    expect(Task.make("work", work)).type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    expect(Task.make("db", Effect.flatMap(Db, (db) => db.query))).type.toBe<Task.Task<number, Timeout, Db>>()
  })

  test("takes Scope out of the requirements: every run has its own", () => {
    const scoped = Effect.andThen(
      Effect.acquireRelease(Effect.succeed(1), () => Effect.void),
      Effect.flatMap(Db, (db) => db.query)
    )
    expect(scoped).type.toBe<Effect.Effect<number, Timeout, Scope.Scope | Db>>()
    expect(Task.make("scoped", scoped)).type.toBe<Task.Task<number, Timeout, Db>>()
  })

  test("asks for the services of the effect, the schedule and the probe", () => {
    expect(Task.make("paced", work, { restart: { schedule: paced } })).type.toBe<
      Task.Task<number, Timeout | AuthError, Clockwork>
    >()
    expect(Task.make("paced", work, { restart: { schedule: ($) => $(paced), times: 3 } })).type.toBe<
      Task.Task<number, Timeout | AuthError, Clockwork>
    >()
    const check = Effect.flatMap(Prober, (prober) => prober.check)
    expect(Task.make("probed", work, { heartbeat: Heartbeat.probe(check) })).type.toBe<
      Task.Task<number, Timeout | AuthError, Prober>
    >()
    expect(Task.make("probed", work, { heartbeat: Heartbeat.probe(check, { schedule: paced }) })).type.toBe<
      Task.Task<number, Timeout | AuthError, Prober | Clockwork>
    >()
    expect(Task.make("all", Effect.flatMap(Db, (db) => db.query), {
      restart: { schedule: paced, on: { Timeout: "restart" } },
      heartbeat: Heartbeat.probe(check)
    })).type.toBe<Task.Task<number, Timeout, Db | Clockwork | Prober>>()
  })

  test("needs no services for the heartbeats that have none", () => {
    expect(Task.make("a", work, { heartbeat: Heartbeat.automatic({ every: "1 second" }) })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
    expect(Task.make("a", work, { heartbeat: Heartbeat.manual({ within: 500 }) })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
    expect(Task.make("a", work, { heartbeat: Heartbeat.none })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
  })

  test("refuses options that do not exist", () => {
    // @ts-expect-error 'stopTimeOut' does not exist
    Task.make("typo", work, { stopTimeOut: "5 seconds" })
    // @ts-expect-error 'schedul' does not exist
    Task.make("typo", work, { restart: { schedul: Schedule.spaced(1) } })
    Task.make("word", work, {
      // @ts-expect-error not assignable
      whenDead: "ignore"
    })
  })

  test("takes \"infinity\" where a wait may have no bound, and nowhere else", () => {
    Task.make("patient", work, { stopTimeout: "infinity", stableAfter: "infinity" })
  })
})

describe("restart.on", () => {
  test("takes the tags of the task's own error", () => {
    expect(Task.make("tags", work, { restart: { on: { AuthError: "stop", Timeout: "escalate" } } })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
    Task.make("one", work, { restart: { on: { AuthError: "stop" } } })
    Task.make("none", work, { restart: { on: {} } })
  })

  test("refuses a tag that the task cannot fail with", () => {
    Task.make("wrong", work, {
      restart: {
        // @ts-expect-error 'AuthErorr' does not exist
        on: { AuthErorr: "stop" }
      }
    })
    Task.make("wrong", work, {
      restart: {
        on: {
          AuthError: "stop",
          // @ts-expect-error 'NotFound' does not exist
          NotFound: "restart"
        }
      }
    })
  })

  test("refuses a directive that does not exist", () => {
    Task.make("wrong", work, {
      restart: {
        on: {
          // @ts-expect-error '"ignore"' is not assignable
          AuthError: "ignore"
        }
      }
    })
  })

  test("refuses tags where the task has none: nothing to fail with, or errors without tags", () => {
    Task.make("sure", Effect.succeed(1), {
      restart: {
        // @ts-expect-error 'AuthError' does not exist
        on: { AuthError: "stop" }
      }
    })
    Task.make("untagged", Effect.fail(1), {
      restart: {
        // @ts-expect-error 'AuthError' does not exist
        on: { AuthError: "stop" }
      }
    })
  })

  test("infers them from an effect made inline, whatever way it is made", () => {
    expect(Task.make(
      "gen",
      Effect.gen(function*() {
        yield* Effect.sleep(1)
        return yield* work
      }),
      { restart: { on: { AuthError: "stop" } } }
    )).type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    expect(Task.make("data-first", Effect.andThen(Effect.sleep(1), work), { restart: { on: { AuthError: "stop" } } }))
      .type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    expect(Task.make("function", Effect.flatMap(Db, (db) => db.query), { restart: { on: { Timeout: "stop" } } }))
      .type.toBe<Task.Task<number, Timeout, Db>>()
    expect(Task.make("pipe", work.pipe(Effect.delay(1)), { restart: { on: { AuthError: "stop" } } })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
    expect(Task.make("error", Effect.andThen(Effect.sleep(1), work), {
      restart: { on: (error) => error._tag === "Timeout" ? "restart" : "stop" }
    })).type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    expect(Task.make("schedule", Effect.andThen(Effect.sleep(1), work), { restart: { schedule: ofBoth } })).type.toBe<
      Task.Task<number, Timeout | AuthError, never>
    >()
    Task.make("wrong", Effect.andThen(Effect.sleep(1), work), {
      restart: {
        // @ts-expect-error 'NotFound' does not exist
        on: { NotFound: "stop" }
      }
    })
    Task.make("wrong", Effect.andThen(Effect.sleep(1), work), {
      restart: {
        // @ts-expect-error is not assignable
        schedule: onlyTimeouts
      }
    })
  })

  test("takes a function that sees the typed error", () => {
    const task = Task.make("function", work, {
      restart: {
        on: (error) => {
          expect(error).type.toBe<Timeout | AuthError>()
          return error._tag === "Timeout" && error.millis > 100 ? "stop" : "restart"
        }
      }
    })
    expect(task).type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    Task.make("number", Effect.fail(1), {
      restart: {
        on: (error) => {
          expect(error).type.toBe<number>()
          return error > 3 ? "escalate" : "restart"
        }
      }
    })
  })

  test("makes a function that handles every tag exhaustive", () => {
    const on = (error: Timeout | AuthError): RestartPolicy.Directive => {
      switch (error._tag) {
        case "Timeout":
          return "restart"
        case "AuthError":
          return "stop"
      }
    }
    Task.make("exhaustive", work, { restart: { on } })
  })

  test("refuses a function over other errors, and one that says nothing", () => {
    Task.make("wrong", work, {
      restart: {
        // @ts-expect-error is not assignable
        on: (error: Timeout) => error.millis > 1 ? "stop" : "restart"
      }
    })
    Task.make("nothing", work, {
      restart: {
        // @ts-expect-error is not assignable
        on: () => undefined
      }
    })
  })
})

describe("restart.schedule", () => {
  test("takes schedules over anything, and over this task's reasons", () => {
    Task.make("any", work, { restart: { schedule: Schedule.spaced("1 second") } })
    Task.make("this", work, { restart: { schedule: ofBoth } })
    Task.make("wider", work, { restart: { schedule: ofAnything } })
  })

  test("takes one that may fail, as cron's may", () => {
    expect(Task.make("nightly", work, { restart: { mode: "permanent", schedule: Schedule.cron("0 4 * * *", "UTC") } }))
      .type.toBe<Task.Task<number, Timeout | AuthError, never>>()
  })

  test("refuses a schedule over another error at the policy, not at the effect", () => {
    Task.make("wrong", work, {
      restart: {
        // @ts-expect-error is not assignable
        schedule: onlyTimeouts
      }
    })
    Task.make("input", work, {
      restart: {
        // @ts-expect-error is not assignable
        schedule: ofNumbers
      }
    })
    Task.make("sure", Effect.succeed(1), { restart: { schedule: onlyTimeouts } })
  })

  test("refuses a ready policy over another error at the policy", () => {
    Task.make("wrong", work, {
      // @ts-expect-error is not assignable
      restart: onlyTimeoutsPolicy
    })
    Task.make("right", Effect.fail(new Timeout({ millis: 1 })), { restart: onlyTimeoutsPolicy })
  })

  test("gives a builder the typed reason without annotations", () => {
    Task.make("builder", work, {
      restart: {
        schedule: ($) =>
          Schedule.while($(Schedule.spaced("1 second")), ({ input }) => {
            expect(errorOf(input)._tag).type.toBe<"Timeout" | "AuthError">()
            return input._tag === "Failed"
          })
      }
    })
  })

  test("gives it inside max, min and jittered too", () => {
    const inMax = Task.make("max", work, {
      restart: {
        schedule: ($) =>
          Schedule.max([
            $(Schedule.while($(Schedule.exponential("1 second")), ({ input }) => {
              expect(errorOf(input)._tag).type.toBe<"Timeout" | "AuthError">()
              return true
            })),
            Schedule.recurs(3)
          ])
      }
    })
    expect(inMax).type.toBe<Task.Task<number, Timeout | AuthError, never>>()
    const inMin = Task.make("min", work, {
      restart: {
        schedule: ($) =>
          Schedule.min([
            Schedule.spaced("32 seconds"),
            $(paced).pipe(Schedule.while(({ input }) => {
              expect(errorOf(input)._tag).type.toBe<"Timeout" | "AuthError">()
              return true
            }))
          ])
      }
    })
    expect(inMin).type.toBe<Task.Task<number, Timeout | AuthError, Clockwork>>()
    const wrapped = Task.make("services", work, {
      restart: {
        schedule: ($) =>
          Schedule.max([$(Schedule.while($(paced), ({ input }) => input._tag === "Failed")), Schedule.recurs(3)])
      }
    })
    expect(wrapped).type.toBe<Task.Task<number, Timeout | AuthError, Clockwork>>()
    const jittered = Task.make("jittered", work, {
      restart: {
        schedule: ($) =>
          Schedule.jittered(Schedule.while($(paced), ({ input }) => {
            expect(errorOf(input)._tag).type.toBe<"Timeout" | "AuthError">()
            return true
          }))
      }
    })
    expect(jittered).type.toBe<Task.Task<number, Timeout | AuthError, Clockwork>>()
    const around = Task.make("around", work, {
      restart: {
        schedule: ($) =>
          Schedule.while($(Schedule.max([Schedule.jittered(paced), Schedule.recurs(2)])), ({ input }) => {
            expect(errorOf(input)._tag).type.toBe<"Timeout" | "AuthError">()
            return true
          })
      }
    })
    expect(around).type.toBe<Task.Task<number, Timeout | AuthError, Clockwork>>()
  })

  test("gives a builder the typed cause", () => {
    Task.make("cause", work, {
      restart: {
        schedule: ($) =>
          Schedule.while($(Schedule.spaced(1)), ({ input }) =>
            input._tag !== "Failed" ||
            input.cause.reasons.every((reason) => {
              if (reason._tag === "Fail") expect(reason.error._tag).type.toBe<"Timeout" | "AuthError">()
              return true
            }))
      }
    })
  })
})

describe("Task's utility types", () => {
  test("read a task's types back", () => {
    type Example = Task.Task<number, Timeout, Db>
    expect<Task.Task.Success<Example>>().type.toBe<number>()
    expect<Task.Task.Error<Example>>().type.toBe<Timeout>()
    expect<Task.Task.Services<Example>>().type.toBe<Db>()
  })

  test("a task is covariant: one that succeeds, fails and needs less is one that may more", () => {
    expect<Task.Task<1, never, never>>().type.toBeAssignableTo<Task.Task<number, Timeout, Db>>()
    expect<Task.Task<number, Timeout, never>>().type.not.toBeAssignableTo<Task.Task<number, never, never>>()
    expect<Task.Task<number, never, Db>>().type.not.toBeAssignableTo<Task.Task<number, never, never>>()
  })

  test("isTask narrows", () => {
    const value: unknown = undefined
    if (Task.isTask(value)) expect(value.name).type.toBe<string>()
  })
})
