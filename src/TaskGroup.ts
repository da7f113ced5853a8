/**
 * Many tasks of one kind: a template, and instances of it that are started while
 * the program runs, each with arguments of its own. OTP calls it
 * simple_one_for_one.
 *
 * A group is a task itself, and has its place in the list of a supervisor: what
 * it runs is a supervisor of its instances. `find` gives the running group, which
 * starts them. `scoped` and `Service` are for a group that stands alone.
 *
 * **Details**
 *
 * Instances have no order, are restarted one by one, and are stopped together,
 * under one timer. An instance that has ended for good (Completed, Stopped, Dead)
 * is gone from the group; its handle still gives the outcome. When the group is
 * restarted, it is empty.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Nesting from "./internal/nesting.ts"
import * as Options from "./internal/options.ts"
import * as Decoding from "./internal/supervisorOptions.ts"
import type { RunningSupervisor, TaskHandle } from "./Supervisor.ts"
import * as Supervisor from "./Supervisor.ts"
import * as SupervisorError from "./SupervisorError.ts"
import * as Task from "./Task.ts"

/**
 * A template of tasks that take `Args`, succeed with `A`, fail with `E` and need
 * `R`; and the task that a group of them is.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskGroup<in Args, out A = unknown, out E = never, out R = never>
  extends Task.Task<void, SupervisorError.SupervisorError<E>, R>
{
  /** An instance's effect. */
  readonly template: (args: Args) => Effect.Effect<A, E, R | Scope.Scope>
}

/**
 * The options of a group: those of the task that it is, and
 *
 * @since 0.1.0
 * @category options
 */
export interface TaskGroupOptions<E, R2 = never, R3 = never>
  extends Task.TaskOptions<SupervisorError.SupervisorError<E>>
{
  /** The options of each instance; in the place of `heartbeat`, `restart` and so on of a task. */
  readonly each?: Omit<Task.TaskOptions<E, R2, R3>, "ready" | "significant" | "version">
  /** How many instances it holds at most, those that wait for a restart included; default: any number. */
  readonly maxTasks?: number
  /** How many restarts of instances it bears, as a supervisor's `intensity`. */
  readonly intensity?: Supervisor.Intensity
  /** As a supervisor's. */
  readonly healthCheck?: { readonly initialDelay?: Duration.Input; readonly interval?: Duration.Input }
  /** As a supervisor's. */
  readonly shutdownTimeout?: Options.DurationOption
  /** As a supervisor's. */
  readonly eventCapacity?: number
}

/**
 * A running group.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningGroup<in Args, out A = unknown, out E = unknown> extends
  Pick<
    RunningSupervisor<E>,
    | "await"
    | "count"
    | "events"
    | "kill"
    | "path"
    | "remove"
    | "restart"
    | "shutdown"
    | "status"
    | "statuses"
    | "stop"
    | "tree"
    | "unstoppable"
    | "which"
  >
{
  /**
   * Starts an instance. Its name is a number of its own unless one is given. Its
   * services are those of the group.
   */
  readonly start: (
    args: Args,
    options?: { readonly name?: string }
  ) => Effect.Effect<
    TaskHandle<A, E>,
    SupervisorError.TaskAlreadyExists | SupervisorError.MaxTasksReached | SupervisorError.SupervisorClosed
  >
}

interface Decoded {
  readonly each: Task.Settings<unknown>
  readonly maxTasks: number
  readonly supervisor: Decoding.Decoded
}

const ownKeys = ["each", "maxTasks", "intensity", "healthCheck", "shutdownTimeout", "eventCapacity"]

/** What an instance has of the options of a task: when it is up, and what its end is to its supervisor, nobody asks. */
const eachKeys = Task.keys.filter((key) => !["ready", "significant", "version"].includes(key))

const decodeEach = (where: string, each: Task.TaskDefaults<unknown, unknown>): Task.Settings<unknown> => {
  Options.onlyKeys(where, "options", each, eachKeys)
  return Task.decodeDefaults(where, each)
}

const decode = (
  where: string,
  { each, eventCapacity, healthCheck, intensity, maxTasks, shutdownTimeout }: TaskGroupOptions<
    unknown,
    unknown,
    unknown
  >
): Decoded => ({
  each: decodeEach(`${where}.each`, Options.or(each, {})),
  maxTasks: Options.count(where, "maxTasks", Options.or(maxTasks, Number.POSITIVE_INFINITY), {
    min: 1,
    infinite: true
  }),
  supervisor: Decoding.decode({
    ...(eventCapacity === undefined ? {} : { eventCapacity }),
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(intensity === undefined ? {} : { intensity }),
    ...(shutdownTimeout === undefined ? {} : { shutdownTimeout })
  }, where)
})

/** A group's template and what was decoded of its options. */
interface Made<in Args, out A, out E, out R> extends TaskGroup<Args, A, E, R> {
  readonly decoded: Decoded
  /** The groups of this value that run now, each with the supervisor that it is a task of. */
  readonly running: Map<RunningGroup<Args, A, E>, RunningSupervisor | undefined>
}

/**
 * Makes a group. Whatever `template` does before it gives an effect is done by
 * the run: what it throws is the run's defect.
 *
 * @throws RangeError for a name that no task may have, and for any option out of
 *   its range.
 * @since 0.1.0
 * @category constructors
 */
export const make = <Args, A, E, R = never, R2 = never, R3 = never>(
  name: string,
  template: (args: Args) => Effect.Effect<A, E, R>,
  options: TaskGroupOptions<NoInfer<E>, R2, R3> = {}
): TaskGroup<Args, A, E, Exclude<R, Scope.Scope> | Task.Known<R2> | R3> => {
  type Needs = Exclude<R, Scope.Scope> | Task.Known<R2> | R3
  Options.name("TaskGroup.make", name)
  const where = `TaskGroup.make(${JSON.stringify(name)})`
  if (typeof template !== "function") {
    Options.refuse(where, "template", template, "a function from arguments to an Effect")
  }
  Options.onlyKeys(where, "options", options, [...Task.keys, ...ownKeys])
  const decoded = decode(where, options as TaskGroupOptions<unknown, unknown, unknown>)
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => !ownKeys.includes(key)))
  const effect: Effect.Effect<void, SupervisorError.SupervisorError<E>, Needs> = Nesting.marked(
    Effect.scoped(
      Effect.flatMap(Effect.suspend(() => scoped(made)), (running) => Effect.asVoid(running.await))
    ) as Effect.Effect<void, SupervisorError.SupervisorError<E>, Needs>
  )
  const made = {
    ...Task.make(name, effect),
    options: Task.decodeOptions(where, own as Task.TaskOptions<SupervisorError.SupervisorError<E>>),
    template: template as Made<Args, A, E, Needs>["template"],
    decoded,
    running: new Map()
  } as Made<Args, A, E, Needs>
  return made
}

/**
 * A group that stands alone, in the current scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const scoped = <Args, A, E, R>(
  group: TaskGroup<Args, A, E, R>
): Effect.Effect<RunningGroup<Args, A, E>, never, R | Scope.Scope> =>
  Effect.contextWith((context: Context.Context<R | Scope.Scope>) => start(group as Made<Args, A, E, R>, context))

const start = Effect.fnUntraced(function*<Args, A, E, R>(
  { decoded, name, running, template }: Made<Args, A, E, R>,
  context: Context.Context<R | Scope.Scope>
) {
  const current = Context.get(context, Supervisor.current)
  const options = { ...decoded.supervisor, name }
  // Nothing is started with it, hence it cannot fail to start.
  const supervisor = yield* Effect.orDie(Supervisor.makeWith<E>(options, context, { maxTasks: decoded.maxTasks }))
  let instances = 0
  const instance = (args: Args, named: string): Task.Task<A, E, R> => ({
    ...Task.make(named, Effect.suspend(() => template(args))),
    options: decoded.each as Task.Settings<R>
  } as Task.Task<A, E, R>)
  const add = (args: Args, named: string) =>
    Effect.suspend(() => Supervisor.addWith(supervisor, instance(args, named), context)) as Effect.Effect<
      TaskHandle<A, E>,
      SupervisorError.TaskAlreadyExists | SupervisorError.MaxTasksReached | SupervisorError.SupervisorClosed
    >
  // A number that somebody has given as a name is passed over.
  const addNumbered = (args: Args): ReturnType<typeof add> =>
    Effect.suspend(() => add(args, String(++instances))).pipe(
      Effect.catchTag("TaskAlreadyExists", () => addNumbered(args))
    )
  const { count, events, kill, path, remove, restart, shutdown, status, statuses, stop, tree, unstoppable, which } =
    supervisor
  const group: RunningGroup<Args, A, E> = {
    path,
    start: (args, given = {}) => given.name === undefined ? addNumbered(args) : add(args, given.name),
    count,
    events,
    kill,
    remove,
    restart,
    shutdown,
    status,
    statuses,
    stop,
    tree,
    unstoppable,
    which,
    await: supervisor.await
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => running.set(group, current?.supervisor)),
    () => Effect.sync(() => running.delete(group))
  )
  return group
})

const isMade = (group: unknown): boolean => Task.isTask(group) && "running" in group

/**
 * The running group of a value, in this supervisor or below it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const find = <Args, A, E, R>(
  supervisor: RunningSupervisor,
  group: TaskGroup<Args, A, E, R>
): Effect.Effect<RunningGroup<Args, A, E>, SupervisorError.TaskNotFound> =>
  Effect.suspend(() => {
    if (!isMade(group)) {
      return Effect.die(
        new RangeError(`TaskGroup.find: the group is ${Options.show(group)}; allowed is one made by TaskGroup.make`)
      )
    }
    for (const [running, above] of (group as Made<Args, A, E, R>).running) {
      if (above !== undefined && Supervisor.isWithin(above, supervisor)) return Effect.succeed(running)
    }
    return Effect.fail(new SupervisorError.TaskNotFound({ supervisor: supervisor.path, task: group.name }))
  })

/**
 * A group service class, with its Layer.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, Args, A, E, R>
  extends Context.ServiceClass<Self, Id, RunningGroup<Args, A, E>>
{
  /** The group, in the Layer's scope. */
  readonly layer: Layer.Layer<Self, never, R>
}

/**
 * Makes a group service: `class Sessions extends
 * TaskGroup.Service<Sessions>()("sessions", (user: User) => serve(user)) {}`.
 *
 * The id is the service's key; its last segment is the group's name.
 *
 * @throws RangeError for any option out of its range.
 * @since 0.1.0
 * @category services
 */
export const Service = <Self>() =>
<const Id extends string, Args, A, E, R = never, R2 = never, R3 = never>(
  id: Id,
  template: (args: Args) => Effect.Effect<A, E, R>,
  options: TaskGroupOptions<NoInfer<E>, R2, R3> = {}
): ServiceClass<Self, Id, Args, A, E, Exclude<R, Scope.Scope> | Task.Known<R2> | R3> => {
  type Needs = Exclude<R, Scope.Scope> | Task.Known<R2> | R3
  const tag = Context.Service<Self, RunningGroup<Args, A, E>>()(id)
  const group = make<Args, A, E, R, R2, R3>(id.slice(id.lastIndexOf("/") + 1), template, options)
  return Object.assign(tag, {
    layer: Layer.effect(tag)(scoped(group)) as unknown as Layer.Layer<Self, never, Needs>
  })
}
