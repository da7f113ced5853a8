/**
 * One run of a slot's worker, as a task of the pool's supervisor: acquire the worker, and give it one job after another.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Heartbeat from "../../Heartbeat.ts"
import * as RestartPolicy from "../../RestartPolicy.ts"
import * as Task from "../../Task.ts"
import type { CurrentRun as Current } from "../currentRun.ts"
import { CurrentRun } from "../currentRun.ts"
import type { Pool, Slot } from "./core.ts"
import { effectOf, failureOf, slotFaultOf } from "./faults.ts"
import { runner, workerEnded } from "./jobRun.ts"
import type { Job } from "./jobs.ts"
import * as Records from "./records.ts"
import { answerFinished, ended, free } from "./workerEnd.ts"

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
    const worker = slot?.worker
    return slot === undefined || worker === undefined
      ? Effect.void
      : Effect.onExit(
        Effect.suspend(() => effectOf("probe", probe(worker.value as never, slot.info() as never))),
        (exit) =>
          Effect.sync(() => {
            const failures = (slot.probeFailure?.failures ?? 0) + 1
            slot.probeFailure = Exit.isFailure(exit) ? { cause: probeCause(exit.cause), failures } : undefined
          })
      )
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

/** What is left of the last job ends before the worker is released, and before another run: never two at once. */
const untilJobEnded = (slot: Slot): Effect.Effect<void> =>
  Effect.suspend(() => slot.jobFiber === undefined ? Effect.void : Effect.asVoid(Fiber.await(slot.jobFiber)))

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
    const scope = Scope.makeUnsafe()
    yield* Effect.addFinalizer((exit) => release(pool, slot, scope, exit))
    const acquired = Deferred.makeUnsafe<unknown, unknown>()
    // For as long as the run: what is forked while the worker is made lives as long as the worker does.
    const making = Effect.suspend(() => effectOf("acquire", acquire(slot.info() as never))).pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.onExit((exit) => Deferred.done(acquired, exit)),
      Effect.andThen(Effect.never)
    )
    const acquiring = yield* Effect.forkChild(making, { startImmediately: true })
    yield* Effect.addFinalizer(() => Fiber.interrupt(acquiring))
    slot.worker = { value: yield* inTime(Deferred.await(acquired), acquireTimeout) }
  })
}

/** What a worker holds and does not let go of is a leak, at every restart once more. */
const release = (
  pool: Pool,
  slot: Slot,
  scope: Scope.Closeable,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> =>
  Effect.tapCause(Scope.close(scope, exit), (cause) =>
    Effect.sync(() => {
      pool.teller.log("Error", "the worker of the slot was not released in order", { slot: slot.id }, cause)
    }))

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
      Effect.suspend(() => effectOf("watch", watch(worker.value as never, slot.info() as never))),
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
      // It was interrupted because the slot is not the pool's any more, or the pool closes: it is answered so.
      const isTaken = !slot.view.owned || pool.closed
      if (isTaken && !job.cancelled && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return
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

/** Takes the next job, or stands in line for one: in one step, or a job that comes between would find nobody. */
const nextJob = (pool: Pool, slot: Slot): Effect.Effect<Job | undefined> =>
  Effect.callback((resume) => {
    const taken = take(pool, slot)
    if (taken !== undefined || slot.isOver) return resume(Effect.succeed(taken))
    pool.idle.push(slot)
    slot.sleep(() => resume(Effect.sync(() => take(pool, slot))))
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
