/**
 * One run of a slot's worker, as a task of the pool's supervisor: acquire the worker, give it one job after another, and
 * put down how it ended.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Heartbeat from "../../Heartbeat.ts"
import * as RestartPolicy from "../../RestartPolicy.ts"
import { JobCancelled, JobLost, JobSilent, JobTimedOut, PoolClosed, PoolError } from "../../SlotPoolError.ts"
import type { Reason } from "../../SlotPoolError.ts"
import * as Task from "../../Task.ts"
import type { CurrentRun as Current } from "../currentRun.ts"
import { CurrentRun } from "../currentRun.ts"
import * as Options from "../options.ts"
import * as Render from "../render.ts"
import type { Fault, Pool, Slot } from "./core.ts"
import * as Due from "./due.ts"
import type { EndState, Job } from "./jobs.ts"
import { isOrderly, stateOf } from "./jobs.ts"
import { failureOf as failureOfStore } from "./ledger.ts"
import * as Records from "./records.ts"

/** What a job can know of where it runs. */
interface JobContext {
  readonly id: string
  readonly slot: ReturnType<Slot["info"]>
  readonly session: unknown
  readonly setSession: (session: unknown) => Effect.Effect<void>
}

/** However a worker ends, it waits to be put back to work, for as long as that takes. */
const untilAsked = RestartPolicy.make({ mode: "permanent", schedule: Schedule.spaced(Duration.infinity) })

/**
 * The task of a slot. It runs once; only the pool puts it back to work. Which slot it is is looked up by each run: one
 * that is scaled away may come back, while what is left of its last run takes its time.
 */
export const task = (pool: Pool, id: string): Task.Task<unknown, unknown, unknown> => {
  const { probe, probing, stopTimeout } = pool.settings
  const options = {
    restart: untilAsked,
    stopTimeout: stopTimeout === Number.POSITIVE_INFINITY ? "infinity" : stopTimeout
  } as const
  const run = Effect.suspend(() => {
    const slot = pool.slots.get(id)
    return slot === undefined ? Effect.void : Effect.onExit(body(pool, slot), (exit) => ended(pool, slot, exit))
  })
  return probe === undefined
    ? Task.make(id, run, options)
    : Task.make(id, run, { ...options, heartbeat: Heartbeat.probe(probed(pool, id, probe), probing) })
}

/** There is nothing to look at before the worker has been acquired; that has a bound of its own. */
const probed = (
  pool: Pool,
  id: string,
  probe: NonNullable<Pool["settings"]["probe"]>
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.suspend(() => {
    const slot = pool.slots.get(id)
    return slot?.worker === undefined
      ? Effect.void
      : Effect.onExit(probe(slot.worker.value as never, slot.info() as never), (exit) =>
        Effect.sync(() => {
          const failures = (slot.probeFailure?.failures ?? 0) + 1
          slot.probeFailure = Exit.isFailure(exit) ? { cause: probeCause(exit.cause), failures } : undefined
        }))
  })

/** A probe that takes too long is interrupted. */
const probeCause = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  Cause.hasInterruptsOnly(cause) ? Cause.die(new Error("it did not answer in time")) : cause

const body = (pool: Pool, slot: Slot): Effect.Effect<unknown, unknown, unknown> =>
  Effect.gen(function*() {
    // The pool may want something else by now than when it asked for this run: the slot stopped, taken away, or lost.
    if (!slot.view.owned || slot.intent === "stop" || slot.intent === "retire") return
    slot.intent = undefined
    slot.job = undefined
    slot.jobFiber = undefined
    slot.worker = undefined
    slot.workerEnd = undefined
    slot.fault = undefined
    slot.probeFailure = undefined
    // Somebody may have asked the supervisor for this run by name, without the pool.
    yield* pool.ledger.write(slot.view, Records.begun)
    yield* acquire(pool, slot)
    yield* Effect.addFinalizer(() => untilJobEnded(slot))
    yield* watch(pool, slot)
    // It yields of itself, between jobs: one that has been taken begins before those that came after it.
    yield* Effect.provideService(serve(pool, slot, yield* CurrentRun), Scheduler.PreventSchedulerYield, true)
  })

/**
 * Acquires the worker beside the run, so that one whose making cannot be interrupted is not waited for beyond its time:
 * what is left of it ends before the slot is put back to work.
 */
const acquire = (pool: Pool, slot: Slot): Effect.Effect<void, unknown, unknown> => {
  const { acquire, acquireTimeout } = pool.settings
  if (acquire === undefined) {
    return Effect.sync(() => {
      slot.worker = { value: undefined }
    })
  }
  return Effect.gen(function*() {
    const acquired = Deferred.makeUnsafe<unknown, unknown>()
    // For as long as the run: what is forked while the worker is made lives as long as the worker does.
    const making = Effect.suspend(() => acquire(slot.info() as never)).pipe(
      Effect.onExit((exit) => Deferred.done(acquired, exit)),
      Effect.andThen(Effect.never)
    )
    const acquiring = yield* Effect.forkChild(making, { startImmediately: true })
    yield* Effect.addFinalizer(() => Fiber.interrupt(acquiring))
    slot.worker = { value: yield* inTime(Deferred.await(acquired), acquireTimeout) }
  })
}

const inTime = <A, E>(awaited: Effect.Effect<A, E>, timeout: number): Effect.Effect<A, E> =>
  timeout === Number.POSITIVE_INFINITY ? awaited : Effect.timeoutOrElse(awaited, {
    duration: timeout,
    orElse: () => Effect.die(new Error(`the worker was not acquired within ${timeout} ms`))
  })

const watch = (pool: Pool, slot: Slot): Effect.Effect<void, never, unknown> => {
  const { watch } = pool.settings
  const { worker } = slot
  if (watch === undefined || worker === undefined) return Effect.void
  return Effect.asVoid(Effect.forkChild(
    Effect.onExit(
      Effect.suspend(() => watch(worker.value as never, slot.info() as never)),
      (exit) =>
        Effect.sync(() => {
          // It is no end of the worker when the run itself is over.
          if (slot.worker !== worker) return
          slot.workerEnd = exit
          workerEnded(pool, slot, exit)
        })
    )
  ))
}

/** The worker has ended: so does its job, and the run. */
const workerEnded = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): void => {
  const { job, verdict } = slot
  if (job === undefined || verdict === undefined) return pool.wake(slot)
  const error = Exit.isSuccess(exit) ? "the worker ended" : Render.causeLine(exit.cause)
  verdict(lost(pool, slot, job, error, failureOf(exit)))
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<never, unknown> =>
  Exit.isFailure(exit) ? Exit.failCause(exit.cause) : Exit.die(new Error("the worker ended"))

const poolError = (pool: Pool, reason: Reason): Exit.Exit<never, PoolError> =>
  Exit.fail(new PoolError({ pool: pool.settings.name, reason }))

const lost = (pool: Pool, slot: Slot, job: Job, why: string, exit: Exit.Exit<never, unknown>): Fault => ({
  error: why,
  exit,
  job: { state: "Lost", exit: poolError(pool, new JobLost({ job: job.id, slot: slot.id, why })) }
})

// ---------------------------------------------------------------------------------------------------------------------
// serving
// ---------------------------------------------------------------------------------------------------------------------

/** After so many jobs without waiting for one a worker lets others go on. */
const inARow = 128

const serve = Effect.fnUntraced(function*(
  pool: Pool,
  slot: Slot,
  current: Current | undefined
): Effect.fn.Return<void, unknown> {
  const { ledger } = pool
  const runs = runner(pool, slot, current)
  let served = 0
  while (!slot.isOver) {
    let job = yield* nextJob(pool, slot)
    if (job === undefined) continue
    let assigned = yield* ledger.write(slot.view, Records.busy(job.id))
    // From job to job without an idle moment between them, as long as there are some.
    while (true) {
      if (assigned === undefined) {
        // The slot is not to be had: somebody stopped it in the store, or has taken it over.
        slot.job = undefined
        return pool.putBack(job)
      }
      if (slot.isOver) break
      slot.session = undefined
      const exit = yield* runs(job)
      if (slot.fault !== undefined) return yield* slot.fault.exit
      const finished = slotFaultOf(pool, job, exit)
      if (finished !== undefined) {
        slot.fault = finished
        return yield* finished.exit
      }
      slot.jobFiber = undefined
      const left: Records.Ended = { job: job.id, well: Exit.isSuccess(exit) && !job.cancelled, session: slot.session }
      slot.finished = { job, exit }
      slot.job = undefined
      const next = ++served % inARow === 0 ? undefined : take(pool, slot)
      assigned = yield* ledger.write(slot.view, next === undefined ? Records.ended(left) : Records.busy(next.id, left))
      answerFinished(pool, slot)
      if (next === undefined) break
      job = next
    }
    free(slot)
    if (served % inARow === 0) yield* Effect.yieldNow
  }
  if (slot.workerEnd !== undefined && slot.intent === undefined) return yield* failureOf(slot.workerEnd)
})

/** Tells how the job ended whose end has been put down, or was about to be. */
const answerFinished = (pool: Pool, slot: Slot): void => {
  const { finished } = slot
  if (finished === undefined) return
  slot.finished = undefined
  if (finished.job.cancelled) pool.jobs.cancelled(finished.job)
  else pool.jobs.end(finished.job, stateOf(finished.exit), finished.exit)
}

/** Takes the next job, or stands in line for one: in one step, or a job that comes between would find nobody. */
const nextJob = (pool: Pool, slot: Slot): Effect.Effect<Job | undefined> =>
  Effect.callback((resume) => {
    const taken = take(pool, slot)
    if (taken !== undefined || slot.isOver) return resume(Effect.succeed(taken))
    pool.idle.push(slot)
    slot.wake = () => resume(Effect.sync(() => take(pool, slot)))
    return Effect.sync(() => {
      pool.idle.leave(slot)
      slot.wake = undefined
    })
  })

const take = (pool: Pool, slot: Slot): Job | undefined => {
  const job = slot.isOver ? undefined : pool.jobs.take(slot.id)
  slot.job = job
  return job
}

/** Tells those who wait for the job to leave the slot. */
const free = (slot: Slot): void => {
  if (slot.whenFree.size === 0) return
  const waiting = Array.from(slot.whenFree)
  slot.whenFree.clear()
  for (const resume of waiting) resume()
}

/** A job that ended so that its slot is not to be relied on. */
const slotFaultOf = (pool: Pool, job: Job, exit: Exit.Exit<unknown, unknown>): Fault | undefined => {
  if (Exit.isSuccess(exit) || job.cancelled) return undefined
  if (isOrderly(exit)) {
    const failed = exit.cause.reasons.find(Cause.isFailReason)
    if (failed === undefined || !isSlotFailure(pool, failed.error)) return undefined
  }
  return { error: Render.causeLine(exit.cause), exit: failureOf(exit), job: { state: "Failed", exit } }
}

const isSlotFailure = (pool: Pool, error: unknown): boolean => {
  try {
    return pool.settings.slotFailure(error)
  } catch {
    // It cannot say: the slot is not to be relied on.
    return true
  }
}

/** Runs one job after another, each in a fiber of its own with the services of whoever asked for it. */
const runner = (
  pool: Pool,
  slot: Slot,
  current: Current | undefined
): (job: Job) => Effect.Effect<Exit.Exit<unknown, unknown>> => {
  const { jobSilence } = pool.settings
  const worker = slot.worker?.value
  // Jobs of one caller come with the same services.
  let before: Context.Context<never> | undefined
  let services: Context.Context<never> = Context.empty()
  const servicesOf = (job: Job) => {
    if (jobSilence < Number.POSITIVE_INFINITY) {
      return Context.add(job.context, CurrentRun, beating(pool, slot, job, current))
    }
    if (job.context !== before) {
      before = job.context
      services = Context.add(job.context, CurrentRun, current)
    }
    return services
  }
  const forkFor = (job: Job) => {
    return Effect.runForkWith(servicesOf(job))(
      Effect.suspend(() => job.work(worker as never, contextOf(slot, job) as never) as Effect.Effect<unknown, unknown>)
    )
  }
  return (job) =>
    Effect.callback((resume) => {
      if (job.cancelled) return resume(Effect.succeed(Exit.interrupt()))
      job.begun = true
      if (job.kept) job.startedAt = pool.wallNow()
      const fiber = forkFor(job)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return resume(Effect.succeed(exit))
      slot.jobFiber = fiber
      const done = (ended: Exit.Exit<unknown, unknown>) => {
        slot.verdict = undefined
        disarm()
        resume(Effect.succeed(ended))
      }
      const disarm = watched(pool, slot, job, jobSilence)
      slot.verdict = (fault) => {
        slot.fault ??= fault
        fiber.interruptUnsafe()
        done(fault.job.exit)
      }
      fiber.addObserver(done)
      // Its first steps may have been to cancel itself, or the end of its worker.
      if (job.cancelled) end(pool, slot, job, fiber)
      if (slot.workerEnd !== undefined) workerEnded(pool, slot, slot.workerEnd)
      return Effect.sync(() => {
        slot.verdict = undefined
        disarm()
      })
    })
}

/** The slot's run as its job sees it: a beat is the job's own, and counts for it alone. */
const beating = (pool: Pool, slot: Slot, job: Job, run: Current | undefined): Current | undefined =>
  run === undefined ? undefined : {
    supervisor: run.supervisor,
    task: run.task,
    path: run.path,
    generation: run.generation,
    attempt: run.attempt,
    beat: (details) => {
      if (slot.job !== job) return
      slot.beatAt = pool.now()
      run.beat(details)
    }
  }

const contextOf = (slot: Slot, job: Job): JobContext => ({
  id: job.id,
  slot: slot.info(),
  session: slot.view.record.session,
  setSession: (session) =>
    Effect.sync(() => {
      // What a job has left running may say so when the next one is at work.
      if (slot.job !== job) return
      slot.session = { value: session === undefined ? undefined : jsonOf(session) }
    })
})

const isJson = Schema.is(Schema.Json)

/** A copy: what is done to the value later is not the next job's affair. */
const jsonOf = (session: unknown): Schema.Json => {
  try {
    if (isJson(session)) return JSON.parse(JSON.stringify(session))
  } catch {
    // It refers to itself, or throws when it is looked at.
  }
  return Options.refuse("SlotPool", "session", session, "JSON")
}

/** Being woken later than this is the observer's stall, and not held against the job. */
const tolerance = 20

/** The clocks of a job under way: how long it may take, and how long it may be silent. */
const watched = (pool: Pool, slot: Slot, job: Job, silence: number): () => void => {
  const sleepers = new Set<Fiber.Fiber<void>>()
  /** Tells how late it is, where that is the observer's stall. */
  const after = (millis: number, then: (late: number) => void) => {
    const due = pool.now() + millis
    const sleeper = pool.fork(Effect.sleep(Math.ceil(millis)))
    sleepers.add(sleeper)
    sleeper.addObserver((exit) => {
      sleepers.delete(sleeper)
      const late = pool.now() - due
      if (Exit.isSuccess(exit)) then(late > tolerance ? late : 0)
    })
  }
  const judge = (state: EndState, reason: Reason) => {
    const exit = poolError(pool, reason)
    slot.verdict?.({ error: reason.message, exit, job: { state, exit } })
  }
  const { timeout } = job
  if (timeout < Number.POSITIVE_INFINITY) {
    const over = (late: number) =>
      late > 0 ? after(late, over) : judge("TimedOut", new JobTimedOut({ job: job.id, slot: slot.id, timeout }))
    after(timeout, over)
  }
  if (silence < Number.POSITIVE_INFINITY) {
    const look = () => {
      // "Longer than" is strict.
      const left = slot.beatAt + silence + 1 - pool.now()
      if (left <= 0) return judge("TimedOut", new JobSilent({ job: job.id, slot: slot.id, within: silence }))
      after(left, (late) => {
        slot.beatAt += late
        look()
      })
    }
    slot.beatAt = pool.now()
    look()
  }
  return () => {
    for (const sleeper of Array.from(sleepers)) sleeper.interruptUnsafe()
  }
}

/** Asks a job under way to end. One that does not costs its slot. */
export const cancel = (pool: Pool, job: Job): void => {
  const slot = job.slot === undefined ? undefined : pool.slots.get(job.slot)
  if (job.cancelled || slot?.job !== job) return
  job.cancelled = true
  // Without a fiber it is about to begin, and will not.
  if (slot.jobFiber !== undefined) end(pool, slot, job, slot.jobFiber)
}

const end = (pool: Pool, slot: Slot, job: Job, jobFiber: Fiber.Fiber<unknown, unknown>): void => {
  jobFiber.interruptUnsafe()
  const { stopTimeout } = pool.settings
  if (job.exit !== undefined || stopTimeout === Number.POSITIVE_INFINITY) return
  const grace = pool.fork(Effect.sleep(stopTimeout))
  jobFiber.addObserver(() => grace.interruptUnsafe())
  grace.addObserver((exit) => {
    if (Exit.isFailure(exit) || slot.job !== job) return
    const error = `job "${job.id}" was cancelled and has not ended within ${stopTimeout} ms`
    slot.verdict?.({
      error,
      exit: Exit.die(new Error(error)),
      job: { state: "Cancelled", exit: poolError(pool, new JobCancelled({ job: job.id })) }
    })
  })
}

// ---------------------------------------------------------------------------------------------------------------------
// the end of a run
// ---------------------------------------------------------------------------------------------------------------------

/** Puts the end down in the record first, then answers the job. */
const ended = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { fault, job, jobFiber } = slot
    slot.worker = undefined
    slot.verdict = undefined
    // First of all: whoever is answered may try again at once.
    jobFiber?.interruptUnsafe()
    const outcome = slot.intent === undefined && !pool.closed
      ? yield* errored(pool, slot, exit, fault)
      : yield* asked(pool, slot)
    slot.job = undefined
    answerFinished(pool, slot)
    if (job !== undefined) answer(pool, slot, job, fault, outcome)
    // Nobody may be left to do what the drain waits for.
    if (pool.draining && !pool.canServe()) pool.giveUpQueued()
    free(slot)
  })

const answer = (pool: Pool, slot: Slot, job: Job, fault: Fault | undefined, why: string): void => {
  if (job.cancelled) return pool.jobs.cancelled(job)
  if (!job.begun && !pool.closed) return pool.putBack(job)
  const { exit, state } = fault?.job ?? lostBy(pool, slot, job, why)
  if (pool.jobs.end(job, state, exit) && state === "Lost") {
    pool.tell({ _tag: "JobLost", slot: slot.id, job: job.id, why })
  }
}

/** What is left of the last job ends before the worker is released, and before another run: never two at once. */
const untilJobEnded = (slot: Slot): Effect.Effect<void> =>
  Effect.suspend(() => slot.jobFiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(slot.jobFiber)))

const lostBy = (pool: Pool, slot: Slot, job: Job, why: string): Fault["job"] =>
  pool.closed
    ? { state: "Lost", exit: poolError(pool, new PoolClosed({})) }
    : lost(pool, slot, job, why, Exit.interrupt()).job

/** The pool itself asked for the end. Whoever did writes the rest. */
const asked = (pool: Pool, slot: Slot): Effect.Effect<string> =>
  Effect.as(
    pool.ledger.write(slot.view, Records.released),
    pool.closed
      ? "the pool was closed"
      : slot.intent === "lost"
      ? "the slot is not this pool's any more"
      : "the slot was stopped"
  )

const errored = Effect.fnUntraced(function*(
  pool: Pool,
  slot: Slot,
  exit: Exit.Exit<unknown, unknown>,
  fault: Fault | undefined
): Effect.fn.Return<string> {
  const { maxRestarts, policy, stableAfter, supervisor } = pool.settings
  const { owned, record } = slot.view
  const error = fault?.error ?? errorOf(pool, slot, exit)
  if (!owned || (record.state !== "Idle" && record.state !== "Busy")) return error
  const now = pool.storeNow()
  const restarts = Records.isStable(record, now, stableAfter) ? 0 : record.restarts
  const due = policy === undefined ? undefined : yield* dueOf(pool, slot, policy, reasonOf(pool, slot, exit), restarts)
  const written = yield* pool.ledger.write(slot.view, Records.errored({ error, now, due, stableAfter }))
  if (written?.state === "Errored") {
    const told = { slot: slot.id, error, restarts: written.restarts }
    const { dueAt } = written
    const defect = Exit.isFailure(exit) && exit.cause.reasons.some(Cause.isDieReason) ? exit.cause : undefined
    pool.tell({ _tag: "SlotErrored", ...told, ...(dueAt === undefined ? {} : { dueAt }) }, defect)
    if (Records.isExhausted(written, maxRestarts)) pool.tell({ _tag: "SlotExhausted", ...told })
    if (!pool.canServe() && !supervisor.enabled) {
      pool.teller.log(
        "Warn",
        "no slot is left to do jobs, until checkAndRestartSlots is called: its supervisor is not enabled"
      )
    }
  }
  return error
})

/** A policy that fails, or does not answer in the time of the store, puts nothing back to work. */
const dueOf = (
  pool: Pool,
  slot: Slot,
  policy: RestartPolicy.RestartPolicy<unknown>,
  reason: RestartPolicy.RestartReason<unknown>,
  restarts: number
): Effect.Effect<Records.Due> => {
  const asked = () => Due.ask(policy, slot.asked, reason, restarts, pool.storeNow())
  return Effect.map(pool.ledger.asking.wait("ask the restart policy", asked), (answer) => {
    if (Exit.isSuccess(answer)) return answer.value
    const { cause, reason } = failureOfStore(answer)
    const because = cause === undefined ? undefined : Cause.die(cause)
    pool.teller.log("Error", `the restart policy of the slot failed: ${reason}`, { slot: slot.id }, because)
    return { _tag: "Never" }
  })
}

const errorOf = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "the worker ended"
  const verdict = probeVerdict(pool, slot, exit)
  if (verdict !== undefined) return `its probe failed: ${Render.causeLine(verdict.cause)}`
  return Cause.hasInterruptsOnly(exit.cause) ? "the worker was interrupted" : Render.causeLine(exit.cause)
}

const defaultFailures = 3

/** A run that is interrupted after so many failed probes is so because of them. */
const probeVerdict = (pool: Pool, slot: Slot, exit: Exit.Failure<unknown, unknown>): Slot["probeFailure"] => {
  const { probeFailure } = slot
  const isVerdict = probeFailure !== undefined &&
    probeFailure.failures >= (pool.settings.probing.failures ?? defaultFailures)
  return isVerdict && Cause.hasInterruptsOnly(exit.cause) ? probeFailure : undefined
}

/** What the restart policy is asked. Typed are the worker's own failures alone: what a job or the pool adds is a defect. */
const reasonOf = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): RestartPolicy.RestartReason<unknown> => {
  const { fault, workerEnd } = slot
  const end = workerEnd ?? exit
  if (workerEnd === undefined && fault !== undefined && Exit.isFailure(fault.exit)) {
    return { _tag: "Failed", cause: Cause.die(Cause.squash(fault.exit.cause)) }
  }
  if (Exit.isSuccess(end)) return { _tag: "Completed" }
  const verdict = probeVerdict(pool, slot, end)
  return verdict === undefined ? { _tag: "Failed", cause: end.cause } : { _tag: "ProbeFailed", ...verdict }
}
