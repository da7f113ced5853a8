import * as Effect from "effect/Effect"
import { now } from "../measure.ts"
import { able } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const start: Scenario = {
  name: "start",
  about: "from nothing until all bodies run and all tasks are Healthy, without and with declaring the tasks",
  sizes: [{ n: 100_000, seconds: 0, repeats: 7, warmups: 2 }],
  quick: { n: 2000, seconds: 0 },
  metrics: [
    {
      name: "until all are up",
      unit: "ms",
      aim: { atMost: 400, beside: { "OTP one_for_one": 0.5, "OTP simple_one_for_one": 1, "bare fibers": 4 } }
    },
    { name: "with declaring", unit: "ms" }
  ],
  needs: () => able,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      const { begun, effect } = Works.counting()
      const works = Works.make(n, effect)
      const before = now()
      const open = peer.prepare(works, {})
      const declared = now()
      const opened = yield* open
      yield* Works.untilBegun(begun, n)
      const up = now()
      yield* Works.assertHealthy(opened, n)
      return [up - declared, up - before]
    }))
}
