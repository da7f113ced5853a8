/**
 * `kill -9` in the middle of writes: what became of them.
 */
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { isDeepStrictEqual } from "node:util"
import * as Child from "./child.ts"
import * as Files from "./files.ts"
import { content } from "./fixtures/written.ts"
import { opened, owned, pool, race } from "./subject.ts"

const slots = 4

export interface Round {
  /** Writes that were answered before the end. */
  readonly acknowledged: number
  /** What is wrong; nothing, if all is well. */
  readonly breaches: ReadonlyArray<string>
}

/**
 * A writer is killed after so many answers (0: while it makes the file). Then nothing it was answered is lost, nothing
 * is half there, and nobody has its slots until its lease has run out, by the clock; then one of two rivals each.
 */
const round = Effect.fnUntraced(function*(answers: number, cache: string) {
  const breaches: Array<string> = []
  const check = (holds: boolean, what: string): void => {
    if (!holds) breaches.push(what)
  }
  const filename = yield* Files.file
  const writer = yield* Child.start("writer", [filename, pool, "writer", String(slots)], { NODE_COMPILE_CACHE: cache })
  yield* writer.lines(1 + answers)
  const lines = (yield* writer.kill).slice(1)
  const acknowledged = new Map<string, number>()
  for (const line of lines) {
    const [slot, version] = line.split(" ")
    acknowledged.set(slot!, Number(version))
  }

  const rivals = [
    yield* opened(SlotPoolStoreSqlite.layer({ filename })),
    yield* opened(SlotPoolStoreSqlite.layer({ filename }))
  ]
  const { corrupt, records } = yield* rivals[0]!.list(pool)
  check(corrupt.length === 0, `cannot be read: ${JSON.stringify(corrupt)}`)
  for (const [slot, version] of acknowledged) {
    check(records.some((record) => record.slot === slot && record.version >= version), `${slot} lost ${version}`)
  }
  for (const { completed, session, slot, version } of records) {
    check(isDeepStrictEqual({ completed, session }, content(slot, version)), `${slot} is half of ${version}`)
    check(version <= (acknowledged.get(slot) ?? 0) + 1, `${slot} is at ${version}, which was never written`)
  }

  const [lease] = yield* Files.query(filename, "SELECT until FROM effect_supervisor_leases WHERE owner = 'writer'")
  check(lease !== undefined || records.length === 0, "the lease is lost")
  const until = Number(lease?.["until"] ?? 1)
  yield* TestClock.setTime(until - 1)
  for (const record of records) {
    const early = yield* Effect.flip(rivals[0]!.claim(owned(record, "one")))
    check(early._tag === "SlotOwned" && early.remaining === 1, `${record.slot} early: ${early.message}`)
  }
  yield* TestClock.setTime(until)
  yield* rivals[0]!.lease("one", 1000)
  yield* rivals[1]!.lease("two", 1000)
  const winners = yield* race(rivals, ["one", "two"], records.length)
  for (const before of records) {
    const won = winners.get(before.slot) ?? []
    check(won.length === 1, `${before.slot} was taken over by ${won.join(" and ") || "nobody"}`)
    const [now] = (yield* rivals[1]!.list(pool)).records.filter(({ slot }) => slot === before.slot)
    const after = { ...before, owner: won[0], version: before.version + 1 }
    check(isDeepStrictEqual(now, after), `${before.slot} is ${JSON.stringify(now)} and not ${JSON.stringify(after)}`)
  }
  check(!(yield* rivals[0]!.renew("writer", 1000)), "the dead writer's lease was renewed")
  return { acknowledged: lines.length, breaches } satisfies Round
}, (effect) => Effect.provide(Effect.scoped(Effect.orDie(effect)), TestClock.layer()))

/** After how many answers the writer of a round is killed: from none to a few thousand, mostly few. */
const answersOf = (round: number): number => {
  // A generator of Park and Miller's, so that every run has the same rounds.
  let draw = round + 1
  for (let n = 0; n < 3; n++) draw = draw * 48271 % 2147483647
  return round % 10 === 0 ? 0 : Math.floor(10 ** (draw / 2147483647 * 3.3))
}

/** Lives so many rounds, two at a time. */
export const rounds = <E, R>(count: number, lived: (round: Round, n: number) => Effect.Effect<void, E, R>) =>
  Effect.scoped(Effect.flatMap(Files.folder, (cache) =>
    Effect.forEach(
      Array.from({ length: count }, (_, n) => n),
      (n) => Effect.flatMap(round(answersOf(n), cache), (round) => lived(round, n)),
      { concurrency: 2, discard: true }
    )))
