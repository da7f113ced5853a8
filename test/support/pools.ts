/**
 * What tests of slot pools share: a store that does what it is told to, workers that live and die on command, jobs that
 * are held until they are let go, and a look at a pool from outside.
 */
import { assert } from "@effect/vitest"
import type * as SlotPool from "effect-supervisor/SlotPool"
import type { PoolError, Reason } from "effect-supervisor/SlotPoolError"
import type { PoolStatus, SlotPoolEvent } from "effect-supervisor/SlotPoolEvent"
import type { CorruptRecord, SlotRecord, SlotState } from "effect-supervisor/SlotPoolStore"
import { makeMemory, SlotPoolStore, StoreError } from "effect-supervisor/SlotPoolStore"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { collect, failureOf, settle } from "./fixtures.ts"

export type Store = SlotPoolStore["Service"]

// ---------------------------------------------------------------------------------------------------------------------
// stores
// ---------------------------------------------------------------------------------------------------------------------

export type Operation = Exclude<keyof Store, "changes">

/**
 * What a store does instead of what it is asked: it fails; does not answer; does it, and fails to say so; dies; throws
 * before there is an effect; gives no effect; or does what a test says with what was asked.
 */
export type Fault =
  | "fail"
  | "hang"
  | "unsaid"
  | "die"
  | "throw"
  | "nothing"
  | ((asked: Effect.Effect<unknown, unknown>, args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>)

const operations = ["now", "get", "list", "put", "delete", "setAside", "claim", "lease", "renew", "release"] as const

export const refused = (operation: string) => Effect.fail(new StoreError({ operation, reason: "the store is broken" }))

/** A memory store, or another one, that can be broken. Several may lie over one, each as one process sees it. */
export class FaultyStore {
  /** What it was asked for, in order. */
  readonly asked: Array<Operation> = []
  readonly #faults = new Map<Operation, Fault>()
  readonly #corrupt = new Map<string, CorruptRecord>()
  /** The slots whose records were set aside. */
  readonly setAside: Array<string> = []
  readonly base: Store
  readonly service: Store

  constructor(base: Store) {
    this.base = base
    const through = (operation: Operation) => (...args: ReadonlyArray<unknown>) =>
      this.#answer(
        operation,
        () => (base[operation] as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>)(...args),
        args
      )
    const service = Object.fromEntries(operations.map((operation) => [operation, through(operation)]))
    this.service = {
      ...service,
      now: Effect.suspend(() => this.#answer("now", () => base.now, [])),
      list: (pool: string, filter: object) =>
        Effect.map(
          this.#answer("list", () => base.list(pool, filter), [pool, filter]) as ReturnType<Store["list"]>,
          ({ records }) => ({
            records: records.filter((record) => !this.#corrupt.has(record.slot)),
            corrupt: Array.from(this.#corrupt.values())
          })
        ),
      setAside: (pool: string, slot: string) =>
        this.#answer("setAside", () => {
          if (!this.#corrupt.delete(slot)) return Effect.succeed(false)
          this.setAside.push(slot)
          return base.delete(pool, slot)
        }, [pool, slot]),
      changes: (pool: string) => base.changes(pool)
    } as unknown as Store
  }

  /** From now on, and until it is mended, for these operations, or for all. */
  break(fault: Fault, ...some: ReadonlyArray<Operation>): void {
    for (const operation of some.length === 0 ? operations : some) this.#faults.set(operation, fault)
  }

  mend(...some: ReadonlyArray<Operation>): void {
    for (const operation of some.length === 0 ? operations : some) this.#faults.delete(operation)
  }

  /** Breaks for the next time only. */
  breakOnce(fault: Fault, operation: Operation): void {
    this.#faults.set(operation, (asked, args) => {
      this.#faults.delete(operation)
      return this.#faulty(fault, operation, () => asked, args)
    })
  }

  /** The record of a slot cannot be read from now on. */
  corrupt(pool: string, slot: string, reason: string): void {
    this.#corrupt.set(slot, { pool, slot, reason })
  }

  /** How often it was asked for this. */
  times(operation: Operation): number {
    return this.asked.filter((one) => one === operation).length
  }

  #answer(
    operation: Operation,
    ask: () => Effect.Effect<unknown, unknown>,
    args: ReadonlyArray<unknown>
  ): Effect.Effect<unknown, unknown> {
    const fault = this.#faults.get(operation)
    // These two are no effects: they are what the call itself does.
    if (fault === "throw") throw new Error(`the store threw at ${operation}`)
    if (fault === "nothing") return undefined as never
    return Effect.suspend(() => {
      this.asked.push(operation)
      const now = this.#faults.get(operation)
      return now === undefined ? ask() : this.#faulty(now, operation, ask, args)
    })
  }

  #faulty(
    fault: Fault,
    operation: Operation,
    ask: () => Effect.Effect<unknown, unknown>,
    args: ReadonlyArray<unknown>
  ): Effect.Effect<unknown, unknown> {
    switch (fault) {
      case "fail":
        return refused(operation)
      case "hang":
        return Effect.never
      case "unsaid":
        return Effect.andThen(ask(), refused(operation))
      case "die":
        return Effect.die(new Error(`the store died at ${operation}`))
      case "throw":
        throw new Error(`the store threw at ${operation}`)
      case "nothing":
        return undefined as never
      default:
        return fault(Effect.suspend(ask), args)
    }
  }
}

/** A memory store that can be broken, or one more look at a store that there is. */
export const faulty = (base?: Store): Effect.Effect<FaultyStore> =>
  Effect.map(base === undefined ? makeMemory : Effect.succeed(base), (store) => new FaultyStore(store))

/** A fault: it answers so much later. */
export const slow = (millis: number): Fault => (asked) => Effect.delay(asked, millis)

/** Makes a pool on a store. */
export const on = (store: Store | FaultyStore) => <A, E, R>(make: Effect.Effect<A, E, R>) =>
  Effect.provideService(make, SlotPoolStore, store instanceof FaultyStore ? store.service : store)

/** The record of a slot as the store has it; a defect where there is none. */
export const recordOf = (
  pool: { readonly store: Store; readonly name: string },
  slot = "slot-0"
): Effect.Effect<SlotRecord> => Effect.orDie(Effect.flatMap(pool.store.get(pool.name, slot), Effect.fromOption))

/** The states of all slots as the store has them. */
export const statesOf = (
  pool: { readonly store: Store; readonly name: string }
): Effect.Effect<ReadonlyArray<SlotState>> =>
  Effect.map(Effect.orDie(pool.store.list(pool.name)), ({ records }) => records.map(({ state }) => state))

/** Changes a record behind the backs of those who own it, as another process may; they stay its owner unless said. */
export const rewrite = (
  store: Store,
  pool: string,
  slot: string,
  change: (record: SlotRecord) => SlotRecord
): Effect.Effect<SlotRecord> =>
  Effect.orDie(Effect.flatMap(
    Effect.flatMap(store.get(pool, slot), Effect.fromOption),
    (record) => store.put(change(record))
  ))

/** What a process leaves behind that ended without a word: slots under a lease that nobody renews. */
export const ghost = Effect.fnUntraced(function*(
  store: Store,
  options: { readonly pool: string; readonly lease: number; readonly owner?: string },
  ...records: ReadonlyArray<Partial<SlotRecord>>
) {
  const { lease, owner = "ghost", pool } = options
  yield* store.lease(owner, lease)
  for (const [index, record] of records.entries()) {
    yield* store.claim({
      pool,
      slot: `slot-${index}`,
      version: 0,
      state: "Idle",
      config: {},
      restarts: 0,
      completed: 0,
      ...record,
      owner
    })
  }
}, Effect.orDie)

// ---------------------------------------------------------------------------------------------------------------------
// workers
// ---------------------------------------------------------------------------------------------------------------------

export class Broken extends Data.TaggedError("Broken")<{ readonly what: string }> {}

export interface Worker {
  readonly slot: string
  /** Which one it is of its slot, from 1. */
  readonly number: number
  readonly end: Deferred.Deferred<void, Broken>
  /** What its probe does. */
  probe: Effect.Effect<void, Broken>
}

/** Workers that are seen from outside, and die on command. */
export class Workers {
  /** What happened to them, in order: `slot-0#1 acquired`, `slot-0#1 released`. */
  readonly log: Array<string> = []
  readonly #of = new Map<string, Worker>()
  readonly #counts = new Map<string, number>()
  readonly #alive = new Map<string, number>()
  /** The most that were alive at once on one slot. */
  most = 0
  /** What acquiring does before there is a worker, by how often any was acquired before; nothing after the last. */
  readonly before: Array<Effect.Effect<void, Broken>> = []
  /** What releasing waits for. */
  onRelease: Effect.Effect<void> = Effect.void
  acquisitions = 0

  /** The one that is on a slot now. */
  on(slot: string): Worker {
    const worker = this.#of.get(slot)
    assert(worker !== undefined, `there is no worker on ${slot}`)
    return worker
  }

  alive(slot: string): number {
    return this.#alive.get(slot) ?? 0
  }

  /** How many were acquired on a slot so far. */
  countOf(slot: string): number {
    return this.#counts.get(slot) ?? 0
  }

  readonly acquire = (slot: { readonly slot: string }): Effect.Effect<Worker, Broken, Scope.Scope> =>
    Effect.suspend(() => {
      const before = this.before[this.acquisitions++] ?? Effect.void
      return Effect.andThen(before, Effect.acquireRelease(Effect.sync(() => this.#acquired(slot.slot)), this.#release))
    })

  #acquired(slot: string): Worker {
    const number = this.countOf(slot) + 1
    this.#counts.set(slot, number)
    const alive = this.alive(slot) + 1
    this.#alive.set(slot, alive)
    this.most = Math.max(this.most, alive)
    const worker: Worker = { slot, number, end: Deferred.makeUnsafe(), probe: Effect.void }
    this.#of.set(slot, worker)
    this.log.push(`${slot}#${number} acquired`)
    return worker
  }

  readonly #release = (worker: Worker): Effect.Effect<void> =>
    Effect.andThen(
      this.onRelease,
      Effect.sync(() => {
        this.#alive.set(worker.slot, this.alive(worker.slot) - 1)
        this.log.push(`${worker.slot}#${worker.number} released`)
        if (this.#of.get(worker.slot) === worker) this.#of.delete(worker.slot)
      })
    )

  readonly watch = (worker: Worker): Effect.Effect<void, Broken> => Deferred.await(worker.end)

  readonly probe = (worker: Worker): Effect.Effect<void, Broken> => Effect.suspend(() => worker.probe)

  /** Kills the worker that is on a slot now. */
  die(slot: string, exit: Exit.Exit<void, Broken> = Exit.fail(new Broken({ what: "worker" }))): Effect.Effect<void> {
    return Effect.andThen(
      Effect.suspend(() => Deferred.done(this.on(slot).end, exit)),
      settle
    )
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// jobs
// ---------------------------------------------------------------------------------------------------------------------

/** A job that runs until it is let go, on as many slots as like to. */
export class Held<A> {
  /** The slots that run it now. */
  readonly on: Array<string> = []
  /** The slots on which it ever began. */
  readonly begun: Array<string> = []
  /** How often it ended before it was let go. */
  interrupted = 0
  readonly #gate = Latch.makeUnsafe()
  readonly #value: A

  constructor(value: A) {
    this.#value = value
  }

  readonly job = (_worker: unknown, { slot }: { readonly slot: { readonly slot: string } }): Effect.Effect<A> =>
    Effect.suspend(() => {
      this.begun.push(slot.slot)
      this.on.push(slot.slot)
      return Effect.as(this.#gate.await, this.#value)
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          this.interrupted++
        })
      ),
      Effect.ensuring(Effect.sync(() => {
        this.on.splice(this.on.indexOf(slot.slot), 1)
      }))
    )

  readonly release: Effect.Effect<void> = Effect.suspend(() => Effect.andThen(this.#gate.open, settle))
}

export const held = <A>(value: A): Held<A> => new Held(value)

/** A job that does nothing but to say where it ran. */
export const where = (_worker: unknown, { slot }: { readonly slot: { readonly slot: string } }) =>
  Effect.succeed(slot.slot)

// ---------------------------------------------------------------------------------------------------------------------
// looks
// ---------------------------------------------------------------------------------------------------------------------

/** A pool with the events it has told since it was made, its workers settled. */
export const watched = <W, C, E, R>(make: Effect.Effect<SlotPool.SlotPool<W, C>, E, R>) =>
  Effect.gen(function*() {
    const pool = yield* make
    const { seen } = yield* collect(pool.events)
    return { pool, events: seen as ReadonlyArray<SlotPoolEvent> }
  })

/** Something in a scope of its own, to be closed when the test says so, at its end otherwise. */
export const own = <A, E, R>(make: Effect.Effect<A, E, R | Scope.Scope>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
    const value = yield* Scope.provide(make, scope)
    return { value, close: Scope.close(scope, Exit.void) }
  })

/** The events of one kind. */
export const told = <Tag extends SlotPoolEvent["_tag"]>(
  events: ReadonlyArray<SlotPoolEvent>,
  tag: Tag
): ReadonlyArray<SlotPoolEvent & { readonly _tag: Tag }> =>
  events.filter((event): event is SlotPoolEvent & { readonly _tag: Tag } => event._tag === tag)

/** Events in short: `SlotErrored slot-0`. */
export const inShort = (events: ReadonlyArray<SlotPoolEvent>): ReadonlyArray<string> =>
  events.map((event) => "slot" in event ? `${event._tag} ${event.slot}` : event._tag)

/** The slots of a status that there are any of. */
export const slotsOf = ({ slots }: PoolStatus): Record<string, number> =>
  Object.fromEntries(Object.entries(slots).filter(([, count]) => count > 0))

/** The jobs of a status that there are any of. */
export const jobsOf = ({ jobs }: PoolStatus): Record<string, number> =>
  Object.fromEntries(Object.entries(jobs).filter(([, count]) => count > 0))

/** The reason of an exit that must be a pool's refusal. */
export const reasonOf = <E>(exit: Exit.Exit<unknown, E>): Reason => {
  const error = failureOf(exit) as PoolError | { readonly _tag?: string }
  assert.strictEqual(error._tag, "PoolError", String(error))
  return (error as PoolError).reason
}

/** Asserts why a pool refused, and gives the reason. */
export const assertReason = <E, Tag extends Reason["_tag"]>(
  exit: Exit.Exit<unknown, E>,
  tag: Tag
): Reason & { readonly _tag: Tag } => {
  const reason = reasonOf(exit)
  assert.strictEqual(reason._tag, tag, reason.message)
  return reason as Reason & { readonly _tag: Tag }
}

/** The defect of an exit that must have one. */
export const defectOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  assert(Exit.isFailure(exit), "it succeeded")
  const died = exit.cause.reasons.find(Cause.isDieReason)
  assert(died !== undefined, `it did not die: ${Cause.pretty(exit.cause)}`)
  return died.defect
}

/** The wall clock. */
export const now = Clock.currentTimeMillis

export interface Line {
  readonly level: LogLevel.LogLevel
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** A logger that keeps what is logged, from debug on. */
export const logging = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    const [text] = Array.isArray(message) ? message : [message]
    lines.push({ level: logLevel, text: String(text), annotations: fiber.getRef(References.CurrentLogAnnotations) })
  })
  return {
    lines,
    provide: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.provideService(
        Effect.provide(effect, Logger.layer([logger])),
        References.MinimumLogLevel,
        "Debug" as const
      )
  }
}
