/**
 * What was thrown, as a person is told of it: the message, the place in their own code, no stack. Pure.
 */
import * as Cause from "effect/Cause"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { show } from "../internal/options.ts"
import { causeLine } from "../internal/render.ts"

/** One or more lines: the name and message, then where. */
export const describe = (error: unknown, from: string): string => {
  if (!(error instanceof Error)) return shorten(show(error), from)
  const name = error.message === "" ? error.name : `${error.name}: ${error.message}`
  const place = placeOf(error, from)
  return shorten(place === undefined ? name : `${name}\n    at ${place}`, from)
}

/** The source line that a syntax error is about: what a stack says before its own first line. */
export const frameOf = (stack: string): string | undefined => {
  const end = stack.search(/^\w*Error\b/m)
  const frame = end <= 0 ? "" : stack.slice(0, end).trimEnd()
  return frame === "" ? undefined : frame
}

/** The first place in the stack that is neither Node's nor a package's. */
const placeOf = (error: Error, from: string): string | undefined => {
  for (const line of (error.stack ?? "").split("\n")) {
    const place = /^\s+at (?:.* \()?((?:file:\/\/|\/|[A-Za-z]:\\)[^)]+:\d+:\d+)\)?$/.exec(line)?.[1]
    if (place !== undefined && !/[\\/]node_modules[\\/]/.test(place)) return shorten(place, from)
  }
  return undefined
}

/** Paths as the person who typed a relative one would write them. */
export const shorten = (text: string, from: string): string =>
  text.replace(/file:\/\/[^\s:)'"]+/g, (url) => {
    try {
      return fileURLToPath(url)
    } catch {
      return url
    }
  }).replaceAll(from.endsWith(Path.sep) ? from : `${from}${Path.sep}`, "")

/** Why an Effect failed, in one line (two where the place is worth telling). */
export const describeCause = (cause: Cause.Cause<unknown>, from: string): string => {
  const defect = Cause.findErrorOption(cause)._tag === "None" ? cause.reasons.find(Cause.isDieReason) : undefined
  return defect === undefined ? causeLine(cause) : describe(defect.defect, from)
}
