/**
 * What a pool tells: events, log lines and metrics, all from one place.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import type * as Stream from "effect/Stream"
import type { PoolStatus, SlotPoolEvent } from "../../SlotPoolEvent.ts"
import * as SlotPoolMetrics from "../../SlotPoolMetrics.ts"
import * as Bulletin from "../bulletin.ts"
import * as Gauges from "../gauges.ts"
import type { EndState } from "./jobs.ts"

type Common = "sequence" | "time" | "pool"

type Bare<Event> = Event extends unknown ? Omit<Event, Common> : never

/** An event without its number and time. */
export type Told = Bare<Exclude<SlotPoolEvent, { readonly _tag: "PoolSnapshot" | "EventsMissed" }>>

const levels: Record<Told["_tag"], LogLevel.Severity> = {
  SlotClaimed: "Debug",
  SlotLost: "Warn",
  SlotErrored: "Warn",
  SlotExhausted: "Error",
  SlotRestarted: "Info",
  SlotStable: "Debug",
  SlotStopped: "Debug",
  SlotAdded: "Info",
  SlotRemoved: "Info",
  JobLost: "Warn",
  RecordSetAside: "Error",
  StoreDegraded: "Warn",
  StoreRecovered: "Info",
  PoolDraining: "Info",
  PoolDrained: "Info"
}

const textOf = (told: Told): string => {
  switch (told._tag) {
    case "SlotClaimed":
      return told.from === undefined ? "slot claimed" : `slot taken over from ${told.from}`
    case "SlotLost":
      return `slot lost: ${told.why}`
    case "SlotErrored":
      return `slot errored: ${told.error}`
    case "SlotExhausted":
      return `slot is not put back to work any more, after ${told.restarts} restarts: ${told.error}`
    case "SlotRestarted":
      return `slot put back to work (restart ${told.restarts})`
    case "SlotStable":
      return "slot is stable again"
    case "SlotStopped":
      return "slot stopped"
    case "SlotAdded":
      return "slot added"
    case "SlotRemoved":
      return "slot removed"
    case "JobLost":
      return `job ${told.job} was lost: ${told.why}`
    case "RecordSetAside":
      return `the slot's record cannot be read and was set aside: ${told.why}`
    case "StoreDegraded":
      return `the slot store does not do what it is asked: ${told.why}`
    case "StoreRecovered":
      return "the slot store does what it is asked again"
    case "PoolDraining":
      return "pool drains"
    case "PoolDrained":
      return told.gaveUpOn === 0 ? "pool drained" : `pool drained, ${told.gaveUpOn} jobs were given up on`
  }
}

export class Teller {
  readonly #pool: string
  readonly #context: Context.Context<never>
  readonly #bulletin: Bulletin.Bulletin<SlotPoolEvent>
  readonly #now: () => number
  readonly #silent: boolean
  readonly #counters: Record<"errors" | "restarts" | "exhausted" | "storeFailures", Metric.Metric<number, unknown>>

  readonly #jobs: Record<EndState, Metric.Metric<number, unknown>>

  constructor(pool: string, context: Context.Context<never>, now: () => number, eventCapacity: number) {
    this.#bulletin = Bulletin.make(eventCapacity)
    this.#pool = pool
    this.#context = context
    this.#now = now
    this.#silent = Context.get(context, References.CurrentLoggers).size === 0
    const of = (metric: Metric.Counter<number>) => Metric.withAttributes(metric, { pool })
    const ended = (state: EndState) => Metric.withAttributes(SlotPoolMetrics.jobs, { pool, state })
    this.#counters = {
      errors: of(SlotPoolMetrics.errors),
      restarts: of(SlotPoolMetrics.restarts),
      exhausted: of(SlotPoolMetrics.exhausted),
      storeFailures: of(SlotPoolMetrics.storeFailures)
    }
    this.#jobs = {
      Succeeded: ended("Succeeded"),
      Failed: ended("Failed"),
      Cancelled: ended("Cancelled"),
      TimedOut: ended("TimedOut"),
      Lost: ended("Lost"),
      Unassigned: ended("Unassigned")
    }
    // From the beginning: what counts from its first time on has no first time to be seen.
    for (const metric of [...Object.values(this.#counters), ...Object.values(this.#jobs)]) {
      metric.updateUnsafe(0, context)
    }
  }

  /** `cause` is what a defect came of: its stack is for the log alone. */
  tell(told: Told, cause?: Cause.Cause<unknown>): void {
    this.#count(told)
    Bulletin.publish<SlotPoolEvent>(this.#bulletin, (sequence) => ({
      ...told,
      sequence,
      time: this.#now(),
      pool: this.#pool
    }))
    if (!this.#silent) this.#log(told, cause)
  }

  /** A job has ended. */
  jobEnded(state: EndState): void {
    this.#jobs[state].updateUnsafe(1, this.#context)
  }

  /** One operation of the store failed, be the pool degraded already or not. */
  storeFailed(): void {
    this.#counters.storeFailures.updateUnsafe(1, this.#context)
  }

  #count(told: Told): void {
    switch (told._tag) {
      case "SlotErrored":
        return this.#counters.errors.updateUnsafe(1, this.#context)
      case "SlotRestarted":
        return this.#counters.restarts.updateUnsafe(1, this.#context)
      case "SlotExhausted":
        return this.#counters.exhausted.updateUnsafe(1, this.#context)
    }
  }

  /** In a fiber of its own: what a logger dies with is not the pool's affair. */
  #log(told: Told, cause: Cause.Cause<unknown> | undefined): void {
    const annotations = {
      ...("slot" in told ? { slot: told.slot } : {}),
      ...("restarts" in told ? { restarts: told.restarts } : {})
    }
    this.log(levels[told._tag], textOf(told), annotations, cause)
  }

  log(
    level: LogLevel.Severity,
    text: string,
    annotations: Record<string, unknown> = {},
    cause?: Cause.Cause<unknown>
  ): void {
    if (this.#silent) return
    const line = cause === undefined ? Effect.logWithLevel(level)(text) : Effect.logWithLevel(level)(text, cause)
    Effect.runForkWith(this.#context)(Effect.annotateLogs(line, { pool: this.#pool, ...annotations }))
  }

  events(status: () => PoolStatus): Stream.Stream<SlotPoolEvent> {
    return Bulletin.subscribe<SlotPoolEvent>(
      this.#bulletin,
      (sequence) => ({ _tag: "PoolSnapshot", sequence, time: this.#now(), pool: this.#pool, status: status() }),
      ({ sequence, time }, missed) => ({
        _tag: "EventsMissed",
        sequence: sequence - 1,
        time,
        pool: this.#pool,
        missed
      })
    )
  }

  /** The last event has been told; waits until those who read have read it, but not for one that is stuck. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      Bulletin.close(this.#bulletin)
      return Bulletin.drain(this.#bulletin)
    })
  }
}

/** The gauges of pools, each by its name. */
export const gauges = Gauges.make<() => PoolStatus>((pool) => (register) => {
  for (const state of ["idle", "busy", "errored", "exhausted", "stopped", "foreign"] as const) {
    register(Metric.withAttributes(SlotPoolMetrics.slots, { pool, state }), (status) => status().slots[state])
  }
  register(Metric.withAttributes(SlotPoolMetrics.queued, { pool }), (status) => status().jobs.queued)
})
