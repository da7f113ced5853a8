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

const firstLine = (text: string): string => {
  const end = text.indexOf("\n")
  return cut(end < 0 ? text : text.slice(0, end), maxLine)
}

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
  cause.reasons.length === 1
    ? cause.reasons[0]
    : cause.reasons.find(Cause.isFailReason) ?? cause.reasons.find(Cause.isDieReason) ?? cause.reasons[0]

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

const endedLine = (ended: Cause.Cause<unknown> | undefined): string =>
  ended === undefined ? "" : ` (and when it was stopped: ${causeLine(ended)})`

/** What a verdict or a good end says in one line. */
export const reasonLine = (reason: RestartReason<unknown>): string => {
  switch (reason._tag) {
    case "Failed": {
      const body = causeLine(reason.cause)
      return reason.finalizers === undefined ? body : `${body} (and a finalizer: ${causeLine(reason.finalizers)})`
    }
    case "HeartbeatMissed":
      return (reason.during === "startup"
        ? `no sign of life within ${Duration.format(reason.silence)} of its start`
        : `no heartbeat for ${Duration.format(reason.silence)}`) + endedLine(reason.ended)
    case "ProbeFailed": {
      const probes = reason.failures === 1 ? "probe" : "probes in a row"
      return `${reason.failures} ${probes} failed: ${causeLine(reason.cause)}${endedLine(reason.ended)}`
    }
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
      return `${reasonLine(reason)}\n${pretty(reason.cause)}${endedDetails(reason.ended)}`
    case "HeartbeatMissed":
      return `${reasonLine(reason)}${endedDetails(reason.ended)}`
    case "Completed":
      return reasonLine(reason)
  }
}

const endedDetails = (ended: Cause.Cause<unknown> | undefined): string =>
  ended === undefined ? "" : `\nand when it was stopped:\n${pretty(ended)}`

/**
 * A failure as it is shown. Its `details` are a property like the others, and made by whoever first reads them: stack
 * traces cost more than all else about a failure. One getter serves all: of a getter of its own each would have a shape
 * of its own.
 */
class RenderedFailure {
  static readonly #details: PropertyDescriptor & ThisType<RenderedFailure> = {
    enumerable: true,
    get() {
      return this.#rendered ??= cut(reasonDetails(this.#reason), maxDetails)
    }
  }

  readonly kind: Failure["kind"]
  readonly message: string
  declare readonly tag?: string
  declare readonly details: string
  readonly generation: number
  readonly at: number
  readonly #reason: RestartReason<unknown>
  #rendered: string | undefined = undefined

  constructor(reason: RestartReason<unknown>, generation: number, at: number) {
    this.kind = reason._tag
    this.message = reasonLine(reason)
    const tag = reason._tag === "Failed" || reason._tag === "ProbeFailed" ? causeTag(reason.cause) : undefined
    if (tag !== undefined) this.tag = tag
    this.generation = generation
    this.at = at
    this.#reason = reason
    Object.defineProperty(this, "details", RenderedFailure.#details)
  }
}

export const failure = (reason: RestartReason<unknown>, generation: number, at: number): Failure =>
  new RenderedFailure(reason, generation, at)

/** What a run says of itself, as JSON of its own: later changes, `NaN` and worse must not reach everybody's snapshot. */
export const json = (details: Schema.Json): Schema.Json => {
  if (typeof details === "boolean" || Number.isFinite(details)) return details
  try {
    const text = JSON.stringify(details)
    if (text === undefined) return "(cannot be shown: it is no JSON)"
    return text.length > maxDetails ? `(too long to be shown: ${text.length} characters)` : JSON.parse(text)
  } catch {
    return "(cannot be shown: it is no JSON)"
  }
}
