import { describe } from "@effect/vitest"
import { stalling } from "./flavours.ts"
import { holds, printSeed } from "./properties.ts"

printSeed("stalls")

describe("through any history", () => {
  holds("no stall, sleep or jump of a clock is held against a run, and no hang is overlooked", stalling, 2000)
})
