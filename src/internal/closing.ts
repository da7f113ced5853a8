/**
 * How a supervisor ends: its tasks are stopped one after another in reverse start order, each within its bound. Pure.
 */
import * as Commands from "./commands.ts"
import * as Deadlines from "./deadlines.ts"
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as Entries from "./entry.ts"
import * as Running from "./running.ts"
import type { Closing, Entry, GiveUp } from "./state.ts"

export const begin = (deciding: Deciding, failure: GiveUp | undefined): void => {
  const { now, out, state } = deciding
  if (state.closing !== undefined) return
  const { shutdownTimeout } = state.settings
  state.closing = {
    failure,
    remaining: Array.from(state.entries.values()),
    current: undefined,
    hurried: 0,
    deadline: shutdownTimeout < Number.POSITIVE_INFINITY
      ? Deadlines.add(state.deadlines, "Shutdown", -1, now + shutdownTimeout)
      : undefined
  }
  out.push({ _tag: "Closing", failure })
}

/** Whether the supervisor has reason to end by itself. Asked after every event. */
export const consider = (deciding: Deciding): void => {
  const { state } = deciding
  if (state.closing !== undefined) return
  const died = state.died
  state.died = false
  if (state.escalation !== undefined) return begin(deciding, { _tag: "TaskDead", id: state.escalation })
  const total = state.entries.size + state.expected
  const dead = state.counts.Dead
  const threshold = state.settings.maxDeadFraction
  if (died && threshold !== undefined && total > 0 && dead / total >= threshold) {
    return begin(deciding, { _tag: "TooManyDeadTasks", dead, total, threshold })
  }
  if (state.settings.whenAllCompleted === "end" && total > 0 && state.counts.Completed + dead === total) {
    begin(deciding, undefined)
  }
}

/** Goes on with the ending, as far as it can without waiting. */
export const advance = (deciding: Deciding): void => {
  const { out, state } = deciding
  const closing = state.closing
  if (closing === undefined || state.closed) return
  while (closing.current === undefined || !isWaitedFor(closing.current)) {
    closing.current = closing.remaining.pop()
    if (closing.current === undefined) break
    leave(deciding, closing.current)
  }
  if (closing.current !== undefined) return
  if (closing.deadline !== undefined) Deadlines.remove(state.deadlines, closing.deadline)
  state.closed = true
  out.push({ _tag: "Close", failure: closing.failure })
}

const isWaitedFor = (entry: Entry): boolean => Entries.isRunning(entry) && !entry.overdue

const leave = (deciding: Deciding, entry: Entry): void => {
  switch (entry.phase) {
    case "Created":
    case "Failed":
      return Ending.dead(deciding, entry, "ShutDown")
    case "Starting":
    case "Healthy":
      return Running.stop(deciding, entry, { _tag: "Shutdown" })
    case "Stopping":
      return giveWay(deciding, entry)
    case "Stopped":
    case "Completed":
    case "Dead":
  }
}

/** A restart gives way to the shutdown; a stop, kill or remove wants the same end, and keeps its own outcome. */
const giveWay = (deciding: Deciding, entry: Entry): void => {
  if (entry.intent?._tag === "Command" && entry.intent.command !== "restart") return
  Commands.overtake(deciding, entry, undefined, "shutdown")
  Running.redirect(deciding, entry, { _tag: "Shutdown" })
}

/** How many turns of the loop those who are hurried have: a finalizer may need some to end, though it waits for nothing. */
const lastTurns = 16

/** `shutdownTimeout` is over: whatever still runs is asked to end at once, and what does not is not waited for. */
export const expire = (deciding: Deciding, closing: Closing): void => {
  const { now, state } = deciding
  const rest = closing.current === undefined ? closing.remaining : [...closing.remaining, closing.current]
  if (closing.hurried === 0) {
    for (const entry of rest.toReversed()) leave(deciding, entry)
  }
  if (closing.hurried++ < lastTurns) {
    closing.deadline = Deadlines.add(state.deadlines, "Shutdown", -1, now)
    return
  }
  closing.deadline = undefined
  for (const entry of rest) {
    if (isWaitedFor(entry)) Running.giveUpOn(deciding, entry)
  }
}
