/**
 * Those who wait for one outcome. Leaving costs O(1): of the many who wait on a `Deferred`, each one that is
 * interrupted searches the whole list (40,000 of them take seconds).
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

export interface Waiters<in out A> {
  readonly resumes: Set<(outcome: A) => void>
}

export const make = <A>(): Waiters<A> => ({ resumes: new Set() })

/** Waits until resumed; the outcome is mapped to an exit. */
export const wait = <A, B, E>(self: Waiters<A>, toExit: (outcome: A) => Exit.Exit<B, E>): Effect.Effect<B, E> =>
  Effect.callback<B, E>((resume) => {
    const wake = (outcome: A) => resume(toExit(outcome))
    self.resumes.add(wake)
    return Effect.sync(() => {
      self.resumes.delete(wake)
    })
  })

/** Takes those who wait out, to be resumed. */
export const take = <A>(self: Waiters<A>): ReadonlyArray<(outcome: A) => void> => {
  const resumes = Array.from(self.resumes)
  self.resumes.clear()
  return resumes
}
