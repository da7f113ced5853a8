/**
 * Times, memory, and what is said of many samples.
 */
import * as Effect from "effect/Effect"

/** Milliseconds, with fractions, from an arbitrary moment. Not Effect's `Clock`: here the real time is the subject. */
export const now = (): number => performance.now()

/** Collects garbage until nothing more is found, so that what is left is what is held. */
export const collect: Effect.Effect<void> = Effect.gen(function*() {
  const { gc } = globalThis
  if (gc === undefined) return yield* Effect.die(new Error("run node with --expose-gc"))
  for (let i = 0; i < 4; i++) {
    gc()
    // Finalization callbacks and weak references are cleared between turns of the event loop.
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
})

export interface Memory {
  readonly heap: number
  readonly rss: number
}

/** Bytes in use after a collection. */
export const memory: Effect.Effect<Memory> = Effect.map(collect, () => {
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, rss }
})

/** Garbage from before is not the time's that is measured next; it is swept for a while after it has been found. */
export const settle = Effect.andThen(collect, Effect.sleep("1 second"))

/** How much of a core this process takes in so many seconds from now, in per cent. */
export const cpuShare = Effect.fnUntraced(function*(seconds: number) {
  const before = now()
  const used = process.cpuUsage()
  yield* Effect.sleep(seconds * 1000)
  const { system, user } = process.cpuUsage(used)
  return (user + system) / (now() - before) / 10
})

/** The smallest value that at least the given fraction of all does not exceed. */
export const percentile = (values: ReadonlyArray<number>, fraction: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN
}

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const summarize = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}
