/**
 * What is logged of an event, and how loudly. Giving up is never silent.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Causes from "./causes.ts"
import { causeLine, reasonLine } from "./render.ts"
import type { Repeated } from "./repeats.ts"
import { Repeats } from "./repeats.ts"
import type { Decision, Notice, SupervisorNotice } from "./state.ts"

interface Line {
  readonly text: string
  readonly cause?: Cause.Cause<unknown>
}

const levels: Record<Notice["_tag"], LogLevel.Severity> = {
  TaskAdded: "Debug",
  TaskStarting: "Debug",
  TaskHealthy: "Debug",
  TaskStable: "Debug",
  HeartbeatMissed: "Warn",
  ProbeFailed: "Warn",
  TaskEnded: "Info",
  TaskFailed: "Warn",
  RestartScheduled: "Info",
  RestartHeld: "Info",
  TaskStopping: "Debug",
  TaskUnstoppable: "Error",
  TaskStopped: "Info",
  TaskCompleted: "Info",
  TaskDead: "Fatal",
  TaskRemoved: "Debug"
}

/** A death that was asked for is news, not an alarm; what repeats is none each time, and more of one as it goes on. */
const levelOf = (notice: Notice, { isLouder, isTold }: Repeated): LogLevel.Severity => {
  if (notice._tag === "TaskDead" && (notice.why === "Killed" || notice.why === "ShutDown")) return "Info"
  const level = levels[notice._tag]
  if (!isTold) return "Debug"
  return isLouder && level === "Warn" ? "Error" : level
}

const again = ({ times }: Repeated): string => times > 1 ? ` (${times} times in a row)` : ""

const lineOf = (notice: Notice, repeated: Repeated): Line => {
  switch (notice._tag) {
    case "TaskAdded":
      return { text: "task added" }
    case "TaskStarting":
      return { text: "task starting" }
    case "TaskHealthy":
      return { text: "task healthy" }
    case "TaskStable":
      return { text: "task stable: earlier failures are forgotten" }
    case "HeartbeatMissed":
    case "ProbeFailed":
      return { text: `task taken for hung: ${reasonLine(notice.reason)}` }
    case "TaskEnded":
      return { text: `task ended well, and is permanent${again(repeated)}` }
    case "TaskFailed": {
      const text = `task failed${again(repeated)}: ${reasonLine(notice.reason)}`
      // A verdict has no stack that would lead anywhere.
      return notice.reason._tag === "Failed" ? { text, cause: Causes.whole(notice.reason) } : { text }
    }
    case "RestartScheduled":
      return {
        text: notice.reason._tag === "Sibling"
          ? `${restartText(notice.delay)}, with its sibling "${notice.reason.task}"`
          : restartText(notice.delay)
      }
    case "RestartHeld":
      return { text: `${restartText(notice.delay)}: restarts are paused` }
    case "TaskStopping":
      return { text: `task stopping (${notice.because})` }
    case "TaskUnstoppable":
      return { text: unstoppableText(notice.stopTimeout) }
    case "TaskStopped":
      return { text: "task stopped" }
    case "TaskCompleted":
      return { text: "task completed" }
    case "TaskDead": {
      const last = notice.failure === undefined ? "" : `: ${reasonLine(notice.failure.reason)}`
      return notice.policyCause === undefined
        ? { text: `task dead (${notice.why})${last}` }
        : {
          text: `task dead (its restart policy died: ${causeLine(notice.policyCause)})${last}`,
          cause: notice.policyCause
        }
    }
    case "TaskRemoved":
      return { text: "task removed" }
  }
}

const unstoppableText = (stopTimeout: number): string => {
  const bound = stopTimeout < Number.POSITIVE_INFINITY ? ` within ${stopTimeout} ms` : ""
  return `task does not end: its run has not ended${bound}`
}

const restartText = (delay: number): string => {
  if (delay <= 0) return "task restarts at once"
  return delay < Number.POSITIVE_INFINITY
    ? `task restarts in ${Duration.format(Duration.millis(delay))}`
    : "task is not restarted: its back-off is endless"
}

const toldText = (notice: SupervisorNotice): string => {
  switch (notice._tag) {
    case "RestartsPaused": {
      const period = Duration.format(Duration.millis(notice.within))
      return `supervisor pauses restarts for ${period}: more than ${notice.restarts} within ${period}`
    }
    case "RestartsResumed":
      return "supervisor resumes restarts"
    case "SupervisorReconfigured": {
      const named = (what: string, tasks: ReadonlyArray<string>) =>
        tasks.length === 0 ? [] : [`${what} ${tasks.map((task) => JSON.stringify(task)).join(", ")}`]
      const changes = [
        ...named("new", notice.added),
        ...named("changed", notice.changed),
        ...named("removed", notice.removed)
      ]
      return `supervisor reconfigured${changes.length === 0 ? "" : `: ${changes.join("; ")}`}`
    }
  }
}

export interface Logs {
  readonly told: (notice: SupervisorNotice) => void
  readonly noted: (told: Decision & { readonly _tag: "Notify" }) => void
  readonly gaveUp: (failure: string, cause: Cause.Cause<unknown>) => void
  readonly threw: (cause: Cause.Cause<unknown>) => void
  readonly crashed: (cause: Cause.Cause<unknown>) => void
}

export const make = (supervisor: string, context: Context.Context<never>): Logs => {
  const minimum = LogLevel.getOrdinal(Context.get(context, References.MinimumLogLevel))
  const silent = Context.get(context, References.CurrentLoggers).size === 0
  const enabled = (level: LogLevel.Severity) => !silent && LogLevel.getOrdinal(level) >= minimum
  const around = Context.get(context, References.CurrentLogAnnotations)
  const repeats = new Repeats()
  // In a fiber of its own: what telling dies with (a logger, say) is not the supervisor's affair.
  const write = (level: LogLevel.Severity, line: () => Line, annotations: Record<string, unknown> = { supervisor }) => {
    const annotated = Context.add(context, References.CurrentLogAnnotations, { ...around, ...annotations })
    Effect.runForkWith(annotated)(Effect.suspend(() => {
      const { cause, text } = line()
      return cause === undefined ? Effect.logWithLevel(level)(text) : Effect.logWithLevel(level)(text, cause)
    }))
  }
  return {
    noted: (told) => {
      if (silent) return
      const { attempt, generation, notice, task } = told
      const repeated = repeats.note(told)
      const level = levelOf(notice, repeated)
      if (enabled(level)) write(level, () => lineOf(notice, repeated), { supervisor, task, generation, attempt })
    },
    told: (notice) => {
      const level = notice._tag === "RestartsPaused" ? "Error" : "Info"
      if (enabled(level)) write(level, () => ({ text: toldText(notice) }))
    },
    gaveUp: (failure, cause) => {
      write("Fatal", () => ({ text: `supervisor gives up: ${failure}`, cause }))
    },
    threw: (cause) => {
      write("Error", () => ({ text: "a callback outside of Effect threw, resumed by the supervisor", cause }))
    },
    crashed: (cause) => {
      const text = "supervisor crashed: this is a defect of effect-supervisor"
      write("Fatal", () => ({ text, cause }))
    }
  }
}
