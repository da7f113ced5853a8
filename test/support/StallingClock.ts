/**
 * A clock that does what `TestClock` cannot: wake late, and jump.
 *
 * `TestClock` wakes every sleeper at its own time, so whoever measures how late it was woken always measures 0. This
 * clock lies over the `TestClock` of a test and moves with it (`TestClock.adjust` works as ever under `provide`). In
 * addition its time can
 *
 * - `stall`: the thread was blocked. Time moves on at once while nobody is woken; then everybody overdue wakes, late, in
 *   due order, as the timers of an event loop do.
 * - `jump`: the machine slept, and its timers with it. Time moves on at once, wall clock and monotonic alike, but every
 *   sleeper still has to wait for as long as before, so it wakes late by the whole jump.
 * - `setWall`: somebody set the wall clock, forward or back. Neither the monotonic clock nor any sleeper notices.
 *
 * Fibers must sleep by this clock to be stalled: make everything under test inside `provide`. What happened before a
 * stall should have settled (`TestClock.adjust(0)`); a stall returns when all that it woke has come to rest.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { TestClock } from "effect/testing"

/** A `TestClock` with stalls and jumps. */
export interface StallingClock {
  /** The service itself; it is a `TestClock`, and can be adjusted like one. */
  readonly clock: TestClock.TestClock
  /** Runs an effect on this clock. */
  readonly provide: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Moves time on while nobody is woken, then wakes those who are overdue, in due order. */
  readonly stall: (duration: Duration.Input) => Effect.Effect<void>
  /** Moves time on without bringing any sleeper nearer to its end. */
  readonly jump: (duration: Duration.Input) => Effect.Effect<void>
  /** Sets the wall clock, and nothing else, by so many milliseconds. */
  readonly setWall: (byMillis: number) => Effect.Effect<void>
}

const nanos = (millis: number): bigint => BigInt(Math.round(millis * 1_000_000))

/** Makes one over the current `TestClock`. */
export const make: Effect.Effect<StallingClock> = TestClock.testClockWith((base) =>
  Effect.sync((): StallingClock => {
    let jumped = 0
    let set = 0
    /** While stalled: the time at the end of the stall, as nobody gets to read a clock before it. */
    let frozen: { readonly millis: number; readonly nanos: bigint } | undefined
    /** The overdue, in the order in which they fell due. */
    let overdue: Array<Latch.Latch> = []

    const millis = () => (frozen?.millis ?? base.currentTimeMillisUnsafe()) + jumped + set
    const wallNanos = () => nanos(millis())
    const monotonic = () => (frozen?.nanos ?? base.monotonicTimeNanosUnsafe()) + nanos(jumped)

    const whenThawed = Effect.suspend(() => {
      if (frozen === undefined) return Effect.void
      const latch = Latch.makeUnsafe()
      overdue.push(latch)
      return latch.await
    })
    const thaw = Effect.sync(() => {
      const latches = overdue
      frozen = undefined
      overdue = []
      for (const latch of latches) latch.openUnsafe()
    })

    const clock: TestClock.TestClock = {
      ...base,
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => Effect.andThen(Effect.andThen(whenThawed, base.sleep(duration)), whenThawed)
    }

    return {
      clock,
      provide: Effect.provideService(Clock.Clock, clock),
      stall: Effect.fnUntraced(function*(duration: Duration.Input) {
        const lasts = Duration.toMillis(Duration.fromInputUnsafe(duration))
        yield* base.adjust(0)
        frozen = {
          millis: base.currentTimeMillisUnsafe() + lasts,
          nanos: base.monotonicTimeNanosUnsafe() + nanos(lasts)
        }
        // The last to fall due at the end of the stall: those it lets go are waited for by `adjust`, like all it wakes.
        yield* Effect.forkChild(Effect.andThen(base.sleep(Duration.millis(lasts)), thaw), { startImmediately: true })
        yield* base.adjust(duration)
      }),
      jump: (duration) =>
        Effect.sync(() => {
          jumped += Duration.toMillis(Duration.fromInputUnsafe(duration))
        }),
      setWall: (byMillis) =>
        Effect.sync(() => {
          set += byMillis
        })
    }
  })
)
