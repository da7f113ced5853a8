import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Backlog } from "../../src/internal/backlog.ts"
import { heap } from "../support/heap.ts"

describe("backlog", () => {
  it("hands on in order what waits, be it ever empty or not", () => {
    const backlog = new Backlog<number>()
    let handed = 0
    const hand = () => assert.strictEqual(backlog.shift(), handed++)
    for (let i = 0; i < 100_000; i++) {
      backlog.push(i)
      if (i >= 3000) hand()
      assert.strictEqual(backlog.size, i + 1 - handed)
    }
    assert.deepStrictEqual(backlog.waiting().slice(0, 2), [handed, handed + 1])
    while (!backlog.isEmpty) hand()
    assert.strictEqual(handed, 100_000)
    assert.isUndefined(backlog.shift())
    backlog.push(1)
    backlog.clear()
    assert.isUndefined(backlog.shift())
  })
  it.effect("2,000,000 messages through a lane that is never empty take no more room than those that wait", () =>
    Effect.gen(function*() {
      const lane = new Backlog<number>()
      for (let i = 0; i < 3000; i++) lane.push(i)
      const before = yield* heap
      for (let i = 0; i < 2_000_000; i++) {
        lane.push(i)
        lane.shift()
      }
      assert.isBelow((yield* heap) - before, 1_000_000, "bytes of heap")
      assert.strictEqual(lane.size, 3000)
    }))
})
