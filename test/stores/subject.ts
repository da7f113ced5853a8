/**
 * What the suite asks of a store that it is to try.
 */
import { assert } from "@effect/vitest"
import type { SlotChange, SlotOwned, SlotRecord, StoreError, VersionConflict } from "effect-supervisor/SlotPoolStore"
import { SlotPoolStore } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export type Store = SlotPoolStore["Service"]

/** Where one test has its records. */
export interface Subject {
  /** The store as one process has it, until the scope is closed; every time another instance over the same records. */
  readonly open: Effect.Effect<Store, never, Scope.Scope>
  /** A turn in which what others have written is found. */
  readonly turn: Effect.Effect<void>
}

/** Somewhere that is not the process's memory. */
export interface Durable extends Subject {
  /** Writes something else in the place of a record. */
  readonly corrupt: (pool: string, slot: string, text: string) => Effect.Effect<void>
  /** What has been set aside, as it was written. */
  readonly setAside: Effect.Effect<ReadonlyArray<string>>
}

export interface Suite<S extends Subject> {
  readonly name: string
  readonly make: Effect.Effect<S, never, Scope.Scope>
  /** Whose clock the store's is: the test's, which can be set, or one that cannot. */
  readonly clock: "test" | "its own"
}

/** Opens a store made by a layer. */
export const opened = <E>(layer: Layer.Layer<SlotPoolStore, E>): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.orDie(Effect.map(Layer.build(Layer.fresh(layer)), (context) => context.mapUnsafe.get(SlotPoolStore.key)))

export const pool = "agents"

/** A slot that nobody has written yet. */
export const slot = (number: number, more: Partial<SlotRecord> = {}): SlotRecord => ({
  pool,
  slot: `slot-${number}`,
  version: 0,
  state: "Idle",
  config: {},
  restarts: 0,
  completed: 0,
  ...more
})

export const owned = <Owner extends string>(record: SlotRecord, owner: Owner) => ({ ...record, owner })

/** A record with all there can be. */
export const everything: SlotRecord = {
  pool,
  slot: "slot-3",
  version: 0,
  state: "Errored",
  config: { name: "Ada", role: "writer", description: "writes", tools: ["pen", { ink: "blue" }], depth: 3 },
  name: "Ada",
  role: "writer",
  session: { turns: [1, 2, 3], open: true, last: null },
  job: "job-17",
  restarts: 2,
  completed: 41,
  error: "the pen broke\nand the ink is out",
  erroredAt: 1_700_000_000_123,
  dueAt: 1_700_000_001_123.5,
  restartedAt: 1_700_000_000_000,
  owner: "pool-1"
}

export const namesOf = (records: ReadonlyArray<{ readonly slot: string }>): ReadonlyArray<string> =>
  records.map(({ slot }) => slot)

/** What a reader of changes has seen so far, and until when it reads. */
export const follow = Effect.fnUntraced(function*(store: Store, pool: string) {
  const seen: Array<SlotChange> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(store.changes(pool), (change) => Effect.sync(() => void seen.push(change))),
    { startImmediately: true }
  )
  return { seen, fiber }
})

/** Does something again and again until this holds. */
export const until = <A, E, R>(holds: () => boolean, turn: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(turn, until(holds, turn)))

/** Until a reader is known to read: a slot of its own is written until it has seen it. What it has seen is forgotten. */
export const readying = Effect.fnUntraced(function*(subject: Subject, writer: Store, seen: Array<SlotChange>) {
  let record = slot(999)
  yield* until(
    () => seen.some((change) => change._tag === "Put" && change.record.slot === record.slot),
    Effect.andThen(
      Effect.flatMap(Effect.suspend(() => writer.put(record)), (written) =>
        Effect.sync(() => {
          record = written
        })),
      subject.turn
    )
  )
  yield* writer.delete(pool, record.slot)
  yield* until(() => seen.at(-1)?._tag === "Deleted", subject.turn)
  seen.length = 0
})

/** Owners claim the same slots at once, each through a store of its own; who got which, by slot. */
export const race = Effect.fnUntraced(
  function*(stores: ReadonlyArray<Store>, owners: ReadonlyArray<string>, slots: number) {
    const known = new Map((yield* stores[0]!.list(pool)).records.map((record) => [record.slot, record]))
    const winners = new Map<string, Array<string>>()
    yield* Effect.forEach(
      Array.from({ length: slots * owners.length }, (_, n) => n),
      Effect.fnUntraced(function*(n) {
        const owner = owners[n % owners.length]!
        const { [n % stores.length]: store } = stores
        const record = known.get(`slot-${Math.floor(n / owners.length)}`) ?? slot(Math.floor(n / owners.length))
        const exit = yield* Effect.exit(store!.claim(owned(record, owner)))
        if (Exit.isSuccess(exit)) winners.set(record.slot, [...winners.get(record.slot) ?? [], owner])
        else {
          const error: SlotOwned | StoreError | VersionConflict = Option.getOrThrow(Exit.findErrorOption(exit))
          assert.include(["SlotOwned", "VersionConflict"], error._tag, String(error))
        }
      }),
      { concurrency: "unbounded", discard: true }
    )
    return winners
  }
)

/** What was seen, in short. */
export const inShort = (seen: ReadonlyArray<SlotChange>): ReadonlyArray<string> =>
  seen.map((change) =>
    change._tag === "Put"
      ? `${change.record.slot} ${change.record.state} ${change.record.version}`
      : `${change.slot} deleted`
  )

export const assertTag = (error: { readonly _tag: string }, tag: string): void =>
  assert.strictEqual(error._tag, tag, String(error))
