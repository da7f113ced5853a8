/**
 * What happens in a supervisor, as data.
 *
 * Logs, metrics, journals and dashboards all read this one stream. Events are
 * numbered without gaps; they go through JSON unharmed; times are wall-clock
 * milliseconds since the epoch, durations milliseconds. Heartbeats are not
 * events.
 *
 * A subscriber first gets a `Snapshot`, then every change after it. One that
 * reads too slowly loses the oldest ones and gets an `EventsMissed` with their
 * number in their place; it never slows supervision down.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { DeadReason, Failure, TaskStatus, UnstoppableRun } from "./TaskStatus.ts"

const common = {
  /** Counts the events of one supervisor, from 1. */
  sequence: Schema.Int,
  time: Schema.Finite,
  /** The path of the supervisor. */
  supervisor: Schema.String
}

const ofTask = {
  ...common,
  task: Schema.String,
  /** The run it is about; 0 before the first. */
  generation: Schema.Int
}

/**
 * Everything a supervisor tells.
 *
 * - `Snapshot`: all statuses, as of `sequence`. The first thing a subscriber gets.
 * - `EventsMissed`: the subscriber was too slow for so many events, the last of them `sequence`.
 * - `SupervisorStarted`: the loop runs; tasks follow.
 * - `TaskAdded`, `TaskStarting`, `TaskHealthy`, `TaskStable` (earlier failures are forgotten).
 * - `HeartbeatMissed`, `ProbeFailed`: a verdict; the run is stopped.
 * - `TaskFailed`: a run ended badly or by a verdict; `TaskEnded`: one ended well,
 *   and the task is permanent. What follows is either
 *   `RestartScheduled` (without `delay` and `restartAt` when the delay is
 *   endless) or `TaskDead`.
 * - `RestartHeld`: restarts are paused, and one that was due is put off to `restartAt`.
 * - `TaskStopping`: a run is asked to end, or (`because: "ended"`) its body has and its finalizers take their time;
 *   `TaskUnstoppable` when it did not end within its bound.
 * - `TaskStopped`, `TaskCompleted`, `TaskDead`, `TaskRemoved` (by command, or by itself when it has ended for good and
 *   is temporary or one of a group).
 * - `RestartsPaused`: more restarts than the `intensity` allows; `RestartsResumed` when that is over.
 * - `SupervisorReconfigured`: other options hold from now on; which tasks of the list are new, other ones, or gone.
 * - `SupervisorClosing`: by command or scope, or, with `failure`, because it gives up.
 * - `SupervisorClosed`: the last event.
 *
 * @since 0.1.0
 * @category models
 */
export const SupervisorEvent = Schema.Union([
  Schema.TaggedStruct("Snapshot", { ...common, statuses: Schema.Array(TaskStatus) }),
  Schema.TaggedStruct("EventsMissed", { ...common, missed: Schema.Int }),
  Schema.TaggedStruct("SupervisorStarted", common),
  Schema.TaggedStruct("TaskAdded", ofTask),
  Schema.TaggedStruct("TaskStarting", { ...ofTask, attempt: Schema.Int }),
  Schema.TaggedStruct("TaskHealthy", ofTask),
  Schema.TaggedStruct("TaskStable", ofTask),
  Schema.TaggedStruct("HeartbeatMissed", {
    ...ofTask,
    silence: Schema.Finite,
    during: Schema.Literals(["startup", "run"])
  }),
  Schema.TaggedStruct("ProbeFailed", { ...ofTask, failure: Failure }),
  Schema.TaggedStruct("TaskEnded", ofTask),
  Schema.TaggedStruct("TaskFailed", { ...ofTask, failure: Failure }),
  Schema.TaggedStruct("RestartScheduled", {
    ...ofTask,
    attempt: Schema.Int,
    /** Why the task is restarted; `Sibling`: the restart of `sibling` takes it along. */
    reason: Schema.Union([Failure.fields.kind, Schema.Literals(["Sibling"])]),
    sibling: Schema.optionalKey(Schema.String),
    delay: Schema.optionalKey(Schema.Finite),
    restartAt: Schema.optionalKey(Schema.Finite)
  }),
  Schema.TaggedStruct("RestartHeld", { ...ofTask, delay: Schema.Finite, restartAt: Schema.Finite }),
  Schema.TaggedStruct("TaskStopping", {
    ...ofTask,
    because: Schema.Literals([
      "ended",
      "restart",
      "stop",
      "kill",
      "remove",
      "verdict",
      "sibling",
      "reconfigure",
      "shutdown"
    ])
  }),
  Schema.TaggedStruct("TaskUnstoppable", { ...ofTask, stopTimeout: Schema.optionalKey(Schema.Finite) }),
  Schema.TaggedStruct("TaskStopped", ofTask),
  Schema.TaggedStruct("TaskCompleted", ofTask),
  Schema.TaggedStruct("TaskDead", { ...ofTask, why: DeadReason, failure: Schema.optionalKey(Failure) }),
  Schema.TaggedStruct("TaskRemoved", ofTask),
  Schema.TaggedStruct("RestartsPaused", {
    ...common,
    restarts: Schema.Int,
    within: Schema.Finite,
    until: Schema.Finite
  }),
  Schema.TaggedStruct("RestartsResumed", common),
  Schema.TaggedStruct("SupervisorReconfigured", {
    ...common,
    added: Schema.Array(Schema.String),
    changed: Schema.Array(Schema.String),
    removed: Schema.Array(Schema.String)
  }),
  Schema.TaggedStruct("SupervisorClosing", { ...common, failure: Schema.optionalKey(Schema.String) }),
  Schema.TaggedStruct("SupervisorClosed", {
    ...common,
    failure: Schema.optionalKey(Schema.String),
    unstoppable: Schema.Array(UnstoppableRun)
  })
])

/**
 * @since 0.1.0
 * @category models
 */
export type SupervisorEvent = typeof SupervisorEvent.Type

/**
 * The events as JSON text, one event a string; for journals and NDJSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SupervisorEventJson = Schema.fromJsonString(SupervisorEvent)
