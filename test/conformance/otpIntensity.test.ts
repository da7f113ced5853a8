/**
 * How many restarts a supervisor bears, and what follows on one too many.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { TooManyRestarts } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import type { Auth } from "../support/fixtures.ts"
import { assertStatus, assertTag, Net, statusOf } from "../support/fixtures.ts"
import * as StallingClock from "../support/StallingClock.ts"
import { assertLives, Children, gaveUp, it, standing, starting, transient } from "./otpSupport.ts"
import { eventsOf, recorded } from "./support.ts"

const ready = { ready: "first-beat" } as const
const net = Exit.fail(new Net())

/** Lets a child fail at given times. */
const failAt = (children: Children, name: string, times: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    let now = 0
    for (const at of times) {
      yield* TestClock.adjust(at - now)
      now = at
      yield* children.fail(name, new Net())
    }
  })

describe("OTP-11", () => {
  const within5 = { restarts: 2, within: "5 seconds" } as const

  it.effect("OTP-11 more than n restarts within the period end the supervisor, n do not", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: within5, tasks: children.tasks("a") })
      yield* failAt(children, "a", [1000, 2000])
      yield* assertLives(supervisor)
      assert.strictEqual(children.since, "+a -a +a -a +a")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "-a", "there is no restart that is one too many")
      const reason: TooManyRestarts<Net | Auth> = assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      assert.strictEqual(reason.task, "a")
      assert.strictEqual(reason.restarts, 2)
      assert.strictEqual(reason.within, 5000)
      assert.deepStrictEqual(reason.cause, Cause.fail(new Net()))
    }))

  it.effect("OTP-11 the window slides: what is older than the period no longer counts, exact to the millisecond", () =>
    Effect.gen(function*() {
      for (const [third, isBorne] of [[6000, false], [6001, true]] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ intensity: within5, tasks: children.tasks("a") })
        yield* failAt(children, "a", [1000, 3000, third])
        if (isBorne) yield* assertLives(supervisor)
        else assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
        yield* supervisor.shutdown
      }
    }))

  it.effect("OTP-11 no period begins anew: three that are close together are too many wherever they are", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: within5, tasks: children.tasks("a") })
      // Pairs never more than two in five seconds; then the fourth and fifth come close to the third.
      yield* failAt(children, "a", [0, 4999, 5001, 10_000, 10_002])
      yield* assertLives(supervisor)
      yield* TestClock.adjust(4997)
      yield* children.fail("a", new Net())
      assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
    }))

  it.effect("OTP-11 restarts of all tasks are counted together", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: within5, tasks: children.tasks("a", "b", "c") })
      yield* children.fail("a", new Net())
      yield* children.finish("b")
      yield* assertLives(supervisor)
      yield* children.die("c")
      assert.strictEqual(assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts").task, "c")
    }))

  it.effect("OTP-11 a run that ends well for good is no restart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 0, within: "1 second" },
        tasks: [children.task("a", { restart: transient }), children.task("b", { restart: { times: 0 } })]
      })
      yield* children.finish("a")
      yield* children.fail("b", new Net())
      yield* assertLives(supervisor)
      assert.strictEqual(yield* standing(supervisor), "a Completed, b Dead")
    }))

  it.effect("OTP-11 the clock is the monotonic one: setting the wall clock neither forgets nor adds", () =>
    Effect.gen(function*() {
      const stalling = yield* StallingClock.make
      yield* stalling.provide(Effect.gen(function*() {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ intensity: within5, tasks: children.tasks("a") })
        yield* children.fail("a", new Net())
        yield* stalling.setWall(3_600_000)
        yield* children.fail("a", new Net())
        yield* stalling.setWall(-7_200_000)
        yield* TestClock.adjust(5001)
        yield* children.fail("a", new Net())
        yield* children.fail("a", new Net())
        yield* assertLives(supervisor)
        yield* stalling.setWall(7_200_000)
        yield* children.fail("a", new Net())
        assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      }))
    }))

  it.effect("OTP-11 there is no intensity unless it is asked for", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: children.tasks("a") })
      for (let restarts = 0; restarts < 100; restarts++) yield* children.fail("a", new Net())
      yield* assertLives(supervisor)
      assert.strictEqual(children.runs("a"), 101)
    }))

  it.effect("OTP-11 a restart counts when it is decided, not when its delay is over", () =>
    Effect.gen(function*() {
      const children = new Children()
      const restart = { mode: "permanent", schedule: Schedule.spaced("1 hour") } as const
      const supervisor = yield* Supervisor.make({
        intensity: within5,
        tasks: ["a", "b", "c"].map((name) => children.task(name, { restart }))
      })
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("c", new Net())
      assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
    }))
})

describe("OTP-12", () => {
  const none = { restarts: 0, within: "1 second" } as const

  it.effect("OTP-12 intensity 0: the first restart ends it", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ strategy, intensity: none, tasks: children.tasks("a", "b") })
        yield* TestClock.adjust("1 hour")
        yield* children.fail("a", new Net())
        assert.strictEqual(children.since, "+a +b -a -b")
        const error = yield* gaveUp(supervisor)
        assert.include(error.message, "more than 0 restarts within 1000 ms, the last one of task \"a\"")
      }
    }))

  it.effect("OTP-12 a restart attempt that fails counts, too", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        intensity: { restarts: 3, within: "1 hour" },
        tasks: [children.task("a", ready), children.task("b")]
      }))
      yield* children.beat("a")
      yield* children.fail("a", new Net())
      for (const attempt of [1, 2]) {
        yield* children.fail("a", new Net())
        yield* assertLives(supervisor)
        assert.strictEqual((yield* statusOf(supervisor, "a")).attempt, attempt + 1)
      }
      yield* children.fail("a", new Net())
      assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      assert.strictEqual(children.runs("a"), 4)
    }))

  it.effect("OTP-12 so do those of a sibling within a group restart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        intensity: { restarts: 3, within: "1 hour" },
        tasks: [children.task("a"), children.task("b", ready)]
      }))
      yield* children.beat("b")
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      yield* children.fail("b", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("b", new Net())
      assert.strictEqual(assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts").task, "b")
    }))

  it.effect("OTP-12 a policy that is done is not a restart more", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 2, within: "1 hour" },
        tasks: [children.task("a", { first: [net, net], restart: { schedule: Schedule.recurs(2) } })]
      })
      yield* children.fail("a", new Net())
      assertStatus(yield* statusOf(supervisor, "a"), "Dead")
      yield* assertLives(supervisor)
    }))

  it.effect("OTP-12 starts and restarts by hand never count", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          strategy,
          intensity: { restarts: 1, within: "1 hour" },
          tasks: [
            children.task("a"),
            children.task("b", { restart: { mode: "permanent", schedule: Schedule.spaced("1 minute") } })
          ]
        })
        for (let times = 0; times < 5; times++) {
          yield* supervisor.restart("a")
          yield* supervisor.stop("a")
          yield* supervisor.start("a")
        }
        yield* children.fail("b", new Net())
        // One that waits for its restart, counted already, is started now.
        yield* supervisor.start("b")
        yield* assertLives(supervisor)
        yield* children.fail("b", new Net())
        assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      }
    }))
})

describe("OTP-13", () => {
  it.effect("OTP-13 on overflow the rest is stopped in reverse order, and the supervisor fails", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        const children = new Children()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          name: "root",
          strategy,
          intensity: { restarts: 0, within: "1 second" },
          tasks: children.tasks("a", "b", "c", "d")
        }))
        yield* children.fail("b", new Net())
        assert.strictEqual(children.since, "+a +b +c +d -b -d -c -a")
        const { report } = yield* gaveUp(supervisor)
        assert.deepStrictEqual(
          report.statuses.map((status) => status._tag === "Dead" ? `${status.task} ${status.why}` : status._tag),
          ["a ShutDown", "b ShutDown", "c ShutDown", "d ShutDown"]
        )
        assert.strictEqual(report.statuses[1]?.lastFailure?.tag, "Net")
        assert.deepStrictEqual(
          eventsOf(events, "TaskStopping").map(({ because, task }) => `${task} ${because}`),
          ["d shutdown", "c shutdown", "a shutdown"]
        )
        assert.include(eventsOf(events, "SupervisorClosing")[0]?.failure, "more than 0 restarts")
      }
    }))

  it.effect("OTP-13 its parent restarts it by the policy of the task that it is", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({
        intensity: { restarts: 1, within: "1 hour" },
        tasks: children.tasks("x", "y")
      })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          children.task("a"),
          Task.make("inner", inner, {
            restart: { mode: "permanent", schedule: Schedule.spaced("3 seconds"), times: 1 }
          }),
          children.task("b")
        ]
      })
      yield* children.fail("x", new Net())
      yield* children.fail("x", new Net())
      assert.strictEqual(children.since, "+a +b +x +y -x +x -x -y")
      const failed = assertStatus(yield* statusOf(supervisor, "inner"), "Failed")
      assert.strictEqual(failed.lastFailure?.tag, "SupervisorError")
      assert.include(failed.lastFailure?.message, "more than 1 restart within 3600000 ms, the last one of task \"x\"")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(children.sinceTimed, "+x@3000 +y@3000")
      // What the one before had counted is forgotten with it.
      yield* children.fail("y", new Net())
      assert.strictEqual(children.since, "-y +y")
      yield* children.fail("y", new Net())
      assert.strictEqual(children.since, "-y -x")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, inner Dead, b Healthy")
    }))

  it.effect("OTP-13 the typed cause reaches the root", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({
        intensity: { restarts: 0, within: "1 hour" },
        tasks: [children.task("x")]
      })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("inner", inner, { restart: { times: 0 }, whenDead: "escalate" })]
      })
      yield* children.fail("x", new Net())
      const error = yield* gaveUp(supervisor)
      const dead = assertTag(error.reason, "TaskDead")
      assert.strictEqual(dead.task, "inner")
      const cause = Cause.findErrorOption(dead.cause)
      assert(cause._tag === "Some")
      assert.strictEqual(cause.value.supervisor, "root/inner")
      const exceeded = assertTag(cause.value.reason, "TooManyRestarts")
      assert.deepStrictEqual(exceeded.cause, Cause.fail(new Net()))
      assert.deepStrictEqual(error.report.statuses.map(({ path }) => path), ["root/inner", "root/inner/x"])
    }))

  it.effect("OTP-13 a task that was added is told apart: its error is not part of the supervisor's", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 0, within: "1 hour" } })
      yield* supervisor.add(children.task("a"))
      yield* children.fail("a", new Net())
      const { reason } = yield* gaveUp(supervisor)
      assert.strictEqual(assertTag(reason, "DynamicTooManyRestarts").exceeded.task, "a")
    }))

  it.effect("OTP-13 a permanent task that ended well once too often: nothing has failed", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 0, within: "1 hour" },
        tasks: children.tasks("a")
      })
      yield* children.finish("a")
      const reason = assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      assert.deepStrictEqual(reason.cause, Cause.empty)
      assert.strictEqual(reason.failure, "")
    }))
})
