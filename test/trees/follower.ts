/**
 * Follows a tree by its events alone: a snapshot of each supervisor, then changes. What was below a task that runs anew is
 * gone.
 */
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import { Follower } from "../promises/follower.ts"

export class TreeFollower {
  readonly #followers = new Map<string, Follower>()

  get statuses(): ReadonlyArray<string> {
    return Array.from(this.#followers.values()).flatMap(({ statuses }) => statuses).toSorted()
  }

  follow(event: SupervisorEvent): void {
    const { sequence, supervisor } = event
    if (event._tag === "SupervisorStarted") {
      this.#forget(supervisor)
      const follower = new Follower()
      follower.follow({ _tag: "Snapshot", sequence, time: event.time, supervisor, statuses: [] })
      this.#followers.set(supervisor, follower)
      return
    }
    if (event._tag === "Snapshot") this.#followers.set(supervisor, new Follower())
    if (event._tag === "TaskStarting" || event._tag === "TaskRemoved") this.#forget(`${supervisor}/${event.task}`)
    this.#followers.get(supervisor)!.follow(event)
  }

  /** A supervisor at this path, and all below. */
  #forget(path: string): void {
    for (const other of Array.from(this.#followers.keys())) {
      if (other === path || other.startsWith(`${path}/`)) this.#followers.delete(other)
    }
  }
}
