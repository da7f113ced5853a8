/**
 * The works that scenarios give to every peer alike, and how to wait until all of them are up.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Opened, Work } from "./peer.ts"

/** `n` works of one effect: each run of one begins by running it. */
export const make = (n: number, effect: Effect.Effect<never, unknown>, name = "task"): ReadonlyArray<Work> =>
  Array.from({ length: n }, (_, index) => ({ name: `${name}-${index}`, effect }))

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

class Crash extends Data.TaggedError("Crash")<{ readonly message: string }> {}

interface Crashing {
  readonly effect: Effect.Effect<never, unknown>
  readonly begun: () => number
  /** One a run, in the order of their begin: makes it fail, with an error of its own. */
  readonly crashes: ReadonlyArray<() => void>
}

/** Counts how often it was run. Each of the first `n` runs fails when it is told to; the ones after go on for ever. */
export const crashing = (n: number): Crashing => {
  let begun = 0
  const crashes: Array<() => void> = []
  return {
    // The error of each is made beforehand: making one costs every peer the same.
    effect: Effect.callback<never, Crash>((resume) => {
      begun++
      if (begun > n) return
      const exit = Exit.fail(new Crash({ message: `run ${begun} crashed` }))
      crashes.push(() => resume(exit))
    }),
    begun: () => begun,
    crashes
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

/** What a peer has that is able to. */
export const has = <A>(what: A | undefined): A => {
  if (what === undefined) throw new Error("the peer does not have what its abilities tell")
  return what
}
