import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { now } from "../measure.ts"
import type { Hosted, Opened } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

const many = 100

type Events = NonNullable<Opened["events"]>

/** Reads on until told to end; answers the number of the newest event that it has read. */
const reader = Effect.fnUntraced(function*(events: Events) {
  let newest = 0
  let missed = 0
  yield* Effect.forkScoped(
    Stream.runForEachArray(events, (read) =>
      Effect.sync(() => {
        for (const { sequence } of read) {
          if (newest > 0) missed += sequence - newest - 1
          newest = sequence
        }
      })),
    { startImmediately: true }
  )
  return { newest: () => newest, missed: () => missed }
})

/** A storm with so many readers of its events, and so many that read one and then no more. */
const storm = (peer: Hosted, n: number, reading: number, stuck: number) =>
  Effect.scoped(Effect.gen(function*() {
    const { begun, crashes, effect } = Works.crashing(n)
    const opened = yield* peer.prepare(Works.make(n, effect), { schedule: Schedule.recurs(5) })
    const events = Works.has(opened.events)
    yield* Works.untilBegun(begun, n)
    yield* Effect.sleep("20 millis")
    for (let i = 0; i < stuck; i++) {
      yield* Effect.forkScoped(Stream.runForEach(events, () => Effect.never), { startImmediately: true })
    }
    const readers = yield* Effect.forEach(Array.from({ length: reading }), () => reader(events))
    yield* Effect.sleep("20 millis")
    const first = readers[0]?.newest() ?? 0
    const before = now()
    for (const crash of crashes) crash()
    yield* Works.untilBegun(begun, 2 * n)
    const restarted = now()
    // What is asked for now begins with the number of the last one.
    const last = Option.getOrThrow(yield* Stream.runHead(events)).sequence
    yield* Works.untilBegun(() => Math.min(...readers.map((one) => one.newest())), last)
    const read = now()
    yield* Works.assertHealthy(opened, n)
    const missed = readers.reduce((sum, one) => sum + one.missed(), 0)
    if (missed > 0) return yield* Effect.die(new Error(`those who read have missed ${missed} events`))
    return { restarted: restarted - before, read: read - before, events: last - first }
  }))

export const subscribers: Scenario = {
  name: "subscribers",
  about: "a crash storm that 100 more subscribers hear of, one of them stuck, beside the same storm with one more",
  sizes: [{ n: 10_000, seconds: 0, repeats: 5, warmups: 3 }],
  quick: { n: 500, seconds: 0 },
  metrics: [
    { name: "an event, for all", unit: "us", aim: { atMost: 5 } },
    { name: "a restart, with them : without", unit: "x" },
    { name: "with the stuck one : without", unit: "x" }
  ],
  needs: (peer) => peer.abilities.tellsEvents,
  sample: (peer, { n }) =>
    Effect.gen(function*() {
      const one = yield* storm(peer, n, 1, 0)
      const reading = yield* storm(peer, n, many - 1, 0)
      const oneStuck = yield* storm(peer, n, many - 1, 1)
      return [
        (oneStuck.read - one.read) * 1000 / oneStuck.events,
        oneStuck.restarted / one.restarted,
        oneStuck.restarted / reading.restarted
      ]
    })
}
