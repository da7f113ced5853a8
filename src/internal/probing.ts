/**
 * The check of a probed run: bounded by its timeout, in a scope of its own, never two at once.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Heartbeat from "../Heartbeat.ts"
import * as Observer from "./observer.ts"

/** Checks once, each time it is run. A check that cannot be interrupted fails every probe until it ends. */
export const onceAtATime = (
  probe: Heartbeat.Probe,
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
