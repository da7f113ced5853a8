/**
 * What tasks come to, for those who wait for it: the value of one that has completed, the error of one that is dead or
 * stopped, and what a supervisor fails with for it.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as SupervisorError from "../SupervisorError.ts"
import * as Causes from "./causes.ts"
import { isSettled } from "./entry.ts"
import type { Registry } from "./registry.ts"
import * as Render from "./render.ts"
import type { Settlement, Supervised } from "./run.ts"
import type { GiveUp, Settled, State } from "./state.ts"
import type * as Waiters from "./waiters.ts"

/** What a task comes to that was to take the place of another, and does not. */
const neverRun = { _tag: "Stopped", runs: 0 } as const
const shutDown = { _tag: "Dead", why: "ShutDown", runs: 0, failure: undefined, policyCause: undefined } as const

export class Settlements {
  readonly #path: string
  readonly #state: State
  readonly #registry: Registry
  readonly #wake: (waiters: Waiters.Waiters<Settlement>, settlement: Settlement) => void

  constructor(options: {
    readonly path: string
    readonly state: State
    readonly registry: Registry
    /** Tells those who wait, once all that follows from the event has been decided. */
    readonly wake: (waiters: Waiters.Waiters<Settlement>, settlement: Settlement) => void
  }) {
    this.#path = options.path
    this.#state = options.state
    this.#registry = options.registry
    this.#wake = options.wake
  }

  /** Takes over what a task of a new list is; what was to follow until now does not. */
  redefine(id: number, task: Supervised, isSame: boolean): void {
    const before = this.#registry.successor(id)
    this.#registry.redefine(id, task, isSame)
    if (before !== undefined && this.#registry.successor(id) !== before) this.#conclude(before, neverRun)
  }

  settle(task: Supervised, outcome: Settled): void {
    this.#conclude(task, outcome)
    // What was to follow does not either, unless its turn is still to come.
    const successor = this.#registry.successor(task.id)
    if (successor === undefined) return
    const entry = this.#state.entries.get(task.id)
    if (entry !== undefined && (entry.lined || !isSettled(entry.phase))) return
    this.#conclude(successor, outcome._tag === "Dead" ? { ...outcome, runs: 0, failure: undefined } : neverRun)
  }

  #conclude(task: Supervised, outcome: Settled): void {
    task.settled = outcome
    task.settlement = undefined
    task.step = undefined
    const { waiters } = task
    if (waiters !== undefined && waiters.resumes.size > 0) this.#wake(waiters, this.#made(task, outcome))
  }

  /** The outcome of a task, or nothing yet. The error is made when somebody asks: most never do. */
  of(task: Supervised): Settlement | undefined {
    return task.settlement ?? (task.settled === undefined ? undefined : this.#made(task, task.settled))
  }

  #made(task: Supervised, outcome: Settled): Settlement {
    task.settlement = this.#settlementOf(task, outcome)
    return task.settlement
  }

  #settlementOf(task: Supervised, outcome: Settled): Settlement {
    switch (outcome._tag) {
      case "Completed":
        return Exit.succeed(task.run?.value)
      case "Stopped":
        return Exit.fail(
          new SupervisorError.TaskStopped({ supervisor: this.#path, task: task.name, runs: outcome.runs })
        )
      case "Dead":
        return Exit.fail(this.#taskDead(task, outcome))
    }
  }

  #taskDead(task: Supervised, outcome: Settled & { readonly _tag: "Dead" }): SupervisorError.TaskDead {
    const { failure, policyCause, runs, why } = outcome
    const own = Causes.ofReason(failure?.reason)
    const cause = policyCause === undefined ? own : Causes.both(own, policyCause)
    return new SupervisorError.TaskDead({
      supervisor: this.#path,
      task: task.name,
      why,
      runs,
      failure: Render.causeLine(cause),
      cause
    })
  }

  /** The supervisor has ended: whoever waits for a task whose run did not end would wait for ever. */
  conclude(): void {
    for (const entry of this.#state.names.values()) {
      const task = this.#registry.task(entry.id)
      const successor = this.#registry.successor(task.id)
      if (task.settled !== undefined && successor === undefined) continue
      const { generation: runs, lastFailure: failure } = entry
      if (task.settled === undefined) this.#conclude(task, { ...shutDown, runs, failure })
      if (successor !== undefined && successor.settled === undefined) this.#conclude(successor, shutDown)
    }
  }

  /** What the supervisor fails with. */
  reasonOf(failure: GiveUp): SupervisorError.SupervisorError["reason"] {
    if (failure._tag === "TooManyDeadTasks") {
      const { dead, threshold, total } = failure
      return new SupervisorError.TooManyDeadTasks({ dead, total, threshold })
    }
    const task = this.#registry.task(failure.id)
    if (failure._tag === "TooManyRestarts") return this.#tooManyRestarts(task, failure)
    const settlement = this.of(task)
    const dead = settlement !== undefined && Exit.isFailure(settlement) ? Cause.squash(settlement.cause) : undefined
    if (!(dead instanceof SupervisorError.TaskDead)) throw new Error(`task "${task.name}" escalates and is not dead`)
    return task.listed ? dead : new SupervisorError.DynamicTaskDead({ dead })
  }

  #tooManyRestarts(
    task: Supervised,
    { reason, restarts, within }: GiveUp & { readonly _tag: "TooManyRestarts" }
  ): SupervisorError.SupervisorError["reason"] {
    const cause = Causes.ofReason(reason)
    const failure = reason._tag === "Completed" ? "" : Render.causeLine(cause)
    const exceeded = new SupervisorError.TooManyRestarts({ task: task.name, restarts, within, failure, cause })
    return task.listed ? exceeded : new SupervisorError.DynamicTooManyRestarts({ exceeded })
  }
}
