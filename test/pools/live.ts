/**
 * Lives a history through with pools, and says where it breaks a promise.
 */
import { Broken } from "../promises/broken.ts"
import type { Act, History, Step } from "./history.ts"
import type { Living } from "./living.ts"
import { Promises } from "./promises.ts"
import { World } from "./world.ts"

/** Throws `Broken`, with what was promised and what happened, when a promise does not hold. */
export const live = (history: History): World => {
  const life = new Life(history)
  // Every refusal is an error, and capturing stacks that nobody reads takes its time.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    life.live()
  } catch (error) {
    throw new Broken(`${error instanceof Error ? error.message : String(error)}\n${life.log.join("\n")}`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return life.world
}

class Life {
  readonly world: World
  readonly promises: Promises
  readonly log: Array<string> = []
  readonly #history: History

  constructor(history: History) {
    this.#history = history
    this.world = new World(history)
    this.promises = new Promises(this.world)
  }

  live(): void {
    this.world.open("a")
    this.#settle()
    for (const step of this.#history.steps) {
      this.log.push(`${this.world.now}: ${JSON.stringify(step)}`)
      this.#step(step)
      this.promises.compare()
    }
    this.#end()
  }

  #step(step: Step): void {
    switch (step._tag) {
      case "Acts":
        return this.#acts(step.acts)
      case "Pass":
        return this.#pass(step.millis)
      case "Stand":
        this.world.stand(step, () => {
          this.#acts(step.acts)
          this.#pass(step.millis)
        })
        // What fell due meanwhile happens now.
        return this.#pass(0)
    }
  }

  #acts(acts: ReadonlyArray<Act>): void {
    const [first] = acts
    const check = first?._tag === "Check" ? this.world.newest(first.pool) : undefined
    const restartable = check === undefined ? undefined : this.promises.slots.restartable(check)
    for (const act of acts) this.world.act(act)
    this.#settle()
    if (restartable === undefined || acts.length > 1) return
    const answer = check!.commands.at(-1)!.answer
    if (answer === `succeeded with ${restartable.length}`) return
    const slots = restartable.map(({ slot }) => slot).join(", ")
    throw new Broken(`${slots || "no slot"} could be put back to work, and the pass ${answer}`)
  }

  #pass(millis: number): void {
    this.world.processes.pass(millis, () => this.#settle())
    this.#settle()
  }

  #settle(): void {
    this.world.processes.rest()
    this.#hear()
    this.promises.atRest()
  }

  readonly #heard = new Map<Living, number>()

  #hear(): void {
    for (const life of this.world.lives) {
      const events = life.readers[0]?.events ?? []
      for (let at = this.#heard.get(life) ?? 0; at < events.length; at++) {
        const { pool, sequence, time, ...event } = events[at]!
        this.log.push(`  ${this.world.now}: pool ${life.process.number} tells ${JSON.stringify(event)}`)
      }
      this.#heard.set(life, events.length)
    }
  }

  /** All pools are closed, and after it nothing is left. */
  #end(): void {
    const { lives } = this.world
    this.log.push(`${this.world.now}: all pools are closed`)
    for (const { process } of lives) if (process.state === "running") this.world.store.trouble(process, undefined)
    const left = lives.filter(({ process }) => process.state === "running")
    for (const life of left) {
      if (life.options.stopTimeout === "infinity") life.letGo()
      life.close()
    }
    this.#settle()
    for (let waited = 0; left.some(({ closedAt }) => closedAt === undefined); waited += 100) {
      if (waited > 60_000) throw new Broken("the pools do not close")
      for (const life of left) if (life.options.stopTimeout === "infinity") life.letGo()
      this.#pass(100)
    }
    this.promises.compare()
    for (const life of left) {
      life.unstick()
      life.letGo()
    }
    this.#settle()
    // Whoever asks the store something still is answered.
    this.#pass(1000)
    for (const life of left) this.#nothingIsLeft(life)
  }

  #nothingIsLeft(life: Living): void {
    const { commands, jobs, process, workers } = life
    const left = [
      ...workers.alive().map(({ number, state }) => `worker ${number} is ${state}`),
      ...jobs.all.filter(({ body }) => body === "is alive").map(({ number }) => `job ${number} is alive`),
      ...jobs.all.filter(({ answer }) => answer === undefined).map(({ number }) => `job ${number} is not answered`),
      ...commands.filter(({ answer }) => answer === undefined).map(({ what }) => `${what} is not answered`),
      ...process.machine.sleepers.list.map(({ due }) => `somebody sleeps until ${due} ms`),
      ...(this.world.store.inFlight(process) > 0 ? ["the store is asked something"] : [])
    ]
    if (left.length > 0) throw new Broken(`left by pool ${process.number}: ${left.join(", ")}`)
    for (const { number, released } of workers.all) {
      if (released !== 1) throw new Broken(`worker ${number} was released ${released} times`)
    }
  }
}
