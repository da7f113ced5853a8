/**
 * What is stopped and started in order: how the line forms, and how it goes on. Pure.
 *
 * The rules of who is taken along, and in which order, are OTP's (`supervisor`, one_for_all and rest_for_one). What OTP
 * does while it is deaf is done here step by step, after every event, as far as it goes without waiting.
 */
import * as Deadlines from "./deadlines.ts"
import type { Deciding } from "./entry.ts"
import {
  disarm,
  disarmStable,
  enter,
  forgetQuestion,
  isAwaited,
  isRunning,
  isSettled,
  isUnderWay,
  notify,
  overtake,
  refuse,
  reply,
  unstoppable
} from "./entry.ts"
import * as Running from "./running.ts"
import type { Leaving, Line, State } from "./state.ts"
import type { Entry } from "./taskEntry.ts"
import { intents } from "./words.ts"

/** Nothing is waited for. */
const atOnce = Number.NEGATIVE_INFINITY

/** How many are started before others have a turn. */
const aStretch = 512

/** Nobody is being stopped or started, or is to be. */
const isOver = (line: Line): boolean =>
  line.stopping === undefined && line.starting === undefined && line.toStop.length === 0 &&
  line.next === line.toStart.length

// ---------------------------------------------------------------------------------------------------------------------
// how it forms
// ---------------------------------------------------------------------------------------------------------------------

/** A listed task is started in its turn. */
export const stand = (deciding: Deciding, entry: Entry): void => {
  entry.lined = true
  deciding.state.line.toStart.push(entry)
}

/** The same for one that may be the only one: then its turn is now. */
export const come = (deciding: Deciding, entry: Entry): void => {
  const { line } = deciding.state
  if (!isOver(line)) return stand(deciding, entry)
  line.starting = entry
  Running.start(deciding, entry)
}

/** A restart concerns more than the task itself. */
export const takesAlong = ({ settings: { strategy } }: State): boolean => strategy !== "one-for-one"

/** On its way out for good, by command. */
export const isLeaving = ({ intent }: Entry): boolean =>
  intent?._tag === "Command" && intent.command !== "restart" && intent.command !== "start"

/** Those who run, or are to run, go along; what is Completed, Stopped or Dead is left as it is. */
const goesAlong = (entry: Entry): boolean =>
  entry.lined || (isRunning(entry) ? !isLeaving(entry) : !isSettled(entry.phase))

/**
 * A task is to be restarted at `due`: the siblings that its strategy takes along are stopped, wait as one with it, and are
 * started together. A restart that is under way already becomes part of this one.
 */
export const regroup = (deciding: Deciding, lead: Entry, due: number): void => {
  const { state } = deciding
  const { line } = state
  const everybody = state.settings.strategy === "one-for-all"
  // What a reconfiguration takes out, or makes another of, goes the way it was to go.
  const reasons = toBeStopped(line)
  const members = membersOf(state, everybody ? Number.NEGATIVE_INFINITY : lead.place, reasons)
  reform(state, () => {
    line.lead = lead
    line.due = due > deciding.now ? due : atOnce
    for (const entry of members) join(deciding, entry, reasons.get(entry) ?? "sibling")
  })
}

const join = (deciding: Deciding, entry: Entry, because: Leaving["because"]): void => {
  const { state } = deciding
  stopBefore(state, entry, because)
  if (because === "remove" || !goesAlong(entry)) return
  const { lined } = entry
  // One that is temporary and running is not started again.
  if (entry.settings.mode === "temporary" && isRunning(entry) && because === "sibling") entry.lined = false
  else stand(deciding, entry)
  if (entry === state.line.lead || entry.phase !== "Failed") return
  forgetQuestion(deciding, entry)
  // It may wait already, and for just as long.
  if (!lined || entry.sibling === undefined || entry.restartAt !== restartAt(deciding)) wait(deciding, entry)
}

/** Those from a place on that go along, and whoever stands in the line or is to be stopped before it. */
const membersOf = (
  state: State,
  from: number,
  reasons: ReadonlyMap<Entry, Leaving["because"]>
): ReadonlyArray<Entry> => {
  const { line } = state
  const all = inOrder(state)
  const later = all.slice(firstFrom(all, from)).filter((entry) => reasons.has(entry) || goesAlong(entry))
  const earlier = new Set(line.toStart.slice(line.next).filter(({ lined, place }) => lined && place < from))
  for (const entry of reasons.keys()) if (entry.place < from) earlier.add(entry)
  return [...Array.from(earlier).sort((one, other) => one.place - other.place), ...later]
}

/** All entries in start order; found anew when one has come or gone. */
const inOrder = (state: State): ReadonlyArray<Entry> => state.order ??= Array.from(state.names.values())

/** The index of the first one at a place or behind it. */
const firstFrom = (all: ReadonlyArray<Entry>, place: number): number => {
  let low = 0
  let high = all.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (all[middle]!.place < place) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Forms the line anew. The next one still waits for the one before it to be up, unless that is to be started again itself.
 */
export const reform = (state: State, form: () => void): void => {
  const { line } = state
  const { starting } = line
  empty(state)
  form()
  if (starting?.lined === false) line.starting = starting
}

/** Its run, if it has one that can be stopped, is stopped before anything is started. */
export const stopBefore = ({ line }: State, entry: Entry, because: Leaving["because"]): void => {
  const leaving = { entry, generation: entry.generation, because }
  if (isAsked(leaving)) line.toStop.push(leaving)
}

/** Those who are still to be stopped, and why. */
export const toBeStopped = ({ stopping, toStop }: Line): Map<Entry, Leaving["because"]> =>
  new Map(
    (stopping === undefined ? toStop : [...toStop, stopping]).filter(isAsked).map(({ because, entry }) =>
      [entry, because] as const
    )
  )

/** All that was waited for is forgotten, but not who stands in the line. */
const empty = (state: State): void => {
  const { line } = state
  yielded(state)
  if (line.toStop.length > 0) line.toStop.length = 0
  if (line.toStart.length > 0) line.toStart.length = 0
  line.next = 0
  line.stopping = undefined
  line.starting = undefined
  line.lead = undefined
  line.due = atOnce
}

const yielded = ({ deadlines, line }: State): void => {
  if (line.deadline !== undefined) Deadlines.remove(deadlines, line.deadline)
  line.deadline = undefined
  line.yielding = false
}

/** The supervisor ends: nothing is started any more. */
export const dissolve = (deciding: Deciding): void => {
  const { line } = deciding.state
  for (const entry of line.toStart) entry.lined = false
  empty(deciding.state)
  line.waiters.clear()
}

// ---------------------------------------------------------------------------------------------------------------------
// who stands in it
// ---------------------------------------------------------------------------------------------------------------------

/** A member that has ended, or waited for a restart of its own, waits for its turn. */
export const wait = (deciding: Deciding, entry: Entry): void => {
  const { now, state } = deciding
  const { lead } = state.line
  disarm(state, entry)
  disarmStable(state, entry)
  enter(deciding, entry, "Failed")
  const at = restartAt(deciding)
  entry.restartAt = at
  entry.sibling = lead?.name
  if (lead === undefined) return
  const reason = { _tag: "Sibling", task: lead.name } as const
  const delay = at === undefined ? Number.POSITIVE_INFINITY : at - now
  notify(deciding, entry, { _tag: "RestartScheduled", delay, reason })
}

/** When those in the line are started, as far as that is known. */
const restartAt = ({ now, state: { line } }: Deciding): number | undefined =>
  line.due < Number.POSITIVE_INFINITY ? Math.max(line.due, now) : undefined

/** A pause is over before its time: those who wait with this one wait as long as they would have. */
export const release = (deciding: Deciding, lead: Entry, at: number): void => {
  const { now, state: { line } } = deciding
  if (line.lead !== lead || line.due <= now) return
  line.due = at > now ? at : atOnce
  for (const entry of line.toStart) if (entry.lined && entry.phase === "Failed") wait(deciding, entry)
}

/** Somebody asks for one by hand: all that waits for the time of its restart waits no longer. */
export const hasten = ({ state }: Deciding): void => {
  state.line.due = atOnce
}

/** It is started when its turn comes, and whoever asked is answered then. */
export const startInTurn = (deciding: Deciding, entry: Entry, command: "start" | "restart", to: number): void => {
  hasten(deciding)
  overtake(deciding, entry, command, command)
  entry.intent = intents[command]
  ;(entry.waiters ??= new Set()).add(to)
}

/** It is not started in its turn. For the rest all is as it was. */
export const leave = ({ state: { line } }: Deciding, entry: Entry): void => {
  entry.lined = false
  entry.sibling = undefined
  if (line.lead !== entry) return
  // Those that have left are passed by once.
  while (line.toStart[line.next]?.lined === false) line.next++
  line.lead = line.toStart[line.next] ?? entry
}

// ---------------------------------------------------------------------------------------------------------------------
// how it goes on
// ---------------------------------------------------------------------------------------------------------------------

/** Goes on, as far as it can without waiting. Asked after every event. */
export const advance = (deciding: Deciding): void => {
  const { state } = deciding
  if (state.closing !== undefined || state.line.yielding) return
  const isIdle = isOver(state.line) && state.line.waiters.size === 0
  if (!isIdle && stopAll(deciding) && isDue(deciding) && startAll(deciding)) finish(deciding)
  if (!state.up && state.expected === 0 && isOver(state.line)) {
    state.up = true
    deciding.out.push({ _tag: "Up" })
  }
}

/** One that does not end is not waited for; what a reconfiguration has in mind for it follows when it does. */
const isAsked = ({ because, entry, generation }: Leaving): boolean =>
  entry.generation === generation && (because === "sibling" ? isAwaited(entry) : isRunning(entry))

const isWaitedFor = ({ entry, generation }: Leaving): boolean => entry.generation === generation && isAwaited(entry)

const stopAll = (deciding: Deciding): boolean => {
  const { line } = deciding.state
  while (line.stopping === undefined || !isWaitedFor(line.stopping)) {
    const before = line.stopping
    if (before?.because !== "sibling" && before?.entry.overdue === true) line.refusal ??= unstoppable(before.entry)
    line.stopping = line.toStop.pop()
    if (line.stopping === undefined) return true
    if (isAsked(line.stopping)) stop(deciding, line.stopping)
  }
  return false
}

const stop = (deciding: Deciding, { because, entry }: Leaving): void => {
  const intent = intents[because]
  if (isUnderWay(entry)) return Running.stop(deciding, entry, intent)
  // On its way out already. What it is taken for hung for, was asked to by hand, or has come to by itself is not forgotten
  // over a sibling; but its end is waited for from now on.
  if (because === "sibling") return awaited(deciding, entry)
  overtake(deciding, entry, undefined, "reconfigure")
  Running.redirect(deciding, entry, intent)
}

const awaited = ({ out }: Deciding, entry: Entry): void => {
  if (entry.intent === undefined) out.push({ _tag: "Interrupt", id: entry.id })
}

const isDue = ({ now, state }: Deciding): boolean => {
  const { deadlines, line } = state
  while (line.toStart[line.next]?.lined === false) line.next++
  // Its time has come, or nobody is left to wait for it.
  if (line.due <= now || line.next === line.toStart.length) line.due = atOnce
  if (line.deadline !== undefined && line.deadline.due !== line.due) yielded(state)
  if (line.due === atOnce) return true
  if (line.deadline === undefined && line.due < Number.POSITIVE_INFINITY) {
    line.deadline = Deadlines.add(deadlines, "Line", undefined, line.due)
  }
  return false
}

/** What the line waited for is over: the time until a restart, or a turn of others. */
export const due = ({ state }: Deciding): void => {
  if (!state.line.yielding) state.line.due = atOnce
  yielded(state)
}

/** The next one has to wait until this one is up, or is not going to be. */
const isComing = (entry: Entry): boolean => {
  if (entry.settings.ready === "begun") return false
  switch (entry.phase) {
    case "Starting":
    case "Failed":
      return true
    case "Stopping":
      return !entry.overdue && !isLeaving(entry)
    default:
      return false
  }
}

const startAll = (deciding: Deciding): boolean => {
  const { deadlines, line } = deciding.state
  let started = 0
  while (line.starting === undefined || !isComing(line.starting)) {
    line.starting = undefined
    const next = line.toStart[line.next]
    if (next === undefined) return true
    if (started === aStretch) {
      line.yielding = true
      line.deadline = Deadlines.add(deadlines, "Line", undefined, deciding.now)
      return false
    }
    line.next++
    if (!next.lined) continue
    started++
    line.starting = next
    start(deciding, next)
  }
  return false
}

const start = (deciding: Deciding, entry: Entry): void => {
  // One that does not end is started when it does, without the others.
  if (isRunning(entry)) return leave(deciding, entry)
  const { waiters } = entry
  // Asked for by hand. Told as it begins, like everything of a run.
  if (entry.intent?._tag === "Command") Running.startAfresh(deciding, entry)
  else Running.start(deciding, entry)
  for (const to of waiters ?? []) reply(deciding, to)
}

const finish = (deciding: Deciding): void => {
  const { line } = deciding.state
  const { refusal } = line
  empty(deciding.state)
  line.refusal = undefined
  if (line.waiters.size === 0) return
  for (const to of line.waiters) {
    if (refusal === undefined) reply(deciding, to)
    else refuse(deciding, to, refusal)
  }
  line.waiters.clear()
}
