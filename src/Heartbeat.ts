/**
 * Signs of life: how a supervisor knows that a run is healthy.
 *
 * - `automatic` (the default) asserts only that the run's fiber has not ended
 *   and that the supervisor's loop turns. It never sees a hang.
 * - `manual`: the run itself beats, from inside its work. Silence is a hang.
 * - `probe`: the supervisor runs a check beside the run, on a `Schedule`.
 * - `none`: a run is healthy as soon as it has begun, and shows no beats.
 *
 * **Gotchas**
 *
 * A body that blocks the thread blocks its supervisor too. The time lost is not
 * held against anybody: deadlines move by it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CurrentRun } from "./internal/currentRun.ts"
import * as Options from "./internal/options.ts"
import * as Probing from "./internal/probing.ts"

const TypeId = "~effect-supervisor/Heartbeat"

interface Proto {
  readonly [TypeId]: typeof TypeId
}

/**
 * A run shows life by itself every `every` milliseconds, for as long as its
 * fiber has not ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Automatic extends Proto {
  readonly _tag: "Automatic"
  readonly every: number
}

/**
 * A run must beat; silence for longer than `within` milliseconds is a crash.
 *
 * @since 0.1.0
 * @category models
 */
export interface Manual extends Proto {
  readonly _tag: "Manual"
  readonly within: number
}

/**
 * A check beside the run; `failures` failed checks in a row are a crash.
 *
 * @since 0.1.0
 * @category models
 */
export interface Probe<out R = never> extends Proto {
  readonly _tag: "Probe"
  readonly check: Effect.Effect<unknown, unknown, R>
  readonly schedule: Schedule.Schedule<unknown, unknown, unknown, R>
  readonly timeout: number
  readonly failures: number
  /**
   * What runs it beside a run. It comes with the probe, so that a program
   * without one does without all that it takes.
   *
   * @internal
   */
  readonly beside: typeof Probing.beside
}

/**
 * No signs of life: begun is healthy.
 *
 * @since 0.1.0
 * @category models
 */
export interface None extends Proto {
  readonly _tag: "None"
}

/**
 * How a run shows life. `R` is what a probe's check and schedule need.
 *
 * @since 0.1.0
 * @category models
 */
export type Heartbeat<R = never> = Automatic | Manual | Probe<R> | None

/**
 * @since 0.1.0
 * @category guards
 */
export const isHeartbeat = (u: unknown): u is Heartbeat<unknown> => typeof u === "object" && u !== null && TypeId in u

/**
 * Beats for as long as the run's fiber has not ended. The first beat comes as
 * the run begins, the next ones every `every` (default 100 ms).
 *
 * The beats after the first cost nothing: what they assert is known without
 * sending them, so `lastHeartbeat` is computed when somebody looks.
 *
 * @throws RangeError when `every` is not a duration above 0.
 * @since 0.1.0
 * @category constructors
 */
export const automatic = (options: { readonly every?: Duration.Input } = {}): Automatic => {
  Options.onlyKeys("Heartbeat.automatic", "options", options, ["every"])
  return {
    [TypeId]: TypeId,
    _tag: "Automatic",
    every: Options.duration("Heartbeat.automatic", "every", Options.or(options.every, 100), { positive: true })
  }
}

/**
 * The run beats by `Heartbeat.beat`, `beatWith` or a `beater`. It is taken for
 * hung when it has been silent for longer than `within` (default 2 s), counted
 * from its begin or its last beat; it is then stopped, and its restart policy
 * decides.
 *
 * @throws RangeError when `within` is not a duration above 0.
 * @since 0.1.0
 * @category constructors
 */
export const manual = (options: { readonly within?: Duration.Input } = {}): Manual => {
  Options.onlyKeys("Heartbeat.manual", "options", options, ["within"])
  return {
    [TypeId]: TypeId,
    _tag: "Manual",
    within: Options.duration("Heartbeat.manual", "within", Options.or(options.within, 2000), { positive: true })
  }
}

/**
 * The supervisor runs `check` beside the run, each time in a scope of its own: at once, then as `schedule` says
 * (default every 10 s). A check that succeeds is a beat. One that fails, dies,
 * or takes longer than `timeout` (default 1 s) is a failed probe; `failures` of
 * them in a row (default 3) are a crash. The defaults are those of a Kubernetes
 * probe. When the schedule is done, probing ends and the run stays as it is.
 *
 * While a task with a `startupTimeout` is Starting, failed probes do not count:
 * the start-up timeout alone decides.
 *
 * @throws RangeError for a `timeout` of 0 or below, or `failures` below 1.
 * @since 0.1.0
 * @category constructors
 */
export const probe = <A, E, R, R2 = never>(
  check: Effect.Effect<A, E, R>,
  options: {
    readonly schedule?: Schedule.Schedule<unknown, unknown, unknown, R2>
    readonly timeout?: Duration.Input
    readonly failures?: number
  } = {}
): Probe<Exclude<R, Scope.Scope> | R2> => {
  Options.onlyKeys("Heartbeat.probe", "options", options, ["schedule", "timeout", "failures"])
  if (!Effect.isEffect(check)) Options.refuse("Heartbeat.probe", "check", check, "an Effect")
  const schedule = Options.or(options.schedule, Schedule.spaced("10 seconds"))
  if (!Schedule.isSchedule(schedule)) Options.refuse("Heartbeat.probe", "schedule", schedule, "a Schedule")
  return {
    [TypeId]: TypeId,
    _tag: "Probe",
    beside: Probing.beside,
    check: check as Effect.Effect<A, E, Exclude<R, Scope.Scope>>,
    schedule,
    timeout: Options.duration("Heartbeat.probe", "timeout", Options.or(options.timeout, 1000), { positive: true }),
    failures: Options.count("Heartbeat.probe", "failures", Options.or(options.failures, 3), { min: 1 })
  }
}

/**
 * No heartbeats at all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: None = { [TypeId]: TypeId, _tag: "None" }

/**
 * Shows life of the run that this code is part of, child fibers included.
 * Outside a run it does nothing, so that a task's effect can be run and tested
 * on its own.
 *
 * @since 0.1.0
 * @category beating
 */
export const beat: Effect.Effect<void> = /*#__PURE__*/ Effect.withFiber((fiber) => {
  fiber.getRef(CurrentRun)?.beat()
  return Effect.void
})

/**
 * Shows life, and says something about it: `details` is shown as
 * `heartbeatDetails` in the task's status until the next run.
 *
 * @since 0.1.0
 * @category beating
 */
export const beatWith = (details: Schema.Json): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentRun)?.beat(details)
    return Effect.void
  })

/**
 * A plain function that shows life, for callbacks outside the run's fiber (an
 * event handler of a socket, say). It belongs to the run it was made in: once
 * that run is over, calling it does nothing.
 *
 * @since 0.1.0
 * @category beating
 */
export const beater: Effect.Effect<(details?: Schema.Json) => void> = /*#__PURE__*/ Effect.withFiber((fiber) => {
  const run = fiber.getRef(CurrentRun)
  return Effect.succeed((details?: Schema.Json) => run?.beat(details))
})
