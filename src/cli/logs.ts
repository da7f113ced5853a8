/**
 * What tasks log, as lines. What a supervisor logs about its tasks is left out where its events are shown already.
 */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Formatter from "effect/Formatter"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import { causeLine } from "../internal/render.ts"
import * as Supervisor from "../Supervisor.ts"
import type { Tone } from "./tone.ts"

/** One message of a log. */
export interface Entry {
  readonly at: number
  readonly level: LogLevel.LogLevel
  /** The path of the task that logged it, or of the task or supervisor that it is about, if there is one. */
  readonly path: string | undefined
  /** May be of several lines. */
  readonly text: string
  readonly cause: Cause.Cause<unknown>
}

/** Gives every entry to `sink`, but for those of the supervisors whose events are shown. */
export const logger = (
  sink: (entry: Entry) => void,
  shown: (supervisor: string) => boolean = () => false
): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const { supervisor, task } = fiber.getRef(References.CurrentLogAnnotations)
    const run = fiber.getRef(Supervisor.current)
    // A supervisor's own logs name it, and come from outside of all runs, or from within the one that it was made in.
    const isOfSupervisor = typeof supervisor === "string" && (run === undefined || isWithin(supervisor, run.path))
    if (isOfSupervisor && shown(supervisor)) return
    const parts = Array.isArray(message) ? message : [message]
    sink({
      at: date.getTime(),
      level: logLevel,
      path: !isOfSupervisor ? run?.path : typeof task === "string" ? `${supervisor}/${task}` : supervisor,
      text: parts.map((part) => typeof part === "string" ? part : Formatter.format(part)).join(" "),
      cause
    })
  })

/** Whether a path is that of the supervisor, or of one below it. */
export const isWithin = (path: string, supervisor: string): boolean =>
  path === supervisor || path.startsWith(`${supervisor}/`)

/** How loudly a level is shown. */
export const toneOf = (level: LogLevel.LogLevel): Tone => {
  switch (level) {
    case "Fatal":
    case "Error":
      return "bad"
    case "Warn":
      return "warning"
    case "Debug":
    case "Trace":
      return "quiet"
    default:
      return "plain"
  }
}

/** In one line. */
export const short = ({ cause, path, text }: Entry): string => {
  const failure = causeLine(cause)
  const told = failure === "" ? text : text === "" ? failure : `${text}: ${failure}`
  return path === undefined ? told : `${path} ${told}`
}

/** With the whole cause. */
export const long = ({ at, cause, level, path, text }: Entry): string => {
  const rest = cause.reasons.length === 0 ? "" : `\n${Cause.pretty(cause)}`
  return `${stamp(at)} ${level.toUpperCase()} ${path === undefined ? "" : `${path} `}${text}${rest}\n`
}

/** `2026-01-31T12:34:56.789Z`. */
export const stamp = (at: number): string => DateTime.formatIso(DateTime.makeUnsafe(at))
