/**
 * OTP's own tests of its supervisor, adapted to fibers: which ends are restarted, by which strategy, and how often. The
 * names are those of `supervisor_SUITE`.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { assertTag, Auth, Net, settle, statusOf } from "../support/fixtures.ts"
import {
  assertLives,
  Children,
  counted,
  failsToRestart,
  gaveUp,
  it,
  permanent,
  standing,
  starting,
  temporary,
  transient,
  which
} from "./otpSupport.ts"
import { beside, ended } from "./support.ts"

/** As in the suite: two restarts within an hour. */
const intensity = { restarts: 2, within: "1 hour" } as const
/** For those who fail whenever they are restarted. */
const four = { restarts: 4, within: "1 hour" } as const
const ready = { ready: "first-beat" } as const

const assertGaveUp = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(gaveUp(supervisor), ({ reason }) => {
    assert.include(["TooManyRestarts", "DynamicTooManyRestarts"], reason._tag)
  })

describe("normal termination", () => {
  it.effect("permanent_normal", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: permanent }))
      yield* children.finish("child1")
      assert.strictEqual(children.since, "+child1 -child1 +child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
    }))

  it.effect("transient_normal", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: transient }))
      yield* children.finish("child1")
      assert.strictEqual(children.since, "+child1 -child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Completed")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 0, 0, 1])
    }))

  it.effect("temporary_normal", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: temporary }))
      yield* children.finish("child1")
      assert.strictEqual(children.since, "+child1 -child1")
      assert.strictEqual(yield* which(supervisor), "")
      assert.deepStrictEqual(yield* counted(supervisor), [0, 0, 0, 0])
    }))
})

// A process says by its exit reason `shutdown` that it is done for good; a fiber does so by a typed error for which its
// policy says "stop". OTP restarts a permanent child even then; here such an error is not given a directive.
describe("shutdown termination", () => {
  const shutdown = { on: { Auth: "stop" } } as const

  it.effect("permanent_shutdown", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: permanent }))
      yield* children.fail("child1", new Auth())
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
      yield* children.interrupt("child1")
      assert.strictEqual(children.since, "+child1 -child1 +child1 -child1 +child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
    }))

  it.effect("transient_shutdown", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: { ...transient, ...shutdown } }))
      for (let times = 0; times < 2; times++) {
        yield* children.fail("child1", new Auth())
        assert.strictEqual(children.since, "+child1 -child1")
        assert.strictEqual(yield* which(supervisor), "child1 worker Dead")
        assert.deepStrictEqual(yield* counted(supervisor), [1, 0, 0, 1])
        if (times === 0) yield* supervisor.restart("child1")
      }
    }))

  it.effect("temporary_shutdown", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      for (let times = 0; times < 2; times++) {
        yield* supervisor.add(children.task("child1", { restart: { ...temporary, ...shutdown } }))
        yield* children.fail("child1", new Auth())
        assert.strictEqual(children.since, "+child1 -child1")
        assert.strictEqual(yield* which(supervisor), "")
        assert.deepStrictEqual(yield* counted(supervisor), [0, 0, 0, 0])
      }
    }))
})

describe("abnormal termination", () => {
  for (const [name, restart] of [["permanent_abnormal", permanent], ["transient_abnormal", transient]] as const) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ intensity })
        yield* supervisor.add(children.task("child1", { restart }))
        yield* children.die("child1")
        assert.strictEqual(children.since, "+child1 -child1 +child1")
        assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
        assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
      }))
  }

  it.effect("temporary_abnormal", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity })
      yield* supervisor.add(children.task("child1", { restart: temporary }))
      yield* children.die("child1")
      assert.strictEqual(children.since, "+child1 -child1")
      assert.strictEqual(yield* which(supervisor), "")
      assert.deepStrictEqual(yield* counted(supervisor), [0, 0, 0, 0])
    }))

  it.effect("temporary_bystander", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-all", "rest-for-one"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ strategy, intensity: { restarts: 2, within: "5 minutes" } })
        yield* supervisor.add(children.task("child1", { restart: permanent, stopTimeout: 100 }))
        yield* supervisor.add(children.task("child2", { restart: temporary, stopTimeout: 100 }))
        yield* children.finish("child1")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(children.since, "+child1 +child2 -child1 -child2 +child1")
        yield* assertLives(supervisor)
        assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      }
    }))
})

describe("multiple_restarts", () => {
  it.effect("multiple_restarts", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 1, within: "1 second" } })
      yield* supervisor.add(children.task("child1"))
      // Again and again, but never too often.
      yield* children.fail("child1", new Net())
      for (let times = 0; times < 3; times++) {
        yield* TestClock.adjust(2100)
        yield* children.fail("child1", new Net())
      }
      assert.strictEqual(children.runs("child1"), 5)
      yield* assertLives(supervisor)
      yield* supervisor.stop("child1")
      yield* supervisor.remove("child1")
      assert.strictEqual(yield* which(supervisor), "")
    }))
})

describe("one_for_one", () => {
  it.effect("one_for_one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "one-for-one", intensity })
      for (const name of ["child1", "child2"]) yield* supervisor.add(children.task(name))
      yield* children.fail("child1", new Net())
      assert.strictEqual(children.since, "+child1 +child2 -child1 +child1")
      assert.strictEqual((yield* statusOf(supervisor, "child2")).generation, 1)
      assert.deepStrictEqual(yield* counted(supervisor), [2, 2, 0, 2])
      // How often.
      yield* children.fail("child2", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("child1", new Net())
      yield* assertGaveUp(supervisor)
      assert.strictEqual(children.since, "-child2 +child2 -child1 -child2")
    }))

  it.effect("one_for_one_escalation", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "one-for-one", intensity: four })
      yield* supervisor.add(children.task("child1", { first: failsToRestart }))
      yield* supervisor.add(children.task("child2"))
      yield* children.fail("child1", new Net())
      yield* assertGaveUp(supervisor)
      assert.strictEqual(children.runs("child1"), 5)
      assert.isTrue(children.since.endsWith("-child1 -child2"))
    }))
})

/**
 * Two children that are started by and by: the second is let go on, or not, as in the suite, where they wait in their
 * start functions.
 */
const handshake = Effect.fnUntraced(function*(children: Children, strategy: Supervisor.Strategy) {
  const { supervisor, up } = yield* starting(Supervisor.make({
    strategy,
    intensity: { restarts: 3, within: "1 hour" },
    tasks: [children.task("child1", ready), children.task("child2", ready)]
  }))
  assert.strictEqual(children.since, "+child1")
  yield* children.beat("child1")
  assert.strictEqual(children.since, "+child2")
  assert.isUndefined(up())
  yield* children.beat("child2")
  assert.strictEqual(up()?._tag, "Success")
  yield* children.fail("child1", new Net())
  assert.strictEqual(children.since, "-child1 -child2 +child1")
  // child1 restarts, child2 does not.
  yield* children.beat("child1")
  assert.strictEqual(children.since, "+child2")
  yield* children.fail("child2", new Net())
  return supervisor
})

describe("one_for_all", () => {
  it.effect("one_for_all", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "one-for-all", intensity })
      for (const name of ["child1", "child2"]) yield* supervisor.add(children.task(name))
      yield* children.fail("child1", new Net())
      assert.strictEqual(children.since, "+child1 +child2 -child1 -child2 +child1 +child2")
      assert.deepStrictEqual((yield* supervisor.statuses).map(({ generation }) => generation), [2, 2])
      assert.deepStrictEqual(yield* counted(supervisor), [2, 2, 0, 2])
      // How often.
      yield* children.fail("child2", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("child2", new Net())
      yield* assertGaveUp(supervisor)
    }))

  it.effect("one_for_all_escalation", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "one-for-all", intensity: four })
      yield* supervisor.add(children.task("child1"))
      yield* supervisor.add(children.task("child2", { first: failsToRestart }))
      yield* children.fail("child1", new Net())
      yield* assertGaveUp(supervisor)
      assert.strictEqual(children.runs("child2"), 5)
      assert.strictEqual(children.runs("child1"), 5, "each retry takes it down again")
      assert.isTrue(children.since.endsWith("+child2 -child2 -child1"))
    }))

  it.effect("one_for_all_other_child_fails_restart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* handshake(children, "one-for-all")
      assert.strictEqual(children.since, "-child2 -child1 +child1", "child1 is stopped and started again")
      yield* children.beat("child1")
      yield* children.beat("child2")
      assert.strictEqual(children.since, "+child2")
      assert.strictEqual(yield* standing(supervisor), "child1 Healthy, child2 Healthy")
    }))
})

describe("simple_one_for_one", () => {
  const grouped = (
    children: Children,
    options: {
      readonly intensity: Supervisor.Intensity
      readonly first?: typeof failsToRestart
    }
  ) => {
    const { first, ...own } = options
    return TaskGroup.scoped(TaskGroup.make(
      "group",
      (name: string) => children.body(name, name === "child1" && first !== undefined ? { first } : {}),
      { ...own, each: { restart: permanent } }
    ))
  }

  it.effect("simple_one_for_one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = yield* grouped(children, { intensity })
      for (const name of ["child1", "child2"]) yield* group.start(name)
      yield* children.fail("child1", new Net())
      assert.strictEqual(children.since, "+child1 +child2 -child1 +child1")
      assert.deepStrictEqual((yield* group.statuses).map(({ generation }) => generation), [2, 1])
      assert.deepStrictEqual(yield* counted(group), [2, 2, 0, 2])
      // How often.
      yield* children.fail("child2", new Net())
      yield* children.fail("child1", new Net())
      const error = assertTag(yield* Effect.flip(group.await), "SupervisorError")
      assertTag(error.reason, "TooManyRestarts")
      assert.strictEqual(children.since, "-child2 +child2 -child1 -child2")
    }))

  it.effect("simple_one_for_one_shutdown", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = yield* TaskGroup.scoped(TaskGroup.make(
        "group",
        (stops: number) => children.body(`of ${stops}`, { stops }),
        { intensity, each: { restart: permanent, stopTimeout: 2000 } }
      ))
      // Two that end in time, and one that does not.
      for (const stops of [1000, 1000, 5000]) yield* group.start(stops)
      yield* settle
      const ending = yield* beside(group.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ended(ending))?.at, 2000)
      assert.deepStrictEqual((yield* group.await).unstoppable.map(({ task }) => task), ["3"])
    }))

  it.effect("simple_one_for_one_escalation", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = yield* grouped(children, { intensity: four, first: failsToRestart })
      yield* group.start("child1")
      yield* group.start("child2")
      yield* children.fail("child1", new Net())
      assertTag((yield* Effect.flip(group.await)).reason, "TooManyRestarts")
      assert.strictEqual(children.runs("child1"), 5)
      assert.isTrue(children.since.endsWith("-child1 -child2"))
    }))
})

describe("rest_for_one", () => {
  it.effect("rest_for_one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "rest-for-one", intensity })
      for (const name of ["child1", "child2", "child3"]) yield* supervisor.add(children.task(name))
      assert.deepStrictEqual(yield* counted(supervisor), [3, 3, 0, 3])
      yield* children.fail("child2", new Net())
      assert.strictEqual(children.since, "+child1 +child2 +child3 -child2 -child3 +child2 +child3")
      assert.deepStrictEqual((yield* supervisor.statuses).map(({ generation }) => generation), [1, 2, 2])
      assert.deepStrictEqual(yield* counted(supervisor), [3, 3, 0, 3])
      // How often.
      yield* children.fail("child3", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("child2", new Net())
      yield* assertGaveUp(supervisor)
      assert.strictEqual(children.since, "-child3 +child3 -child2 -child3 -child1")
    }))

  it.effect("rest_for_one_escalation", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "rest-for-one", intensity: four })
      yield* supervisor.add(children.task("child1"))
      yield* supervisor.add(children.task("child2", { first: failsToRestart }))
      yield* children.fail("child1", new Net())
      yield* assertGaveUp(supervisor)
      assert.strictEqual(children.runs("child1"), 2, "it goes on while child2 is retried")
      assert.strictEqual(children.runs("child2"), 5)
    }))

  it.effect("rest_for_one_other_child_fails_restart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* handshake(children, "rest-for-one")
      assert.strictEqual(children.since, "-child2 +child2", "child1, which has been started, goes on")
      yield* children.beat("child2")
      assert.strictEqual(yield* standing(supervisor), "child1 Healthy, child2 Healthy")
      assert.strictEqual(children.since, "")
    }))
})
