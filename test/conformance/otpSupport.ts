/**
 * What the tests of OTP's supervisor share: children whose ends are in the test's hand, and a log of their runs.
 */
import { assert, it as plain } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorError } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Auth } from "../support/fixtures.ts"
import { failureOf, Net, settle, within } from "../support/fixtures.ts"

/** What children fail with. */
type Failure = Net | Auth

/** What is in the test's hand about one run. */
interface Reins {
  readonly end: Deferred.Deferred<void, Failure>
  readonly beat: () => void
}

/** How the body of a child is to behave, beside what it is told. */
interface Manner {
  /** How long its finalizer takes, milliseconds. */
  readonly stops?: number
  /** What its first runs end with as they begin; where there is nothing, and later, a run goes on until it is told to end. */
  readonly first?: ReadonlyArray<Exit.Exit<void, Failure> | undefined>
}

/** OTP's default, and a restart without delay: what a child is that says nothing else. */
export const permanent = { mode: "permanent", schedule: Schedule.forever } as const
export const transient = { mode: "transient", schedule: Schedule.forever } as const
export const temporary = { mode: "temporary" } as const

/** Its first run can be told to end; all others fail as they begin (OTP's suite: a start function that returns an error). */
export const failsToRestart: ReadonlyArray<Exit.Exit<void, Failure> | undefined> = [
  undefined,
  ...Array.from({ length: 1000 }, () => Exit.fail(new Net()))
]

/** How a child ends by itself. */
export const ends = ["normal", "failure", "defect", "interruption"] as const
export type End = (typeof ends)[number]

/** What holds up the ends of runs, while the test lasts. */
let holds: Set<Latch.Latch> | undefined

const hold = (): Latch.Latch => {
  const latch = Latch.makeUnsafe(holds === undefined)
  holds?.add(latch)
  return latch
}

/**
 * As vitest's. What children still wait for is let go as the test ends, also when it fails: nobody adjusts the clock while
 * its scope is closed.
 */
export const it = {
  effect: <A, E>(name: string, body: () => Effect.Effect<A, E, Scope.Scope>): void =>
    plain.effect(name, () =>
      Effect.suspend(() => {
        holds = new Set()
        return Effect.ensuring(
          body(),
          Effect.sync(() => {
            for (const latch of holds ?? []) latch.openUnsafe()
            holds = undefined
          })
        )
      }))
}

/** Takes so long, unless the test ends. */
const held = (millis: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.raceFirst(Effect.interruptible(Effect.sleep(millis)), Effect.interruptible(hold().await)))

/**
 * Children of one test. Each run is noted as "+name" when it begins, and as "-name" when its last finalizer has ended; it
 * goes on until it is told to end.
 */
export class Children {
  readonly #noted: Array<{ readonly what: string; readonly at: number }> = []
  readonly #reins = new Map<string, Reins>()
  readonly #runs = new Map<string, number>()

  readonly #note = (what: string): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (at) => void this.#noted.push({ what, at }))

  /** What has happened since the last look. */
  get since(): string {
    return this.#noted.splice(0).map(({ what }) => what).join(" ")
  }

  /** The same, with the times by the test's clock. */
  get sinceTimed(): string {
    return this.#noted.splice(0).map(({ at, what }) => `${what}@${at}`).join(" ")
  }

  /** How many runs of a child have begun. */
  readonly runs = (name: string): number => this.#runs.get(name) ?? 0

  readonly body = (name: string, { first = [], stops = 0 }: Manner = {}): Effect.Effect<void, Failure> =>
    Effect.acquireUseRelease(
      Effect.gen({ self: this }, function*() {
        const reins = { end: Deferred.makeUnsafe<void, Failure>(), beat: yield* Heartbeat.beater }
        const end = first[this.runs(name)]
        if (end !== undefined) Deferred.doneUnsafe(reins.end, end)
        this.#reins.set(name, reins)
        this.#runs.set(name, this.runs(name) + 1)
        yield* this.#note(`+${name}`)
        return reins
      }),
      ({ end }) => Deferred.await(end),
      () => Effect.andThen(stops > 0 ? held(stops) : Effect.void, this.#note(`-${name}`))
    )

  /** A child as a task. */
  readonly task = (
    name: string,
    { first, stops, ...options }: Task.TaskOptions<Failure> & Manner = {}
  ): Task.Task<void, Failure> =>
    Task.make(
      name,
      this.body(name, { ...(first === undefined ? {} : { first }), ...(stops === undefined ? {} : { stops }) }),
      { restart: permanent, ...options }
    )

  readonly tasks = (...names: ReadonlyArray<string>): ReadonlyArray<Task.Task<void, Failure>> =>
    names.map((name) => this.task(name))

  /** A child whose first run does not end when it is asked to, until it is let go. Later ones do. */
  readonly stubborn = (name: string, options: Task.TaskOptions<never> = {}) =>
    Effect.sync(() => {
      const latch = hold()
      let isHeld = true
      const run = Effect.suspend(() => {
        if (!isHeld) return Effect.never
        isHeld = false
        return Effect.uninterruptible(latch.await)
      })
      const noted = Effect.ensuring(run, this.#note(`-${name}`))
      const body = Effect.andThen(this.#note(`+${name}`), noted)
      const task = Task.make(name, body, { restart: permanent, ...options })
      return { task, release: Effect.andThen(latch.open, settle) }
    })

  /** Lets the run that is under way when all is settled end, and what follows happen. */
  readonly end = (name: string, exit: Exit.Exit<void, Failure>): Effect.Effect<void> =>
    Effect.flatMap(settle, () => {
      const reins = this.#reins.get(name)
      assert(reins !== undefined, `${name} has never run`)
      Deferred.doneUnsafe(reins.end, exit)
      return settle
    })

  readonly fail = (name: string, error: Failure): Effect.Effect<void> => this.end(name, Exit.fail(error))
  readonly finish = (name: string): Effect.Effect<void> => this.end(name, Exit.void)
  readonly die = (name: string): Effect.Effect<void> => this.end(name, Exit.die(new Error(`${name} is broken`)))
  readonly interrupt = (name: string): Effect.Effect<void> => this.end(name, Exit.interrupt())

  /** Lets the newest run show life. */
  readonly beat = (name: string): Effect.Effect<void> =>
    Effect.flatMap(settle, () => {
      this.#reins.get(name)?.beat()
      return settle
    })
}

/** Ends the child in one of the ways in which a run can end by itself. */
export const endBy = (children: Children, name: string, end: End) => {
  switch (end) {
    case "normal":
      return children.finish(name)
    case "failure":
      return children.fail(name, new Net())
    case "defect":
      return children.die(name)
    case "interruption":
      return children.interrupt(name)
  }
}

/**
 * Makes a supervisor beside the test, and gives it before it is up. `up` is how making it ended, if it has.
 */
export const starting = Effect.fnUntraced(function*<E, E2>(
  make: Effect.Effect<Supervisor.RunningSupervisor<E>, E2, Scope.Scope>
) {
  const made = Deferred.makeUnsafe<Supervisor.RunningSupervisor>()
  const fiber = yield* Effect.forkChild(
    Effect.provideService(
      make,
      Supervisor.Observer,
      (supervisor) => Effect.sync(() => void Deferred.doneUnsafe(made, Exit.succeed(supervisor)))
    ),
    { startImmediately: true }
  )
  yield* settle
  return { supervisor: yield* Deferred.await(made), up: () => fiber.pollUnsafe() }
})

/** Its own tasks in start order, each with how it stands. */
export const standing = (supervisor: Pick<Supervisor.RunningSupervisor, "statuses">): Effect.Effect<string> =>
  Effect.map(Effect.orDie(supervisor.statuses), (all) => all.map(({ _tag, task }) => `${task} ${_tag}`).join(", "))

/** OTP's four numbers: specs, active, supervisors, workers. */
export const counted = (
  counter: Pick<Supervisor.RunningSupervisor, "count">
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(
    Effect.orDie(counter.count),
    ({ active, specs, supervisors, workers }) => [specs, active, supervisors, workers]
  )

/** Its own tasks in start order, with their types. */
export const which = (supervisor: Pick<Supervisor.RunningSupervisor, "which">): Effect.Effect<string> =>
  Effect.map(
    Effect.orDie(supervisor.which),
    (all) => all.map(({ status, task, type }) => `${task} ${type} ${status._tag}`).join(", ")
  )

/** That it goes on. */
export const assertLives = (supervisor: Supervisor.RunningSupervisor): Effect.Effect<void> =>
  Effect.map(Effect.exit(supervisor.statuses), (exit) => assert(Exit.isSuccess(exit), "the supervisor has ended"))

/** Why it gave up, which it has by now. */
export const gaveUp = <E>(supervisor: Supervisor.RunningSupervisor<E>): Effect.Effect<SupervisorError<E>> =>
  Effect.map(within(supervisor.await, 0), failureOf)

/** That it has ended well by now. */
export const assertEnded = (supervisor: Pick<Supervisor.RunningSupervisor, "await">): Effect.Effect<void> =>
  Effect.map(within(supervisor.await, 0), (exit) => assert(Exit.isSuccess(exit), "the supervisor gave up"))

/** Ends it while the clock goes on: what its tasks need for that is virtual time. */
export const shutDown = (supervisor: Pick<Supervisor.RunningSupervisor, "shutdown">): Effect.Effect<void> =>
  Effect.asVoid(within(supervisor.shutdown, "1 hour"))
