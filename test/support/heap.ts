import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

/** The bytes in use, after a collection. */
export const heap = Effect.promise(async () => {
  const gc = globalThis.gc
  assert(gc !== undefined, "run node with --expose-gc")
  // What a collection finalizes is collected by the next one.
  for (let i = 0; i < 4; i++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return globalThis.process.memoryUsage().heapUsed
})
