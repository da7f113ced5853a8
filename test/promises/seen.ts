/**
 * What a supervisor answers, tells and shows, in the words of the model.
 */
import type { SupervisorError } from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import type { FinalReport, TaskStatus } from "effect-supervisor/TaskStatus"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Exit from "effect/Exit"

/** What bodies fail with. */
export class Trouble extends Data.TaggedError("Trouble")<{
  readonly asks: "restart" | "stop" | "escalate" | "odd"
}> {}

const ours = ["body", "finalizer", "schedule", "directive"]

const tag = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)

export const cause = (of: Cause.Cause<unknown>): ReadonlyArray<string> =>
  of.reasons.map((reason) => {
    switch (reason._tag) {
      case "Fail":
        return `Fail:${reason.error instanceof Trouble ? reason.error.asks : tag(reason.error)}`
      case "Die": {
        const message = reason.defect instanceof Error ? reason.defect.message : String(reason.defect)
        return ours.includes(message) ? `Die:${message}` : "Die:verdict"
      }
      case "Interrupt":
        return "Interrupt"
    }
  })

const tagOf = (exit: Exit.Failure<unknown, unknown>): string =>
  Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : tag(Cause.squash(exit.cause))

export const answer = (exit: Exit.Exit<unknown, unknown>): string => Exit.isSuccess(exit) ? "ok" : tagOf(exit)

export const settlement = (exit: Exit.Exit<string, unknown>): string => {
  if (Exit.isSuccess(exit)) return `success ${exit.value}`
  const error = Cause.squash(exit.cause) as {
    readonly _tag: string
    readonly why: string
    readonly runs: number
    readonly cause: Cause.Cause<unknown>
  }
  return error._tag === "TaskDead"
    ? `TaskDead ${error.why} after ${error.runs}: ${cause(error.cause).join(", ")}`
    : tagOf(exit)
}

const givingUp = (reason: SupervisorError["reason"]): string => {
  switch (reason._tag) {
    case "TaskDead":
      return `TaskDead ${reason.task}`
    case "DynamicTaskDead":
      return `DynamicTaskDead ${reason.dead.task}`
    case "TooManyDeadTasks":
      return `TooManyDeadTasks ${reason.dead} of ${reason.total}`
    case "TooManyRestarts":
      return `TooManyRestarts ${reason.task}`
    case "DynamicTooManyRestarts":
      return `DynamicTooManyRestarts ${reason.exceeded.task}`
  }
}

/** An event as the model writes it. */
export const event = (told: SupervisorEvent, ahead: number): string => {
  const about = "task" in told ? `${told._tag} ${told.task}#${told.generation}` : told._tag
  switch (told._tag) {
    case "TaskStarting":
      return `${about} attempt ${told.attempt}`
    case "HeartbeatMissed":
      return `${about} ${told.during}`
    case "TaskFailed":
      return `${about} ${told.failure.kind}`
    case "RestartScheduled": {
      const reason = told.sibling === undefined ? told.reason : `${told.reason} ${told.sibling}`
      return `${about} attempt ${told.attempt} after ${told.delay ?? Number.POSITIVE_INFINITY} ${reason}`
    }
    case "RestartHeld":
      return `${about} after ${told.delay}`
    case "RestartsPaused":
      return `${about} until ${told.until - ahead}`
    case "TaskStopping":
      return `${about} ${told.because}`
    case "TaskDead":
      return `${about} ${told.why}`
    case "SupervisorClosing":
      return told.failure === undefined ? about : `${about} with failure`
    case "EventsMissed":
      return `${about} ${told.missed}`
    default:
      return about
  }
}

/** Moments are shown by a wall clock that is so far ahead of the monotonic one. */
export const status = (shown: TaskStatus, ahead: number): string => {
  const failure = shown.lastFailure
  return [
    `${shown._tag} ${shown.task}#${shown.generation} attempt ${shown.attempt} since ${shown.since - ahead}`,
    shown._tag === "Stopping" && shown.overdue ? "overdue" : undefined,
    shown._tag === "Dead" ? shown.why : undefined,
    shown._tag === "Failed" && shown.restartAt !== undefined ? `restart at ${shown.restartAt - ahead}` : undefined,
    shown._tag === "Failed" && shown.sibling !== undefined ? `with ${shown.sibling}` : undefined,
    failure === undefined ? undefined : `failed ${failure.kind} #${failure.generation}`
  ].filter((word) => word !== undefined).join(", ")
}

/** How a supervisor ended: why, the last statuses, and the runs that did not end. */
export const end = (exit: Exit.Exit<FinalReport, SupervisorError>, ahead: number): string => {
  const error = Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause) as SupervisorError
  const { statuses, unstoppable } = Exit.isSuccess(exit) ? exit.value : error!.report
  return [
    error === undefined ? "ended" : `gave up: ${givingUp(error.reason)}`,
    ...statuses.map((shown) => status(shown, ahead)),
    ...unstoppable.map(({ generation, task }) => `unstoppable ${task}#${generation}`)
  ].join("\n")
}
