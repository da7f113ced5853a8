import * as Effect from "effect/Effect"
import { now, percentile } from "../measure.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

/** 0 … n - 1, each once, in an order that is scattered and always the same. */
const scattered = (n: number): ReadonlyArray<number> => {
  const order = Array.from({ length: n }, (_, index) => index)
  let state = 42
  for (let i = n - 1; i > 0; i--) {
    // xorshift32
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const j = (state >>> 0) % (i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}

export const restartByName: Scenario = {
  name: "restart-by-name",
  about: "each task once, one command at a time: from the call until the new body runs, and until the call returns",
  sizes: [{ n: 10_000, seconds: 0, repeats: 9, warmups: 6 }],
  quick: { n: 1000, seconds: 0 },
  metrics: [
    { name: "new run, p50", unit: "us", aim: { atMost: 8, beside: { "OTP one_for_one": 0.2 } } },
    { name: "new run, p99", unit: "us", aim: { atMost: 25, beside: { "OTP one_for_one": 0.2 } } },
    { name: "returned, p50", unit: "us" },
    { name: "returned, p99", unit: "us" }
  ],
  needs: (peer) => peer.abilities.restartsByName,
  sample: (peer, { n }) =>
    Effect.scoped(Effect.gen(function*() {
      let begunAt = 0
      let begun = 0
      const works = Works.make(
        n,
        Effect.suspend(() => {
          begun++
          begunAt = now()
          return Effect.never
        })
      )
      const opened = yield* peer.prepare(works, {})
      const restart = Works.has(opened.restart)
      yield* Works.untilBegun(() => begun, n)
      const untilBegun: Array<number> = []
      const untilReturned: Array<number> = []
      for (const index of scattered(n)) {
        const before = now()
        yield* Effect.orDie(restart(works[index]!.name))
        untilReturned.push((now() - before) * 1000)
        untilBegun.push((begunAt - before) * 1000)
      }
      if (begun !== 2 * n) return yield* Effect.die(new Error(`${begun - n} of ${n} were restarted`))
      yield* Works.assertHealthy(opened, n)
      return [
        percentile(untilBegun, 0.5),
        percentile(untilBegun, 0.99),
        percentile(untilReturned, 0.5),
        percentile(untilReturned, 0.99)
      ]
    })).pipe(Effect.orDie)
}
