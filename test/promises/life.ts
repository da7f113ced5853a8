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
export type Next = CommandName | "verdict" | "shutdown"

export interface Run extends RunId {
  readonly plan: RunPlan
  shielded: boolean
  asked: boolean
  bodyOver: boolean
  /** What of its end takes time: finalizer, child. */
  parts: number
  over: boolean
}

export interface Life {
  readonly entry: number
  readonly name: Name
  readonly plan: Plan
  status: "Starting" | "Healthy" | "Failed" | "Stopping" | "Stopped" | "Completed" | "Dead"
  since: number
  generation: number
  attempt: number
  run: Run
  lastSign: number
  failedProbes: number
  probedAt: number
  lastFailure: { readonly kind: string; readonly generation: number; readonly cause: ReadonlyArray<string> } | undefined
  restartAt: number | undefined
  /** Waits for the answer of its schedule, */
  asking: boolean
  /** who was told this. */
  reason: string
  /** What follows when the run ends. */
  next: Next | undefined
  verdict: Verdict | undefined
  overdue: boolean
  waiting: Array<{ readonly call: number; readonly command: CommandName }>
  why: Why | undefined
  settlement: string | undefined
}

export const isUnderWay = ({ status }: Life): boolean => status === "Starting" || status === "Healthy"
