/**
 * The works that scenarios give to every peer alike, and how to wait until all of them are up.
 */
import * as Effect from "effect/Effect"
import type { Opened, Work } from "./peer.ts"

/** `n` works of one effect: each run of one begins by running it. */
export const make = (n: number, effect: Effect.Effect<never, unknown>): ReadonlyArray<Work> =>
  Array.from({ length: n }, (_, index) => ({ name: `task-${index}`, effect }))

/** Counts how often it was run, and goes on for ever. */
export const counting = (): { readonly effect: Effect.Effect<never>; readonly begun: () => number } => {
  let begun = 0
  return {
    effect: Effect.suspend(() => {
      begun++
      return Effect.never
    }),
    begun: () => begun
  }
}

/** Waits until so many runs have begun. */
export const untilBegun = (begun: () => number, runs: number): Effect.Effect<void> =>
  Effect.whileLoop({ while: () => begun() < runs, body: () => Effect.yieldNow, step: () => undefined })

/** What was measured must have happened: dies unless the peer, if it can tell, says that all are well. */
export const assertHealthy = Effect.fnUntraced(function*(opened: Opened, n: number) {
  if (opened.healthy === undefined) return
  const healthy = yield* opened.healthy
  if (healthy !== n) return yield* Effect.die(new Error(`${healthy} of ${n} are healthy`))
})
