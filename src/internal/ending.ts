/**
 * The end of a run and what follows: another run, now or later, or a status that stays. Pure.
 */
import * as Cause from "effect/Cause"
import type { RestartReason } from "../RestartPolicy.ts"
import type { DeadReason } from "../TaskStatus.ts"
import * as Causes from "./causes.ts"
import type { Deciding } from "./entry.ts"
import { arm, disarm, disarmStable, enter, forgetIfStable, forgetQuestion, isRunning, notify } from "./entry.ts"
import * as Running from "./running.ts"
import type { Answer, Entry, Event, Outcome, Phase, Settled } from "./state.ts"

/** A restart fell due. */
export const restartDue = (deciding: Deciding, entry: Entry): void => {
  if (deciding.state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  Running.start(deciding, entry)
}

const replyWaiters = ({ out }: Deciding, entry: Entry): void => {
  for (const to of entry.waiters ?? []) out.push({ _tag: "Reply", to })
  entry.waiters = undefined
}

/** A run has ended, its finalizers and children included. */
export const ended = (deciding: Deciding, entry: Entry, outcome: Outcome): void => {
  const { state } = deciding
  if (!isRunning(entry)) return
  forgetIfStable(deciding, entry)
  disarm(state, entry)
  disarmStable(state, entry)
  const intent = entry.intent
  entry.intent = undefined
  entry.overdue = false
  if (intent === undefined) return endedByItself(deciding, entry, outcome)
  // The end was asked for, as an interruption. What else came with it (a finalizer that died, say) is not lost.
  const more = outcome._tag === "Failure" && !isInterruptionOnly(outcome.reason) ? outcome.reason : undefined
  if (intent._tag === "Verdict") return failed(deciding, entry, withEnd(intent.reason, more))
  if (more !== undefined) noteEnd(deciding, entry, more)
  return intent._tag === "Shutdown"
    ? dead(deciding, entry, "ShutDown")
    : endedByCommand(deciding, entry, intent.command)
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

const endedByCommand = (deciding: Deciding, entry: Entry, command: "restart" | "stop" | "kill" | "remove"): void => {
  switch (command) {
    case "restart":
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
  replyWaiters(deciding, entry)
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
  return dead(deciding, entry, "NotRestartable", directive)
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
      return dead(deciding, entry, "NotRestartable", event.answer.cause)
    case "Delay":
      return scheduled(deciding, entry, event.answer)
  }
}

const scheduled = (deciding: Deciding, entry: Entry, answer: Answer & { readonly _tag: "Delay" }): void => {
  const { now, state } = deciding
  entry.attempt++
  entry.restartAt = answer.delay < Number.POSITIVE_INFINITY ? now + answer.delay : undefined
  notify(deciding, entry, {
    _tag: "RestartScheduled",
    attempt: entry.attempt,
    delay: answer.delay,
    reason: entry.lastFailure?.generation === entry.generation ? entry.lastFailure.reason : { _tag: "Completed" }
  })
  if (answer.delay <= 0) return Running.start(deciding, entry)
  arm(state, entry, "Restart", now + answer.delay)
}

const leave = (deciding: Deciding, entry: Entry, phase: Phase): void => {
  forgetQuestion(deciding, entry)
  disarm(deciding.state, entry)
  entry.restartAt = undefined
  enter(deciding, entry, phase)
}

const settle = ({ out }: Deciding, entry: Entry, outcome: Settled): void => {
  out.push({ _tag: "Settle", id: entry.id, outcome })
}

const completed = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Completed")
  notify(deciding, entry, { _tag: "TaskCompleted" })
  settle(deciding, entry, { _tag: "Completed" })
}

export const stopped = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Stopped")
  notify(deciding, entry, { _tag: "TaskStopped" })
  settle(deciding, entry, { _tag: "Stopped", runs: entry.generation })
}

const isGivenUp = (why: DeadReason): boolean => why === "Exhausted" || why === "NotRestartable" || why === "Escalated"

export const dead = (
  deciding: Deciding,
  entry: Entry,
  why: DeadReason,
  policyCause: Cause.Cause<never> | undefined = undefined
): void => {
  const { state } = deciding
  leave(deciding, entry, "Dead")
  entry.why = why
  state.died = true
  const failure = entry.lastFailure
  notify(deciding, entry, { _tag: "TaskDead", why, failure, policyCause })
  settle(deciding, entry, { _tag: "Dead", why, runs: entry.generation, failure, policyCause })
  const escalates = why === "Escalated" || (isGivenUp(why) && entry.settings.whenDead === "escalate")
  if (escalates) state.escalation ??= entry.id
}

/** Takes the entry out: the name is free again. */
export const forget = (deciding: Deciding, entry: Entry): void => {
  const { out, state } = deciding
  forgetQuestion(deciding, entry)
  disarm(state, entry)
  disarmStable(state, entry)
  state.entries.delete(entry.id)
  state.names.delete(entry.name)
  state.counts[entry.phase]--
  // Taking a task out is no death that the rest is judged by.
  state.died = false
  notify(deciding, entry, { _tag: "TaskRemoved" })
  out.push({ _tag: "Forget", id: entry.id })
}
