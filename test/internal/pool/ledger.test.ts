import { assert, describe, it } from "@effect/vitest"
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import { StoreError, VersionConflict } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { Asking } from "../../../src/internal/pool/asking.ts"
import type { View } from "../../../src/internal/pool/ledger.ts"
import { Ledger } from "../../../src/internal/pool/ledger.ts"
import type { Change } from "../../../src/internal/pool/records.ts"
import * as Counting from "../../support/Counting.ts"
import { fork, settle } from "../../support/fixtures.ts"
import * as Pools from "../../support/pools.ts"

const storeTimeout = 3000

/** A ledger over a store that can be broken, with slots that it holds. */
const make = (slots = 1) =>
  Effect.orDie(Effect.gen(function*() {
    const store = yield* Pools.faulty()
    const told: Array<string> = []
    let failures = 0
    const ledger = new Ledger({
      owner: "me",
      store: store.service,
      asking: new Asking(yield* Effect.context<never>(), storeTimeout),
      told: {
        failed: () => failures++,
        degraded: (why) => told.push(`degraded: ${why}`),
        recovered: () => told.push("recovered"),
        lost: (view, why) => told.push(`lost ${view.record.slot}: ${why}`)
      }
    })
    yield* store.base.lease("me", 60_000)
    const views: Array<View> = []
    for (let n = 0; n < slots; n++) {
      const record = yield* store.base.claim({
        pool: "pool",
        slot: `slot-${n}`,
        version: 0,
        state: "Idle",
        config: {},
        restarts: 0,
        completed: 0,
        owner: "me"
      })
      const view: View = { record, owned: false, owed: false, kept: undefined, tenure: 0, writing: undefined }
      ledger.hold(view, record)
      views.push(view)
    }
    const stored = (slot = "slot-0") => Effect.map(Effect.orDie(store.base.get("pool", slot)), Option.getOrUndefined)
    return { ledger, store, told, views, view: views[0]!, stored, failures: () => failures }
  }))

const one: Change = (record) => ({ ...record, completed: record.completed + 1 })
const restart: Change = (record) => ({ ...record, restarts: record.restarts + 1 })
const nothing: Change = () => undefined
const always = () => true

describe("a ledger", () => {
  it.effect("writes a change on the version that it knows, and knows the record that came of it", () =>
    Effect.gen(function*() {
      const { ledger, stored, view } = yield* make()
      const written = yield* ledger.write(view, one)
      assert.deepInclude(written, { version: 2, completed: 1 })
      assert.deepStrictEqual(view.record, written)
      assert.deepStrictEqual(yield* stored(), written)
    }))

  it.effect("writes nothing where the change is not to be made, or the slot is not its own", () =>
    Effect.gen(function*() {
      const { ledger, store, view } = yield* make()
      assert.isUndefined(yield* ledger.write(view, nothing))
      ledger.lose(view, "gone")
      assert.isUndefined(yield* ledger.write(view, one))
      assert.strictEqual(store.times("put"), 0)
    }))

  it.effect("makes the change again on what somebody else has written meanwhile", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, told, view } = yield* make()
      yield* Pools.rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, restarts: 5 }))
      const written = yield* ledger.write(view, one)
      assert.deepInclude(written, { restarts: 5, completed: 1, version: 3 })
      assert.deepStrictEqual(yield* stored(), written)
      assert.deepStrictEqual(told, [])
    }))

  it.effect("judges the change again: it may not be to be made any more", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      yield* Pools.rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, state: "Stopped" }))
      assert.isUndefined(yield* ledger.write(view, (record) => record.state === "Idle" ? one(record) : undefined))
      assert.deepInclude(yield* stored(), { state: "Stopped", completed: 0 })
      assert.strictEqual(view.record.state, "Stopped")
    }))

  it.effect("written through leaves a lost race to the next time", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      yield* Pools.rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, completed: 9 }))
      assert.isUndefined(yield* ledger.writeThrough(view, restart))
      assert.deepInclude(yield* stored(), { restarts: 0, completed: 9 })
      assert.strictEqual(view.record.completed, 9)
      assert.deepInclude(yield* ledger.writeThrough(view, restart), { restarts: 1, completed: 9 })
    }))

  it.effect("loses a slot that was deleted or taken, says so once, and writes nothing more to it", () =>
    Effect.gen(function*() {
      const { ledger, store, told, views } = yield* make(3)
      yield* store.base.delete("pool", "slot-0")
      yield* Pools.rewrite(store.base, "pool", "slot-1", (record) => ({ ...record, owner: "other" }))
      yield* Pools.rewrite(store.base, "pool", "slot-2", ({ owner, ...record }) => record)
      for (const view of views) {
        assert.isUndefined(yield* ledger.write(view, one))
        assert.isUndefined(yield* ledger.write(view, one))
        assert.isFalse(view.owned)
      }
      assert.deepStrictEqual(told, [
        "lost slot-0: its record was deleted",
        "lost slot-1: it was taken over by \"other\"",
        "lost slot-2: it has no owner"
      ])
      assert.isTrue(Option.isNone(yield* store.base.get("pool", "slot-0")))
    }).pipe(Effect.orDie))

  it.effect("writes changes of one record one after another, each on what came of the one before", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      store.break(Pools.slow(100), "put")
      const writes = yield* fork(Effect.all(Array.from({ length: 5 }, () => ledger.write(view, one)), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust(499)
      assert.isUndefined(writes.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual((yield* Fiber.join(writes)).map((record) => record?.completed), [1, 2, 3, 4, 5])
      assert.deepInclude(yield* stored(), { completed: 5, version: 6 })
      assert.strictEqual(store.times("put"), 5, "no race is lost among themselves")
    }))

  it.effect("lets different records be written at the same time", () =>
    Effect.gen(function*() {
      const { ledger, store, views } = yield* make(4)
      store.break(Pools.slow(100), "put")
      const writes = yield* fork(Effect.forEach(views, (view) => ledger.write(view, one), { concurrency: "unbounded" }))
      yield* TestClock.adjust(100)
      assert.isDefined(writes.pollUnsafe())
    }))

  it.effect("knows what was written though whoever asked for it is gone", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      store.break(Pools.slow(100), "put")
      const asking = yield* fork(ledger.write(view, one))
      yield* Fiber.interrupt(asking)
      const next = yield* fork(ledger.write(view, restart))
      yield* TestClock.adjust(200)
      assert.deepInclude(yield* Fiber.join(next), { completed: 1, restarts: 1, version: 3 })
      assert.deepInclude(yield* stored(), { completed: 1, restarts: 1 })
    }))

  it.effect("owes what a store does not write, goes on with it, and pays all of it when it can", () =>
    Effect.gen(function*() {
      const { failures, ledger, store, stored, told, view } = yield* make()
      store.break("fail")
      assert.deepInclude(yield* ledger.write(view, one), { completed: 1 })
      assert.isTrue(view.owed)
      assert.strictEqual(failures(), 1)
      const asked = store.asked.length
      assert.deepInclude(yield* ledger.write(view, one), { completed: 2 })
      assert.deepInclude(yield* ledger.write(view, restart), { completed: 2, restarts: 1 })
      assert.strictEqual(store.asked.length, asked, "it is not asked again for each")
      assert.isUndefined(yield* ledger.writeThrough(view, restart), "what must be known to be written is not done")
      assert.deepInclude(yield* stored(), { completed: 0, version: 1 })
      yield* ledger.settle(always)
      assert.isDefined(ledger.degraded)
      store.mend()
      yield* ledger.settle(always)
      assert.isUndefined(ledger.degraded)
      assert.isFalse(view.owed)
      assert.deepInclude(yield* stored(), { completed: 2, restarts: 1, version: 2 })
      assert.deepStrictEqual(view.record, yield* stored())
      assert.deepStrictEqual(told, ["degraded: put: the store is broken", "recovered"])
    }))

  it.effect("pays on whatever version there is: the store may have done what it did not say", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      store.breakOnce("unsaid", "put")
      yield* ledger.write(view, one)
      assert.deepInclude(yield* stored(), { version: 2, completed: 1 })
      yield* ledger.write(view, one)
      yield* ledger.settle(always)
      assert.deepInclude(yield* stored(), { completed: 2 })
      assert.deepStrictEqual(view.record, yield* stored())
    }))

  it.effect("written through, what was not said to be done is undone: what counts is what is known here", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, view } = yield* make()
      store.breakOnce("unsaid", "put")
      assert.isUndefined(yield* ledger.writeThrough(view, restart))
      assert.strictEqual(view.record.restarts, 0)
      assert.strictEqual((yield* stored())?.restarts, 1)
      yield* ledger.settle(always)
      assert.strictEqual((yield* stored())?.restarts, 0)
      assert.deepInclude(yield* ledger.writeThrough(view, restart), { restarts: 1 })
    }))

  it.effect("pays what was changed while it paid, and is in order only when nothing is owed", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, told, views } = yield* make(3)
      store.break("fail")
      for (const view of views) yield* ledger.write(view, one)
      store.mend()
      store.break(Pools.slow(100), "put")
      const settling = yield* fork(ledger.settle(always))
      for (let step = 0; step < 5; step++) {
        for (const view of views) yield* fork(ledger.write(view, one))
        yield* TestClock.adjust(70)
      }
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(settling.pollUnsafe())
      for (const [n, view] of views.entries()) {
        assert.isFalse(view.owed)
        assert.deepInclude(yield* stored(`slot-${n}`), { completed: 6 })
        assert.deepStrictEqual(view.record, yield* stored(`slot-${n}`))
      }
      assert.deepStrictEqual(told.at(-1), "recovered")
    }))

  it.effect("pays nothing for a slot that is not its own any more", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, told, views } = yield* make(2)
      store.break("fail")
      for (const view of views) yield* ledger.write(view, one)
      yield* store.base.delete("pool", "slot-0")
      yield* Pools.rewrite(store.base, "pool", "slot-1", (record) => ({ ...record, owner: "other" }))
      store.mend()
      yield* ledger.settle(always)
      assert.isUndefined(yield* stored("slot-0"))
      assert.deepInclude(yield* stored("slot-1"), { owner: "other", completed: 0 })
      assert.deepStrictEqual(told.slice(1), [
        "lost slot-0: its record was deleted",
        "lost slot-1: it was taken over by \"other\"",
        "recovered"
      ])
    }).pipe(Effect.orDie))

  it.effect("pays as long as there is time, and the rest later", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, views } = yield* make(4)
      store.break("fail")
      for (const view of views) yield* ledger.write(view, one)
      store.mend()
      let left = 2
      yield* ledger.settle(() => left-- > 0)
      const paid = yield* Effect.forEach(views, ({ record }) => stored(record.slot))
      assert.strictEqual(paid.filter((record) => record?.completed === 1).length, 2)
      assert.isDefined(ledger.degraded)
      yield* ledger.settle(always)
      assert.isUndefined(ledger.degraded)
    }))

  it.effect("does not wait for a store longer than it is given", () =>
    Effect.gen(function*() {
      const { ledger, store, told, view } = yield* make()
      store.break("hang")
      const writing = yield* fork(ledger.write(view, one))
      yield* TestClock.adjust(storeTimeout - 1)
      assert.isUndefined(writing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* Fiber.join(writing), { completed: 1 })
      assert.deepStrictEqual(told, [`degraded: put: no answer within ${storeTimeout} ms`])
    }))

  it.effect("gives up on a store that always says that somebody was faster, and does not spin when it pays", () =>
    Effect.gen(function*() {
      const { ledger, store, view } = yield* make()
      store.break((_, [record]) => {
        const { pool, slot, version } = record as SlotRecord
        return Effect.fail(new VersionConflict({ pool, slot, version }))
      }, "put")
      assert.deepInclude(yield* ledger.write(view, one), { completed: 1 })
      assert.isDefined(ledger.degraded)
      const before = store.times("put")
      const settling = yield* fork(ledger.settle(always))
      assert.isDefined(settling.pollUnsafe())
      assert.isBelow(store.times("put") - before, 1000)
      assert.isTrue(view.owed)
      store.mend()
      yield* ledger.settle(always)
      assert.isUndefined(ledger.degraded)
    }))

  it.effect("deletes its own record, not one that somebody else has taken", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, views } = yield* make(2)
      yield* Pools.rewrite(store.base, "pool", "slot-1", (record) => ({ ...record, owner: "other" }))
      for (const view of views) {
        ledger.drop(view)
        yield* ledger.erase(view.record)
      }
      assert.isUndefined(yield* stored("slot-0"))
      assert.deepInclude(yield* stored("slot-1"), { owner: "other" })
    }))

  it.effect("deletes when the store can be had again, unless the slot has been taken up anew", () =>
    Effect.gen(function*() {
      const { ledger, store, stored, views } = yield* make(2)
      store.break("fail")
      for (const view of views) {
        ledger.drop(view)
        yield* ledger.erase(view.record)
      }
      assert.isDefined(yield* stored("slot-0"))
      ledger.hold(views[1]!, views[1]!.record)
      store.mend()
      yield* ledger.settle(always)
      assert.isUndefined(yield* stored("slot-0"))
      assert.isDefined(yield* stored("slot-1"))
      assert.isUndefined(ledger.degraded)
    }))

  it.effect("does not take what was answered for an earlier tenure for news of the present one", () =>
    Effect.gen(function*() {
      const { ledger, store, view } = yield* make()
      store.break(Pools.slow(1000), "put")
      const writing = yield* fork(ledger.write(view, one))
      ledger.lose(view, "the lease ran out")
      store.mend()
      const taken = yield* Effect.orDie(
        Effect.flatMap(
          Effect.flatMap(store.base.get("pool", "slot-0"), Effect.fromOption),
          (record) => store.base.claim({ ...record, owner: "me", session: "newer" })
        )
      )
      ledger.hold(view, taken)
      yield* TestClock.adjust(1000)
      yield* settle
      assert.isUndefined(yield* Fiber.join(writing))
      assert.deepInclude(view.record, { session: "newer", completed: 0 })
      assert.deepInclude(yield* ledger.write(view, one), { session: "newer", completed: 1 })
    }))

  it.effect("writes nothing when it is closed", () =>
    Effect.gen(function*() {
      const { ledger, store, view } = yield* make()
      ledger.closed = true
      assert.isUndefined(yield* ledger.write(view, one))
      assert.isUndefined(yield* ledger.writeThrough(view, one))
      assert.strictEqual(store.times("put"), 0)
    }))
})

describe("asking", () => {
  const asking = Effect.map(Effect.context<never>(), (context) => new Asking(context, storeTimeout))
  const errorOf = (answer: Exit.Exit<unknown, unknown>): StoreError => {
    assert(Exit.isFailure(answer))
    const [reason] = answer.cause.reasons
    assert(reason?._tag === "Fail" && reason.error instanceof StoreError)
    return reason.error
  }

  it.effect("gives what was answered, at once where it is, without a clock", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const ask = yield* asking
        const before = counting.slept()
        assert.deepStrictEqual(ask.ask("renew", () => Effect.succeed(7)).answer, Exit.succeed(7))
        assert.deepStrictEqual(ask.ask("get", () => Effect.fail("no")).answer, Exit.fail("no"))
        assert.deepStrictEqual(yield* ask.wait("renew", () => Effect.succeed(7)), Exit.succeed(7))
        assert.strictEqual(counting.slept(), before)
      }))
    }))

  it.effect("gives what is answered in time, and leaves no clock behind", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const ask = yield* asking
        const answer = yield* fork(ask.wait("renew", () => Effect.delay(Effect.succeed(7), storeTimeout - 1)))
        yield* TestClock.adjust(storeTimeout - 1)
        assert.deepStrictEqual(yield* Fiber.join(answer), Exit.succeed(7))
        assert.strictEqual(counting.sleepers(), 0)
      }))
    }))

  it.effect("waits no longer than that, be the question interruptible or not", () =>
    Effect.gen(function*() {
      const ask = yield* asking
      for (const question of [Effect.never, Effect.uninterruptible(Effect.sleep(storeTimeout + 500))]) {
        const answer = yield* fork(ask.wait("get", () => question))
        yield* TestClock.adjust(storeTimeout - 1)
        assert.isUndefined(answer.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual(errorOf(yield* Fiber.join(answer)).reason, `no answer within ${storeTimeout} ms`)
        yield* TestClock.adjust(1000)
      }
    }))

  it.effect("takes what a store throws, dies with or is interrupted by for its failure", () =>
    Effect.gen(function*() {
      const ask = yield* asking
      const defect = new Error("defect")
      const questions: ReadonlyArray<() => Effect.Effect<unknown>> = [
        () => Effect.die(defect),
        () => {
          throw defect
        },
        () => Effect.interrupt,
        () => undefined as never,
        () => Effect.andThen(Effect.yieldNow, Effect.die(defect))
      ]
      for (const question of questions) {
        const error = errorOf(yield* ask.wait("get", question))
        assert.strictEqual(error.operation, "get")
      }
    }))

  it.effect("takes what is no answer for a failure: no record, no list, no time", () =>
    Effect.gen(function*() {
      const ask = yield* asking
      const answers: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
        ["put", [undefined, null, 7, "record", {}, { version: "1" }, []]],
        ["claim", [undefined, null, true, {}]],
        ["get", [undefined, null, {}, { version: 1 }, Option.some(undefined), Option.some({})]],
        ["list", [undefined, null, [], {}, { records: [] }, { records: [7], corrupt: [] }, {
          records: {},
          corrupt: []
        }]],
        ["now", [undefined, null, "now", Number.NaN, {}]]
      ]
      for (const [operation, values] of answers) {
        for (const value of values) {
          assert.strictEqual(errorOf(yield* ask.wait(operation, () => Effect.succeed(value))).operation, operation)
        }
      }
    }))

  it.effect("is not given up when whoever asks is interrupted", () =>
    Effect.gen(function*() {
      const ask = yield* asking
      let done = false
      const waiting = yield* fork(ask.wait("put", () =>
        Effect.andThen(
          Effect.sleep(100),
          Effect.sync(() => {
            done = true
          })
        )))
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust(100)
      assert.isTrue(done)
    }))
})
