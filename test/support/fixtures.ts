/**
 * What most tests of a supervisor need: errors to fail with, runs that obey or refuse, and a look at what happened.
 */
import { assert } from "@effect/vitest"
import type * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

export class Net extends Data.TaggedError("Net")<{}> {}
export class Auth extends Data.TaggedError("Auth")<{}> {}
export class Coded extends Data.TaggedError("Coded")<{ readonly code: number }> {}

/** Lets what is due now happen, and what follows from it, many steps deep. */
export const settle: Effect.Effect<void> = Effect.gen(function*() {
  yield* TestClock.adjust(0)
  for (let step = 0; step < 100; step++) yield* Effect.yieldNow
  yield* TestClock.adjust(0)
})

/**
 * Forks, and lets everything that is due now happen.
 *
 * The clock is adjusted first: until that has been done once, a finalizer of an interrupted fiber that sleeps on a
 * `TestClock` is interrupted (the clock forks its warning from an interruptible region).
 */
export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    TestClock.adjust(0),
    Effect.tap(Effect.forkChild(effect, { startImmediately: true }), () => settle)
  )

/** A body that ignores interruption until it is let go. */
export const stubborn = Effect.sync(() => {
  const gate = Latch.makeUnsafe()
  return { body: Effect.uninterruptible(gate.await), release: gate.open }
})

/** Collects a stream in the background, from now on. */
export const collect = <A>(stream: Stream.Stream<A>) =>
  Effect.gen(function*() {
    const seen: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (one) =>
        Effect.sync(() => {
          seen.push(one)
        })),
      { startImmediately: true }
    )
    yield* settle
    return { seen, fiber }
  })

/** The events about one task, by tag. */
export const tagsOf = (events: ReadonlyArray<SupervisorEvent>, task?: string): ReadonlyArray<string> =>
  events.filter((event) => task === undefined || ("task" in event && event.task === task)).map((event) => event._tag)

/** The status of a task of a running supervisor, or the defect that there is none. */
export const statusOf = (
  supervisor: Supervisor.RunningSupervisor,
  task: string
): Effect.Effect<TaskStatus> => Effect.orDie(supervisor.status(task))

/** Asserts a status by its tag, and narrows it. */
export const assertStatus = <Tag extends TaskStatus["_tag"]>(
  status: TaskStatus,
  tag: Tag
): TaskStatus & { readonly _tag: Tag } => {
  assert.strictEqual(status._tag, tag)
  return status as TaskStatus & { readonly _tag: Tag }
}

/** Asserts that a value is a tagged error, and narrows it. */
export const assertTag = <A extends { readonly _tag: string }, Tag extends A["_tag"]>(
  value: A,
  tag: Tag
): A & { readonly _tag: Tag } => {
  assert.strictEqual(value._tag, tag)
  return value as A & { readonly _tag: Tag }
}

/** Forks something that may have to wait for the clock, lets the clock go on, and gives its exit. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>, time: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.gen(function*() {
    yield* TestClock.adjust(0)
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(time)
    yield* settle
    const exit = fiber.pollUnsafe()
    if (exit === undefined) {
      yield* Fiber.interrupt(fiber)
      return yield* Effect.die(new Error("has not ended within the time given"))
    }
    return exit
  })

/** The failure of an exit that must have one. */
export const failureOf = <E>(exit: Exit.Exit<unknown, E>): E => {
  assert(Exit.isFailure(exit), "it succeeded")
  const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  assert(fail !== undefined && fail._tag === "Fail", "it did not fail with a typed error")
  return fail.error as E
}

/** What a constructor throws. */
export const thrown = (make: () => unknown): Error => {
  try {
    make()
  } catch (error) {
    assert.instanceOf(error, Error)
    return error as Error
  }
  throw new Error("nothing was thrown")
}

/** Asserts a refusal of a bad option: a `RangeError` that names the option, the value and what is allowed. */
export const assertRefused = (make: () => unknown, option: string, value: string, allowed: string | RegExp): void => {
  const error = thrown(make)
  assert.instanceOf(error, RangeError)
  assert.include(error.message, option)
  assert.include(error.message, value)
  if (typeof allowed === "string") assert.include(error.message, allowed)
  else assert.match(error.message, allowed)
}
