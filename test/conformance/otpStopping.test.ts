/**
 * How a supervisor is stopped: in which order, within which bounds, and when it ends by itself.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  Auth,
  failureOf,
  Net,
  settle,
  statusOf,
  thrown,
  within
} from "../support/fixtures.ts"
import {
  assertEnded,
  assertLives,
  Children,
  it,
  permanent,
  shutDown,
  standing,
  temporary,
  transient
} from "./otpSupport.ts"
import { beside, ended, eventsOf, recorded } from "./support.ts"

describe("OTP-16", () => {
  it.effect("OTP-16 a stop is bounded by default: after 5 s the run is reported", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { release, task } = yield* children.stubborn("a")
      const supervisor = yield* Supervisor.make({ tasks: [task] })
      const stopping = yield* beside(supervisor.stop("a"))
      yield* TestClock.adjust(4999)
      assert.isUndefined(yield* ended(stopping))
      yield* TestClock.adjust(1)
      const { at, exit } = (yield* ended(stopping))!
      assert.strictEqual(at, 5000)
      assert.strictEqual(assertTag(failureOf(exit), "TaskUnstoppable").stopTimeout, 5000)
      assert.isTrue(assertStatus(yield* statusOf(supervisor, "a"), "Stopping").overdue)
      yield* release
      assertStatus(yield* statusOf(supervisor, "a"), "Stopped")
    }))

  it.effect("OTP-16 by its own stopTimeout, or by its supervisor's default", () =>
    Effect.gen(function*() {
      const children = new Children()
      const own = yield* children.stubborn("own", { stopTimeout: "1 second" })
      const defaulted = yield* children.stubborn("defaulted")
      const supervisor = yield* Supervisor.make({
        defaults: { stopTimeout: "2 seconds" },
        tasks: [own.task, defaulted.task]
      })
      for (const [name, bound] of [["own", 1000], ["defaulted", 2000]] as const) {
        const exit = yield* within(supervisor.stop(name), bound)
        assert.strictEqual(assertTag(failureOf(exit), "TaskUnstoppable").stopTimeout, bound)
      }
    }))

  it.effect("OTP-16 without bound only by an explicit infinity", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { release, task } = yield* children.stubborn("a", { stopTimeout: "infinity" })
      const supervisor = yield* Supervisor.make({ tasks: [task] })
      const stopping = yield* beside(supervisor.stop("a"))
      yield* TestClock.adjust("365 days")
      assert.isUndefined(yield* ended(stopping))
      assert.isFalse(assertStatus(yield* statusOf(supervisor, "a"), "Stopping").overdue)
      yield* release
      assert.isTrue(Exit.isSuccess((yield* ended(stopping))!.exit))
    }))

  /** Two levels below the root; each task takes as long as its bound allows, nearly. */
  const deep = (children: Children, options: Task.TaskOptions<never> = {}) => {
    const slow = (name: string, bound: number) => children.task(name, { stopTimeout: bound, stops: bound - 1 })
    const innermost = Supervisor.run({ tasks: [slow("p", 40_000), slow("q", 60_000)] })
    const inner = Supervisor.run({ tasks: [slow("x", 5000), Task.make("innermost", innermost), slow("y", 3000)] })
    return Supervisor.make({ name: "root", tasks: [Task.make("inner", inner, options as {})] })
  }

  it.effect("OTP-16 a supervisor as a task has the bounds of its tasks together, however deep", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* deep(children)
      yield* settle
      assert.strictEqual(children.since, "+x +y +p +q")
      const stopping = yield* beside(supervisor.stop("inner"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(children.sinceTimed, "-y@2999 -q@62998 -p@102997 -x@107996")
      const { at, exit } = (yield* ended(stopping))!
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(at, 107_996)
      assertStatus(yield* statusOf(supervisor, "inner"), "Stopped")
    }))

  it.effect("OTP-16 unless it says itself how long it may take", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* deep(children, { stopTimeout: "4 seconds" })
      yield* settle
      const stopping = yield* beside(supervisor.stop("inner"))
      yield* TestClock.adjust("1 hour")
      const { at, exit } = (yield* ended(stopping))!
      assert.strictEqual(at, 4000)
      assert.strictEqual(assertTag(failureOf(exit), "TaskUnstoppable").stopTimeout, 4000)
      // It does end, in its own time, and is then what it was to be.
      assert.strictEqual(children.since, "+x +y +p +q -y -q -p -x")
      assertStatus(yield* statusOf(supervisor, "inner"), "Stopped")
    }))

  it.effect("OTP-16 what does not end in it is not waited for longer than its own bound", () =>
    Effect.gen(function*() {
      const children = new Children()
      const x = yield* children.stubborn("x", { stopTimeout: "2 seconds" })
      const inner = Supervisor.run({ tasks: [x.task, children.task("y", { stops: 1000 })] })
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("inner", inner)] })
      yield* settle
      const stopping = yield* beside(supervisor.stop("inner"))
      yield* TestClock.adjust("1 minute")
      const { at, exit } = (yield* ended(stopping))!
      assert.strictEqual(at, 3000)
      assertTag(failureOf(exit), "TaskUnstoppable")
      yield* x.release
      assertStatus(yield* statusOf(supervisor, "inner"), "Stopped")
    }))

  it.effect("OTP-16 a group has the bound of one of its instances, however many", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", () => children.body("one", { stops: 1000 }), {
        each: { stopTimeout: "2 seconds" }
      })
      // Beside the group, its run holds something that does not end.
      const holding = Effect.fnUntraced(function*(name: string, options: Pick<Task.TaskOptions<never>, "stopTimeout">) {
        const { release, task } = yield* children.stubborn(name)
        const body = Effect.scoped(Effect.gen(function*() {
          yield* Effect.addFinalizer(() => Effect.ignore(task.effect))
          const running = yield* TaskGroup.scoped(group)
          for (let started = 0; started < 100; started++) yield* running.start(undefined)
          return yield* Effect.never
        }))
        return { task: Task.make(name, body, options), release }
      })
      const a = yield* holding("a", { stopTimeout: "1 second" })
      const b = yield* holding("b", {})
      const supervisor = yield* Supervisor.make({ tasks: [a.task, b.task] })
      yield* settle
      for (const [name, bound] of [["a", 1000], ["b", 7000]] as const) {
        const exit = yield* within(supervisor.stop(name), bound)
        assert.strictEqual(assertTag(failureOf(exit), "TaskUnstoppable").stopTimeout, bound)
      }
      yield* a.release
      yield* b.release
      assert.strictEqual(yield* standing(supervisor), "a Stopped, b Stopped")
    }))

  it.effect("OTP-16 a task without bound in a supervisor makes that one without bound, too", () =>
    Effect.gen(function*() {
      const children = new Children()
      const x = yield* children.stubborn("x", { stopTimeout: "infinity" })
      const inner = Supervisor.run({ tasks: [x.task] })
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("inner", inner)] })
      yield* settle
      const stopping = yield* beside(supervisor.stop("inner"))
      yield* TestClock.adjust("365 days")
      assert.isUndefined(yield* ended(stopping))
      yield* x.release
      assert.isTrue(Exit.isSuccess((yield* ended(stopping))!.exit))
    }))
})

describe("OTP-17", () => {
  it.effect("OTP-17 stopping is strictly sequential, in reverse start order", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        tasks: [children.task("a", { stops: 1000 }), children.task("b", { stops: 500 }), children.task("c")]
      })
      yield* supervisor.add(children.task("d", { stops: 2000 }))
      yield* settle
      assert.strictEqual(children.since, "+a +b +c +d")
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.sinceTimed, "-d@2000 -c@2000 -b@2500 -a@3500")
      assert.strictEqual((yield* ended(ending))?.at, 3500)
    }))

  it.effect("OTP-17 one that does not end is waited for within its bound, then comes the next", () =>
    Effect.gen(function*() {
      const children = new Children()
      const b = yield* children.stubborn("b", { stopTimeout: "3 seconds" })
      const supervisor = yield* Supervisor.make({
        tasks: [children.task("a", { stops: 1000 }), b.task, children.task("c", { stops: 1000 })]
      })
      yield* settle
      assert.strictEqual(children.since, "+a +b +c")
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.sinceTimed, "-c@1000 -a@5000")
      assert.strictEqual((yield* ended(ending))?.at, 5000)
      const report = yield* supervisor.await
      assert.deepStrictEqual(report.unstoppable.map(({ path, stoppingSince }) => ({ path, stoppingSince })), [
        { path: "supervisor/b", stoppingSince: 1000 }
      ])
    }))

  it.effect("OTP-17 through the tree: each supervisor stops what it has before it has ended itself", () =>
    Effect.gen(function*() {
      const children = new Children()
      const slow = (name: string) => children.task(name, { stops: 1000 })
      const innermost = Supervisor.run({ tasks: [slow("p"), slow("q")] })
      const inner = Supervisor.run({ tasks: [slow("x"), Task.make("innermost", innermost), slow("y")] })
      const supervisor = yield* Supervisor.make({ tasks: [slow("a"), Task.make("inner", inner), slow("b")] })
      yield* settle
      assert.strictEqual(children.since, "+a +b +x +y +p +q")
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.sinceTimed, "-b@1000 -y@2000 -q@3000 -p@4000 -x@5000 -a@6000")
      assert.strictEqual((yield* ended(ending))?.at, 6000)
    }))

  it.effect("OTP-17 in the order of places, also when one was restarted since", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: children.tasks("a", "b", "c") })
      yield* supervisor.restart("a")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "+a +b +c -a +a -b +b")
      yield* supervisor.shutdown
      assert.strictEqual(children.since, "-c -b -a")
    }))

  it.effect("OTP-17 those of a dynamic group are stopped together, under one timer", () =>
    Effect.gen(function*() {
      const children = new Children()
      const stuck = yield* children.stubborn("stuck")
      const group = TaskGroup.make(
        "group",
        (stops: number) => stops < 0 ? stuck.task.effect : children.body(`of ${stops}`, { stops }),
        { each: { stopTimeout: "2 seconds", restart: permanent } }
      )
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [children.task("a", { stops: 1000 }), group, children.task("b", { stops: 1000 })]
      })
      yield* settle
      const running = yield* TaskGroup.find(supervisor, group)
      for (const stops of [500, 1000, -1, 1500]) yield* running.start(stops)
      assert.strictEqual(children.since, "+a +b +of 500 +of 1000 +stuck +of 1500")
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.sinceTimed, "-b@1000 -of 500@1500 -of 1000@2000 -of 1500@2500 -a@4000")
      assert.strictEqual((yield* ended(ending))?.at, 4000)
      const { unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(unstoppable.map(({ path }) => path), ["root/group", "root/group/3"])
    }))

  it.effect("OTP-17 a group of many takes as long to stop as one of them", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", () => children.body("one", { stops: 1999 }), {
        each: { stopTimeout: "2 seconds" }
      })
      const supervisor = yield* Supervisor.make({ tasks: [group] })
      yield* settle
      const running = yield* TaskGroup.find(supervisor, group)
      for (let started = 0; started < 100; started++) yield* running.start(undefined)
      const stopping = yield* beside(supervisor.stop("group"))
      yield* TestClock.adjust("1 minute")
      const { at, exit } = (yield* ended(stopping))!
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(at, 1999)
    }))
})

describe("OTP-18", () => {
  const significant = (children: Children, name: string, options: Task.TaskOptions<Net | Auth> = {}) =>
    children.task(name, { restart: transient, significant: true, ...options })

  it.effect("OTP-18 never: the end of a significant task ends nothing; this is the default", () =>
    Effect.gen(function*() {
      for (const autoShutdown of [{}, { autoShutdown: "never" }] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          ...autoShutdown,
          tasks: [significant(children, "a"), significant(children, "b", { restart: temporary })]
        })
        yield* children.finish("a")
        yield* children.finish("b")
        yield* assertLives(supervisor)
        assert.strictEqual(yield* standing(supervisor), "a Completed")
      }
    }))

  it.effect("OTP-18 any-significant: the first one that has ended by itself ends the supervisor, well", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        autoShutdown: "any-significant",
        tasks: [
          children.task("a"),
          significant(children, "b"),
          significant(children, "c"),
          children.task("d", { restart: transient })
        ]
      }))
      yield* children.finish("d")
      yield* assertLives(supervisor)
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "+a +b +c +d -d -b +b", "what is restarted has not ended")
      yield* children.finish("b")
      assert.strictEqual(children.since, "-b -c -a")
      yield* assertEnded(supervisor)
      const report = yield* supervisor.await
      assert.deepStrictEqual(
        report.statuses.map((status) => `${status.task} ${status._tag === "Dead" ? status.why : status._tag}`),
        ["a ShutDown", "b Completed", "c ShutDown", "d Completed"]
      )
      assert.notProperty(eventsOf(events, "SupervisorClosing")[0], "failure")
    }))

  it.effect("OTP-18 all-significant: the last one does", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        autoShutdown: "all-significant",
        tasks: [children.task("a"), significant(children, "b"), significant(children, "c")]
      })
      yield* children.finish("b")
      yield* assertLives(supervisor)
      // It was started again by hand, and counts again.
      yield* supervisor.start("b")
      yield* children.finish("c")
      yield* assertLives(supervisor)
      yield* children.finish("b")
      yield* assertEnded(supervisor)
      assert.strictEqual(children.since, "+a +b +c -b +b -c -b -a")
    }))

  it.effect("OTP-18 a death is an end, whether its policy is done or says so", () =>
    Effect.gen(function*() {
      const deaths = [
        { restart: { times: 0 } },
        { restart: { on: { Auth: "stop" } } },
        { restart: temporary }
      ] as const
      for (const options of deaths) {
        for (const autoShutdown of ["any-significant", "all-significant"] as const) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({ autoShutdown, tasks: [significant(children, "a", options)] })
          yield* children.fail("a", new Auth())
          yield* assertEnded(supervisor)
        }
      }
    }))

  it.effect("OTP-18 significant and permanent is refused, wherever it comes together", () =>
    Effect.gen(function*() {
      const children = new Children()
      const allowed = "false for a permanent task: it has no end"
      assertRefused(
        () => Task.make("a", Effect.void, { significant: true, restart: { mode: "permanent" } }),
        "significant",
        "true",
        allowed
      )
      const bare = Task.make("a", Effect.void, { significant: true })
      const defaults = { restart: { mode: "permanent" } } as const
      assertRefused(() => Supervisor.make({ defaults, tasks: [bare] }), "significant", "true", allowed)
      const supervisor = yield* Supervisor.make({ defaults })
      const offered = yield* Effect.flip(supervisor.reconfigure({ tasks: [bare] }))
      assert.include(assertTag(offered, "InvalidOptions").why, allowed)
      // Added while it runs: a mistake of the program, as any task that cannot be.
      const added = yield* Effect.exit(supervisor.add(bare))
      assert(Exit.isFailure(added), "it was taken")
      assert.include(String(added.cause.reasons[0]?._tag === "Die" && added.cause.reasons[0].defect), allowed)
      // With a mode of its own there is nothing to refuse.
      yield* supervisor.add(significant(children, "b"))
      const other = yield* Effect.flip(
        (yield* Supervisor.make({ tasks: [bare] })).reconfigure({ defaults })
      )
      assert.include(assertTag(other, "InvalidOptions").why, allowed)
      assert.instanceOf(
        thrown(() => TaskGroup.make("g", () => Effect.void, { each: { significant: true } as {} })),
        RangeError
      )
    }))

  it.effect("OTP-18 an end by command never triggers it", () =>
    Effect.gen(function*() {
      for (const autoShutdown of ["any-significant", "all-significant"] as const) {
        for (const command of ["stop", "kill", "remove", "restart"] as const) {
          for (const options of [{}, { restart: temporary }] as const) {
            const children = new Children()
            const supervisor = yield* Supervisor.make({
              autoShutdown,
              tasks: [significant(children, "a", options), significant(children, "b", options)]
            })
            yield* supervisor[command]("a")
            yield* supervisor[command]("b")
            yield* settle
            yield* assertLives(supervisor)
            yield* supervisor.shutdown
          }
        }
      }
    }))

  it.effect("OTP-18 all-significant: those that were stopped by command are not waited for", () =>
    Effect.gen(function*() {
      for (const command of ["stop", "kill", "remove"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          autoShutdown: "all-significant",
          tasks: [significant(children, "a"), significant(children, "b")]
        })
        yield* supervisor[command]("a")
        yield* children.finish("b")
        yield* assertEnded(supervisor)
      }
    }))

  it.effect("OTP-18 a stop for a sibling's restart never triggers it", () =>
    Effect.gen(function*() {
      for (const autoShutdown of ["any-significant", "all-significant"] as const) {
        for (const strategy of ["one-for-all", "rest-for-one"] as const) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({
            autoShutdown,
            strategy,
            tasks: [children.task("a"), significant(children, "b"), significant(children, "c", { restart: temporary })]
          })
          yield* children.fail("a", new Net())
          assert.strictEqual(children.since, "+a +b +c -a -c -b +a +b")
          yield* assertLives(supervisor)
          yield* children.finish("b")
          yield* assertEnded(supervisor)
        }
      }
    }))

  it.effect("OTP-18 while the supervisor starts: any at once, all when all have been added", () =>
    Effect.gen(function*() {
      const children = new Children()
      const done = [Exit.void]
      const all = yield* Supervisor.make({
        autoShutdown: "all-significant",
        tasks: [significant(children, "a", {}), significant(children, "b")]
      })
      yield* children.finish("a")
      yield* assertLives(all)
      const any = yield* Supervisor.make({
        autoShutdown: "any-significant",
        tasks: [children.task("x", { first: done, restart: transient, significant: true }), children.task("y")]
      })
      yield* settle
      yield* assertEnded(any)
    }))

  it.effect("OTP-18 a nested supervisor that ends so has completed, and may be significant itself", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ autoShutdown: "any-significant", tasks: [significant(children, "x")] })
      const supervisor = yield* Supervisor.make({
        autoShutdown: "all-significant",
        tasks: [children.task("a"), Task.make("inner", inner, { significant: true })]
      })
      yield* children.finish("x")
      yield* assertEnded(supervisor)
      assert.strictEqual(children.since, "+a +x -x -a")
      const report = yield* supervisor.await
      assert.deepStrictEqual(report.statuses.map(({ _tag, path }) => `${path} ${_tag}`), [
        "supervisor/a Dead",
        "supervisor/inner Completed",
        "supervisor/inner/x Completed"
      ])
    }))
})

describe("OTP-17, with a bound on the whole", () => {
  it.effect("OTP-17 a shutdownTimeout bounds the whole, over and above the bounds of the tasks", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        shutdownTimeout: "2 seconds",
        tasks: ["a", "b", "c"].map((name) =>
          children.task(name, { stops: 1500, restart: { schedule: Schedule.forever } })
        )
      })
      yield* settle
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ended(ending))?.at, 2000)
      // b had been asked at 1.5 s, a at 2 s with what was left.
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -c@1500 -b@3000 -a@3500")
      const { unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(unstoppable.map(({ task }) => task), ["a", "b"])
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-17 it bounds what is below, too", () =>
    Effect.gen(function*() {
      const children = new Children()
      const slow = (name: string) => children.task(name, { stops: 4000 })
      const innermost = Supervisor.run({ tasks: [slow("p"), children.task("q")] })
      const inner = Supervisor.run({ tasks: [slow("x"), Task.make("innermost", innermost), children.task("y")] })
      const supervisor = yield* Supervisor.make({
        name: "root",
        shutdownTimeout: "1 second",
        tasks: [children.task("a"), Task.make("inner", inner), children.task("b")]
      })
      yield* settle
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust(1000)
      assert.strictEqual((yield* ended(ending))?.at, 1000)
      assert.strictEqual(children.since, "+a +b +x +y +p +q -b -y -q -a", "who can ends at once")
      const { unstoppable } = yield* supervisor.await
      assert.deepStrictEqual(unstoppable.map(({ path }) => path), [
        "root/inner",
        "root/inner/x",
        "root/inner/innermost",
        "root/inner/innermost/p"
      ])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(children.sinceTimed, "-p@4000 -x@5000")
    }))
})
