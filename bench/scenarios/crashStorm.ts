import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { now } from "../measure.ts"
import type { Hosted } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

const plain = Schedule.recurs(5)

const storm = (peer: Hosted, n: number, schedule: Schedule.Schedule<unknown> | "default at once") =>
  Effect.scoped(Effect.gen(function*() {
    const { begun, crashes, effect } = Works.crashing(n)
    const opened = yield* peer.prepare(Works.make(n, effect), { schedule })
    yield* Works.untilBegun(begun, n)
    yield* Works.assertHealthy(opened, n)
    yield* Effect.sleep("20 millis")
    const before = now()
    for (const crash of crashes) crash()
    yield* Works.untilBegun(begun, 2 * n)
    const after = now()
    yield* Works.assertHealthy(opened, n)
    return (after - before) * 1000 / n
  }))

export const crashStorm: Scenario = {
  name: "crash-storm",
  about: "all tasks fail at the same instant, each with an error of its own, until all run again; time per restart",
  sizes: [
    { n: 10_000, seconds: 0, repeats: 9, warmups: 6 },
    { n: 100_000, seconds: 0, repeats: 3, warmups: 1 }
  ],
  quick: { n: 1000, seconds: 0 },
  metrics: [
    // 150,000 and 70,000 a second.
    { name: "no back-off", unit: "us", aim: { atMost: 6.67 } },
    { name: "default policy, at once", unit: "us", aim: { atMost: 14.3 } }
  ],
  needs: (peer) => peer.abilities.restartsFailed,
  sample: (peer, { n }) => Effect.all([storm(peer, n, plain), storm(peer, n, "default at once")])
}
