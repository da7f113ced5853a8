/**
 * Keeping what the pool owns: taking slots up in the store, holding on to them, starting their workers.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { SlotOwned, SlotRecord, StoreError } from "../../SlotPoolStore.ts"
import * as Task from "../../Task.ts"
import * as Options from "../options.ts"
import type { Pool } from "./core.ts"
import { Slot, slotName } from "./core.ts"
import { failureOf } from "./ledger.ts"
import * as Records from "./records.ts"
import * as Serving from "./serving.ts"
import type { SlotConfig } from "./settings.ts"

/** The records of a pool, those that cannot be read set aside. */
export const list = (pool: Pool): Effect.Effect<ReadonlyMap<string, SlotRecord>, StoreError> =>
  Effect.gen(function*() {
    const { settings: { name }, store } = pool
    const { corrupt, records } = yield* Effect.flatten(pool.ledger.asking.wait("list", () => store.list(name)))
    for (const { reason, slot } of corrupt) {
      if (yield* Effect.flatten(pool.ledger.asking.wait("set a record aside", () => store.setAside(name, slot)))) {
        pool.tell({ _tag: "RecordSetAside", slot, why: reason })
      }
    }
    return new Map(records.map((record) => [record.slot, record]))
  })

/** A slot that is not owned yet. Its config is what the options say, else what was stored, else none. */
export const makeSlot = (pool: Pool, index: number, stored: SlotRecord | undefined): Slot => {
  const { configOf, encode, name } = pool.settings
  const slot = slotName(index)
  const config = configOf(index) ?? (stored === undefined ? undefined : storedConfig(pool, stored)) ??
    noConfig(pool, slot)
  return new Slot(index, stored ?? Records.fresh(name, slot, encoded(encode, config)), config)
}

const noConfig = (pool: Pool, slot: string): SlotConfig =>
  pool.settings.noConfig ??
    Options.refuse(
      "SlotPool",
      `slotConfig of ${slot}`,
      undefined,
      "a config: slotSchema takes no empty one, and the store has none"
    )

const encoded = (encode: Pool["settings"]["encode"], config: SlotConfig) => ({
  config: encode(config),
  ...(config.name === undefined ? {} : { name: config.name }),
  ...(config.role === undefined ? {} : { role: config.role })
})

/** The config in a record, if it fits the schema. */
export const storedConfig = (pool: Pool, { config, slot }: SlotRecord): SlotConfig | undefined => {
  try {
    return pool.settings.decode(config)
  } catch {
    pool.teller.log("Warn", "the stored config of the slot does not fit its schema any more, and is left out", { slot })
    return undefined
  }
}

/**
 * Makes the slot this pool's, where nobody else owns it, and answers whether it is by this. A store that fails is said to
 * have.
 */
export const claim = (
  pool: Pool,
  slot: Slot,
  stored: SlotRecord | undefined
): Effect.Effect<boolean, StoreError> =>
  Effect.suspend(() => {
    const isLeaving = slot.intent === "retire" || pool.slots.get(slot.id) !== slot
    if (slot.claiming || slot.view.owned || isLeaving) return Effect.succeed(false)
    slot.claiming = true
    return Effect.ensuring(
      claimIt(pool, slot, stored),
      Effect.sync(() => {
        slot.claiming = false
      })
    )
  })

const claimIt = (pool: Pool, slot: Slot, stored: SlotRecord | undefined): Effect.Effect<boolean, StoreError> =>
  Effect.gen(function*() {
    const { config, view } = slot
    const { encode, name } = pool.settings
    const { config: json, ...named } = encoded(encode, config)
    const known = newest(pool, slot, stored)
    const { name: oldName, role: oldRole, ...before } = known ?? Records.fresh(name, slot.id, { config: json })
    const taken = Records.takenUp({ ...before, ...named, config: json })
    const answer = yield* pool.ledger.asking.wait("claim", () => pool.store.claim({ ...taken, owner: pool.owner }))
    if (Exit.isFailure(answer)) {
      const error = failureOf(answer)
      if (error._tag === "SlotOwned") standBy(pool, slot, error)
      // Somebody was faster, or has it: the next look will see.
      return error._tag === "StoreError" ? yield* Effect.fail(error) : false
    }
    // It may have taken so long that the lease is over by now.
    if (pool.now() >= pool.leaseEnd()) return false
    pool.ledger.hold(view, answer.value)
    const { restarts, state } = answer.value
    const exhausted = Records.isExhausted(answer.value, pool.settings.maxRestarts)
    const from = stored?.owner === pool.owner ? undefined : stored?.owner
    const claimed = { _tag: "SlotClaimed", slot: slot.id, state, restarts, exhausted } as const
    pool.tell(from === undefined ? claimed : { ...claimed, from })
    // What this pool itself was doing on it has been answered here.
    if (from !== undefined && stored?.state === "Busy" && stored.job !== undefined) {
      pool.tell({ _tag: "JobLost", slot: slot.id, job: stored.job, why: `its pool is gone (${from})` })
    }
    return true
  })

/** What the slot is, as far as is known: what the store has, or what is owed to it from before the slot was lost. */
const newest = (pool: Pool, { id, view }: Slot, stored: SlotRecord | undefined): SlotRecord | undefined => {
  const { kept } = view
  if (kept === undefined) return stored
  if (stored?.owner === pool.owner) return { ...kept, version: stored.version }
  const text = "what the slot's jobs left since the store failed is forgotten: another pool has had the slot"
  pool.teller.log("Warn", text, { slot: id })
  view.kept = undefined
  return stored
}

/** Said once for each owner: after a crash it is this pool's own predecessor, and its slots are idle until its lease ends. */
const standBy = (pool: Pool, slot: Slot, { owner, remaining }: SlotOwned): void => {
  if (slot.standsBy === owner) return
  slot.standsBy = owner
  const text = `the slot belongs to ${owner}, for another ${
    Math.ceil(remaining)
  } ms unless it is renewed: the pool stands by`
  pool.teller.log("Info", text, { slot: slot.id })
}

/** The slot is this pool's, and is to serve. */
const isWanted = (pool: Pool, slot: Slot): boolean =>
  pool.slots.get(slot.id) === slot && slot.view.owned && slot.intent !== "retire" && slot.intent !== "stop" &&
  !pool.closed

/** Starts the worker, or another run of it; where there is one yet, its end is none that counts. */
export const launch = (pool: Pool, slot: Slot): Effect.Effect<void> =>
  Effect.suspend(() => {
    slot.intent ??= "restart"
    return isWanted(pool, slot) ? pool.supervisor.restart(slot.id) : Effect.void
  }).pipe(
    Effect.catchTag("TaskNotFound", () =>
      isWanted(pool, slot)
        ? Effect.provideContext(pool.supervisor.add(Serving.task(pool, slot.id)), pool.context as never)
        : Effect.void),
    // One that does not end is reported by the supervisor; it runs again when it has.
    Effect.ignore
  )

/** Puts down that the slot is stopped. */
export const stop = (pool: Pool, slot: Slot): Effect.Effect<void> =>
  Effect.map(pool.ledger.write(slot.view, Records.stopped), (written) => {
    if (written !== undefined) pool.tell({ _tag: "SlotStopped", slot: slot.id })
  })

/** Takes up every slot that is not owned, and may be had; a drained pool what is its own, and that is stopped. */
const takeUp = (pool: Pool): Effect.Effect<void, StoreError> =>
  Effect.gen(function*() {
    const missing = pool.missing()
    if (missing.length === 0) return
    const stored = yield* list(pool)
    yield* Effect.forEach(missing, (slot) => takeUpOne(pool, slot, stored.get(slot.id)), {
      concurrency: 16,
      discard: true
    })
  })

const takeUpOne = (pool: Pool, slot: Slot, stored: SlotRecord | undefined): Effect.Effect<void, StoreError> =>
  Effect.gen(function*() {
    if (pool.closed || (pool.draining && stored?.owner !== pool.owner)) return
    if (!(yield* claim(pool, slot, stored))) return
    if (pool.draining) yield* stop(pool, slot)
    // What is left of the last run may take its time: nobody waits for it here.
    else if (slot.view.record.state === "Idle") pool.fork(launch(pool, slot))
  })

/** The slots that a pool has when it is opened: as many as it was made with, and those that it had before. */
export const open = (pool: Pool): Effect.Effect<void, StoreError> =>
  Effect.gen(function*() {
    const { elastic, initial, max } = pool.settings
    const stored = yield* list(pool)
    for (let index = 0; index < max; index++) {
      const record = stored.get(slotName(index))
      if (index >= initial && (!elastic || record === undefined)) continue
      const slot = makeSlot(pool, index, record)
      slot.isAdded = true
      pool.slots.set(slot.id, slot)
    }
    yield* Effect.forEach(pool.slots.values(), (slot) => claim(pool, slot, stored.get(slot.id)), {
      concurrency: 16,
      discard: true
    })
  })

/**
 * The task that brings the pool and its store together again: after a lease that ran out, a store that was away, a slot
 * that somebody else had. It takes its time; the lease is renewed beside it.
 */
export const task = (pool: Pool): Task.Task<never> => {
  const once = Effect.gen(function*() {
    yield* pool.ledger.settle(() => !pool.closed)
    yield* takeUp(pool)
  }).pipe(Effect.catchTag("StoreError", (error) => Effect.sync(() => pool.ledger.degrade(error))))
  const upkeep = Effect.gen(function*() {
    while (true) {
      yield* pool.upkeep.await
      pool.upkeep.closeUnsafe()
      yield* Effect.uninterruptible(once)
    }
  })
  const told = Effect.tapDefect(upkeep, (defect) => Effect.logError("the upkeep of the pool died", defect))
  return Task.make("upkeep", told, {
    restart: { mode: "permanent", schedule: Schedule.spaced("1 second") },
    stopTimeout: "infinity"
  })
}
