import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorMetrics from "effect-supervisor/SupervisorMetrics"
import * as Task from "effect-supervisor/Task"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as TaskStatuses from "effect-supervisor/TaskStatus"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { fork, Net, settle, stubborn, within } from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

/** Every test has a registry of its own: what others count is not seen here. */
const metered = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const counted = (metric: Metric.Counter<number>, attributes: Record<string, string> = {}) =>
  Effect.map(
    Metric.value(Metric.withAttributes(metric, { supervisor: "root", ...attributes })),
    (state) => state.count
  )

/** The gauges as an exporter sees them: those above 0, or `undefined` when there are none at all. */
const gauges = (supervisor = "root") =>
  Effect.map(Metric.snapshot, (all) => {
    const own = all.filter((one) =>
      one.id === "effect_supervisor_tasks" && one.attributes?.["supervisor"] === supervisor
    )
    if (own.length === 0) return undefined
    assert.strictEqual(own.length, TaskStatuses.tags.length)
    return Object.fromEntries<number>(own.flatMap((one): Array<[string, number]> => {
      const { value } = one.state as Metric.GaugeState<number>
      return value === 0 ? [] : [[String(one.attributes?.["status"]), value]]
    }))
  })

const never = (name: string) => Task.make(name, Effect.never)

describe("SupervisorMetrics", () => {
  it.effect("tasks: how many have each status, as of now", () =>
    metered(Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          never("healthy"),
          never("another"),
          Task.make("starting", Effect.never, { heartbeat: Heartbeat.manual({ within: "1 day" }) }),
          Task.make("failed", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced("1 day") } }),
          Task.make("done", Effect.void),
          Task.make("dead", Effect.fail(new Net()), { restart: { times: 0 } }),
          never("stopped"),
          Task.make("stopping", body)
        ]
      })
      yield* supervisor.stop("stopped")
      yield* fork(Effect.ignore(supervisor.kill("stopping")))
      assert.deepStrictEqual(yield* gauges(), {
        Healthy: 2,
        Starting: 1,
        Failed: 1,
        Completed: 1,
        Dead: 1,
        Stopped: 1,
        Stopping: 1
      })
      yield* supervisor.remove("another")
      yield* supervisor.start("dead")
      yield* settle
      yield* release
      yield* settle
      assert.deepStrictEqual(yield* gauges(), {
        Healthy: 1,
        Starting: 1,
        Failed: 1,
        Completed: 1,
        Dead: 2,
        Stopped: 1
      })
    })))

  it.effect("tasks: the sum over the statuses is the number of tasks, whatever happens", () =>
    metered(Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root" })
      let expected = 0
      for (const name of ["a", "b", "c", "d"]) {
        yield* supervisor.add(Task.make(name, Effect.andThen(Effect.sleep(100), new Net())))
        expected++
        yield* TestClock.adjust(700)
        yield* supervisor.restart("a")
        const sum = Object.values((yield* gauges()) ?? {}).reduce((total, one) => total + one, 0)
        assert.strictEqual(sum, expected)
      }
    })))

  it.effect("tasks: gone when the supervisor has ended, whichever way", () =>
    metered(Effect.gen(function*() {
      for (const end of ["shutdown", "gives up"] as const) {
        const supervisor = yield* Supervisor.make({
          name: "root",
          tasks: [Task.make("job", Effect.andThen(Effect.sleep(10), new Net()), {
            restart: { times: 0 },
            whenDead: "escalate"
          })]
        })
        assert.isDefined(yield* gauges())
        if (end === "shutdown") yield* supervisor.shutdown
        else yield* within(Effect.ignore(supervisor.await), 10)
        assert.isUndefined(yield* gauges(), end)
      }
    })))

  it.effect("tasks: of two supervisors with one path, the end of one leaves the other's alone", () =>
    metered(Effect.gen(function*() {
      const first = yield* Supervisor.make({ name: "root", tasks: [never("a")] })
      yield* Supervisor.make({ name: "root", tasks: [never("a"), never("b")] })
      yield* first.shutdown
      assert.deepStrictEqual(yield* gauges(), { Healthy: 2 })
    })))

  it.effect("starts: every run begun, by whatever", () =>
    metered(Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          never("job"),
          Task.make("flaky", Effect.fail(new Net()), { restart: { schedule: Schedule.recurs(3) } })
        ]
      })
      yield* settle
      yield* supervisor.restart("job")
      yield* supervisor.stop("job")
      yield* supervisor.start("job")
      assert.strictEqual(yield* counted(SupervisorMetrics.starts), 3 + 4)
    })))

  it.effect("restarts: those of policies, by reason; commands are none", () =>
    metered(Effect.gen(function*() {
      const schedule = Schedule.spaced("1 day")
      const supervisor = yield* Supervisor.make({
        name: "root",
        healthCheck: { initialDelay: 0 },
        tasks: [
          Task.make("fails", Effect.fail(new Net()), { restart: { schedule: Schedule.recurs(2) } }),
          Task.make("good", Effect.void, { restart: { mode: "permanent", schedule } }),
          Task.make("silent", Effect.never, { heartbeat: Heartbeat.manual(), restart: { schedule } }),
          Task.make("down", Effect.never, {
            heartbeat: Heartbeat.probe(Effect.fail("down"), { failures: 1 }),
            restart: { schedule }
          }),
          never("job")
        ]
      })
      yield* TestClock.adjust("10 seconds")
      yield* supervisor.restart("job")
      const of = (reason: string) => counted(SupervisorMetrics.restarts, { reason })
      assert.strictEqual(yield* of("Failed"), 2)
      assert.strictEqual(yield* of("Completed"), 1)
      assert.strictEqual(yield* of("HeartbeatMissed"), 1)
      assert.strictEqual(yield* of("ProbeFailed"), 1)
      assert.strictEqual(yield* counted(SupervisorMetrics.missedHeartbeats), 1)
    })))

  it.effect("deaths: by why, one for each task that died", () =>
    metered(Effect.gen(function*() {
      const failing = (name: string, restart: Task.TaskOptions<Net>["restart"]) =>
        Task.make(name, Effect.fail(new Net()), restart === undefined ? {} : { restart })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          failing("exhausted", { schedule: Schedule.recurs(1) }),
          failing("temporary", { mode: "temporary" }),
          failing("stops", { on: { Net: "stop" } }),
          never("killed"),
          never("removed"),
          never("shut down")
        ]
      })
      yield* settle
      yield* supervisor.kill("killed")
      yield* supervisor.kill("killed")
      yield* supervisor.remove("removed")
      yield* supervisor.shutdown
      const of = (why: string) => counted(SupervisorMetrics.deaths, { why })
      assert.deepStrictEqual(
        yield* Effect.forEach(["Exhausted", "NotRestartable", "Killed", "ShutDown", "Escalated"], of),
        [1, 2, 2, 1, 0]
      )
    })))

  it.effect("unstoppable runs: once each, at their bound", () =>
    metered(Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("stuck", body, { stopTimeout: 100 })]
      })
      yield* within(Effect.ignore(supervisor.stop("stuck")), 99 + 1)
      yield* Effect.ignore(supervisor.kill("stuck"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* counted(SupervisorMetrics.unstoppableRuns), 1)
      yield* release
    })))

  const histogram = (metric: Metric.Histogram<number>) =>
    Metric.value(Metric.withAttributes(metric, { supervisor: "root" }))

  it.effect("run time: how long each run lived, its end included", () =>
    metered(Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("short", Effect.sleep(50)),
          Task.make("long", Effect.onInterrupt(Effect.never, () => Effect.sleep(500)))
        ]
      })
      yield* TestClock.adjust(1000)
      yield* within(supervisor.stop("long"), 500)
      const state = yield* histogram(SupervisorMetrics.runTime)
      assert.strictEqual(state.count, 2)
      assert.strictEqual(state.min, 50)
      assert.strictEqual(state.max, 1500)
      assert.strictEqual(state.sum, 1550)
    })))

  it.effect("restart delay: the back-offs that were given, an endless one not among them", () =>
    metered(Effect.gen(function*() {
      yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("fails", Effect.fail(new Net())),
          Task.make("for ever", Effect.fail(new Net()), { restart: { schedule: Schedule.duration(Duration.infinity) } })
        ]
      })
      yield* TestClock.adjust("1 minute")
      const state = yield* histogram(SupervisorMetrics.restartDelay)
      assert.strictEqual(state.count, 5)
      assert.strictEqual(state.min, 1000)
      assert.strictEqual(state.max, 16_000)
      assert.strictEqual(state.sum, 31_000)
    })))

  it.effect("loop lag: 0 as long as the loop turns in time, and what a stall cost", () =>
    metered(Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        yield* Supervisor.make({
          name: "root",
          tasks: [Task.make("beats", Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(100))), {
            heartbeat: Heartbeat.manual({ within: 1000 })
          })]
        })
        yield* TestClock.adjust("10 seconds")
        const calm = yield* histogram(SupervisorMetrics.loopLag)
        assert.isAbove(calm.count, 10)
        assert.strictEqual(calm.max, 0)
        yield* clock.stall("5 seconds")
        yield* TestClock.adjust("1 second")
        const after = yield* histogram(SupervisorMetrics.loopLag)
        assert.isAtLeast(after.max, 4500)
        assert.isAtMost(after.max, 5000)
      }))
    })))

  it.effect("each supervisor counts for itself, by its path", () =>
    metered(Effect.gen(function*() {
      yield* Supervisor.make({ name: "root", tasks: [never("a")] })
      yield* Supervisor.make({ name: "other", tasks: [never("a"), never("b")] })
      assert.strictEqual(yield* counted(SupervisorMetrics.starts), 1)
      assert.strictEqual(yield* counted(SupervisorMetrics.starts, { supervisor: "other" }), 2)
      assert.deepStrictEqual(yield* gauges(), { Healthy: 1 })
      assert.deepStrictEqual(yield* gauges("other"), { Healthy: 2 })
    })))

  it("know every status there is", () => {
    const tags: ReadonlyArray<TaskStatus["_tag"]> = TaskStatuses.TaskStatus.members.map((member) =>
      member.fields._tag.ast.literal as TaskStatus["_tag"]
    )
    assert.deepStrictEqual(TaskStatuses.tags, tags)
  })

  it.effect("keep their own attributes beside those of all metrics around them", () =>
    metered(Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root" })
      const restart = { schedule: Schedule.spaced(0), times: 1 }
      yield* supervisor.add(Task.make("job", Effect.fail(new Net()), { restart }))
      yield* settle
      const around = { app: "shop", supervisor: "root" }
      assert.strictEqual(yield* counted(SupervisorMetrics.starts, around), 2)
      assert.strictEqual(yield* counted(SupervisorMetrics.restarts, { ...around, reason: "Failed" }), 1)
      assert.strictEqual(yield* counted(SupervisorMetrics.deaths, { ...around, why: "Exhausted" }), 1)
      const dead = Metric.withAttributes(SupervisorMetrics.tasks, { ...around, status: "Dead" })
      assert.strictEqual((yield* Metric.value(dead)).value, 1)
    })).pipe(
      Effect.provideService(Metric.CurrentMetricAttributes, {
        app: "shop",
        supervisor: "theirs",
        reason: "theirs",
        status: "theirs",
        why: "theirs"
      })
    ))
})
