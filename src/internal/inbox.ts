/**
 * What comes to a supervisor's loop, in two lanes: commands, which people wait for, and signals (of runs, of the timer,
 * of schedules). A lane is an unbounded `Queue`, yet no flood fills it: a run is in it at most once, and so is a tick.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type { Run } from "./run.ts"
import type { Supervised } from "./run.ts"
import type { Event } from "./state.ts"

export interface Command {
  readonly event: Event & { readonly _tag: "Add" | "Command" | "Shutdown" }
  /** With `Add`: what is to be run. */
  readonly task: Supervised | undefined
}

export type Signal =
  | { readonly _tag: "Run"; readonly run: Run }
  | { readonly _tag: "Answered"; readonly event: Event & { readonly _tag: "Answered" } }
  | { readonly _tag: "Tick" }
  /** Commands wait. */
  | { readonly _tag: "Knock" }

/** What one turn of the loop has to do: bounded, so that no lane waits long for the other. */
export interface Batch {
  readonly commands: ReadonlyArray<Command>
  readonly signals: ReadonlyArray<Signal>
}

const atOnce = 256

export interface Inbox {
  readonly command: (command: Command) => void
  readonly signal: (signal: Signal) => void
  /** The next batch, as soon as there is one; done after `close`. */
  readonly take: Effect.Effect<Batch, Cause.Done>
  readonly close: () => void
}

const knock: Signal = { _tag: "Knock" }

export const make: Effect.Effect<Inbox> = Effect.gen(function*() {
  const commands = yield* Queue.unbounded<Command>()
  const signals = yield* Queue.unbounded<Signal, Cause.Done>()
  let knocked = false
  const waiting = () => {
    if (knocked) return
    knocked = true
    Queue.offerUnsafe(signals, knock)
  }
  const poll = (): ReadonlyArray<Command> => {
    const polled: Array<Command> = []
    knocked = false
    while (polled.length < atOnce) {
      const next = Queue.takeUnsafe(commands)
      if (next === undefined || !Exit.isSuccess(next)) return polled
      polled.push(next.value)
    }
    if (Queue.sizeUnsafe(commands) > 0) waiting()
    return polled
  }
  const next = Effect.map(
    Queue.takeBetween(signals, 1, atOnce),
    (taken): Batch => ({ commands: poll(), signals: taken })
  )
  return {
    command: (command) => {
      Queue.offerUnsafe(commands, command)
      waiting()
    },
    signal: (signal) => {
      Queue.offerUnsafe(signals, signal)
    },
    // With more at hand the loop would go on without letting anybody else run.
    take: Effect.suspend(() => Queue.sizeUnsafe(signals) > 0 ? Effect.andThen(Effect.yieldNow, next) : next),
    close: () => {
      Queue.endUnsafe(signals)
    }
  }
})
