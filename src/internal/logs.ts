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
import type { Decision, Notice } from "./state.ts"

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
  TaskStopping: "Debug",
  TaskUnstoppable: "Error",
  TaskStopped: "Info",
  TaskCompleted: "Info",
  TaskDead: "Fatal",
  TaskRemoved: "Debug"
}

/** A death that was asked for is news, not an alarm. */
const levelOf = (notice: Notice): LogLevel.Severity => {
  if (notice._tag === "TaskDead" && (notice.why === "Killed" || notice.why === "ShutDown")) return "Info"
  return levels[notice._tag]
}

const lineOf = (notice: Notice): Line => {
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
      return { text: "task ended well, and is permanent" }
    case "TaskFailed":
      // A verdict has no stack that would lead anywhere.
      return notice.reason._tag === "Failed"
        ? { text: `task failed: ${reasonLine(notice.reason)}`, cause: Causes.whole(notice.reason) }
        : { text: `task failed: ${reasonLine(notice.reason)}` }
    case "RestartScheduled":
      return { text: restartText(notice.delay) }
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
  const bound = stopTimeout < Number.POSITIVE_INFINITY ? `within ${stopTimeout} ms` : "before the supervisor's end"
  return `task does not end: its run has not ended ${bound}`
}

const restartText = (delay: number): string => {
  if (delay <= 0) return "task restarts at once"
  return delay < Number.POSITIVE_INFINITY
    ? `task restarts in ${Duration.format(Duration.millis(delay))}`
    : "task is not restarted: its back-off is endless"
}

export interface Logs {
  readonly noted: (told: Decision & { readonly _tag: "Notify" }) => void
  readonly gaveUp: (failure: string, cause: Cause.Cause<unknown>) => void
  readonly threw: (cause: Cause.Cause<unknown>) => void
  readonly crashed: (cause: Cause.Cause<unknown>) => void
}

export const make = (supervisor: string, context: Context.Context<never>): Logs => {
  const minimum = Context.get(context, References.MinimumLogLevel)
  const silent = Context.get(context, References.CurrentLoggers).size === 0
  const enabled = (level: LogLevel.Severity) => !silent && LogLevel.isGreaterThanOrEqualTo(level, minimum)
  const run = Effect.runForkWith(context)
  // In a fiber of its own: what telling dies with (a logger, say) is not the supervisor's affair.
  const write = (level: LogLevel.Severity, line: () => Line, annotations: Record<string, unknown>) => {
    run(Effect.annotateLogs(
      Effect.suspend(() => {
        const { cause, text } = line()
        return cause === undefined ? Effect.logWithLevel(level)(text) : Effect.logWithLevel(level)(text, cause)
      }),
      annotations
    ))
  }
  return {
    noted: ({ attempt, generation, notice, task }) => {
      if (silent) return
      const level = levelOf(notice)
      if (enabled(level)) write(level, () => lineOf(notice), { supervisor, task, generation, attempt })
    },
    gaveUp: (failure, cause) => {
      write("Fatal", () => ({ text: `supervisor gives up: ${failure}`, cause }), { supervisor })
    },
    threw: (cause) => {
      write("Error", () => ({ text: "a callback outside of Effect threw, resumed by the supervisor", cause }), {
        supervisor
      })
    },
    crashed: (cause) => {
      const text = "supervisor crashed: this is a defect of effect-supervisor"
      write("Fatal", () => ({ text, cause }), { supervisor })
    }
  }
}
