/**
 * OTP's own tests of its supervisor, adapted to fibers: starting, stopping, administration, and what is refused. The names
 * are those of `supervisor_SUITE`.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { TestClock } from "effect/testing"
import { assertRefused, assertTag, failureOf, Net, settle, statusOf, thrown } from "../support/fixtures.ts"
import {
  assertLives,
  Children,
  counted,
  endBy,
  ends,
  it,
  permanent,
  standing,
  temporary,
  transient,
  which
} from "./otpSupport.ts"
import { beside, ended } from "./support.ts"

const unchecked = (options: unknown) => options as {}

/** Shuts down beside the test, lets the clock go on, and tells when it was done. */
const shutDownAt = Effect.fnUntraced(function*(supervisor: Pick<Supervisor.RunningSupervisor, "shutdown">) {
  yield* settle
  const ending = yield* beside(supervisor.shutdown)
  yield* TestClock.adjust("1 day")
  const done = yield* ended(ending)
  assert(done !== undefined, "it has not ended")
  return done.at
})

describe("starting", () => {
  it.effect("sup_start_normal", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      yield* assertLives(supervisor)
      yield* supervisor.shutdown
      assert.deepStrictEqual(yield* supervisor.await, { statuses: [], unstoppable: [] })
    }))

  it.effect("sup_start_fail", () =>
    Effect.gen(function*() {
      const children = new Children()
      // What makes the options dies: there is no supervisor, and no child has begun.
      const options = (): { readonly tasks: ReturnType<Children["tasks"]> } => {
        throw new Error("fail")
      }
      const broken = Effect.suspend(() => Supervisor.make({ ...options(), tasks: children.tasks("child1") }))
      const exit = yield* Effect.exit(broken)
      assert(Exit.isFailure(exit))
      assert.isTrue(Cause.hasDies(exit.cause))
      yield* settle
      assert.strictEqual(children.since, "")
    }))

  it.effect("sup_start_child_returns_error", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      // A fiber's start returns nothing: what it fails with as it begins is the outcome that its handle gives.
      for (
        const [name, body] of [["child1", Effect.fail(new Net())], ["child2", Effect.die("error_reason")]] as const
      ) {
        const handle = yield* supervisor.add(Task.make(name, body, { restart: temporary }))
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.include(dead.failure, name === "child1" ? "Net" : "error_reason")
      }
      assert.strictEqual(yield* which(supervisor), "")
      assert.deepStrictEqual(yield* counted(supervisor), [0, 0, 0, 0])
    }))

  it.effect("sup_start_restart_child_returns_error", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 2, within: "1 hour" },
        tasks: [children.task("child1", { first: [undefined, Exit.fail(new Net())], restart: { times: 0 } })]
      })
      yield* supervisor.stop("child1")
      yield* supervisor.start("child1")
      yield* settle
      assert.strictEqual(children.since, "+child1 -child1 +child1 -child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Dead")
      assert.strictEqual((yield* statusOf(supervisor, "child1")).lastFailure?.tag, "Net")
      yield* assertLives(supervisor)
    }))

  it.effect("sup_start_map_faulty_specs", () =>
    Effect.gen(function*() {
      const make = Task.make as (...args: ReadonlyArray<unknown>) => Task.Task.Any
      assertRefused(() => make(undefined, Effect.never), "name", "undefined", /allowed/)
      assertRefused(() => make("child2"), "effect", "undefined", "an Effect")
      // OTP passes over a flag that it does not know; here it is refused, being most likely a misspelt one.
      assert.include(
        thrown(() => make("child3", Effect.never, { sillyFlag: true })).message,
        "unknown option \"sillyFlag\""
      )
      assertRefused(
        () => Supervisor.make({ tasks: unchecked(["child4"]) as [] }),
        "tasks[0]",
        "\"child4\"",
        "a task made by Task.make"
      )
    }))
})

describe("stopping", () => {
  it.effect("sup_stop_infinity", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      const inner = Supervisor.run({ tasks: [children.task("child1", { stops: 3_600_000, stopTimeout: "infinity" })] })
      yield* supervisor.add(Task.make("inner", inner, { stopTimeout: "infinity" }))
      yield* settle
      yield* supervisor.add(children.task("child2", { stops: 7_200_000, stopTimeout: "infinity" }))
      assert.strictEqual(yield* shutDownAt(supervisor), 10_800_000)
      assert.strictEqual(children.sinceTimed, "+child1@0 +child2@0 -child2@7200000 -child1@10800000")
      assert.deepStrictEqual((yield* supervisor.await).unstoppable, [])
    }))

  it.effect("sup_stop_timeout", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      yield* supervisor.add(children.task("child1", { stopTimeout: 1000 }))
      yield* supervisor.add(children.task("child2", { stops: 200_000, stopTimeout: 1000 }))
      // A fiber cannot be killed: it is reported, and the rest does not wait for it.
      assert.strictEqual(yield* shutDownAt(supervisor), 1000)
      assert.strictEqual(children.sinceTimed, "+child1@0 +child2@0 -child1@1000 -child2@200000")
      assert.deepStrictEqual((yield* supervisor.await).unstoppable.map(({ task }) => task), ["child2"])
    }))

  it.effect("sup_stop_timeout_dynamic", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = yield* TaskGroup.scoped(TaskGroup.make(
        "group",
        ({ name, stops }: { readonly name: string; readonly stops: number }) => children.body(name, { stops }),
        { each: { restart: temporary, stopTimeout: 1000 } }
      ))
      yield* group.start({ name: "child1", stops: 0 })
      yield* group.start({ name: "child2", stops: 200_000 })
      assert.strictEqual(yield* shutDownAt(group), 1000)
      assert.strictEqual(children.sinceTimed, "+child1@0 +child2@0 -child1@0 -child2@200000")
      assert.deepStrictEqual((yield* group.await).unstoppable.map(({ task }) => task), ["2"])
    }))

  it.effect("sup_stop_brutal_kill", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      yield* supervisor.add(children.task("child1", { stops: 500, stopTimeout: 1000 }))
      yield* supervisor.add(children.task("child2", { stops: 5000, stopTimeout: 0 }))
      yield* supervisor.add(children.task("child3", { stopTimeout: 0 }))
      assert.strictEqual(yield* shutDownAt(supervisor), 500)
      // child2 is not waited for; child3, which ends when it is asked to, has ended well all the same.
      assert.strictEqual(
        children.sinceTimed,
        "+child1@0 +child2@0 +child3@0 -child3@0 -child1@500 -child2@5000"
      )
      assert.deepStrictEqual((yield* supervisor.await).unstoppable.map(({ task }) => task), ["child2"])
    }))

  it.effect("sup_stop_brutal_kill_dynamic", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = yield* TaskGroup.scoped(
        TaskGroup.make("group", (name: string) => children.body(name, { stops: 5000 }), {
          each: { restart: temporary, stopTimeout: 0 }
        })
      )
      for (let child = 1; child <= 10; child++) yield* group.start(`child${child}`)
      assert.strictEqual(yield* shutDownAt(group), 0)
      assert.strictEqual((yield* group.await).unstoppable.length, 10)
    }))

  it.effect("sup_stop_race", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 2, within: "1 hour" } })
      yield* supervisor.add(children.task("a", { restart: temporary }))
      const modes = { temporary, transient, permanent }
      const racing = Object.entries(modes).flatMap(([mode, restart]) =>
        ends.map((end) => ({ name: `${mode} ${end}`, restart, end }))
      )
      for (const { name, restart } of racing) yield* supervisor.add(children.task(name, { restart }))
      yield* supervisor.add(children.task("z", { restart: temporary, stops: 1000, stopTimeout: 2000 }))
      yield* settle
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(200)
      // While z is being stopped, the others end by themselves.
      for (const { end, name } of racing) yield* endBy(children, name, end)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ended(ending))?.at, 1000)
      const { statuses, unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(unstoppable, [])
      assert.deepStrictEqual(
        statuses.map((status) => `${status.task}: ${status._tag === "Dead" ? status.why : status._tag} ${status.runs}`),
        [
          "a: ShutDown 1",
          ...racing.map(({ end, name, restart }) =>
            `${name}: ${end === "normal" && restart !== permanent ? "Completed" : "ShutDown"} 1`
          ),
          "z: ShutDown 1"
        ]
      )
      assert.strictEqual(children.since.split(" ").at(-1), "-a")
    }))

  it.effect("sup_stop_non_shutdown_exit_dynamic", () =>
    Effect.gen(function*() {
      const exits: ReadonlyArray<Exit.Exit<void, Net>> = [
        Exit.void,
        Exit.fail(new Net()),
        Exit.die("other"),
        Exit.interrupt()
      ]
      for (const restart of [temporary, transient, permanent]) {
        let runs = 0
        // Asked to end, it ends with something of its own.
        const template = (exit: Exit.Exit<void, Net>) => {
          const asked = Effect.interruptible(Effect.never)
          return Effect.uninterruptible(Effect.andThen(Effect.sync(() => ++runs), Effect.catchCause(asked, () => exit)))
        }
        const group = yield* TaskGroup.scoped(TaskGroup.make("group", template, { each: { restart } }))
        for (const exit of exits) yield* group.start(exit)
        assert.strictEqual(yield* Effect.map(beside(group.shutdown), (fiber) => fiber.pollUnsafe()?._tag), "Success")
        const { statuses, unstoppable } = yield* group.await
        assert.deepStrictEqual(unstoppable, [])
        assert.deepStrictEqual(statuses.map((status) => status._tag === "Dead" && status.why), [
          "ShutDown",
          "ShutDown",
          "ShutDown",
          "ShutDown"
        ])
        assert.strictEqual(runs, 4)
      }
    }))
})

describe("administration", () => {
  it.effect("child_adm", () =>
    Effect.gen(function*() {
      const children = new Children()
      const child = children.task("child1", { stopTimeout: 1000 })
      const supervisor = yield* Supervisor.make({ intensity: { restarts: 1, within: "1000 seconds" }, tasks: [child] })
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
      // Start of one that is running.
      assertTag(yield* Effect.flip(supervisor.add(child)), "TaskAlreadyExists")
      // Termination.
      assertTag(yield* Effect.flip(supervisor.stop("hej")), "TaskNotFound")
      yield* supervisor.stop("child1")
      assert.strictEqual(children.since, "+child1 -child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Stopped")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 0, 0, 1])
      yield* supervisor.stop("child1")
      // Start of one that is there and not running.
      assertTag(yield* Effect.flip(supervisor.add(child)), "TaskAlreadyExists")
      // Restart.
      yield* supervisor.start("child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
      assertTag(yield* Effect.flip(supervisor.start("child1")), "TaskAlreadyRunning")
      assertTag(yield* Effect.flip(supervisor.start("child2")), "TaskNotFound")
      // Deletion: unlike OTP's, of one that is running, too.
      assertTag(yield* Effect.flip(supervisor.remove("hej")), "TaskNotFound")
      yield* supervisor.remove("child1")
      assert.strictEqual(children.since, "+child1 -child1")
      assertTag(yield* Effect.flip(supervisor.start("child1")), "TaskNotFound")
      assert.strictEqual(yield* which(supervisor), "")
      assert.deepStrictEqual(yield* counted(supervisor), [0, 0, 0, 0])
      // Start.
      yield* supervisor.add(child)
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
      // A supervisor that is not there any more.
      yield* supervisor.shutdown
      assertTag(yield* Effect.flip(supervisor.add(child)), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.stop("child1")), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.remove("child1")), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.which), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.count), "SupervisorClosed")
    }))

  it.effect("child_adm_simple", () =>
    Effect.gen(function*() {
      const children = new Children()
      const template = TaskGroup.make("group", (name: string) => children.body(name), { each: { restart: permanent } })
      const group = yield* TaskGroup.scoped(template)
      assert.strictEqual(yield* which(group), "")
      // Here the template is not counted for one of them.
      assert.deepStrictEqual(yield* counted(group), [0, 0, 0, 0])
      const first = yield* group.start("child1")
      assert.strictEqual(yield* which(group), "1 worker Healthy")
      assert.deepStrictEqual(yield* counted(group), [1, 1, 0, 1])
      yield* group.start("child2")
      assert.strictEqual(yield* which(group), "1 worker Healthy, 2 worker Healthy")
      assert.deepStrictEqual(yield* counted(group), [2, 2, 0, 2])
      // Termination: there is nothing left of it.
      assertTag(yield* Effect.flip(group.stop("hej")), "TaskNotFound")
      yield* first.stop
      assert.strictEqual(children.since, "+child1 +child2 -child1")
      assert.strictEqual(yield* which(group), "2 worker Healthy")
      assert.deepStrictEqual(yield* counted(group), [1, 1, 0, 1])
      assertTag(yield* Effect.flip(first.stop), "TaskNotFound")
      // The handle of an instance of another group is of no use here, and its instance goes on.
      const other = yield* TaskGroup.scoped(template)
      const stranger = yield* other.start("stranger")
      assertTag(yield* Effect.flip(group.stop("stranger")), "TaskNotFound")
      assert.strictEqual((yield* stranger.status)._tag, "Healthy")
      // Restart and deletion of what is there.
      yield* group.restart("2")
      yield* group.remove("2")
      assert.strictEqual(children.since, "+stranger -child2 +child2 -child2")
      assert.deepStrictEqual(yield* counted(group), [0, 0, 0, 0])
    }))

  it.effect("child_specs_map", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const hej = yield* Effect.exit(supervisor.add(unchecked("hej") as Task.Task))
      assert(Exit.isFailure(hej))
      assert.isTrue(Cause.hasDies(hej.cause), "it is a mistake of the program")
      const make = (options: object) => Task.make("child", Effect.never, options)
      assertRefused(() => make({ restart: { mode: "prmanent" } }), "mode", "\"prmanent\"", "\"permanent\"")
      assertRefused(() => make({ stopTimeout: -10 }), "stopTimeout", "-10", /allowed/)
      assertRefused(() => make({ significant: "maybe" }), "significant", "\"maybe\"", "true or false")
      const modes = [undefined, "permanent", "transient", "temporary"] as const
      const combinations = modes.flatMap((mode) =>
        [undefined, 0, 1000, "infinity"].flatMap((stopTimeout) =>
          [undefined, true, false].map((significant) => ({ mode, stopTimeout, significant }))
        )
      )
      for (const { mode, significant, stopTimeout } of combinations) {
        const options = {
          ...(mode === undefined ? {} : { restart: { mode } }),
          ...(stopTimeout === undefined ? {} : { stopTimeout }),
          ...(significant === undefined ? {} : { significant })
        }
        // OTP's default is permanent; ours is transient, which may be significant.
        if (mode === "permanent" && significant === true) {
          assertRefused(() => make(options), "significant", "true", "false for a permanent task")
        } else {
          assert.isTrue(Task.isTask(make(options)))
        }
      }
      assertRefused(
        () => Supervisor.make({ tasks: [make({}), make({})] }),
        "tasks[1]",
        "\"child\"",
        "a name that no other"
      )
    }))

  it.effect("sup_flags", () =>
    Effect.gen(function*() {
      const make = (options: object) => () => Supervisor.make(options)
      assertRefused(make({ strategy: "none_for_one" }), "strategy", "\"none_for_one\"", "\"one-for-one\"")
      assertRefused(
        make({ intensity: { restarts: Infinity, within: 3600 } }),
        "intensity.restarts",
        "Infinity",
        "0 or more"
      )
      assertRefused(make({ intensity: { restarts: 2, within: 0 } }), "intensity.within", "0", /allowed/)
      assertRefused(make({ intensity: { restarts: 2, within: "infinity" } }), "intensity.within", "infinity", /allowed/)
      assertRefused(make({ autoShutdown: "sometimes" }), "autoShutdown", "\"sometimes\"", "\"any-significant\"")
      assert.instanceOf(thrown(make(unchecked("one_for_one"))), RangeError)
      // OTP passes over a flag that it does not know.
      assert.include(thrown(make({ sillyFlag: true })).message, "unknown option \"sillyFlag\"")
      const exit = yield* Effect.exit(Effect.suspend(make({ strategy: "none_for_one" })))
      assert(Exit.isFailure(exit))
      assert.isFalse(Cause.hasFails(exit.cause), "it is no error that one handles")
    }))
})

describe("order", () => {
  it.effect("order_of_children", () =>
    Effect.gen(function*() {
      const children = new Children()
      // Names that are not in alphabetical order.
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        intensity: { restarts: 2, within: "1 hour" },
        tasks: children.tasks("ch7", "ch3", "ch10", "ch2", "ch5")
      })
      assert.strictEqual(children.since, "+ch7 +ch3 +ch10 +ch2 +ch5")
      yield* children.fail("ch10", new Net())
      assert.strictEqual(children.since, "-ch10 -ch5 -ch2 +ch10 +ch2 +ch5")
      assert.strictEqual(
        yield* standing(supervisor),
        "ch7 Healthy, ch3 Healthy, ch10 Healthy, ch2 Healthy, ch5 Healthy"
      )
      yield* supervisor.shutdown
      assert.strictEqual(children.since, "-ch5 -ch2 -ch10 -ch3 -ch7")
    }))

  it.effect("which_children", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make()
      assert.strictEqual(yield* which(supervisor), "")
      assertTag(yield* Effect.flip(supervisor.status("childx")), "TaskNotFound")
      yield* supervisor.add(children.task("child1"))
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy")
      assert.strictEqual((yield* statusOf(supervisor, "child1"))._tag, "Healthy")
      yield* supervisor.add(children.task("child2"))
      assert.strictEqual(yield* which(supervisor), "child1 worker Healthy, child2 worker Healthy")
      yield* supervisor.stop("child1")
      assert.strictEqual(yield* which(supervisor), "child1 worker Stopped, child2 worker Healthy")
      assert.strictEqual((yield* statusOf(supervisor, "child1"))._tag, "Stopped")
      yield* supervisor.remove("child1")
      assert.strictEqual(yield* which(supervisor), "child2 worker Healthy")
      assertTag(yield* Effect.flip(supervisor.status("child1")), "TaskNotFound")
      assert.strictEqual((yield* statusOf(supervisor, "child2"))._tag, "Healthy")
    }))

  it.effect("which_children_simple_one_for_one", () =>
    Effect.gen(function*() {
      const group = yield* TaskGroup.scoped(
        TaskGroup.make("group", () => Effect.never, { each: { restart: temporary } })
      )
      assert.strictEqual(yield* which(group), "")
      assertTag(yield* Effect.flip(group.status("1")), "TaskNotFound")
      const child1 = yield* group.start(undefined)
      assert.strictEqual(yield* which(group), "1 worker Healthy")
      const child2 = yield* group.start(undefined)
      assert.strictEqual(yield* which(group), "1 worker Healthy, 2 worker Healthy")
      yield* child1.stop
      assert.strictEqual(yield* which(group), "2 worker Healthy")
      assertTag(yield* Effect.flip(child1.status), "TaskNotFound")
      assertTag(yield* Effect.flip(group.status("1")), "TaskNotFound")
      assert.strictEqual((yield* child2.status)._tag, "Healthy")
      assertTag(failureOf(yield* Effect.exit(child1.await)), "TaskStopped")
    }))
})
