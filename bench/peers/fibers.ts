/**
 * Bare fibers in a scope: the floor. What ended is forked again by hand, as soon as it has ended, or with all the others,
 * which are interrupted first, one after another: no schedule, no limit, no status, nobody told.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Hosted, Work } from "../peer.ts"
import { able, unable } from "../peer.ts"

export const fibers: Hosted = {
  _tag: "Hosted",
  name: "bare fibers",
  about: "`Effect.forkIn` a scope, the floor; a failed one is forked again by an observer of its end",
  abilities: {
    restartsFailed: able,
    restartsByName: unable("a fiber has no name"),
    restartsAsOne: able,
    // It never counts them.
    forgetsFailures: able,
    showsStatuses: unable("there are none"),
    hearsBeats: unable("nobody listens"),
    tellsEvents: unable("there are none")
  },
  prepare: (works, { asOne, schedule }) =>
    Effect.gen(function*() {
      const scope = yield* Effect.scope
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      const fork = (work: Work) => Effect.forkIn(work.effect, scope, { startImmediately: true })
      const again = (work: Work, fiber: Fiber.Fiber<never, unknown>): void => {
        fiber.addObserver((exit) => {
          if (Exit.hasInterrupts(exit)) return
          runFork(Effect.map(fork(work), (next) => again(work, next)))
        })
      }
      let all: ReadonlyArray<Fiber.Fiber<never, unknown>> = []
      const allAgain: Effect.Effect<void> = Effect.suspend(() =>
        Effect.forEach(all.toReversed(), Fiber.interrupt, { discard: true }).pipe(
          Effect.andThen(Effect.forEach(works, fork)),
          Effect.map(watch)
        )
      )
      const watch = (forked: ReadonlyArray<Fiber.Fiber<never, unknown>>): void => {
        all = forked
        for (const fiber of all) {
          fiber.addObserver((exit) => {
            if (!Exit.hasInterrupts(exit)) runFork(allAgain)
          })
        }
      }
      const forked = yield* Effect.forEach(works, fork)
      if (asOne === true) watch(forked)
      else if (schedule !== undefined) { for (const [index, fiber] of forked.entries()) again(works[index]!, fiber) }
      return { healthy: undefined }
    }),
  beater: Effect.succeed(() => undefined),
  imports: ["effect/Effect"],
  program: new URL("../programs/fibers.ts", import.meta.url)
}
