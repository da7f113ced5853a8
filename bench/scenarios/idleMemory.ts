import * as Effect from "effect/Effect"
import { memory } from "../measure.ts"
import { able } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const idleMemory: Scenario = {
  name: "idle-memory",
  about: "what a task that runs and does nothing holds, after a forced collection; names and bodies not counted",
  sizes: [{ n: 100_000, seconds: 0, repeats: 3, warmups: 0 }],
  quick: { n: 5000, seconds: 0 },
  fresh: true,
  metrics: [
    {
      name: "heap per task",
      unit: "B",
      aim: { atMost: 1600, beside: { "OTP one_for_one": 1, "OTP simple_one_for_one": 1 } }
    },
    {
      name: "RSS per task",
      unit: "B",
      aim: { atMost: 2600, beside: { "OTP one_for_one": 1, "OTP simple_one_for_one": 1 } }
    }
  ],
  needs: () => able,
  sample: (peer, { n }) => {
    const held = (count: number) =>
      Effect.scoped(Effect.gen(function*() {
        const { begun, effect } = Works.counting()
        // Held by the scenario until the end: what they take is not counted.
        const works = Works.make(count, effect)
        const before = yield* memory
        const opened = yield* peer.prepare(works, {})
        yield* Works.untilBegun(begun, count)
        // Subscribers and timers come to rest.
        yield* Effect.sleep("100 millis")
        yield* Works.assertHealthy(opened, count)
        const after = yield* memory
        return [(after.heap - before.heap) / works.length, (after.rss - before.rss) / works.length]
      }))
    // The first few bring with them what is allocated once, and compiled code.
    return Effect.andThen(held(1000), held(n))
  }
}
