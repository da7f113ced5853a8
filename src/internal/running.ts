/**
 * A run under way: how it starts, shows life, falls silent, and is asked to end. Pure.
 */
import * as Duration from "effect/Duration"
import * as Deadlines from "./deadlines.ts"
import type { Deciding } from "./entry.ts"
import {
  arm,
  beyond,
  disarm,
  disarmStable,
  enter,
  forgetIfStable,
  forgetQuestion,
  isSettled,
  isUnderWay,
  notify,
  refuse,
  unstoppable
} from "./entry.ts"
import * as Observer from "./observer.ts"
import type { Event, Notice, Sign, State, StopBecause } from "./state.ts"
import type { Deadline, Entry } from "./taskEntry.ts"
import type { Intent, TaskSettings } from "./words.ts"

/** When the run becomes a case for a verdict, on the monotonic clock as far as it is known now. */
const verdictDue = (state: State, entry: Entry): number => {
  const { lost } = state.observer
  const { heartbeat, startupTimeout } = entry.settings
  if (isStartup(entry) && startupTimeout !== undefined) return entry.lastBeat + startupTimeout + beyond + lost
  const grace = state.settings.startedAt + state.settings.healthCheck.initialDelay
  switch (heartbeat._tag) {
    case "Manual":
      return lost + Math.max(entry.lastBeat + heartbeat.within + beyond, grace)
    case "Probe":
      return entry.probeFailures >= heartbeat.failures ? lost + grace : Number.POSITIVE_INFINITY
    case "Automatic":
    case "None":
      return Number.POSITIVE_INFINITY
  }
}

/** Starting, and it is the start-up timeout that decides. */
const isStartup = (entry: Entry): boolean => entry.phase === "Starting" && entry.settings.startupTimeout !== undefined

const watch = (state: State, entry: Entry): void => {
  arm(state, entry, isStartup(entry) ? "Startup" : "Silence", verdictDue(state, entry))
}

const starting: Notice = { _tag: "TaskStarting" }
const healthy: Notice = { _tag: "TaskHealthy" }

const stoppingFor = (because: StopBecause): Notice => ({ _tag: "TaskStopping", because })
const stopping: Record<StopBecause, Notice> = {
  ended: stoppingFor("ended"),
  restart: stoppingFor("restart"),
  stop: stoppingFor("stop"),
  kill: stoppingFor("kill"),
  remove: stoppingFor("remove"),
  verdict: stoppingFor("verdict"),
  sibling: stoppingFor("sibling"),
  reconfigure: stoppingFor("reconfigure"),
  shutdown: stoppingFor("shutdown")
}

/** From now on it is what the supervisor was reconfigured to. */
const succeed = (state: State, entry: Entry, successor: TaskSettings): void => {
  if (!isSettled(entry.phase)) state.significant += Number(successor.significant) - Number(entry.settings.significant)
  entry.settings = successor
  entry.successor = undefined
}

/** Begins the next run. The one before has ended. */
export const start = (deciding: Deciding, entry: Entry): void => {
  const { now, out, state } = deciding
  disarm(state, entry)
  disarmStable(state, entry)
  if (entry.successor !== undefined) succeed(state, entry, entry.successor)
  entry.generation++
  entry.begunAt = now
  entry.lastBeat = Observer.at(state.observer, now)
  entry.lastBeatAt = -1
  entry.details = undefined
  entry.lined = false
  entry.fate = "stays"
  entry.begin()
  enter(deciding, entry, "Starting")
  watch(state, entry)
  notify(deciding, entry, starting)
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
    entry.stable = Deadlines.add(state.deadlines, "Stable", entry, now + entry.settings.stableAfter + beyond)
  }
  notify(deciding, entry, healthy)
}

/** A run has begun. For an automatic heartbeat this is the first beat. */
export const begun = (deciding: Deciding, entry: Entry): void => {
  if (entry.phase !== "Starting") return
  const { heartbeat: { _tag: kind }, ready } = entry.settings
  if (kind === "Automatic") entry.lastBeatAt = entry.begunAt
  // That the fiber has begun says nothing of what is to be ready: it says so itself, by hand.
  if (ready === "begun" && (kind === "Automatic" || kind === "None")) becomeHealthy(deciding, entry)
}

export const beat = (deciding: Deciding, entry: Entry, { at, details, seen }: Sign): void => {
  if (!isUnderWay(entry)) return
  // Counted from when it is looked at: the observer's clock may have stood still since the run beat.
  entry.lastBeat = seen ?? Observer.at(deciding.state.observer, deciding.now)
  entry.lastBeatAt = at
  entry.probeFailures = 0
  entry.probeCause = undefined
  if (details !== undefined) entry.details = details
  // One that was kept is shown already.
  if (seen === undefined) entry.version++
  // The deadline of a Healthy run is left where it is: when it falls due, it is put off to where it belongs by then.
  if (entry.phase === "Starting") becomeHealthy(deciding, entry)
}

export const probeFailed = (
  deciding: Deciding,
  entry: Entry,
  event: Event & { readonly _tag: "ProbeFailed" }
): void => {
  const { now, state } = deciding
  if (!isUnderWay(entry) || isStartup(entry)) return
  entry.probeFailures++
  entry.probeCause = event.cause
  if (verdictDue(state, entry) <= now) return verdict(deciding, entry)
  watch(state, entry)
}

/** A verdict fell due, unless the run has shown life since, or the observer was stalled. */
export const silent = (deciding: Deciding, entry: Entry, deadline: Deadline): void => {
  const { now, state } = deciding
  const due = verdictDue(state, entry)
  if (due <= now) return verdict(deciding, entry)
  if (due < Number.POSITIVE_INFINITY) return Deadlines.move(state.deadlines, deadline, due)
  disarm(state, entry)
}

const verdict = (deciding: Deciding, entry: Entry): void => {
  const { now, state } = deciding
  if (entry.probeCause !== undefined && !isStartup(entry)) {
    const reason = { _tag: "ProbeFailed", failures: entry.probeFailures, cause: entry.probeCause } as const
    notify(deciding, entry, { _tag: "ProbeFailed", reason })
    return stop(deciding, entry, { _tag: "Verdict", reason })
  }
  const reason = {
    _tag: "HeartbeatMissed",
    silence: Duration.millis(Math.round(Observer.at(state.observer, now) - entry.lastBeat)),
    during: entry.phase === "Starting" ? "startup" : "run"
  } as const
  notify(deciding, entry, { _tag: "HeartbeatMissed", reason })
  stop(deciding, entry, { _tag: "Verdict", reason })
}

const because = (intent: Intent): StopBecause => {
  switch (intent._tag) {
    case "Command":
      return intent.command === "start" ? "restart" : intent.command
    case "Line":
      return intent.because
    case "Verdict":
      return "verdict"
    case "Shutdown":
      return "shutdown"
  }
}

/** Asks a run under way to end, and says what is to follow. */
export const stop = (deciding: Deciding, entry: Entry, intent: Intent): void => {
  entry.intent = intent
  awaitEnd(deciding, entry, because(intent))
  deciding.out.push({ _tag: "Interrupt", id: entry.id })
}

/** What is to follow the end that is waited for is another thing now. The last one who says so is right. */
export const redirect = ({ out }: Deciding, entry: Entry, intent: Intent): void => {
  // A run that had ended by itself is asked too: nothing is left to interrupt, but its end is waited for from now on.
  if (entry.intent === undefined) out.push({ _tag: "Interrupt", id: entry.id })
  entry.intent = intent
}

/** The body of a run has ended by itself, and its finalizers take their time: they have as long as if it were asked to end. */
export const unwinding = (deciding: Deciding, entry: Entry): void => {
  if (isUnderWay(entry)) awaitEnd(deciding, entry, "ended")
}

const awaitEnd = (deciding: Deciding, entry: Entry, because: StopBecause): void => {
  const { now, state } = deciding
  forgetIfStable(deciding, entry)
  disarmStable(state, entry)
  enter(deciding, entry, "Stopping")
  entry.stopBound = Observer.at(state.observer, now) + entry.stopTimeout
  // Those that are stopped together have one timer together.
  if (state.closing?.together === undefined) arm(state, entry, "StopBound", now + entry.stopTimeout)
  else disarm(state, entry)
  notify(deciding, entry, stopping[because])
}

/** What the run supervises itself takes its time to stop, too. */
export const bound = ({ now, state }: Deciding, entry: Entry, more: number): void => {
  if (entry.phase !== "Stopping" || entry.overdue) return
  entry.stopBound += more
  entry.stopTimeout += more
  const together = state.closing?.together
  if (entry.deadline?.kind === "StopBound") arm(state, entry, "StopBound", entry.stopBound + state.observer.lost)
  else if (together === undefined) arm(state, entry, "StopBound", now + entry.stopTimeout)
  // Those that are stopped together wait for the longest. When their deadline falls due, it is put off to where it belongs.
  else together.bound = Math.max(together.bound, entry.stopBound)
}

/** Only runs of a supervisor within it are left of the run, and these do not end: nothing is to be waited for. */
export const lingering = (deciding: Deciding, entry: Entry): void => {
  if (isUnderWay(entry)) awaitEnd(deciding, entry, "ended")
  if (entry.phase !== "Stopping" || entry.overdue) return
  // It is no bound of its own that is over.
  entry.stopTimeout = Number.POSITIVE_INFINITY
  giveUpOn(deciding, entry)
}

/** The bound of a stop fell due: put off by what the observer lost since, or the run is unstoppable. */
export const overdue = (deciding: Deciding, entry: Entry, deadline: Deadline): void => {
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
  notify(deciding, entry, { _tag: "TaskUnstoppable", stopTimeout: entry.stopTimeout })
  refuseWaiters(deciding, entry)
}

const refuseWaiters = (deciding: Deciding, entry: Entry): void => {
  for (const reply of entry.waiters ?? []) refuse(deciding, reply, unstoppable(entry))
  entry.waiters = undefined
}

export const stable = (deciding: Deciding, entry: Entry): void => {
  disarmStable(deciding.state, entry)
  forgetIfStable(deciding, entry)
}
