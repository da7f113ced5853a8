/**
 * The table against a `Map`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Table } from "../../src/internal/table.ts"

const Id = Schema.Literals([
  0,
  1,
  2,
  31,
  32,
  33,
  63,
  64,
  1000,
  1023,
  1024,
  2 ** 31 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53 - 1
])
const Operation = Schema.Struct({ id: Id, deletes: Schema.Boolean })
const Operations = Schema.Array(Operation).check(Schema.isMaxLength(200))

describe("table", () => {
  it.prop("holds what was set and not deleted since", [Operations], ([operations]) => {
    const table = new Table<object>()
    const map = new Map<number, object>()
    for (const { deletes, id } of operations) {
      if (deletes) {
        table.delete(id)
        map.delete(id)
      } else {
        const item = { id }
        table.set(id, item)
        map.set(id, item)
      }
      for (const one of Id.literals) {
        assert.strictEqual(table.get(one), map.get(one))
        assert.strictEqual(table.has(one), map.has(one))
      }
      assert.sameMembers(Array.from(table.values()), Array.from(map.values()))
    }
    for (const id of map.keys()) table.delete(id)
    assert.strictEqual(table.pages.size, 0, "what is empty is let go")
  }, { arbitrary: { runs: 500, size: 200, seed: 1 } })

  it("lets go of what was there long ago: as many come and go as there are numbers", () => {
    const table = new Table<object>()
    for (let id = 0; id < 100_000; id++) {
      table.set(id, {})
      if (id >= 10) table.delete(id - 10)
    }
    assert.isAtMost(table.pages.size, 2)
  })
})
