/**
 * A store that several processes share, and that does to each of them what a history says: answers late, fails, hangs,
 * or does what it was asked and does not say so.
 */
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Process, Processes } from "./processes.ts"

export type How = "is slow" | "fails" | "hangs" | "obeys and fails" | "obeys and hangs" | "dies"

/** What a slow store takes for one thing after another, to do it and to say so: some overtake others. */
const delays = [0, 40, 5, 90, 20, 0, 70, 15, 3, 120, 30]

type Store = SlotPoolStore.SlotPoolStore["Service"]

export class SharedStore {
  readonly memory: Store
  /** When the leases of owners are over. */
  readonly leases = new Map<string, number>()
  /** Slots that somebody else than a pool has written so that it matters. */
  readonly meddledWith = new Set<string>()
  readonly #processes: Processes
  readonly #troubles = new Map<Process, How>()
  readonly #inFlight = new Map<Process, number>()
  /** When a process was last given an answer that is not that of a store in order. */
  readonly #troubledAt = new Map<Process, number>()
  #asked = 0

  constructor(processes: Processes) {
    this.#processes = processes
    this.memory = processes.outside.runNow(SlotPoolStore.makeMemory)
  }

  /** The store is in trouble with a process, or in order again. */
  trouble(process: Process, how: How | undefined): void {
    if (how === undefined) this.#troubles.delete(process)
    else this.#troubles.set(process, how)
  }

  isInTrouble(process: Process): boolean {
    return this.#troubles.has(process)
  }

  /** How many questions of a process have no answer yet. */
  inFlight(process: Process): number {
    return this.#inFlight.get(process) ?? 0
  }

  /** Since when all that a process asked was answered at once, and in order. */
  wellSince(process: Process): number {
    return this.#troubledAt.get(process) ?? -1
  }

  /** How it is now. Nobody is asked. */
  records(): ReadonlyArray<SlotRecord> {
    return Effect.runSync(Effect.orDie(this.memory.list("pool"))).records
  }

  record(slot: string): SlotRecord | undefined {
    return Option.getOrUndefined(Effect.runSync(Effect.orDie(this.memory.get("pool", slot))))
  }

  /** The store as a process sees it. */
  seenBy(process: Process): Store {
    const ask = <A, E>(effect: Effect.Effect<A, E>) => this.#ask(process, effect)
    const { memory } = this
    const leased = <A, E>(owner: string, millis: number, effect: Effect.Effect<A, E>) =>
      Effect.tap(effect, (done) =>
        Effect.sync(() => {
          if (done !== false) this.leases.set(owner, this.#processes.now + millis)
        }))
    return {
      now: ask(memory.now),
      get: (pool, slot) => ask(memory.get(pool, slot)),
      list: (pool, filter) => ask(memory.list(pool, filter)),
      put: (record) => ask(memory.put(record)),
      delete: (pool, slot, version) => ask(memory.delete(pool, slot, version)),
      setAside: (pool, slot) => ask(memory.setAside(pool, slot)),
      claim: (record) => ask(memory.claim(record)),
      lease: (owner, millis) => ask(leased(owner, millis, memory.lease(owner, millis))),
      renew: (owner, millis) => ask(leased(owner, millis, memory.renew(owner, millis))),
      release: (owner) => ask(leased(owner, 0, memory.release(owner))),
      changes: (pool) => memory.changes(pool)
    }
  }

  #ask<A, E>(process: Process, effect: Effect.Effect<A, E>): Effect.Effect<A, E | SlotPoolStore.StoreError> {
    const failed = Effect.fail(new SlotPoolStore.StoreError({ operation: "answer", reason: "it is in trouble" }))
    return Effect.suspend((): Effect.Effect<A, E | SlotPoolStore.StoreError> => {
      const how = this.#troubles.get(process)
      if (how === undefined) return effect
      this.#troubledAt.set(process, this.#processes.now)
      switch (how) {
        case "fails":
          return failed
        case "dies":
          return Effect.die(new Error("store"))
        case "obeys and fails":
          return Effect.andThen(Effect.exit(effect), failed)
        case "hangs":
          return this.#waiting(process, () => () => undefined)
        case "obeys and hangs":
          return Effect.andThen(Effect.exit(effect), this.#waiting(process, () => () => undefined))
        case "is slow":
          return this.#slowly(process, effect)
      }
    })
  }

  #slowly<A, E>(process: Process, effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { agenda } = this.#processes
    const [there, back] = [delays[this.#asked++ % delays.length]!, delays[this.#asked++ % delays.length]!]
    return this.#waiting<A, E>(process, (answer) => {
      let done: (() => void) | undefined
      const going = agenda.set(this.#processes.now + there, () => {
        const exit = Effect.runSyncExit(effect)
        const coming = process.agenda.set(this.#processes.now + back, () => answer(exit))
        done = () => process.agenda.cancel(coming)
      })
      return () => done === undefined ? agenda.cancel(going) : done()
    })
  }

  #waiting<A = never, E = never>(
    process: Process,
    ask: (answer: (exit: Exit.Exit<A, E>) => void) => () => void
  ): Effect.Effect<A, E> {
    return Effect.callback((resume) => {
      const count = (change: number) => this.#inFlight.set(process, this.inFlight(process) + change)
      count(1)
      const forget = ask((exit) => {
        count(-1)
        this.#troubledAt.set(process, this.#processes.now)
        resume(exit)
      })
      return Effect.sync(() => {
        count(-1)
        this.#troubledAt.set(process, this.#processes.now)
        forget()
      })
    })
  }

  /** Somebody else writes a record, on the version it has. */
  meddle(slot: string, how: "touch" | "stop" | "error" | "delete" | "steal"): void {
    const record = this.record(slot)
    if (record === undefined) return
    if (how !== "touch") this.meddledWith.add(slot)
    if (how === "delete") Effect.runSync(Effect.orDie(this.memory.delete("pool", slot)))
    else Effect.runSync(Effect.orDie(this.memory.put(meddledWith(record, how))))
  }
}

const meddledWith = (
  { job, owner, ...record }: SlotRecord,
  how: "touch" | "stop" | "error" | "steal"
): SlotRecord => {
  switch (how) {
    case "touch":
      return { ...record, ...(job === undefined ? {} : { job }), ...(owner === undefined ? {} : { owner }) }
    case "stop":
      return { ...record, state: "Stopped", ...(owner === undefined ? {} : { owner }) }
    case "error":
      return { ...record, state: "Errored", error: "somebody said so", ...(owner === undefined ? {} : { owner }) }
    case "steal":
      return { ...record, owner: "somebody" }
  }
}
