/**
 * The one list of a bulletin against a sliding queue for each subscriber.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bulletin from "../../src/internal/bulletin.ts"

interface Event {
  readonly sequence: number
  readonly missed: number
}

const capacity = 3

const subscribe = (bulletin: Bulletin.Bulletin<Event>) =>
  Bulletin.subscribe<Event>(
    bulletin,
    (sequence) => ({ sequence, missed: 0 }),
    ({ sequence }, missed) => ({ sequence: sequence - 1, missed })
  )

const publish = (bulletin: Bulletin.Bulletin<Event>) =>
  Bulletin.publish(bulletin, (sequence) => ({ sequence, missed: 0 }))

/** One that reads, and what a queue of its own would hold. */
interface Reader {
  readonly scope: Scope.Closeable
  readonly pull: Effect.Effect<ReadonlyArray<Event>, unknown>
  expected: Array<Event>
  newest: number
}

const Operation = Schema.Struct({
  does: Schema.Literals(["publish", "publish", "read", "read", "join", "leave"]),
  which: Schema.Literals([0, 1, 2, 3, 4])
})
const Operations = Schema.Array(Operation).check(Schema.isMaxLength(60))

describe("bulletin", () => {
  it.effect.prop(
    "gives everyone what a sliding queue of its own would",
    [Operations],
    ([operations]) =>
      Effect.gen(function*() {
        const bulletin = Bulletin.make<Event>(capacity)
        const readers: Array<Reader> = []
        const left: Array<Reader["pull"]> = []
        const given: Array<readonly [ReadonlyArray<Event>, ReadonlyArray<Event>]> = []
        const join = Effect.gen(function*() {
          const scope = yield* Scope.make()
          const pull = yield* Scope.provide(Stream.toPull(subscribe(bulletin)), scope)
          const { sequence } = bulletin
          assert.deepStrictEqual(yield* pull, [{ sequence, missed: 0 }])
          readers.push({ scope, pull, expected: [], newest: sequence })
        })
        const read = Effect.fnUntraced(function*(reader: Reader, last = bulletin.sequence) {
          const [first] = reader.expected
          if (first === undefined) return
          const missed = first.sequence - reader.newest - 1
          const gap = missed === 0 ? [] : [{ sequence: first.sequence - 1, missed }]
          const events = yield* reader.pull
          assert.deepStrictEqual(events, [...gap, ...reader.expected])
          given.push([events, Array.from(events)])
          reader.newest = last
          reader.expected = []
        })
        for (const { does, which } of operations) {
          const reader = readers[which % Math.max(1, readers.length)]
          if (does === "publish") {
            for (let i = 0; i <= which; i++) {
              publish(bulletin)
              const event = { sequence: bulletin.sequence, missed: 0 }
              for (const one of readers) one.expected = [...one.expected, event].slice(-capacity)
            }
          } else if (does === "join") yield* join
          else if (does === "read" && reader !== undefined) yield* read(reader)
          else if (does === "leave" && reader !== undefined) {
            readers.splice(readers.indexOf(reader), 1)
            yield* Scope.close(reader.scope, Exit.void)
            left.push(reader.pull)
          }
          // What these would take would be missing elsewhere.
          for (const pull of left) {
            assert.isTrue(Exit.isFailure(yield* Effect.exit(pull)), "whoever has left gets nothing")
          }
          const isRead = readers.every(({ expected }) => expected.length === 0)
          assert.isAtMost(bulletin.events.length, isRead ? 0 : 2 * capacity, "what all have read is let go")
        }
        const last = bulletin.sequence
        Bulletin.close(bulletin)
        publish(bulletin)
        const late = yield* Stream.runCollect(subscribe(bulletin))
        assert.deepStrictEqual(late, [{ sequence: bulletin.sequence, missed: 0 }])
        for (const reader of readers) {
          yield* read(reader, last)
          assert.isTrue(Exit.isFailure(yield* Effect.exit(reader.pull)), "and that was all")
          yield* Scope.close(reader.scope, Exit.void)
        }
        assert.strictEqual(bulletin.subscribers.size, 0)
        assert.strictEqual(bulletin.events.length, 0)
        for (const [events, then] of given) assert.deepStrictEqual(events, then, "what was given stays as it is")
      }),
    { arbitrary: { runs: 1000, size: 200, seed: 1 } }
  )

  it.effect("wakes those who wait, once what has happened together is there; one that is given up leaves nothing", () =>
    Effect.gen(function*() {
      const bulletin = Bulletin.make<Event>(capacity)
      const pull = yield* Stream.toPull(subscribe(bulletin))
      yield* pull
      const given = yield* Effect.forkChild(Effect.scoped(Stream.runDrain(subscribe(bulletin))), {
        startImmediately: true
      })
      assert.strictEqual(bulletin.waiting.size, 1)
      yield* Fiber.interrupt(given)
      assert.strictEqual(bulletin.waiting.size, 0)
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      publish(bulletin)
      publish(bulletin)
      assert.deepStrictEqual((yield* Fiber.join(waiting)).map(({ sequence }) => sequence), [1, 2])
      for (let i = 0; i < 100; i++) publish(bulletin)
      for (const { bell } of bulletin.subscribers) assert.strictEqual(Queue.sizeUnsafe(bell), 0, "nobody waits")
      yield* pull
      const last = yield* Effect.forkChild(Effect.exit(pull), { startImmediately: true })
      Bulletin.close(bulletin)
      const late = yield* Stream.toPull(subscribe(bulletin))
      yield* late
      assert.isTrue(Exit.isFailure(yield* Fiber.join(last)))
      assert.strictEqual(bulletin.subscribers.size, 0, "the end waits for none that comes after it")
    }))

  it.effect("bears one who comes while an event is made, and is told of it by the snapshot", () =>
    Effect.gen(function*() {
      const bulletin = Bulletin.make<Event>(capacity)
      const first = yield* Scope.make()
      const pull = yield* Scope.provide(Stream.toPull(subscribe(bulletin)), first)
      yield* pull
      const second = yield* Scope.make()
      const between = yield* Scope.provide(Stream.toPull(subscribe(bulletin)), second)
      Bulletin.publish(bulletin, (sequence) => {
        assert.deepStrictEqual(Effect.runSync(between), [{ sequence, missed: 0 }])
        return { sequence, missed: 0 }
      })
      assert.strictEqual((yield* pull).length, 1)
      for (const scope of [first, second]) yield* Scope.close(scope, Exit.void)
      publish(bulletin)
      const next = yield* Stream.toPull(subscribe(bulletin))
      yield* next
      publish(bulletin)
      assert.deepStrictEqual(yield* next, [{ sequence: 3, missed: 0 }])
    }))
})
