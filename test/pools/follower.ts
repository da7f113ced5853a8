/**
 * Follows a pool by its events alone: a snapshot, then changes. Nothing may be missing that is not told to be.
 */
import type { PoolStatus, SlotPoolEvent } from "effect-supervisor/SlotPoolEvent"
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import { Broken } from "../promises/broken.ts"
import { bound } from "../promises/history.ts"
import type { Options } from "./history.ts"

type State = "in order" | "errored" | "exhausted" | "stopped"

export class Follower {
  /** The number of the newest event, -1 before the snapshot. */
  sequence = -1
  readonly #slots = new Map<string, State>()
  readonly #restarts = new Map<string, number>()
  readonly lost = new Set<string>()
  drained = false
  hasRemoved = false
  /** It knows the slots there were when it began. */
  knows = true
  readonly #options: Options
  readonly #maxRestarts: number
  /** When slots were last put back to work, where that was told. */
  readonly #restartedAt = new Map<string, number>()
  #meddledWith: ReadonlySet<string> = new Set()
  #isExact = true
  #time = 0
  #total = 0
  #restarted = 0
  #draining = false
  #degraded = false

  constructor(options: Options) {
    this.#options = options
    this.#maxRestarts = bound(options.maxRestarts)
  }

  /** What it has arrived at, in the words of a status. */
  get shown(): object {
    const count = (wanted: State) => Array.from(this.#slots.values()).filter((state) => state === wanted).length
    return {
      total: this.#total,
      inOrder: count("in order"),
      errored: count("errored"),
      exhausted: count("exhausted"),
      stopped: count("stopped"),
      foreign: this.#total - this.#slots.size,
      restarts: this.#restarted,
      draining: this.#draining,
      degraded: this.#degraded
    }
  }

  /** The slots that the pool owns are not in the snapshot. */
  begin({ degraded, draining, owner, restarts, slots }: PoolStatus, records: ReadonlyArray<SlotRecord>): void {
    this.#total = slots.total
    this.#restarted = restarts
    this.#draining = draining
    this.#degraded = degraded !== undefined
    for (const record of records) {
      if (record.owner !== owner) continue
      this.#see({ ...record, exhausted: record.exhausted === true || record.restarts >= this.#maxRestarts })
    }
    // While the store does not do what it is asked, and say so, its records are not what the pool knows.
    this.knows = !this.#degraded && this.#slots.size === slots.total - slots.foreign
  }

  #see({ exhausted, restarts, slot, state }: Pick<SlotRecord, "slot" | "state" | "restarts" | "exhausted">): void {
    this.#restarts.set(slot, restarts)
    this.#slots.set(
      slot,
      state === "Stopped" ? "stopped" : state !== "Errored" ? "in order" : exhausted === true ? "exhausted" : "errored"
    )
  }

  /**
   * What was done to slots behind the pool's back is not told. Events are told at the moment they tell of where the store
   * answers at once and the clocks go on.
   */
  follow(event: SlotPoolEvent, meddledWith: ReadonlySet<string>, isExact: boolean): void {
    this.#meddledWith = meddledWith
    this.#isExact = isExact
    const { sequence } = event
    const expected = event._tag === "PoolSnapshot" ? sequence : this.sequence + 1
    if (sequence !== expected || (this.sequence === -1) !== (event._tag === "PoolSnapshot")) {
      throw new Broken(`${event._tag} came with number ${sequence}, it should have been ${expected}`)
    }
    this.sequence = sequence
    if (event.time < this.#time) throw new Broken(`${event._tag} came with time ${event.time} after ${this.#time}`)
    this.#time = event.time
    switch (event._tag) {
      case "SlotClaimed":
        if (this.#slots.has(event.slot) && this.knows) {
          throw new Broken(`${event.slot} is claimed, and was the pool's already`)
        }
        this.#see(event)
        return
      case "SlotLost":
        this.#expect(event.slot, ["in order", "errored", "exhausted", "stopped"], "lost")
        this.lost.add(event.slot)
        this.#slots.delete(event.slot)
        return
      case "SlotErrored":
        this.#expect(event.slot, ["in order"], "errored")
        this.#errored(event)
        return
      case "SlotExhausted":
        this.#expect(event.slot, ["errored"], "exhausted")
        this.#slots.set(event.slot, "exhausted")
        return
      case "SlotRestarted": {
        this.#expect(event.slot, ["errored"], "restarted")
        this.#slots.set(event.slot, "in order")
        this.#restarted++
        const before = this.#restarts.get(event.slot)
        if (before !== undefined && event.restarts !== before + 1 && !meddledWith.has(event.slot)) {
          throw new Broken(`${event.slot} is restarted for the ${event.restarts}th time after ${before}`)
        }
        if (event.restarts > this.#maxRestarts) throw new Broken(`${event.slot} is restarted ${event.restarts} times`)
        this.#restarts.set(event.slot, event.restarts)
        this.#restartedAt.set(event.slot, event.time)
        return
      }
      case "SlotStable":
        this.#expect(event.slot, ["in order"], "stable")
        if (this.#isStable(event) === false) throw new Broken(`${event.slot} is told to be stable too soon`)
        this.#restarts.set(event.slot, 0)
        return
      case "SlotStopped":
        this.#expect(event.slot, ["in order", "errored", "exhausted"], "stopped")
        this.#slots.set(event.slot, "stopped")
        return
      case "SlotAdded":
        this.#total++
        return
      case "SlotRemoved":
        this.#total--
        this.hasRemoved = true
        this.#slots.delete(event.slot)
        return
      case "PoolDraining":
        this.#draining = true
        return
      case "PoolDrained":
        this.drained = true
        return
      case "StoreDegraded":
        if (this.#degraded) throw new Broken("the store is told to be degraded twice")
        this.#degraded = true
        return
      case "StoreRecovered":
        if (!this.#degraded) throw new Broken("the store is told to have recovered, and was not degraded")
        this.#degraded = false
    }
  }

  /** Whether restarts are to be forgotten by now; nothing where that can't be said. */
  #isStable({ slot, time }: SlotPoolEvent & { readonly slot: string }): boolean | undefined {
    const restartedAt = this.#restartedAt.get(slot)
    if (restartedAt === undefined || !this.#isExact || this.#meddledWith.has(slot)) return undefined
    return time - restartedAt > bound(this.#options.stableAfter)
  }

  #errored(event: SlotPoolEvent & { readonly _tag: "SlotErrored" }): void {
    const { dueAt, restarts, slot, time } = event
    const before = this.#restarts.get(slot)
    const isStable = this.#isStable(event)
    this.#slots.set(slot, "errored")
    this.#restarts.set(slot, restarts)
    if (restarts > this.#maxRestarts) throw new Broken(`${slot} was restarted ${restarts} times`)
    if (isStable !== undefined && restarts !== (isStable ? 0 : before)) {
      throw new Broken(`${slot} is in error after ${restarts} restarts, it was ${before}`)
    }
    if (!this.#isExact || this.#meddledWith.has(slot)) return
    const due = this.#options.restart === "at once" || this.#isDone(restarts) ? undefined : time + 300
    if (dueAt !== due) throw new Broken(`${slot} is due at ${dueAt}, it should have been ${due}`)
  }

  /** The restart policy has no more to say. */
  #isDone(restarts: number): boolean {
    return this.#options.restart === "after 300, twice" && restarts >= 2
  }

  /** Everything that is exhausted has been told to be. */
  settle(): void {
    for (const [slot, state] of this.#slots) {
      const restarts = this.#restarts.get(slot)!
      if (state !== "errored" || this.#meddledWith.has(slot)) continue
      if (restarts < this.#maxRestarts && !this.#isDone(restarts)) continue
      throw new Broken(`${slot} is in error after ${restarts} restarts, and not told to be exhausted`)
    }
  }

  #expect(slot: string, states: ReadonlyArray<State>, next: string): void {
    const state = this.#slots.get(slot)
    if (this.#meddledWith.has(slot) || !this.knows) return
    if (state === undefined || !states.includes(state)) {
      throw new Broken(`${slot} is told to be ${next}, and was ${state ?? "not the pool's"}`)
    }
  }
}

/** A status as far as events tell. */
export const told = ({ degraded, draining, restarts, slots }: PoolStatus): object => ({
  total: slots.total,
  inOrder: slots.idle + slots.busy,
  errored: slots.errored,
  exhausted: slots.exhausted,
  stopped: slots.stopped,
  foreign: slots.foreign,
  restarts,
  draining,
  degraded: degraded !== undefined
})
