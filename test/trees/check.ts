/**
 * Lives a history of a tree through, with a model of each supervisor in it, and says where a promise is broken.
 */
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import { Broken } from "../promises/broken.ts"
import type { Name } from "../promises/history.ts"
import { Judge } from "../promises/judge.ts"
import type { Below, RunId } from "../promises/life.ts"
import { Model } from "../promises/model.ts"
import * as Seen from "../promises/seen.ts"
import * as Shown from "../promises/shown.ts"
import { TreeFollower } from "./follower.ts"
import type { Act, Step, TreeHistory } from "./tree.ts"
import type { Instance } from "./world.ts"
import { idOf, World } from "./world.ts"

export const live = (history: TreeHistory, services: Context.Context<never> = Context.empty()): World => {
  const checking = new Checking(history, services)
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    checking.live()
  } catch (error) {
    throw new Broken(`${error instanceof Error ? error.message : String(error)}\n${checking.log.join("\n")}`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return checking.world
}

const same = (what: string, promised: unknown, seen: unknown): void => {
  const [one, other] = [promised, seen].map((value) => JSON.stringify(value, undefined, 1))
  if (one !== other) throw new Broken(`${what}: promised is ${one}, seen was ${other}`)
}

/** A supervisor beside its model. */
interface Known {
  readonly instance: Instance
  readonly model: Model
  readonly judge: Judge
}

class Checking {
  readonly world: World
  readonly log: Array<string> = []
  readonly #history: TreeHistory
  readonly #follower = new TreeFollower()
  /** In the order they came: whoever is further down has come later. */
  readonly #known: Array<Known> = []
  /** The newest one at each path that has told that it has started. */
  readonly #started = new Map<string, Known>()
  #heard = 0

  constructor(history: TreeHistory, services: Context.Context<never>) {
    this.#history = history
    this.world = new World(services)
  }

  live(): void {
    let afterwards = 0
    this.world.make(this.#history.root)
    this.world.machine.rest()
    const root = this.#know(this.world.instances[0]!)
    this.#started.set("root", root)
    this.#settle(false)
    for (const step of this.#history.steps) {
      if (this.#root.closed && ++afterwards > 3) break
      this.log.push(JSON.stringify(step))
      this.#step(step)
      this.#compare()
    }
    this.#end()
  }

  get #root(): Model {
    return this.#known[0]!.model
  }

  /** A model of its own for a supervisor that has come. */
  #know(instance: Instance): Known {
    const { bodies, branch: { options }, plans } = instance
    const history = { options, plans, steps: [] }
    const model = new Model(history, {
      endOf: (run) => {
        const exit = this.world.within.get(idOf(run))?.exit
        return exit === undefined
          ? bodies.endOf(run)
          : { body: Exit.isSuccess(exit) ? [] : Seen.cause(exit.cause), finalizerDied: false }
      },
      found: (run) => bodies.found(run),
      below: (run) => this.#below(run, model)
    })
    const known = { instance, model, judge: new Judge(history, model, []) }
    model.now = this.world.machine.now
    this.#known.push(known)
    return known
  }

  #below(run: RunId, outer: Model): { readonly supervisor: Model; readonly isOver: boolean } | undefined {
    const within = this.world.within.get(idOf(run))
    if (within === undefined) return undefined
    const { model } = this.#know(within.instance)
    model.whenUp = () => outer.signal(run, "beat")
    model.turn(within.instance.inputs.splice(0))
    return { supervisor: model, isOver: within.exit !== undefined }
  }

  #step(step: Step): void {
    if (step._tag === "Pass") return this.#pass(step.millis)
    // One after another: which of two loops comes to its turn first is not promised.
    for (const act of step.acts) {
      this.#act(act)
      this.#settle(false)
    }
  }

  #act(act: Act): void {
    switch (act._tag) {
      case "Command": {
        const { call } = this.world.command(act)
        return this.#send(act, call)
      }
      case "Add":
        return this.world.add(act.path, act.task)
      case "Shutdown":
        return this.world.shutdown()
      default:
        return this.world.poke(act)
    }
  }

  /** A command arrives at the supervisor that its path leads to by now, or at the last one on the way there. */
  #send({ command, path }: Act & { readonly _tag: "Command" }, call: number): void {
    let known = this.#known[0]!
    let name: Name | "nobody" = path[0]!
    for (const next of path.slice(1)) {
      if (name === "nobody" || known.instance.branch.below[name] === undefined) break
      const within: Below | undefined = known.model.lives.get(name)?.run.below
      const below: Known | undefined = this.#known.find(({ model }) => model === within)
      if (below !== undefined) known = below
      name = below === undefined ? "nobody" : next
    }
    known.instance.inputs.push({
      _tag: "Command",
      call,
      command,
      name: name as Name,
      entry: undefined,
      from: undefined
    })
  }

  #pass(millis: number): void {
    const { agenda, machine } = this.world
    const until = machine.now + millis
    for (;;) {
      const next = Math.min(agenda.next, machine.sleepers.next)
      if (next > until) break
      machine.now = Math.max(machine.now, next)
      if (agenda.next <= machine.sleepers.next) agenda.ring()
      else machine.sleepers.ring()
      this.#settle(false)
    }
    machine.now = until
    this.#settle(true)
  }

  #settle(momentIsOver: boolean): void {
    const { world } = this
    world.machine.rest()
    for (const { broken } of world.bodies) if (broken !== undefined) throw new Broken(broken)
    // Nobody tells of what is left of the tree, once its root has ended.
    if (this.#root.closed) {
      this.#root.turn(world.instances[0]!.inputs.splice(0))
      return this.#compareAnswers([this.#known[0]!])
    }
    for (const { model } of this.#known) {
      model.now = world.machine.now
      model.settled.clear()
    }
    for (const { instance, model } of this.#known.toReversed()) model.turn(instance.inputs.splice(0))
    for (const { instance, model } of this.#known.toReversed()) model.turn(instance.ends.splice(0))
    for (const { judge } of this.#known.toReversed()) judge.goOnInSilence()
    for (; this.#heard < world.events.length; this.#heard++) this.#hear(world.events[this.#heard]!)
    for (const { instance, judge } of this.#known.toReversed()) this.#at(instance, () => judge.atRest(momentIsOver))
    this.#compareAnswers(this.#known)
    const alive = this.#known.flatMap(({ model }) => model.alive(({ below }) => below === undefined))
    same("runs", alive.sort(), world.alive)
  }

  #compareAnswers(known: ReadonlyArray<Known>): void {
    for (const { model } of known) {
      for (const [call, answer] of model.answers) same(`answer to call ${call}`, answer, this.world.answers.get(call))
    }
  }

  #hear(event: SupervisorEvent): void {
    this.#follower.follow(event)
    if (event._tag === "Snapshot") return
    const { supervisor } = event
    const line = Seen.event(event, this.world.machine.wallOffset)
    const because = event._tag === "TaskFailed" ? ` (${event.failure.message})` : ""
    this.log.push(`${this.world.machine.now}: ${supervisor}: ${line}${because}`)
    if (event._tag === "SupervisorStarted") return this.#start(supervisor)
    const { instance, judge } = this.#started.get(supervisor)!
    this.#at(instance, () => judge.hear("task" in event ? event.task as Name : "", line))
  }

  /** The next one at this path that has not told so. */
  #start(path: string): void {
    const all = this.#known.filter(({ instance }) => instance.path === path)
    const before = this.#started.get(path)
    const next = all[before === undefined ? 0 : all.indexOf(before) + 1]
    if (next === undefined) throw new Broken(`${path} has started without a reason`)
    if (before?.model.closed === false) throw new Broken(`${path} has started before the one before it has ended`)
    this.#started.set(path, next)
  }

  #at({ path }: Instance, look: () => void): void {
    try {
      look()
    } catch (error) {
      throw error instanceof Broken ? new Broken(`${path}: ${error.message}`) : error
    }
  }

  #compare(): void {
    const { world } = this
    const lives = Shown.whole(this.#root.lives.values())
    same("end", this.#root.end, world.end)
    same("statuses", this.#root.closed ? "SupervisorClosed" : Shown.statuses(lives), world.statuses())
    same("what events tell", Shown.told(lives).toSorted(), this.#follower.statuses)
  }

  /** The scope is closed, and after it nothing is left but what was reported. */
  #end(): void {
    const { world } = this
    this.log.push("the scope is closed")
    world.close()
    this.#settle(false)
    for (let waited = 0; world.end === undefined && waited < 200_000; waited += 500) this.#pass(500)
    this.#compare()
    if (world.end === undefined) throw new Broken("the tree does not end")
    const { agenda, machine } = world
    // What is left of it goes on to stop, and what would not ends now. The end of one may be what another waits for.
    for (let next = machine.now; next < Number.POSITIVE_INFINITY; next = Math.min(agenda.next, machine.sleepers.next)) {
      machine.now = Math.max(machine.now, next)
      if (agenda.next <= next) agenda.ring()
      else if (machine.sleepers.next <= next) machine.sleepers.ring()
      machine.rest()
      for (let before = Number.POSITIVE_INFINITY; world.alive.length < before;) {
        before = world.alive.length
        for (const bodies of world.bodies) bodies.letGo(true)
        machine.rest()
      }
    }
    same("runs after the end", [], world.alive)
    same("sleepers after the end", 0, world.machine.sleepers.list.length)
  }
}
