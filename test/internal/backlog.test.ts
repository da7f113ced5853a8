import { assert, describe, it } from "@effect/vitest"
import { Backlog } from "../../src/internal/backlog.ts"

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
})
