/**
 * What commands, handles and supervisors fail with.
 *
 * Every error carries the data a program needs, and a message a person can act
 * on. The generic ones keep the typed `Cause` in memory; what goes over a wire
 * is the event or the status, which hold its rendering.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import type { FinalReport } from "./TaskStatus.ts"
import { DeadReason } from "./TaskStatus.ts"

/**
 * No task of this name (or the entry a handle belongs to has been removed).
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskNotFound extends Schema.TaggedError<TaskNotFound>()("TaskNotFound", {
  supervisor: Schema.String,
  task: Schema.String
}) {
  override get message(): string {
    return `supervisor "${this.supervisor}" has no task "${this.task}"`
  }
}

/**
 * The name is taken.
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskAlreadyExists extends Schema.TaggedError<TaskAlreadyExists>()("TaskAlreadyExists", {
  supervisor: Schema.String,
  task: Schema.String
}) {
  override get message(): string {
    return `supervisor "${this.supervisor}" has a task "${this.task}" already; remove it first, or choose another name`
  }
}

/**
 * A group holds as many tasks as it may.
 *
 * @since 0.1.0
 * @category errors
 */
export class MaxTasksReached extends Schema.TaggedError<MaxTasksReached>()("MaxTasksReached", {
  supervisor: Schema.String,
  task: Schema.String,
  maxTasks: Schema.Int
}) {
  override get message(): string {
    return `group "${this.supervisor}" has ${this.maxTasks} tasks, which is its maxTasks: "${this.task}" is not started`
  }
}

/**
 * What a supervisor was to be reconfigured to is not allowed. Nothing was
 * changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  supervisor: Schema.String,
  /** Names the option, its value, and what is allowed. */
  why: Schema.String
}) {
  override get message(): string {
    return `supervisor "${this.supervisor}" is not reconfigured: ${this.why}`
  }
}

/**
 * `start` was asked for a task that is running.
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskAlreadyRunning extends Schema.TaggedError<TaskAlreadyRunning>()("TaskAlreadyRunning", {
  supervisor: Schema.String,
  task: Schema.String,
  generation: Schema.Int
}) {
  override get message(): string {
    return `task "${this.task}" of supervisor "${this.supervisor}" is running (run ${this.generation}); use restart to replace the run`
  }
}

/**
 * The run did not end within the task's `stopTimeout`, or, where that is
 * `"infinity"`, within the supervisor's `shutdownTimeout`; or a run of a
 * supervisor within it did not. It is never overlapped: when it does end, the
 * last command given is carried out.
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskUnstoppable extends Schema.TaggedError<TaskUnstoppable>()("TaskUnstoppable", {
  supervisor: Schema.String,
  task: Schema.String,
  generation: Schema.Int,
  /** Milliseconds; absent when it is not this task's own bound that is over. */
  stopTimeout: Schema.optionalKey(Schema.Finite)
}) {
  override get message(): string {
    const why = this.stopTimeout === undefined
      ? "has not ended before the supervisor's shutdownTimeout was over, or a run of a supervisor within it does not"
      : `has not ended within its stopTimeout of ${this.stopTimeout} ms`
    return `run ${this.generation} of task "${this.task}" of supervisor "${this.supervisor}" ${why}: it is uninterruptible, or a finalizer of it hangs. What was asked is done when it ends`
  }
}

/**
 * A later command about the same task took the place of this one before it was
 * done.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommandSuperseded extends Schema.TaggedError<CommandSuperseded>()("CommandSuperseded", {
  supervisor: Schema.String,
  task: Schema.String,
  command: Schema.String,
  by: Schema.String
}) {
  override get message(): string {
    return `${this.command} of task "${this.task}" of supervisor "${this.supervisor}" was overtaken by ${this.by}`
  }
}

/**
 * The supervisor has ended, or is ending.
 *
 * @since 0.1.0
 * @category errors
 */
export class SupervisorClosed extends Schema.TaggedError<SupervisorClosed>()("SupervisorClosed", {
  supervisor: Schema.String
}) {
  override get message(): string {
    return `supervisor "${this.supervisor}" is closed`
  }
}

/**
 * What awaiting a task gives when the task was stopped by command.
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskStopped extends Schema.TaggedError<TaskStopped>()("TaskStopped", {
  supervisor: Schema.String,
  task: Schema.String,
  runs: Schema.Int
}) {
  override get message(): string {
    return `task "${this.task}" of supervisor "${this.supervisor}" was stopped`
  }
}

/**
 * A task that is dead: why, after how many runs, and the typed cause of its
 * last failure.
 *
 * `cause` is that of the last failed run, and after it what the run's finalizers
 * added, `Cause.die` of a described verdict
 * for a missed heartbeat or failed probe, and empty when nothing had failed (a
 * healthy task that was killed).
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskDead<out E = unknown> extends Schema.TaggedError<TaskDead<unknown>>()("TaskDead", {
  supervisor: Schema.String,
  task: Schema.String,
  why: DeadReason,
  runs: Schema.Int,
  /** The rendering of `cause`, one line; empty when nothing had failed. */
  failure: Schema.String,
  cause: Schema.Cause(Schema.Unknown, Schema.Unknown)
}) {
  declare readonly cause: Cause.Cause<E>
  override get message(): string {
    const failure = this.failure === "" ? "" : `: ${this.failure}`
    return `task "${this.task}" of supervisor "${this.supervisor}" is dead (${
      deadReasons[this.why]
    }) after ${this.runs} ${this.runs === 1 ? "run" : "runs"}${failure}`
  }
}

const deadReasons: Record<DeadReason, string> = {
  Exhausted: "its restart policy is exhausted",
  NotRestartable: "not to be restarted",
  Killed: "killed",
  ShutDown: "shut down",
  Escalated: "escalated"
}

/**
 * A task that was added while the supervisor ran, or by a Layer, is dead and
 * escalates. Its error type is not part of the supervisor's.
 *
 * @since 0.1.0
 * @category errors
 */
export class DynamicTaskDead extends Schema.TaggedError<DynamicTaskDead>()("DynamicTaskDead", {
  dead: TaskDead
}) {
  declare readonly dead: TaskDead<unknown>
  override get message(): string {
    return this.dead.message
  }
}

/**
 * The share of dead tasks reached `maxDeadFraction`.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyDeadTasks extends Schema.TaggedError<TooManyDeadTasks>()("TooManyDeadTasks", {
  dead: Schema.Int,
  total: Schema.Int,
  threshold: Schema.Finite
}) {
  override get message(): string {
    return `${this.dead} of ${this.total} tasks are dead; maxDeadFraction is ${this.threshold}`
  }
}

/**
 * More restarts than a supervisor's `intensity` allows. `task` is the one whose
 * restart was one too many; `cause` is why it was to be restarted, as in
 * `TaskDead`, and empty for a permanent task that ended well.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyRestarts<out E = unknown>
  extends Schema.TaggedError<TooManyRestarts<unknown>>()("TooManyRestarts", {
    task: Schema.String,
    restarts: Schema.Int,
    /** Milliseconds. */
    within: Schema.Finite,
    /** The rendering of `cause`, one line. */
    failure: Schema.String,
    cause: Schema.Cause(Schema.Unknown, Schema.Unknown)
  })
{
  declare readonly cause: Cause.Cause<E>
  override get message(): string {
    const failure = this.failure === "" ? "" : `: ${this.failure}`
    return `more than ${this.restarts} ${
      this.restarts === 1 ? "restart" : "restarts"
    } within ${this.within} ms, the last one of task "${this.task}"${failure}`
  }
}

/**
 * `TooManyRestarts`, the last one of a task that was added while the supervisor
 * ran, or by a Layer: its error type is not part of the supervisor's.
 *
 * @since 0.1.0
 * @category errors
 */
export class DynamicTooManyRestarts extends Schema.TaggedError<DynamicTooManyRestarts>()("DynamicTooManyRestarts", {
  exceeded: TooManyRestarts
}) {
  declare readonly exceeded: TooManyRestarts<unknown>
  override get message(): string {
    return this.exceeded.message
  }
}

/**
 * A supervisor gave up, and why. Everything it supervised was stopped first:
 * `report` holds the last statuses, and the runs that did not end.
 *
 * `E` is the union of the errors of the tasks it was made with.
 *
 * @since 0.1.0
 * @category errors
 */
export class SupervisorError<out E = unknown>
  extends Schema.TaggedError<SupervisorError<unknown>>()("SupervisorError", {
    supervisor: Schema.String,
    reason: Schema.Union([TaskDead, DynamicTaskDead, TooManyDeadTasks, TooManyRestarts, DynamicTooManyRestarts]),
    // A `FinalReport`, not looked through: there may be a hundred thousand statuses in it.
    report: Schema.Unknown
  })
{
  declare readonly reason: GiveUpReason<E>
  declare readonly report: FinalReport
  override get message(): string {
    const left = this.report.unstoppable.length === 0
      ? ""
      : ` (did not end: ${this.report.unstoppable.map((run) => run.path).join(", ")})`
    return `supervisor "${this.supervisor}" gave up: ${this.reason.message}${left}`
  }
}

/**
 * Why a supervisor gives up.
 *
 * @since 0.1.0
 * @category errors
 */
export type GiveUpReason<E = unknown> =
  | TaskDead<E>
  | DynamicTaskDead
  | TooManyDeadTasks
  | TooManyRestarts<E>
  | DynamicTooManyRestarts

/**
 * What `reconfigure` can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReconfigureError = InvalidOptions | TaskAlreadyExists | TaskUnstoppable | SupervisorClosed

/**
 * Everything a command can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type CommandError =
  | TaskNotFound
  | TaskAlreadyExists
  | MaxTasksReached
  | TaskAlreadyRunning
  | TaskUnstoppable
  | CommandSuperseded
  | SupervisorClosed
