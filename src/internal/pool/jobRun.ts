/**
 * One job on a worker: run in a fiber of its own, with the services of whoever asked for it, watched, and ended when it
 * is to.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { JobCancelled, JobSilent, JobTimedOut } from "../../SlotPoolError.ts"
import type { Reason } from "../../SlotPoolError.ts"
import type { CurrentRun as Current } from "../currentRun.ts"
import { CurrentRun } from "../currentRun.ts"
import * as Options from "../options.ts"
import * as Render from "../render.ts"
import type { Pool, Slot } from "./core.ts"
import { effectOf, failureOf, lost, poolError } from "./faults.ts"
import type { EndState, Job } from "./jobs.ts"

/** What a job can know of where it runs. */
interface JobContext {
  readonly id: string
  readonly slot: ReturnType<Slot["info"]>
  readonly session: unknown
  readonly setSession: (session: unknown) => Effect.Effect<void>
}

/** Runs one job after another, each in a fiber of its own with the services of whoever asked for it. */
export const runner = (
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
      Effect.suspend(() =>
        effectOf("the job", job.work(worker as never, contextOf(slot, job) as never)) as Effect.Effect<unknown, unknown>
      )
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
      slot.heed((fault) => {
        slot.fault ??= fault
        fiber.interruptUnsafe()
        done(fault.job.exit)
      })
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

/**
 * The clocks of a job under way: how long it may take, and how long it may be silent. Each sleeps in portions: one that is
 * late tells that the observer was stalled, not since when, and what passed since the portion began does not count.
 */
const watched = (pool: Pool, slot: Slot, job: Job, silence: number): () => void => {
  const sleepers = new Set<Fiber.Fiber<void>>()
  /** Until nothing is left of the time; `lost` is told what of it nobody had. */
  const until = (left: () => number, lost: (millis: number) => void, over: () => void): void => {
    const millis = left()
    if (millis <= 0) return over()
    const began = pool.now()
    const portion = Math.min(millis, Math.max(tolerance, Math.ceil(millis / 8)))
    const sleeper = pool.fork(Effect.sleep(Math.ceil(portion)))
    sleepers.add(sleeper)
    sleeper.addObserver((exit) => {
      sleepers.delete(sleeper)
      if (Exit.isFailure(exit)) return
      const passed = pool.now() - began
      if (passed - portion > tolerance) lost(passed)
      until(left, lost, over)
    })
  }
  const judge = (state: EndState, reason: Reason) => {
    const exit = poolError(pool, reason)
    slot.verdict?.({ error: reason.message, exit, job: { state, exit } })
  }
  const { timeout } = job
  if (timeout < Number.POSITIVE_INFINITY) {
    let due = pool.now() + timeout
    until(
      () => due - pool.now(),
      (millis) => {
        due += millis
      },
      () => judge("TimedOut", new JobTimedOut({ job: job.id, slot: slot.id, timeout }))
    )
  }
  if (silence < Number.POSITIVE_INFINITY) {
    slot.beatAt = pool.now()
    until(
      // "Longer than" is strict.
      () => slot.beatAt + silence + 1 - pool.now(),
      (millis) => {
        slot.beatAt = Math.min(slot.beatAt + millis, pool.now())
      },
      () => judge("TimedOut", new JobSilent({ job: job.id, slot: slot.id, within: silence }))
    )
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

/** The worker has ended: so does its job, and the run. */
export const workerEnded = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): void => {
  const { job, verdict } = slot
  if (job === undefined || verdict === undefined) return pool.wake(slot)
  const error = Exit.isSuccess(exit) ? "the worker ended" : Render.causeLine(exit.cause)
  verdict(lost(pool, slot, job, error, failureOf(exit)))
}
