import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  Auth,
  Coded,
  collect,
  failureOf,
  Net,
  settle,
  statusOf,
  tagsOf,
  thrown,
  within
} from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

const untyped = (options: unknown) => options as {}

const delaysOf = (events: ReadonlyArray<SupervisorEvent>): ReadonlyArray<number> =>
  events.flatMap((event) => event._tag === "RestartScheduled" ? [event.delay ?? Number.POSITIVE_INFINITY] : [])

const interrupted = Effect.interrupt

/** Runs a task under a supervisor of its own for some time. */
const observe = Effect.fnUntraced(function*<E>(
  task: Task.Task<unknown, E>,
  time: Duration.Input
) {
  const supervisor = yield* Supervisor.make()
  const { seen: events } = yield* collect(supervisor.events)
  const handle = yield* supervisor.add(task)
  yield* TestClock.adjust(time)
  yield* settle
  return { supervisor, handle, events }
})

/** The same with a task that is not gone by then, and tells what became of it. */
const supervise = Effect.fnUntraced(function*<E>(
  task: Task.Task<unknown, E>,
  time: Duration.Input
) {
  const observed = yield* observe(task, time)
  return {
    ...observed,
    status: yield* Effect.orDie(observed.handle.status),
    delays: delaysOf(observed.events)
  }
})

/** Asserts that the entry has gone by itself, which is told after its end, and gives the outcome that the handle still has. */
const assertGone = Effect.fnUntraced(function*<A, E>(
  { events, handle, supervisor }: {
    readonly supervisor: Supervisor.RunningSupervisor
    readonly handle: Supervisor.TaskHandle<A, E>
    readonly events: ReadonlyArray<SupervisorEvent>
  },
  end: "TaskCompleted" | "TaskDead"
) {
  assertTag(yield* Effect.flip(supervisor.status(handle.name)), "TaskNotFound")
  assertTag(yield* Effect.flip(handle.status), "TaskNotFound")
  assert.deepStrictEqual(yield* Effect.orDie(supervisor.statuses), [])
  assert.deepStrictEqual(tagsOf(events, handle.name).slice(-2), [end, "TaskRemoved"])
  return yield* Effect.exit(handle.await)
})

describe("RestartPolicy", () => {
  describe("make", () => {
    it.each<readonly [string, unknown, string, string]>([
      ["mode", "always", "\"always\"", "\"permanent\" or \"transient\" or \"temporary\""],
      ["times", -1, "-1", "a whole number of 0 or more, or Infinity"],
      ["times", 1.5, "1.5", "a whole number of 0 or more, or Infinity"],
      ["times", Number.NaN, "NaN", "a whole number of 0 or more, or Infinity"],
      ["times", Number.NEGATIVE_INFINITY, "-Infinity", "a whole number of 0 or more, or Infinity"],
      ["times", "3", "\"3\"", "a whole number of 0 or more, or Infinity"],
      ["times", 2 ** 53, "9007199254740992", "a whole number of 0 or more, or Infinity"],
      ["schedule", "1 second", "\"1 second\"", "a Schedule, or a function that builds one"],
      ["schedule", {}, "{}", "a Schedule, or a function that builds one"],
      ["schedule", () => "1 second", "\"1 second\"", "a Schedule, or a function that builds one"],
      ["on", "stop", "\"stop\"", "an object of directives by error tag, or a function of the error"],
      ["on", { Net: "explode" }, "\"explode\"", "\"restart\" or \"stop\" or \"escalate\""],
      ["on.Net", { Net: true }, "true", "\"restart\" or \"stop\" or \"escalate\""]
    ])("refuses %s: %j", (option, value, shown, allowed) => {
      assertRefused(
        () => RestartPolicy.make(untyped({ [option.split(".")[0]!]: value })),
        option,
        shown,
        allowed
      )
    })

    it.each(["mode", "times", "schedule", "on"])("does not take null for %s that was not given", (option) => {
      assertRefused(() => RestartPolicy.make(untyped({ [option]: null })), option, "null", "allowed is")
    })

    it("refuses an option that nobody reads, and options that are none", () => {
      const error = thrown(() => RestartPolicy.make(untyped({ time: 3 })))
      assert.instanceOf(error, RangeError)
      assert.include(error.message, "unknown option \"time\"; allowed are mode, schedule, times, on")
      for (const options of [null, "permanent", 3]) {
        assert.instanceOf(thrown(() => RestartPolicy.make(untyped(options))), RangeError)
      }
    })

    it.each<readonly [string, unknown, string, string]>([
      ["base", -1, "-1", "a duration of 0 or more"],
      ["base", "infinity", "\"infinity\"", "a duration of 0 or more"],
      ["cap", "soon", "\"soon\"", "a duration of 0 or more, or \"infinity\""],
      ["factor", 0.5, "0.5", "a number of 1 or more"],
      ["factor", Number.NaN, "NaN", "a number of 1 or more"],
      ["factor", Infinity, "Infinity", "a number of 1 or more"],
      ["factor", "2", "\"2\"", "a number of 1 or more"],
      ["times", -1, "-1", "a whole number of 0 or more, or Infinity"]
    ])("backoff refuses %s: %j", (option, value, shown, allowed) => {
      assertRefused(() => RestartPolicy.backoff(untyped({ [option]: value })), option, shown, allowed)
    })

    it("backoff refuses an option that nobody reads", () => {
      const error = thrown(() => RestartPolicy.backoff(untyped({ max: "1 minute" })))
      assert.instanceOf(error, RangeError)
      assert.include(error.message, "unknown option \"max\"; allowed are base, factor, cap, times")
    })

    it("is told from everything else by isRestartPolicy", () => {
      assert.isTrue(RestartPolicy.isRestartPolicy(RestartPolicy.make()))
      assert.isTrue(RestartPolicy.isRestartPolicy(RestartPolicy.standard))
      for (const other of [undefined, null, {}, { mode: "permanent" }, Schedule.forever]) {
        assert.isFalse(RestartPolicy.isRestartPolicy(other))
      }
    })
  })

  describe("modes", () => {
    const silent = Effect.never
    const ends: Record<
      string,
      { readonly body: Effect.Effect<unknown, Net>; readonly heartbeat?: Heartbeat.Heartbeat }
    > = {
      success: { body: Effect.succeed("done") },
      "typed failure": { body: Effect.fail(new Net()) },
      defect: { body: Effect.die("broken") },
      "interruption from within": { body: interrupted },
      "missed heartbeat": { body: silent, heartbeat: Heartbeat.manual({ within: "1 second" }) },
      "failed probe": {
        body: silent,
        heartbeat: Heartbeat.probe(Effect.fail("down"), { schedule: Schedule.spaced("1 second"), failures: 1 })
      }
    }
    const modes: Record<RestartPolicy.Mode, (end: string) => string> = {
      permanent: () => "restarts",
      transient: (end) => end === "success" ? "Completed" : "restarts",
      temporary: (end) => end === "success" ? "Completed, and gone" : "Dead, and gone"
    }
    const table = Object.entries(modes).flatMap(([mode, becomes]) =>
      Object.keys(ends).map((end) => [mode as RestartPolicy.Mode, end, becomes(end)] as const)
    )
    it.effect.each(table)("a %s task: %s → %s", ([mode, end, becomes]) =>
      Effect.gen(function*() {
        const { body, heartbeat } = ends[end]!
        const observed = yield* observe(
          Task.make("job", body, {
            ...(heartbeat === undefined ? {} : { heartbeat }),
            restart: { mode, schedule: Schedule.spaced("1 minute") }
          }),
          "10 seconds"
        )
        const { events, handle, supervisor } = observed
        switch (becomes) {
          case "restarts": {
            assert.isDefined(assertStatus(yield* Effect.orDie(handle.status), "Failed").restartAt)
            yield* TestClock.adjust("1 minute")
            assert.strictEqual((yield* Effect.orDie(handle.status)).generation, 2)
            break
          }
          case "Completed": {
            assertStatus(yield* Effect.orDie(handle.status), "Completed")
            yield* TestClock.adjust("1 hour")
            assert.strictEqual((yield* Effect.orDie(handle.status)).generation, 1)
            break
          }
          case "Completed, and gone": {
            assert.deepStrictEqual(yield* assertGone(observed, "TaskCompleted"), Exit.succeed("done"))
            break
          }
          default: {
            const dead = assertTag(failureOf(yield* assertGone(observed, "TaskDead")), "TaskDead")
            assert.strictEqual(dead.why, "NotRestartable")
            assert.strictEqual(dead.runs, 1)
            assert.isFalse(dead.cause.reasons.length === 0, "why it ended is kept")
          }
        }
        if (mode === "temporary") {
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(tagsOf(events, "job").filter((tag) => tag === "TaskStarting").length, 1)
        }
        yield* supervisor.shutdown
      }))

    it.effect("a permanent task that ended well has not failed: nothing is shown as its failure", () =>
      Effect.gen(function*() {
        const { events, status } = yield* supervise(
          Task.make("job", Effect.void, { restart: { mode: "permanent", schedule: Schedule.spaced("1 minute") } }),
          0
        )
        assert.isUndefined(status.lastFailure)
        assert.isFalse(events.some((event) => event._tag === "TaskFailed"))
        assert.isTrue(events.some((event) => event._tag === "TaskEnded"))
        const scheduled = events.find((event) => event._tag === "RestartScheduled")
        assert.strictEqual(scheduled?._tag === "RestartScheduled" && scheduled.reason, "Completed")
      }))

    it.effect("a permanent task that has completed too often is Dead, exhausted, with nothing failed", () =>
      Effect.gen(function*() {
        const { handle, status } = yield* supervise(
          Task.make("job", Effect.void, { restart: { mode: "permanent", schedule: Schedule.recurs(2) } }),
          0
        )
        assert.strictEqual(assertStatus(status, "Dead").why, "Exhausted")
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.strictEqual(dead.runs, 3)
        assert.strictEqual(dead.failure, "")
        assert.deepStrictEqual(dead.cause, Cause.empty)
      }))
  })

  describe("schedules", () => {
    const failing = (
      restart: RestartPolicy.RestartOptions<Net, never>,
      runFor: Duration.Input = 0
    ) => Task.make("job", Effect.andThen(Effect.sleep(runFor), new Net()), { restart })

    it.effect("default: 1, 2, 4, 8, 16 s, then Dead after 6 runs", () =>
      Effect.gen(function*() {
        const { delays, status } = yield* supervise(failing({}), "31 seconds")
        assert.deepStrictEqual(delays, [1000, 2000, 4000, 8000, 16_000])
        assert.strictEqual(assertStatus(status, "Dead").runs, 6)
        assert.strictEqual(assertStatus(status, "Dead").why, "Exhausted")
      }))

    it.effect("default with more times: never above 32 s", () =>
      Effect.gen(function*() {
        const { delays, status } = yield* supervise(failing({ times: 8 }), "1 hour")
        assert.deepStrictEqual(delays, [1000, 2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000])
        assert.strictEqual(assertStatus(status, "Dead").runs, 9)
      }))

    const cases: Record<string, {
      readonly schedule: Schedule.Schedule<unknown>
      readonly runFor?: Duration.Input
      readonly time: Duration.Input
      readonly delays: ReadonlyArray<number>
      readonly dead: boolean
    }> = {
      spaced: { schedule: Schedule.spaced(300), time: 1000, delays: [300, 300, 300, 300], dead: false },
      "fixed, aligned to its interval whatever the run took": {
        schedule: Schedule.fixed(1000),
        runFor: 300,
        time: 3200,
        delays: [1000, 700, 700],
        dead: false
      },
      exponential: { schedule: Schedule.exponential(100, 3), time: 3000, delays: [100, 300, 900, 2700], dead: false },
      fibonacci: {
        schedule: Schedule.fibonacci(100),
        time: 1000,
        delays: [100, 100, 200, 300, 500],
        dead: false
      },
      "windowed, to the next boundary of its window": {
        schedule: Schedule.windowed(1000),
        runFor: 300,
        time: 2700,
        delays: [1000, 700, 700],
        dead: false
      },
      "limited by elapsed time": {
        schedule: Schedule.spaced(1000).pipe(Schedule.upTo({ duration: 2500 })),
        time: "1 hour",
        delays: [1000, 1000, 1000],
        dead: true
      },
      "limited by elapsed time, runs included": {
        schedule: Schedule.spaced(1000).pipe(Schedule.upTo({ duration: 2500 })),
        runFor: 700,
        time: "1 hour",
        delays: [1000, 1000],
        dead: true
      },
      "concatenated": {
        schedule: Schedule.concat(Schedule.recurs(2), Schedule.spaced(1000).pipe(Schedule.upTo({ times: 1 }))),
        time: "1 hour",
        delays: [0, 0, 1000],
        dead: true
      },
      once: { schedule: Schedule.once, time: 0, delays: [0], dead: true },
      "endless delay": {
        schedule: Schedule.duration(Duration.infinity),
        time: "1 day",
        delays: [Infinity],
        dead: false
      }
    }
    it.effect.each(Object.entries(cases))(
      "%s",
      ([, { dead, delays, runFor, schedule, time }]) =>
        Effect.gen(function*() {
          const result = yield* supervise(failing({ schedule }, runFor), time)
          assert.deepStrictEqual(result.delays, delays)
          assert.strictEqual(result.status._tag === "Dead", dead, result.status._tag)
        })
    )

    it.effect("cron sees the wall clock, not the monotonic one", () =>
      Effect.gen(function*() {
        const clock = yield* StallingClock.make
        yield* clock.setWall(Date.UTC(2026, 0, 1, 10, 0, 20))
        yield* clock.provide(Effect.gen(function*() {
          const { delays, status } = yield* supervise(
            failing({ schedule: Schedule.cron("* * * * *", "UTC") }),
            "100 seconds"
          )
          assert.deepStrictEqual(delays, [40_000, 60_000, 60_000])
          assert.strictEqual(assertStatus(status, "Failed").restartAt, Date.UTC(2026, 0, 1, 10, 3))
        }))
      }))

    it.effect("a delay of 0 restarts at once, and a storm of them leaves the supervisor reachable", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [failing({ schedule: Schedule.forever })] })
        yield* settle
        const { generation } = yield* statusOf(supervisor, "job")
        assert.isAbove(generation, 1)
        yield* supervisor.stop("job")
        const stopped = yield* statusOf(supervisor, "job")
        assert.strictEqual(stopped._tag, "Stopped")
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, stopped.generation)
      }))

    it.effect("an endless delay keeps the task Failed with no restart due, and it still obeys", () =>
      Effect.gen(function*() {
        const { handle, status } = yield* supervise(
          failing({ schedule: Schedule.duration(Duration.infinity) }),
          "10 days"
        )
        assert.isUndefined(assertStatus(status, "Failed").restartAt)
        yield* handle.start
        assert.strictEqual((yield* handle.status).generation, 2)
        yield* handle.kill
        assert.strictEqual((yield* handle.status)._tag, "Dead")
      }))

    it.effect("begins anew for each streak: once stable, and by restart, start and stop", () =>
      Effect.gen(function*() {
        let fails = true
        const body = Effect.suspend(() => fails ? Effect.fail(new Net()) : Effect.never)
        const gate = Latch.makeUnsafe()
        const { events, handle } = yield* supervise(
          Task.make("job", Effect.andThen(body, gate.await), {
            restart: { schedule: Schedule.exponential(1000) },
            stableAfter: "10 seconds"
          }),
          1000
        )
        assert.deepStrictEqual(delaysOf(events), [1000, 2000])
        // a restart by hand
        yield* handle.restart
        yield* settle
        assert.deepStrictEqual(delaysOf(events), [1000, 2000, 1000])
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(delaysOf(events), [1000, 2000, 1000, 2000])
        // a stop and a start
        yield* handle.stop
        yield* handle.start
        yield* settle
        assert.deepStrictEqual(delaysOf(events).slice(4), [1000])
        // stable
        fails = false
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* handle.status).attempt, 1)
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* handle.status).attempt, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* handle.status).attempt, 0)
      }))

    it.effect("goes on where it was when the task failed before it was stable", () =>
      Effect.gen(function*() {
        const { delays } = yield* supervise(
          Task.make("job", Effect.andThen(Effect.sleep("10 seconds"), new Net()), {
            restart: { schedule: Schedule.exponential(1000) },
            stableAfter: "10 seconds"
          }),
          "50 seconds"
        )
        assert.deepStrictEqual(delays, [1000, 2000, 4000, 8000])
      }))

    it.effect("begins anew when the task failed after it was stable", () =>
      Effect.gen(function*() {
        const { delays } = yield* supervise(
          Task.make("job", Effect.andThen(Effect.sleep(10_002), new Net()), {
            restart: { schedule: Schedule.exponential(1000) },
            stableAfter: "10 seconds"
          }),
          "50 seconds"
        )
        assert.deepStrictEqual(delays, [1000, 1000, 1000, 1000])
      }))

    it.effect("is not shared: tasks with one policy are each stepped on their own", () =>
      Effect.gen(function*() {
        const policy = RestartPolicy.make({ schedule: Schedule.exponential(1000), times: 2 })
        const supervisor = yield* Supervisor.make({
          tasks: ["a", "b"].map((name) => Task.make(name, Effect.fail(new Net()), { restart: policy }))
        })
        const { seen } = yield* collect(supervisor.events)
        yield* TestClock.adjust("1 minute")
        for (const name of ["a", "b"]) {
          assert.strictEqual((yield* statusOf(supervisor, name)).generation, 3)
        }
        assert.isTrue(seen.filter((event) => event._tag === "TaskDead").length === 2)
      }))
  })

  describe("times", () => {
    it.effect.each<readonly [number, number]>([
      [0, 1],
      [1, 2],
      [33, 34]
    ])("%d restarts make %d runs", ([times, runs]) =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Task.make("job", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(1), times } }),
          "1 second"
        )
        assert.strictEqual(assertStatus(status, "Dead").runs, runs)
        assert.strictEqual(assertStatus(status, "Dead").why, "Exhausted")
      }))

    it.effect("Infinity lifts the default's limit, not the schedule's own", () =>
      Effect.gen(function*() {
        const unlimited = yield* supervise(
          Task.make("job", Effect.fail(new Net()), { restart: { times: Infinity } }),
          "1 hour"
        )
        assert.strictEqual(unlimited.status._tag, "Failed")
        assert.isAbove(unlimited.delays.length, 100)
        const own = yield* supervise(
          Task.make("job", Effect.fail(new Net()), { restart: { schedule: Schedule.recurs(2), times: Infinity } }),
          0
        )
        assert.strictEqual(assertStatus(own.status, "Dead").runs, 3)
      }))

    it.effect("the smaller limit counts, the schedule's or times", () =>
      Effect.gen(function*() {
        for (const [own, times] of [[2, 5], [5, 2]] as const) {
          const { status } = yield* supervise(
            Task.make("job", Effect.fail(new Net()), { restart: { schedule: Schedule.recurs(own), times } }),
            0
          )
          assert.strictEqual(assertStatus(status, "Dead").runs, 3)
        }
      }))
  })

  describe("what a schedule is told", () => {
    const told = Effect.fnUntraced(function*<E>(
      body: Effect.Effect<unknown, E>,
      options: Omit<Task.TaskOptions<NoInfer<E>>, "restart"> & { readonly mode?: RestartPolicy.Mode } = {}
    ) {
      const reasons: Array<RestartPolicy.RestartReason<E>> = []
      const { mode = "transient", ...rest } = options
      const policy = RestartPolicy.make<E>({
        mode,
        schedule: ($) =>
          $(Schedule.spaced("1 hour")).pipe(Schedule.tap(({ input }) => Effect.sync(() => reasons.push(input))))
      })
      const { supervisor } = yield* supervise(Task.make("job", body, { ...rest, restart: policy }), "10 seconds")
      yield* within(supervisor.shutdown, "10 seconds")
      assert.strictEqual(reasons.length, 1)
      return reasons[0]!
    })

    it.effect("a typed failure, with its cause", () =>
      Effect.gen(function*() {
        const reason = assertTag(yield* told(Effect.fail(new Coded({ code: 7 }))), "Failed")
        assert.deepStrictEqual(reason.cause, Cause.fail(new Coded({ code: 7 })))
        assert.isUndefined(reason.finalizers)
      }))

    it.effect("a defect", () =>
      Effect.gen(function*() {
        const reason = assertTag(yield* told(Effect.die("broken")), "Failed")
        assert.deepStrictEqual(reason.cause.reasons.map((one) => one._tag), ["Die"])
      }))

    it.effect("an interruption from within", () =>
      Effect.gen(function*() {
        const reason = assertTag(yield* told(interrupted), "Failed")
        assert.isTrue(Cause.hasInterruptsOnly(reason.cause))
      }))

    it.effect("what finalizers add, apart from the body's own cause", () =>
      Effect.gen(function*() {
        const reason = assertTag(
          yield* told(
            Effect.andThen(Effect.addFinalizer(() => Effect.die("leak")), new Net()).pipe(
              (body) => body as Effect.Effect<never, Net>
            )
          ),
          "Failed"
        )
        assert.deepStrictEqual(reason.cause, Cause.fail(new Net()))
        assert(reason.finalizers !== undefined)
        assert.strictEqual(Cause.squash(reason.finalizers), "leak")
      }))

    it.effect("a good body whose finalizer dies has failed with what the finalizer says", () =>
      Effect.gen(function*() {
        const reason = assertTag(
          yield* told(Effect.addFinalizer(() => Effect.die("leak")) as Effect.Effect<void>),
          "Failed"
        )
        assert.strictEqual(Cause.squash(reason.cause), "leak")
      }))

    it.effect("a missed heartbeat, with the silence, before and after the first sign of life", () =>
      Effect.gen(function*() {
        const heartbeat = Heartbeat.manual({ within: "4 seconds" })
        const startup = assertTag(yield* told(Effect.never, { heartbeat }), "HeartbeatMissed")
        assert.strictEqual(startup.during, "startup")
        assert.isAtLeast(Duration.toMillis(startup.silence), 4000)
        assert.isAtMost(Duration.toMillis(startup.silence), 4200)
        const run = assertTag(
          yield* told(Effect.andThen(Effect.andThen(Effect.sleep(1000), Heartbeat.beat), Effect.never), { heartbeat }),
          "HeartbeatMissed"
        )
        assert.strictEqual(run.during, "run")
        assert.isAtLeast(Duration.toMillis(run.silence), 4000)
        assert.isAtMost(Duration.toMillis(run.silence), 4200)
      }))

    it.effect("failed probes, how many, and why the last one failed", () =>
      Effect.gen(function*() {
        const reason = assertTag(
          yield* told(Effect.never, {
            heartbeat: Heartbeat.probe(Effect.fail("down"), { schedule: Schedule.spaced("2 seconds"), failures: 3 })
          }),
          "ProbeFailed"
        )
        assert.strictEqual(reason.failures, 3)
        assert.strictEqual(Cause.squash(reason.cause), "down")
      }))

    it.effect("what a run ended with beside the verdict that stopped it", () =>
      Effect.gen(function*() {
        const body = Effect.andThen(Effect.addFinalizer(() => Effect.die("leak")), Effect.never) as Effect.Effect<never>
        for (
          const heartbeat of [
            Heartbeat.manual({ within: "4 seconds" }),
            Heartbeat.probe(Effect.fail("down"), { schedule: Schedule.spaced("2 seconds"), failures: 3 })
          ]
        ) {
          const reason = yield* told(body, { heartbeat })
          assert(reason._tag === "HeartbeatMissed" || reason._tag === "ProbeFailed")
          assert(reason.ended !== undefined)
          assert.include(Cause.pretty(reason.ended), "leak")
          const plain = yield* told(Effect.never, { heartbeat })
          assert(plain._tag === "HeartbeatMissed" || plain._tag === "ProbeFailed")
          assert.isUndefined(plain.ended)
        }
      }))

    it.effect("a good end of a permanent task", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* told(Effect.succeed(1), { mode: "permanent" }), { _tag: "Completed" })
      }))

    it.effect("a schedule may give up by what it is told, typed", () =>
      Effect.gen(function*() {
        let run = 0
        const { status } = yield* supervise(
          Task.make("job", Effect.suspend(() => Effect.fail(new Coded({ code: ++run }))), {
            restart: {
              schedule: ($) =>
                $(Schedule.spaced(100)).pipe(Schedule.while(({ input }) =>
                  input._tag !== "Failed" ||
                  input.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error.code < 3)
                ))
            }
          }),
          "1 second"
        )
        assert.strictEqual(assertStatus(status, "Dead").why, "Exhausted")
        assert.strictEqual(status.runs, 3)
      }))
  })

  describe("on", () => {
    const body = (error: Net | Auth) => Effect.fail(error)

    it.effect("by tag: a named one as it says, every other restarts", () =>
      Effect.gen(function*() {
        const restart = { schedule: Schedule.spaced("1 minute"), on: { Auth: "stop" } } as const
        const auth = yield* supervise(Task.make("job", body(new Auth()), { restart }), 0)
        assert.strictEqual(assertStatus(auth.status, "Dead").why, "NotRestartable")
        const dead = assertTag(yield* Effect.flip(auth.handle.await), "TaskDead")
        assert.deepStrictEqual(dead.cause, Cause.fail(new Auth()))
        const net = yield* supervise(Task.make("job", body(new Net()), { restart }), 0)
        assert.strictEqual(net.status._tag, "Failed")
      }))

    it.effect("by function: sees the error itself", () =>
      Effect.gen(function*() {
        const task = (code: number) =>
          Task.make("job", Effect.fail(new Coded({ code })), {
            restart: { schedule: Schedule.spaced("1 minute"), on: (error) => error.code === 401 ? "stop" : "restart" }
          })
        assert.strictEqual((yield* supervise(task(401), 0)).status._tag, "Dead")
        assert.strictEqual((yield* supervise(task(500), 0)).status._tag, "Failed")
      }))

    it.effect("escalate: the task is Dead, and its supervisor gives up with the typed cause", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          name: "root",
          tasks: [Task.make("job", body(new Auth()), { restart: { on: { Auth: "escalate" } }, whenDead: "keep" })]
        })
        const error = failureOf(yield* within(supervisor.await, 0))
        const dead = assertTag(error.reason, "TaskDead")
        assert.strictEqual(dead.why, "Escalated")
        assert.deepStrictEqual(dead.cause, Cause.fail(new Auth()))
      }))

    it.effect("stop and escalate hold for a permanent and a temporary task alike", () =>
      Effect.gen(function*() {
        for (const mode of ["permanent", "temporary"] as const) {
          const stopped = yield* observe(
            Task.make("job", body(new Auth()), { restart: { mode, on: { Auth: "stop" } } }),
            0
          )
          const outcome = mode === "temporary"
            ? yield* assertGone(stopped, "TaskDead")
            : yield* Effect.exit(stopped.handle.await)
          assert.strictEqual(assertTag(failureOf(outcome), "TaskDead").why, "NotRestartable")
          const supervisor = yield* Supervisor.make({
            tasks: [Task.make("job", body(new Auth()), { restart: { mode, on: { Auth: "escalate" } } })]
          })
          assert.strictEqual(failureOf(yield* within(supervisor.await, 0)).reason._tag, "TaskDead")
        }
      }))

    it.effect("is not asked about defects and interruptions: they restart", () =>
      Effect.gen(function*() {
        let asked = 0
        for (const end of [Effect.die("broken"), interrupted]) {
          const { status } = yield* supervise(
            Task.make("job", end, {
              restart: {
                schedule: Schedule.spaced("1 minute"),
                on: () => {
                  asked++
                  return "stop"
                }
              }
            }),
            0
          )
          assert.strictEqual(status._tag, "Failed")
        }
        assert.strictEqual(asked, 0)
      }))

    it.effect("a tag like a property of every object is an unnamed tag", () =>
      Effect.gen(function*() {
        for (const tag of ["toString", "constructor", "__proto__"]) {
          const { status } = yield* supervise(
            Task.make("job", Effect.fail({ _tag: tag, message: "odd" } as { readonly _tag: string }), {
              restart: { schedule: Schedule.spaced("1 minute"), on: {} }
            }),
            0
          )
          assert.strictEqual(status._tag, "Failed", tag)
        }
      }))

    it.effect("a function that throws: Dead, with its cause beside the run's own, and the supervisor lives", () =>
      Effect.gen(function*() {
        const { handle, status, supervisor } = yield* supervise(
          Task.make("job", Effect.fail(new Net()), {
            restart: {
              on: () => {
                throw new Error("bad rule")
              }
            }
          }),
          0
        )
        assert.strictEqual(assertStatus(status, "Dead").why, "NotRestartable")
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.deepStrictEqual(dead.cause.reasons.map((reason) => reason._tag), ["Fail", "Die"])
        assert.include(Cause.pretty(dead.cause), "bad rule")
        yield* supervisor.add(Task.make("other", Effect.never))
      }))

    it.effect.each(["retry", undefined, null, 1, {}])(
      "a function that answers no directive (%j): Dead, told so, and the supervisor lives",
      (answer) =>
        Effect.gen(function*() {
          const { handle, status, supervisor } = yield* supervise(
            Task.make("job", Effect.fail(new Net()), { restart: { on: () => answer as "restart" } }),
            0
          )
          assert.strictEqual(assertStatus(status, "Dead").why, "NotRestartable")
          const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
          assert.include(Cause.pretty(dead.cause), "\"restart\" or \"stop\" or \"escalate\"")
          yield* supervisor.add(Task.make("other", Effect.never))
        })
    )
  })

  describe("a schedule that is no ordinary one", () => {
    const failing = (schedule: Schedule.Schedule<unknown, unknown, unknown>) =>
      Task.make("job", Effect.fail(new Net()), { restart: { schedule } })

    it.effect.each<readonly [string, Schedule.Schedule<unknown, unknown, unknown>]>([
      ["dies at once", Schedule.forever.pipe(Schedule.tap(() => Effect.die("bad schedule")))],
      [
        "throws in while",
        Schedule.forever.pipe(Schedule.while(() => {
          throw new Error("bad schedule")
        }))
      ],
      ["dies being made", Schedule.fromStep(Effect.die("bad schedule"))],
      [
        "dies later",
        Schedule.forever.pipe(Schedule.tap(() => Effect.andThen(Effect.sleep(10), Effect.die("bad schedule"))))
      ],
      ["fails with an error of its own", Schedule.forever.pipe(Schedule.tap(() => Effect.fail("bad schedule")))],
      ["cannot read its cron expression", Schedule.cron("bad schedule")],
      ["interrupts itself", Schedule.forever.pipe(Schedule.tap(() => Effect.interrupt))]
    ])("one that %s: Dead, with its cause beside the run's own", ([name, schedule]) =>
      Effect.gen(function*() {
        const { handle, status, supervisor } = yield* supervise(failing(schedule), "1 second")
        assert.strictEqual(assertStatus(status, "Dead").why, "NotRestartable")
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.deepStrictEqual(dead.cause.reasons[0], Cause.fail(new Net()).reasons[0])
        assert.strictEqual(dead.cause.reasons.length, 2)
        if (name === "interrupts itself") assert.strictEqual(dead.cause.reasons[1]?._tag, "Interrupt")
        else assert.match(Cause.pretty(dead.cause), /bad schedule|CronParseError/)
        yield* supervisor.add(Task.make("other", Effect.never))
      }))

    it.effect("one that waits before it answers: Failed meanwhile, no restart due, then its delay counts from its answer", () =>
      Effect.gen(function*() {
        const slow = Schedule.spaced(1000).pipe(Schedule.tap(() => Effect.sleep(500)))
        const { handle, status } = yield* supervise(failing(slow), 499)
        assert.isUndefined(assertStatus(status, "Failed").restartAt)
        assert.strictEqual(status.attempt, 0)
        yield* TestClock.adjust(1)
        const answered = assertStatus(yield* handle.status, "Failed")
        assert.strictEqual(answered.restartAt, 1500)
        assert.strictEqual(answered.attempt, 1)
        yield* TestClock.adjust(999)
        assert.strictEqual((yield* handle.status).generation, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* handle.status).generation, 2)
      }))

    const commands = ["start", "restart", "stop", "kill", "remove", "shutdown"] as const
    it.effect.each(commands)(
      "one that never answers: %s works while it is asked, and the question is dropped",
      (name) =>
        Effect.gen(function*() {
          let dropped = 0
          const mute = Schedule.forever.pipe(Schedule.tap(() =>
            Effect.never.pipe(Effect.onInterrupt(() =>
              Effect.sync(() => {
                dropped++
              })
            ))
          ))
          const { handle, status, supervisor } = yield* supervise(failing(mute), "1 day")
          assert.isUndefined(assertStatus(status, "Failed").restartAt)
          if (name === "shutdown") {
            yield* supervisor.shutdown
          } else yield* handle[name]
          assert.strictEqual(dropped, 1)
          yield* settle
          switch (name) {
            case "start":
            case "restart":
              assert.strictEqual((yield* handle.status).generation, 2)
              break
            case "stop":
              assert.strictEqual((yield* handle.status)._tag, "Stopped")
              break
            case "kill":
              assert.strictEqual((yield* handle.status)._tag, "Dead")
              break
            case "remove":
              assert.strictEqual((yield* Effect.flip(handle.status))._tag, "TaskNotFound")
              break
            case "shutdown":
              assert.strictEqual((yield* supervisor.await).statuses[0]?._tag, "Dead")
          }
        })
    )

    it.effect("the answer of one that was asked before a restart by hand comes too late to count", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        let asked = 0
        const late = Schedule.spaced(100).pipe(
          Schedule.tap(() => ++asked === 1 ? Effect.uninterruptible(gate.await) : Effect.sleep("1 minute"))
        )
        const { handle } = yield* supervise(failing(late), 0)
        yield* handle.restart
        yield* settle
        assert.strictEqual(asked, 2)
        yield* gate.open
        yield* TestClock.adjust("10 seconds")
        const status = assertStatus(yield* handle.status, "Failed")
        assert.isUndefined(status.restartAt)
        assert.strictEqual(status.generation, 2)
      }))
  })

  it.effect("an answer that waits to be handled while the task is started anew, and fails anew, counts for the old run", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const gone = yield* supervisor.add(Task.make("job", Effect.never))
      yield* gone.remove
      let asked = 0
      let start: Effect.Effect<void> = Effect.void
      const schedule = Schedule.spaced(100).pipe(
        Schedule.tap(() => ++asked === 1 ? Effect.andThen(Effect.sleep(10), Effect.suspend(() => start)) : Effect.never)
      )
      const handle = yield* supervisor.add(Task.make("job", Effect.fail(new Net()), { restart: { schedule } }))
      // As the first question is about to be answered the task is started. That the new run has failed is seen with the
      // second command, which is about a namesake, before the first question's answer is.
      start = Effect.sync(() => {
        Effect.runFork(Effect.ignore(handle.start))
        Effect.runFork(Effect.ignore(gone.stop))
      })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(asked, 2)
      const status = assertStatus(yield* handle.status, "Failed")
      assert.strictEqual(status.generation, 2)
      assert.isUndefined(status.restartAt)
      assert.strictEqual(status.attempt, 0)
    }))

  describe("preview", () => {
    it.effect("the default: five delays, 31 s in all, then it gives up", () =>
      Effect.gen(function*() {
        const preview = yield* RestartPolicy.preview(RestartPolicy.standard)
        assert.deepStrictEqual(preview.delays.map(Duration.toMillis), [1000, 2000, 4000, 8000, 16_000])
        assert.strictEqual(Duration.toMillis(preview.total), 31_000)
        assert.isTrue(preview.givesUp)
      }))

    it.effect("takes no time and runs nothing but the schedule", () =>
      Effect.gen(function*() {
        const policy = RestartPolicy.make({ schedule: Schedule.spaced("1 day"), times: 50 })
        const preview = yield* RestartPolicy.preview(policy)
        assert.strictEqual(preview.delays.length, 50)
        assert.strictEqual(yield* Effect.clockWith((clock) => clock.currentTimeMillis), 0)
      }))

    it.effect("ends after the steps asked for, 100 by default", () =>
      Effect.gen(function*() {
        const policy = RestartPolicy.make({ schedule: Schedule.forever })
        assert.strictEqual((yield* RestartPolicy.preview(policy)).delays.length, 100)
        for (const steps of [0, 1, 7]) {
          const preview = yield* RestartPolicy.preview(policy, { steps })
          assert.strictEqual(preview.delays.length, steps)
          assert.isFalse(preview.givesUp)
        }
        const limited = RestartPolicy.make({ schedule: Schedule.recurs(3) })
        assert.isFalse((yield* RestartPolicy.preview(limited, { steps: 3 })).givesUp)
        assert.isTrue((yield* RestartPolicy.preview(limited, { steps: 4 })).givesUp)
      }))

    it.each([-1, 1.5, Number.NaN, Infinity, "3"])("refuses steps: %j", (steps) => {
      assertRefused(
        () => Effect.runSync(RestartPolicy.preview(RestartPolicy.standard, { steps: steps as number })),
        "steps",
        String(steps),
        "a whole number of 0 or more"
      )
    })

    it("refuses an option that nobody reads", () => {
      assert.instanceOf(
        thrown(() => Effect.runSync(RestartPolicy.preview(RestartPolicy.standard, untyped({ step: 3 })))),
        RangeError
      )
    })

    it.effect("an endless delay is the last, and is not giving up", () =>
      Effect.gen(function*() {
        const preview = yield* RestartPolicy.preview(
          RestartPolicy.make({ schedule: Schedule.concat(Schedule.recurs(1), Schedule.duration(Duration.infinity)) })
        )
        assert.deepStrictEqual(preview.delays.map(Duration.toMillis), [0, Infinity])
        assert.isFalse(Duration.isFinite(preview.total))
        assert.isFalse(preview.givesUp)
      }))

    const backoffs = {
      base: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 })),
      factor: Schema.Literals([1, 1.5, 2, 3]),
      cap: Schema.Literals([0, 1, 1000, 20_000, "infinity"]),
      times: Schema.Literals([0, 1, 2, 7, "unlimited"])
    }
    it.effect.prop(
      "of backoff is that of the schedules it stands for",
      backoffs,
      ({ base, cap, factor, times }) =>
        Effect.gen(function*() {
          const grows = Schedule.exponential(base, factor)
          const capped = cap === "infinity" ? grows : Schedule.min([grows, Schedule.spaced(cap)])
          const composed = times === "unlimited" ? capped : Schedule.max([capped, Schedule.recurs(times)])
          const own = RestartPolicy.backoff({ base, cap, factor, times: times === "unlimited" ? Infinity : times })
          const previewed = yield* Effect.forEach(
            [own, composed],
            (schedule) => RestartPolicy.preview(RestartPolicy.make({ schedule }), { steps: 12 })
          )
          const [ours, theirs] = previewed.map(({ delays, givesUp }) =>
            [...delays.map(Duration.toMillis), givesUp].join()
          )
          return ours === theirs
        }),
      { arbitrary: { runs: 300, seed: 1 } }
    )

    it.effect("of backoff ends with what theirs ends with", () =>
      Effect.gen(function*() {
        const composed = Schedule.max([Schedule.exponential(0), Schedule.recurs(2)])
        const own = yield* Effect.repeat(Effect.void, RestartPolicy.backoff({ base: 0, times: 2 }))
        assert.deepStrictEqual(own, yield* Effect.repeat(Effect.void, composed))
      }))

    it.effect("of backoff with a delay of 0 never becomes anything else", () =>
      Effect.gen(function*() {
        const policy = RestartPolicy.make({ schedule: RestartPolicy.backoff({ base: 0 }) })
        const { total } = yield* RestartPolicy.preview(policy, { steps: 2000 })
        assert.strictEqual(Duration.toMillis(total), 0)
      }))

    const reasons: Record<
      string,
      readonly [body: Effect.Effect<void, Net | Auth>, RestartPolicy.RestartReason<Net | Auth>]
    > = {
      net: [Effect.fail(new Net()), { _tag: "Failed", cause: Cause.fail(new Net()) }],
      auth: [Effect.fail(new Auth()), { _tag: "Failed", cause: Cause.fail(new Auth()) }],
      defect: [Effect.die("broken"), { _tag: "Failed", cause: Cause.die("broken") }],
      good: [Effect.void, { _tag: "Completed" }]
    }
    const schedules: Record<string, (size: number) => Schedule.Schedule<unknown, unknown, unknown>> = {
      standard: () => RestartPolicy.defaultBackoff,
      spaced: (size) => Schedule.spaced(size),
      exponential: (size) => Schedule.exponential(size + 1),
      "growing by halves": (size) => Schedule.exponential(size + 1, 1.5),
      fibonacci: (size) => Schedule.fibonacci(size),
      fixed: (size) => Schedule.fixed(size + 1),
      windowed: (size) => Schedule.windowed(size + 1),
      "for a while": (size) => Schedule.spaced(size + 1).pipe(Schedule.upTo({ duration: size * 4 })),
      "during a while": (size) => Schedule.max([Schedule.spaced(size + 1), Schedule.during(size * 3)]),
      cron: () => Schedule.cron("*/7 * * * * *", "UTC"),
      jittered: (size) => Schedule.jittered(Schedule.spaced(size + 1)),
      none: () => Schedule.recurs(0)
    }
    const arbitraries = {
      schedule: Schema.Literals(Object.keys(schedules)),
      reason: Schema.Literals(Object.keys(reasons)),
      mode: Schema.Literals(["permanent", "transient", "temporary"]),
      on: Schema.Literals(["restart", "stop", "escalate"]),
      times: Schema.Literals([0, 1, 2, 5, "unlimited"]),
      size: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })),
      steps: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
      seed: Schema.Int
    }
    it.effect.prop(
      "is what a supervisor then really does",
      arbitraries,
      ({ mode, on, reason, schedule, seed, size, steps, times }) =>
        Effect.gen(function*() {
          const [body, why] = reasons[reason]!
          const policy = RestartPolicy.make<Net | Auth>({
            mode,
            schedule: schedules[schedule]!(size),
            times: times === "unlimited" ? Infinity : times,
            on: { Auth: on }
          })
          const preview = yield* RestartPolicy.preview(policy, { reason: why, steps }).pipe(Random.withSeed(seed))
          const supervisor = yield* Supervisor.make()
          const { seen } = yield* collect(supervisor.events)
          yield* supervisor.add(Task.make("job", body, { restart: policy })).pipe(Random.withSeed(seed))
          yield* settle
          const expected = preview.delays.map(Duration.toMillis)
          for (let tries = 0; tries < steps + 2 && delaysOf(seen).length < expected.length; tries++) {
            yield* TestClock.adjust(Math.ceil(expected[tries] ?? 0))
            yield* settle
          }
          const delays = delaysOf(seen).slice(0, expected.length)
          const isEnd = (event: SupervisorEvent) => event._tag === "TaskDead" || event._tag === "TaskCompleted"
          const end = seen.findIndex(isEnd)
          // Without delays it goes on, and may end, beyond the steps that were previewed.
          const over = end >= 0 && delaysOf(seen.slice(0, end)).length < expected.length
          if (preview.givesUp) {
            yield* TestClock.adjust(Math.ceil(expected.at(-1) ?? 0) + 1)
            yield* settle
          }
          const ended = seen.some(isEnd)
          const same = delays.length === expected.length &&
            delays.every((delay, index) => Math.abs(delay - expected[index]!) < 1e-6)
          return same && (preview.givesUp ? ended : !over)
        }),
      { arbitrary: { runs: 150, seed: 1 } }
    )
  })

  it.effect("waits for no schedule to answer the others", () =>
    Effect.gen(function*() {
      const mute = Schedule.forever.pipe(Schedule.tap(() => Effect.never))
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("mute", Effect.fail(new Net()), { restart: { schedule: mute } }),
          Task.make("quick", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(100) } })
        ]
      })
      yield* TestClock.adjust(1000)
      assert.strictEqual((yield* statusOf(supervisor, "quick")).generation, 11)
      assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 0)))
    }))
})
