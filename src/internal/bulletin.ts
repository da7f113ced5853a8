/**
 * The events of one supervisor, or of one pool: numbered, and handed to every subscriber without ever waiting for one.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** Every event has a number, the next one after the one before: a gap tells that some were missed. */
export interface Numbered {
  readonly sequence: number
}

export interface Bulletin<in out Event extends Numbered> {
  /** The number of the newest event. */
  sequence: number
  readonly subscribers: Set<Queue.Queue<Event, Cause.Done>>
  /** The same, made anew when one has come or gone: a list is gone through without making anything, a set is not. */
  listed: ReadonlyArray<Queue.Queue<Event, Cause.Done>> | undefined
  closed: boolean
  /** How often `drain` has let others go on. */
  drained: number
}

export const make = <Event extends Numbered>(): Bulletin<Event> => ({
  sequence: 0,
  subscribers: new Set(),
  listed: undefined,
  closed: false,
  drained: 0
})

/** Numbers an event, and makes it only when somebody is there to read it. */
export const publish = <Event extends Numbered>(
  self: Bulletin<Event>,
  event: (sequence: number) => Event
): void => {
  const sequence = ++self.sequence
  if (self.subscribers.size === 0) return
  hand(self, event(sequence))
}

/** Hands an event that has its number to every subscriber. */
export const hand = <Event extends Numbered>(self: Bulletin<Event>, event: Event): void => {
  for (const subscriber of self.listed ??= Array.from(self.subscribers)) Queue.offerUnsafe(subscriber, event)
}

/** The last event has been published. */
export const close = <Event extends Numbered>(self: Bulletin<Event>): void => {
  self.closed = true
  for (const subscriber of self.subscribers) Queue.endUnsafe(subscriber)
}

/** How often those who read are let go on, before nobody waits for them any longer. */
const lastTurns = 64

/** After the end: waits until everybody has read all, but not for one that is stuck. */
export const drain = <Event extends Numbered>(self: Bulletin<Event>): Effect.Effect<void> =>
  Effect.suspend(() =>
    self.subscribers.size > 0 && self.drained++ < lastTurns
      ? Effect.andThen(Effect.yieldNow, drain(self))
      : Effect.void
  )

/**
 * A snapshot, then every event after it. The snapshot is taken and the queue joined in one synchronous step, so that
 * nothing is repeated or lost between them. Each subscriber has a sliding queue of its own: the slow one loses its
 * oldest events, and learns how many from the gap in their numbers.
 */
export const subscribe = <Event extends Numbered>(
  self: Bulletin<Event>,
  capacity: number,
  snapshot: (sequence: number) => Event,
  missedEvents: (next: Event, missed: number) => Event
): Stream.Stream<Event> =>
  // One pull, not a stream made of streams: each layer is a fiber's step more for every batch, for every subscriber.
  Stream.fromChannel(Channel.fromTransformBracket((_upstream, _scope, scope) =>
    Effect.sync(() => {
      const join = Effect.fnUntraced(function*() {
        const queue = yield* Queue.sliding<Event, Cause.Done>(capacity)
        yield* Scope.addFinalizer(
          scope,
          Effect.sync(() => {
            self.subscribers.delete(queue)
            self.listed = undefined
          })
        )
        const first = snapshot(self.sequence)
        if (self.closed) Queue.endUnsafe(queue)
        else self.subscribers.add(queue)
        self.listed = undefined
        let newest = first.sequence
        // A sliding queue loses its oldest, and all it holds is taken together: a gap is before the first of them, or nowhere.
        pull = Effect.map(Queue.takeAll(queue), (events) => {
          const missed = events[0].sequence - newest - 1
          newest = events[events.length - 1]!.sequence
          return missed === 0 ? events : [missedEvents(events[0], missed), ...events]
        })
        return Arr.of(first)
      })
      // It joins when it is first asked: a snapshot is as new as it can be.
      let pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Event>> = Effect.suspend(join)
      return Effect.suspend(() => pull)
    })
  ))
