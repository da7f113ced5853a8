import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { now, percentile } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

const calm = 100

export const commandInStorm: Scenario = {
  name: "command-in-storm",
  about: "restarts by name of tasks that are well, one after another, while all others have failed and are restarted",
  sizes: [{ n: 100_000, seconds: 0, repeats: 5, warmups: 1 }],
  quick: { n: 2000, seconds: 0 },
  metrics: [{ name: "p99", unit: "ms", aim: { atMost: 50 } }, { name: "slowest", unit: "ms" }],
  needs: ({ abilities: { restartsByName, restartsFailed } }) => restartsByName.can ? restartsFailed : restartsByName,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      const { begun, crashes, effect } = Works.crashing(n)
      const well = Works.make(calm, Effect.never, "calm")
      const opened = yield* peer.prepare([...Works.make(n, effect), ...well], { schedule: Schedule.recurs(5) })
      const restart = Works.has(opened.restart)
      yield* Works.untilBegun(begun, n)
      yield* Effect.sleep("20 millis")
      for (const crash of crashes) crash()
      const taken: Array<number> = []
      while (begun() < 2 * n) {
        const before = now()
        yield* restart(well[taken.length % calm]!.name)
        taken.push(now() - before)
        yield* Effect.yieldNow
      }
      yield* Works.assertHealthy(opened, n + calm)
      if (taken.length === 0) return yield* Effect.die(new Error("the storm was over before the first command"))
      return [percentile(taken, 0.99), percentile(taken, 1)]
    })).pipe(Effect.orDie)
}
