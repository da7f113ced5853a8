/**
 * The health supervisor: puts slots that went into error back to work, when they are due, until a limit.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { SlotRecord } from "../../SlotPoolStore.ts"
import * as Task from "../../Task.ts"
import type { Pool, Slot } from "./core.ts"
import * as Keeping from "./keeping.ts"
import { failureOf } from "./ledger.ts"
import * as Records from "./records.ts"

/** The name of the task. */
export const taskName = "health"

/**
 * One pass over all slots; answers how many were put back to work. What it has begun it finishes: a slot is not left
 * Idle without a worker.
 */
export const pass = (pool: Pool): Effect.Effect<number> =>
  pool.passing.withPermit(Effect.uninterruptible(Effect.gen(function*() {
    if (pool.draining || pool.closed) return 0
    yield* forgetRestarts(pool)
    const { settings: { name }, store } = pool
    const listed = yield* pool.ledger.asking.wait("list", () => store.list(name, { state: "Errored" }))
    if (Exit.isFailure(listed)) {
      const error = failureOf(listed)
      pool.ledger.degrade(error)
      pool.teller.log("Warn", `no slot is put back to work: ${error.message}`)
      return 0
    }
    const back: Array<Slot> = []
    for (const record of listed.value.records) {
      const slot = pool.slots.get(record.slot)
      if (slot !== undefined && (yield* putBack(pool, slot, record))) back.push(slot)
    }
    yield* Effect.forEach(back, (slot) => Keeping.launch(pool, slot), { concurrency: "unbounded", discard: true })
    return back.length
  })))

const putBack = (pool: Pool, slot: Slot, record: SlotRecord): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const { ledger, settings: { maxRestarts } } = pool
    const { view } = slot
    if (record.owner !== pool.owner || isLeaving(slot) || (yield* mayNotRun(pool, slot))) return false
    // Somebody else may have called it in error.
    ledger.learn(view, record)
    const restarted = Records.restarted(pool.storeNow(), maxRestarts)
    const written = yield* ledger.writeThrough(view, (known) => isLeaving(slot) ? undefined : restarted(known))
    if (written === undefined) {
      if (ledger.degraded !== undefined) {
        pool.teller.log("Warn", `the slot is not put back to work: the slot store could not ${ledger.degraded}`, {
          slot: slot.id
        })
      }
      return false
    }
    pool.restarts++
    pool.tell({ _tag: "SlotRestarted", slot: slot.id, restarts: written.restarts })
    return true
  })

const isLeaving = ({ intent }: Slot): boolean => intent === "retire" || intent === "stop"

/**
 * What is left of the last run takes its time: there are never two at once. And a task that somebody, not the pool,
 * stopped or killed by name stays so until somebody asks for it by name.
 */
const mayNotRun = (pool: Pool, slot: Slot): Effect.Effect<boolean> =>
  pool.supervisor.status(slot.id).pipe(
    Effect.map(({ _tag }) =>
      _tag === "Stopping" || (slot.intent !== "lost" && (_tag === "Stopped" || _tag === "Dead"))
    ),
    Effect.orElseSucceed(() => false)
  )

/** Slots that have been in order for long enough count from 0 again. */
const forgetRestarts = (pool: Pool): Effect.Effect<void> => {
  const { stableAfter } = pool.settings
  const change = Records.stable(pool.storeNow(), stableAfter)
  return Effect.forEach(pool.slots.values(), (slot) => {
    if (slot.view.record.restarts === 0) return Effect.void
    return Effect.map(pool.ledger.write(slot.view, change), (written) => {
      if (written !== undefined) pool.tell({ _tag: "SlotStable", slot: slot.id })
    })
  }, { discard: true })
}

/** A pass after every interval. One that is under way is let finish. */
export const task = (pool: Pool): Task.Task<never> =>
  Task.make(
    taskName,
    Effect.forever(
      Effect.andThen(Effect.sleep(pool.settings.supervisor.interval), pass(pool))
    ).pipe(Effect.tapDefect((defect) => Effect.logError("the health supervisor of the pool died", defect))),
    { restart: { mode: "permanent", schedule: Schedule.spaced("1 second") }, stopTimeout: "infinity" }
  )
