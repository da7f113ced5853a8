/**
 * The options of a pool, decoded: durations in milliseconds, every default in its place.
 */
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as RestartPolicy from "../../RestartPolicy.ts"

/** A slot as those see it who acquire, probe or watch its worker. */
export interface SlotInfo {
  readonly slot: string
  readonly name: string
  readonly role: string | undefined
  readonly description: string | undefined
  readonly config: unknown
  readonly session: Schema.Json | undefined
  readonly restarts: number
}

export interface SlotConfig {
  readonly name?: string | undefined
  readonly role?: string | undefined
  readonly description?: string | undefined
}

type OfWorker = (worker: never, slot: never) => Effect.Effect<unknown, unknown, unknown>

export interface Settings {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly initial: number
  /** Records that are there already are taken up, up to `max`. */
  readonly elastic: boolean
  /** The config that the options give a slot, if they do. */
  readonly configOf: (index: number) => SlotConfig | undefined
  /** What a slot has that neither the options nor the store give a config, where the schema takes that. */
  readonly noConfig: SlotConfig | undefined
  readonly encode: (config: SlotConfig) => Schema.Json
  readonly decode: (config: Schema.Json) => SlotConfig
  readonly acquire: ((slot: never) => Effect.Effect<unknown, unknown, unknown>) | undefined
  readonly watch: OfWorker | undefined
  readonly probe: OfWorker | undefined
  readonly probing: {
    readonly schedule?: Schedule.Schedule<unknown, unknown, unknown, never>
    readonly timeout?: number
    readonly failures?: number
  }
  readonly slotFailure: (error: unknown) => boolean
  readonly maxRestarts: number
  readonly policy: RestartPolicy.RestartPolicy<unknown> | undefined
  readonly acquireTimeout: number
  readonly assignTimeout: number
  readonly jobTimeout: number
  readonly jobSilence: number
  readonly stableAfter: number
  readonly stopTimeout: number
  readonly storeTimeout: number
  readonly lease: number
  readonly keepJobs: number
  readonly supervisor: { readonly enabled: boolean; readonly interval: number }
  readonly eventCapacity: number
}
