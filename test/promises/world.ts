/**
 * A supervisor on a machine of its own, with callers at its commands, waiters at its handles and readers of its events.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import type * as Task from "effect-supervisor/Task"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Bodies } from "./bodies.ts"
import { Follower } from "./follower.ts"
import type { Act, History, Name } from "./history.ts"
import { names } from "./history.ts"
import type { Stall } from "./judge.ts"
import { Machine } from "./machine.ts"
import type { Input } from "./model.ts"
import type { Trouble } from "./seen.ts"
import * as Seen from "./seen.ts"

export interface Reader {
  readonly follower: Follower
  readonly events: Array<SupervisorEvent>
  /** How many of them have been looked at. */
  followed: number
  /** It has read all there is; a stuck one has not, */
  readsAll: boolean
  /** and was that far behind when it went on. */
  behind: number
  goOn: (() => void) | undefined
}

/** No chance at all. */
const always = (drawn: number): Random.Random => ({
  nextIntUnsafe: () => Math.floor(drawn * 2 ** 32),
  nextDoubleUnsafe: () => drawn
})

export class World {
  readonly machine = new Machine()
  /** What happened since the last look. */
  readonly inputs: Array<Input> = []
  readonly bodies: Bodies
  /** When nobody could do anything. */
  readonly stalls: Array<Stall> = []
  readonly answers = new Map<number, string>()
  /** What those who wait for tasks were given, since the last look. */
  readonly settled = new Map<number, string>()
  /** The entries whose handles somebody waits at. */
  readonly waiting = new Set<number>()
  readonly readers: Array<Reader> = []
  supervisor!: Supervisor.RunningSupervisor
  /** How the supervisor ended. */
  end: string | undefined
  /** How its start went. */
  start: "up" | "failed" | undefined
  readonly #listed: Array<{ readonly entry: number; readonly task: Task.Task<string, Trouble> }> = []
  readonly #history: History
  readonly #handles = new Map<
    Name,
    Array<{ readonly entry: number; readonly handle: Supervisor.TaskHandle<string, Trouble> }>
  >()
  readonly #callers: Array<Fiber.Fiber<unknown, unknown>> = []
  #calls = 0
  #entries = 0

  constructor(history: History, services: Context.Context<never> = Context.empty()) {
    this.#history = history
    this.bodies = new Bodies(history.plans, this.machine, (input) => this.inputs.push(input))
    this.machine.lateness = history.options.lateness
    this.machine.context = Context.merge(this.machine.context, services).pipe(
      Context.add(Random.Random, always(history.options.chance)),
      Context.add(Supervisor.Observer, (supervisor: Supervisor.RunningSupervisor) =>
        Effect.sync(() => {
          this.supervisor = supervisor
          this.read(supervisor, true)
          this.machine.run(supervisor.await, (exit) => {
            this.end = Seen.end(exit, this.machine.wallOffset)
          })
        }))
    )
  }

  make(): void {
    const { initialDelay, intensity, interval, listed, maxDeadFraction } = this.#history.options
    const { autoShutdown, eventCapacity, shutdownTimeout, strategy, whenAllCompleted } = this.#history.options
    for (const name of names.slice(0, listed)) {
      const entry = ++this.#entries
      this.inputs.push({ _tag: "Add", call: undefined, entry, name })
      this.#listed.push({ entry, task: this.bodies.task(entry, name) })
    }
    const options = {
      name: "root",
      tasks: this.#listed.map(({ task }) => task),
      strategy,
      autoShutdown,
      healthCheck: { initialDelay, interval },
      whenAllCompleted,
      shutdownTimeout,
      eventCapacity,
      ...(maxDeadFraction === "none" ? {} : { maxDeadFraction }),
      ...(intensity === "none" ? {} : { intensity })
    }
    this.machine.run(Supervisor.make(options), (exit) => {
      this.start = Exit.isSuccess(exit) ? "up" : "failed"
    })
  }

  /** The handles of the listed tasks, as soon as there are any. */
  handles(): void {
    for (const { entry, task } of this.#listed.splice(0)) {
      const handle = this.look(this.supervisor.handle(task))
      if (Exit.isSuccess(handle)) this.#keep(task.name as Name, entry, handle.value)
    }
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what a history does
  // -----------------------------------------------------------------------------------------------------------------

  act(act: Act): void {
    switch (act._tag) {
      case "Command": {
        const { by, command, task } = act
        const handles = this.#handles.get(task)
        const target = by === "name" ? undefined : by === "handle" ? handles?.at(-1) : handles?.[0]
        const call = ++this.#calls
        this.inputs.push({ _tag: "Command", call, command, name: task, entry: target?.entry, from: undefined })
        return this.#call(call, target === undefined ? this.supervisor[command](task) : target.handle[command])
      }
      case "Ask": {
        const { about: name, command, task } = act
        return this.bodies.does(task, (from) => {
          const call = ++this.#calls
          this.inputs.push({ _tag: "Command", call, command, name, entry: undefined, from })
          const asking: Effect.Effect<void, unknown> = this.supervisor[command](name)
          return Effect.exit(Effect.onExit(asking, (exit) =>
            Effect.sync(() => {
              this.answers.set(call, Seen.answer(exit))
            })))
        })
      }
      case "Add": {
        const call = ++this.#calls
        const entry = ++this.#entries
        this.inputs.push({ _tag: "Add", call, entry, name: act.task })
        return this.#call(
          call,
          this.supervisor.add(this.bodies.task(entry, act.task)),
          (handle) => this.#keep(act.task, entry, handle)
        )
      }
      case "Shutdown": {
        const call = ++this.#calls
        this.inputs.push({ _tag: "Shutdown", call })
        return this.#call(call, this.supervisor.shutdown)
      }
      case "Abandon":
        this.inputs.push({ _tag: "Abandon" })
        for (const caller of this.#callers) caller.interruptUnsafe()
        return
      case "Subscribe":
        return this.read(this.supervisor, act.reads === "all")
      case "Read":
        return this.unstick()
      case "Block":
        return this.stall(act.millis)
      default:
        return this.bodies.poke(act)
    }
  }

  #call<A>(call: number, effect: Effect.Effect<A, unknown>, use: (value: A) => void = () => undefined): void {
    this.#callers.push(this.machine.run(effect, (exit) => {
      this.answers.set(call, Seen.answer(exit))
      if (Exit.isSuccess(exit)) use(exit.value)
    }))
  }

  #keep(name: Name, entry: number, handle: Supervisor.TaskHandle<string, Trouble>): void {
    const handles = this.#handles.get(name)
    if (handles === undefined) this.#handles.set(name, [{ entry, handle }])
    else handles.push({ entry, handle })
    this.#await(entry, handle)
  }

  #await(entry: number, handle: Supervisor.TaskHandle<string, Trouble>): void {
    this.waiting.add(entry)
    this.machine.run(handle.await, (exit) => {
      this.waiting.delete(entry)
      this.settled.set(entry, Seen.settlement(exit))
    })
  }

  /** Asks all handles again that nobody waits for. */
  awaitAgain(): void {
    for (const handles of this.#handles.values()) {
      for (const { entry, handle } of handles) {
        if (!this.waiting.has(entry)) this.#await(entry, handle)
      }
    }
  }

  /** Time is lost: nothing happens in it. */
  stall(millis: number): void {
    this.stalls.push({ from: this.machine.now, to: this.machine.now + millis })
    this.machine.now += millis
  }

  read(supervisor: Supervisor.RunningSupervisor, readsAll: boolean): void {
    const reader: Reader = { follower: new Follower(), events: [], followed: 0, readsAll, behind: 0, goOn: undefined }
    this.readers.push(reader)
    const gate = Effect.suspend(() =>
      reader.readsAll ? Effect.void : Effect.callback<void>((resume) => {
        reader.goOn = () => resume(Effect.void)
      })
    )
    const reading = Stream.runForEach(supervisor.events, (event) => {
      reader.events.push(event)
      return gate
    })
    this.machine.run(reading)
  }

  unstick(): void {
    const newest = this.readers[0]!.events.at(-1)!.sequence
    for (const reader of this.readers) {
      if (reader.readsAll) continue
      reader.readsAll = true
      reader.behind = newest - reader.events[0]!.sequence
      reader.goOn!()
    }
  }

  /** Closes the scope that the supervisor lives in. */
  close(): void {
    const call = ++this.#calls
    this.inputs.push({ _tag: "Shutdown", call })
    this.#call(call, Scope.close(this.machine.scope, Exit.void))
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what there is to see
  // -----------------------------------------------------------------------------------------------------------------

  look<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.machine.run(effect).pollUnsafe()!
  }

  /** The statuses as the model writes them. */
  statuses(): ReadonlyArray<string> | string {
    const exit = this.look(this.supervisor.statuses)
    return Exit.isSuccess(exit)
      ? exit.value.map((status) => Seen.status(status, this.machine.wallOffset))
      : Seen.answer(exit)
  }

  statusOf(name: Name): string {
    const exit = this.look(this.supervisor.status(name))
    return Exit.isSuccess(exit) ? Seen.status(exit.value, this.machine.wallOffset) : Seen.answer(exit)
  }
}
