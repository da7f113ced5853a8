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
import type { Decision, Phase } from "./state.ts"
import type { Time } from "./time.ts"

type Told = Decision & { readonly _tag: "Notify" }

export class Reporter {
  readonly bulletin = Bulletin.make<SupervisorEvent>()
  readonly #path: string
  readonly #time: Time
  readonly #metrics: Metrics.Metrics
  readonly #logs: Logs.Logs

  constructor(options: {
    readonly path: string
    readonly time: Time
    readonly context: Context.Context<never>
    readonly state: { readonly counts: Readonly<Record<Phase, number>> }
  }) {
    this.#path = options.path
    this.#time = options.time
    this.#metrics = Metrics.make(options.path, options.context, options.state.counts)
    this.#logs = Logs.make(options.path, options.context)
  }

  notify(told: Told, now: number): void {
    this.#metrics.noted(told.notice)
    const { bulletin } = this
    const sequence = ++bulletin.sequence
    if (bulletin.subscribers.size > 0) {
      Bulletin.hand(bulletin, this.#eventOf(told, sequence, this.#time.wall(now)))
    }
    this.#logs.noted(told)
  }

  started(now: number): void {
    Bulletin.publish<SupervisorEvent>(
      this.bulletin,
      (sequence) => ({ _tag: "SupervisorStarted", ...this.#place(sequence, now) })
    )
  }

  closing(reason: SupervisorError["reason"] | undefined, now: number): void {
    Bulletin.publish<SupervisorEvent>(this.bulletin, (sequence) => ({
      _tag: "SupervisorClosing",
      ...this.#place(sequence, now),
      ...(reason === undefined ? {} : { failure: reason.message })
    }))
    if (reason !== undefined) this.#logs.gaveUp(reason.message, Cause.fail(reason))
  }

  closed(reason: SupervisorError["reason"] | undefined, report: FinalReport, now: number): void {
    Bulletin.publish<SupervisorEvent>(this.bulletin, (sequence) => ({
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
  }

  #place(sequence: number, now: number): Place {
    return { sequence, time: this.#time.wall(now), supervisor: this.#path }
  }

  // Every object is written out whole: to spread one into another costs ten times as much.
  #eventOf({ generation, notice, task }: Told, sequence: number, time: number): SupervisorEvent {
    const supervisor = this.#path
    const { _tag } = notice
    switch (_tag) {
      case "TaskStarting":
        return { _tag, sequence, time, supervisor, task, generation, attempt: notice.attempt }
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
        const { attempt, delay } = notice
        const reason = notice.reason._tag
        return delay < Number.POSITIVE_INFINITY
          ? { _tag, sequence, time, supervisor, task, generation, attempt, reason, delay, restartAt: time + delay }
          : { _tag, sequence, time, supervisor, task, generation, attempt, reason }
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
