/**
 * The end of a run and what follows: another run, now or later, or a status that stays. Pure.
 */
import * as Cause from "effect/Cause"
import type { RestartReason } from "../RestartPolicy.ts"
import type { DeadReason } from "../TaskStatus.ts"
import * as Causes from "./causes.ts"
import type { Deciding } from "./entry.ts"
import {
  arm,
  disarm,
  disarmStable,
  enter,
  forgetIfStable,
  forgetQuestion,
  isRunning,
  isSettled,
  notify,
  overtake,
  reply
} from "./entry.ts"
import * as LineUp from "./lineUp.ts"
import * as Pausing from "./pausing.ts"
import * as Running from "./running.ts"
import type { Answer, Event, Outcome, Settled, State } from "./state.ts"
import type { Entry } from "./taskEntry.ts"
import type { CommandName, Intent, Phase } from "./words.ts"
import { intents } from "./words.ts"

/** A restart fell due. */
export const restartDue = (deciding: Deciding, entry: Entry): void => {
  const { now, state } = deciding
  if (state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  const at = Pausing.heldUntil(state, entry, now)
  if (at <= now) return Running.start(deciding, entry)
  entry.ownRestartAt = now
  putOff(deciding, entry, at)
}

const putOff = (deciding: Deciding, entry: Entry, at: number): void => {
  entry.restartAt = at
  entry.version++
  arm(deciding.state, entry, "Restart", at)
  notify(deciding, entry, { _tag: "RestartHeld", delay: at - deciding.now })
}

/** Restarts are not paused any more: those that were held are due when they would have been. */
export const release = (deciding: Deciding): void => {
  const { now, state } = deciding
  for (const entry of state.names.values()) {
    const own = entry.ownRestartAt
    if (entry.phase !== "Failed" || own === undefined) continue
    entry.ownRestartAt = undefined
    if (entry.lined) LineUp.release(deciding, entry, own)
    else putOff(deciding, entry, Math.max(now, own))
  }
}

/** A run has ended, its finalizers and children included. */
export const ended = (
  deciding: Deciding,
  entry: Entry,
  { byItself, outcome }: Event & { readonly _tag: "Ended" }
): void => {
  const { state } = deciding
  if (!isRunning(entry)) return
  forgetIfStable(deciding, entry)
  disarm(state, entry)
  disarmStable(state, entry)
  // Whatever was asked for before, or its policy says: no run follows on this one.
  const isRemoved = entry.fate === "removed" && state.closing === undefined
  if (isRemoved) giveWay(deciding, entry)
  // A sibling's restart stops nobody who was over already: what it came to by itself stands.
  const isOwn = byItself && entry.intent?._tag === "Line" && entry.intent.because === "sibling"
  const intent = isOwn ? undefined : entry.intent
  entry.intent = undefined
  entry.overdue = false
  conclude(deciding, entry, outcome, intent)
  // What the supervisor gives up for is in its report.
  if (state.failure !== undefined || state.entries.get(entry.id) !== entry) return
  if (isRemoved) remove(deciding, entry)
  // It has come to an end as what it was; as what it will be it is still to come.
  else if (entry.fate === "renewed" && entry.lined && isSettled(entry.phase)) enter(deciding, entry, "Created")
}

/** Another run was to follow. */
const giveWay = (deciding: Deciding, entry: Entry): void => {
  const { intent } = entry
  if (intent === undefined || intent._tag === "Verdict" || LineUp.isLeaving(entry)) return
  overtake(deciding, entry, undefined, "reconfigure")
  entry.intent = intents.remove
}

const conclude = (deciding: Deciding, entry: Entry, outcome: Outcome, intent: Intent | undefined): void => {
  if (intent === undefined) return endedByItself(deciding, entry, outcome)
  // The end was asked for, as an interruption. What else came with it (a finalizer that died, say) is not lost.
  const more = outcome._tag === "Failure" && !isInterruptionOnly(outcome.reason) ? outcome.reason : undefined
  if (intent._tag === "Verdict") return failed(deciding, entry, withEnd(intent.reason, more))
  if (more !== undefined) noteEnd(deciding, entry, more)
  if (intent._tag === "Shutdown") return dead(deciding, entry, "ShutDown")
  return intent._tag === "Line"
    ? endedInTurn(deciding, entry, intent.because)
    : endedByCommand(deciding, entry, intent.command)
}

/** It was stopped to be started again, with its siblings or as something new. */
const endedInTurn = (deciding: Deciding, entry: Entry, because: "sibling" | "reconfigure"): void => {
  if (entry.lined) return LineUp.wait(deciding, entry)
  if (deciding.state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  // It ended too late for that.
  if (because === "reconfigure" || entry.settings.mode !== "temporary") return Running.start(deciding, entry)
  dead(deciding, entry, "NotRestartable", { isOwn: false })
}

/** One outcome for each run: the verdict's, with what the run itself ended with. */
const withEnd = (
  verdict: RestartReason<unknown>,
  more: RestartReason<unknown> | undefined
): RestartReason<unknown> =>
  more?._tag === "Failed" && (verdict._tag === "HeartbeatMissed" || verdict._tag === "ProbeFailed")
    ? { ...verdict, ended: Causes.whole(more) }
    : verdict

const isInterruptionOnly = (reason: RestartReason<unknown>): boolean =>
  reason._tag === "Failed" && reason.finalizers === undefined && Cause.hasInterruptsOnly(reason.cause)

const endedByCommand = (deciding: Deciding, entry: Entry, command: CommandName): void => {
  const { waiters } = entry
  switch (command) {
    case "start":
    case "restart":
      if (entry.lined) return waitAgain(deciding, entry)
      Running.startAfresh(deciding, entry)
      break
    case "stop":
      stopped(deciding, entry)
      break
    case "kill":
      dead(deciding, entry, "Killed")
      break
    case "remove":
      dead(deciding, entry, "Killed")
      forget(deciding, entry)
  }
  entry.waiters = undefined
  for (const to of waiters ?? []) reply(deciding, to)
}

/** It was asked for by hand while its siblings are being restarted: it is started with them. */
const waitAgain = (deciding: Deciding, entry: Entry): void => {
  LineUp.wait(deciding, entry)
  entry.intent = intents.restart
}

const endedByItself = (deciding: Deciding, entry: Entry, outcome: Outcome): void => {
  const { mode } = entry.settings
  if (outcome._tag === "Success") {
    return mode === "permanent" ? failed(deciding, entry, { _tag: "Completed" }) : completed(deciding, entry)
  }
  const { directive, reason } = outcome
  if (directive === "restart") return failed(deciding, entry, reason)
  noteEnd(deciding, entry, reason)
  if (directive === "stop") return dead(deciding, entry, "NotRestartable")
  if (directive === "escalate") return dead(deciding, entry, "Escalated")
  return dead(deciding, entry, "NotRestartable", { policyCause: directive })
}

const noteEnd = (deciding: Deciding, entry: Entry, reason: RestartReason<unknown>): void => {
  if (reason._tag === "Completed") return notify(deciding, entry, { _tag: "TaskEnded" })
  entry.lastFailure = { reason, generation: entry.generation, at: deciding.now }
  notify(deciding, entry, { _tag: "TaskFailed", reason })
}

/** A run ended in a way that its policy has a say in. */
const failed = (deciding: Deciding, entry: Entry, reason: RestartReason<unknown>): void => {
  noteEnd(deciding, entry, reason)
  if (deciding.state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  if (entry.settings.mode === "temporary") return dead(deciding, entry, "NotRestartable")
  // A sibling's restart takes it along, and is the only one.
  if (entry.lined) return LineUp.wait(deciding, entry)
  enter(deciding, entry, "Failed")
  entry.restartAt = undefined
  entry.asking = true
  deciding.out.push({
    _tag: "AskSchedule",
    id: entry.id,
    generation: entry.generation,
    reason,
    fresh: entry.attempt === 0
  })
}

/** The schedule has answered. */
export const answered = (
  deciding: Deciding,
  entry: Entry,
  event: Event & { readonly _tag: "Answered" }
): void => {
  if (entry.phase !== "Failed" || !entry.asking) return
  entry.asking = false
  entry.version++
  if (deciding.state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  switch (event.answer._tag) {
    case "Done":
      return dead(deciding, entry, "Exhausted")
    case "Died":
      return dead(deciding, entry, "NotRestartable", { policyCause: event.answer.cause })
    case "Delay":
      return scheduled(deciding, entry, event.answer)
  }
}

const scheduled = (deciding: Deciding, entry: Entry, answer: Answer & { readonly _tag: "Delay" }): void => {
  const { now, state } = deciding
  const reason = entry.lastFailure?.generation === entry.generation ? entry.lastFailure.reason : completedReason
  entry.chance = answer.chance
  if (!Pausing.isBorne(deciding, entry, reason)) return
  entry.attempt++
  const own = now + answer.delay
  const at = Math.max(own, Pausing.heldUntil(state, entry, now))
  if (at > own) entry.ownRestartAt = own
  notify(deciding, entry, { _tag: "RestartScheduled", delay: at - now, reason })
  const isAlone = !LineUp.takesAlong(state)
  if (isAlone && at <= now) return Running.start(deciding, entry)
  entry.restartAt = at < Number.POSITIVE_INFINITY ? at : undefined
  if (!isAlone) return LineUp.regroup(deciding, entry, at)
  arm(state, entry, "Restart", at)
}

const completedReason = { _tag: "Completed" } as const

const leave = (deciding: Deciding, entry: Entry, phase: Phase): void => {
  forgetQuestion(deciding, entry)
  disarm(deciding.state, entry)
  entry.restartAt = undefined
  // What it was has ended; what it will be is started in its turn.
  if (entry.lined && entry.fate === "stays") LineUp.leave(deciding, entry)
  enter(deciding, entry, phase)
}

/** What ends for good is gone: a temporary task, and each one of a group. As the supervisor ends, all are kept for its report. */
const isForgotten = ({ closing, settings }: State, entry: Entry): boolean =>
  closing === undefined && !(entry.lined && entry.fate === "renewed") &&
  (entry.settings.mode === "temporary" || settings.group !== undefined)

const settle = ({ out }: Deciding, entry: Entry, outcome: Settled): void => {
  out.push({ _tag: "Settle", id: entry.id, outcome })
}

const completed = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Completed")
  notify(deciding, entry, { _tag: "TaskCompleted" })
  settle(deciding, entry, { _tag: "Completed" })
  endedForGood(deciding, entry)
}

/** It has come to its end by itself. */
const endedForGood = (deciding: Deciding, entry: Entry): void => {
  const { state } = deciding
  if (entry.settings.significant && entry.fate === "stays") state.significantEnded = true
  if (!isForgotten(state, entry)) return
  state.forgotten = true
  forget(deciding, entry)
}

export const stopped = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Stopped")
  notify(deciding, entry, { _tag: "TaskStopped" })
  settle(deciding, entry, { _tag: "Stopped", runs: entry.generation })
  if (isForgotten(deciding.state, entry)) forget(deciding, entry)
}

const isGivenUp = (why: DeadReason): boolean => why === "Exhausted" || why === "NotRestartable" || why === "Escalated"

export const dead = (
  deciding: Deciding,
  entry: Entry,
  why: DeadReason,
  /** With which the policy died, and whether the end is the task's own rather than a sibling's restart. */
  { isOwn = true, policyCause }: { readonly isOwn?: boolean; readonly policyCause?: Cause.Cause<never> } = {}
): void => {
  const { state } = deciding
  const isNeeded = isStartedWith(state, entry)
  leave(deciding, entry, "Dead")
  entry.why = why
  state.died = true
  const failure = entry.lastFailure
  notify(deciding, entry, { _tag: "TaskDead", why, failure, policyCause })
  settle(deciding, entry, { _tag: "Dead", why, runs: entry.generation, failure, policyCause })
  // One that is about to be replaced, or taken out, is judged no more: only what it says itself counts.
  if (!isOwn || !isGivenUp(why) || (entry.fate !== "stays" && why !== "Escalated")) {
    if (isForgotten(state, entry)) forget(deciding, entry)
    return
  }
  // What the supervisor gives up for is in its report.
  if (why === "Escalated" || entry.settings.whenDead === "escalate" || isNeeded) {
    state.failure ??= { _tag: "TaskDead", id: entry.id }
  } else {
    endedForGood(deciding, entry)
  }
}

/** The supervisor starts, and does not start without it (OTP: a child whose start fails, fails its supervisor's). */
const isStartedWith = ({ line, up }: State, entry: Entry): boolean =>
  !up && entry.settings.ready === "first-beat" && (entry.lined || line.starting === entry)

/** It has no run, and is to have none. */
export const remove = (deciding: Deciding, entry: Entry): void => {
  overtake(deciding, entry, undefined, "reconfigure")
  if (!isSettled(entry.phase)) dead(deciding, entry, "Killed")
  forget(deciding, entry)
}

/** Takes the entry out: the name is free again. */
export const forget = (deciding: Deciding, entry: Entry): void => {
  const { out, state } = deciding
  if (state.entries.get(entry.id) !== entry) return
  forgetQuestion(deciding, entry)
  disarm(state, entry)
  disarmStable(state, entry)
  if (entry.lined) LineUp.leave(deciding, entry)
  state.entries.delete(entry.id)
  state.order = undefined
  state.names.delete(entry.name)
  state.counts[entry.phase]--
  // Taking a task out is no death that the rest is judged by.
  state.died = false
  notify(deciding, entry, { _tag: "TaskRemoved" })
  out.push({ _tag: "Forget", id: entry.id })
}
