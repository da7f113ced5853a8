/**
 * Everything there is in a history of pools: processes, the store they share, and the pools that live in them.
 */
import type { Act, History, Name, Step } from "./history.ts"
import { Living } from "./living.ts"
import { Processes } from "./processes.ts"
import { SharedStore } from "./store.ts"

export class World {
  readonly processes = new Processes()
  readonly store = new SharedStore(this.processes)
  readonly lives: Array<Living> = []
  readonly #history: History
  #workers = 0

  constructor(history: History) {
    this.#history = history
  }

  get now(): number {
    return this.processes.now
  }

  open(name: Name): void {
    const process = this.processes.begin(name)
    const life = new Living(this.#history, process, this, () => ++this.#workers)
    this.lives.push(life)
    life.open()
  }

  /** The one of that name, gone or not. */
  newest(name: Name): Living | undefined {
    return this.lives.findLast(({ process }) => process.name === name)
  }

  act(act: Act): void {
    switch (act._tag) {
      case "Trouble": {
        for (const { process } of this.lives) {
          if (act.of !== "everybody" && act.of !== process.name) continue
          this.store.trouble(process, act.how)
          this.processes.agenda.set(this.now + act.lasts, () => this.store.trouble(process, undefined))
        }
        return
      }
      case "Meddle":
        return this.store.meddle(`slot-${act.slot}`, act.how)
      case "Open": {
        const before = this.newest(act.pool)
        if (before !== undefined && before.closedAt === undefined && before.process.state !== "gone") return
        return this.open(act.pool)
      }
      case "Die": {
        const process = this.newest(act.pool)?.process
        if (process?.state === "running") process.state = "gone"
        return
      }
      default: {
        const life = this.newest(act.pool)
        if (life?.isThere === true && life.closedAt === undefined) life.act(act)
      }
    }
  }

  /** A process stands still; others go on. */
  stand(step: Step & { readonly _tag: "Stand" }, during: () => void): void {
    const process = this.newest(step.pool)?.process
    if (process !== undefined) this.processes.stand(process)
    during()
    if (process !== undefined) this.processes.goOn(process, step.how)
  }
}
