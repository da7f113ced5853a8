import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Supervised } from "../../src/internal/run.ts"
import { Run } from "../../src/internal/run.ts"
import * as Settings from "../../src/internal/settings.ts"

/** A run without a supervisor: its host counts how often it is called to look. */
const alone = (effect: Effect.Effect<unknown, unknown>) => {
  const calls: Array<Run> = []
  let now = 0
  const supervised: Supervised = {
    id: 1,
    name: "job",
    supervisor: { path: "root" },
    listed: true,
    effect,
    context: Context.empty(),
    options: Settings.merger({})({}),
    revised: undefined,
    run: undefined,
    step: undefined,
    question: undefined,
    settled: undefined,
    waiters: undefined,
    settlement: undefined
  }
  const run = new Run(supervised, 1, 0, {
    now: () => ++now,
    label: "root",
    isGroup: () => false,
    above: { isHeard: () => false, pass: () => undefined },
    nests: () => undefined,
    signal: (one) => {
      calls.push(one)
    }
  })
  run.start()
  return { run, calls }
}

describe("run", () => {
  it.effect("a flood of its beats asks the loop to look once, and what it sees then is the last of them", () =>
    Effect.sync(() => {
      const { calls, run } = alone(Effect.never)
      for (let i = 0; i < 10_000; i++) run.beat({ i })
      assert.strictEqual(calls.length, 1)
      assert.strictEqual(run.beatAt, 10_000)
      assert.deepStrictEqual(run.beatDetails, { i: 9999 })
      run.look()
      run.beat()
      run.beat()
      assert.strictEqual(calls.length, 2)
      assert.deepStrictEqual(run.beatDetails, { i: 9999 }, "a bare beat says nothing new")
      run.interrupt()
    }))

  it.effect("asks again when it is told to end: it may be waiting in the wrong lane", () =>
    Effect.sync(() => {
      const { calls, run } = alone(Effect.never)
      run.beat()
      run.interrupt()
      assert.isTrue(run.hasEnded)
      assert.strictEqual(calls.length, 2)
      run.beat()
      assert.strictEqual(calls.length, 2, "who has ended does not beat")
    }))

  it.effect("has no outcome before it has ended", () =>
    Effect.sync(() => {
      const { run } = alone(Effect.never)
      assert.throws(() => run.outcome(), /has not ended/)
      run.interrupt()
      assert.strictEqual(run.outcome()._tag, "Failure")
    }))
})
