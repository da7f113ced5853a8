/**
 * When a task runs again, and when it is given up.
 *
 * A policy is a mode (which ends count), a `Schedule` (how long to wait, and
 * when to give up; its input is why the run ended, typed by the task's own
 * error) and a directive (what a typed error asks for). A schedule is stepped
 * afresh for each streak of failures: after a task has been stable, or was
 * restarted by hand, it begins anew.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Options from "./internal/options.ts"

/**
 * Which ends of a run lead to a restart.
 *
 * - `permanent`: every end, a good one too.
 * - `transient`: a failure, a defect, an interruption from within, a verdict.
 * - `temporary`: none.
 *
 * The words and their meaning are those of Erlang/OTP's `supervisor`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "permanent" | "transient" | "temporary"

/**
 * What a typed error asks for: `"restart"` as the schedule says, `"stop"` for
 * good (the task is Dead, `NotRestartable`), or `"escalate"` (the task is Dead,
 * and its supervisor gives up with the typed cause).
 *
 * @since 0.1.0
 * @category models
 */
export type Directive = "restart" | "stop" | "escalate"

/**
 * Why a run ended, as a schedule sees it.
 *
 * - `Failed`: with a typed error, a defect or an interruption from within.
 *   `finalizers` is what the run's finalizers added, apart from the body's own
 *   `cause`.
 * - `HeartbeatMissed`: silent for longer than allowed, after its first sign of
 *   life or (`during: "startup"`) before it.
 * - `ProbeFailed`: so many probes in a row; `cause` is the last one's.
 * - `Completed`: a permanent task ended well.
 *
 * A run that was stopped by a verdict is expected to end by interruption; what
 * else it ended with (a finalizer that died, say) is in `ended`.
 *
 * @since 0.1.0
 * @category models
 */
export type RestartReason<E> =
  | {
    readonly _tag: "Failed"
    readonly cause: Cause.Cause<E>
    readonly finalizers?: Cause.Cause<never> | undefined
  }
  | {
    readonly _tag: "HeartbeatMissed"
    readonly silence: Duration.Duration
    readonly during: "startup" | "run"
    readonly ended?: Cause.Cause<E>
  }
  | {
    readonly _tag: "ProbeFailed"
    readonly failures: number
    readonly cause: Cause.Cause<unknown>
    readonly ended?: Cause.Cause<E>
  }
  | { readonly _tag: "Completed" }

const TypeId = "~effect-supervisor/RestartPolicy"

/**
 * A restart policy for tasks that fail with `E`. `R` is what the schedule
 * needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface RestartPolicy<in E, out R = never> {
  readonly [TypeId]: typeof TypeId
  readonly mode: Mode
  readonly schedule: Schedule.Schedule<unknown, RestartReason<E>, unknown, R>
  readonly directive: (error: E) => Directive
}

/**
 * @since 0.1.0
 * @category guards
 */
export const isRestartPolicy = (u: unknown): u is RestartPolicy<never, unknown> =>
  typeof u === "object" && u !== null && TypeId in u

/**
 * The tags of an error union.
 *
 * @since 0.1.0
 * @category options
 */
export type Tags<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : never

/**
 * What each error asks for: by tag, or by a function that sees every error. A
 * tag that is not named restarts.
 *
 * @since 0.1.0
 * @category options
 */
export type On<E> =
  | ([Tags<E>] extends [never] ? never : { readonly [Tag in Tags<E>]?: Directive })
  | ((error: E) => Directive)

/**
 * Gives a schedule, as it is, the input of a task's policy.
 *
 * @since 0.1.0
 * @category options
 */
export type Typed<E> = <S extends Schedule.Schedule<unknown, RestartReason<E>, unknown, unknown>>(
  schedule: S
) => Schedule.Schedule<Schedule.Output<S>, RestartReason<E>, Schedule.Error<S>, Schedule.Env<S>>

/**
 * A schedule over why runs end, or a builder of one: `($) => $(schedule)` gives
 * `Schedule.while` and friends the typed input without writing it down.
 *
 * **Gotchas**
 *
 * Inside `Schedule.max` and `Schedule.min` put the `$` outermost,
 * `$(Schedule.while($(schedule), …))`: their own types lose what is in them.
 *
 * @since 0.1.0
 * @category options
 */
export type ScheduleOption<E, R> =
  | Schedule.Schedule<unknown, RestartReason<E>, unknown, R>
  | (($: Typed<E>) => Schedule.Schedule<unknown, RestartReason<E>, unknown, R>)

/**
 * The options of a policy.
 *
 * @since 0.1.0
 * @category options
 */
export interface RestartOptions<E, R> {
  /** Which ends count; default `"transient"`. */
  readonly mode?: Mode
  /**
   * How long to wait before each restart, and when to give up. Default: 1 s,
   * doubling, capped at 32 s, 5 restarts. A schedule that itself fails or dies
   * makes the task Dead, its cause beside that of the task.
   */
  readonly schedule?: ScheduleOption<E, R>
  /**
   * At most so many restarts in a streak (not runs: `times: 5` makes 6 runs),
   * `Infinity` for no limit. With a schedule of yours it adds the limit, as
   * `Schedule.recurs` does; without one it replaces the default's 5.
   */
  readonly times?: number
  /** What a typed error asks for; default `"restart"`. */
  readonly on?: On<E>
}

const optionKeys = ["mode", "schedule", "times", "on"]

/**
 * The options of `backoff`.
 *
 * @since 0.1.0
 * @category options
 */
export interface BackoffOptions {
  /** The first delay; default 1 s. */
  readonly base?: Duration.Input
  /** What each delay is multiplied by for the next one; 1 or more, default 2. */
  readonly factor?: number
  /** No delay is longer; default 32 s, `"infinity"` for no cap. */
  readonly cap?: Options.DurationOption
  /** It is done after so many delays; default `Infinity`. */
  readonly times?: number
}

/**
 * A schedule of growing delays with a cap, and an end: `base`, `base * factor`,
 * and so on, never above `cap`; `times` of them. Its output is the delay.
 *
 * The delays are those of `Schedule.max([Schedule.min([Schedule.exponential(base,
 * factor), Schedule.spaced(cap)]), Schedule.recurs(times)])`, in one step rather
 * than five: in a storm of crashes the steps are what restarts wait for.
 *
 * **Gotchas**
 *
 * `Schedule.jittered` around it exceeds the cap. Put the cap outermost then,
 * `Schedule.min([Schedule.jittered(backoff({ cap: "infinity" })),
 * Schedule.spaced(cap)])`, and the limit in the policy: `Schedule.min` goes on
 * when one of the two is done.
 *
 * @throws RangeError for a duration that is none, a factor below 1, or `times`
 *   that is not a whole number of 0 or more, or `Infinity`.
 * @since 0.1.0
 * @category schedules
 */
export const backoff = (options: BackoffOptions = {}): Schedule.Schedule<Duration.Duration> => {
  const where = "RestartPolicy.backoff"
  Options.onlyKeys(where, "options", options, ["base", "factor", "cap", "times"])
  const base = Options.duration(where, "base", Options.or(options.base, 1000))
  const cap = Options.duration(where, "cap", Options.or(options.cap, 32_000), { infinite: true })
  const times = Options.count(where, "times", Options.or(options.times, Number.POSITIVE_INFINITY), {
    min: 0,
    infinite: true
  })
  const factor = Options.or(options.factor, 2)
  if (!(Number.isFinite(factor) && factor >= 1)) {
    Options.refuse(where, "factor", factor, "a number of 1 or more")
  }
  return Schedule.fromStep(Effect.sync(() => {
    let taken = 0
    return () => {
      if (taken === times) return Cause.done(Duration.zero)
      const delay = Duration.millis(base === 0 ? 0 : Math.min(base * factor ** taken, cap))
      taken++
      return Effect.succeed([delay, delay])
    }
  }))
}

/**
 * The default back-off: 1 s, doubling, never above 32 s, without end.
 *
 * @since 0.1.0
 * @category schedules
 */
export const defaultBackoff: Schedule.Schedule<Duration.Duration> = /*#__PURE__*/ backoff()

/** The delays of `Schedule.max([schedule, Schedule.recurs(times)])`, at little more than the cost of the schedule's own step. */
const limited = <Input, R>(
  schedule: Schedule.Schedule<unknown, Input, unknown, R>,
  times: number
): Schedule.Schedule<unknown, Input, unknown, R> =>
  times === Number.POSITIVE_INFINITY
    ? schedule
    : Schedule.fromStep(Effect.map(Schedule.toStep(schedule), (step) => {
      let taken = 0
      return (now: number, input: Input) =>
        Effect.flatMap(step(now, input), (answer) => taken++ < times ? Effect.succeed(answer) : Cause.done(answer[0]))
    }))

const defaultTimes = 5
const directives: ReadonlyArray<Directive> = ["restart", "stop", "escalate"]

const directiveOf = <E>(on: On<E> | undefined): (error: E) => Directive => {
  if (on === undefined) return () => "restart"
  if (typeof on === "function") return on
  const table: ReadonlyMap<string, Directive> = new Map(Object.entries(on as Record<string, Directive>))
  return (error) => {
    const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
    return (typeof tag === "string" ? table.get(tag) : undefined) ?? "restart"
  }
}

/** A function may answer anything; what is no directive must not pass for one. */
const checked = <E>(directive: (error: E) => Directive) => (error: E): Directive =>
  Options.oneOf("RestartPolicy", "what on answers", directive(error), directives)

const checkOn = (on: unknown): void => {
  if (on === undefined || typeof on === "function") return
  if (typeof on !== "object" || on === null || Array.isArray(on)) {
    Options.refuse("RestartPolicy", "on", on, "an object of directives by error tag, or a function of the error")
    return
  }
  for (const [tag, directive] of Object.entries(on)) {
    Options.oneOf("RestartPolicy", `on.${tag}`, directive, directives)
  }
}

/**
 * Makes a policy.
 *
 * @throws RangeError for an unknown mode or directive, or `times` that is not a
 *   whole number of 0 or more, or `Infinity`.
 * @since 0.1.0
 * @category constructors
 */
export const make = <E = unknown, R = never>(options: RestartOptions<E, R> = {}): RestartPolicy<E, R> => {
  Options.onlyKeys("RestartPolicy", "restart", options, optionKeys)
  const mode = Options.oneOf<Mode>("RestartPolicy", "mode", Options.or(options.mode, "transient"), [
    "permanent",
    "transient",
    "temporary"
  ])
  checkOn(options.on)
  const times = options.times === undefined
    ? undefined
    : Options.count("RestartPolicy", "times", options.times, { min: 0, infinite: true })
  const given = typeof options.schedule === "function" ? options.schedule(identity as Typed<E>) : options.schedule
  if (given !== undefined && !Schedule.isSchedule(given)) {
    Options.refuse("RestartPolicy", "schedule", given, "a Schedule, or a function that builds one")
  }
  const schedule: Schedule.Schedule<unknown, RestartReason<E>, unknown, R> = given === undefined
    ? backoff({ times: times ?? defaultTimes })
    : limited(given, times ?? Number.POSITIVE_INFINITY)
  return { [TypeId]: TypeId, mode, schedule, directive: checked(directiveOf(options.on)) }
}

/**
 * The policy of a task that says nothing: transient, 1 s doubling, capped at
 * 32 s, 5 restarts (6 runs).
 *
 * @since 0.1.0
 * @category constructors
 */
export const standard: RestartPolicy<unknown> = make()

/**
 * What `preview` finds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Preview {
  /** The delay before each restart, in order. */
  readonly delays: ReadonlyArray<Duration.Duration>
  /** All delays together: how long until it gives up, beyond the runs' own time. */
  readonly total: Duration.Duration
  /** Whether the policy gives up after these delays; otherwise `steps` was reached first. */
  readonly givesUp: boolean
}

/**
 * Asks a policy, without waiting, what it would do if every run ended for
 * `reason` (default: a defect) as soon as it had begun, for at most `steps`
 * restarts (default 100). The schedule is given the time at which each end
 * would come, so that elapsed-time limits and cron see what they would see. It
 * dies with what the schedule fails or dies with, and with a `RangeError` when
 * `steps` is not a whole number of 0 or more.
 *
 * @since 0.1.0
 * @category preview
 */
export const preview = /*#__PURE__*/ Effect.fnUntraced(function*<E, R>(
  policy: RestartPolicy<E, R>,
  options: { readonly reason?: RestartReason<E>; readonly steps?: number } = {}
): Effect.fn.Return<Preview, never, R> {
  if (!isRestartPolicy(policy)) {
    Options.refuse("RestartPolicy.preview", "policy", policy, "one made by RestartPolicy.make")
  }
  Options.onlyKeys("RestartPolicy.preview", "options", options, ["reason", "steps"])
  const reason: RestartReason<E> = options.reason ?? { _tag: "Failed", cause: Cause.die("preview") }
  const steps = Options.count("RestartPolicy.preview", "steps", Options.or(options.steps, 100), { min: 0 })
  const delays: Array<Duration.Duration> = []
  let total = Duration.zero
  const end = (givesUp: boolean): Preview => ({ delays, total, givesUp })
  if (givesUpAtOnce(policy, reason)) return end(true)
  const step = yield* Schedule.toStep(policy.schedule)
  let now = yield* Clock.currentTimeMillis
  while (delays.length < steps) {
    const delay = yield* Pull.matchEffect(step(now, reason), {
      onSuccess: ([, duration]) => Effect.succeed<Duration.Duration | undefined>(duration),
      onFailure: (cause) => Effect.failCause(cause),
      onDone: () => Effect.undefined
    }).pipe(Effect.orDie)
    if (delay === undefined) return end(true)
    delays.push(delay)
    total = Duration.sum(total, delay)
    if (!Duration.isFinite(delay)) return end(false)
    now += Duration.toMillis(delay)
  }
  return end(false)
})

const givesUpAtOnce = <E, R>(policy: RestartPolicy<E, R>, reason: RestartReason<E>): boolean => {
  if (policy.mode === "temporary") return true
  if (reason._tag === "Completed") return policy.mode !== "permanent"
  if (reason._tag !== "Failed") return false
  const error = Cause.findErrorOption(reason.cause)
  return error._tag === "Some" && policy.directive(error.value) !== "restart"
}
