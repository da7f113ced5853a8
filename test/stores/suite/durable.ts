import { assert, it } from "@effect/vitest"
import type { StoreError } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Durable, Suite } from "../subject.ts"
import { assertTag, everything, follow, inShort, namesOf, owned, pool, readying, slot, until } from "../subject.ts"

const hour = 3_600_000

const good = slot(1, { version: 1, name: "slot 1" })

/** What can stand in the place of a record, and what is said of it. */
const spoilt: ReadonlyArray<readonly [what: string, text: string, reason: RegExp]> = [
  ["nothing", "", /JSON/],
  ["half a record", "{\"pool\":\"agents\",\"slot\":\"slot-1\",\"versi", /JSON/],
  ["something else", "\u0007 not JSON", /JSON/],
  ["no record", "[]", /./],
  ["null", "null", /./],
  ["a record without what it must have", JSON.stringify({ pool, slot: "slot-1", version: 1 }), /Missing|state/],
  ["a record in an unknown state", JSON.stringify({ ...good, state: "Sleeping" }), /Idle/],
  ["a record of wrong types", JSON.stringify({ ...good, restarts: "many" }), /restarts|number|integer/],
  ["a record of another version", JSON.stringify({ ...good, version: 7 }), /version/],
  ["a record of another slot", JSON.stringify({ ...good, slot: "slot-2" }), /slot/],
  ["a record of another owner", JSON.stringify({ ...good, owner: "thief" }), /owner/]
]

export const durable = ({ make }: Suite<Durable>): void => {
  it.effect("SP-15 SP-39 a store that is opened again has what it had", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const written = yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* subject.open
        const all = yield* Effect.forEach(
          [slot(0, { session: "kept" }), slot(1, { state: "Busy", job: "lost" }), everything],
          (record) => store.put(record)
        )
        yield* store.put(slot(7))
        yield* store.delete(pool, "slot-7")
        return [yield* store.put({ ...all[0]!, completed: 9 }), all[1]!, all[2]!]
      }))
      const store = yield* subject.open
      assert.deepStrictEqual(yield* store.list(pool), { records: written, corrupt: [] })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(written[0]!))
      assert.strictEqual((yield* store.put(written[0]!)).version, 3)
      assertTag(yield* Effect.flip(store.put(written[0]!)), "VersionConflict")
    }))

  it.effect("SP-39 leases outlive the process: what was owned is owned when the store is opened again", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const claimed = yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* subject.open
        yield* store.lease("one", hour)
        yield* store.lease("dead", 0)
        return [yield* store.claim(owned(slot(0), "one")), yield* store.claim(owned(slot(1), "dead"))] as const
      }))
      const store = yield* subject.open
      assertTag(yield* Effect.flip(store.claim(owned(claimed[0], "two"))), "SlotOwned")
      assert.strictEqual((yield* store.claim(owned(claimed[1], "two"))).owner, "two")
      assert.isTrue(yield* store.renew("one", hour))
    }))

  it.effect("SP-39 a store is opened any number of times, by many at once", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = yield* Effect.all(Array.from({ length: 5 }, () => subject.open), { concurrency: "unbounded" })
      yield* Effect.forEach(stores, (store, n) => store.put(slot(n)), { concurrency: "unbounded", discard: true })
      for (const store of stores) assert.strictEqual((yield* store.list(pool)).records.length, stores.length)
    }))

  it.effect("a store that has been closed fails, and says so", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const { reader, store } = yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* subject.open
        const reader = yield* Effect.forkDetach(
          Effect.scoped(Effect.gen(function*() {
            const { fiber } = yield* follow(store, pool)
            return yield* Fiber.join(fiber)
          })),
          { startImmediately: true }
        )
        yield* store.put(slot(0))
        return { reader, store }
      }))
      const error = yield* Effect.flip(Fiber.join(reader))
      assert.deepInclude(error, { _tag: "StoreError", operation: "follow changes" })
      const late = yield* Effect.flip(store.list(pool))
      assert.deepInclude(late, { _tag: "StoreError", operation: "list" })
    }))

  for (const [what, text, reason] of spoilt) {
    it.effect(`SP-40 ${what} in the place of a record is listed apart, and the rest works`, () =>
      Effect.gen(function*() {
        const subject = yield* make
        const store = yield* subject.open
        for (let n = 0; n < 3; n++) yield* store.put(slot(n, { name: `slot ${n}` }))
        yield* subject.corrupt(pool, "slot-1", text)
        for (const filter of [undefined, { name: "slot 0" }, { state: "Busy" as const }]) {
          const { corrupt } = yield* store.list(pool, filter)
          assert.deepStrictEqual(namesOf(corrupt), ["slot-1"])
          assert.strictEqual(corrupt[0]!.pool, pool)
          assert.match(corrupt[0]!.reason, reason)
        }
        assert.deepStrictEqual(namesOf((yield* store.list(pool)).records), ["slot-0", "slot-2"])
        const unread: StoreError = yield* Effect.flip(store.get(pool, "slot-1"))
        assert.deepInclude(unread, { _tag: "StoreError", operation: "get" })
        assert.match(unread.message, /could not get: the record of slot-1 of pool "agents" cannot be read: ./)
      }))
  }

  it.effect("SP-40 a record that cannot be read is set aside as it is, once, and the slot is free", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      yield* store.lease("one", hour)
      yield* store.claim(owned(slot(0), "one"))
      yield* store.claim(owned(slot(1), "one"))
      const text = "{\"half\": \"\u00e9"
      yield* subject.corrupt(pool, "slot-1", text)
      assert.isTrue(yield* store.setAside(pool, "slot-1"))
      assert.isFalse(yield* store.setAside(pool, "slot-1"))
      assert.deepStrictEqual(yield* subject.setAside, [text])
      assert.isTrue(Option.isNone(yield* store.get(pool, "slot-1")))
      const { corrupt, records } = yield* store.list(pool)
      assert.deepStrictEqual([namesOf(records), corrupt], [["slot-0"], []])
      assert.strictEqual((yield* store.claim(owned(slot(1), "two"))).version, 1)
    }))

  it.effect("SP-40 a slot can be set aside again, and nothing that was set aside is lost", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      for (const text of ["one", "two"]) {
        yield* store.put(slot(0))
        yield* subject.corrupt(pool, "slot-0", text)
        assert.isTrue(yield* store.setAside(pool, "slot-0"))
      }
      assert.deepStrictEqual(yield* subject.setAside, ["one", "two"])
    }))

  it.effect("SP-40 a record that can be read is not set aside: somebody else may have put it right", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const record = yield* store.put(slot(0))
      assert.isFalse(yield* store.setAside(pool, "slot-0"))
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(record))
      assert.deepStrictEqual(yield* subject.setAside, [])
    }))

  it.effect("SP-40 of two who set aside the same record, one does", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = [yield* subject.open, yield* subject.open]
      yield* stores[0]!.put(slot(0))
      yield* subject.corrupt(pool, "slot-0", "?")
      const done = yield* Effect.forEach([0, 1, 2, 3], (n) => stores[n % 2]!.setAside(pool, "slot-0"), {
        concurrency: "unbounded"
      })
      assert.strictEqual(done.filter(Boolean).length, 1)
      assert.deepStrictEqual(yield* subject.setAside, ["?"])
    }))

  it.effect("SP-40 a record that cannot be read can be deleted, and written over by who knows its version", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const first = yield* store.put(slot(0))
      yield* store.put(slot(1))
      yield* subject.corrupt(pool, "slot-0", "?")
      yield* subject.corrupt(pool, "slot-1", "?")
      assertTag(yield* Effect.flip(store.put(slot(0))), "VersionConflict")
      assert.strictEqual((yield* store.put(first)).version, 2)
      assert.isTrue(yield* store.delete(pool, "slot-1"))
      assert.deepStrictEqual(yield* store.list(pool), { records: [{ ...slot(0), version: 2 }], corrupt: [] })
    }))

  it.effect("SP-40 a slot whose record cannot be read still belongs to its owner", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      yield* store.lease("one", hour)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      yield* subject.corrupt(pool, "slot-0", "?")
      assertTag(yield* Effect.flip(store.claim(owned(claimed, "two"))), "SlotOwned")
    }))

  it.effect("SP-40 setting aside is told as the end of a slot, and what cannot be read is no change", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      yield* other.put(slot(0))
      yield* until(() => seen.length === 1, subject.turn)
      yield* subject.corrupt(pool, "slot-0", "?")
      assert.isTrue(yield* other.setAside(pool, "slot-0"))
      yield* until(() => seen.length === 2, subject.turn)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Idle 1", "slot-0 deleted"])
    }))

  for (const [what, character] of [["NUL", "\0"], ["a lone surrogate", "\ud800"]] as const) {
    it.effect(`a name with ${what}, which no database keeps, is refused in words, and nothing is written`, () =>
      Effect.gen(function*() {
        const store = yield* (yield* make).open
        const odd = `a${character}b`
        for (const key of ["pool", "slot", "name", "role", "owner"]) {
          const refused = yield* Effect.flip(store.put({ ...slot(0), [key]: odd }))
          assert.deepInclude(refused, { _tag: "StoreError", operation: "put" })
          assert.match(refused.message, new RegExp(`its ${key}, "a.*b", has a character`))
        }
        assertTag(yield* Effect.flip(store.claim(owned(slot(0), odd))), "StoreError")
        assert.deepStrictEqual((yield* store.list(pool)).records, [])
      }))
  }
}
