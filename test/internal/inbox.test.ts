import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Message } from "../../src/internal/inbox.ts"
import * as Inbox from "../../src/internal/inbox.ts"

/** Messages told apart by a number: those of the urgent lane are commands, the others answers. */
const urgent = (reply: number): Message => ({
  _tag: "Command",
  event: { _tag: "Command", reply, command: "stop", target: { name: "job", id: undefined } },
  task: undefined
})
const ordinary = (id: number): Message => ({
  _tag: "Answered",
  event: { _tag: "Answered", id, generation: 1, answer: { _tag: "Done" } }
})

const urgents = (messages: ReadonlyArray<Message>) =>
  messages.flatMap((message) => message._tag === "Command" && "reply" in message.event ? [message.event.reply] : [])
const ordinaries = (messages: ReadonlyArray<Message>) =>
  messages.flatMap((message) => message._tag === "Answered" ? [message.event.id] : [])

const range = (length: number) => Array.from({ length }, (_, index) => index)

/** Polls until nothing is left. */
const drain = (inbox: Inbox.Inbox): ReadonlyArray<Message> => {
  const messages: Array<Message> = []
  for (let polled = inbox.poll(); polled.length > 0; polled = inbox.poll()) messages.push(...polled)
  return messages
}

describe("inbox", () => {
  it.effect("gives everything once, each lane in the order it came", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const i of range(1000)) {
        inbox.ordinary(ordinary(i))
        inbox.urgent(urgent(i))
      }
      const messages = drain(inbox)
      assert.deepStrictEqual(urgents(messages), range(1000))
      assert.deepStrictEqual(ordinaries(messages), range(1000))
      // Whoever looks how much is still ahead counts all there is.
      assert.strictEqual(messages.length, 2000)
    }))

  it.effect("what is urgent comes before a flood that was there first, yet the flood has its part in every batch", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const i of range(10_000)) inbox.ordinary(ordinary(i))
      inbox.urgent(urgent(7))
      const first = yield* inbox.take
      assert.deepStrictEqual(urgents(first), [7])
      assert.isAtMost(first.length, 256)
      for (const i of range(10_000)) inbox.urgent(urgent(i))
      const second = yield* inbox.take
      assert.isAtMost(second.length, 512)
      assert.isAbove(urgents(second).length, 0)
      assert.isAbove(ordinaries(second).length, 0)
    }))

  it.effect("waits while there is nothing, and wakes for either lane", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      assert.strictEqual(drain(inbox).length, 0)
      for (const send of [() => inbox.urgent(urgent(1)), () => inbox.ordinary(ordinary(1))]) {
        const taking = yield* Effect.forkChild(inbox.take, { startImmediately: true })
        yield* Effect.yieldNow
        assert.isUndefined(taking.pollUnsafe())
        send()
        const taken = yield* Fiber.join(taking)
        assert.strictEqual(urgents(taken).length + ordinaries(taken).length, 1)
        assert.strictEqual(drain(inbox).length, 0)
      }
    }))

  it.effect("what comes by the urgent lane while a flood is worked off is in the very next batch", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const i of range(2000)) inbox.ordinary(ordinary(i))
      const seen: Array<Message> = []
      let sent = 0
      for (let polled = inbox.poll(); polled.length > 0; polled = inbox.poll()) {
        seen.push(...polled)
        assert.strictEqual(urgents(seen).length, sent)
        if (sent < 10) inbox.urgent(urgent(sent++))
      }
      assert.deepStrictEqual(urgents(seen), range(10))
      assert.strictEqual(ordinaries(seen).length, 2000)
    }))

  it.effect("urgent ones beyond a batch come with the next, also when nothing ordinary does", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const i of range(1000)) inbox.urgent(urgent(i))
      const seen: Array<Message> = []
      while (urgents(seen).length < 1000) {
        const taken = yield* inbox.take
        assert.isAtMost(taken.length, 256)
        seen.push(...taken)
      }
      assert.deepStrictEqual(urgents(seen), range(1000))
    }))

  it.effect("takes back the newest urgent one when nothing else is there, in either lane", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      assert.isFalse(inbox.takeBack())
      inbox.urgent(urgent(1))
      assert.isTrue(inbox.takeBack())
      assert.deepStrictEqual(drain(inbox), [])
      const others: ReadonlyArray<() => void> = [
        () => inbox.urgent(urgent(2)),
        () => inbox.ordinary(ordinary(2)),
        () => {
          let left = 1
          inbox.first(() => left-- > 0 ? urgent(2) as Inbox.Command : undefined)
        }
      ]
      for (const other of others) {
        other()
        inbox.urgent(urgent(3))
        assert.isFalse(inbox.takeBack())
        assert.strictEqual(drain(inbox).length, 2)
      }
    }))

  it.effect("a waiting reader is let go when it is closed, and what comes later is dropped in silence", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      const taking = yield* Effect.forkChild(inbox.take, { startImmediately: true })
      inbox.close()
      assert.isTrue(Exit.isFailure(yield* Fiber.await(taking)))
      inbox.ordinary(ordinary(1))
      inbox.urgent(urgent(1))
      inbox.close()
      assert.isTrue(Exit.isFailure(yield* Effect.exit(inbox.take)))
    }))

  it.effect("lets others run while more is at hand", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const i of range(2000)) inbox.ordinary(ordinary(i))
      let turns = 0
      // `forever` yields after each round
      const other = yield* Effect.forkChild(
        Effect.forever(Effect.sync(() => {
          turns++
        })),
        { startImmediately: true }
      )
      let batches = 0
      for (let left = 2000; left > 0; batches++) left -= ordinaries(yield* inbox.take).length
      assert.isAtLeast(turns, batches - 2)
      yield* Fiber.interrupt(other)
    }))
})
