import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as StallingClock from "./StallingClock.ts"

/** Notes when each of some sleepers wakes, by the monotonic clock. */
const sleepers = Effect.fnUntraced(function*(durations: ReadonlyArray<number>) {
  const woken: Array<[slept: number, at: number]> = []
  for (const millis of durations) {
    yield* Effect.forkChild(
      Effect.andThen(
        Effect.sleep(millis),
        Effect.map(Clock.monotonicTimeNanos, (nanos) => {
          woken.push([millis, Number(nanos / 1_000_000n)])
        })
      ),
      { startImmediately: true }
    )
  }
  return woken
})

describe("StallingClock", () => {
  it.effect("without a stall it is the TestClock", () =>
    Effect.gen(function*() {
      const { provide } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const woken = yield* sleepers([300, 100, 200])
        yield* TestClock.adjust(250)
        assert.deepStrictEqual(woken, [[100, 100], [200, 200]])
        assert.strictEqual(yield* Clock.currentTimeMillis, 250)
        assert.strictEqual(yield* Clock.currentTimeNanos, 250_000_000n)
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(woken, [[100, 100], [200, 200], [300, 300]])
      }))
    }))

  it.effect("a stall wakes the overdue late, in due order, and all at once", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const woken = yield* sleepers([300, 100, 5000, 200, 1000])
        yield* TestClock.adjust(150)
        yield* stall(850)
        assert.deepStrictEqual(woken, [[100, 100], [200, 1000], [300, 1000], [1000, 1000]])
        assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
        yield* TestClock.adjust(4000)
        assert.deepStrictEqual(woken.at(-1), [5000, 5000])
      }))
    }))

  it.effect("what a stall wakes has come to rest when it returns, new sleeps included", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const ticks: Array<number> = []
        const ticker = yield* Effect.forkChild(
          Effect.forever(Effect.andThen(
            Effect.sleep(100),
            Effect.map(Clock.currentTimeMillis, (now) => {
              ticks.push(now)
            })
          )),
          { startImmediately: true }
        )
        yield* TestClock.adjust(100)
        yield* stall(950)
        assert.deepStrictEqual(ticks, [100, 1050], "a timer that is late fires once")
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(ticks, [100, 1050, 1150])
        yield* Fiber.interrupt(ticker)
      }))
    }))

  it.effect("a sleeper can be interrupted while it sleeps, and is not woken by a stall", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Effect.sleep(100), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        yield* stall(1000)
        assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
      }))
    }))

  it.effect("a jump moves both clocks, and brings no sleeper nearer", () =>
    Effect.gen(function*() {
      const { jump, provide } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const woken = yield* sleepers([100])
        yield* TestClock.adjust(60)
        yield* jump("1 hour")
        assert.strictEqual(yield* Clock.currentTimeMillis, 3_600_060)
        yield* TestClock.adjust(39)
        assert.deepStrictEqual(woken, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(woken, [[100, 3_600_100]])
      }))
    }))

  it.effect("the wall clock can be set without the monotonic one", () =>
    Effect.gen(function*() {
      const { provide, setWall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        yield* TestClock.adjust(5000)
        yield* setWall(-2000)
        assert.strictEqual(yield* Clock.currentTimeMillis, 3000)
        assert.strictEqual(yield* Clock.currentTimeNanos, 3_000_000_000n)
        assert.strictEqual(yield* Clock.monotonicTimeNanos, 5_000_000_000n)
      }))
    }))
})
