/**
 * Asking the store for something, bounded: it answers, fails, or has not answered in time.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { StoreError } from "../../SlotPoolStore.ts"

export type Answer<A, E> = Exit.Exit<A, E | StoreError>

/** What was asked: answered already, or going to be. */
export type Asked<A, E> =
  | { readonly answer: Answer<A, E> }
  | { readonly answer: undefined; readonly whenAnswered: (then: (answer: Answer<A, E>) => void) => void }

export class Asking {
  readonly #fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly #timeout: number

  constructor(context: Context.Context<never>, timeout: number) {
    this.#fork = Effect.runForkWith(context)
    this.#timeout = timeout
  }

  /**
   * The question is a fiber of its own, which nobody interrupts but its clock: what was asked is known to be done, or
   * not, whatever becomes of who asked. A store that answers at once costs no clock. What it throws, or dies with, is a
   * failure of the store like any other.
   */
  ask<A, E>(operation: string, question: () => Effect.Effect<A, E>, timeout: number = this.#timeout): Asked<A, E> {
    const asked = this.#fork(Effect.suspend(question))
    const exit = asked.pollUnsafe()
    if (exit !== undefined) return { answer: orderly(operation, exit) }
    let late = false
    const clock = this.#fork(Effect.sleep(timeout))
    clock.addObserver((rung) => {
      if (Exit.isFailure(rung)) return
      late = true
      asked.interruptUnsafe()
    })
    return {
      answer: undefined,
      whenAnswered: (then) => {
        let told = false
        const tell = (answer: Answer<A, E>) => {
          if (told) return
          told = true
          then(answer)
        }
        const inTime = () => Exit.fail(new StoreError({ operation, reason: `no answer within ${timeout} ms` }))
        // A store that cannot be interrupted is waited for no longer, either.
        clock.addObserver((rung) => {
          if (Exit.isSuccess(rung)) tell(inTime())
        })
        asked.addObserver((exit) => {
          clock.interruptUnsafe()
          tell(late && Exit.isFailure(exit) ? inTime() : orderly(operation, exit))
        })
      }
    }
  }

  /** The same as an effect, which never fails. Whoever waits may be interrupted; the question is not. */
  wait<A, E>(
    operation: string,
    question: () => Effect.Effect<A, E>,
    timeout?: number
  ): Effect.Effect<Answer<A, E>> {
    return Effect.suspend(() => {
      const asked = this.ask(operation, question, timeout)
      if (asked.answer !== undefined) return Effect.succeed(asked.answer)
      return Effect.callback((resume) => asked.whenAnswered((answer) => resume(Effect.succeed(answer))))
    })
  }
}

const isRecord = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "version" in value && typeof value.version === "number"

/** What an answer must look like: stores are written by people, too. */
const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  put: isRecord,
  claim: isRecord,
  get: (value) => Option.isOption(value) && (Option.isNone(value) || isRecord(value.value)),
  list: (value) =>
    typeof value === "object" && value !== null && "records" in value && "corrupt" in value &&
    Array.isArray(value.records) && value.records.every(isRecord) && Array.isArray(value.corrupt),
  now: Number.isFinite
}

const orderly = <A, E>(operation: string, exit: Exit.Exit<A, E>): Answer<A, E> => {
  if (Exit.isSuccess(exit) && checks[operation]?.(exit.value) === false) {
    return Exit.fail(new StoreError({ operation, reason: "it answered what is no answer" }))
  }
  if (Exit.isSuccess(exit) || exit.cause.reasons.some(Cause.isFailReason)) return exit
  return Exit.fail(new StoreError({ operation, reason: "it died", cause: Cause.squash(exit.cause) }))
}
