/**
 * What a pool promises, looked at whenever everything has come to rest.
 */
import { Broken } from "../promises/broken.ts"
import type { Living } from "./living.ts"
import { PromisesOfJobs } from "./promisesOfJobs.ts"
import { PromisesOfSlots } from "./promisesOfSlots.ts"
import { PromisesOfWords } from "./promisesOfWords.ts"
import type { World } from "./world.ts"

export class Promises {
  readonly #world: World
  readonly #jobs: PromisesOfJobs
  readonly slots: PromisesOfSlots
  readonly #words: PromisesOfWords

  constructor(world: World) {
    this.#world = world
    this.#jobs = new PromisesOfJobs(world)
    this.slots = new PromisesOfSlots(world)
    this.#words = new PromisesOfWords(world)
  }

  /** What is due in it, and has not been done yet, is nobody's fault; nor is what the store has not answered. */
  #isQuiet({ process }: Living): boolean {
    return process.next > this.#world.now && this.#world.store.inFlight(process) === 0
  }

  atRest(): void {
    for (const life of this.#world.lives) {
      if (life.broken !== undefined) throw new Broken(`pool ${life.process.number}: ${life.broken}`)
      if (life.process.state !== "running") continue
      this.slots.workers(life)
      this.#words.follow(life)
      this.#jobs.judge(life)
      if (!this.#isQuiet(life)) continue
      this.#words.opened(life)
      this.#jobs.answered(life)
      this.#words.commanded(life)
      if (!life.isOpen) continue
      this.#jobs.firstServed(life)
      this.#jobs.countsAddUp(life)
      this.slots.worksWhileJobsWait(life)
      this.slots.records(life)
      this.slots.restarts(life)
      this.slots.takesOver(life)
    }
  }

  /** What is asked for at the end of a step. */
  compare(): void {
    for (const life of this.#world.lives) {
      if (!life.isThere) continue
      this.#words.compareReaders(life)
      if (!this.#isQuiet(life)) continue
      this.#jobs.compareList(life)
      if (life.isOpen) this.#words.compareStatus(life)
    }
  }
}
