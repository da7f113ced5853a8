/**
 * One task's entry in the state: how it comes in, changes its phase, and keeps its deadlines. Pure.
 */
import * as Deadlines from "./deadlines.ts"
import type { Decision, Notice, Refusal, State } from "./state.ts"
import { Entry } from "./taskEntry.ts"
import type { CommandName, Phase } from "./words.ts"

/** What one decision works with. */
export interface Deciding {
  readonly state: State
  readonly now: number
  /** Where the decisions are put. */
  readonly out: { readonly push: (decision: Decision) => unknown }
}

/**
 * "Longer than" is strict everywhere: at the limit itself nothing has happened yet. A clock is read in milliseconds,
 * so the first moment beyond is the next one.
 */
export const beyond = 1

export const notify = ({ out }: Deciding, entry: Entry, notice: Notice): void => {
  out.push({ _tag: "Notify", task: entry.name, generation: entry.generation, attempt: entry.attempt, notice })
}

/** Nothing more will come of it by itself. */
export const isSettled = (phase: Phase): boolean => phase === "Stopped" || phase === "Completed" || phase === "Dead"

export const enter = ({ now, state }: Pick<Deciding, "now" | "state">, entry: Entry, phase: Phase): void => {
  state.counts[entry.phase]--
  state.counts[phase]++
  if (entry.settings.significant) {
    state.significant += Number(isSettled(entry.phase)) - Number(isSettled(phase))
  }
  entry.phase = phase
  entry.since = now
  entry.version++
}

export const disarm = (state: State, entry: Entry): void => {
  if (entry.deadline !== undefined) {
    Deadlines.remove(state.deadlines, entry.deadline)
    entry.deadline = undefined
  }
}

export const disarmStable = (state: State, entry: Entry): void => {
  if (entry.stable !== undefined) {
    Deadlines.remove(state.deadlines, entry.stable)
    entry.stable = undefined
  }
}

export const arm = (state: State, entry: Entry, kind: Deadlines.DeadlineKind, due: number): void => {
  disarm(state, entry)
  if (due < Number.POSITIVE_INFINITY) entry.deadline = Deadlines.add(state.deadlines, kind, entry, due)
}

export const isRunning = (entry: Entry): boolean =>
  entry.phase === "Starting" || entry.phase === "Healthy" || entry.phase === "Stopping"

/** Its run has not ended, and its end is worth waiting for. */
export const isAwaited = (entry: Entry): boolean => isRunning(entry) && !entry.overdue

export const isUnderWay = (entry: Entry): boolean => entry.phase === "Starting" || entry.phase === "Healthy"

const added: Notice = { _tag: "TaskAdded" }

export const create = (
  deciding: Deciding,
  given: Pick<Entry, "id" | "listed" | "name" | "settings">
): Entry => {
  const { now, state } = deciding
  const entry = new Entry(given, state.places++, now)
  const { size } = state.names
  state.names.set(entry.name, entry)
  // Nobody gets this far with a name that is taken. A breach would be a defect: one of the two is out of reach.
  if (state.names.size === size) throw new Error(`two tasks named "${entry.name}"`)
  state.entries.set(entry.id, entry)
  state.order = undefined
  state.counts.Created++
  if (entry.settings.significant) state.significant++
  notify(deciding, entry, added)
  return entry
}

export const forgetQuestion = ({ out }: Deciding, entry: Entry): void => {
  if (!entry.asking) return
  entry.asking = false
  out.push({ _tag: "ForgetQuestion", id: entry.id })
}

/** Attempts are forgotten after the task has been healthy for longer than `stableAfter`. */
export const forgetIfStable = (deciding: Deciding, entry: Entry): void => {
  if (entry.attempt === 0 || entry.phase !== "Healthy") return
  if (deciding.now - entry.since <= entry.settings.stableAfter) return
  entry.attempt = 0
  entry.version++
  notify(deciding, entry, { _tag: "TaskStable" })
}

export const refuse = ({ out }: Deciding, to: number, refusal: Refusal): void => {
  out.push({ _tag: "Refuse", to, refusal })
}

export const reply = ({ out }: Deciding, to: number): void => {
  out.push({ _tag: "Reply", to })
}

/** Fails those who wait for another end, or another begin, than what is asked for now. */
export const overtake = (deciding: Deciding, entry: Entry, keep: CommandName | undefined, by: string): void => {
  if (entry.waiters === undefined || entry.intent?._tag !== "Command" || entry.intent.command === keep) return
  const { command } = entry.intent
  for (const to of entry.waiters) {
    refuse(deciding, to, { _tag: "CommandSuperseded", task: entry.name, command, by })
  }
  entry.waiters = undefined
}

/** The run has not ended within its bound, and nobody is to wait for it any longer. */
export const unstoppable = (entry: Entry): Refusal => {
  const { generation, name: task, stopTimeout } = entry
  const refusal = { _tag: "TaskUnstoppable", task, generation } as const
  return stopTimeout < Number.POSITIVE_INFINITY ? { ...refusal, stopTimeout } : refusal
}

/** A run has ended when its supervisor had long done so. */
export const buryLate = (
  state: State,
  entry: Entry,
  now: number
): ReadonlyArray<Decision & { readonly _tag: "Notify" }> => {
  enter({ state, now }, entry, "Dead")
  entry.overdue = false
  entry.why = "ShutDown"
  const { attempt, generation, lastFailure: failure, name: task } = entry
  const notice = { _tag: "TaskDead", why: "ShutDown", failure, policyCause: undefined } as const
  return [{ _tag: "Notify", task, generation, attempt, notice }]
}
