/**
 * The life of one task: how it starts, shows life, ends, and what follows. Pure: state and time in, decisions out.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type { RestartReason } from "../RestartPolicy.ts"
import type { DeadReason } from "../TaskStatus.ts"
import * as Deadlines from "./deadlines.ts"
import * as Observer from "./observer.ts"
import type {
  Answer,
  Decision,
  Entry,
  Event,
  Intent,
  Notice,
  Outcome,
  Phase,
  State,
  StopBecause,
  TaskSettings
} from "./state.ts"

/** What one decision works with. */
export interface Deciding {
  readonly state: State
  readonly now: number
  readonly out: Array<Decision>
}

/**
 * "Longer than" is strict everywhere: at the limit itself nothing has happened yet. A clock is read in milliseconds,
 * so the first moment beyond is the next one.
 */
const beyond = 1

export const notify = ({ out }: Deciding, entry: Entry, notice: Notice): void => {
  out.push({ _tag: "Notify", id: entry.id, generation: entry.generation, notice })
}

const enter = ({ now, state }: Deciding, entry: Entry, phase: Phase): void => {
  state.counts[entry.phase]--
  state.counts[phase]++
  entry.phase = phase
  entry.since = now
  entry.version++
}

const disarm = (state: State, entry: Entry): void => {
  if (entry.deadline !== undefined) {
    Deadlines.remove(state.deadlines, entry.deadline)
    entry.deadline = undefined
  }
}

const disarmStable = (state: State, entry: Entry): void => {
  if (entry.stable !== undefined) {
    Deadlines.remove(state.deadlines, entry.stable)
    entry.stable = undefined
  }
}

const arm = (state: State, entry: Entry, kind: Deadlines.DeadlineKind, due: number): void => {
  disarm(state, entry)
  if (due < Number.POSITIVE_INFINITY) entry.deadline = Deadlines.add(state.deadlines, kind, entry.id, due)
}

export const isRunning = (entry: Entry): boolean =>
  entry.phase === "Starting" || entry.phase === "Healthy" || entry.phase === "Stopping"

export const isUnderWay = (entry: Entry): boolean => entry.phase === "Starting" || entry.phase === "Healthy"

export const create = (deciding: Deciding, id: number, name: string, settings: TaskSettings): Entry => {
  const { now, state } = deciding
  const entry: Entry = {
    id,
    name,
    settings,
    phase: "Created",
    since: now,
    generation: 0,
    attempt: 0,
    begunAt: 0,
    lastBeat: 0,
    lastBeatAt: -1,
    details: undefined,
    probeFailures: 0,
    lastFailure: undefined,
    restartAt: undefined,
    asking: false,
    intent: undefined,
    waiters: undefined,
    stopBound: 0,
    overdue: false,
    why: undefined,
    deadline: undefined,
    stable: undefined,
    version: 0
  }
  state.entries.set(id, entry)
  state.names.set(name, entry)
  state.counts.Created++
  notify(deciding, entry, { _tag: "TaskAdded" })
  return entry
}

/** When the silence of a run becomes a verdict, on the monotonic clock as far as it is known now. */
const silenceDue = (state: State, entry: Entry): number => {
  const { lost } = state.observer
  if (entry.phase === "Starting" && entry.settings.startupTimeout !== undefined) {
    return entry.lastBeat + entry.settings.startupTimeout + beyond + lost
  }
  if (entry.settings.heartbeat._tag !== "Manual") return Number.POSITIVE_INFINITY
  return lost + Math.max(
    entry.lastBeat + entry.settings.heartbeat.within + beyond,
    state.settings.startedAt + state.settings.healthCheck.initialDelay
  )
}

const watch = (state: State, entry: Entry): void => {
  const startup = entry.phase === "Starting" && entry.settings.startupTimeout !== undefined
  arm(state, entry, startup ? "Startup" : "Silence", silenceDue(state, entry))
}

/** Begins the next run. The one before has ended. */
export const start = (deciding: Deciding, entry: Entry): void => {
  const { now, out, state } = deciding
  disarm(state, entry)
  disarmStable(state, entry)
  entry.generation++
  entry.begunAt = now
  entry.lastBeat = Observer.at(state.observer, now)
  entry.lastBeatAt = -1
  entry.details = undefined
  entry.probeFailures = 0
  entry.restartAt = undefined
  entry.intent = undefined
  entry.overdue = false
  entry.why = undefined
  enter(deciding, entry, "Starting")
  watch(state, entry)
  notify(deciding, entry, { _tag: "TaskStarting", attempt: entry.attempt })
  out.push({ _tag: "Start", id: entry.id, generation: entry.generation, attempt: entry.attempt })
}

/** As `start`, asked for by a person: the failure history is forgotten. */
export const startAfresh = (deciding: Deciding, entry: Entry): void => {
  forgetQuestion(deciding, entry)
  entry.attempt = 0
  start(deciding, entry)
}

const becomeHealthy = (deciding: Deciding, entry: Entry): void => {
  const { now, state } = deciding
  enter(deciding, entry, "Healthy")
  watch(state, entry)
  if (entry.attempt > 0 && entry.settings.stableAfter < Number.POSITIVE_INFINITY) {
    entry.stable = Deadlines.add(state.deadlines, "Stable", entry.id, now + entry.settings.stableAfter + beyond)
  }
  notify(deciding, entry, { _tag: "TaskHealthy" })
}

/** A run has begun. For an automatic heartbeat this is the first beat. */
export const begun = (deciding: Deciding, entry: Entry): void => {
  if (entry.phase !== "Starting") return
  const kind = entry.settings.heartbeat._tag
  if (kind === "Automatic") entry.lastBeatAt = entry.begunAt
  if (kind === "Automatic" || kind === "None") becomeHealthy(deciding, entry)
}

export const beat = (deciding: Deciding, entry: Entry, event: Event & { readonly _tag: "Beat" }): void => {
  if (!isUnderWay(entry)) return
  entry.lastBeat = Observer.at(deciding.state.observer, event.at)
  entry.lastBeatAt = event.at
  entry.probeFailures = 0
  if (event.details !== undefined) entry.details = event.details
  entry.version++
  // The deadline of a Healthy run is left where it is: when it falls due, it is put off to where it belongs by then.
  if (entry.phase === "Starting") becomeHealthy(deciding, entry)
}

export const probeFailed = (
  deciding: Deciding,
  entry: Entry,
  event: Event & { readonly _tag: "ProbeFailed" }
): void => {
  const { now, state } = deciding
  if (!isUnderWay(entry) || entry.settings.heartbeat._tag !== "Probe") return
  if (entry.phase === "Starting" && entry.settings.startupTimeout !== undefined) return
  entry.probeFailures++
  const grace = state.settings.startedAt + state.settings.healthCheck.initialDelay
  if (entry.probeFailures < entry.settings.heartbeat.failures || Observer.at(state.observer, now) < grace) return
  const reason = { _tag: "ProbeFailed", failures: entry.probeFailures, cause: event.cause } as const
  notify(deciding, entry, { _tag: "ProbeFailed", reason })
  stop(deciding, entry, { _tag: "Verdict", reason })
}

/** A silence fell due: a verdict, unless the run has beaten since, or the observer was stalled. */
export const silent = (deciding: Deciding, entry: Entry, deadline: Deadlines.Deadline): void => {
  const { now, state } = deciding
  const due = silenceDue(state, entry)
  if (due > now) {
    Deadlines.move(state.deadlines, deadline, due)
    return
  }
  disarm(state, entry)
  const reason = {
    _tag: "HeartbeatMissed",
    silence: Duration.millis(Observer.at(state.observer, now) - entry.lastBeat),
    during: entry.phase === "Starting" ? "startup" : "run"
  } as const
  notify(deciding, entry, { _tag: "HeartbeatMissed", reason })
  stop(deciding, entry, { _tag: "Verdict", reason })
}

const because = (intent: Intent): StopBecause => {
  switch (intent._tag) {
    case "Command":
      return intent.command
    case "Verdict":
      return "verdict"
    case "Shutdown":
      return "shutdown"
  }
}

/** Asks a run under way to end, and says what is to follow. */
export const stop = (deciding: Deciding, entry: Entry, intent: Intent): void => {
  const { now, out, state } = deciding
  forgetIfStable(deciding, entry)
  disarmStable(state, entry)
  entry.intent = intent
  enter(deciding, entry, "Stopping")
  entry.stopBound = Observer.at(state.observer, now) + entry.settings.stopTimeout
  arm(state, entry, "StopBound", now + entry.settings.stopTimeout)
  notify(deciding, entry, { _tag: "TaskStopping", because: because(intent) })
  out.push({ _tag: "Interrupt", id: entry.id, generation: entry.generation })
}

/** A restart fell due. */
export const restartDue = (deciding: Deciding, entry: Entry): void => {
  if (deciding.state.closing !== undefined) return dead(deciding, entry, "ShutDown")
  start(deciding, entry)
}

/** The bound of a stop fell due: put off by what the observer lost since, or the run is unstoppable. */
export const overdue = (deciding: Deciding, entry: Entry, deadline: Deadlines.Deadline): void => {
  const { now, state } = deciding
  const due = entry.stopBound + state.observer.lost
  if (due > now) {
    Deadlines.move(state.deadlines, deadline, due)
    return
  }
  giveUpOn(deciding, entry)
}

/** Reports a run that will not end. Its task stays as it is until it does. */
export const giveUpOn = (deciding: Deciding, entry: Entry): void => {
  disarm(deciding.state, entry)
  entry.overdue = true
  entry.version++
  notify(deciding, entry, { _tag: "TaskUnstoppable", stopTimeout: entry.settings.stopTimeout })
  refuseWaiters(deciding, entry)
}

const refuseWaiters = ({ out }: Deciding, entry: Entry): void => {
  for (const waiter of entry.waiters ?? []) {
    out.push({
      _tag: "Refuse",
      to: waiter.reply,
      refusal: "TaskUnstoppable",
      task: entry.name,
      command: waiter.command,
      generation: entry.generation,
      stopTimeout: entry.settings.stopTimeout,
      by: ""
    })
  }
  entry.waiters = undefined
}

export const replyWaiters = ({ out }: Deciding, entry: Entry): void => {
  for (const waiter of entry.waiters ?? []) out.push({ _tag: "Reply", to: waiter.reply })
  entry.waiters = undefined
}

/** Attempts are forgotten after the task has been healthy for longer than `stableAfter`. */
const forgetIfStable = (deciding: Deciding, entry: Entry): void => {
  if (entry.attempt === 0 || entry.phase !== "Healthy") return
  if (deciding.now - entry.since <= entry.settings.stableAfter) return
  entry.attempt = 0
  entry.version++
  notify(deciding, entry, { _tag: "TaskStable" })
}

export const stable = (deciding: Deciding, entry: Entry): void => {
  disarmStable(deciding.state, entry)
  forgetIfStable(deciding, entry)
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
  if (outcome._tag === "Failure" && !isInterruptionOnly(outcome.reason)) noteFailure(deciding, entry, outcome.reason)
  switch (intent._tag) {
    case "Verdict":
      return failed(deciding, entry, intent.reason)
    case "Shutdown":
      return dead(deciding, entry, "ShutDown")
    case "Command":
      return endedByCommand(deciding, entry, intent.command)
  }
}

const isInterruptionOnly = (reason: RestartReason<unknown>): boolean =>
  reason._tag === "Failed" && reason.finalizers === undefined && Cause.hasInterruptsOnly(reason.cause)

const endedByCommand = (deciding: Deciding, entry: Entry, command: "restart" | "stop" | "kill" | "remove"): void => {
  switch (command) {
    case "restart":
      startAfresh(deciding, entry)
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
  noteFailure(deciding, entry, reason)
  if (directive === "stop") return dead(deciding, entry, "NotRestartable")
  if (directive === "escalate") return dead(deciding, entry, "Escalated")
  return dead(deciding, entry, "NotRestartable", directive)
}

const noteFailure = (deciding: Deciding, entry: Entry, reason: RestartReason<unknown>): void => {
  if (reason._tag === "Completed") return
  entry.lastFailure = { reason, generation: entry.generation, at: deciding.now }
  notify(deciding, entry, { _tag: "TaskFailed", reason })
}

/** A run ended in a way that its policy has a say in. */
const failed = (deciding: Deciding, entry: Entry, reason: RestartReason<unknown>): void => {
  noteFailure(deciding, entry, reason)
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
  if (answer.delay <= 0) return start(deciding, entry)
  arm(state, entry, "Restart", now + answer.delay)
}

const forgetQuestion = ({ out }: Deciding, entry: Entry): void => {
  if (!entry.asking) return
  entry.asking = false
  out.push({ _tag: "ForgetQuestion", id: entry.id })
}

const leave = (deciding: Deciding, entry: Entry, phase: Phase): void => {
  forgetQuestion(deciding, entry)
  disarm(deciding.state, entry)
  entry.restartAt = undefined
  enter(deciding, entry, phase)
}

const settle = ({ out }: Deciding, entry: Entry, policyCause: Cause.Cause<never> | undefined): void => {
  out.push({ _tag: "Settle", id: entry.id, policyCause })
}

const completed = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Completed")
  notify(deciding, entry, { _tag: "TaskCompleted" })
  settle(deciding, entry, undefined)
}

export const stopped = (deciding: Deciding, entry: Entry): void => {
  leave(deciding, entry, "Stopped")
  notify(deciding, entry, { _tag: "TaskStopped" })
  settle(deciding, entry, undefined)
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
  notify(deciding, entry, { _tag: "TaskDead", why, policyCause })
  settle(deciding, entry, policyCause)
  const escalates = why === "Escalated" || (isGivenUp(why) && entry.settings.whenDead === "escalate")
  if (escalates) state.escalation ??= entry
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
  notify(deciding, entry, { _tag: "TaskRemoved" })
  out.push({ _tag: "Forget", id: entry.id })
}
