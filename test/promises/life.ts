/**
 * What the model knows of a task and its newest run.
 */
import type { Name, Plan, RunPlan } from "./history.ts"

export type CommandName = "start" | "restart" | "stop" | "kill" | "remove"

export interface RunId {
  readonly entry: number
  readonly generation: number
}

export type Why = "Exhausted" | "NotRestartable" | "Killed" | "ShutDown" | "Escalated"
export type Verdict = "HeartbeatMissed" | "ProbeFailed"
/** What follows the end of a run that was asked to end; `line`: it is started again with its siblings. */
export type Next = CommandName | "verdict" | "shutdown" | "line"

/** A supervisor within a run. */
export interface Below {
  readonly lives: ReadonlyMap<Name, Life>
  readonly closed: boolean
  /** The run is asked to end. */
  readonly shutDown: () => void
  /** How long stopping what runs in it may take. */
  readonly stopBound: () => number
  /** What is left of it when it has ended. */
  readonly left: () => ReadonlyArray<Run>
}

export interface Run extends RunId {
  readonly plan: RunPlan
  shielded: boolean
  asked: boolean
  /** Nobody has asked it to end, but its siblings wait for that. */
  awaited: boolean
  /** Its body was over before it was asked to end. */
  byItself: boolean
  bodyOver: boolean
  /** What of its end takes time: finalizer, child. */
  parts: number
  over: boolean
  readonly whenOver: Array<() => void>
  below: Below | undefined
}

export interface Life {
  readonly entry: number
  readonly name: Name
  readonly plan: Plan
  status: "Created" | "Starting" | "Healthy" | "Failed" | "Stopping" | "Stopped" | "Completed" | "Dead"
  since: number
  generation: number
  attempt: number
  run: Run
  lastSign: number
  failedProbes: number
  probedAt: number
  lastFailure: { readonly kind: string; readonly generation: number; readonly cause: ReadonlyArray<string> } | undefined
  restartAt: number | undefined
  /** It stands in the line: it is started in its turn. */
  lined: boolean
  /** Whose restart it waits for. */
  sibling: Name | undefined
  /** How often its schedule has been asked in this streak of failures: one that a sibling's restart took along has no answer. */
  asked: number
  /** Waits for the answer, */
  asking: boolean
  /** who was told this. */
  reason: string
  /** What follows when the run ends, or what was asked of one that stands in the line. */
  next: Next | undefined
  verdict: Verdict | undefined
  /** How long the run may take to end. */
  stopBound: number
  overdue: boolean
  waiting: Array<{ readonly call: number; readonly command: CommandName }>
  why: Why | undefined
  settlement: string | undefined
}

export const isUnderWay = ({ status }: Life): boolean => status === "Starting" || status === "Healthy"

export const isRunning = (life: Life): boolean => isUnderWay(life) || life.status === "Stopping"

/** On its way out for good, by command. */
export const isLeaving = ({ next, status }: Life): boolean =>
  status === "Stopping" && (next === "stop" || next === "kill" || next === "remove")

/** How long a run may take to its first sign of life: 90 s, when that is waited for and nothing else bounds it. */
export const startupTimeout = ({ heartbeat: { _tag }, ready, startupTimeout }: Plan): number | undefined =>
  startupTimeout ?? (ready === "first-beat" && (_tag === "Automatic" || _tag === "None") ? 90_000 : undefined)
