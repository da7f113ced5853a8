/**
 * Where slot pools keep their slots: what each slot is and does, who owns it, how often it was put back to work. A
 * record outlives the process that wrote it where the store does.
 *
 * Pools write by compare-and-set on the record's version: a lost race is an answer (`VersionConflict`), never a lost
 * update. A pool owns slots under one lease that it renews; the lease is kept by the store's own clock, so that two
 * processes need not agree on theirs. Nobody else can claim a slot before its owner's lease has run out.
 *
 * A pool uses the store that it finds in its context, and one of its own in memory where there is none.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

// ---------------------------------------------------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What a slot does.
 *
 * - `Idle`: its worker waits for a job, or is being acquired.
 * - `Busy`: it runs a job.
 * - `Errored`: its worker has ended or could not be acquired; a pass of `checkAndRestartSlots` puts it back to work.
 * - `Stopped`: it was drained.
 *
 * @since 0.1.0
 * @category models
 */
export const SlotState = Schema.Literals(["Idle", "Busy", "Errored", "Stopped"])

/**
 * @since 0.1.0
 * @category models
 */
export type SlotState = typeof SlotState.Type

/**
 * The record of a slot. Times are milliseconds since the epoch by the store's clock.
 *
 * @since 0.1.0
 * @category models
 */
export const SlotRecord = Schema.Struct({
  pool: Schema.String,
  /** `slot-0`, `slot-1`, … */
  slot: Schema.String,
  /** Counts the writes, from 1; 0 is a record that has never been written. */
  version: Schema.Int,
  state: SlotState,
  /** The pool's per-slot config, encoded. */
  config: Schema.Json,
  /** What of the config slots are found by. */
  name: Schema.optionalKey(Schema.String),
  role: Schema.optionalKey(Schema.String),
  /** What the last job left for the next one. */
  session: Schema.optionalKey(Schema.Json),
  /** The job that it is Busy with. */
  job: Schema.optionalKey(Schema.String),
  /** How often it was put back to work since it was last stable. */
  restarts: Schema.Int,
  /** Jobs that ended well, ever. */
  completed: Schema.Int,
  /** Why it is Errored, for a person. */
  error: Schema.optionalKey(Schema.String),
  erroredAt: Schema.optionalKey(Schema.Finite),
  /** When it may be put back to work, where that is not at once. */
  dueAt: Schema.optionalKey(Schema.Finite),
  /** Its restart policy is done: it is not put back to work. */
  exhausted: Schema.optionalKey(Schema.Boolean),
  restartedAt: Schema.optionalKey(Schema.Finite),
  /** Whose it is, while the lease of that owner lasts. */
  owner: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 * @category models
 */
export type SlotRecord = typeof SlotRecord.Type

/**
 * A record that is there and cannot be read.
 *
 * @since 0.1.0
 * @category models
 */
export interface CorruptRecord {
  readonly pool: string
  readonly slot: string
  /** Why it cannot be read. */
  readonly reason: string
}

/**
 * Which slots of a pool: all that agree with every property given.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlotFilter {
  readonly state?: SlotState
  /** As it was configured. */
  readonly name?: string
  readonly role?: string
  readonly owner?: string
}

/**
 * A change that has been written.
 *
 * @since 0.1.0
 * @category models
 */
export type SlotChange =
  | { readonly _tag: "Put"; readonly record: SlotRecord }
  | { readonly _tag: "Deleted"; readonly pool: string; readonly slot: string }

// ---------------------------------------------------------------------------------------------------------------------
// errors
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The store did not do what it was asked: it cannot be reached, failed, or holds what cannot be read. It may have done
 * it, and failed to say so.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  /** What it was asked for: `put`, `list`, … */
  operation: Schema.String,
  /** For a person. */
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the slot store could not ${this.operation}: ${this.reason}`
  }
}

/**
 * Somebody else has written, or deleted, the record since it was read; nothing was written now.
 *
 * @since 0.1.0
 * @category errors
 */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  pool: Schema.String,
  slot: Schema.String,
  /** The version that the write was based on. */
  version: Schema.Int
}) {
  override get message(): string {
    return `${this.slot} of pool "${this.pool}" is not at version ${this.version} any more`
  }
}

/**
 * The slot belongs to another owner, whose lease has not run out.
 *
 * @since 0.1.0
 * @category errors
 */
export class SlotOwned extends Schema.TaggedError<SlotOwned>()("SlotOwned", {
  pool: Schema.String,
  slot: Schema.String,
  owner: Schema.String,
  /** Milliseconds from now, by the store's clock, for which the lease lasts unless it is renewed. */
  remaining: Schema.Finite
}) {
  override get message(): string {
    return `${this.slot} of pool "${this.pool}" belongs to "${this.owner}" for another ${this.remaining} ms`
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// service
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The store of slots.
 *
 * Every operation answers, fails with `StoreError`, or can be interrupted; pools bound how long they wait. What is
 * written is whole or not at all, and visible to whoever reads after it was answered.
 *
 * @since 0.1.0
 * @category services
 */
export class SlotPoolStore extends Context.Service<SlotPoolStore, {
  /** The store's clock: milliseconds since the epoch. */
  readonly now: Effect.Effect<number, StoreError>
  readonly get: (pool: string, slot: string) => Effect.Effect<Option.Option<SlotRecord>, StoreError>
  /** The slots of a pool in the order of their numbers, and apart from them those that cannot be read. */
  readonly list: (
    pool: string,
    filter?: SlotFilter
  ) => Effect.Effect<
    { readonly records: ReadonlyArray<SlotRecord>; readonly corrupt: ReadonlyArray<CorruptRecord> },
    StoreError
  >
  /**
   * Writes a record that is based on the version it carries; 0: there must be none. Answers the record as it is now,
   * one version on. The owner is written as it is given: to take a slot over, `claim` it.
   */
  readonly put: (record: SlotRecord) => Effect.Effect<SlotRecord, StoreError | VersionConflict>
  /**
   * Whether there was one, and, where a version is given, of that version; nothing is deleted otherwise. Without a
   * version it also deletes what cannot be read.
   */
  readonly delete: (pool: string, slot: string, version?: number) => Effect.Effect<boolean, StoreError>
  /** Puts a record that cannot be read where it is in nobody's way, and can be looked at; whether there was one. */
  readonly setAside: (pool: string, slot: string) => Effect.Effect<boolean, StoreError>
  /**
   * Makes `record.owner` the owner of a slot, and writes the rest of the record with it, in one step: where the slot
   * has an owner whose lease lasts, other than `record.owner`, it fails with `SlotOwned`.
   */
  readonly claim: (
    record: SlotRecord & { readonly owner: string }
  ) => Effect.Effect<SlotRecord, StoreError | VersionConflict | SlotOwned>
  /** Begins a lease of so many milliseconds for an owner that has none; the owner's own is begun anew. */
  readonly lease: (owner: string, millis: number) => Effect.Effect<void, StoreError>
  /** Extends a lease to so many milliseconds from now; `false` when it has run out, and is not to be had back. */
  readonly renew: (owner: string, millis: number) => Effect.Effect<boolean, StoreError>
  /** Ends a lease: the owner's slots are free. */
  readonly release: (owner: string) => Effect.Effect<void, StoreError>
  /**
   * What is written to a pool's slots from now on, by whomever, in the order it was written. A subscriber that is far
   * behind sees the newest state of a slot, and may miss those between.
   */
  readonly changes: (pool: string) => Stream.Stream<SlotChange, StoreError>
}>()("effect-supervisor/SlotPoolStore") {}

/** How many changes a reader of the memory store's may be behind. */
const changeCapacity = 4096

const fits = (record: SlotRecord, filter: SlotFilter): boolean =>
  (filter.state === undefined || record.state === filter.state) &&
  (filter.name === undefined || record.name === filter.name) &&
  (filter.role === undefined || record.role === filter.role) &&
  (filter.owner === undefined || record.owner === filter.owner)

const numberOf = (slot: string): number => Number(slot.slice(slot.lastIndexOf("-") + 1))

/**
 * The order of slots: by number (`slot-2` before `slot-10`), then by name.
 *
 * @since 0.1.0
 * @category ordering
 */
export const bySlot = (one: { readonly slot: string }, other: { readonly slot: string }): number => {
  const difference = numberOf(one.slot) - numberOf(other.slot)
  return Number.isNaN(difference) || difference === 0
    ? (one.slot < other.slot ? -1 : one.slot > other.slot ? 1 : 0)
    : difference
}

/**
 * A store in memory: the default, and gone with the process. Its clock is Effect's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<SlotPoolStore["Service"]> = Clock.clockWith((clock) =>
  Effect.sync(() => {
    const pools = new Map<string, Map<string, SlotRecord>>()
    const leases = new Map<string, number>()
    const readers = new Set<{ readonly pool: string; readonly queue: Queue.Queue<SlotChange> }>()
    const now = (): number => clock.currentTimeMillisUnsafe()

    const slotsOf = (pool: string): Map<string, SlotRecord> => {
      let slots = pools.get(pool)
      if (slots === undefined) {
        slots = new Map()
        pools.set(pool, slots)
      }
      return slots
    }
    const tell = (pool: string, change: SlotChange): void => {
      for (const reader of readers) if (reader.pool === pool) Queue.offerUnsafe(reader.queue, change)
    }
    const write = (record: SlotRecord): Effect.Effect<SlotRecord, VersionConflict> => {
      const { pool, slot, version } = record
      const slots = slotsOf(pool)
      if ((slots.get(slot)?.version ?? 0) !== version) return Effect.fail(new VersionConflict({ pool, slot, version }))
      const written = { ...record, version: version + 1 }
      slots.set(slot, written)
      if (readers.size > 0) tell(pool, { _tag: "Put", record: written })
      return Effect.succeed(written)
    }

    return {
      now: Effect.sync(now),
      get: (pool, slot) => Effect.sync(() => Option.fromUndefinedOr(pools.get(pool)?.get(slot))),
      list: (pool, filter = {}) =>
        Effect.sync(() => ({
          records: Array.from(pools.get(pool)?.values() ?? []).filter((record) => fits(record, filter)).sort(bySlot),
          corrupt: []
        })),
      put: (record) => Effect.suspend(() => write(record)),
      delete: (pool, slot, version) =>
        Effect.sync(() => {
          const slots = pools.get(pool)
          const is = slots?.get(slot)
          if (slots === undefined || is === undefined || (version !== undefined && is.version !== version)) return false
          slots.delete(slot)
          tell(pool, { _tag: "Deleted", pool, slot })
          return true
        }),
      setAside: () => Effect.succeed(false),
      claim: (record) =>
        Effect.suspend((): Effect.Effect<SlotRecord, VersionConflict | SlotOwned> => {
          const { pool, slot } = record
          const owner = pools.get(pool)?.get(slot)?.owner
          const remaining = owner === undefined || owner === record.owner ? 0 : (leases.get(owner) ?? 0) - now()
          if (owner !== undefined && remaining > 0) {
            return Effect.fail(new SlotOwned({ pool, slot, owner, remaining }))
          }
          return write(record)
        }),
      lease: (owner, millis) =>
        Effect.sync(() => {
          leases.set(owner, now() + millis)
        }),
      renew: (owner, millis) =>
        Effect.sync(() => {
          const until = leases.get(owner)
          if (until === undefined || until <= now()) return false
          leases.set(owner, now() + millis)
          return true
        }),
      release: (owner) =>
        Effect.sync(() => {
          leases.delete(owner)
        }),
      changes: (pool) =>
        Stream.unwrap(Effect.gen(function*() {
          const queue = yield* Queue.sliding<SlotChange>(changeCapacity)
          const reader = { pool, queue }
          yield* Effect.acquireRelease(
            Effect.sync(() => readers.add(reader)),
            () => Effect.sync(() => readers.delete(reader))
          )
          return Stream.fromQueue(queue)
        }))
    }
  })
)

/**
 * A store in memory that several pools share.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SlotPoolStore> = Layer.effect(SlotPoolStore)(makeMemory)
