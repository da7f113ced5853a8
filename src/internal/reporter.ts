/**
 * Tells what happens: every notice becomes an event with a number, a time and its failure rendered, and from it come
 * metrics and logs.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type { SupervisorError } from "../SupervisorError.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { FinalReport } from "../TaskStatus.ts"
import * as Bulletin from "./bulletin.ts"
import * as Logs from "./logs.ts"
import * as Metrics from "./metrics.ts"
import * as Render from "./render.ts"
import type { Decision, SupervisorNotice } from "./state.ts"
import type { Time } from "./time.ts"
import type { Phase } from "./words.ts"

type Told = Decision & { readonly _tag: "Notify" }

/** A supervisor above, to which everything below is told, too. */
export interface Above {
  /** Whether anybody listens to the whole tree there, or further up. */
  readonly isHeard: () => boolean
  readonly pass: (event: SupervisorEvent) => void
}

/** What somebody who listens to a whole tree is given at once. */
export interface TreeEvents {
  readonly sequence: number
  readonly events: ReadonlyArray<SupervisorEvent>
}

export class Reporter implements Above {
  readonly bulletin: Bulletin.Bulletin<SupervisorEvent>
  /** The same, and all that the supervisors below tell; numbered only while somebody listens. */
  readonly tree: Bulletin.Bulletin<TreeEvents>
  readonly #above: Above | undefined
  readonly #path: string
  readonly #time: Time
  readonly #metrics: Metrics.Metrics
  readonly #logs: Logs.Logs

  constructor(options: {
    readonly path: string
    /** Under which name it is measured. */
    readonly label: string
    readonly above: Above | undefined
    readonly time: Time
    readonly context: Context.Context<never>
    readonly eventCapacity: number
    readonly state: { readonly counts: Readonly<Record<Phase, number>> }
  }) {
    this.bulletin = Bulletin.make(options.eventCapacity)
    this.tree = Bulletin.make(options.eventCapacity)
    this.#path = options.path
    this.#above = options.above
    this.#time = options.time
    this.#metrics = Metrics.make(options.label, options.context, options.state.counts)
    this.#logs = Logs.make(options.path, options.context)
  }

  isHeard(): boolean {
    return this.tree.subscribers.size > 0 || this.#above?.isHeard() === true
  }

  pass(event: SupervisorEvent): void {
    const { tree } = this
    if (tree.subscribers.size > 0) Bulletin.hand(tree, { sequence: ++tree.sequence, events: [event] })
    this.#above?.pass(event)
  }

  #hand(event: SupervisorEvent, isHeard: boolean): void {
    Bulletin.hand(this.bulletin, event)
    if (isHeard) this.pass(event)
  }

  /** Numbers an event, and makes it only when somebody is there to read it. */
  #publish(event: (sequence: number) => SupervisorEvent): void {
    const sequence = ++this.bulletin.sequence
    const isHeard = this.isHeard()
    if (isHeard || this.bulletin.subscribers.size > 0) this.#hand(event(sequence), isHeard)
  }

  // The same, without making a function for each of the many.
  notify(told: Told, now: number): void {
    this.#metrics.noted(told.notice)
    const sequence = ++this.bulletin.sequence
    const isHeard = this.isHeard()
    if (isHeard || this.bulletin.subscribers.size > 0) {
      this.#hand(this.#eventOf(told, sequence, this.#time.wall(now)), isHeard)
    }
    this.#logs.noted(told)
  }

  tell(notice: SupervisorNotice, now: number): void {
    this.#publish((sequence) => {
      const place = this.#place(sequence, now)
      return notice._tag === "RestartsPaused"
        ? { ...place, ...notice, until: this.#time.wall(notice.until) }
        : { ...place, ...notice }
    })
    this.#logs.told(notice)
  }

  started(now: number): void {
    this.#publish((sequence) => ({ _tag: "SupervisorStarted", ...this.#place(sequence, now) }))
  }

  closing(reason: SupervisorError["reason"] | undefined, now: number): void {
    this.#publish((sequence) => ({
      _tag: "SupervisorClosing",
      ...this.#place(sequence, now),
      ...(reason === undefined ? {} : { failure: reason.message })
    }))
    if (reason !== undefined) this.#logs.gaveUp(reason.message, Cause.fail(reason))
  }

  closed(reason: SupervisorError["reason"] | undefined, report: FinalReport, now: number): void {
    this.#publish((sequence) => ({
      _tag: "SupervisorClosed",
      ...this.#place(sequence, now),
      ...(reason === undefined ? {} : { failure: reason.message }),
      unstoppable: report.unstoppable
    }))
  }

  ran(millis: number): void {
    this.#metrics.ran(millis)
  }

  lagged(millis: number): void {
    this.#metrics.lagged(millis)
  }

  threw(cause: Cause.Cause<never>): void {
    this.#logs.threw(cause)
  }

  crashed(cause: Cause.Cause<never>): void {
    this.#logs.crashed(cause)
  }

  close(): void {
    this.#metrics.close()
    Bulletin.close(this.bulletin)
    Bulletin.close(this.tree)
  }

  #place(sequence: number, now: number): Place {
    return { sequence, time: this.#time.wall(now), supervisor: this.#path }
  }

  // Every object is written out whole: to spread one into another costs ten times as much.
  #eventOf({ attempt, generation, notice, task }: Told, sequence: number, time: number): SupervisorEvent {
    const supervisor = this.#path
    const { _tag } = notice
    switch (_tag) {
      case "TaskStarting":
        return { _tag, sequence, time, supervisor, task, generation, attempt }
      case "HeartbeatMissed": {
        const { during, silence } = notice.reason
        return { _tag, sequence, time, supervisor, task, generation, silence: Duration.toMillis(silence), during }
      }
      case "ProbeFailed":
      case "TaskFailed": {
        const failure = Render.failure(notice.reason, generation, time)
        return { _tag, sequence, time, supervisor, task, generation, failure }
      }
      case "RestartScheduled": {
        const { delay } = notice
        const reason = notice.reason._tag
        const isDue = delay < Number.POSITIVE_INFINITY
        const restartAt = time + delay
        if (notice.reason._tag === "Sibling") {
          const { task: sibling } = notice.reason
          return isDue
            ? { _tag, sequence, time, supervisor, task, generation, attempt, reason, delay, restartAt, sibling }
            : { _tag, sequence, time, supervisor, task, generation, attempt, reason, sibling }
        }
        return isDue
          ? { _tag, sequence, time, supervisor, task, generation, attempt, reason, delay, restartAt }
          : { _tag, sequence, time, supervisor, task, generation, attempt, reason }
      }
      case "RestartHeld": {
        const { delay } = notice
        return { _tag, sequence, time, supervisor, task, generation, delay, restartAt: time + delay }
      }
      case "TaskStopping":
        return { _tag, sequence, time, supervisor, task, generation, because: notice.because }
      case "TaskUnstoppable": {
        const { stopTimeout } = notice
        return stopTimeout < Number.POSITIVE_INFINITY
          ? { _tag, sequence, time, supervisor, task, generation, stopTimeout }
          : { _tag, sequence, time, supervisor, task, generation }
      }
      case "TaskDead": {
        const { failure: last, why } = notice
        if (last === undefined) return { _tag, sequence, time, supervisor, task, generation, why }
        const failure = Render.failure(last.reason, last.generation, this.#time.wall(last.at))
        return { _tag, sequence, time, supervisor, task, generation, why, failure }
      }
      default:
        return { _tag, sequence, time, supervisor, task, generation }
    }
  }
}

interface Place {
  readonly sequence: number
  readonly time: number
  readonly supervisor: string
}
