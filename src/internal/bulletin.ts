/**
 * The events of one supervisor, or of one pool: numbered, and kept for those who read them, none of whom is ever waited
 * for.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
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

interface Subscriber {
  /** The number of the newest event that it has read, or was told the state as of. */
  newest: number
  /** Rung when it waits and there is something to read. */
  readonly bell: Queue.Queue<void>
}

export interface Bulletin<in out Event extends Numbered> {
  /** The number of the newest event. */
  sequence: number
  readonly subscribers: Set<Subscriber>
  /** Those who have read everything, and want more. */
  readonly waiting: Set<Subscriber>
  /**
   * The newest events, without a gap: one list for all who read. It is let go as soon as all have read the newest, and
   * until then holds up to twice `capacity`.
   */
  events: Array<Event>
  /** How many of the subscribers have not read the newest. */
  behind: number
  /** Whoever has more to read loses the oldest of them. */
  readonly capacity: number
  closed: boolean
  /** How often `drain` has let others go on. */
  drained: number
}

export const make = <Event extends Numbered>(capacity: number): Bulletin<Event> => ({
  sequence: 0,
  subscribers: new Set(),
  waiting: new Set(),
  events: [],
  behind: 0,
  capacity,
  closed: false,
  drained: 0
})

/** Numbers an event, and makes it only when somebody is there to read it. */
export const publish = <Event extends Numbered>(
  self: Bulletin<Event>,
  event: (sequence: number) => Event
): void => {
  const sequence = ++self.sequence
  if (self.subscribers.size > 0) hand(self, event(sequence))
}

/** Keeps the event that was numbered last for those who are there. */
export const hand = <Event extends Numbered>(self: Bulletin<Event>, event: Event): void => {
  // Some run may end after the last event of all.
  if (self.closed || self.subscribers.size === 0) return
  self.behind = self.subscribers.size
  // Twice as many before the older half goes: each is copied once at most.
  if (self.events.length >= 2 * self.capacity) self.events = self.events.slice(-self.capacity)
  self.events.push(event)
  if (self.waiting.size > 0) ring(self)
}

const ring = ({ waiting }: { readonly waiting: Set<Subscriber> }): void => {
  for (const { bell } of waiting) Queue.offerUnsafe(bell, undefined)
  waiting.clear()
}

/** The last event has been published. */
export const close = <Event extends Numbered>(self: Bulletin<Event>): void => {
  self.closed = true
  ring(self)
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

const isBehind = <Event extends Numbered>({ events, subscribers }: Bulletin<Event>, one: Subscriber): boolean =>
  events.length > 0 && events[events.length - 1]!.sequence > one.newest && subscribers.has(one)

/** One that was behind is no longer. */
const catchUp = <Event extends Numbered>(self: Bulletin<Event>): void => {
  if (--self.behind === 0) self.events = []
}

const leave = <Event extends Numbered>(self: Bulletin<Event>, subscriber: Subscriber): void => {
  if (isBehind(self, subscriber)) catchUp(self)
  self.subscribers.delete(subscriber)
  self.waiting.delete(subscriber)
  // What comes while nobody is there is not kept: the list would have a gap.
  if (self.subscribers.size === 0) self.events = []
}

/**
 * A snapshot, then every event after it. The snapshot is taken and the reading begins in one synchronous step, so that
 * nothing is repeated or lost between them. The slow one loses the oldest, and learns how many.
 */
export const subscribe = <Event extends Numbered>(
  self: Bulletin<Event>,
  snapshot: (sequence: number) => Event,
  missedEvents: (next: Event, missed: number) => Event
): Stream.Stream<Event> => {
  const read = (subscriber: Subscriber): Arr.NonEmptyReadonlyArray<Event> => {
    const { capacity, events } = self
    const { newest } = subscriber
    const first = Math.max(newest + 1 - events[0]!.sequence, events.length - capacity, 0)
    const missed = events[first]!.sequence - newest - 1
    subscriber.newest = events[events.length - 1]!.sequence
    catchUp(self)
    // The last one has the list to itself; any other one would see it grow.
    const isOwn = first === 0 && self.events !== events
    const unread = (isOwn ? events : events.slice(first)) as Arr.NonEmptyArray<Event>
    return missed === 0 ? unread : [missedEvents(unread[0], missed), ...unread]
  }
  // One pull, not a stream made of streams: each layer is a fiber's step more for every batch, for every subscriber.
  return Stream.fromChannel(Channel.fromTransformBracket((_upstream, _scope, scope) =>
    Effect.sync(() => {
      const join = Effect.fnUntraced(function*() {
        const subscriber = { newest: 0, bell: yield* Queue.unbounded<void>() }
        yield* Scope.addFinalizer(scope, Effect.sync(() => leave(self, subscriber)))
        const first = snapshot(self.sequence)
        subscriber.newest = first.sequence
        // The end does not wait for those who come after it.
        if (!self.closed) self.subscribers.add(subscriber)
        pull = Effect.suspend(() => {
          if (isBehind(self, subscriber)) return Effect.succeed(read(subscriber))
          // Whoever is interrupted as it waits has left, though it may ask on.
          if (self.closed || !self.subscribers.has(subscriber)) return Cause.done()
          self.waiting.add(subscriber)
          return Effect.flatMap(Queue.take(subscriber.bell), () => pull)
        })
        return [first] as const
      })
      // It joins when it is first asked: a snapshot is as new as it can be.
      let pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Event>> = Effect.suspend(join)
      return Effect.suspend(() => pull)
    })
  ))
}
