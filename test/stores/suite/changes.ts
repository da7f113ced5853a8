import { assert, it } from "@effect/vitest"
import type { SlotChange, SlotRecord } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { Subject, Suite } from "../subject.ts"
import { follow, inShort, owned, pool, readying, slot, until } from "../subject.ts"

/** What a reader may be behind. */
const capacity = 4096

export const changes = <S extends Subject>({ make }: Suite<S>): void => {
  it.effect("whoever reads the changes sees what is written, in order, and as it is", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, store, seen)
      const first = yield* store.put(slot(0))
      const claimed = yield* store.claim(owned(first, "one"))
      const other = yield* store.put(slot(1))
      yield* store.delete(pool, "slot-0")
      const again = yield* store.put(slot(0, { session: "afresh" }))
      yield* until(() => seen.length >= 5, subject.turn)
      assert.deepStrictEqual(seen, [
        { _tag: "Put", record: first },
        { _tag: "Put", record: claimed },
        { _tag: "Put", record: other },
        { _tag: "Deleted", pool, slot: "slot-0" },
        { _tag: "Put", record: again }
      ])
    }))

  it.effect("what is written through a store is told by it: nobody has to look for it", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, store, seen)
      yield* store.put(slot(0))
      yield* until(() => seen.length === 1, Effect.yieldNow)
      yield* store.delete(pool, "slot-0")
      yield* until(() => seen.length === 2, Effect.yieldNow)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Idle 1", "slot-0 deleted"])
    }))

  it.effect("what was not written is not told", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const first = yield* store.put(slot(0))
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, store, seen)
      yield* Effect.flip(store.put(slot(0)))
      yield* Effect.flip(store.claim(owned(slot(0), "one")))
      yield* store.delete(pool, "slot-1")
      yield* store.setAside(pool, "slot-0")
      yield* store.put({ ...slot(0), pool: "others" })
      yield* store.put({ ...first, state: "Busy" })
      yield* until(() => seen.length > 0, subject.turn)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Busy 2"])
    }))

  it.effect("what another instance writes is told, too: the newest state of every slot, never an older one after it", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      yield* store.put(slot(0))
      yield* store.put(slot(1))
      const gone = yield* store.put(slot(2))
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      const states = ["Busy", "Idle", "Errored", "Stopped"] as const
      let record: SlotRecord = { ...slot(0), version: 1 }
      for (const state of states) record = yield* other.put({ ...record, state })
      yield* other.claim(owned({ ...slot(1), version: 1 }, "one"))
      yield* other.delete(pool, gone.slot)
      const last = (name: string) => inShort(seen).filter((change) => change.startsWith(name)).at(-1)
      yield* until(
        () =>
          last("slot-0") === "slot-0 Stopped 5" && last("slot-1") === "slot-1 Idle 2" && last("slot-2") !== undefined,
        subject.turn
      )
      assert.strictEqual(last("slot-2"), "slot-2 deleted")
      const versions = seen.flatMap((change) =>
        change._tag === "Put" && change.record.slot === "slot-0" ? [change.record.version] : []
      )
      assert.deepStrictEqual(versions, Array.from(new Set(versions)).sort())
      const told = seen.find((change) => change._tag === "Put" && change.record.slot === "slot-1")
      assert.deepStrictEqual(told, { _tag: "Put", record: { ...slot(1), owner: "one", version: 2 } })
    }))

  it.effect("a slot that another instance deletes and puts afresh at the same version is told", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      yield* store.put(slot(0))
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      yield* other.delete(pool, "slot-0")
      yield* other.put(slot(0, { session: "afresh" }))
      const told = () => seen.some((change) => change._tag === "Put" && change.record.session === "afresh")
      yield* until(told, subject.turn)
      assert.deepInclude(seen.at(-1), { _tag: "Put" })
    }))

  it.effect("where two instances write in turn, each sees every slot as it became", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const stores = [yield* subject.open, yield* subject.open]
      const readers = [yield* follow(stores[0]!, pool), yield* follow(stores[1]!, pool)]
      yield* readying(subject, stores[1]!, readers[0]!.seen)
      yield* readying(subject, stores[0]!, readers[1]!.seen)
      let record = slot(0)
      for (let n = 0; n < 40; n++) {
        record = yield* stores[n % 3 === 0 ? 0 : 1]!.put({ ...record, completed: n })
        if (n % 7 === 0) {
          yield* stores[n % 2]!.delete(pool, "slot-0")
          record = slot(0)
        }
      }
      for (const { seen } of readers) {
        const done = (change: SlotChange | undefined) => change?._tag === "Put" && change.record.completed === 39
        yield* until(() => done(seen.at(-1)), subject.turn)
        const completed = seen.flatMap((change) =>
          change._tag === "Put" && change.record.slot === "slot-0" ? [change.record.completed] : []
        )
        assert.deepStrictEqual(completed, Array.from(new Set(completed)).sort((one, other) => one - other))
      }
    }))

  it.effect("everybody who reads sees it, whoever else stops reading", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const first = yield* follow(store, pool)
      yield* readying(subject, store, first.seen)
      const second = yield* follow(store, pool)
      const third = yield* follow(store, pool)
      yield* readying(subject, store, second.seen)
      yield* until(() => third.seen.length > 0, subject.turn)
      yield* Fiber.interrupt(third.fiber)
      const before = third.seen.length
      first.seen.length = 0
      yield* store.put(slot(0))
      yield* until(() => first.seen.length > 0 && second.seen.length > 0, subject.turn)
      assert.deepStrictEqual(inShort(first.seen), ["slot-0 Idle 1"])
      assert.deepStrictEqual(inShort(second.seen), ["slot-0 Idle 1"])
      assert.strictEqual(third.seen.length, before)
    }))

  it.effect("a reader that is far behind slows nobody, and sees the newest state", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const latch = yield* Latch.make()
      const seen: Array<SlotChange> = []
      yield* Effect.forkScoped(
        Stream.runForEach(store.changes(pool), (change) =>
          Effect.andThen(
            Effect.sync(() => void seen.push(change)),
            change._tag === "Put" && change.record.slot === "slot-0" ? latch.await : Effect.void
          )),
        { startImmediately: true }
      )
      yield* readying(subject, store, seen)
      let record = yield* store.put(slot(0))
      yield* until(() => seen.length === 1, subject.turn)
      const writes = capacity + 500
      for (let n = 0; n < writes; n++) record = yield* store.put(record)
      yield* latch.open
      yield* until(() => inShort(seen.slice(-1))[0] === `slot-0 Idle ${record.version}`, subject.turn)
      assert.isBelow(seen.length, writes)
    }))
}
