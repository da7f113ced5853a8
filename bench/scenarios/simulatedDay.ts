import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { now } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const simulatedDay: Scenario = {
  name: "simulated-day",
  about: "a day on TestClock, in which each task fails every ten minutes, with the default policy; real time",
  sizes: [{ n: 100, seconds: 0, repeats: 7, warmups: 3 }],
  quick: { n: 10, seconds: 0 },
  metrics: [{ name: "a day", unit: "ms", aim: { atMost: 500 } }],
  needs: ({ abilities: { forgetsFailures, restartsFailed } }) => forgetsFailures.can ? restartsFailed : forgetsFailures,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      let begun = 0
      const work = Effect.suspend(() => {
        begun++
        return Effect.andThen(Effect.sleep("10 minutes"), Effect.fail("late"))
      })
      yield* peer.prepare(Works.make(n, work), { schedule: "default" })
      yield* Works.untilBegun(() => begun, n)
      const before = now()
      yield* TestClock.adjust("1 day")
      const taken = now() - before
      // Every ten minutes, and a second of back-off where there is any.
      if (begun < 143 * n) return yield* Effect.die(new Error(`${begun / n} runs a task`))
      return [taken]
    })).pipe(Effect.provide(TestClock.layer()))
}
