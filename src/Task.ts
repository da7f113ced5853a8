/**
 * A named piece of supervised work.
 *
 * A task is a plain value: an `Effect` and how to supervise it. Nothing runs
 * until a supervisor is given it. Each run executes the effect afresh, in its
 * own fiber, under its own `Scope`, which is closed before the next run begins;
 * what the effect shares on purpose (a `Ref` made outside) lives across runs.
 *
 * **Gotchas**
 *
 * - Under the default mode (`transient`) a good end is final: the task is
 *   Completed and does not run again. A consumer whose socket closes or whose
 *   stream ends has ended well. If that is to lead to a restart, use
 *   `mode: "permanent"`, or fail.
 * - What a run detaches (`Effect.forkDetach`), and a promise that ignores its
 *   `AbortSignal`, is outside the run and outlives it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Heartbeat from "./Heartbeat.ts"
import * as Options from "./internal/options.ts"
import * as RestartPolicy from "./RestartPolicy.ts"

const TypeId = "~effect-supervisor/Task"

/**
 * A task that succeeds with `A`, fails with `E` and needs `R`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Task<out A = unknown, out E = never, out R = never> {
  readonly [TypeId]: {
    readonly _A: () => A
    readonly _E: () => E
    readonly _R: () => R
  }
  readonly name: string
  readonly effect: Effect.Effect<A, E, R | Scope.Scope>
  readonly options: Settings<R>
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Task {
  /**
   * Any task. It has no type parameters on purpose: what a task made inline in
   * a list is, is inferred from the task alone.
   *
   * @since 0.1.0
   * @category utility types
   */
  export interface Any {
    readonly [TypeId]: object
    readonly name: string
  }

  /**
   * @since 0.1.0
   * @category utility types
   */
  export type Success<T> = T extends Task<infer A, unknown, unknown> ? A : never

  /**
   * @since 0.1.0
   * @category utility types
   */
  export type Error<T> = T extends Task<unknown, infer E, unknown> ? E : never

  /**
   * @since 0.1.0
   * @category utility types
   */
  export type Services<T> = T extends Task<unknown, unknown, infer R> ? R : never
}

/**
 * The options of a task that are the same for every error type; a supervisor
 * takes them as defaults for its tasks.
 *
 * @since 0.1.0
 * @category options
 */
export interface CommonOptions<R3 = never> {
  /** How a run shows life; default `Heartbeat.automatic({ every: "100 millis" })`. */
  readonly heartbeat?: Heartbeat.Heartbeat<R3>
  /**
   * How long a run may take to its first sign of life, also while the
   * supervisor's `healthCheck.initialDelay` lasts. Default: a manual task
   * has its `within`, a probed one as many failures as it is allowed, any other
   * that is `ready` at its first beat 90 s (as systemd's services have).
   */
  readonly startupTimeout?: Duration.Input
  /**
   * After being healthy for longer than this, earlier failures are forgotten:
   * the attempt is 0 again, and the schedule begins anew. Default 80 s.
   */
  readonly stableAfter?: Options.DurationOption
  /**
   * How long a run may take to end once it is interrupted. Past it, the run is
   * reported as unstoppable and never overlapped. Default 5 s; a run that is a
   * supervisor has the bounds of its own tasks on top, unless this is given.
   * `"infinity"` waits without bound.
   */
  readonly stopTimeout?: Options.DurationOption
  /**
   * What the supervisor does when the task dies: `"keep"` (default) goes on
   * without it, `"escalate"` gives up with the task's typed cause. A task
   * killed by command never escalates. This holds under every strategy: a death
   * takes no sibling along, for there is no restart to take part in.
   */
  readonly whenDead?: "keep" | "escalate"
  /**
   * When the task is up, so that its supervisor starts the next one: `"begun"`
   * (default), as its run has begun, or `"first-beat"`, as it has first shown
   * life: by `Heartbeat.beat`, or by a probe that passes. An automatic heartbeat
   * is no such sign, being that of any run that has begun. A supervisor in a run
   * shows life when it is up itself. What fails before it is ready, for the last
   * time its policy allows, fails the start of its supervisor.
   */
  readonly ready?: "begun" | "first-beat"
  /**
   * Whether every run is a span (`Task.run`), off by default: it trebles what
   * a run costs.
   */
  readonly span?: boolean
}

/**
 * The options of a task.
 *
 * @since 0.1.0
 * @category options
 */
export interface TaskOptions<E, R2 = never, R3 = never> extends CommonOptions<R3> {
  /** When it runs again: options of a policy, or a ready one; default `RestartPolicy.standard`. */
  readonly restart?: RestartPolicy.RestartOptions<E, R2> | RestartPolicy.RestartPolicy<E, R2>
  /**
   * Whether the task's end may be the end of its supervisor, by the supervisor's
   * `autoShutdown` (OTP's significant children). A permanent task has no end,
   * and cannot be significant. Default false.
   */
  readonly significant?: boolean
  /**
   * Says that two task values are the same: when its supervisor is reconfigured,
   * a task with an equal version keeps its run, and is the new value from its
   * next run on.
   */
  readonly version?: string | number
}

/**
 * The options a supervisor takes for all tasks that do not say otherwise.
 *
 * @since 0.1.0
 * @category options
 */
export interface TaskDefaults<R2 = never, R3 = never> extends CommonOptions<R3> {
  readonly restart?: RestartPolicy.RestartOptions<unknown, R2> | RestartPolicy.RestartPolicy<unknown, R2>
}

/**
 * A task's options, decoded: durations in milliseconds, and only those that
 * were given. The rest comes from the supervisor.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings<out R = never> {
  readonly restart?: RestartPolicy.RestartPolicy<never, R>
  readonly heartbeat?: Heartbeat.Heartbeat<R>
  readonly startupTimeout?: number
  readonly stableAfter?: number
  readonly stopTimeout?: number
  readonly whenDead?: "keep" | "escalate"
  readonly ready?: "begun" | "first-beat"
  readonly span?: boolean
  readonly significant?: boolean
  readonly version?: string | number
}

const commonKeys = ["restart", "heartbeat", "startupTimeout", "stableAfter", "stopTimeout", "whenDead", "ready", "span"]

/**
 * The names of the options of a task.
 *
 * @internal
 */
export const keys = [...commonKeys, "significant", "version"]

/** A refusal of the policy tells which task it is about. */
const restartOf = <E, R2>(
  where: string,
  options: RestartPolicy.RestartOptions<E, R2>
): RestartPolicy.RestartPolicy<E, R2> => {
  try {
    return RestartPolicy.make(options)
  } catch (error) {
    throw error instanceof RangeError ? new RangeError(`${where}: ${error.message}`) : error
  }
}

/**
 * Decodes the defaults of a supervisor.
 *
 * @internal
 */
export const decodeDefaults = <R2, R3>(where: string, options: TaskDefaults<R2, R3>): Settings<R2 | R3> => {
  Options.onlyKeys(where, "options", options, commonKeys)
  return decode(where, options)
}

/**
 * Decodes the options of a task.
 *
 * @internal
 */
export const decodeOptions = <E, R2, R3>(where: string, options: TaskOptions<E, R2, R3>): Settings<R2 | R3> => {
  Options.onlyKeys(where, "options", options, keys)
  return decode(where, options)
}

const decode = <E, R2, R3>(where: string, options: TaskOptions<E, R2, R3>): Settings<R2 | R3> => {
  const decoded: { -readonly [K in keyof Settings<R2 | R3>]: Settings<R2 | R3>[K] } = {}
  if (options.restart !== undefined) {
    decoded.restart = RestartPolicy.isRestartPolicy(options.restart)
      ? options.restart
      : restartOf(where, options.restart)
  }
  if (options.heartbeat !== undefined) {
    decoded.heartbeat = Heartbeat.isHeartbeat(options.heartbeat)
      ? options.heartbeat
      : Options.refuse(
        where,
        "heartbeat",
        options.heartbeat,
        "one made by Heartbeat.automatic, manual, probe, or Heartbeat.none"
      )
  }
  if (options.startupTimeout !== undefined) {
    decoded.startupTimeout = Options.duration(where, "startupTimeout", options.startupTimeout, { positive: true })
  }
  if (options.stableAfter !== undefined) {
    decoded.stableAfter = Options.duration(where, "stableAfter", options.stableAfter, { infinite: true })
  }
  if (options.stopTimeout !== undefined) {
    decoded.stopTimeout = Options.duration(where, "stopTimeout", options.stopTimeout, { infinite: true })
  }
  if (options.whenDead !== undefined) {
    decoded.whenDead = Options.oneOf(where, "whenDead", options.whenDead, ["keep", "escalate"])
  }
  if (options.ready !== undefined) {
    decoded.ready = Options.oneOf(where, "ready", options.ready, ["begun", "first-beat"])
  }
  if (options.significant !== undefined) {
    decoded.significant = isSignificant(where, options.significant, decoded.restart?.mode)
  }
  if (options.version !== undefined) decoded.version = versionOf(where, options.version)
  if (options.span !== undefined) {
    decoded.span = typeof options.span === "boolean"
      ? options.span
      : Options.refuse(where, "span", options.span, "true or false")
  }
  return Object.keys(decoded).length === 0 ? nothing : decoded
}

const isSignificant = (where: string, significant: boolean, mode: RestartPolicy.Mode | undefined): boolean => {
  if (typeof significant !== "boolean") return Options.refuse(where, "significant", significant, "true or false")
  return significant && mode === "permanent"
    ? Options.refuse(where, "significant", significant, Options.endless)
    : significant
}

const versionOf = (where: string, version: string | number): string | number =>
  typeof version === "string" || Number.isFinite(version)
    ? version
    : Options.refuse(where, "version", version, "a string or a finite number")

/** One for all tasks that say nothing. */
const nothing: Settings = {}

// In the first pass of inference, in which inline calls of Effect's dual functions are passed over, E is its default: what
// is refused then is refused for good. `any` refuses nothing; the second pass, which knows E, does.
/**
 * Makes a task. The types of `restart` are inferred from the effect: `on` takes
 * the tags of its error type, and a schedule sees its typed cause.
 *
 * @throws RangeError for a name that is empty, longer than 255 characters, or
 *   holds `/` or control characters, and for any option out of its range.
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E = any, R = never, R2 = never, R3 = never>( // eslint-disable-line typescript/no-explicit-any
  name: string,
  effect: Effect.Effect<A, E, R>,
  options?: TaskOptions<NoInfer<E>, R2, R3>
): Task<A, E, Exclude<R, Scope.Scope> | Known<R2> | R3> => {
  Options.name("Task.make", name)
  const where = `Task.make(${JSON.stringify(name)})`
  if (!Effect.isEffect(effect)) Options.refuse(where, "effect", effect, "an Effect")
  return {
    [TypeId]: variance,
    name,
    effect: effect as Effect.Effect<A, E, Exclude<R, Scope.Scope> | Scope.Scope>,
    options: decodeOptions(where, Options.or(options, nothing as TaskOptions<NoInfer<E>, R2, R3>)) as Settings<
      Known<R2> | R3
    >
  }
}

/**
 * `Schedule.max` and `Schedule.min` lose the services of a `Schedule.while` made
 * right inside them; this asks for a service nobody has, by the name of the
 * remedy, instead of for anything.
 *
 * @since 0.1.0
 * @category utility types
 */
export type Known<R> = 0 extends 1 & R ? "inside Schedule.max and min, put $(…) around Schedule.while" : R

const variance = {
  _A: (_: never): never => _,
  _E: (_: never): never => _,
  _R: (_: never): never => _
} as never

/**
 * @since 0.1.0
 * @category guards
 */
export const isTask = (u: unknown): u is Task<unknown, unknown, unknown> =>
  typeof u === "object" && u !== null && TypeId in u
