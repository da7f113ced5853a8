import { describe } from "@effect/vitest"
import { holds, printSeed } from "./properties.ts"
import { anything, siblings, stallingSiblings } from "./siblings.ts"

printSeed("siblings")

describe("through any history of siblings", () => {
  for (const [promise, flavour] of Object.entries(siblings)) holds(promise, flavour, 500)

  holds("every promise holds", anything, 1500)

  holds("every promise holds when clocks stand still, or jump", stallingSiblings, 600)
})
