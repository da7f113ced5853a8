/**
 * The own tests of the system that the core continues, case by case, under their names, with their figures. A Rust task
 * that is cancelled by a token is a fiber that is interrupted here; what ignores its token is an uninterruptible run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { assertStatus, assertTag, failureOf, Net, statusOf } from "../support/fixtures.ts"
import { after, atRest, beside, eventsOf, recorded, Runs, stubborn, timed } from "./support.ts"

/** A supervisor as the original's tests configure it. */
const configured = (options: {
  readonly attempts?: number
  readonly baseDelay?: number
  readonly heartbeatInterval?: number
  readonly initialDelay?: number
  readonly checkInterval?: number
  readonly maxDeadFraction?: number
}) =>
  Supervisor.make({
    defaults: {
      heartbeat: Heartbeat.automatic({ every: options.heartbeatInterval ?? 50 }),
      restart: {
        schedule: Schedule.exponential(options.baseDelay ?? 10),
        times: options.attempts ?? 3
      }
    },
    healthCheck: { initialDelay: options.initialDelay ?? 100, interval: options.checkInterval ?? 10 },
    ...(options.maxDeadFraction === undefined ? {} : { maxDeadFraction: options.maxDeadFraction })
  })

/** Lives until it is told that it may end, which it looks up every 50 ms. */
const untilToldToEnd = Effect.sync(() => {
  let told = false
  const body: Effect.Effect<void> = Effect.suspend(() => told ? Effect.void : Effect.andThen(Effect.sleep(50), body))
  return {
    body,
    end: Effect.sync(() => {
      told = true
    })
  }
})

describe("0.1.7 to 0.4.1", () => {
  it.effect("custom_completion: a task that completes at once, under a configuration of one's own", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({
        attempts: 2,
        baseDelay: 50,
        heartbeatInterval: 20,
        initialDelay: 50,
        checkInterval: 50
      })
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of(Effect.void)))
      yield* TestClock.adjust(300)
      assertStatus(yield* statusOf(supervisor, "task"), "Completed")
      assert.deepStrictEqual(runs.begun, [0])
    }))

  it.effect("custom_infinite: a task without end stays Healthy, under a configuration of one's own", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({ heartbeatInterval: 10, initialDelay: 50, checkInterval: 50 })
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of((yield* untilToldToEnd).body)))
      yield* TestClock.adjust(30)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Healthy").lastHeartbeat, 30)
      yield* TestClock.adjust("1 minute")
      assertStatus(yield* statusOf(supervisor, "task"), "Healthy")
      assert.deepStrictEqual([runs.begun, runs.alive], [[0], 1])
    }))

  it.effect("add_task_dynamically: a task that is added at run time runs once", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of(Effect.sleep(100))))
      yield* TestClock.adjust(150)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Completed").since, 100)
      assert.deepStrictEqual(runs.begun, [0])
    }))

  it.effect("restart_task: exactly 2 runs, the first one cut short", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of(Effect.sleep(100))))
      yield* TestClock.adjust(50)
      yield* supervisor.restart("task")
      yield* TestClock.adjust("3 seconds")
      assertStatus(yield* statusOf(supervisor, "task"), "Completed")
      assert.deepStrictEqual([runs.begun, runs.ended], [[0, 50], [50, 150]])
    }))

  it.effect("kill_task: Dead, and it stays so", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of((yield* untilToldToEnd).body)))
      yield* TestClock.adjust(50)
      yield* supervisor.kill("task")
      yield* TestClock.adjust(100)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Killed")
      assert.deepStrictEqual([runs.begun, runs.ended], [[0], [50]])
    }))

  it.effect("supervisor_shutdown: what runs is stopped, and a later status says that the supervisor is closed", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of((yield* untilToldToEnd).body)))
      yield* TestClock.adjust(50)
      yield* supervisor.shutdown
      yield* TestClock.adjust(200)
      assertTag(yield* Effect.flip(supervisor.status("task")), "SupervisorClosed")
      assert.deepStrictEqual([runs.begun, runs.ended], [[0], [50]])
    }))

  it.effect("error_handling: after a shutdown add and status fail, whatever the name", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      yield* supervisor.shutdown
      yield* TestClock.adjust(500)
      assertTag(yield* Effect.flip(supervisor.add(Task.make("task", Effect.void))), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.status("non_existent")), "SupervisorClosed")
    }))

  it.effect("healthy_task_remains_healthy: until it ends well", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const { body, end } = yield* untilToldToEnd
      yield* supervisor.add(Task.make("task", body))
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Healthy")
      yield* end
      yield* TestClock.adjust(100)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Completed"), { runs: 1, since: 550 })
    }))

  it.effect("multiple_tasks: each has its own fate", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      const healthy = yield* untilToldToEnd
      const silent = yield* untilToldToEnd
      const failing = new Runs()
      yield* supervisor.add(Task.make("healthy", healthy.body))
      yield* supervisor.add(Task.make("failing", failing.of(new Net())))
      yield* supervisor.add(Task.make("silent", silent.body, { heartbeat: Heartbeat.none }))
      yield* TestClock.adjust(1000)
      assertStatus(yield* statusOf(supervisor, "healthy"), "Healthy")
      assertStatus(yield* statusOf(supervisor, "failing"), "Dead")
      assertStatus(yield* statusOf(supervisor, "silent"), "Healthy")
      assert.deepStrictEqual(failing.begun, [0, 10, 30, 70])
      yield* healthy.end
      yield* silent.end
      yield* TestClock.adjust(100)
      assertStatus(yield* statusOf(supervisor, "healthy"), "Completed")
      assertStatus(yield* statusOf(supervisor, "silent"), "Completed")
    }))

  it.effect("task_completes_successfully: one run, Completed", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of(Effect.sleep(100))))
      yield* TestClock.adjust(150)
      assertStatus(yield* statusOf(supervisor, "task"), "Completed")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([runs.begun, runs.ended], [[0], [100]])
    }))

  it.effect("task_fails_and_restarts: a maximum of 3, 4 runs, Dead", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({ attempts: 3, baseDelay: 100 })
      const runs = new Runs()
      yield* supervisor.add(Task.make("task", runs.of(new Net())))
      yield* TestClock.adjust(1500)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Exhausted")
      assert.deepStrictEqual(runs.begun, [0, 100, 300, 700])
    }))

  it.effect("immediate_complete_task: Completed", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({})
      yield* supervisor.add(Task.make("task", Effect.void))
      yield* TestClock.adjust(10)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Completed"), { runs: 1, since: 0 })
    }))

  it.effect("immediate_fail_task: Dead after its attempts", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({ attempts: 3, baseDelay: 100 })
      yield* supervisor.add(Task.make("task", new Net()))
      yield* TestClock.adjust(699)
      assertStatus(yield* statusOf(supervisor, "task"), "Failed")
      yield* TestClock.adjust(801)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Dead"), { runs: 4, since: 700 })
    }))

  it.effect("shuts_down_when_dead_task_threshold_exceeded: half of them dead, two fifths allowed", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({ attempts: 1, baseDelay: 10, maxDeadFraction: 0.4 })
      const end = yield* beside(supervisor.await)
      const healthy = new Runs()
      yield* supervisor.add(Task.make("healthy", healthy.of((yield* untilToldToEnd).body)))
      yield* supervisor.add(Task.make("failing", new Net()))
      yield* TestClock.adjust(5)
      assertStatus(yield* statusOf(supervisor, "failing"), "Failed")
      assertStatus(yield* statusOf(supervisor, "healthy"), "Healthy")
      yield* TestClock.adjust(15)
      const { at, exit } = yield* Fiber.join(end)
      assert.strictEqual(at, 10)
      assert.deepInclude(assertTag(failureOf(exit).reason, "TooManyDeadTasks"), { dead: 1, total: 2, threshold: 0.4 })
      assert.deepStrictEqual(healthy.ended, [10])
    }))

  it.effect("does_not_shut_down_if_threshold_not_met: half of them dead, three fifths allowed", () =>
    Effect.gen(function*() {
      const supervisor = yield* configured({ attempts: 1, baseDelay: 10, maxDeadFraction: 0.6 })
      const { body, end } = yield* untilToldToEnd
      yield* supervisor.add(Task.make("healthy", body))
      yield* supervisor.add(Task.make("failing", new Net()))
      yield* TestClock.adjust(30)
      assertStatus(yield* statusOf(supervisor, "healthy"), "Healthy")
      assertStatus(yield* statusOf(supervisor, "failing"), "Dead")
      yield* end
      yield* TestClock.adjust(60)
      assertStatus(yield* statusOf(supervisor, "healthy"), "Completed")
      yield* supervisor.shutdown
      assert.deepStrictEqual((yield* supervisor.await).statuses.map(({ _tag }) => _tag), ["Completed", "Dead"])
    }))

  it.effect("consecutive_waits: each is answered", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      yield* supervisor.add(Task.make("task", (yield* untilToldToEnd).body))
      yield* after(5, supervisor.shutdown)
      const first = yield* beside(supervisor.await)
      yield* TestClock.adjust(5)
      const { at, exit } = yield* Fiber.join(first)
      assert.strictEqual(at, 5)
      const report = yield* exit
      assert.deepStrictEqual([yield* supervisor.await, yield* supervisor.await], [report, report])
    }))

  it.effect("parallel_waits: all are answered at once", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      yield* supervisor.add(Task.make("task", (yield* untilToldToEnd).body))
      yield* after(5, supervisor.shutdown)
      const all = yield* beside(Effect.all([supervisor.await, supervisor.await, supervisor.await], { concurrency: 3 }))
      yield* TestClock.adjust(5)
      const { at, exit } = yield* Fiber.join(all)
      assert.strictEqual(at, 5)
      for (const { statuses } of yield* exit) assert.deepStrictEqual(statuses.map(({ _tag }) => _tag), ["Dead"])
    }))

  it.effect("unlimited_restarts: it never dies", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make()
      yield* supervisor.add(Task.make("task", runs.of(new Net()), {
        restart: { schedule: Schedule.spaced(50), times: Number.POSITIVE_INFINITY }
      }))
      yield* TestClock.adjust(1000)
      assertStatus(yield* statusOf(supervisor, "task"), "Failed")
      assert.strictEqual(runs.begun.length, 21)
    }))

  it.effect("owned_fields_reset_on_restart: what a run changes of its own does not reach the next", () =>
    Effect.gen(function*() {
      const shared = yield* Ref.make(0)
      const observed: Array<number> = []
      const body = Effect.gen(function*() {
        let owned = 42
        observed.push(owned)
        owned += 1000
        yield* Ref.update(shared, (n) => n + 1)
        return yield* owned === 1042 ? new Net() : Effect.void
      })
      const supervisor = yield* Supervisor.make()
      yield* supervisor.add(Task.make("task", body, { restart: { schedule: Schedule.spaced(50), times: 3 } }))
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.strictEqual(yield* Ref.get(shared), 4)
      assert.deepStrictEqual(observed, [42, 42, 42, 42])
    }))

  it.effect("shared_state_persists_across_restarts: a Ref made outside counts all 6 runs", () =>
    Effect.gen(function*() {
      const shared = yield* Ref.make(0)
      const supervisor = yield* Supervisor.make()
      yield* supervisor.add(
        Task.make("task", Effect.andThen(Ref.update(shared, (n) => n + 1), new Net()), {
          restart: { schedule: Schedule.spaced(50), times: 5 }
        })
      )
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.strictEqual(yield* Ref.get(shared), 6)
    }))
})

describe("0.5.2", () => {
  const spaced = (delay: number, times: number) => ({ schedule: Schedule.spaced(delay), times })
  const builder = { stopTimeout: 200, restart: spaced(100, 5) } as const

  /** Notes that it was asked to end, which takes it no time. */
  const cooperative = () => {
    const told: Array<boolean> = []
    return { told, body: Effect.onInterrupt(Effect.never, () => Effect.sync(() => told.push(true))) }
  }

  it.effect("backoff_doubles_and_is_capped: runs at 0, 100, 300, 550, 800 ms", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("task", runs.of(new Net()), {
            restart: { schedule: Schedule.min([Schedule.exponential(100), Schedule.spaced(250)]), times: 4 }
          })
        ]
      })
      yield* TestClock.adjust(799)
      assertStatus(yield* statusOf(supervisor, "task"), "Failed")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(runs.begun, [0, 100, 300, 550, 800])
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").since, 800)
    }))

  it.effect("restart_limit_above_32_is_enforced: 33 restarts, 34 runs", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(new Net()), { restart: spaced(1, 33) })]
      })
      yield* TestClock.adjust(1000)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Dead"), { runs: 34, since: 33 })
      assert.strictEqual(runs.begun.length, 34)
    }))

  it.effect("panicking_task_is_restarted: 2 runs, Dead", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const panics = Effect.sync(() => {
        throw new Error("panic")
      })
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(panics), { restart: spaced(10, 1) })]
      })
      yield* TestClock.adjust(100)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.deepStrictEqual(runs.begun, [0, 10])
    }))

  it.effect("huge_restart_delay_keeps_task_in_backoff: and a shutdown is no trouble", () =>
    Effect.gen(function*() {
      for (const delay of [Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("task", runs.of(new Net()), { restart: spaced(delay, 5) })]
        })
        yield* TestClock.adjust(100)
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Failed").attempt, 1)
        yield* supervisor.shutdown
        assert.deepStrictEqual((yield* supervisor.await).statuses.map(({ _tag }) => _tag), ["Dead"])
        assert.strictEqual(runs.begun.length, 1)
      }
    }))

  it.effect("kill_of_stubborn_task_resolves_at_stop_timeout: Stopping at 100 ms, answered at 200 ms", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("task", body))
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(100)
      assert.isFalse(assertStatus(yield* statusOf(supervisor, "task"), "Stopping").overdue)
      yield* TestClock.adjust(110)
      const { at, exit } = yield* Fiber.join(kill)
      assert.isTrue(at >= 200 && at < 210, `${at}`)
      // Dropping a future ends it; a fiber that can't be interrupted goes on. So it is not called dead before it is.
      assertTag(failureOf(exit), "TaskUnstoppable")
      assert.isTrue(assertStatus(yield* statusOf(supervisor, "task"), "Stopping").overdue)
      yield* release
      yield* atRest
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Killed")
    }))

  it.effect("requests_during_shutdown_drain_fail_immediately: not when the stop timeout is over", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: { stopTimeout: "5 seconds" } })
      const { body } = yield* stubborn
      yield* supervisor.add(Task.make("task", body))
      const down = yield* beside(supervisor.shutdown)
      const asked: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        supervisor.add(Task.make("new", Effect.never)),
        supervisor.start("task"),
        supervisor.restart("task"),
        supervisor.stop("task"),
        supervisor.kill("task"),
        supervisor.remove("task")
      ]
      const requests = yield* Effect.forEach(asked, (request) => after(1, timed(request)))
      yield* TestClock.adjust(1)
      for (const request of requests) {
        const { at, exit } = yield* Fiber.join(request)
        assert.strictEqual(at, 1)
        assert.strictEqual(failureOf(exit)._tag, "SupervisorClosed")
      }
      // To look is no request: who waits for the end wants to know what for.
      assertStatus(yield* statusOf(supervisor, "task"), "Stopping")
      yield* TestClock.adjust(4999)
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 5000 })
    }))

  it.effect("kill_during_backoff_stays_dead: 1 run", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ defaults: builder, tasks: [Task.make("task", runs.of(new Net()))] })
      yield* TestClock.adjust(1)
      assertStatus(yield* statusOf(supervisor, "task"), "Failed")
      yield* supervisor.kill("task")
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.deepStrictEqual(runs.begun, [0])
    }))

  it.effect("restart_during_backoff_does_not_double_run: 2 runs at 1051 ms, 3 at 1151 ms", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(new Net()), { restart: spaced(1000, 5) })]
      })
      yield* TestClock.adjust(100)
      yield* supervisor.restart("task")
      yield* TestClock.adjust(1)
      assert.strictEqual(runs.begun.length, 2)
      yield* TestClock.adjust(950)
      assert.strictEqual(runs.begun.length, 2, "at 1051 ms: the timer of the first run is stale")
      yield* TestClock.adjust(100)
      assert.strictEqual(runs.begun.length, 3, "at 1151 ms")
      assert.deepStrictEqual(runs.begun, [0, 100, 1100])
    }))

  it.effect("manual_restart_clears_restart_history: 2 runs, then 4", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.of(new Net()), { restart: spaced(100, 1) })]
      })
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.deepStrictEqual(runs.begun, [0, 100])
      yield* supervisor.restart("task")
      yield* TestClock.adjust(500)
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.deepStrictEqual(runs.begun, [0, 100, 500, 600])
    }))

  it.effect("restart_running_task_stops_it_then_starts_a_fresh_run: answered when that has begun", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const { body, told } = cooperative()
      const supervisor = yield* Supervisor.make({ defaults: builder, tasks: [Task.make("task", runs.of(body))] })
      yield* supervisor.restart("task")
      assert.deepStrictEqual([runs.begun, runs.most, told], [[0, 0], 1, [true]])
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Healthy").generation, 2)
    }))

  it.effect("completed_task_can_be_restarted_or_killed: Completed again, or Dead", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        defaults: builder,
        tasks: [Task.make("a", Effect.sleep(10)), Task.make("b", Effect.sleep(10))]
      })
      yield* TestClock.adjust(50)
      assertStatus(yield* statusOf(supervisor, "a"), "Completed")
      yield* supervisor.restart("a")
      assertStatus(yield* statusOf(supervisor, "a"), "Healthy")
      yield* TestClock.adjust(50)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "a"), "Completed"), { runs: 2, since: 60 })
      yield* supervisor.kill("b")
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "b"), "Dead"), { why: "Killed", runs: 1 })
    }))

  it.effect("restart_then_kill_while_stopping_ends_dead: the last request wins", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("task", runs.of(body)))
      const restart = yield* beside(supervisor.restart("task"))
      yield* TestClock.adjust(1)
      assertStatus(yield* statusOf(supervisor, "task"), "Stopping")
      yield* after(99, release)
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(yield* Fiber.join(kill), { exit: Exit.void, at: 100 })
      assertTag(failureOf((yield* Fiber.join(restart)).exit), "CommandSuperseded")
      assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([runs.begun, runs.ended], [[0], [100]])
    }))

  it.effect("kill_then_restart_while_stopping_ends_running: the last request wins", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("task", runs.inTurn(body, Effect.never)))
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(1)
      yield* after(99, release)
      const restart = yield* beside(supervisor.restart("task"))
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(yield* Fiber.join(restart), { exit: Exit.void, at: 100 })
      assertTag(failureOf((yield* Fiber.join(kill)).exit), "CommandSuperseded")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Healthy").generation, 2)
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 100], [100], 1])
    }))

  it.effect("kill_resolves_when_task_panics_during_stop: at once, and the panic is kept", () =>
    Effect.gen(function*() {
      const panic = new Error("cleanup panicked")
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const handle = yield* supervisor.add(
        Task.make("task", Effect.onInterrupt(Effect.never, () => Effect.die(panic)))
      )
      const kill = yield* beside(handle.kill)
      assert.deepStrictEqual(yield* Fiber.join(kill), { exit: Exit.void, at: 0 })
      const dead = assertStatus(yield* statusOf(supervisor, "task"), "Dead")
      assert.strictEqual(dead.why, "Killed")
      assert.include(dead.lastFailure?.details, "cleanup panicked")
      assert.isTrue(Cause.hasDies(assertTag(yield* Effect.flip(handle.await), "TaskDead").cause))
    }))

  it.effect("shutdown_lets_cooperative_tasks_finish: each takes its time, within its bound", () =>
    Effect.gen(function*() {
      const a = new Runs()
      const b = new Runs()
      const finishing = Effect.onInterrupt(Effect.never, () => Effect.sleep(150))
      const [supervisor, events] = yield* recorded(Supervisor.make({
        defaults: builder,
        tasks: [Task.make("a", a.of(finishing)), Task.make("b", b.of(finishing))]
      }))
      yield* TestClock.adjust(50)
      const down = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(300)
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 350 })
      assert.deepStrictEqual([b.ended, a.ended], [[200], [350]])
      assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable"), [])
    }))

  it.effect("shutdown_is_bounded_by_shutdown_timeout: 200 ms, by a task's own bound", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body } = yield* stubborn
      yield* supervisor.add(Task.make("stubborn", body))
      const down = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(300)
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 200 })
      assert.deepStrictEqual((yield* supervisor.await).unstoppable.map(({ task }) => task), ["stubborn"])
    }))

  it.effect("shutdown_is_bounded_by_shutdown_timeout: 200 ms, by the supervisor's, over 3 tasks of 5 s and one behind", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ shutdownTimeout: 200 })
      yield* supervisor.add(Task.make("cooperative", runs.of(Effect.never)))
      for (const name of ["a", "b", "c"]) yield* supervisor.add(Task.make(name, (yield* stubborn).body))
      const down = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(300)
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 200 })
      assert.deepStrictEqual(runs.ended, [200], "what waited for its turn is told to end at once")
      const { statuses, unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(unstoppable.map(({ task }) => task), ["a", "b", "c"])
      assert.deepStrictEqual(statuses.map(({ _tag }) => _tag), ["Dead", "Stopping", "Stopping", "Stopping"])
    }))

  it.effect("kill_pending_at_shutdown_resolves_ok: the run ends in time, the task is Dead by the kill", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("task", body))
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(1)
      const down = yield* beside(supervisor.shutdown)
      yield* after(99, release)
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* Fiber.join(kill), { exit: Exit.void, at: 100 })
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 100 })
      assert.deepStrictEqual(
        (yield* supervisor.await).statuses.map((status) => status._tag === "Dead" && status.why),
        ["Killed"]
      )
    }))

  it.effect("kill_pending_at_shutdown: a run that does not end in time fails it, at its own bound", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body } = yield* stubborn
      yield* supervisor.add(Task.make("task", body))
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(100)
      const down = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(200)
      const { at, exit } = yield* Fiber.join(kill)
      assert.strictEqual(at, 200)
      assertTag(failureOf(exit), "TaskUnstoppable")
      assert.deepStrictEqual(yield* Fiber.join(down), { exit: Exit.void, at: 200 })
    }))

  it.effect("restart_pending_at_shutdown_reports_closed: overtaken by the shutdown, it starts nothing", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ defaults: builder })
      const { body, release } = yield* stubborn
      yield* supervisor.add(Task.make("task", runs.of(body)))
      const restart = yield* beside(supervisor.restart("task"))
      yield* TestClock.adjust(1)
      yield* beside(supervisor.shutdown)
      const { at, exit } = yield* Fiber.join(restart)
      assert.strictEqual(at, 1)
      assert.deepInclude(assertTag(failureOf(exit), "CommandSuperseded"), { command: "restart", by: "shutdown" })
      yield* after(99, release)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(
        (yield* supervisor.await).statuses.map((status) => status._tag === "Dead" && status.why),
        ["ShutDown"]
      )
      assert.deepStrictEqual([runs.begun, runs.ended], [[0], [100]])
    }))
})
