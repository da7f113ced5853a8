/**
 * Runs one scenario with all peers that can: the samples of one round are taken one after another, so that whatever else
 * the machine does in the meantime falls upon all of them alike.
 */
import * as Effect from "effect/Effect"
import type { Summary } from "./measure.ts"
import { summarize } from "./measure.ts"
import type { Ability, Peer } from "./peer.ts"
import type { Load, Sample, Sampler } from "./sample.ts"
import * as HostedSampler from "./sampler.ts"
import type { Scenario } from "./scenario.ts"

export interface Outcome {
  readonly peer: Peer
  /** One a metric, nothing for what the peer has nothing like; or why there are none. */
  readonly figures: ReadonlyArray<Summary | undefined> | string
}

export interface Result {
  readonly scenario: Scenario
  readonly n: number
  /** In the order of the peers. */
  readonly outcomes: ReadonlyArray<Outcome>
  /** What the samples had to say. */
  readonly notes: ReadonlyArray<string>
}

interface Options {
  readonly load: Load
  readonly repeats: number
  readonly warmups: number
  /** Processes to be used again instead of new ones. */
  readonly shared: ReadonlyMap<Peer, Sampler>
}

/** A process that measures with this peer. */
export const open = (peer: Peer, scenario?: Scenario) =>
  peer._tag === "Hosted" ? HostedSampler.make(peer, scenario?.nodeFlags) : peer.open

const abilityOf = (scenario: Scenario, peer: Peer, load: Load): Effect.Effect<Ability> =>
  peer._tag === "Hosted"
    ? Effect.succeed(scenario.needs(peer))
    : Effect.map(peer.present, (present) => present.can ? peer.measures(scenario.name, load) : present)

export const run = Effect.fnUntraced(function*(scenario: Scenario, peers: ReadonlyArray<Peer>, options: Options) {
  const { load, repeats, shared, warmups } = options
  const abilities = yield* Effect.forEach(peers, (peer) => abilityOf(scenario, peer, load))
  const able = peers.filter((_, index) => abilities[index]?.can === true)
  const process = (peer: Peer) => {
    const sampler = shared.get(peer)
    return sampler === undefined ? open(peer, scenario) : Effect.succeed(sampler)
  }
  const request = { scenario: scenario.name, load }
  const samples = new Map(able.map((peer): [Peer, Array<Sample>] => [peer, []]))

  if (scenario.fresh === true) {
    for (let round = 0; round < repeats; round++) {
      for (const [peer, taken] of samples) {
        taken.push(yield* Effect.scoped(Effect.flatMap(process(peer), (sampler) => sampler.sample(request))))
      }
    }
  } else {
    yield* Effect.scoped(Effect.gen(function*() {
      const samplers = yield* Effect.forEach(
        samples,
        ([peer, taken]) => Effect.map(process(peer), (sampler) => ({ peer, sampler, taken }))
      )
      for (let round = 0; round < warmups + repeats; round++) {
        for (const { peer, sampler, taken } of samplers) {
          // What runs foreign code has compiled it beforehand.
          if (round < warmups && peer._tag === "Foreign") continue
          const sample = yield* sampler.sample(request)
          if (round >= warmups) taken.push(sample)
        }
      }
    }))
  }

  const summaryOf = (taken: ReadonlyArray<Sample>, index: number): Summary | undefined => {
    const values = taken.flatMap((sample) => sample.values[index] ?? [])
    return values.length === 0 ? undefined : summarize(values)
  }
  const result: Result = {
    scenario,
    n: load.n,
    outcomes: peers.map((peer, place) => {
      const ability = abilities[place]
      if (ability?.can === false) return { peer, figures: ability.why }
      return { peer, figures: scenario.metrics.map((_, index) => summaryOf(samples.get(peer) ?? [], index)) }
    }),
    notes: Array.from(samples.values()).flatMap((taken) => taken.at(-1)?.notes ?? [])
  }
  return result
})
