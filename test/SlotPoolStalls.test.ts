import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { settle } from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

describe("a stall in the midst of a job's time", () => {
  const stateOf = (pool: SlotPool.SlotPool, job: number) => Effect.map(pool.list(), (jobs) => jobs[job]?.state)

  it.effect("SP-44 is not held against the job that takes long, and one that takes too long is still found", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ jobTimeout: "30 seconds" })
        yield* settle
        yield* pool.submit(() => Effect.never)
        yield* TestClock.adjust("1 second")
        yield* clock.stall("30 seconds")
        yield* TestClock.adjust("24 seconds")
        assert.strictEqual(yield* stateOf(pool, 0), "Running")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* stateOf(pool, 0), "TimedOut")
      }))
    }))

  it.effect("SP-44 is not held against the job that is silent, and one that hangs is still found", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      yield* clock.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ jobSilence: "2 seconds" })
        yield* settle
        // After the stall it needs another half second for its first beat.
        const beats = Effect.andThen(
          Effect.andThen(Effect.sleep("1 second"), Effect.sleep("500 millis")),
          Heartbeat.beat
        )
        yield* pool.submit(() => Effect.andThen(beats, Effect.sleep("1 second")))
        yield* TestClock.adjust("500 millis")
        yield* clock.stall("1 minute")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* stateOf(pool, 0), "Succeeded")
        yield* pool.submit(() => Effect.never)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* stateOf(pool, 1), "TimedOut")
      }))
    }))
})
