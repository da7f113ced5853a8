/**
 * The options of a supervisor, decoded: durations in milliseconds, defaults filled in, names unique.
 */
import type * as Duration from "effect/Duration"
import * as Task from "../Task.ts"
import * as Options from "./options.ts"

/** What `Supervisor.SupervisorOptions` comes to without its types. */
interface Given {
  readonly name?: string
  readonly tasks?: ReadonlyArray<Task.Task.Any>
  readonly defaults?: Task.TaskOptions<unknown, unknown, unknown>
  readonly healthCheck?: { readonly initialDelay?: Duration.Input; readonly interval?: Duration.Input }
  readonly maxDeadFraction?: number
  readonly whenAllCompleted?: "stay" | "end"
  readonly shutdownTimeout?: Options.DurationOption
  readonly eventCapacity?: number
}

export type Decoded = ReturnType<typeof decode>

const optionKeys = [
  "name",
  "tasks",
  "defaults",
  "healthCheck",
  "maxDeadFraction",
  "whenAllCompleted",
  "shutdownTimeout",
  "eventCapacity"
]

/** Decodes the options of a supervisor, or throws a `RangeError`. */
export const decode = (options: Given) => {
  if (typeof options === "object" && options !== null && options.name !== undefined) {
    Options.name("Supervisor", options.name)
  }
  const where = options?.name === undefined ? "Supervisor" : `Supervisor(${JSON.stringify(options.name)})`
  Options.onlyKeys(where, "options", options, optionKeys)
  const given = Options.or(options.tasks, [])
  if (!Array.isArray(given)) Options.refuse(where, "tasks", given, "an array of tasks made by Task.make")
  const names = new Set<string>()
  // Not `map` of the list itself, which passes over holes.
  const tasks = Array.from(given, (task, index) => {
    if (!Task.isTask(task)) return Options.refuse(where, `tasks[${index}]`, task, "a task made by Task.make")
    Options.name(`${where}: tasks[${index}]`, task.name)
    if (names.has(task.name)) {
      Options.refuse(where, `tasks[${index}]`, task.name, "a name that no other task of this supervisor has")
    }
    names.add(task.name)
    return task
  })
  const healthCheck = Options.or(options.healthCheck, {})
  Options.onlyKeys(where, "healthCheck", healthCheck, ["initialDelay", "interval"])
  const fraction = options.maxDeadFraction
  if (fraction !== undefined && !(typeof fraction === "number" && fraction > 0 && fraction <= 1)) {
    Options.refuse(where, "maxDeadFraction", fraction, "a number above 0 and at most 1")
  }
  return {
    name: options.name,
    tasks,
    defaults: Task.decodeOptions(`${where}.defaults`, Options.or(options.defaults, {})),
    eventCapacity: Options.count(where, "eventCapacity", Options.or(options.eventCapacity, 4096), { min: 1 }),
    settings: {
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
}
