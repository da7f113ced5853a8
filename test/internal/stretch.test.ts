/**
 * A group is asked to end in stretches: the loop is not kept for all of it at once.
 */
import { assert, it } from "@effect/vitest"
import * as Deadlines from "../../src/internal/deadlines.ts"
import { decide } from "../../src/internal/decide.ts"
import type { Decision } from "../../src/internal/state.ts"
import { makeState } from "../../src/internal/state.ts"
import { alone, plain as settings } from "./deciding.ts"

const asked = (decisions: ReadonlyArray<Decision>): number =>
  decisions.filter((decision) => decision._tag === "Interrupt").length

it("so many of a group are asked to end in one decision, the others in the next ones, and each of them once", () => {
  const instances = 2000
  const state = makeState({ ...alone, group: { maxTasks: Number.POSITIVE_INFINITY } }, 0)
  for (let id = 1; id <= instances; id++) {
    decide(state, { _tag: "Add", reply: id, listed: false, instance: true, id, name: `${id}`, settings }, 0)
  }
  const stretches = [asked(decide(state, { _tag: "Shutdown" }, 0))]
  for (
    let due = Deadlines.earliest(state.deadlines);
    due?.kind === "Stretch";
    due = Deadlines.earliest(state.deadlines)
  ) {
    stretches.push(asked(decide(state, { _tag: "Due", order: due.order }, 0)))
  }
  assert.isAbove(stretches.length, 2)
  for (const count of stretches) assert.isAtMost(count, 600)
  assert.strictEqual(stretches.reduce((sum, count) => sum + count, 0), instances)
})
