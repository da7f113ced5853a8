/**
 * The end of a run of a worker: put down in the record, and answered to those who wait.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as RestartPolicy from "../../RestartPolicy.ts"
import { PoolClosed } from "../../SlotPoolError.ts"
import * as Render from "../render.ts"
import type { Fault, Pool, Slot } from "./core.ts"
import * as Due from "./due.ts"
import { lost, poolError } from "./faults.ts"
import type { Job } from "./jobs.ts"
import { stateOf } from "./jobs.ts"
import { failureOf } from "./ledger.ts"
import * as Records from "./records.ts"

/** Tells how the job ended whose end has been put down, or was about to be. */
export const answerFinished = (pool: Pool, slot: Slot): void => {
  const { finished } = slot
  if (finished === undefined) return
  slot.finished = undefined
  if (finished.job.cancelled) pool.jobs.cancelled(finished.job)
  else pool.jobs.end(finished.job, stateOf(finished.exit), finished.exit)
}

/** Tells those who wait for the job to leave the slot. */
export const free = (slot: Slot): void => {
  if (slot.whenFree.size === 0) return
  const waiting = Array.from(slot.whenFree)
  slot.whenFree.clear()
  for (const resume of waiting) resume()
}

/** Puts the end down in the record first, then answers the job. */
export const ended = (pool: Pool, slot: Slot, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { fault, job, jobFiber } = slot
    slot.worker = undefined
    slot.verdict = undefined
    // First of all: whoever is answered may try again at once.
    jobFiber?.interruptUnsafe()
    const outcome = slot.intent === undefined && !pool.closed
      ? yield* errored(pool, slot, exit, fault)
      : yield* released(pool, slot)
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

const lostBy = (pool: Pool, slot: Slot, job: Job, why: string): Fault["job"] =>
  pool.closed
    ? { state: "Lost", exit: poolError(pool, new PoolClosed({})) }
    : lost(pool, slot, job, why, Exit.interrupt()).job

/** The pool itself asked for the end. Whoever did writes the rest. */
const released = (pool: Pool, slot: Slot): Effect.Effect<string> =>
  Effect.as(
    pool.ledger.write(slot.view, Records.released),
    pool.closed
      ? "the pool was closed"
      : !slot.view.owned
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
  const asked = () => Due.ask(policy, slot.policy, reason, restarts, pool.storeNow())
  return Effect.map(pool.ledger.asking.wait("ask the restart policy", asked), (answer) => {
    if (Exit.isSuccess(answer)) return answer.value
    const { cause, reason } = failureOf(answer)
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
