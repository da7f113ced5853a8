import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolEvent from "effect-supervisor/SlotPoolEvent"
import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { collect, fork, settle } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"
import * as StallingClock from "./support/StallingClock.ts"

type Event = SlotPoolEvent.SlotPoolEvent

const { inShort, on, own, told, watched, Workers } = Pools

const json = Schema.fromJsonString(Schema.toCodecJson(SlotPoolEvent.SlotPoolEvent))
const encode = Schema.encodeSync(json)
const decode = Schema.decodeSync(json)

const died = () => Effect.die(new Error("out of order"))

const survivesJson = (event: Event): void => {
  const text = encode(event)
  assert.notInclude(text, "\n")
  assert.deepStrictEqual(decode(text), event)
  assert.strictEqual(JSON.parse(text)["_tag"], event._tag)
}

/** A pool to which most of what can happen does happen, with all that it told. */
const eventful = Effect.gen(function*() {
  const base = yield* makeMemory
  const store = yield* Pools.faulty(base)
  yield* Pools.ghost(base, { pool: "pool", lease: 15_000, owner: "dead" }, {}, { state: "Busy", job: "lost" })
  const workers = new Workers()
  const { close, value: { events, pool } } = yield* own(watched(
    on(store)(SlotPool.make({
      slots: { min: 2, max: 4 },
      acquire: workers.acquire,
      watch: workers.watch,
      maxRestarts: 1,
      restart: { schedule: Schedule.spaced("1 second") },
      stableAfter: "1 minute"
    }))
  ))
  yield* TestClock.adjust("20 seconds")
  yield* pool.scaleUp()
  yield* settle
  const job = Pools.held("never")
  yield* fork(Effect.exit(pool.run(job.job)))
  yield* workers.die(job.on[0]!)
  yield* TestClock.adjust("1 second")
  yield* pool.checkAndRestartSlots
  yield* settle
  yield* TestClock.adjust("2 minutes")
  yield* pool.checkAndRestartSlots
  for (let round = 0; round < 2; round++) {
    yield* workers.die("slot-0")
    yield* TestClock.adjust("1 second")
    yield* pool.checkAndRestartSlots
    yield* settle
  }
  store.break("fail")
  yield* pool.checkAndRestartSlots
  yield* TestClock.adjust("1 minute")
  store.mend()
  store.corrupt("pool", "slot-1", "it is half a record")
  yield* TestClock.adjust("30 seconds")
  yield* pool.scaleDown()
  yield* fork(pool.drain())
  yield* TestClock.adjust("1 minute")
  const before = events.length
  yield* close
  yield* settle
  return { events, before, pool }
})

describe("SlotPoolEvent", () => {
  it.effect("what a pool really tells goes through JSON unharmed, every kind of it", () =>
    Effect.gen(function*() {
      const { events } = yield* eventful
      events.forEach(survivesJson)
      const kinds = new Set(events.map(({ _tag }) => _tag))
      assert.sameMembers(Array.from(kinds), [
        "PoolSnapshot",
        "SlotClaimed",
        "SlotLost",
        "SlotErrored",
        "SlotExhausted",
        "SlotRestarted",
        "SlotStable",
        "SlotStopped",
        "SlotAdded",
        "SlotRemoved",
        "JobLost",
        "RecordSetAside",
        "StoreDegraded",
        "StoreRecovered",
        "PoolDraining",
        "PoolDrained"
      ])
    }))

  it("knows one more kind: what was missed", () => {
    survivesJson({ _tag: "EventsMissed", sequence: 7, time: 1, pool: "pool", missed: 3 })
    assert.throws(() => decode("{\"_tag\":\"SlotExploded\"}"))
    assert.throws(() => decode("{\"_tag\":\"SlotStable\",\"pool\":\"pool\",\"sequence\":1,\"time\":1}"))
  })

  it.effect("counts without gaps or repeats, from the snapshot to the end, with the pool's name and the time", () =>
    Effect.gen(function*() {
      const { events } = yield* eventful
      const [{ sequence }] = events as [Event]
      assert.deepStrictEqual(events.map((event) => event.sequence), events.map((_, n) => sequence + n))
      assert.isTrue(events.every(({ pool }) => pool === "pool"))
      const times = events.map(({ time }) => time)
      assert.deepStrictEqual(times, times.toSorted((one, other) => one - other))
    }))

  it.effect("begins with a snapshot of what is now, and every change comes after it", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      yield* settle
      yield* Effect.exit(pool.run(died))
      const { seen } = yield* collect(pool.events)
      const [snapshot] = seen as [Event & { readonly _tag: "PoolSnapshot" }]
      assert.strictEqual(snapshot._tag, "PoolSnapshot")
      assert.deepStrictEqual(snapshot.status, yield* pool.status)
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.deepStrictEqual(inShort(seen.slice(1)), [`SlotRestarted ${told(seen, "SlotRestarted")[0]!.slot}`])
      assert.strictEqual(seen[1]!.sequence, snapshot.sequence + 1)
    }))

  it.effect("is one for all subscribers: the same number is the same event", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const first = yield* collect(pool.events)
      yield* pool.fanOut([1, 2], died)
      const second = yield* collect(pool.events)
      yield* pool.checkAndRestartSlots
      yield* pool.scaleUp()
      yield* settle
      assert.deepStrictEqual(second.seen.slice(1), first.seen.slice(-(second.seen.length - 1)))
      assert.isAbove(second.seen.length, 3)
    }))

  it.effect("follows how many slots there are and who is in error, by events alone", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { events, pool } = yield* watched(SlotPool.make({
        slots: 3,
        acquire: workers.acquire,
        watch: workers.watch,
        maxRestarts: 2,
        supervisor: { enabled: true, interval: "5 seconds" }
      }))
      const errored = new Map<string, "errored" | "exhausted">()
      let total = 3
      let seen = 1
      const follow = () => {
        for (const event of events.slice(seen)) {
          if (event._tag === "SlotErrored") errored.set(event.slot, "errored")
          else if (event._tag === "SlotExhausted") errored.set(event.slot, "exhausted")
          else if (event._tag === "SlotRestarted") errored.delete(event.slot)
          else if (event._tag === "SlotAdded") total++
          else if (event._tag === "SlotRemoved") {
            total--
            errored.delete(event.slot)
          }
        }
        seen = events.length
      }
      for (let round = 0; round < 24; round++) {
        const slot = `slot-${round % 3}`
        if (workers.alive(slot) > 0) yield* workers.die(slot)
        if (round === 10) yield* pool.scaleUp(2)
        if (round === 16) yield* pool.scaleDown(2)
        yield* TestClock.adjust("2 seconds")
        yield* settle
        follow()
        const { slots } = yield* pool.status
        const exhausted = Array.from(errored.values()).filter((kind) => kind === "exhausted").length
        assert.deepStrictEqual([slots.total, slots.errored, slots.exhausted], [
          total,
          errored.size - exhausted,
          exhausted
        ])
      }
    }))

  it.effect("tells a slow reader how many events it missed, and nothing else is missing", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ eventCapacity: 8, maxRestarts: Number.POSITIVE_INFINITY })
      yield* settle
      const gate = yield* Latch.make()
      const seen: Array<Event> = []
      yield* Effect.forkScoped(
        Stream.runForEach(pool.events, (event) =>
          Effect.andThen(
            Effect.sync(() => void seen.push(event)),
            gate.await
          )),
        { startImmediately: true }
      )
      yield* settle
      for (let round = 0; round < 50; round++) {
        yield* Effect.exit(pool.run(died))
        yield* pool.checkAndRestartSlots
        yield* settle
      }
      yield* gate.open
      yield* settle
      const missed = told(seen, "EventsMissed")
      assert.isAtLeast(missed.length, 1)
      let expected = seen[0]!.sequence
      for (const event of seen.slice(1)) {
        if (event._tag === "EventsMissed") expected += event.missed
        else assert.strictEqual(event.sequence, ++expected)
      }
      assert.strictEqual(expected, seen[0]!.sequence + 100)
      assert.strictEqual(
        seen.length - 1 - missed.length + missed.reduce((sum, event) => sum + event.missed, 0),
        100
      )
    }))

  it.effect("ends with the pool; a stream that is begun after it gives the last snapshot", () =>
    Effect.gen(function*() {
      const { close, value: pool } = yield* own(SlotPool.make())
      yield* settle
      const { fiber, seen } = yield* collect(pool.events)
      assert.isUndefined(fiber.pollUnsafe())
      yield* close
      yield* settle
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual(seen[0]?._tag, "PoolSnapshot")
      const after = yield* fork(Stream.runCollect(pool.events))
      const last = yield* Fiber.join(after)
      assert.deepStrictEqual(last.map(({ _tag }) => _tag), ["PoolSnapshot"])
    }))

  it.effect("does not tell of jobs that come and go", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2 }))
      yield* pool.fanOut(Array.from({ length: 100 }), () => Effect.void)
      yield* settle
      assert.deepStrictEqual(inShort(events), ["PoolSnapshot"])
    }))

  it.effect("tells what a slot that is claimed is like, and from whom it was taken", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(
        store,
        { pool: "pool", lease: 10_000, owner: "dead" },
        { state: "Busy", job: "lost", restarts: 1 },
        { state: "Errored", error: "broken", restarts: 3 },
        { state: "Stopped" }
      )
      const { events, pool } = yield* watched(on(store)(SlotPool.make({ slots: 3 })))
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.deepStrictEqual(
        told(events, "SlotClaimed").map(({ exhausted, from, restarts, slot, state }) => ({
          exhausted,
          from,
          restarts,
          slot,
          state
        })),
        [
          { slot: "slot-0", state: "Idle", restarts: 1, exhausted: false, from: "dead" },
          { slot: "slot-1", state: "Errored", restarts: 3, exhausted: true, from: "dead" },
          { slot: "slot-2", state: "Idle", restarts: 0, exhausted: false, from: "dead" }
        ]
      )
      assert.deepStrictEqual(Pools.slotsOf(yield* pool.status), { total: 3, idle: 2, exhausted: 1 })
    }))

  it.effect("tells of a drain in order: it begins, slots stop, it has ended", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2 }))
      yield* pool.drain()
      yield* settle
      const tags = inShort(events).slice(1)
      assert.strictEqual(tags[0], "PoolDraining")
      assert.sameMembers(tags.slice(1, 3), ["SlotStopped slot-0", "SlotStopped slot-1"])
      assert.deepStrictEqual(tags.slice(3), ["PoolDrained"])
    }))

  it.effect("has the wall clock's times, and follows when it is set", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        yield* clock.setWall(5_000_000)
        const { events, pool } = yield* watched(SlotPool.make())
        yield* Effect.exit(pool.run(died))
        yield* clock.setWall(-4_000_000)
        yield* TestClock.adjust(10)
        yield* pool.checkAndRestartSlots
        yield* settle
        assert.deepStrictEqual(events.map(({ _tag, time }) => [_tag, time]), [
          ["PoolSnapshot", 5_000_000],
          ["SlotErrored", 5_000_000],
          ["SlotRestarted", 1_000_010]
        ])
      }))
    }))

  it.effect("costs the pool nothing while nobody reads, and a reader that dies is forgotten", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ maxRestarts: Number.POSITIVE_INFINITY })
      yield* settle
      const reading = yield* fork(Stream.runForEach(pool.events, () => Effect.die(new Error("reader"))))
      yield* settle
      assert.isDefined(reading.pollUnsafe())
      yield* Effect.exit(pool.run(died))
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.strictEqual(yield* pool.run(Pools.where), "slot-0")
    }))
})
