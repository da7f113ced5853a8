/**
 * The supervisor's intensity: how many restarts it bears, and what follows on one too many. Pure.
 */
import type { RestartReason } from "../RestartPolicy.ts"
import * as Deadlines from "./deadlines.ts"
import type { Deciding } from "./entry.ts"
import * as Intensity from "./intensity.ts"
import type { State } from "./state.ts"
import type { Entry } from "./taskEntry.ts"

/** Over so much of the period those are spread who begin after a pause. */
const spread = 0.25

/** Counts a restart. Whether there is to be one: over its intensity the supervisor gives up, or pauses all restarts. */
export const isBorne = (deciding: Deciding, entry: Entry, reason: RestartReason<unknown>): boolean => {
  const { now, state } = deciding
  const { intensity } = state.settings
  if (intensity === undefined || state.paused !== undefined || !Intensity.count(state.window, intensity, now)) {
    return true
  }
  const { restarts, within } = intensity
  if (intensity.whenExceeded === "giveUp") {
    state.failure ??= { _tag: "TooManyRestarts", id: entry.id, reason, restarts, within }
    return false
  }
  pause(deciding, intensity)
  return true
}

const pause = ({ now, out, state }: Deciding, { restarts, within }: Intensity.Intensity): void => {
  const until = now + within
  state.paused = { until, deadline: Deadlines.add(state.deadlines, "Resume", undefined, until) }
  out.push({ _tag: "Tell", notice: { _tag: "RestartsPaused", restarts, within, until } })
}

/** What was counted before the pause is forgotten. */
export const resume = ({ out, state }: Deciding): void => {
  if (state.paused === undefined) return
  Deadlines.remove(state.deadlines, state.paused.deadline)
  state.paused = undefined
  Intensity.clear(state.window)
  out.push({ _tag: "Tell", notice: { _tag: "RestartsResumed" } })
}

/** The earliest moment at which a task may be restarted by its policy. */
export const heldUntil = ({ paused, settings: { intensity } }: State, entry: Entry, now: number): number =>
  paused === undefined || intensity === undefined || now >= paused.until
    ? now
    : Math.ceil(paused.until + (entry.chance ?? 0) * spread * intensity.within)
