/**
 * What commands, handles and supervisors fail with.
 *
 * Every error carries the data a program needs, and a message a person can act
 * on. The generic ones keep the typed `Cause`. For what goes over a wire there
 * are schemas in `SupervisorErrorSchema`: these classes do without, as a schema
 * library is more than all the rest of a supervisor.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type { DeadReason, FinalReport } from "./TaskStatus.ts"

/**
 * No task of this name (or the entry a handle belongs to has been removed).
 *
 * @since 0.1.0
 * @category errors
 */
export class TaskNotFound extends Data.TaggedError("TaskNotFound")<{
  readonly supervisor: string
  readonly task: string
}> {
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
export class TaskAlreadyExists extends Data.TaggedError("TaskAlreadyExists")<{
  readonly supervisor: string
  readonly task: string
}> {
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
export class MaxTasksReached extends Data.TaggedError("MaxTasksReached")<{
  readonly supervisor: string
  readonly task: string
  readonly maxTasks: number
}> {
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
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  readonly supervisor: string
  /** Names the option, its value, and what is allowed. */
  readonly why: string
}> {
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
export class TaskAlreadyRunning extends Data.TaggedError("TaskAlreadyRunning")<{
  readonly supervisor: string
  readonly task: string
  readonly generation: number
}> {
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
export class TaskUnstoppable extends Data.TaggedError("TaskUnstoppable")<{
  readonly supervisor: string
  readonly task: string
  readonly generation: number
  /** Milliseconds; absent when it is not this task's own bound that is over. */
  readonly stopTimeout?: number
}> {
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
export class CommandSuperseded extends Data.TaggedError("CommandSuperseded")<{
  readonly supervisor: string
  readonly task: string
  readonly command: string
  readonly by: string
}> {
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
export class SupervisorClosed extends Data.TaggedError("SupervisorClosed")<{
  readonly supervisor: string
}> {
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
export class TaskStopped extends Data.TaggedError("TaskStopped")<{
  readonly supervisor: string
  readonly task: string
  readonly runs: number
}> {
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
export class TaskDead<out E = unknown> extends Data.TaggedError("TaskDead")<{
  readonly supervisor: string
  readonly task: string
  readonly why: DeadReason
  readonly runs: number
  /** The rendering of `cause`, one line; empty when nothing had failed. */
  readonly failure: string
  readonly cause: Cause.Cause<E>
}> {
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
export class DynamicTaskDead extends Data.TaggedError("DynamicTaskDead")<{
  readonly dead: TaskDead
}> {
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
export class TooManyDeadTasks extends Data.TaggedError("TooManyDeadTasks")<{
  readonly dead: number
  readonly total: number
  readonly threshold: number
}> {
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
export class TooManyRestarts<out E = unknown> extends Data.TaggedError("TooManyRestarts")<{
  readonly task: string
  readonly restarts: number
  /** Milliseconds. */
  readonly within: number
  /** The rendering of `cause`, one line. */
  readonly failure: string
  readonly cause: Cause.Cause<E>
}> {
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
export class DynamicTooManyRestarts extends Data.TaggedError("DynamicTooManyRestarts")<{
  readonly exceeded: TooManyRestarts
}> {
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
export class SupervisorError<out E = unknown> extends Data.TaggedError("SupervisorError")<{
  readonly supervisor: string
  readonly reason: GiveUpReason<E>
  readonly report: FinalReport
}> {
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
