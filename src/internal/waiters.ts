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

/** Waits until `wake` is called; the outcome is an exit, or is mapped to one. */
export const wait = <A, B, E>(self: Waiters<A>, toExit: (outcome: A) => Exit.Exit<B, E>): Effect.Effect<B, E> =>
  Effect.callback<B, E>((resume) => {
    const wake = (outcome: A) => resume(toExit(outcome))
    self.resumes.add(wake)
    return Effect.sync(() => {
      self.resumes.delete(wake)
    })
  })

export const wake = <A>(self: Waiters<A>, outcome: A): void => {
  const resumes = Array.from(self.resumes)
  self.resumes.clear()
  for (const resume of resumes) resume(outcome)
}
