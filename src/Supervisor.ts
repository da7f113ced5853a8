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
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Bulletin from "./internal/bulletin.ts"
import { CurrentRun } from "./internal/currentRun.ts"
import type { Handled } from "./internal/handle.ts"
import { Handle } from "./internal/handle.ts"
import type { Command } from "./internal/inbox.ts"
import * as Loop from "./internal/loop.ts"
import * as Options from "./internal/options.ts"
import type { Settlement, Supervised } from "./internal/run.ts"
import * as SettingsOf from "./internal/settings.ts"
import type { CommandName, Target } from "./internal/state.ts"
import * as Decoding from "./internal/supervisorOptions.ts"
import * as Waiters from "./internal/waiters.ts"
import type * as SupervisorError from "./SupervisorError.ts"
import type { SupervisorEvent } from "./SupervisorEvent.ts"
import * as Task from "./Task.ts"
import type { FinalReport, TaskStatus, UnstoppableRun } from "./TaskStatus.ts"

/**
 * What a command about a named task can fail with, beside its own reasons.
 *
 * @since 0.1.0
 * @category models
 */
export type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed

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
  /** Starts a task that is not running; one that waits for its restart is started now. Attempts are forgotten. */
  readonly start: (task: string) => Effect.Effect<void, Unreachable | SupervisorError.TaskAlreadyRunning>
  /** Ends the run, if there is one, and begins a new one; answered when that has begun. Attempts are forgotten. */
  readonly restart: (task: string) => Effect.Effect<void, Unended>
  /** Ends the run within its `stopTimeout`, or cancels the restart that is due. Completed and Dead stay as they are. */
  readonly stop: (task: string) => Effect.Effect<void, Unended>
  /** As `stop`, without grace where there is any to withhold; the task is then Dead. */
  readonly kill: (task: string) => Effect.Effect<void, Unended>
  /** Kills the task and forgets it: the name is free again. */
  readonly remove: (task: string) => Effect.Effect<void, Unended>
  readonly status: (task: string) => Effect.Effect<TaskStatus, Unreachable>
  /** The statuses of all tasks at one moment, in start order. */
  readonly statuses: Effect.Effect<ReadonlyArray<TaskStatus>, SupervisorError.SupervisorClosed>
  /**
   * A snapshot, then every event after it, without gap or repeat; ends with the
   * supervisor. A subscriber that is more than `eventCapacity` behind loses the
   * oldest and is told how many.
   */
  readonly events: Stream.Stream<SupervisorEvent>
  /** The runs that have been asked to end, and have not within their bound. */
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
  readonly start: Effect.Effect<void, Unreachable | SupervisorError.TaskAlreadyRunning>
  readonly restart: Effect.Effect<void, Unended>
  readonly stop: Effect.Effect<void, Unended>
  readonly kill: Effect.Effect<void, Unended>
  readonly remove: Effect.Effect<void, Unended>
}

/**
 * The options of a supervisor.
 *
 * @since 0.1.0
 * @category options
 */
export interface SupervisorOptions<Tasks extends ReadonlyArray<Task.Task.Any>, R2 = never, R3 = never> {
  /** One segment of the path; default `"supervisor"`, or, inside a task, that task's own path. */
  readonly name?: string
  /** Started one after another, in this order; names are unique. */
  readonly tasks?: Tasks
  /** Defaults for every task that does not say otherwise, added ones too. */
  readonly defaults?: Task.TaskOptions<unknown, R2, R3>
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
 * A supervisor in the current scope. It is up when the last listed task's run
 * has begun.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category constructors
 */
export const make = <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
  options: SupervisorOptions<Tasks, R2, R3> = {}
): Effect.Effect<
  RunningSupervisor<Task.Task.Error<Tasks[number]>>,
  never,
  Services<Tasks, R2, R3> | Scope.Scope
> => {
  const decoded = Decoding.decode(options)
  return Effect.contextWith((context: Context.Context<Services<Tasks, R2, R3> | Scope.Scope>) =>
    makeWith<Task.Task.Error<Tasks[number]>>(decoded, context)
  )
}

const notATask = (task: unknown): RangeError =>
  new RangeError(`Supervisor.add: the task is ${Options.show(task)}; allowed is a task made by Task.make`)

const notAName = (command: CommandName, name: unknown): RangeError =>
  new RangeError(`Supervisor.${command}: the task is ${Options.show(name)}; allowed is the name of a task`)

const shutdownCommand: Command = { _tag: "Command", event: { _tag: "Shutdown" }, task: undefined }

/** The number of a reply that nobody waits for. */
const unasked = 0

const known = new WeakMap<Context.Context<never>, Context.Context<never>>()

/** The adder's services and references, without what belongs to the adder alone; the same for all tasks of one adder. */
const captured = <R>(context: Context.Context<R>): Context.Context<never> => {
  const whole: Context.Context<never> = context
  const before = known.get(whole)
  if (before !== undefined) return before
  const kept = Context.omit(Scope.Scope, Tracer.ParentSpan, References.CurrentStackFrame)(context)
  known.set(whole, kept)
  return kept
}

/** A span around a command, where a tracer is installed to see it: one that nobody sees costs a quarter of a restart. */
const traced = <A, E>(
  command: Effect.Effect<A, E>,
  name: string,
  attributes: Record<string, unknown>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) =>
    fiber.cache.tracer === undefined
      ? command
      : Effect.withSpan(command, name, { attributes, captureStackTrace: false })
  )

const makeWith = Effect.fnUntraced(function*<E>(
  options: Decoding.Decoded,
  context: Context.Context<never>
): Effect.fn.Return<RunningSupervisor<E>, never, Scope.Scope> {
  const parent = Context.get(context, CurrentRun)
  const path = parent === undefined
    ? Options.or(options.name, "supervisor")
    : options.name === undefined
    ? parent.path
    : `${parent.path}/${options.name}`
  const own = captured(context)
  const observing = Scope.makeUnsafe()
  // One finalizer, there before anything can go wrong: whatever becomes of the making, the loop is ended by it.
  const loop = yield* Effect.acquireRelease(
    Loop.make({ path, context: own, settings: options.settings, expected: options.tasks.length }),
    ({ interpreter, over, send }) =>
      Effect.sync(() => send(shutdownCommand)).pipe(
        Effect.andThen(over),
        Effect.andThen(Bulletin.drain(interpreter.reporter.bulletin)),
        Effect.andThen(Scope.close(observing, Exit.void))
      )
  )
  const { interpreter } = loop

  // Which refusals a command can meet is known from the table of commands; the loop itself answers with any of them.
  const command = <Refusal>(name: CommandName, target: Target): Effect.Effect<void, Refusal> =>
    traced(
      loop.ask((reply) => ({
        _tag: "Command",
        event: { _tag: "Command", reply, command: name, target },
        task: undefined
      })),
      `Supervisor.${name}`,
      { supervisor: path, task: target.name }
    ) as Effect.Effect<void, Refusal>
  const named = <Refusal>(name: CommandName) => (task: string): Effect.Effect<void, Refusal> =>
    typeof task === "string" ? command(name, { name: task, id: undefined }) : Effect.die(notAName(name, task))

  const merged = SettingsOf.merger(options.defaults)
  const prepare = (
    task: Task.Task<unknown, unknown, unknown>,
    services: Context.Context<never>,
    listed: boolean
  ): Supervised => {
    const supervised: Supervised = {
      id: loop.nextId(),
      name: task.name,
      supervisor,
      listed,
      effect: task.effect as Supervised["effect"],
      context: services,
      options: merged(task.options),
      run: undefined,
      step: undefined,
      question: undefined,
      settled: undefined,
      settlement: undefined,
      waiters: undefined,
      shown: undefined
    }
    return supervised
  }
  /** What the defaults need was given to `make`; whoever adds a task that uses them need not have it. */
  const withDefaults = (task: Task.Task<unknown, unknown, unknown>, services: Context.Context<never>) => {
    const { heartbeat, restart } = task.options
    const leansOnDefaults = (restart === undefined && options.defaults.restart !== undefined) ||
      (heartbeat === undefined && options.defaults.heartbeat !== undefined)
    return leansOnDefaults ? Context.merge(own, services) : services
  }
  const adding = (task: Supervised) => (reply: number): Command => ({
    _tag: "Command",
    event: { _tag: "Add", reply, listed: task.listed, id: task.id, name: task.name, settings: task.options.deciding },
    task
  })

  const handle = <A, TE>(supervised: Supervised): TaskHandle<A, TE> => new Handle<A, TE>(handled, supervised)

  const statusOf = (target: Target): Exit.Exit<TaskStatus, Unreachable> => {
    const entry = interpreter.state.names.get(target.name)
    return entry === undefined || (target.id !== undefined && entry.id !== target.id)
      ? Exit.fail(interpreter.notFound(target.name))
      : Exit.succeed(interpreter.statusOf(entry))
  }

  const read = <A, F>(
    look: () => Exit.Exit<A, F>
  ): Effect.Effect<A, F | SupervisorError.SupervisorClosed> =>
    Effect.suspend((): Exit.Exit<A, F | SupervisorError.SupervisorClosed> =>
      interpreter.state.closed ? Exit.fail(interpreter.closedError()) : look()
    )

  const events = Bulletin.subscribe<SupervisorEvent>(
    interpreter.reporter.bulletin,
    options.eventCapacity,
    (sequence) => ({
      _tag: "Snapshot",
      sequence,
      time: loop.time.wall(loop.time.now()),
      supervisor: path,
      statuses: interpreter.statuses()
    }),
    ({ sequence, supervisor, time }, missed) => ({
      _tag: "EventsMissed",
      sequence: sequence - 1,
      time,
      supervisor,
      missed
    })
  )

  const changesOf = (target: Target): Stream.Stream<TaskStatus> =>
    events.pipe(
      Stream.filter((event) => !("task" in event) || event.task === target.name),
      Stream.map(() => ({ version: interpreter.state.names.get(target.name)?.version, exit: statusOf(target) })),
      Stream.takeWhile(({ exit }) => Exit.isSuccess(exit)),
      Stream.changesWith((before, after) => before.version === after.version),
      Stream.flatMap(({ exit }) => Stream.fromEffect(Effect.orDie(exit)))
    )

  const awaitOf = (
    supervised: Supervised
  ): Effect.Effect<unknown, SupervisorError.TaskDead | SupervisorError.TaskStopped> =>
    Effect.suspend(() =>
      interpreter.settlement(supervised) ??
        Waiters.wait(supervised.waiters ??= Waiters.make<Settlement>(), (settlement) => settlement)
    )

  const handled: Handled = {
    command: (name, { id, name: task }) => command(name, { id, name: task }),
    status: (target) => read(() => statusOf(target)),
    changes: changesOf,
    await: awaitOf
  }

  const ended: Effect.Effect<FinalReport, SupervisorError.SupervisorError> = Effect.suspend(() =>
    interpreter.end ?? Waiters.wait(interpreter.closing, (end) => end)
  )
  const shutdown = traced(
    Effect.andThen(Effect.sync(() => loop.send(shutdownCommand)), Effect.ignoreCause(ended)),
    "Supervisor.shutdown",
    { supervisor: path }
  )

  const supervisor: RunningSupervisor<E> = {
    path,
    add: <A, TE, R>(task: Task.Task<A, TE, R>) =>
      Effect.contextWith((services: Context.Context<R>) => {
        if (!Task.isTask(task)) return Effect.die(notATask(task))
        Options.name("Supervisor.add", task.name)
        const supervised = prepare(task, withDefaults(task, captured(services)), false)
        const added = loop.ask(adding(supervised)) as Effect.Effect<
          void,
          SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed
        >
        return traced(Effect.as(added, handle<A, TE>(supervised)), "Supervisor.add", {
          supervisor: path,
          task: task.name
        })
      }),
    handle: <A, TE, R>(task: Task.Task<A, TE, R>) =>
      read(() => {
        const entry = interpreter.state.names.get(task.name)
        const supervised = entry === undefined ? undefined : interpreter.tasks.get(entry.id)
        return supervised === undefined || supervised.effect !== task.effect
          ? Exit.fail(interpreter.notFound(task.name))
          : Exit.succeed(handle<A, TE>(supervised))
      }),
    start: named("start"),
    restart: named("restart"),
    stop: named("stop"),
    kill: named("kill"),
    remove: named("remove"),
    status: (task) => read(() => statusOf({ name: task, id: undefined })),
    statuses: read(() => Exit.succeed(interpreter.statuses())),
    events,
    unstoppable: Effect.sync(() => interpreter.unstoppable()),
    shutdown,
    await: ended as Effect.Effect<FinalReport, SupervisorError.SupervisorError<E>>
  }

  const observer = Context.get(context, Observer)
  if (observer !== undefined && parent === undefined) {
    // In a fiber of its own: what it is given may be no Effect, for all its type.
    const observed = yield* Effect.forkChild(
      Effect.provideService(Effect.suspend(() => observer(supervisor)), Scope.Scope, observing),
      { startImmediately: true }
    )
    yield* Effect.ignoreCause(Effect.flatten(Fiber.await(observed)), { log: "Error" })
  }
  const listed = options.tasks.map((task) => prepare(task, own, true))
  const last = listed.pop()
  // They are added in this order; when the last one is answered, all before it have been.
  for (const task of listed) loop.send(adding(task)(unasked))
  if (last !== undefined) yield* Effect.ignore(loop.ask(adding(last)))
  return supervisor
})

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
  return Effect.scoped(Effect.flatMap(made, (supervisor) => Effect.asVoid(supervisor.await))) as Effect.Effect<
    void,
    SupervisorError.SupervisorError<Task.Task.Error<Tasks[number]>>,
    Services<Tasks, R2, R3>
  >
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
export class Supervisor extends Context.Service<Supervisor, RunningSupervisor>()("effect-supervisor/Supervisor") {}

/**
 * The plain service, in the Layer's scope.
 *
 * @throws RangeError for an option out of its range, or two tasks of one name.
 * @since 0.1.0
 * @category layers
 */
export const layer = <const Tasks extends ReadonlyArray<Task.Task.Any> = [], R2 = never, R3 = never>(
  options: SupervisorOptions<Tasks, R2, R3> = {}
): Layer.Layer<Supervisor, never, Exclude<Services<Tasks, R2, R3>, Scope.Scope>> =>
  layerOf<Supervisor, unknown, Services<Tasks, R2, R3> | Scope.Scope>(Supervisor, make(options))

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
> = layerTaskFor(Supervisor)

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
const Built = Context.Reference<((key: string, supervisor: RunningSupervisor) => void) | undefined>(
  "effect-supervisor/Supervisor/Built",
  { defaultValue: () => undefined }
)

const layerOf = <Self, E, R>(
  tag: Context.Key<Self, RunningSupervisor<E>>,
  made: Effect.Effect<RunningSupervisor<E>, never, R>
): Layer.Layer<Self, never, Exclude<R, Scope.Scope>> =>
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
export interface ServiceClass<Self, Id extends string, E, R>
  extends Context.ServiceClass<Self, Id, RunningSupervisor<E>>
{
  /** The supervisor, in the Layer's scope. */
  readonly layer: Layer.Layer<Self, never, Exclude<R, Scope.Scope>>
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
): ServiceClass<Self, Id, Task.Task.Error<Tasks[number]>, Services<Tasks, R2, R3>> => {
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
