/**
 * What is promised of slots: one worker each, no rest while jobs wait, a restart for each error when it is due, an owner
 * for each; and what the store has of them is so.
 */
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import { Broken } from "../promises/broken.ts"
import { bound } from "../promises/history.ts"
import type { Living } from "./living.ts"
import { same } from "./same.ts"
import type { Worker } from "./seen.ts"
import type { World } from "./world.ts"

const isBusy = ({ jobs }: Worker): boolean => jobs.some(({ body }) => body === "is alive")

export class PromisesOfSlots {
  readonly #world: World
  /** Since when a slot in error could have been put back to work. */
  readonly #restartable = new Map<string, number>()
  /** Since when there are slots that nobody owns, and a pool would. */
  readonly #free = new Map<Living, number>()

  constructor(world: World) {
    this.#world = world
  }

  /** Each is released once, when no job runs on it any more. */
  workers(life: Living): void {
    for (const { jobs, number, released, state } of life.workers.all) {
      if (released > 1) throw new Broken(`worker ${number} was released ${released} times`)
      const alive = state === "held" ? undefined : jobs.find(({ body }) => body === "is alive")
      if (alive !== undefined) throw new Broken(`job ${alive.number} is alive on worker ${number}, which is ${state}`)
    }
  }

  /** A worker that has ended is let go of, and none rests while a job waits. */
  worksWhileJobsWait(life: Living): void {
    const dead = life.workers.held().find((worker) => worker.ended && !isBusy(worker))
    if (dead !== undefined) throw new Broken(`worker ${dead.number} has ended, and ${dead.slot} still has it`)
    const waiting = life.jobs.all.find(({ answer, begun, by, refused }) =>
      answer === undefined && begun === undefined && by !== "fanOut" && !refused
    )
    if (waiting === undefined) return
    const resting = life.workers.held().find((worker) => !isBusy(worker))
    if (resting === undefined) return
    throw new Broken(`job ${waiting.number} waits, and worker ${resting.number} on ${resting.slot} has nothing to do`)
  }

  /** It stood still for so long that others may have its slots, and may not have seen it yet. */
  #mayBeLate({ options: { lease, storeTimeout }, process }: Living): boolean {
    return process.stood >= lease / 2 && this.#world.now <= process.wentOnAt + lease / 3 + 2 * storeTimeout
  }

  /** Whether what it knows of its slots is what the store has. */
  #isSettled(life: Living): boolean {
    const { now, store } = this.#world
    const { degraded, slots: { foreign } } = life.look(life.pool!.status)
    if (store.meddledWith.size > 0 || degraded !== undefined || this.#mayBeLate(life)) return false
    if (foreign === 0) return true
    // What was claimed, and not answered, is claimed again at the next renewal; what was lost on its way out is not.
    if (now <= store.wellSince(life.process) + life.options.lease / 3 + 1) return false
    return life.follower.lost.size === 0 || !life.commands.some(({ what }) => what === "scale")
  }

  /** The store says what the pool does. */
  records(life: Living): void {
    const pool = life.pool!
    const { foreign, total, ...seen } = life.look(pool.status).slots
    same("slots in total", total, Object.values(seen).reduce((sum, count) => sum + count, foreign))
    if (!this.#isSettled(life)) return
    const counts = { idle: 0, busy: 0, errored: 0, exhausted: 0, stopped: 0 }
    for (const record of this.#world.store.records()) {
      if (record.owner !== pool.owner) continue
      counts[this.#stateOf(life, record)]++
      this.#record(life, record)
    }
    same("slots by state, as the store has them", counts, seen)
  }

  #stateOf({ options }: Living, { exhausted, restarts, state }: SlotRecord) {
    switch (state) {
      case "Idle":
        return "idle"
      case "Busy":
        return "busy"
      case "Stopped":
        return "stopped"
      case "Errored":
        return exhausted === true || restarts >= bound(options.maxRestarts) ? "exhausted" : "errored"
    }
  }

  /** What is in a slot is what its record says. */
  #record(life: Living, { job, restarts, slot, state }: SlotRecord): void {
    const alive = life.workers.alive().filter((worker) => worker.slot === slot)
    if (restarts > bound(life.options.maxRestarts)) throw new Broken(`${slot} was put back to work ${restarts} times`)
    if (life.follower.drained && state !== "Stopped") throw new Broken(`${slot} is ${state}, and the pool was drained`)
    switch (state) {
      case "Idle":
        if (alive.length === 0) throw new Broken(`${slot} is Idle, and has no worker`)
        return
      case "Busy": {
        const running = life.jobs.all.find(({ answer, begun, body, by }) =>
          begun?.worker.slot === slot && (by === "fanOut" ? body === "is alive" : answer === undefined)
        )
        if (running?.id !== job) throw new Broken(`${slot} is Busy with ${job}, and its job is ${running?.id}`)
        return
      }
      default: {
        const ready = alive.find((worker) =>
          (worker.state === "held" && !isBusy(worker)) ||
          (worker.state === "being acquired" && worker.plan.acquire !== "too long, and deaf")
        )
        if (ready !== undefined) throw new Broken(`${slot} is ${state}, and worker ${ready.number} is ${ready.state}`)
      }
    }
  }

  /** What a pass puts back to work, by what the store has; nothing where that can't be said. */
  restartable(life: Living): ReadonlyArray<SlotRecord> | undefined {
    const { now, store } = this.#world
    const { pool, process } = life
    // What somebody stopped by its name stays so.
    if (life.stoppedByName) return undefined
    if (pool === undefined || !life.isOpen || process.lag > 0 || store.meddledWith.size > 0) return undefined
    if (store.isInTrouble(process) || store.inFlight(process) > 0 || process.next <= now) return undefined
    if (life.commands.some(({ answer, what }) => answer === undefined && what !== "cancel")) return undefined
    if (life.drain !== undefined && !life.follower.drained) return undefined
    const { degraded, draining } = life.look(pool.status)
    if (degraded !== undefined) return undefined
    const maxRestarts = bound(life.options.maxRestarts)
    if (draining) return []
    return store.records().filter(({ dueAt, exhausted, owner, restarts, slot, state }) =>
      owner === pool.owner && state === "Errored" && exhausted !== true && restarts < maxRestarts &&
      (dueAt === undefined || dueAt <= process.machine.currentTimeMillisUnsafe()) &&
      !life.workers.alive().some((worker) => worker.slot === slot)
    )
  }

  /** The health supervisor, where there is one, puts everything back to work within its interval. */
  restarts(life: Living): void {
    const { health } = life.options
    const isStopped = life.commands.some(({ asked, what }) => what === "health" && asked === "stopped")
    const { now } = this.#world
    const of = `of pool ${life.process.number}`
    const keys = (health === "none" || isStopped ? [] : this.restartable(life) ?? []).map(({ slot, version }) =>
      `${slot} (${version}) ${of}`
    )
    for (const key of Array.from(this.#restartable.keys())) {
      if (key.endsWith(of) && !keys.includes(key)) this.#restartable.delete(key)
    }
    for (const key of keys) {
      const since = this.#restartable.get(key)
      if (since === undefined) this.#restartable.set(key, now)
      else if (health !== "none" && now - since > health + life.process.stood) {
        throw new Broken(`${key} is in error since ${since} ms, and could be put back to work`)
      }
    }
  }

  /** What nobody owns any more is taken over soon. */
  takesOver(life: Living): void {
    const { now, store } = this.#world
    const pool = life.pool!
    const soon = life.options.lease / 3 + 1
    if (store.meddledWith.size > 0 || life.process.stood > 0 || life.drain !== undefined) return
    const taken = store.records().filter(({ owner }) =>
      owner !== undefined && owner !== pool.owner && (store.leases.get(owner) ?? 0) > now - soon
    )
    const { foreign } = life.look(pool.status).slots
    // What is on its way out is not taken up again.
    const isLeaving = life.commands.some(({ answer, what }) => what === "scale" && !answer?.startsWith("succeeded"))
    if (foreign <= taken.length || isLeaving) {
      this.#free.delete(life)
      return
    }
    const since = Math.max(this.#free.get(life) ?? now, store.wellSince(life.process))
    this.#free.set(life, since)
    if (now <= since + soon) return
    throw new Broken(`since ${since} ms ${foreign} slots are not the pool's, and ${taken.length} are others'`)
  }
}
