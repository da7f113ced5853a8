/**
 * What runs beside a probed run: a check on a schedule, bounded by its timeout, in a scope of its own, never two at once.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Observer from "./observer.ts"

/** A probe, with all the services it needs. */
export interface Probe {
  readonly check: Effect.Effect<unknown, unknown>
  readonly schedule: Schedule.Schedule<unknown, unknown, unknown>
  readonly timeout: number
  readonly failures: number
}

/** The heartbeat stream of a probed run: each result is reported, nothing for a sign of life. */
export const beside = (
  probe: Probe,
  now: () => number,
  report: (failure: Cause.Cause<unknown> | undefined) => void
): Effect.Effect<void> =>
  Stream.fromEffectSchedule(onceAtATime(probe, now), probe.schedule).pipe(
    Stream.runForEach((result) => Effect.sync(() => report(result))),
    // A schedule that dies ends probing: that is as good as all the failures it takes.
    Effect.catchCause((cause) =>
      Effect.sync(() => {
        for (let i = 0; i < probe.failures; i++) report(cause)
      })
    )
  )

/** Checks once, each time it is run. A check that cannot be interrupted fails every probe until it ends. */
const onceAtATime = (
  probe: Probe,
  now: () => number
): Effect.Effect<Cause.Cause<unknown> | undefined> => {
  const timedOut = Cause.fail(new Cause.TimeoutError(`the probe took longer than ${probe.timeout} ms`))
  let checking: Fiber.Fiber<unknown, unknown> | undefined
  return Effect.suspend(() => {
    if (checking !== undefined && checking.pollUnsafe() === undefined) return Effect.succeed(timedOut)
    return Effect.flatMap(Effect.forkChild(Effect.scoped(probe.check)), (fiber) => {
      checking = fiber
      return Effect.map(awaitWithin(fiber, probe.timeout, now), (exit) => {
        if (Option.isSome(exit)) return Exit.isSuccess(exit.value) ? undefined : exit.value.cause
        fiber.interruptUnsafe()
        return timedOut
      })
    })
  })
}

const slice = 200

/** Waits for a fiber in slices, by an observer's clock: what the thread was blocked for is not part of the timeout. */
const awaitWithin = Effect.fnUntraced(function*(
  fiber: Fiber.Fiber<unknown, unknown>,
  timeout: number,
  now: () => number
): Effect.fn.Return<Option.Option<Exit.Exit<unknown, unknown>>> {
  const observer = Observer.make(now())
  const until = Observer.at(observer, now()) + timeout
  while (true) {
    const wait = Math.min(until - Observer.at(observer, now()), slice)
    if (wait <= 0) return Option.none()
    observer.wakeAt = now() + wait
    const exit = yield* Effect.timeoutOption(Fiber.await(fiber), wait)
    if (Option.isSome(exit)) return exit
    Observer.turn(observer, now(), slice)
  }
})
