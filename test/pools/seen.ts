/**
 * What is seen of jobs and workers from within and from outside, in words that can be compared.
 */
import type { PoolError } from "effect-supervisor/SlotPoolError"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { OwnPlan, WorkerPlan } from "./history.ts"

/** What a job fails with. */
export class Trouble extends Schema.TaggedError<Trouble>()("Trouble", {
  job: Schema.Int,
  ofSlot: Schema.Boolean
}) {}

/** What a worker ends with, or cannot be acquired for. */
export class WorkerTrouble extends Schema.TaggedError<WorkerTrouble>()("WorkerTrouble", {}) {}

export interface Job {
  readonly number: number
  readonly by: "run" | "submit" | "fanOut"
  readonly plan: OwnPlan
  /** It ends at once when it is told to. */
  readonly endsAtOnce: boolean
  /** When it was handed in, by the clock of its machine. */
  readonly since: number
  /** When, in the world. */
  readonly at: number
  /** It was not taken. */
  refused: boolean
  id: string | undefined
  begun: { readonly worker: Worker; readonly since: number; readonly at: number; readonly session: unknown } | undefined
  /** When it last showed that it is alive, by the clock of its machine. */
  lastSign: number
  body: "waits" | "is alive" | "is over"
  /** How its body ended, and when in the world. */
  exit: string | undefined
  overAt: number | undefined
  answer: string | undefined
  /** Somebody has asked for its end, first at this moment of the world. */
  cancelledAt: number | undefined
  /** Whoever ran it was interrupted. */
  left: boolean
  /** Its body has been told to end. */
  interrupted: boolean
}

export interface Worker {
  readonly number: number
  readonly slot: string
  readonly plan: WorkerPlan
  readonly at: number
  /** Those that have begun on it. */
  readonly jobs: Array<Job>
  state: "being acquired" | "held" | "being released" | "gone"
  released: number
  /** Something has happened to it that may end it, */
  doomed: boolean
  /** and has. */
  ended: boolean
  /** Ends it, as its watch sees it. */
  crash: ((how: "ends" | "fails" | "dies" | "is interrupted") => void) | undefined
  /** A stuck release ends. */
  letGo: (() => void) | undefined
}

/** What a pool is asked for that is answered. */
export interface Command {
  readonly what: "check" | "scale" | "drain" | "cancel" | "close" | "health"
  readonly asked: string
  readonly at: number
  answer: string | undefined
  answeredAt: number | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
}

const reasonOf = (error: unknown): string => {
  const known = error as PoolError
  return known._tag === "PoolError" ? known.reason._tag : String(error)
}

/** How a job ended, as its body does and as its caller is told. */
export const exit = (seen: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(seen)) return `succeeded with ${JSON.stringify(seen.value)}`
  if (Cause.hasInterruptsOnly(seen.cause)) return "interrupted"
  return seen.cause.reasons.filter((reason) => reason._tag !== "Interrupt").map((reason) =>
    reason._tag === "Fail"
      ? reason.error instanceof Trouble ? `failed with ${reason.error.job}` : reasonOf(reason.error)
      : `died of ${reason.defect instanceof Error ? reason.defect.message : String(reason.defect)}`
  ).join(", ")
}

export type EndState = "succeeded" | "failed" | "cancelled" | "timedOut" | "lost" | "unassigned"

const states: Readonly<Record<string, EndState>> = {
  JobCancelled: "cancelled",
  JobTimedOut: "timedOut",
  JobSilent: "timedOut",
  JobLost: "lost",
  PoolClosed: "lost",
  NoSlotAvailable: "unassigned"
}

/** The state of a job that was answered like this. */
export const stateOf = (answer: string): EndState =>
  answer.startsWith("succeeded") ? "succeeded" : states[answer] ?? "failed"

/** By the word of `list` for it. */
export const listed = (state: EndState): string => state.charAt(0).toUpperCase() + state.slice(1)
