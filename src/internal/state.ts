/**
 * What a supervisor knows, what can happen to it, and what it can decide.
 *
 * Times are monotonic milliseconds throughout; only what is shown to people is turned into wall-clock time.
 */
import type * as Cause from "effect/Cause"
import type * as Schema from "effect/Schema"
import type { Directive, RestartReason } from "../RestartPolicy.ts"
import type { DeadReason } from "../TaskStatus.ts"
import * as Deadlines from "./deadlines.ts"
import * as Intensity from "./intensity.ts"
import * as Observer from "./observer.ts"
import { Table } from "./table.ts"
import type { Deadline, Entry, LastFailure } from "./taskEntry.ts"
import type { CommandName, Phase, TaskSettings } from "./words.ts"
import { noCounts } from "./words.ts"

export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one"
export type AutoShutdown = "never" | "any-significant" | "all-significant"

export interface SupervisorSettings {
  readonly startedAt: number
  readonly strategy: Strategy
  readonly intensity: Intensity.Intensity | undefined
  readonly autoShutdown: AutoShutdown
  /**
   * A dynamic group: its tasks have no order, are stopped together under one timer, and are forgotten when they have
   * ended for good; at most so many.
   */
  readonly group: { readonly maxTasks: number } | undefined
  readonly healthCheck: { readonly initialDelay: number; readonly interval: number }
  readonly maxDeadFraction: number | undefined
  readonly whenAllCompleted: "stay" | "end"
  readonly shutdownTimeout: number
}

/** Why the supervisor gives up. */
export type GiveUp =
  | { readonly _tag: "TaskDead"; readonly id: number }
  | { readonly _tag: "TooManyDeadTasks"; readonly dead: number; readonly total: number; readonly threshold: number }
  | {
    readonly _tag: "TooManyRestarts"
    /** The task whose restart was one too many, */
    readonly id: number
    /** and what it was to be restarted for. */
    readonly reason: RestartReason<unknown>
    readonly restarts: number
    readonly within: number
  }

export interface Closing {
  readonly failure: GiveUp | undefined
  /** In start order: the next one to stop is the last. */
  readonly remaining: Array<Entry>
  current: Entry | undefined
  deadline: Deadline | undefined
  /** Ticks since `shutdownTimeout` was over, and everything was asked to end. */
  hurried: number
  /** How many levels of supervisors there are below those who are hurried. */
  levels: number
  /** Of a group: the one bound of all its runs, on the observer's clock. */
  together: Together | undefined
}

/** Those of a group, stopped together. */
interface Together {
  /** By when all of them should have ended, on the observer's clock. */
  bound: number
  deadline: Deadline | undefined
  /** How many of them have been asked to end, and what brings the next ones. */
  asked: number
  stretch: Deadline | undefined
}

/**
 * What is stopped and started in order: the listed tasks as the supervisor starts, siblings that a restart takes along,
 * and what a reconfiguration changes. First everything in it is stopped, one after another in reverse; then, when the
 * restart is due, everything is started, one after another, each as the one before is up.
 */
export interface Line {
  /** In start order: the next one to stop is the last. */
  readonly toStop: Array<Leaving>
  stopping: Leaving | undefined
  /** In start order; those that have left are no longer `lined`. */
  readonly toStart: Array<Entry>
  /** The index of the next one. */
  next: number
  starting: Entry | undefined
  /** Whose restart it is, if it is one: as long as that waits for its time, all do. */
  lead: Entry | undefined
  /** When that is due, monotonic milliseconds; in the past when nothing is waited for. */
  due: number
  deadline: Deadline | undefined
  /** Others have a turn before it goes on. */
  yielding: boolean
  /** The replies that wait until all is done, and what they are refused with then, if anything. */
  readonly waiters: Set<number>
  refusal: Refusal | undefined
}

/** A run that is stopped in its turn. */
export interface Leaving {
  readonly entry: Entry
  readonly generation: number
  readonly because: "sibling" | "reconfigure" | "remove"
}

const makeLine = (): Line => ({
  toStop: [],
  stopping: undefined,
  toStart: [],
  next: 0,
  starting: undefined,
  lead: undefined,
  due: Number.NEGATIVE_INFINITY,
  deadline: undefined,
  yielding: false,
  waiters: new Set(),
  refusal: undefined
})

export interface State {
  settings: SupervisorSettings
  /** By number. */
  readonly entries: Table<Entry>
  /** By name, in start order. The names of a list differ before it is added, and nobody else's come before all of it. */
  readonly names: Map<string, Entry>
  /** The entries in start order, as long as none comes or goes. */
  order: ReadonlyArray<Entry> | undefined
  readonly counts: Record<Phase, number>
  readonly deadlines: Deadlines.Deadlines<Entry | undefined>
  readonly observer: Observer.Observer
  readonly line: Line
  readonly window: Intensity.Window
  /** Until when no restart begins, and what tells its end. */
  paused: { readonly until: number; readonly deadline: Deadline } | undefined
  /** The place of the next one that is added. */
  places: number
  /** How many of the listed tasks have not been added yet: the whole is not judged by a part of it. */
  expected: number
  /** All listed tasks have been up, or are not going to be. */
  up: boolean
  /** How many of the significant tasks have not ended. */
  significant: number
  /** A significant task has ended by itself since the last look at the whole. */
  significantEnded: boolean
  /** Tasks have ended for good and are gone. */
  forgotten: boolean
  /** A task died since the last look at the whole. */
  died: boolean
  /** The first reason to give up. */
  failure: GiveUp | undefined
  closing: Closing | undefined
  closed: boolean
}

export const makeState = (settings: SupervisorSettings, expected: number): State => ({
  settings,
  entries: new Table(),
  names: new Map(),
  order: undefined,
  counts: { ...noCounts },
  deadlines: Deadlines.make<Entry | undefined>(),
  observer: Observer.make(settings.startedAt),
  line: makeLine(),
  window: Intensity.make(),
  paused: undefined,
  places: 0,
  expected,
  up: expected === 0,
  significant: 0,
  significantEnded: false,
  forgotten: false,
  died: false,
  failure: undefined,
  closing: undefined,
  closed: false
})

/** How a run ended. The value of a success stays with the interpreter. */
export type Outcome =
  | { readonly _tag: "Success" }
  | {
    readonly _tag: "Failure"
    readonly reason: RestartReason<unknown>
    /** What the policy says of the typed error, or the cause with which saying it died. */
    readonly directive: Directive | Cause.Cause<never>
  }

/** What a schedule says: a delay in milliseconds, that it is done, or the cause with which its step died. */
export type Answer =
  | {
    readonly _tag: "Delay"
    readonly delay: number
    /** From 0 to 1, drawn where restarts may be paused: those that are held do not all begin at once. */
    readonly chance?: number
  }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Died"; readonly cause: Cause.Cause<never> }

/** Names a task; with an id, only that entry will do. */
export interface Target {
  readonly name: string
  readonly id: number | undefined
}

/** A sign of life of a run. */
export interface Sign {
  readonly at: number
  /** When it was looked at, on the observer's clock, if that was before: it was kept. */
  readonly seen: number | undefined
  readonly details: Schema.Json | undefined
}

export type Event =
  /** The loop turns, */
  | { readonly _tag: "Turn" }
  /** and has done all it had to do for now. */
  | { readonly _tag: "Rest" }
  | {
    readonly _tag: "Add"
    readonly reply: number
    /** One of the tasks that the supervisor was made with. */
    readonly listed: boolean
    /** One of a group's template: the group holds so many of them. */
    readonly instance: boolean
    readonly id: number
    readonly name: string
    readonly settings: TaskSettings
  }
  | { readonly _tag: "Command"; readonly reply: number; readonly command: CommandName; readonly target: Target }
  | { readonly _tag: "Reconfigure"; readonly reply: number; readonly change: Change }
  /** Who waited for a reply does so no longer. */
  | { readonly _tag: "GaveUp"; readonly reply: number; readonly target: Target | undefined }
  | { readonly _tag: "Shutdown" }
  /** All is to end at once: the supervisor above has no more time. */
  | { readonly _tag: "Hurry" }
  /** Below those who are hurried there are so many levels of supervisors, which are hurried, too. */
  | { readonly _tag: "Hurried"; readonly levels: number }
  /** The run is a supervisor's, and its own tasks may take so long to stop. */
  | { readonly _tag: "Bound"; readonly id: number; readonly generation: number; readonly bound: number }
  /** The run has ended but for runs of a supervisor within it, which do not end. */
  | { readonly _tag: "Lingering"; readonly id: number; readonly generation: number }
  | { readonly _tag: "Begun"; readonly id: number; readonly generation: number }
  | { readonly _tag: "Beat"; readonly id: number; readonly generation: number; readonly sign: Sign }
  | {
    readonly _tag: "ProbeFailed"
    readonly id: number
    readonly generation: number
    readonly cause: Cause.Cause<unknown>
  }
  /** The body has ended, its finalizers have not. */
  | { readonly _tag: "Unwinding"; readonly id: number; readonly generation: number }
  | {
    readonly _tag: "Ended"
    readonly id: number
    readonly generation: number
    readonly outcome: Outcome
    /** Its body was over before anybody asked it to end. */
    readonly byItself: boolean
  }
  | { readonly _tag: "Answered"; readonly id: number; readonly generation: number; readonly answer: Answer }
  /** The timer that was asked for has rung; */
  | { readonly _tag: "Tick" }
  /** and a deadline is due, if it is still what it was. */
  | {
    readonly _tag: "Due"
    readonly order: number
    /** What the run that it is about has kept until now. */
    readonly kept?: Sign | undefined
  }

/** What a reconfiguration comes to. */
interface Change {
  readonly settings: SupervisorSettings
  /** The whole list in its new order; nothing when the tasks stay as they are. */
  readonly tasks: ReadonlyArray<ListedTask> | undefined
}

export interface ListedTask {
  /** A fresh one, taken when the name is new. */
  readonly id: number
  readonly name: string
  readonly settings: TaskSettings
  /** It is the same as the one that is there, and keeps its run. */
  readonly same: boolean
}

/** Something worth telling of the supervisor itself. */
export type SupervisorNotice =
  | {
    readonly _tag: "RestartsPaused"
    readonly restarts: number
    readonly within: number
    readonly until: number
  }
  | { readonly _tag: "RestartsResumed" }
  | {
    readonly _tag: "SupervisorReconfigured"
    readonly added: ReadonlyArray<string>
    readonly changed: ReadonlyArray<string>
    readonly removed: ReadonlyArray<string>
  }

/** A sibling's restart takes the task along. */
interface SiblingRestart {
  readonly _tag: "Sibling"
  readonly task: string
}

/** Something worth telling, as data; the interpreter adds sequence, time and rendering. */
export type Notice =
  | { readonly _tag: "TaskAdded" }
  | { readonly _tag: "TaskStarting" }
  | { readonly _tag: "TaskHealthy" }
  | { readonly _tag: "TaskStable" }
  | { readonly _tag: "HeartbeatMissed"; readonly reason: RestartReason<unknown> & { readonly _tag: "HeartbeatMissed" } }
  | { readonly _tag: "ProbeFailed"; readonly reason: RestartReason<unknown> & { readonly _tag: "ProbeFailed" } }
  /** A permanent task ended well, and is run again. */
  | { readonly _tag: "TaskEnded" }
  | { readonly _tag: "TaskFailed"; readonly reason: RestartReason<unknown> }
  | {
    readonly _tag: "RestartScheduled"
    readonly delay: number
    readonly reason: RestartReason<unknown> | SiblingRestart
  }
  /** Restarts are paused: one that was due already is put off. */
  | { readonly _tag: "RestartHeld"; readonly delay: number }
  | { readonly _tag: "TaskStopping"; readonly because: StopBecause }
  | { readonly _tag: "TaskUnstoppable"; readonly stopTimeout: number }
  | { readonly _tag: "TaskStopped" }
  | { readonly _tag: "TaskCompleted" }
  | {
    readonly _tag: "TaskDead"
    readonly why: DeadReason
    readonly failure: LastFailure | undefined
    readonly policyCause: Cause.Cause<never> | undefined
  }
  | { readonly _tag: "TaskRemoved" }

/** How a task stands when nothing more will come of it by itself. */
export type Settled =
  | { readonly _tag: "Completed" }
  | { readonly _tag: "Stopped"; readonly runs: number }
  | {
    readonly _tag: "Dead"
    readonly why: DeadReason
    readonly runs: number
    readonly failure: LastFailure | undefined
    /** With which the policy itself died. */
    readonly policyCause: Cause.Cause<never> | undefined
  }

export type StopBecause =
  | "ended"
  | "restart"
  | "stop"
  | "kill"
  | "remove"
  | "verdict"
  | "sibling"
  | "reconfigure"
  | "shutdown"

/** Why a command is not carried out: the data of the error it fails with. */
export type Refusal =
  | { readonly _tag: "TaskNotFound"; readonly task: string }
  | { readonly _tag: "TaskAlreadyExists"; readonly task: string }
  | { readonly _tag: "TaskAlreadyRunning"; readonly task: string; readonly generation: number }
  | {
    readonly _tag: "TaskUnstoppable"
    readonly task: string
    readonly generation: number
    /** Absent when it is without bound. */
    readonly stopTimeout?: number
  }
  | { readonly _tag: "MaxTasksReached"; readonly task: string; readonly maxTasks: number }
  | { readonly _tag: "CommandSuperseded"; readonly task: string; readonly command: string; readonly by: string }
  | { readonly _tag: "InvalidOptions"; readonly why: string }
  | { readonly _tag: "SupervisorClosed" }

/** What is to be done. Carried out in order by the interpreter. */
export type Decision =
  | { readonly _tag: "Wake"; readonly at: number }
  | { readonly _tag: "SleepOn" }
  | { readonly _tag: "Start"; readonly id: number; readonly generation: number; readonly attempt: number }
  | { readonly _tag: "Interrupt"; readonly id: number }
  | {
    readonly _tag: "AskSchedule"
    readonly id: number
    readonly generation: number
    readonly reason: RestartReason<unknown>
    /** The first failure of a streak: the schedule begins anew. */
    readonly fresh: boolean
  }
  | { readonly _tag: "ForgetQuestion"; readonly id: number }
  | { readonly _tag: "Reply"; readonly to: number }
  | { readonly _tag: "Refuse"; readonly to: number; readonly refusal: Refusal }
  | {
    readonly _tag: "Notify"
    readonly task: string
    readonly generation: number
    readonly attempt: number
    readonly notice: Notice
  }
  | { readonly _tag: "Settle"; readonly id: number; readonly outcome: Settled }
  | { readonly _tag: "Forget"; readonly id: number }
  | { readonly _tag: "Tell"; readonly notice: SupervisorNotice }
  /** The run is asked to end already; what it supervises has no more time. */
  | { readonly _tag: "Hurry"; readonly id: number }
  /** All listed tasks have been up. */
  | { readonly _tag: "Up" }
  | { readonly _tag: "Closing"; readonly failure: GiveUp | undefined }
  | { readonly _tag: "Close" }
