/**
 * A supervisor as it can be asked: each question an effect that looks at the state or sends a command to the loop. The
 * types of tasks are not known here; `Supervisor` gives them back.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as SupervisorError from "../SupervisorError.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type * as Task from "../Task.ts"
import type { FinalReport, TaskStatus } from "../TaskStatus.ts"
import * as Bulletin from "./bulletin.ts"
import type { Handled } from "./handle.ts"
import { Handle } from "./handle.ts"
import type { Command } from "./inbox.ts"
import type { Interpreter } from "./interpreter.ts"
import type { Loop } from "./loop.ts"
import * as Options from "./options.ts"
import type { TreeEvents } from "./reporter.ts"
import type { Settlement, Supervised } from "./run.ts"
import * as SettingsOf from "./settings.ts"
import type { Target } from "./state.ts"
import * as Decoding from "./supervisorOptions.ts"
import * as Waiters from "./waiters.ts"
import type { CommandName } from "./words.ts"

/** What a task of a list is to be. */
type Listed = Pick<Task.Task<unknown, unknown, unknown>, "effect" | "name" | "options">

type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed

const notAName = (command: CommandName | "status", name: unknown): RangeError =>
  new RangeError(`Supervisor.${command}: the task is ${Options.show(name)}; allowed is the name of a task`)

const shutdownCommand: Command = { _tag: "Command", event: { _tag: "Shutdown" }, task: undefined }

/** The number of a reply that nobody waits for. */
const unasked = 0

const known = new WeakMap<Context.Context<never>, Context.Context<never>>()

/** The adder's services and references, without what belongs to the adder alone; the same for all tasks of one adder. */
export const captured = (context: Context.Context<never>): Context.Context<never> => {
  const before = known.get(context)
  if (before !== undefined) return before
  const kept = Context.omit(Scope.Scope, Tracer.ParentSpan, References.CurrentStackFrame)(context)
  known.set(context, kept)
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

/** What comes while it runs is as good as from outside: a refusal is an answer. */
const decodedChange = (change: Parameters<typeof Decoding.decodeChange>[0]) => {
  try {
    return Decoding.decodeChange(change)
  } catch (error) {
    if (error instanceof RangeError) return error
    throw error
  }
}

/** What tasks that say nothing themselves are like, and with what. */
interface Defaults {
  readonly defaults: Task.Settings<unknown>
  /** Their services: they were given with them, and whoever adds a task that uses them need not have them. */
  readonly provided: Context.Context<never>
  readonly merged: ReturnType<typeof SettingsOf.merger>
}

const defaultsOf = (defaults: Task.Settings<unknown>, provided: Context.Context<never>): Defaults => ({
  defaults,
  provided,
  merged: SettingsOf.merger(defaults)
})

/** The context of a task that may lean on the defaults. */
const supplied = (
  { options: { heartbeat, restart } }: Pick<Listed, "options">,
  services: Context.Context<never>,
  { defaults, provided }: Defaults
): Context.Context<never> => {
  const leansOnDefaults = (restart === undefined && defaults.restart !== undefined) ||
    (heartbeat === undefined && defaults.heartbeat !== undefined)
  return leansOnDefaults ? Context.merge(provided, services) : services
}

export class Supervising implements Handled {
  readonly path: string
  readonly interpreter: Interpreter
  readonly events: Stream.Stream<SupervisorEvent>
  readonly treeEvents: Stream.Stream<SupervisorEvent>
  readonly ended: Effect.Effect<FinalReport, SupervisorError.SupervisorError>
  readonly shutdown: Effect.Effect<void>
  readonly #loop: Loop
  /** The services that it was made with. */
  readonly #own: Context.Context<never>
  #defaults: Defaults

  constructor(options: {
    readonly path: string
    readonly loop: Loop
    readonly defaults: Task.Settings<unknown>
    readonly context: Context.Context<never>
  }) {
    const { context, defaults, loop, path } = options
    const { interpreter } = loop
    this.path = path
    this.interpreter = interpreter
    this.#loop = loop
    this.#own = context
    this.#defaults = defaultsOf(defaults, context)
    this.events = Bulletin.subscribe<SupervisorEvent>(
      interpreter.reporter.bulletin,
      (sequence) => interpreter.tree.snapshot(sequence),
      ({ sequence, time }, missed) => ({ ...this.#missed(missed), sequence: sequence - 1, time })
    )
    this.treeEvents = Stream.mapArray(
      Bulletin.subscribe<TreeEvents>(
        interpreter.reporter.tree,
        (sequence) => ({ sequence, events: interpreter.tree.snapshots() }),
        ({ sequence }, missed) => ({ sequence: sequence - 1, events: [this.#missed(missed)] })
      ),
      // Each of them has one event at least.
      (passed) => passed.flatMap(({ events }) => events) as unknown as Arr.NonEmptyReadonlyArray<SupervisorEvent>
    )
    this.ended = Effect.suspend(() => interpreter.end ?? Waiters.wait(interpreter.closing, (end) => end))
    this.shutdown = traced(
      Effect.andThen(Effect.sync(() => loop.send(shutdownCommand)), Effect.asVoid(Effect.exit(this.ended))),
      "Supervisor.shutdown",
      { supervisor: path }
    )
  }

  #missed(missed: number): SupervisorEvent {
    const { interpreter: { reporter: { bulletin: { sequence } } }, path: supervisor } = this
    const { time } = this.#loop
    return { _tag: "EventsMissed", sequence, time: time.wall(time.now()), supervisor, missed }
  }

  // ---------------------------------------------------------------------------------------------------------------
  // commands
  // ---------------------------------------------------------------------------------------------------------------

  // Which refusals a command can meet is known from the table of commands; the loop itself answers with any of them.
  command<Refusal>(name: CommandName, { id, name: task }: Target): Effect.Effect<void, Refusal> {
    return traced(
      this.#loop.ask((reply) => ({
        _tag: "Command",
        event: { _tag: "Command", reply, command: name, target: { id, name: task } },
        task: undefined
      })),
      `Supervisor.${name}`,
      { supervisor: this.path, task }
    ) as Effect.Effect<void, Refusal>
  }

  /** Asks the supervisor that a path leads to: another one below this, or this one by a name of its own. */
  reach<Below, A, F>(
    name: CommandName | "status",
    task: string,
    here: (task: string) => Effect.Effect<A, F>,
    below: (supervisor: Below, task: string) => Effect.Effect<A, F>
  ): Effect.Effect<A, F | SupervisorError.TaskNotFound> {
    if (typeof task !== "string") return Effect.die(notAName(name, task))
    if (!task.includes("/")) return here(task)
    return Effect.suspend((): Effect.Effect<A, F | SupervisorError.TaskNotFound> => {
      // Where no such task is, the nearest supervisor says so, or that it has ended.
      const place = this.interpreter.tree.locate(task)
      return place.subtree === this.interpreter.tree
        ? here(place.task)
        : below(place.subtree.supervisor as Below, place.task)
    })
  }

  /** Starts the tasks of the list, and waits until they are up, or are not going to be. */
  start(tasks: ReadonlyArray<Listed>): Effect.Effect<void, SupervisorError.SupervisorError> {
    return Effect.suspend(() => {
      const { interpreter } = this
      let next = 0
      this.#loop.sendFirst(() => {
        const task = tasks[next++]
        if (task === undefined) return undefined
        return this.#adding(this.#prepare(task, this.#own, true), { listed: true, instance: false }, unasked)
      })
      const up = interpreter.state.up || interpreter.end !== undefined
        ? Effect.succeed(interpreter.end)
        : Waiters.wait(interpreter.starting, Exit.succeed)
      return Effect.flatMap(up, (end) => end === undefined ? Effect.void : Effect.asVoid(Effect.suspend(() => end)))
    })
  }

  /** An instance is one of a group's template: its error is part of the group's error type. */
  add(
    task: Task.Task<unknown, unknown, unknown>,
    services: Context.Context<never>,
    instance = false
  ): Effect.Effect<Handle<unknown, unknown>, SupervisorError.CommandError> {
    Options.name("Supervisor.add", task.name)
    Decoding.assertEnds(`Supervisor.add(${JSON.stringify(task.name)})`, task, this.#defaults.defaults)
    const supervised = this.#prepare(task, supplied(task, captured(services), this.#defaults), instance)
    const added = Effect.as(
      this.#loop.ask((reply) => this.#adding(supervised, { listed: false, instance }, reply)),
      new Handle<unknown, unknown>(this, supervised)
    )
    return traced(added, "Supervisor.add", { supervisor: this.path, task: task.name }) as Effect.Effect<
      Handle<unknown, unknown>,
      SupervisorError.CommandError
    >
  }

  #prepare(
    task: Listed,
    context: Context.Context<never>,
    listed: boolean,
    { merged }: Defaults = this.#defaults
  ): Supervised {
    return {
      id: this.#loop.nextId(),
      name: task.name,
      supervisor: this.interpreter.tree.supervisor as Supervised["supervisor"],
      listed,
      effect: task.effect as Supervised["effect"],
      context,
      options: merged(task.options),
      revised: undefined,
      run: undefined,
      step: undefined,
      question: undefined,
      settled: undefined,
      settlement: undefined,
      waiters: undefined
    }
  }

  #adding(
    task: Supervised,
    { instance, listed }: { readonly instance: boolean; readonly listed: boolean },
    reply: number
  ): Command {
    const { id, name, options: { deciding: settings } } = task
    return { _tag: "Command", event: { _tag: "Add", reply, listed, instance, id, name, settings }, task }
  }

  reconfigure(
    change: Parameters<typeof Decoding.decodeChange>[0]
  ): Effect.Effect<void, SupervisorError.ReconfigureError> {
    return Effect.contextWith((services: Context.Context<never>) => {
      const { path: supervisor } = this
      const decoded = decodedChange(change)
      if (decoded instanceof RangeError) {
        return Effect.fail<SupervisorError.ReconfigureError>(
          new SupervisorError.InvalidOptions({ supervisor, why: decoded.message })
        )
      }
      const { defaults, settings, tasks } = decoded
      const offered = captured(services)
      const offer = () => {
        const given = defaults === undefined ? this.#defaults : defaultsOf(defaults, offered)
        // With other defaults the tasks that are there have other options, too.
        const list = tasks ?? (defaults === undefined ? undefined : this.interpreter.registry.listed())
        return {
          tasks: list?.map((task) => this.#offered(task, offered, given)),
          adopted: () => {
            this.#defaults = given
          }
        }
      }
      const asked = this.#loop.ask((reply) => ({ _tag: "Reconfigure", reply, settings, offer }))
      return traced(asked, "Supervisor.reconfigure", { supervisor }) as Effect.Effect<
        void,
        SupervisorError.ReconfigureError
      >
    })
  }

  /** One that is the same value is what it was, with the services that it was given. */
  #offered(task: Listed, services: Context.Context<never>, given: Defaults): Supervised {
    const there = this.interpreter.registry.definition(task.name)
    const isSame = there?.effect === task.effect && there.options.own === task.options
    const context = supplied(task, isSame ? there.context : services, given)
    return this.#prepare(task, context, isSame && there.listed, given)
  }

  // ---------------------------------------------------------------------------------------------------------------
  // views
  // ---------------------------------------------------------------------------------------------------------------

  /** Looks at what there is, unless it is over. */
  read<A, F>(look: () => Exit.Exit<A, F>): Effect.Effect<A, F | SupervisorError.SupervisorClosed> {
    const { interpreter } = this
    return Effect.suspend((): Exit.Exit<A, F | SupervisorError.SupervisorClosed> =>
      interpreter.state.closed ? Exit.fail(interpreter.closedError()) : look()
    )
  }

  #statusOf({ id, name }: Target): Exit.Exit<TaskStatus, Unreachable> {
    const entry = this.interpreter.state.names.get(name)
    return entry === undefined || (id !== undefined && entry.id !== id)
      ? Exit.fail(this.interpreter.tree.notFound(name))
      : Exit.succeed(this.interpreter.tree.statusOf(entry))
  }

  status(target: Target): Effect.Effect<TaskStatus, Unreachable> {
    return this.read(() => this.#statusOf(target))
  }

  changes(target: Target): Stream.Stream<TaskStatus> {
    const { names } = this.interpreter.state
    const isAbout = (event: SupervisorEvent) => !("task" in event) || event.task === target.name
    // The status is that of the moment when it is looked at: events that come together are one change.
    return Stream.transformPull(this.events, (pull) =>
      Effect.sync(() => {
        let version: number | undefined
        let beat: number | undefined
        const next: Pull.Pull<Arr.NonEmptyReadonlyArray<TaskStatus>> = Effect.flatMap(pull, (events) => {
          if (!events.some(isAbout)) return next
          const entry = names.get(target.name)
          const exit = this.#statusOf(target)
          if (entry === undefined || Exit.isFailure(exit)) return Cause.done()
          const { lastHeartbeat } = exit.value
          // Automatic beats are no news.
          const isBeat = entry.settings.heartbeat._tag !== "Automatic" && lastHeartbeat !== beat
          if (entry.version === version && !isBeat) return next
          version = entry.version
          beat = lastHeartbeat
          return Effect.succeed([exit.value])
        })
        return next
      }))
  }

  await(supervised: Supervised): Effect.Effect<unknown, SupervisorError.TaskDead | SupervisorError.TaskStopped> {
    return Effect.suspend(() =>
      this.interpreter.settlements.of(supervised) ??
        Waiters.wait(supervised.waiters ??= Waiters.make<Settlement>(), (settlement) => settlement)
    )
  }

  /** The handle of a task that is here. It must be the same value. */
  handle(task: Listed): Effect.Effect<Handle<unknown, unknown>, Unreachable> {
    return this.read(() => {
      const there = this.interpreter.registry.defined(task.name)
      return there === undefined || there.definition.effect !== task.effect
        ? Exit.fail(this.interpreter.tree.notFound(task.name))
        : Exit.succeed(new Handle<unknown, unknown>(this, there.supervised))
    })
  }
}

/** Ends the loop, and lets those who listen hear the last of it. */
export const end = ({ interpreter: { reporter }, over, send }: Loop): Effect.Effect<void> =>
  Effect.sync(() => send(shutdownCommand)).pipe(
    Effect.andThen(over),
    Effect.andThen(Bulletin.drain(reporter.bulletin)),
    Effect.andThen(Bulletin.drain(reporter.tree))
  )
