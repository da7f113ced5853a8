import { describe } from "@effect/vitest"
import { stalling, subscribers } from "./flavours.ts"
import { holds, printSeed } from "./properties.ts"

printSeed("stalls and subscribers")

describe("through any history", () => {
  holds("no stall, sleep or jump of a clock is held against a run, and no hang is overlooked", stalling, 2000)

  holds("slow subscribers learn what they missed, and late ones see the whole without gap or repeat", subscribers, 1000)
})
