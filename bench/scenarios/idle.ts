import * as Effect from "effect/Effect"
import { cpuShare, settle } from "../measure.ts"
import { able } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const idle: Scenario = {
  name: "idle",
  about: "CPU of the whole process while all tasks do nothing, with default heartbeats; stable after 200 ms, not 80 s",
  sizes: [
    { n: 10_000, seconds: 5, repeats: 3, warmups: 0 },
    { n: 100_000, seconds: 5, repeats: 3, warmups: 0 }
  ],
  quick: { n: 2000, seconds: 0.3 },
  fresh: true,
  // When all is quiet, V8 collects what the start has left, for as long as ten seconds: that is no heartbeat.
  nodeFlags: ["--no-memory-reducer"],
  metrics: [{ name: "share of a core", unit: "%", aim: { atMost: 0.1 } }],
  needs: () => able,
  sample: (peer, { n, seconds }) =>
    Effect.scoped(Effect.gen(function*() {
      const { begun, effect } = Works.counting()
      const opened = yield* peer.prepare(Works.make(n, effect), { stableAfter: "200 millis" })
      yield* Works.untilBegun(begun, n)
      // All become stable, and everybody comes to rest.
      yield* Effect.sleep("300 millis")
      yield* settle
      const share = yield* cpuShare(seconds)
      yield* Works.assertHealthy(opened, n)
      return [share]
    }))
}
