import { assert, it } from "@effect/vitest"
import type { SlotOwned } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import type { Subject, Suite } from "../subject.ts"
import { assertTag, owned, pool, race, slot } from "../subject.ts"

const hour = 3_600_000

export const leases = <S extends Subject>({ clock, make }: Suite<S>): void => {
  it.effect("SP-32 a new slot is claimed in one step", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      const claimed = yield* store.claim(owned(slot(0, { state: "Busy" }), "one"))
      assert.deepStrictEqual(claimed, { ...slot(0, { state: "Busy" }), owner: "one", version: 1 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(claimed))
    }))

  it.effect("SP-32 a slot without an owner is free, and the rest of the record is written with the claim", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const record = yield* store.put(slot(0, { state: "Errored", error: "gone" }))
      const claimed = yield* store.claim({ ...record, state: "Idle", restarts: 1, owner: "one" })
      assert.deepStrictEqual(claimed, { ...record, state: "Idle", restarts: 1, owner: "one", version: 2 })
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(claimed))
    }))

  it.effect("SP-32 nobody can claim a slot while the lease of its owner lasts", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const one = yield* subject.open
      const two = yield* subject.open
      yield* one.lease("one", hour)
      yield* two.lease("two", hour)
      const claimed = yield* one.claim(owned(slot(0), "one"))
      const refused = yield* Effect.flip(two.claim(owned(claimed, "two")))
      assertTag(refused, "SlotOwned")
      assert.deepInclude(refused, { pool, slot: "slot-0", owner: "one" })
      const { remaining } = refused as SlotOwned
      assert.isAbove(remaining, hour - 60_000)
      assert.isAtMost(remaining, hour)
      assert.deepStrictEqual(yield* two.get(pool, "slot-0"), Option.some(claimed))
    }))

  it.effect("SP-32 who does not know the newest version learns that the slot is owned", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      yield* store.put(claimed)
      assertTag(yield* Effect.flip(store.claim(owned(claimed, "two"))), "SlotOwned")
      assertTag(yield* Effect.flip(store.claim(owned(slot(0), "two"))), "SlotOwned")
    }))

  it.effect("SP-32 a free slot is claimed on its newest version only", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0))
      const second = yield* store.put(first)
      const conflict = yield* Effect.flip(store.claim(owned(first, "one")))
      assert.deepInclude(conflict, { _tag: "VersionConflict", pool, slot: "slot-0", version: 1 })
      assertTag(yield* Effect.flip(store.claim(owned(slot(0), "one"))), "VersionConflict")
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(second))
    }))

  it.effect("SP-32 an owner claims its own slots, with and without a lease", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.claim(owned(slot(0), "one"))
      yield* store.lease("one", hour)
      const second = yield* store.claim(owned(first, "one"))
      yield* store.lease("one", 0)
      assert.strictEqual((yield* store.claim(owned(second, "one"))).version, 3)
    }))

  it.effect("SP-32 the slots of an owner that never had a lease are free", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      const first = yield* store.put(slot(0, { owner: "nobody" }))
      assert.strictEqual((yield* store.claim(owned(first, "one"))).owner, "one")
    }))

  it.effect("SP-32 a lease of no time has run out at once", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", 0)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      assert.isFalse(yield* store.renew("one", hour))
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
    }))

  it.effect("SP-32 a lease that lasts is renewed, one that has run out is not to be had back", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      assert.isTrue(yield* store.renew("one", hour))
      const claimed = yield* store.claim(owned(slot(0), "one"))
      assert.isTrue(yield* store.renew("one", 0))
      assert.isFalse(yield* store.renew("one", hour))
      assert.isFalse(yield* store.renew("one", hour))
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
    }))

  it.effect("SP-32 who has no lease has none to renew", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      assert.isFalse(yield* store.renew("two", hour))
    }))

  it.effect("SP-32 a released owner's slots are free", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const one = yield* subject.open
      const two = yield* subject.open
      yield* one.lease("one", hour)
      const claimed = yield* one.claim(owned(slot(0), "one"))
      yield* one.release("one")
      assert.isFalse(yield* one.renew("one", hour))
      assert.strictEqual((yield* two.claim(owned(claimed, "two"))).owner, "two")
      yield* one.release("one")
    }))

  it.effect("SP-32 a lease begun anew lasts as one that is new", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", 0)
      yield* store.lease("one", hour)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      assertTag(yield* Effect.flip(store.claim(owned(claimed, "two"))), "SlotOwned")
      assert.isTrue(yield* store.renew("one", hour))
      yield* store.lease("one", 0)
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
    }))

  it.effect("SP-32 a lease outlasts the leases of others that begin and run out", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      for (let n = 0; n < 10; n++) yield* store.lease(`dead ${n}`, 0)
      yield* store.lease("two", hour)
      assertTag(yield* Effect.flip(store.claim(owned(claimed, "two"))), "SlotOwned")
      assert.isTrue(yield* store.renew("one", hour))
    }))

  it.effect("SP-32 put writes the owner that it is given", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      const { owner, ...freed } = yield* store.claim(owned(slot(0), "one"))
      assert.strictEqual(owner, "one")
      const free = yield* store.put(freed)
      assert.isUndefined(free.owner)
      assert.strictEqual((yield* store.claim(owned(free, "two"))).owner, "two")
    }))

  it.effect("SP-32 of two owners that race for new slots, each slot gets exactly one", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = [yield* subject.open, yield* subject.open]
      yield* stores[0]!.lease("one", hour)
      yield* stores[1]!.lease("two", hour)
      const winners = yield* race(stores, ["one", "two"], 16)
      const { records } = yield* stores[0]!.list(pool)
      assert.strictEqual(records.length, 16)
      for (const record of records) {
        assert.deepStrictEqual(winners.get(record.slot), [record.owner])
        assert.strictEqual(record.version, 1)
      }
    }))

  it.effect("SP-32 the slots of a dead owner are taken over once", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = [yield* subject.open, yield* subject.open]
      const [one, two] = stores
      yield* one!.lease("dead", hour)
      for (let n = 0; n < 16; n++) yield* one!.claim(owned(slot(n, { restarts: n, session: { n } }), "dead"))
      assert.strictEqual((yield* race(stores, ["one", "two"], 16)).size, 0)
      yield* one!.lease("one", hour)
      yield* two!.lease("two", hour)
      yield* two!.lease("dead", 0)
      const winners = yield* race(stores, ["one", "two"], 16)
      const { records } = yield* one!.list(pool)
      assert.strictEqual(records.length, 16)
      for (const [n, record] of records.entries()) {
        assert.deepStrictEqual(winners.get(record.slot), [record.owner])
        assert.deepInclude(record, { version: 2, restarts: n, session: { n } })
      }
      assert.isFalse(yield* one!.renew("dead", hour))
    }))

  if (clock === "its own") {
    it.effect("the store's clock is a clock", () =>
      Effect.gen(function*() {
        const store = yield* (yield* make).open
        const first = yield* store.now
        yield* TestClock.adjust("1 hour")
        const second = yield* store.now
        assert.isAbove(first, 1_700_000_000_000)
        assert.isTrue(Number.isInteger(first))
        assert.isAtLeast(second, first)
        assert.isBelow(second - first, hour)
      }))
    return
  }

  it.effect("the store's clock is the process's", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* TestClock.setTime(1234)
      assert.strictEqual(yield* store.now, 1234)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* store.now, 1234 + hour)
    }))

  it.effect("SP-32 a slot is owned to the last millisecond of the lease, and then free", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* TestClock.setTime(5000)
      yield* store.lease("one", 100)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      yield* TestClock.adjust(99)
      const refused = yield* Effect.flip(store.claim(owned(claimed, "two")))
      assert.deepInclude(refused, { _tag: "SlotOwned", owner: "one", remaining: 1 })
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
    }))

  it.effect("SP-32 a lease is renewed to its last millisecond, from then on", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* TestClock.setTime(5000)
      yield* store.lease("one", 100)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      yield* TestClock.adjust(99)
      assert.isTrue(yield* store.renew("one", 100))
      yield* TestClock.adjust(99)
      assertTag(yield* Effect.flip(store.claim(owned(claimed, "two"))), "SlotOwned")
      yield* TestClock.adjust(1)
      assert.isFalse(yield* store.renew("one", 100))
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
    }))

  it.effect("SP-32 a renewed lease can be shorter than it was", () =>
    Effect.gen(function*() {
      const store = yield* (yield* make).open
      yield* store.lease("one", hour)
      assert.isTrue(yield* store.renew("one", 10))
      yield* TestClock.adjust(10)
      assert.isFalse(yield* store.renew("one", 10))
    }))

  it.effect("SP-32 where an owner renews while another claims, they are never both told yes", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const one = yield* subject.open
      const two = yield* subject.open
      let record = yield* one.put(slot(0))
      for (let round = 0; round < 20; round++) {
        yield* one.lease("one", 100)
        record = yield* one.claim(owned(record, "one"))
        yield* TestClock.adjust(90 + round)
        const [renewed, claimed] = yield* Effect.all([
          one.renew("one", 100),
          Effect.option(two.claim(owned(record, "two")))
        ], { concurrency: "unbounded" })
        assert.strictEqual(renewed, Option.isNone(claimed))
        assert.strictEqual(renewed, round < 10)
        yield* one.release("one")
        record = Option.getOrElse(claimed, () => record)
      }
    }))
}
