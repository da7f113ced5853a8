/**
 * Failures that repeat: the first is told, then the second, the fourth, the eighth and so on, each with how many they have
 * been, and from the fourth on louder.
 */
import { reasonLine } from "./render.ts"
import type { Decision } from "./state.ts"

interface Streak {
  readonly failure: string
  times: number
}

/** How a failure is to be told. */
export interface Repeated {
  /** How often it has come in a row, itself included. */
  readonly times: number
  readonly isTold: boolean
  readonly isLouder: boolean
}

const louderFrom = 4

const first: Repeated = { times: 1, isTold: true, isLouder: false }

export class Repeats {
  readonly #streaks = new Map<string, Streak>()

  /** Takes note of what is told of a task. For what a failure brings about it is as for the failure. */
  note({ attempt, notice, task }: Decision & { readonly _tag: "Notify" }): Repeated {
    switch (notice._tag) {
      case "TaskFailed":
        return this.#failed(task, notice.reason._tag === "Failed" ? reasonLine(notice.reason) : notice.reason._tag)
      case "TaskEnded":
        return this.#failed(task, notice._tag)
      case "HeartbeatMissed":
      case "ProbeFailed": {
        const streak = this.#streaks.get(task)
        return streak?.failure === notice._tag ? repeated(streak.times + 1) : first
      }
      case "RestartScheduled": {
        const streak = this.#streaks.get(task)
        return streak === undefined || notice.reason._tag === "Sibling" ? first : repeated(streak.times)
      }
      case "TaskStarting":
        if (attempt === 0) this.#streaks.delete(task)
        return first
      case "TaskStable":
      case "TaskCompleted":
      case "TaskStopped":
      case "TaskDead":
      case "TaskRemoved":
        this.#streaks.delete(task)
        return first
      default:
        return first
    }
  }

  #failed(task: string, failure: string): Repeated {
    const streak = this.#streaks.get(task)
    if (streak?.failure === failure) return repeated(++streak.times)
    this.#streaks.set(task, { failure, times: 1 })
    return first
  }
}

/** Told at every power of two. */
const repeated = (times: number): Repeated => ({
  times,
  isTold: (times & (times - 1)) === 0,
  isLouder: times >= louderFrom
})
