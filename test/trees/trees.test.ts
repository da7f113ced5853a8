import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { printSeed, seed } from "../promises/properties.ts"
import { live } from "./check.ts"
import { histories } from "./tree.ts"

printSeed("trees")

describe("through any history of a tree", () => {
  for (const [levels, runs] of [[2, 500], [3, 400], [4, 300]] as const) {
    it.effect.prop(
      `every supervisor of ${levels} levels keeps its promises`,
      [histories(levels)],
      ([history]) =>
        Effect.sync(() => {
          live(history)
          return true
        }),
      { timeout: 300_000, arbitrary: { runs, size: 100, seed, maxShrinks: 2000 } }
    )
  }
})
