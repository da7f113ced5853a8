/**
 * The change feed of a database: what this process writes is told by itself, at once; what others write is looked for
 * when they notify, or else now and then.
 *
 * Both ways can hear of one write, in any order. Hence every reader knows which state of each slot it has been told: an
 * incarnation and a version in it, which grow with every write; what is not newer is not told again.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { SlotChange, StoreError } from "../SlotPoolStore.ts"
import type { Dialect, Marked } from "./dialect.ts"
import { storeClosed, storeError } from "./errors.ts"
import type { SlotRow } from "./rows.ts"
import { decode } from "./rows.ts"

/** A state of a slot. */
interface Mark {
  readonly incarnation: number
  /** Infinity: it was deleted. */
  readonly version: number
}

const markOf = ({ incarnation, version }: Marked): Mark => ({
  incarnation: Number(incarnation),
  version: version === null ? Number.POSITIVE_INFINITY : Number(version)
})

const isNews = (mark: Mark, seen: Mark | undefined): boolean =>
  seen === undefined || mark.incarnation > seen.incarnation ||
  (mark.incarnation === seen.incarnation && mark.version > seen.version)

const isThere = (seen: Mark | undefined): boolean => seen !== undefined && seen.version !== Number.POSITIVE_INFINITY

const decodeNotice = Schema.decodeOption(Schema.fromJsonString(
  Schema.Tuple([Schema.String, Schema.String, Schema.Number, Schema.NullOr(Schema.Number)])
))

/** How many changes a reader may be behind before the oldest are dropped. */
const capacity = 4096

/** Every slot of the pool. */
const everySlot = Symbol()

interface Reader {
  readonly pool: string
  readonly queue: Queue.Queue<SlotChange, StoreError>
  readonly seen: Map<string, Mark>
  /** What is to be looked at: each only once, however often there was notice of it. */
  readonly due: Queue.Queue<string | typeof everySlot, SqlError>
  readonly noticed: Set<string | typeof everySlot>
}

/** A connection that hears what others write. */
interface Listener {
  readonly hearing: Set<Reader>
  /** Why it hears nothing any more. */
  lost: SqlError | undefined
}

const joining = (reader: Reader, readers: Set<Reader>): Effect.Effect<unknown, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => readers.add(reader)),
    () => Effect.sync(() => readers.delete(reader))
  )

export interface Changes {
  /** To be called after every write of this process. */
  readonly tell: (change: SlotChange, mark: Marked) => void
  readonly of: (pool: string) => Stream.Stream<SlotChange, StoreError>
}

export const make = Effect.fnUntraced(function*(options: {
  readonly listen: Dialect["listen"]
  /** Milliseconds. */
  readonly pollInterval: number
  readonly marks: (pool: string) => Effect.Effect<ReadonlyArray<Marked & { readonly slot: string }>, SqlError>
  readonly row: (pool: string, slot: string) => Effect.Effect<SlotRow | undefined, SqlError>
}): Effect.fn.Return<Changes, never, Scope.Scope> {
  const { listen, marks, pollInterval, row } = options
  const readers = new Set<Reader>()

  const offer = (reader: Reader, slot: string, mark: Mark, change: SlotChange): void => {
    reader.seen.set(slot, mark)
    Queue.offerUnsafe(reader.queue, change)
  }

  const look = (reader: Reader, slot: string): Effect.Effect<void, SqlError> =>
    Effect.suspend(() => {
      const { pool, seen } = reader
      const before = seen.get(slot)
      return Effect.flatMap(row(pool, slot), (found) => {
        if (found === undefined) {
          // What this process has written meanwhile may be newer than what was looked at.
          if (seen.get(slot) !== before) return look(reader, slot)
          if (before === undefined || isThere(before)) {
            const mark = { incarnation: before?.incarnation ?? 0, version: Number.POSITIVE_INFINITY }
            offer(reader, slot, mark, { _tag: "Deleted", pool, slot })
          }
          return Effect.void
        }
        const mark = markOf(found)
        if (!isNews(mark, seen.get(slot))) return Effect.void
        const decoded = decode(found)
        if (Result.isSuccess(decoded)) offer(reader, slot, mark, { _tag: "Put", record: decoded.success })
        else seen.set(slot, mark)
        return Effect.void
      })
    })

  const lookAtAll = Effect.fnUntraced(function*(reader: Reader) {
    const there = new Set<string>()
    for (const found of yield* marks(reader.pool)) {
      there.add(found.slot)
      if (isNews(markOf(found), reader.seen.get(found.slot))) yield* look(reader, found.slot)
    }
    for (const [slot, seen] of Array.from(reader.seen)) {
      if (isThere(seen) && !there.has(slot)) yield* look(reader, slot)
    }
  })

  const lookLater = (reader: Reader, what: string | typeof everySlot): void => {
    if (reader.noticed.has(what)) return
    reader.noticed.add(what)
    Queue.offerUnsafe(reader.due, what)
  }

  const notice = (payload: string, hearing: ReadonlySet<Reader>): void => {
    const told = decodeNotice(payload)
    if (Option.isNone(told)) {
      for (const reader of hearing) lookLater(reader, everySlot)
      return
    }
    const [pool, slot, incarnation, version] = told.value
    const mark = markOf({ incarnation, version })
    for (const reader of hearing) {
      if (reader.pool === pool && isNews(mark, reader.seen.get(slot))) lookLater(reader, slot)
    }
  }

  const follow = (reader: Reader): Effect.Effect<never, SqlError> =>
    Effect.forever(Effect.flatMap(Queue.take(reader.due), (what) => {
      reader.noticed.delete(what)
      return what === everySlot ? lookAtAll(reader) : look(reader, what)
    }))

  const poll = (reader: Reader): Effect.Effect<unknown, SqlError> =>
    Effect.schedule(lookAtAll(reader), Schedule.spaced(pollInterval))

  /** One listener for all readers, while there are any: it takes one of the client's connections. */
  const listener: RcRef.RcRef<Listener, SqlError> = yield* RcRef.make({
    acquire: Effect.gen(function*() {
      const listening: Listener = { hearing: new Set(), lost: undefined }
      const notices = yield* listen ?? Effect.never
      yield* Effect.forever(Effect.map(Queue.takeAll(notices), (all) => {
        for (const { payload } of all) notice(payload, listening.hearing)
      })).pipe(
        Effect.tapError((error) =>
          Effect.andThen(
            RcRef.invalidate(listener),
            Effect.sync(() => {
              listening.lost = error
              // Who is told may begin anew at once, hence a copy.
              for (const reader of Array.from(listening.hearing)) Queue.failCauseUnsafe(reader.due, Cause.fail(error))
            })
          )
        ),
        Effect.forkScoped
      )
      return listening
    })
  })

  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      const error = storeClosed("follow changes")
      for (const reader of Array.from(readers)) Queue.failCauseUnsafe(reader.queue, Cause.fail(error))
    })
  )

  const begin = Effect.fnUntraced(function*(pool: string) {
    const reader: Reader = {
      pool,
      queue: yield* Queue.sliding<SlotChange, StoreError>(capacity),
      seen: new Map(),
      due: yield* Queue.unbounded<string | typeof everySlot, SqlError>(),
      noticed: new Set()
    }
    yield* joining(reader, readers)
    if (listen !== undefined) {
      const { hearing, lost } = yield* RcRef.get(listener)
      if (lost !== undefined) return yield* lost
      yield* joining(reader, hearing)
    }
    for (const found of yield* marks(pool)) {
      const mark = markOf(found)
      if (isNews(mark, reader.seen.get(found.slot))) reader.seen.set(found.slot, mark)
    }
    yield* (listen === undefined ? poll(reader) : follow(reader)).pipe(
      Effect.mapError(storeError("follow changes")),
      Effect.onError((cause) => Queue.failCause(reader.queue, cause)),
      Effect.forkScoped
    )
    return Stream.fromQueue(reader.queue)
  })

  return {
    tell: (change, marked) => {
      if (readers.size === 0) return
      const { pool, slot } = change._tag === "Put" ? change.record : change
      const mark = markOf(marked)
      for (const reader of readers) {
        if (reader.pool === pool && isNews(mark, reader.seen.get(slot))) offer(reader, slot, mark, change)
      }
    },
    of: (pool) =>
      Stream.unwrap(
        Effect.catchCause(begin(pool), (cause): Effect.Effect<never, StoreError> =>
          closed
            ? Effect.fail(storeClosed("follow changes"))
            : Effect.failCause(Cause.map(cause, storeError("follow changes"))))
      )
  }
})
