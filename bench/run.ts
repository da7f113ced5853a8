/**
 * Runs one scenario with all peers that can: the samples of one round are taken one after another, so that whatever else
 * the machine does in the meantime falls upon all of them alike.
 */
import * as Effect from "effect/Effect"
import type { Summary } from "./measure.ts"
import { summarize } from "./measure.ts"
import type { Peer } from "./peer.ts"
import * as Sampler from "./sampler.ts"
import type { Metric, Scenario } from "./scenario.ts"

interface Figure {
  readonly metric: Metric
  readonly summary: Summary
}

export interface Outcome {
  readonly peer: Peer
  /** Or why there are none. */
  readonly figures: ReadonlyArray<Figure> | string
}

export interface Result {
  readonly scenario: Scenario
  readonly n: number
  /** In the order of the peers. */
  readonly outcomes: ReadonlyArray<Outcome>
}

export const run = Effect.fnUntraced(function*(
  scenario: Scenario,
  peers: ReadonlyArray<Peer>,
  options: { readonly n: number; readonly repeats: number; readonly warmups: number }
) {
  const { n, repeats, warmups } = options
  const samples = new Map<Peer, Array<ReadonlyArray<number>>>()
  for (const peer of peers) if (scenario.needs(peer).can) samples.set(peer, [])

  if (scenario.fresh) {
    for (let i = 0; i < repeats; i++) {
      for (const [peer, taken] of samples) {
        taken.push(yield* Effect.scoped(Effect.flatMap(Sampler.make(scenario, peer), (sampler) => sampler.sample(n))))
      }
    }
  } else {
    yield* Effect.scoped(Effect.gen(function*() {
      const samplers = yield* Effect.forEach(
        samples,
        ([peer, taken]) => Effect.map(Sampler.make(scenario, peer), (sampler) => ({ sampler, taken }))
      )
      for (let i = 0; i < warmups + repeats; i++) {
        for (const { sampler, taken } of samplers) {
          const values = yield* sampler.sample(n)
          if (i >= warmups) taken.push(values)
        }
      }
    }))
  }

  const result: Result = {
    scenario,
    n,
    outcomes: peers.map((peer) => {
      const ability = scenario.needs(peer)
      if (!ability.can) return { peer, figures: ability.why }
      const taken = samples.get(peer) ?? []
      return {
        peer,
        figures: scenario.metrics.map((metric, index) => ({
          metric,
          summary: summarize(taken.map((values) => values[index] ?? Number.NaN))
        }))
      }
    })
  }
  return result
})
