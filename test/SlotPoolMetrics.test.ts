import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolMetrics from "effect-supervisor/SlotPoolMetrics"
import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as SupervisorMetrics from "effect-supervisor/SupervisorMetrics"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { TestClock } from "effect/testing"
import { fork, Net, settle } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"

/** Every test has a registry of its own: what others count is not seen here. */
const metered = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const died = () => Effect.die(new Error("out of order"))

const counted = (metric: Metric.Counter<number>, pool = "pool") =>
  Effect.map(Metric.value(Metric.withAttributes(metric, { pool })), ({ count }) => count)

/** What an exporter sees of one metric of a pool, by state: those above 0, or `undefined` when there is none at all. */
const shown = (id: string, pool = "pool") =>
  Effect.map(Metric.snapshot, (all) => {
    const own = all.filter((one) => one.id === id && one.attributes?.["pool"] === pool)
    if (own.length === 0) return undefined
    return Object.fromEntries<number>(own.flatMap((one): Array<[string, number]> => {
      const state = one.state as { readonly value?: number; readonly count?: number }
      const value = state.value ?? state.count ?? 0
      return value === 0 ? [] : [[String(one.attributes?.["state"] ?? ""), value]]
    }))
  })

const slots = "effect_supervisor_pool_slots"
const jobs = "effect_supervisor_pool_jobs_total"
const queued = "effect_supervisor_pool_queued_jobs"

describe("SlotPoolMetrics", () => {
  it.effect("slots: how many are in each state, as of now", () =>
    metered(Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(
        store,
        { pool: "pool", lease: 0 },
        {},
        { state: "Errored", error: "broken", restarts: 3 },
        { state: "Errored", error: "broken", restarts: 2 }
      )
      yield* Pools.ghost(store, { pool: "other", lease: 60_000, owner: "other" }, {}, {})
      const pool = yield* Pools.on(store)(SlotPool.make({ slots: 5 }))
      const other = yield* Pools.on(store)(SlotPool.make({ name: "other", slots: 3 }))
      yield* settle
      const job = Pools.held("done")
      yield* fork(pool.run(job.job))
      assert.deepStrictEqual(yield* shown(slots), { idle: 2, busy: 1, errored: 1, exhausted: 1 })
      assert.deepStrictEqual(yield* shown(slots, "other"), { idle: 1, foreign: 2 })
      yield* job.release
      yield* other.drain()
      assert.deepStrictEqual(yield* shown(slots), { idle: 3, errored: 1, exhausted: 1 })
      assert.deepStrictEqual(yield* shown(slots, "other"), { stopped: 1, foreign: 2 })
      yield* pool.scaleDown(2)
      assert.deepStrictEqual(yield* shown(slots), { idle: 3 })
    })))

  it.effect("slots: the sum over the states is the number of slots, whatever happens", () =>
    metered(Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 4, supervisor: { enabled: true, interval: "1 second" } })
      for (let round = 0; round < 20; round++) {
        yield* settle
        const { slots: counts } = yield* pool.status
        const seen = (yield* shown(slots))!
        assert.strictEqual(Object.values(seen).reduce((one, other) => one + other), counts.total)
        if (round === 15) yield* fork(pool.drain())
        if (round % 4 === 1) yield* Effect.ignore(pool.scaleUp())
        if (round % 4 === 3) yield* Effect.ignore(pool.scaleDown())
        yield* pool.fanOut([1, 2, 3], (_, n) => n === 2 ? died() : Effect.void, { assignTimeout: 1 })
        yield* TestClock.adjust("700 millis")
      }
    })))

  it.effect("queued: how many jobs wait, as of now", () =>
    metered(Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = Pools.held("done")
      for (let n = 0; n < 4; n++) yield* pool.submit(job.job)
      yield* settle
      assert.deepStrictEqual(yield* shown(queued), { "": 3 })
      yield* job.release
      assert.deepStrictEqual(yield* shown(queued), {})
    })))

  it.effect("jobs: those that have ended, by how", () =>
    metered(Effect.gen(function*() {
      const workers = new Pools.Workers()
      const pool = yield* SlotPool.make({
        slots: 3,
        acquire: workers.acquire,
        watch: workers.watch,
        maxRestarts: Number.POSITIVE_INFINITY
      })
      yield* settle
      yield* pool.fanOut([1, 2], () => Effect.void)
      yield* Effect.exit(pool.run(() => Effect.fail(new Net())))
      yield* Effect.exit(pool.run(died))
      const late = yield* pool.submit(() => Effect.never, { timeout: 5 })
      yield* TestClock.adjust(5)
      yield* pool.checkAndRestartSlots
      yield* settle
      const job = Pools.held("done")
      const cancelled = yield* pool.submit(job.job)
      yield* settle
      yield* pool.cancel(cancelled)
      for (let n = 0; n < 3; n++) yield* pool.submit(job.job)
      yield* settle
      yield* pool.submit(job.job, { assignTimeout: 1 })
      yield* TestClock.adjust(1)
      yield* workers.die("slot-0")
      assert.strictEqual(typeof late, "string")
      assert.deepStrictEqual(yield* shown(jobs), {
        Succeeded: 2,
        Failed: 2,
        TimedOut: 1,
        Cancelled: 1,
        Unassigned: 1,
        Lost: 1
      })
      yield* job.release
      assert.strictEqual((yield* shown(jobs))!["Succeeded"], 4)
    })))

  it.effect("errors, restarts, exhausted: one for each", () =>
    metered(Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2, maxRestarts: 2 })
      yield* settle
      for (let round = 0; round < 3; round++) {
        yield* pool.fanOut([1, 2], died)
        yield* pool.checkAndRestartSlots
        yield* settle
      }
      assert.deepStrictEqual(
        [
          yield* counted(SlotPoolMetrics.errors),
          yield* counted(SlotPoolMetrics.restarts),
          yield* counted(SlotPoolMetrics.exhausted)
        ],
        [6, 4, 2]
      )
      assert.strictEqual((yield* pool.status).restarts, 4)
    })))

  it.effect("store failures: everything that the store was asked for and did not do, be it for the first time or not", () =>
    metered(Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* Pools.on(store)(SlotPool.make({ lease: "1 hour" }))
      yield* settle
      assert.strictEqual(yield* counted(SlotPoolMetrics.storeFailures), 0)
      store.break("fail")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      const first = yield* counted(SlotPoolMetrics.storeFailures)
      assert.isAtLeast(first, 1)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      assert.isAbove(yield* counted(SlotPoolMetrics.storeFailures), first)
      store.mend()
      yield* TestClock.adjust("1 hour")
      const last = yield* counted(SlotPoolMetrics.storeFailures)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* counted(SlotPoolMetrics.storeFailures), last)
    })))

  it.effect("are told apart by the pool's name, and its workers' by the supervisor's", () =>
    metered(Effect.gen(function*() {
      const one = yield* SlotPool.make({ name: "one", slots: 2 })
      const other = yield* SlotPool.make({ name: "other", slots: 3 })
      yield* settle
      yield* Effect.exit(one.run(died))
      yield* other.run(() => Effect.void)
      assert.deepStrictEqual(yield* shown(slots, "one"), { idle: 1, errored: 1 })
      assert.deepStrictEqual(yield* shown(slots, "other"), { idle: 3 })
      assert.deepStrictEqual(yield* shown(jobs, "one"), { Failed: 1 })
      assert.deepStrictEqual(yield* shown(jobs, "other"), { Succeeded: 1 })
      assert.strictEqual(yield* counted(SlotPoolMetrics.errors, "one"), 1)
      assert.strictEqual(yield* counted(SlotPoolMetrics.errors, "other"), 0)
      const starts = yield* Metric.value(Metric.withAttributes(SupervisorMetrics.starts, { supervisor: "one" }))
      // Two slots, and what keeps the lease and the store in order.
      assert.isAtLeast(starts.count, 3)
    })))

  it.effect("are gone with the pool, those that are computed; what was counted stays", () =>
    metered(Effect.gen(function*() {
      const { close, value: pool } = yield* Pools.own(SlotPool.make())
      yield* settle
      yield* Effect.exit(pool.run(died))
      assert.deepStrictEqual(yield* shown(slots), { errored: 1 })
      yield* close
      assert.isUndefined(yield* shown(slots))
      assert.isUndefined(yield* shown(queued))
      assert.strictEqual(yield* counted(SlotPoolMetrics.errors), 1)
    })))

  it.effect("of two pools with one name, the end of one leaves the other's alone", () =>
    metered(Effect.gen(function*() {
      const store = yield* makeMemory
      const first = yield* Pools.own(Pools.on(store)(SlotPool.make({ slots: 2 })))
      const second = yield* Pools.own(Pools.on(store)(SlotPool.make({ slots: 2 })))
      yield* settle
      yield* second.close
      assert.deepStrictEqual(yield* shown(slots), { idle: 2 })
      yield* first.close
      assert.isUndefined(yield* shown(slots))
    })))
})
