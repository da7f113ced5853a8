/**
 * How failures that repeat are to be told.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type { Repeated } from "../../src/internal/repeats.ts"
import { Repeats } from "../../src/internal/repeats.ts"
import type { Notice } from "../../src/internal/state.ts"

const failed = (message: string): Notice => ({
  _tag: "TaskFailed",
  reason: { _tag: "Failed", cause: Cause.die(new Error(message)), finalizers: undefined }
})
const silence = { _tag: "HeartbeatMissed", silence: Duration.seconds(2), during: "run" } as const
const missed: Notice = { _tag: "HeartbeatMissed", reason: silence }
const verdict: Notice = { _tag: "TaskFailed", reason: silence }
const scheduled: Notice & { readonly _tag: "RestartScheduled" } = {
  _tag: "RestartScheduled",
  delay: 0,
  reason: { _tag: "Failed", cause: Cause.die("any"), finalizers: undefined }
}
const withSibling: Notice = { ...scheduled, reason: { _tag: "Sibling", task: "other" } }
const starting: Notice = { _tag: "TaskStarting" }

const telling = () => {
  const repeats = new Repeats()
  return (notice: Notice, { attempt = 1, task = "job" } = {}): Repeated =>
    repeats.note({ _tag: "Notify", task, generation: 1, attempt, notice })
}
const range = (length: number) => Array.from({ length }, (_, index) => index + 1)

describe("repeats", () => {
  it("are told at each power of two, with how many they have been, and louder from the fourth on", () => {
    const note = telling()
    const told = range(1024).map(() => note(failed("down"))).filter(({ isTold }) => isTold)
    assert.deepStrictEqual(told.map(({ times }) => times), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
    assert.deepStrictEqual(told.map(({ isLouder }) => isLouder), [false, false, ...range(9).map(() => true)])
  })

  it("what a failure brings about is told as the failure is", () => {
    const note = telling()
    for (const time of range(9)) {
      const failure = note(failed("down"))
      assert.deepStrictEqual(note(scheduled), failure)
      assert.strictEqual(failure.times, time)
      assert.isTrue(note(starting).isTold)
    }
  })

  it("a restart with a sibling is told each time: it says nothing of a failure of its own", () => {
    const note = telling()
    for (const _ of range(3)) note(failed("down"))
    assert.deepStrictEqual(note(withSibling), { times: 1, isTold: true, isLouder: false })
  })

  it("a missed heartbeat is as the failure that follows from it, however long the silence was", () => {
    const note = telling()
    for (const time of range(5)) {
      const seen = note({ ...missed, reason: { ...silence, silence: Duration.millis(2000 + time) } })
      assert.strictEqual(seen.times, time)
      assert.deepStrictEqual(note(verdict), seen)
    }
  })

  it("another failure begins anew", () => {
    const note = telling()
    for (const _ of range(7)) note(failed("down"))
    assert.deepStrictEqual(note(failed("up")), { times: 1, isTold: true, isLouder: false })
    assert.strictEqual(note(failed("down")).times, 1)
    assert.strictEqual(note(verdict).times, 1)
    assert.strictEqual(note({ _tag: "TaskEnded" }).times, 1)
    assert.strictEqual(note({ _tag: "TaskEnded" }).times, 2)
  })

  it("each task has its own", () => {
    const note = telling()
    for (const _ of range(5)) note(failed("down"), { task: "one" })
    assert.strictEqual(note(failed("down"), { task: "two" }).times, 1)
    assert.strictEqual(note(failed("down"), { task: "one" }).times, 6)
  })

  for (
    const [what, notice, attempt] of [
      ["stable", { _tag: "TaskStable" }, 0],
      ["completed", { _tag: "TaskCompleted" }, 1],
      ["stopped", { _tag: "TaskStopped" }, 1],
      ["dead", { _tag: "TaskDead", why: "Exhausted", failure: undefined, policyCause: undefined }, 1],
      ["removed", { _tag: "TaskRemoved" }, 1],
      ["started by hand", { _tag: "TaskStarting" }, 0]
    ] as const
  ) {
    it(`are forgotten when the task is ${what}`, () => {
      const note = telling()
      for (const _ of range(5)) note(failed("down"))
      assert.deepStrictEqual(note(notice, { attempt }), { times: 1, isTold: true, isLouder: false })
      assert.strictEqual(note(failed("down")).times, 1)
    })
  }
})
