/**
 * The workers of a pool: how they are acquired, watched, probed and released, as a history says.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Acquiring, Act, History } from "./history.ts"
import { slowness, sound } from "./history.ts"
import type { Process } from "./processes.ts"
import type { Worker } from "./seen.ts"
import { WorkerTrouble } from "./seen.ts"

/** Longer than a worker may take to be acquired. */
const tooLong = 600

export class Workers {
  readonly all: Array<Worker> = []
  readonly #plans: History["workers"]
  readonly #process: Process
  readonly #now: () => number
  readonly #next: () => number
  readonly #breaks: (what: string) => void
  /** How the next ones are acquired, before what is planned. */
  readonly #soon: Array<Acquiring> = []
  #finds: "passes" | "fails" | "hangs" = "passes"
  #lettingGo = false

  constructor(
    history: History,
    process: Process,
    now: () => number,
    next: () => number,
    breaks: (what: string) => void
  ) {
    this.#plans = history.workers
    this.#process = process
    this.#now = now
    this.#next = next
    this.#breaks = breaks
  }

  held(): ReadonlyArray<Worker> {
    return this.all.filter(({ state }) => state === "held")
  }

  alive(): ReadonlyArray<Worker> {
    return this.all.filter(({ state }) => state !== "gone")
  }

  act(act: Act & { readonly _tag: "Crash" | "Probe" | "Acquire" }): void {
    switch (act._tag) {
      case "Crash":
        return this.held().at(-1 - act.which)?.crash?.(act.how)
      case "Probe":
        this.#finds = act.finds
        return
      case "Acquire":
        for (let time = 0; time < act.times; time++) this.#soon.push(act.how)
    }
  }

  acquire(slot: string): Effect.Effect<Worker, WorkerTrouble, Scope.Scope> {
    return Effect.suspend(() => {
      const number = this.#next()
      const planned = this.#plans[number - 1] ?? sound
      const worker: Worker = {
        number,
        slot,
        plan: { ...planned, acquire: this.#soon.shift() ?? planned.acquire },
        at: this.#now(),
        jobs: [],
        state: "being acquired",
        released: 0,
        doomed: false,
        ended: false,
        crash: undefined,
        letGo: undefined
      }
      const before = this.alive().find((other) => other.slot === slot)
      if (before !== undefined) {
        this.#breaks(`worker ${number} is acquired for ${slot} while worker ${before.number} is ${before.state}`)
      }
      this.all.push(worker)
      return Effect.andThen(Effect.addFinalizer(() => this.#release(worker)), this.#gets(worker))
    })
  }

  #gets(worker: Worker): Effect.Effect<Worker, WorkerTrouble> {
    const got = Effect.sync(() => {
      worker.state = "held"
      return worker
    })
    switch (worker.plan.acquire) {
      case "at once":
        return got
      case "slowly":
        return Effect.andThen(this.#slowly(), got)
      case "fails":
        return Effect.fail(new WorkerTrouble())
      case "dies":
        return Effect.die(new WorkerTrouble())
      case "interrupts itself":
        return Effect.interrupt
      case "hangs":
        return Effect.never
      case "too long, and deaf":
        return Effect.andThen(Effect.uninterruptible(this.#slowly(tooLong)), got)
    }
  }

  #release(worker: Worker): Effect.Effect<void> {
    return Effect.suspend(() => {
      const over = Effect.sync(() => {
        worker.state = "gone"
        worker.released++
      })
      if (worker.state !== "held") return over
      worker.state = "being released"
      switch (worker.plan.release) {
        case "at once":
          return over
        case "slowly":
          return Effect.andThen(this.#slowly(), over)
        case "dies":
          return Effect.andThen(over, Effect.die(new Error("release")))
        case "stuck":
          return Effect.andThen(this.#lettingGo ? Effect.void : this.#stuck(worker), over)
      }
    })
  }

  #slowly(millis: number = slowness): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const { agenda } = this.#process
      const alarm = agenda.set(this.#now() + millis, () => resume(Effect.void))
      return Effect.sync(() => agenda.cancel(alarm))
    })
  }

  #stuck(worker: Worker): Effect.Effect<void> {
    return Effect.callback((resume) => {
      worker.letGo = () => resume(Effect.void)
    })
  }

  /** Stuck releases end, now and from now on. */
  letGo(): void {
    this.#lettingGo = true
    for (const { letGo } of this.all) letGo?.()
  }

  watch(worker: Worker): Effect.Effect<void, WorkerTrouble> {
    return Effect.flatten(Effect.callback<Effect.Effect<void, WorkerTrouble>>((resume) => {
      worker.crash = (how) => {
        worker.crash = undefined
        worker.doomed = true
        worker.ended = true
        resume(Effect.succeed(
          how === "ends"
            ? Effect.void
            : how === "fails"
            ? Effect.fail(new WorkerTrouble())
            : how === "dies"
            ? Effect.die(new Error("worker"))
            : Effect.interrupt
        ))
      }
      return Effect.sync(() => {
        worker.crash = undefined
      })
    }))
  }

  probe(worker: Worker): Effect.Effect<void, WorkerTrouble> {
    return Effect.suspend(() => {
      if (this.#finds === "passes") return Effect.void
      worker.doomed = true
      return this.#finds === "fails" ? Effect.fail(new WorkerTrouble()) : Effect.never
    })
  }
}
