/**
 * The options of a supervisor, decoded: durations in milliseconds, defaults filled in, names unique.
 */
import type * as Duration from "effect/Duration"
import * as Task from "../Task.ts"
import type { Intensity } from "./intensity.ts"
import * as Options from "./options.ts"
import type { AutoShutdown, Strategy, SupervisorSettings } from "./state.ts"

/** What `Supervisor.SupervisorOptions` comes to without its types. */
interface Given {
  readonly name?: string
  readonly tasks?: ReadonlyArray<Task.Task.Any>
  readonly defaults?: Task.TaskDefaults<unknown, unknown>
  readonly strategy?: Strategy
  readonly intensity?: GivenIntensity
  readonly autoShutdown?: AutoShutdown
  readonly healthCheck?: { readonly initialDelay?: Duration.Input; readonly interval?: Duration.Input }
  readonly maxDeadFraction?: number
  readonly whenAllCompleted?: "stay" | "end"
  readonly shutdownTimeout?: Options.DurationOption
  readonly eventCapacity?: number
}

interface GivenIntensity {
  readonly restarts: number
  readonly within: Duration.Input
  readonly whenExceeded?: "giveUp" | "pause"
}

export type Decoded = ReturnType<typeof decode>

const optionKeys = [
  "name",
  "tasks",
  "defaults",
  "strategy",
  "intensity",
  "autoShutdown",
  "healthCheck",
  "maxDeadFraction",
  "whenAllCompleted",
  "shutdownTimeout",
  "eventCapacity"
]

const strategies: ReadonlyArray<Strategy> = ["one-for-one", "one-for-all", "rest-for-one"]
const autoShutdowns: ReadonlyArray<AutoShutdown> = ["never", "any-significant", "all-significant"]

const intensityOf = (where: string, given: GivenIntensity): Intensity => {
  Options.onlyKeys(where, "intensity", given, ["restarts", "within", "whenExceeded"])
  const whenExceeded = Options.oneOf(where, "intensity.whenExceeded", Options.or(given.whenExceeded, "giveUp"), [
    "giveUp",
    "pause"
  ])
  return {
    // A pause lets restarts begin again: of none there would be no end.
    restarts: Options.count(where, "intensity.restarts", given.restarts, { min: whenExceeded === "pause" ? 1 : 0 }),
    within: Options.duration(where, "intensity.within", given.within, { positive: true }),
    whenExceeded
  }
}

const tasksOf = (where: string, given: ReadonlyArray<Task.Task.Any>) => {
  if (!Array.isArray(given)) Options.refuse(where, "tasks", given, "an array of tasks made by Task.make")
  const names = new Set<string>()
  // Not `map` of the list itself, which passes over holes.
  return Array.from(given, (task, index) => {
    if (!Task.isTask(task)) return Options.refuse(where, `tasks[${index}]`, task, "a task made by Task.make")
    Options.name(`${where}: tasks[${index}]`, task.name)
    if (names.has(task.name)) {
      Options.refuse(where, `tasks[${index}]`, task.name, "a name that no other task of this supervisor has")
    }
    names.add(task.name)
    return task
  })
}

/** A task cannot be significant that never ends; the mode may come from the supervisor's defaults. */
export const assertEnds = (
  where: string,
  { options: { restart, significant } }: Pick<Task.Task<unknown, unknown, unknown>, "options">,
  defaults: Task.Settings<unknown>
): void => {
  if (significant === true && (restart ?? defaults.restart)?.mode === "permanent") {
    Options.refuse(where, "significant", true, Options.endless)
  }
}

const assertAllEnd = (
  where: string,
  tasks: ReadonlyArray<Pick<Task.Task<unknown, unknown, unknown>, "name" | "options">>,
  defaults: Task.Settings<unknown>
): void => {
  for (const [index, task] of tasks.entries()) {
    assertEnds(`${where}: tasks[${index}] (${JSON.stringify(task.name)})`, task, defaults)
  }
}

const settingsOf = (where: string, options: Omit<Given, "tasks" | "defaults">) => {
  const healthCheck = Options.or(options.healthCheck, {})
  Options.onlyKeys(where, "healthCheck", healthCheck, ["initialDelay", "interval"])
  const fraction = options.maxDeadFraction
  if (fraction !== undefined && !(typeof fraction === "number" && fraction > 0 && fraction <= 1)) {
    Options.refuse(where, "maxDeadFraction", fraction, "a number above 0 and at most 1")
  }
  return {
    strategy: Options.oneOf(where, "strategy", Options.or(options.strategy, "one-for-one"), strategies),
    intensity: options.intensity === undefined ? undefined : intensityOf(where, options.intensity),
    autoShutdown: Options.oneOf(where, "autoShutdown", Options.or(options.autoShutdown, "never"), autoShutdowns),
    healthCheck: {
      initialDelay: Options.duration(where, "healthCheck.initialDelay", Options.or(healthCheck.initialDelay, 3000)),
      interval: Options.duration(where, "healthCheck.interval", Options.or(healthCheck.interval, 200), {
        positive: true
      })
    },
    maxDeadFraction: fraction,
    whenAllCompleted: Options.oneOf(where, "whenAllCompleted", Options.or(options.whenAllCompleted, "stay"), [
      "stay",
      "end"
    ]),
    shutdownTimeout: Options.duration(where, "shutdownTimeout", Options.or(options.shutdownTimeout, "infinity"), {
      infinite: true
    })
  }
}

/** Decodes the options of a supervisor, or throws a `RangeError`. */
export const decode = (options: Given, what?: string) => {
  if (typeof options === "object" && options !== null && options.name !== undefined) {
    Options.name("Supervisor", options.name)
  }
  const where = what ??
    (options?.name === undefined ? "Supervisor" : `Supervisor(${JSON.stringify(options.name)})`)
  Options.onlyKeys(where, "options", options, optionKeys)
  const tasks = tasksOf(where, Options.or(options.tasks, []))
  const defaults = Task.decodeDefaults(`${where}.defaults`, Options.or(options.defaults, {}))
  assertAllEnd(where, tasks, defaults)
  return {
    name: options.name,
    tasks,
    defaults,
    eventCapacity: Options.count(where, "eventCapacity", Options.or(options.eventCapacity, 4096), { min: 1 }),
    settings: settingsOf(where, options)
  }
}

const changeKeys = optionKeys.filter((key) => key !== "name" && key !== "eventCapacity")

/** What a running supervisor may be reconfigured to. */
type GivenChange = { readonly [K in keyof Omit<Given, "name" | "eventCapacity">]?: Given[K] | undefined }

/**
 * Decodes what a supervisor is reconfigured to, or throws a `RangeError`. What is left out stays; what is `undefined` has its
 * default again.
 */
export const decodeChange = (options: GivenChange) => {
  const where = "reconfigure"
  Options.onlyKeys(where, "options", options, changeKeys)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given
  const tasks = "tasks" in options ? tasksOf(where, Options.or(given.tasks, [])) : undefined
  const defaults = "defaults" in options
    ? Task.decodeDefaults(`${where}.defaults`, Options.or(given.defaults, {}))
    : undefined
  const changed = Object.entries(settingsOf(where, given)).filter(([key]) => key in options)
  return {
    tasks,
    defaults,
    settings: (settings: SupervisorSettings): SupervisorSettings => ({ ...settings, ...Object.fromEntries(changed) })
  }
}
