/**
 * Counts what a supervisor could leave behind: fibers that have not ended, and sleepers that nobody has woken.
 *
 * Everything to be counted is made inside `provide`. A clock of ours lies over the test's; fibers are counted by the
 * hook that Effect has for its runtime metrics.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { TestClock } from "effect/testing"

export interface Counting {
  readonly provide: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Fibers made inside `provide` that have not ended. */
  readonly fibers: () => number
  /** Those who sleep on the clock now. */
  readonly sleepers: () => number
  /** How often anybody went to sleep. */
  readonly slept: () => number
  /** From now on, reading the monotonic clock throws. */
  readonly breakClock: (error: unknown) => void
}

export const make: Effect.Effect<Counting> = Effect.clockWith((current) =>
  Effect.sync((): Counting => {
    const base = current as TestClock.TestClock
    let fibers = 0
    let sleepers = 0
    let slept = 0
    let broken: { readonly error: unknown } | undefined
    const monotonic = () => {
      if (broken !== undefined) throw broken.error
      return base.monotonicTimeNanosUnsafe()
    }
    const clock: TestClock.TestClock = {
      ...base,
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) =>
        Effect.suspend(() => {
          sleepers++
          slept++
          return Effect.ensuring(
            base.sleep(duration),
            Effect.sync(() => {
              sleepers--
            })
          )
        })
    }
    const metrics: Metric.FiberRuntimeMetricsService = {
      recordFiberStart: () => {
        fibers++
      },
      recordFiberEnd: () => {
        fibers--
      }
    }
    return {
      provide: (effect) =>
        effect.pipe(
          Effect.provideService(Clock.Clock, clock),
          Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
        ),
      fibers: () => fibers,
      sleepers: () => sleepers,
      slept: () => slept,
      breakClock: (error) => {
        broken = { error }
      }
    }
  })
)
