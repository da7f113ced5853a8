/**
 * The orderly end of a pool's work: nothing new is taken, what was taken is done, and every slot is stopped.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { DrainReport } from "../../SlotPoolEvent.ts"
import * as Waiters from "../waiters.ts"
import type { Pool, Slot } from "./core.ts"
import * as Health from "./health.ts"
import * as Keeping from "./keeping.ts"

export const drain = (pool: Pool, timeout: number): Effect.Effect<DrainReport> =>
  Effect.gen(function*() {
    pool.draining = true
    pool.tell({ _tag: "PoolDraining" })
    yield* Effect.ignore(pool.supervisor.stop(Health.taskName))
    if (!pool.canServe()) pool.giveUpQueued()
    const settled = Effect.suspend(() =>
      pool.jobs.isSettled ? Effect.void : Waiters.wait(pool.jobs.settled, () => Exit.void)
    )
    yield* timeout === Number.POSITIVE_INFINITY ? settled : Effect.timeoutOrElse(settled, {
      duration: timeout,
      orElse: () =>
        Effect.sync(() => {
          // These first: one that waits for a queued one would go on, and end well.
          for (const { finished, id, job } of pool.slots.values()) {
            if (job === undefined || job === finished?.job) continue
            pool.gaveUpOn.push({ job: job.id, slot: id })
            job.cancelled = true
          }
          pool.giveUpQueued()
        })
    })
    // After the pass, and the scaling, that had begun before.
    const stopAll = Effect.suspend(() =>
      Effect.forEach(pool.slots.values(), (slot) => stop(pool, slot), { concurrency: "unbounded" })
    )
    const stopped = yield* pool.passing.withPermit(pool.scaling.withPermit(stopAll))
    const { counts } = pool.jobs
    pool.tell({ _tag: "PoolDrained", gaveUpOn: pool.gaveUpOn.length })
    return {
      slots: stopped.filter(({ isStopped }) => isStopped).length,
      unstoppable: stopped.filter(({ hasEnded }) => !hasEnded).map(({ slot }) => slot),
      succeeded: counts.Succeeded,
      failed: counts.Failed,
      gaveUpOn: pool.gaveUpOn
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
