/**
 * OTP's own tests of its supervisor, adapted to fibers: trees, counts, what is kept of temporary children, loops of
 * restarts, and other options while it runs. The names are those of `supervisor_SUITE`.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { assertStatus, assertTag, failureOf, Net, settle, statusOf, within } from "../support/fixtures.ts"
import {
  assertLives,
  Children,
  counted,
  endBy,
  failsToRestart,
  it,
  permanent,
  temporary,
  transient,
  which
} from "./otpSupport.ts"

const intensity = { restarts: 2, within: "1 hour" } as const
const four = { restarts: 4, within: "1 hour" } as const
/** A start that fails is tried again in a second: meanwhile it is `restarting`, in OTP's word. */
const restarting = { mode: "permanent", schedule: Schedule.spaced("1 second") } as const

describe("trees", () => {
  it.effect("tree", () =>
    Effect.gen(function*() {
      const children = new Children()
      // A supervisor in a task, and a way to it from outside.
      const inside = new Map<string, Supervisor.RunningSupervisor>()
      const nested = (
        name: string,
        tasks: ReadonlyArray<Task.Task<void, unknown>>,
        restart: Parameters<
          typeof Task.make
        >[2]
      ) => {
        const body = Effect.scoped(Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ strategy: "one-for-one", intensity: four, tasks })
          inside.set(name, supervisor)
          return yield* supervisor.await
        }))
        return Task.make(name, body, restart as {})
      }
      const top = yield* Supervisor.make({ strategy: "one-for-all", intensity: four })
      yield* top.add(nested("supchild1", children.tasks("child1", "child2"), { restart: permanent }))
      yield* top.add(nested("supchild2", [], { restart: permanent }))
      yield* top.add(nested("supchild3", [], { restart: transient }))
      yield* settle
      yield* top.stop("supchild3")
      assert.deepStrictEqual(yield* counted(top), [3, 2, 3, 0])
      const sup1 = inside.get("supchild1")!
      const sup2 = inside.get("supchild2")!
      assert.strictEqual(yield* which(sup1), "child1 worker Healthy, child2 worker Healthy")
      assert.deepStrictEqual(yield* counted(sup1), [2, 2, 0, 2])
      assert.deepStrictEqual(yield* counted(sup2), [0, 0, 0, 0])
      // Dynamic children.
      yield* sup2.add(children.task("child3", { first: failsToRestart }))
      yield* sup2.add(children.task("child4"))
      assert.deepStrictEqual(yield* counted(sup2), [2, 2, 0, 2])
      assert.strictEqual(children.since, "+child1 +child2 +child3 +child4")
      // Only the one that fails is restarted.
      yield* children.fail("child4", new Net())
      assert.strictEqual(children.since, "-child4 +child4")
      assert.deepStrictEqual(yield* counted(sup2), [2, 2, 0, 2])
      // The tree is restarted, its dynamic children are not.
      yield* children.fail("child3", new Net())
      assert.isTrue(children.since.endsWith("-child3 -child4 -child2 -child1 +child1 +child2"))
      // Unlike OTP's, one that was stopped by hand is left so.
      assert.strictEqual(
        yield* which(top),
        "supchild1 supervisor Healthy, supchild2 supervisor Healthy, supchild3 supervisor Stopped"
      )
      const again1 = inside.get("supchild1")!
      const again2 = inside.get("supchild2")!
      assert.notStrictEqual(again1, sup1)
      assert.notStrictEqual(again2, sup2)
      assert.deepStrictEqual(yield* counted(again1), [2, 2, 0, 2])
      assert.strictEqual(yield* which(again2), "")
      assert.deepStrictEqual(yield* counted(again2), [0, 0, 0, 0])
      // What is left of it is one tree.
      assert.deepStrictEqual(
        (yield* top.tree.which).map(({ path, status }) => `${path} ${status._tag}`),
        [
          "supervisor/supchild1 Healthy",
          "supervisor/supchild1/child1 Healthy",
          "supervisor/supchild1/child2 Healthy",
          "supervisor/supchild2 Healthy",
          "supervisor/supchild3 Stopped"
        ]
      )
    }))
})

describe("counts", () => {
  /** Starts a thousand more. */
  const startThousand = (group: { readonly start: (args: undefined) => Effect.Effect<unknown, unknown> }) =>
    Effect.forEach(Array.from({ length: 1000 }), () => Effect.orDie(group.start(undefined)), { discard: true })

  it.effect("count_children", () =>
    Effect.gen(function*() {
      const over = Deferred.makeUnsafe<void>()
      const group = yield* TaskGroup.scoped(
        TaskGroup.make("group", () => Deferred.await(over), { intensity, each: { restart: temporary } })
      )
      yield* startThousand(group)
      assert.strictEqual((yield* group.which).length, 1000)
      // Here the template is not counted for one of them.
      assert.deepStrictEqual(yield* counted(group), [1000, 1000, 0, 1000])
      yield* startThousand(group)
      const all = yield* which(group)
      assert.strictEqual(all.split(", ").length, 2000)
      assert.deepStrictEqual(yield* counted(group), [2000, 2000, 0, 2000])
      assert.strictEqual(yield* which(group), all)
      Deferred.doneUnsafe(over, Exit.interrupt())
      yield* settle
      assert.deepStrictEqual(yield* counted(group), [0, 0, 0, 0])
      assert.strictEqual(yield* which(group), "")
    }))

  it.effect("count_children_supervisor", () =>
    Effect.gen(function*() {
      const over = Deferred.makeUnsafe<void>()
      const group = yield* TaskGroup.scoped(TaskGroup.make(
        "group",
        () => Effect.scoped(Effect.andThen(Supervisor.make(), Deferred.await(over))),
        { intensity, each: { restart: temporary, stopTimeout: "infinity" } }
      ))
      for (const total of [1000, 2000]) {
        yield* startThousand(group)
        yield* settle
        assert.deepStrictEqual(yield* counted(group), [total, total, total, 0])
      }
      assert.strictEqual((yield* group.which).filter(({ type }) => type === "supervisor").length, 2000)
      Deferred.doneUnsafe(over, Exit.interrupt())
      yield* settle
      assert.deepStrictEqual(yield* counted(group), [0, 0, 0, 0])
    }))

  it.effect("count_restarting_children", () =>
    Effect.gen(function*() {
      const children = new Children()
      let fails = false
      const group = yield* TaskGroup.scoped(TaskGroup.make(
        "group",
        (name: string) => Effect.suspend(() => fails ? Effect.fail(new Net()) : children.body(name)),
        { intensity: { restarts: 20, within: "10 seconds" }, each: { restart: restarting } }
      ))
      assert.deepStrictEqual(yield* counted(group), [0, 0, 0, 0])
      for (const [index, name] of ["a", "b", "c"].entries()) {
        yield* group.start(name)
        assert.deepStrictEqual(yield* counted(group), [index + 1, index + 1, 0, index + 1])
      }
      for (const name of ["a", "b", "c"]) yield* children.fail(name, new Net())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* counted(group), [3, 3, 0, 3])
      fails = true
      for (const name of ["a", "b"]) yield* children.fail(name, new Net())
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* counted(group), [3, 1, 0, 3])
      fails = false
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* counted(group), [3, 3, 0, 3])
      for (const [index, name] of ["3", "1", "2"].entries()) {
        yield* group.stop(name)
        assert.deepStrictEqual(yield* counted(group), [2 - index, 2 - index, 0, 2 - index])
      }
    }))
})

describe("temporary children", () => {
  it.effect("do_not_save_child_specs_for_temporary_children", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        for (const how of ["interruption", "normal", "failure", "by the supervisor"] as const) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({ strategy, intensity })
          const terminate = (name: string) =>
            how === "by the supervisor" ? Effect.orDie(supervisor.stop(name)) : endBy(children, name, how)
          const saved = Effect.fnUntraced(function*(name: string, restart: typeof permanent | typeof transient) {
            yield* supervisor.add(children.task(name, { restart }))
            yield* terminate(name)
            assertTag(yield* Effect.flip(supervisor.add(children.task(name, { restart }))), "TaskAlreadyExists")
          })
          yield* saved("child1", permanent)
          assertStatus(
            yield* statusOf(supervisor, "child1"),
            how === "by the supervisor" ? "Stopped" : "Healthy"
          )
          yield* saved("child2", transient)
          assertStatus(
            yield* statusOf(supervisor, "child2"),
            how === "by the supervisor" ? "Stopped" : how === "normal" ? "Completed" : "Healthy"
          )
          // Only what has ended can be started; what is running is restarted.
          for (const name of ["child1", "child2"]) yield* supervisor.restart(name)
          yield* supervisor.add(children.task("child3", { restart: temporary }))
          yield* terminate("child3")
          yield* supervisor.add(children.task("child3", { restart: temporary }))
          assertStatus(yield* statusOf(supervisor, "child3"), "Healthy")
          yield* supervisor.shutdown
        }
      }
    }))
})

describe("loops of restarts", () => {
  const eight = { restarts: 8, within: "10 seconds" } as const
  const deadlock = (children: Children, name: string) =>
    children.task(name, {
      restart: restarting,
      first: [undefined, ...failsToRestart.slice(1, 6), undefined, ...failsToRestart]
    })

  it.effect("hanging_restart_loop", () =>
    Effect.gen(function*() {
      const children = new Children()
      const child = deadlock(children, "child1")
      const supervisor = yield* Supervisor.make({ strategy: "one-for-one", intensity: eight })
      yield* supervisor.add(child)
      yield* children.fail("child1", new Net())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(children.runs("child1"), 6)
      // In its loop: commands are served.
      assertTag(yield* Effect.flip(supervisor.add(child)), "TaskAlreadyExists")
      assert.strictEqual(yield* which(supervisor), "child1 worker Failed")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 0, 0, 1])
      yield* supervisor.stop("child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Stopped")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.runs("child1"), 6)
      // OTP refuses to start one in its loop; here it would be started now.
      yield* supervisor.start("child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      yield* children.fail("child1", new Net())
      yield* TestClock.adjust("3 seconds")
      // In its loop again: the supervisor can be ended.
      assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 0)))
      const runs = children.runs("child1")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.runs("child1"), runs)
    }))

  it.effect("hanging_restart_loop_rest_for_one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const child2 = deadlock(children, "child2")
      const supervisor = yield* Supervisor.make({ strategy: "rest-for-one", intensity: eight })
      for (const task of [children.task("child1"), child2, children.task("child3")]) yield* supervisor.add(task)
      yield* children.fail("child2", new Net())
      yield* TestClock.adjust(4500)
      assert.strictEqual(children.runs("child2"), 5)
      assertTag(yield* Effect.flip(supervisor.add(child2)), "TaskAlreadyExists")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy, child2 worker Failed, child3 worker Failed")
      assert.deepStrictEqual(yield* counted(supervisor), [3, 1, 0, 3])
      yield* supervisor.stop("child2")
      assert.strictEqual(
        yield* which(supervisor),
        "child1 worker Healthy, child2 worker Stopped, child3 worker Failed"
      )
      // OTP leaves child3 as it is; here it still has its turn.
      yield* TestClock.adjust(500)
      assert.strictEqual(
        yield* which(supervisor),
        "child1 worker Healthy, child2 worker Stopped, child3 worker Healthy"
      )
      assert.strictEqual(children.runs("child1"), 1)
      // The sixth run fails, too.
      yield* supervisor.start("child2")
      yield* TestClock.adjust(500)
      yield* supervisor.start("child2")
      assert.strictEqual(
        yield* which(supervisor),
        "child1 worker Healthy, child2 worker Healthy, child3 worker Healthy"
      )
      yield* children.fail("child2", new Net())
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 0)))
      const runs = children.runs("child2")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.runs("child2"), runs)
    }))

  it.effect("hanging_restart_loop_simple", () =>
    Effect.gen(function*() {
      const children = new Children()
      let fails = false
      const group = yield* TaskGroup.scoped(TaskGroup.make(
        "group",
        (name: string) => Effect.suspend(() => fails ? Effect.fail(new Net()) : children.body(name)),
        { intensity: eight, each: { restart: restarting } }
      ))
      const child1 = yield* group.start("child1")
      fails = true
      yield* children.fail("child1", new Net())
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* which(group), "1 worker Failed")
      assert.deepStrictEqual(yield* counted(group), [1, 0, 0, 1])
      yield* child1.stop
      assert.strictEqual(yield* which(group), "")
      fails = false
      yield* TestClock.adjust("10 seconds")
      yield* group.start("child2")
      assert.strictEqual(yield* which(group), "2 worker Healthy")
      fails = true
      yield* children.fail("child2", new Net())
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Exit.isSuccess(yield* within(group.shutdown, 0)))
    }))
})

describe("reconfiguration", () => {
  it.effect("code_change_map", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make()
      assert.strictEqual(yield* which(supervisor), "")
      // Other flags.
      yield* supervisor.reconfigure({ intensity: { restarts: 1, within: "3 seconds" } })
      // A faulty child changes nothing.
      const faulty = { tasks: [{ name: "faulty_child" }] as unknown as [] }
      assert.include(
        assertTag(yield* Effect.flip(supervisor.reconfigure(faulty)), "InvalidOptions").why,
        "tasks[0]"
      )
      // child1 and child2 are added, and, unlike OTP's, started.
      const child1 = children.task("child1", { stopTimeout: 2000, stops: 10_000 })
      const child2 = children.task("child2")
      yield* supervisor.reconfigure({ tasks: [child1, child2] })
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy, child2 worker Healthy")
      assert.strictEqual(children.since, "+child1 +child2")
      const unended = yield* within(supervisor.stop("child1"), 2000)
      assert.strictEqual(assertTag(failureOf(unended), "TaskUnstoppable").stopTimeout, 2000)
      yield* TestClock.adjust("8 seconds")
      yield* supervisor.start("child1")
      // child1 is changed, child2 is gone (OTP keeps it), child3 is new.
      const child11 = children.task("child1", { stopTimeout: 1000, stops: 10_000 })
      const changing = yield* within(supervisor.reconfigure({ tasks: [child11, children.task("child3")] }), 10_000)
      assert.strictEqual(assertTag(failureOf(changing), "TaskUnstoppable").task, "child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy, child3 worker Healthy")
      assert.strictEqual(children.since, "-child1 +child1 -child2 +child3 -child1 +child1")
      const sooner = yield* within(supervisor.stop("child1"), 1000)
      assert.strictEqual(assertTag(failureOf(sooner), "TaskUnstoppable").stopTimeout, 1000)
      yield* TestClock.adjust("9 seconds")
      // Nothing that is to change.
      yield* supervisor.reconfigure({})
      assert.strictEqual(yield* which(supervisor), "child1 worker Stopped, child3 worker Healthy")
      // Faulty flags.
      const flags = { intensity: { restarts: "faulty_intensity" as unknown as number, within: 1 } }
      assert.include(
        assertTag(yield* Effect.flip(supervisor.reconfigure(flags)), "InvalidOptions").why,
        "intensity.restarts"
      )
      yield* assertLives(supervisor)
    }))
})
