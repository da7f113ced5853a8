/**
 * What is known of a task: where it stands, and what a person would ask next.
 *
 * A status is a snapshot, plain data that goes through JSON unharmed. Times are
 * wall-clock milliseconds since the epoch.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A failure as it is shown to people. The typed `Cause` stays with the task's
 * handle; this is its rendering.
 *
 * @since 0.1.0
 * @category models
 */
export const Failure = Schema.Struct({
  /** Why the run ended, or was ended. */
  kind: Schema.Literals(["Failed", "HeartbeatMissed", "ProbeFailed", "Completed"]),
  /** The `_tag` of a typed failure, or the name of an error class, where there is one. */
  tag: Schema.optionalKey(Schema.String),
  /** One line for a person. */
  message: Schema.String,
  /** The whole cause, with stack traces where there are any. */
  details: Schema.String,
  /** The generation of the run that failed. */
  generation: Schema.Int,
  /** When, in wall-clock milliseconds. */
  at: Schema.Finite
})

/**
 * @since 0.1.0
 * @category models
 */
export type Failure = typeof Failure.Type

/**
 * Why a task is dead.
 *
 * - `Exhausted`: its restart policy is done.
 * - `NotRestartable`: its mode or its directive forbids a restart, or its
 *   policy itself failed.
 * - `Killed`: by command.
 * - `ShutDown`: with its supervisor.
 * - `Escalated`: its directive handed the failure to the supervisor.
 *
 * @since 0.1.0
 * @category models
 */
export const DeadReason = Schema.Literals(["Exhausted", "NotRestartable", "Killed", "ShutDown", "Escalated"])

/**
 * @since 0.1.0
 * @category models
 */
export type DeadReason = typeof DeadReason.Type

const common = {
  /** The name of the task in its supervisor. */
  task: Schema.String,
  /** The path of the task in the tree: its supervisor's path, `/`, its name. */
  path: Schema.String,
  /** Since when the task has this status. */
  since: Schema.Finite,
  /** The number of the newest run; 0 before the first. */
  generation: Schema.Int,
  /** How many runs have begun. */
  runs: Schema.Int,
  /** Restarts since the task was last stable. */
  attempt: Schema.Int,
  /** When the newest run began. */
  startedAt: Schema.optionalKey(Schema.Finite),
  /** The newest sign of life of the run under way. */
  lastHeartbeat: Schema.optionalKey(Schema.Finite),
  /** What `Heartbeat.beatWith` last said. */
  heartbeatDetails: Schema.optionalKey(Schema.Json),
  /** The newest failure, also of earlier runs. */
  lastFailure: Schema.optionalKey(Failure)
}

/**
 * The status of a task.
 *
 * - `Created`: known, not yet run.
 * - `Starting`: running, no sign of life yet.
 * - `Healthy`: running, and has shown life.
 * - `Failed`: a run ended or was given up; a restart is due at `restartAt`,
 *   which is absent when the policy's delay is endless. With `sibling` it was
 *   stopped because of that task's restart, and is started again with it.
 * - `Stopping`: asked to end, or its body has ended and its finalizers have not.
 *   `overdue` once past its bound: the run will not end, and is not overlapped.
 * - `Stopped`: by command.
 * - `Completed`: ended well, not to be run again.
 * - `Dead`: not to be run again, and `why`.
 *
 * @since 0.1.0
 * @category models
 */
export const TaskStatus = Schema.Union([
  Schema.TaggedStruct("Created", common),
  Schema.TaggedStruct("Starting", common),
  Schema.TaggedStruct("Healthy", common),
  Schema.TaggedStruct("Failed", {
    ...common,
    restartAt: Schema.optionalKey(Schema.Finite),
    sibling: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("Stopping", { ...common, overdue: Schema.Boolean }),
  Schema.TaggedStruct("Stopped", common),
  Schema.TaggedStruct("Completed", common),
  Schema.TaggedStruct("Dead", { ...common, why: DeadReason })
])

/**
 * @since 0.1.0
 * @category models
 */
export type TaskStatus = typeof TaskStatus.Type

/**
 * The tags of `TaskStatus`, in the order of a task's life.
 *
 * @since 0.1.0
 * @category models
 */
export const tags: ReadonlyArray<TaskStatus["_tag"]> = [
  "Created",
  "Starting",
  "Healthy",
  "Failed",
  "Stopping",
  "Stopped",
  "Completed",
  "Dead"
]

/**
 * A run that did not end within its bound: it still occupies its task.
 *
 * @since 0.1.0
 * @category models
 */
export const UnstoppableRun = Schema.Struct({
  task: Schema.String,
  path: Schema.String,
  generation: Schema.Int,
  /** Since when its end has been waited for. */
  stoppingSince: Schema.Finite
})

/**
 * @since 0.1.0
 * @category models
 */
export type UnstoppableRun = typeof UnstoppableRun.Type

/**
 * How a supervisor ended: the last status of every task, in start order, each
 * followed by those of a supervisor within it, and the runs in the whole tree
 * that did not end within their bounds.
 *
 * @since 0.1.0
 * @category models
 */
export const FinalReport = Schema.Struct({
  statuses: Schema.Array(TaskStatus),
  unstoppable: Schema.Array(UnstoppableRun)
})

/**
 * @since 0.1.0
 * @category models
 */
export type FinalReport = typeof FinalReport.Type

/**
 * A task as its supervisor sees it. It is a `"supervisor"` when its effect was
 * made by `run`, or a supervisor was made in its newest run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Child {
  readonly task: string
  readonly path: string
  readonly type: "worker" | "supervisor"
  readonly status: TaskStatus
}

/**
 * How many tasks there are (`specs`), how many of them have a run (`active`: not
 * those that wait for a restart), and of which type they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Count {
  readonly specs: number
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}
