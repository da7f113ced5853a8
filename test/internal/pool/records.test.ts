import { assert, describe, it } from "@effect/vitest"
import type { SlotRecord, SlotState } from "effect-supervisor/SlotPoolStore"
import type { Change, Due } from "../../../src/internal/pool/records.ts"
import * as Records from "../../../src/internal/pool/records.ts"

const states: ReadonlyArray<SlotState> = ["Idle", "Busy", "Errored", "Stopped"]

/** All there can be, whether or not it fits the state: nothing that a change does not name may be touched. */
const record = (state: SlotState, more: Partial<SlotRecord> = {}): SlotRecord => ({
  pool: "pool",
  slot: "slot-3",
  version: 7,
  state,
  config: { tools: ["pen"] },
  name: "Ada",
  role: "writer",
  session: { turns: 3 },
  job: "job-1",
  restarts: 2,
  completed: 41,
  error: "it broke",
  erroredAt: 100,
  dueAt: 200,
  restartedAt: 50,
  owner: "pool-1",
  ...more
})

/** What a change makes of a record in each state; `undefined` where it is not to be made. */
const table = (change: Change, more: Partial<SlotRecord> = {}) =>
  states.map((state) => change(record(state, more))?.state)

const without = (from: SlotRecord, ...keys: ReadonlyArray<keyof SlotRecord>): SlotRecord =>
  Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key as keyof SlotRecord))) as SlotRecord

const errorKeys = ["error", "erroredAt", "dueAt", "exhausted"] as const

describe("records", () => {
  it("no change ever touches who owns the slot, its version, its identity", () => {
    const changes: ReadonlyArray<Change> = [
      Records.busy("job-2"),
      Records.busy("job-2", { job: "job-1", well: true, session: undefined }),
      Records.ended({ job: "job-1", well: true, session: { value: "x" } }),
      Records.stable(1e9, 1),
      Records.errored({ error: "again", now: 300, due: undefined, stableAfter: 1000 }),
      Records.restarted(300, 3),
      Records.begun,
      Records.stopped,
      Records.released,
      Records.takenUp
    ]
    for (const change of changes) {
      for (const state of states) {
        const before = record(state)
        const copy = structuredClone(before)
        const after = change(before)
        assert.deepStrictEqual(before, copy, "the record that is known is not changed in place")
        if (after === undefined) continue
        for (const key of ["pool", "slot", "version", "config", "name", "role", "owner"] as const) {
          assert.deepStrictEqual(after[key], before[key], key)
        }
      }
    }
  })

  it("busy takes an idle slot, and none other", () => {
    assert.deepStrictEqual(table(Records.busy("job-2")), ["Busy", undefined, undefined, undefined])
    assert.deepStrictEqual(Records.busy("job-2")(record("Idle")), { ...record("Busy"), job: "job-2" })
  })

  it("busy from job to job ends the one before and begins the next in one write", () => {
    const next = Records.busy("job-2", { job: "job-1", well: true, session: { value: "left" } })
    assert.deepStrictEqual(table(next), [undefined, "Busy", undefined, undefined])
    assert.deepStrictEqual(next(record("Busy")), {
      ...record("Busy"),
      job: "job-2",
      completed: 42,
      session: "left"
    })
    assert.isUndefined(next(record("Busy", { job: "another" })))
  })

  it("ended frees the slot of its own job alone, counts what ended well, and leaves a session as it was said", () => {
    const ended = (well: boolean, session: Records.Ended["session"]) =>
      Records.ended({ job: "job-1", well, session })(record("Busy"))
    const idle = { ...without(record("Busy"), "job"), state: "Idle" as const }
    assert.deepStrictEqual(ended(true, undefined), { ...idle, completed: 42 })
    assert.deepStrictEqual(ended(false, undefined), idle)
    assert.deepStrictEqual(ended(false, { value: null }), { ...idle, session: null })
    assert.deepStrictEqual(ended(false, { value: undefined }), without(idle, "session"))
    const change = Records.ended({ job: "job-1", well: true, session: undefined })
    assert.deepStrictEqual(table(change), [undefined, "Idle", undefined, undefined])
    assert.isUndefined(change(record("Busy", { job: "another" })))
    assert.isUndefined(change(without(record("Busy"), "job")))
  })

  it("is stable when its last restart is longer ago than stableAfter, strictly", () => {
    const put = (restartedAt: number, restarts = 1) => record("Idle", { restartedAt, restarts })
    assert.isFalse(Records.isStable(put(1000), 1500, 500))
    assert.isTrue(Records.isStable(put(1000), 1501, 500))
    assert.isFalse(Records.isStable(put(1000, 0), 9999, 500))
    assert.isFalse(Records.isStable(put(1000), 9999, Number.POSITIVE_INFINITY))
    assert.isFalse(Records.isStable(without(put(1000), "restartedAt"), 9999, 500))
    assert.isFalse(Records.isStable(put(1000), 0, 500), "a clock that went back")
  })

  it("stable forgets the restarts of a slot that works, and nothing else", () => {
    const change = Records.stable(1000, 500)
    assert.deepStrictEqual(table(change), ["Idle", "Busy", undefined, undefined])
    assert.deepStrictEqual(change(record("Busy")), { ...record("Busy"), restarts: 0 })
    assert.isUndefined(change(record("Idle", { restarts: 0 })))
    assert.isUndefined(Records.stable(550, 500)(record("Idle")))
  })

  it("errored marks a slot that works, with why, since when and when it is due; the job stays to be seen", () => {
    const errored = (due: Due, now = 300, stableAfter = 1000) =>
      Records.errored({ error: "again", now, due, stableAfter })
    assert.deepStrictEqual(table(errored(undefined)), ["Errored", "Errored", undefined, undefined])
    const base = { ...without(record("Busy"), ...errorKeys), state: "Errored" as const, error: "again", erroredAt: 300 }
    assert.deepStrictEqual(errored(undefined)(record("Busy", { exhausted: true })), base)
    assert.deepStrictEqual(errored({ _tag: "At", at: 900 })(record("Busy")), { ...base, dueAt: 900 })
    assert.deepStrictEqual(errored({ _tag: "Never" })(record("Busy")), { ...base, exhausted: true })
    assert.strictEqual(errored(undefined, 1050)(record("Idle"))?.restarts, 2)
    assert.strictEqual(errored(undefined, 1051)(record("Idle"))?.restarts, 0)
  })

  it("is exhausted at the maximum, or when its policy is done, and only in error", () => {
    assert.isFalse(Records.isExhausted(record("Errored", { restarts: 2 }), 3))
    assert.isTrue(Records.isExhausted(record("Errored", { restarts: 3 }), 3))
    assert.isTrue(Records.isExhausted(record("Errored", { restarts: 4 }), 3))
    assert.isTrue(Records.isExhausted(record("Errored", { restarts: 0 }), 0))
    assert.isFalse(Records.isExhausted(record("Errored", { restarts: 1000 }), Number.POSITIVE_INFINITY))
    assert.isTrue(Records.isExhausted(record("Errored", { restarts: 0, exhausted: true }), Number.POSITIVE_INFINITY))
    for (const state of ["Idle", "Busy", "Stopped"] as const) {
      assert.isFalse(Records.isExhausted(record(state, { restarts: 9, exhausted: true }), 3))
    }
  })

  it("restarted puts back what is in error, due and not exhausted: without job, session and error, one restart more", () => {
    const restarted = Records.restarted(200, 3)
    assert.deepStrictEqual(table(restarted), [undefined, undefined, "Idle", undefined])
    assert.deepStrictEqual(restarted(record("Errored")), {
      ...without(record("Errored"), "job", "session", ...errorKeys),
      state: "Idle",
      restarts: 3,
      restartedAt: 200
    })
    assert.isUndefined(Records.restarted(199, 3)(record("Errored")), "not due")
    assert.isDefined(Records.restarted(0, 3)(without(record("Errored"), "dueAt")), "due at once")
    assert.isUndefined(Records.restarted(200, 2)(record("Errored")), "at the maximum")
    assert.isUndefined(restarted(record("Errored", { exhausted: true })), "its policy is done")
  })

  it("begun is for a run that somebody asked for by name: no restart is counted, the session stays", () => {
    assert.deepStrictEqual(table(Records.begun), [undefined, "Idle", "Idle", "Idle"])
    assert.deepStrictEqual(Records.begun(record("Errored")), {
      ...without(record("Errored"), "job", ...errorKeys),
      state: "Idle"
    })
  })

  it("stopped is for any slot, once", () => {
    assert.deepStrictEqual(table(Records.stopped), ["Stopped", "Stopped", "Stopped", undefined])
    assert.deepStrictEqual(Records.stopped(record("Errored")), {
      ...without(record("Errored"), "job", ...errorKeys),
      state: "Stopped"
    })
  })

  it("released frees a busy slot, and leaves the others as they are", () => {
    assert.deepStrictEqual(table(Records.released), [undefined, "Idle", undefined, undefined])
    assert.deepStrictEqual(Records.released(record("Busy")), { ...without(record("Busy"), "job"), state: "Idle" })
  })

  it("taken up, a slot is Idle without its job; one in error stays so", () => {
    assert.deepStrictEqual(table(Records.takenUp), ["Idle", "Idle", "Errored", "Idle"])
    assert.deepStrictEqual(Records.takenUp(record("Errored")), record("Errored"))
    assert.deepStrictEqual(Records.takenUp(record("Busy")), { ...without(record("Busy"), "job"), state: "Idle" })
  })

  it("fresh is a record that has never been written", () => {
    assert.deepStrictEqual(Records.fresh("pool", "slot-0", { config: {}, name: "Ada" }), {
      pool: "pool",
      slot: "slot-0",
      version: 0,
      state: "Idle",
      config: {},
      name: "Ada",
      restarts: 0,
      completed: 0
    })
  })
})
