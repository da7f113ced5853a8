/**
 * Text as a terminal shows it: free of what would move the cursor, as wide as it may be, durations and times in few
 * characters. Pure.
 */
import * as CliOutput from "effect/cli/CliOutput"

// Escape sequences (colours, titles, links), then every control character that is left, and what reverses the direction
// of text or breaks lines.
// eslint-disable-next-line no-control-regex
const escapes = /[\u001B\u009B](?:\][^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)|\[?[0-?]*[ -/]*[@-~])/g
const unprintable = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu

/** One line that does nothing to a terminal but show itself. */
export const clean = (text: string): string => text.replace(escapes, "").replace(unprintable, " ").trim()

const isAscii = (text: string): boolean => /^[\u0020-\u007E]*$/.test(text)

/** How many cells clean text takes. */
export const width = (text: string): number => isAscii(text) ? text.length : CliOutput.displayWidth(text)

const graphemes = new Intl.Segmenter()

/** Cuts clean text to so many cells, and shows that it was cut. */
export const clip = (text: string, cells: number): string => {
  if (cells <= 0) return ""
  if (width(text) <= cells) return text
  if (isAscii(text)) return `${text.slice(0, cells - 1)}…`
  let cut = ""
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = width(segment)
    if (used + next > cells - 1) break
    cut += segment
    used += next
  }
  return `${cut}…`
}

/** Clean text in exactly so many cells. */
export const fit = (text: string, cells: number, align: "left" | "right" = "left"): string => {
  const cut = clip(text, cells)
  const space = " ".repeat(Math.max(0, cells - width(cut)))
  return align === "left" ? cut + space : space + cut
}

/** What a task failed with, without what is clear where it stands: that it was the supervisor in it that gave up. */
export const failure = (path: string, message: string): string => {
  const gaveUp = `SupervisorError: supervisor "${path}" `
  return clean(message.startsWith(gaveUp) ? message.slice(gaveUp.length) : message)
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const twoDigits = (value: number): string => String(value).padStart(2, "0")

/** A duration in whole seconds, its two largest units: `4s`, `1m 05s`, `3h 12m`, `2d 07h`. */
export const seconds = (millis: number): string => {
  const whole = Math.max(0, Math.floor(millis / second)) * second
  if (whole < minute) return `${whole / second}s`
  if (whole < hour) return `${Math.floor(whole / minute)}m ${twoDigits((whole % minute) / second)}s`
  if (whole < day) return `${Math.floor(whole / hour)}h ${twoDigits(Math.floor((whole % hour) / minute))}m`
  return `${Math.floor(whole / day)}d ${twoDigits(Math.floor((whole % day) / hour))}h`
}

/** A duration that is worth its fractions: `250ms`, `1.5s`, then as `seconds`. */
export const precise = (millis: number): string =>
  millis < second
    ? `${Math.max(0, Math.round(millis))}ms`
    : millis < 10 * second
    ? `${Math.floor(millis / 100) / 10}s`
    : seconds(millis)

/** A duration that runs out before one's eyes: `0.2s`, `1.0s`, then as `seconds`. */
export const countdown = (millis: number): string =>
  millis < 10 * second ? `${(Math.floor(millis / 100) / 10).toFixed(1)}s` : seconds(millis)

const timeOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" })

/** The local time of day, for a screen. */
export const localTime = (at: number): string => timeOfDay.format(at)

const digits = new Intl.NumberFormat("en-GB")

/** `12`, `100,000`. */
export const number = (many: number): string => digits.format(many)

/** `1 task`, `2 tasks`. */
export const count = (many: number, one: string): string => `${number(many)} ${many === 1 ? one : `${one}s`}`

/** Whether a terminal shows what is not ASCII, by the locale that it was given; it does where none was. */
export const isUtf8 = (environment: Readonly<Record<string, string | undefined>>): boolean => {
  // The first one of these that is set is the one that counts, as POSIX has it.
  const locale = [environment["LC_ALL"], environment["LC_CTYPE"], environment["LANG"]].find((set) => set) ?? "UTF-8"
  return /utf-?8/i.test(locale)
}
