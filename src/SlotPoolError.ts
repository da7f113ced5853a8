/**
 * What a slot pool can fail with: one error, `PoolError`, and its reason.
 *
 * A job's own typed error is not among them; it reaches the job's caller as it is.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const ofJob = { job: Schema.String }

/**
 * No slot came free within the assignment timeout.
 *
 * @since 0.1.0
 * @category reasons
 */
export class NoSlotAvailable extends Schema.TaggedError<NoSlotAvailable>()("NoSlotAvailable", {
  ...ofJob,
  /** The assignment timeout, in milliseconds. */
  timeout: Schema.Finite,
  /** How many slots the pool had then, and how many of them could take jobs at all: those Idle or Busy, and its own. */
  slots: Schema.Int,
  able: Schema.Int
}) {
  override get message(): string {
    return `no slot came free for job "${this.job}" within the assignment timeout of ${this.timeout} ms; ${this.able} of ${this.slots} slots could take jobs`
  }
}

/**
 * There is no such job: there never was, or it ended so long ago that it has been forgotten (`keepJobs`).
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", ofJob) {
  override get message(): string {
    return `no job "${this.job}" is known`
  }
}

/**
 * There is a job of that id already.
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobAlreadyExists extends Schema.TaggedError<JobAlreadyExists>()("JobAlreadyExists", ofJob) {
  override get message(): string {
    return `there is a job "${this.job}" already`
  }
}

/**
 * The job ran for longer than its timeout, and was interrupted; its slot is Errored.
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobTimedOut extends Schema.TaggedError<JobTimedOut>()("JobTimedOut", {
  ...ofJob,
  slot: Schema.String,
  /** The job timeout, in milliseconds. */
  timeout: Schema.Finite
}) {
  override get message(): string {
    return `job "${this.job}" on ${this.slot} ran for longer than its timeout of ${this.timeout} ms`
  }
}

/**
 * The job showed no life for longer than it may (`jobSilence`), and was interrupted; its slot is Errored.
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobSilent extends Schema.TaggedError<JobSilent>()("JobSilent", {
  ...ofJob,
  slot: Schema.String,
  /** How long it may be silent, in milliseconds. */
  within: Schema.Finite
}) {
  override get message(): string {
    return `job "${this.job}" on ${this.slot} has not beaten for more than ${this.within} ms`
  }
}

/**
 * The job was cancelled: by `cancel`, or because draining gave up on it.
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobCancelled extends Schema.TaggedError<JobCancelled>()("JobCancelled", ofJob) {
  override get message(): string {
    return `job "${this.job}" was cancelled`
  }
}

/**
 * The job did not end by itself: its worker ended beneath it, or its slot went to another owner. How far it came is not
 * known.
 *
 * @since 0.1.0
 * @category reasons
 */
export class JobLost extends Schema.TaggedError<JobLost>()("JobLost", {
  ...ofJob,
  slot: Schema.String,
  /** For a person. */
  why: Schema.String
}) {
  override get message(): string {
    return `job "${this.job}" was lost with its worker on ${this.slot}: ${this.why}`
  }
}

/**
 * The pool takes no new work: it is being drained, or has been.
 *
 * @since 0.1.0
 * @category reasons
 */
export class PoolDraining extends Schema.TaggedError<PoolDraining>()("PoolDraining", {}) {
  override get message(): string {
    return "the pool is drained and takes no new work"
  }
}

/**
 * The pool's scope is closed.
 *
 * @since 0.1.0
 * @category reasons
 */
export class PoolClosed extends Schema.TaggedError<PoolClosed>()("PoolClosed", {}) {
  override get message(): string {
    return "the pool is closed"
  }
}

/**
 * So many slots are not within the pool's limits.
 *
 * @since 0.1.0
 * @category reasons
 */
export class SlotsOutOfRange extends Schema.TaggedError<SlotsOutOfRange>()("SlotsOutOfRange", {
  slots: Schema.Number,
  min: Schema.Int,
  max: Schema.Int
}) {
  override get message(): string {
    return `${this.slots} slots were asked for; allowed is a whole number from ${this.min} to ${this.max}`
  }
}

/**
 * The store failed, or did not answer in time, and what was asked cannot be done without it.
 *
 * @since 0.1.0
 * @category reasons
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  /** What it was asked for. */
  operation: Schema.String,
  /** For a person. */
  why: Schema.String
}) {
  override get message(): string {
    return `the slot store could not ${this.operation}: ${this.why}`
  }
}

/**
 * Why a pool could not do what it was asked.
 *
 * @since 0.1.0
 * @category models
 */
export const Reason = Schema.Union([
  NoSlotAvailable,
  JobNotFound,
  JobAlreadyExists,
  JobTimedOut,
  JobSilent,
  JobCancelled,
  JobLost,
  PoolDraining,
  PoolClosed,
  SlotsOutOfRange,
  StoreUnavailable
])

/**
 * @since 0.1.0
 * @category models
 */
export type Reason = typeof Reason.Type

/**
 * The one error of a pool. `Effect.catchReason("PoolError", "NoSlotAvailable", …)` handles one reason of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolError extends Schema.TaggedError<PoolError>()("PoolError", {
  pool: Schema.String,
  reason: Reason
}) {
  override get message(): string {
    return `pool "${this.pool}": ${this.reason.message}`
  }
}
