/**
 * The heap of deadlines against a sorted list.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Deadline } from "../../src/internal/deadlines.ts"
import * as Deadlines from "../../src/internal/deadlines.ts"

const Due = Schema.Literals([0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 1000, 1e12])
const Which = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const Operation = Schema.Union([
  Schema.TaggedStruct("Add", {
    kind: Schema.Literals(["Silence", "Startup", "StopBound", "Restart", "Stable", "Shutdown"]),
    due: Due
  }),
  Schema.TaggedStruct("Remove", { which: Which }),
  Schema.TaggedStruct("Move", { which: Which, due: Due }),
  Schema.TaggedStruct("Expire", {})
])
const Operations = Schema.Array(Operation).check(Schema.isMaxLength(200))

const inOrder = (list: ReadonlyArray<Deadline>): ReadonlyArray<Deadline> =>
  list.toSorted((one, other) => one.due - other.due || one.order - other.order)

const watched = (list: ReadonlyArray<Deadline>): number =>
  list.filter(({ kind }) => kind === "Silence" || kind === "Startup" || kind === "StopBound").length

describe("deadlines", () => {
  it.prop("the earliest is known, whatever was added, moved and removed before", [Operations], ([operations]) => {
    const heap = Deadlines.make()
    let list: ReadonlyArray<Deadline> = []
    const pick = (which: number) => list.length === 0 ? undefined : list[which % list.length]
    for (const [entry, operation] of operations.entries()) {
      switch (operation._tag) {
        case "Add":
          list = [...list, Deadlines.add(heap, operation.kind, entry, operation.due)]
          break
        case "Remove": {
          const picked = pick(operation.which)
          if (picked === undefined) break
          Deadlines.remove(heap, picked)
          // What is out of it already may be removed again.
          Deadlines.remove(heap, picked)
          list = list.filter((one) => one !== picked)
          break
        }
        case "Move": {
          const picked = pick(operation.which)
          if (picked !== undefined) Deadlines.move(heap, picked, operation.due)
          break
        }
        case "Expire": {
          const earliest = Deadlines.earliest(heap)
          if (earliest === undefined) break
          Deadlines.remove(heap, earliest)
          list = list.filter((one) => one !== earliest)
        }
      }
      assert.strictEqual(Deadlines.earliest(heap), inOrder(list)[0])
      assert.strictEqual(heap.heap.length, list.length)
      assert.strictEqual(heap.watching, watched(list))
    }
    const expired: Array<Deadline> = []
    for (let next = Deadlines.earliest(heap); next !== undefined; next = Deadlines.earliest(heap)) {
      expired.push(next)
      Deadlines.remove(heap, next)
    }
    assert.deepStrictEqual(expired, inOrder(list))
    assert.strictEqual(heap.watching, 0)
  }, { arbitrary: { runs: 500, size: 200, seed: 1 } })

  it("those due together expire in the order they were armed", () => {
    const heap = Deadlines.make()
    for (const entry of [1, 2, 3, 4, 5]) Deadlines.add(heap, "Restart", entry, 10)
    const entries: Array<number> = []
    for (let next = Deadlines.earliest(heap); next !== undefined; next = Deadlines.earliest(heap)) {
      entries.push(next.entry)
      Deadlines.remove(heap, next)
    }
    assert.deepStrictEqual(entries, [1, 2, 3, 4, 5])
  })

  it("what nothing waits for any more is not left behind", () => {
    const heap = Deadlines.make()
    for (let restart = 0; restart < 100_000; restart++) {
      Deadlines.remove(heap, Deadlines.add(heap, "Restart", 1, restart))
    }
    assert.strictEqual(heap.heap.length, 0)
  })
})
