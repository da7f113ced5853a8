/**
 * What can be done with the tasks of a supervisor by name, what can be asked of it, and what a restart of it brings back.
 */
import { assert, describe } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { TaskAlreadyRunning } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  failureOf,
  fork,
  Net,
  settle,
  statusOf,
  within
} from "../support/fixtures.ts"
import {
  assertLives,
  Children,
  counted,
  gaveUp,
  it,
  permanent,
  shutDown,
  standing,
  starting,
  temporary,
  transient,
  which
} from "./otpSupport.ts"
import { beside, ended } from "./support.ts"

const ready = { ready: "first-beat" } as const
const inAnHour = { mode: "transient", schedule: Schedule.spaced("1 hour") } as const
const strategies = ["one-for-one", "one-for-all", "rest-for-one"] as const
const commands = ["start", "restart", "stop", "kill", "remove"] as const
type CommandName = (typeof commands)[number]

describe("OTP-19", () => {
  /** What b does, and how it stands then; or what the command fails with. */
  type Expected = Record<CommandName, readonly [log: string, stands: string]>

  const settled: Expected = {
    start: ["+b", "Healthy"],
    restart: ["+b", "Healthy"],
    stop: ["", "Stopped"],
    kill: ["", "Dead Killed"],
    remove: ["", "gone"]
  }
  const table: Record<string, { readonly reach: (children: Children) => Reach; readonly expected: Expected }> = {
    Healthy: {
      reach: () => () => Effect.void,
      expected: {
        start: ["", "TaskAlreadyRunning"],
        restart: ["-b +b", "Healthy"],
        stop: ["-b", "Stopped"],
        kill: ["-b", "Dead Killed"],
        remove: ["-b", "gone"]
      }
    },
    Failed: { reach: (children) => () => children.fail("b", new Net()), expected: settled },
    Stopped: { reach: () => (supervisor) => Effect.orDie(supervisor.stop("b")), expected: settled },
    Completed: {
      reach: (children) => () => children.finish("b"),
      expected: { ...settled, stop: ["", "Completed"] }
    },
    "Dead Killed": {
      reach: () => (supervisor) => Effect.orDie(supervisor.kill("b")),
      expected: { ...settled, stop: ["", "Dead Killed"] }
    }
  }
  type Reach = (supervisor: Supervisor.RunningSupervisor) => Effect.Effect<void>

  const stands = (status: TaskStatus) => status._tag === "Dead" ? `Dead ${status.why}` : status._tag

  const asked = (command: Effect.Effect<void, Supervisor.Unended | TaskAlreadyRunning>) =>
    Effect.map(Effect.exit(command), (exit) => Exit.isFailure(exit) ? failureOf(exit)._tag : undefined)

  for (const [status, { expected, reach }] of Object.entries(table)) {
    for (const command of commands) {
      it.effect(`OTP-19 ${command} of a task that is ${status}`, () =>
        Effect.gen(function*() {
          for (const strategy of strategies) {
            const children = new Children()
            // Nobody waits with b for its restart.
            const others = status === "Failed" ? [] : [children.task("c")]
            const before = strategy === "one-for-all" && status === "Failed" ? [] : [children.task("a")]
            const supervisor = yield* Supervisor.make({
              strategy,
              tasks: [...before, children.task("b", { restart: inAnHour }), ...others]
            })
            yield* reach(children)(supervisor)
            assert.strictEqual(stands(yield* statusOf(supervisor, "b")), status)
            assert.notStrictEqual(children.since, "")
            const refusal = yield* asked(supervisor[command]("b"))
            const [log, after] = expected[command]
            assert.strictEqual(children.since, log, `${strategy}: what is done by hand takes nobody along`)
            const exit = yield* Effect.exit(supervisor.status("b"))
            const stood = Exit.isSuccess(exit) ? stands(exit.value) : "gone"
            assert.strictEqual(refusal ?? stood, after, strategy)
            if (after === "Healthy") assert.strictEqual(Exit.isSuccess(exit) && exit.value.attempt, 0)
            yield* TestClock.adjust("3 hours")
            assert.strictEqual(children.since, "", `${strategy}: nothing more is due`)
            yield* supervisor.shutdown
          }
        }))
    }
  }

  it.effect("OTP-19 a stopped task keeps its entry, a removed one does not: its name is free", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make()
      const handle = yield* supervisor.add(children.task("a"))
      yield* handle.stop
      assertTag(yield* Effect.flip(supervisor.add(children.task("a"))), "TaskAlreadyExists")
      yield* handle.remove
      const other = yield* supervisor.add(children.task("a"))
      assertTag(yield* Effect.flip(handle.stop), "TaskNotFound")
      assert.strictEqual((yield* other.status)._tag, "Healthy")
      assert.strictEqual(children.since, "+a -a +a")
    }))

  it.effect("OTP-19 a task that has not been started yet: start waits for its turn, stop, kill and remove cancel it", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* starting(Supervisor.make({
        tasks: [children.task("a", ready), ...children.tasks("b", "c", "d", "e", "f")]
      }))
      const started = yield* beside(supervisor.start("b"))
      const restarted = yield* beside(supervisor.restart("c"))
      const overtaken = yield* beside(supervisor.start("d"))
      assert.isUndefined(yield* ended(started))
      yield* supervisor.stop("d")
      yield* supervisor.kill("e")
      yield* supervisor.remove("f")
      const superseded = assertTag(failureOf((yield* ended(overtaken))!.exit), "CommandSuperseded")
      assert.strictEqual(superseded.command, "start")
      assert.strictEqual(superseded.by, "stop")
      assert.strictEqual(children.since, "+a")
      yield* children.beat("a")
      assert.strictEqual(children.since, "+b +c")
      assert.isTrue(Exit.isSuccess((yield* ended(started))!.exit))
      assert.isTrue(Exit.isSuccess((yield* ended(restarted))!.exit))
      assert.strictEqual(up()?._tag, "Success")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Healthy, d Stopped, e Dead")
    }))

  it.effect("OTP-19 one that waits for its turn: equal commands are answered together, another one overtakes", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(
        Supervisor.make({ tasks: [children.task("a", ready), children.task("b")] })
      )
      const first = yield* beside(supervisor.start("b"))
      const second = yield* beside(supervisor.start("b"))
      assert.isUndefined(yield* ended(second))
      const third = yield* beside(supervisor.restart("b"))
      for (const fiber of [first, second]) {
        assert.strictEqual(assertTag(failureOf((yield* ended(fiber))!.exit), "CommandSuperseded").by, "restart")
      }
      const fourth = yield* beside(supervisor.restart("b"))
      yield* children.beat("a")
      for (const fiber of [third, fourth]) assert.isTrue(Exit.isSuccess((yield* ended(fiber))!.exit))
      assert.strictEqual(children.since, "+a +b")
    }))

  it.effect("OTP-19 restart of one that a sibling's restart stops is answered when it has begun with the others", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("a", { stops: 1000 }),
          children.task("b", { restart: { mode: "permanent", schedule: Schedule.spaced("1 minute") } }),
          children.task("c", { stops: 1000 })
        ]
      })
      // c has failed before, which is forgotten as somebody asks for it.
      yield* children.fail("c", new Net())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* statusOf(supervisor, "c")).attempt, 1)
      assert.notStrictEqual(children.since, "")
      yield* children.fail("b", new Net())
      const stopping = yield* beside(supervisor.restart("c"))
      const waiting = yield* beside(supervisor.restart("a"))
      yield* TestClock.adjust("10 seconds")
      // a is asked to end now, not when c has ended.
      assert.strictEqual(children.sinceTimed, "-b@2000 -c@3000 -a@3000 +a@3000 +b@3000 +c@3000")
      for (const fiber of [stopping, waiting]) {
        const { at, exit } = (yield* ended(fiber))!
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(at, 3000)
      }
      assert.deepStrictEqual((yield* supervisor.statuses).map(({ attempt }) => attempt), [0, 1, 0])
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-19 an unknown name is TaskNotFound, after the end every command is SupervisorClosed", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ name: "root", tasks: children.tasks("a") })
      for (const command of commands) {
        for (const name of ["nobody", "a/nobody", "root/nobody", "inner/x"]) {
          assert.strictEqual(yield* asked(supervisor[command](name)), "TaskNotFound", `${command} ${name}`)
        }
      }
      yield* supervisor.shutdown
      for (const command of commands) assert.strictEqual(yield* asked(supervisor[command]("a")), "SupervisorClosed")
      assertTag(yield* Effect.flip(supervisor.add(children.task("b"))), "SupervisorClosed")
    }))

  it.effect("OTP-19 commands of the root reach tasks below, by their paths", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ tasks: children.tasks("x", "y") })
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("inner", inner)] })
      yield* settle
      assert.strictEqual(children.since, "+x +y")
      yield* supervisor.restart("inner/x")
      yield* supervisor.stop("root/inner/y")
      assert.strictEqual(children.since, "-x +x -y")
      assert.strictEqual((yield* statusOf(supervisor, "inner/y"))._tag, "Stopped")
      assert.strictEqual((yield* statusOf(supervisor, "root/inner/x")).path, "root/inner/x")
      assert.strictEqual(yield* asked(supervisor.start("inner/x")), "TaskAlreadyRunning")
      yield* supervisor.start("inner/y")
      yield* supervisor.kill("inner/x")
      yield* supervisor.remove("inner/y")
      assert.strictEqual(children.since, "+y -x -y")
      assert.deepStrictEqual(
        (yield* supervisor.tree.statuses).map((status) => `${status.path} ${status._tag}`),
        ["root/inner Healthy", "root/inner/x Dead"]
      )
    }))
})

describe("OTP-20", () => {
  it.effect("OTP-20 which: in start order, with type and status", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ tasks: children.tasks("x") })
      const made = Effect.andThen(Supervisor.make({ tasks: children.tasks("y") }), Effect.never)
      const group = TaskGroup.make("group", () => Effect.never)
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          children.task("a"),
          Task.make("run", inner),
          Task.make("made", made),
          group,
          children.task("waiting", { restart: inAnHour }),
          children.task("completed", { restart: transient }),
          children.task("gone", { restart: temporary })
        ]
      })
      yield* supervisor.add(children.task("added"))
      yield* children.fail("waiting", new Net())
      yield* children.finish("completed")
      yield* children.finish("gone")
      yield* supervisor.stop("a")
      assert.strictEqual(
        yield* which(supervisor),
        "a worker Stopped, run supervisor Healthy, made supervisor Healthy, group supervisor Healthy, " +
          "waiting worker Failed, completed worker Completed, added worker Healthy"
      )
      assert.deepStrictEqual((yield* supervisor.which).slice(0, 2).map(({ path }) => path), ["root/a", "root/run"])
    }))

  it.effect("OTP-20 count: specs, active, supervisors, workers; what waits for its restart is not active", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ tasks: children.tasks("x", "y") })
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        tasks: [
          children.task("a"),
          Task.make("inner", inner),
          children.task("b", { restart: inAnHour, stops: 1000 }),
          children.task("c")
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* counted(supervisor), [4, 4, 1, 3])
      yield* supervisor.stop("a")
      assert.deepStrictEqual(yield* counted(supervisor), [4, 3, 1, 3])
      const stopping = yield* fork(supervisor.stop("b"))
      assert.deepStrictEqual(yield* counted(supervisor), [4, 3, 1, 3], "one that is being stopped has a run")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(stopping.pollUnsafe()?._tag, "Success")
      yield* supervisor.start("b")
      yield* children.fail("b", new Net())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* counted(supervisor), [4, 1, 1, 3], "nor is its sibling that waits with it")
      yield* supervisor.remove("c")
      assert.deepStrictEqual(yield* counted(supervisor), [3, 1, 1, 2])
      assert.deepStrictEqual(yield* counted(supervisor.tree), [5, 3, 1, 4])
      yield* supervisor.stop("inner/x")
      assert.deepStrictEqual(yield* counted(supervisor.tree), [5, 2, 1, 4])
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-20 a task that made a supervisor in an earlier run, and none in its newest, is a worker again", () =>
    Effect.gen(function*() {
      let runs = 0
      const body = Effect.suspend(() => ++runs === 1 ? Effect.andThen(Supervisor.make(), Effect.never) : Effect.never)
      const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", body)] })
      yield* settle
      assert.strictEqual(yield* which(supervisor), "a supervisor Healthy")
      yield* supervisor.restart("a")
      assert.strictEqual(yield* which(supervisor), "a worker Healthy")
      assert.deepStrictEqual(yield* counted(supervisor), [1, 1, 0, 1])
    }))
})

describe("OTP-21", () => {
  interface Order {
    readonly id: string
    readonly items: number
  }

  it.effect("OTP-21 one template, many instances with typed arguments, whose handles give typed outcomes", () =>
    Effect.gen(function*() {
      const group = TaskGroup.make(
        "orders",
        ({ id, items }: Order) =>
          items === 0 ? Effect.fail(new Net()) : Effect.as(Effect.sleep(items), `${id}: ${items}`),
        {
          each: { restart: { times: 0 } }
        }
      )
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [group] })
      yield* settle
      const orders = yield* TaskGroup.find(supervisor, group)
      const first = yield* orders.start({ id: "o1", items: 300 })
      const second = yield* orders.start({ id: "o2", items: 100 }, { name: "express" })
      const failing = yield* orders.start({ id: "o3", items: 0 })
      assert.deepStrictEqual([first, second, failing].map(({ path }) => path), [
        "root/orders/1",
        "root/orders/express",
        "root/orders/2"
      ])
      yield* TestClock.adjust("1 second")
      const value: string = yield* first.await
      assert.strictEqual(value, "o1: 300")
      assert.strictEqual(yield* second.await, "o2: 100")
      const dead = assertTag(yield* Effect.flip(failing.await), "TaskDead")
      const reason = dead.cause.reasons[0]!
      assert(reason._tag === "Fail")
      const error: Net = reason.error
      assertTag(error, "Net")
      assert.strictEqual(yield* standing(orders), "", "who has ended for good is gone")
      yield* assertLives(supervisor)
    }))

  it.effect("OTP-21 they are unordered: each is restarted by itself, and stands under its number or name", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", (name: string) => children.body(name), { each: { restart: permanent } })
      const running = yield* TaskGroup.scoped(group)
      for (const name of ["a", "b", "c"]) yield* running.start(name)
      yield* children.fail("b", new Net())
      yield* children.finish("a")
      assert.strictEqual(children.since, "+a +b +c -b +b -a +a")
      yield* running.restart("3")
      yield* running.stop("1")
      yield* running.kill("2")
      assert.strictEqual(children.since, "-c +c -a -b")
      assert.strictEqual(yield* standing(running), "3 Healthy")
      assertTag(yield* Effect.flip(running.stop("1")), "TaskNotFound")
      // A number that is taken as a name is passed over.
      yield* running.start("d", { name: "4" })
      assertTag(yield* Effect.flip(running.start("e", { name: "4" })), "TaskAlreadyExists")
      const next = yield* running.start("e")
      assert.strictEqual(next.name, "5")
    }))

  it.effect("OTP-21 at most maxTasks, those that wait for a restart included", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", (name: string) => children.body(name), {
        maxTasks: 2,
        each: { restart: inAnHour }
      })
      const running = yield* TaskGroup.scoped(group)
      yield* running.start("a")
      yield* running.start("b")
      const refused = assertTag(yield* Effect.flip(running.start("c")), "MaxTasksReached")
      assert.strictEqual(refused.maxTasks, 2)
      assert.strictEqual(refused.supervisor, "group")
      yield* children.fail("a", new Net())
      assert.strictEqual(yield* standing(running), "1 Failed, 2 Healthy")
      assertTag(yield* Effect.flip(running.start("c")), "MaxTasksReached")
      assertTag(yield* Effect.flip(running.start("c", { name: "own" })), "MaxTasksReached")
      yield* running.stop("1")
      yield* running.start("c")
      yield* children.finish("b")
      yield* running.start("d")
      assert.strictEqual(children.since, "+a +b -a +c -b +d")
      assertTag(yield* Effect.flip(running.start("e")), "MaxTasksReached")
    }))

  it.effect("OTP-21 a group bears an intensity of its own, and gives up as a supervisor does; restarted, it is empty", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", (name: string) => children.body(name), {
        each: { restart: permanent },
        intensity: { restarts: 1, within: "1 minute" },
        restart: { mode: "permanent", schedule: Schedule.spaced("1 second") }
      })
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [children.task("z"), group] })
      yield* settle
      const running = yield* TaskGroup.find(supervisor, group)
      for (const name of ["a", "b", "c"]) yield* running.start(name)
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+z +a +b +c -a +a")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since.split(" ").toSorted().join(" "), "-a -b -c")
      const error = assertTag(failureOf(yield* Effect.exit(running.await)), "SupervisorError")
      assert.strictEqual(assertTag(error.reason, "TooManyRestarts").task, "2")
      assertTag(yield* Effect.flip(running.start("d")), "SupervisorClosed")
      assertTag(yield* Effect.flip(TaskGroup.find(supervisor, group)), "TaskNotFound")
      assert.strictEqual((yield* statusOf(supervisor, "group")).lastFailure?.tag, "SupervisorError")
      yield* TestClock.adjust("1 second")
      const again = yield* TaskGroup.find(supervisor, group)
      assert.strictEqual(yield* standing(again), "")
      assert.strictEqual((yield* again.start("d")).path, "root/group/1")
    }))

  it.effect("OTP-21 what a template throws is a defect of the run", () =>
    Effect.gen(function*() {
      const group = TaskGroup.make("group", (fails: boolean) => {
        if (fails) throw new Error("no effect comes of it")
        return Effect.never
      }, { each: { restart: { times: 0 } } })
      const running = yield* TaskGroup.scoped(group)
      const handle = yield* running.start(true)
      yield* settle
      assert.include(assertTag(yield* Effect.flip(handle.await), "TaskDead").failure, "no effect comes of it")
      yield* running.start(false)
      assert.deepStrictEqual(yield* counted(running), [1, 1, 0, 1])
    }))

  it.effect("OTP-21 as a service, with the services of the group", () =>
    Effect.gen(function*() {
      class Greeting extends Context.Service<Greeting, { readonly word: string }>()("test/Greeting") {}
      class Guests extends TaskGroup.Service<Guests>()(
        "hotel/guests",
        (name: string) => Effect.map(Greeting, ({ word }) => `${word}, ${name}`)
      ) {}
      const greeted = yield* Effect.gen(function*() {
        const guests = yield* Guests
        assert.strictEqual(guests.path, "guests")
        const handle = yield* guests.start("Joe")
        return yield* handle.await
      }).pipe(Effect.provide(Layer.provide(Guests.layer, Layer.succeed(Greeting, { word: "Hello" }))))
      assert.strictEqual(greeted, "Hello, Joe")
    }))

  it.effect("OTP-21 options out of their range are refused as the group is made", () =>
    Effect.sync(() => {
      const make = (options: object) => () => TaskGroup.make("group", () => Effect.never, options)
      assertRefused(make({ maxTasks: 0 }), "maxTasks", "0", "1")
      assertRefused(make({ each: { stopTimeout: -1 } }), "stopTimeout", "-1", /TaskGroup.make\("group"\).each/)
      assertRefused(make({ intensity: { restarts: -1, within: 1 } }), "intensity.restarts", "-1", "0")
      assertRefused(() => TaskGroup.make("group", "none" as never), "template", "\"none\"", "a function")
    }))
})

describe("OTP-23", () => {
  it.effect("OTP-23 a restarted subtree comes back with its listed tasks, not with those added at run time", () =>
    Effect.gen(function*() {
      const children = new Children()
      let inside: Supervisor.RunningSupervisor | undefined
      const x = Task.make(
        "x",
        Effect.andThen(
          Effect.map(Supervisor.current, (current) => {
            inside = current?.supervisor
          }),
          children.body("x")
        ),
        { restart: { times: 0 }, whenDead: "escalate" }
      )
      const inner = Supervisor.run({ tasks: [x, children.task("y")] })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("inner", inner, { restart: permanent })]
      })
      yield* settle
      const before = inside!
      yield* before.add(children.task("added"))
      yield* before.stop("y")
      assert.strictEqual(children.since, "+x +y +added -y")
      yield* children.fail("x", new Net())
      assert.strictEqual(children.since, "-x -added +x +y", "all that is listed runs, whatever was stopped")
      assert.notStrictEqual(inside, before)
      assertTag(yield* Effect.flip(before.statuses), "SupervisorClosed")
      assert.deepStrictEqual(
        (yield* supervisor.tree.statuses).map(({ _tag, generation, path }) => `${path} ${_tag} ${generation}`),
        ["root/inner Healthy 2", "root/inner/x Healthy 1", "root/inner/y Healthy 1"]
      )
    }))

  it.effect("OTP-23 so does one that a sibling's restart takes along, and one that is restarted by hand", () =>
    Effect.gen(function*() {
      const children = new Children()
      let inside: Supervisor.RunningSupervisor | undefined
      const inner = Effect.scoped(Effect.gen(function*() {
        inside = yield* Supervisor.make({ tasks: children.tasks("x", "y") })
        return yield* inside.await
      }))
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), Task.make("inner", inner)]
      })
      yield* settle
      yield* inside!.add(children.task("added"))
      yield* inside!.remove("x")
      assert.strictEqual(children.since, "+a +x +y +added -x")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "-a -added -y +a +x +y")
      yield* inside!.add(children.task("added"))
      yield* supervisor.restart("inner")
      yield* settle
      assert.strictEqual(children.since, "+added -added -y -x +x +y")
    }))

  it.effect("OTP-23 the same list may run in two places at once, each with runs of its own", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ tasks: children.tasks("x") })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("left", inner), Task.make("right", inner)]
      })
      yield* settle
      yield* supervisor.stop("left/x")
      assert.deepStrictEqual(
        (yield* supervisor.tree.statuses).map(({ _tag, path }) => `${path} ${_tag}`),
        ["root/left Healthy", "root/left/x Stopped", "root/right Healthy", "root/right/x Healthy"]
      )
      const exit = yield* within(supervisor.shutdown, 0)
      assert.isTrue(Exit.isSuccess(exit))
    }))

  it.effect("OTP-23 an inner supervisor that gives up fails its task; with escalation the cause goes on up", () =>
    Effect.gen(function*() {
      const children = new Children()
      const innermost = Supervisor.run({ tasks: [children.task("p", { restart: { times: 0 }, whenDead: "escalate" })] })
      const inner = Supervisor.run({
        tasks: [children.task("x"), Task.make("innermost", innermost, { restart: { times: 0 }, whenDead: "escalate" })]
      })
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [children.task("a"), Task.make("inner", inner, { restart: { times: 0 }, whenDead: "escalate" })]
      })
      yield* children.fail("p", new Net())
      assert.strictEqual(children.since, "+a +x +p -p -x -a")
      const error = yield* gaveUp(supervisor)
      assert.include(error.message, "supervisor \"root\" gave up")
      assert.include(error.message, "supervisor \"root/inner/innermost\" gave up")
      assertStatus(error.report.statuses.find(({ path }) => path === "root/inner/innermost/p")!, "Dead")
    }))
})
