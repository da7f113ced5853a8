/**
 * Options as people write them, decoded once: every refusal names the option, the value, and what is allowed.
 */
import * as Duration from "effect/Duration"

/** A duration as an option takes it; `"infinity"` is taken in either case. */
export type DurationOption = Duration.Input | "infinity"

/** Shows an option's value in an error message, whatever it is. */
export const show = (value: unknown): string => {
  try {
    return shown(value)
  } catch {
    return "(a value that cannot be shown)"
  }
}

const shown = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return `${value}n`
    case "function":
      return "a function"
    case "object":
      return Duration.isDuration(value) ? Duration.format(value) : shownObject(value)
    default:
      return String(value)
  }
}

const shownObject = (value: object | null): string => {
  try {
    return JSON.stringify(value) ?? Object.prototype.toString.call(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** An option that was not given. `null` is no way to leave one out: it goes on, and is refused. */
export const or = <A>(given: A | undefined, fallback: A): A => given === undefined ? fallback : given

/** The one shape of every refusal. */
export const refusal = (where: string, option: string, value: unknown, allowed: string): string =>
  `${where}: ${option} is ${show(value)}; allowed is ${allowed}`

export const refuse = (where: string, option: string, value: unknown, allowed: string): never => {
  throw new RangeError(refusal(where, option, value, allowed))
}

/** What is allowed of `significant`, where it is not. */
export const endless = "false for a permanent task: it has no end"

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** Effect reads what it does not understand in a number, tuple or object as 0; here that is a mistake. */
const isMeant = (input: DurationOption): boolean => {
  if (typeof input === "number") return !Number.isNaN(input)
  if (typeof input !== "object" || input === null || Duration.isDuration(input)) return true
  if (Array.isArray(input)) return !input.some(Number.isNaN)
  const given = Object.entries(input)
  return given.length > 0 &&
    given.every(([unit, value]) =>
      units.includes(unit) && (value === undefined || Number.isFinite(value) || value === Infinity)
    )
}

const millisOf = (input: DurationOption): number | undefined => {
  if (input === "infinity") return Number.POSITIVE_INFINITY
  if (!isMeant(input)) return undefined
  try {
    return Duration.toMillis(Duration.fromInputUnsafe(input))
  } catch {
    return undefined
  }
}

/** What a duration option allows, beyond being a finite duration of 0 or more. */
export interface DurationBounds {
  readonly positive?: boolean
  readonly infinite?: boolean
}

/** Decodes a duration option to milliseconds, or throws a `RangeError`. */
export const duration = (where: string, option: string, input: DurationOption, bounds: DurationBounds = {}): number => {
  const millis = millisOf(input)
  const least = bounds.positive === true ? "above 0" : "of 0 or more"
  const allowed = `a duration ${least}${bounds.infinite === true ? ", or \"infinity\"" : ""}`
  if (
    millis === undefined || millis < 0 || (bounds.positive === true && millis === 0) ||
    (bounds.infinite !== true && millis === Number.POSITIVE_INFINITY)
  ) {
    return refuse(where, option, input, allowed)
  }
  return millis
}

/** Decodes a count, or throws a `RangeError`. */
export const count = (
  where: string,
  option: string,
  input: number,
  bounds: { readonly min: number; readonly infinite?: boolean }
): number => {
  const fits = (Number.isSafeInteger(input) || (bounds.infinite === true && input === Number.POSITIVE_INFINITY)) &&
    input >= bounds.min
  return fits
    ? input
    : refuse(
      where,
      option,
      input,
      `a whole number of ${bounds.min} or more${bounds.infinite === true ? ", or Infinity" : ""}`
    )
}

/** Takes one of a few words, or throws a `RangeError`. */
export const oneOf = <const A extends string>(where: string, option: string, input: A, allowed: ReadonlyArray<A>): A =>
  allowed.includes(input)
    ? input
    : refuse(where, option, input, allowed.map((word) => JSON.stringify(word)).join(" or "))

/** Refuses an option that nobody reads: a misspelt one would otherwise be ignored in silence. */
export const onlyKeys = (where: string, option: string, given: object, allowed: ReadonlyArray<string>): void => {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    refuse(where, option, given, `an object with ${allowed.join(", ")}`)
  }
  for (const key of Object.keys(given)) {
    if (!allowed.includes(key)) {
      throw new RangeError(
        `${where}: ${option} has an unknown option ${JSON.stringify(key)}; allowed are ${allowed.join(", ")}`
      )
    }
  }
}

const maxNameLength = 255

/** Counts what a person would, not UTF-16 units; most names need no counting. */
const isShort = (input: string): boolean => input.length <= maxNameLength || Array.from(input).length <= maxNameLength

/** Checks the name of a task or supervisor: it becomes one segment of a path. */
export const name = (where: string, input: string): string => {
  const fits = typeof input === "string" && input.length > 0 && isShort(input) &&
    !/[\p{Cc}/]/u.test(input)
  return fits
    ? input
    : refuse(
      where,
      "name",
      typeof input === "string" && input.length > 40
        ? `${input.slice(0, 40)}… (${Array.from(input).length} characters)`
        : input,
      `a string of 1 to ${maxNameLength} characters without "/" and control characters`
    )
}
