/**
 * The two times of a supervisor: monotonic milliseconds, in which it decides, and wall-clock milliseconds, which it
 * shows. A moment keeps the wall-clock time it was first shown with, unless the wall clock is set.
 */
import type * as Clock from "effect/Clock"

export interface Time {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** The wall-clock time of a monotonic moment, by the wall clock as it was last looked at. */
  readonly wall: (mono: number) => number
  /** Looks at the wall clock, in case it was set. */
  readonly look: () => void
}

/** Smaller differences between the clocks are their granularity, not a change of the wall clock. */
const reanchorAbove = 1000

export const make = (clock: Clock.Clock): Time => {
  // Whole and counted from here: small integers take no memory of their own, fractions do in each of a task's moments.
  const start = clock.monotonicTimeNanosUnsafe()
  const now = () => Math.floor(Number(clock.monotonicTimeNanosUnsafe() - start) / 1_000_000)
  let offset = clock.currentTimeMillisUnsafe() - now()
  return {
    now,
    wall: (mono) => Math.round(mono + offset),
    look: () => {
      const current = clock.currentTimeMillisUnsafe() - now()
      if (Math.abs(current - offset) > reanchorAbove) offset = current
    }
  }
}
