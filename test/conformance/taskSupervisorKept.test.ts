/**
 * What the system that the core continues does, and ours does as well. The ids are those of its list of behaviours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorError } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { assertStatus, assertTag, failureOf, Net, statusOf } from "../support/fixtures.ts"
import { after, atRest, beside, ended, eventsOf, recorded, Runs, stubborn } from "./support.ts"

/** Verdicts as soon as a silence is too long, whatever the supervisor's age. */
const noInitialDelay = { initialDelay: 0 } as const

const tags = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(Effect.orDie(supervisor.statuses), (all) => all.map((status) => `${status.task} ${status._tag}`))

describe("TS-01", () => {
  it.effect("TS-01 starting a supervisor starts every task, in order", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      const task = (name: string) =>
        Task.make(name, Effect.andThen(Effect.sync(() => order.push(name)), Effect.never), {
          heartbeat: Heartbeat.manual()
        })
      const supervisor = yield* Supervisor.make({ tasks: [task("a"), task("b"), task("c")] })
      assert.deepStrictEqual(order, ["a", "b", "c"])
      assert.deepStrictEqual(yield* tags(supervisor), ["a Starting", "b Starting", "c Starting"])
    }))

  it.effect("TS-01 starting a task marks it Starting at once, before its first sign of life", () =>
    Effect.gen(function*() {
      const [supervisor, events] = yield* recorded(Supervisor.make())
      yield* TestClock.adjust(700)
      yield* supervisor.add(
        Task.make("silent", Effect.never, { heartbeat: Heartbeat.manual({ within: "1 hour" }) })
      )
      const silent = assertStatus(yield* statusOf(supervisor, "silent"), "Starting")
      assert.deepInclude(silent, { since: 700, startedAt: 700, generation: 1, runs: 1, attempt: 0 })
      assert.notProperty(silent, "lastHeartbeat")
      yield* supervisor.add(Task.make("automatic", Effect.never))
      yield* atRest
      assert.deepStrictEqual(
        events.flatMap((event) => "task" in event && event.task === "automatic" ? [`${event._tag} ${event.time}`] : []),
        ["TaskAdded 700", "TaskStarting 700", "TaskHealthy 700"]
      )
    }))
})

describe("TS-02", () => {
  it.effect("TS-02 the first automatic beat comes as the run begins, the next ones every interval", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      yield* TestClock.adjust(1030)
      yield* supervisor.add(Task.make("task", Effect.never, { heartbeat: Heartbeat.automatic({ every: 250 }) }))
      const beats: Array<number | undefined> = []
      for (const wait of [0, 249, 1, 249, 1, 125]) {
        yield* TestClock.adjust(wait)
        const status = assertStatus(yield* statusOf(supervisor, "task"), "Healthy")
        assert.strictEqual(status.since, 1030, "healthy since its first beat")
        beats.push(status.lastHeartbeat)
      }
      assert.deepStrictEqual(beats, [1030, 1030, 1280, 1280, 1530, 1530])
    }))

  it.effect("TS-02 by default a beat comes every 100 ms, and none after the run has ended", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", Effect.sleep(450))] })
      yield* TestClock.adjust(399)
      assert.strictEqual((yield* statusOf(supervisor, "task")).lastHeartbeat, 300)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* statusOf(supervisor, "task")).lastHeartbeat, 400)
      yield* TestClock.adjust(1000)
      assert.notProperty(assertStatus(yield* statusOf(supervisor, "task"), "Completed"), "lastHeartbeat")
    }))
})

describe("TS-03", () => {
  it.effect("TS-03 silence since the begin: at the limit no verdict, just beyond it one", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [Task.make("task", runs.of(Effect.never), { heartbeat: Heartbeat.manual() })]
      }))
      yield* TestClock.adjust(2000)
      assertStatus(yield* statusOf(supervisor, "task"), "Starting")
      yield* TestClock.adjust(1)
      assert.strictEqual(
        assertStatus(yield* statusOf(supervisor, "task"), "Failed").lastFailure?.kind,
        "HeartbeatMissed"
      )
      assert.deepStrictEqual(runs.ended, [2001])
      assert.deepStrictEqual(
        eventsOf(events, "HeartbeatMissed").map(({ during, silence, time }) => ({ during, silence, time })),
        [{ during: "startup", silence: 2001, time: 2001 }]
      )
    }))

  it.effect("TS-03 silence since the last beat: at the limit no verdict, just beyond it one", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      // The second beat comes at the very limit.
      const body = Effect.gen(function*() {
        yield* Effect.sleep(1500)
        yield* Heartbeat.beat
        yield* Effect.sleep(2000)
        yield* Heartbeat.beat
        return yield* Effect.never
      })
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [Task.make("task", runs.of(body), { heartbeat: Heartbeat.manual({ within: "2 seconds" }) })]
      }))
      yield* TestClock.adjust(1500)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Healthy").since, 1500)
      yield* TestClock.adjust(4000)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Healthy").lastHeartbeat, 3500)
      yield* TestClock.adjust(1)
      assertStatus(yield* statusOf(supervisor, "task"), "Failed")
      assert.deepStrictEqual(
        eventsOf(events, "HeartbeatMissed").map(({ during, silence, time }) => ({ during, silence, time })),
        [{ during: "run", silence: 2001, time: 5501 }]
      )
    }))

  it.effect("TS-03 what is not under way is not taken for crashed: waiting, stopping, stopped, completed", () =>
    Effect.gen(function*() {
      const heartbeat = Heartbeat.manual({ within: 100 })
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [
          Task.make("waiting", new Net(), { heartbeat, restart: { schedule: Schedule.spaced("1 hour") } }),
          Task.make("stopped", Effect.never, { heartbeat }),
          Task.make("completed", Effect.void, { heartbeat })
        ]
      }))
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("stopping", body, { heartbeat, stopTimeout: "infinity" }))
      yield* supervisor.stop("stopped")
      yield* after(50, supervisor.stop("stopping"))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* tags(supervisor), [
        "waiting Failed",
        "stopped Stopped",
        "completed Completed",
        "stopping Stopping"
      ])
      assert.deepStrictEqual(eventsOf(events, "HeartbeatMissed"), [])
      yield* release
    }))

  it.effect("TS-03 automatic beats assert only that the fiber has not ended: a hang is never seen", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("hung", runs.of(Effect.never))] })
      yield* TestClock.adjust("30 days")
      assertStatus(yield* statusOf(supervisor, "hung"), "Healthy")
      assert.deepStrictEqual(runs.begun, [0])
    }))
})

describe("TS-04", () => {
  it.effect("TS-04 no verdict before the initial delay, and none much later", () =>
    Effect.gen(function*() {
      const [supervisor, events] = yield* recorded(Supervisor.make({
        tasks: [Task.make("task", Effect.never, { heartbeat: Heartbeat.manual({ within: 100 }) })]
      }))
      yield* TestClock.adjust(2999)
      assertStatus(yield* statusOf(supervisor, "task"), "Starting")
      yield* TestClock.adjust("1 minute")
      const verdicts = eventsOf(events, "HeartbeatMissed").map((event) => event.time)
      const starts = eventsOf(events, "TaskStarting").map((event) => event.time)
      assert.strictEqual(starts.length, 6)
      assert.strictEqual(verdicts.length, 6)
      // The first is due at the end of the delay, each later one when the silence of its run has grown too long.
      verdicts.forEach((at, index) => {
        const due = index === 0 ? 3000 : starts[index]! + 101
        assert.isTrue(at >= due && at <= due + 200, `verdict ${index + 1} at ${at}, due at ${due}`)
      })
    }))

  it.effect("TS-04 the delay and the interval are options", () =>
    Effect.gen(function*() {
      const [, events] = yield* recorded(Supervisor.make({
        healthCheck: { initialDelay: "10 seconds", interval: "1 second" },
        tasks: [
          Task.make("early", Effect.never, { heartbeat: Heartbeat.manual({ within: 100 }) }),
          Task.make("late", Effect.never, { heartbeat: Heartbeat.manual({ within: "12 seconds" }) })
        ]
      }))
      yield* TestClock.adjust("14 seconds")
      const [early] = eventsOf(events, "HeartbeatMissed", "early")
      const [late] = eventsOf(events, "HeartbeatMissed", "late")
      assert.isTrue(early !== undefined && early.time >= 10_000 && early.time <= 11_000)
      assert.isTrue(late !== undefined && late.time > 12_000 && late.time <= 13_001)
    }))

  it.effect("TS-04 the initial delay is the supervisor's: a task that is added later has none", () =>
    Effect.gen(function*() {
      const [supervisor, events] = yield* recorded(Supervisor.make())
      yield* TestClock.adjust("5 seconds")
      yield* supervisor.add(Task.make("task", Effect.never, { heartbeat: Heartbeat.manual({ within: 100 }) }))
      yield* TestClock.adjust(100)
      assertStatus(yield* statusOf(supervisor, "task"), "Starting")
      yield* TestClock.adjust(201)
      assert.strictEqual(eventsOf(events, "HeartbeatMissed").length, 1)
    }))

  it.effect("TS-04 no failed probe leads to a verdict before the initial delay", () =>
    Effect.gen(function*() {
      const [supervisor, events] = yield* recorded(Supervisor.make({
        tasks: [
          Task.make("task", Effect.never, {
            heartbeat: Heartbeat.probe(new Net(), { schedule: Schedule.spaced(50), failures: 2 })
          })
        ]
      }))
      yield* TestClock.adjust(2999)
      assertStatus(yield* statusOf(supervisor, "task"), "Starting")
      yield* TestClock.adjust(201)
      const [verdict] = eventsOf(events, "ProbeFailed")
      assert.isTrue(verdict !== undefined && verdict.time >= 3000 && verdict.time <= 3200)
    }))
})

describe("TS-05", () => {
  it.effect("TS-05 the delay doubles with each attempt: 1, 2, 4, 8, 16 s", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [, events] = yield* recorded(Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()))] }))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(runs.begun, [0, 1000, 3000, 7000, 15_000, 31_000])
      assert.deepStrictEqual(
        eventsOf(events, "RestartScheduled").map(({ attempt, delay, restartAt }) => [attempt, delay, restartAt]),
        [[1, 1000, 1000], [2, 2000, 3000], [3, 4000, 7000], [4, 8000, 15_000], [5, 16_000, 31_000]]
      )
    }))

  it.effect("TS-05 the delay is counted from the end of the run", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(Effect.andThen(Effect.sleep(700), new Net())))]
      })
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(runs.begun, [0, 1700, 4400, 9100])
    }))

  it.effect("TS-05 the delay is never above 32 times the base", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [, events] = yield* recorded(Supervisor.make({
        tasks: [Task.make("task", runs.of(new Net()), { restart: { times: 9 } })]
      }))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(
        eventsOf(events, "RestartScheduled").map(({ delay }) => delay),
        [1000, 2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000, 32_000]
      )
      assert.strictEqual(runs.begun.at(-1), 159_000)
    }))
})

describe("TS-06", () => {
  it.effect("TS-06 by default 5 attempts, 6 runs in all, then Dead", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()))] })
      yield* TestClock.adjust(30_999)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Failed"), { attempt: 5, restartAt: 31_000 })
      yield* TestClock.adjust(1)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Dead"), {
        why: "Exhausted",
        runs: 6,
        attempt: 5,
        since: 31_000
      })
      yield* TestClock.adjust("1 day")
      assert.strictEqual(runs.begun.length, 6)
    }))

  for (const maximum of [0, 1, 3]) {
    it.effect(`TS-06 a maximum of ${maximum}: Dead after ${maximum + 1} ${maximum === 0 ? "run" : "runs"}`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          tasks: [Task.make("task", runs.of(new Net()), { restart: { times: maximum } })]
        }))
        const dueAt = 1000 * (2 ** maximum - 1)
        if (maximum > 0) {
          yield* TestClock.adjust(dueAt - 1)
          assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Failed").runs, maximum)
          yield* TestClock.adjust(1)
        }
        yield* atRest
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Dead"), {
          why: "Exhausted",
          runs: maximum + 1,
          since: dueAt
        })
        assert.strictEqual(eventsOf(events, "RestartScheduled").length, maximum)
        yield* TestClock.adjust("1 day")
        assert.strictEqual(runs.begun.length, maximum + 1)
      }))
  }
})

describe("TS-07", () => {
  const restart = { schedule: Schedule.exponential("1 second"), times: 5 } as const
  const failing = (after: number) => Effect.andThen(Effect.sleep(after), new Net())

  for (
    const { lasts, delay, forgotten } of [
      { lasts: 10_000, delay: 2000, forgotten: false },
      { lasts: 10_001, delay: 1000, forgotten: true }
    ]
  ) {
    it.effect(
      `TS-07 attempts ${forgotten ? "go back to 0" : "stay"} after ${lasts} ms of health, stable being 10,000`,
      () =>
        Effect.gen(function*() {
          const runs = new Runs()
          const [supervisor, events] = yield* recorded(Supervisor.make({
            tasks: [
              Task.make("task", runs.inTurn(new Net(), failing(lasts), Effect.never), { restart, stableAfter: 10_000 })
            ]
          }))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(runs.begun, [0, 1000, 1000 + lasts + delay])
          assert.strictEqual(eventsOf(events, "TaskStable").length, forgotten ? 2 : 1)
          assert.deepStrictEqual(
            eventsOf(events, "RestartScheduled").map(({ attempt }) => attempt),
            [1, forgotten ? 1 : 2]
          )
          assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 0, "the third run has become stable")
        })
    )
  }

  it.effect("TS-07 the status shows it at the moment: at the limit not yet, just beyond it", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        tasks: [Task.make("task", runs.inTurn(new Net(), Effect.never), { restart })]
      }))
      // Healthy from 1,000 on, and 80 s are the default.
      yield* TestClock.adjust(81_000)
      assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 0)
      assert.deepStrictEqual(eventsOf(events, "TaskStable").map(({ time }) => time), [81_001])
    }))

  it.effect("TS-07 the time before the first beat is no health", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const beating = Effect.andThen(
        Effect.sleep(4000),
        Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(1000)))
      )
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("task", runs.inTurn(new Net(), beating), {
            restart,
            heartbeat: Heartbeat.manual({ within: 5000 }),
            stableAfter: 10_000
          })
        ]
      })
      yield* TestClock.adjust(1000 + 4000 + 10_000)
      assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 0)
    }))

  for (const command of ["start", "restart"] as const) {
    it.effect(`TS-07 attempts go back to 0 by a manual ${command}`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()), { restart })] })
        yield* TestClock.adjust(4000)
        assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 3)
        yield* supervisor[command]("task")
        yield* atRest
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Failed"), { attempt: 1, restartAt: 5000 })
        yield* TestClock.adjust(3000)
        assert.deepStrictEqual(runs.begun, [0, 1000, 3000, 4000, 5000, 7000])
      }))
  }

  it.effect("TS-07 nothing else sets them back: neither a stop nor a verdict nor a good end of a permanent task", () =>
    Effect.gen(function*() {
      const heartbeat = Heartbeat.manual({ within: 1000 })
      const supervisor = yield* Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [
          Task.make("stopped", new Net(), { restart }),
          Task.make("silent", Effect.andThen(Heartbeat.beat, Effect.never), { restart, heartbeat }),
          Task.make("permanent", Effect.sleep(500), { restart: { ...restart, mode: "permanent" } })
        ]
      })
      yield* TestClock.adjust(500)
      yield* supervisor.stop("stopped")
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "stopped"), "Stopped"), { attempt: 1, runs: 1 })
      yield* TestClock.adjust(7000)
      // Begun at 0, 2001 and 5002; begun at 0, 1500 and 4000.
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "silent"), "Failed"), { attempt: 3, runs: 3 })
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "permanent"), "Failed"), { attempt: 3, runs: 3 })
    }))
})

describe("TS-08", () => {
  it.effect("TS-08 a failed end, a silence and failed probes lead to the same", () =>
    Effect.gen(function*() {
      const all = { failing: new Runs(), silent: new Runs(), probed: new Runs() }
      const beats = Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(500)))
      // Each is over at 5,000.
      const [supervisor, events] = yield* recorded(Supervisor.make({
        tasks: [
          Task.make("failing", all.failing.inTurn(Effect.andThen(Effect.sleep(5000), new Net()), Effect.never)),
          Task.make(
            "silent",
            all.silent.inTurn(
              Effect.andThen(Effect.sleep(2999), Effect.andThen(Heartbeat.beat, Effect.never)),
              beats
            ),
            { heartbeat: Heartbeat.manual({ within: 2000 }), startupTimeout: "3 seconds" }
          ),
          Task.make("probed", all.probed.of(Effect.never), {
            heartbeat: Heartbeat.probe(
              Effect.flatMap(Clock.currentTimeMillis, (now) => now === 5000 ? new Net() : Effect.void),
              { schedule: Schedule.spaced(100), failures: 1 }
            )
          })
        ]
      }))
      yield* TestClock.adjust(5000)
      const kinds: Record<string, string | undefined> = {}
      for (const status of yield* Effect.orDie(supervisor.statuses)) {
        const failed = assertStatus(status, "Failed")
        assert.deepInclude(failed, { since: 5000, attempt: 1, runs: 1, restartAt: 6000 })
        kinds[status.task] = failed.lastFailure?.kind
      }
      assert.deepStrictEqual(kinds, { failing: "Failed", silent: "HeartbeatMissed", probed: "ProbeFailed" })
      assert.deepStrictEqual(
        eventsOf(events, "TaskFailed").map(({ failure, task, time }) => [task, failure.kind, time]).sort(),
        [["failing", "Failed", 5000], ["probed", "ProbeFailed", 5000], ["silent", "HeartbeatMissed", 5000]]
      )
      yield* TestClock.adjust(999)
      for (const runs of Object.values(all)) assert.deepStrictEqual(runs.ended, [5000])
      yield* TestClock.adjust(1)
      for (const runs of Object.values(all)) assert.deepStrictEqual(runs.begun, [0, 6000])
    }))
})

describe("TS-09", () => {
  it.effect("TS-09 a good end is Completed, with its value", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make())
      const handle = yield* supervisor.add(Task.make("task", runs.of(Effect.as(Effect.sleep(500), 42))))
      const outcome = yield* beside(handle.await)
      yield* TestClock.adjust(499)
      assertStatus(yield* statusOf(supervisor, "task"), "Healthy")
      yield* TestClock.adjust(1)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Completed"), {
        since: 500,
        runs: 1,
        attempt: 0
      })
      const { at, exit } = yield* Fiber.join(outcome)
      assert.strictEqual(at, 500)
      assert.strictEqual(yield* exit, 42)
      assert.strictEqual(eventsOf(events, "TaskCompleted").length, 1)
      assert.deepStrictEqual(eventsOf(events, "TaskFailed"), [])
    }))
})

describe("TS-10", () => {
  it.effect("TS-10 restart by command: the old run ends, then a new one begins", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(Effect.onInterrupt(Effect.never, () => Effect.sleep(300))))]
      })
      yield* TestClock.adjust(1000)
      const restarted = yield* beside(supervisor.restart("task"))
      yield* TestClock.adjust(299)
      assertStatus(yield* statusOf(supervisor, "task"), "Stopping")
      assert.strictEqual(yield* ended(restarted), undefined, "answered when the new run has begun, not before")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(restarted)).at, 1300)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { generation: 2, attempt: 0 })
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 1300], [1300], 1])
      yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(300)
    }))

  // How a task comes into each status, and what its first run does.
  const ways: ReadonlyArray<{
    readonly status: string
    readonly first: Effect.Effect<void, Net>
    readonly into: (supervisor: Supervisor.RunningSupervisor) => Effect.Effect<unknown, unknown>
  }> = [
    { status: "Starting", first: Effect.never, into: () => Effect.void },
    { status: "Healthy", first: Effect.andThen(Heartbeat.beat, Effect.never), into: () => Effect.void },
    { status: "Failed", first: new Net(), into: () => Effect.void },
    { status: "Stopped", first: Effect.never, into: (supervisor) => supervisor.stop("task") },
    { status: "Completed", first: Effect.void, into: () => Effect.void },
    { status: "Dead", first: Effect.never, into: (supervisor) => supervisor.kill("task") }
  ]
  for (const { first, into, status } of ways) {
    it.effect(`TS-10 restart of a task that is ${status}`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make("task", runs.inTurn(first, Effect.never), { heartbeat: Heartbeat.manual({ within: "1 hour" }) })
          ]
        })
        yield* TestClock.adjust(100)
        yield* into(supervisor)
        assert.strictEqual((yield* statusOf(supervisor, "task"))._tag, status)
        yield* supervisor.restart("task")
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Starting"), {
          generation: 2,
          attempt: 0,
          startedAt: 100
        })
        assert.deepStrictEqual([runs.begun, runs.alive, runs.most], [[0, 100], 1, 1])
        // Nothing that was due for the old run comes after it.
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(runs.begun.length, 2)
      }))
  }

  it.effect("TS-10 restart of a task whose attempts are exhausted", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.inTurn(new Net(), new Net(), Effect.never), { restart: { times: 1 } })]
      })
      yield* TestClock.adjust(5000)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Exhausted")
      yield* supervisor.restart("task")
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { runs: 3, attempt: 0 })
    }))
})

describe("TS-11", () => {
  it.effect("TS-11 kill ends the run and makes the task Dead", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(Effect.never))] })
      yield* TestClock.adjust(250)
      yield* supervisor.kill("task")
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Dead"), {
        why: "Killed",
        runs: 1,
        since: 250
      })
      assert.deepStrictEqual(runs.ended, [250], "answered when the run has ended")
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(runs.begun, [0])
    }))

  it.effect("TS-11 kill of what waits, is stopped or is completed: Dead as well", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("waiting", new Net()),
          Task.make("stopped", Effect.never),
          Task.make("completed", Effect.void)
        ]
      })
      yield* supervisor.stop("stopped")
      for (const name of ["waiting", "stopped", "completed"]) {
        yield* supervisor.kill(name)
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, name), "Dead").why, "Killed")
      }
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(
        (yield* supervisor.statuses).map(({ _tag, runs }) => [_tag, runs]),
        [["Dead", 1], ["Dead", 1], ["Dead", 1]]
      )
    }))

  it.effect("TS-11 killing what is Dead is no error, and changes nothing", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("killed", Effect.never), Task.make("exhausted", new Net(), { restart: { times: 0 } })]
      })
      yield* supervisor.kill("killed")
      const before = yield* supervisor.statuses
      yield* TestClock.adjust(1000)
      yield* supervisor.kill("killed")
      yield* supervisor.kill("exhausted")
      assert.deepStrictEqual(yield* supervisor.statuses, before)
      assert.strictEqual(assertStatus(before[1]!, "Dead").why, "Exhausted")
    }))
})

describe("TS-12", () => {
  it.effect("TS-12 add at run time; status of one; statuses of all", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("first", Effect.never)] })
      yield* TestClock.adjust(1500)
      const handle = yield* supervisor.add(Task.make("second", runs.of(Effect.never)))
      assert.deepStrictEqual(runs.begun, [1500])
      assert.deepInclude(assertStatus(yield* supervisor.status("second"), "Healthy"), {
        task: "second",
        path: "root/second",
        startedAt: 1500,
        runs: 1
      })
      assert.deepStrictEqual(yield* handle.status, yield* supervisor.status("second"))
      assert.deepStrictEqual(yield* tags(supervisor), ["first Healthy", "second Healthy"])
      assert.deepStrictEqual(yield* supervisor.statuses, [
        yield* supervisor.status("first"),
        yield* supervisor.status("second")
      ])
      yield* supervisor.add(Task.make("third", Effect.void))
      yield* atRest
      assert.deepStrictEqual(yield* tags(supervisor), ["first Healthy", "second Healthy", "third Completed"])
    }))
})

describe("TS-13", () => {
  const everyCommand = (supervisor: Supervisor.RunningSupervisor, handle: Supervisor.TaskHandle<unknown, unknown>) => ({
    add: supervisor.add(Task.make("new", Effect.never)),
    start: supervisor.start("healthy"),
    restart: supervisor.restart("healthy"),
    stop: supervisor.stop("healthy"),
    kill: supervisor.kill("healthy"),
    remove: supervisor.remove("healthy"),
    status: supervisor.status("healthy"),
    statuses: supervisor.statuses,
    unknown: supervisor.restart("unknown"),
    "handle.status": handle.status,
    "handle.start": handle.start,
    "handle.restart": handle.restart,
    "handle.stop": handle.stop,
    "handle.kill": handle.kill,
    "handle.remove": handle.remove
  })

  it.effect("TS-13 shutdown: all under way and all waiting become Dead, then every call says it is closed", () =>
    Effect.gen(function*() {
      const starting = new Runs()
      const healthy = new Runs()
      const waiting = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("starting", starting.of(Effect.never), { heartbeat: Heartbeat.manual() }),
          Task.make("healthy", healthy.of(Effect.never)),
          Task.make("waiting", waiting.of(new Net())),
          Task.make("completed", Effect.void),
          Task.make("stopped", Effect.never),
          Task.make("killed", Effect.never)
        ]
      })
      const handle = yield* supervisor.add(Task.make("handled", Effect.never))
      yield* supervisor.stop("stopped")
      yield* supervisor.kill("killed")
      yield* TestClock.adjust(500)
      yield* supervisor.shutdown
      const { statuses, unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(
        statuses.map((status) => [status.task, status._tag === "Dead" ? status.why : status._tag]),
        [
          ["starting", "ShutDown"],
          ["healthy", "ShutDown"],
          ["waiting", "ShutDown"],
          ["completed", "Completed"],
          ["stopped", "Stopped"],
          ["killed", "Killed"],
          ["handled", "ShutDown"]
        ]
      )
      assert.deepStrictEqual(unstoppable, [])
      assert.deepStrictEqual([starting.ended, healthy.ended], [[500], [500]])

      for (const [name, call] of Object.entries(everyCommand(supervisor, handle))) {
        const error = yield* Effect.flip<unknown, { readonly _tag: string }, never>(call)
        assert.strictEqual(error._tag, "SupervisorClosed", name)
      }
      assert.strictEqual(assertTag(yield* Effect.flip(handle.await), "TaskDead").why, "ShutDown")
      yield* supervisor.shutdown
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual([starting.begun, healthy.begun, waiting.begun], [[0], [0], [0]])
    }))

  it.effect("TS-13 tasks are stopped one after another, the last one started first", () =>
    Effect.gen(function*() {
      const all = [new Runs(), new Runs(), new Runs()]
      const supervisor = yield* Supervisor.make({
        tasks: all.map((runs, index) =>
          Task.make(`task ${index}`, runs.of(Effect.onInterrupt(Effect.never, () => Effect.sleep(100))))
        )
      })
      yield* TestClock.adjust(1000)
      const down = yield* beside(supervisor.shutdown)
      const end = yield* beside(supervisor.await)
      yield* TestClock.adjust(299)
      assert.strictEqual(yield* ended(down), undefined)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(all.map((runs) => runs.ended), [[1300], [1200], [1100]])
      assert.strictEqual((yield* Fiber.join(down)).at, 1300)
      assert.strictEqual((yield* Fiber.join(end)).at, 1300)
    }))
})

describe("TS-14", () => {
  it.effect("TS-14 the end can be awaited any number of times, one after another and at once", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", Effect.never)] })
      const waiting = yield* Effect.forEach(Array.from({ length: 50 }), () => beside(supervisor.await))
      yield* after(700, supervisor.shutdown)
      yield* TestClock.adjust(699)
      for (const fiber of waiting) assert.strictEqual(yield* ended(fiber), undefined)
      yield* TestClock.adjust(1)
      const first = yield* supervisor.await
      for (const fiber of waiting) {
        const { at, exit } = yield* Fiber.join(fiber)
        assert.strictEqual(at, 700)
        assert.deepStrictEqual(yield* exit, first)
      }
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* supervisor.await, first)
    }))

  it.effect("TS-14 one who no longer waits takes nothing from the others", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const impatient = yield* beside(supervisor.await)
      const patient = yield* beside(supervisor.await)
      yield* Fiber.interrupt(impatient)
      yield* supervisor.shutdown
      assert.deepStrictEqual((yield* (yield* Fiber.join(patient)).exit).statuses, [])
    }))
})

describe("TS-15", () => {
  const failingOnce = { restart: { times: 0 } } as const
  const failAt = (name: string, millis: number) =>
    Task.make(name, Effect.andThen(Effect.sleep(millis), new Net()), failingOnce)
  const never = (name: string) => Task.make(name, Effect.never)
  const gaveUp = (exit: { readonly exit: Parameters<typeof failureOf>[0] }) =>
    assertTag(failureOf(exit.exit) as SupervisorError, "SupervisorError")

  it.effect("TS-15 when the dead share reaches the limit, the supervisor shuts down with TooManyDeadTasks", () =>
    Effect.gen(function*() {
      const healthy = new Runs()
      const supervisor = yield* Supervisor.make({
        maxDeadFraction: 0.5,
        tasks: [
          Task.make("healthy", healthy.of(Effect.never)),
          never("other"),
          failAt("first", 100),
          failAt("second", 200)
        ]
      })
      const end = yield* beside(supervisor.await)
      yield* TestClock.adjust(199)
      assert.strictEqual(yield* ended(end), undefined, "a quarter is below a half")
      yield* TestClock.adjust(1)
      const outcome = yield* Fiber.join(end)
      const error = gaveUp(outcome)
      assert.strictEqual(outcome.at, 200)
      assert.deepInclude(assertTag(error.reason, "TooManyDeadTasks"), { dead: 2, total: 4, threshold: 0.5 })
      assert.deepStrictEqual(
        error.report.statuses.map((status) => status._tag === "Dead" && status.why),
        ["ShutDown", "ShutDown", "Exhausted", "Exhausted"]
      )
      assert.deepStrictEqual(healthy.ended, [200])
      assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
    }))

  it.effect("TS-15 killed ones count as dead; completed and stopped ones in the total only", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        maxDeadFraction: 0.5,
        tasks: [never("a"), never("b"), never("c"), never("stopped"), Task.make("completed", Effect.void)]
      })
      const end = yield* beside(supervisor.await)
      yield* supervisor.stop("stopped")
      yield* supervisor.kill("a")
      yield* supervisor.kill("b")
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* ended(end), undefined, "2 of 5")
      yield* supervisor.kill("c")
      const { reason } = gaveUp(yield* Fiber.join(end))
      assert.deepInclude(assertTag(reason, "TooManyDeadTasks"), { dead: 3, total: 5, threshold: 0.5 })
    }))

  it.effect("TS-15 it is checked at each death, not when the total changes", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        maxDeadFraction: 0.5,
        tasks: [never("a"), never("b"), Task.make("completed", Effect.void)]
      })
      const end = yield* beside(supervisor.await)
      yield* supervisor.kill("a")
      yield* supervisor.remove("completed")
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* ended(end), undefined, "one of two is dead, but none has died since")
      yield* supervisor.add(never("c"))
      yield* supervisor.add(never("d"))
      yield* supervisor.kill("b")
      const { reason } = gaveUp(yield* Fiber.join(end))
      assert.deepInclude(assertTag(reason, "TooManyDeadTasks"), { dead: 2, total: 4 })
    }))

  it.effect("TS-15 a listed task that dies at once is judged by the whole list", () =>
    Effect.gen(function*() {
      // More than are started in one go.
      const others = Array.from({ length: 999 }, (_, index) => never(`other ${index}`))
      const supervisor = yield* Supervisor.make({
        maxDeadFraction: 0.002,
        tasks: [Task.make("dies", new Net(), failingOnce), ...others]
      })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual((yield* tags(supervisor)).slice(0, 2), ["dies Dead", "other 0 Healthy"])
      const end = yield* beside(supervisor.await)
      yield* supervisor.kill("other 0")
      const { reason } = gaveUp(yield* Fiber.join(end))
      assert.deepInclude(assertTag(reason, "TooManyDeadTasks"), { dead: 2, total: 1000 })
    }))

  it.effect("TS-15 without a limit all may die", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [failAt("a", 0), failAt("b", 10)] })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* tags(supervisor), ["a Dead", "b Dead"])
    }))
})

describe("TS-16", () => {
  it.effect("TS-16 unlimited restarts can be asked for", () =>
    Effect.gen(function*() {
      const spaced = new Runs()
      const doubling = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("spaced", spaced.of(new Net()), {
            restart: { schedule: Schedule.spaced("1 second"), times: Number.POSITIVE_INFINITY }
          }),
          Task.make("doubling", doubling.of(new Net()), { restart: { times: Number.POSITIVE_INFINITY } })
        ]
      })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(spaced.begun.length, 3601)
      // 0, 1, 3, 7, 15, 31, and every 32 s from 63 s on.
      assert.strictEqual(doubling.begun.length, 6 + 1 + Math.floor((3600 - 63) / 32))
      assert.deepStrictEqual(yield* tags(supervisor), ["spaced Failed", "doubling Failed"])
    }))
})

describe("TS-17", () => {
  const restartTimes = (seed: string) =>
    Effect.scoped(Effect.gen(function*() {
      const all = Array.from({ length: 40 }, () => new Runs())
      const start = yield* Clock.currentTimeMillis
      yield* Supervisor.make({
        defaults: { restart: { schedule: Schedule.jittered(Schedule.spaced("1 second")), times: 1 } },
        tasks: all.map((runs, index) => Task.make(`task ${index}`, runs.inTurn(new Net(), Effect.never)))
      })
      yield* TestClock.adjust(2000)
      return all.map((runs) => {
        assert.strictEqual(runs.begun.length, 2)
        assert.strictEqual(runs.ended[0], start, "they failed at the same instant")
        return runs.begun[1]! - start
      })
    })).pipe(Random.withSeed(seed))

  it.effect("TS-17 with jitter, 40 tasks that failed at once do not restart at once", () =>
    Effect.gen(function*() {
      const times = yield* restartTimes("a")
      assert.isAbove(new Set(times).size, 20)
      assert.isTrue(times.every((time) => time >= 800 && time <= 1200), `${times}`)
      assert.isTrue(times.some((time) => time < 900) && times.some((time) => time > 1100), `${times}`)
    }))

  it.effect("TS-17 jitter comes from Effect's Random: equal seeds, equal times", () =>
    Effect.gen(function*() {
      const first = yield* restartTimes("a")
      assert.deepStrictEqual(yield* restartTimes("a"), first)
      assert.notDeepEqual(yield* restartTimes("b"), first)
    }))
})

describe("TS-18", () => {
  it.effect("TS-18 a manual restart forgets the failure history: delays and attempts begin anew", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()))] })
      yield* TestClock.adjust(3500)
      assert.strictEqual((yield* statusOf(supervisor, "task")).attempt, 3)
      yield* supervisor.restart("task")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(runs.begun, [0, 1000, 3000, 3500, 4500, 6500, 10_500, 18_500, 34_500])
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Exhausted")
    }))
})

describe("TS-19", () => {
  it.effect("TS-19 each run starts from the task as it was given; what it shares on purpose lives on", () =>
    Effect.gen(function*() {
      const shared = yield* Ref.make(0)
      const seen: Array<[own: number, shared: number]> = []
      const body = Effect.gen(function*() {
        let own = 42
        seen.push([own, yield* Ref.getAndUpdate(shared, (n) => n + 1)])
        own += 1000
        return yield* own > 42 ? new Net() : Effect.void
      })
      yield* Supervisor.make({ tasks: [Task.make("task", body, { restart: { times: 3 } })] })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, [[42, 0], [42, 1], [42, 2], [42, 3]])
    }))

  it.effect("TS-19 each run has a scope of its own, closed before the next run begins", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      let made = 0
      const resource = Effect.acquireRelease(
        Effect.sync(() => {
          order.push(`open ${++made}`)
          return made
        }),
        (n) => Effect.sync(() => order.push(`close ${n}`))
      )
      yield* Supervisor.make({
        tasks: [Task.make("task", Effect.andThen(resource, new Net()), { restart: { times: 2 } })]
      })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(order, ["open 1", "close 1", "open 2", "close 2", "open 3", "close 3"])
    }))
})
