import { assert, describe, it } from "@effect/vitest"
import { Backlog } from "../../src/internal/backlog.ts"

describe("backlog", () => {
  it("hands on in order, and takes no more room than what waits, though it is never empty", () => {
    const backlog = new Backlog<number>()
    let handed = 0
    const hand = () => assert.strictEqual(backlog.shift(), handed++)
    for (let i = 0; i < 100_000; i++) {
      backlog.push(i)
      if (i >= 3000) hand()
      assert.isAtMost(backlog.room, 2 * backlog.size + 1025)
    }
    assert.deepStrictEqual(backlog.waiting().slice(0, 2), [handed, handed + 1])
    while (!backlog.isEmpty) hand()
    assert.strictEqual(handed, 100_000)
    assert.isUndefined(backlog.shift())
    assert.strictEqual(backlog.room, 0)
  })
})
