/**
 * What is measured, in terms of any peer. One file a scenario, in `scenarios/`.
 */
import type * as Effect from "effect/Effect"
import type { Ability, Hosted, PeerName } from "./peer.ts"
import type { Load, Sample } from "./sample.ts"

/** What is to be reached; nobody is judged by it. */
interface Aim {
  readonly atMost?: number
  /** Ours through theirs. */
  readonly beside?: Partial<Record<PeerName, number>>
  /** Through the value at the scenario's first size. */
  readonly besideFirst?: number
}

export interface Metric {
  readonly name: string
  /** `x` is one of ours through another one of ours, `%` a share of one core. */
  readonly unit: "ms" | "us" | "ns" | "B" | "kB" | "%" | "x" | "files"
  readonly aim?: Aim
}

interface Size extends Load {
  readonly repeats: number
  /** Samples that are thrown away before the first that counts, for the code to be compiled. */
  readonly warmups: number
}

export interface Scenario {
  readonly name: string
  /** What is measured, in one line for the reader of the table. */
  readonly about: string
  readonly sizes: readonly [Size, ...ReadonlyArray<Size>]
  /** With `--quick`. */
  readonly quick: Load
  /** Every sample in a process of its own: memory that was freed and not given back would be counted wrongly. */
  readonly fresh?: boolean
  /** Takes too long for a run of everything: only when it is asked for by name. */
  readonly apart?: boolean
  /** For the processes of this scenario; it has to be `fresh`. */
  readonly nodeFlags?: ReadonlyArray<string>
  readonly metrics: ReadonlyArray<Metric>
  readonly needs: (peer: Hosted) => Ability
  readonly sample: (peer: Hosted, load: Load) => Effect.Effect<Values | Sample>
}

/** One value a metric, in their order; smaller is better. Nothing for what the peer has nothing like. */
type Values = ReadonlyArray<number | undefined>
