import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { now } from "../measure.ts"
import { able } from "../peer.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

export const stop: Scenario = {
  name: "stop",
  about: "closing the scope that all tasks live in, until the last one has ended",
  sizes: [{ n: 100_000, seconds: 0, repeats: 7, warmups: 2 }],
  quick: { n: 2000, seconds: 0 },
  metrics: [{ name: "until all have ended", unit: "ms", aim: { atMost: 300 } }],
  needs: () => able,
  sample: (peer, { n }) =>
    Effect.gen(function*() {
      let ended = 0
      const { begun, effect } = Works.counting()
      const works = Works.make(n, Effect.onInterrupt(effect, () => Effect.sync(() => void ended++)))
      const scope = yield* Scope.make()
      const opened = yield* Scope.provide(peer.prepare(works, {}), scope)
      yield* Works.untilBegun(begun, n)
      yield* Works.assertHealthy(opened, n)
      yield* Effect.sleep("20 millis")
      const before = now()
      yield* Scope.close(scope, Exit.void)
      const after = now()
      if (ended !== n) return yield* Effect.die(new Error(`${ended} of ${n} have ended`))
      return [after - before]
    })
}
