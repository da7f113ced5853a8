/**
 * How a supervisor ends: its tasks are stopped one after another in reverse start order, each within its bound. Pure.
 */
import * as Deadlines from "./deadlines.ts"
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as Entries from "./entry.ts"
import { refuse } from "./entry.ts"
import * as LineUp from "./lineUp.ts"
import * as Observer from "./observer.ts"
import * as Running from "./running.ts"
import type { Closing, GiveUp, State } from "./state.ts"
import type { Entry } from "./taskEntry.ts"
import { intents } from "./words.ts"

export const begin = (deciding: Deciding, failure: GiveUp | undefined): void => {
  const { now, out, state } = deciding
  if (state.closing !== undefined) return
  const { group, shutdownTimeout } = state.settings
  for (const to of state.line.waiters) refuse(deciding, to, { _tag: "SupervisorClosed" })
  LineUp.dissolve(deciding)
  const closing: Closing = {
    failure,
    remaining: Array.from(state.names.values()),
    current: undefined,
    hurried: 0,
    levels: 0,
    together: undefined,
    deadline: shutdownTimeout < Number.POSITIVE_INFINITY
      ? Deadlines.add(state.deadlines, "Shutdown", undefined, now + shutdownTimeout)
      : undefined
  }
  state.closing = closing
  out.push({ _tag: "Closing", failure })
  if (group !== undefined) stopTogether(deciding, closing)
}

/** Those of a group have no order: they are all asked at once, and have the longest of their bounds together. */
const stopTogether = (deciding: Deciding, closing: Closing): void => {
  const { now, state } = deciding
  const longest = closing.remaining.reduce((most, entry) => Math.max(most, entry.stopTimeout), 0)
  const deadline = longest < Number.POSITIVE_INFINITY
    ? Deadlines.add(state.deadlines, "Together", undefined, now + longest)
    : undefined
  closing.together = { bound: Observer.at(state.observer, now) + longest, deadline, asked: 0, stretch: undefined }
  askMore(deciding)
}

/** So many of a group are asked to end before others have a turn. */
const aStretch = 512

/** Asks the next ones of a group to end. */
export const askMore = (deciding: Deciding): void => {
  const { now, state } = deciding
  const { closing } = state
  const together = closing?.together
  if (closing === undefined || together === undefined) return
  if (together.stretch !== undefined) Deadlines.remove(state.deadlines, together.stretch)
  together.stretch = undefined
  const until = Math.min(together.asked + aStretch, closing.remaining.length)
  for (; together.asked < until; together.asked++) leave(deciding, closing.remaining[together.asked]!)
  if (until < closing.remaining.length) {
    together.stretch = Deadlines.add(state.deadlines, "Stretch", undefined, now)
  }
}

/** Their bound fell due: put off by what the observer lost since, or those that still run are unstoppable. */
export const overdue = (deciding: Deciding): void => {
  const { now, state } = deciding
  const together = state.closing?.together
  if (state.closing === undefined || together?.deadline === undefined) return
  const due = together.bound + state.observer.lost
  if (due > now) return Deadlines.move(state.deadlines, together.deadline, due)
  Deadlines.remove(state.deadlines, together.deadline)
  together.deadline = undefined
  for (const entry of waitedFor(state.closing)) Running.giveUpOn(deciding, entry)
}

const waitedFor = ({ current, remaining }: Closing): ReadonlyArray<Entry> =>
  (current === undefined ? remaining : [...remaining, current]).filter(Entries.isAwaited)

/** Whether the supervisor has reason to end by itself. Asked after every event. */
export const consider = (deciding: Deciding): void => {
  const { state } = deciding
  if (state.closing !== undefined) return
  const died = state.died
  state.died = false
  if (state.failure !== undefined) return begin(deciding, state.failure)
  const total = state.names.size + state.expected
  const dead = state.counts.Dead
  const threshold = state.settings.maxDeadFraction
  if (died && threshold !== undefined && total > 0 && dead / total >= threshold) {
    return begin(deciding, { _tag: "TooManyDeadTasks", dead, total, threshold })
  }
  const isDone = state.settings.whenAllCompleted === "end" && (total > 0 || state.forgotten) &&
    state.counts.Completed + dead === total
  if (isDone || isShutDownBySignificant(state)) begin(deciding, undefined)
}

/** OTP's auto_shutdown: a significant task has ended by itself, or that was the last one. */
const isShutDownBySignificant = (state: State): boolean => {
  if (!state.significantEnded) return false
  switch (state.settings.autoShutdown) {
    case "any-significant":
      return true
    case "all-significant":
      if (state.expected > 0) return false
      state.significantEnded = false
      return state.significant === 0
    case "never":
      state.significantEnded = false
      return false
  }
}

/** Goes on with the ending, as far as it can without waiting. */
export const advance = (deciding: Deciding): void => {
  const { out, state } = deciding
  const closing = state.closing
  if (closing === undefined || state.closed) return
  while (closing.current === undefined || !Entries.isAwaited(closing.current)) {
    closing.current = closing.remaining.pop()
    if (closing.current === undefined) break
    leave(deciding, closing.current)
  }
  if (closing.current !== undefined) return
  const { deadline: bound, together } = closing
  for (const deadline of [bound, together?.deadline, together?.stretch, state.paused?.deadline]) {
    if (deadline !== undefined) Deadlines.remove(state.deadlines, deadline)
  }
  state.closed = true
  out.push({ _tag: "Close" })
}

const leave = (deciding: Deciding, entry: Entry): void => {
  switch (entry.phase) {
    case "Created":
    case "Failed":
      Entries.overtake(deciding, entry, undefined, "shutdown")
      return Ending.dead(deciding, entry, "ShutDown")
    case "Starting":
    case "Healthy":
      return Running.stop(deciding, entry, intents.shutdown)
    case "Stopping":
      return giveWay(deciding, entry)
    case "Stopped":
    case "Completed":
    case "Dead":
  }
}

/** A restart gives way to the shutdown; a stop, kill or remove wants the same end, and keeps its own outcome. */
const giveWay = (deciding: Deciding, entry: Entry): void => {
  if (LineUp.isLeaving(entry)) return
  Entries.overtake(deciding, entry, undefined, "shutdown")
  Running.redirect(deciding, entry, intents.shutdown)
}

/** How many turns of the loop those who are hurried have: a finalizer may need some to end, though it waits for nothing. */
const lastTurns = 16

/** `shutdownTimeout` is over: whatever still runs is asked to end at once, and what does not is not waited for. */
export const expire = (deciding: Deciding, closing: Closing): void => {
  const { now, out, state } = deciding
  if (closing.hurried === 0) {
    const rest = closing.current === undefined ? closing.remaining : [...closing.remaining, closing.current]
    for (const entry of rest.toReversed()) {
      leave(deciding, entry)
      if (Entries.isRunning(entry)) out.push({ _tag: "Hurry", id: entry.id })
    }
  }
  // A supervisor above waits for those below it.
  if (closing.hurried++ < lastTurns * (1 + closing.levels)) {
    closing.deadline = Deadlines.add(state.deadlines, "Shutdown", undefined, now)
    return
  }
  closing.deadline = undefined
  for (const entry of waitedFor(closing)) Running.giveUpOn(deciding, entry)
}

/** The supervisor above has no more time. */
export const hurry = (deciding: Deciding): void => {
  begin(deciding, undefined)
  const { now, state } = deciding
  const { closing } = state
  if (closing === undefined || closing.hurried > 0) return
  if (closing.deadline !== undefined) Deadlines.remove(state.deadlines, closing.deadline)
  closing.deadline = Deadlines.add(state.deadlines, "Shutdown", undefined, now)
}

export const hurried = ({ state: { closing } }: Deciding, levels: number): void => {
  if (closing !== undefined) closing.levels = Math.max(closing.levels, levels)
}
