import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import {
  assertStatus,
  assertTag,
  Auth,
  collect,
  failureOf,
  fork,
  Net,
  settle,
  statusOf,
  stubborn,
  tagsOf,
  within
} from "./support/fixtures.ts"

/** A task that says when its runs begin and end. */
const logged = (name: string, log: Array<string>, options?: Task.TaskOptions<never>, takes = 0) =>
  Task.make(
    name,
    Effect.gen(function*() {
      log.push(`start ${name}`)
      yield* Effect.addFinalizer(() =>
        Effect.andThen(takes > 0 ? Effect.sleep(takes) : Effect.void, Effect.sync(() => log.push(`stop ${name}`)))
      )
      return yield* Effect.never
    }),
    options
  )

/** Those that can be told apart by what they log, of one name. */
const versioned = (name: string, version: string | number, log: Array<string>, label = `${name} ${version}`) =>
  Task.make(
    name,
    Effect.gen(function*() {
      log.push(`start ${label}`)
      yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`stop ${label}`)))
      return yield* Effect.never
    }),
    { version }
  )

const names = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(supervisor.statuses, (statuses) => statuses.map(({ task }) => task))
const generations = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(supervisor.statuses, (statuses) => statuses.map(({ generation, task }) => `${task} ${generation}`))
const reconfigurations = (events: ReadonlyArray<SupervisorEvent>) =>
  events.flatMap((event) =>
    event._tag === "SupervisorReconfigured"
      ? [{ added: event.added, changed: event.changed, removed: event.removed }]
      : []
  )
const spaced = (millis: number) => ({ schedule: Schedule.spaced(millis) })

describe("reconfigure", () => {
  describe("the list of tasks", () => {
    it.effect("the same value keeps its run; one that is gone is removed; a new one is started", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const [a, b, c] = [logged("a", log), logged("b", log), logged("c", log)] as const
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [a, b] })
        const events = yield* collect(supervisor.events)
        log.length = 0
        yield* supervisor.reconfigure({ tasks: [c, a] })
        assert.deepStrictEqual(log, ["stop b", "start c"])
        assert.deepStrictEqual(yield* generations(supervisor), ["c 1", "a 1"])
        assert.strictEqual((yield* Effect.flip(supervisor.status("b")))._tag, "TaskNotFound")
        yield* settle
        assert.deepStrictEqual(reconfigurations(events.seen), [{ added: ["c"], changed: [], removed: ["b"] }])
        assert.deepStrictEqual(tagsOf(events.seen, "a"), [])
        assert.deepStrictEqual(tagsOf(events.seen, "b"), ["TaskStopping", "TaskDead", "TaskRemoved"])
      }))

    it.effect("what is gone or changed is stopped in reverse; then what changed or is new started in the list's order", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const old = ["a", "b", "c", "d", "e"].map((name) => logged(name, log, undefined, 10))
        const supervisor = yield* Supervisor.make({ tasks: old })
        log.length = 0
        const tasks = [logged("new 1", log), logged("d", log), old[2]!, logged("b", log), logged("new 2", log)]
        assert.deepStrictEqual(yield* within(supervisor.reconfigure({ tasks }), 40), Exit.void)
        assert.deepStrictEqual(log, [
          "stop e",
          "stop d",
          "stop b",
          "stop a",
          "start new 1",
          "start d",
          "start b",
          "start new 2"
        ])
        assert.deepStrictEqual(yield* generations(supervisor), ["new 1 1", "d 2", "c 1", "b 2", "new 2 1"])
        yield* within(supervisor.shutdown, 10)
      }))

    it.effect("is answered when all of it is done, the last one being up", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("old", log, undefined, 10)] })
        const slow = Task.make(
          "slow",
          Effect.andThen(Effect.sleep(100), Effect.andThen(Heartbeat.beat, Effect.never)),
          {
            ready: "first-beat"
          }
        )
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [slow, logged("last", log)] }))
        yield* TestClock.adjust(109)
        yield* settle
        assert.isUndefined(reconfiguring.pollUnsafe())
        assert.deepStrictEqual(log, ["start old", "stop old"])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(log, ["start old", "stop old", "start last"])
      }))

    it.effect("is the start order from then on: for statuses, a sibling's restart, and shutdown", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const [a, b, c] = [logged("a", log), logged("b", log), logged("c", log)] as const
        const supervisor = yield* Supervisor.make({ tasks: [a, b, c] })
        yield* supervisor.add(logged("added", log))
        log.length = 0
        yield* supervisor.reconfigure({ tasks: [c, a, b] })
        assert.deepStrictEqual(log, [])
        assert.deepStrictEqual(yield* names(supervisor), ["c", "a", "b", "added"])
        yield* supervisor.shutdown
        assert.deepStrictEqual(log, ["stop added", "stop b", "stop a", "stop c"])
      }))

    it.effect("tasks that were added stay, after those of the list", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log)] })
        yield* supervisor.add(logged("added", log))
        yield* supervisor.reconfigure({ tasks: [logged("b", log)] })
        yield* supervisor.reconfigure({ tasks: [] })
        assert.deepStrictEqual(yield* generations(supervisor), ["added 1"])
        yield* supervisor.reconfigure({ tasks: [logged("c", log)] })
        assert.deepStrictEqual(yield* generations(supervisor), ["c 1", "added 1"])
      }))

    it.effect("undefined is the default, which is none; left out, it stays", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log)] })
        yield* supervisor.reconfigure({ strategy: "one-for-all" })
        assert.deepStrictEqual(yield* generations(supervisor), ["a 1"])
        yield* supervisor.reconfigure({ tasks: undefined })
        assert.deepStrictEqual(yield* names(supervisor), [])
      }))

    it.effect("one that changed is started again however it stood: Completed, Dead, Stopped, waiting for its restart", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make("completed", Effect.void),
            Task.make("dead", Effect.fail(new Net()), { restart: { times: 0 } }),
            logged("stopped", log),
            Task.make("failed", Effect.fail(new Net()), { restart: spaced(60_000) })
          ]
        })
        yield* settle
        yield* supervisor.stop("stopped")
        const tasks = ["completed", "dead", "stopped", "failed"].map((name) => logged(name, log))
        log.length = 0
        yield* supervisor.reconfigure({ tasks })
        assert.deepStrictEqual(log, tasks.map(({ name }) => `start ${name}`))
        for (const { name } of tasks) {
          assert.deepInclude(assertStatus(yield* statusOf(supervisor, name), "Healthy"), { generation: 2, attempt: 0 })
        }
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(yield* generations(supervisor), tasks.map(({ name }) => `${name} 2`))
      }))

    it.effect("one that is the same is not started again: Completed, Dead and Stopped stay, a restart stays due", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const tasks = [
          Task.make("completed", Effect.void),
          Task.make("dead", Effect.fail(new Net()), { restart: { times: 0 } }),
          logged("stopped", log),
          Task.make("failed", Effect.fail(new Net()), { restart: spaced(60_000) })
        ] as const
        const supervisor = yield* Supervisor.make({ tasks })
        yield* settle
        yield* supervisor.stop("stopped")
        yield* supervisor.reconfigure({ tasks })
        assert.deepStrictEqual((yield* supervisor.statuses).map(({ _tag }) => _tag), [
          "Completed",
          "Dead",
          "Stopped",
          "Failed"
        ])
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(yield* generations(supervisor), ["completed 1", "dead 1", "stopped 1", "failed 2"])
      }))

    it.effect("the handle of one that changed or is gone gives its outcome; commands reach the one that has its entry", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const [a, b] = [logged("a", log), logged("b", log)] as const
        const supervisor = yield* Supervisor.make({ tasks: [a, b] })
        const changed = yield* supervisor.handle(a)
        const gone = yield* supervisor.handle(b)
        const waiting = yield* fork(Effect.exit(changed.await))
        const next = logged("a", log)
        yield* supervisor.reconfigure({ tasks: [next] })
        assert.strictEqual(failureOf(yield* waiting.pollUnsafe()!)._tag, "TaskStopped")
        assert.strictEqual(assertTag(yield* Effect.flip(gone.await), "TaskDead").why, "Killed")
        assert.strictEqual((yield* Effect.flip(gone.status))._tag, "TaskNotFound")
        assert.strictEqual((yield* Effect.flip(supervisor.handle(a)))._tag, "TaskNotFound")
        yield* (yield* supervisor.handle(next)).restart
        assert.deepStrictEqual(yield* generations(supervisor), ["a 3"])
      }))

    it.effect("its services are those of whoever reconfigures", () =>
      Effect.gen(function*() {
        class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
        const log: Array<string> = []
        const job = (name: string) =>
          Task.make(
            name,
            Effect.andThen(Db, (db) => Effect.andThen(Effect.sync(() => log.push(`${name} ${db.name}`)), Effect.never))
          )
        const a = job("a")
        const supervisor = yield* Effect.provideService(Supervisor.make({ tasks: [a] }), Db, { name: "first" })
        yield* Effect.provideService(supervisor.reconfigure({ tasks: [a, job("b")] }), Db, { name: "second" })
        yield* supervisor.restart("b")
        assert.deepStrictEqual(log, ["a first", "b second", "b second"])
      }))

    it.effect("what the defaults need was given with them: to make, or by whoever brought them", () =>
      Effect.gen(function*() {
        class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
        const seen: Array<string> = []
        const heartbeat = Heartbeat.probe(Effect.andThen(Db, (db) => Effect.sync(() => seen.push(db.name))), {
          schedule: Schedule.spaced("1 hour")
        })
        const a = Task.make("a", Effect.never)
        const supervisor = yield* Effect.provideService(Supervisor.make({ tasks: [a], defaults: { heartbeat } }), Db, {
          name: "make's"
        })
        yield* supervisor.reconfigure({ tasks: [a, Task.make("b", Effect.never)] })
        yield* settle
        assert.deepStrictEqual(seen, ["make's", "make's"])
        const other = yield* Supervisor.make({ tasks: [a] })
        yield* Effect.provideService(other.reconfigure({ defaults: { heartbeat } }), Db, { name: "reconfigure's" })
        seen.length = 0
        yield* other.restart("a")
        yield* other.add(Task.make("added", Effect.never))
        yield* other.reconfigure({ tasks: [a, Task.make("listed", Effect.never)] })
        yield* settle
        assert.deepStrictEqual(seen, ["reconfigure's", "reconfigure's", "reconfigure's"])
        assert.deepStrictEqual((yield* other.statuses).map(({ _tag }) => _tag), ["Healthy", "Healthy", "Healthy"])
      }))

    it.effect("the error of a task that was not there from the beginning is an unknown one", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const failing = (name: string) =>
          Task.make(name, Effect.andThen(name === "old" ? Effect.never : gate.await, Effect.fail(new Net())), {
            restart: { times: 0 },
            whenDead: "escalate"
          })
        const old = failing("old")
        const supervisor = yield* Supervisor.make({ tasks: [old] })
        yield* supervisor.reconfigure({ tasks: [failing("new"), old] })
        yield* gate.open
        const error = assertTag(failureOf(yield* within(supervisor.await, 0)), "SupervisorError")
        assert.strictEqual(assertTag(error.reason, "DynamicTaskDead").dead.task, "new")
        const other = yield* Supervisor.make({ tasks: [failing("first"), old] })
        yield* settle
        assert.strictEqual(assertTag(failureOf(yield* Effect.exit(other.await)).reason, "TaskDead").task, "first")
      }))

    it.effect("10 times in a row leaves the last list, and nothing of the others", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make()
        for (let i = 0; i < 10; i++) {
          yield* supervisor.reconfigure({ tasks: [logged("same name", log), logged(`task ${i}`, log)] })
        }
        assert.deepStrictEqual(yield* generations(supervisor), ["same name 10", "task 9 1"])
        assert.strictEqual((yield* supervisor.count).specs, 2)
      }))
  })

  describe("version", () => {
    it.effect("an equal one keeps the run, and is the new value from its next run on", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [versioned("a", 1, log, "old")] })
        const next = versioned("a", 1, log, "new")
        yield* supervisor.reconfigure({ tasks: [next] })
        assert.deepStrictEqual(log, ["start old"])
        const handle = yield* supervisor.handle(next)
        yield* handle.restart
        assert.deepStrictEqual(log, ["start old", "stop old", "start new"])
      }))

    it.effect("another one is another task, also of the same effect", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { effect } = logged("a", log)
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", effect, { version: 1 })] })
        yield* supervisor.reconfigure({ tasks: [Task.make("a", effect, { version: 2 })] })
        yield* supervisor.reconfigure({ tasks: [Task.make("a", effect, { version: "2" })] })
        yield* supervisor.reconfigure({ tasks: [Task.make("a", effect)] })
        assert.deepStrictEqual(yield* generations(supervisor), ["a 4"])
      }))

    it.effect("without one, other options are another task", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { effect } = logged("a", log)
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", effect)] })
        yield* supervisor.reconfigure({ tasks: [Task.make("a", effect, { stopTimeout: 7 })] })
        assert.deepStrictEqual(yield* generations(supervisor), ["a 2"])
      }))

    it.effect("options hold from the next run on: how the run under way is stopped, and what its end leads to, is the old", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const job = (options: Task.TaskOptions<Net>) =>
          Task.make("job", Effect.andThen(gate.await, Effect.fail(new Net())), { version: 1, ...options })
        const supervisor = yield* Supervisor.make({
          tasks: [job({ restart: { ...spaced(100), on: { Net: "restart" } } })]
        })
        yield* supervisor.reconfigure({ tasks: [job({ restart: { ...spaced(500), on: { Net: "stop" } } })] })
        yield* gate.open
        yield* settle
        const waiting = assertStatus(yield* statusOf(supervisor, "job"), "Failed")
        assert.strictEqual(waiting.restartAt! - waiting.since, 100)
        yield* TestClock.adjust(100)
        yield* settle
        const dead = assertStatus(yield* statusOf(supervisor, "job"), "Dead")
        assert.deepInclude(dead, { generation: 2, why: "NotRestartable" })
      }))

    it.effect("the policy of the next run begins anew", () =>
      Effect.gen(function*() {
        const job = (times: number) =>
          Task.make("job", Effect.fail(new Net()), { version: 1, restart: { ...spaced(100), times } })
        const supervisor = yield* Supervisor.make({ tasks: [job(3)] })
        yield* TestClock.adjust(100)
        yield* settle
        yield* supervisor.reconfigure({ tasks: [job(2)] })
        yield* TestClock.adjust(10_000)
        const dead = assertStatus(yield* statusOf(supervisor, "job"), "Dead")
        assert.strictEqual(dead.generation, 5, "two runs of the old, then one and two restarts of the new")
      }))

    it.effect("an error of it is an unknown one when the effect is another", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const job = <E>(error: E) =>
          Task.make("job", Effect.andThen(gate.await, Effect.fail(error)), {
            version: 1,
            restart: { times: 0 },
            whenDead: "escalate"
          })
        const supervisor = yield* Supervisor.make({ tasks: [job(new Net())] })
        yield* supervisor.reconfigure({ tasks: [job(new Auth())] })
        yield* supervisor.restart("job")
        yield* gate.open
        const error = failureOf(yield* within(supervisor.await, 0))
        assert.deepStrictEqual(assertTag(error.reason, "DynamicTaskDead").dead.cause, Cause.fail(new Auth()))
      }))

    it.effect("a supervisor is known for one from its next run on", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", Effect.never, { version: 1 })] })
        const type = Effect.map(supervisor.which, ([child]) => child?.type)
        yield* supervisor.reconfigure({ tasks: [Task.make("a", Supervisor.run({}), { version: 1 })] })
        assert.strictEqual(yield* type, "worker")
        yield* supervisor.restart("a")
        assert.strictEqual(yield* type, "supervisor")
        yield* supervisor.reconfigure({ tasks: [Task.make("a", Effect.never, { version: 2 })] })
        assert.strictEqual(yield* type, "worker")
      }))
  })

  describe("options", () => {
    it.effect("strategy holds for the next restart", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gates = [Latch.makeUnsafe(), Latch.makeUnsafe()]
        let run = 0
        const failing = Task.make(
          "failing",
          Effect.suspend(() => {
            const gate = gates[run++]
            return gate === undefined ? Effect.never : Effect.andThen(gate.await, Effect.fail(new Net()))
          }),
          { restart: spaced(10) }
        )
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log), failing] })
        log.length = 0
        yield* supervisor.reconfigure({ strategy: "one-for-all" })
        yield* gates[0]!.open
        yield* settle
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepStrictEqual(log, ["stop a", "start a"])
        yield* supervisor.reconfigure({ strategy: undefined })
        yield* gates[1]!.open
        yield* settle
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepStrictEqual(yield* generations(supervisor), ["a 2", "failing 3"])
      }))

    it.effect("intensity: counts go on, as far as they were kept; undefined is no limit", () =>
      Effect.gen(function*() {
        const failing = Task.make("failing", Effect.fail(new Net()), { restart: spaced(10) })
        const supervisor = yield* Supervisor.make({
          tasks: [failing],
          intensity: { restarts: 5, within: "1 second" }
        })
        yield* TestClock.adjust(25)
        yield* supervisor.reconfigure({ intensity: undefined })
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* statusOf(supervisor, "failing")).generation, 103)
        yield* supervisor.reconfigure({ intensity: { restarts: 2, within: "1 second" } })
        const error = failureOf(yield* within(supervisor.await, 30))
        assert.deepInclude(assertTag(error.reason, "TooManyRestarts"), { restarts: 2, within: 1000 })
      }))

    it.effect("fewer restarts: those that were counted still are", () =>
      Effect.gen(function*() {
        const failing = Task.make("failing", Effect.fail(new Net()), { restart: spaced(10) })
        const supervisor = yield* Supervisor.make({ tasks: [failing], intensity: { restarts: 5, within: "1 second" } })
        yield* TestClock.adjust(25)
        assert.strictEqual((yield* statusOf(supervisor, "failing")).generation, 3)
        yield* supervisor.reconfigure({ intensity: { restarts: 3, within: "1 second" } })
        assert.strictEqual(failureOf(yield* within(supervisor.await, 5))._tag, "SupervisorError")
      }))

    it.effect("an end of pausing is an end of the pause under way", () =>
      Effect.gen(function*() {
        const failing = Task.make("failing", Effect.fail(new Net()), { restart: spaced(10) })
        const supervisor = yield* Supervisor.make({
          tasks: [failing],
          intensity: { restarts: 1, within: "1 minute", whenExceeded: "pause" }
        })
        const events = yield* collect(supervisor.events)
        yield* TestClock.adjust(20)
        yield* settle
        assert.include(tagsOf(events.seen), "RestartsPaused")
        yield* supervisor.reconfigure({ intensity: undefined })
        yield* settle
        assert.include(tagsOf(events.seen), "RestartsResumed")
      }))

    it.effect("autoShutdown, whenAllCompleted and maxDeadFraction are looked at from then on", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const ended = yield* Supervisor.make({ tasks: [Task.make("done", Effect.void)] })
        yield* settle
        yield* Effect.ignore(ended.reconfigure({ whenAllCompleted: "end" }))
        yield* within(ended.await, 0)
        const auto = yield* Supervisor.make({ tasks: [Task.make("s", gate.await, { significant: true })] })
        yield* auto.reconfigure({ autoShutdown: "any-significant" })
        const dying = yield* Supervisor.make({
          tasks: [Task.make("d", Effect.andThen(gate.await, Effect.fail(new Net())), { restart: { times: 0 } })]
        })
        yield* dying.reconfigure({ maxDeadFraction: 1 })
        yield* gate.open
        yield* settle
        yield* auto.await
        assert.strictEqual(failureOf(yield* within(dying.await, 0)).reason._tag, "TooManyDeadTasks")
      }))

    it.effect("shutdownTimeout bounds the next shutdown", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("stuck", body, { stopTimeout: "infinity" })] })
        yield* supervisor.reconfigure({ shutdownTimeout: 10 })
        assert.deepStrictEqual(yield* within(supervisor.shutdown, 10), Exit.void)
        assert.strictEqual((yield* supervisor.await).unstoppable.length, 1)
        yield* release
      }))

    it.effect("defaults: for tasks of the list from their next run on, for others as they are added", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const failing = (name: string) => Task.make(name, Effect.andThen(gate.await, Effect.fail(new Net())))
        const supervisor = yield* Supervisor.make({
          tasks: [failing("listed")],
          defaults: { restart: { schedule: Schedule.spaced(10), times: 1 } }
        })
        yield* supervisor.add(failing("before"))
        yield* supervisor.reconfigure({ defaults: { restart: { times: 0 } } })
        assert.deepStrictEqual(yield* generations(supervisor), ["listed 1", "before 1"])
        yield* supervisor.add(failing("after"))
        yield* gate.open
        yield* settle
        yield* TestClock.adjust(1000)
        yield* settle
        assert.deepStrictEqual(
          (yield* supervisor.statuses).map(({ _tag, generation, task }) => [task, _tag, generation]),
          [
            // its first run was restarted by the old policy, its second not by the new
            ["listed", "Dead", 2],
            ["before", "Dead", 2],
            ["after", "Dead", 1]
          ]
        )
        yield* supervisor.reconfigure({ defaults: undefined })
        yield* supervisor.add(failing("last"))
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "last"))._tag, "Failed")
      }))

    it.effect("a task that says the same itself does not heed the defaults", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("job", Effect.andThen(gate.await, Effect.fail(new Net())), { restart: spaced(10) })]
        })
        yield* supervisor.reconfigure({ defaults: { restart: { times: 0 } } })
        yield* gate.open
        yield* TestClock.adjust(25)
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Failed")
      }))

    it.effect("an option that is left out stays", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("stuck", body, { stopTimeout: "infinity" })],
          shutdownTimeout: 10
        })
        yield* supervisor.reconfigure({ strategy: "rest-for-one", intensity: { restarts: 1, within: 1 } })
        yield* supervisor.reconfigure({})
        assert.deepStrictEqual(yield* within(supervisor.shutdown, 10), Exit.void)
        yield* release
      }))

    it.effect("a good end by it answers the one who asked", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("done", Effect.void)] })
        yield* settle
        const exit = yield* within(supervisor.reconfigure({ whenAllCompleted: "end" }), 0)
        if (Exit.isFailure(exit)) assert.strictEqual(failureOf(exit)._tag, "SupervisorClosed")
        yield* supervisor.await
      }))
  })

  describe("refusals", () => {
    const untouched = Effect.fnUntraced(function*(
      change: object,
      expected: { readonly _tag: string; readonly why?: string }
    ) {
      const log: Array<string> = []
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [logged("a", log), logged("b", log)],
        defaults: { restart: { times: 0 } }
      })
      yield* supervisor.add(logged("added", log))
      const events = yield* collect(supervisor.events)
      const before = yield* supervisor.statuses
      const error = yield* Effect.flip(supervisor.reconfigure(change as {}))
      assert.deepInclude(error as object, expected)
      assert.deepStrictEqual(yield* supervisor.statuses, before)
      assert.deepStrictEqual(log, ["start a", "start b", "start added"])
      yield* settle
      assert.strictEqual(events.seen.length, 1, "nothing but the snapshot")
      // Defaults and the rest are what they were.
      const flaky = yield* supervisor.add(Task.make("flaky", Effect.fail(new Net())))
      yield* settle
      assert.strictEqual(assertStatus(yield* Effect.orDie(flaky.status), "Dead").generation, 1)
    })
    const never = (name: string, options?: Task.TaskOptions<never>) => Task.make(name, Effect.never, options)
    const hole = Array.from<Task.Task>({ length: 2 })
    hole[0] = never("c")
    delete hole[1]
    const changes: ReadonlyArray<readonly [string, object, string]> = [
      ["an unknown option", { strategies: "one-for-all" }, "reconfigure: options has an unknown option \"strategies\""],
      ["its name", { name: "other" }, "reconfigure: options has an unknown option \"name\""],
      ["its eventCapacity", { eventCapacity: 7 }, "reconfigure: options has an unknown option \"eventCapacity\""],
      ["an unknown strategy", { strategy: "all-for-one" }, "reconfigure: strategy is \"all-for-one\"; allowed is"],
      ["null", { intensity: null }, "reconfigure: intensity is null; allowed is"],
      [
        "a symbol",
        { intensity: { restarts: Symbol("x"), within: 1 } },
        "reconfigure: intensity.restarts is Symbol(x); allowed is a whole number of 0 or more"
      ],
      [
        "a pause after no restart",
        { intensity: { restarts: 0, within: 1, whenExceeded: "pause" } },
        "reconfigure: intensity.restarts is 0; allowed is a whole number of 1 or more"
      ],
      ["what is no task", { tasks: [never("c"), Effect.never] }, "reconfigure: tasks[1] is"],
      ["what is no list", { tasks: never("c") }, "reconfigure: tasks is"],
      ["a hole", { tasks: hole }, "reconfigure: tasks[1] is undefined"],
      [
        "two of one name",
        { tasks: [never("c"), never("c")] },
        "reconfigure: tasks[1] is \"c\"; allowed is a name that no other task of this supervisor has"
      ],
      [
        "a significant task that is permanent by the defaults",
        { tasks: [never("c", { significant: true })], defaults: { restart: { mode: "permanent" } } },
        "reconfigure: tasks[0] (\"c\"): significant is true; allowed is false for a permanent task: it has no end"
      ],
      ["bad defaults", { defaults: { stopTimeout: -1 } }, "reconfigure.defaults: stopTimeout is -1; allowed is"],
      [
        "what follows the good",
        { strategy: "one-for-all", tasks: [], maxDeadFraction: 7 },
        "reconfigure: maxDeadFraction is 7"
      ]
    ]
    for (const [what, change, why] of changes) {
      it.effect(`${what}: InvalidOptions, with why`, () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ name: "root" })
          const error = assertTag(yield* Effect.flip(supervisor.reconfigure(change as {})), "InvalidOptions")
          assert.strictEqual(error.supervisor, "root")
          assert.include(error.why, why)
          assert.strictEqual(error.message, `supervisor "root" is not reconfigured: ${error.why}`)
          yield* untouched(change, { _tag: "InvalidOptions", why: error.why })
        }))
    }

    it.effect("null, text and numbers are no options", () =>
      Effect.forEach(
        [null, "all", 7, [], undefined],
        (change) => untouched(change as unknown as object, { _tag: "InvalidOptions" })
      ))

    it.effect("a name that an added task has: TaskAlreadyExists", () =>
      untouched({ strategy: "one-for-all", tasks: [never("c"), never("added")], defaults: {} }, {
        _tag: "TaskAlreadyExists"
      }))

    it.effect("a significant task of the list that the new defaults make permanent", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [never("s", { significant: true })] })
        const error = yield* Effect.flip(supervisor.reconfigure({ defaults: { restart: { mode: "permanent" } } }))
        assert.include(assertTag(error, "InvalidOptions").why, "(\"s\"): significant is true; allowed is false")
        assert.deepStrictEqual(yield* generations(supervisor), ["s 1"])
      }))

    it.effect("an added significant task that the defaults make permanent is refused as well, there as a mistake", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ defaults: { restart: { mode: "permanent" } } })
        const exit = yield* Effect.exit(supervisor.add(never("s", { significant: true })))
        assert(Exit.isFailure(exit))
        assert.include((Cause.squash(exit.cause) as RangeError).message, "significant is true; allowed is false")
        assert.deepStrictEqual(yield* supervisor.statuses, [])
      }))

    it.effect("after the end: SupervisorClosed", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        yield* supervisor.shutdown
        assert.strictEqual((yield* Effect.flip(supervisor.reconfigure({})))._tag, "SupervisorClosed")
      }))

    it.effect("what a getter throws is the caller's defect, and changes nothing", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log)] })
        const change = {
          tasks: [],
          get strategy(): Supervisor.Strategy {
            throw new Error("no strategy")
          }
        }
        const exit = yield* Effect.exit(supervisor.reconfigure(change))
        assert(Exit.isFailure(exit))
        assert.strictEqual((Cause.squash(exit.cause) as Error).message, "no strategy")
        assert.deepStrictEqual(yield* generations(supervisor), ["a 1"])
      }))
  })

  describe("while something else goes on", () => {
    it.effect("in the midst of a group restart: it becomes part of it", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        let run = 0
        const b = Task.make(
          "b",
          Effect.suspend(() => {
            log.push("start b")
            return run++ === 0 ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never
          }),
          { restart: spaced(1000) }
        )
        const [a, c] = [logged("a", log, undefined, 10), logged("c", log, undefined, 10)] as const
        const supervisor = yield* Supervisor.make({ strategy: "one-for-all", tasks: [a, b, c] })
        log.length = 0
        yield* gate.open
        yield* settle
        // c is being stopped; a has not been yet.
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [logged("new", log), c, b] }))
        yield* TestClock.adjust(30)
        yield* settle
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(log, ["stop c", "stop a", "start new", "start c", "start b"])
        assert.deepStrictEqual(yield* generations(supervisor), ["new 1", "c 2", "b 2"])
        yield* TestClock.adjust(2000)
        assert.deepStrictEqual(yield* generations(supervisor), ["new 1", "c 2", "b 2"])
        yield* within(supervisor.shutdown, 10)
      }))

    for (const strategy of ["one-for-all", "rest-for-one"] as const) {
      it.effect(`a sibling that fails in the midst of it (${strategy}) takes up nothing again that is to go`, () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const gate = Latch.makeUnsafe()
          let run = 0
          const failing = Task.make(
            "failing",
            Effect.suspend(() => run++ === 0 ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never),
            { restart: spaced(50) }
          )
          const old = ["a", "b", "c", "d"].map((name) => logged(name, log, undefined, 10))
          const supervisor = yield* Supervisor.make({ strategy, tasks: [failing, ...old] })
          log.length = 0
          const reconfiguring = yield* fork(
            supervisor.reconfigure({ tasks: [failing, logged("d", log), logged("new", log)] })
          )
          // d is being stopped; then c, b and a are to be.
          yield* gate.open
          yield* TestClock.adjust(200)
          yield* settle
          assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
          assert.deepStrictEqual(yield* generations(supervisor), ["failing 2", "d 2", "new 1"])
          assert.sameMembers(log.slice(0, 4), ["stop a", "stop b", "stop c", "stop d"])
          assert.deepStrictEqual(log.slice(4), ["start d", "start new"])
        }))
    }

    it.effect("a temporary task that is changed in the midst of a sibling's restart runs as the new one", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        let run = 0
        const failing = Task.make(
          "failing",
          Effect.suspend(() => run++ === 0 ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never),
          { restart: spaced(50) }
        )
        const slow = logged("slow", log, undefined, 10)
        const once = { restart: { mode: "temporary" } } as const
        const supervisor = yield* Supervisor.make({
          strategy: "one-for-all",
          tasks: [failing, slow, logged("once", log, once)]
        })
        const reconfiguring = yield* fork(
          supervisor.reconfigure({ tasks: [failing, logged("slow", log), logged("once", log, once)] })
        )
        yield* gate.open
        yield* TestClock.adjust(200)
        yield* settle
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(yield* generations(supervisor), ["failing 2", "slow 2", "once 2"])
      }))

    for (
      const [what, body, restart] of [
        ["well", Effect.void, {}],
        ["badly, and is temporary", Effect.fail(new Net()), { mode: "temporary" }],
        ["badly, and is to be restarted", Effect.fail(new Net()), spaced(1)],
        ["badly, for good", Effect.fail(new Net()), { times: 0 }]
      ] as const
    ) {
      it.effect(`one that ends by itself ${what}, before its turn to be stopped, is replaced or removed like the rest`, () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const gate = Latch.makeUnsafe()
          const ending = (name: string) => Task.make(name, Effect.andThen(gate.await, body), { restart })
          const supervisor = yield* Supervisor.make({
            tasks: [ending("changed"), ending("gone"), logged("slow", log, undefined, 10)]
          })
          const { seen } = yield* collect(supervisor.events)
          const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [logged("changed", log)] }))
          yield* gate.open
          yield* settle
          assert.isUndefined(reconfiguring.pollUnsafe())
          yield* TestClock.adjust(10)
          yield* settle
          assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
          assert.deepStrictEqual(yield* generations(supervisor), ["changed 2"])
          yield* TestClock.adjust(1000)
          assert.deepStrictEqual(yield* generations(supervisor), ["changed 2"])
          assert.strictEqual(tagsOf(seen, "gone").at(-1), "TaskRemoved")
          assert.deepStrictEqual(log, ["start slow", "stop slow", "start changed"])
        }))
    }

    it.effect("the handles of those have the outcome that they came to by themselves", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        const changed = Task.make("changed", Effect.as(gate.await, 1))
        const gone = Task.make("gone", Effect.as(gate.await, 2))
        const supervisor = yield* Supervisor.make({ tasks: [changed, gone, logged("slow", log, undefined, 10)] })
        const handles = [yield* supervisor.handle(changed), yield* supervisor.handle(gone)] as const
        yield* fork(supervisor.reconfigure({ tasks: [logged("changed", log)] }))
        yield* gate.open
        yield* TestClock.adjust(10)
        yield* settle
        assert.strictEqual(yield* handles[0].await, 1)
        assert.strictEqual(yield* handles[1].await, 2)
      }))

    it.effect("one that escalates before its turn is what the supervisor gives up for", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        const gone = Task.make("gone", Effect.andThen(gate.await, Effect.fail(new Net())), {
          restart: { on: { Net: "escalate" } }
        })
        const supervisor = yield* Supervisor.make({ tasks: [gone, logged("slow", log, undefined, 10)] })
        const reconfiguring = yield* fork(Effect.exit(supervisor.reconfigure({ tasks: [] })))
        yield* gate.open
        yield* TestClock.adjust(10)
        yield* settle
        const error = assertTag(failureOf(yield* within(supervisor.await, 0)), "SupervisorError")
        assert.deepInclude(assertTag(error.reason, "TaskDead"), { task: "gone", why: "Escalated" })
        assert.strictEqual(failureOf(yield* reconfiguring.pollUnsafe()!)._tag, "SupervisorClosed")
      }))

    it.effect("a restart by hand of one that is to go is overtaken; a stop of it is answered", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          tasks: [logged("a", log), logged("b", log), logged("slow", log, undefined, 10)]
        })
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [] }))
        const restarting = yield* fork(Effect.exit(supervisor.restart("a")))
        const stopping = yield* fork(Effect.exit(supervisor.stop("b")))
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepInclude(failureOf(yield* restarting.pollUnsafe()!), { _tag: "CommandSuperseded", by: "reconfigure" })
        assert.deepStrictEqual(yield* stopping.pollUnsafe()!, Exit.void)
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(yield* supervisor.statuses, [])
        assert.deepStrictEqual(log.filter((line) => line.startsWith("start")), ["start a", "start b", "start slow"])
      }))

    it.effect("in the midst of the start-up: what has not begun begins in the new order, and make waits for it", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        let found: Supervisor.RunningSupervisor | undefined
        const first = Task.make(
          "first",
          Effect.gen(function*() {
            found = (yield* Supervisor.current)!.supervisor
            log.push("start first")
            yield* gate.await
            yield* Heartbeat.beat
            return yield* Effect.never
          }),
          { ready: "first-beat" }
        )
        const [second, third] = [logged("second", log), logged("third", log)] as const
        const making = yield* fork(Supervisor.make({ tasks: [first, second, third] }))
        const reconfiguring = yield* fork(found!.reconfigure({ tasks: [first, third, logged("fourth", log)] }))
        assert.deepStrictEqual(log, ["start first"])
        assert.isUndefined(reconfiguring.pollUnsafe())
        assert.isUndefined(making.pollUnsafe())
        yield* gate.open
        yield* settle
        assert.deepStrictEqual(log, ["start first", "start third", "start fourth"])
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.isDefined(making.pollUnsafe())
        assert.deepStrictEqual(yield* names(found!), ["first", "third", "fourth"])
      }))

    it.effect("in the midst of another one: both are done, the later list is the list", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const a = logged("a", log, undefined, 10)
        const supervisor = yield* Supervisor.make({ tasks: [a, logged("b", log, undefined, 10)] })
        const first = yield* fork(supervisor.reconfigure({ tasks: [a, logged("c", log)] }))
        const second = yield* fork(supervisor.reconfigure({ tasks: [logged("d", log)] }))
        yield* TestClock.adjust(20)
        yield* settle
        assert.deepStrictEqual(first.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(second.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(yield* names(supervisor), ["d"])
        assert.deepStrictEqual(log, ["start a", "start b", "stop b", "stop a", "start d"])
      }))

    it.effect("one of options alone that comes right after one of tasks leaves the tasks as they are by then", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log)], defaults: { stopTimeout: 1 } })
        yield* Effect.all([
          supervisor.reconfigure({ tasks: [logged("b", log)] }),
          supervisor.reconfigure({ defaults: { stopTimeout: 2 } })
        ], { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* generations(supervisor), ["b 1"])
        assert.deepStrictEqual(log, ["start a", "stop a", "start b"])
      }))

    it.effect("one of tasks that comes right after one of defaults is given those", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const failing = Task.make("failing", Effect.fail(new Net()))
        yield* Effect.all([
          supervisor.reconfigure({ defaults: { restart: { times: 0 } } }),
          supervisor.reconfigure({ tasks: [failing] })
        ], { concurrency: "unbounded" })
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "failing"))._tag, "Dead")
      }))

    it.effect("during shutdown: SupervisorClosed, also for one that was under way", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log, undefined, 10)] })
        const before = yield* fork(Effect.exit(supervisor.reconfigure({ tasks: [logged("b", log)] })))
        const shutdown = yield* fork(supervisor.shutdown)
        assert.strictEqual(failureOf(yield* before.pollUnsafe()!)._tag, "SupervisorClosed")
        assert.strictEqual((yield* Effect.flip(supervisor.reconfigure({ tasks: [] })))._tag, "SupervisorClosed")
        yield* TestClock.adjust(10)
        yield* settle
        assert.isDefined(shutdown.pollUnsafe())
        assert.deepStrictEqual(log, ["start a", "stop a"])
      }))

    it.effect("a caller that is interrupted ends the waiting, not the change", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [logged("a", log, undefined, 10)] })
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [logged("b", log)] }))
        yield* Fiber.interrupt(reconfiguring)
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepStrictEqual(yield* names(supervisor), ["b"])
        yield* supervisor.reconfigure({})
      }))

    it.effect("a command about a task that it stops is overtaken by it", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          tasks: [logged("a", log, undefined, 20), logged("b", log, undefined, 10)]
        })
        const stopping = yield* fork(Effect.exit(supervisor.stop("a")))
        const restarting = yield* fork(Effect.exit(supervisor.restart("b")))
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [logged("a", log)] }))
        yield* TestClock.adjust(20)
        yield* settle
        for (const command of [stopping, restarting]) {
          const error = assertTag(failureOf(yield* command.pollUnsafe()!), "CommandSuperseded")
          assert.strictEqual(error.by, "reconfigure")
        }
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(yield* generations(supervisor), ["a 2"])
      }))

    it.effect("a command that overtakes it is right about its task; the rest is done", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          tasks: [logged("a", log, undefined, 10), logged("b", log, undefined, 10)]
        })
        const reconfiguring = yield* fork(
          supervisor.reconfigure({ tasks: [logged("a", log), logged("b", log), logged("c", log)] })
        )
        const stopping = yield* fork(supervisor.stop("b"))
        yield* TestClock.adjust(20)
        yield* settle
        assert.deepStrictEqual(reconfiguring.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(stopping.pollUnsafe(), Exit.void)
        assert.deepStrictEqual((yield* supervisor.statuses).map(({ _tag, task }) => `${task} ${_tag}`), [
          "a Healthy",
          "b Stopped",
          "c Healthy"
        ])
      }))

    it.effect("from inside a run, which it keeps or takes out itself", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const gate = Latch.makeUnsafe()
        const self: Task.Task = Task.make(
          "self",
          Effect.gen(function*() {
            const { supervisor } = (yield* Supervisor.current)!
            yield* gate.await
            yield* Effect.orDie(supervisor.reconfigure({ tasks: [self, logged("a", log)] }))
            log.push("kept")
            yield* Effect.orDie(supervisor.reconfigure({ tasks: [logged("b", log)] }))
            log.push("never")
          })
        )
        const supervisor = yield* Supervisor.make({ tasks: [self] })
        yield* gate.open
        yield* settle
        assert.deepStrictEqual(log, ["start a", "kept", "stop a", "start b"])
        assert.deepStrictEqual(yield* generations(supervisor), ["b 1"])
      }))

    describe("who waits for one that is to take another's place is answered", () => {
      const ways: ReadonlyArray<
        readonly [string, (supervisor: Supervisor.RunningSupervisor) => Effect.Effect<unknown, unknown>, string]
      > = [
        ["when it is removed", (supervisor) => supervisor.remove("a"), "TaskDead"],
        ["when it is killed", (supervisor) => supervisor.kill("a"), "TaskDead"],
        ["when it is stopped", (supervisor) => supervisor.stop("a"), "TaskStopped"],
        ["when another list is without it", (supervisor) => supervisor.reconfigure({ tasks: [] }), "TaskDead"],
        [
          "when a third one takes the place instead",
          (supervisor) => supervisor.reconfigure({ tasks: [logged("a", [])] }),
          "TaskStopped"
        ],
        ["when the supervisor is shut down", (supervisor) => supervisor.shutdown, "TaskDead"]
      ]
      for (const [when, act, expected] of ways) {
        it.effect(when, () =>
          Effect.gen(function*() {
            const log: Array<string> = []
            const supervisor = yield* Supervisor.make({ tasks: [logged("a", log, undefined, 10)] })
            const next = logged("a", log)
            yield* fork(Effect.exit(supervisor.reconfigure({ tasks: [next] })))
            const handle = yield* supervisor.handle(next)
            const waiting = yield* fork(Effect.exit(handle.await))
            assert.isUndefined(waiting.pollUnsafe())
            assert.deepStrictEqual(yield* within(act(supervisor), 10), Exit.void)
            const answer = waiting.pollUnsafe()
            assert(answer !== undefined, "it is still waiting")
            assert.strictEqual(failureOf(yield* answer)._tag, expected)
            assert.deepStrictEqual(log, ["start a", "stop a"])
          }))
      }

      it.effect("when the supervisor ends without the run whose place it was to take", () =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          const log: Array<string> = []
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", body, { stopTimeout: 10 })] })
          const next = logged("a", log)
          yield* fork(Effect.exit(supervisor.reconfigure({ tasks: [next] })))
          const handle = yield* supervisor.handle(next)
          const waiting = yield* fork(Effect.exit(handle.await))
          yield* within(supervisor.shutdown, 10)
          const answer = waiting.pollUnsafe()
          assert(answer !== undefined, "it is still waiting")
          const dead = assertTag(failureOf(yield* answer), "TaskDead")
          assert.deepInclude(dead, { task: "a", why: "ShutDown", runs: 0 })
          yield* release
          yield* settle
          assert.deepStrictEqual(log, [])
        }))
    })

    it.effect("one that was Completed and waits for its turn as another keeps the supervisor from its end", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          whenAllCompleted: "end",
          tasks: [Task.make("a", Effect.void), logged("b", log, undefined, 10)]
        })
        yield* settle
        assert.deepStrictEqual(
          yield* within(supervisor.reconfigure({ tasks: [logged("a", log)] }), 10),
          Exit.void
        )
        assert.deepStrictEqual(log, ["start b", "stop b", "start a"])
        assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Healthy")
      }))

    for (const turns of [1, 2, 3]) {
      it.effect(`a temporary one that has ended ${turns} turns before is not run again for new defaults`, () =>
        Effect.gen(function*() {
          const gate = Latch.makeUnsafe()
          let runs = 0
          const once = Task.make(
            "once",
            Effect.suspend(() => {
              runs++
              return gate.await
            }),
            { restart: { mode: "temporary" } }
          )
          const supervisor = yield* Supervisor.make({ tasks: [once] })
          yield* gate.open
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* supervisor.reconfigure({ defaults: { stopTimeout: 1 } })
          yield* settle
          assert.deepStrictEqual(yield* names(supervisor), [])
          assert.strictEqual(runs, 1)
        }))

      it.effect(`one that has succeeded ${turns} turns before the list is without it gives its value`, () =>
        Effect.gen(function*() {
          const gate = Latch.makeUnsafe()
          const task = Task.make("a", Effect.as(gate.await, 42), { restart: { mode: "transient" } })
          const supervisor = yield* Supervisor.make({ tasks: [task] })
          const handle = yield* supervisor.handle(task)
          yield* gate.open
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* supervisor.reconfigure({ tasks: [] })
          assert.deepStrictEqual(yield* Effect.exit(handle.await), Exit.succeed(42))
        }))
    }

    for (const [time, millis] of [["a long", 60_000], ["an endless", Number.POSITIVE_INFINITY]] as const) {
      it.effect(`what changes no task is answered at once while a group waits ${time} time, and leaves the wait alone`, () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const gate = Latch.makeUnsafe()
          const tasks = [
            Task.make("failing", Effect.andThen(gate.await, Effect.fail(new Net())), { restart: spaced(millis) }),
            logged("sibling", log)
          ] as const
          const supervisor = yield* Supervisor.make({ strategy: "one-for-all", tasks })
          yield* gate.open
          yield* settle
          const before = yield* supervisor.statuses
          assert.deepStrictEqual(before.map(({ _tag }) => _tag), ["Failed", "Failed"])
          for (
            const options of [{ maxDeadFraction: 0.9 }, { defaults: { stopTimeout: 1 } }, { tasks }, {}] as const
          ) {
            assert.deepStrictEqual(yield* within(supervisor.reconfigure(options), 0), Exit.void)
            assert.deepStrictEqual(yield* supervisor.statuses, before)
          }
          yield* TestClock.adjust(59_999)
          yield* settle
          assert.deepStrictEqual(yield* supervisor.statuses, before)
          yield* TestClock.adjust(1)
          yield* settle
          assert.strictEqual((yield* statusOf(supervisor, "sibling")).generation, time === "a long" ? 2 : 1)
        }))
    }

    for (const change of ["removed", "replaced"] as const) {
      const next = (log: Array<string>) => change === "removed" ? [] : [logged("gone", log)]

      it.effect(`the death of one that is about to be ${change} ends nothing`, () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const gate = Latch.makeUnsafe()
          const gone = Task.make("gone", Effect.andThen(gate.await, Effect.fail(new Net())), {
            restart: { on: { Net: "stop" } },
            whenDead: "escalate"
          })
          const supervisor = yield* Supervisor.make({ tasks: [gone, logged("slow", log, undefined, 10)] })
          const reconfiguring = yield* fork(Effect.exit(supervisor.reconfigure({ tasks: next(log) })))
          yield* gate.open
          yield* TestClock.adjust(10)
          yield* settle
          assert.deepStrictEqual(yield* reconfiguring.pollUnsafe()!, Exit.void)
          assert.deepStrictEqual(yield* names(supervisor), next([]).map(({ name }) => name))
        }))

      it.effect(`the end of a significant one that is about to be ${change} is not the end of the supervisor`, () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const gate = Latch.makeUnsafe()
          const gone = Task.make("gone", gate.await, { restart: { mode: "transient" }, significant: true })
          const supervisor = yield* Supervisor.make({
            autoShutdown: "any-significant",
            tasks: [gone, logged("slow", log, undefined, 10)]
          })
          const reconfiguring = yield* fork(Effect.exit(supervisor.reconfigure({ tasks: next(log) })))
          yield* gate.open
          yield* TestClock.adjust(10)
          yield* settle
          assert.deepStrictEqual(yield* reconfiguring.pollUnsafe()!, Exit.void)
          assert.deepStrictEqual(yield* names(supervisor), next([]).map(({ name }) => name))
        }))
    }
  })

  describe("a run that does not end", () => {
    for (const change of ["removed", "changed"] as const) {
      const next = (log: Array<string>) =>
        change === "removed" ? [logged("other", log)] : [logged("stuck", log), logged("other", log)]
      const whenDone = change === "removed" ? ["start other"] : ["start other", "start stuck"]

      it.effect(`that is ${change}: TaskUnstoppable, all else is done, and that when it ends`, () =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          const log: Array<string> = []
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [Task.make("stuck", body, { stopTimeout: 10 })]
          })
          const error = failureOf(yield* within(supervisor.reconfigure({ tasks: next(log) }), 10))
          assert.deepInclude(assertTag(error, "TaskUnstoppable"), { task: "stuck", generation: 1, stopTimeout: 10 })
          assert.deepStrictEqual(log, ["start other"])
          assert.isTrue(assertStatus(yield* statusOf(supervisor, "stuck"), "Stopping").overdue)
          yield* release
          yield* settle
          assert.deepStrictEqual(log, whenDone)
          assert.sameMembers(yield* names(supervisor), next([]).map(({ name }) => name))
        }))

      for (const command of ["stop", "kill", "restart", undefined] as const) {
        it.effect(`that is ${change} when it is overdue already (${command ?? "by a verdict"}): the same`, () =>
          Effect.gen(function*() {
            const { body, release } = yield* stubborn
            const log: Array<string> = []
            const supervisor = yield* Supervisor.make({
              name: "root",
              healthCheck: { initialDelay: 0 },
              tasks: [
                Task.make("stuck", body, {
                  stopTimeout: 10,
                  ...(command === undefined ? { heartbeat: Heartbeat.manual({ within: 10 }) } : {})
                })
              ]
            })
            if (command === undefined) yield* TestClock.adjust(1000)
            else yield* within(Effect.ignore(supervisor[command]("stuck")), 10)
            assert.isTrue(assertStatus(yield* statusOf(supervisor, "stuck"), "Stopping").overdue)
            const error = failureOf(yield* within(supervisor.reconfigure({ tasks: next(log) }), 10))
            assert.deepInclude(assertTag(error, "TaskUnstoppable"), { task: "stuck", generation: 1 })
            assert.deepStrictEqual(log, ["start other"])
            yield* release
            yield* settle
            assert.deepStrictEqual(log, whenDone)
            assert.sameMembers(yield* names(supervisor), next([]).map(({ name }) => name))
          }))
      }
    }

    it.effect("of a temporary task that is changed: the new one runs when it ends", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("stuck", body, { stopTimeout: 10, restart: { mode: "temporary" } })]
        })
        yield* within(Effect.ignore(supervisor.reconfigure({ tasks: [logged("stuck", log)] })), 10)
        yield* release
        yield* settle
        assert.deepStrictEqual(log, ["start stuck"])
      }))

    it.effect("a later reconfiguration is the one that is carried out", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("stuck", body, { stopTimeout: 10 })] })
        yield* within(Effect.ignore(supervisor.reconfigure({ tasks: [logged("stuck", log)] })), 10)
        yield* within(Effect.ignore(supervisor.reconfigure({ tasks: [] })), 10)
        yield* release
        yield* settle
        assert.deepStrictEqual(log, [])
        assert.deepStrictEqual(yield* supervisor.statuses, [])
      }))

    it.effect("nobody else is told of it when who asked waits no longer", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("stuck", body, { stopTimeout: 10 })] })
        const reconfiguring = yield* fork(supervisor.reconfigure({ tasks: [logged("other", log)] }))
        yield* Fiber.interrupt(reconfiguring)
        yield* TestClock.adjust(10)
        yield* settle
        yield* release
        yield* settle
        assert.deepStrictEqual(
          yield* within(supervisor.reconfigure({ tasks: [logged("another", log)] }), 0),
          Exit.void
        )
        assert.deepStrictEqual(yield* names(supervisor), ["another"])
      }))
  })

  it.effect("an inner supervisor is reconfigured as any other, and comes back from its restart as it was made", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let inner: Supervisor.RunningSupervisor | undefined
      const who = Task.make(
        "who",
        Effect.andThen(Supervisor.current, (current) => {
          inner = current!.supervisor
          return Effect.never
        })
      )
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("inner", Supervisor.run({ tasks: [who] }))]
      })
      yield* settle
      yield* inner!.reconfigure({ tasks: [who, logged("more", log)] })
      assert.deepStrictEqual((yield* root.tree.statuses).map(({ path }) => path), [
        "root/inner",
        "root/inner/who",
        "root/inner/more"
      ])
      yield* root.restart("inner")
      yield* settle
      assert.deepStrictEqual((yield* root.tree.statuses).map(({ path }) => path), ["root/inner", "root/inner/who"])
    }))

  it("InvalidOptions is data", () => {
    const error = new SupervisorError.InvalidOptions({ supervisor: "root", why: "because" })
    assert.strictEqual(error.message, "supervisor \"root\" is not reconfigured: because")
  })
})
