/**
 * Lives a history through with a supervisor, and says where it breaks a promise.
 */
import type * as Context from "effect/Context"
import { Broken } from "./broken.ts"
import type { History, Step } from "./history.ts"
import { names } from "./history.ts"
import { Judge } from "./judge.ts"
import { Model } from "./model.ts"
import * as Seen from "./seen.ts"
import * as Shown from "./shown.ts"
import type { Reader } from "./world.ts"
import { World } from "./world.ts"

/** Throws `Broken`, with what was promised and what was seen, when a promise does not hold. */
export const live = (history: History, services?: Context.Context<never>): World => {
  const checking = new Checking(history, services)
  // Every refusal is an error, and capturing stacks that nobody reads takes half of the time.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    checking.live()
  } catch (error) {
    throw new Broken(`${error instanceof Error ? error.message : String(error)}\n${checking.told()}`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return checking.world
}

const same = (what: string, promised: unknown, seen: unknown): void => {
  const [one, other] = [promised, seen].map((value) => JSON.stringify(value, undefined, 1))
  if (one !== other) throw new Broken(`${what}: promised is ${one}, seen was ${other}`)
}

class Checking {
  readonly world: World
  readonly model: Model
  readonly judge: Judge
  readonly #history: History
  readonly #log: Array<string> = []
  #heard = 0
  #wallWasSet = false

  constructor(history: History, services?: Context.Context<never>) {
    this.#history = history
    this.world = new World(history, services)
    this.model = new Model(history, this.world.bodies)
    this.judge = new Judge(history, this.model, this.world.stalls)
  }

  /** What happened, to be read beside a broken promise. */
  told(): string {
    return this.#log.join("\n")
  }

  live(): void {
    let afterwards = 0
    this.world.make()
    this.world.machine.rest()
    this.world.handles()
    this.#settle(false)
    for (const step of this.#history.steps) {
      // After the end there is little left to happen.
      if (this.model.closed && ++afterwards > 3) break
      this.#log.push(JSON.stringify(step))
      this.#step(step)
      this.#compare()
    }
    this.#end()
  }

  #step(step: Step): void {
    const { bodies: { agenda }, machine } = this.world
    switch (step._tag) {
      case "Acts":
        for (const act of step.acts) this.world.act(act)
        return this.#settle(false)
      case "Pass":
        return this.#pass(step.millis)
      case "Stall":
        this.world.stall(step.millis)
        if (step.first === "bodies") this.#ringWhile(() => agenda.next <= machine.now && agenda)
        if (step.first === "supervisor") this.#ringWhile(() => machine.sleepers.next <= machine.now && machine.sleepers)
        if (step.first === "all at once") {
          for (const alarms of [machine.sleepers, agenda]) alarms.ringAll(machine.now)
          this.#settle(false)
        }
        return
      case "Suspend":
        this.world.stall(step.millis)
        machine.sleepers.defer(step.millis)
        agenda.defer(step.millis)
        return
      case "SetWall":
        this.#wallWasSet = true
        machine.wallOffset += step.millis
    }
  }

  /** Time passes. What is due at one moment comes one after another, what runs do first. */
  #pass(millis: number): void {
    const { bodies: { agenda }, machine } = this.world
    const until = machine.now + millis
    this.#ringWhile(() => {
      const next = Math.min(agenda.next, machine.sleepers.next)
      if (next > until) return false
      machine.now = Math.max(machine.now, next)
      return agenda.next <= machine.sleepers.next ? agenda : machine.sleepers
    })
    machine.now = until
    this.#settle(true)
  }

  #ringWhile(next: () => { readonly ring: () => void } | false): void {
    for (let alarms = next(); alarms !== false; alarms = next()) {
      alarms.ring()
      this.#settle(false)
    }
  }

  /** The world comes to rest; the model follows, and judges what was told. */
  #settle(momentIsOver: boolean): void {
    const { model, world } = this
    world.machine.rest()
    if (world.bodies.broken !== undefined) throw new Broken(world.bodies.broken)
    model.now = world.machine.now
    model.settled.clear()
    model.turn(world.inputs.splice(0))
    const { events } = world.readers[0]!
    for (; this.#heard < events.length; this.#heard++) {
      const event = events[this.#heard]!
      if (event._tag === "Snapshot") continue
      const line = Seen.event(event, world.machine.wallOffset)
      this.#log.push(`${model.now}: ${line}`)
      this.judge.hear("task" in event ? event.task as "a" : "", line)
    }
    this.judge.atRest(momentIsOver)
    for (const [call, answer] of model.answers) {
      const seen = world.answers.get(call)
      const nobodyWaits = seen === "interrupted" && model.askers.get(call)?.bodyOver === true
      if (!nobodyWaits) same(`answer to call ${call}`, answer, seen)
    }
    same("start", model.start, world.start)
    same("runs", model.alive(), world.bodies.alive())
    same("questions", model.questions(), world.bodies.questions)
    this.#compareSettlements()
  }

  /** Whoever waits for a task is told how it stands the moment it comes to stand still. */
  #compareSettlements(): void {
    const { model, world } = this
    for (const [entry, settlement] of world.settled) {
      const promised = model.settled.get(entry) ?? [model.settlementOf(entry)]
      if (!promised.includes(settlement)) same(`await of ${entry}`, promised, settlement)
    }
    world.settled.clear()
    for (const entry of world.waiting) {
      if (model.settled.has(entry)) same(`await of ${entry}`, model.settled.get(entry), "(still waiting)")
    }
  }

  /** Whoever asks how a task stands is told at once, if it stands still. */
  #compareAwaits(): void {
    const { model, world } = this
    world.awaitAgain()
    for (const [entry, settlement] of world.settled) same(`await of ${entry}`, model.settlementOf(entry), settlement)
    world.settled.clear()
    for (const entry of world.waiting) same(`await of ${entry}`, model.settlementOf(entry), undefined)
  }

  #compare(): void {
    const { model, world } = this
    for (const reader of world.readers) this.#compareReader(reader)
    this.#compareAwaits()
    same("end", this.#shown(model.end), this.#shown(world.end))
    same(
      "statuses",
      this.#shown(model.closed ? "SupervisorClosed" : Shown.statuses(model.lives.values())),
      this.#shown(world.statuses())
    )
    for (const name of names) {
      const life = model.lives.get(name)
      const one = model.closed ? "SupervisorClosed" : life === undefined ? "TaskNotFound" : Shown.status(life)
      same(`status of ${name}`, this.#shown(one), this.#shown(world.statusOf(name)))
    }
  }

  /** Which of two wall clocks a moment is shown by, once the clock was set, is not promised. */
  #shown(status: string | ReadonlyArray<string> | undefined): unknown {
    return this.#wallWasSet ? JSON.stringify(status)?.replaceAll(/ (since|at) -?\d+/g, "") : status
  }

  /** Whoever reads events sees the same as everybody, and without a gap the same as who asks for statuses. */
  #compareReader(reader: Reader): void {
    const { events: all } = this.world.readers[0]!
    const { events, follower } = reader
    for (; reader.followed < events.length; reader.followed++) {
      const event = events[reader.followed]!
      follower.follow(event)
      if (event._tag === "Snapshot" || event._tag === "EventsMissed") continue
      // The first reader has come before everything else.
      same(`event ${event.sequence}`, all[event.sequence - all[0]!.sequence], event)
    }
    // It misses what was more than is kept for it, and not one event besides.
    same("events missed", Math.max(0, reader.behind - this.#history.options.eventCapacity), follower.missed)
    if (reader.readsAll && follower.missed === 0) {
      same("what events tell", Shown.told(this.model.lives.values()), follower.statuses)
    }
  }

  /** The scope is closed, and after it nothing is left but what was reported. */
  #end(): void {
    const { machine } = this.world
    this.#log.push("the scope is closed")
    this.world.bodies.letGo(false)
    this.world.close()
    this.#settle(false)
    for (let waited = 0; this.world.end === undefined && waited < 100_000; waited += 100) {
      this.world.bodies.letGo(false)
      this.#pass(100)
    }
    this.#compare()
    if (this.world.end === undefined) throw new Broken("the supervisor does not end")
    this.world.unstick()
    this.world.bodies.letGo(true)
    this.world.machine.rest()
    this.#compare()
    while (this.world.bodies.agenda.list.length > 0) {
      machine.now = this.world.bodies.agenda.next
      this.world.bodies.agenda.ring()
      this.world.machine.rest()
    }
    same("runs after the end", [], this.world.bodies.alive())
    same("sleepers after the end", 0, machine.sleepers.list.length)
  }
}
