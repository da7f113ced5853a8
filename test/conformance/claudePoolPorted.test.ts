/**
 * The tests of the pool that ours continues, by their names, carried over to ours: what they assert there holds here.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { fork, settle } from "../support/fixtures.ts"
import * as Pools from "../support/pools.ts"

const { assertReason, held, on, recordOf, slotsOf, statesOf, where } = Pools

/** A pool whose slots are as the records say, as it found them in its store. */
const opened = (options: Parameters<typeof SlotPool.make>[0], ...records: ReadonlyArray<Partial<SlotRecord>>) =>
  Effect.gen(function*() {
    const store = yield* makeMemory
    yield* Pools.ghost(store, { pool: "pool", lease: 0 }, ...records)
    const pool = yield* on(store)(SlotPool.make({ slots: records.length, ...options } as {}))
    yield* settle
    return pool
  })

const errored = (restarts: number): Partial<SlotRecord> => ({ state: "Errored", error: "it broke", restarts })

describe("SP-16 health", () => {
  it.effect("SP-16 check_restarts_errored_slots", () =>
    Effect.gen(function*() {
      const pool = yield* opened({ maxRestarts: 3 }, errored(0), errored(0), {})
      assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
      yield* settle
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle", "Idle"])
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts }) => restarts), [1, 1, 0])
      assert.notProperty(yield* recordOf(pool), "error")
    }))

  it.effect("SP-16 check_skips_slots_at_restart_limit", () =>
    Effect.gen(function*() {
      const pool = yield* opened({ maxRestarts: 3 }, errored(3), errored(2))
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored", "Idle"])
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts }) => restarts), [3, 3])
    }))

  it.effect("SP-16 check_ignores_idle_and_busy_slots", () =>
    Effect.gen(function*() {
      const pool = yield* opened({}, {}, {})
      const job = held("done")
      const running = yield* fork(pool.run(job.job))
      const before = yield* pool.findSlots()
      assert.sameMembers(before.map(({ state }) => state), ["Busy", "Idle"])
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      assert.deepStrictEqual(yield* pool.findSlots(), before)
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
    }))

  it.effect("SP-16 start_supervisor_returns_none_when_disabled", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ supervisor: { enabled: false } })
      assert.isTrue(Option.isNone(yield* pool.startSupervisor))
    }))

  it.effect("SP-16 start_supervisor_returns_handle_when_enabled", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ supervisor: { enabled: true, interval: "1 second" } })
      const handle = yield* pool.startSupervisor
      assert.isTrue(Option.isSome(handle))
      yield* Option.getOrThrow(handle).stop
    }))

  it.effect("SP-16 supervisor_restarts_errored_slot_integration", () =>
    Effect.gen(function*() {
      const pool = yield* opened({ supervisor: { enabled: true, interval: "50 millis" } }, errored(0))
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
      yield* TestClock.adjust("50 millis")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 1 })
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))
})

describe("SP-16 pool", () => {
  it.effect("SP-16 build_pool_registers_slots", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      const found = yield* pool.findSlots()
      assert.deepStrictEqual(found.map(({ slot, state }) => [slot, state]), [
        ["slot-0", "Idle"],
        ["slot-1", "Idle"],
        ["slot-2", "Idle"]
      ])
    }))

  it.effect("SP-16 pool_with_slot_configs", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 3,
        slotConfig: [{ name: "reviewer", role: "review" }, { description: "spare" }]
      })
      const found = yield* pool.findSlots()
      assert.deepStrictEqual(found.map(({ config }) => config), [
        { name: "reviewer", role: "review" },
        { description: "spare" },
        {}
      ])
    }))

  it.effect("SP-16 drain_marks_slots_stopped", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      yield* pool.drain()
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
      assertReason(yield* Effect.exit(pool.run(where)), "PoolDraining")
    }))

  it.effect("SP-16 no_idle_slots_timeout", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 1, assignTimeout: "100 millis" })
      yield* settle
      const job = held("done")
      yield* fork(pool.run(job.job))
      const late = yield* fork(Effect.exit(pool.run(where)))
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(assertReason(yield* Fiber.join(late), "NoSlotAvailable").timeout, 100)
      yield* job.release
    }))

  it.effect("SP-16 slot_identity_fields_persisted", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slotConfig: [{ name: "reviewer", role: "review", description: "reads what others wrote" }]
      })
      const record = yield* recordOf(pool)
      assert.deepInclude(record, { name: "reviewer", role: "review" })
      assert.deepStrictEqual(record.config, {
        name: "reviewer",
        role: "review",
        description: "reads what others wrote"
      })
    }))

  it.effect("SP-16 find_slots_filters_by_name_role_state", () =>
    Effect.gen(function*() {
      const configs = [{ name: "a", role: "review" }, { name: "b", role: "write" }, { name: "c", role: "write" }]
      const pool = yield* SlotPool.make({ slots: 3, slotConfig: configs })
      const names = (filter: Parameters<typeof pool.findSlots>[0]) =>
        Effect.map(pool.findSlots(filter), (found) => found.map(({ name }) => name))
      assert.deepStrictEqual(yield* names({ name: "a" }), ["a"])
      assert.deepStrictEqual(yield* names({ role: "write" }), ["b", "c"])
      assert.deepStrictEqual(yield* names({ state: "Idle" }), ["a", "b", "c"])
      assert.deepStrictEqual(yield* names({ state: "Busy" }), [])
      assert.deepStrictEqual(yield* names({ role: "write", name: "c", state: "Idle" }), ["c"])
    }))
})

describe("SP-16 scaling", () => {
  const pool = SlotPool.make({ slots: { min: 1, max: 4 } })
  const total = (of: SlotPool.SlotPool<unknown, unknown>) => Effect.map(of.status, ({ slots }) => slots.total)

  it.effect("SP-16 scale_up_adds_slots", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      assert.strictEqual(yield* scaled.scaleUp(2), 3)
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* scaled.status), { total: 3, idle: 3 })
      assert.deepStrictEqual(yield* statesOf(scaled), ["Idle", "Idle", "Idle"])
    }))

  it.effect("SP-16 scale_up_respects_max", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      assertReason(yield* Effect.exit(scaled.scaleUp(4)), "SlotsOutOfRange")
      assert.strictEqual(yield* total(scaled), 1)
      assert.strictEqual((yield* scaled.findSlots()).length, 1)
    }))

  it.effect("SP-16 scale_down_removes_slots", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      yield* scaled.scaleUp(3)
      yield* settle
      assert.strictEqual(yield* scaled.scaleDown(2), 2)
      assert.strictEqual(yield* total(scaled), 2)
      assert.strictEqual((yield* scaled.findSlots()).length, 2)
    }))

  it.effect("SP-16 scale_down_respects_min", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      yield* scaled.scaleUp()
      assertReason(yield* Effect.exit(scaled.scaleDown(2)), "SlotsOutOfRange")
      assert.strictEqual(yield* total(scaled), 2)
      assert.strictEqual((yield* scaled.findSlots()).length, 2)
    }))

  it.effect("SP-16 set_target_slots_scales_up", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      assert.strictEqual(yield* scaled.setTargetSlots(4), 4)
      assert.strictEqual((yield* scaled.findSlots()).length, 4)
    }))

  it.effect("SP-16 set_target_slots_scales_down", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      yield* scaled.setTargetSlots(4)
      yield* settle
      assert.strictEqual(yield* scaled.setTargetSlots(1), 1)
      assert.strictEqual((yield* scaled.findSlots()).length, 1)
    }))

  it.effect("SP-16 set_target_slots_no_change", () =>
    Effect.gen(function*() {
      const scaled = yield* pool
      const before = yield* scaled.findSlots()
      assert.strictEqual(yield* scaled.setTargetSlots(1), 1)
      assert.deepStrictEqual(yield* scaled.findSlots(), before)
    }))
})
