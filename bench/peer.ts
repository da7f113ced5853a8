/**
 * What is measured beside what: anything that runs named works, brings them up again when they fail, and restarts them
 * by name. One file a peer, in `peers/`.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Load, Sampler } from "./sample.ts"

/** The same for every peer: made by the scenario, outside of what is measured. */
export interface Work {
  readonly name: string
  readonly effect: Effect.Effect<never, unknown>
}

interface PeerOptions {
  /**
   * When a failed work runs again; `"default"` is the peer's own answer, and `"default at once"` the same with all delays
   * taken out. Without one, it does not matter.
   */
  readonly schedule?: Schedule.Schedule<unknown> | "default" | "default at once" | undefined
  /** How long a work is watched for after it has begun well. */
  readonly stableAfter?: Duration.Input | undefined
  /** The works beat by themselves, by `Hosted.beater`. */
  readonly beatByHand?: boolean | undefined
  /** When one fails, all are restarted. */
  readonly asOne?: boolean | undefined
}

/** A peer with all its works up; it has what its abilities tell. */
export interface Opened {
  /** How many works the peer itself says are up and well; dies when it did not do all it claims to do. */
  readonly healthy: Effect.Effect<number> | undefined
  /** Ends the run of that name, its finalizers included, and begins a new one. */
  readonly restart?: (name: string) => Effect.Effect<void, unknown>
  readonly status?: (name: string) => Effect.Effect<unknown, unknown>
  readonly statuses?: Effect.Effect<ReadonlyArray<unknown>, unknown>
  /** The first one that a subscriber gets has the number of the newest, the next ones follow it without a gap. */
  readonly events?: Stream.Stream<{ readonly sequence: number }>
}

/** Whether it can, or why not. */
export type Ability = { readonly can: true } | { readonly can: false; readonly why: string }

export const able: Ability = { can: true }
export const unable = (why: string): Ability => ({ can: false, why })

export type PeerName =
  | "effect-supervisor"
  | "bare fibers"
  | "FiberMap + retry"
  | "OTP one_for_one"
  | "OTP simple_one_for_one"

interface Described {
  readonly name: PeerName
  /** One line for the reader of the table. */
  readonly about: string
}

/** Runs in a process of ours, and is driven by the scenario. */
export interface Hosted extends Described {
  readonly _tag: "Hosted"
  readonly abilities: {
    readonly restartsFailed: Ability
    readonly restartsByName: Ability
    readonly restartsAsOne: Ability
    /** Failures long ago do not count. */
    readonly forgetsFailures: Ability
    readonly showsStatuses: Ability
    readonly hearsBeats: Ability
    readonly tellsEvents: Ability
  }
  /**
   * Declares the works; the effect brings them up in the current scope, and closing that scope takes all of them down.
   * It may be done before the last body has begun: the scenario counts the bodies.
   */
  readonly prepare: (
    works: ReadonlyArray<Work>,
    options: PeerOptions
  ) => Effect.Effect<Opened, never, Scope.Scope>
  /** Inside a work: how it shows life. With a peer that does not listen, it calls nobody. */
  readonly beater: Effect.Effect<() => void>
  /** What one imports for it. */
  readonly imports: ReadonlyArray<string>
  /** The least program that uses it. */
  readonly program: URL
}

/** Has a process of its own kind, and takes the samples itself. */
export interface Foreign extends Described {
  readonly _tag: "Foreign"
  /** Whether it is on this machine. */
  readonly present: Effect.Effect<Ability>
  readonly measures: (scenario: string, load: Load) => Ability
  readonly open: Effect.Effect<Sampler, never, Scope.Scope>
}

export type Peer = Hosted | Foreign
