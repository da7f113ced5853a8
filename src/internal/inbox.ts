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

/** What a turn of the loop has to do next: bounded, so that no lane waits long for the other. */
export interface Batch {
  readonly commands: ReadonlyArray<Command>
  readonly signals: ReadonlyArray<Signal>
}

const atOnce = 128

export interface Inbox {
  readonly command: (command: Command) => void
  readonly signal: (signal: Signal) => void
  /** The next batch, as soon as there is one; done after `close`. */
  readonly take: Effect.Effect<Batch, Cause.Done>
  /** What is there by now, or nothing. */
  readonly poll: () => Batch | undefined
  readonly close: () => void
}

const knock: Signal = { _tag: "Knock" }

export const make: Effect.Effect<Inbox> = Effect.gen(function*() {
  const commands = yield* Queue.unbounded<Command>()
  const signals = yield* Queue.unbounded<Signal, Cause.Done>()
  let knocked = false
  const knocking = () => {
    if (knocked) return
    knocked = true
    Queue.offerUnsafe(signals, knock)
  }
  // The signals have been taken, a knock among them: one for the commands that are left comes after.
  const batch = (taken: ReadonlyArray<Signal>): Batch => {
    const polled = poll(commands)
    knocked = false
    if (Queue.sizeUnsafe(commands) > 0) knocking()
    return { commands: polled, signals: taken }
  }
  return {
    command: (command) => {
      Queue.offerUnsafe(commands, command)
      knocking()
    },
    signal: (signal) => {
      Queue.offerUnsafe(signals, signal)
    },
    // With more at hand the loop would go on without letting anybody else run.
    take: Effect.suspend(() => {
      const next = Effect.map(Queue.takeBetween(signals, 1, atOnce), batch)
      return Queue.sizeUnsafe(signals) > 0 ? Effect.andThen(Effect.yieldNow, next) : next
    }),
    poll: () => Queue.sizeUnsafe(signals) === 0 ? undefined : batch(poll(signals)),
    close: () => {
      Queue.endUnsafe(signals)
    }
  }
})

const poll = <A, E>(queue: Queue.Queue<A, E>): ReadonlyArray<A> => {
  const polled: Array<A> = []
  while (polled.length < atOnce) {
    const next = Queue.takeUnsafe(queue)
    if (next === undefined || !Exit.isSuccess(next)) break
    polled.push(next.value)
  }
  return polled
}
