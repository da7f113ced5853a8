/**
 * What makes a slot Errored, and what becomes of the job on it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { JobLost, PoolError } from "../../SlotPoolError.ts"
import type { Reason } from "../../SlotPoolError.ts"
import * as Options from "../options.ts"
import * as Render from "../render.ts"
import type { Fault, Pool, Slot } from "./core.ts"
import type { Job } from "./jobs.ts"
import { isOrderly } from "./jobs.ts"

/** What a user's function gives, which may be no Effect for all its type: that would end a fiber past its finalizers. */
export const effectOf = (what: string, given: unknown): Effect.Effect<unknown, unknown, unknown> =>
  Effect.isEffect(given)
    ? given as Effect.Effect<unknown, unknown, unknown>
    : Effect.die(new TypeError(`${what} gave ${Options.show(given)}; it must give an Effect`))

export const failureOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<never, unknown> =>
  Exit.isFailure(exit) ? Exit.failCause(exit.cause) : Exit.die(new Error("the worker ended"))

export const poolError = (pool: Pool, reason: Reason): Exit.Exit<never, PoolError> =>
  Exit.fail(new PoolError({ pool: pool.settings.name, reason }))

export const lost = (pool: Pool, slot: Slot, job: Job, why: string, exit: Exit.Exit<never, unknown>): Fault => ({
  error: why,
  exit,
  job: { state: "Lost", exit: poolError(pool, new JobLost({ job: job.id, slot: slot.id, why })) }
})

/** A job that ended so that its slot is not to be relied on. */
export const slotFaultOf = (pool: Pool, job: Job, exit: Exit.Exit<unknown, unknown>): Fault | undefined => {
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
