import { describe } from "@effect/vitest"
import { flavours, readers } from "./flavours.ts"
import { holds, printSeed } from "./properties.ts"

printSeed("pools")

describe("through any history of pools", () => {
  for (const [promise, flavour] of Object.entries(flavours)) holds(promise, flavour, 300)

  holds("slow subscribers learn what they missed, and late ones see the whole without gap or repeat", readers, 300)

  holds("every promise holds", {}, 1400)
})
