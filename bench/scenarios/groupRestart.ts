import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { now } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const groupRestart: Scenario = {
  name: "group-restart",
  about: "one task of a group fails that is restarted as one (one-for-all), until all of the group run again",
  sizes: [{ n: 10_000, seconds: 0, repeats: 7, warmups: 4 }],
  quick: { n: 1000, seconds: 0 },
  metrics: [{ name: "until all run again", unit: "ms", aim: { atMost: 50 } }],
  needs: (peer) => peer.abilities.restartsAsOne,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      const { begun, crashes, effect } = Works.crashing(n)
      const opened = yield* peer.prepare(Works.make(n, effect), { asOne: true, schedule: Schedule.recurs(5) })
      yield* Works.untilBegun(begun, n)
      yield* Works.assertHealthy(opened, n)
      yield* Effect.sleep("20 millis")
      const before = now()
      crashes[0]?.()
      yield* Works.untilBegun(begun, 2 * n)
      const after = now()
      yield* Works.assertHealthy(opened, n)
      return [after - before]
    }))
}
