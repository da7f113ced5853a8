/**
 * What the conformance tests share: a look at runs from outside, by the test's clock, and things done at a given time.
 *
 * Mind that the first sleep under a `TestClock` that has not been adjusted yet can be interrupted, even in a finalizer
 * (its warning is set up interruptibly). A test of a finalizer that takes its time adjusts the clock before.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Fixtures from "../support/fixtures.ts"

/** The runs of one task, seen from within: when each began and ended, and how many were ever alive at once. */
export class Runs {
  readonly begun: Array<number> = []
  readonly ended: Array<number> = []
  alive = 0
  most = 0

  /** A body whose runs are recorded. A run is alive until its last finalizer in `body` has ended. */
  readonly of = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.map(Clock.currentTimeMillis, (now) => {
        this.begun.push(now)
        this.most = Math.max(this.most, ++this.alive)
      }),
      () => body,
      () =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          this.ended.push(now)
          this.alive--
        })
    )

  /** A body that behaves differently from run to run; the last way is kept. */
  readonly inTurn = <A, E, R>(...bodies: ReadonlyArray<Effect.Effect<A, E, R>>): Effect.Effect<A, E, R> =>
    this.of(Effect.suspend(() => bodies[Math.min(this.begun.length, bodies.length) - 1]!))
}

/** A body that ignores interruption until it is let go, at the latest when the test ends: make it after its supervisor. */
export const stubborn = Effect.tap(Fixtures.stubborn, ({ release }) => Effect.addFinalizer(() => release))

/**
 * Does something so much later (1 ms at least), beside the test. All it leads to is over when the `adjust` that reaches it returns,
 * unlike what the test itself sets off between two of them.
 */
export const after = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.andThen(Effect.sleep(millis), effect), { startImmediately: true })

/** How and when something ended. */
export interface Timed<A, E> {
  readonly exit: Exit.Exit<A, E>
  readonly at: number
}

/** Runs something, and notes when it ended by the test's clock. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Timed<A, E>, never, R> =>
  Effect.flatMap(
    Effect.exit(effect),
    (exit) => Effect.map(Clock.currentTimeMillis, (at): Timed<A, E> => ({ exit, at }))
  )

/** As far as it goes without the clock: more turns of the scheduler than anything here takes to come to rest. */
export const atRest = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

/** Begins something beside the test, now, and notes how and when it ends. */
export const beside = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.tap(Effect.forkChild(timed(effect), { startImmediately: true }), () => atRest)

/** What a fiber gave, if it has ended; the test does not wait for it. */
export const ended = <A>(fiber: Fiber.Fiber<A, unknown>): Effect.Effect<A | undefined> =>
  Effect.suspend(() => fiber.pollUnsafe() === undefined ? Effect.undefined : Effect.orDie(Fiber.join(fiber)))

/** Every event of the supervisors that are made by `make`, from the first on. */
export const recorded = <A, E, R>(make: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const events: Array<SupervisorEvent> = []
    return Effect.map(
      Effect.provideService(make, Supervisor.Observer, (supervisor) =>
        Effect.asVoid(Effect.forkScoped(
          Stream.runForEach(supervisor.events, (event) => Effect.sync(() => void events.push(event))),
          { startImmediately: true }
        ))),
      (made) => [made, events] as const
    )
  })

/** The events of one kind about one task. */
export const eventsOf = <Tag extends SupervisorEvent["_tag"]>(
  events: ReadonlyArray<SupervisorEvent>,
  tag: Tag,
  task?: string
): ReadonlyArray<SupervisorEvent & { readonly _tag: Tag }> =>
  events.filter((event): event is SupervisorEvent & { readonly _tag: Tag } =>
    event._tag === tag && (task === undefined || ("task" in event && event.task === task))
  )
