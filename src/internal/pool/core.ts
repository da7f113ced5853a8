/**
 * The state of a pool, held in one place. The files beside it each do one thing to it: serve jobs, keep the lease, put
 * slots back to work, scale, drain.
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import { PoolClosed } from "../../SlotPoolError.ts"
import type { PoolStatus } from "../../SlotPoolEvent.ts"
import type { SlotPoolStore, SlotRecord } from "../../SlotPoolStore.ts"
import type { RunningSupervisor } from "../../Supervisor.ts"
import { Asking } from "./asking.ts"
import * as Clocks from "./clocks.ts"
import type { PolicyState } from "./due.ts"
import type { EndState, Job } from "./jobs.ts"
import { Jobs } from "./jobs.ts"
import type { View } from "./ledger.ts"
import { Ledger } from "./ledger.ts"
import type { Place, Waiting } from "./line.ts"
import { Line } from "./line.ts"
import * as Records from "./records.ts"
import type { Settings, SlotConfig, SlotInfo } from "./settings.ts"
import type { Told } from "./telling.ts"
import { Teller } from "./telling.ts"

/** Why a worker is to end, when the pool itself wants it to. */
export type Intent = "restart" | "stop" | "retire" | "lost"

/** What ends a run of a worker, and the job on it. */
export interface Fault {
  readonly error: string
  readonly exit: Exit.Exit<never, unknown>
  /** How the job ended by it. */
  readonly job: { readonly state: EndState; readonly exit: Exit.Exit<unknown, unknown> }
}

export class Slot implements Waiting {
  readonly index: number
  readonly id: string
  readonly view: View
  config: SlotConfig
  /** Those who follow the events know of it. */
  isAdded = false
  /** The owner that was said to have it. */
  standsBy: string | undefined = undefined
  /** Somebody is claiming it. */
  claiming = false
  intent: Intent | undefined = undefined
  /** Of the run under way. */
  job: Job | undefined = undefined
  jobFiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  worker: { readonly value: unknown } | undefined = undefined
  workerEnd: Exit.Exit<unknown, unknown> | undefined = undefined
  fault: Fault | undefined = undefined
  /** The job that has ended, until that has been put down. */
  finished: { readonly job: Job; readonly exit: Exit.Exit<unknown, unknown> } | undefined = undefined
  /** Why its probe failed, so often in a row. */
  probeFailure: { readonly cause: Cause.Cause<unknown>; readonly failures: number } | undefined = undefined
  /** What the job under way left for the next. */
  session: Records.Ended["session"] = undefined
  /** When the job under way last showed life, monotonic milliseconds. */
  beatAt = 0
  /** Ends the job under way by a verdict. */
  verdict: ((fault: Fault) => void) | undefined = undefined
  /** Its place among those that wait for a job. */
  place: Place | undefined = undefined
  /** Wakes the worker that waits for a job. */
  wake: (() => void) | undefined = undefined
  /** Those who wait for the job under way to leave the slot. */
  readonly whenFree = new Set<() => void>()
  readonly policy: PolicyState = { step: undefined }

  constructor(index: number, record: SlotRecord, config: SlotConfig) {
    this.index = index
    this.id = record.slot
    this.view = { record, owned: false, owed: false, kept: undefined, tenure: 0, writing: undefined }
    this.config = config
  }

  /** It is to take no more jobs in this run. */
  get isOver(): boolean {
    return this.intent !== undefined || this.workerEnd !== undefined
  }

  /**
   * Both are handed over, and not assigned as they are made: a closure that is assigned to a property is born old in V8,
   * and keeps what it closes over alive until the next full collection.
   */
  sleep(wake: () => void): void {
    this.wake = wake
  }

  heed(verdict: (fault: Fault) => void): void {
    this.verdict = verdict
  }

  info(): SlotInfo {
    const { config, view: { record } } = this
    return {
      slot: this.id,
      name: config.name ?? this.id,
      role: config.role,
      description: config.description,
      config,
      session: record.session,
      restarts: record.restarts
    }
  }
}

export const slotName = (index: number): string => `slot-${index}`

export class Pool {
  readonly settings: Settings
  readonly store: SlotPoolStore["Service"]
  readonly owner: string
  readonly context: Context.Context<never>
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly jobs: Jobs
  readonly ledger: Ledger
  readonly teller: Teller
  readonly slots = new Map<string, Slot>()
  /** Workers that wait for a job, the last one to have had one first: it is warm, and the others are free to be let go. */
  readonly idle = new Line<Slot>()
  readonly clocks: Clocks.Clocks
  supervisor!: RunningSupervisor
  /** Held by the pass under way. */
  readonly passing = Semaphore.makeUnsafe(1)
  /** Held by who changes the number of slots. */
  readonly scaling = Semaphore.makeUnsafe(1)
  restarts = 0
  draining = false
  closed = false
  degradedAt = 0
  /** When the lease was last asked for, and got: monotonic milliseconds, from before the store was asked. */
  leasedAt = 0
  /** Opened when there is something to bring together with the store. */
  readonly upkeep = Latch.makeUnsafe(false)
  /** Opened when the store has failed to do what it was asked. */
  readonly trouble = Latch.makeUnsafe(false)
  /** What draining gave up on. */
  readonly gaveUpOn: Array<{ readonly job: string; readonly slot: string | undefined }> = []
  readonly #clock: Clock.Clock

  constructor(options: {
    readonly settings: Settings
    readonly store: SlotPoolStore["Service"]
    readonly owner: string
    readonly context: Context.Context<never>
    readonly clock: Clock.Clock
  }) {
    const { context, owner, settings, store } = options
    this.settings = settings
    this.store = store
    this.owner = owner
    this.context = context
    this.#clock = options.clock
    this.fork = Effect.runForkWith(context)
    this.teller = new Teller(settings.name, context, () => this.wallNow(), settings.eventCapacity)
    this.jobs = new Jobs({
      pool: settings.name,
      queued: (job) => this.#queued(job),
      ended: (job, state) => {
        this.clocks.stop(job)
        this.teller.jobEnded(state)
      },
      resume: (resume) => this.guarded(resume),
      wallNow: () => this.wallNow(),
      slots: () => ({ slots: this.slots.size, able: this.able() })
    }, settings.keepJobs)
    this.clocks = Clocks.make(context, settings.assignTimeout, () => this.now(), (job) => this.jobs.expire(job))
    this.ledger = new Ledger({
      owner,
      store,
      asking: new Asking(context, settings.storeTimeout),
      told: {
        failed: () => this.teller.storeFailed(),
        degraded: (why) => {
          this.degradedAt = this.wallNow()
          this.trouble.openUnsafe()
          this.tell({ _tag: "StoreDegraded", why })
        },
        recovered: () => this.tell({ _tag: "StoreRecovered" }),
        lost: (view, why) => this.#lost(view, why)
      }
    })
  }

  /** Monotonic milliseconds. */
  now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  wallNow(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }

  /** What the store's clock shows, as far as that is known here: it went on from where it stood when it was read. */
  storeNow(): number {
    return Math.round(this.now() + this.ledger.clockOffset)
  }

  /** When the lease runs out, monotonic milliseconds. */
  leaseEnd(): number {
    return this.leasedAt + this.settings.lease
  }

  /** The slots that are not this pool's, and should be. */
  missing(): ReadonlyArray<Slot> {
    return Array.from(this.slots.values()).filter(({ intent, view }) => !view.owned && intent !== "retire")
  }

  tell(told: Told, cause?: Cause.Cause<unknown>): void {
    this.teller.tell(told, cause)
  }

  /** Whoever is resumed goes on at once, beneath whoever resumes; what that throws is not the pool's affair. */
  guarded(resume: () => void): void {
    try {
      resume()
    } catch (thrown) {
      this.teller.log("Error", `a callback outside of Effect threw, resumed by the pool: ${String(thrown)}`)
    }
  }

  #queued(job: Job): void {
    this.#offer()
    if (job.state === "Queued") this.clocks.start(job)
  }

  /** A job waits: somebody who is idle may take it. */
  #offer(): void {
    for (let slot = this.idle.first; slot !== undefined; slot = this.idle.first) {
      const { isOver } = slot
      this.wake(slot)
      if (!isOver) return
    }
  }

  /** A job has not begun on the slot that had taken it, and will not. */
  putBack(job: Job): void {
    if (job.cancelled) return this.jobs.cancelled(job)
    if (this.closed) return this.jobs.lose(job, new PoolClosed({}))
    this.jobs.putBack(job)
    this.#offer()
    if (job.state === "Queued") this.clocks.startAgain(job)
  }

  wake(slot: Slot): void {
    const { wake } = slot
    this.idle.leave(slot)
    slot.wake = undefined
    if (wake !== undefined) this.guarded(wake)
  }

  #lost(view: View, why: string): void {
    const slot = this.slots.get(view.record.slot)
    if (slot === undefined || slot.view !== view) return
    slot.intent ??= "lost"
    // Its supervisor may be busy with stopping others, and somebody else begin a job on the slot.
    slot.jobFiber?.interruptUnsafe()
    this.tell({ _tag: "SlotLost", slot: slot.id, why })
    this.fork(Effect.ignore(this.supervisor.stop(slot.id)))
  }

  /** How many are there to take a job, now or after the one under way. */
  able(): number {
    let able = 0
    for (const { intent, view: { owned, record: { state } } } of this.slots.values()) {
      if (owned && (intent === undefined || intent === "restart") && (state === "Idle" || state === "Busy")) able++
    }
    return able
  }

  canServe(): boolean {
    return this.able() > 0
  }

  /** Nothing that waits for a slot is done any more: the drain's time is over, or nobody is left to do it. */
  giveUpQueued(): void {
    for (const { id: job, slot } of this.jobs.queue) this.gaveUpOn.push({ job, slot })
    this.jobs.cancelQueued()
  }

  status(): PoolStatus {
    const slots = { total: this.slots.size, idle: 0, busy: 0, errored: 0, exhausted: 0, stopped: 0, foreign: 0 }
    let completed = 0
    for (const { view: { owned, record } } of this.slots.values()) {
      completed += record.completed
      if (!owned) slots.foreign++
      else if (record.state === "Idle") slots.idle++
      else if (record.state === "Busy") slots.busy++
      else if (record.state === "Stopped") slots.stopped++
      else if (Records.isExhausted(record, this.settings.maxRestarts)) slots.exhausted++
      else slots.errored++
    }
    const { counts, queue, running } = this.jobs
    const status: PoolStatus = {
      pool: this.settings.name,
      owner: this.owner,
      slots,
      jobs: {
        queued: queue.size,
        running: running.size,
        succeeded: counts.Succeeded,
        failed: counts.Failed,
        cancelled: counts.Cancelled,
        timedOut: counts.TimedOut,
        lost: counts.Lost,
        unassigned: counts.Unassigned
      },
      restarts: this.restarts,
      completed,
      draining: this.draining
    }
    const why = this.ledger.degraded
    return why === undefined ? status : { ...status, degraded: { since: this.degradedAt, why } }
  }
}
