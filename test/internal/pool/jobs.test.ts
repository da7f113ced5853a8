import { assert, describe, it } from "@effect/vitest"
import { PoolClosed } from "effect-supervisor/SlotPoolError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { EndState, Job } from "../../../src/internal/pool/jobs.ts"
import { isOrderly, Jobs, stateOf } from "../../../src/internal/pool/jobs.ts"
import * as Waiters from "../../../src/internal/waiters.ts"

const make = (keep = 100) => {
  const told: Array<string> = []
  let made = 0
  const jobs: Jobs = new Jobs({
    pool: "pool",
    queued: (job) => told.push(`${job.id} queued`),
    ended: (job, state) => told.push(`${job.id} ${state}`),
    resume: (resume) => resume(),
    wallNow: () => 1000,
    slots: () => ({ slots: 4, able: 2 })
  }, keep)
  const job = (id: string, kept = true): Job => ({
    id,
    order: made++,
    tags: [],
    kept,
    work: () => Effect.void,
    context: Context.empty(),
    timeout: 10,
    assignTimeout: 20,
    queuedAt: 0,
    state: "Queued",
    slot: undefined,
    begun: false,
    submittedAt: 0,
    startedAt: undefined,
    endedAt: undefined,
    exit: undefined,
    cancelled: false,
    waiters: undefined,
    place: undefined
  })
  const add = (id: string, kept?: boolean): Job => {
    const one = job(id, kept)
    jobs.add(one)
    return one
  }
  const queued = () => Array.from(jobs.queue, ({ id }) => id)
  return { jobs, add, told, queued }
}

describe("jobs", () => {
  it("are queued, run and end, and are counted as they are", () => {
    const { add, jobs, told } = make()
    const one = add("one")
    assert.deepStrictEqual([jobs.queue.size, jobs.running.size, jobs.isSettled], [1, 0, false])
    assert.strictEqual(jobs.take("slot-0"), one)
    assert.deepStrictEqual([one.state, one.slot, jobs.queue.size, jobs.running.size], ["Running", "slot-0", 0, 1])
    assert.isUndefined(jobs.take("slot-1"))
    assert.isTrue(jobs.end(one, "Succeeded", Exit.succeed(7)))
    assert.deepStrictEqual([one.state, one.exit, one.endedAt], ["Succeeded", Exit.succeed(7), 1000])
    assert.isTrue(jobs.isSettled)
    assert.deepStrictEqual(told, ["one queued", "one Succeeded"])
  })

  it("end once, whoever says so first", () => {
    const { add, jobs, told } = make()
    const job = add("job")
    jobs.take("slot-0")
    assert.isTrue(jobs.end(job, "TimedOut", Exit.fail("late")))
    for (const again of ["Succeeded", "Cancelled", "Lost"] as const) {
      assert.isFalse(jobs.end(job, again, Exit.succeed(7)))
    }
    jobs.expire(job)
    jobs.cancelled(job)
    jobs.lose(job, new PoolClosed({}))
    assert.deepStrictEqual([job.state, job.exit], ["TimedOut", Exit.fail("late")])
    assert.deepStrictEqual(jobs.counts, {
      Succeeded: 0,
      Failed: 0,
      Cancelled: 0,
      TimedOut: 1,
      Lost: 0,
      Unassigned: 0
    })
    assert.strictEqual(told.length, 2)
  })

  it("that are put back stand where they stood, in whatever order they come back", () => {
    const { add, jobs, queued } = make()
    for (const id of ["a", "b", "c", "d", "e"]) add(id)
    const taken = ["slot-0", "slot-1", "slot-2"].map((slot) => jobs.take(slot)!)
    assert.deepStrictEqual(queued(), ["d", "e"])
    for (const n of [0, 2, 1]) jobs.putBack(taken[n]!)
    assert.deepStrictEqual(queued(), ["a", "b", "c", "d", "e"])
    assert.deepStrictEqual([taken[0]!.state, taken[0]!.slot, jobs.running.size], ["Queued", undefined, 0])
  })

  it("that have ended are not put back", () => {
    const { add, jobs, queued } = make()
    const job = add("job")
    jobs.take("slot-0")
    jobs.cancelled(job)
    jobs.putBack(job)
    assert.deepStrictEqual([queued(), job.state], [[], "Cancelled"])
  })

  it("tell those who wait, each once, and who waits for all of them when the last has ended", () => {
    const { add, jobs } = make()
    const one = add("one")
    const other = add("other")
    const told: Array<string> = []
    one.waiters = Waiters.make()
    one.waiters.resumes.add((exit) => told.push(`first ${exit._tag}`))
    one.waiters.resumes.add((exit) => told.push(`second ${exit._tag}`))
    jobs.settled.resumes.add(() => told.push("settled"))
    jobs.take("slot-0")
    jobs.end(one, "Succeeded", Exit.void)
    jobs.end(one, "Succeeded", Exit.void)
    assert.deepStrictEqual(told, ["first Success", "second Success"])
    jobs.cancelled(other)
    assert.deepStrictEqual(told.at(-1), "settled")
    assert.strictEqual(jobs.settled.resumes.size, 0)
  })

  it("that ended are kept up to a bound, those that were handed in; the others are not known at all", () => {
    const { add, jobs } = make(2)
    const known = () => Array.from(jobs.known.keys())
    for (const id of ["a", "b", "c", "d"]) add(id)
    add("run", false)
    assert.deepStrictEqual(known(), ["a", "b", "c", "d"])
    for (const slot of ["slot-0", "slot-1", "slot-2"]) jobs.end(jobs.take(slot)!, "Succeeded", Exit.void)
    assert.deepStrictEqual(known(), ["b", "c", "d"])
    jobs.cancelQueued()
    assert.deepStrictEqual(known(), ["c", "d"])
    const { add: addNone, jobs: none } = make(0)
    const one = addNone("one")
    none.cancelled(one)
    assert.strictEqual(none.known.size, 0)
  })

  it("that wait are cancelled or lost all at once, out of the line before the first is told", () => {
    const { add, jobs, queued } = make()
    const all = ["a", "b", "c"].map((id) => add(id))
    const seen: Array<ReadonlyArray<string>> = []
    for (const job of all) {
      job.waiters = Waiters.make()
      job.waiters.resumes.add(() => seen.push(queued()))
    }
    jobs.loseQueued(new PoolClosed({}))
    assert.deepStrictEqual(seen, [[], [], []])
    assert.deepStrictEqual(all.map(({ state }) => state), ["Lost", "Lost", "Lost"])
  })

  it("that find no slot say how many there were, and how many could have taken them", () => {
    const { add, jobs } = make()
    const job = add("job")
    jobs.expire(job)
    assert(job.exit !== undefined && Exit.isFailure(job.exit))
    const [reason] = job.exit.cause.reasons
    assert(reason?._tag === "Fail")
    assert.include(String(reason.error), "20 ms")
    assert.include(String(reason.error), "2 of 4 slots")
  })

  it("end by themselves well or badly; in order unless there is a defect", () => {
    const ends: ReadonlyArray<readonly [Exit.Exit<unknown, unknown>, EndState, boolean]> = [
      [Exit.void, "Succeeded", true],
      [Exit.fail("typed"), "Failed", true],
      [Exit.interrupt(), "Failed", true],
      [Exit.die("defect"), "Failed", false],
      [Exit.failCause(Cause.combine(Cause.fail("typed"), Cause.die("defect"))), "Failed", false],
      [Exit.failCause(Cause.combine(Cause.interrupt(), Cause.die("defect"))), "Failed", false]
    ]
    for (const [exit, state, orderly] of ends) {
      assert.deepStrictEqual([stateOf(exit), isOrderly(exit)], [state, orderly])
    }
  })
})
