/**
 * What the pool that ours continues does, and ours does as well. The ids are those of its list of behaviours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { failureOf, fork, Net, settle, within } from "../support/fixtures.ts"
import * as Pools from "../support/pools.ts"

const { assertReason, held, jobsOf, on, recordOf, slotsOf, statesOf, watched, where, Workers } = Pools

/** Slots as a process left them that is gone: whoever opens a pool there takes them up at once. */
const left = (store: Pools.Store, ...records: ReadonlyArray<Partial<SlotRecord>>) =>
  Pools.ghost(store, { pool: "pool", lease: 0 }, ...records)

const died = () => Effect.die(new Error("out of order"))

describe("SP-01", () => {
  it.effect("SP-01 every slot in error goes back to Idle with a fresh worker, and their number is answered", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const pool = yield* SlotPool.make({ slots: 3, acquire: workers.acquire, watch: workers.watch })
      yield* settle
      yield* workers.die("slot-0")
      yield* workers.die("slot-2")
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored", "Idle", "Errored"])
      assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
      yield* settle
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle", "Idle"])
      assert.deepStrictEqual(["slot-0", "slot-1", "slot-2"].map((slot) => workers.on(slot).number), [2, 1, 2])
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      const [one, two, three] = yield* pool.fanOut(
        [1, 2, 3],
        (worker, input) => Effect.succeed(worker.number * 10 + input)
      )
      assert.sameMembers(
        [one, two, three].map((exit) => Exit.getSuccess(exit!).pipe(Option.getOrThrow) % 10),
        [1, 2, 3]
      )
    }))

  it.effect("SP-01 job and session are cleared, the count goes up by one, everything else is preserved", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slotConfig: [{ name: "Ada", role: "writer", description: "writes" }] })
      yield* settle
      yield* pool.run((_, job) => job.setSession({ turns: 3 }))
      yield* Effect.exit(pool.run(died))
      const errored = yield* recordOf(pool)
      assert.strictEqual(errored.state, "Errored")
      assert.deepStrictEqual(errored.session, { turns: 3 })
      assert.isString(errored.job)
      yield* TestClock.adjust(250)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      const { error, erroredAt, job, session, ...rest } = errored
      assert.deepStrictEqual(yield* recordOf(pool), {
        ...rest,
        state: "Idle",
        version: errored.version + 1,
        restarts: errored.restarts + 1,
        restartedAt: 250
      })
      assert.deepInclude(yield* recordOf(pool), { name: "Ada", role: "writer", completed: 1, owner: pool.owner })
      assert.isUndefined(yield* pool.run((_, { session }) => Effect.succeed(session)))
    }))

  it.effect("SP-01 a slot is put back fewer times than the maximum, strictly; by default 3 times", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      assert.strictEqual(pool.config.maxRestarts, 3)
      for (const [put, restarts] of [[1, 1], [1, 2], [1, 3], [0, 3], [0, 3]] as const) {
        yield* settle
        if ((yield* recordOf(pool)).state === "Idle") yield* Effect.exit(pool.run(died))
        assert.strictEqual(yield* pool.checkAndRestartSlots, put)
        assert.strictEqual((yield* recordOf(pool)).restarts, restarts)
      }
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, exhausted: 1 })
    }))

  it.effect("SP-01 the counts of stored slots are held against the maximum: at one less once more, at it not", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const errored = { state: "Errored", error: "broken", erroredAt: 0 } as const
      yield* left(
        store,
        { ...errored, restarts: 1 },
        { ...errored, restarts: 2 },
        { ...errored, restarts: 3 },
        { ...errored, restarts: 0 }
      )
      const pool = yield* on(store)(SlotPool.make({ slots: 4, maxRestarts: 2 }))
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 4, errored: 2, exhausted: 2 })
      assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts, state }) => `${state} ${restarts}`), [
        "Idle 2",
        "Errored 2",
        "Errored 3",
        "Idle 1"
      ])
    }))

  it.effect("SP-01 with a maximum of 0 no slot is ever put back, with Infinity every one", () =>
    Effect.gen(function*() {
      const none = yield* SlotPool.make({ name: "none", maxRestarts: 0 })
      const all = yield* SlotPool.make({ name: "all", maxRestarts: Number.POSITIVE_INFINITY })
      yield* settle
      yield* Effect.exit(none.run(died))
      assert.strictEqual(yield* none.checkAndRestartSlots, 0)
      assert.deepStrictEqual(slotsOf(yield* none.status), { total: 1, exhausted: 1 })
      for (let restarts = 1; restarts <= 20; restarts++) {
        yield* Effect.exit(all.run(died))
        assert.strictEqual(yield* all.checkAndRestartSlots, 1)
        assert.strictEqual((yield* recordOf(all)).restarts, restarts)
        yield* settle
      }
    }))

  it.effect("SP-01 each restart is logged with its slot and its count", () =>
    Effect.gen(function*() {
      const { lines, provide } = Pools.logging()
      yield* provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ name: "agents", slots: 2 })
        yield* settle
        for (let time = 0; time < 2; time++) {
          yield* pool.fanOut([1, 2], died)
          assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
          yield* settle
        }
      }))
      const restarts = lines.filter(({ text }) => text.includes("put back to work"))
      assert.deepStrictEqual(
        restarts.map((
          { annotations, level, text }
        ) => [level, text, annotations["pool"], annotations["slot"], annotations["restarts"]]),
        [
          ["Info", "slot put back to work (restart 1)", "agents", "slot-0", 1],
          ["Info", "slot put back to work (restart 1)", "agents", "slot-1", 1],
          ["Info", "slot put back to work (restart 2)", "agents", "slot-0", 2],
          ["Info", "slot put back to work (restart 2)", "agents", "slot-1", 2]
        ]
      )
    }))
})

describe("SP-02", () => {
  it.effect("SP-02 slots that are Idle, Busy or Stopped, or at the limit, are left as they are", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* left(store, {}, {}, {}, { state: "Errored", error: "broken", restarts: 3 })
      const pool = yield* on(store)(SlotPool.make({ slots: 4 }))
      yield* settle
      yield* Pools.rewrite(store, "pool", "slot-2", (record) => ({ ...record, state: "Stopped" }))
      const job = held("done")
      // The slot that was the last to get ready is the first to get work, and finds itself stopped.
      const running = yield* fork(pool.run(job.job))
      const before = yield* pool.findSlots()
      assert.deepStrictEqual(before.map(({ state }) => state).sort(), ["Busy", "Errored", "Idle", "Stopped"])
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      assert.deepStrictEqual(yield* pool.findSlots(), before)
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
    }))
})

describe("SP-03", () => {
  it.effect("SP-03 a store that cannot list: a warning, 0, and the loop goes on", () =>
    Effect.gen(function*() {
      const { lines, provide } = Pools.logging()
      const store = yield* Pools.faulty()
      yield* provide(
        on(store)(Effect.gen(function*() {
          const pool = yield* SlotPool.make({ supervisor: { enabled: true, interval: "10 seconds" } })
          yield* settle
          yield* Effect.exit(pool.run(died))
          store.break("fail", "list")
          assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
          const warnings = lines.filter(({ level, text }) => level === "Warn" && text.startsWith("no slot is put back"))
          assert.deepStrictEqual(warnings.map(({ text }) => text), [
            "no slot is put back to work: the slot store could not list: the store is broken"
          ])
          // Two passes of the loop that cannot list either, then one that can.
          yield* TestClock.adjust("25 seconds")
          assert.strictEqual((yield* recordOf(pool)).state, "Errored")
          store.mend()
          yield* TestClock.adjust("5 seconds")
          assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 1 })
        }))
      )
    }))

  it.effect("SP-03 a slot that cannot be written: a warning, not counted, and the pass goes on", () =>
    Effect.gen(function*() {
      const { lines, provide } = Pools.logging()
      const store = yield* Pools.faulty()
      yield* provide(
        on(store)(Effect.gen(function*() {
          const pool = yield* SlotPool.make({ slots: 3 })
          yield* settle
          yield* pool.fanOut([1, 2, 3], died)
          store.break(
            (put, [record]) => (record as { readonly slot: string }).slot === "slot-1" ? Pools.refused("put") : put,
            "put"
          )
          assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
          yield* settle
          assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Errored", "Idle"])
          const warnings = lines.filter(({ level, text }) =>
            level === "Warn" && text.startsWith("the slot is not put back")
          )
          assert.deepStrictEqual(warnings.map(({ annotations, text }) => [annotations["slot"], text]), [
            ["slot-1", "the slot is not put back to work: the slot store could not put: the store is broken"]
          ])
          // The store comes back, and with it the slot.
          store.mend()
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
          yield* settle
          assert.deepStrictEqual((yield* pool.findSlots()).map(({ restarts, state }) => `${state} ${restarts}`), [
            "Idle 1",
            "Idle 1",
            "Idle 1"
          ])
        }))
      )
    }))
})

describe("SP-04", () => {
  it.effect("SP-04 startSupervisor gives none when disabled, which is the default, and there is no pass by itself", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      const disabled = yield* SlotPool.make({ name: "disabled", supervisor: { enabled: false, interval: "1 second" } })
      assert.isFalse(pool.config.supervisor.enabled)
      assert.isTrue(Option.isNone(yield* pool.startSupervisor))
      assert.isTrue(Option.isNone(yield* disabled.startSupervisor))
      yield* settle
      yield* Effect.exit(pool.run(died))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
    }))

  it.effect("SP-04 startSupervisor gives a handle when enabled; the first pass comes after one interval of 30 s", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ supervisor: { enabled: true } })
      assert.isTrue(Option.isSome(yield* pool.startSupervisor))
      assert.strictEqual(pool.config.supervisor.interval, 30_000)
      yield* settle
      yield* Effect.exit(pool.run(died))
      yield* TestClock.adjust(29_999)
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 1, restartedAt: 30_000 })
    }))

  it.effect("SP-04 with an interval of one's own the passes come after each of them, and not in between", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ supervisor: { enabled: true, interval: "4 seconds" } })
      yield* settle
      for (const at of [4000, 8000, 12_000]) {
        yield* Effect.exit(pool.run(died))
        yield* TestClock.setTime(at - 1)
        assert.strictEqual((yield* recordOf(pool)).state, "Errored")
        yield* TestClock.setTime(at)
        assert.deepInclude(yield* recordOf(pool), { state: "Idle", restartedAt: at })
        yield* settle
      }
    }))

  it.effect("SP-04 asked for twice there is one loop, and both handles are its", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ supervisor: { enabled: true, interval: "1 second" } }))
      yield* pool.startSupervisor
      const handle = Option.getOrThrow(yield* pool.startSupervisor)
      yield* settle
      const before = store.times("list")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(store.times("list") - before, 5)
      yield* handle.stop
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(store.times("list") - before, 5)
    }))
})

describe("SP-05", () => {
  it.effect("SP-05 stopping the handle interrupts the wait at once", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ supervisor: { enabled: true, interval: "10 seconds" } })
      const handle = Option.getOrThrow(yield* pool.startSupervisor)
      yield* settle
      yield* Effect.exit(pool.run(died))
      yield* TestClock.adjust(9999)
      yield* handle.stop
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      assert.strictEqual(yield* Pools.now, 69_999)
      // Stopping again is answered; asked anew it begins anew, with a whole interval.
      yield* handle.stop
      yield* pool.startSupervisor
      yield* TestClock.adjust(9999)
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* recordOf(pool)).state, "Idle")
    }))

  it.effect("SP-05 stopping the handle lets a pass under way finish, and waits for it", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2, supervisor: { enabled: true, interval: "10 seconds" } }))
      const handle = Option.getOrThrow(yield* pool.startSupervisor)
      yield* settle
      yield* pool.fanOut([1, 2], died)
      store.break(Pools.slow(1000), "put")
      yield* TestClock.adjust("10 seconds")
      const stopping = yield* fork(Effect.andThen(handle.stop, Pools.now))
      assert.isUndefined(stopping.pollUnsafe(), "the pass is under way")
      yield* TestClock.adjust("1 second")
      assert.isUndefined(stopping.pollUnsafe(), "it has written one slot of two")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Errored"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle"])
      assert.strictEqual(yield* Fiber.join(stopping), 12_000)
      store.mend()
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))
})

class Tooled extends Schema.Class<Tooled>("Tooled")({
  name: Schema.String,
  role: Schema.optionalKey(Schema.Literals(["writer", "reader"])),
  description: Schema.optionalKey(Schema.String),
  since: Schema.DateFromString,
  tools: Schema.Array(Schema.String)
}) {}

describe("SP-06", () => {
  it.effect("SP-06 a pool of n slots registers slot-0 to slot-(n-1), Idle", () =>
    Effect.gen(function*() {
      for (const slots of [1, 4, 12]) {
        const pool = yield* SlotPool.make({ name: `pool-${slots}`, slots })
        const found = yield* pool.findSlots()
        assert.deepStrictEqual(
          found.map(({ owner, restarts, slot, state }) => ({ slot, state, restarts, owner })),
          Array.from(
            { length: slots },
            (_, n) => ({ slot: `slot-${n}`, state: "Idle" as const, restarts: 0, owner: pool.owner })
          )
        )
      }
    }))

  it.effect("SP-06 a slot's config, by a schema of one's own, survives in the record", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const ada = new Tooled({ name: "Ada", role: "writer", since: new Date(86_400_000), tools: ["pen", "ink"] })
      const bob = new Tooled({ name: "Bob", description: "reads", since: new Date(0), tools: [] })
      const seen: Array<SlotPool.Slot<Tooled>> = []
      const first = yield* Pools.own(
        on(store)(SlotPool.make({
          slots: 2,
          slotSchema: Tooled,
          slotConfig: [ada, bob],
          acquire: (slot) => Effect.sync(() => void seen.push(slot))
        }))
      )
      yield* settle
      assert.deepStrictEqual(seen.map(({ config, description, name, role }) => ({ config, description, name, role })), [
        { config: ada, description: undefined, name: "Ada", role: "writer" },
        { config: bob, description: "reads", name: "Bob", role: undefined }
      ])
      assert.deepStrictEqual((yield* recordOf(first.value)).config, {
        name: "Ada",
        role: "writer",
        since: "1970-01-02T00:00:00.000Z",
        tools: ["pen", "ink"]
      })
      yield* first.close
      // Without configs of its own the next pool has those of the store.
      const next = yield* on(store)(SlotPool.make({ slots: 2, slotSchema: Tooled }))
      const found = yield* next.findSlots()
      assert.instanceOf(found[0]!.config, Tooled)
      assert.deepStrictEqual(found.map(({ config }) => config), [ada, bob])
      assert.deepStrictEqual(yield* next.run((_, { slot }) => Effect.succeed(slot.config.since.getTime() % 2)), 0)
    }))

  it.effect("SP-06 slots are found by name, role and state, and by all of them at once", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 4,
        slotConfig: [{ name: "Ada", role: "writer" }, { name: "Bob", role: "reader" }, { name: "Cy", role: "writer" }]
      })
      yield* settle
      yield* Effect.exit(pool.run(died))
      const find = (filter?: Parameters<typeof pool.findSlots>[0]) =>
        Effect.map(pool.findSlots(filter), (found) => found.map(({ slot }) => slot))
      assert.deepStrictEqual(yield* find(), ["slot-0", "slot-1", "slot-2", "slot-3"])
      assert.deepStrictEqual(yield* find({}), ["slot-0", "slot-1", "slot-2", "slot-3"])
      assert.deepStrictEqual(yield* find({ name: "Bob" }), ["slot-1"])
      assert.deepStrictEqual(yield* find({ role: "writer" }), ["slot-0", "slot-2"])
      assert.deepStrictEqual(yield* find({ role: "writer", name: "Cy" }), ["slot-2"])
      assert.deepStrictEqual(yield* find({ role: "reader", name: "Cy" }), [])
      const errored = yield* find({ state: "Errored" })
      assert.strictEqual(errored.length, 1)
      assert.deepStrictEqual(yield* find({ state: "Idle" }), (yield* find()).filter((slot) => slot !== errored[0]))
      assert.deepStrictEqual(yield* find({ state: "Stopped" }), [])
      assert.deepStrictEqual(yield* find({ owner: pool.owner, state: "Errored" }), errored)
      assert.deepStrictEqual(yield* find({ owner: "nobody" }), [])
    }))

  it.effect("SP-06 a pool shows its store and its config", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const pool = yield* on(store)(SlotPool.make({
        name: "agents",
        slots: { min: 2, max: 5 },
        maxRestarts: 7,
        jobTimeout: "90 seconds",
        assignTimeout: "infinity",
        supervisor: { interval: "5 seconds" }
      }))
      assert.strictEqual(pool.store, store)
      assert.strictEqual(pool.name, "agents")
      assert.deepStrictEqual(pool.config, {
        name: "agents",
        min: 2,
        max: 5,
        maxRestarts: 7,
        acquireTimeout: 60_000,
        assignTimeout: Number.POSITIVE_INFINITY,
        jobTimeout: 90_000,
        jobSilence: Number.POSITIVE_INFINITY,
        stableAfter: 600_000,
        stopTimeout: 5000,
        storeTimeout: 3000,
        lease: 30_000,
        keepJobs: 1000,
        supervisor: { enabled: false, interval: 5000 },
        eventCapacity: 4096
      })
    }))
})

describe("SP-07", () => {
  it.effect("SP-07 run takes an idle slot, which is Busy with the job while it runs, and Idle after", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("answer")
      const running = yield* fork(pool.run(job.job))
      assert.strictEqual(job.on.length, 1)
      const [slot] = job.on
      const busy = yield* pool.findSlots({ state: "Busy" })
      assert.deepStrictEqual(busy.map((one) => one.slot), [slot])
      assert.isString(busy[0]!.job)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 1, busy: 1 })
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "answer")
      const after = yield* recordOf(pool, slot)
      assert.strictEqual(after.state, "Idle")
      assert.notProperty(after, "job")
      assert.strictEqual(after.completed, 1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("SP-07 a session may be left in the slot for the next job, changed, and taken back", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const take = (next?: Schema.Json) =>
        pool.run((_, { session, setSession }) => Effect.as(setSession(next), session))
      const look = pool.run((_, { session, slot }) => Effect.succeed([session, slot.session]))
      assert.deepStrictEqual(yield* look, [undefined, undefined])
      assert.isUndefined(yield* take({ thread: "t-1", turns: [1, 2] }))
      assert.deepStrictEqual((yield* recordOf(pool)).session, { thread: "t-1", turns: [1, 2] })
      // A job that leaves nothing leaves what there was.
      assert.deepStrictEqual(yield* look, [{ thread: "t-1", turns: [1, 2] }, { thread: "t-1", turns: [1, 2] }])
      assert.deepStrictEqual(yield* take(null), { thread: "t-1", turns: [1, 2] })
      assert.isNull(yield* take(undefined))
      assert.notProperty(yield* recordOf(pool), "session")
      assert.isUndefined(yield* take("last"))
    }))

  it.effect("SP-07 no slot within the assignment timeout of 5 min: NoSlotAvailable with the timeout in it", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("long")
      yield* fork(pool.run(job.job))
      const late = yield* fork(Effect.exit(pool.run(where)))
      yield* TestClock.adjust(299_999)
      assert.isUndefined(late.pollUnsafe())
      assert.deepInclude(jobsOf(yield* pool.status), { queued: 1 })
      yield* TestClock.adjust(1)
      const reason = assertReason(yield* Fiber.join(late), "NoSlotAvailable")
      assert.strictEqual(reason.timeout, 300_000)
      assert.include(reason.message, "300000 ms")
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 1, unassigned: 1 })
      yield* job.release
    }))

  it.effect("SP-07 the assignment timeout of the pool, or of one job; a slot one moment earlier is early enough", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ assignTimeout: "10 seconds" })
      yield* settle
      const job = held("long")
      yield* fork(pool.run(job.job))
      const own = yield* fork(Effect.exit(pool.run(where, { assignTimeout: "2 seconds" })))
      const pools = yield* fork(Effect.exit(pool.run(where)))
      const forever = yield* fork(Effect.exit(pool.run(where, { assignTimeout: "infinity" })))
      yield* TestClock.adjust(1999)
      assert.isUndefined(own.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(assertReason(yield* Fiber.join(own), "NoSlotAvailable").timeout, 2000)
      yield* TestClock.adjust(7999)
      yield* job.release
      assert.deepStrictEqual(yield* Fiber.join(pools), Exit.succeed("slot-0"))
      assert.deepStrictEqual(yield* Fiber.join(forever), Exit.succeed("slot-0"))
    }))

  it.effect("SP-07 there is no slot for a job where every worker fails: it waits out its timeout, and no longer", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ acquire: () => Effect.fail(new Net()), assignTimeout: "1 second" })
      yield* settle
      const exit = yield* within(pool.run(where), "1 second")
      assertReason(exit, "NoSlotAvailable")
    }))
})

describe("SP-08", () => {
  it.effect("SP-08 submit returns an id at once; the result is none until the job has ended", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held(42)
      const running = yield* pool.submit(job.job)
      const waiting = yield* pool.submit(() => Effect.fail(new Net()))
      assert.notStrictEqual<string>(running, waiting)
      yield* settle
      assert.isTrue(Option.isNone(yield* pool.result(running)))
      assert.isTrue(Option.isNone(yield* pool.result(waiting)))
      yield* job.release
      assert.deepStrictEqual(yield* pool.result(running), Option.some(Exit.succeed(42)))
      assert.deepStrictEqual(yield* pool.result(waiting), Option.some(Exit.fail(new Net())))
      assert.strictEqual(yield* pool.await(running), 42)
      assert.instanceOf(yield* Effect.flip(pool.await(waiting)), Net)
    }))

  it.effect("SP-08 await waits for the end, also of one that waits for a slot, for everybody who asks", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("first")
      const first = yield* pool.submit(job.job)
      const second = yield* pool.submit(where)
      const waiting = yield* fork(Effect.all([pool.await(second), pool.await(first), pool.await(second)], {
        concurrency: "unbounded"
      }))
      assert.isUndefined(waiting.pollUnsafe())
      yield* job.release
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["slot-0", "first", "slot-0"])
    }))

  it.effect("SP-08 an unknown id is JobNotFound, whatever is asked of it", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      for (const asked of [pool.result("no-such"), pool.await("no-such"), pool.cancel("no-such")]) {
        const reason = assertReason(yield* Effect.exit(asked), "JobNotFound")
        assert.strictEqual(reason.job, "no-such")
      }
    }))

  it.effect("SP-08 jobs are listed by state, slot and tags", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("done")
      yield* pool.submit(where, { id: "ended", tags: ["urgent", "mail"] })
      yield* settle
      yield* TestClock.adjust(1000)
      yield* pool.submit(job.job, { id: "one", tags: ["urgent"] })
      yield* pool.submit(job.job, { id: "two" })
      yield* settle
      yield* pool.submit(job.job, { id: "three", tags: ["mail"] })
      yield* settle
      const list = (filter?: SlotPool.JobFilter) => Effect.map(pool.list(filter), (jobs) => jobs.map(({ id }) => id))
      assert.deepStrictEqual(yield* list(), ["ended", "one", "two", "three"])
      assert.deepStrictEqual(yield* list({ state: "Running" }), ["one", "two"])
      assert.deepStrictEqual(yield* list({ state: "Queued" }), ["three"])
      assert.deepStrictEqual(yield* list({ state: "Succeeded" }), ["ended"])
      assert.deepStrictEqual(yield* list({ state: "Failed" }), [])
      assert.deepStrictEqual(yield* list({ tags: ["mail"] }), ["ended", "three"])
      assert.deepStrictEqual(yield* list({ tags: ["mail", "urgent"] }), ["ended"])
      assert.deepStrictEqual(yield* list({ tags: [] }), ["ended", "one", "two", "three"])
      assert.deepStrictEqual(yield* list({ tags: ["urgent"], state: "Running" }), ["one"])
      const [one] = yield* pool.list({ tags: ["urgent"], state: "Running" })
      const { slot } = one!
      assert.deepStrictEqual(one, {
        id: "one",
        state: "Running",
        tags: ["urgent"],
        slot,
        submittedAt: 1000,
        startedAt: 1000,
        endedAt: undefined
      })
      assert.sameMembers(
        yield* list({ slot: slot! }),
        (yield* list({ slot: slot!, state: "Running" })).concat(
          (yield* pool.list({ state: "Succeeded" }))[0]!.slot === slot ? ["ended"] : []
        )
      )
      assert.deepInclude((yield* pool.list({ state: "Succeeded" }))[0], { submittedAt: 0, startedAt: 0, endedAt: 0 })
      yield* job.release
    }))

  it.effect("SP-08 ended jobs are kept up to a bound, the last ones; those that have not ended always", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2, keepJobs: 3 })
      yield* settle
      const job = held("held")
      yield* pool.submit(job.job, { id: "held" })
      for (let n = 0; n < 10; n++) yield* pool.submit(where, { id: `job-${n}` })
      yield* settle
      assert.deepStrictEqual((yield* pool.list()).map(({ id }) => id), ["held", "job-7", "job-8", "job-9"])
      assertReason(yield* Effect.exit(pool.result("job-6")), "JobNotFound")
      assert.isTrue(Option.isSome(yield* pool.result("job-7")))
      yield* job.release
      // The one that ended last is the last of those that are kept.
      assert.sameMembers((yield* pool.list()).map(({ id }) => id), ["held", "job-8", "job-9"])
      assert.strictEqual((yield* SlotPool.make({ name: "other" })).config.keepJobs, 1000)
    }))
})

describe("SP-09", () => {
  it.effect("SP-09 fanOut runs many jobs at once over the slots, and gives the results in the order of the inputs", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      yield* settle
      let running = 0
      let most = 0
      const slots = new Set<string>()
      const inputs = [5, 1, 4, 2, 3, 6, 1]
      const all = yield* fork(pool.fanOut(inputs, (_, input, { slot }) =>
        Effect.gen(function*() {
          slots.add(slot.slot)
          most = Math.max(most, ++running)
          yield* Effect.sleep(input * 1000)
          running--
          return input * 10
        })))
      assert.strictEqual(running, 3)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(all), inputs.map((input) => Exit.succeed(input * 10)))
      assert.strictEqual(most, 3)
      assert.strictEqual(slots.size, 3)
    }))
})

describe("SP-10", () => {
  it.effect("SP-10 drain refuses new work, lets running jobs end, marks every slot Stopped, and returns totals", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      yield* settle
      yield* pool.fanOut([1, 2, 3, 4], () => Effect.void)
      yield* Effect.exit(pool.run(() => Effect.fail(new Net())))
      const job = held("done")
      const running = yield* fork(pool.run(job.job))
      const draining = yield* fork(pool.drain())
      assert.isTrue((yield* pool.status).draining)
      assertReason(yield* Effect.exit(pool.run(where)), "PoolDraining")
      assertReason(yield* Effect.exit(pool.submit(where)), "PoolDraining")
      assertReason(yield* Effect.exit(pool.scaleUp()), "PoolDraining")
      assert.deepStrictEqual((yield* pool.fanOut([1], () => Effect.void)).map((exit) => Pools.reasonOf(exit)._tag), [
        "PoolDraining"
      ])
      assert.isUndefined(draining.pollUnsafe())
      assert.deepStrictEqual(job.on.length, 1)
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
      assert.deepStrictEqual(yield* Fiber.join(draining), {
        slots: 3,
        unstoppable: [],
        succeeded: 5,
        failed: 1,
        gaveUpOn: []
      })
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped", "Stopped"])
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, stopped: 3 })
    }))
})

describe("SP-11", () => {
  it.effect("SP-11 scaleUp, scaleDown and setTargetSlots change the number of slots, and answer it", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const total = Effect.map(pool.status, ({ slots }) => slots.total)
      assert.strictEqual(yield* pool.scaleUp(), 3)
      assert.strictEqual(yield* pool.scaleUp(2), 5)
      assert.strictEqual(yield* pool.scaleDown(), 4)
      assert.strictEqual(yield* pool.scaleDown(3), 1)
      assert.strictEqual(yield* pool.setTargetSlots(6), 6)
      assert.strictEqual(yield* total, 6)
      assert.strictEqual(yield* pool.setTargetSlots(6), 6)
      assert.strictEqual(yield* pool.setTargetSlots(2), 2)
      assert.strictEqual(yield* total, 2)
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ slot }) => slot), ["slot-0", "slot-1"])
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("SP-11 beyond the bounds of 1 and 16 it is an error, and the count unchanged", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 4 })
      yield* settle
      const before = yield* pool.findSlots()
      const asked = [
        [pool.setTargetSlots(0), 0],
        [pool.setTargetSlots(17), 17],
        [pool.setTargetSlots(2.5), 2.5],
        [pool.setTargetSlots(-1), -1],
        [pool.scaleUp(13), 17],
        [pool.scaleDown(4), 0],
        [pool.scaleDown(5), -1]
      ] as const
      for (const [scaling, slots] of asked) {
        const reason = assertReason(yield* Effect.exit(scaling), "SlotsOutOfRange")
        assert.deepStrictEqual({ ...reason }, { ...reason, slots, min: 1, max: 16 })
        assert.deepStrictEqual(yield* pool.findSlots(), before)
      }
      assert.strictEqual(yield* pool.scaleUp(12), 16)
      assertReason(yield* Effect.exit(pool.scaleUp()), "SlotsOutOfRange")
      assert.strictEqual(yield* pool.scaleDown(15), 1)
      assertReason(yield* Effect.exit(pool.scaleDown()), "SlotsOutOfRange")
    }))

  it.effect("SP-11 the bounds are the options', and a pool of more than 16 slots may have as many", () =>
    Effect.gen(function*() {
      const ranged = yield* SlotPool.make({ name: "ranged", slots: { min: 2, max: 3 } })
      assert.strictEqual((yield* ranged.status).slots.total, 2)
      assert.strictEqual(yield* ranged.scaleUp(), 3)
      assert.deepInclude(assertReason(yield* Effect.exit(ranged.scaleUp()), "SlotsOutOfRange"), { min: 2, max: 3 })
      assert.deepInclude(assertReason(yield* Effect.exit(ranged.scaleDown(2)), "SlotsOutOfRange"), { slots: 1 })
      const many = yield* SlotPool.make({ name: "many", slots: 20 })
      assert.strictEqual((yield* many.status).slots.total, 20)
      assert.deepInclude(assertReason(yield* Effect.exit(many.scaleUp()), "SlotsOutOfRange"), { min: 1, max: 20 })
    }))
})

describe("SP-12", () => {
  it.effect("SP-12 the status shows slots and jobs by state, restarts and completed jobs", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* left(store, { completed: 7 }, {}, {}, {}, { state: "Errored", error: "broken", restarts: 2, completed: 1 })
      yield* Pools.ghost(store, { pool: "pool", lease: 1_000_000, owner: "other" })
      const pool = yield* on(store)(
        SlotPool.make({ slots: 6, maxRestarts: 2, slotFailure: (error) => error === "slot" })
      )
      yield* settle
      assert.deepStrictEqual(yield* pool.status, {
        pool: "pool",
        owner: pool.owner,
        slots: { total: 6, idle: 5, busy: 0, errored: 0, exhausted: 1, stopped: 0, foreign: 0 },
        jobs: { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, lost: 0, unassigned: 0 },
        restarts: 0,
        completed: 8,
        draining: false
      })
      // One of each end.
      yield* pool.fanOut(["well", "well"], () => Effect.void)
      yield* Effect.exit(pool.run(() => Effect.fail("job")))
      yield* within(pool.run(() => Effect.never, { timeout: 10 }), 10)
      const cancelled = yield* pool.submit(() => Effect.never)
      yield* settle
      yield* pool.cancel(cancelled)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      yield* Effect.exit(pool.run(() => Effect.fail("slot")))
      const job = held("held")
      for (let n = 0; n < 4; n++) yield* pool.submit(job.job)
      yield* settle
      yield* pool.submit(job.job, { assignTimeout: 5 })
      yield* pool.submit(job.job)
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 6, busy: 4, errored: 1, exhausted: 1 })
      assert.deepStrictEqual(jobsOf(yield* pool.status), {
        queued: 1,
        running: 4,
        succeeded: 2,
        failed: 2,
        cancelled: 1,
        timedOut: 1,
        unassigned: 1
      })
      assert.deepInclude(yield* pool.status, { restarts: 1, completed: 10 })
      yield* job.release
      const report = yield* pool.drain()
      assert.strictEqual(report.slots, 6)
      assert.deepInclude(yield* pool.status, { draining: true, completed: 15 })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 6, stopped: 6 })
    }))

  it.effect("SP-12 the status counts slots of another owner as foreign", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 60_000 }, {}, { state: "Busy", job: "job" })
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 1, foreign: 2 })
    }))
})

describe("SP-15", () => {
  it.effect("SP-15 a pool's records are the same for whoever opens the store again", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const first = yield* Pools.own(
        on(store)(SlotPool.make({ slots: 2, slotConfig: [{ name: "Ada", role: "writer" }] }))
      )
      yield* settle
      yield* first.value.fanOut([1, 2, 3], (_, n, { setSession }) => setSession({ n }))
      yield* Effect.exit(first.value.run(died))
      yield* settle
      const before = yield* first.value.findSlots()
      yield* first.close
      const second = yield* on(store)(SlotPool.make({ slots: 2 }))
      const after = yield* second.findSlots()
      assert.deepStrictEqual(
        after.map(({ owner, version, ...rest }) => rest),
        before.map(({ owner, version, ...rest }) => rest)
      )
      assert.deepStrictEqual(after.map(({ owner }) => owner), [second.owner, second.owner])
      const { seen } = yield* watched(Effect.succeed(second)).pipe(Effect.map(({ events }) => ({ seen: events })))
      assert.strictEqual(seen[0]?._tag, "PoolSnapshot")
    }))

  it.effect("SP-15 a pool's name is its place in the store: two pools of other names do not meet", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const one = yield* on(store)(SlotPool.make({ name: "one", slots: 2 }))
      const other = yield* on(store)(SlotPool.make({ name: "other", slots: 3 }))
      yield* settle
      assert.strictEqual((yield* one.findSlots()).length, 2)
      assert.strictEqual((yield* other.findSlots()).length, 3)
      assert.deepStrictEqual(slotsOf(yield* other.status), { total: 3, idle: 3 })
      assert.notStrictEqual(one.owner, other.owner)
      assert.strictEqual(failureOf(yield* Effect.exit(one.result("job")))._tag, "PoolError")
    }))
})
