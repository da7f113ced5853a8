/**
 * Failures rendered for people. Whatever was thrown is shown; rendering itself never throws.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import type { RestartReason } from "../RestartPolicy.ts"
import type { Failure } from "../TaskStatus.ts"
import { show } from "./options.ts"

const maxLine = 300
const maxDetails = 10_000

const cut = (text: string, at: number): string => text.length > at ? `${text.slice(0, at)}…` : text

const safely = (render: () => string): string => {
  try {
    return render()
  } catch {
    return "(cannot be shown: rendering it failed)"
  }
}

const firstLine = (text: string): string => cut(text.split("\n", 1)[0] ?? "", maxLine)

const tagOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const tag = "_tag" in error && typeof error._tag === "string"
    ? error._tag
    : error instanceof Error
    ? error.name
    : undefined
  return typeof tag === "string" ? cut(tag, maxLine) : undefined
}

const line = (error: unknown): string => {
  const tag = tagOf(error)
  const message = error instanceof Error ? error.message : typeof error === "string" ? error : show(error)
  return firstLine(tag === undefined ? message : message === "" ? tag : `${tag}: ${message}`)
}

/** One line for a cause: its first typed error, else its first defect, else that it was interrupted. */
export const causeLine = (cause: Cause.Cause<unknown>): string =>
  safely(() => {
    const first = firstReason(cause)
    if (first === undefined) return ""
    return first._tag === "Interrupt"
      ? "interrupted from within"
      : line(first._tag === "Fail" ? first.error : first.defect)
  })

const firstReason = (cause: Cause.Cause<unknown>): Cause.Reason<unknown> | undefined =>
  cause.reasons.find(Cause.isFailReason) ?? cause.reasons.find(Cause.isDieReason) ?? cause.reasons[0]

const causeTag = (cause: Cause.Cause<unknown>): string | undefined => {
  try {
    const first = firstReason(cause)
    return first === undefined || first._tag === "Interrupt"
      ? undefined
      : tagOf(first._tag === "Fail" ? first.error : first.defect)
  } catch {
    return undefined
  }
}

const pretty = (cause: Cause.Cause<unknown>): string => safely(() => Cause.pretty(cause))

/** What a verdict or a good end says in one line. */
export const reasonLine = (reason: RestartReason<unknown>): string => {
  switch (reason._tag) {
    case "Failed": {
      const body = causeLine(reason.cause)
      return reason.finalizers === undefined ? body : `${body} (and a finalizer: ${causeLine(reason.finalizers)})`
    }
    case "HeartbeatMissed":
      return reason.during === "startup"
        ? `no sign of life within ${Duration.format(reason.silence)} of its start`
        : `no heartbeat for ${Duration.format(reason.silence)}`
    case "ProbeFailed":
      return `${reason.failures} ${reason.failures === 1 ? "probe" : "probes in a row"} failed: ${
        causeLine(reason.cause)
      }`
    case "Completed":
      return "ended well"
  }
}

const reasonDetails = (reason: RestartReason<unknown>): string => {
  switch (reason._tag) {
    case "Failed":
      return reason.finalizers === undefined
        ? pretty(reason.cause)
        : `${pretty(reason.cause)}\nand its finalizers:\n${pretty(reason.finalizers)}`
    case "ProbeFailed":
      return `${reasonLine(reason)}\n${pretty(reason.cause)}`
    case "HeartbeatMissed":
    case "Completed":
      return reasonLine(reason)
  }
}

export const failure = (reason: RestartReason<unknown>, generation: number, at: number): Failure => {
  const tag = reason._tag === "Failed" || reason._tag === "ProbeFailed" ? causeTag(reason.cause) : undefined
  let details: string | undefined
  const rendered: Failure = {
    kind: reason._tag,
    message: reasonLine(reason),
    // Stack traces cost more than all else about a failure: they are rendered for whoever reads them.
    get details() {
      return details ??= cut(reasonDetails(reason), maxDetails)
    },
    generation,
    at
  }
  return tag === undefined ? rendered : Object.assign(rendered, { tag })
}

/** One cause after another. `Cause.combine` would compare what they hold, which is the user's and may do anything. */
export const both = (first: Cause.Cause<unknown>, second: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  Cause.fromReasons([...first.reasons, ...second.reasons])

/** What a run says of itself, as JSON of its own: later changes, `NaN` and worse must not reach everybody's snapshot. */
export const json = (details: Schema.Json): Schema.Json => {
  try {
    const text = JSON.stringify(details)
    if (text === undefined) return "(cannot be shown: it is no JSON)"
    return text.length > maxDetails ? `(too long to be shown: ${text.length} characters)` : JSON.parse(text)
  } catch {
    return "(cannot be shown: it is no JSON)"
  }
}

/** A failure as a cause: what the run ended with and what its finalizers added, or the verdict described as a defect. */
export const asCause = (reason: RestartReason<unknown> | undefined): Cause.Cause<unknown> => {
  if (reason === undefined || reason._tag === "Completed") return Cause.empty
  if (reason._tag === "Failed") {
    return reason.finalizers === undefined ? reason.cause : both(reason.cause, reason.finalizers)
  }
  return Cause.die(
    new Error(reasonLine(reason), reason._tag === "ProbeFailed" ? { cause: Cause.squash(reason.cause) } : {})
  )
}
