/**
 * What a supervisor knows, what can happen to it, and what it can decide: the words of the pure part.
 *
 * Times are monotonic milliseconds throughout; only what is shown to people is turned into wall-clock time.
 */
import type * as Cause from "effect/Cause"
import type * as Schema from "effect/Schema"
import type { Directive, Mode, RestartReason } from "../RestartPolicy.ts"
import type { DeadReason, TaskStatus } from "../TaskStatus.ts"
import * as Deadlines from "./deadlines.ts"
import * as Observer from "./observer.ts"

export type Phase = TaskStatus["_tag"]

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
}

export interface SupervisorSettings {
  readonly startedAt: number
  readonly healthCheck: { readonly initialDelay: number; readonly interval: number }
  readonly maxDeadFraction: number | undefined
  readonly whenAllCompleted: "stay" | "end"
  readonly shutdownTimeout: number
}

export type CommandName = "start" | "restart" | "stop" | "kill" | "remove"

/** What follows the end of a run that was asked to end. The last one given is carried out. */
export type Intent =
  | { readonly _tag: "Command"; readonly command: "restart" | "stop" | "kill" | "remove" }
  | { readonly _tag: "Verdict"; readonly reason: RestartReason<unknown> }
  | { readonly _tag: "Shutdown" }

interface LastFailure {
  readonly reason: RestartReason<unknown>
  readonly generation: number
  readonly at: number
}

/** One task in a supervisor. */
export interface Entry {
  /** Never used again, unlike the name. */
  readonly id: number
  readonly name: string
  readonly settings: TaskSettings
  phase: Phase
  since: number
  generation: number
  attempt: number
  begunAt: number
  /** On the observer's clock: it stands still while the observer is stalled. */
  lastBeat: number
  /** The same on the monotonic clock, for show. */
  lastBeatAt: number
  details: Schema.Json | undefined
  probeFailures: number
  probeCause: Cause.Cause<unknown> | undefined
  lastFailure: LastFailure | undefined
  /** While Failed: when the restart is due; `undefined` while the schedule is being asked, or for an endless delay. */
  restartAt: number | undefined
  /** While Failed: the schedule's answer is awaited. */
  asking: boolean
  /** While Stopping. */
  intent: Intent | undefined
  /** The replies that wait for the end; all of them asked for the command that is the intent. */
  waiters: Set<number> | undefined
  /** On the observer's clock: by when the run should have ended. */
  stopBound: number
  overdue: boolean
  why: DeadReason | undefined
  deadline: Deadlines.Deadline | undefined
  stable: Deadlines.Deadline | undefined
  /** Counts changes, so that what was computed from the entry can be kept until the next. */
  version: number
}

/** Why the supervisor gives up. */
export type GiveUp =
  | { readonly _tag: "TaskDead"; readonly id: number }
  | { readonly _tag: "TooManyDeadTasks"; readonly dead: number; readonly total: number; readonly threshold: number }

export interface Closing {
  readonly failure: GiveUp | undefined
  /** In start order: the next one to stop is the last. */
  readonly remaining: Array<Entry>
  current: Entry | undefined
  deadline: Deadlines.Deadline | undefined
  /** Ticks since `shutdownTimeout` was over, and everything was asked to end. */
  hurried: number
}

export interface State {
  readonly settings: SupervisorSettings
  readonly entries: Map<number, Entry>
  readonly names: Map<string, Entry>
  readonly counts: Record<Phase, number>
  readonly deadlines: Deadlines.Deadlines
  readonly observer: Observer.Observer
  /** How many of the listed tasks have not been added yet: the whole is not judged by a part of it. */
  expected: number
  /** A task died since the last look at the whole. */
  died: boolean
  /** The first task whose death the supervisor does not survive. */
  escalation: number | undefined
  closing: Closing | undefined
  closed: boolean
}

export const makeState = (settings: SupervisorSettings, expected: number): State => ({
  settings,
  entries: new Map(),
  names: new Map(),
  counts: { Created: 0, Starting: 0, Healthy: 0, Failed: 0, Stopping: 0, Stopped: 0, Completed: 0, Dead: 0 },
  deadlines: Deadlines.make(),
  observer: Observer.make(settings.startedAt),
  expected,
  died: false,
  escalation: undefined,
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
  | { readonly _tag: "Delay"; readonly delay: number }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Died"; readonly cause: Cause.Cause<never> }

/** Names a task; with an id, only that entry will do. */
export interface Target {
  readonly name: string
  readonly id: number | undefined
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
    readonly id: number
    readonly name: string
    readonly settings: TaskSettings
  }
  | { readonly _tag: "Command"; readonly reply: number; readonly command: CommandName; readonly target: Target }
  /** Who waited for a reply does so no longer. */
  | { readonly _tag: "GaveUp"; readonly reply: number; readonly target: Target }
  | { readonly _tag: "Shutdown" }
  | { readonly _tag: "Begun"; readonly id: number; readonly generation: number }
  | {
    readonly _tag: "Beat"
    readonly id: number
    readonly generation: number
    readonly at: number
    readonly details: Schema.Json | undefined
  }
  | {
    readonly _tag: "ProbeFailed"
    readonly id: number
    readonly generation: number
    readonly cause: Cause.Cause<unknown>
  }
  /** The body has ended, its finalizers have not. */
  | { readonly _tag: "Unwinding"; readonly id: number; readonly generation: number }
  | { readonly _tag: "Ended"; readonly id: number; readonly generation: number; readonly outcome: Outcome }
  | { readonly _tag: "Answered"; readonly id: number; readonly generation: number; readonly answer: Answer }
  /** The timer that was asked for has rung; */
  | { readonly _tag: "Tick" }
  /** and a deadline is due, if it is still what it was. */
  | { readonly _tag: "Due"; readonly order: number }

/** Something worth telling, as data; the interpreter adds sequence, time and rendering. */
export type Notice =
  | { readonly _tag: "TaskAdded" }
  | { readonly _tag: "TaskStarting"; readonly attempt: number }
  | { readonly _tag: "TaskHealthy" }
  | { readonly _tag: "TaskStable" }
  | { readonly _tag: "HeartbeatMissed"; readonly reason: RestartReason<unknown> & { readonly _tag: "HeartbeatMissed" } }
  | { readonly _tag: "ProbeFailed"; readonly reason: RestartReason<unknown> & { readonly _tag: "ProbeFailed" } }
  /** A permanent task ended well, and is run again. */
  | { readonly _tag: "TaskEnded" }
  | { readonly _tag: "TaskFailed"; readonly reason: RestartReason<unknown> }
  | {
    readonly _tag: "RestartScheduled"
    readonly attempt: number
    readonly delay: number
    readonly reason: RestartReason<unknown>
  }
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

export type StopBecause = "ended" | "restart" | "stop" | "kill" | "remove" | "verdict" | "shutdown"

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
  | { readonly _tag: "CommandSuperseded"; readonly task: string; readonly command: string; readonly by: string }
  | { readonly _tag: "SupervisorClosed" }

/** What is to be done. Carried out in order by the interpreter. */
export type Decision =
  | { readonly _tag: "Wake"; readonly at: number }
  | { readonly _tag: "SleepOn" }
  | { readonly _tag: "Start"; readonly id: number; readonly generation: number; readonly attempt: number }
  | { readonly _tag: "Interrupt"; readonly id: number; readonly generation: number }
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
  | { readonly _tag: "Closing"; readonly failure: GiveUp | undefined }
  | { readonly _tag: "Close"; readonly failure: GiveUp | undefined }
