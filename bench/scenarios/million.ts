import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { cpuShare, memory, now, settle } from "../measure.ts"
import type { Hosted } from "../peer.ts"
import { able, unable } from "../peer.ts"
import type { Load } from "../sample.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

const life = (peer: Hosted, { n, seconds }: Load) =>
  Effect.gen(function*() {
    const { begun, effect } = Works.counting()
    const works = Works.make(n, effect)
    const empty = yield* memory
    const scope = yield* Scope.make()
    const before = now()
    const opened = yield* Scope.provide(peer.prepare(works, {}), scope)
    yield* Works.untilBegun(begun, n)
    const up = now()
    yield* Works.assertHealthy(opened, n)
    // Subscribers and timers come to rest.
    yield* Effect.sleep("100 millis")
    const full = yield* memory
    const share = seconds === 0 ? 0 : yield* Effect.andThen(settle, cpuShare(seconds))
    yield* Works.assertHealthy(opened, n)
    const stopping = now()
    yield* Scope.close(scope, Exit.void)
    const stopped = now()
    return {
      start: (up - before) * 1000 / n,
      stop: (stopped - stopping) * 1000 / n,
      heap: (full.heap - empty.heap) / n,
      rss: (full.rss - empty.rss) / n,
      share
    }
  })

export const million: Scenario = {
  name: "million",
  about:
    "so many tasks are declared and started, are all Healthy, and still are after the time they are held, and stopped; per task",
  sizes: [
    { n: 10_000, seconds: 5, repeats: 5, warmups: 0 },
    { n: 1_000_000, seconds: 60, repeats: 1, warmups: 0 }
  ],
  quick: { n: 20_000, seconds: 1 },
  apart: true,
  fresh: true,
  // A million tasks take half of what Node allows itself by default; the other half is what it collects in.
  nodeFlags: ["--max-old-space-size=12288"],
  metrics: [
    { name: "start", unit: "us", aim: { besideFirst: 2 } },
    { name: "stop", unit: "us", aim: { besideFirst: 2 } },
    { name: "heap", unit: "B", aim: { besideFirst: 1.2 } },
    // Ten thousand are less than what Node takes and gives back as it likes.
    { name: "RSS", unit: "B" },
    { name: "share of a core, held", unit: "%" }
  ],
  needs: (peer) =>
    peer.abilities.showsStatuses.can ? able : unable("how many there are is the question, not beside what"),
  sample: (peer, load) =>
    Effect.gen(function*() {
      // Memory first: what was resident once is used again.
      yield* life(peer, { n: 1000, seconds: 0 })
      const { heap, rss } = yield* life(peer, { ...load, seconds: 0 })
      // Code is compiled before it is timed.
      for (let i = 0; i < 5; i++) yield* life(peer, { n: Math.min(load.n, 10_000), seconds: 0 })
      const { share, start, stop } = yield* life(peer, load)
      return [start, stop, heap, rss, share]
    })
}
