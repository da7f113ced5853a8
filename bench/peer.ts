/**
 * What is measured beside what: anything that runs named works, brings them up again when they fail, and restarts them
 * by name. One file a peer, in `peers/`.
 */
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** The same for every peer: made by the scenario, outside of what is measured. */
export interface Work {
  readonly name: string
  readonly effect: Effect.Effect<never, unknown>
}

interface PeerOptions {
  /** When a failed work runs again; without one the peer's default holds. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

/** A peer with all its works up. */
export interface Opened {
  /** Ends the run of that name, its finalizers included, and begins a new one. */
  readonly restart: (name: string) => Effect.Effect<void, unknown>
  /** How many works the peer itself says are up and well; dies when it did not do all it claims to do. */
  readonly healthy: Effect.Effect<number> | undefined
}

/** Whether it can, or why not. */
export type Ability = { readonly can: true } | { readonly can: false; readonly why: string }

export const able: Ability = { can: true }
export const unable = (why: string): Ability => ({ can: false, why })

export interface Peer {
  readonly name: string
  /** One line for the reader of the table. */
  readonly about: string
  readonly abilities: {
    readonly restartsFailed: Ability
    readonly restartsByName: Ability
  }
  /**
   * Declares the works; the effect brings them up in the current scope, and closing that scope takes all of them down.
   * It may be done before the last body has begun: the scenario counts the bodies.
   */
  readonly prepare: (
    works: ReadonlyArray<Work>,
    options: PeerOptions
  ) => Effect.Effect<Opened, never, Scope.Scope>
}
