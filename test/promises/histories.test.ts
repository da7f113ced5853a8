import { describe } from "@effect/vitest"
import { flavours } from "./flavours.ts"
import { holds, printSeed } from "./properties.ts"

printSeed("histories")

describe("through any history", () => {
  for (const [promise, flavour] of Object.entries(flavours)) holds(promise, flavour, 1000)

  holds("every promise holds", {}, 4000)
})
