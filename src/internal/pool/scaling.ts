/**
 * More slots, fewer slots.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { PoolClosed, PoolDraining, PoolError, SlotsOutOfRange, StoreUnavailable } from "../../SlotPoolError.ts"
import type { Reason } from "../../SlotPoolError.ts"
import type { Pool, Slot } from "./core.ts"
import { slotName } from "./core.ts"
import * as Keeping from "./keeping.ts"

const refuse = (pool: Pool, reason: Reason): Effect.Effect<never, PoolError> =>
  Effect.fail(new PoolError({ pool: pool.settings.name, reason }))

/** The slots that are to stay. */
const staying = (pool: Pool): ReadonlyArray<Slot> =>
  Array.from(pool.slots.values()).filter(({ intent }) => intent !== "retire")

/** Brings the number of slots to `target(now)`; answers it. One after another, or two would see the same number. */
const change = (pool: Pool, target: (now: number) => number): Effect.Effect<number, PoolError> =>
  pool.scaling.withPermit(Effect.suspend(() => {
    const { max, min } = pool.settings
    if (pool.closed) return refuse(pool, new PoolClosed({}))
    if (pool.draining) return refuse(pool, new PoolDraining({}))
    const slots = staying(pool)
    const wanted = target(slots.length)
    if (!Number.isSafeInteger(wanted) || wanted < min || wanted > max) {
      return refuse(pool, new SlotsOutOfRange({ slots: wanted, min, max }))
    }
    const difference = wanted - slots.length
    return difference >= 0
      ? Effect.as(Effect.uninterruptible(grow(pool, difference)), { wanted, gone: Effect.void })
      : Effect.sync(() => ({ wanted, gone: shrink(pool, slots, -difference) }))
  })).pipe(
    Effect.flatMap(({ gone, wanted }) => Effect.as(gone, wanted))
  )

export const to = (pool: Pool, target: number): Effect.Effect<number, PoolError> => change(pool, () => target)

export const by = (pool: Pool, difference: number): Effect.Effect<number, PoolError> =>
  change(pool, (now) => now + difference)

const grow = (pool: Pool, count: number): Effect.Effect<void, PoolError> =>
  Effect.gen(function*() {
    const stored = yield* Keeping.list(pool)
    const added: Array<Slot> = []
    for (let index = 0; added.length < count; index++) {
      const id = slotName(index)
      if (!pool.slots.has(id)) added.push(Keeping.makeSlot(pool, index, stored.get(id)))
    }
    for (const slot of added) pool.slots.set(slot.id, slot)
    const claims = Effect.forEach(added, (slot) => Keeping.claim(pool, slot, stored.get(slot.id)), { concurrency: 16 })
    const claimed = yield* Effect.onError(claims, () =>
      Effect.forEach(added, (slot) => remove(pool, slot), { discard: true }))
    for (const slot of added) {
      slot.isAdded = true
      pool.tell({ _tag: "SlotAdded", slot: slot.id })
    }
    const idle = added.filter(({ view }, index) =>
      claimed[index] === true && view.record.state === "Idle"
    )
    yield* Effect.forEach(idle, (slot) => Keeping.launch(pool, slot), { concurrency: "unbounded", discard: true })
  }).pipe(
    Effect.catchTag(
      "StoreError",
      ({ operation, reason: why }) => refuse(pool, new StoreUnavailable({ operation, why }))
    )
  )

/**
 * Those without work first, of these the ones in error, the newest first; the busy ones finish their job. They go
 * whether or not somebody waits for it.
 */
const shrink = (pool: Pool, slots: ReadonlyArray<Slot>, count: number): Effect.Effect<void> => {
  const rank = ({ view: { owned, record: { state } } }: Slot) =>
    !owned ? 0 : state === "Errored" || state === "Stopped" ? 1 : state === "Idle" ? 2 : 3
  const leaving = slots.toSorted((one, other) => rank(one) - rank(other) || other.index - one.index).slice(0, count)
  for (const slot of leaving) {
    slot.intent = "retire"
    pool.idle.leave(slot)
  }
  const going = pool.fork(
    Effect.forEach(leaving, (slot) => retire(pool, slot), { concurrency: "unbounded", discard: true })
  )
  return Effect.asVoid(Fiber.await(going))
}

const retire = (pool: Pool, slot: Slot): Effect.Effect<void> => Effect.andThen(untilFree(slot), remove(pool, slot))

const untilFree = (slot: Slot): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (slot.job === undefined) return resume(Effect.void)
    const wake = () => resume(Effect.void)
    slot.whenFree.add(wake)
    return Effect.sync(() => {
      slot.whenFree.delete(wake)
    })
  })

/** The worker ends, and the slot is gone, from the store too. */
const remove = (pool: Pool, slot: Slot): Effect.Effect<void> =>
  Effect.uninterruptible(Effect.gen(function*() {
    yield* Effect.ignore(pool.supervisor.remove(slot.id))
    pool.ledger.drop(slot.view)
    yield* pool.ledger.erase(slot.view.record)
    // Its number is free when nothing of it is left.
    pool.idle.leave(slot)
    pool.slots.delete(slot.id)
    if (slot.isAdded) pool.tell({ _tag: "SlotRemoved", slot: slot.id })
  }))
