/**
 * What the system that the core continues gets wrong, and ours must not. The ids are those of its list of behaviours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  collect,
  failureOf,
  Net,
  statusOf,
  tagsOf
} from "../support/fixtures.ts"
import * as StallingClock from "../support/StallingClock.ts"
import { after, atRest, beside, ended, eventsOf, recorded, Runs, stubborn, timed } from "./support.ts"

/** Verdicts as soon as a silence is too long, whatever the supervisor's age. */
const noInitialDelay = { initialDelay: 0 } as const

/** A healthy body: beats for as long as it runs. */
const beating = (every: number) => Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(every)))

const tagsNow = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(Effect.orDie(supervisor.statuses), (all) => all.map((status) => status._tag))

describe("TS-30", () => {
  for (
    const [kind, heartbeat] of Object.entries({
      automatic: Heartbeat.automatic({ every: 50 }),
      manual: Heartbeat.manual({ within: 100 }),
      probed: Heartbeat.probe(new Net(), { schedule: Schedule.spaced(10), failures: 100 }),
      silent: Heartbeat.none
    })
  ) {
    it.effect(`TS-30 Completed is final until somebody restarts it: ${kind}`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          healthCheck: noInitialDelay,
          tasks: [Task.make("task", runs.of(Effect.sleep(90)), { heartbeat })]
        }))
        yield* TestClock.adjust(90)
        const completed = assertStatus(yield* statusOf(supervisor, "task"), "Completed")
        const before = events.length
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(yield* statusOf(supervisor, "task"), completed)
        assert.deepStrictEqual(runs.begun, [0])
        assert.deepStrictEqual(events.slice(before), [])
        yield* supervisor.restart("task")
        yield* TestClock.adjust(90)
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Completed").runs, 2)
      }))
  }
})

describe("TS-31", () => {
  const boom = new Error("boom")
  for (
    const [how, body] of Object.entries<Effect.Effect<void, never, Scope.Scope>>({
      "Effect.die": Effect.die(boom),
      "a throw in Effect.sync": Effect.sync(() => {
        throw boom
      }),
      "a throw where the effect is made": Effect.suspend(() => {
        throw boom
      }),
      "a defect after some time": Effect.andThen(Effect.sleep(100), Effect.die(boom)),
      "in a finalizer, after an end of another kind": Effect.andThen(
        Effect.addFinalizer(() => Effect.die(boom)),
        Effect.interrupt
      ),
      "a good end, and a finalizer that dies": Effect.asVoid(Effect.addFinalizer(() => Effect.die(boom)))
    })
  ) {
    it.effect(`TS-31 a defect is a failed end, its cause kept: ${how}`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(Task.make("task", runs.of(body), { restart: { times: 1 } }))
        yield* TestClock.adjust(100)
        const failed = assertStatus(yield* statusOf(supervisor, "task"), "Failed")
        assert.deepInclude(failed, { attempt: 1, restartAt: runs.ended[0]! + 1000 })
        assert.strictEqual(failed.lastFailure?.kind, "Failed")
        assert.include(failed.lastFailure?.details, "boom")
        yield* TestClock.adjust("1 minute")
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.deepInclude(dead, { why: "Exhausted", runs: 2 })
        assert.include(dead.cause.reasons.map((reason) => reason._tag === "Die" ? reason.defect : undefined), boom)
        assert.deepStrictEqual([runs.begun.length, runs.alive], [2, 0])
      }))
  }

  it.effect("TS-31 an interruption from within is a failed end as well", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make()
      const handle = yield* supervisor.add(Task.make("task", runs.of(Effect.interrupt), { restart: { times: 1 } }))
      yield* atRest
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Failed").attempt, 1)
      yield* TestClock.adjust("1 minute")
      const { cause } = assertTag(yield* Effect.flip(handle.await), "TaskDead")
      assert.isTrue(Cause.hasInterrupts(cause))
      assert.strictEqual(runs.begun.length, 2)
    }))
})

describe("TS-32", () => {
  it.effect("TS-32 a run has the whole timeout for its first beat: 2,000 sleepers, a check every ms", () =>
    Effect.gen(function*() {
      const sleeper = Effect.andThen(Effect.sleep(200), beating(200))
      const supervisor = yield* Supervisor.make({
        healthCheck: { initialDelay: 0, interval: 1 },
        defaults: { heartbeat: Heartbeat.manual({ within: 200 }) },
        tasks: Array.from({ length: 2000 }, (_, index) => Task.make(`sleeper ${index}`, sleeper))
      })
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust(199)
      assert.isTrue((yield* supervisor.statuses).every(({ _tag }) => _tag === "Starting"))
      yield* TestClock.adjust(251)
      assert.isTrue((yield* supervisor.statuses).every(({ _tag, runs }) => _tag === "Healthy" && runs === 1))
      assert.deepStrictEqual(eventsOf(seen, "HeartbeatMissed"), [])
    }))

  it.effect("TS-32 so has each later run, counted from its own begin; a moment more is too late", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const first = (delay: number) => Effect.andThen(Effect.sleep(delay), beating(100))
      const [, events] = yield* recorded(Supervisor.make({
        healthCheck: { initialDelay: 0, interval: 1 },
        tasks: [
          Task.make("task", runs.inTurn(first(202), first(200)), {
            heartbeat: Heartbeat.manual({ within: 200 }),
            restart: { schedule: Schedule.spaced(300) }
          })
        ]
      }))
      yield* TestClock.adjust(5000)
      assert.deepStrictEqual(eventsOf(events, "HeartbeatMissed").map(({ generation, time }) => [generation, time]), [
        [1, 201]
      ])
      assert.deepStrictEqual(runs.begun, [0, 501])
    }))
})

describe("TS-33", () => {
  it.effect("TS-33 a verdict stops the body: it does not run on while Failed, Dead, or after shutdown", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const worked: Array<number> = []
      const work = Effect.forever(Effect.andThen(
        Effect.sync(() => worked.push(runs.begun.length)),
        Effect.sleep(100)
      ))
      const supervisor = yield* Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [
          Task.make("hung", runs.of(work), { heartbeat: Heartbeat.manual({ within: 1000 }), restart: { times: 1 } })
        ]
      })
      yield* TestClock.adjust(1001)
      assert.strictEqual(worked.length, 11)
      assertStatus(yield* statusOf(supervisor, "hung"), "Failed")
      yield* TestClock.adjust(999)
      assert.strictEqual(worked.length, 11)
      yield* TestClock.adjust("1 minute")
      assertStatus(yield* statusOf(supervisor, "hung"), "Dead")
      assert.strictEqual(worked.length, 22)
      yield* supervisor.shutdown
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(worked.length, 22)
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 2001], [1001, 3002], 1])
    }))

  it.effect("TS-33 so does a verdict by failed probes", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [
          Task.make("failing", runs.of(Effect.never), {
            heartbeat: Heartbeat.probe(new Net(), { schedule: Schedule.spaced(100), failures: 3 }),
            restart: { times: 0 }
          })
        ]
      })
      yield* TestClock.adjust(199)
      assert.strictEqual(runs.alive, 1)
      yield* TestClock.adjust(1)
      assertStatus(yield* statusOf(supervisor, "failing"), "Dead")
      assert.deepStrictEqual([runs.ended, runs.alive], [[200], 0])
    }))

  it.effect("TS-33 the verdict waits for the run: finalizers first, then the delay, then the next run", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(700))
      const supervisor = yield* Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [Task.make("hung", runs.inTurn(slow, beating(500)), { heartbeat: Heartbeat.manual({ within: 1000 }) })]
      })
      yield* TestClock.adjust(1001)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "hung"), "Stopping"), { since: 1001, overdue: false })
      yield* TestClock.adjust(699)
      assertStatus(yield* statusOf(supervisor, "hung"), "Stopping")
      yield* TestClock.adjust(1)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "hung"), "Failed").restartAt, 2701)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 2701], [1701], 1])
    }))

  it.effect("TS-33 a run that ignores the verdict is reported, and not overlapped", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make({ healthCheck: noInitialDelay }))
      const { body, release } = yield* stubborn
      yield* supervisor.add(
        Task.make("hung", runs.inTurn(body, beating(500)), { heartbeat: Heartbeat.manual({ within: 1000 }) })
      )
      yield* TestClock.adjust(1001 + 4999)
      assert.isFalse(assertStatus(yield* statusOf(supervisor, "hung"), "Stopping").overdue)
      yield* TestClock.adjust(1)
      assert.isTrue(assertStatus(yield* statusOf(supervisor, "hung"), "Stopping").overdue)
      assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable").map(({ time }) => time), [6001])
      yield* after(14_000, release)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 21_001], [20_001], 1])
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "hung"), "Healthy").attempt, 1)
    }))
})

describe("TS-34", () => {
  const heartbeat = Heartbeat.manual({ within: 1000 })
  // All of them are given the verdict at 1,001, and end at 1,500 with a failure of their own.
  for (
    const [how, body] of Object.entries<Effect.Effect<unknown, Net>>({
      "a typed failure": Effect.uninterruptible(Effect.andThen(Effect.sleep(1500), new Net())),
      "a defect": Effect.uninterruptible(Effect.andThen(Effect.sleep(1500), Effect.die("boom"))),
      "a finalizer that dies": Effect.onInterrupt(
        Effect.never,
        () => Effect.andThen(Effect.sleep(499), Effect.die("boom"))
      )
    })
  ) {
    it.effect(`TS-34 a verdict, then a real failure: one attempt, one restart (${how})`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          healthCheck: noInitialDelay,
          tasks: [Task.make("task", runs.inTurn(body, beating(500)), { heartbeat })]
        }))
        yield* TestClock.adjust(1500)
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Failed"), { attempt: 1, restartAt: 2500 })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(
          eventsOf(events, "RestartScheduled").map(({ attempt, reason, time }) => [attempt, reason, time]),
          [[1, "HeartbeatMissed", 1500]]
        )
        assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 2500], [1500], 1])
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { attempt: 1, runs: 2 })
      }))
  }
})

describe("TS-35", () => {
  it.effect("TS-35 a verdict, then a good end: one outcome for the run", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [
          Task.make("task", runs.inTurn(Effect.uninterruptible(Effect.sleep(1500)), beating(500)), {
            heartbeat: Heartbeat.manual({ within: 1000 })
          })
        ]
      }))
      yield* TestClock.adjust("1 minute")
      // Given up at 1,001, it failed when it had ended; that it ended well in the end makes it no success.
      assert.deepStrictEqual(
        tagsOf(events, "task").slice(1),
        [
          "TaskAdded",
          "TaskStarting",
          "HeartbeatMissed",
          "TaskStopping",
          "TaskFailed",
          "RestartScheduled",
          "TaskStarting",
          "TaskHealthy"
        ].slice(1)
      )
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 2500], [1500], 1])
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { attempt: 1, runs: 2 })
    }))
})

describe("TS-36", () => {
  for (const at of [0, 500, 999]) {
    it.effect(`TS-36 kill within the back-off, ${1000 - at} ms before the restart: stays Dead, 1 run`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()))] })
        yield* TestClock.adjust(at)
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Failed").restartAt, 1000)
        yield* supervisor.kill("task")
        const dead = assertStatus(yield* statusOf(supervisor, "task"), "Dead")
        assert.deepInclude(dead, { why: "Killed", runs: 1, since: at })
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(yield* statusOf(supervisor, "task"), dead)
        assert.deepStrictEqual(runs.begun, [0])
      }))
  }

  it.effect("TS-36 so does what is stopped or removed within the back-off", () =>
    Effect.gen(function*() {
      const stopped = new Runs()
      const removed = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("stopped", stopped.of(new Net())), Task.make("removed", removed.of(new Net()))]
      })
      yield* TestClock.adjust(500)
      yield* supervisor.stop("stopped")
      yield* supervisor.remove("removed")
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* tagsNow(supervisor), ["Stopped"])
      assert.deepStrictEqual([stopped.begun, removed.begun], [[0], [0]])
    }))

  it.effect("TS-36 kill while the schedule still thinks about its answer", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("task", runs.of(new Net()), {
            restart: { schedule: Schedule.tap(Schedule.spaced(1000), () => Effect.sleep(300)) }
          })
        ]
      })
      yield* TestClock.adjust(200)
      assert.notProperty(assertStatus(yield* statusOf(supervisor, "task"), "Failed"), "restartAt")
      yield* supervisor.kill("task")
      yield* TestClock.adjust("1 day")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Killed")
      assert.deepStrictEqual(runs.begun, [0])
    }))
})

describe("TS-37", () => {
  for (const command of ["restart", "start"] as const) {
    it.effect(`TS-37 ${command} by hand within the back-off: runs at exactly the due times`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", runs.of(new Net()))] })
        yield* TestClock.adjust(400)
        yield* supervisor[command]("task")
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(runs.begun, [0, 400, 1400, 3400, 7400, 15_400, 31_400])
      }))

    it.effect(`TS-37 ${command} by hand: the stale timer does not touch the new run`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          tasks: [Task.make("task", runs.inTurn(new Net(), Effect.never))]
        }))
        yield* TestClock.adjust(400)
        yield* supervisor[command]("task")
        yield* atRest
        const seen = events.length
        yield* TestClock.adjust(600)
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { generation: 2, since: 400 })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 400], [0], 1])
        assert.deepStrictEqual(events.slice(seen), [])
      }))
  }
})

describe("TS-38", () => {
  it.effect("TS-38 restart of 200 running tasks at once: never two runs of one", () =>
    Effect.gen(function*() {
      const all = Array.from({ length: 200 }, () => new Runs())
      const supervisor = yield* Supervisor.make({
        tasks: all.map((runs, index) =>
          Task.make(`task ${index}`, runs.of(Effect.onInterrupt(Effect.never, () => Effect.sleep(index % 8))))
        )
      })
      yield* TestClock.adjust(100)
      const restarts = yield* beside(
        Effect.forEach(all, (_, index) => supervisor.restart(`task ${index}`), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(10)
      assert.strictEqual((yield* Fiber.join(restarts)).at, 107)
      all.forEach((runs, index) => {
        const at = 100 + index % 8
        assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, at], [at], 1], `task ${index}`)
      })
      yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(2000)
    }))

  it.effect("TS-38 the old run's finalizers and children have ended before the new run begins", () =>
    Effect.gen(function*() {
      const order: Array<string> = []
      let run = 0
      const say = (what: string) => Effect.sync(() => order.push(what))
      const lastly = (what: string, millis: number) => Effect.andThen(Effect.sleep(millis), say(what))
      const body = Effect.gen(function*() {
        const n = ++run
        yield* say(`begin ${n}`)
        yield* Effect.acquireRelease(Effect.void, () => lastly(`resource ${n}`, 100))
        yield* Effect.forkScoped(Effect.onInterrupt(Effect.never, () => lastly(`scoped ${n}`, 150)))
        yield* Effect.forkChild(Effect.onInterrupt(Effect.never, () => lastly(`child ${n}`, 50)))
        return yield* Effect.onInterrupt(Effect.never, () => lastly(`body ${n}`, 25))
      })
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("task", body)] })
      yield* TestClock.adjust(10)
      const restarted = yield* beside(supervisor.restart("task"))
      yield* TestClock.adjust(1000)
      yield* (yield* Fiber.join(restarted)).exit
      assert.strictEqual(order[0], "begin 1")
      assert.sameMembers(order.slice(1, -1), ["resource 1", "scoped 1", "child 1", "body 1"])
      assert.strictEqual(order.at(-1), "begin 2")
      yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(1000)
    }))

  it.effect("TS-38 restarts of one task that come while it stops are done by one new run", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("task", runs.inTurn(Effect.onInterrupt(Effect.never, () => Effect.sleep(50)), Effect.never))]
      })
      const restarts = yield* Effect.forEach(
        [1, 10, 50],
        (delay) => after(delay, timed(supervisor.restart("task")))
      )
      yield* TestClock.adjust(100)
      for (const restart of restarts) assert.strictEqual((yield* Fiber.join(restart)).at, 51)
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 51], [51], 1])
    }))
})

describe("TS-39", () => {
  it.effect("TS-39 a run that completes as its restart is asked for: 200 tasks, the new run stays Healthy", () =>
    Effect.gen(function*() {
      const all = Array.from({ length: 200 }, () => new Runs())
      const restartAt100 = (index: number) => after(100, supervisor.restart(`task ${index}`))
      const supervisor = yield* Supervisor.make()
      // The timer of the one who asks is due before that of the run, or after it, at the same instant.
      for (let index = 0; index < all.length; index++) {
        const body = all[index]!.of(Effect.sleep(100))
        if (index % 2 === 0) yield* restartAt100(index)
        yield* supervisor.add(Task.make(`task ${index}`, body))
        if (index % 2 === 1) yield* restartAt100(index)
      }
      yield* TestClock.adjust(100)
      for (const wait of [0, 99]) {
        yield* TestClock.adjust(wait)
        for (const status of yield* supervisor.statuses) {
          assert.deepInclude(assertStatus(status, "Healthy"), { generation: 2, since: 100 }, status.task)
        }
      }
      yield* TestClock.adjust(1)
      for (const status of yield* supervisor.statuses) {
        assert.deepInclude(assertStatus(status, "Completed"), { generation: 2, since: 200 })
      }
      for (const runs of all) assert.deepStrictEqual([runs.begun, runs.most], [[0, 100], 1])
    }))

  for (
    const [how, old] of Object.entries<Effect.Effect<string, never, Scope.Scope>>({
      "it cannot be interrupted just then": Effect.as(Effect.uninterruptible(Effect.sleep(100)), "old"),
      "it has ended well, its finalizers have not": Effect.as(
        Effect.andThen(Effect.addFinalizer(() => Effect.sleep(60)), Effect.sleep(40)),
        "old"
      )
    })
  ) {
    it.effect(`TS-39 a run that is over while its restart is waited for completes nothing (${how})`, () =>
      Effect.gen(function*() {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(
          Task.make("task", runs.inTurn(old, Effect.as(Effect.sleep(1000), "new")))
        )
        const outcome = yield* beside(handle.await)
        yield* after(60, supervisor.restart("task"))
        yield* TestClock.adjust(1099)
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { generation: 2, since: 100 })
        assert.strictEqual(yield* ended(outcome), undefined)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* Fiber.join(outcome), { exit: Exit.succeed("new"), at: 1100 })
        assert.deepStrictEqual([runs.begun, runs.most], [[0, 100], 1])
      }))
  }
})

describe("TS-40", () => {
  /** A task whose first run leaks its sign of life, in one of two ways, and whose later runs are silent. */
  const leaking = (leak: Effect.Effect<void>) =>
    Task.make("task", leaking.runs.inTurn(Effect.andThen(leak, Effect.never), Effect.never), {
      heartbeat: Heartbeat.manual({ within: 2000 }),
      restart: { times: 0 }
    })
  leaking.runs = new Runs()

  const ways: Record<string, (leaked: Array<Effect.Effect<void>>) => Effect.Effect<void>> = {
    "by a beater": (leaked) => Effect.map(Heartbeat.beater, (beat) => void leaked.push(Effect.sync(() => beat("old")))),
    "by what it left running": (leaked) =>
      Effect.map(
        Effect.context<never>(),
        (context) => void leaked.push(Effect.provideContext(Heartbeat.beatWith("old"), context))
      )
  }
  for (const [how, leak] of Object.entries(ways)) {
    it.effect(`TS-40 beats of an old run do not count for the new one (${how})`, () =>
      Effect.gen(function*() {
        leaking.runs = new Runs()
        const leaked: Array<Effect.Effect<void>> = []
        const [supervisor, events] = yield* recorded(Supervisor.make({
          healthCheck: noInitialDelay,
          tasks: [leaking(leak(leaked))]
        }))
        const beater = yield* Effect.forkChild(
          Effect.forever(Effect.andThen(Effect.suspend(() => leaked[0] ?? Effect.void), Effect.sleep(100)))
        )
        yield* TestClock.adjust(4950)
        // So far they are the run's own.
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), {
          generation: 1,
          heartbeatDetails: "old"
        })
        yield* supervisor.restart("task")
        yield* TestClock.adjust(2000)
        const starting = assertStatus(yield* statusOf(supervisor, "task"), "Starting")
        assert.strictEqual(starting.generation, 2)
        assert.doesNotHaveAnyKeys(starting, ["lastHeartbeat", "heartbeatDetails"])
        yield* TestClock.adjust(1)
        assertStatus(yield* statusOf(supervisor, "task"), "Dead")
        assert.deepStrictEqual(
          eventsOf(events, "HeartbeatMissed").map(({ during, generation, time }) => [during, generation, time]),
          [["startup", 2, 6951]]
        )
        yield* Fiber.interrupt(beater)
      }))
  }

  it.effect("TS-40 beats while the old run stops leave no trace in the new one", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const old = Effect.onInterrupt(beating(100), () => Effect.timeoutOption(beating(10), 500))
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: noInitialDelay,
        tasks: [Task.make("task", runs.inTurn(old, Effect.never), { heartbeat: Heartbeat.manual({ within: 1000 }) })]
      }))
      yield* after(1000, supervisor.restart("task"))
      yield* TestClock.adjust(2500)
      const starting = assertStatus(yield* statusOf(supervisor, "task"), "Starting")
      assert.deepInclude(starting, { generation: 2, startedAt: 1500 })
      assert.notProperty(starting, "lastHeartbeat")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(eventsOf(events, "HeartbeatMissed").map(({ time }) => time), [2501])
    }))
})

describe("TS-41", () => {
  it.effect("TS-41 add after the end: SupervisorClosed, nothing starts", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({ name: "root" })
      yield* supervisor.shutdown
      for (let i = 0; i < 200; i++) {
        const error = yield* Effect.flip(supervisor.add(Task.make(`task ${i}`, runs.of(Effect.never))))
        assert.strictEqual(assertTag(error, "SupervisorClosed").supervisor, "root")
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(runs.begun, [])
    }))

  it.effect("TS-41 add beside a shutdown, 200 times: refused, or supervised to its end", () =>
    Effect.gen(function*() {
      let refused = 0
      for (let i = 0; i < 200; i++) {
        const runs = new Runs()
        const supervisor = yield* Supervisor.make()
        const add = timed(supervisor.add(Task.make("added", runs.of(Effect.never))))
        const early = i % 2 === 1 ? yield* Effect.forkChild(add) : undefined
        const shutdown = yield* Effect.forkChild(supervisor.shutdown)
        const adding = early ?? (yield* Effect.forkChild(add))
        yield* Fiber.join(shutdown)
        const added = (yield* Fiber.join(adding)).exit
        const { statuses } = yield* supervisor.await
        if (Exit.isSuccess(added)) {
          assert.deepStrictEqual(statuses.map(({ _tag, runs }) => [_tag, runs]), [["Dead", 1]])
        } else {
          refused++
          assert.strictEqual(failureOf(added)._tag, "SupervisorClosed")
          assert.deepStrictEqual([statuses, runs.begun], [[], []])
        }
        assert.strictEqual(runs.alive, 0)
      }
      assert.strictEqual(refused, 100, "those that came after the shutdown")
    }))

  it.effect("TS-41 add while the supervisor is ending: SupervisorClosed, nothing starts", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("slow", Effect.onInterrupt(Effect.never, () => Effect.sleep(1000)))]
      })
      yield* TestClock.adjust(100)
      const down = yield* beside(supervisor.shutdown)
      const add = yield* after(500, timed(supervisor.add(Task.make("added", runs.of(Effect.never)))))
      yield* TestClock.adjust(1000)
      const { at, exit } = yield* Fiber.join(add)
      assert.strictEqual(at, 600)
      assert.strictEqual(failureOf(exit)._tag, "SupervisorClosed")
      assert.strictEqual((yield* Fiber.join(down)).at, 1100)
      assert.deepStrictEqual((yield* supervisor.await).statuses.map(({ task }) => task), ["slow"])
      assert.deepStrictEqual(runs.begun, [])
    }))
})

describe("TS-42", () => {
  it.effect("TS-42 a command about an unknown name fails with TaskNotFound, and says which", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("known", Effect.never)] })
      for (const command of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
        const error = yield* Effect.flip<unknown, unknown, never>(supervisor[command]("unknown"))
        assert.deepInclude(error as object, { _tag: "TaskNotFound", supervisor: "root", task: "unknown" }, command)
      }
      assert.deepStrictEqual(yield* tagsNow(supervisor), ["Healthy"])
    }))

  it.effect("TS-42 adding a name twice fails with TaskAlreadyExists, and the first is left alone", () =>
    Effect.gen(function*() {
      const first = new Runs()
      const second = new Runs()
      const supervisor = yield* Supervisor.make({ name: "root" })
      yield* supervisor.add(Task.make("task", first.of(Effect.never)))
      const error = yield* Effect.flip(supervisor.add(Task.make("task", second.of(Effect.never))))
      assert.deepInclude(assertTag(error, "TaskAlreadyExists"), { supervisor: "root", task: "task" })
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([first.begun, first.alive, second.begun], [[0], 1, []])
      // A name is taken whatever became of its task, until the task is removed.
      yield* supervisor.kill("task")
      assertTag(yield* Effect.flip(supervisor.add(Task.make("task", Effect.never))), "TaskAlreadyExists")
      yield* supervisor.remove("task")
      yield* supervisor.add(Task.make("task", second.of(Effect.never)))
      assert.deepStrictEqual(second.begun, [1000])
    }))

  it("TS-42 listing a name twice is refused when the supervisor is made", () => {
    const tasks = [Task.make("a", Effect.never), Task.make("b", Effect.never), Task.make("a", Effect.void)]
    assertRefused(() => Supervisor.make({ tasks }), "tasks[2]", "\"a\"", "a name that no other task")
  })
})

describe("TS-43", () => {
  it("TS-43 the empty name is refused when the task is made", () => {
    assertRefused(() => Task.make("", Effect.never), "name", "\"\"", "1 to 255 characters")
  })

  it("TS-43 so are too long ones, and those that cannot be part of a path", () => {
    assert.strictEqual(Task.make("n".repeat(255), Effect.never).name.length, 255)
    assertRefused(() => Task.make("n".repeat(256), Effect.never), "name", "256", "1 to 255 characters")
    for (const name of ["a/b", "/", "a\nb", "\u0000", "tab\t", "\u007f"]) {
      assertRefused(() => Task.make(name, Effect.never), "name", JSON.stringify(name), "\"/\" and control characters")
    }
  })
})

describe("TS-44", () => {
  /** Healthy tasks of every kind, each close to what it is allowed. */
  const healthy = {
    automatic: Task.make("automatic", Effect.never),
    manual: Task.make("manual", beating(1900), { heartbeat: Heartbeat.manual({ within: 2000 }) }),
    busy: Task.make("busy", beating(100), { heartbeat: Heartbeat.manual({ within: 2000 }) }),
    starting: Task.make("starting", Effect.andThen(Effect.sleep(1900), beating(1900)), {
      heartbeat: Heartbeat.manual({ within: 2000 }),
      startupTimeout: 2000
    }),
    probed: Task.make("probed", Effect.never, {
      heartbeat: Heartbeat.probe(Effect.andThen(Effect.sleep(950), Effect.sleep(950)), {
        timeout: 2000,
        failures: 1,
        schedule: Schedule.spaced(100)
      })
    })
  }

  const supervised = recorded(Supervisor.make({ healthCheck: noInitialDelay, tasks: Object.values(healthy) }))
  const unharmed = Effect.fnUntraced(
    function*([supervisor, events]: Effect.Success<typeof supervised>, when: string) {
      assert.deepStrictEqual(eventsOf(events, "HeartbeatMissed"), [], when)
      assert.deepStrictEqual(eventsOf(events, "ProbeFailed"), [], when)
      for (const status of yield* Effect.orDie(supervisor.statuses)) {
        assert.deepInclude(status, { _tag: "Healthy", runs: 1, attempt: 0 }, `${status.task} ${when}`)
      }
    }
  )

  for (const how of ["stall", "jump"] as const) {
    it.effect(`TS-44 no false restart after a ${how} of 10 times the timeout, whenever it comes`, () =>
      Effect.gen(function*() {
        for (let at = 0; at <= 4000; at += 50) {
          const clock = yield* StallingClock.make
          yield* clock.provide(Effect.scoped(Effect.gen(function*() {
            const all = yield* supervised
            yield* TestClock.adjust(at)
            yield* clock[how](20_000)
            yield* TestClock.adjust(6000)
            yield* unharmed(all, `after a ${how} at ${at}`)
          })))
        }
      }))

    it.effect(`TS-44 no false restart after many a ${how}, one close on another`, () =>
      Effect.gen(function*() {
        const clock = yield* StallingClock.make
        yield* clock.provide(Effect.scoped(Effect.gen(function*() {
          const all = yield* supervised
          for (const between of [0, 1, 20, 100, 150, 199, 200, 201, 500, 1899, 1900, 1901, 0, 0, 100, 100, 100]) {
            yield* clock[how](20_000)
            yield* TestClock.adjust(between)
          }
          yield* TestClock.adjust(4000)
          yield* unharmed(all, "after all of them")
        })))
      }))

    it.effect(`TS-44 a hang is seen all the same after a ${how}: only the time lost is not held against it`, () =>
      Effect.gen(function*() {
        const clock = yield* StallingClock.make
        yield* clock.provide(Effect.scoped(Effect.gen(function*() {
          const [, events] = yield* recorded(Supervisor.make({
            healthCheck: noInitialDelay,
            tasks: [
              Task.make("hung", Effect.andThen(Heartbeat.beat, Effect.never), {
                heartbeat: Heartbeat.manual({ within: 2000 }),
                restart: { times: 0 }
              })
            ]
          }))
          yield* TestClock.adjust(1000)
          yield* clock[how](20_000)
          yield* TestClock.adjust(1000)
          assert.deepStrictEqual(eventsOf(events, "HeartbeatMissed"), [])
          // What is lost is known to one health-check interval; the verdict may be another one late.
          yield* TestClock.adjust(401)
          assert.strictEqual(eventsOf(events, "HeartbeatMissed").length, 1)
        })))
      }))

    it.effect(`TS-44 a run that is stopping is not called unstoppable for a ${how}`, () =>
      Effect.gen(function*() {
        const clock = yield* StallingClock.make
        yield* clock.provide(Effect.scoped(Effect.gen(function*() {
          const slow = Effect.andThen(Effect.sleep(950), Effect.sleep(950))
          const [supervisor, events] = yield* recorded(Supervisor.make({
            tasks: [Task.make("task", Effect.onInterrupt(Effect.never, () => slow), { stopTimeout: 2000 })]
          }))
          yield* TestClock.adjust(1)
          const stop = yield* beside(supervisor.stop("task"))
          yield* TestClock.adjust(500)
          yield* clock[how](20_000)
          yield* TestClock.adjust(1400)
          assert.deepStrictEqual((yield* Fiber.join(stop)).exit, Exit.void)
          assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable"), [])
        })))
      }))
  }

  // The loop takes the first steps of a run, and the last of an interrupted one, in its own turn, and asks schedules
  // there; whoever is answered goes on there. What any of them takes is as much a stall as what anybody else does.
  const blockers: Record<
    string,
    (block: Effect.Effect<void>) => (supervisor: Supervisor.RunningSupervisor) => Effect.Effect<unknown, unknown>
  > = {
    "a run as it begins": (block) => (supervisor) =>
      supervisor.add(Task.make("blocker", Effect.andThen(block, Effect.never))),
    "a run as it is interrupted": (block) => (supervisor) =>
      Effect.flatMap(
        supervisor.add(Task.make("blocker", Effect.onInterrupt(Effect.never, () => block))),
        (handle) => handle.kill
      ),
    "a run that has just shown life": (block) => (supervisor) =>
      supervisor.add(
        Task.make(
          "blocker",
          Effect.forever(Effect.andThen(Effect.andThen(Heartbeat.beat, block), Effect.sleep(1000))),
          {
            heartbeat: Heartbeat.manual({ within: 2000 })
          }
        )
      ),
    "a schedule as it is asked": (block) => (supervisor) =>
      supervisor.add(Task.make("blocker", new Net(), {
        restart: { schedule: Schedule.tap(Schedule.spaced("1 hour"), () => block) }
      })),
    "a caller as it is answered": (block) => (supervisor) =>
      Effect.andThen(supervisor.add(Task.make("blocker", Effect.void)), block)
  }
  for (const [who, blocking] of Object.entries(blockers)) {
    it.effect(`TS-44 no false restart after the thread was blocked by ${who}`, () =>
      Effect.gen(function*() {
        for (let at = 0; at <= 2000; at += 50) {
          const clock = yield* StallingClock.make
          yield* clock.provide(Effect.scoped(Effect.gen(function*() {
            const all = yield* supervised
            const start = yield* Clock.currentTimeMillis
            if (at > 0) yield* after(at, blocking(clock.jump(20_000))(all[0]))
            else yield* blocking(clock.jump(20_000))(all[0])
            yield* TestClock.adjust(at)
            assert.strictEqual(yield* Clock.currentTimeMillis, start + at + 20_000)
            yield* TestClock.adjust(6000)
            yield* Effect.orDie(all[0].remove("blocker"))
            yield* unharmed(all, `after ${who} at ${at}`)
          })))
        }
      }))
  }

  for (const [way, by] of Object.entries({ forward: 3_600_000, back: -3_600_000 })) {
    it.effect(`TS-44 the wall clock is set ${way}: no restart, and none that is due comes at another time`, () =>
      Effect.gen(function*() {
        const clock = yield* StallingClock.make
        yield* clock.provide(Effect.scoped(Effect.gen(function*() {
          const all = yield* supervised
          const runs = new Runs()
          yield* all[0].add(Task.make("failing", runs.inTurn(new Net(), beating(100))))
          yield* TestClock.adjust(600)
          yield* clock.setWall(by)
          yield* TestClock.adjust(399)
          assert.strictEqual(runs.begun.length, 1)
          yield* TestClock.adjust(1)
          assert.strictEqual(runs.begun.length, 2)
          yield* TestClock.adjust("1 minute")
          yield* all[0].remove("failing")
          yield* unharmed(all, `after an hour ${way}`)
        })))
      }))
  }
})

describe("TS-45", () => {
  it.effect("TS-45 10,000 tasks stay Healthy for a minute, one run each, and nothing happens", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        tasks: Array.from({ length: 10_000 }, (_, index) => Task.make(`task ${index}`, Effect.never))
      })
      const { seen } = yield* collect(supervisor.events)
      for (let second = 1; second <= 60; second++) {
        yield* TestClock.adjust("1 second")
        if (second % 20 !== 0) continue
        const statuses = yield* supervisor.statuses
        assert.strictEqual(statuses.length, 10_000)
        for (const { _tag, attempt, lastHeartbeat, runs, since } of statuses) {
          assert.deepStrictEqual([_tag, attempt, lastHeartbeat, runs, since], ["Healthy", 0, second * 1000, 1, 0])
        }
      }
      assert.deepStrictEqual(tagsOf(seen), ["Snapshot"])
    }))
})

describe("TS-46", () => {
  it.effect("TS-46 the scope decides, nothing else: who added a task may go", () =>
    Effect.gen(function*() {
      const runs = new Runs()
      const scope = yield* Scope.make()
      const supervisor = yield* Scope.provide(Supervisor.make(), scope)
      // The adder's scope closes, its fiber ends, its handle is dropped, a caller is interrupted.
      yield* Effect.scoped(supervisor.add(Task.make("scoped", runs.of(Effect.never))))
      yield* Fiber.join(yield* beside(supervisor.add(Task.make("forked", runs.of(Effect.never)))))
      yield* Fiber.interrupt(yield* beside(supervisor.await))
      globalThis.gc?.()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* tagsNow(supervisor), ["Healthy", "Healthy"])
      assert.deepStrictEqual([runs.begun, runs.alive], [[0, 0], 2])

      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(runs.alive, 0)
      assert.deepStrictEqual((yield* supervisor.await).statuses.map(({ _tag }) => _tag), ["Dead", "Dead"])
      assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
    }))
})

describe("TS-47", () => {
  const completingAt = (name: string, millis: number) => Task.make(name, Effect.sleep(millis))

  it.effect("TS-47 with whenAllCompleted: \"end\" the supervisor ends when the last task has completed", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        whenAllCompleted: "end",
        tasks: [completingAt("a", 100), completingAt("b", 300)]
      })
      const end = yield* beside(supervisor.await)
      yield* after(200, supervisor.add(completingAt("c", 200)))
      yield* TestClock.adjust(399)
      assert.strictEqual(yield* ended(end), undefined)
      assert.deepStrictEqual(yield* tagsNow(supervisor), ["Completed", "Completed", "Healthy"])
      yield* TestClock.adjust(1)
      const { at, exit } = yield* Fiber.join(end)
      assert.strictEqual(at, 400)
      assert.deepStrictEqual(
        (yield* exit).statuses.map(({ _tag, since, task }) => [task, _tag, since]),
        [["a", "Completed", 100], ["b", "Completed", 300], ["c", "Completed", 400]]
      )
    }))

  it.effect("TS-47 Supervisor.run returns then", () =>
    Effect.gen(function*() {
      const run = yield* beside(Supervisor.run({
        whenAllCompleted: "end",
        tasks: [completingAt("a", 100), completingAt("b", 50)]
      }))
      yield* TestClock.adjust(99)
      assert.strictEqual(yield* ended(run), undefined)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(run), { exit: Exit.void, at: 100 })
    }))

  it.effect("TS-47 by default it stays, and so does one without tasks, or with a stopped one", () =>
    Effect.gen(function*() {
      const stays = yield* Supervisor.make({ tasks: [completingAt("a", 100)] })
      const empty = yield* Supervisor.make({ whenAllCompleted: "end" })
      const stopped = yield* Supervisor.make({
        whenAllCompleted: "end",
        tasks: [completingAt("a", 100), Task.make("b", Effect.never)]
      })
      yield* stopped.stop("b")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* tagsNow(stays), ["Completed"])
      assert.deepStrictEqual(yield* tagsNow(empty), [])
      assert.deepStrictEqual(yield* tagsNow(stopped), ["Completed", "Stopped"])
    }))
})

describe("TS-48", () => {
  it("TS-48 an interval of 0 is a RangeError when made", () => {
    const allowed = "a duration above 0"
    assertRefused(() => Supervisor.make({ healthCheck: { interval: 0 } }), "healthCheck.interval", "0", allowed)
    assertRefused(() => Heartbeat.automatic({ every: 0 }), "every", "0", allowed)
    assertRefused(() => Heartbeat.manual({ within: "0 seconds" }), "within", "0 seconds", allowed)
    assertRefused(() => Heartbeat.probe(Effect.void, { timeout: 0 }), "timeout", "0", allowed)
  })

  const endless = Effect.gen(function*() {
    const runs = new Runs()
    const [supervisor, events] = yield* recorded(Supervisor.make())
    const handle = yield* supervisor.add(Task.make("task", runs.inTurn(new Net(), Effect.never), {
      restart: { schedule: Schedule.spaced(Number.POSITIVE_INFINITY) }
    }))
    yield* TestClock.adjust("1000 days")
    const failed = assertStatus(yield* statusOf(supervisor, "task"), "Failed")
    assert.deepInclude(failed, { runs: 1, attempt: 1 })
    assert.notProperty(failed, "restartAt")
    assert.deepStrictEqual(
      eventsOf(events, "RestartScheduled").map((event) => ["delay" in event, "restartAt" in event]),
      [[false, false]]
    )
    return { runs, supervisor, handle }
  })

  for (
    const [command, tag, runsAfter] of [
      ["start", "Healthy", 2],
      ["restart", "Healthy", 2],
      ["stop", "Stopped", 1],
      ["kill", "Dead", 1]
    ] as const
  ) {
    it.effect(`TS-48 an endless delay keeps the task Failed, and ${command} still works`, () =>
      Effect.gen(function*() {
        const { runs, supervisor } = yield* endless
        yield* supervisor[command]("task")
        assert.deepInclude(yield* statusOf(supervisor, "task"), { _tag: tag, runs: runsAfter })
        assert.strictEqual(runs.begun.length, runsAfter)
      }))
  }

  it.effect("TS-48 an endless delay keeps the task Failed, and remove, add, shutdown and await still work", () =>
    Effect.gen(function*() {
      const { handle, supervisor } = yield* endless
      const outcome = yield* beside(handle.await)
      yield* supervisor.remove("task")
      assert.strictEqual(assertTag(failureOf((yield* Fiber.join(outcome)).exit), "TaskDead").why, "Killed")
      yield* supervisor.add(Task.make("task", new Net(), {
        restart: { schedule: Schedule.spaced(Number.POSITIVE_INFINITY) }
      }))
      yield* supervisor.shutdown
      assert.deepStrictEqual(
        (yield* supervisor.await).statuses.map((status) => status._tag === "Dead" && status.why),
        ["ShutDown"]
      )
    }))
})

describe("TS-49", () => {
  const setUp = (options: Task.TaskOptions<never>) =>
    Effect.gen(function*() {
      const runs = new Runs()
      const [supervisor, events] = yield* recorded(Supervisor.make({ name: "root" }))
      const { body, release } = yield* stubborn
      const handle = yield* supervisor.add(Task.make("task", runs.inTurn(body, Effect.never), options))
      return { runs, supervisor, events, release, handle }
    })

  for (const stopTimeout of [5000, 200]) {
    it.effect(`TS-49 kill of a run that ignores it fails with TaskUnstoppable at the stop timeout: ${stopTimeout}`, () =>
      Effect.gen(function*() {
        const { events, handle, release, runs, supervisor } = yield* setUp(stopTimeout === 5000 ? {} : { stopTimeout })
        yield* TestClock.adjust(1000)
        const kill = yield* beside(supervisor.kill("task"))
        yield* TestClock.adjust(stopTimeout - 1)
        assert.strictEqual(yield* ended(kill), undefined)
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Stopping"), {
          since: 1000,
          overdue: false
        })
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
        yield* TestClock.adjust(1)
        const { at, exit } = yield* Fiber.join(kill)
        assert.strictEqual(at, 1000 + stopTimeout)
        assert.deepInclude(assertTag(failureOf(exit), "TaskUnstoppable"), {
          supervisor: "root",
          task: "task",
          generation: 1,
          stopTimeout
        })
        assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Stopping"), {
          since: 1000,
          overdue: true
        })
        assert.deepStrictEqual(yield* supervisor.unstoppable, [
          { task: "task", path: "root/task", generation: 1, stoppingSince: 1000 }
        ])
        assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable").map(({ generation, time }) => [generation, time]), [
          [1, 1000 + stopTimeout]
        ])

        // It is done when it ends.
        const outcome = yield* beside(handle.await)
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual([runs.begun, runs.alive], [[0], 1])
        yield* after(1, release)
        yield* TestClock.adjust(1)
        assert.strictEqual(assertTag(failureOf((yield* Fiber.join(outcome)).exit), "TaskDead").why, "Killed")
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "task"), "Dead").why, "Killed")
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(runs.begun, [0])
      }))
  }

  it.effect("TS-49 a command about an overdue run fails at once, is the last intent, and is done when the run ends", () =>
    Effect.gen(function*() {
      const { release, runs, supervisor } = yield* setUp({ stopTimeout: 200 })
      const kill = yield* beside(supervisor.kill("task"))
      const restart = yield* after(1000, timed(supervisor.restart("task")))
      yield* TestClock.adjust(2000)
      assertTag(failureOf((yield* Fiber.join(kill)).exit), "TaskUnstoppable")
      const { at, exit } = yield* Fiber.join(restart)
      assert.strictEqual(at, 1000)
      assertTag(failureOf(exit), "TaskUnstoppable")
      assert.deepStrictEqual([runs.begun, runs.most], [[0], 1], "never overlapped")
      yield* after(1000, release)
      yield* TestClock.adjust(1000)
      assert.deepInclude(assertStatus(yield* statusOf(supervisor, "task"), "Healthy"), { generation: 2, since: 3000 })
      assert.deepStrictEqual([runs.begun, runs.ended, runs.most], [[0, 3000], [3000], 1])
    }))

  it.effect("TS-49 a run that ends in time is no trouble: one millisecond before the bound", () =>
    Effect.gen(function*() {
      const { events, release, supervisor } = yield* setUp({ stopTimeout: 200 })
      yield* after(199, release)
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* Fiber.join(kill), { exit: Exit.void, at: 199 })
      assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable"), [])
    }))

  it.effect("TS-49 only an explicit \"infinity\" waits without bound", () =>
    Effect.gen(function*() {
      const { release, supervisor } = yield* setUp({ stopTimeout: "infinity" })
      const kill = yield* beside(supervisor.kill("task"))
      yield* TestClock.adjust("1000 days")
      assert.strictEqual(yield* ended(kill), undefined)
      assert.isFalse(assertStatus(yield* statusOf(supervisor, "task"), "Stopping").overdue)
      yield* after(1, release)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual((yield* Fiber.join(kill)).exit, Exit.void)
    }))
})

describe("TS-50", () => {
  type Command = "restart" | "stop" | "kill" | "remove"

  /** Gives commands 100 ms apart, from 1 ms on, about a task that needs 500 ms to stop. */
  const given = Effect.fnUntraced(function*(commands: ReadonlyArray<Command>) {
    const runs = new Runs()
    const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(500))
    const supervisor = yield* Supervisor.make({
      name: "root",
      tasks: [Task.make("task", runs.inTurn(slow, Effect.never))]
    })
    const fibers = yield* Effect.forEach(
      commands,
      (command, index) => after(index * 100 + 1, timed(supervisor[command]("task")))
    )
    yield* TestClock.adjust(1000)
    const answers = yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    const statuses = yield* supervisor.statuses
    assert.strictEqual(runs.most, 1)
    return { answers, begun: runs.begun, status: statuses[0]?._tag }
  })

  const superseded = (
    { at, exit }: { readonly at: number; readonly exit: Exit.Exit<void, Supervisor.Unended> },
    expected: { readonly command: Command; readonly by: Command; readonly at: number }
  ) => {
    const { by, command, supervisor, task } = assertTag(failureOf(exit), "CommandSuperseded")
    assert.deepStrictEqual({ at, by, command, supervisor, task }, { ...expected, supervisor: "root", task: "task" })
  }

  it.effect("TS-50 restart then kill: ends Dead, the restart fails with CommandSuperseded", () =>
    Effect.gen(function*() {
      const { answers, begun, status } = yield* given(["restart", "kill"])
      superseded(answers[0]!, { command: "restart", by: "kill", at: 101 })
      assert.deepStrictEqual(answers[1], { exit: Exit.void, at: 501 })
      assert.deepStrictEqual([begun, status], [[0], "Dead"])
    }))

  it.effect("TS-50 kill then restart: ends running, the kill fails with CommandSuperseded", () =>
    Effect.gen(function*() {
      const { answers, begun, status } = yield* given(["kill", "restart"])
      superseded(answers[0]!, { command: "kill", by: "restart", at: 101 })
      assert.deepStrictEqual(answers[1], { exit: Exit.void, at: 501 })
      assert.deepStrictEqual([begun, status], [[0, 501], "Healthy"])
    }))

  it.effect("TS-50 of many, the last one wins; each is told by which it was overtaken", () =>
    Effect.gen(function*() {
      const { answers, begun, status } = yield* given(["stop", "restart", "remove", "kill", "stop"])
      superseded(answers[0]!, { command: "stop", by: "restart", at: 101 })
      superseded(answers[1]!, { command: "restart", by: "remove", at: 201 })
      superseded(answers[2]!, { command: "remove", by: "kill", at: 301 })
      superseded(answers[3]!, { command: "kill", by: "stop", at: 401 })
      assert.deepStrictEqual(answers[4], { exit: Exit.void, at: 501 })
      assert.deepStrictEqual([begun, status], [[0], "Stopped"])
    }))

  it.effect("TS-50 equal commands overtake nobody: both are answered", () =>
    Effect.gen(function*() {
      const { answers, begun, status } = yield* given(["kill", "kill"])
      assert.deepStrictEqual(answers, [{ exit: Exit.void, at: 501 }, { exit: Exit.void, at: 501 }])
      assert.deepStrictEqual([begun, status], [[0], "Dead"])
    }))
})
