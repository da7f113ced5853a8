/**
 * A flood of one kind of event starves no other. Counted in decided events, not in time: how fast a machine is says
 * nothing about who waits for whom.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import * as Loop from "../../src/internal/loop.ts"
import type { Event } from "../../src/internal/state.ts"
import { assertStatus, collect, Net, settle, statusOf } from "../support/fixtures.ts"

/** How many events may be decided between a command's asking and its answer, whatever waits beside it. */
const bound = 1500

/** A supervisor whose decided events are kept. */
const recorded = Effect.fnUntraced(function*(tasks: ReadonlyArray<Task.Task<unknown, unknown>>) {
  const events: Array<Event> = []
  const supervisor = yield* Supervisor.make({
    tasks: [Task.make("other", Effect.never), ...tasks],
    healthCheck: { initialDelay: 0 }
  }).pipe(
    Effect.provideService(Loop.Recording, (event) => {
      events.push(event)
    }),
    Effect.provide(Logger.layer([]))
  )
  yield* settle
  return { events, supervisor }
})

/** Asks again and again while `storm` rages, and tells how many events were decided before each answer. */
const askDuring = Effect.fnUntraced(function*(
  events: ReadonlyArray<Event>,
  command: Effect.Effect<unknown, unknown>,
  storm: Effect.Effect<unknown>,
  size: number
) {
  const waits: Array<number> = []
  const before = events.length
  const asking = yield* Effect.forkChild(
    Effect.gen(function*() {
      while (events.length < before + size) {
        const asked = events.length
        yield* Effect.ignore(command)
        waits.push(events.length - asked)
      }
    }),
    { startImmediately: true }
  )
  yield* storm
  yield* Fiber.join(asking)
  assert.isAbove(waits.length, 2, "the storm was asked in more than once")
  return { waits, worst: Math.max(...waits), stormed: events.length - before }
})

const size = 10_000
const crowd = (make: (name: string) => Task.Task<unknown, unknown>) =>
  Array.from({ length: size }, (_, index) => make(`task ${index}`))

describe("fairness", () => {
  const commands = ["restart", "stop", "status"] as const

  for (const command of commands) {
    it.effect(
      `in a storm of 10,000 ends ${command} is answered within a bounded number of decided events`,
      () =>
        Effect.gen(function*() {
          const gate = Latch.makeUnsafe()
          const { events, supervisor } = yield* recorded(
            crowd((name) =>
              Task.make(name, Effect.andThen(gate.await, Effect.fail(new Net())), {
                restart: { schedule: Schedule.spaced("1 hour") }
              })
            )
          )
          const ask = command === "restart"
            ? supervisor.restart("other")
            : Effect.andThen(supervisor[command]("other"), supervisor.start("other"))
          const { stormed, worst } = yield* askDuring(events, ask, gate.open, size)
          assert.isAtLeast(stormed, size)
          assert.isAtMost(worst, command === "restart" ? bound : 2 * bound)
        }),
      60_000
    )
  }

  it.effect("of a task that crashes itself in the storm, too", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const { events, supervisor } = yield* recorded(
        crowd((name) =>
          Task.make(name, Effect.andThen(gate.await, Effect.fail(new Net())), {
            restart: { schedule: Schedule.spaced("1 hour") }
          })
        )
      )
      const { worst } = yield* askDuring(events, supervisor.restart(`task ${size - 1}`), gate.open, size)
      assert.isAtMost(worst, bound)
    }), 60_000)

  it.effect("in a storm of 10,000 restarts that fall due at one instant", () =>
    Effect.gen(function*() {
      const { events, supervisor } = yield* recorded(
        crowd((name) => Task.make(name, Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(1000) } }))
      )
      const { worst } = yield* askDuring(
        events,
        Effect.andThen(supervisor.restart("other"), Effect.yieldNow),
        Effect.forkChild(TestClock.adjust(1000)),
        size
      )
      assert.isAtMost(worst, bound)
    }), 60_000)

  it.effect("in a storm of 10,000 beating hearts", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const { events, supervisor } = yield* recorded(
        crowd((name) =>
          Task.make(name, Effect.andThen(gate.await, Effect.andThen(Heartbeat.beat, Effect.never)), {
            heartbeat: Heartbeat.manual({ within: "1 hour" })
          })
        )
      )
      const { worst } = yield* askDuring(events, supervisor.restart("other"), gate.open, size)
      assert.isAtMost(worst, bound)
    }), 60_000)

  it.effect("in a task's own endless crash loop without any back-off", () =>
    Effect.gen(function*() {
      const { events, supervisor } = yield* recorded([
        Task.make("loop", Effect.fail(new Net()), { restart: { schedule: Schedule.forever } })
      ])
      const { worst } = yield* askDuring(events, supervisor.restart("other"), Effect.void, size)
      assert.isAtMost(worst, bound)
      yield* supervisor.shutdown
    }))

  it.effect("a flood of 10,000 commands does not keep a run's end waiting", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const { events, supervisor } = yield* recorded([Task.make("job", gate.await)])
      const asked = yield* Effect.forEach(
        Array.from({ length: size }),
        () => Effect.forkChild(Effect.ignore(supervisor.stop("nobody")), { startImmediately: true })
      )
      const before = events.length
      yield* gate.open
      yield* Fiber.awaitAll(asked)
      const ended = events.findIndex((event, index) => index >= before && event._tag === "Ended")
      assert.isAtMost(ended - before, bound)
      assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Completed")
    }), 60_000)

  it.effect("a flood of 10,000 commands leaves other fibers their turns", () =>
    Effect.gen(function*() {
      const { events, supervisor } = yield* recorded([])
      const gaps: Array<number> = []
      const before = events.length
      const asked = yield* Effect.forkChild(Effect.forEach(
        Array.from({ length: size }),
        () => Effect.ignore(supervisor.stop("nobody")),
        { concurrency: "unbounded", discard: true }
      ))
      let last = before
      while (asked.pollUnsafe() === undefined) {
        yield* Effect.yieldNow
        gaps.push(events.length - last)
        last = events.length
      }
      assert.isAtLeast(events.length - before, size)
      assert.isAtMost(Math.max(...gaps), bound)
    }), 60_000)

  it.effect("beats of one run that wait to be handled are one event, and the last word counts", () =>
    Effect.gen(function*() {
      let beat: (details?: number) => void = () => assert.fail("no beater")
      const { events, supervisor } = yield* recorded([
        Task.make("job", Effect.andThen(Effect.map(Heartbeat.beater, (made) => (beat = made)), Effect.never))
      ])
      const before = events.length
      for (let i = 0; i < 100_000; i++) beat(i)
      yield* settle
      assert.strictEqual(events.slice(before).filter((event) => event._tag === "Beat").length, 1)
      assert.strictEqual((yield* statusOf(supervisor, "job")).heartbeatDetails, 99_999)
    }))

  it.effect("beats of one that has shown life are no events until somebody asks whether it is silent", () =>
    Effect.gen(function*() {
      let beat: (details?: string) => void = () => assert.fail("no beater")
      const { events, supervisor } = yield* recorded([
        Task.make("job", Effect.andThen(Effect.map(Heartbeat.beater, (made) => (beat = made)), Effect.never), {
          heartbeat: Heartbeat.manual({ within: "2 seconds" })
        })
      ])
      const beats = () =>
        events.filter((event) => event._tag === "Beat" || ("kept" in event && event.kept !== undefined))
      const listed = Effect.map(supervisor.statuses, (all) => all.find(({ task }) => task === "job")?.lastHeartbeat)
      beat()
      yield* settle
      assert.strictEqual(beats().length, 1, "the first makes it Healthy")
      yield* TestClock.adjust("500 millis")
      for (let i = 0; i < 1000; i++) beat()
      yield* settle
      assert.strictEqual(beats().length, 1)
      const shown = assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
      assert.strictEqual(shown.lastHeartbeat, 500, "a status shows them all the same")
      assert.strictEqual(yield* listed, 500)
      yield* TestClock.adjust("100 millis")
      beat("half way")
      yield* settle
      assert.strictEqual(beats().length, 2, "what it says is heard at once")
      assert.strictEqual(yield* listed, 600)
      const last = events.findLast((event) => event._tag === "Beat")
      assert.isUndefined(last?.sign.seen, "it counts from now on, not from when another one was looked at")
      yield* TestClock.adjust("400 millis")
      beat()
      assert.strictEqual(yield* listed, 600, "as ever, once the loop has looked")
      yield* settle
      assert.strictEqual(yield* listed, 1000)
      // Silent from now on: found out at the first moment that is longer than 2 s after the last beat.
      yield* TestClock.adjust("2 seconds")
      assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* statusOf(supervisor, "job")).lastFailure?.message, "no heartbeat for 2s 1ms")
    }))

  it.effect("a handle's changes show the beats that were kept when something else happens, and none by themselves", () =>
    Effect.gen(function*() {
      let beat: () => void = () => assert.fail("no beater")
      const { supervisor } = yield* recorded([Task.make("third", Effect.never)])
      const job = Task.make(
        "job",
        Effect.andThen(Effect.map(Heartbeat.beater, (made) => (beat = made)), Effect.never),
        {
          heartbeat: Heartbeat.manual({ within: "1 hour" })
        }
      )
      const handle = yield* supervisor.add(job)
      beat()
      yield* settle
      const { seen } = yield* collect(handle.changes)
      const { seen: ofAutomatic } = yield* collect((yield* supervisor.add(Task.make("fourth", Effect.never))).changes)
      yield* settle
      const beats = () => seen.map(({ lastHeartbeat }) => lastHeartbeat)
      assert.deepStrictEqual(beats(), [0])
      yield* TestClock.adjust("5 seconds")
      beat()
      yield* settle
      yield* supervisor.restart("third")
      yield* settle
      assert.deepStrictEqual(beats(), [0], "what happens to others is no news of it")
      yield* supervisor.reconfigure({ shutdownTimeout: "7 seconds" })
      yield* settle
      assert.deepStrictEqual(beats(), [0, 5000])
      // A deadline asks for it meanwhile: that is no news either.
      yield* TestClock.adjust("1 hour")
      yield* supervisor.reconfigure({ shutdownTimeout: "8 seconds" })
      yield* settle
      assert.strictEqual(ofAutomatic.length, 1, "automatic ones are no news")
      assert.deepStrictEqual(beats(), [0, 5000])
    }))

  it.effect("a storm is worked off in full: nobody is forgotten over the commands", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const { supervisor } = yield* recorded(crowd((name) => Task.make(name, Effect.as(gate.await, name))))
      yield* gate.open
      for (let i = 0; i < 50; i++) yield* supervisor.restart("other")
      yield* settle
      const statuses = yield* supervisor.statuses
      assert.strictEqual(statuses.filter((status) => status._tag === "Completed").length, size)
    }), 60_000)
})
