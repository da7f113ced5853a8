/**
 * Which effects are known to run a supervisor before they have: those that `Supervisor.run` and `TaskGroup` made.
 */
import type * as Effect from "effect/Effect"

const known = new WeakSet<object>()

/** Marks an effect as one that runs a supervisor. */
export const marked = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  known.add(effect)
  return effect
}

export const isSupervisor = (effect: object): boolean => known.has(effect)
