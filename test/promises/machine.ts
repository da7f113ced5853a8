/**
 * A machine to run supervisors on: an event loop and the clocks, both driven by hand.
 *
 * Nothing happens by itself, and everything that happens is over when a call returns. So a history of commands,
 * failures and stalls is a plain function of its steps: it is repeated exactly, shrunk, and tried by the thousand. A
 * loop that never comes to rest is a failure like any other, not a hang.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"

/** Something that is to happen at a moment of the monotonic clock, in milliseconds. */
export interface Alarm {
  due: number
  readonly ring: () => void
}

/** Alarms in the order they are due; of those due together, the first set is the first to ring. */
export class Alarms {
  readonly list: Array<Alarm> = []

  set(due: number, ring: () => void): Alarm {
    const alarm = { due, ring }
    let at = this.list.length
    while (at > 0 && this.list[at - 1]!.due > due) at--
    this.list.splice(at, 0, alarm)
    return alarm
  }

  cancel(alarm: Alarm): void {
    const at = this.list.indexOf(alarm)
    if (at >= 0) this.list.splice(at, 1)
  }

  get next(): number {
    return this.list[0]?.due ?? Number.POSITIVE_INFINITY
  }

  /** Rings the first one. */
  ring(): void {
    this.list.shift()?.ring()
  }

  /** Rings all that are due. */
  ringAll(now: number): void {
    for (const alarm of this.list.splice(0, this.list.filter(({ due }) => due <= now).length)) alarm.ring()
  }

  defer(millis: number): void {
    for (const alarm of this.list) alarm.due += millis
  }
}

/** More turns than any history needs before everything waits for time to pass. */
const enough = 5000

export class Machine implements Clock.Clock {
  /** The monotonic clock, in milliseconds. */
  now = 0
  /** What the wall clock shows beyond that. */
  wallOffset = 1_000_000_000_000
  /** Those who sleep by Effect's `Clock`: supervisors, and what they do beside runs. */
  readonly sleepers = new Alarms()
  /** How late every sleeper is woken. */
  lateness = 0
  #turns: Array<() => void> = []

  /** Effect's own scheduler, on this machine's event loop. */
  readonly scheduler = new Scheduler.MixedScheduler("async", (turn) => {
    this.#turns.push(turn)
    return () => {
      this.#turns = this.#turns.filter((other) => other !== turn)
    }
  })

  /** Turns the event loop until all wait for time to pass. */
  rest(): void {
    for (let turns = 0; turns < enough; turns++) {
      const turn = this.#turns.shift()
      if (turn === undefined) return
      turn()
    }
    throw new Error(`does not come to rest at ${this.now} ms`)
  }

  /** What is run on this machine lives in this scope. */
  readonly scope = Scope.makeUnsafe()
  /** Quiet, and without spans: neither is looked at. */
  context: Context.Context<Scope.Scope> = Context.empty().pipe(
    Context.add(Clock.Clock, this),
    Context.add(Scheduler.Scheduler, this.scheduler),
    Context.add(References.MinimumLogLevel, "None"),
    Context.add(References.TracerEnabled, false),
    Context.add(Scope.Scope, this.scope)
  )

  /** Runs an effect as far as it goes at once. */
  run<A, E>(effect: Effect.Effect<A, E, Scope.Scope>, done?: (exit: Exit.Exit<A, E>) => void): Fiber.Fiber<A, E> {
    const fiber = Effect.runForkWith(this.context)(effect)
    if (done !== undefined) fiber.addObserver(done)
    return fiber
  }

  /** Runs an effect to its end, which comes without time passing. */
  runNow<A, E>(effect: Effect.Effect<A, E, Scope.Scope>): A {
    const fiber = this.run(effect)
    this.rest()
    const exit = fiber.pollUnsafe()
    if (exit === undefined) throw new Error("waits for time to pass")
    return Effect.runSync(exit)
  }

  currentTimeMillisUnsafe(): number {
    return this.now + this.wallOffset
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.currentTimeMillisUnsafe()) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.now) * 1_000_000n
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (millis === Number.POSITIVE_INFINITY) return Effect.never
    return Effect.callback((resume) => {
      const alarm = this.sleepers.set(this.now + millis + this.lateness, () => resume(Effect.void))
      return Effect.sync(() => this.sleepers.cancel(alarm))
    })
  }
}
