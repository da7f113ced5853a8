import * as Effect from "effect/Effect"
import { now, percentile } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

/** Longer than from one automatic beat to the next. */
const pause = 110

export const statuses: Scenario = {
  name: "statuses",
  about: "all statuses, asked for again at once and after each has beaten anew; and the status of one",
  sizes: [{ n: 10_000, seconds: 2, repeats: 5, warmups: 1 }],
  quick: { n: 1000, seconds: 0.3 },
  metrics: [
    { name: "all, at once, p50", unit: "us", aim: { atMost: 100 } },
    { name: "all, after a beat, p50", unit: "us", aim: { atMost: 100 } },
    { name: "of one, p50", unit: "us", aim: { atMost: 1 } }
  ],
  needs: (peer) => peer.abilities.showsStatuses,
  sample: (peer, { n, seconds }) =>
    Effect.scoped(Effect.gen(function*() {
      const { begun, effect } = Works.counting()
      const works = Works.make(n, effect)
      const opened = yield* peer.prepare(works, {})
      const all = Works.has(opened.statuses)
      const one = Works.has(opened.status)
      yield* Works.untilBegun(begun, n)
      yield* Works.assertHealthy(opened, n)
      const look = Effect.gen(function*() {
        const before = now()
        const seen = yield* all
        const taken = (now() - before) * 1000
        if (seen.length !== n) return yield* Effect.die(new Error(`${seen.length} of ${n} statuses`))
        return taken
      })
      const atOnce: Array<number> = []
      for (let i = 0; i < 100; i++) atOnce.push(yield* look)
      const afterBeat: Array<number> = []
      for (let i = 0; i < seconds * 1000 / pause; i++) {
        yield* Effect.sleep(pause)
        afterBeat.push(yield* look)
      }
      // One takes less than it takes to look at the clock.
      const together = 100
      const ofOne: Array<number> = []
      for (let i = 0; i < 200; i++) {
        const before = now()
        for (let j = 0; j < together; j++) yield* one(works[(i * together + j) * 7919 % n]!.name)
        ofOne.push((now() - before) * 1000 / together)
      }
      return [percentile(atOnce, 0.5), percentile(afterBeat, 0.5), percentile(ofOne, 0.5)]
    })).pipe(Effect.orDie)
}
