/**
 * What is measured, in terms of any peer. One file a scenario, in `scenarios/`.
 */
import type * as Effect from "effect/Effect"
import type { Ability, Peer } from "./peer.ts"

export interface Metric {
  readonly name: string
  readonly unit: "ms" | "us" | "B"
}

export interface Scenario {
  readonly name: string
  /** What is measured, in one line for the reader of the table. */
  readonly about: string
  readonly n: number
  /** With `--quick`. */
  readonly quickN: number
  readonly repeats: number
  /** Samples that are thrown away before the first that counts, for the code to be compiled. */
  readonly warmups: number
  /** Every sample in a process of its own: memory that was freed and not given back would be counted wrongly. */
  readonly fresh: boolean
  readonly metrics: ReadonlyArray<Metric>
  readonly needs: (peer: Peer) => Ability
  /** One value a metric, in their order; smaller is better. */
  readonly sample: (peer: Peer, n: number) => Effect.Effect<ReadonlyArray<number>>
}
