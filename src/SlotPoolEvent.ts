/**
 * What happens in a slot pool, as data: beside the events of the supervisor that runs its workers.
 *
 * Events of one pool are numbered without gaps and go through JSON unharmed; times are wall-clock milliseconds since
 * the epoch. A subscriber first gets a `PoolSnapshot`, then every change after it; one that reads too slowly loses the
 * oldest, and gets an `EventsMissed` with their number in their place. Jobs that come and go are no events: there are
 * too many of them (`SlotPoolMetrics.jobs` counts them).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { SlotState } from "./SlotPoolStore.ts"

/**
 * How many slots are in which state.
 *
 * @since 0.1.0
 * @category models
 */
export const SlotCounts = Schema.Struct({
  /** All that the pool has, those of others included. */
  total: Schema.Int,
  idle: Schema.Int,
  busy: Schema.Int,
  /** To be put back to work. */
  errored: Schema.Int,
  /** Errored, and not to be put back to work: at `maxRestarts`, or the restart policy is done. */
  exhausted: Schema.Int,
  stopped: Schema.Int,
  /** Owned by another pool, or by nobody while the store cannot be reached. */
  foreign: Schema.Int
})

/**
 * How many jobs are in which state: `queued` and `running` now, the others since the pool was made.
 *
 * @since 0.1.0
 * @category models
 */
export const JobCounts = Schema.Struct({
  queued: Schema.Int,
  running: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  cancelled: Schema.Int,
  /** Over their timeout, or silent for too long. */
  timedOut: Schema.Int,
  /** Their worker ended beneath them. */
  lost: Schema.Int,
  /** No slot came free in time. */
  unassigned: Schema.Int
})

/**
 * A pool at one moment.
 *
 * @since 0.1.0
 * @category models
 */
export const PoolStatus = Schema.Struct({
  pool: Schema.String,
  /** Under which name it owns its slots in the store. */
  owner: Schema.String,
  slots: SlotCounts,
  jobs: JobCounts,
  /** How often slots were put back to work, since the pool was made. */
  restarts: Schema.Int,
  /** Jobs that ended well on the slots that are here, ever. */
  completed: Schema.Int,
  draining: Schema.Boolean,
  /** Present while the store does not do what it is asked: since when, and why. */
  degraded: Schema.optionalKey(Schema.Struct({ since: Schema.Finite, why: Schema.String }))
})

/**
 * @since 0.1.0
 * @category models
 */
export type PoolStatus = typeof PoolStatus.Type

/**
 * What a drain came to.
 *
 * @since 0.1.0
 * @category models
 */
export interface DrainReport {
  /** How many slots were stopped. */
  readonly slots: number
  /** Slots whose workers have not ended within their bound; they are stopped in the store. */
  readonly unstoppable: ReadonlyArray<string>
  /** Jobs that ended well, and badly, since the pool was made. */
  readonly succeeded: number
  readonly failed: number
  /** Jobs that were cancelled, because the time was over or no slot was left for them. */
  readonly gaveUpOn: ReadonlyArray<{ readonly job: string; readonly slot: string | undefined }>
}

const common = {
  /** Counts the events of one pool, from 1. */
  sequence: Schema.Int,
  time: Schema.Finite,
  pool: Schema.String
}

const ofSlot = { ...common, slot: Schema.String }

/**
 * Everything a pool tells.
 *
 * - `PoolSnapshot`: the status as of `sequence`; the first thing a subscriber gets. `EventsMissed`: it was too slow.
 * - `SlotClaimed`: the pool owns the slot now, as its record says; `from` whom, where somebody else had it. `SlotLost`: it does not any more.
 * - `SlotErrored`: the worker ended or could not be acquired; `dueAt` is when it may be put back to work, where that is
 *   not at once. `SlotExhausted`: it will not be.
 * - `SlotRestarted`: put back to work for the `restarts`th time. `SlotStable`: earlier restarts are forgotten.
 * - `SlotStopped` by draining, `SlotAdded` and `SlotRemoved` by scaling.
 * - `JobLost`: a job's worker ended beneath it, or a process did that had begun it.
 * - `RecordSetAside`: a record in the store could not be read.
 * - `StoreDegraded`, `StoreRecovered`: the store does not do what it is asked, or does again.
 * - `PoolDraining`, `PoolDrained`.
 *
 * @since 0.1.0
 * @category models
 */
export const SlotPoolEvent = Schema.Union([
  Schema.TaggedStruct("PoolSnapshot", { ...common, status: PoolStatus }),
  Schema.TaggedStruct("EventsMissed", { ...common, missed: Schema.Int }),
  Schema.TaggedStruct("SlotClaimed", {
    ...ofSlot,
    state: SlotState,
    restarts: Schema.Int,
    exhausted: Schema.Boolean,
    from: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("SlotLost", { ...ofSlot, why: Schema.String }),
  Schema.TaggedStruct("SlotErrored", {
    ...ofSlot,
    error: Schema.String,
    restarts: Schema.Int,
    dueAt: Schema.optionalKey(Schema.Finite)
  }),
  Schema.TaggedStruct("SlotExhausted", { ...ofSlot, error: Schema.String, restarts: Schema.Int }),
  Schema.TaggedStruct("SlotRestarted", { ...ofSlot, restarts: Schema.Int }),
  Schema.TaggedStruct("SlotStable", ofSlot),
  Schema.TaggedStruct("SlotStopped", ofSlot),
  Schema.TaggedStruct("SlotAdded", ofSlot),
  Schema.TaggedStruct("SlotRemoved", ofSlot),
  Schema.TaggedStruct("JobLost", { ...ofSlot, job: Schema.String, why: Schema.String }),
  Schema.TaggedStruct("RecordSetAside", { ...ofSlot, why: Schema.String }),
  Schema.TaggedStruct("StoreDegraded", { ...common, why: Schema.String }),
  Schema.TaggedStruct("StoreRecovered", common),
  Schema.TaggedStruct("PoolDraining", common),
  Schema.TaggedStruct("PoolDrained", { ...common, gaveUpOn: Schema.Int })
])

/**
 * @since 0.1.0
 * @category models
 */
export type SlotPoolEvent = typeof SlotPoolEvent.Type
