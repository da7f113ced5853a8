/**
 * A list is added without looking for its names: that they differ is checked before it comes this far.
 */
import { assert, it } from "@effect/vitest"
import { decide } from "../../src/internal/decide.ts"
import { makeState } from "../../src/internal/state.ts"
import { alone, plain as settings } from "./deciding.ts"

it("a list with one name twice is a defect of whoever let it pass", () => {
  const state = makeState(alone, 2)
  const add = (id: number) =>
    decide(state, { _tag: "Add", reply: 0, listed: true, instance: false, id, name: "job", settings }, 0)
  add(1)
  assert.throws(() => add(2), "two tasks named \"job\"")
})
