/**
 * The orderly end of a pool's work: nothing new is taken, what was taken is done, and every slot is stopped.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Waiters from "../waiters.ts"
import type { Pool, Slot } from "./core.ts"
import * as Health from "./health.ts"
import type { Job } from "./jobs.ts"
import * as Keeping from "./keeping.ts"

/** What draining gave up on. */
interface GivenUp {
  readonly job: string
  readonly slot: string | undefined
}

export interface DrainReport {
  /** How many slots were stopped. */
  readonly slots: number
  /** Slots whose workers have not ended within their bound; they are stopped in the store. */
  readonly unstoppable: ReadonlyArray<string>
  /** Jobs that ended well, and badly, since the pool was made. */
  readonly succeeded: number
  readonly failed: number
  /** Jobs that were cancelled because the time was over, or because no slot was left for them. */
  readonly gaveUpOn: ReadonlyArray<GivenUp>
}

export const drain = (pool: Pool, timeout: number): Effect.Effect<DrainReport> =>
  Effect.gen(function*() {
    pool.draining = true
    pool.tell({ _tag: "PoolDraining" })
    yield* Effect.ignore(pool.supervisor.stop(Health.taskName))
    const gaveUpOn: Array<GivenUp> = []
    const giveUp = (jobs: Iterable<Job>) => {
      for (const { id: job, slot } of jobs) gaveUpOn.push({ job, slot })
    }
    // Nobody would ever take them.
    if (!pool.canServe()) {
      giveUp(pool.jobs.queue)
      pool.jobs.cancelQueued()
    }
    const settled = Effect.suspend(() =>
      pool.jobs.isSettled ? Effect.void : Waiters.wait(pool.jobs.settled, () => Exit.void)
    )
    yield* timeout === Number.POSITIVE_INFINITY ? settled : Effect.timeoutOrElse(settled, {
      duration: timeout,
      orElse: () =>
        Effect.suspend(() => {
          giveUp(pool.jobs.queue)
          giveUp(pool.jobs.running)
          pool.jobs.cancelQueued()
          for (const job of pool.jobs.running) job.cancelled = true
          return Effect.void
        })
    })
    // After the pass, and the scaling, that had begun before.
    const stopAll = Effect.suspend(() =>
      Effect.forEach(pool.slots.values(), (slot) => stop(pool, slot), { concurrency: "unbounded" })
    )
    const stopped = yield* pool.passing.withPermit(pool.scaling.withPermit(stopAll))
    const { counts } = pool.jobs
    pool.tell({ _tag: "PoolDrained", gaveUpOn: gaveUpOn.length })
    return {
      slots: stopped.filter(({ isStopped }) => isStopped).length,
      unstoppable: stopped.filter(({ hasEnded }) => !hasEnded).map(({ slot }) => slot),
      succeeded: counts.Succeeded,
      failed: counts.Failed,
      gaveUpOn
    }
  })

interface Stopped {
  readonly slot: string
  readonly hasEnded: boolean
  /** It is this pool's, and stopped. */
  readonly isStopped: boolean
}

/** Stops a slot's worker. */
const stop = (pool: Pool, slot: Slot): Effect.Effect<Stopped> =>
  Effect.gen(function*() {
    slot.intent ??= "stop"
    const hasEnded = yield* pool.supervisor.stop(slot.id).pipe(
      Effect.as(true),
      Effect.catchTag("TaskUnstoppable", () => Effect.succeed(false)),
      Effect.orElseSucceed(() => true)
    )
    yield* Keeping.stop(pool, slot)
    const { owned, record } = slot.view
    return { slot: slot.id, hasEnded, isStopped: owned && record.state === "Stopped" }
  })
