/**
 * What comes to a supervisor's loop, in two lanes: the urgent one for what somebody waits for (commands, the ends they
 * wait for, ticks), the ordinary one for what runs tell by themselves. Both are without bound, yet no flood fills them: a
 * run waits in one at most once, and so does a tick. One bell, a `Queue`, wakes the loop for both.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { Backlog } from "./backlog.ts"
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

/** Whoever is asked to end starts nothing more of its list. */
const isEnding = (message: Message): boolean =>
  message._tag === "Command" && (message.event._tag === "Shutdown" || message.event._tag === "Hurry")

export const make = Effect.fnUntraced(function*(): Effect.fn.Return<Inbox> {
  const urgent = new Backlog<Message>()
  const ordinary = new Backlog<Message>()
  const bell = yield* Queue.unbounded<void, Cause.Done>()
  let rung = false
  let isOpen = true
  let before: (() => Command | undefined) | undefined
  const ring = () => {
    if (rung) return
    rung = true
    Queue.offerUnsafe(bell, undefined)
  }
  const put = (lane: Backlog<Message>) => (message: Message) => {
    if (!isOpen) return
    lane.push(message)
    ring()
  }
  // The bell has been taken in.
  const taken = (): ReadonlyArray<Message> => {
    rung = false
    const asked = upTo(atOnce, () => urgent.shift())
    if (asked.some(isEnding)) before = undefined
    const all = upTo(atOnce, () => before?.())
    if (all.length < atOnce) before = undefined
    all.push(...asked, ...upTo(atOnce, () => ordinary.shift()))
    if (before !== undefined || !urgent.isEmpty || !ordinary.isEmpty) ring()
    return all
  }
  const next = Effect.map(Queue.take(bell), taken)
  return {
    urgent: put(urgent),
    first: (list) => {
      if (!isOpen) return
      before = list
      ring()
    },
    ordinary: put(ordinary),
    // With more at hand the loop would go on without letting anybody else run.
    take: Effect.suspend(() => rung ? Effect.andThen(Effect.yieldNow, next) : next),
    poll: () => {
      if (rung) Queue.takeUnsafe(bell)
      return taken()
    },
    takeBack: () => before === undefined && ordinary.isEmpty && urgent.size === 1 && urgent.shift() !== undefined,
    close: () => {
      isOpen = false
      // Nothing is decided any more, whatever is still to be told.
      before = undefined
      urgent.clear()
      ordinary.clear()
      if (rung) Queue.takeUnsafe(bell)
      Queue.endUnsafe(bell)
    }
  }
})

const upTo = (most: number, next: () => Message | undefined): Array<Message> => {
  const all: Array<Message> = []
  for (let one = next(); one !== undefined; one = next()) {
    all.push(one)
    if (all.length === most) break
  }
  return all
}
