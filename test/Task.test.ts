import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import { assertRefused, Net, settle, statusOf, thrown, within } from "./support/fixtures.ts"

/** What a program without types could pass. */
const untyped = (options: unknown) => options as {}

class Db extends Context.Service<Db, { readonly id: number }>()("test/Db") {}

describe("Task", () => {
  describe("name", () => {
    it.each(["a", "x".repeat(255), "näme with spaces", "🦀", "a.b-c_d", ".", " "])("takes %j", (name) => {
      assert.strictEqual(Task.make(name, Effect.void).name, name)
    })

    it.each(["", "x".repeat(256), "a/b", "/", "a\nb", "\u0000", "tab\t", "\u007f", "\u0085"])("refuses %j", (name) => {
      assertRefused(
        () => Task.make(name, Effect.void),
        "name",
        name.length > 40 ? "256 characters" : JSON.stringify(name),
        "1 to 255 characters without \"/\" and control characters"
      )
    })

    it.each([undefined, null, 1, {}, ["a"]])("refuses what is no string: %j", (name) => {
      assertRefused(() => Task.make(name as string, Effect.void), "name", "allowed is", "a string of")
    })
  })

  describe("options", () => {
    const durations: ReadonlyArray<unknown> = [
      -1,
      Number.NaN,
      "-1 second",
      "soon",
      "",
      "5 secs",
      {},
      { secnds: 3 },
      { seconds: Number.NaN },
      [Number.NaN, 0],
      [1],
      true,
      Duration.millis(-5),
      Number.NEGATIVE_INFINITY
    ]
    const refused: ReadonlyArray<readonly [option: string, value: unknown, allowed: string]> = [
      ...["stableAfter", "stopTimeout"].flatMap((option) =>
        durations.map((value) => [option, value, "a duration of 0 or more, or \"infinity\""] as const)
      ),
      ...[...durations, 0, "0 seconds", "infinity", Number.POSITIVE_INFINITY].map((value) =>
        ["startupTimeout", value, "a duration above 0"] as const
      ),
      ["whenDead", "explode", "\"keep\" or \"escalate\""],
      ["span", "yes", "true or false"],
      ["span", 1, "true or false"],
      ["heartbeat", "manual", "Heartbeat.automatic"],
      ["heartbeat", { _tag: "Pulse" }, "Heartbeat.automatic"],
      ["restart", "permanent", "an object with mode, schedule, times, on"]
    ]
    it.each(refused)("refuses %s: %j, and says what is allowed", (option, value, allowed) => {
      assertRefused(() => Task.make("job", Effect.void, untyped({ [option]: value })), option, "allowed is", allowed)
    })

    it.each(["restart", "heartbeat", "startupTimeout", "stableAfter", "stopTimeout", "whenDead", "span"])(
      "does not take null for %s that was not given",
      (option) => {
        assertRefused(() => Task.make("job", Effect.void, untyped({ [option]: null })), option, "null", "allowed is")
      }
    )

    it("names the task, the option and the value in a refusal", () => {
      const error = thrown(() => Task.make("job", Effect.void, { stopTimeout: "-3 seconds" }))
      assert.instanceOf(error, RangeError)
      assert.strictEqual(
        error.message,
        "Task.make(\"job\"): stopTimeout is \"-3 seconds\"; allowed is a duration of 0 or more, or \"infinity\""
      )
    })

    it.each([
      ["Manual", { _tag: "Manual", within: 0 }],
      ["Manual", { _tag: "Manual", within: Number.NaN }],
      ["Automatic", { _tag: "Automatic", every: -1 }],
      ["Manual", { _tag: "Manual" }],
      ["Probe", { _tag: "Probe", failures: 3 }]
    ])("refuses a %s heartbeat that its constructor would refuse", (_, heartbeat) => {
      assert.instanceOf(thrown(() => Task.make("job", Effect.void, untyped({ heartbeat }))), RangeError)
    })

    it("refuses an option that nobody reads, and lists those that are", () => {
      const error = thrown(() => Task.make("job", Effect.void, untyped({ stoptimeout: "1 second" })))
      assert.instanceOf(error, RangeError)
      assert.include(error.message, "unknown option \"stoptimeout\"")
      assert.include(
        error.message,
        "restart, heartbeat, startupTimeout, stableAfter, stopTimeout, whenDead, ready, span, significant, version"
      )
    })

    it.each(["options", 7, true, Symbol.iterator])("refuses options that are no object: %s", (options) => {
      assert.instanceOf(thrown(() => Task.make("job", Effect.void, untyped(options))), RangeError)
    })

    it.each([undefined, null, () => 1, Promise.resolve(1), function*() {}])(
      "refuses an effect that is none: %s",
      (effect) => {
        assertRefused(() => Task.make("job", effect as never), "effect", "allowed is", "an Effect")
      }
    )

    it("decodes durations once, in whatever form they come", () => {
      const task = Task.make("job", Effect.void, {
        startupTimeout: [2, 500_000_000],
        stableAfter: { minutes: 1 },
        stopTimeout: "infinity"
      })
      assert.deepStrictEqual({ ...task.options }, {
        startupTimeout: 2500,
        stableAfter: 60_000,
        stopTimeout: Number.POSITIVE_INFINITY
      })
      assert.strictEqual(Task.make("job", Effect.void, { stopTimeout: 0n }).options.stopTimeout, 0)
    })

    it("takes a ready policy as well as a policy's options", () => {
      const policy = RestartPolicy.make({ mode: "permanent" })
      assert.strictEqual(Task.make("job", Effect.void, { restart: policy }).options.restart, policy)
      assert.strictEqual(
        Task.make("job", Effect.void, { restart: { mode: "temporary" } }).options.restart?.mode,
        "temporary"
      )
    })

    it("starts nothing when it is made, not even the functions among its options", () => {
      let touched = 0
      const touch = Effect.sync(() => {
        touched++
      })
      Task.make("job", touch, {
        heartbeat: Heartbeat.probe(touch, { schedule: Schedule.tap(Schedule.forever, () => touch) }),
        restart: {
          on: () => {
            touched++
            return "restart"
          }
        }
      })
      assert.strictEqual(touched, 0)
    })

    it("is told from everything else by isTask", () => {
      assert.isTrue(Task.isTask(Task.make("job", Effect.void)))
      for (const other of [undefined, null, "task", {}, Effect.void, RestartPolicy.standard]) {
        assert.isFalse(Task.isTask(other))
      }
    })
  })

  describe("runs", () => {
    it.effect("is a value: one task runs in several supervisors, each with runs of its own", () =>
      Effect.gen(function*() {
        const runs = yield* Ref.make(0)
        const task = Task.make("job", Effect.andThen(Ref.update(runs, (n) => n + 1), Effect.never))
        const first = yield* Supervisor.make({ name: "first", tasks: [task] })
        const second = yield* Supervisor.make({ name: "second", tasks: [task] })
        yield* first.restart("job")
        assert.strictEqual(yield* Ref.get(runs), 3)
        assert.strictEqual((yield* statusOf(first, "job")).generation, 2)
        assert.strictEqual((yield* statusOf(second, "job")).generation, 1)
      }))

    it.effect("gives every run a Scope of its own, closed with the run's exit before the next run begins", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const scopes = new Set<Scope.Scope>()
        let run = 0
        const task = Task.make(
          "job",
          Effect.gen(function*() {
            const number = ++run
            const scope = yield* Effect.scope
            scopes.add(scope)
            seen.push(`begin ${number}`)
            yield* Effect.addFinalizer((exit) =>
              Effect.sync(() => {
                seen.push(`release ${number} ${exit._tag}`)
              })
            )
            yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep(100), Effect.sync(() => seen.push("slowly"))))
            if (number === 3) return "good"
            return yield* new Net()
          }),
          { restart: { schedule: Schedule.spaced(50), times: 5 } }
        )
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(task)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* handle.await, "good")
        assert.deepStrictEqual(seen, [
          "begin 1",
          "slowly",
          "release 1 Failure",
          "begin 2",
          "slowly",
          "release 2 Failure",
          "begin 3",
          "slowly",
          "release 3 Success"
        ])
        assert.strictEqual(scopes.size, 3)
      }))

    it.effect("closes a run's Scope when the run is interrupted, too", () =>
      Effect.gen(function*() {
        const exits: Array<Exit.Exit<unknown, unknown>> = []
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make(
              "job",
              Effect.andThen(
                Effect.addFinalizer((exit) => Effect.sync(() => exits.push(exit))),
                Effect.never
              )
            )
          ]
        })
        yield* supervisor.stop("job")
        assert.strictEqual(exits.length, 1)
        const [exit] = exits
        assert(exit !== undefined && Exit.isFailure(exit))
        assert.isTrue(exit.cause.reasons.every((reason) => reason._tag === "Interrupt"))
      }))

    it.effect("interrupts the fibers that a run forked before the next run begins", () =>
      Effect.gen(function*() {
        let alive = 0
        let most = 0
        const child = Effect.andThen(
          Effect.sync(() => {
            most = Math.max(most, ++alive)
          }),
          Effect.never
        ).pipe(Effect.onExit(() =>
          Effect.andThen(
            Effect.sleep(10),
            Effect.sync(() => {
              alive--
            })
          )
        ))
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make(
              "job",
              Effect.andThen(
                Effect.forkChild(child, { startImmediately: true }),
                Effect.andThen(Effect.sleep(100), new Net())
              ),
              { restart: { schedule: Schedule.forever } }
            )
          ]
        })
        yield* TestClock.adjust("1 second")
        assert.strictEqual(most, 1)
        assert.isAbove((yield* statusOf(supervisor, "job")).generation, 5)
        yield* within(supervisor.shutdown, "1 second")
        assert.strictEqual(alive, 0)
      }))

    it.effect("starts each run from the effect as it was given; what was made outside lives across runs", () =>
      Effect.gen(function*() {
        const shared = yield* Ref.make(0)
        const owned: Array<number> = []
        const task = Task.make(
          "job",
          Effect.gen(function*() {
            const own = yield* Ref.make(0)
            owned.push(yield* Ref.updateAndGet(own, (n) => n + 1))
            yield* Ref.update(shared, (n) => n + 1)
            return yield* new Net()
          }),
          { restart: { schedule: Schedule.recurs(3) } }
        )
        const supervisor = yield* Supervisor.make({ tasks: [task] })
        yield* settle
        assert.deepStrictEqual(owned, [1, 1, 1, 1])
        assert.strictEqual(yield* Ref.get(shared), 4)
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Dead")
      }))

    it.effect("gives each run fresh resources by Effect.provide with local", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        let made = 0
        const layer = Layer.effect(
          Db,
          Effect.acquireRelease(
            Effect.sync(() => {
              log.push(`open ${++made}`)
              return { id: made }
            }),
            ({ id }) => Effect.sync(() => log.push(`close ${id}`))
          )
        )
        const task = Task.make(
          "job",
          Effect.gen(function*() {
            const db = yield* Db
            log.push(`use ${db.id}`)
            return yield* new Net()
          }).pipe(Effect.provide(layer, { local: true })),
          { restart: { schedule: Schedule.recurs(2) } }
        )
        yield* Supervisor.make({ tasks: [task] })
        yield* settle
        assert.deepStrictEqual(log, [
          "open 1",
          "use 1",
          "close 1",
          "open 2",
          "use 2",
          "close 2",
          "open 3",
          "use 3",
          "close 3"
        ])
      }))
  })

  describe("what is captured when it is added", () => {
    it.effect("takes services from whoever adds it, at that moment", () =>
      Effect.gen(function*() {
        const seen: Array<number> = []
        const task = (name: string) =>
          Task.make(
            name,
            Effect.andThen(Db, (db) => Effect.sync(() => seen.push(db.id)))
          )
        const supervisor = yield* Supervisor.make({ tasks: [task("listed")] }).pipe(
          Effect.provideService(Db, { id: 1 })
        )
        yield* supervisor.add(task("added")).pipe(Effect.provideService(Db, { id: 2 }))
        yield* supervisor.restart("listed").pipe(Effect.provideService(Db, { id: 3 }))
        yield* settle
        assert.deepStrictEqual(seen, [1, 2, 1])
      }))

    it.effect("takes references and log annotations, and keeps them for every run and for its policy and probe", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const note = (who: string) =>
          Effect.gen(function*() {
            const annotations = yield* References.CurrentLogAnnotations
            seen.push(`${who} ${String(annotations["feature"])}`)
          })
        const supervisor = yield* Supervisor.make()
        yield* Effect.annotateLogs(
          supervisor.add(Task.make("job", Effect.andThen(note("run"), Effect.andThen(Effect.sleep(10), new Net())), {
            heartbeat: Heartbeat.probe(note("probe")),
            restart: { schedule: ($) => $(Schedule.recurs(1)).pipe(Schedule.tap(() => note("schedule"))) }
          })),
          "feature",
          "orders"
        )
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(new Set(seen), new Set(["run orders", "probe orders", "schedule orders"]))
        assert.strictEqual(seen.filter((one) => one === "run orders").length, 2)
      }))

    it.effect("logs of a run carry the annotations of whoever added it", () =>
      Effect.gen(function*() {
        const logged: Array<Readonly<Record<string, unknown>>> = []
        const logger = Logger.make(({ fiber, message }) => {
          if (String(message) === "hello") logged.push(fiber.getRef(References.CurrentLogAnnotations))
        })
        yield* Supervisor.make({ tasks: [Task.make("job", Effect.log("hello"))] }).pipe(
          Effect.annotateLogs("feature", "orders"),
          Effect.provide(Logger.layer([logger]))
        )
        yield* settle
        assert.strictEqual(logged.length, 1)
        assert.strictEqual(logged[0]?.["feature"], "orders")
      }))

    it.effect("leaves the adder's Scope to the adder: closing it neither ends a run nor releases what it holds", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make()
        const adder = yield* Scope.make()
        yield* supervisor.add(Task.make(
          "job",
          Effect.gen(function*() {
            assert.notStrictEqual(yield* Effect.scope, adder)
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push("released")))
            return yield* Effect.never
          })
        )).pipe(Effect.provideService(Scope.Scope, adder))
        yield* settle
        yield* Scope.close(adder, Exit.void)
        assert.deepStrictEqual(log, [])
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Healthy")
        yield* supervisor.stop("job")
        assert.deepStrictEqual(log, ["released"])
      }))

    it.effect("the adder's Scope is no more in reach of the policy's schedule, nor of the probe", () =>
      Effect.gen(function*() {
        const seen: Array<readonly [string, boolean]> = []
        const adder = yield* Effect.scope
        const look = (who: string) =>
          Effect.withFiber((fiber) => {
            seen.push([who, Context.getOrUndefined(fiber.context, Scope.Scope) === adder])
            return Effect.void
          })
        const supervisor = yield* Supervisor.make()
        yield* supervisor.add(Task.make("job", Effect.andThen(Effect.sleep(10), new Net()), {
          heartbeat: Heartbeat.probe(look("probe")),
          restart: { schedule: ($) => $(Schedule.recurs(1)).pipe(Schedule.tap(() => look("schedule"))) }
        }))
        yield* TestClock.adjust(15)
        yield* settle
        assert.deepStrictEqual(seen, [["probe", false], ["schedule", false], ["probe", false]])
      }))

    it.effect("leaves the adder's span and stack frame to the adder", () =>
      Effect.gen(function*() {
        const seen: Array<unknown> = []
        const look = Effect.withFiber((fiber) => {
          seen.push(
            Context.getOrUndefined(fiber.context, Tracer.ParentSpan),
            fiber.getRef(References.CurrentStackFrame)
          )
          return Effect.void
        })
        const add = Effect.fn("adding")(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("listed", look)] })
          yield* supervisor.add(Task.make("added", look))
        })
        yield* Effect.withSpan(add(), "outer")
        yield* settle
        assert.deepStrictEqual(seen, [undefined, undefined, undefined, undefined])
      }))
  })
})
