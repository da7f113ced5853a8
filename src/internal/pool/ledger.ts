/**
 * What a pool knows of its slots' records, and how it writes them: compare-and-set, one after another, bounded in time,
 * never in the way.
 *
 * While the store does not do what it is asked, changes are kept here and owed to it: the pool goes on with what it
 * knows for as long as its lease lasts, and pays when the store is back.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { SlotPoolStore, SlotRecord, VersionConflict } from "../../SlotPoolStore.ts"
import { StoreError } from "../../SlotPoolStore.ts"
import * as Waiters from "../waiters.ts"
import type { Answer, Asking } from "./asking.ts"
import type { Change } from "./records.ts"

/** A slot's record as it is known here. */
export interface View {
  record: SlotRecord
  /** The slot belongs to this pool. */
  owned: boolean
  /** The record here is newer than the store's. */
  owed: boolean
  /** What was owed when the slot was lost: it counts still if nobody else has had the slot by the time it is got again. */
  kept: SlotRecord | undefined
  /** Counts how often it was got and lost: what was asked before is not answered after. */
  tenure: number
  /** A write is under way: those who wait for it. */
  writing: Waiters.Waiters<void> | undefined
}

export interface Told {
  /** One operation failed. */
  readonly failed: () => void
  readonly degraded: (why: string) => void
  readonly recovered: () => void
  readonly lost: (view: View, why: string) => void
}

type Written = SlotRecord | undefined

/** What becomes of a change that the store does not write. */
type Otherwise = "owe" | "keep"

/** Others may write a record as often as they like; who loses so often in a row has met a store that cannot count. */
const raceLimit = 20

export class Ledger {
  readonly owner: string
  readonly #store: SlotPoolStore["Service"]
  readonly asking: Asking
  readonly #told: Told
  readonly views = new Set<View>()
  /** The slots, by name, whose records are still to be deleted. */
  readonly #doomed = new Map<string, string>()
  /** Why the store is not relied on. */
  degraded: string | undefined = undefined
  /** Nothing is written any more. */
  closed = false
  /** What the store's clock shows beyond this process's monotonic one. */
  clockOffset = 0

  constructor(options: {
    readonly owner: string
    readonly store: SlotPoolStore["Service"]
    readonly asking: Asking
    readonly told: Told
  }) {
    this.owner = options.owner
    this.#store = options.store
    this.asking = options.asking
    this.#told = options.told
  }

  /** Something that the store was asked for failed. */
  degrade(error: StoreError): void {
    this.#told.failed()
    const first = this.degraded === undefined
    this.degraded = `${error.operation}: ${error.reason}`
    if (first) this.#told.degraded(this.degraded)
  }

  /**
   * Makes a change and answers the record as it is now, or nothing where the change is not to be made, or the slot is
   * this pool's no more. Never fails, and takes no longer than the store is given.
   */
  write(view: View, change: Change): Effect.Effect<Written> {
    return Effect.suspend(() => this.#write(view, change, "owe", 0))
  }

  /**
   * As `write`, but where the store does not do it, or somebody else was faster, it is not done: the record stays as it
   * was known. The store is tried even when it failed before.
   */
  writeThrough(view: View, change: Change): Effect.Effect<Written> {
    return Effect.suspend(() => this.#write(view, change, "keep", 0))
  }

  /** The record was seen so in the store. */
  learn(view: View, record: SlotRecord): void {
    if (view.owned && !view.owed && view.writing === undefined && record.version > view.record.version) {
      view.record = record
    }
  }

  /** The store has answered that it has this record now. What is owed here is newer. */
  accept(view: View, record: SlotRecord): void {
    if (view.owed) view.record = { ...view.record, version: record.version }
    else if (record.version > view.record.version) view.record = record
  }

  #write(view: View, change: Change, otherwise: Otherwise, lost: number): Effect.Effect<Written> {
    const { writing } = view
    if (writing !== undefined) {
      return Effect.flatMap(Waiters.wait(writing, () => Exit.void), () => this.#write(view, change, otherwise, lost))
    }
    if (!view.owned || this.closed) return Effect.undefined
    const next = change(view.record)
    if (next === undefined) return Effect.undefined
    if (otherwise === "owe" && (this.degraded !== undefined || view.owed)) {
      return Effect.succeed(this.#owe(view, next))
    }
    if (view.owed) return Effect.undefined
    const asked = this.asking.ask("put", () => this.#store.put(next))
    const { tenure } = view
    const noted = (answer: Answer<SlotRecord, VersionConflict>): Effect.Effect<Written> => {
      // It was lost while it was written, be it got again or not.
      if (view.tenure !== tenure) return Effect.undefined
      const came = this.#note(view, next, otherwise, answer)
      return came === "conflict" ? this.#lost(view, change, otherwise, lost) : Effect.succeed(came)
    }
    if (asked.answer !== undefined) return noted(asked.answer)
    const others = Waiters.make<void>()
    view.writing = others
    return Effect.callback((resume) =>
      // Whether or not somebody still waits for it: what was written is known.
      asked.whenAnswered((answer) => {
        view.writing = undefined
        resume(noted(answer))
        for (const go of Waiters.take(others)) go()
      })
    )
  }

  /** What came of a write, put down at once. */
  #note(
    view: View,
    next: SlotRecord,
    otherwise: Otherwise,
    answer: Answer<SlotRecord, VersionConflict>
  ): Written | "conflict" {
    if (Exit.isSuccess(answer)) {
      this.accept(view, answer.value)
      return answer.value
    }
    const error = failureOf(answer)
    if (error._tag === "VersionConflict") return "conflict"
    this.degrade(error)
    if (otherwise === "owe") return this.#owe(view, next)
    // It may have been done all the same: what counts is what is known here.
    this.#owe(view, view.record)
    return undefined
  }

  /** Somebody else was faster: the change is made on what they wrote. */
  #lost(view: View, change: Change, otherwise: Otherwise, lost: number): Effect.Effect<Written> {
    return Effect.flatMap(this.#reread(view), () => {
      if (otherwise === "keep") return Effect.undefined
      if (lost < raceLimit) return this.#write(view, change, otherwise, lost + 1)
      this.degrade(racesLost())
      return this.#write(view, change, otherwise, 0)
    })
  }

  /** The record is as it is here; the store is to have it when it does what it is asked again. */
  #owe(view: View, record: SlotRecord): SlotRecord {
    view.owed = true
    view.record = record
    return record
  }

  /** Somebody else has written the record: it is theirs, or what they wrote counts. */
  #reread(view: View): Effect.Effect<void> {
    const { pool, slot } = view.record
    return Effect.map(this.asking.wait("get", () => this.#store.get(pool, slot)), (answer) => {
      if (Exit.isFailure(answer)) return this.degrade(failureOf(answer))
      this.compare(view, Option.getOrUndefined(answer.value))
    })
  }

  /** What the store has of the slot now. */
  compare(view: View, record: SlotRecord | undefined): void {
    if (record === undefined) return this.lose(view, "its record was deleted")
    if (record.owner !== this.owner) return this.lose(view, takenBy(record))
    this.learn(view, record)
  }

  lose(view: View, why: string): void {
    if (!view.owned) return
    this.#letGo(view)
    this.#told.lost(view, why)
  }

  #letGo(view: View): void {
    view.kept = view.owed ? view.record : undefined
    view.owned = false
    view.owed = false
    view.tenure++
  }

  /** The slot is not the pool's any more, by its own will. */
  drop(view: View): void {
    this.#letGo(view)
    this.views.delete(view)
  }

  /** The slot is this pool's: what the record says counts from now on. */
  hold(view: View, record: SlotRecord): void {
    view.record = record
    view.owned = true
    view.owed = false
    view.kept = undefined
    view.tenure++
    this.views.add(view)
    this.#doomed.delete(record.slot)
  }

  /** Deletes a record, if it is this pool's: now, or when the store does what it is asked again. */
  erase({ pool, slot }: SlotRecord): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#doomed.set(slot, pool)
      return this.degraded === undefined ? Effect.asVoid(this.#eraseOne(pool, slot)) : Effect.void
    })
  }

  #eraseOne(pool: string, slot: string): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      while (this.#doomed.has(slot)) if (!(yield* this.#erase(pool, slot))) return false
      return true
    })
  }

  #erase(pool: string, slot: string): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      const got = yield* this.asking.wait("get", () => this.#store.get(pool, slot))
      if (Exit.isFailure(got)) {
        this.degrade(failureOf(got))
        return false
      }
      const there = Option.getOrUndefined(got.value)
      // What somebody else has taken is theirs.
      if (there?.owner !== this.owner) {
        this.#doomed.delete(slot)
        return true
      }
      // What was taken up again here, or written by anybody, is at another version by then: it is looked at once more.
      const erased = yield* this.asking.wait("delete", () => this.#store.delete(pool, slot, there.version))
      if (Exit.isFailure(erased)) {
        this.degrade(failureOf(erased))
        return false
      }
      if (erased.value) this.#doomed.delete(slot)
      return true
    })
  }

  /** Writes what is owed, while there is time; the store is relied on again when all of it has been. */
  settle(isTime: () => boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.degraded === undefined) return
      // What is changed meanwhile is owed too: it is over when nothing is found owed, in one step with saying so.
      for (let next = this.#owing(); next !== undefined; next = this.#owing()) {
        const settled = "record" in next ? this.#pay(next) : this.#eraseOne(next.pool, next.slot)
        if (!isTime() || !(yield* settled)) return
      }
      this.degraded = undefined
      this.#told.recovered()
    })
  }

  #owing(): View | { readonly pool: string; readonly slot: string } | undefined {
    for (const view of this.views) if (view.owed) return view
    for (const [slot, pool] of this.#doomed) return { pool, slot }
    return undefined
  }

  /** The store may have done what it did not answer: what is written is based on whatever version it has. */
  #pay(view: View): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function*() {
      for (let races = 0; view.owed; races++) {
        if (races > raceLimit) {
          this.degrade(racesLost())
          return false
        }
        const { pool, slot } = view.record
        const got = yield* this.asking.wait("get", () => this.#store.get(pool, slot))
        if (Exit.isFailure(got)) {
          this.degrade(failureOf(got))
          return false
        }
        const there = Option.getOrUndefined(got.value)
        this.compare(view, there)
        if (there === undefined || !view.owned) return true
        const owed = view.record
        const put = yield* this.asking.wait("put", () => this.#store.put({ ...owed, version: there.version }))
        if (Exit.isSuccess(put)) {
          // What was changed while this was written is owed still.
          view.owed = view.owed && view.record !== owed
          view.record = view.owed ? { ...view.record, version: put.value.version } : put.value
          continue
        }
        const error = failureOf(put)
        if (error._tag === "VersionConflict") continue
        this.degrade(error)
        return false
      }
      return true
    })
  }
}

const racesLost = (): StoreError => new StoreError({ operation: "put", reason: `lost ${raceLimit} races in a row` })

const takenBy = (record: SlotRecord): string =>
  record.owner === undefined ? "it has no owner" : `it was taken over by "${record.owner}"`

/** The store's failures are typed, all of them. */
export const failureOf = <E>(answer: Exit.Failure<unknown, E>): E => {
  for (const reason of answer.cause.reasons) if (reason._tag === "Fail") return reason.error
  throw new Error("the store's failure has no error")
}
