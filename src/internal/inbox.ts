/**
 * What comes to a supervisor's loop, in two lanes: the urgent one for what somebody waits for (commands, the ends they
 * wait for, ticks), the ordinary one for what runs tell by themselves. A lane is an unbounded `Queue`, yet no flood fills
 * it: a run waits in it at most once, and so does a tick.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type { Run, Supervised } from "./run.ts"
import type { Event, SupervisorSettings } from "./state.ts"

export interface Command {
  readonly _tag: "Command"
  readonly event: Event & { readonly _tag: "Add" | "Command" | "GaveUp" | "Shutdown" | "Hurry" }
  /** With `Add`: what is to be run. */
  readonly task: Supervised | undefined
}

/** What it comes to depends on what is there when it is looked at. */
export interface Reconfigure {
  readonly _tag: "Reconfigure"
  readonly reply: number
  /** Puts what is new over what is there. */
  readonly settings: (before: SupervisorSettings) => SupervisorSettings
  readonly offer: () => Offer
}

interface Offer {
  readonly tasks: ReadonlyArray<Supervised> | undefined
  /** It is allowed, and taken over. */
  readonly adopted: () => void
}

export type Message =
  | Command
  | Reconfigure
  /** Something happened to a run: a beat, a failed probe, its end. */
  | Run
  | { readonly _tag: "Answered"; readonly event: Event & { readonly _tag: "Answered" } }
  | { readonly _tag: "Tick" }

/** How many of each lane are taken together: neither waits long for the other. */
const atOnce = 128

export interface Inbox {
  readonly urgent: (message: Message) => void
  readonly ordinary: (message: Message) => void
  /** What comes before everything urgent but an end: made one by one, as it is taken. */
  readonly first: (next: () => Command | undefined) => void
  /** What is next, as soon as there is something; done after `close`. */
  readonly take: Effect.Effect<ReadonlyArray<Message>, Cause.Done>
  /** What is next by now. */
  readonly poll: () => ReadonlyArray<Message>
  /** Takes the newest urgent one out again, if nothing else is there, whatever lane it is in. */
  readonly takeBack: () => boolean
  readonly close: () => void
}

/** Something urgent waits. */
interface Knock {
  readonly _tag: "Knock"
}

const knock: Knock = { _tag: "Knock" }

/** Whoever is asked to end starts nothing more of its list. */
const isEnding = (message: Message): boolean =>
  message._tag === "Command" && (message.event._tag === "Shutdown" || message.event._tag === "Hurry")

export const make = Effect.fnUntraced(function*(): Effect.fn.Return<Inbox> {
  const urgent = yield* Queue.unbounded<Message>()
  const ordinary = yield* Queue.unbounded<Message | Knock, Cause.Done>()
  let knocked = false
  let before: (() => Command | undefined) | undefined
  // The loop waits at the ordinary lane alone; whoever comes by the urgent one knocks there.
  const knocking = () => {
    if (knocked) return
    knocked = true
    Queue.offerUnsafe(ordinary, knock)
  }
  // The ordinary ones have been taken, a knock among them: one for the urgent ones that are left comes after.
  const withUrgent = (taken: ReadonlyArray<Message | Knock>): ReadonlyArray<Message> => {
    const asked = pollUpTo(urgent, atOnce)
    if (before !== undefined && asked.some(isEnding)) before = undefined
    const all = before === undefined ? asked : pollFirst(before).concat(asked)
    for (const message of taken) if (message._tag !== "Knock") all.push(message)
    knocked = false
    if (before !== undefined || Queue.sizeUnsafe(urgent) > 0) knocking()
    return all
  }
  const pollFirst = (next: () => Command | undefined): Array<Message> => {
    const polled: Array<Message> = []
    while (polled.length < atOnce) {
      const command = next()
      if (command === undefined) {
        before = undefined
        break
      }
      polled.push(command)
    }
    return polled
  }
  const next = Effect.map(Queue.takeBetween(ordinary, 1, atOnce), withUrgent)
  return {
    urgent: (message) => {
      Queue.offerUnsafe(urgent, message)
      knocking()
    },
    first: (next) => {
      before = next
      knocking()
    },
    ordinary: (message) => {
      Queue.offerUnsafe(ordinary, message)
    },
    // With more at hand the loop would go on without letting anybody else run.
    take: Effect.suspend(() => Queue.sizeUnsafe(ordinary) > 0 ? Effect.andThen(Effect.yieldNow, next) : next),
    poll: () => withUrgent(pollUpTo(ordinary, atOnce)),
    // Whoever comes by the urgent lane has knocked at the ordinary one.
    takeBack: () =>
      before === undefined && Queue.sizeUnsafe(urgent) === 1 && Queue.sizeUnsafe(ordinary) <= 1 &&
      Queue.takeUnsafe(urgent) !== undefined,
    close: () => {
      Queue.endUnsafe(ordinary)
      Queue.shutdownUnsafe(urgent)
    }
  }
})

const pollUpTo = <A, E>(queue: Queue.Queue<A, E>, most: number): Array<A> => {
  const polled: Array<A> = []
  while (polled.length < most) {
    const next = Queue.takeUnsafe(queue)
    if (next === undefined || !Exit.isSuccess(next)) break
    polled.push(next.value)
  }
  return polled
}
