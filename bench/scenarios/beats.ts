import * as Effect from "effect/Effect"
import { now } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

/** Between two turns of the event loop, in which the supervisor looks at the beats. */
const atOnce = 1000

export const beats: Scenario = {
  name: "beats",
  about:
    "one manual task beats so many times, as fast as it can, the loop being let turn after every 1,000; time per beat",
  sizes: [{ n: 2_000_000, seconds: 0, repeats: 7, warmups: 2 }],
  quick: { n: 20_000, seconds: 0 },
  // 5,000,000 a second.
  metrics: [{ name: "a beat", unit: "ns", aim: { atMost: 200 } }],
  needs: (peer) => peer.abilities.hearsBeats,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      let beater: (() => void) | undefined
      const work = Effect.flatMap(peer.beater, (beat) => {
        beater = beat
        return Effect.never
      })
      const opened = yield* peer.prepare(Works.make(1, work), { beatByHand: true })
      yield* Works.untilBegun(() => beater === undefined ? 0 : 1, 1)
      const beat = Works.has(beater)
      const before = now()
      for (let done = 0; done < n; done += atOnce) {
        for (let i = 0; i < atOnce; i++) beat()
        yield* Effect.yieldNow
      }
      const after = now()
      yield* Works.assertHealthy(opened, 1)
      return [(after - before) * 1_000_000 / n]
    }))
}
