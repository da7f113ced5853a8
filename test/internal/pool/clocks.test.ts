import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as Clocks from "../../../src/internal/pool/clocks.ts"
import type { Job } from "../../../src/internal/pool/jobs.ts"
import * as Counting from "../../support/Counting.ts"
import { settle } from "../../support/fixtures.ts"

const usual = 10_000

/** Clocks over the test's, and what they rang for, when. */
const make = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  const rung: Array<readonly [string, number]> = []
  const clocks = Clocks.make(yield* Effect.context<never>(), usual, now, (job) => {
    rung.push([job.id, now()])
    job.state = "Unassigned"
    clocks.stop(job)
  })
  const job = (id: string, assignTimeout = usual): Job =>
    ({ id, assignTimeout, queuedAt: now(), state: "Queued" }) as unknown as Job
  const come = (id: string, assignTimeout?: number) => {
    const one = job(id, assignTimeout)
    clocks.start(one)
    return one
  }
  return { clocks, rung, job, come, now }
})

const counted = <A, E>(body: (counting: Counting.Counting) => Effect.Effect<A, E>) =>
  Effect.flatMap(Counting.make, (counting) => counting.provide(body(counting)))

describe("clocks", () => {
  it.effect("ring for each job its own timeout after it came, to the millisecond", () =>
    Effect.gen(function*() {
      const { come, rung } = yield* make
      for (let n = 0; n < 5; n++) {
        come(`job-${n}`, n % 2 === 0 ? usual : 3000)
        yield* TestClock.adjust(700)
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(rung, [
        ["job-1", 3700],
        ["job-3", 5100],
        ["job-0", 10_000],
        ["job-2", 11_400],
        ["job-4", 12_800]
      ])
    }))

  it.effect("ring for nobody who waits no longer", () =>
    Effect.gen(function*() {
      const { clocks, come, rung } = yield* make
      const jobs = ["a", "b", "c", "d"].map((id) => come(id))
      jobs[0]!.state = "Running"
      jobs[2]!.state = "Cancelled"
      clocks.stop(jobs[2]!)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(rung.map(([id]) => id), ["b", "d"])
    }))

  it.effect("of one that waits again ring from when it came", () =>
    Effect.gen(function*() {
      const { clocks, come, rung } = yield* make
      const job = come("job")
      job.state = "Running"
      yield* TestClock.adjust(4000)
      come("next")
      job.state = "Queued"
      clocks.startAgain(job)
      yield* TestClock.adjust(5999)
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(rung, [["job", 10_000]])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(rung, [["job", 10_000], ["next", 14_000]])
    }))

  it.effect("of one that waits again do not ring when it has been taken by then", () =>
    Effect.gen(function*() {
      const { clocks, job, rung } = yield* make
      const again = job("again", 1000)
      clocks.startAgain(again)
      yield* TestClock.adjust(500)
      again.state = "Running"
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(rung, [])
    }))

  it.effect("of one that waits again when its time is over ring at once", () =>
    Effect.gen(function*() {
      const { clocks, job, rung } = yield* make
      const late = job("late", 1000)
      yield* TestClock.adjust(5000)
      clocks.startAgain(late)
      yield* settle
      assert.deepStrictEqual(rung, [["late", 5000]])
    }))

  it.effect("with no bound never ring, and cost nothing", () =>
    counted((counting) =>
      Effect.gen(function*() {
        const { clocks, come, rung } = yield* make
        const job = come("patient", Number.POSITIVE_INFINITY)
        clocks.startAgain(job)
        assert.strictEqual(counting.sleepers(), 0)
        yield* TestClock.adjust("1000 days")
        assert.deepStrictEqual(rung, [])
      })
    ))

  it.effect("are one sleeper for all jobs of one timeout", () =>
    counted((counting) =>
      Effect.gen(function*() {
        const { clocks, come } = yield* make
        for (let n = 0; n < 1000; n++) come(`job-${n}`)
        yield* settle
        assert.strictEqual(counting.sleepers(), 1)
        for (let n = 0; n < 10; n++) come(`other-${n}`, 5000)
        yield* settle
        assert.strictEqual(counting.sleepers(), 2)
        clocks.stopAll()
        yield* settle
        assert.strictEqual(counting.sleepers(), 0)
      })
    ))

  it.effect("of timeouts that nobody else has are put away with their last job", () =>
    counted((counting) =>
      Effect.gen(function*() {
        const { clocks, come, rung } = yield* make
        const jobs = Array.from({ length: 50 }, (_, n) => come(`job-${n}`, 1000 + n))
        yield* settle
        assert.strictEqual(counting.sleepers(), 50)
        for (const job of jobs) {
          job.state = "Running"
          clocks.stop(job)
        }
        yield* settle
        assert.strictEqual(counting.sleepers(), 0)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(rung, [])
      })
    ))

  it.effect("keep for somebody who comes again as it is told that its time is over", () =>
    counted((counting) =>
      Effect.gen(function*() {
        const clock = yield* Clock.Clock
        const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
        const rung: Array<readonly [string, number]> = []
        const clocks: Clocks.Clocks = Clocks.make(yield* Effect.context<never>(), usual, now, (job) => {
          rung.push([job.id, now()])
          job.state = "Unassigned"
          clocks.stop(job)
          if (rung.length < 4) come(`again-${rung.length}`)
        })
        const come = (id: string) =>
          clocks.start({ id, assignTimeout: 500, queuedAt: now(), state: "Queued" } as unknown as Job)
        come("first")
        // One that came as another was told is put away like any.
        yield* TestClock.adjust(500)
        clocks.stopAll()
        yield* settle
        assert.strictEqual(counting.sleepers(), 0)
        rung.length = 0
        come("first")
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(rung, [["first", 1000], ["again-1", 1500], ["again-2", 2000], ["again-3", 2500]])
        come("last")
        clocks.stopAll()
        yield* settle
        assert.strictEqual(counting.sleepers(), 0)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(rung.length, 4)
      })
    ))

  it.effect("that are stopped ring no more, those of jobs that wait again included", () =>
    counted((counting) =>
      Effect.gen(function*() {
        const { clocks, come, job, rung } = yield* make
        come("waits")
        clocks.startAgain(job("again"))
        yield* settle
        clocks.stopAll()
        yield* settle
        assert.strictEqual(counting.sleepers(), 0)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(rung, [])
      })
    ))
})
