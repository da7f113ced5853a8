import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { subscribers } from "./flavours.ts"
import { Machine } from "./machine.ts"
import { holds, printSeed } from "./properties.ts"

printSeed("readers")

describe("through any history", () => {
  holds("slow subscribers learn what they missed, and late ones see the whole without gap or repeat", subscribers, 1000)
})

describe("events", () => {
  it("have their numbers while nobody reads them", () => {
    const machine = new Machine()
    const supervisor = machine.runNow(Supervisor.make({ tasks: [Task.make("a", Effect.never)] }))
    for (let restarts = 0; restarts < 3; restarts++) machine.runNow(supervisor.restart("a"))
    const first = machine.runNow(Stream.runCollect(Stream.take(supervisor.events, 1)))
    // The supervisor has started; the task was added, began and was healthy; three times it stopped, began and was healthy.
    assert.strictEqual(Array.from(first)[0]?.sequence, 1 + 3 + 3 * 3)
  })
})
