/**
 * What asks the process to end. The first signal asks for an end in order; a further Ctrl-C ends it at once.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import process from "node:process"

/** What a signal asks for. */
export type Asked =
  | { readonly _tag: "Signal"; readonly signal: Signal }
  /** Something was thrown outside of every fiber: in a callback, or as a promise that nobody handles. */
  | { readonly _tag: "Uncaught"; readonly error: unknown }

type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"

const signals: ReadonlyArray<Signal> = ["SIGINT", "SIGTERM", "SIGHUP"]

/**
 * One press of Ctrl-C may come twice: from the terminal, and once more from npm, which hands on what its own process
 * group was given already. So long, in milliseconds, it is taken for the same press.
 */
export const samePress = 250

/** What a shell expects of a process that SIGINT has ended. */
const endedBySigint = 130

/** Listens for as long as the scope is open; the effect it gives waits for the first one. */
export const listen: Effect.Effect<Effect.Effect<Asked>, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const first = yield* Deferred.make<Asked>()
  const millis = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  let askedAt: number | undefined
  const ask = (asked: Asked) => {
    askedAt ??= millis()
    Deferred.doneUnsafe(first, Effect.succeed(asked))
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal === "SIGINT" && askedAt !== undefined && millis() - askedAt >= samePress) process.exit(endedBySigint)
    ask({ _tag: "Signal", signal: signal as Signal })
  }
  const onUncaught = (error: unknown) => ask({ _tag: "Uncaught", error })
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      for (const signal of signals) process.on(signal, onSignal)
      process.on("uncaughtException", onUncaught)
    }),
    () =>
      Effect.sync(() => {
        for (const signal of signals) process.off(signal, onSignal)
        process.off("uncaughtException", onUncaught)
      })
  )
  return Deferred.await(first)
})
