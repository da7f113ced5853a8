import { assert, it } from "@effect/vitest"
import type { SlotFilter, SlotRecord } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Subject, Suite } from "../subject.ts"
import { assertTag, everything, namesOf, owned, pool, slot } from "../subject.ts"

/** Pools of these names are different pools. */
const names = [
  pool,
  "Agents",
  "agents ",
  " agents",
  "",
  " ",
  "'; DROP TABLE effect_supervisor_slots; --",
  "\" OR 1=1",
  "../../etc/passwd",
  "a/b\\c",
  "%",
  "_gents",
  "$1",
  "?",
  ":pool",
  "${pool}",
  "null",
  "0",
  "\u00e9",
  "e\u0301",
  "\u{1f9d1}\u200d\u{1f680}",
  "\u05d0\u05d1",
  "new\nline\ttab",
  "\ufeff",
  "x".repeat(255)
]

const odd: SlotRecord["config"] = {
  "": "",
  ["__proto__"]: { polluted: true },
  constructor: null,
  "key with \"quotes\" and \\": "'; DROP TABLE effect_supervisor_slots; --",
  controls: "\0\u0001\b\f\n\r\t\u001f\u007f\u2028\u2029\ufeff",
  emoji: "\u{1f9d1}\u200d\u{1f680} \u{10ffff}",
  lone: "\ud800 and \udfff",
  numbers: [0, -1, 0.1, 1e-323, -1.7976931348623157e308, 9007199254740991, 1e21],
  others: [true, false, null, [], {}, [[[[[[]]]]]], [{}, [{}]]],
  template: "${pool} ? $1 :pool %s",
  json: "{\"pool\":\"agents\"}"
}

export const records = <S extends Subject>({ make }: Suite<S>): void => {
  it.effect("SP-15 a slot that was never put is none, is not listed, and is not there to be deleted", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      assert.isTrue(Option.isNone(yield* store.get(pool, "slot-0")))
      assert.deepStrictEqual(yield* store.list(pool), { records: [], corrupt: [] })
      assert.isFalse(yield* store.delete(pool, "slot-0"))
      assert.isFalse(yield* store.setAside(pool, "slot-0"))
    }))

  it.effect("SP-15 what was put is what is got and listed, all of it, one version on", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const written = yield* store.put(everything)
      assert.deepStrictEqual(written, { ...everything, version: 1 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-3"), Option.some(written))
      assert.deepStrictEqual(yield* store.list(pool), { records: [written], corrupt: [] })
    }))

  it.effect("SP-15 what a record does not have, it does not have when it is read", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(everything)
      const second = yield* store.put({ ...slot(3), version: first.version })
      assert.deepStrictEqual(second, { ...slot(3), version: 2 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-3"), Option.some(second))
      assert.deepStrictEqual((yield* store.list(pool, { name: "Ada" })).records, [])
      assert.deepStrictEqual((yield* store.list(pool, { owner: "pool-1" })).records, [])
    }))

  it.effect("SP-15 put puts again what it has put", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      let record = yield* store.put(slot(0))
      for (const state of ["Busy", "Errored", "Idle", "Stopped"] as const) {
        record = yield* store.put({ ...record, state, completed: record.completed + 1 })
      }
      assert.deepStrictEqual(record, { ...slot(0), state: "Stopped", completed: 4, version: 5 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(record))
    }))

  it.effect("SP-15 delete says whether it was there, and a slot can be put afresh", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.put(yield* store.put(slot(0)))
      yield* store.put(slot(1))
      assert.isTrue(yield* store.delete(pool, "slot-0"))
      assert.isFalse(yield* store.delete(pool, "slot-0"))
      assert.isTrue(Option.isNone(yield* store.get(pool, "slot-0")))
      assert.deepStrictEqual(namesOf((yield* store.list(pool)).records), ["slot-1"])
      assert.strictEqual((yield* store.put(slot(0))).version, 1)
    }))

  it.effect("SP-15 slots are listed by their number, then by name", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      for (const name of ["slot-10", "slot-9", "b-2", "slot-0", "a-2", "slot-100"]) {
        yield* store.put({ ...slot(0), slot: name })
      }
      const { records } = yield* store.list(pool)
      assert.deepStrictEqual(namesOf(records), ["slot-0", "a-2", "b-2", "slot-9", "slot-10", "slot-100"])
    }))

  it.effect("SP-15 list takes what agrees with all of a filter", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.put(slot(0, { name: "Ada", role: "writer", owner: "one" }))
      yield* store.put(slot(1, { name: "Bob", role: "writer", state: "Busy", owner: "one" }))
      yield* store.put(slot(2, { name: "Ada", role: "reader", state: "Busy", owner: "two" }))
      yield* store.put(slot(3, { state: "Errored" }))
      yield* store.put({ ...slot(4, { name: "Ada" }), pool: "others" })
      const found = (filter?: SlotFilter) =>
        Effect.map(store.list(pool, filter), ({ records }) => records.map(({ slot }) => slot.slice(5)).join(""))
      assert.strictEqual(yield* found(), "0123")
      assert.strictEqual(yield* found({}), "0123")
      assert.strictEqual(yield* found({ state: "Idle" }), "0")
      assert.strictEqual(yield* found({ state: "Busy" }), "12")
      assert.strictEqual(yield* found({ state: "Stopped" }), "")
      assert.strictEqual(yield* found({ name: "Ada" }), "02")
      assert.strictEqual(yield* found({ name: "ada" }), "")
      assert.strictEqual(yield* found({ role: "writer" }), "01")
      assert.strictEqual(yield* found({ owner: "one" }), "01")
      assert.strictEqual(yield* found({ name: "Ada", role: "reader" }), "2")
      assert.strictEqual(yield* found({ name: "Ada", state: "Busy", role: "reader", owner: "two" }), "2")
      assert.strictEqual(yield* found({ name: "Ada", state: "Busy", role: "reader", owner: "one" }), "")
    }))

  it.effect("SP-15 pools keep to themselves, whatever they are called", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      for (const [n, name] of names.entries()) yield* store.put({ ...slot(0, { completed: n }), pool: name })
      for (const [n, name] of names.entries()) {
        const { corrupt, records } = yield* store.list(name)
        assert.deepStrictEqual(records, [{ ...slot(0, { completed: n }), pool: name, version: 1 }])
        assert.deepStrictEqual(corrupt, [])
        assert.deepStrictEqual(yield* store.get(name, "slot-0"), Option.some(records[0]!))
      }
      yield* store.delete(names[6]!, "slot-0")
      assert.deepStrictEqual((yield* store.list(names[6]!)).records, [])
      assert.strictEqual((yield* store.list(pool)).records.length, 1)
    }))

  it.effect("SP-15 slots, names, roles and owners are kept apart, whatever they are called", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      for (const name of names) yield* store.put({ ...slot(0, { name, role: name, owner: name }), slot: name })
      assert.strictEqual((yield* store.list(pool)).records.length, names.length)
      for (const name of names) {
        for (const filter of [{ name }, { role: name }, { owner: name }]) {
          assert.deepStrictEqual(namesOf((yield* store.list(pool, filter)).records), [name])
        }
      }
    }))

  it.effect("SP-15 config and session keep whatever is JSON", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const long = "\u00e9".repeat(100_000)
      for (const [n, value] of [odd, "", 0, false, null, [], [odd, odd], long].entries()) {
        const written = yield* store.put(slot(n, { config: value, session: value, error: JSON.stringify(value) }))
        const read = Option.getOrThrow(yield* store.get(pool, `slot-${n}`))
        assert.deepStrictEqual(read, written)
        assert.strictEqual(JSON.stringify(read.config), JSON.stringify(value))
        assert.strictEqual(JSON.stringify(read.session), JSON.stringify(value))
      }
    }))

  it.effect("SP-15 1,000 slots", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const states = ["Idle", "Busy", "Errored", "Stopped"] as const
      yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, n) => slot(999 - n, { state: states[n % 4]!, session: { n } })),
        (record) => store.put(record),
        { concurrency: 8, discard: true }
      )
      const { corrupt, records } = yield* store.list(pool)
      assert.deepStrictEqual(corrupt, [])
      assert.deepStrictEqual(namesOf(records), Array.from({ length: 1000 }, (_, n) => `slot-${n}`))
      assert.strictEqual((yield* store.list(pool, { state: "Busy" })).records.length, 250)
    }))

  it.effect("SP-31 a write that is based on an older version is refused, and nothing is written", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      const second = yield* store.put({ ...first, completed: 7 })
      const conflict = yield* Effect.flip(store.put({ ...first, completed: 8 }))
      assertTag(conflict, "VersionConflict")
      assert.deepInclude(conflict, { pool, slot: "slot-0", version: 1 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(second))
    }))

  it.effect("SP-31 a write that is based on a version yet to come is refused", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      assertTag(yield* Effect.flip(store.put({ ...first, version: 2 })), "VersionConflict")
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(first))
    }))

  it.effect("SP-31 a deleted slot is not brought back by a late write", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      yield* store.delete(pool, "slot-0")
      assertTag(yield* Effect.flip(store.put(first)), "VersionConflict")
      assertTag(yield* Effect.flip(store.claim(owned(first, "one"))), "VersionConflict")
      assert.isTrue(Option.isNone(yield* store.get(pool, "slot-0")))
    }))

  it.effect("SP-31 a slot is deleted by a version only while it is at that version", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      const second = yield* store.put(first)
      assert.isFalse(yield* store.delete(pool, "slot-0", first.version))
      assert.isFalse(yield* store.delete(pool, "slot-0", second.version + 1))
      assert.isFalse(yield* store.delete(pool, "slot-0", 0))
      assert.isFalse(yield* store.delete(pool, "slot-1", second.version))
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(second))
      assert.isTrue(yield* store.delete(pool, "slot-0", second.version))
      assert.isFalse(yield* store.delete(pool, "slot-0", second.version))
      assert.isTrue(Option.isNone(yield* store.get(pool, "slot-0")))
    }))

  it.effect("SP-31 a slot is put for the first time only once", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      const conflict = yield* Effect.flip(store.put(slot(0, { state: "Busy" })))
      assert.deepInclude(conflict, { _tag: "VersionConflict", version: 0 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(first))
    }))

  it.effect("SP-31 of many writes at once that are based on one version, one is written", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = [yield* subject.open, yield* subject.open]
      let record = slot(0)
      for (let round = 1; round <= 20; round++) {
        const exits = yield* Effect.forEach(
          Array.from({ length: 8 }, (_, n) => n),
          (n) => Effect.exit(stores[n % 2]!.put({ ...record, completed: n })),
          { concurrency: "unbounded" }
        )
        const winners = exits.flatMap((exit) => exit._tag === "Success" ? [exit.value] : [])
        assert.strictEqual(winners.length, 1)
        record = Option.getOrThrow(yield* stores[0]!.get(pool, "slot-0"))
        assert.deepStrictEqual(record, winners[0])
        assert.strictEqual(record.version, round)
      }
    }))

  it.effect("SP-15 what one instance has written, another reads at once", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const one = yield* subject.open
      const other = yield* subject.open
      const first = yield* one.put(slot(0))
      const second = yield* other.put({ ...first, state: "Busy" })
      assert.deepStrictEqual((yield* one.list(pool)).records, [second])
      yield* other.delete(pool, "slot-0")
      assert.isTrue(Option.isNone(yield* one.get(pool, "slot-0")))
    }))
}
