/**
 * OTP's own tests of how its supervisor scales: two sizes are compared, by what is decided rather than by time. The names are
 * those of `supervisor_SUITE`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { decide } from "../../src/internal/decide.ts"
import * as Loop from "../../src/internal/loop.ts"
import type { Event, SupervisorSettings } from "../../src/internal/state.ts"
import { makeState } from "../../src/internal/state.ts"
import type { Entry } from "../../src/internal/taskEntry.ts"
import type { TaskSettings } from "../../src/internal/words.ts"
import { settle } from "../support/fixtures.ts"
import { plain } from "./deciding.ts"

/** What has been decided: how many events, and how many decisions came of them. */
interface Work {
  events: number
  decisions: number
}

const counting = () => {
  const work: Work = { events: 0, decisions: 0 }
  const recorder: Loop.Recorder = (_event, _now, decisions) => {
    work.events++
    work.decisions += decisions.length
  }
  const provide = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.provideService(Loop.Recording, recorder), Effect.provide(Logger.layer([])))
  /** The work since the last time it was asked for. */
  const since = Effect.map(settle, () => {
    const done = { ...work }
    work.events = 0
    work.decisions = 0
    return done
  })
  return { provide, since }
}

/** Each task costs as much, however many there are; what a supervisor costs itself is left some room. */
const assertLinear = (few: Work, many: Work, ratio: number, what: string): void => {
  for (const kind of ["events", "decisions"] as const) {
    assert.isAbove(few[kind], 0, what)
    assert.isAtMost(many[kind], few[kind] * ratio * 1.1, `${what}: ${kind}`)
  }
}

const few = 100
const many = 2000
const names = (size: number) => Array.from({ length: size }, (_, index) => `child${index}`)

describe("scale", () => {
  it.effect("scale_start_stop_many_children", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        const measure = Effect.fnUntraced(function*(size: number) {
          const { provide, since } = counting()
          const supervisor = yield* provide(Supervisor.make({ strategy }))
          yield* since
          for (const name of names(size)) yield* supervisor.add(Task.make(name, Effect.never))
          const starts = yield* since
          for (const name of names(size)) yield* supervisor.stop(name)
          const stops = yield* since
          for (const name of names(size)) yield* supervisor.remove(name)
          const removals = yield* since
          assert.deepStrictEqual(yield* supervisor.statuses, [])
          return { starts, stops, removals }
        })
        const small = yield* measure(few)
        const large = yield* measure(many)
        for (const what of ["starts", "stops", "removals"] as const) {
          assertLinear(small[what], large[what], many / few, `${strategy} ${what}`)
        }
      }
    }))

  it.effect("scale_start_stop_many_children, of a list: starting it, a restart of all, and the end", () =>
    Effect.gen(function*() {
      const measure = Effect.fnUntraced(function*(size: number) {
        const { provide, since } = counting()
        let isBroken = false
        let failure = Deferred.makeUnsafe<never, string>()
        const body = Effect.suspend(() => isBroken ? Effect.fail("broken") : Deferred.await(failure))
        const failing = Task.make("failing", body, { restart: { schedule: Schedule.recurs(1) } })
        const tasks = names(size).map((name) => Task.make(name, Effect.never))
        const supervisor = yield* provide(Supervisor.make({ strategy: "one-for-all", tasks: [...tasks, failing] }))
        const starts = yield* since
        const broken = failure
        failure = Deferred.makeUnsafe()
        Deferred.doneUnsafe(broken, Exit.fail("broken"))
        const restart = yield* since
        assert.deepStrictEqual((yield* supervisor.statuses).map(({ generation }) => generation), [
          ...names(size).map(() => 2),
          2
        ])
        isBroken = true
        Deferred.doneUnsafe(failure, Exit.fail("broken"))
        const death = yield* since
        assert.strictEqual((yield* supervisor.statuses).at(-1)?._tag, "Dead")
        yield* supervisor.shutdown
        const ends = yield* since
        return { starts, restart, death, ends }
      })
      const small = yield* measure(few)
      const large = yield* measure(many)
      assertLinear(small.starts, large.starts, many / few, "starts")
      assertLinear(small.restart, large.restart, many / few, "restart")
      assertLinear(small.ends, large.ends, many / few, "ends")
      assert.deepStrictEqual(large.death, small.death, "one that ends for good costs the same among many")
    }))

  it.effect("scale_start_stop_many_children, one of them restarted: it costs the same among many", () =>
    Effect.gen(function*() {
      const measure = Effect.fnUntraced(function*(size: number) {
        const { provide, since } = counting()
        const tasks = names(size).map((name) => Task.make(name, Effect.never))
        const supervisor = yield* provide(Supervisor.make({ tasks }))
        yield* since
        yield* supervisor.restart("child7")
        return yield* since
      })
      assert.deepStrictEqual(yield* measure(many), yield* measure(few))
    }))

  it.effect("simple_one_for_one_scale_many_temporary_children", () =>
    Effect.gen(function*() {
      const measure = Effect.fnUntraced(function*(size: number) {
        const { provide, since } = counting()
        const template = TaskGroup.make("group", () => Effect.never, { each: { restart: { mode: "temporary" } } })
        const group = yield* provide(TaskGroup.scoped(template))
        yield* since
        const handles = yield* Effect.forEach(names(size), () => group.start(undefined))
        const starts = yield* since
        for (const handle of handles) yield* handle.stop
        const stops = yield* since
        assert.deepStrictEqual(yield* group.statuses, [])
        yield* Effect.forEach(names(size), () => group.start(undefined))
        yield* since
        yield* group.shutdown
        const ends = yield* since
        return { starts, stops, ends }
      })
      const small = yield* measure(few)
      const large = yield* measure(many)
      for (const what of ["starts", "stops", "ends"] as const) {
        assertLinear(small[what], large[what], many / few, what)
      }
    }))

  it("scale_start_stop_many_children: deciding about one looks at no other", () => {
    for (const group of [undefined, { maxTasks: 10_000 }]) {
      const visited = visits(group, few)
      assert.strictEqual(visited, 0)
      assert.strictEqual(visits(group, many), visited)
    }
  })
})

/** Entries, and how many of them were gone through. */
class Visited extends Map<number, Entry> {
  visits = 0
  override *values() {
    for (const entry of super.values()) {
      this.visits++
      yield entry
    }
    return undefined
  }
  override *entries() {
    for (const entry of super.entries()) {
      this.visits++
      yield entry
    }
    return undefined
  }
  override [Symbol.iterator]() {
    return this.entries()
  }
  override forEach(): never {
    throw new Error("is not counted")
  }
}

/** Starts so many tasks, lets each be restarted, stops them and takes them out, and tells how many entries were gone through. */
const visits = (group: SupervisorSettings["group"], size: number): number => {
  const state = makeState({
    startedAt: 0,
    strategy: "one-for-one",
    intensity: { restarts: size, within: 1000, whenExceeded: "giveUp" },
    autoShutdown: "all-significant",
    group,
    healthCheck: { initialDelay: 0, interval: 200 },
    maxDeadFraction: 1,
    whenAllCompleted: "end",
    shutdownTimeout: Number.POSITIVE_INFINITY
  }, 0)
  const entries = new Visited()
  Object.assign(state, { entries })
  const settings: TaskSettings = { ...plain, mode: "permanent" }
  const ended = (id: number, generation: number): Event => ({
    _tag: "Ended",
    id,
    generation,
    byItself: true,
    outcome: { _tag: "Success" }
  })
  const all: ReadonlyArray<(id: number, name: string) => Event> = [
    (id, name) => ({ _tag: "Add", reply: 0, listed: false, instance: false, id, name, settings }),
    (id) => ({ _tag: "Begun", id, generation: 1 }),
    (id) => ended(id, 1),
    (id) => ({ _tag: "Answered", id, generation: 1, answer: { _tag: "Delay", delay: 0 } }),
    (id) => ({ _tag: "Begun", id, generation: 2 }),
    (_, name) => ({ _tag: "Command", reply: 0, command: "remove", target: { name, id: undefined } }),
    (id) => ended(id, 2)
  ]
  for (const event of all) {
    for (const [id, name] of names(size).entries()) decide(state, event(id, name), 0)
    if (event === all[4]) assert.strictEqual(state.counts.Healthy, size)
  }
  assert.strictEqual(entries.size, 0)
  return entries.visits
}
