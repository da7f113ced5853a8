/**
 * A pool of slots, each holding a long-lived worker (a model session, a browser, a connection, a child process), and a
 * health supervisor that puts slots that went into error back to work, until a limit.
 *
 * A pool runs its workers as tasks of one supervisor. A worker that cannot be acquired, ends, fails its probe, or whose
 * job ends in a defect or over its time, makes its slot Errored, with the cause; a pass of `checkAndRestartSlots`, by
 * timer or by hand, puts it back. What a job fails with by its own type is its caller's affair, and leaves the slot Idle.
 *
 * What a slot is and does is kept in a `SlotPoolStore`: in memory unless the context has another. A pool owns its slots
 * there under a lease that it renews. A second pool on the same store waits for slots that come free, and takes over
 * those of a pool that is gone.
 *
 * Jobs are closures: they live in this process. For jobs that outlive it put Effect's `PersistedQueue` in front.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Options from "./internal/options.ts"
import { Pool } from "./internal/pool/core.ts"
import * as Decoding from "./internal/pool/decoding.ts"
import * as Draining from "./internal/pool/draining.ts"
import * as Health from "./internal/pool/health.ts"
import * as JobRun from "./internal/pool/jobRun.ts"
import { Job as JobEntry } from "./internal/pool/jobs.ts"
import * as Keeping from "./internal/pool/keeping.ts"
import * as Leasing from "./internal/pool/leasing.ts"
import { failureOf } from "./internal/pool/ledger.ts"
import * as Scaling from "./internal/pool/scaling.ts"
import type { Settings } from "./internal/pool/settings.ts"
import * as Telling from "./internal/pool/telling.ts"
import * as Waiters from "./internal/waiters.ts"
import type * as RestartPolicy from "./RestartPolicy.ts"
import {
  JobAlreadyExists,
  JobNotFound,
  PoolClosed,
  PoolDraining,
  PoolError,
  StoreUnavailable
} from "./SlotPoolError.ts"
import type { Reason } from "./SlotPoolError.ts"
import type { DrainReport, PoolStatus, SlotPoolEvent } from "./SlotPoolEvent.ts"
import * as SlotPoolStore from "./SlotPoolStore.ts"
import * as Supervisor from "./Supervisor.ts"

// ---------------------------------------------------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What the pool itself looks at in a slot's config; a config of yours may hold more.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlotConfig {
  readonly name?: string | undefined
  readonly role?: string | undefined
  readonly description?: string | undefined
}

/**
 * The schema of a slot's config where the options give no other: name, role, description.
 *
 * @since 0.1.0
 * @category models
 */
export const SlotConfig: Schema.Codec<
  { readonly name?: string; readonly role?: string; readonly description?: string }
> = Decoding.SlotConfigSchema

/**
 * A slot, as its worker's makers and its jobs see it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Slot<out C = SlotConfig> {
  /** `slot-0`, `slot-1`, … */
  readonly slot: string
  /** The config's name, or that of the slot. */
  readonly name: string
  readonly role: string | undefined
  readonly description: string | undefined
  readonly config: C
  /** What the last job left. */
  readonly session: Schema.Json | undefined
  /** How often it was put back to work since it was last stable. */
  readonly restarts: number
}

/**
 * What a job can know of where it runs, and leave behind.
 *
 * @since 0.1.0
 * @category models
 */
export interface JobContext<out C = SlotConfig> {
  readonly id: string
  readonly slot: Slot<C>
  /** What the job before left in the slot. Gone when the slot is put back to work after an error. */
  readonly session: Schema.Json | undefined
  /** Leaves a value for the next job on this slot, or `undefined` for none; kept when this job has ended. */
  readonly setSession: (session: Schema.Json | undefined) => Effect.Effect<void>
}

/**
 * A job: what to do with a worker.
 *
 * @since 0.1.0
 * @category models
 */
export type Job<W, C, A, E, R> = (worker: W, context: JobContext<C>) => Effect.Effect<A, E, R>

/**
 * The id of a submitted job, which knows what the job gives. It is a string.
 *
 * @since 0.1.0
 * @category models
 */
export type JobId<A = unknown, E = unknown> = string & {
  readonly "~effect-supervisor/JobId"?: { readonly _A: A; readonly _E: E }
}

/**
 * Where a job stands. The last six are ends: `Failed` by itself, `TimedOut` over its time or silent for too long, `Lost`
 * with its worker, `Unassigned` because no slot came free in time.
 *
 * @since 0.1.0
 * @category models
 */
export type JobState =
  | "Queued"
  | "Running"
  | "Succeeded"
  | "Failed"
  | "Cancelled"
  | "TimedOut"
  | "Lost"
  | "Unassigned"

/**
 * A submitted job. Times are wall-clock milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface JobInfo {
  readonly id: string
  readonly state: JobState
  readonly tags: ReadonlyArray<string>
  /** Where it runs, or ran. */
  readonly slot: string | undefined
  readonly submittedAt: number
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
}

/**
 * Which jobs: all that agree with every property given, and have all of the tags.
 *
 * @since 0.1.0
 * @category models
 */
export interface JobFilter {
  readonly state?: JobState
  readonly slot?: string
  readonly tags?: ReadonlyArray<string>
}

/**
 * A slot's record, its config decoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlotView<out C = SlotConfig> extends Omit<SlotPoolStore.SlotRecord, "config"> {
  readonly config: C
}

/**
 * What `drain` gives.
 *
 * @since 0.1.0
 * @category models
 */
export type { DrainReport } from "./SlotPoolEvent.ts"

/**
 * The health supervisor that runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface HealthSupervisor {
  /** Ends it: a wait at once, a pass under way when it is done. */
  readonly stop: Effect.Effect<void>
}

/**
 * What a job is run with.
 *
 * @since 0.1.0
 * @category options
 */
export interface RunOptions {
  /** How long the job may take; default the pool's `jobTimeout`. */
  readonly timeout?: Options.DurationOption
  /** How long it may wait for a slot; default the pool's `assignTimeout`. */
  readonly assignTimeout?: Options.DurationOption
}

/**
 * What a job is submitted with.
 *
 * @since 0.1.0
 * @category options
 */
export interface SubmitOptions extends RunOptions {
  /** Default: one of the pool's own. 1 to 255 characters without `/` and control characters. */
  readonly id?: string
  readonly tags?: ReadonlyArray<string>
}

/**
 * A pool. `W` is what its slots hold, `C` their config.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlotPool<out W = void, out C = SlotConfig> {
  readonly name: string
  /** Under which name it owns its slots in the store: another one for each pool that is made. */
  readonly owner: string
  /** Runs the workers (`slot-0`, …), the health supervisor (`health`), and keeps the slots (`lease`, `upkeep`). */
  readonly supervisor: Supervisor.RunningSupervisor
  readonly store: SlotPoolStore.SlotPoolStore["Service"]
  /** The options as they were decoded: durations in milliseconds. */
  readonly config: PoolConfig
  /**
   * Runs a job on the first slot that comes free, first come, first served. The job has the caller's services. A caller
   * that is interrupted takes the job with it.
   */
  readonly run: <A, E, R>(job: Job<W, C, A, E, R>, options?: RunOptions) => Effect.Effect<A, E | PoolError, R>
  /** Hands a job in, and answers its id at once. */
  readonly submit: <A, E, R>(
    job: Job<W, C, A, E, R>,
    options?: SubmitOptions
  ) => Effect.Effect<JobId<A, E>, PoolError, R>
  /** How a submitted job ended; none until it has. */
  readonly result: <A = unknown, E = unknown>(
    id: JobId<A, E>
  ) => Effect.Effect<Option.Option<Exit.Exit<A, E | PoolError>>, PoolError>
  /** Waits for the end of a submitted job. */
  readonly await: <A = unknown, E = unknown>(id: JobId<A, E>) => Effect.Effect<A, E | PoolError>
  /**
   * Interrupts a job, or takes it out of those that wait; answered when it has ended. One that does not end within
   * `stopTimeout` costs its slot. One that has ended stays as it is.
   */
  readonly cancel: (id: string) => Effect.Effect<void, PoolError>
  /** The submitted jobs: those that have not ended, and the last `keepJobs` that have. */
  readonly list: (filter?: JobFilter) => Effect.Effect<ReadonlyArray<JobInfo>>
  /**
   * Runs a job for each input, so many at once (default: as many as there are slots). The results are in the order of
   * the inputs, each its own success or failure.
   */
  readonly fanOut: <I, A, E, R>(
    inputs: Iterable<I>,
    job: (worker: W, input: I, context: JobContext<C>) => Effect.Effect<A, E, R>,
    options?: RunOptions & { readonly concurrency?: number }
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E | PoolError>>, never, R>
  /**
   * Puts every slot back to work that is Errored, due, and has been so fewer times than `maxRestarts`: Idle, with a fresh
   * worker, without job and session. Answers how many. A store that fails is told in the log.
   */
  readonly checkAndRestartSlots: Effect.Effect<number>
  /** The health supervisor, started if it does not run; none when it is not enabled, or the pool is drained. */
  readonly startSupervisor: Effect.Effect<Option.Option<HealthSupervisor>>
  /**
   * Takes no new work, lets everything end that was taken, and stops every slot and the health supervisor. After
   * `timeout` (default 1 minute) it cancels what is left, and says so. Again waits for the first one.
   */
  readonly drain: (options?: { readonly timeout?: Options.DurationOption }) => Effect.Effect<DrainReport>
  /** Adds slots (default 1); answers how many there are. */
  readonly scaleUp: (count?: number) => Effect.Effect<number, PoolError>
  /**
   * Takes slots away (default 1), those without work first; a busy one finishes its job before. Answered when they are
   * gone.
   */
  readonly scaleDown: (count?: number) => Effect.Effect<number, PoolError>
  readonly setTargetSlots: (count: number) => Effect.Effect<number, PoolError>
  /** The records of slots, as the store has them. */
  readonly findSlots: (
    filter?: SlotPoolStore.SlotFilter
  ) => Effect.Effect<ReadonlyArray<SlotView<C>>, PoolError>
  readonly status: Effect.Effect<PoolStatus>
  /** A snapshot, then every event after it. */
  readonly events: Stream.Stream<SlotPoolEvent>
}

// ---------------------------------------------------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------------------------------------------------

/**
 * What was decided by the options. Durations are milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type PoolConfig = Pick<
  Settings,
  | "name"
  | "min"
  | "max"
  | "maxRestarts"
  | "acquireTimeout"
  | "assignTimeout"
  | "jobTimeout"
  | "jobSilence"
  | "stableAfter"
  | "stopTimeout"
  | "storeTimeout"
  | "lease"
  | "keepJobs"
  | "supervisor"
  | "eventCapacity"
>

/**
 * The options of a pool.
 *
 * @since 0.1.0
 * @category options
 */
export interface SlotPoolOptions<
  W = void,
  AE = never,
  AR = never,
  C extends SlotConfig = SlotConfig,
  WE = never,
  WR = never,
  PR = never,
  R2 = never,
  R3 = never
> {
  /** One segment of a path, and the name of its slots in the store; default `"pool"`. */
  readonly name?: string
  /**
   * How many slots (default 1), to be scaled between 1 and 16, or that many if they are more; or how few and how many:
   * such a pool begins with `min`, and takes up as many as there are in its store.
   */
  readonly slots?: number | { readonly min: number; readonly max: number }
  /**
   * The config of each slot, by its number. What is given here goes before what the store holds. Where `slotSchema` takes
   * no empty config, there are no more slots than configs in an array.
   */
  readonly slotConfig?: ReadonlyArray<NoInfer<C>> | ((index: number) => NoInfer<C>)
  /** What configs look like; default `SlotConfig`. They are kept in the store as JSON. */
  readonly slotSchema?: Schema.Codec<C, unknown>
  /** Makes the worker, in the slot's scope: released when the worker ends or is put back to work. Default: no worker. */
  readonly acquire?: (slot: Slot<NoInfer<C>>) => Effect.Effect<W, AE, AR>
  /** Waits for the end of a worker. However it ends, the worker is dead: its job is lost, its slot Errored. */
  readonly watch?: (worker: NoInfer<W>, slot: Slot<NoInfer<C>>) => Effect.Effect<unknown, WE, WR>
  /** Looks whether a worker is well, beside its jobs, as `probing` says; it fails when it is not. */
  readonly probe?: (worker: NoInfer<W>, slot: Slot<NoInfer<C>>) => Effect.Effect<unknown, unknown, PR>
  /** How the probe is done: every 10 s, within 1 s, and 3 failures in a row are a verdict, unless said otherwise. */
  readonly probing?: {
    readonly schedule?: Schedule.Schedule<unknown, unknown, unknown, R3>
    readonly timeout?: Duration.Input
    readonly failures?: number
  }
  /** Whether a job's typed failure is the slot's failure too; default: never. One that throws means yes. */
  readonly slotFailure?: (error: unknown) => boolean
  /** How often a slot is put back to work; 0 is never, `Infinity` always. Default 3. */
  readonly maxRestarts?: number
  /**
   * When a slot in error is due: the schedule's delays, and never again when it is done, or when `on` asks for anything but
   * a restart after a typed failure of the worker. A mode has no say: a slot is always wanted. Default: at once. A ready
   * policy is best made beside the options: inside them its error type is not inferred.
   */
  readonly restart?:
    | Omit<RestartPolicy.RestartOptions<NoInfer<AE | WE>, R2>, "mode">
    | RestartPolicy.RestartPolicy<NoInfer<AE | WE>, R2>
  /**
   * How long a worker may take to be acquired; default 1 minute. What is left of it then, where that cannot be interrupted,
   * keeps the slot out of work until it ends.
   */
  readonly acquireTimeout?: Options.DurationOption
  /** How long a job may wait for a slot; default 5 minutes. */
  readonly assignTimeout?: Options.DurationOption
  /** How long a job may take, the observer's stalls apart; default: any time. */
  readonly jobTimeout?: Options.DurationOption
  /** How long a job may go without `Heartbeat.beat`, the observer's stalls apart; default: any time. */
  readonly jobSilence?: Options.DurationOption
  /** After so long without an error since it was put back to work a slot counts from 0 again. Default 10 minutes. */
  readonly stableAfter?: Options.DurationOption
  /** How long a worker, or a job that is cancelled, may take to end; default 5 s. */
  readonly stopTimeout?: Options.DurationOption
  /** How long the store may take to answer, below the `lease`; default 3 s, or half of the lease if that is less. */
  readonly storeTimeout?: Duration.Input
  /** For how long the slots of a pool that is gone are kept from others; renewed three times as often. Default 30 s. */
  readonly lease?: Duration.Input
  /** How many submitted jobs are kept after their end, to be asked for; default 1,000. `fanOut` needs none of it. */
  readonly keepJobs?: number
  /** Whether slots in error are looked for by a timer (default: not), and how often (default every 30 s). */
  readonly supervisor?: { readonly enabled?: boolean; readonly interval?: Duration.Input }
  /** How many events a subscriber may be behind before it loses the oldest; default 4096. */
  readonly eventCapacity?: number
}

// ---------------------------------------------------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A pool in the current scope. It is there when those of its slots that nobody else owns have been taken up in the store,
 * and their workers have begun to be acquired. The others it takes up when their owner is gone: it looks every third of
 * its lease. (So after a crash it may take a lease and a third until the slots are back to work.) Closing the scope stops
 * all of it, and gives the slots back.
 *
 * The services of `acquire`, `watch`, `probe` and the schedules are taken from here.
 *
 * @throws RangeError for an option out of its range.
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  W = void,
  AE = never,
  AR = never,
  C extends SlotConfig = SlotConfig,
  WE = never,
  WR = never,
  PR = never,
  R2 = never,
  R3 = never
>(
  options: SlotPoolOptions<W, AE, AR, C, WE, WR, PR, R2, R3> = {}
): Effect.Effect<
  SlotPool<W, C>,
  PoolError,
  Exclude<AR | WR | PR, Scope.Scope> | R2 | R3 | Scope.Scope
> => {
  const settings = Decoding.decode(options as Decoding.Given)
  return makeWith(settings) as Effect.Effect<SlotPool<W, C>, PoolError, Scope.Scope>
}

const makeWith = Effect.fnUntraced(function*(
  settings: Settings
): Effect.fn.Return<SlotPool<unknown, unknown>, PoolError, Scope.Scope> {
  const whole = yield* Effect.context<Scope.Scope>()
  const context = Context.omit(Scope.Scope, Tracer.ParentSpan, References.CurrentStackFrame)(
    whole
  ) as Context.Context<never>
  const given = Context.getOption(whole as Context.Context<never>, SlotPoolStore.SlotPoolStore)
  const store = Option.isSome(given) ? given.value : yield* SlotPoolStore.makeMemory
  // Unique whatever the application draws its chance from: two owners of one name would own the same slots.
  const owner = `${settings.name}-${SecureRandom.uuidV4Unsafe()}`
  const pool = new Pool({ settings, store, owner, context, clock: yield* Clock.Clock })

  // In the order in which they are undone: the slots are free when everything that runs on them has ended.
  yield* Effect.addFinalizer(() => pool.teller.close())
  yield* Effect.addFinalizer(() => giveBack(pool))
  // What is owed to the store is tried once more.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      const until = Math.min(pool.now() + settings.storeTimeout, pool.leaseEnd())
      return pool.ledger.settle(() => pool.now() < until)
    }).pipe(Effect.map(() => {
      pool.ledger.closed = true
    }))
  )
  // What its workers do is told by the pool: once is enough.
  pool.supervisor = yield* Effect.provideService(
    Supervisor.make({ name: settings.name }),
    References.MinimumLogLevel,
    LogLevel.isGreaterThan(Context.get(context, References.MinimumLogLevel), "Error")
      ? Context.get(context, References.MinimumLogLevel)
      : "Error"
  )
  yield* Effect.addFinalizer(() => close(pool))
  const hide = Telling.gauges.show(settings.name, context, () => pool.status())
  yield* Effect.addFinalizer(() => Effect.sync(hide))

  const opening = Effect.gen(function*() {
    yield* Leasing.begin(pool)
    // However long it takes to take the slots up, the lease is renewed beside it.
    yield* Effect.orDie(pool.supervisor.add(Leasing.task(pool)))
    yield* Keeping.open(pool)
    yield* Effect.orDie(pool.supervisor.add(Keeping.task(pool)))
    for (const slot of pool.slots.values()) {
      if (slot.view.owned && slot.view.record.state === "Idle") yield* Keeping.launch(pool, slot)
    }
  })
  yield* Effect.catch(
    Effect.provideContext(opening, context),
    ({ operation, reason: why }) => refuse(pool, new StoreUnavailable({ operation, why }))
  )
  if (settings.supervisor.enabled) yield* startHealth(pool)
  return facade(pool)
})

/** The slots are free for others. Where the store does not do that, they are when the lease has run out. */
const giveBack = (pool: Pool): Effect.Effect<void> =>
  Effect.map(pool.ledger.asking.wait("release", () => pool.store.release(pool.owner)), (answer) => {
    if (Exit.isSuccess(answer)) return
    const { reason } = failureOf(answer)
    const owed = Array.from(pool.ledger.views).filter((view) => view.owed).length
    const text =
      `the pool could not give its slots back (${reason}): others wait for its lease of ${pool.settings.lease} ms` +
      `${owed === 0 ? "" : `, and ${owed} records were not written`}. Was the store closed before the pool?`
    pool.teller.log("Warn", text)
  })

const refuse = (pool: Pool, reason: Reason): Effect.Effect<never, PoolError> =>
  Effect.fail(new PoolError({ pool: pool.settings.name, reason }))

/** Before the workers are stopped: their ends are no errors from now on, and nobody waits for them in vain. */
const close = (pool: Pool): Effect.Effect<void> =>
  Effect.sync(() => {
    pool.closed = true
    pool.clocks.stopAll()
    pool.jobs.loseQueued(new PoolClosed({}))
    // All at once: the workers are stopped one after another.
    for (const { jobFiber } of pool.slots.values()) jobFiber?.interruptUnsafe()
  })

const startHealth = (pool: Pool): Effect.Effect<HealthSupervisor> =>
  pool.supervisor.start(Health.taskName).pipe(
    Effect.catchTag("TaskNotFound", () => pool.supervisor.add(Health.task(pool))),
    // It runs already, or the pool is closed.
    Effect.ignore,
    Effect.as({ stop: Effect.ignore(pool.supervisor.stop(Health.taskName)) })
  )

// ---------------------------------------------------------------------------------------------------------------------
// the face
// ---------------------------------------------------------------------------------------------------------------------

type AnyJob = Job<unknown, unknown, unknown, unknown, unknown>

const runKeys = ["timeout", "assignTimeout"]

/** The jobs of one fan-out that have not ended. */
type Group = Set<JobEntry>

const facade = (pool: Pool): SlotPool<unknown, unknown> => {
  const { jobs, settings, store } = pool
  const where = `SlotPool(${JSON.stringify(settings.name)})`
  let made = 0
  let drained: Effect.Effect<DrainReport> | undefined

  const durationOf = (option: string, given: Options.DurationOption | undefined, fallback: number) =>
    given === undefined
      ? fallback
      : Options.duration(where, option, given, { infinite: true, positive: option === "timeout" })

  const entry = (
    work: AnyJob,
    options: SubmitOptions,
    kept: boolean,
    context: Context.Context<never>
  ): JobEntry => {
    if (typeof work !== "function") Options.refuse(where, "job", work, "a function from a worker to an Effect")
    return new JobEntry({
      id: options.id ?? `${pool.owner}-${made + 1}`,
      order: ++made,
      tags: options.tags ?? noTags,
      kept,
      work: work as JobEntry["work"],
      context,
      timeout: durationOf("timeout", options.timeout, settings.jobTimeout),
      assignTimeout: durationOf("assignTimeout", options.assignTimeout, settings.assignTimeout),
      queuedAt: pool.now(),
      submittedAt: kept ? pool.wallNow() : 0
    })
  }

  const refusal = (): Reason | undefined =>
    pool.closed ? new PoolClosed({}) : pool.draining ? new PoolDraining({}) : undefined

  const ended = (job: JobEntry): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => job.exit ?? Waiters.wait(job.waiters ??= Waiters.make(), (exit) => exit))

  const cancel = (job: JobEntry): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (job.exit !== undefined) return Effect.void
      if (job.state === "Queued") {
        jobs.cancelled(job)
        return Effect.void
      }
      JobRun.cancel(pool, job)
      return Effect.ignoreCause(ended(job))
    })

  const run = (
    work: AnyJob,
    options: RunOptions = noOptions,
    group: Group | undefined = undefined
  ): Effect.Effect<unknown, unknown> =>
    Effect.contextWith((context: Context.Context<never>) => {
      if (options !== noOptions) Options.onlyKeys(where, "options of run", options, runKeys)
      const job = entry(work, options, false, context)
      return Effect.callback<unknown, unknown>((resume) => {
        // Looked at in the step in which it is added: a drain that began between would not wait for it.
        const reason = refusal()
        if (reason !== undefined) return resume(refuse(pool, reason))
        const wake = group === undefined ? resume : (exit: Exit.Exit<unknown, unknown>) => {
          group.delete(job)
          resume(exit)
        }
        job.waiters = Waiters.make()
        job.waiters.resumes.add(wake)
        group?.add(job)
        jobs.add(job)
        return Effect.suspend(() => {
          // An end by interruption comes here too: nobody has interrupted the caller.
          if (job.exit !== undefined) return Effect.void
          job.waiters?.resumes.delete(wake)
          // Those that wait go first, or they would begin on the slots that come free.
          for (const other of group ?? []) if (other.state === "Queued") jobs.cancelled(other)
          return cancel(job)
        })
      })
    })

  const known = (id: string): Effect.Effect<JobEntry, PoolError> =>
    Effect.suspend(() => {
      const job = jobs.known.get(id)
      return job === undefined ? refuse(pool, new JobNotFound({ job: String(id) })) : Effect.succeed(job)
    })

  const submit = (work: AnyJob, options: SubmitOptions = noOptions): Effect.Effect<string, PoolError> =>
    Effect.contextWith((context: Context.Context<never>) => {
      const reason = refusal()
      if (reason !== undefined) return refuse(pool, reason)
      Options.onlyKeys(where, "options of submit", options, [...runKeys, "id", "tags"])
      if (options.id !== undefined) Options.name(`${where}: id`, options.id)
      checkTags(options.tags)
      // The submitter goes on: its span ends, and its scope may close, before the job begins.
      const services = Context.omit(Tracer.ParentSpan, References.CurrentStackFrame)(context) as Context.Context<never>
      const job = entry(work, options, true, services)
      if (jobs.known.has(job.id)) return refuse(pool, new JobAlreadyExists({ job: job.id }))
      jobs.add(job)
      return Effect.succeed(job.id)
    })

  const listJobs = (filter: JobFilter): ReadonlyArray<JobInfo> => {
    Options.onlyKeys(where, "filter", filter, ["state", "slot", "tags"])
    checkTags(filter.tags)
    const infos: Array<JobInfo> = []
    for (const job of jobs.known.values()) {
      if (filter.state !== undefined && job.state !== filter.state) continue
      if (filter.slot !== undefined && job.slot !== filter.slot) continue
      if (filter.tags !== undefined && !filter.tags.every((tag) => job.tags.includes(tag))) continue
      const { endedAt, id, slot, startedAt, state, submittedAt, tags } = job
      infos.push({ id, state, tags, slot, submittedAt, startedAt, endedAt })
    }
    return infos
  }

  const checkTags = (tags: ReadonlyArray<string> = noTags): void => {
    if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== "string")) {
      Options.refuse(where, "tags", tags, "an array of strings")
    }
  }

  const counted = (option: string, count: number) => Options.count(where, option, count, { min: 1 })

  return {
    name: settings.name,
    owner: pool.owner,
    supervisor: pool.supervisor,
    store,
    config: configOf(settings),
    run: ((work: AnyJob, options?: RunOptions) => run(work, options)) as SlotPool<unknown, unknown>["run"],
    submit: submit as SlotPool<unknown, unknown>["submit"],
    result: ((id: string) => Effect.map(known(id), (job) => Option.fromUndefinedOr(job.exit))) as SlotPool<
      unknown,
      unknown
    >["result"],
    await: ((id: string) => Effect.flatMap(known(id), ended)) as SlotPool<unknown, unknown>["await"],
    cancel: (id) => Effect.flatMap(known(id), cancel),
    list: (filter = {}) => Effect.sync(() => listJobs(filter)),
    fanOut: ((
      inputs: Iterable<unknown>,
      job: (worker: unknown, input: unknown, context: unknown) => Effect.Effect<unknown, unknown>,
      { concurrency, ...options }: RunOptions & { readonly concurrency?: number } = noOptions
    ) =>
      Effect.suspend(() => {
        if (typeof job !== "function") {
          Options.refuse(where, "job", job, "a function from a worker and an input to an Effect")
        }
        Options.onlyKeys(where, "options of fanOut", options, runKeys)
        durationOf("timeout", options.timeout, settings.jobTimeout)
        durationOf("assignTimeout", options.assignTimeout, settings.assignTimeout)
        const atOnce = concurrency === undefined ? pool.slots.size : counted("concurrency", concurrency)
        const group: Group = new Set()
        return Effect.forEach(
          inputs,
          (input) => Effect.exit(run((worker, context) => job(worker, input, context), options, group)),
          { concurrency: Math.max(1, atOnce) }
        )
      })) as never,
    checkAndRestartSlots: Health.pass(pool),
    startSupervisor: Effect.suspend(() =>
      settings.supervisor.enabled && !pool.draining && !pool.closed
        ? Effect.asSome(startHealth(pool))
        : Effect.succeedNone
    ),
    drain: (options = {}) =>
      Effect.suspend(() => {
        Options.onlyKeys(where, "options of drain", options, ["timeout"])
        const timeout = Options.duration(where, "timeout", Options.or(options.timeout, drainTimeout), {
          infinite: true
        })
        return drained ??= once(pool, Draining.drain(pool, timeout))
      }),
    scaleUp: (count = 1) => Effect.suspend(() => Scaling.by(pool, counted("scaleUp", count))),
    scaleDown: (count = 1) => Effect.suspend(() => Scaling.by(pool, -counted("scaleDown", count))),
    setTargetSlots: (count) => Scaling.to(pool, count),
    findSlots: (filter = {}) => findSlots(pool, filter),
    status: Effect.sync(() => pool.status()),
    events: pool.teller.events(() => pool.status())
  }
}

const noOptions = {}
const noTags: ReadonlyArray<string> = []
const drainTimeout = 60_000

const configOf = (settings: Settings): PoolConfig => {
  const {
    acquire,
    configOf,
    decode,
    elastic,
    encode,
    initial,
    noConfig,
    policy,
    probe,
    probing,
    slotFailure,
    watch,
    ...config
  } = settings
  return config
}

/** Goes on in the pool's care when whoever began it gives up, and gives everybody the same. */
const once = <A>(pool: Pool, effect: Effect.Effect<A>): Effect.Effect<A> => {
  const fiber = pool.fork(effect)
  return Effect.flatten(Fiber.await(fiber))
}

const findSlots = (
  pool: Pool,
  filter: SlotPoolStore.SlotFilter
): Effect.Effect<ReadonlyArray<SlotView<unknown>>, PoolError> =>
  Effect.flatMap(
    Effect.suspend(() => {
      Options.onlyKeys("SlotPool.findSlots", "filter", filter, ["state", "name", "role", "owner"])
      return pool.ledger.asking.wait("list", () => pool.store.list(pool.settings.name, filter))
    }),
    (answer) => {
      if (Exit.isFailure(answer)) {
        const { operation, reason: why } = failureOf(answer)
        return refuse(pool, new StoreUnavailable({ operation, why }))
      }
      return Effect.succeed(answer.value.records.map((record) => ({
        ...record,
        config: pool.slots.get(record.slot)?.config ?? Keeping.storedConfig(pool, record)
      })))
    }
  )

// ---------------------------------------------------------------------------------------------------------------------
// services and layers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * A pool service class, with its Layer as a static member.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, W, C, R> extends Context.ServiceClass<Self, Id, SlotPool<W, C>> {
  /** The pool, in the Layer's scope. It uses the `SlotPoolStore` that is provided to it, if one is. */
  readonly layer: Layer.Layer<Self, PoolError, R>
}

/**
 * Makes a pool service: `class Agents extends SlotPool.Service<Agents>()("agents", { slots: 4, acquire }) {}`.
 *
 * The id is the service's key; its last segment is the pool's name unless the options give another.
 *
 * @throws RangeError for an option out of its range.
 * @since 0.1.0
 * @category services
 */
export const Service = <Self>() =>
<
  const Id extends string,
  W = void,
  AE = never,
  AR = never,
  C extends SlotConfig = SlotConfig,
  WE = never,
  WR = never,
  PR = never,
  R2 = never,
  R3 = never
>(
  id: Id,
  options: SlotPoolOptions<W, AE, AR, C, WE, WR, PR, R2, R3> = {}
): ServiceClass<Self, Id, W, C, Exclude<AR | WR | PR | R2 | R3, Scope.Scope>> => {
  const tag = Context.Service<Self, SlotPool<W, C>>()(id)
  return Object.assign(tag, { layer: layer(tag, { name: id.slice(id.lastIndexOf("/") + 1), ...options }) })
}

/**
 * A Layer of a pool under a key of your own.
 *
 * @throws RangeError for an option out of its range.
 * @since 0.1.0
 * @category layers
 */
export const layer = <
  Self,
  W = void,
  AE = never,
  AR = never,
  C extends SlotConfig = SlotConfig,
  WE = never,
  WR = never,
  PR = never,
  R2 = never,
  R3 = never
>(
  tag: Context.Key<Self, SlotPool<W, C>>,
  options: SlotPoolOptions<W, AE, AR, C, WE, WR, PR, R2, R3> = {}
): Layer.Layer<Self, PoolError, Exclude<AR | WR | PR | R2 | R3, Scope.Scope>> => {
  const made = make(options) as Effect.Effect<SlotPool<W, C>, PoolError, Scope.Scope>
  return Layer.effect(tag)(made)
}
