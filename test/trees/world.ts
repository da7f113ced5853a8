/**
 * A tree of supervisors on a machine of its own, each with the bodies of its tasks, and a reader of all its events.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import type * as Task from "effect-supervisor/Task"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Bodies } from "../promises/bodies.ts"
import type { Name, Plan } from "../promises/history.ts"
import { names } from "../promises/history.ts"
import type { RunId } from "../promises/life.ts"
import { Alarms, Machine } from "../promises/machine.ts"
import type { Input } from "../promises/model.ts"
import * as Seen from "../promises/seen.ts"
import type { Act, Branch, Path } from "./tree.ts"

/** One life of a supervisor: it has its place in the tree, which it may share with earlier and later ones. */
export interface Instance {
  readonly branch: Branch
  readonly path: string
  readonly bodies: Bodies
  /** What its tasks do, one run after another, from now on. */
  readonly plans: Record<Name, Plan>
  /** What happened since the last look. */
  readonly inputs: Array<Input>
  /** The ends of runs that are supervisors': they come of what happened. */
  readonly ends: Array<Input>
  /** As soon as it is up, of the root and of those that have a name of their own. */
  supervisor: Supervisor.RunningSupervisor | undefined
}

/** A run that is a supervisor's. */
interface Within {
  readonly instance: Instance
  exit: Exit.Exit<void, unknown> | undefined
}

export const idOf = ({ entry, generation }: RunId): string => `${entry}#${generation}`

export class World {
  readonly machine = new Machine()
  readonly agenda = new Alarms()
  readonly instances: Array<Instance> = []
  readonly within = new Map<string, Within>()
  readonly answers = new Map<number, string>()
  /** Of the whole tree, in the order they came. */
  readonly events: Array<SupervisorEvent> = []
  root!: Supervisor.RunningSupervisor
  end: string | undefined
  calls = 0
  readonly #bodies = new Map<Branch, Bodies>()
  readonly #owners = new Map<number, Instance>()
  #entries = 0

  constructor(services: Context.Context<never>) {
    const chance: Random.Random = { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0 }
    this.machine.context = Context.merge(this.machine.context, services).pipe(
      Context.add(Random.Random, chance),
      Context.add(Supervisor.Observer, (root: Supervisor.RunningSupervisor) =>
        Effect.sync(() => {
          this.root = root
          this.machine.run(Stream.runForEach(root.tree.events, (event) =>
            Effect.sync(() => {
              this.events.push(event)
            })))
          this.machine.run(root.await, (exit) => {
            this.end = Seen.end(exit, this.machine.wallOffset)
          })
        }))
    )
  }

  make(root: Branch): void {
    const instance = this.#instance(root, "root")
    this.machine.run(Supervisor.make({ ...optionsOf(root), name: "root", tasks: this.#tasks(instance) }))
  }

  #instance(branch: Branch, path: string): Instance {
    const bodies = this.#bodies.get(branch) ??
      new Bodies(branch.plans, this.machine, (input) => {
        if ("run" in input) this.#owners.get(input.run.entry)!.inputs.push(input)
      }, this.agenda)
    this.#bodies.set(branch, bodies)
    const plans = { ...branch.plans }
    for (const name of names) plans[name] = { ...plans[name], runs: plans[name].runs.slice(runsOf(bodies, name)) }
    const instance: Instance = { branch, path, bodies, plans, inputs: [], ends: [], supervisor: undefined }
    this.instances.push(instance)
    return instance
  }

  #tasks(instance: Instance): ReadonlyArray<Task.Task<unknown, unknown>> {
    return names.slice(0, instance.branch.options.listed).map((name) => {
      const entry = this.#entry(instance)
      instance.inputs.push({ _tag: "Add", call: undefined, entry, name })
      const below = instance.branch.below[name]
      return below === undefined
        ? instance.bodies.task(entry, name, runsOf(instance.bodies, name))
        : instance.bodies.taskOf(entry, name, this.#run(below, instance, entry), () => "restart" as const)
    })
  }

  #entry(instance: Instance): number {
    const entry = ++this.#entries
    this.#owners.set(entry, instance)
    return entry
  }

  /** A supervisor as the body of a task. Each run of it has tasks of its own. */
  #run(branch: Branch, owner: Instance, entry: number): Effect.Effect<void, unknown> {
    return Effect.gen({ self: this }, function*() {
      const { generation, path, task } = (yield* Supervisor.current)!
      const { name } = branch
      const instance = this.#instance(branch, name === undefined || name === task ? path : `${path}/${name}`)
      const within: Within = { instance, exit: undefined }
      this.within.set(idOf({ entry, generation }), within)
      const tasks = this.#tasks(instance)
      const options = { ...optionsOf(branch), tasks }
      const run = name === undefined
        ? Supervisor.run(options)
        : Effect.scoped(Effect.flatMap(Supervisor.make({ ...options, name }), (supervisor) => {
          instance.supervisor = supervisor
          return Effect.asVoid(supervisor.await)
        }))
      yield* Effect.onExit(run, (exit) =>
        Effect.sync(() => {
          within.exit = exit
          owner.ends.push({ _tag: "BodyOver", run: { entry, generation } })
        }))
    })
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what a history does
  // -----------------------------------------------------------------------------------------------------------------

  /** Asks the root. Where the command arrives is the model's to say. */
  command({ command, full, path }: Act & { readonly _tag: "Command" }): { readonly call: number } {
    const call = ++this.calls
    const place = `${full ? "root/" : ""}${this.#pathOf(path)}`
    this.#call(call, this.root[command](place))
    return { call }
  }

  #call(call: number, effect: Effect.Effect<unknown, unknown>): void {
    this.machine.run(effect, (exit) => {
      this.answers.set(call, Seen.answer(exit))
    })
  }

  #pathOf(path: Path): string {
    let branch = this.instances[0]!.branch
    const words: Array<string> = []
    for (const [index, name] of path.entries()) {
      words.push(name)
      const below = branch.below[name]
      if (below === undefined || index === path.length - 1) break
      if (below.name !== undefined && below.name !== name) words.push(below.name)
      branch = below
    }
    return words.join("/")
  }

  /** To the newest supervisor at the end of the path. */
  add(path: Path, name: Name): void {
    const { branch } = this.#at(path)
    const instance = this.instances.findLast((instance) => instance.branch === branch)
    if (instance === undefined) return
    const supervisor = instance === this.instances[0] ? this.root : instance.supervisor
    if (supervisor === undefined) return
    const call = ++this.calls
    const entry = this.#entry(instance)
    const before = runsOf(instance.bodies, name)
    // What is a supervisor by its place is a leaf here: there are no more levels than the tree has.
    if (branch.below[name] !== undefined) return
    const plan = { ...branch.plans[name], runs: branch.plans[name].runs.slice(before) }
    instance.inputs.push({ _tag: "Add", call, entry, name, plan })
    this.#call(call, supervisor.add(instance.bodies.task(entry, name, before)))
  }

  /** The branch that a path leads to, and the name of the task there. */
  #at(path: Path): { readonly branch: Branch; readonly name: Name } {
    let branch = this.instances[0]!.branch
    let name = path[0]!
    for (const next of path.slice(1)) {
      const below = branch.below[name]
      if (below === undefined) break
      branch = below
      name = next
    }
    return { branch, name }
  }

  /** Something happens to the newest run of a leaf. */
  poke(act: Act & { readonly _tag: "End" | "Beat" | "Shield" | "Unshield" | "Finalize" }): void {
    const { branch, name } = this.#at(act.path)
    const { path: _, ...rest } = act
    this.#bodies.get(branch)?.poke({ ...rest, task: name })
  }

  shutdown(): void {
    this.#ending(this.root.shutdown)
  }

  close(): void {
    this.#ending(Scope.close(this.machine.scope, Exit.void))
  }

  #ending(effect: Effect.Effect<void>): void {
    const call = ++this.calls
    this.instances[0]!.inputs.push({ _tag: "Shutdown", call })
    this.#call(call, effect)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what there is to see
  // -----------------------------------------------------------------------------------------------------------------

  look<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.machine.run(effect).pollUnsafe()!
  }

  get bodies(): ReadonlyArray<Bodies> {
    return Array.from(this.#bodies.values())
  }

  get alive(): ReadonlyArray<string> {
    return this.bodies.flatMap((bodies) => bodies.alive()).sort()
  }

  statuses(): ReadonlyArray<string> | string {
    const exit = this.look(this.root.tree.statuses)
    return Exit.isSuccess(exit)
      ? exit.value.map((status) => Seen.status(status, this.machine.wallOffset))
      : Seen.answer(exit)
  }
}

const runsOf = (bodies: Bodies, name: Name): number => bodies.all.filter((body) => body.name === name).length

const optionsOf = ({ options }: Branch) => {
  const { autoShutdown, initialDelay, intensity, interval, maxDeadFraction, strategy, whenAllCompleted } = options
  return {
    strategy,
    autoShutdown,
    healthCheck: { initialDelay, interval },
    whenAllCompleted,
    ...(maxDeadFraction === "none" ? {} : { maxDeadFraction }),
    ...(intensity === "none" ? {} : { intensity })
  }
}
