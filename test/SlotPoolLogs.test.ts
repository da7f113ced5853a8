import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { settle } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"

describe("the log of a pool", () => {
  const said = (lines: ReadonlyArray<Pools.Line>, part: string) =>
    lines.filter(({ text }) => text.includes(part)).map(({ annotations, level }) => [level, annotations["slot"]])

  it.effect("tells of a worker that is not released in order, whatever ends it", () => {
    const { lines, provide } = Pools.logging()
    const leaks = () => Effect.acquireRelease(Effect.void, () => Effect.die(new Error("it stays open")))
    return provide(Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2, acquire: leaks })
      yield* settle
      yield* Effect.exit(pool.run(() => Effect.die("broken")))
      yield* settle
      assert.strictEqual(said(lines, "not released").length, 1)
      yield* pool.checkAndRestartSlots
      yield* pool.scaleDown()
      assert.strictEqual(said(lines, "not released").length, 2)
      yield* pool.drain()
      assert.deepStrictEqual(said(lines, "not released").map(([level]) => level), ["Error", "Error", "Error"])
    }))
  })

  it.effect("tells once that a pool stands by, and for whom", () => {
    const { lines, provide } = Pools.logging()
    return provide(Effect.gen(function*() {
      const store = yield* SlotPoolStore.makeMemory
      const on = Effect.provideService(SlotPoolStore.SlotPoolStore, store)
      const first = yield* on(SlotPool.make({ name: "agents" }))
      yield* on(SlotPool.make({ name: "agents" }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(said(lines, "stands by"), [["Info", "slot-0"]])
      assert.strictEqual(said(lines, `belongs to ${first.owner}, for another 30000 ms`).length, 1)
    }))
  })

  it.effect("tells that the slots could not be given back, for the store was closed before the pool", () => {
    const { lines, provide } = Pools.logging()
    return provide(Effect.gen(function*() {
      const faulty = new Pools.FaultyStore(yield* SlotPoolStore.makeMemory)
      const on = Effect.provideService(SlotPoolStore.SlotPoolStore, faulty.service)
      const pool = yield* Pools.own(on(SlotPool.make()))
      yield* settle
      faulty.break("fail")
      yield* pool.value.run((_, { setSession }) => setSession("left"))
      yield* pool.close
      const [line] = lines.filter(({ text }) => text.includes("could not give its slots back"))
      assert.strictEqual(line?.level, "Warn")
      assert.include(line?.text, "the store is broken")
      assert.include(line?.text, "30000 ms, and 1 records were not written. Was the store closed before the pool?")
    }))
  })

  it.effect("tells that no slot is left, where nothing puts one back to work by itself", () => {
    const { lines, provide } = Pools.logging()
    return provide(Effect.gen(function*() {
      const alone = yield* SlotPool.make({ slots: 2 })
      yield* settle
      yield* Effect.exit(alone.run(() => Effect.die("broken")))
      assert.deepStrictEqual(said(lines, "no slot is left"), [])
      yield* Effect.exit(alone.run(() => Effect.die("broken")))
      assert.deepStrictEqual(said(lines, "no slot is left"), [["Warn", undefined]])
      const watched = yield* SlotPool.make({ supervisor: { enabled: true } })
      yield* settle
      yield* Effect.exit(watched.run(() => Effect.die("broken")))
      assert.strictEqual(said(lines, "no slot is left").length, 1)
    }))
  })
})
