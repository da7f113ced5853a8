/**
 * Asking the store for something, bounded: it answers, fails, or has not answered in time.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { StoreError } from "../../SlotPoolStore.ts"

export type Asking = <A, E>(
  operation: string,
  asked: Effect.Effect<A, E>
) => Effect.Effect<Exit.Exit<A, E | StoreError>>

/**
 * The question is a fiber of its own: whoever asks from where nothing can be interrupted gets an answer in time too. A
 * store that answers at once costs no timer. What it dies with is a failure of the store like any other.
 */
export const make = (context: Context.Context<never>, timeout: number): Asking => {
  const fork = Effect.runForkWith(context)
  return <A, E>(operation: string, asked: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const question = fork(asked)
      const answer = question.pollUnsafe()
      return answer === undefined ? inTime(operation, question) : Effect.succeed(orderly(operation, answer))
    })

  function inTime<A, E>(
    operation: string,
    question: Fiber.Fiber<A, E>
  ): Effect.Effect<Exit.Exit<A, E | StoreError>> {
    return Effect.callback((resume) => {
      const clock = fork(Effect.sleep(timeout))
      clock.addObserver((exit) => {
        if (Exit.isFailure(exit)) return
        question.interruptUnsafe()
        resume(Effect.succeed(Exit.fail(new StoreError({ operation, reason: `no answer within ${timeout} ms` }))))
      })
      question.addObserver((answer) => {
        clock.interruptUnsafe()
        resume(Effect.succeed(orderly(operation, answer)))
      })
    })
  }
}

const orderly = <A, E>(operation: string, answer: Exit.Exit<A, E>): Exit.Exit<A, E | StoreError> => {
  if (Exit.isSuccess(answer) || answer.cause.reasons.some(Cause.isFailReason)) return answer
  const reason = "it died"
  return Exit.fail(new StoreError({ operation, reason, cause: Cause.squash(answer.cause) }))
}
