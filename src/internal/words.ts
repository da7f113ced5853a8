/**
 * The words for one task: in which phase it is, how it is supervised, and what is to follow the end of its run.
 */
import type { Mode, RestartReason } from "../RestartPolicy.ts"
import type { TaskStatus } from "../TaskStatus.ts"

export type Phase = TaskStatus["_tag"]

/** None of any, in the order of a task's life. */
export const noCounts: Readonly<Record<Phase, number>> = {
  Created: 0,
  Starting: 0,
  Healthy: 0,
  Failed: 0,
  Stopping: 0,
  Stopped: 0,
  Completed: 0,
  Dead: 0
}

export type HeartbeatSettings =
  | { readonly _tag: "Automatic"; readonly every: number }
  | { readonly _tag: "Manual"; readonly within: number }
  | { readonly _tag: "Probe"; readonly failures: number }
  | { readonly _tag: "None" }

/** How one task is supervised, as far as deciding goes. */
export interface TaskSettings {
  readonly mode: Mode
  readonly heartbeat: HeartbeatSettings
  readonly startupTimeout: number | undefined
  readonly stableAfter: number
  readonly stopTimeout: number
  readonly whenDead: "keep" | "escalate"
  /** When the next one in the line is started: as the run has begun, or as it has shown life. */
  readonly ready: "begun" | "first-beat"
  /** Its end may be the end of its supervisor (`autoShutdown`). */
  readonly significant: boolean
}

export type CommandName = "start" | "restart" | "stop" | "kill" | "remove"

/** What follows the end of a run that was asked to end. The last one given is carried out. */
export type Intent =
  /** `start` only of a task that stands in the line, and is not running. */
  | { readonly _tag: "Command"; readonly command: CommandName }
  | { readonly _tag: "Verdict"; readonly reason: RestartReason<unknown> }
  /** It is started again in its turn: a sibling's restart takes it along, or its definition has changed. */
  | { readonly _tag: "Line"; readonly because: "sibling" | "reconfigure" }
  | { readonly _tag: "Shutdown" }

/** Those without data, one value each: every run that is asked to end has one. */
export const intents = {
  shutdown: { _tag: "Shutdown" },
  sibling: { _tag: "Line", because: "sibling" },
  reconfigure: { _tag: "Line", because: "reconfigure" },
  start: { _tag: "Command", command: "start" },
  restart: { _tag: "Command", command: "restart" },
  stop: { _tag: "Command", command: "stop" },
  kill: { _tag: "Command", command: "kill" },
  remove: { _tag: "Command", command: "remove" }
} as const satisfies Record<string, Intent>
