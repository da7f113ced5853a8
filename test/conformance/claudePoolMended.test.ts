/**
 * What the pool that ours continues gets wrong, and ours does right. The ids are those of its list of behaviours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as SlotPool from "effect-supervisor/SlotPool"
import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import * as Counting from "../support/Counting.ts"
import { fork, Net, settle, stubborn, within } from "../support/fixtures.ts"
import * as Pools from "../support/pools.ts"
import * as StallingClock from "../support/StallingClock.ts"

const {
  assertReason,
  Broken,
  defectOf,
  held,
  inShort,
  jobsOf,
  on,
  own,
  recordOf,
  rewrite,
  slotsOf,
  statesOf,
  told,
  watched,
  where,
  Workers
} = Pools

class Refused extends Data.TaggedError("Refused")<{ readonly by: string }> {}

const died = () => Effect.die(new Error("out of order"))

/** A pool of one slot whose workers are seen. */
const manned = (options: SlotPool.SlotPoolOptions<Pools.Worker, Pools.Broken> = {}) =>
  Effect.gen(function*() {
    const workers = new Workers()
    const made = SlotPool.make({ acquire: workers.acquire, watch: workers.watch, ...options })
    const { events, pool } = yield* watched(made)
    return { workers, pool, events }
  })

/** The value of a metric of a pool. */
const metric = (id: string, pool: string, attributes: Record<string, string> = {}) =>
  Effect.map(Metric.snapshot, (all) => {
    const one = all.find((one) =>
      one.id === id && one.attributes?.["pool"] === pool &&
      Object.entries(attributes).every(([key, value]) => one.attributes?.[key] === value)
    )
    const state = one?.state as { readonly value?: number; readonly count?: number } | undefined
    return state?.value ?? state?.count
  })

describe("SP-30 a worker that is out of order makes its slot Errored, with the cause", () => {
  const cannot: ReadonlyArray<readonly [string, Effect.Effect<never, Pools.Broken>, string]> = [
    ["fails", Effect.fail(new Broken({ what: "no port" })), "Broken"],
    ["dies", Effect.die(new TypeError("no such port")), "TypeError: no such port"],
    [
      "throws",
      Effect.suspend((): never => {
        throw new Error("thrown while it is made")
      }),
      "thrown while it is made"
    ],
    ["is interrupted from within", Effect.interrupt, "interrupted"]
  ]
  for (const [how, before, error] of cannot) {
    it.effect(`SP-30 one that cannot be acquired: it ${how}`, () =>
      Effect.gen(function*() {
        const workers = new Workers()
        workers.before.push(Effect.void, before)
        const { events, pool } = yield* watched(SlotPool.make({ slots: 2, acquire: workers.acquire }))
        assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Errored"])
        assert.include((yield* recordOf(pool, "slot-1")).error, error)
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 1, errored: 1 })
        assert.strictEqual(workers.alive("slot-1"), 0)
        // The other one works, and a pass puts this one back.
        assert.strictEqual(yield* pool.run(where), "slot-0")
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
        yield* settle
        assert.strictEqual(workers.alive("slot-1"), 1)
        assert.deepInclude(yield* recordOf(pool, "slot-1"), { state: "Idle", restarts: 1 })
        assert.include(inShort(events), "SlotRestarted slot-1")
      }))
  }

  it.effect("SP-30 one that takes longer than acquireTimeout, and it is interrupted", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const { events, pool } = yield* watched(SlotPool.make({
        acquire: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      }))
      yield* TestClock.adjust(59_999)
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
      assert.include((yield* recordOf(pool)).error, "60000 ms")
      assert.strictEqual(interrupted, 1)
      assert.deepStrictEqual(told(events, "SlotErrored").map(({ slot, time }) => [slot, time]), [["slot-0", 60_000]])
    }))

  it.effect("SP-30 an acquireTimeout of one's own; a worker in time is in time, and what it had acquired is released", () =>
    Effect.gen(function*() {
      const released: Array<string> = []
      const acquire = ({ slot }: { readonly slot: string }) =>
        Effect.andThen(
          Effect.acquireRelease(Effect.void, () => Effect.sync(() => released.push(slot))),
          Effect.sleep(slot === "slot-0" ? 1999 : 2001)
        )
      const pool = yield* SlotPool.make({ slots: 2, acquire, acquireTimeout: "2 seconds" })
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Errored"])
      assert.deepStrictEqual(released, ["slot-1"])
    }))

  const ends: ReadonlyArray<readonly [string, Exit.Exit<void, Pools.Broken>, string]> = [
    ["well", Exit.void, "the worker ended"],
    ["with an error", Exit.fail(new Broken({ what: "pipe" })), "Broken"],
    ["with a defect", Exit.die(new Error("segmentation fault")), "segmentation fault"],
    ["by interruption", Exit.interrupt(), "interrupted"]
  ]
  for (const [how, exit, error] of ends) {
    it.effect(`SP-30 one that ends ${how} while it is idle`, () =>
      Effect.gen(function*() {
        const { events, pool, workers } = yield* manned()
        yield* TestClock.adjust(700)
        yield* workers.die("slot-0", exit)
        const record = yield* recordOf(pool)
        assert.deepInclude(record, { state: "Errored", erroredAt: 700, restarts: 0 })
        assert.include(record.error ?? "", error)
        assert.deepStrictEqual(workers.log, ["slot-0#1 acquired", "slot-0#1 released"])
        assert.deepInclude({ ...told(events, "SlotErrored")[0]! }, {
          slot: "slot-0",
          time: 700,
          restarts: 0,
          error: record.error!
        })
      }))

    it.effect(`SP-30 one that ends ${how} beneath a job, which is lost and ends at once`, () =>
      Effect.gen(function*() {
        const { events, pool, workers } = yield* manned()
        const job = held("never")
        const id = yield* pool.submit(job.job)
        const running = yield* fork(Effect.exit(pool.await(id)))
        yield* workers.die("slot-0", exit)
        const reason = assertReason(yield* Fiber.join(running), "JobLost")
        assert.deepInclude({ ...reason }, { job: id, slot: "slot-0" })
        assert.include(reason.why, error)
        assert.strictEqual(job.interrupted, 1)
        assert.deepInclude(yield* recordOf(pool), { state: "Errored" })
        assert.deepStrictEqual(jobsOf(yield* pool.status), { lost: 1 })
        assert.deepStrictEqual((yield* pool.list()).map(({ state }) => state), ["Lost"])
        assert.deepStrictEqual(told(events, "JobLost").map(({ job, slot }) => [job, slot]), [[id, "slot-0"]])
        // Everything of the job ended before its worker was released.
        assert.deepStrictEqual(workers.log, ["slot-0#1 acquired", "slot-0#1 released"])
      }))
  }

  it.effect("SP-30 one that fails its probe three times in a row, every 10 s", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { events, pool } = yield* watched(SlotPool.make({ acquire: workers.acquire, probe: workers.probe }))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      workers.on("slot-0").probe = Effect.fail(new Broken({ what: "no answer" }))
      yield* TestClock.adjust(29_999)
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      yield* TestClock.adjust(1)
      const record = yield* recordOf(pool)
      assert.strictEqual(record.state, "Errored")
      assert.match(record.error ?? "", /probe.*Broken/)
      assert.strictEqual(told(events, "SlotErrored").length, 1)
    }))

  it.effect("SP-30 two failures of its probe, and then none, are no verdict", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const pool = yield* SlotPool.make({
        acquire: workers.acquire,
        probe: workers.probe,
        probing: { schedule: Schedule.spaced("1 second"), failures: 3 }
      })
      yield* settle
      const worker = workers.on("slot-0")
      for (let round = 0; round < 3; round++) {
        worker.probe = Effect.fail(new Broken({ what: "no answer" }))
        yield* TestClock.adjust("2 seconds")
        worker.probe = Effect.void
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      }
    }))

  it.effect("SP-30 one whose probe does not answer in time; its job is lost", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { events, pool } = yield* watched(SlotPool.make({
        acquire: workers.acquire,
        probe: workers.probe,
        probing: { schedule: Schedule.spaced("5 seconds"), timeout: "500 millis", failures: 1 }
      }))
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      workers.on("slot-0").probe = Effect.never
      yield* TestClock.adjust(5499)
      assert.deepStrictEqual(yield* statesOf(pool), ["Busy"])
      yield* TestClock.adjust(1)
      const reason = assertReason(yield* Fiber.join(running), "JobLost")
      assert.include(reason.why, "probe")
      assert.strictEqual(job.interrupted, 1)
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
      assert.strictEqual(told(events, "JobLost").length, 1)
    }))

  it.effect("SP-30 a probe begins when there is a worker, however long that takes to be acquired", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.before.push(Effect.sleep("50 seconds"))
      let probes = 0
      const pool = yield* SlotPool.make({
        acquire: workers.acquire,
        probe: () => Effect.sync(() => probes++),
        probing: { schedule: Schedule.spaced("1 second"), failures: 1 }
      })
      yield* TestClock.adjust(49_999)
      assert.strictEqual(probes, 0)
      yield* TestClock.adjust("3 seconds")
      assert.isAbove(probes, 0)
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))
})

describe("SP-30 a job that ends in a defect makes its slot Errored, one that fails does not", () => {
  it.effect("SP-30 a defect reaches the caller as it is, and the slot is Errored with it", () =>
    Effect.gen(function*() {
      const { events, pool, workers } = yield* manned({ slots: 1 })
      const defect = new Error("out of order")
      const exit = yield* Effect.exit(pool.run(() => Effect.die(defect)))
      assert.strictEqual(defectOf(exit), defect)
      const record = yield* recordOf(pool)
      assert.strictEqual(record.state, "Errored")
      assert.include(record.error, "out of order")
      yield* settle
      assert.strictEqual(workers.alive("slot-0"), 0)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { failed: 1 })
      assert.strictEqual(told(events, "SlotErrored").length, 1)
      assert.deepStrictEqual(told(events, "JobLost"), [])
    }))

  it.effect("SP-30 a job that throws before there is an effect, and one with a typed failure and a dying finalizer", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const thrown = yield* Effect.exit(pool.run((): Effect.Effect<never> => {
        throw new Error("thrown")
      }))
      assert.strictEqual((defectOf(thrown) as Error).message, "thrown")
      const both = yield* Effect.exit(
        pool.run(() => Effect.ensuring(Effect.fail(new Net()), Effect.die(new Error("and the finalizer"))))
      )
      assert(Exit.isFailure(both))
      assert.isTrue(both.cause.reasons.some(Cause.isDieReason))
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored", "Errored"])
    }))

  it.effect("SP-30 a typed failure is the caller's: the slot is Idle, with the same worker and its session", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned()
      yield* pool.run((_, { setSession }) => setSession("thread"))
      const error = yield* Effect.flip(pool.run(() => Effect.fail(new Refused({ by: "model" }))))
      assert.deepStrictEqual(error, new Refused({ by: "model" }))
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", session: "thread", completed: 1 })
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired"])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1, failed: 1 })
    }))

  it.effect("SP-30 a job that is interrupted from within ends so for its caller, and leaves the slot Idle", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned()
      const exit = yield* Effect.exit(pool.run(() => Effect.interrupt))
      assert(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 1)
      assert.strictEqual(workers.countOf("slot-0"), 1)
    }))

  it.effect("SP-30 slotFailure says which failures are the slot's too; the caller gets them all the same", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { pool } = yield* manned({
        slotFailure: (error) => {
          asked.push(error)
          return error instanceof Net
        }
      })
      assert.instanceOf(yield* Effect.flip(pool.run(() => Effect.fail(new Refused({ by: "model" })))), Refused)
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
      assert.instanceOf(yield* Effect.flip(pool.run(() => Effect.fail(new Net()))), Net)
      const record = yield* recordOf(pool)
      assert.strictEqual(record.state, "Errored")
      assert.include(record.error, "Net")
      assert.deepStrictEqual(asked, [new Refused({ by: "model" }), new Net()])
      yield* pool.checkAndRestartSlots
      yield* settle
      // Neither success nor a defect is asked about.
      yield* pool.run(where)
      yield* Effect.exit(pool.run(died))
      assert.strictEqual(asked.length, 2)
    }))

  it.effect("SP-30 a slotFailure that throws means yes", () =>
    Effect.gen(function*() {
      const { pool } = yield* manned({
        slotFailure: () => {
          throw new Error("cannot say")
        }
      })
      assert.instanceOf(yield* Effect.flip(pool.run(() => Effect.fail(new Net()))), Net)
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
    }))

  it.effect("SP-30 a slot in error takes no jobs and is not put back by anything but a pass", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned({ assignTimeout: "infinity" })
      yield* Effect.exit(pool.run(died))
      const waiting = yield* fork(pool.run((worker) => Effect.succeed(worker.number)))
      yield* TestClock.adjust("1 day")
      assert.isUndefined(waiting.pollUnsafe())
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
      assert.strictEqual(workers.countOf("slot-0"), 1)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      assert.strictEqual(yield* Fiber.join(waiting), 2)
    }))
})

describe("SP-31", () => {
  /** A pass that has listed, and is about to write slot-0; what happens meanwhile is the test's. */
  const inBetween = Effect.fnUntraced(function*(
    store: Pools.FaultyStore,
    pool: SlotPool.SlotPool<unknown, unknown>,
    meanwhile: Effect.Effect<unknown, unknown>
  ) {
    store.breakOnce((put) => Effect.andThen(Effect.orDie(meanwhile), put), "put")
    return yield* pool.checkAndRestartSlots
  })

  it.effect("SP-31 counters that were written since the pass has listed are not lost; the next pass puts the slot back", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ maxRestarts: 10 }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      const newer = rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, completed: 99, restarts: 4 }))
      assert.strictEqual(yield* inBetween(store, pool, newer), 0)
      assert.deepInclude(yield* recordOf(pool), { state: "Errored", completed: 99, restarts: 4 })
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 99, restarts: 5 })
      yield* settle
      assert.strictEqual(yield* pool.run(where), "slot-0")
      assert.deepInclude(yield* recordOf(pool), { completed: 100, restarts: 5 })
      assert.isUndefined((yield* pool.status).degraded)
    }))

  it.effect("SP-31 a slot that was deleted since is not resurrected by the pass", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      const [errored] = yield* pool.findSlots({ state: "Errored" })
      assert.strictEqual(yield* inBetween(store, pool, store.base.delete("pool", errored!.slot)), 0)
      assert.strictEqual((yield* pool.findSlots()).length, 1)
      assert.isTrue(Option.isNone(yield* Effect.orDie(store.base.get("pool", errored!.slot))))
    }))

  it.effect("SP-31 a slot that is drained meanwhile is not un-stopped by the pass, be it listed or being written", () =>
    Effect.gen(function*() {
      for (const operation of ["list", "put"] as const) {
        const store = yield* Pools.faulty()
        const pool = yield* on(store)(SlotPool.make({ name: operation }))
        yield* settle
        yield* Effect.exit(pool.run(died))
        const gate = yield* Deferred.make<void>()
        store.breakOnce((asked) => Effect.tap(asked, () => Deferred.await(gate)), operation)
        const pass = yield* fork(pool.checkAndRestartSlots)
        const draining = yield* fork(pool.drain())
        yield* Deferred.succeed(gate, void 0)
        yield* Fiber.join(pass)
        assert.strictEqual((yield* Fiber.join(draining)).slots, 1)
        yield* settle
        assert.deepStrictEqual(yield* statesOf(pool), ["Stopped"])
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, stopped: 1 })
        assert.strictEqual((yield* Effect.orDie(pool.supervisor.status("slot-0")))._tag, "Stopped")
      }
    }))

  it.effect("SP-31 a slot that was stopped in the store since is not un-stopped, and gets no jobs", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      const [errored] = yield* pool.findSlots({ state: "Errored" })
      const stopping = rewrite(store.base, "pool", errored!.slot, (record) => ({ ...record, state: "Stopped" }))
      assert.strictEqual(yield* inBetween(store, pool, stopping), 0)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      assert.strictEqual((yield* recordOf(pool, errored!.slot)).state, "Stopped")
      const ran = yield* pool.fanOut([1, 2, 3], (_, __, { slot }) => Effect.succeed(slot.slot))
      assert.isTrue(ran.every((exit) => Exit.isSuccess(exit) && exit.value !== errored!.slot))
    }))

  it.effect("SP-31 a slot that has been put back and is Busy since is not booked twice by a pass that listed before", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const pool = yield* on(store)(SlotPool.make({ acquire: workers.acquire }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      const job = held("done")
      // The pass has what was listed when the slot was Errored, and goes on when a job is under way.
      const gate = yield* Deferred.make<void>()
      store.breakOnce((list) => Effect.tap(list, () => Deferred.await(gate)), "list")
      const stale = yield* fork(pool.checkAndRestartSlots)
      yield* Effect.orDie(pool.supervisor.restart("slot-0"))
      yield* settle
      const running = yield* fork(pool.run(job.job))
      assert.deepInclude(yield* recordOf(pool), { state: "Busy", restarts: 0 })
      yield* Deferred.succeed(gate, void 0)
      assert.strictEqual(yield* Fiber.join(stale), 0)
      yield* settle
      assert.deepInclude(yield* recordOf(pool), { state: "Busy", restarts: 0 })
      assert.strictEqual(workers.countOf("slot-0"), 2)
      assert.strictEqual(job.interrupted, 0)
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
    }))

  it.effect("SP-31 what somebody else wrote while a job ran is kept when its end is written", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      const job = held("done")
      const running = yield* fork(pool.run(job.job))
      yield* rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, completed: 41, session: "theirs" }))
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 42, session: "theirs" })
    }))

  it.effect("SP-31 a slot whose record is deleted beneath it is lost, its job is not, and it is taken up anew", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const { events, pool } = yield* watched(on(store)(SlotPool.make({ acquire: workers.acquire })))
      const job = held("done")
      const running = yield* fork(pool.run(job.job))
      yield* store.base.delete("pool", "slot-0")
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
      yield* settle
      assert.deepStrictEqual(told(events, "SlotLost").map(({ slot, why }) => [slot, why]), [
        ["slot-0", "its record was deleted"]
      ])
      assert.strictEqual(workers.alive("slot-0"), 0)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, foreign: 1 })
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", owner: pool.owner })
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))

  it.effect("SP-31 a job that its slot turns out not to be had for goes to another one, or keeps its clock", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2, assignTimeout: "10 seconds" }))
      yield* settle
      const stop = (slot: string) => rewrite(store.base, "pool", slot, (record) => ({ ...record, state: "Stopped" }))
      const first = yield* pool.run(where)
      const second = first === "slot-0" ? "slot-1" : "slot-0"
      yield* stop(first)
      assert.strictEqual(yield* pool.run(where), second)
      yield* stop(second)
      store.break(Pools.slow(100), "put")
      const early = yield* fork(Effect.exit(pool.run(where)))
      yield* TestClock.adjust(50)
      const late = yield* fork(Effect.exit(pool.run(where)))
      yield* TestClock.adjust(9949)
      assert.isUndefined(early.pollUnsafe())
      yield* TestClock.adjust(1)
      assertReason(yield* Fiber.join(early), "NoSlotAvailable")
      yield* TestClock.adjust(49)
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust(1)
      assertReason(yield* Fiber.join(late), "NoSlotAvailable")
    }))
})

describe("SP-32 at most one restart for each error", () => {
  it.effect("SP-32 two passes at once put a slot back once, and count one", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const pool = yield* on(store)(SlotPool.make({ slots: 3, acquire: workers.acquire }))
      yield* settle
      yield* pool.fanOut([1, 2, 3], died)
      for (const fault of [undefined, Pools.slow(50)]) {
        if (fault !== undefined) {
          yield* pool.fanOut([1, 2, 3], died)
          store.break(fault)
        }
        const passes = yield* fork(Effect.all(Array.from({ length: 4 }, () => pool.checkAndRestartSlots), {
          concurrency: "unbounded"
        }))
        yield* TestClock.adjust("2 seconds")
        store.mend()
        const counts = yield* Fiber.join(passes)
        assert.strictEqual(counts.reduce((one, other) => one + other), 3)
        yield* settle
      }
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts, state }) => `${state} ${restarts}`), [
        "Idle 2",
        "Idle 2",
        "Idle 2"
      ])
      assert.deepStrictEqual([0, 1, 2].map((n) => workers.countOf(`slot-${n}`)), [3, 3, 3])
      assert.strictEqual(workers.most, 1)
      assert.strictEqual((yield* pool.status).restarts, 6)
    }))

  it.effect("SP-32 a pass by hand and the timer's at the same moment put a slot back once", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ supervisor: { enabled: true, interval: "5 seconds" } }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      store.break(Pools.slow(10))
      yield* TestClock.adjust(4995)
      const byHand = yield* fork(pool.checkAndRestartSlots)
      yield* TestClock.adjust("1 second")
      store.mend()
      yield* Fiber.join(byHand)
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 1 })
      assert.strictEqual((yield* pool.status).restarts, 1)
    }))

  it.effect("SP-32 each error is worth one restart: no increment is lost or doubled over many rounds", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 2,
        maxRestarts: Number.POSITIVE_INFINITY,
        supervisor: { enabled: true, interval: "1 second" }
      })
      yield* settle
      for (let round = 0; round < 20; round++) {
        yield* pool.fanOut([1, 2], died)
        const byHand = yield* fork(pool.checkAndRestartSlots)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(byHand)
        yield* settle
      }
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts }) => restarts), [20, 20])
      assert.strictEqual((yield* pool.status).restarts, 40)
      assert.strictEqual(yield* metric("effect_supervisor_pool_slot_restarts_total", "pool"), 40)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

/** What several pools of one store say they own, slot by slot: never two of them one. */
const ownedBy = (pools: ReadonlyArray<SlotPool.SlotPool<unknown, unknown>>) =>
  Effect.forEach(pools, (pool) => Effect.map(pool.status, ({ slots }) => slots.total - slots.foreign))

const ownersOf = (pools: ReadonlyArray<SlotPool.SlotPool<unknown, unknown>>, slots: number) =>
  Effect.gen(function*() {
    const owned = yield* ownedBy(pools)
    const sum = owned.reduce((one, other) => one + other, 0)
    assert.isAtMost(sum, slots, `${owned.join(" and ")} slots are owned of ${slots}`)
    return owned
  })

describe("SP-32 two pools on one store", () => {
  const pair = (options: SlotPool.SlotPoolOptions = {}) =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      const firstStore = yield* Pools.faulty(base)
      const secondStore = yield* Pools.faulty(base)
      const first = yield* own(on(firstStore)(SlotPool.make(options)))
      yield* settle
      const second = yield* own(watched(on(secondStore)(SlotPool.make(options))))
      yield* settle
      return { base, firstStore, secondStore, first, second }
    })

  it.effect("SP-32 the second one owns nothing for as long as the first one renews its lease", () =>
    Effect.gen(function*() {
      const { first, firstStore, second } = yield* pair({ slots: 3 })
      for (let hour = 0; hour < 3; hour++) {
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* ownersOf([first.value, second.value.pool], 3), [3, 0])
      }
      assert.deepStrictEqual(slotsOf(yield* second.value.pool.status), { total: 3, foreign: 3 })
      assert.deepStrictEqual((yield* second.value.pool.findSlots()).map(({ owner }) => owner), [
        first.value.owner,
        first.value.owner,
        first.value.owner
      ])
      // A third of the lease is between two renewals.
      assert.strictEqual(firstStore.times("renew"), 3 * 360)
      assertReason(
        yield* within(second.value.pool.run(where, { assignTimeout: "1 second" }), "1 second"),
        "NoSlotAvailable"
      )
      assert.strictEqual(yield* second.value.pool.checkAndRestartSlots, 0)
    }))

  it.effect("SP-32 the slots of one that is closed go to the other one, with what they held", () =>
    Effect.gen(function*() {
      const { first, second } = yield* pair({ slots: 2, slotConfig: [{ name: "Ada" }] })
      yield* first.value.fanOut([1, 2, 3, 4], (_, n, { setSession }) => setSession(n))
      const sessions = (yield* first.value.findSlots()).map(({ session }) => session)
      yield* first.close
      yield* TestClock.adjust("10 seconds")
      const { events, pool } = second.value
      assert.deepStrictEqual(yield* ownersOf([pool], 2), [2])
      assert.deepStrictEqual(
        (yield* pool.findSlots()).map(({ name, session }) => [name, session]),
        [["Ada", sessions[0]], [undefined, sessions[1]]]
      )
      assert.deepStrictEqual(told(events, "SlotClaimed").map(({ from, slot }) => [slot, from]), [
        ["slot-0", first.value.owner],
        ["slot-1", first.value.owner]
      ])
      assert.include(["slot-0", "slot-1"], yield* pool.run(where))
      assert.strictEqual((yield* pool.status).completed, 5)
    }))

  it.effect("SP-32 those of a dead one are taken over when its lease has run out, not a moment before", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 30_000, owner: "dead" }, { restarts: 2 }, {
        state: "Busy",
        job: "lost"
      })
      const { events, pool } = yield* watched(on(store)(SlotPool.make({ slots: 2 })))
      yield* TestClock.adjust(29_999)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, foreign: 2 })
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      assert.deepStrictEqual(
        told(events, "SlotClaimed").map(({ from, slot, time }) => [slot, from, time]),
        [["slot-0", "dead", 30_000], ["slot-1", "dead", 30_000]]
      )
      assert.deepStrictEqual(told(events, "JobLost").map(({ job, slot }) => [slot, job]), [["slot-1", "lost"]])
      assert.deepInclude(yield* recordOf(pool), { restarts: 2, owner: pool.owner })
      assert.include(["slot-0", "slot-1"], yield* pool.run(where))
    }))

  it.effect("SP-32 a lease that runs out between two looks is seen at the next one, a third of a lease later at most", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 30_001, owner: "dead" }, {})
      const pool = yield* on(store)(SlotPool.make())
      yield* TestClock.adjust(30_001)
      const early = (yield* pool.status).slots.foreign
      yield* TestClock.adjust(9999)
      assert.isAtMost(early, 1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("SP-32 the lease is the store's clock's affair: a process with another clock changes nothing", () =>
    Effect.gen(function*() {
      const shifted = yield* StallingClock.make
      yield* shifted.setWall(7_200_000)
      const store = yield* shifted.provide(makeMemory)
      yield* Pools.ghost(store, { pool: "pool", lease: 30_000, owner: "dead" }, { state: "Idle" })
      const pool = yield* on(store)(SlotPool.make({
        restart: { schedule: Schedule.spaced("3 seconds") },
        stableAfter: "1 minute"
      }))
      yield* TestClock.adjust(29_999)
      assert.strictEqual((yield* pool.status).slots.foreign, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* pool.status).slots.foreign, 0)
      // What is written has the store's times, and is due by them.
      yield* settle
      yield* Effect.exit(pool.run(died))
      assert.deepInclude(yield* recordOf(pool), { erroredAt: 7_230_000, dueAt: 7_233_000 })
      yield* TestClock.adjust(2999)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      assert.deepInclude(yield* recordOf(pool), { restarts: 1, restartedAt: 7_233_000 })
      yield* TestClock.adjust("1 minute")
      yield* pool.checkAndRestartSlots
      assert.strictEqual((yield* recordOf(pool)).restarts, 1)
      yield* TestClock.adjust(1)
      yield* pool.checkAndRestartSlots
      assert.strictEqual((yield* recordOf(pool)).restarts, 0)
      // A clock that is set is followed from the next renewal on.
      yield* shifted.setWall(3_600_000)
      yield* TestClock.adjust("10 seconds")
      yield* settle
      const at = (yield* Pools.now) + 7_200_000 + 3_600_000
      yield* Effect.exit(pool.run(died))
      assert.deepInclude(yield* recordOf(pool), { erroredAt: at, dueAt: at + 3000 })
    }))

  // With the last, a question is under way as the lease runs out.
  for (const [fault, storeTimeout] of [["fail", 3000], ["hang", 3000], ["hang", 2700]] as const) {
    it.effect(`SP-32 one whose store ${fault}s (${storeTimeout} ms) lets go in time: at no moment do both own a slot`, () =>
      Effect.gen(function*() {
        const { first, firstStore, second } = yield* pair({ slots: 2, storeTimeout })
        const { pool, events } = second.value
        const mine = held("first's")
        const theirs = held("second's")
        const running = yield* fork(Effect.exit(first.value.run(mine.job)))
        // Renewed at 10 s, and then no more.
        yield* TestClock.adjust("15 seconds")
        firstStore.break(fault)
        yield* fork(Effect.exit(pool.fanOut([1, 2], (_, __, context) => theirs.job(_, context))))
        let switched: number | undefined
        for (let step = 0; step < 400; step++) {
          const [before, after] = yield* ownersOf([first.value, pool], 2)
          assert.isFalse(mine.on.length > 0 && theirs.on.some((slot) => mine.on.includes(slot)), "two jobs on one slot")
          if (after === 2) switched ??= yield* Pools.now
          assert.include([0, 2], before)
          yield* TestClock.adjust(100)
        }
        assert.strictEqual(switched, 40_000, "30 s after it was renewed last")
        assert.strictEqual(assertReason(yield* Fiber.join(running), "JobLost").slot, mine.begun[0])
        assert.strictEqual(mine.interrupted, 1)
        assert.deepStrictEqual(slotsOf(yield* first.value.status), { total: 2, foreign: 2 })
        assert.strictEqual(told(events, "SlotClaimed").length, 2)
        // The store is there again, but the slots are not.
        firstStore.mend()
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* ownersOf([first.value, pool], 2), [0, 2])
        assert.isUndefined((yield* first.value.status).degraded)
        assert.strictEqual(theirs.interrupted, 0)
        yield* theirs.release
        // And go back when the other one is closed.
        yield* second.close
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(slotsOf(yield* first.value.status), { total: 2, idle: 2 })
      }))
  }

  it.effect("SP-32 one that is long at writing what it owes lets go in time as well", () =>
    Effect.gen(function*() {
      const { first, firstStore, second } = yield* pair({ slots: 16 })
      const job = held("done")
      yield* fork(first.value.fanOut(Array.from({ length: 16 }), (_, __, context) => job.job(_, context)))
      firstStore.break("fail")
      yield* TestClock.adjust("12 seconds")
      yield* job.release
      assert.isDefined((yield* first.value.status).degraded)
      // It answers now, but takes its time: 16 records take longer than a lease.
      firstStore.break(Pools.slow(2500))
      const both: Array<string> = []
      for (let step = 0; step < 200; step++) {
        yield* TestClock.adjust(500)
        const owned = yield* ownedBy([first.value, second.value.pool])
        if (owned[0]! + owned[1]! > 16) both.push(`${owned.join(" and ")} at ${yield* Pools.now}`)
      }
      firstStore.mend()
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(both, [], "both own slots")
      assert.strictEqual(
        (yield* ownersOf([first.value, second.value.pool], 16)).reduce((one, other) => one + other),
        16
      )
    }))

  it.effect("SP-32 one whose renewals are answered late counts its lease from before it asked", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      const store = yield* Pools.faulty(base)
      const first = yield* on(store)(SlotPool.make({ slots: 2 }))
      // Looks every second.
      const second = yield* on(base)(SlotPool.make({ slots: 2, lease: "3 seconds" }))
      // The store does it at once, and says so 2.5 s later.
      store.break((renew) => Effect.tap(renew, () => Effect.sleep(2500)), "renew")
      yield* TestClock.adjust("25 seconds")
      store.break("fail", "renew")
      const both: Array<string> = []
      for (let step = 0; step < 400; step++) {
        yield* TestClock.adjust(100)
        const owned = yield* ownedBy([first, second])
        if (owned[0]! + owned[1]! > 2) both.push(`${owned.join(" and ")} at ${yield* Pools.now}`)
      }
      assert.deepStrictEqual(both, [])
      assert.deepStrictEqual(yield* ownedBy([first, second]), [0, 2])
      store.mend()
      yield* TestClock.adjust("5 seconds")
    }))

  it.effect("SP-32 a claim that is answered when the claimant's own lease is over is none", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      yield* Pools.ghost(base, { pool: "pool", lease: 1500, owner: "dead" }, {})
      const store = yield* Pools.faulty(base)
      const { events, pool } = yield* watched(on(store)(SlotPool.make({ lease: "3 seconds", storeTimeout: 2950 })))
      yield* TestClock.adjust(1900)
      store.break(Pools.slow(1000), "list")
      store.break(Pools.slow(2900), "claim")
      // The look at 2 s finds the slot free; its claim is answered at 5.9 s, and the last renewal was at 2 s.
      yield* TestClock.adjust(500)
      store.break("hang", "renew")
      yield* TestClock.adjust(2599)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, foreign: 1 })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, foreign: 1 })
      assert.deepStrictEqual(told(events, "SlotClaimed"), [])
      store.mend()
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("SP-32 one that slept lets go of what was taken meanwhile, and holds on to what was not", () =>
    Effect.gen(function*() {
      // The store's machine does not sleep.
      const storeClock = yield* StallingClock.make
      const base = yield* storeClock.provide(makeMemory)
      const clock = yield* StallingClock.make
      const { events, pool } = yield* clock.provide(watched(on(base)(SlotPool.make({ slots: 2 }))))
      const job = held("done")
      const running = yield* fork(pool.fanOut([1, 2], (_, __, context) => job.job(_, context)))
      assert.strictEqual(job.on.length, 2)
      yield* storeClock.setWall(120_000)
      yield* base.lease("other", 1_000_000)
      yield* Effect.orDie(Effect.flatMap(
        recordOf(pool, "slot-1"),
        (record) => base.claim({ ...record, owner: "other", state: "Idle" })
      ))
      yield* clock.jump("2 minutes")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, busy: 1, foreign: 1 })
      assert.deepStrictEqual(job.on, ["slot-0"])
      assert.deepStrictEqual(told(events, "SlotLost").map(({ slot }) => slot), ["slot-1"])
      yield* job.release
      const results = yield* Fiber.join(running)
      assert.strictEqual(results.filter(Exit.isSuccess).length, 1)
      assertReason(results.find(Exit.isFailure)!, "JobLost")
    }))

  it.effect("SP-32 two pools that race for the slots of a dead one share them out: each has one owner", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      yield* Pools.ghost(base, { pool: "pool", lease: 30_000 }, {}, {}, {}, {}, {}, {}, {}, {})
      const pools: Array<SlotPool.SlotPool> = []
      for (const millis of [3, 5, 7]) {
        const store = yield* Pools.faulty(base)
        const pool = yield* on(store)(SlotPool.make({ slots: 8 }))
        store.break(Pools.slow(millis), "list", "claim", "put")
        pools.push(pool)
      }
      yield* TestClock.adjust("31 seconds")
      yield* settle
      const owned = yield* ownersOf(pools, 8)
      assert.strictEqual(owned.reduce((one, other) => one + other), 8)
      const owners = (yield* Effect.orDie(base.list("pool"))).records.map(({ owner }) => owner)
      assert.isTrue(owners.every((owner) => pools.some((pool) => pool.owner === owner)))
      for (const pool of pools) {
        const { slots } = yield* pool.status
        assert.strictEqual(owners.filter((owner) => owner === pool.owner).length, slots.total - slots.foreign)
      }
    }))

  it.effect("SP-32 a pool puts only its own slots back: another one's errors are the other one's", () =>
    Effect.gen(function*() {
      const { first, second } = yield* pair({ supervisor: { enabled: true, interval: "1 second" }, maxRestarts: 5 })
      yield* Effect.exit(first.value.run(died))
      assert.strictEqual(yield* second.value.pool.checkAndRestartSlots, 0)
      assert.deepInclude(yield* recordOf(first.value), { state: "Errored", owner: first.value.owner })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* recordOf(first.value), { state: "Idle", restarts: 1, owner: first.value.owner })
    }))
})

describe("SP-33", () => {
  it.effect("SP-33 every job ends in a terminal state, however its execution does", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const pool = yield* SlotPool.make({
        slots: 8,
        acquire: workers.acquire,
        watch: workers.watch,
        jobSilence: "20 seconds"
      })
      yield* settle
      const jobs: Record<string, SlotPool.Job<Pools.Worker, SlotPool.SlotConfig, unknown, unknown, never>> = {
        succeeds: () => Effect.void,
        fails: () => Effect.fail(new Net()),
        dies: () => Effect.die(new Error("defect")),
        throws: () => {
          throw new Error("thrown")
        },
        interrupts: () => Effect.interrupt,
        silent: () => Effect.never,
        late: () => Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep("1 second"))),
        orphaned: (worker) => Effect.andThen(Deferred.succeed(worker.end, void 0), Effect.never)
      }
      for (const [id, job] of Object.entries(jobs)) yield* pool.submit(job, { id, timeout: "1 minute" })
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(Object.fromEntries((yield* pool.list()).map(({ id, state }) => [id, state])), {
        succeeds: "Succeeded",
        fails: "Failed",
        dies: "Failed",
        throws: "Failed",
        interrupts: "Failed",
        silent: "TimedOut",
        late: "TimedOut",
        orphaned: "Lost"
      })
      assert.deepInclude((yield* pool.status).jobs, { queued: 0, running: 0 })
      for (const id of Object.keys(jobs)) assert.isTrue(Option.isSome(yield* pool.result(id)))
      const draining = yield* fork(pool.drain())
      assert.isDefined(draining.pollUnsafe(), "drain has nothing to wait for")
    }))

  it.effect("SP-33 drain is bounded, by 1 minute, and says what it gave up on", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2 }))
      const job = held("never")
      const running = yield* Effect.forEach(["one", "two"], (id) => pool.submit(job.job, { id }))
      yield* settle
      yield* pool.submit(job.job, { id: "three" })
      const awaited = yield* Effect.forEach(
        [...running, "three" as SlotPool.JobId],
        (id) => fork(Effect.exit(pool.await(id)))
      )
      const draining = yield* fork(pool.drain())
      yield* TestClock.adjust(59_999)
      assert.isUndefined(draining.pollUnsafe())
      assert.strictEqual(job.on.length, 2)
      yield* TestClock.adjust(1)
      const report = yield* Fiber.join(draining)
      assert.sameDeepMembers([...report.gaveUpOn], [
        { job: "one", slot: (yield* pool.list())[0]!.slot },
        { job: "two", slot: (yield* pool.list())[1]!.slot },
        { job: "three", slot: undefined }
      ])
      assert.deepInclude(report, { slots: 2, unstoppable: [], succeeded: 0, failed: 0 })
      for (const fiber of awaited) assertReason(yield* Fiber.join(fiber), "JobCancelled")
      assert.deepStrictEqual((yield* pool.list()).map(({ state }) => state), ["Cancelled", "Cancelled", "Cancelled"])
      assert.strictEqual(job.interrupted, 2)
      assert.deepStrictEqual(told(events, "PoolDrained").map(({ gaveUpOn }) => gaveUpOn), [3])
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
    }))

  it.effect("SP-33 a drain with a timeout of its own; what ends in time is not given up on", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      yield* pool.submit(() => Effect.sleep(4999), { id: "in time" })
      yield* pool.submit(() => Effect.sleep(5001), { id: "too late" })
      const draining = yield* fork(pool.drain({ timeout: "5 seconds" }))
      yield* TestClock.adjust("5 seconds")
      const report = yield* Fiber.join(draining)
      assert.deepStrictEqual(report.gaveUpOn.map(({ job }) => job), ["too late"])
      assert.deepInclude(report, { succeeded: 1, failed: 0 })
    }))

  it.effect("SP-33 drain does not wait for jobs that nobody is left to do", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ maxRestarts: 0, assignTimeout: "infinity" })
      yield* settle
      yield* Effect.exit(pool.run(died))
      yield* pool.submit(where, { id: "waits" })
      const report = yield* pool.drain()
      assert.deepStrictEqual(report.gaveUpOn, [{ job: "waits", slot: undefined }])
      assertReason(yield* Effect.exit(pool.await("waits")), "JobCancelled")
    }))

  it.effect("SP-33 drain does not wait when the last slot that could have done a job goes into error meanwhile", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned()
      const job = held("never")
      yield* pool.submit(job.job, { id: "runs" })
      yield* settle
      yield* pool.submit(job.job, { id: "waits" })
      const draining = yield* fork(pool.drain())
      assert.isUndefined(draining.pollUnsafe())
      yield* workers.die("slot-0")
      const report = yield* Fiber.join(draining)
      assert.deepStrictEqual((yield* pool.list()).map(({ id, state }) => [id, state]), [
        ["runs", "Lost"],
        ["waits", "Cancelled"]
      ])
      assert.deepInclude(report, { slots: 1, unstoppable: [] })
    }))

  it.effect("SP-33 a worker that does not end is said to be unstoppable, and its slot is Stopped in the store", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const pool = yield* SlotPool.make({ slots: 2, stopTimeout: "2 seconds" })
      yield* settle
      const slot = yield* pool.submit((_, { slot }) => Effect.as(body, slot.slot), { id: "stuck" })
      yield* settle
      const draining = yield* fork(pool.drain({ timeout: "1 second" }))
      yield* TestClock.adjust(2999)
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust(1)
      const report = yield* Fiber.join(draining)
      assert.deepStrictEqual(report.unstoppable, [(yield* pool.list())[0]!.slot!])
      assert.deepStrictEqual(report.gaveUpOn.map(({ job }) => job), ["stuck"])
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
      assertReason(yield* Effect.exit(pool.await(slot)), "JobCancelled")
      yield* release
      yield* settle
    }))
})

describe("SP-34", () => {
  it.effect("SP-34 first come, first served, whatever happens to others in the line", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const blocking = held("done")
      yield* fork(pool.fanOut([1, 2], (_, __, context) => blocking.job(_, context)))
      const order: Array<number> = []
      const waiting = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, n) => n),
        (n) => Effect.forkChild(pool.run(() => Effect.sync(() => void order.push(n))), { startImmediately: true })
      )
      for (const gone of [0, 7, 8, 49]) yield* Fiber.interrupt(waiting[gone]!)
      yield* blocking.release
      assert.deepStrictEqual(order, Array.from({ length: 50 }, (_, n) => n).filter((n) => ![0, 7, 8, 49].includes(n)))
    }))

  it.effect("SP-34 each one who waits has a clock of its own, from when it came", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ assignTimeout: "10 seconds" })
      yield* settle
      const blocking = held("done")
      yield* fork(pool.run(blocking.job))
      const ended: Array<readonly [number, number]> = []
      for (let n = 0; n < 9; n++) {
        const options = n % 3 === 2 ? { assignTimeout: "4 seconds" } as const : {}
        yield* fork(Effect.andThen(
          Effect.exit(pool.run(where, options)),
          Effect.map(Pools.now, (now) => ended.push([n, now]))
        ))
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(ended, [
        [2, 6000],
        [5, 9000],
        [0, 10_000],
        [1, 11_000],
        [8, 12_000],
        [3, 13_000],
        [4, 14_000],
        [6, 16_000],
        [7, 17_000]
      ])
      yield* blocking.release
    }))

  it.effect("SP-34 one who waits is woken at the moment a slot comes free, and nobody polls", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const store = yield* Pools.faulty()
        const pool = yield* on(store)(SlotPool.make({ lease: "1 day" }))
        yield* settle
        const began: Array<number> = []
        yield* fork(pool.run(() => Effect.sleep(12_345)))
        for (let n = 0; n < 3; n++) {
          yield* fork(pool.run(() => Effect.andThen(Effect.map(Pools.now, (now) => began.push(now)), Effect.sleep(7))))
        }
        const { asked } = store
        const before = asked.length
        const slept = counting.slept()
        yield* TestClock.adjust(12_344)
        assert.strictEqual(asked.length, before, "the store is left alone")
        assert.strictEqual(counting.slept(), slept, "nobody goes to sleep again")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(began, [12_345, 12_352, 12_359])
      }))
    }))

  it.effect("SP-34 those whose slots turn out not to be had stand where they stood", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      const blocking = held("done")
      yield* fork(pool.run(blocking.job))
      for (const { slot } of yield* pool.findSlots({ state: "Idle" })) {
        yield* rewrite(store.base, "pool", slot, (record) => ({ ...record, state: "Stopped" }))
      }
      store.break(Pools.slow(100), "put")
      const order: Array<number> = []
      for (let n = 0; n < 4; n++) yield* pool.submit(() => Effect.sync(() => void order.push(n)))
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 3, queued: 2 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 1, queued: 4 })
      store.mend()
      yield* blocking.release
      assert.deepStrictEqual(order, [0, 1, 2, 3])
    }))

  it.effect("SP-34 a thousand who wait are served in order when their slots come back from an error", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 4, restart: { schedule: Schedule.spaced("1 minute") } })
      yield* settle
      yield* pool.fanOut([1, 2, 3, 4], died)
      const order: Array<number> = []
      for (let n = 0; n < 1000; n++) {
        yield* pool.submit(() => Effect.sync(() => void order.push(n)), { id: `job-${n}` })
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(order, [])
      assert.strictEqual(yield* pool.checkAndRestartSlots, 4)
      yield* settle
      assert.deepStrictEqual(order, Array.from({ length: 1000 }, (_, n) => n))
    }))
})

describe("SP-35", () => {
  it.effect("SP-35 cancelling a job that waits takes it out of the line, and it stays Cancelled", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      yield* pool.submit(job.job, { id: "runs" })
      yield* settle
      yield* pool.submit(job.job, { id: "waits" })
      yield* pool.submit(where, { id: "next" })
      const awaited = yield* fork(Effect.exit(pool.await("waits")))
      yield* pool.cancel("waits")
      assert.strictEqual(assertReason(yield* Fiber.join(awaited), "JobCancelled").job, "waits")
      yield* job.release
      assert.deepStrictEqual((yield* pool.list()).map(({ id, slot, state }) => [id, state, slot]), [
        ["runs", "Succeeded", "slot-0"],
        ["waits", "Cancelled", undefined],
        ["next", "Succeeded", "slot-0"]
      ])
      assert.deepStrictEqual(job.begun, ["slot-0"])
      yield* pool.cancel("waits")
      assert.deepStrictEqual((yield* pool.list({ state: "Cancelled" })).map(({ id }) => id), ["waits"])
    }))

  it.effect("SP-35 cancelling a job that runs interrupts it, frees its slot, and is answered when it has ended", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned()
      let cleaned: number | undefined
      const job = () =>
        Effect.onInterrupt(
          Effect.never,
          () => Effect.andThen(Effect.sleep("2 seconds"), Effect.map(Pools.now, (now) => cleaned = now))
        )
      const id = yield* pool.submit(job)
      const awaited = yield* fork(Effect.exit(pool.await(id)))
      const cancelling = yield* fork(Effect.andThen(pool.cancel(id), Pools.now))
      const again = yield* fork(Effect.andThen(pool.cancel(id), Pools.now))
      yield* TestClock.adjust(1999)
      assert.isUndefined(cancelling.pollUnsafe())
      assert.strictEqual((yield* recordOf(pool)).state, "Busy")
      yield* TestClock.adjust(1)
      assert.strictEqual(cleaned, 2000)
      assert.deepStrictEqual([yield* Fiber.join(cancelling), yield* Fiber.join(again)], [2000, 2000])
      assertReason(yield* Fiber.join(awaited), "JobCancelled")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 0 })
      assert.notProperty(yield* recordOf(pool), "job")
      // The worker is none the worse for it.
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 1)
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired"])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1, cancelled: 1 })
    }))

  it.effect("SP-35 it stays Cancelled however the job ends on being interrupted", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3, slotFailure: () => true })
      yield* settle
      const endings = {
        succeeds: Effect.catchCause(Effect.never, () => Effect.succeed("all the same")),
        fails: Effect.catchCause(Effect.never, () => Effect.fail(new Net())),
        dies: Effect.catchCause(Effect.never, () => Effect.die(new Error("while it was being cleaned up")))
      }
      for (const [id, job] of Object.entries(endings)) yield* pool.submit(() => job, { id })
      yield* settle
      for (const id of Object.keys(endings)) {
        yield* pool.cancel(id)
        assertReason(Option.getOrThrow(yield* pool.result(id)), "JobCancelled")
      }
      yield* settle
      assert.deepStrictEqual((yield* pool.list()).map(({ state }) => state), ["Cancelled", "Cancelled", "Cancelled"])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 3 })
      assert.strictEqual((yield* pool.status).completed, 0)
    }))

  it.effect("SP-35 one that cannot be interrupted, and ends well in time, is Cancelled and counts for nothing", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const id = yield* pool.submit(() => Effect.uninterruptible(Effect.as(Effect.sleep("1 second"), "well")))
      yield* settle
      const cancelling = yield* fork(pool.cancel(id))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(cancelling)
      assertReason(yield* Effect.exit(pool.await(id)), "JobCancelled")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 0 })
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 1 })
    }))

  it.effect("SP-35 one that does not end within stopTimeout costs its slot; one moment before it does not", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2 }))
      const prompt = yield* pool.submit(() => Effect.uninterruptible(Effect.sleep(4999)), { id: "prompt" })
      const stuck = yield* pool.submit(() => body, { id: "stuck" })
      yield* settle
      const slots = (yield* pool.list()).map(({ slot }) => slot!)
      const cancelling = yield* Effect.forEach([prompt, stuck], (id) => fork(Effect.exit(pool.cancel(id))))
      yield* TestClock.adjust(4999)
      assert.isDefined(cancelling[0]!.pollUnsafe())
      assert.isUndefined(cancelling[1]!.pollUnsafe())
      assert.deepStrictEqual((yield* recordOf(pool, slots[1]!)).state, "Busy")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Fiber.join(cancelling[1]!), Exit.void)
      assert.strictEqual((yield* recordOf(pool, slots[0]!)).state, "Idle")
      assert.deepInclude(yield* recordOf(pool, slots[1]!), { state: "Errored" })
      assert.include((yield* recordOf(pool, slots[1]!)).error ?? "", "5000 ms")
      assert.deepStrictEqual(told(events, "SlotErrored").map(({ slot }) => slot), [slots[1]!])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 2 })
      yield* release
      yield* settle
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
    }))

  it.effect("SP-35 a job that has ended stays as it is, and cancelling it is no error", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      yield* pool.submit(where, { id: "well" })
      yield* pool.submit(died, { id: "badly" })
      yield* settle
      const before = yield* pool.list()
      yield* pool.cancel("well")
      yield* pool.cancel("badly")
      assert.deepStrictEqual(yield* pool.list(), before)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1, failed: 1 })
    }))
})

describe("SP-36", () => {
  /** A slot that has been put back once, at `at`. */
  const putBack = Effect.fnUntraced(function*(pool: SlotPool.SlotPool<unknown, unknown>) {
    yield* Effect.exit(pool.run(died))
    assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
    yield* settle
  })

  it.effect("SP-36 the count is forgotten after stableAfter, 10 minutes, without an error since the restart", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make())
      yield* putBack(pool)
      yield* TestClock.adjust("10 minutes")
      yield* pool.checkAndRestartSlots
      assert.strictEqual((yield* recordOf(pool)).restarts, 1)
      yield* TestClock.adjust(1)
      yield* pool.checkAndRestartSlots
      assert.strictEqual((yield* recordOf(pool)).restarts, 0)
      yield* settle
      assert.deepStrictEqual(told(events, "SlotStable").map(({ slot, time }) => [slot, time]), [["slot-0", 600_001]])
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.strictEqual(told(events, "SlotStable").length, 1)
    }))

  it.effect("SP-36 an error counts on at stableAfter, and from 0 again one moment later, without any pass between", () =>
    Effect.gen(function*() {
      const early = yield* SlotPool.make({ name: "early", stableAfter: "1 minute", maxRestarts: 1 })
      const late = yield* SlotPool.make({ name: "late", stableAfter: "1 minute", maxRestarts: 1 })
      yield* settle
      yield* putBack(early)
      yield* putBack(late)
      yield* TestClock.adjust("1 minute")
      yield* Effect.exit(early.run(died))
      assert.strictEqual((yield* recordOf(early)).restarts, 1)
      assert.strictEqual(yield* early.checkAndRestartSlots, 0)
      yield* TestClock.adjust(1)
      yield* Effect.exit(late.run(died))
      assert.strictEqual((yield* recordOf(late)).restarts, 0)
      assert.strictEqual(yield* late.checkAndRestartSlots, 1)
    }))

  it.effect("SP-36 an error within stableAfter begins it anew: what counts is the last restart", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ stableAfter: "1 minute", maxRestarts: 2 })
      yield* settle
      yield* putBack(pool)
      yield* TestClock.adjust("40 seconds")
      yield* putBack(pool)
      yield* TestClock.adjust("40 seconds")
      yield* Effect.exit(pool.run(died))
      assert.deepInclude(yield* recordOf(pool), { state: "Errored", restarts: 2 })
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
    }))

  it.effect("SP-36 with a stableAfter of infinity it is a lifetime's cap", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ stableAfter: "infinity", maxRestarts: 1, lease: "1000 days" })
      yield* settle
      yield* putBack(pool)
      yield* TestClock.adjust("1000 days")
      yield* Effect.exit(pool.run(died))
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
    }))

  it.effect("SP-36 an exhausted slot is seen as such: in the status, by an event, by a metric, in the log", () =>
    Effect.gen(function*() {
      const { lines, provide } = Pools.logging()
      yield* provide(Effect.gen(function*() {
        const { events, pool } = yield* watched(SlotPool.make({ name: "agents", slots: 2, maxRestarts: 1 }))
        for (let round = 0; round < 2; round++) {
          yield* pool.run(() => Effect.die(new Error(`defect ${round}`)), { assignTimeout: 1 }).pipe(Effect.exit)
          if (round === 0) yield* pool.checkAndRestartSlots
          yield* settle
        }
        const errored = yield* pool.findSlots({ state: "Errored" })
        if (errored[0]!.restarts === 0) return yield* Effect.die("the same slot twice")
        const [{ slot }] = errored as [SlotPool.SlotView]
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 1, exhausted: 1 })
        assert.deepStrictEqual(
          told(events, "SlotExhausted").map(({ error, restarts, slot }) => ({ error, restarts, slot })),
          [{ slot, restarts: 1, error: "Error: defect 1" }]
        )
        assert.strictEqual(yield* metric("effect_supervisor_pool_slots_exhausted_total", "agents"), 1)
        assert.strictEqual(yield* metric("effect_supervisor_pool_slots", "agents", { state: "exhausted" }), 1)
        assert.strictEqual(yield* metric("effect_supervisor_pool_slots", "agents", { state: "errored" }), 0)
        const said = lines.filter(({ level }) => level === "Error").map(({ annotations }) => annotations["slot"])
        assert.deepStrictEqual(said, [slot])
      }))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("SP-37", () => {
  it.effect("SP-37 a slot that is not due by the restart policy is skipped, and put back when it is", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({
        restart: { schedule: Schedule.exponential("1 second") },
        maxRestarts: 10
      }))
      let at = 0
      for (const delay of [1000, 2000, 4000]) {
        yield* Effect.exit(pool.run(died))
        yield* settle
        assert.strictEqual((yield* recordOf(pool)).dueAt, at + delay)
        assert.strictEqual(told(events, "SlotErrored").at(-1)!.dueAt, at + delay)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
        yield* TestClock.adjust(delay - 1)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
        yield* TestClock.adjust(1)
        at += delay
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
        assert.notProperty(yield* recordOf(pool), "dueAt")
        yield* settle
      }
    }))

  it.effect("SP-37 the policy begins anew with a slot that was stable again", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        restart: { schedule: Schedule.exponential("1 second") },
        maxRestarts: 10,
        stableAfter: "1 minute"
      })
      yield* settle
      for (const [delay, rest] of [[1000, 0], [2000, 60_000], [4000, 60_001], [1000, 0]] as const) {
        yield* Effect.exit(pool.run(died))
        assert.strictEqual((yield* recordOf(pool)).dueAt, (yield* Pools.now) + delay)
        yield* TestClock.adjust(delay)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
        yield* settle
        yield* TestClock.adjust(rest)
      }
    }))

  it.effect("SP-37 where the policy stood is known to the pool that takes the slot up", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 0 }, { restarts: 2, restartedAt: 0 })
      const pool = yield* on(store)(SlotPool.make({
        restart: { schedule: Schedule.exponential("1 second") },
        maxRestarts: 10
      }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      assert.strictEqual((yield* recordOf(pool)).dueAt, 4000)
    }))

  it.effect("SP-37 a policy that is done, or whose directive is not to restart, exhausts the slot", () =>
    Effect.gen(function*() {
      const done = yield* SlotPool.make({ name: "done", restart: { schedule: Schedule.recurs(1) } })
      const stop = yield* SlotPool.make({
        name: "stop",
        acquire: (): Effect.Effect<never, Net | Refused> => Effect.fail(new Refused({ by: "licence" })),
        restart: { on: { Refused: "stop" } }
      })
      yield* settle
      yield* Effect.exit(done.run(died))
      assert.strictEqual(yield* done.checkAndRestartSlots, 1)
      yield* settle
      yield* Effect.exit(done.run(died))
      assert.deepInclude(yield* recordOf(done), { exhausted: true, restarts: 1 })
      assert.strictEqual(yield* done.checkAndRestartSlots, 0)
      assert.deepInclude(yield* recordOf(stop), { exhausted: true, restarts: 0 })
      assert.deepStrictEqual(slotsOf(yield* stop.status), { total: 1, exhausted: 1 })
      assert.strictEqual(yield* stop.checkAndRestartSlots, 0)
    }))

  it.effect("SP-37 the policy sees why the slot is in error, typed where it is a worker's", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const workers = new Workers()
      workers.before.push(Effect.void, Effect.fail(new Broken({ what: "second" })))
      const pool = yield* SlotPool.make({
        acquire: workers.acquire,
        watch: workers.watch,
        restart: {
          schedule: Schedule.spaced("1 second"),
          on: (error) => {
            seen.push(error.what)
            return "restart"
          }
        }
      })
      yield* settle
      yield* workers.die("slot-0", Exit.fail(new Broken({ what: "first" })))
      yield* TestClock.adjust("1 second")
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.deepStrictEqual(seen, ["first", "second"])
    }))
})

describe("SP-38", () => {
  it.effect("SP-38 drain stops the health supervisor", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2, supervisor: { enabled: true, interval: "1 second" } }))
      const handle = Option.getOrThrow(yield* pool.startSupervisor)
      yield* settle
      yield* Effect.exit(pool.run(died))
      yield* pool.drain()
      assert.strictEqual((yield* Effect.orDie(pool.supervisor.status("health")))._tag, "Stopped")
      const lists = store.times("list")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(store.times("list"), lists)
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
      assert.isTrue(Option.isNone(yield* pool.startSupervisor))
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      yield* handle.stop
    }))

  it.effect("SP-38 drain waits for a pass under way", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ supervisor: { enabled: true, interval: "1 second" } }))
      yield* settle
      yield* Effect.exit(pool.run(died))
      store.break(Pools.slow(500), "put")
      yield* TestClock.adjust("1 second")
      const draining = yield* fork(pool.drain())
      yield* TestClock.adjust("5 seconds")
      store.mend()
      yield* Fiber.join(draining)
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped"])
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, stopped: 1 })
    }))

  it.effect("SP-38 closing the scope stops everything: workers, jobs, the loop, the lease", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const workers = new Workers()
        const before = counting.fibers()
        const { close, value: pool } = yield* own(SlotPool.make({
          slots: 4,
          acquire: workers.acquire,
          watch: workers.watch,
          probe: workers.probe,
          supervisor: { enabled: true, interval: "1 second" },
          jobSilence: "1 minute",
          jobTimeout: "1 hour"
        }))
        yield* settle
        const job = held("never")
        const running = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => fork(Effect.exit(pool.run(job.job))))
        const submitted = yield* pool.submit(job.job)
        yield* TestClock.adjust("2500 millis")
        assert.strictEqual(job.on.length, 4)
        yield* close
        yield* settle
        for (const fiber of running) assertReason(yield* Fiber.join(fiber), "PoolClosed")
        assertReason(yield* Effect.exit(pool.await(submitted)), "PoolClosed")
        assert.strictEqual(job.interrupted, 4)
        assert.deepStrictEqual([0, 1, 2, 3].map((n) => workers.alive(`slot-${n}`)), [0, 0, 0, 0])
        assert.strictEqual(counting.sleepers(), 0)
        assert.strictEqual(counting.fibers(), before)
        assertReason(yield* Effect.exit(pool.run(where)), "PoolClosed")
        assertReason(yield* Effect.exit(pool.submit(where)), "PoolClosed")
        assertReason(yield* Effect.exit(pool.scaleUp()), "PoolClosed")
        assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
        assert.isTrue(Option.isNone(yield* pool.startSupervisor))
        // Its slots are anybody's.
        assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle", "Idle", "Idle"])
        const next = yield* own(on(pool.store)(SlotPool.make({ slots: 4 })))
        assert.deepStrictEqual(slotsOf(yield* next.value.status), { total: 4, idle: 4 })
        yield* next.close
      }))
    }))
})

describe("SP-39", () => {
  it.effect("SP-39 reopening takes the records up again: identity, counters and sessions survive", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const options = { slots: 2, slotConfig: [{ name: "Ada", role: "writer" }, { name: "Bob" }] }
      const first = yield* own(on(store)(SlotPool.make(options)))
      yield* settle
      yield* first.value.fanOut([1, 2, 3], (_, n, { setSession, slot }) => setSession({ n, on: slot.slot }))
      yield* Effect.exit(first.value.run(died))
      yield* first.value.checkAndRestartSlots
      yield* settle
      yield* first.value.run((_, { setSession }) => setSession("after the restart"))
      const before = yield* first.value.findSlots()
      yield* first.close
      const { lines, provide } = Pools.logging()
      const second = yield* provide(on(store)(SlotPool.make({ slots: 2 })))
      assert.deepStrictEqual(
        (yield* second.findSlots()).map(({ owner, version, ...rest }) => rest),
        before.map(({ owner, version, ...rest }) => rest)
      )
      assert.strictEqual((yield* second.status).completed, 4)
      assert.deepStrictEqual(lines.filter(({ text }) => text.includes("lost")), [])
      yield* settle
      const sessions = yield* second.fanOut([1, 2], (_, __, { session }) => Effect.as(Effect.yieldNow, session))
      assert.include(sessions.map((exit) => Exit.isSuccess(exit) ? exit.value : exit), "after the restart")
    }))

  it.effect("SP-39 the options' config goes before the stored one, for the slots that have one", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const first = yield* own(
        on(store)(SlotPool.make({
          slots: 3,
          slotConfig: [{ name: "Ada", role: "writer" }, { name: "Bob" }, { name: "Cy", role: "reader" }]
        }))
      )
      yield* first.close
      const second = yield* on(store)(SlotPool.make({ slots: 3, slotConfig: [{ name: "Eve" }] }))
      assert.deepStrictEqual(
        (yield* second.findSlots()).map(({ config, name, role }) => [config, name, role]),
        [
          [{ name: "Eve" }, "Eve", undefined],
          [{ name: "Bob" }, "Bob", undefined],
          [{ name: "Cy", role: "reader" }, "Cy", "reader"]
        ]
      )
    }))

  it.effect("SP-39 slots of a dead process come back Idle, and what they were doing is reported as lost", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(
        store,
        { pool: "pool", lease: 0, owner: "dead" },
        { state: "Busy", job: "job-7", session: { turns: 3 }, completed: 5, restarts: 1 },
        { state: "Idle", completed: 2 },
        { state: "Errored", error: "broken", restarts: 2, session: "kept" },
        { state: "Stopped", completed: 1 }
      )
      const { lines, provide } = Pools.logging()
      const pool = yield* provide(on(store)(SlotPool.make({ slots: 4 })))
      yield* settle
      assert.deepStrictEqual(
        (yield* pool.findSlots()).map(({ completed, job, restarts, session, state }) => ({
          completed,
          job,
          restarts,
          session,
          state
        })),
        [
          { state: "Idle", job: undefined, session: { turns: 3 }, completed: 5, restarts: 1 },
          { state: "Idle", job: undefined, session: undefined, completed: 2, restarts: 0 },
          { state: "Errored", job: undefined, session: "kept", completed: 0, restarts: 2 },
          { state: "Idle", job: undefined, session: undefined, completed: 1, restarts: 0 }
        ]
      )
      const lost = lines.filter(({ text }) => text.includes("was lost"))
      assert.deepStrictEqual(lost.map(({ annotations, level }) => [level, annotations["slot"]]), [["Warn", "slot-0"]])
      assert.include(lost[0]!.text, "job-7")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
    }))

  it.effect("SP-39 a pool with a range takes up as many slots as there are in its store, one with a number that many", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const first = yield* own(on(store)(SlotPool.make({ slots: { min: 1, max: 6 } })))
      yield* first.value.scaleUp(3)
      yield* first.close
      const ranged = yield* own(on(store)(SlotPool.make({ slots: { min: 1, max: 6 } })))
      assert.strictEqual((yield* ranged.value.status).slots.total, 4)
      yield* ranged.close
      const narrow = yield* own(on(store)(SlotPool.make({ slots: { min: 1, max: 2 } })))
      assert.strictEqual((yield* narrow.value.status).slots.total, 2)
      yield* narrow.close
      const counted = yield* own(on(store)(SlotPool.make({ slots: 3 })))
      assert.strictEqual((yield* counted.value.status).slots.total, 3)
      yield* counted.close
      const more = yield* on(store)(SlotPool.make({ slots: 5 }))
      assert.strictEqual((yield* more.status).slots.total, 5)
    }))

  it.effect("SP-39 an exhausted slot is exhausted still, one that was not due is due when it was to be", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(
        store,
        { pool: "pool", lease: 0 },
        { state: "Errored", error: "broken", exhausted: true },
        { state: "Errored", error: "broken", dueAt: 5000 }
      )
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, errored: 1, exhausted: 1 })
      yield* TestClock.adjust(4999)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored", "Idle"])
    }))
})

describe("SP-40", () => {
  it.effect("SP-40 a corrupt record is set aside and reported, and the rest works", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      yield* Pools.ghost(store.base, { pool: "pool", lease: 0 }, { completed: 1 }, { completed: 2 }, { completed: 3 })
      store.corrupt("pool", "slot-1", "it is half a record")
      const { lines, provide } = Pools.logging()
      const pool = yield* provide(on(store)(SlotPool.make({ slots: 3 })))
      yield* settle
      assert.deepStrictEqual(store.setAside, ["slot-1"])
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ completed, slot, state }) => [slot, state, completed]), [
        ["slot-0", "Idle", 1],
        ["slot-1", "Idle", 0],
        ["slot-2", "Idle", 3]
      ])
      const said = lines.filter(({ text }) => text.includes("set aside"))
      assert.deepStrictEqual(said.map(({ annotations, level }) => [level, annotations["slot"]]), [["Error", "slot-1"]])
      assert.include(said[0]!.text, "it is half a record")
      const ran = yield* pool.fanOut([1, 2, 3], () => Effect.yieldNow)
      assert.isTrue(ran.every(Exit.isSuccess))
    }))

  it.effect("SP-40 one that turns corrupt while the pool runs is no trouble for the pass over the others", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      yield* pool.fanOut([1, 2, 3], died)
      store.corrupt("pool", "slot-0", "it is half a record")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ slot, state }) => [slot, state]), [
        ["slot-1", "Idle"],
        ["slot-2", "Idle"]
      ])
    }))

  it.effect("SP-40 one that turns corrupt is reported when a standby looks for slots", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      yield* Pools.ghost(base, { pool: "pool", lease: 15_000 }, { completed: 4 })
      const store = yield* Pools.faulty(base)
      const { events, pool } = yield* watched(on(store)(SlotPool.make()))
      store.corrupt("pool", "slot-0", "it is half a record")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.deepStrictEqual(told(events, "RecordSetAside").map(({ slot, why }) => [slot, why]), [
        ["slot-0", "it is half a record"]
      ])
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("SP-40 ids are validated: names of pools and ids of jobs", () =>
    Effect.gen(function*() {
      for (const name of ["", "a/b", "../etc", "line\nbreak", "\u0000", "x".repeat(256)]) {
        assert.throws(() => SlotPool.make({ name }), RangeError, "name")
      }
      const pool = yield* SlotPool.make({ name: "x".repeat(255) })
      for (const id of ["", "a/b", "../../etc/passwd", "tab\t", "x".repeat(256)]) {
        const defect = defectOf(yield* Effect.exit(pool.submit(where, { id })))
        assert.instanceOf(defect, RangeError)
      }
      assert.strictEqual<string>(yield* pool.submit(where, { id: "x".repeat(255) }), "x".repeat(255))
      assert.strictEqual((yield* pool.list()).length, 1)
    }))
})

describe("SP-41", () => {
  it.effect("SP-41 each result of fanOut is on its own: no failure discards a success", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 2,
        maxRestarts: 10,
        supervisor: { enabled: true, interval: "1 second" }
      })
      yield* settle
      const defect = new Error("defect")
      const jobs: ReadonlyArray<Effect.Effect<string, Net>> = [
        Effect.succeed("one"),
        Effect.fail(new Net()),
        Effect.die(defect),
        Effect.succeed("two"),
        Effect.interrupt,
        Effect.as(Effect.sleep("1 second"), "three"),
        Effect.never,
        Effect.succeed("four")
      ]
      const all = yield* fork(pool.fanOut(jobs, (_, job) => job, { timeout: "5 seconds" }))
      yield* TestClock.adjust("30 seconds")
      const results = yield* Fiber.join(all)
      assert.deepStrictEqual(results[0], Exit.succeed("one"))
      assert.deepStrictEqual(results[1], Exit.fail(new Net()))
      assert.strictEqual(defectOf(results[2]!), defect)
      assert.deepStrictEqual(results[3], Exit.succeed("two"))
      assert.isTrue(Exit.isFailure(results[4]!) && Cause.hasInterruptsOnly(results[4].cause))
      assert.deepStrictEqual(results[5], Exit.succeed("three"))
      assertReason(results[6]!, "JobTimedOut")
      assert.deepStrictEqual(results[7], Exit.succeed("four"))
    }))
})

describe("SP-41 in a crowd", () => {
  it.effect("SP-41 a job that interrupts itself takes none of those along that wait", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const all = yield* fork(pool.fanOut(
        [1, 2, 3, 4],
        (_, n) => Effect.andThen(Effect.sleep("1 second"), n === 1 ? Effect.interrupt : Effect.succeed(n)),
        { concurrency: 4 }
      ))
      yield* TestClock.adjust("4 seconds")
      const results = yield* Fiber.join(all)
      assert.isTrue(Exit.isFailure(results[0]!) && Cause.hasInterruptsOnly(results[0].cause))
      assert.deepStrictEqual(results.slice(1), [2, 3, 4].map((n) => Exit.succeed(n)))
    }))
})

describe("SP-43", () => {
  it.effect("SP-43 ids of jobs are unique, also those that are handed in at the same moment and to other pools", () =>
    Effect.gen(function*() {
      const ids = new Set<string>()
      const store = yield* makeMemory
      const pools = yield* Effect.forEach([1, 2, 3], () => on(store)(SlotPool.make({ keepJobs: 10_000 })))
      const named = yield* SlotPool.make({ name: "other" })
      for (const pool of [...pools, named]) {
        for (let n = 0; n < 500; n++) ids.add(yield* pool.submit(() => Effect.void))
      }
      assert.strictEqual(ids.size, 2000)
      yield* settle
      // Those of run, too.
      for (let n = 0; n < 10; n++) ids.add(yield* named.run((_, { id }) => Effect.succeed(id)))
      assert.strictEqual(ids.size, 2010)
    }))

  it.effect("SP-43 no two pools that are made own their slots under one name", () =>
    Effect.gen(function*() {
      const owners = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        Effect.map(SlotPool.make(), ({ owner }) => owner))
      assert.strictEqual(new Set(owners).size, 50)
    }))

  it.effect("SP-43 an id of one's own is taken once, and free again when the job is forgotten", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ keepJobs: 1 })
      yield* settle
      yield* pool.submit(where, { id: "mine" })
      yield* settle
      assert.strictEqual(
        assertReason(yield* Effect.exit(pool.submit(where, { id: "mine" })), "JobAlreadyExists").job,
        "mine"
      )
      assert.strictEqual((yield* pool.list()).length, 1)
      yield* pool.submit(where, { id: "another" })
      yield* settle
      yield* pool.submit(where, { id: "mine" })
      yield* settle
      assert.deepStrictEqual((yield* pool.list()).map(({ id }) => id), ["mine"])
    }))
})

describe("SP-44", () => {
  it.effect("SP-44 a job that runs for its timeout is interrupted and its slot Errored; one moment less is in time", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2, jobTimeout: "10 minutes" }))
      const inTime = yield* fork(Effect.exit(pool.run(() => Effect.as(Effect.sleep(599_999), "in time"))))
      const job = held("never")
      const late = yield* fork(Effect.exit(pool.run(job.job)))
      yield* TestClock.adjust(599_999)
      assert.deepStrictEqual(yield* Fiber.join(inTime), Exit.succeed("in time"))
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust(1)
      const reason = assertReason(yield* Fiber.join(late), "JobTimedOut")
      assert.deepStrictEqual([reason.slot, reason.timeout], [job.begun[0]!, 600_000])
      assert.strictEqual(job.interrupted, 1)
      const record = yield* recordOf(pool, job.begun[0])
      assert.strictEqual(record.state, "Errored")
      assert.include(record.error ?? "", "600000 ms")
      assert.deepStrictEqual(told(events, "SlotErrored").length, 1)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1, timedOut: 1 })
    }))

  it.effect("SP-44 by default a job may take any time, a timeout of its own goes before the pool's", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2, lease: "100 days" })
      const bounded = yield* SlotPool.make({ name: "bounded", slots: 2, jobTimeout: "1 second", lease: "100 days" })
      yield* settle
      const long = yield* fork(pool.run(() => Effect.as(Effect.sleep("100 days"), "long")))
      const longer = yield* fork(
        bounded.run(() => Effect.as(Effect.sleep("1 minute"), "longer"), { timeout: "infinity" })
      )
      const shorter = yield* fork(Effect.exit(bounded.run(() => Effect.never, { timeout: 500 })))
      yield* TestClock.adjust(500)
      assert.strictEqual(assertReason(yield* Fiber.join(shorter), "JobTimedOut").timeout, 500)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(longer), "longer")
      yield* TestClock.adjust("100 days")
      assert.strictEqual(yield* Fiber.join(long), "long")
    }))

  it.effect("SP-44 the time of a job begins with the job, not while it waits for a slot", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ jobTimeout: "10 seconds" })
      yield* settle
      yield* fork(pool.run(() => Effect.sleep("9 seconds")))
      const second = yield* fork(Effect.exit(pool.run(() => Effect.never)))
      yield* TestClock.adjust(18_999)
      assert.isUndefined(second.pollUnsafe())
      yield* TestClock.adjust(1)
      assertReason(yield* Fiber.join(second), "JobTimedOut")
    }))

  it.effect("SP-44 a job that is silent for longer than jobSilence is stuck: strictly longer, since its last beat", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 3, jobSilence: "2 seconds" }))
      const never = yield* fork(Effect.exit(pool.run(() => Effect.never)))
      const beats = yield* fork(Effect.exit(pool.run(() =>
        Effect.gen(function*() {
          for (let n = 0; n < 5; n++) {
            // At the limit it is not too long yet.
            yield* Effect.sleep(2000)
            yield* Heartbeat.beat
          }
          return yield* Effect.never
        })
      )))
      const outside = yield* fork(Effect.exit(pool.run(() =>
        Effect.gen(function*() {
          const beat = yield* Heartbeat.beater
          yield* Effect.forkChild(Effect.andThen(Effect.sleep(1500), Effect.sync(beat)))
          return yield* Effect.never
        })
      )))
      yield* TestClock.adjust(2000)
      assert.isUndefined(never.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(assertReason(yield* Fiber.join(never), "JobSilent").within, 2000)
      yield* TestClock.adjust(1499)
      assert.isUndefined(outside.pollUnsafe())
      yield* TestClock.adjust(1)
      assertReason(yield* Fiber.join(outside), "JobSilent")
      yield* TestClock.setTime(12_000)
      assert.isUndefined(beats.pollUnsafe())
      yield* TestClock.setTime(12_001)
      assertReason(yield* Fiber.join(beats), "JobSilent")
      assert.strictEqual(told(events, "SlotErrored").length, 3)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { timedOut: 3 })
    }))

  it.effect("SP-44 a stall of the event loop, or a machine that sleeps, is no silence of the job", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ jobSilence: "2 seconds", lease: "1 hour" })
        yield* settle
        const beating = yield* fork(
          pool.run(() =>
            Effect.as(Effect.repeat(Effect.andThen(Heartbeat.beat, Effect.sleep("1 second")), { times: 10 }), "alive")
          )
        )
        yield* TestClock.adjust(500)
        yield* clock.stall("1 minute")
        yield* TestClock.adjust(1000)
        yield* clock.jump("1 minute")
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(yield* Fiber.join(beating), "alive")
        // One that has more to do before its next beat than to be woken.
        const slow = yield* fork(pool.run(() =>
          Effect.gen(function*() {
            for (let n = 0; n < 5; n++) {
              yield* Heartbeat.beat
              yield* Effect.sleep("1 second")
              yield* Effect.sleep(500)
            }
            return "alive"
          })
        ))
        yield* TestClock.adjust(500)
        yield* clock.stall("1 minute")
        yield* TestClock.adjust(2000)
        yield* clock.jump("1 minute")
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(yield* Fiber.join(slow), "alive")
      }))
    }))

  it.effect("SP-44 a stall of the event loop, or a machine that sleeps, is no part of a job's time", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ jobTimeout: "30 seconds", lease: "1 hour" })
        yield* settle
        const job = yield* fork(Effect.exit(pool.run(() => Effect.as(Effect.sleep("20 seconds"), "in time"))))
        yield* TestClock.adjust("5 seconds")
        yield* clock.stall("1 minute")
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(yield* Fiber.join(job), Exit.succeed("in time"))
        // Blocked for as long as it may take, from near its begin on.
        const early = yield* fork(
          Effect.exit(
            pool.run(() => Effect.as(Effect.forEach([1, 2, 3, 4], () => Effect.sleep("6 seconds")), "in time"))
          )
        )
        yield* TestClock.adjust("1 second")
        yield* clock.stall("30 seconds")
        yield* TestClock.adjust("25 seconds")
        assert.deepStrictEqual(yield* Fiber.join(early), Exit.succeed("in time"))
        const stuck = yield* fork(Effect.exit(pool.run(() => Effect.never)))
        yield* TestClock.adjust("10 seconds")
        yield* clock.jump("1 minute")
        yield* TestClock.adjust("15 seconds")
        assert.isUndefined(stuck.pollUnsafe())
        yield* TestClock.adjust("2 minutes")
        assertReason(yield* Fiber.join(stuck), "JobTimedOut")
      }))
    }))

  it.effect("SP-44 a job that was stalled gets all of its time, and one that hangs is found all the same", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({
          slots: 2,
          jobTimeout: "8 seconds",
          jobSilence: "8 seconds",
          lease: "1 hour"
        })
        yield* settle
        // In so many small steps that a stall spares it none but one of them.
        const steps = Effect.as(Effect.repeat(Effect.andThen(Heartbeat.beat, Effect.sleep(10)), { times: 785 }), "done")
        const busy = yield* fork(Effect.exit(pool.run(() => steps)))
        const hanging = yield* fork(Effect.exit(
          pool.run(() => Effect.andThen(Effect.andThen(Effect.sleep(500), Heartbeat.beat), Effect.never), {
            timeout: "infinity"
          })
        ))
        yield* TestClock.adjust(1)
        yield* clock.stall("1 minute")
        yield* TestClock.adjust("8 seconds")
        assert.deepStrictEqual(yield* Fiber.join(busy), Exit.succeed("done"))
        yield* TestClock.adjust("2 seconds")
        assertReason(yield* Fiber.join(hanging), "JobSilent")
      }))
    }))

  it.effect("SP-44 beats of a job that has ended are nothing to the next one", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ jobSilence: "1 second" })
      yield* settle
      const old = yield* pool.run(() => Heartbeat.beater)
      const silent = yield* fork(Effect.exit(pool.run(() => Effect.never)))
      yield* TestClock.adjust(900)
      old()
      yield* TestClock.adjust(101)
      assertReason(yield* Fiber.join(silent), "JobSilent")
    }))

  it.effect("SP-44 a stuck slot is recovered: its job ends, its worker is replaced, the next job runs", () =>
    Effect.gen(function*() {
      const { pool, workers } = yield* manned({
        jobTimeout: "10 seconds",
        supervisor: { enabled: true, interval: "5 seconds" }
      })
      const stuck = yield* fork(Effect.exit(pool.run(() => Effect.never)))
      const next = yield* fork(pool.run((worker) => Effect.succeed(worker.number)))
      yield* TestClock.adjust("15 seconds")
      assertReason(yield* Fiber.join(stuck), "JobTimedOut")
      assert.strictEqual(yield* Fiber.join(next), 2)
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired", "slot-0#1 released", "slot-0#2 acquired"])
    }))

  it.effect("SP-44 one that cannot be interrupted is answered all the same, and its slot is not used before it has ended", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const { pool, workers } = yield* manned({
        jobTimeout: "1 second",
        stopTimeout: "2 seconds",
        supervisor: { enabled: true, interval: "5 seconds" }
      })
      const stuck = yield* fork(Effect.exit(pool.run(() => body)))
      yield* TestClock.adjust("1 second")
      assertReason(yield* Fiber.join(stuck), "JobTimedOut")
      const next = yield* fork(pool.run((worker) => Effect.succeed(worker.number)))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(next.pollUnsafe())
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired"])
      yield* release
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(next), 2)
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired", "slot-0#1 released", "slot-0#2 acquired"])
      assert.strictEqual(workers.most, 1)
    }))
})
