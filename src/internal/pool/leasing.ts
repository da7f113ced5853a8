/**
 * The lease under which a pool owns its slots: renewed in time, or its slots are let go in time. It does nothing else, so
 * that nothing holds it up.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { StoreError } from "../../SlotPoolStore.ts"
import * as Task from "../../Task.ts"
import type { Pool } from "./core.ts"

/** Begins the lease, and sets the clock by the store's. */
export const begin = (pool: Pool): Effect.Effect<void, StoreError> =>
  Effect.gen(function*() {
    const { ledger: { asking }, owner, settings: { lease }, store } = pool
    pool.leasedAt = pool.now()
    yield* Effect.flatten(asking.wait("lease", () => store.lease(owner, lease)))
    pool.ledger.clockOffset = (yield* Effect.flatten(asking.wait("now", () => store.now))) - pool.now()
  })

/** What this pool owned before its lease ran out, and somebody has taken meanwhile, is lost. */
const lookAround = (pool: Pool, patience: number): Effect.Effect<void, StoreError> =>
  Effect.gen(function*() {
    const { ledger, settings: { name }, store } = pool
    const before = Array.from(ledger.views, (view) => ({ view, tenure: view.tenure }))
    const { records } = yield* Effect.flatten(ledger.asking.wait("list", () => store.list(name), patience))
    const stored = new Map(records.map((record) => [record.slot, record]))
    for (const { tenure, view } of before) {
      // What was got since is known to be this pool's, and what is being written is told by its own answer.
      if (view.tenure === tenure && view.writing === undefined) ledger.compare(view, stored.get(view.record.slot))
    }
  })

/** How often a store that does not do what it is asked is tried again, at least. */
const retryEvery = 1000

/** The task that renews the lease, for as long as the pool lives. */
export const task = (pool: Pool): Task.Task<never> => {
  const { lease, storeTimeout } = pool.settings
  const { ledger, owner, store } = pool
  let fenced = false
  /** It is not known whether somebody has taken slots meanwhile. */
  let doubtful = false
  /** The lease may have run out for all that is known here: nothing is owned any more. */
  const fenceIfOver = () => {
    if (fenced || pool.now() < pool.leaseEnd()) return
    fenced = true
    for (const view of Array.from(ledger.views)) {
      ledger.lose(view, "the lease ran out while the store could not be reached")
    }
  }
  // What lasts no longer than the question is let go in time, not when the question is given up. After a stall the lease
  // may be over, and the store in order: what nobody has taken is held on to.
  const patience = () => {
    const left = pool.leaseEnd() - pool.now()
    return fenced || left <= 0 ? storeTimeout : Math.min(storeTimeout, left)
  }
  const renew = Effect.gen(function*() {
    if (ledger.degraded !== undefined) fenceIfOver()
    // Counted from before the store was asked: the store's lease lasts longer, never shorter.
    const asked = pool.now()
    const renewed = yield* Effect.flatten(ledger.asking.wait("renew", () => store.renew(owner, lease), patience()))
    if (renewed) pool.leasedAt = asked
    else {
      // It ran out while nobody renewed it (the machine slept, say). As it is begun anew, what still has this pool as its
      // owner is safe again, with what runs on it.
      const again = pool.now()
      yield* Effect.flatten(ledger.asking.wait("lease", () => store.lease(owner, lease), patience()))
      pool.leasedAt = again
      doubtful = true
    }
    fenced = false
    if (doubtful) yield* lookAround(pool, patience())
    doubtful = false
    if (ledger.degraded !== undefined || pool.missing().length > 0) pool.upkeep.openUnsafe()
    // A clock that slept, or was set, is set again.
    const now = yield* ledger.asking.wait("now", () => store.now, patience())
    if (Exit.isSuccess(now)) ledger.clockOffset = now.value - pool.now()
  }).pipe(Effect.catchTag("StoreError", (error) =>
    Effect.sync(() => {
      ledger.degrade(error)
      fenceIfOver()
    })))
  const keep = Effect.gen(function*() {
    while (true) {
      const isWell = ledger.degraded === undefined
      const wait = isWell ? lease / 3 : Math.min(retryEvery, lease / 3)
      const asleep = Effect.sleep(Math.max(1, fenced ? wait : Math.min(wait, pool.leaseEnd() - pool.now())))
      pool.trouble.closeUnsafe()
      const woken = isWell
        ? yield* Effect.raceFirst(Effect.as(asleep, false), Effect.as(pool.trouble.await, true))
        : yield* Effect.as(asleep, false)
      // A store that has just failed is given a moment.
      if (!woken) yield* Effect.uninterruptible(renew)
    }
  })
  const told = Effect.tapDefect(keep, (defect) => Effect.logError("keeping the lease of the pool died", defect))
  return Task.make("lease", told, {
    restart: { mode: "permanent", schedule: Schedule.spaced("1 second") },
    stopTimeout: "infinity"
  })
}
