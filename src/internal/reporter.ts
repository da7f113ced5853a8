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
  readonly bulletin = Bulletin.make()
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

  notify(task: string, told: Told): void {
    const { attempt, generation, notice } = told
    this.#metrics.noted(notice)
    Bulletin.publish(this.bulletin, (sequence) => this.#eventOf(task, told, this.#place(sequence)))
    this.#logs.noted(notice, { task, generation, attempt })
  }

  started(): void {
    Bulletin.publish(this.bulletin, (sequence) => ({ _tag: "SupervisorStarted", ...this.#place(sequence) }))
  }

  closing(reason: SupervisorError["reason"] | undefined): void {
    Bulletin.publish(this.bulletin, (sequence) => ({
      _tag: "SupervisorClosing",
      ...this.#place(sequence),
      ...(reason === undefined ? {} : { failure: reason.message })
    }))
    if (reason !== undefined) this.#logs.gaveUp(reason.message, Cause.fail(reason))
  }

  closed(reason: SupervisorError["reason"] | undefined, report: FinalReport): void {
    Bulletin.publish(this.bulletin, (sequence) => ({
      _tag: "SupervisorClosed",
      ...this.#place(sequence),
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

  #place(sequence: number): Place {
    return { sequence, time: this.#time.wall(this.#time.now()), supervisor: this.#path }
  }

  #eventOf(task: string, { generation, notice }: Told, place: Place): SupervisorEvent {
    const of = { ...place, task, generation }
    switch (notice._tag) {
      case "TaskStarting":
        return { _tag: "TaskStarting", ...of, attempt: notice.attempt }
      case "HeartbeatMissed": {
        const { during, silence } = notice.reason
        return { _tag: "HeartbeatMissed", ...of, silence: Duration.toMillis(silence), during }
      }
      case "ProbeFailed":
      case "TaskFailed":
        return { _tag: notice._tag, ...of, failure: Render.failure(notice.reason, generation, place.time) }
      case "RestartScheduled": {
        const { attempt, delay, reason } = notice
        const due = delay < Number.POSITIVE_INFINITY ? { delay, restartAt: place.time + delay } : {}
        return { _tag: "RestartScheduled", ...of, attempt, reason: reason._tag, ...due }
      }
      case "TaskStopping":
        return { _tag: "TaskStopping", ...of, because: notice.because }
      case "TaskUnstoppable": {
        const bound = notice.stopTimeout < Number.POSITIVE_INFINITY ? { stopTimeout: notice.stopTimeout } : {}
        return { _tag: "TaskUnstoppable", ...of, ...bound }
      }
      case "TaskDead": {
        const last = notice.failure
        const failure = last === undefined
          ? {}
          : { failure: Render.failure(last.reason, last.generation, this.#time.wall(last.at)) }
        return { _tag: "TaskDead", ...of, why: notice.why, ...failure }
      }
      default:
        return { _tag: notice._tag, ...of }
    }
  }
}

interface Place {
  readonly sequence: number
  readonly time: number
  readonly supervisor: string
}
