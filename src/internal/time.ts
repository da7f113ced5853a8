/**
 * The two times of a supervisor: monotonic milliseconds, in which it decides, and wall-clock milliseconds, which it
 * shows. A moment keeps the wall-clock time it was first shown with, unless the wall clock is set.
 */
import type * as Clock from "effect/Clock"

export interface Time {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** The wall-clock time of a monotonic moment. */
  readonly wall: (mono: number) => number
}

/** Smaller differences between the clocks are their granularity, not a change of the wall clock. */
const reanchorAbove = 1000

export const make = (clock: Clock.Clock): Time => {
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  let offset = clock.currentTimeMillisUnsafe() - now()
  return {
    now,
    wall: (mono) => {
      const current = clock.currentTimeMillisUnsafe() - now()
      if (Math.abs(current - offset) > reanchorAbove) offset = current
      return Math.round(mono + offset)
    }
  }
}
