/**
 * The decision: an event and the time go in, the state is updated in place, and what is to be done comes out.
 *
 * It runs no effect, reads no clock and no chance: equal histories lead to equal decisions. The loop that owns the
 * state is its only caller; a recorded history can be decided again.
 */
import * as Closing from "./closing.ts"
import * as Commands from "./commands.ts"
import * as Deadlines from "./deadlines.ts"
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as LineUp from "./lineUp.ts"
import * as Observer from "./observer.ts"
import * as Pausing from "./pausing.ts"
import * as Reconfiguring from "./reconfiguring.ts"
import * as Running from "./running.ts"
import type { Decision, Event, State } from "./state.ts"
import type { Deadline, Entry } from "./taskEntry.ts"

export const decide = (state: State, event: Event, now: number): ReadonlyArray<Decision> => {
  const out: Array<Decision> = []
  step({ state, now, out }, event)
  return out
}

/** The same for whoever decides often, and has one place for the decisions. */
export const step = (deciding: Deciding, event: Event): void => {
  const { now, state } = deciding
  if (state.closed) return
  if (event._tag !== "Turn") Observer.work(state.observer, now)
  handle(deciding, event)
  Closing.consider(deciding)
  LineUp.advance(deciding)
  Closing.advance(deciding)
}

const handle = (deciding: Deciding, event: Event): void => {
  switch (event._tag) {
    case "Turn":
      return Observer.turn(deciding.state.observer, deciding.now, deciding.state.settings.healthCheck.interval)
    case "Rest":
      return rest(deciding)
    case "Add":
      return Commands.add(deciding, event)
    case "Command":
      return Commands.command(deciding, event)
    case "Reconfigure":
      return Reconfiguring.reconfigure(deciding, event)
    case "GaveUp":
      return Commands.gaveUp(deciding, event)
    case "Shutdown":
      return Closing.begin(deciding, undefined)
    case "Hurry":
      return Closing.hurry(deciding)
    case "Hurried":
      return Closing.hurried(deciding, event.levels)
    case "Tick":
      deciding.state.observer.wakeAt = undefined
      return
    case "Due":
      return due(deciding, event)
    default: {
      // What comes from an old run, or from one of a removed task, is ignored.
      const entry = deciding.state.entries.get(event.id)
      if (entry !== undefined && entry.generation === event.generation) ofRun(deciding, entry, event)
    }
  }
}

const ofRun = (
  deciding: Deciding,
  entry: Entry,
  event: Event & {
    readonly _tag: "Begun" | "Beat" | "ProbeFailed" | "Bound" | "Unwinding" | "Lingering" | "Ended" | "Answered"
  }
): void => {
  switch (event._tag) {
    case "Begun":
      return Running.begun(deciding, entry)
    case "Beat":
      return Running.beat(deciding, entry, event.sign)
    case "ProbeFailed":
      return Running.probeFailed(deciding, entry, event)
    case "Bound":
      return Running.bound(deciding, entry, event.bound)
    case "Unwinding":
      return Running.unwinding(deciding, entry)
    case "Lingering":
      return Running.lingering(deciding, entry)
    case "Ended":
      return Ending.ended(deciding, entry, event)
    case "Answered":
      return Ending.answered(deciding, entry, event)
  }
}

/** Carries one deadline out, if it is still the earliest, and due. */
const due = (deciding: Deciding, { kept, order }: Event & { readonly _tag: "Due" }): void => {
  const deadline = Deadlines.earliest(deciding.state.deadlines)
  if (deadline?.order !== order || deadline.due > deciding.now) return
  if (kept !== undefined && deadline.entry !== undefined) Running.beat(deciding, deadline.entry, kept)
  expire(deciding, deadline)
}

const expire = (deciding: Deciding, deadline: Deadline): void => {
  const { state } = deciding
  switch (deadline.kind) {
    case "Shutdown":
      Deadlines.remove(state.deadlines, deadline)
      if (state.closing !== undefined) Closing.expire(deciding, state.closing)
      return
    case "Together":
      return Closing.overdue(deciding)
    case "Stretch":
      return Closing.askMore(deciding)
    case "Line":
      return LineUp.due(deciding)
    case "Resume":
      return Pausing.resume(deciding)
  }
  const { entry } = deadline
  if (entry === undefined) return Deadlines.remove(state.deadlines, deadline)
  switch (deadline.kind) {
    case "Silence":
    case "Startup":
      return Running.silent(deciding, entry, deadline)
    case "StopBound":
      return Running.overdue(deciding, entry, deadline)
    case "Stable":
      return Running.stable(deciding, entry)
    case "Restart":
      return Ending.restartDue(deciding, entry)
  }
}

/** Asks to be woken at the earliest deadline, unless that has been asked already. */
const rest = ({ now, out, state }: Deciding): void => {
  const due = wakeAt(state)
  const asked = state.observer.wakeAt
  if (due === undefined) {
    if (asked !== undefined) out.push({ _tag: "SleepOn" })
    state.observer.wakeAt = undefined
  } else if (asked === undefined || due < asked) {
    const at = Math.max(due, now)
    out.push({ _tag: "Wake", at })
    state.observer.wakeAt = at
  }
}

/** While anything is watched the loop turns at least every health-check interval, to measure its own stalls. */
const wakeAt = (state: State): number | undefined => {
  const earliest = Deadlines.earliest(state.deadlines)
  if (earliest === undefined) return undefined
  return state.deadlines.watching > 0
    ? Math.min(earliest.due, state.observer.lastTurn + state.settings.healthCheck.interval)
    : earliest.due
}
