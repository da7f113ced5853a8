import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  collect,
  Net,
  settle,
  statusOf,
  stubborn,
  tagsOf,
  thrown,
  within
} from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

const untyped = (options: unknown) => options as {}

/** One task under a supervisor that judges from the start, with a back-off nobody waits for. */
const supervise = Effect.fnUntraced(function*<E>(
  body: Effect.Effect<unknown, E>,
  options: Omit<Task.TaskOptions<NoInfer<E>>, "restart">,
  healthCheck: { readonly initialDelay?: number; readonly interval?: number } = { initialDelay: 0 }
) {
  const supervisor = yield* Supervisor.make({ healthCheck })
  const { seen } = yield* collect(supervisor.events)
  const handle = yield* supervisor.add(
    Task.make("job", body, { ...options, restart: { schedule: Schedule.spaced("1 hour") } })
  )
  yield* settle
  const status = Effect.orDie(handle.status)
  return { supervisor, handle, status, seen }
})

describe("Heartbeat", () => {
  describe("options", () => {
    const durations = [0, -1, Number.NaN, "infinity", Infinity, "soon", {}, "-2 seconds"]
    it.each(durations)("automatic refuses every: %j", (every) => {
      assertRefused(
        () => Heartbeat.automatic(untyped({ every })),
        "Heartbeat.automatic: every",
        "allowed is",
        "a duration above 0"
      )
    })
    it.each(durations)("manual refuses within: %j", (within) => {
      assertRefused(
        () => Heartbeat.manual(untyped({ within })),
        "Heartbeat.manual: within",
        "allowed is",
        "a duration above 0"
      )
    })
    it.each(durations)("probe refuses timeout: %j", (timeout) => {
      assertRefused(
        () => Heartbeat.probe(Effect.void, untyped({ timeout })),
        "Heartbeat.probe: timeout",
        "allowed is",
        "a duration above 0"
      )
    })
    it.each([0, -1, 1.5, Number.NaN, Infinity, "3"])("probe refuses failures: %j", (failures) => {
      assertRefused(
        () => Heartbeat.probe(Effect.void, untyped({ failures })),
        "Heartbeat.probe: failures",
        "allowed is",
        "a whole number of 1 or more"
      )
    })
    it.each(["10 seconds", 5, {}])("probe refuses schedule: %j", (schedule) => {
      assertRefused(() => Heartbeat.probe(Effect.void, untyped({ schedule })), "schedule", "allowed is", "a Schedule")
    })
    it.each([undefined, null, () => true, Promise.resolve()])(
      "probe refuses a check that is no effect: %s",
      (check) => {
        assertRefused(() => Heartbeat.probe(check as never), "check", "allowed is", "an Effect")
      }
    )
    it("does not take null for an option that was not given", () => {
      const refused: ReadonlyArray<readonly [string, () => unknown]> = [
        ["every", () => Heartbeat.automatic(untyped({ every: null }))],
        ["within", () => Heartbeat.manual(untyped({ within: null }))],
        ["schedule", () => Heartbeat.probe(Effect.void, untyped({ schedule: null }))],
        ["timeout", () => Heartbeat.probe(Effect.void, untyped({ timeout: null }))],
        ["failures", () => Heartbeat.probe(Effect.void, untyped({ failures: null }))]
      ]
      for (const [option, make] of refused) assertRefused(make, option, "null", "allowed is")
    })
    it("refuses an option that nobody reads", () => {
      for (
        const make of [
          () => Heartbeat.automatic(untyped({ interval: 1 })),
          () => Heartbeat.manual(untyped({ timeout: 1 })),
          () => Heartbeat.probe(Effect.void, untyped({ every: 1 }))
        ]
      ) assert.match(thrown(make).message, /unknown option ".*"; allowed are /)
    })
    it("has the defaults that are documented", () => {
      assert.strictEqual(Heartbeat.automatic().every, 100)
      assert.strictEqual(Heartbeat.manual().within, 2000)
      const probe = Heartbeat.probe(Effect.void)
      assert.strictEqual(probe.timeout, 1000)
      assert.strictEqual(probe.failures, 3)
    })
  })

  describe("automatic", () => {
    it.effect("the first beat comes as the run begins, and makes it Healthy since then", () =>
      Effect.gen(function*() {
        yield* TestClock.adjust(5000)
        const { seen, status } = yield* supervise(Effect.never, {})
        const healthy = assertStatus(yield* status, "Healthy")
        assert.strictEqual(healthy.since, 5000)
        assert.strictEqual(healthy.lastHeartbeat, 5000)
        assert.deepStrictEqual(tagsOf(seen, "job"), ["TaskAdded", "TaskStarting", "TaskHealthy"])
      }))

    it.effect("the next ones come every interval, as lastHeartbeat counts them", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, { heartbeat: Heartbeat.automatic({ every: 300 }) })
        for (const [step, expected] of [[299, 0], [1, 300], [299, 300], [1, 600], [86_400_000, 86_400_600]] as const) {
          yield* TestClock.adjust(step)
          assert.strictEqual((yield* status).lastHeartbeat, expected)
        }
      }))

    it.effect("default: every 100 ms", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, {})
        yield* TestClock.adjust(199)
        assert.strictEqual((yield* status).lastHeartbeat, 100)
      }))

    it.effect("are no events, and end with the run", () =>
      Effect.gen(function*() {
        const { handle, seen, status } = yield* supervise(Effect.never, {})
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(tagsOf(seen, "job"), ["TaskAdded", "TaskStarting", "TaskHealthy"])
        yield* handle.stop
        assert.isUndefined((yield* status).lastHeartbeat)
      }))

    it.effect("never takes a hung run for crashed", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, {})
        yield* TestClock.adjust("365 days")
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    it.effect("a beat of the run's own counts beside them", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(Effect.andThen(Effect.sleep(150), Heartbeat.beatWith({ rows: 3 })), Effect.never),
          {}
        )
        yield* TestClock.adjust(160)
        const healthy = yield* status
        assert.strictEqual(healthy.lastHeartbeat, 150)
        assert.deepStrictEqual(healthy.heartbeatDetails, { rows: 3 })
        yield* TestClock.adjust(40)
        assert.strictEqual((yield* status).lastHeartbeat, 200)
      }))
  })

  describe("manual", () => {
    const manual = (within: number) => ({ heartbeat: Heartbeat.manual({ within }) })

    it.effect("a run is Starting until it beats", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(Effect.andThen(Effect.sleep(500), Heartbeat.beat), Effect.never),
          manual(1000)
        )
        yield* TestClock.adjust(499)
        assert.isUndefined(assertStatus(yield* status, "Starting").lastHeartbeat)
        yield* TestClock.adjust(1)
        const healthy = assertStatus(yield* status, "Healthy")
        assert.strictEqual(healthy.since, 500)
        assert.strictEqual(healthy.lastHeartbeat, 500)
      }))

    it.effect("silence of exactly within is borne, any longer is a verdict", () =>
      Effect.gen(function*() {
        const { status, supervisor } = yield* supervise(
          Effect.andThen(Heartbeat.beat, Effect.never),
          manual(1000),
          { initialDelay: 0, interval: 1 }
        )
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(1)
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(failed.since, 1001)
        assert.strictEqual(failed.lastFailure?.kind, "HeartbeatMissed")
        yield* supervisor.shutdown
      }))

    it.effect("a beat at exactly within keeps the run alive, for ever", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(1000))),
          manual(1000),
          { initialDelay: 0, interval: 1 }
        )
        yield* TestClock.adjust(20_000)
        assert.strictEqual((yield* status)._tag, "Healthy")
        assert.strictEqual((yield* status).generation, 1)
      }))

    it.effect("a hung run is stopped, and its end waited for, before its restart policy decides", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { seen, status, supervisor } = yield* supervise(
          Effect.andThen(Heartbeat.beat, Effect.never).pipe(
            Effect.onInterrupt(() => Effect.andThen(Effect.sleep(300), Effect.sync(() => log.push("released"))))
          ),
          manual(1000),
          { initialDelay: 0, interval: 1 }
        )
        yield* TestClock.adjust(1001)
        assert.isFalse(assertStatus(yield* status, "Stopping").overdue)
        yield* TestClock.adjust(300)
        assert.deepStrictEqual(log, ["released"])
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(failed.restartAt, 1301 + 3_600_000)
        assert.strictEqual(failed.attempt, 1)
        assert.deepStrictEqual(tagsOf(seen, "job"), [
          "TaskAdded",
          "TaskStarting",
          "TaskHealthy",
          "HeartbeatMissed",
          "TaskStopping",
          "TaskFailed",
          "RestartScheduled"
        ])
        yield* supervisor.shutdown
      }))

    it.effect("a hung run that does not end is reported, and not overlapped", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const { status, supervisor } = yield* supervise(body, { ...manual(1000), stopTimeout: 500 })
        yield* TestClock.adjust(10_000)
        assert.isTrue(assertStatus(yield* status, "Stopping").overdue)
        assert.strictEqual((yield* supervisor.unstoppable)[0]?.path, "supervisor/job")
        yield* release
        yield* settle
        assert.strictEqual((yield* status)._tag, "Failed")
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
      }))

    it.effect("default: 2 s of silence", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(Heartbeat.beat, Effect.never),
          { heartbeat: Heartbeat.manual() }
        )
        yield* TestClock.adjust(2000)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(200)
        assert.strictEqual((yield* status)._tag, "Failed")
      }))

    it.effect("beats of child fibers are beats of the run", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(
            Effect.forkChild(Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(500)))),
            Effect.never
          ),
          manual(1000)
        )
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    it.effect("a run that ends by itself before its silence is too long has ended, not hung", () =>
      Effect.gen(function*() {
        const { seen, status } = yield* supervise(Effect.sleep(1000), manual(1000), { initialDelay: 0, interval: 1 })
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* status)._tag, "Completed")
        assert.notInclude(tagsOf(seen), "HeartbeatMissed")
      }))
  })

  describe("beat", () => {
    it.effect("outside a run does nothing", () =>
      Effect.gen(function*() {
        yield* Heartbeat.beat
        yield* Heartbeat.beatWith({ any: "thing" })
        const beat = yield* Heartbeat.beater
        beat()
        beat({ any: "thing" })
      }))

    it.effect("so that a task's effect can be run on its own", () =>
      Effect.gen(function*() {
        const task = Task.make("job", Effect.as(Heartbeat.beat, 42), { heartbeat: Heartbeat.manual() })
        assert.strictEqual(yield* Effect.scoped(task.effect), 42)
      }))

    it.effect("details show in the status until the next run", () =>
      Effect.gen(function*() {
        let run = 0
        const { handle, status } = yield* supervise(
          Effect.suspend(() =>
            ++run === 1
              ? Effect.andThen(
                Heartbeat.beatWith({ rows: 1 }),
                Effect.andThen(
                  Effect.sleep(100),
                  Effect.andThen(Heartbeat.beat, Effect.andThen(Effect.sleep(100), new Net()))
                )
              )
              : Effect.never
          ),
          { heartbeat: Heartbeat.manual({ within: 10_000 }) }
        )
        assert.deepStrictEqual((yield* status).heartbeatDetails, { rows: 1 })
        yield* TestClock.adjust(100)
        assert.deepStrictEqual((yield* status).heartbeatDetails, { rows: 1 }, "a bare beat keeps them")
        yield* TestClock.adjust(100)
        const failed = assertStatus(yield* status, "Failed")
        assert.deepStrictEqual(failed.heartbeatDetails, { rows: 1 }, "the last word of the run that failed")
        yield* handle.start
        assert.isUndefined((yield* status).heartbeatDetails)
      }))

    it.effect("the newest details win, whatever JSON they are", () =>
      Effect.gen(function*() {
        const said: ReadonlyArray<Schema.Json> = [0, "", false, [], null, { deep: [{ er: true }] }]
        const gate = Latch.makeUnsafe()
        const { status } = yield* supervise(
          Effect.andThen(
            Effect.forEach(said, (details) => Effect.andThen(Heartbeat.beatWith(details), Effect.sleep(100))),
            gate.await
          ),
          {}
        )
        for (const details of said) {
          assert.deepStrictEqual((yield* status).heartbeatDetails, details)
          yield* TestClock.adjust(100)
        }
        assert.deepStrictEqual((yield* status).heartbeatDetails, said.at(-1))
      }))

    it.effect("details of several beats that wait to be handled: the last ones are shown", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(
            Effect.andThen(Heartbeat.beatWith(1), Effect.andThen(Heartbeat.beatWith(2), Heartbeat.beat)),
            Effect.never
          ),
          {}
        )
        assert.strictEqual((yield* status).heartbeatDetails, 2)
      }))
  })

  describe("beater", () => {
    it.effect("beats from callbacks outside any fiber", () =>
      Effect.gen(function*() {
        let beat: (details?: Schema.Json) => void = () => assert.fail("no beater")
        const { status } = yield* supervise(
          Effect.andThen(
            Effect.map(Heartbeat.beater, (made) => {
              beat = made
            }),
            Effect.never
          ),
          { heartbeat: Heartbeat.manual({ within: 1000 }) }
        )
        assert.strictEqual((yield* status)._tag, "Starting")
        for (let i = 0; i < 10; i++) {
          yield* TestClock.adjust(900)
          beat({ i })
          yield* settle
          assert.deepStrictEqual(assertStatus(yield* status, "Healthy").heartbeatDetails, { i })
        }
        yield* TestClock.adjust(1200)
        assert.strictEqual((yield* status)._tag, "Failed")
      }))

    it.effect("of an old run is ignored: it neither shows life nor says anything for the new one", () =>
      Effect.gen(function*() {
        const beaters: Array<(details?: Schema.Json) => void> = []
        const { handle, status } = yield* supervise(
          Effect.andThen(Effect.map(Heartbeat.beater, (made) => beaters.push(made)), Effect.never),
          { heartbeat: Heartbeat.manual({ within: 1000 }) }
        )
        yield* handle.restart
        assert.strictEqual(beaters.length, 2)
        for (let i = 0; i < 10; i++) {
          beaters[0]!({ stale: i })
          yield* TestClock.adjust(100)
          assert.strictEqual((yield* status)._tag, "Starting")
          assert.isUndefined((yield* status).heartbeatDetails)
        }
        yield* TestClock.adjust(200)
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(failed.generation, 2)
        beaters[1]!({ late: true })
        yield* settle
        assert.strictEqual((yield* status)._tag, "Failed")
        assert.isUndefined((yield* status).heartbeatDetails)
      }))

    it.effect("while the run is stopping it changes nothing", () =>
      Effect.gen(function*() {
        let beat: (details?: Schema.Json) => void = () => assert.fail("no beater")
        const { body, release } = yield* stubborn
        const { handle, status } = yield* supervise(
          Effect.andThen(
            Effect.map(Heartbeat.beater, (made) => {
              beat = made
            }),
            body
          ),
          { heartbeat: Heartbeat.manual({ within: 1000 }), stopTimeout: 500 }
        )
        assertTag(
          yield* Effect.map(within(handle.stop, 500), (exit) => Effect.runSync(Effect.flip(exit))),
          "TaskUnstoppable"
        )
        beat({ still: "here" })
        yield* settle
        assert.isTrue(assertStatus(yield* status, "Stopping").overdue)
        yield* release
        yield* settle
        assert.strictEqual((yield* status)._tag, "Stopped")
      }))

    it.effect("after the supervisor has ended it is harmless", () =>
      Effect.gen(function*() {
        let beat: () => void = () => assert.fail("no beater")
        const { supervisor } = yield* supervise(
          Effect.andThen(
            Effect.map(Heartbeat.beater, (made) => {
              beat = made
            }),
            Effect.never
          ),
          {}
        )
        yield* supervisor.shutdown
        beat()
        yield* settle
      }))
  })

  describe("statuses", () => {
    for (const heartbeat of [Heartbeat.manual(), Heartbeat.automatic()]) {
      it.effect(`are on one clock, also when the wall clock has been set since: ${heartbeat._tag}`, () =>
        Effect.gen(function*() {
          const { provide, setWall } = yield* StallingClock.make
          yield* provide(Effect.gen(function*() {
            let beat = () => assert.fail("no beater")
            const body = Effect.andThen(
              Effect.map(Heartbeat.beater, (made) => (beat = made as typeof beat)),
              Effect.never
            )
            const supervisor = yield* Supervisor.make({ tasks: [Task.make("job", body, { heartbeat })] })
            beat()
            yield* settle
            const before = assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
            yield* setWall(-3_600_000)
            yield* TestClock.adjust(100)
            beat()
            yield* settle
            const { lastHeartbeat, since, startedAt } = assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
            assert.strictEqual(since, before.since - 3_600_000)
            assert.strictEqual(startedAt, since)
            assert.strictEqual(lastHeartbeat, since + 100)
          }))
        }))
    }
  })

  describe("probe", () => {
    it("is a plain value: equal to one made alike", () => {
      const schedule = Schedule.spaced("1 second")
      assert.isTrue(
        Equal.equals(Heartbeat.probe(Effect.void, { schedule }), Heartbeat.probe(Effect.void, { schedule }))
      )
    })

    it.effect("is run as the value says that it has become", () =>
      Effect.gen(function*() {
        const heartbeat = { ...Heartbeat.probe(Effect.never, { timeout: "1 minute", failures: 1 }), timeout: 100 }
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0 },
          tasks: [Task.make("job", Effect.never, { heartbeat, restart: { mode: "temporary" }, whenDead: "keep" })]
        })
        const { seen } = yield* collect(supervisor.events)
        yield* TestClock.adjust("1 second")
        assert.include(tagsOf(seen), "ProbeFailed")
      }))

    const spaced = (millis: number) => Schedule.spaced(millis)
    /** A check that logs when it is made, and answers as the list says; after that, well. */
    const scripted = (answers: ReadonlyArray<boolean>) => {
      let next = 0
      const times: Array<number> = []
      const check = Effect.clockWith((clock) =>
        Effect.suspend(() => {
          times.push(clock.currentTimeMillisUnsafe())
          return answers[next++] ?? true ? Effect.void : Effect.fail(`down ${next}`)
        })
      )
      return { check, times }
    }

    it.effect("the first check comes at once, the next ones as the schedule says; a good one is a beat", () =>
      Effect.gen(function*() {
        const { check, times } = scripted([])
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000) })
        })
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(3500)
        assert.deepStrictEqual(times, [0, 1000, 2000, 3000])
        assert.strictEqual((yield* status).lastHeartbeat, 3000)
      }))

    it.effect("defaults: every 10 s, 1 s for a check, 3 failures in a row", () =>
      Effect.gen(function*() {
        const { check, times } = scripted([true, false, false, false])
        const { status } = yield* supervise(Effect.never, { heartbeat: Heartbeat.probe(check) })
        yield* TestClock.adjust(29_999)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* status)._tag, "Failed")
        assert.deepStrictEqual(times, [0, 10_000, 20_000, 30_000])
      }))

    it.effect("a task is Starting until a check succeeds", () =>
      Effect.gen(function*() {
        const { check } = scripted([false, false, true])
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000) })
        })
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(1000)
        assert.strictEqual(assertStatus(yield* status, "Healthy").since, 2000)
      }))

    it.effect("only failures in a row count", () =>
      Effect.gen(function*() {
        const { check } = scripted([false, false, true, false, false, true, false, true, false, false, false])
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), failures: 3 })
        })
        yield* TestClock.adjust(9999)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(1)
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(failed.lastFailure?.kind, "ProbeFailed")
        assert.include(failed.lastFailure?.message, "3 probes in a row failed")
        assert.include(failed.lastFailure?.message, "down 11")
      }))

    it.effect("a check that dies, or interrupts itself, has failed", () =>
      Effect.gen(function*() {
        for (const check of [Effect.die("broken"), Effect.interrupt]) {
          const { status } = yield* supervise(Effect.never, {
            heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), failures: 2 })
          })
          assert.strictEqual((yield* status)._tag, "Starting")
          yield* TestClock.adjust(1000)
          assert.strictEqual((yield* status)._tag, "Failed")
        }
      }))

    it.effect("a check that takes longer than timeout has failed, and is interrupted", () =>
      Effect.gen(function*() {
        let interrupted = 0
        const check = Effect.never.pipe(Effect.onInterrupt(() =>
          Effect.sync(() => {
            interrupted++
          })
        ))
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), timeout: 500, failures: 2 })
        })
        yield* TestClock.adjust(500)
        assert.strictEqual(interrupted, 1)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(1500)
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(interrupted, 2)
        assert.include(failed.lastFailure?.message, "500 ms")
      }))

    it.effect("a check of exactly timeout is in time", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(Effect.sleep(499), { schedule: spaced(1000), timeout: 500, failures: 1 })
        })
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    it.effect("a check that cannot be interrupted is never overlapped: it fails every probe until it ends", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        let started = 0
        let alive = 0
        let most = 0
        const check = Effect.uninterruptible(Effect.suspend(() => {
          started++
          most = Math.max(most, ++alive)
          return started === 1 ? gate.await : Effect.void
        })).pipe(Effect.ensuring(Effect.sync(() => {
          alive--
        })))
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), timeout: 100, failures: 5 })
        })
        yield* TestClock.adjust(3500)
        assert.strictEqual(started, 1)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* gate.open
        yield* TestClock.adjust(1000)
        assert.strictEqual(started, 2)
        assert.strictEqual(most, 1)
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    it.effect("ends with its run, and begins anew with the next", () =>
      Effect.gen(function*() {
        const { check, times } = scripted([])
        const { handle } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000) })
        })
        yield* TestClock.adjust(1500)
        yield* handle.stop
        yield* TestClock.adjust(10_000)
        assert.deepStrictEqual(times, [0, 1000])
        yield* handle.start
        yield* TestClock.adjust(1500)
        assert.deepStrictEqual(times, [0, 1000, 11_500, 12_500])
      }))

    it.effect("failures of the run before do not count for the next", () =>
      Effect.gen(function*() {
        const { check } = scripted([false, false, true, false, false])
        const { handle, status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), failures: 3 })
        })
        yield* TestClock.adjust(1500)
        yield* handle.restart
        yield* TestClock.adjust(2500)
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    it.effect("a schedule that is done ends probing, and the run stays as it is", () =>
      Effect.gen(function*() {
        const { check, times } = scripted([true, true, false, false])
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(check, {
            schedule: spaced(1000).pipe(Schedule.upTo({ times: 3 })),
            failures: 3
          })
        })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(times, [0, 1000, 2000, 3000])
        assert.strictEqual((yield* status)._tag, "Healthy")
      }))

    const dying = (after: number) =>
      Schedule.spaced(1000).pipe(
        Schedule.tap(({ attempt }) => attempt >= after ? Effect.die("bad schedule") : Effect.void)
      )

    it.effect("a schedule that dies is a crash: a run nobody looks after any more is not left alone", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, {
          heartbeat: Heartbeat.probe(Effect.void, { schedule: dying(3) })
        })
        yield* TestClock.adjust(1999)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(1)
        const failed = assertStatus(yield* status, "Failed")
        assert.strictEqual(failed.lastFailure?.kind, "ProbeFailed")
        assert.include(failed.lastFailure?.message, "bad schedule")
      }))

    it.effect("no verdict before the initial delay, but then", () =>
      Effect.gen(function*() {
        const { check } = scripted([true, false, false, false, false, false])
        const { status } = yield* supervise(
          Effect.never,
          { heartbeat: Heartbeat.probe(check, { schedule: spaced(1000), failures: 2 }) },
          { initialDelay: 4500 }
        )
        yield* TestClock.adjust(4499)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* status)._tag, "Failed")
      }))

    it.effect("a schedule that died before the initial delay is a crash when that has passed", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.never,
          { heartbeat: Heartbeat.probe(Effect.void, { schedule: dying(1) }) },
          { initialDelay: 3000 }
        )
        yield* TestClock.adjust(2999)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(300)
        assert.strictEqual((yield* status)._tag, "Failed")
      }))

    it.effect("failures before the initial delay are judged when it has passed, though the next check is far off", () =>
      Effect.gen(function*() {
        const { check } = scripted([false])
        const { status } = yield* supervise(
          Effect.never,
          { heartbeat: Heartbeat.probe(check, { schedule: spaced(3_600_000), failures: 1 }) },
          { initialDelay: 3000 }
        )
        yield* TestClock.adjust(2999)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(300)
        assert.strictEqual((yield* status)._tag, "Failed")
      }))

    it.effect("a body that ended well is not judged by checks made while its finalizers work", () =>
      Effect.gen(function*() {
        let open = true
        const { status } = yield* supervise(
          Effect.andThen(
            Effect.addFinalizer(() =>
              Effect.andThen(
                Effect.sync(() => {
                  open = false
                }),
                Effect.sleep(3000)
              )
            ),
            Effect.sleep(2500)
          ).pipe(Effect.scoped),
          {
            heartbeat: Heartbeat.probe(Effect.suspend(() => open ? Effect.void : Effect.fail("closed")), {
              schedule: spaced(1000),
              failures: 1
            })
          }
        )
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* status)._tag, "Failed", "a finalizer inside the body is the body")
        open = true
        const whole = yield* supervise(
          (Effect.andThen(
            Effect.addFinalizer(() =>
              Effect.andThen(
                Effect.sync(() => {
                  open = false
                }),
                Effect.sleep(3000)
              )
            ),
            Effect.sleep(2500)
          )) as Effect.Effect<void>,
          {
            heartbeat: Heartbeat.probe(Effect.suspend(() => open ? Effect.void : Effect.fail("closed")), {
              schedule: spaced(1000),
              failures: 1
            })
          }
        )
        yield* TestClock.adjust(10_000)
        assert.strictEqual((yield* whole.status)._tag, "Completed")
      }))

    it.effect("does not keep a run from ending", () =>
      Effect.gen(function*() {
        const { handle } = yield* supervise(Effect.as(Effect.sleep(10), "done"), {
          heartbeat: Heartbeat.probe(Effect.never, { timeout: "1 hour" })
        })
        yield* TestClock.adjust(10)
        yield* settle
        assert.strictEqual(yield* handle.await, "done")
      }))
  })

  describe("startupTimeout", () => {
    const options = (heartbeat: Heartbeat.Heartbeat) => ({ heartbeat, startupTimeout: 5000 })

    it.effect("manual: bounds the first beat instead of within, which counts from then on", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(Effect.andThen(Effect.sleep(4000), Heartbeat.beat), Effect.never),
          options(Heartbeat.manual({ within: 1000 }))
        )
        yield* TestClock.adjust(3999)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(1001)
        assert.strictEqual((yield* status)._tag, "Healthy")
        yield* TestClock.adjust(300)
        const failed = assertStatus(yield* status, "Failed")
        assert.include(failed.lastFailure?.message, "no heartbeat for")
      }))

    it.effect("manual: a run without a first beat is hung, strictly after it", () =>
      Effect.gen(function*() {
        const { seen, status } = yield* supervise(Effect.never, options(Heartbeat.manual({ within: 60_000 })), {
          initialDelay: 0,
          interval: 1
        })
        yield* TestClock.adjust(5000)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(1)
        const failed = assertStatus(yield* status, "Failed")
        assert.include(failed.lastFailure?.message, "no sign of life within 5s")
        const missed = seen.find((event) => event._tag === "HeartbeatMissed")
        assert(missed?._tag === "HeartbeatMissed")
        assert.strictEqual(missed.during, "startup")
        assert.strictEqual(missed.silence, 5001)
      }))

    it.effect("probe: failed checks do not count until it has passed; it alone decides", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.never,
          options(Heartbeat.probe(Effect.fail("down"), { schedule: Schedule.spaced(100), failures: 1 })),
          { initialDelay: 0, interval: 1 }
        )
        yield* TestClock.adjust(5000)
        assert.strictEqual((yield* status)._tag, "Starting")
        yield* TestClock.adjust(1)
        assert.strictEqual(assertStatus(yield* status, "Failed").lastFailure?.kind, "HeartbeatMissed")
      }))

    it.effect("probe: a late start is fine, and failures count from then on", () =>
      Effect.gen(function*() {
        let up = false
        const { status } = yield* supervise(
          Effect.never,
          options(
            Heartbeat.probe(Effect.suspend(() => up ? Effect.void : Effect.fail("down")), {
              schedule: Schedule.spaced(100),
              failures: 1
            })
          )
        )
        yield* TestClock.adjust(4050)
        up = true
        yield* TestClock.adjust(50)
        assert.strictEqual((yield* status)._tag, "Healthy")
        up = false
        yield* TestClock.adjust(100)
        assert.strictEqual(assertStatus(yield* status, "Failed").lastFailure?.kind, "ProbeFailed")
      }))

    it.effect("automatic and none: the begin is the sign of life, so it never passes", () =>
      Effect.gen(function*() {
        for (const heartbeat of [Heartbeat.automatic(), Heartbeat.none]) {
          const { status } = yield* supervise(Effect.never, options(heartbeat))
          yield* TestClock.adjust("1 day")
          assert.strictEqual((yield* status)._tag, "Healthy")
        }
      }))

    it.effect("holds for every run", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ healthCheck: { initialDelay: 0, interval: 1 } })
        yield* supervisor.add(
          Task.make("job", Effect.never, {
            heartbeat: Heartbeat.manual({ within: "1 hour" }),
            startupTimeout: 100,
            restart: { schedule: Schedule.spaced(9), times: 3 }
          })
        )
        yield* TestClock.adjust(1000)
        const dead = assertStatus(yield* statusOf(supervisor, "job"), "Dead")
        assert.strictEqual(dead.runs, 4)
        assert.strictEqual(dead.since, 4 * 101 + 3 * 9)
      }))
  })

  describe("none", () => {
    it.effect("begun is healthy, and no beat is shown", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(Effect.never, { heartbeat: Heartbeat.none })
        assert.isUndefined(assertStatus(yield* status, "Healthy").lastHeartbeat)
        yield* TestClock.adjust("1 day")
        assert.isUndefined(assertStatus(yield* status, "Healthy").lastHeartbeat)
      }))

    it.effect("what a run says of itself is shown all the same", () =>
      Effect.gen(function*() {
        const { status } = yield* supervise(
          Effect.andThen(Effect.andThen(Effect.sleep(70), Heartbeat.beatWith("hello")), Effect.never),
          { heartbeat: Heartbeat.none }
        )
        yield* TestClock.adjust(100)
        const healthy = yield* status
        assert.strictEqual(healthy.heartbeatDetails, "hello")
        assert.strictEqual(healthy.lastHeartbeat, 70)
      }))
  })

  it.effect("a verdict names the probe's cause in what awaiting the task gives", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ healthCheck: { initialDelay: 0 } })
      const handle = yield* supervisor.add(
        Task.make("job", Effect.never, {
          heartbeat: Heartbeat.probe(Effect.fail(new Net()), { failures: 1 }),
          restart: { times: 0 }
        })
      )
      yield* settle
      const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
      const defect = Cause.squash(dead.cause)
      assert.instanceOf(defect, Error)
      assert.instanceOf((defect as Error).cause, Net)
    }))
})
