/**
 * OTP's own tests of auto-shutdown and significant children, adapted to fibers. The names are those of `supervisor_SUITE`.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import { assertTag, Net, thrown } from "../support/fixtures.ts"
import type { End } from "./otpSupport.ts"
import { assertEnded, assertLives, Children, endBy, it, temporary, transient, which } from "./otpSupport.ts"

type AutoShutdown = "never" | "any-significant" | "all-significant"

const all: ReadonlyArray<AutoShutdown> = ["never", "any-significant", "all-significant"]

/** A process that is killed, that dies, and that ends well. */
const killed: End = "interruption"
const abnormal: End = "failure"
const normal: End = "normal"

const significant = (children: Children, name: string, restart: typeof temporary | typeof transient = transient) =>
  children.task(name, { restart, significant: true })

/** Two significant children, and one that is not. */
const three = Effect.fnUntraced(function*(
  children: Children,
  autoShutdown: AutoShutdown,
  restart: typeof temporary | typeof transient
) {
  const supervisor = yield* Supervisor.make({ intensity: { restarts: 5, within: "5 seconds" }, autoShutdown })
  yield* supervisor.add(significant(children, "child1", restart))
  yield* supervisor.add(significant(children, "child2", restart))
  yield* supervisor.add(children.task("child3", { restart }))
  assert.strictEqual(children.since, "+child1 +child2 +child3")
  return supervisor
})

describe("who is not significant", () => {
  it.effect("nonsignificant_temporary", () =>
    Effect.gen(function*() {
      for (const autoShutdown of all) {
        const children = new Children()
        const child1 = children.task("child1", { restart: temporary, significant: false })
        const supervisor = yield* Supervisor.make({ autoShutdown })
        yield* supervisor.add(child1)
        yield* supervisor.stop("child1")
        yield* assertLives(supervisor)
        for (const end of [killed, abnormal, normal]) {
          yield* supervisor.add(child1)
          yield* endBy(children, "child1", end)
          assert.strictEqual(yield* which(supervisor), "")
          yield* assertLives(supervisor)
        }
        yield* supervisor.shutdown
        yield* assertEnded(supervisor)
      }
    }))

  it.effect("nonsignificant_transient", () =>
    Effect.gen(function*() {
      for (const autoShutdown of all) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ intensity: { restarts: 5, within: "5 seconds" }, autoShutdown })
        yield* supervisor.add(children.task("child1", { restart: transient, significant: false }))
        yield* supervisor.stop("child1")
        yield* assertLives(supervisor)
        yield* supervisor.start("child1")
        assert.strictEqual(children.since, "+child1 -child1 +child1")
        for (const end of [killed, abnormal]) {
          yield* endBy(children, "child1", end)
          assert.strictEqual(children.since, "-child1 +child1")
          yield* assertLives(supervisor)
        }
        yield* endBy(children, "child1", normal)
        assert.strictEqual(children.since, "-child1")
        yield* assertLives(supervisor)
        yield* supervisor.shutdown
        yield* assertEnded(supervisor)
      }
    }))
})

describe("who is", () => {
  it.effect("significant_temporary", () =>
    Effect.gen(function*() {
      for (const end of [killed, abnormal, normal]) {
        const children = new Children()
        const supervisor = yield* three(children, "any-significant", temporary)
        // To be stopped by the supervisor is no end of its own.
        yield* supervisor.stop("child1")
        yield* assertLives(supervisor)
        yield* supervisor.add(significant(children, "child1", temporary))
        assert.strictEqual(children.since, "-child1 +child1")
        yield* endBy(children, "child1", end)
        assert.strictEqual(children.since, "-child1 -child3 -child2")
        yield* assertEnded(supervisor)
      }
      const children = new Children()
      const supervisor = yield* three(children, "all-significant", temporary)
      yield* children.finish("child1")
      assert.strictEqual(children.since, "-child1")
      yield* assertLives(supervisor)
      yield* children.finish("child2")
      assert.strictEqual(children.since, "-child2 -child3")
      yield* assertEnded(supervisor)
    }))

  it.effect("significant_transient", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* three(children, "any-significant", transient)
      yield* supervisor.stop("child1")
      yield* assertLives(supervisor)
      yield* supervisor.start("child1")
      assert.strictEqual(children.since, "-child1 +child1")
      for (const end of [killed, abnormal]) {
        yield* endBy(children, "child1", end)
        assert.strictEqual(children.since, "-child1 +child1")
        yield* assertLives(supervisor)
      }
      yield* children.finish("child1")
      assert.strictEqual(children.since, "-child1 -child3 -child2")
      yield* assertEnded(supervisor)
      const others = new Children()
      const other = yield* three(others, "all-significant", transient)
      yield* others.finish("child1")
      assert.strictEqual(others.since, "-child1")
      yield* assertLives(other)
      yield* others.finish("child2")
      assert.strictEqual(others.since, "-child2 -child3")
      yield* assertEnded(other)
    }))

  it.effect("significant_simple", () =>
    Effect.gen(function*() {
      const children = new Children()
      // A group has no such option: its instances have no order in which one of them could matter more.
      for (const options of [{ autoShutdown: "any-significant" }, { autoShutdown: "all-significant" }]) {
        const make = () => TaskGroup.make("group", () => Effect.never, options as {})
        assert.include(thrown(make).message, "unknown option \"autoShutdown\"")
      }
      const each = { significant: true } as {}
      assert.include(
        thrown(() => TaskGroup.make("group", () => Effect.never, { each })).message,
        "unknown option \"significant\""
      )
      const group = yield* TaskGroup.scoped(TaskGroup.make("group", (name: string) => children.body(name)))
      yield* group.start("child1")
      yield* children.finish("child1")
      yield* group.start("child2")
      yield* group.shutdown
      yield* assertEnded(group)
    }))

  it.effect("significant_bystander", () =>
    Effect.gen(function*() {
      const logs = {
        "one-for-one": "-child2 +child2",
        "one-for-all": "-child2 -child3 -child1 +child1 +child2 +child3",
        "rest-for-one": "-child2 -child3 +child2 +child3"
      }
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        for (const autoShutdown of ["any-significant", "all-significant"] as const) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({
            strategy,
            intensity: { restarts: 5, within: "5 seconds" },
            autoShutdown
          })
          yield* supervisor.add(significant(children, "child1"))
          yield* supervisor.add(children.task("child2", { restart: transient, significant: false }))
          yield* supervisor.add(significant(children, "child3"))
          assert.strictEqual(children.since, "+child1 +child2 +child3")
          yield* endBy(children, "child2", killed)
          assert.strictEqual(children.since, logs[strategy])
          yield* assertLives(supervisor)
          yield* supervisor.shutdown
          yield* assertEnded(supervisor)
        }
      }
    }))

  it.effect("significant_escalation", () =>
    Effect.gen(function*() {
      for (const isSignificant of [true, false]) {
        const children = new Children()
        const inner = Supervisor.run({ autoShutdown: "any-significant", tasks: [significant(children, "child1")] })
        const supervisor = yield* Supervisor.make({ autoShutdown: "any-significant" })
        yield* supervisor.add(Task.make("sup1", inner, { restart: transient, significant: isSignificant }))
        yield* children.finish("child1")
        assert.strictEqual(children.since, "+child1 -child1")
        if (isSignificant) {
          yield* assertEnded(supervisor)
        } else {
          yield* assertLives(supervisor)
          assert.strictEqual(yield* which(supervisor), "sup1 supervisor Completed")
        }
      }
    }))
})

// OTP refuses a significant child where auto_shutdown is never; here it may be so from the beginning, and counts from when
// that changes.
describe("upgrades", () => {
  const upgraded = Effect.fnUntraced(function*(children: Children, from: AutoShutdown, to: AutoShutdown) {
    const supervisor = yield* Supervisor.make({ autoShutdown: from })
    yield* supervisor.add(significant(children, "child1"))
    yield* supervisor.reconfigure({ autoShutdown: to })
    yield* supervisor.add(significant(children, "child2"))
    assert.strictEqual(children.since, "+child1 +child2", "nobody is restarted for it")
    yield* assertLives(supervisor)
    return supervisor
  })

  const assertAny = Effect.fnUntraced(function*(children: Children, supervisor: Supervisor.RunningSupervisor) {
    yield* children.finish("child1")
    assert.strictEqual(children.since, "-child1 -child2")
    yield* assertEnded(supervisor)
  })

  const assertAll = Effect.fnUntraced(function*(children: Children, supervisor: Supervisor.RunningSupervisor) {
    yield* children.finish("child1")
    assert.strictEqual(children.since, "-child1")
    yield* assertLives(supervisor)
    yield* children.finish("child2")
    assert.strictEqual(children.since, "-child2")
    yield* assertEnded(supervisor)
  })

  const assertNever = Effect.fnUntraced(function*(children: Children, supervisor: Supervisor.RunningSupervisor) {
    yield* children.finish("child1")
    yield* children.finish("child2")
    yield* assertLives(supervisor)
    yield* supervisor.start("child1")
    assert.strictEqual(children.since, "-child1 -child2 +child1")
    yield* supervisor.shutdown
    assert.strictEqual(children.since, "-child1")
  })

  const cases = {
    significant_upgrade_never_any: ["never", "any-significant", assertAny],
    significant_upgrade_any_never: ["any-significant", "never", assertNever],
    significant_upgrade_never_all: ["never", "all-significant", assertAll],
    significant_upgrade_all_never: ["all-significant", "never", assertNever],
    significant_upgrade_any_all: ["any-significant", "all-significant", assertAll],
    significant_upgrade_all_any: ["all-significant", "any-significant", assertAny]
  } as const

  for (const [name, [from, to, assertIt]] of Object.entries(cases)) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const children = new Children()
        yield* assertIt(children, yield* upgraded(children, from, to))
      }))
  }

  it.effect("significant_upgrade_never_any, of what has ended before: it does not count afterwards", () =>
    Effect.gen(function*() {
      for (const to of ["any-significant", "all-significant"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ autoShutdown: "never" })
        yield* supervisor.add(significant(children, "child1"))
        yield* children.finish("child1")
        yield* supervisor.reconfigure({ autoShutdown: to })
        yield* assertLives(supervisor)
        yield* supervisor.add(significant(children, "child2"))
        yield* children.fail("child2", new Net())
        yield* assertLives(supervisor)
        yield* children.finish("child2")
        yield* assertEnded(supervisor)
      }
    }))

  it.effect("significant_upgrade_child", () =>
    Effect.gen(function*() {
      const children = new Children()
      const version = { restart: transient, version: 1 } as const
      const child1 = children.task("child", { ...version, significant: false })
      const child2 = children.task("child", { ...version, significant: true })
      // From its next run on it is significant.
      const second = yield* Supervisor.make({ autoShutdown: "any-significant", tasks: [child1] })
      yield* second.reconfigure({ tasks: [child2] })
      assert.strictEqual(children.since, "+child")
      yield* children.fail("child", new Net())
      yield* children.finish("child")
      yield* assertEnded(second)
      // And no longer is.
      const third = yield* Supervisor.make({ autoShutdown: "any-significant", tasks: [child2] })
      yield* third.reconfigure({ tasks: [child1] })
      yield* children.fail("child", new Net())
      yield* children.finish("child")
      yield* assertLives(third)
      // Another task under its name is what it is from the beginning.
      const fourth = yield* Supervisor.make({ autoShutdown: "any-significant", tasks: [child1] })
      yield* fourth.reconfigure({ tasks: [significant(children, "child")] })
      yield* children.finish("child")
      yield* assertEnded(fourth)
      const refused = yield* Effect.flip(third.reconfigure({
        defaults: { restart: { mode: "permanent" } },
        tasks: [
          Task.make("child", Effect.never, { significant: true })
        ]
      }))
      assert.include(assertTag(refused, "InvalidOptions").why, "significant")
    }))
})
