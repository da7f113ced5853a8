import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { settle } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"

/** Leaves one more than it found. */
const counting = (pool: SlotPool.SlotPool) =>
  pool.run((_, { session, setSession }) => {
    const turn = typeof session === "number" ? session + 1 : 1
    return Effect.as(setSession(turn), turn)
  })

const on = (store: Pools.Store) => Effect.provideService(SlotPoolStore.SlotPoolStore, store)

describe("what jobs leave while the store is away for longer than the lease", () => {
  it.effect("counts when it is back, if nobody else has had the slot", () =>
    Effect.gen(function*() {
      const faulty = new Pools.FaultyStore(yield* SlotPoolStore.makeMemory)
      const pool = yield* on(faulty.service)(SlotPool.make())
      yield* settle
      assert.strictEqual(yield* counting(pool), 1)
      faulty.break("fail")
      assert.strictEqual(yield* counting(pool), 2)
      assert.strictEqual(yield* counting(pool), 3)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual((yield* pool.status).slots.foreign, 1)
      faulty.mend()
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* pool.status).slots.idle, 1)
      assert.strictEqual(yield* counting(pool), 4)
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ completed, session }) => [completed, session]), [[4, 4]])
    }))

  it.effect("is forgotten, and that is told once, if somebody else has", () => {
    const { lines, provide } = Pools.logging()
    return provide(Effect.gen(function*() {
      const base = yield* SlotPoolStore.makeMemory
      const faulty = new Pools.FaultyStore(base)
      const first = yield* on(faulty.service)(SlotPool.make())
      yield* settle
      yield* counting(first)
      faulty.break("fail")
      yield* counting(first)
      yield* TestClock.adjust("31 seconds")
      const second = yield* Pools.own(on(base)(SlotPool.make()))
      yield* settle
      assert.strictEqual(yield* counting(second.value), 2)
      faulty.mend()
      yield* TestClock.adjust("1 minute")
      yield* second.close
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* counting(first), 3)
      assert.strictEqual(lines.filter(({ text }) => text.includes("is forgotten")).length, 1)
    }))
  })
})
