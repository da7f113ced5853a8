/**
 * Two processes race for the slots of one store.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Child from "./child.ts"
import type { Where } from "./fixtures/where.ts"
import type { Store } from "./subject.ts"
import { pool, slot } from "./subject.ts"

const dead = 100
const contested = 3
const turns = 150

interface Act {
  readonly what: string
  readonly slot: string
  readonly version: number
  readonly owner: string
}

const actsOf = (owner: string, lines: ReadonlyArray<string>): ReadonlyArray<Act> =>
  lines.slice(1).map((line) => {
    const [what, slot, version] = line.split(" ")
    return { what: what!, slot: slot!, version: Number(version), owner }
  })

/** Who had what is told by the versions: between a claim of one and its freeing, there is nothing of the other's. */
export const raceOfProcesses = Effect.fnUntraced(function*(where: Where, store: Store) {
  yield* store.lease("dead", 0)
  for (let n = 0; n < dead; n++) yield* store.claim({ ...slot(n), owner: "dead" })
  for (let n = 0; n < contested; n++) yield* store.put(slot(dead + n, { name: "contested" }))

  const owners = ["one", "two"]
  const children = yield* Effect.forEach(
    owners,
    (owner) => Child.start("rival", [JSON.stringify(where), pool, owner, String(turns)])
  )
  for (const child of children) yield* child.lines(1)
  for (const child of children) yield* child.write("go")
  const acts = (yield* Effect.forEach(children, ({ ended }) => ended)).flatMap((lines, n) => actsOf(owners[n]!, lines))

  const taken = acts.filter(({ what }) => what === "taken")
  assert.strictEqual(taken.length, dead)
  assert.strictEqual(new Set(taken.map(({ slot }) => slot)).size, dead)
  const { records } = yield* store.list(pool)
  for (const { owner, slot, version } of records.slice(0, dead)) {
    assert.deepStrictEqual(taken.find((act) => act.slot === slot), { what: "taken", slot, version, owner: owner! })
  }
  for (let n = 0; n < contested; n++) {
    const history = acts.filter(({ slot }) => slot === `slot-${dead + n}`).sort((a, b) => a.version - b.version)
    assert.deepStrictEqual(history.map(({ version }) => version), history.map((_, at) => at + 2))
    for (let at = 0; at < history.length; at += 2) {
      assert.strictEqual(history[at]!.what, "claimed")
      assert.deepInclude(history[at + 1], { what: "freed", owner: history[at]!.owner })
    }
  }
  const claims = acts.filter(({ what }) => what === "claimed")
  for (const owner of owners) assert.isAtLeast(claims.filter((act) => act.owner === owner).length, turns)
})

const slots = 4

/** Two pools of one name, each in a process of its own: one works, one stands by, and takes over when it may. */
export const poolsOfProcesses = Effect.fnUntraced(function*(where: Where, store: Store) {
  const start = Effect.gen(function*() {
    const child = yield* Child.start("pool", [JSON.stringify(where), pool, String(slots)])
    const [open] = yield* child.linesOf("open", 1)
    const [, owner, foreign] = open!.split(" ")
    return { child, owner: owner!, foreign: Number(foreign) }
  })
  // They open at once: each slot is one's or the other's.
  const opened = yield* Effect.all([start, start], { concurrency: 2 })
  const [one, two] = opened.toSorted((a, b) => a.foreign - b.foreign) as [typeof opened[0], typeof opened[0]]
  assert.strictEqual(one.foreign + two.foreign, slots)

  /** All slots are called in error by somebody else; both are told to put them back, at the same time. */
  const putBack = (owners: ReadonlyArray<typeof one>) =>
    Effect.gen(function*() {
      const before = (yield* store.list(pool)).records
      for (const record of before) yield* store.put({ ...record, state: "Errored", error: "called so" })
      for (const { child } of owners) yield* child.write("check")
      let count = 0
      for (const { child } of owners) {
        const lines = yield* child.linesOf("put back", 1)
        count += Number(lines.at(-1)!.split(" ")[2])
      }
      return { count, restarts: (yield* store.list(pool)).records.map(({ restarts, state }) => [restarts, state]) }
    })
  const all = (restarts: number) => Array.from({ length: slots }, () => [restarts, "Idle"])
  assert.deepStrictEqual(yield* putBack([one, two]), { count: slots, restarts: all(1) })

  // The first one dies in the midst of it all; the second one gets what it had, each slot once, when its lease is over.
  yield* one.child.kill
  const claimed = yield* two.child.linesOf("SlotClaimed", two.foreign)
  assert.strictEqual(new Set(claimed).size, two.foreign)
  const { records } = yield* store.list(pool)
  assert.deepStrictEqual(records.map(({ owner }) => owner), Array.from({ length: slots }, () => two.owner))
  yield* two.child.kill
})
