/**
 * Follows a supervisor by its events alone: a snapshot, then changes. Nothing may be missing that is not told to be.
 */
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import { Broken } from "./broken.ts"

interface Seen {
  readonly status: TaskStatus["_tag"]
  readonly generation: number
  readonly attempt: number
  readonly detail?: string
}

/** A status in the words a follower has for it. */
export const briefly = (task: string, { attempt, detail, generation, status }: Seen): string =>
  `${status} ${task}#${generation} attempt ${attempt}${detail === undefined ? "" : `, ${detail}`}`

export class Follower {
  /** The number of the newest event, -1 before the snapshot. */
  sequence = -1
  missed = 0
  readonly #tasks = new Map<string, Seen>()

  get statuses(): ReadonlyArray<string> {
    return Array.from(this.#tasks, ([task, seen]) => briefly(task, seen))
  }

  follow(event: SupervisorEvent): void {
    const { sequence } = event
    const expected = event._tag === "Snapshot"
      ? sequence
      : this.sequence + (event._tag === "EventsMissed" ? event.missed : 1)
    if (sequence !== expected || (this.sequence === -1) !== (event._tag === "Snapshot")) {
      throw new Broken(`${event._tag} came with number ${sequence}, it should have been ${expected}`)
    }
    this.sequence = sequence
    switch (event._tag) {
      case "Snapshot":
        for (const status of event.statuses) {
          const detail = status._tag === "Stopping" && status.overdue
            ? "overdue"
            : status._tag === "Dead"
            ? status.why
            : undefined
          this.#see(status.task, status._tag, status.generation, status.attempt, detail)
        }
        return
      case "EventsMissed":
        this.missed += event.missed
        return
      case "TaskAdded":
        return this.#see(event.task, "Created", 0, 0)
      case "TaskStarting":
        return this.#see(event.task, "Starting", event.generation, event.attempt)
      case "TaskHealthy":
        return this.#see(event.task, "Healthy", event.generation)
      case "TaskStable":
        return this.#see(event.task, this.#tasks.get(event.task)?.status ?? "Healthy", event.generation, 0)
      case "TaskEnded":
      case "TaskFailed":
        return this.#see(event.task, "Failed", event.generation)
      case "RestartScheduled":
        return this.#see(event.task, "Failed", event.generation, event.attempt)
      case "TaskStopping":
        return this.#see(event.task, "Stopping", event.generation)
      case "TaskUnstoppable":
        return this.#see(event.task, "Stopping", event.generation, undefined, "overdue")
      case "TaskStopped":
        return this.#see(event.task, "Stopped", event.generation)
      case "TaskCompleted":
        return this.#see(event.task, "Completed", event.generation)
      case "TaskDead":
        return this.#see(event.task, "Dead", event.generation, undefined, event.why)
      case "TaskRemoved":
        this.#tasks.delete(event.task)
    }
  }

  #see(task: string, status: Seen["status"], generation: number, attempt?: number, detail?: string): void {
    const before = this.#tasks.get(task)
    this.#tasks.set(task, {
      status,
      generation,
      attempt: attempt ?? before?.attempt ?? 0,
      ...(detail === undefined ? {} : { detail })
    })
  }
}
