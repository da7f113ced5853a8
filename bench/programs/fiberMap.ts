/** One fiber in a map, retried. */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Schedule from "effect/Schedule"

Effect.runFork(Effect.scoped(Effect.gen(function*() {
  const map = yield* FiberMap.make<string, never>()
  yield* FiberMap.run(
    map,
    "one",
    Effect.retry(Effect.never, Schedule.max([Schedule.exponential("1 second"), Schedule.recurs(5)]))
  )
  return yield* Effect.never
})))
