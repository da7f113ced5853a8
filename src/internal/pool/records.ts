/**
 * What happens to the record of a slot. Pure: a record goes in, and what is to be written comes out, or nothing where
 * the change is not to be made (any more). A change is made again on the newer record when somebody wrote meanwhile.
 */
import type * as Schema from "effect/Schema"
import type { SlotRecord } from "../../SlotPoolStore.ts"

export type Change = (record: SlotRecord) => SlotRecord | undefined

const withoutJob = ({ job, ...rest }: SlotRecord): SlotRecord => rest

const withoutError = ({ dueAt, error, erroredAt, exhausted, ...rest }: SlotRecord) => rest

export const fresh = (
  pool: string,
  slot: string,
  config: { readonly config: Schema.Json; readonly name?: string; readonly role?: string }
): SlotRecord => ({ pool, slot, version: 0, state: "Idle", ...config, restarts: 0, completed: 0 })

/** A job is given to the slot: an idle one, or one that `previous` has just ended on. */
export const busy = (job: string, previous?: Ended): Change => (record) => {
  const idle = previous === undefined ? record : ended(previous)(record)
  return idle?.state === "Idle" ? { ...idle, state: "Busy", job } : undefined
}

/** How a job left its slot. */
export interface Ended {
  readonly job: string
  readonly well: boolean
  /** What is left for the next job, if that was said. */
  readonly session: { readonly value: Schema.Json | undefined } | undefined
}

/** The job has ended, and left the slot in order. */
export const ended = ({ job, session, well }: Ended): Change => (record) => {
  if (record.state !== "Busy" || record.job !== job) return undefined
  const idle: SlotRecord = { ...withoutJob(record), state: "Idle", completed: record.completed + (well ? 1 : 0) }
  if (session === undefined) return idle
  const { session: before, ...rest } = idle
  return session.value === undefined ? rest : { ...rest, session: session.value }
}

/** Whether restarts are forgotten: so long ago that it is stable. */
export const isStable = (record: SlotRecord, now: number, stableAfter: number): boolean =>
  record.restarts > 0 && record.restartedAt !== undefined && now - record.restartedAt > stableAfter

/** Earlier restarts are forgotten. */
export const stable = (now: number, stableAfter: number): Change => (record) =>
  (record.state === "Idle" || record.state === "Busy") && isStable(record, now, stableAfter)
    ? { ...record, restarts: 0 }
    : undefined

/** When the slot may be put back to work. */
export type Due = { readonly _tag: "At"; readonly at: number } | { readonly _tag: "Never" } | undefined

/** The worker has ended, or could not be acquired. */
export const errored = (
  options: { readonly error: string; readonly now: number; readonly due: Due; readonly stableAfter: number }
): Change =>
(record) => {
  if (record.state !== "Idle" && record.state !== "Busy") return undefined
  const { due, error, now, stableAfter } = options
  return {
    ...withoutError(record),
    state: "Errored",
    error,
    erroredAt: now,
    restarts: isStable(record, now, stableAfter) ? 0 : record.restarts,
    ...(due?._tag === "At" ? { dueAt: due.at } : due?._tag === "Never" ? { exhausted: true } : {})
  }
}

/** Errored for good. */
export const isExhausted = (record: SlotRecord, maxRestarts: number): boolean =>
  record.state === "Errored" && (record.exhausted === true || record.restarts >= maxRestarts)

/** Back to work, by a pass of the health supervisor. */
export const restarted = (now: number, maxRestarts: number): Change => (record) => {
  if (record.state !== "Errored" || isExhausted(record, maxRestarts)) return undefined
  if (record.dueAt !== undefined && record.dueAt > now) return undefined
  const { session, ...rest } = withoutJob(withoutError(record))
  return { ...rest, state: "Idle", restarts: record.restarts + 1, restartedAt: now }
}

/** A run of the worker begins though nobody of the pool asked for one: somebody asked the supervisor by name. */
export const begun: Change = (record) =>
  record.state === "Idle" ? undefined : { ...withoutJob(withoutError(record)), state: "Idle" }

export const stopped: Change = (record) =>
  record.state === "Stopped" ? undefined : { ...withoutJob(withoutError(record)), state: "Stopped" }

/** The pool closes: what the slot was doing is over. */
export const released: Change = (record) =>
  record.state === "Busy" ? { ...withoutJob(record), state: "Idle" } : undefined

/** A slot that nobody owns any more, or that was this pool's before, as its new owner takes it up. */
export const takenUp = (record: SlotRecord): SlotRecord =>
  record.state === "Errored" ? record : { ...withoutJob(record), state: "Idle" }
