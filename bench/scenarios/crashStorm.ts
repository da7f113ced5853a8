import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { now } from "../measure.ts"
import type { Peer } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

class Crash extends Data.TaggedError("Crash")<{ readonly message: string }> {}

/** No back-off, plain; and composed as the default policy is, with its delays taken out. */
const plain = Schedule.recurs(5)
const asDefault = Schedule.max([
  Schedule.min([Schedule.exponential("0 seconds"), Schedule.spaced("0 seconds")]),
  Schedule.recurs(5)
])

const storm = (peer: Peer, n: number, schedule: Schedule.Schedule<unknown>) =>
  Effect.scoped(Effect.gen(function*() {
    let begun = 0
    const crashes: Array<() => void> = []
    // The error of each is made beforehand: making one costs every peer the same.
    const body = Effect.callback<never, Crash>((resume) => {
      begun++
      if (begun > n) return
      const exit = Exit.fail(new Crash({ message: `run ${begun} crashed` }))
      crashes.push(() => resume(exit))
    })
    const opened = yield* peer.prepare(Works.make(n, body), { schedule })
    yield* Works.untilBegun(() => begun, n)
    yield* Works.assertHealthy(opened, n)
    yield* Effect.sleep("20 millis")
    const before = now()
    for (const crash of crashes) crash()
    yield* Works.untilBegun(() => begun, 2 * n)
    const after = now()
    yield* Works.assertHealthy(opened, n)
    return (after - before) * 1000 / n
  }))

export const crashStorm: Scenario = {
  name: "crash-storm",
  about: "all tasks fail at the same instant, each with an error of its own, until all run again; time per restart",
  n: 10_000,
  quickN: 1000,
  repeats: 9,
  warmups: 6,
  fresh: false,
  metrics: [{ name: "no back-off", unit: "us" }, { name: "default policy's shape", unit: "us" }],
  needs: (peer) => peer.abilities.restartsFailed,
  sample: (peer, n) => Effect.all([storm(peer, n, plain), storm(peer, n, asDefault)])
}
