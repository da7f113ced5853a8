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

interface Options {
  readonly n: number
  readonly repeats: number
  readonly warmups: number
  /** Processes to be used again instead of new ones. */
  readonly shared: ReadonlyMap<Peer, Sampler.Sampler>
}

export const run = Effect.fnUntraced(function*(scenario: Scenario, peers: ReadonlyArray<Peer>, options: Options) {
  const { n, repeats, shared, warmups } = options
  const able = peers.filter((peer) => scenario.needs(peer).can)
  const open = (peer: Peer) => {
    const sampler = shared.get(peer)
    return sampler === undefined ? Sampler.make(peer) : Effect.succeed(sampler)
  }
  const samples = new Map(able.map((peer): [Peer, Array<ReadonlyArray<number>>] => [peer, []]))

  if (scenario.fresh) {
    for (let round = 0; round < repeats; round++) {
      for (const [peer, taken] of samples) {
        taken.push(yield* Effect.scoped(Effect.flatMap(open(peer), (sampler) => sampler.sample(scenario, n))))
      }
    }
  } else {
    yield* Effect.scoped(Effect.gen(function*() {
      const samplers = yield* Effect.forEach(
        samples,
        ([peer, taken]) => Effect.map(open(peer), (sampler) => ({ sampler, taken }))
      )
      for (let round = 0; round < warmups + repeats; round++) {
        for (const { sampler, taken } of samplers) {
          const values = yield* sampler.sample(scenario, n)
          if (round >= warmups) taken.push(values)
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
