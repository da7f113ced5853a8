/**
 * Owns tasks: starts them, sees each run live or die, restarts it by its
 * policy, gives up when the policy says so, and shows and controls all of it.
 *
 * A supervisor lives in a scope. Closing the scope stops everything it
 * supervises, in reverse start order, each run within its `stopTimeout`. The
 * scope alone decides: dropping a reference does nothing.
 *
 * - `run` is a supervisor as an effect, which is why it can be a task itself.
 * - `make` is one in the current scope.
 * - `layer` and `Service` are for applications made of Layers; `layerTask`
 *   contributes tasks to them, `launch` runs them.
 *
 * **Gotchas**
 *
 * - Commands are answered when what they ask for has happened. Interrupting the
 *   caller ends the waiting, not the command.
 * - What a later command about the same task overtakes fails with
 *   `CommandSuperseded`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { CurrentRun } from "./internal/currentRun.ts"
import * as Loop from "./internal/loop.ts"
import * as Nesting from "./internal/nesting.ts"
import * as Options from "./internal/options.ts"
import { Run } from "./internal/run.ts"
import * as Supervising from "./internal/supervising.ts"
import * as Decoding from "./internal/supervisorOptions.ts"
import type { CommandName } from "./internal/words.ts"
import type * as SupervisorError from "./SupervisorError.ts"
import type { SupervisorEvent } from "./SupervisorEvent.ts"
import * as Task from "./Task.ts"
import type * as Shown from "./TaskStatus.ts"
import type { FinalReport, TaskStatus, UnstoppableRun } from "./TaskStatus.ts"

/**
 * What a command about a named task can fail with, beside its own reasons.
 *
 * @since 0.1.0
 * @category models
 */
export type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed

/**
 * What starting a task can fail with. One that stands in a line of tasks is
 * started in its turn, and until then a later command may overtake the start.
 *
 * @since 0.1.0
 * @category models
 */
export type Unstarted = Unreachable | SupervisorError.TaskAlreadyRunning | SupervisorError.CommandSuperseded

/**
 * What a command that waits for a run to end can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded

/**
 * A running supervisor. `E` is the union of the errors of the tasks it was made
 * with.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningSupervisor<out E = unknown> {
  /** The path: `name`, or below the task it runs in, `root/ingest`. */
  readonly path: string
  /** Adds a task and starts it. Its services are taken from the caller, now. */
  readonly add: <A, TE, R>(
    task: Task.Task<A, TE, R>
  ) => Effect.Effect<TaskHandle<A, TE>, SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed, R>
  /** The typed handle of a task that is here: a listed one, or one added elsewhere. It must be the same value. */
  readonly handle: <A, TE, R>(task: Task.Task<A, TE, R>) => Effect.Effect<TaskHandle<A, TE>, Unreachable>
  // Commands and `status` take the name of a task here, or the path of one below: `ingest/consumer` from here, or
  // `root/ingest/consumer` in full, as statuses have it. What can be read as either is the full one.
  /**
   * Starts a task that is not running; one that waits for its restart is started
   * now, and with it the siblings that wait as one with it. Attempts are
   * forgotten.
   */
  readonly start: (task: string) => Effect.Effect<void, Unstarted>
  /** Ends the run, if there is one, and begins a new one; answered when that has begun. Attempts are forgotten. */
  readonly restart: (task: string) => Effect.Effect<void, Unended>
  /** Ends the run within its `stopTimeout`, or cancels the restart that is due. Completed and Dead stay as they are. */
  readonly stop: (task: string) => Effect.Effect<void, Unended>
  /** As `stop`, without grace where there is any to withhold; the task is then Dead. */
  readonly kill: (task: string) => Effect.Effect<void, Unended>
  /** Kills the task and forgets it: the name is free again. */
  readonly remove: (task: string) => Effect.Effect<void, Unended>
  readonly status: (task: string) => Effect.Effect<TaskStatus, Unreachable>
  /** The statuses of its own tasks at one moment, in start order. */
  readonly statuses: Effect.Effect<ReadonlyArray<TaskStatus>, SupervisorError.SupervisorClosed>
  /** Its own tasks in start order, each with what it is and how it stands. */
  readonly which: Effect.Effect<ReadonlyArray<Child>, SupervisorError.SupervisorClosed>
  /** How many tasks of its own it has. */
  readonly count: Effect.Effect<Count, SupervisorError.SupervisorClosed>
  /** The same of the whole tree: its own tasks and those of the supervisors below. */
  readonly tree: SupervisorTree
  /**
   * Takes over other options while it runs; answered when all that follows from
   * them is done. An option that is left out stays as it is, one that is
   * `undefined` has its default again. Of a new list of tasks, one that is the
   * same value, or has the same `version`, keeps its run; one that is gone is
   * removed, and one that is another is stopped, in reverse order; then those
   * and the new ones are started, in the order of the list, also what was
   * Completed, Stopped or Dead, and a temporary one that had ended and was gone.
   * Tasks that were added while it ran stay, with the defaults that they were
   * added with. Options of a task hold from its next run on; under another policy,
   * or under other defaults that it takes its policy from, its schedule begins
   * anew. A restart that waits for its time is brought along when something is
   * stopped or started, and left alone otherwise.
   *
   * Nothing is changed when it fails with `InvalidOptions` or `TaskAlreadyExists`
   * (an added task has that name, or one whose removal is still under way).
   * `TaskUnstoppable`: all is done but for that run, and that is done when it ends.
   */
  readonly reconfigure: <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
    options: ReconfigureOptions<Tasks, R2, R3>
  ) => Effect.Effect<void, SupervisorError.ReconfigureError, Services<Tasks, R2, R3>>
  /**
   * A snapshot, then every event after it, without gap or repeat; ends with the
   * supervisor. A subscriber that is more than `eventCapacity` behind loses the
   * oldest and is told how many.
   */
  readonly events: Stream.Stream<SupervisorEvent>
  /** The runs in the whole tree that have been asked to end, and have not within their bound. */
  readonly unstoppable: Effect.Effect<ReadonlyArray<UnstoppableRun>>
  /** Stops everything in reverse start order; answered when that is done. Again is no error. */
  readonly shutdown: Effect.Effect<void>
  /** How it ended. Any number may wait, also after the end. */
  readonly await: Effect.Effect<FinalReport, SupervisorError.SupervisorError<E>>
}

/**
 * A task in a supervisor, typed. It belongs to this entry: when the task was
 * removed, and even if the name was given anew, commands fail with
 * `TaskNotFound`, while `await` still gives the outcome.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskHandle<out A, out E> {
  readonly name: string
  readonly path: string
  /**
   * Waits until the task is Completed (its value), Stopped, or Dead (with its
   * typed cause). At once when it is; a task that was started again is waited
   * for again.
   */
  readonly await: Effect.Effect<A, SupervisorError.TaskDead<E> | SupervisorError.TaskStopped>
  readonly status: Effect.Effect<TaskStatus, Unreachable>
  /**
   * The status now, then the newest one after each change: who reads slowly sees
   * fewer of them, never an old one last. Ends when the task is removed or the
   * supervisor has ended.
   */
  readonly changes: Stream.Stream<TaskStatus>
  readonly start: Effect.Effect<void, Unstarted>
  readonly restart: Effect.Effect<void, Unended>
  readonly stop: Effect.Effect<void, Unended>
  readonly kill: Effect.Effect<void, Unended>
  readonly remove: Effect.Effect<void, Unended>
}

/**
 * A task as its supervisor sees it.
 *
 * @since 0.1.0
 * @category models
 */
export type Child = Shown.Child

/**
 * How many tasks a supervisor has.
 *
 * @since 0.1.0
 * @category models
 */
export type Count = Shown.Count

/**
 * A supervisor and all below it: each task, and after it those of a supervisor
 * within it, as far as it runs or has not been followed by another.
 *
 * @since 0.1.0
 * @category models
 */
export interface SupervisorTree {
  readonly statuses: Effect.Effect<ReadonlyArray<TaskStatus>, SupervisorError.SupervisorClosed>
  readonly which: Effect.Effect<ReadonlyArray<Child>, SupervisorError.SupervisorClosed>
  readonly count: Effect.Effect<Count, SupervisorError.SupervisorClosed>
  /**
   * A snapshot of each supervisor, then every event of all of them in one order,
   * also of those that are made later. Events keep the number that their own
   * supervisor has given them. Ends with the topmost one. `EventsMissed` counts
   * those of the whole tree.
   */
  readonly events: Stream.Stream<SupervisorEvent>
}

/**
 * Which siblings a restart takes along: none, all, or those started later. They
 * are stopped in reverse start order, wait as one for the restart, and are
 * started in start order. What is Completed, Stopped or Dead is left as it is.
 *
 * @since 0.1.0
 * @category options
 */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one"

/**
 * How many restarts a supervisor bears: more than `restarts` within any period
 * of `within` are too many. A restart that takes siblings along is one; those
 * asked for by name are none. Then it gives up with `TooManyRestarts`
 * (`"giveUp"`, the default), or pauses (`"pause"`): nothing is restarted for
 * `within`, and what is due then begins at random moments over a quarter of
 * it; the count begins anew.
 *
 * @since 0.1.0
 * @category options
 */
export interface Intensity {
  /** 0 or more; with `"pause"` 1 or more. */
  readonly restarts: number
  readonly within: Duration.Input
  readonly whenExceeded?: "giveUp" | "pause"
}

/**
 * What a running supervisor may be reconfigured to: all but `name` and
 * `eventCapacity`.
 *
 * @since 0.1.0
 * @category options
 */
export type ReconfigureOptions<Tasks extends ReadonlyArray<Task.Task.Any>, R2 = never, R3 = never> = {
  readonly [K in keyof Omit<SupervisorOptions<Tasks, R2, R3>, "name" | "eventCapacity">]?:
    | SupervisorOptions<Tasks, R2, R3>[K]
    | undefined
}

/**
 * The options of a supervisor.
 *
 * @since 0.1.0
 * @category options
 */
export interface SupervisorOptions<Tasks extends ReadonlyArray<Task.Task.Any>, R2 = never, R3 = never> {
  /**
   * One segment of the path; default `"supervisor"`. Inside a task the path is
   * the task's own, and a name that is not the task's is a segment more; of
   * several supervisors in one run that would have one path, the second has a
   * `2` behind it, and so on.
   */
  readonly name?: string
  /** Started one after another, in this order, each as the one before is up; names are unique. */
  readonly tasks?: Tasks
  /** Defaults for every task that does not say otherwise, added ones too. */
  readonly defaults?: Task.TaskDefaults<R2, R3>
  /** Which siblings a restart takes along; default `"one-for-one"`: none. */
  readonly strategy?: Strategy
  /** How many restarts it bears; default: any number, each task's policy being its own bound. */
  readonly intensity?: Intensity
  /**
   * Ends the supervisor, well, when any significant task has ended by itself, or
   * when the last one has: Completed, or Dead without having been killed. What is
   * stopped by command or for a sibling's restart does not count as an end.
   * Default `"never"`.
   */
  readonly autoShutdown?: "never" | "any-significant" | "all-significant"
  /**
   * When silence or failed probes become a verdict (a task's own
   * `startupTimeout` apart): not before `initialDelay` (default 3 s)
   * after the supervisor's start, and no more than `interval` (default 200 ms)
   * late. While anything is watched, the loop turns at least every `interval`
   * to measure its own stalls.
   */
  readonly healthCheck?: { readonly initialDelay?: Duration.Input; readonly interval?: Duration.Input }
  /**
   * Gives up with `TooManyDeadTasks` when the share of dead tasks reaches this
   * fraction, above 0 and at most 1. Killed tasks count as dead; completed and
   * stopped ones only in the total. Checked at each death; taking a task out is
   * none. Default: no limit.
   */
  readonly maxDeadFraction?: number
  /**
   * `"end"`: the supervisor ends when no task is left that could run by itself,
   * each being Completed or Dead; a supervisor without tasks goes on. Default
   * `"stay"`.
   */
  readonly whenAllCompleted?: "stay" | "end"
  /**
   * A bound on stopping everything, over and above the sum of the tasks' own;
   * past it the rest is told to end at once, and what does not within some turns
   * of the event loop is reported.
   * Default: none.
   */
  readonly shutdownTimeout?: Options.DurationOption
  /** How many events a subscriber may be behind before it loses the oldest; default 4096. */
  readonly eventCapacity?: number
}

/**
 * What a supervisor needs: the services of its tasks and defaults.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<Tasks extends ReadonlyArray<Task.Task.Any>, R2 = never, R3 = never> =
  | Task.Task.Services<Tasks[number]>
  | R2
  | R3

/**
 * What the start of a supervisor can fail with: it gives up before all of its
 * tasks are up. Without tasks it cannot.
 *
 * @since 0.1.0
 * @category models
 */
export type StartError<Tasks extends ReadonlyArray<Task.Task.Any>> = Tasks extends readonly [] ? never
  : SupervisorError.SupervisorError<Task.Task.Error<Tasks[number]>>

/**
 * A supervisor in the current scope. Its tasks are started one after another, in
 * the order of the list; it is up when the last one is. A task is up when its run
 * has begun, or, with `ready: "first-beat"`, when it has shown life. When it gives
 * up before, it has stopped what it had started, in reverse order, and fails as
 * `await` would.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category constructors
 */
export const make = <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
  options: SupervisorOptions<Tasks, R2, R3> = {}
): Effect.Effect<
  RunningSupervisor<Task.Task.Error<Tasks[number]>>,
  StartError<Tasks>,
  Services<Tasks, R2, R3> | Scope.Scope
> => {
  const decoded = Decoding.decode(options)
  return Effect.contextWith((context: Context.Context<Services<Tasks, R2, R3> | Scope.Scope>) =>
    makeWith<Task.Task.Error<Tasks[number]>>(decoded, context) as Effect.Effect<
      RunningSupervisor<Task.Task.Error<Tasks[number]>>,
      StartError<Tasks>,
      Scope.Scope
    >
  )
}

const notATask = (command: "add" | "handle", task: unknown): RangeError =>
  new RangeError(`Supervisor.${command}: the task is ${Options.show(task)}; allowed is a task made by Task.make`)

/**
 * What `make` and `TaskGroup` make supervisors with.
 *
 * @internal
 */
export const makeWith = Effect.fnUntraced(function*<E>(
  options: Decoding.Decoded,
  context: Context.Context<never>,
  group: { readonly maxTasks: number } | undefined = undefined
): Effect.fn.Return<RunningSupervisor<E>, SupervisorError.SupervisorError, Scope.Scope> {
  const run = Context.get(context, CurrentRun)
  const parent = run instanceof Run && run.isRunning ? run : undefined
  const wanted = pathUnder(run, options.name)
  const path = parent === undefined ? wanted : parent.pathFor(wanted)
  const own = Supervising.captured(context)
  const observing = Scope.makeUnsafe()
  // One finalizer, there before anything can go wrong: whatever becomes of the making, the loop is ended by it.
  const loop = yield* Effect.acquireRelease(
    Loop.make({
      path,
      parent,
      context: own,
      settings: { ...options.settings, group },
      expected: options.tasks.length,
      eventCapacity: options.eventCapacity
    }),
    (loop) => Effect.andThen(Supervising.end(loop), Scope.close(observing, Exit.void))
  )
  const supervising = new Supervising.Supervising({
    path,
    loop,
    defaults: options.defaults,
    context: own
  })
  const supervisor = faceOf<E>(supervising)
  loop.interpreter.tree.supervisor = supervisor
  adders.set(supervisor, (task, services) => supervising.add(task, services, true))
  if (parent !== undefined) {
    above.set(supervisor, parent.supervisor as RunningSupervisor)
    parent.attach(loop.interpreter.tree)
  }

  const observer = Context.get(context, Observer)
  if (observer !== undefined && run === undefined) {
    // In a fiber of its own: what it is given may be no Effect, for all its type.
    const observed = yield* Effect.forkChild(
      Effect.provideService(Effect.suspend(() => observer(supervisor)), Scope.Scope, observing),
      { startImmediately: true }
    )
    yield* Effect.catchCause(Effect.flatten(Fiber.await(observed)), Effect.logWithLevel("Error"))
  }
  yield* supervising.start(options.tasks)
  // The run that it is made in is up when it is.
  parent?.beat()
  return supervisor
})

/** What a supervisor can be asked, with the types of its tasks. */
const faceOf = <E>(supervising: Supervising.Supervising): RunningSupervisor<E> => {
  const { interpreter, path } = supervising
  const named = <Name extends CommandName>(name: Name): RunningSupervisor[Name] => {
    const here = (task: string) => supervising.command(name, { name: task, id: undefined })
    const below = (supervisor: RunningSupervisor, task: string) => supervisor[name](task)
    return ((task) => supervising.reach(name, task, here, below)) as RunningSupervisor[Name]
  }
  const statusHere = (name: string) => supervising.status({ name, id: undefined })
  const statusBelow = (supervisor: RunningSupervisor, task: string) => supervisor.status(task)
  return {
    path,
    add: <A, TE, R>(task: Task.Task<A, TE, R>) =>
      Effect.contextWith((services: Context.Context<R>) =>
        Task.isTask(task) ? supervising.add(task, services) : Effect.die(notATask("add", task))
      ) as Effect.Effect<
        TaskHandle<A, TE>,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        R
      >,
    handle: <A, TE, R>(task: Task.Task<A, TE, R>) =>
      (Task.isTask(task) ? supervising.handle(task) : Effect.die(notATask("handle", task))) as Effect.Effect<
        TaskHandle<A, TE>,
        Unreachable
      >,
    start: named("start"),
    restart: named("restart"),
    stop: named("stop"),
    kill: named("kill"),
    remove: named("remove"),
    status: (task) => supervising.reach("status", task, statusHere, statusBelow),
    statuses: supervising.read(() => Exit.succeed(interpreter.tree.ownStatuses())),
    which: supervising.read(() => Exit.succeed(interpreter.tree.ownChildren())),
    count: supervising.read(() => Exit.succeed(interpreter.tree.ownCount())),
    tree: {
      statuses: supervising.read(() => Exit.succeed(interpreter.tree.statuses())),
      which: supervising.read(() => Exit.succeed(interpreter.tree.children())),
      count: supervising.read(() => Exit.succeed(interpreter.tree.count())),
      events: supervising.treeEvents
    },
    reconfigure: ((change) => supervising.reconfigure(change)) as RunningSupervisor["reconfigure"],
    events: supervising.events,
    unstoppable: Effect.sync(() => interpreter.tree.unstoppable()),
    shutdown: supervising.shutdown,
    await: supervising.ended as Effect.Effect<FinalReport, SupervisorError.SupervisorError<E>>
  }
}

/** A task's own path, and a segment more for a supervisor that has a name of its own. */
const pathUnder = (run: { readonly path: string; readonly task: string } | undefined, name: string | undefined) => {
  if (run === undefined) return Options.or(name, "supervisor")
  return name === undefined || name === run.task ? run.path : `${run.path}/${name}`
}

type Add = (
  task: Task.Task<unknown, unknown, unknown>,
  services: Context.Context<never>
) => Effect.Effect<TaskHandle<unknown, unknown>, SupervisorError.CommandError>

const adders = new WeakMap<RunningSupervisor, Add>()

/**
 * Starts an instance of a group's template, with the group's services.
 *
 * @internal
 */
export const addWith: (supervisor: RunningSupervisor, ...args: Parameters<Add>) => ReturnType<Add> = (
  supervisor,
  task,
  services
) => adders.get(supervisor)!(task, services)

const above = new WeakMap<RunningSupervisor, RunningSupervisor>()

/**
 * Whether a supervisor is the other one, or somewhere below it.
 *
 * @internal
 */
export const isWithin = (supervisor: RunningSupervisor, other: RunningSupervisor): boolean => {
  let next: RunningSupervisor | undefined = supervisor
  while (next !== undefined && next !== other) next = above.get(next)
  return next !== undefined
}

/**
 * A supervisor as an effect: runs until it is shut down, all its tasks have
 * completed (`whenAllCompleted: "end"`), or it gives up, with the typed cause.
 * Interrupting it stops everything it supervises first.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category constructors
 */
export const run = <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
  options: SupervisorOptions<Tasks, R2, R3>
): Effect.Effect<void, SupervisorError.SupervisorError<Task.Task.Error<Tasks[number]>>, Services<Tasks, R2, R3>> => {
  const made = make(options)
  return Nesting.marked(
    Effect.scoped(Effect.flatMap(made, (supervisor) => Effect.asVoid(supervisor.await))) as Effect.Effect<
      void,
      SupervisorError.SupervisorError<Task.Task.Error<Tasks[number]>>,
      Services<Tasks, R2, R3>
    >
  )
}

// ---------------------------------------------------------------------------------------------------------------------
// services and layers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The plain service: one supervisor for an application that needs no more. See
 * `Service` for one of your own.
 *
 * @since 0.1.0
 * @category services
 */
export class Supervisor
  extends /*#__PURE__*/ Context.Service<Supervisor, RunningSupervisor>()("effect-supervisor/Supervisor")
{}

/**
 * The plain service, in the Layer's scope.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category layers
 */
export const layer = <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
  options: SupervisorOptions<Tasks, R2, R3> = {}
): Layer.Layer<Supervisor, StartError<Tasks>, Exclude<Services<Tasks, R2, R3>, Scope.Scope>> =>
  layerOf<Supervisor, unknown, StartError<Tasks>, Services<Tasks, R2, R3> | Scope.Scope>(Supervisor, make(options))

const layerTaskFor = <Self>(tag: Context.Key<Self, RunningSupervisor>) =>
<A, E, R>(
  task: Task.Task<A, E, R>
): Layer.Layer<
  never,
  SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
  Self | Exclude<R, Scope.Scope>
> =>
  Layer.effectDiscard(Effect.flatMap(tag, (supervisor) =>
    Effect.acquireRelease(
      supervisor.add(task),
      // A run that does not end is reported by its supervisor; a task or supervisor that is gone is what was wanted. Who
      // overtakes the removal does not keep the task: its services are about to close.
      (handle) => Effect.ignore(Effect.retry(handle.remove, { while: (error) => error._tag === "CommandSuperseded" }))
    )))

/**
 * Contributes a task to the plain service: added when the Layer is built, with
 * the services the Layer has, and removed when its scope closes, before those
 * services are.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTask: <A, E, R>(
  task: Task.Task<A, E, R>
) => Layer.Layer<
  never,
  SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
  Supervisor | Exclude<R, Scope.Scope>
> = /*#__PURE__*/ layerTaskFor(Supervisor)

/**
 * Builds an application's Layer and runs until its supervisor ends. Fails with
 * the supervisor's error when it gives up; interrupting it closes the Layer's
 * scope, which stops everything in order.
 *
 * @since 0.1.0
 * @category running
 */
export const launch = <Self, E, Out, LE, LR>(
  tag: Context.Key<Self, RunningSupervisor<E>>,
  main: Layer.Layer<Self | Out, LE, LR>
): Effect.Effect<void, SupervisorError.SupervisorError<E> | LE, LR> =>
  Effect.scoped(Effect.suspend(() => {
    // The supervisor may give up before the whole Layer is built: that is what counts, and why is not to be lost.
    const up = Deferred.makeUnsafe<RunningSupervisor>()
    const built = Effect.provideService(Layer.build(main), Built, (key, supervisor) => {
      if (key === tag.key) Deferred.doneUnsafe(up, Exit.succeed(supervisor))
    })
    // A good end is left to the build: it is also what follows when the build fails and takes the supervisor down.
    const ended = Effect.andThen(Effect.flatMap(Deferred.await(up), (supervisor) => supervisor.await), Effect.never)
    const whenBuilt = Effect.flatMap(built, (services) => Context.get(services, tag).await)
    return Effect.asVoid(Effect.raceFirst(ended, whenBuilt))
  })) as Effect.Effect<void, SupervisorError.SupervisorError<E> | LE, LR>

/** Told of every supervisor that a Layer makes, by the key of its service. */
const Built = /*#__PURE__*/ Context.Reference<((key: string, supervisor: RunningSupervisor) => void) | undefined>(
  "effect-supervisor/Supervisor/Built",
  { defaultValue: () => undefined }
)

const layerOf = <Self, E, SE, R>(
  tag: Context.Key<Self, RunningSupervisor<E>>,
  made: Effect.Effect<RunningSupervisor<E>, SE, R>
): Layer.Layer<Self, SE, Exclude<R, Scope.Scope>> =>
  Layer.effect(tag)(
    Effect.tap(made, (supervisor) =>
      Effect.withFiber((fiber) => {
        fiber.getRef(Built)?.(tag.key, supervisor)
        return Effect.void
      }))
  )

/**
 * A supervisor service class, with its Layers as static members.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, E, R, StartE = SupervisorError.SupervisorError<E>>
  extends Context.ServiceClass<Self, Id, RunningSupervisor<E>>
{
  /** The supervisor, in the Layer's scope. */
  readonly layer: Layer.Layer<Self, StartE, Exclude<R, Scope.Scope>>
  /** Contributes a task, as the module's `layerTask` does. */
  readonly layerTask: <A, TE, TR>(
    task: Task.Task<A, TE, TR>
  ) => Layer.Layer<
    never,
    SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
    Self | Exclude<TR, Scope.Scope>
  >
  /** `Supervisor.launch` of this class. */
  readonly launch: <Out, LE, LR>(
    main: Layer.Layer<Self | Out, LE, LR>
  ) => Effect.Effect<void, SupervisorError.SupervisorError<E> | LE, LR>
}

/**
 * Makes a supervisor service:
 * `class App extends Supervisor.Service<App>()("app", { tasks }) {}`.
 *
 * The id is the service's key; its last segment is the supervisor's name unless
 * the options give another.
 *
 * **Gotchas**
 *
 * A task that names the class of its own supervisor is circular (TS2506). Code
 * inside a run finds its supervisor by `Supervisor.current`.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category services
 */
export const Service = <Self>() =>
<
  const Id extends string,
  const Tasks extends ReadonlyArray<Task.Task.Any> = [],
  R2 = never,
  R3 = never
>(
  id: Id,
  options: SupervisorOptions<Tasks, R2, R3> = {}
): ServiceClass<Self, Id, Task.Task.Error<Tasks[number]>, Services<Tasks, R2, R3>, StartError<Tasks>> => {
  type E = Task.Task.Error<Tasks[number]>
  const tag = Context.Service<Self, RunningSupervisor<E>>()(id)
  return Object.assign(tag, {
    layer: layerOf(tag, make({ name: id.slice(id.lastIndexOf("/") + 1), ...options })),
    layerTask: layerTaskFor<Self>(tag),
    launch: <Out, LE, LR>(main: Layer.Layer<Self | Out, LE, LR>) => launch(tag, main)
  })
}

/**
 * Sees every supervisor that is made under it outside of a task, before its
 * tasks are added: whoever subscribes to its events then misses none. What the
 * effect forks in its scope outlives the supervisor until it has read the last
 * event, and is interrupted then. What the effect dies with is logged. This is how a command line or a dashboard
 * looks at a supervisor that an application makes.
 *
 * @since 0.1.0
 * @category references
 */
export const Observer = Context.Reference<
  ((supervisor: RunningSupervisor) => Effect.Effect<void, never, Scope.Scope>) | undefined
>("effect-supervisor/Supervisor/Observer", { defaultValue: () => undefined })

/**
 * What a run can know of itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface CurrentTask {
  readonly supervisor: RunningSupervisor
  readonly task: string
  /** The path of the task; a supervisor made inside the run has its place below it. */
  readonly path: string
  readonly generation: number
  readonly attempt: number
}

/**
 * The run that this code is part of, child fibers included; `undefined` outside
 * of one.
 *
 * @since 0.1.0
 * @category references
 */
export const current = CurrentRun as Context.Reference<CurrentTask | undefined>
