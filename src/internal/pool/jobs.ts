/**
 * The jobs of a pool, and how they end. A job ends once, whoever says so first; it is queued, running, or ended.
 *
 * Plain and synchronous: whoever waits is told through `Waiters`, and the clocks of those that wait for a slot are set
 * through the host.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Reason } from "../../SlotPoolError.ts"
import { JobCancelled, NoSlotAvailable, PoolError } from "../../SlotPoolError.ts"
import * as Waiters from "../waiters.ts"
import type { Place, Waiting } from "./line.ts"
import { Line } from "./line.ts"

/** Where a job stands. */
type JobState =
  | "Queued"
  | "Running"
  | "Succeeded"
  | "Failed"
  | "Cancelled"
  | "TimedOut"
  | "Lost"
  | "Unassigned"

/** What a job is from its beginning. */
interface Given {
  readonly id: string
  /** Counts the jobs of the pool. */
  readonly order: number
  readonly tags: ReadonlyArray<string>
  /** It was submitted: it is kept after its end, up to a bound. */
  readonly kept: boolean
  /** The work, given the worker and what is around it. */
  readonly work: (worker: never, context: never) => Effect.Effect<unknown, unknown, unknown>
  /** The services of whoever asked. */
  readonly context: Context.Context<never>
  /** Milliseconds. */
  readonly timeout: number
  readonly assignTimeout: number
  /** Monotonic milliseconds. */
  readonly queuedAt: number
  /** Wall-clock milliseconds. */
  readonly submittedAt: number
}

/** A class for the same reason as `Place`. */
export class Job implements Given, Waiting {
  readonly id: string
  readonly order: number
  readonly tags: ReadonlyArray<string>
  readonly kept: boolean
  readonly work: Given["work"]
  readonly context: Context.Context<never>
  readonly timeout: number
  readonly assignTimeout: number
  readonly queuedAt: number
  readonly submittedAt: number
  state: JobState = "Queued"
  slot: string | undefined = undefined
  /** Its work has been begun: it is not to be begun again. */
  begun = false
  /** Wall-clock milliseconds. */
  startedAt: number | undefined = undefined
  endedAt: number | undefined = undefined
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** Somebody wants it to end. */
  cancelled = false
  waiters: Waiters.Waiters<Exit.Exit<unknown, unknown>> | undefined = undefined
  /** In the line of those that wait, or of those that have ended. */
  place: Place | undefined = undefined
  /** Since it had to wait. */
  alarm?: Alarm | undefined = undefined

  constructor(given: Given) {
    this.id = given.id
    this.order = given.order
    this.tags = given.tags
    this.kept = given.kept
    this.work = given.work
    this.context = given.context
    this.timeout = given.timeout
    this.assignTimeout = given.assignTimeout
    this.queuedAt = given.queuedAt
    this.submittedAt = given.submittedAt
  }
}

/** A job that waits, in the row of those with the same timeout. */
export class Alarm implements Waiting {
  readonly job: Job
  place: Place | undefined = undefined

  constructor(job: Job) {
    this.job = job
  }
}

export type EndState = Exclude<JobState, "Queued" | "Running">

export interface Host {
  readonly pool: string
  /** A job waits for a slot. */
  readonly queued: (job: Job) => void
  /** It has ended, and its clock does not matter any more. */
  readonly ended: (job: Job, state: EndState) => void
  /** Resumes somebody who waits; what that throws is not the pool's affair. */
  readonly resume: (resume: () => void) => void
  readonly wallNow: () => number
  readonly slots: () => { readonly slots: number; readonly able: number }
}

export class Jobs {
  readonly queue = new Line<Job>()
  readonly running = { size: 0 }
  /** Those that were submitted, by id; the ended ones in the order of their ends. */
  readonly known = new Map<string, Job>()
  readonly #ended = new Line<Job>()
  readonly counts: Record<EndState, number> = {
    Succeeded: 0,
    Failed: 0,
    Cancelled: 0,
    TimedOut: 0,
    Lost: 0,
    Unassigned: 0
  }
  /** Those who wait until nothing is queued or running. */
  readonly settled = Waiters.make<void>()
  readonly #host: Host
  readonly #keep: number

  constructor(host: Host, keep: number) {
    this.#host = host
    this.#keep = keep
  }

  get isSettled(): boolean {
    return this.queue.size === 0 && this.running.size === 0
  }

  add(job: Job): void {
    if (job.kept) this.known.set(job.id, job)
    this.queue.join(job)
    this.#host.queued(job)
  }

  /** Takes the one that has waited longest. */
  take(slot: string): Job | undefined {
    const job = this.queue.shift()
    if (job === undefined) return undefined
    this.running.size++
    job.state = "Running"
    job.slot = slot
    return job
  }

  /** The slot was not to be had after all: the job goes back to where it stood. */
  putBack(job: Job): void {
    if (job.state !== "Running") return
    this.running.size--
    job.state = "Queued"
    job.slot = undefined
    this.queue.insert(job, (other) => other.order > job.order)
  }

  /** Whether it had not ended before. */
  end(job: Job, state: EndState, exit: Exit.Exit<unknown, unknown>): boolean {
    if (job.exit !== undefined) return false
    if (job.state === "Running") this.running.size--
    else this.queue.leave(job)
    job.state = state
    job.exit = exit
    this.counts[state]++
    this.#host.ended(job, state)
    if (job.kept) this.#remember(job)
    const { waiters } = job
    job.waiters = undefined
    if (waiters !== undefined) {
      for (const resume of Waiters.take(waiters)) this.#host.resume(() => resume(exit))
    }
    if (this.isSettled && this.settled.resumes.size > 0) {
      for (const resume of Waiters.take(this.settled)) this.#host.resume(() => resume())
    }
    return true
  }

  #remember(job: Job): void {
    job.endedAt = this.#host.wallNow()
    this.#ended.join(job)
    if (this.#ended.size <= this.#keep) return
    const oldest = this.#ended.shift()
    if (oldest !== undefined) this.known.delete(oldest.id)
  }

  error(reason: Reason): Exit.Exit<never, PoolError> {
    return Exit.fail(new PoolError({ pool: this.#host.pool, reason }))
  }

  /** Ends one that waits, because of its clock. */
  expire(job: Job): void {
    this.end(
      job,
      "Unassigned",
      this.error(new NoSlotAvailable({ job: job.id, timeout: job.assignTimeout, ...this.#host.slots() }))
    )
  }

  /** Ends one that is cancelled. */
  cancelled(job: Job): void {
    this.end(job, "Cancelled", this.error(new JobCancelled({ job: job.id })))
  }

  /** Everything that waits for a slot is cancelled. */
  cancelQueued(): void {
    for (const job of this.#takeAll()) this.cancelled(job)
  }

  lose(job: Job, reason: Reason): void {
    this.end(job, "Lost", this.error(reason))
  }

  /** Everything that waits for a slot ends for this reason. */
  loseQueued(reason: Reason): void {
    for (const job of this.#takeAll()) this.lose(job, reason)
  }

  /** Out of the line before the first one is told: who is told may make way for the next. */
  #takeAll(): ReadonlyArray<Job> {
    const all = Array.from(this.queue)
    for (const job of all) this.queue.leave(job)
    return all
  }
}

/** How a job that ended by itself did. */
export const stateOf = (exit: Exit.Exit<unknown, unknown>): EndState => Exit.isSuccess(exit) ? "Succeeded" : "Failed"

/** A job's end that its slot can go on from: no defect in it. */
export const isOrderly = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isSuccess(exit) || !exit.cause.reasons.some(Cause.isDieReason)
