/**
 * Supervisors within supervisors: how they are named, asked and commanded from above, how they stop, end and come back.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
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

const range = (length: number) => Array.from({ length }, (_, index) => index)
const never = (name: string, options?: Task.TaskOptions<never>) => Task.make(name, Effect.never, options)
const spaced = (millis: number) => ({ schedule: Schedule.spaced(millis) })

/** A task that says when its runs begin and end. */
const logged = (name: string, log: Array<string>, takes = 0, options?: Task.TaskOptions<never>) =>
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

/** Fails once, when it is let go. */
const failsOnce = <E>(name: string, error: E, options?: Task.TaskOptions<NoInfer<E>>) => {
  const gate = Latch.makeUnsafe()
  let run = 0
  return {
    fail: Effect.andThen(gate.open, settle),
    task: Task.make(
      name,
      Effect.suspend(() => run++ === 0 ? Effect.andThen(gate.await, Effect.fail(error)) : Effect.never),
      options
    )
  }
}

/** As `within`, for what needs many steps before it waits for the clock. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, millis: number) =>
  Effect.gen(function*() {
    const fiber = yield* fork(effect)
    yield* TestClock.adjust(millis)
    yield* settle
    const exit = fiber.pollUnsafe()
    assert(exit !== undefined, "it has not ended within the time given")
    return exit
  })

const paths = (supervisor: Pick<Supervisor.RunningSupervisor, "tree">) =>
  Effect.map(supervisor.tree.statuses, (statuses) => statuses.map(({ path }) => path))
const standing = (supervisor: Pick<Supervisor.RunningSupervisor, "tree">) =>
  Effect.map(
    supervisor.tree.statuses,
    (statuses) => statuses.map(({ _tag, generation, path }) => `${path} ${_tag} ${generation}`)
  )

/** root → a → b → c → leaf, each of them with a worker besides. */
const deep = (log: Array<string>, takes = 0) => {
  const level = (name: string, below: Task.Task<unknown, unknown>) =>
    Task.make(name, Supervisor.run({ tasks: [logged(`${name}1`, log, takes), below] }))
  return level("a", level("b", level("c", logged("leaf", log, takes))))
}

describe("paths", () => {
  it.effect("a supervisor in a task has the task's path, named or not, and one of another name a segment more", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("plain", Supervisor.run({ tasks: [never("x")] })),
          Task.make("same", Supervisor.run({ name: "same", tasks: [never("x")] })),
          Task.make("other", Supervisor.run({ name: "named", tasks: [never("x")] }))
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* paths(root), [
        "root/plain",
        "root/plain/x",
        "root/same",
        "root/same/x",
        "root/other",
        "root/other/named/x"
      ])
      for (const path of ["plain/x", "same/x", "other/named/x", "root/plain/x", "root/same/x", "root/other/named/x"]) {
        assert.strictEqual((yield* statusOf(root, path)).task, "x")
      }
    }))

  it.effect("commands reach any depth by a path from here or in full, and no further", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({ name: "root", tasks: [deep(log)] })
      yield* settle
      yield* root.restart("a/b/c/leaf")
      yield* root.restart("root/a/b/c/leaf")
      assert.strictEqual((yield* statusOf(root, "a/b/c/leaf")).generation, 3)
      yield* root.stop("a/b/b1")
      assert.strictEqual((yield* statusOf(root, "root/a/b/b1"))._tag, "Stopped")
      yield* root.start("root/a/b/b1")
      assert.strictEqual(
        assertTag(yield* Effect.flip(root.start("a/b/b1")), "TaskAlreadyRunning").supervisor,
        "root/a/b"
      )
      yield* root.kill("a/a1")
      assert.strictEqual((yield* statusOf(root, "a/a1"))._tag, "Dead")
      yield* root.remove("a/a1")
      const error = assertTag(yield* Effect.flip(root.status("a/a1")), "TaskNotFound")
      assert.include(error.message, "a1")
      assert.deepStrictEqual(yield* standing(root), [
        "root/a Healthy 1",
        "root/a/b Healthy 1",
        "root/a/b/b1 Healthy 2",
        "root/a/b/c Healthy 1",
        "root/a/b/c/c1 Healthy 1",
        "root/a/b/c/leaf Healthy 3"
      ])
    }))

  it.effect("from the middle of a tree, full paths are from its own root down", () =>
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
        tasks: [Task.make("mid", Supervisor.run({ tasks: [who, deep(log)] })), never("beside")]
      })
      yield* settle
      assert.strictEqual(inner!.path, "root/mid")
      assert.strictEqual((yield* statusOf(inner!, "a/b/b1")).path, "root/mid/a/b/b1")
      assert.strictEqual((yield* statusOf(inner!, "root/mid/a/b/b1")).path, "root/mid/a/b/b1")
      for (const path of ["beside", "root/beside", "mid/who", "root/mid"]) {
        assert.strictEqual((yield* Effect.flip(inner!.status(path)))._tag, "TaskNotFound")
      }
      yield* root.status("mid/who")
    }))

  it.effect("nonsense leads nowhere: TaskNotFound, for every command and at any depth", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("x")] })), never("leaf")]
      })
      yield* settle
      const nonsense = [
        "",
        "/",
        "//",
        "/in",
        "/in/x",
        "in/",
        "in//x",
        "in/x/",
        "in/x/y",
        "in/in",
        "in/../leaf",
        "./leaf",
        "..",
        "leaf/x",
        "leaf/",
        "root",
        "root/",
        "root/root/in/x",
        "root//in/x",
        "Root/in/x",
        "in/X",
        "in\\x",
        "in.x",
        "__proto__",
        "constructor/x",
        "in/toString",
        "x".repeat(10_000),
        "in/".repeat(1000)
      ]
      for (const path of nonsense) {
        for (const command of ["start", "restart", "stop", "kill", "remove"] as const) {
          const exit = yield* Effect.exit<void, Supervisor.Unended | Supervisor.Unstarted, never>(root[command](path))
          assert.strictEqual(failureOf(exit)._tag, "TaskNotFound", `${command} ${path}`)
        }
        assert.strictEqual((yield* Effect.flip(root.status(path)))._tag, "TaskNotFound", `status ${path}`)
      }
      assert.deepStrictEqual(yield* standing(root), ["root/in Healthy 1", "root/in/x Healthy 1", "root/leaf Healthy 1"])
    }))

  it.effect("what is no text is the caller's mistake, for status as for the rest", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({ name: "root", tasks: [never("x")] })
      for (const name of [undefined, null, 7, Symbol("x"), {}, ["x"]] as ReadonlyArray<unknown>) {
        for (const command of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          const ask = Effect.suspend(() => Effect.asVoid<unknown, unknown, never>(root[command](name as string)))
          const exit = yield* Effect.exit(ask)
          assert(Exit.isFailure(exit))
          assert.instanceOf(Cause.squash(exit.cause), RangeError, `${command} ${String(name)}`)
        }
      }
    }))

  it.effect("a task that has the root's name: what a status says is its path leads to it, from anywhere", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "app",
        tasks: [
          Task.make("app", Supervisor.run({ tasks: [Task.make("app", Supervisor.run({ tasks: [never("x")] }))] })),
          never("y")
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* paths(root), ["app/app", "app/app/app", "app/app/app/x", "app/y"])
      for (const path of yield* paths(root)) {
        assert.strictEqual((yield* statusOf(root, path)).path, path)
      }
    }))

  it.effect("two supervisors in one run: each path leads to the one it is of, whichever was made first", () =>
    Effect.gen(function*() {
      for (const order of [["side", undefined], [undefined, "side"]] as const) {
        const root = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make(
              "two",
              Effect.gen(function*() {
                for (const name of order) {
                  yield* Supervisor.make({ ...(name === undefined ? {} : { name }), tasks: [never(name ?? "main")] })
                }
                return yield* Effect.never
              })
            )
          ]
        })
        yield* settle
        assert.sameMembers(yield* paths(root), ["root/two", "root/two/main", "root/two/side/side"])
        for (const path of yield* paths(root)) assert.strictEqual((yield* statusOf(root, path)).path, path)
      }
    }))

  it.effect("a path leads to the newest run's supervisor, and to none while there is none", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("x")] }))]
      })
      yield* settle
      yield* root.restart("in/x")
      yield* root.stop("in")
      assert.strictEqual((yield* Effect.flip(root.restart("in/x")))._tag, "SupervisorClosed")
      yield* root.start("in")
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in/x")).generation, 1)
    }))
})

describe("the tree as a whole", () => {
  it.effect("statuses, which and count go four levels deep, in start order; the own ones do not", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({ name: "root", tasks: [never("first"), deep(log), never("last")] })
      yield* settle
      const all = [
        "root/first",
        "root/a",
        "root/a/a1",
        "root/a/b",
        "root/a/b/b1",
        "root/a/b/c",
        "root/a/b/c/c1",
        "root/a/b/c/leaf",
        "root/last"
      ]
      assert.deepStrictEqual(yield* paths(root), all)
      assert.deepStrictEqual((yield* root.tree.which).map(({ path }) => path), all)
      assert.deepStrictEqual(
        (yield* root.tree.which).filter(({ type }) => type === "supervisor").map(({ task }) => task),
        ["a", "b", "c"]
      )
      assert.deepStrictEqual(yield* root.tree.count, { specs: 9, active: 9, supervisors: 3, workers: 6 })
      assert.deepStrictEqual((yield* root.statuses).map(({ path }) => path), ["root/first", "root/a", "root/last"])
      assert.deepStrictEqual((yield* root.which).map(({ task }) => task), ["first", "a", "last"])
      assert.deepStrictEqual(yield* root.count, { specs: 3, active: 3, supervisors: 1, workers: 2 })
      yield* root.stop("a/b/c/leaf")
      assert.deepStrictEqual(yield* root.tree.count, { specs: 9, active: 8, supervisors: 3, workers: 6 })
      yield* root.shutdown
      for (const asked of [root.tree.statuses, root.tree.which, root.tree.count]) {
        const exit = yield* Effect.exit(Effect.asVoid<unknown, SupervisorError.SupervisorClosed, never>(asked))
        assert.strictEqual(failureOf(exit)._tag, "SupervisorClosed")
      }
      // The report is of the whole tree.
      assert.deepStrictEqual((yield* root.await).statuses.map(({ path }) => path), all)
    }))

  it.effect("a task is a supervisor by its effect before it runs, or by what its newest run has made", () =>
    Effect.gen(function*() {
      let makes = true
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "sometimes",
            Effect.suspend(() =>
              makes ? Effect.andThen(Supervisor.make({ tasks: [never("x")] }), Effect.never) : Effect.never
            )
          ),
          Task.make("always", Supervisor.run({ tasks: [never("x")] }))
        ]
      })
      const types = Effect.map(root.which, (which) => which.map(({ type }) => type))
      yield* settle
      assert.deepStrictEqual(yield* types, ["supervisor", "supervisor"])
      makes = false
      yield* root.restart("sometimes")
      yield* root.stop("always")
      yield* settle
      assert.deepStrictEqual(yield* types, ["worker", "supervisor"])
      assert.deepStrictEqual(yield* root.tree.count, { specs: 3, active: 1, supervisors: 1, workers: 2 })
    }))

  it.effect("a supervisor that has ended within its run is shown until the next one is made", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "in turn",
            Effect.gen(function*() {
              yield* Supervisor.run({ tasks: [Task.make("one", Effect.void)], whenAllCompleted: "end" })
              yield* gate.await
              yield* Effect.orDie(Supervisor.run({ tasks: [never("two")] }))
            })
          )
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* standing(root), ["root/in turn Healthy 1", "root/in turn/one Completed 1"])
      yield* gate.open
      yield* settle
      assert.deepStrictEqual(yield* standing(root), ["root/in turn Healthy 1", "root/in turn/two Healthy 1"])
    }))
})

describe("events of the tree", () => {
  const about = (events: ReadonlyArray<SupervisorEvent>) =>
    events.map((event) =>
      "task" in event ? `${event._tag} ${event.supervisor}/${event.task}` : `${event._tag} ${event.supervisor}`
    )

  it.effect("a late subscriber gets a snapshot of each supervisor, then every event of all, in one order", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({ name: "root", tasks: [deep(log)] })
      yield* settle
      const { seen } = yield* collect(root.tree.events)
      assert.deepStrictEqual(about(seen), [
        "Snapshot root",
        "Snapshot root/a",
        "Snapshot root/a/b",
        "Snapshot root/a/b/c"
      ])
      assert.deepStrictEqual(
        seen.map((event) => event._tag === "Snapshot" ? event.statuses.map(({ task }) => task) : []),
        [["a"], ["a1", "b"], ["b1", "c"], ["c1", "leaf"]]
      )
      seen.length = 0
      yield* root.restart("a/b/c/leaf")
      yield* root.stop("a/a1")
      yield* settle
      assert.deepStrictEqual(about(seen), [
        "TaskStopping root/a/b/c/leaf",
        "TaskStarting root/a/b/c/leaf",
        "TaskHealthy root/a/b/c/leaf",
        "TaskStopping root/a/a1",
        "TaskStopped root/a/a1"
      ])
    }))

  it.effect("also of supervisors that are made later, from their start to their end; it ends with the topmost", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({ name: "root" })
      const { fiber, seen } = yield* collect(root.tree.events)
      yield* root.add(Task.make("in", Supervisor.run({ tasks: [never("x")] })))
      yield* settle
      yield* root.stop("in")
      yield* settle
      assert.deepStrictEqual(about(seen), [
        "Snapshot root",
        "TaskAdded root/in",
        "TaskStarting root/in",
        "SupervisorStarted root/in",
        "TaskHealthy root/in",
        "TaskAdded root/in/x",
        "TaskStarting root/in/x",
        "TaskHealthy root/in/x",
        "TaskStopping root/in",
        "SupervisorClosing root/in",
        "TaskStopping root/in/x",
        "TaskDead root/in/x",
        "SupervisorClosed root/in",
        "TaskStopped root/in"
      ])
      assert.isUndefined(fiber.pollUnsafe())
      yield* root.shutdown
      yield* settle
      assert.deepStrictEqual(about(seen).slice(-2), ["SupervisorClosing root", "SupervisorClosed root"])
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.void)
    }))

  it.effect("each event keeps the number its own supervisor gave it, without gap, whoever reads", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({ name: "root", tasks: [deep(log)] })
      const { seen } = yield* collect(root.tree.events)
      for (const path of ["a/b/c/leaf", "a/a1", "a/b", "a/b/b1", "a"]) {
        yield* root.restart(path)
        yield* settle
      }
      yield* root.shutdown
      yield* settle
      const numbers = new Map<string, number>()
      for (const { _tag, sequence, supervisor } of seen) {
        const before = numbers.get(supervisor)
        if (before !== undefined && _tag !== "SupervisorStarted") assert.strictEqual(sequence, before + 1, supervisor)
        numbers.set(supervisor, sequence)
      }
      assert.sameMembers(Array.from(numbers.keys()), ["root", "root/a", "root/a/b", "root/a/b/c"])
    }))

  it.effect("those of one supervisor are not those of the ones below it", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("x")] }))]
      })
      yield* settle
      const { seen } = yield* collect(root.events)
      yield* root.restart("in/x")
      yield* settle
      assert.deepStrictEqual(about(seen), ["Snapshot root"])
    }))

  it.effect("who listens in the middle hears what is below, not what is above or beside", () =>
    Effect.gen(function*() {
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
        tasks: [
          Task.make("mid", Supervisor.run({ tasks: [who, Task.make("low", Supervisor.run({ tasks: [never("x")] }))] })),
          Task.make("beside", Supervisor.run({ tasks: [never("y")] }))
        ]
      })
      yield* settle
      const middle = yield* collect(inner!.tree.events)
      const top = yield* collect(root.tree.events)
      middle.seen.length = 0
      top.seen.length = 0
      yield* root.stop("mid/low/x")
      yield* root.stop("beside/y")
      yield* settle
      assert.deepStrictEqual(about(middle.seen), ["TaskStopping root/mid/low/x", "TaskStopped root/mid/low/x"])
      assert.strictEqual(top.seen.length, 4)
    }))

  it.effect("one that is too slow loses the oldest, and is told how many of the whole tree", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        eventCapacity: 8,
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [never("x")] })),
          never("y")
        ]
      })
      yield* settle
      const gate = Latch.makeUnsafe()
      const slow: Array<SupervisorEvent> = []
      const quick = yield* collect(root.tree.events)
      yield* Effect.forkScoped(
        Stream.runForEach(root.tree.events, (event) =>
          Effect.andThen(
            slow.length < 2 ? Effect.void : gate.await,
            Effect.sync(() => {
              slow.push(event)
            })
          )),
        { startImmediately: true }
      )
      yield* settle
      const before = quick.seen.length
      for (const _ of range(10)) {
        yield* root.restart("in/x")
        yield* root.restart("y")
        yield* settle
      }
      yield* gate.open
      yield* settle
      const all = quick.seen.slice(before)
      assert.strictEqual(all.length, 60)
      const missed = slow.filter((event) => event._tag === "EventsMissed").reduce((sum, { missed }) => sum + missed, 0)
      const received = slow.filter(({ _tag }) => _tag !== "EventsMissed" && _tag !== "Snapshot")
      assert.isAbove(missed, 40)
      assert.strictEqual(missed + received.length, 60)
      assert.deepStrictEqual(received.slice(-8), all.slice(-8))
      assert.deepStrictEqual(
        Array.from(new Set(slow.filter(({ _tag }) => _tag === "EventsMissed").map((event) => event.supervisor))),
        ["root"]
      )
    }))

  it.effect("a supervisor that has ended is in no snapshot of a late subscriber, though it is shown", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [never("x")] })),
          Task.make("done", Supervisor.run({ tasks: [Task.make("y", Effect.void)], whenAllCompleted: "end" }))
        ]
      })
      yield* settle
      yield* root.stop("in")
      const { seen } = yield* collect(root.tree.events)
      assert.deepStrictEqual(about(seen), ["Snapshot root"])
      assert.deepStrictEqual(yield* standing(root), [
        "root/in Stopped 1",
        "root/in/x Dead 1",
        "root/done Completed 1",
        "root/done/y Completed 1"
      ])
    }))

  it.effect("all subscribers of a level hear the same, those that come and go included", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("x")] }))]
      })
      yield* settle
      const first = yield* collect(root.tree.events)
      const gone = yield* collect(root.tree.events)
      yield* root.restart("in/x")
      yield* settle
      yield* Fiber.interrupt(gone.fiber)
      // Nobody listens for a while: nothing is numbered then, and nothing is missed by whoever comes after.
      yield* Fiber.interrupt(first.fiber)
      yield* root.restart("in/x")
      const late = yield* collect(root.tree.events)
      const later = yield* collect(root.tree.events)
      yield* root.restart("in/x")
      yield* settle
      assert.deepStrictEqual(gone.seen, first.seen)
      assert.deepStrictEqual(later.seen, late.seen)
      assert.deepStrictEqual(about(late.seen), [
        "Snapshot root",
        "Snapshot root/in",
        "TaskStopping root/in/x",
        "TaskStarting root/in/x",
        "TaskHealthy root/in/x"
      ])
    }))

  it.effect("after the end there is one last snapshot", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("x")] }))]
      })
      yield* settle
      yield* root.shutdown
      const seen = yield* Stream.runCollect(root.tree.events)
      assert.deepStrictEqual(about(Array.from(seen)), ["Snapshot root"])
    }))
})

describe("stopping", () => {
  it.effect("goes down level by level, in reverse start order, and is over when the last one is", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [logged("first", log, 10), deep(log, 10), logged("last", log, 10)]
      })
      yield* settle
      const shutdown = yield* fork(root.shutdown)
      yield* TestClock.adjust(59)
      yield* settle
      assert.isUndefined(shutdown.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* settle
      assert.deepStrictEqual(shutdown.pollUnsafe(), Exit.void)
      assert.deepStrictEqual(log.filter((line) => line.startsWith("stop")), [
        "stop last",
        "stop leaf",
        "stop c1",
        "stop b1",
        "stop a1",
        "stop first"
      ])
    }))

  it.effect("a supervisor's bound is its own and the sum of those within, at every level", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      // Each leaf may take 5 s and takes 4: the whole would be overdue by far with 5 s for each supervisor.
      const root = yield* Supervisor.make({ name: "root", tasks: [deep(log, 4000)] })
      yield* settle
      const { seen } = yield* collect(root.tree.events)
      assert.deepStrictEqual(yield* inTime(root.shutdown, 16_000), Exit.void)
      assert.notInclude(tagsOf(seen), "TaskUnstoppable")
      assert.deepStrictEqual((yield* root.await).unstoppable, [])
    }))

  for (
    const [how, body] of [
      [
        "that is made in the run's own scope",
        (log: Array<string>) =>
          Effect.andThen(Supervisor.make({ tasks: [logged("x", log, 4000), logged("y", log, 4000)] }), Effect.never)
      ],
      [
        "that is the run",
        (log: Array<string>) => Supervisor.run({ tasks: [logged("x", log, 4000), logged("y", log, 4000)] })
      ]
    ] as const
  ) {
    it.effect(`also of one ${how}, and exactly`, () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { body: hang, release } = yield* stubborn
        const root = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make("in", Effect.andThen(Effect.addFinalizer(() => hang), body(log)))
          ]
        })
        yield* settle
        const stopping = yield* fork(Effect.exit(root.stop("in")))
        yield* TestClock.adjust(14_999)
        yield* settle
        assert.isUndefined(stopping.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepInclude(assertTag(failureOf(yield* stopping.pollUnsafe()!), "TaskUnstoppable"), {
          stopTimeout: 15_000
        })
        yield* release
        yield* settle
      }))
  }

  it.effect("a run that ends by itself has the bounds of a supervisor in its scope, too", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const gate = Latch.makeUnsafe()
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "in",
            Effect.gen(function*() {
              yield* Supervisor.make({ tasks: [logged("x", log, 4000), logged("y", log, 4000)] })
              yield* gate.await
            })
          )
        ]
      })
      yield* settle
      const { seen } = yield* collect(root.events)
      yield* gate.open
      yield* TestClock.adjust(8000)
      yield* settle
      assert.deepStrictEqual(tagsOf(seen, "in"), ["TaskStopping", "TaskCompleted"])
      assert.deepStrictEqual(log.slice(-2), ["stop y", "stop x"])
    }))

  it.effect("the bound of a group within is the longest of its instances'", () =>
    Effect.gen(function*() {
      const { body: hang, release } = yield* stubborn
      const group = TaskGroup.make("jobs", (_: void) => Effect.never, { each: { stopTimeout: 3000 } })
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "in",
            Effect.andThen(Effect.addFinalizer(() => hang), Supervisor.run({ tasks: [group, never("x")] }))
          )
        ]
      })
      yield* settle
      const running = yield* TaskGroup.find(root, group)
      for (const _ of range(10)) yield* running.start()
      const stopping = yield* fork(Effect.exit(root.stop("in")))
      // x: 5 s; the group: its own 5 s and 3 s; in: its own 5 s
      yield* TestClock.adjust(17_999)
      yield* settle
      assert.isUndefined(stopping.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* settle
      assert.strictEqual(failureOf(yield* stopping.pollUnsafe()!)._tag, "TaskUnstoppable")
      yield* release
      yield* settle
    }))

  it.effect("a shutdownTimeout within bounds the sum", () =>
    Effect.gen(function*() {
      const { body: hang, release } = yield* stubborn
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "in",
            Effect.andThen(
              Effect.addFinalizer(() => hang),
              Supervisor.run({ shutdownTimeout: 1000, tasks: [never("x"), never("y")] })
            )
          )
        ]
      })
      yield* settle
      const exit = failureOf(yield* inTime(root.stop("in"), 6000))
      assert.deepInclude(assertTag(exit, "TaskUnstoppable"), { stopTimeout: 6000 })
      yield* release
      yield* settle
    }))

  it.effect("an explicit stopTimeout is the whole of it", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [logged("x", log, 4000), logged("y", log, 4000)] }), {
            stopTimeout: 1000
          })
        ]
      })
      yield* settle
      const error = failureOf(yield* inTime(root.stop("in"), 1000))
      assert.deepInclude(assertTag(error, "TaskUnstoppable"), { stopTimeout: 1000 })
      yield* TestClock.adjust(7000)
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in"))._tag, "Stopped")
      assert.deepStrictEqual(log.slice(-2), ["stop y", "stop x"])
    }))

  it.effect("only what runs counts: a supervisor with nothing running has its own bound alone", () =>
    Effect.gen(function*() {
      const { body: hang, release } = yield* stubborn
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("in", Effect.andThen(Effect.addFinalizer(() => hang), Supervisor.run({ tasks: [never("x")] })))
        ]
      })
      yield* settle
      yield* root.stop("in/x")
      assert.deepInclude(failureOf(yield* inTime(root.stop("in"), 5000)), {
        _tag: "TaskUnstoppable",
        stopTimeout: 5000
      })
      yield* release
      yield* settle
    }))

  it.effect("shutdownTimeout hurries all levels at once: whoever can end does, and who does not is named", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { body, release } = yield* stubborn
      const level = (name: string, below: Task.Task<unknown, unknown>, last: Task.Task<unknown, unknown>) =>
        Task.make(name, Supervisor.run({ tasks: [logged(`${name}1`, log), below, last] }), { stopTimeout: "infinity" })
      const stuck = (name: string) => Task.make(name, body, { stopTimeout: "infinity" })
      const root = yield* Supervisor.make({
        name: "root",
        shutdownTimeout: 1000,
        tasks: [
          level("a", level("b", level("c", logged("leaf", log), stuck("c2")), stuck("b2")), stuck("a2")),
          logged("z", log)
        ]
      })
      yield* settle
      const shutdown = yield* fork(root.shutdown)
      yield* TestClock.adjust(999)
      yield* settle
      assert.deepStrictEqual(log.filter((line) => line.startsWith("stop")), ["stop z"])
      yield* TestClock.adjust(1)
      yield* settle
      assert.deepStrictEqual(shutdown.pollUnsafe(), Exit.void)
      assert.sameMembers(log.filter((line) => line.startsWith("stop")), [
        "stop z",
        "stop leaf",
        "stop c1",
        "stop b1",
        "stop a1"
      ])
      const report = yield* root.await
      assert.deepStrictEqual(report.unstoppable.map(({ path }) => path), [
        "root/a",
        "root/a/b",
        "root/a/b/c",
        "root/a/b/c/c2",
        "root/a/b/b2",
        "root/a/a2"
      ])
      yield* release
      yield* settle
      assert.deepStrictEqual(yield* root.unstoppable, [])
    }))

  it.effect("shutdownTimeout hurries groups, too, and what is being stopped in its turn", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const log: Array<string> = []
      const group = TaskGroup.make("jobs", (n: number) => n === 0 ? body : Effect.never, {
        each: { stopTimeout: "infinity" },
        stopTimeout: "infinity"
      })
      const root = yield* Supervisor.make({
        name: "root",
        shutdownTimeout: 1000,
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [logged("x", log), group] }), { stopTimeout: "infinity" })
        ]
      })
      yield* settle
      const running = yield* TaskGroup.find(root, group)
      for (const n of range(3)) yield* running.start(n)
      const stopping = yield* fork(Effect.exit(root.stop("in/jobs")))
      assert.deepStrictEqual(yield* inTime(root.shutdown, 1000), Exit.void)
      assert.isDefined(stopping.pollUnsafe())
      assert.deepStrictEqual((yield* root.await).unstoppable.map(({ path }) => path), [
        "root/in",
        "root/in/jobs",
        "root/in/jobs/1"
      ])
      assert.deepStrictEqual(log, ["start x", "stop x"])
      yield* release
      yield* settle
    }))

  it.effect("interrupting what runs a tree stops all of it first", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const running = yield* fork(Supervisor.run({ name: "root", tasks: [deep(log, 10)] }))
      const interrupting = yield* fork(Fiber.interrupt(running))
      yield* TestClock.adjust(40)
      yield* settle
      assert.isDefined(interrupting.pollUnsafe())
      assert.strictEqual(log.filter((line) => line.startsWith("stop")).length, 4)
    }))
})

describe("a run of a supervisor within that does not end", () => {
  const stuckTree = (log: Array<string>) =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      let alive = 0
      let most = 0
      const stuck = Task.make(
        "stuck",
        Effect.suspend(() => {
          most = Math.max(most, ++alive)
          log.push("start stuck")
          return Effect.ensuring(
            body,
            Effect.sync(() => {
              alive--
              log.push("stop stuck")
            })
          )
        }),
        { stopTimeout: 10 }
      )
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [Task.make("low", Supervisor.run({ tasks: [stuck] }))] }))]
      })
      yield* settle
      return { root, release, most: () => most, body }
    })

  for (const command of ["stop", "kill", "restart", "remove"] as const) {
    it.effect(`keeps the runs above it: ${command} is TaskUnstoppable at once, never overlapped, and done when it ends`, () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { most, release, root } = yield* stuckTree(log)
        const asked = yield* fork(Effect.exit(root[command]("in")))
        yield* TestClock.adjust(9)
        yield* settle
        assert.isUndefined(asked.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepInclude(failureOf(yield* asked.pollUnsafe()!), { _tag: "TaskUnstoppable", task: "in" })
        assert.deepStrictEqual(yield* standing(root), [
          "root/in Stopping 1",
          "root/in/low Stopping 1",
          "root/in/low/stuck Stopping 1"
        ])
        assert.deepStrictEqual((yield* root.unstoppable).map(({ path }) => path), [
          "root/in",
          "root/in/low",
          "root/in/low/stuck"
        ])
        yield* TestClock.adjust(100_000)
        yield* settle
        assert.deepStrictEqual(log, ["start stuck"])
        yield* release
        yield* settle
        assert.strictEqual(most(), 1)
        assert.deepStrictEqual(yield* root.unstoppable, [])
        const after = {
          stop: ["root/in Stopped 1", "root/in/low Dead 1", "root/in/low/stuck Dead 1"],
          kill: ["root/in Dead 1", "root/in/low Dead 1", "root/in/low/stuck Dead 1"],
          restart: ["root/in Healthy 2", "root/in/low Healthy 1", "root/in/low/stuck Completed 1"],
          remove: []
        }
        assert.deepStrictEqual(
          (yield* standing(root)).map((line) => line.replace("Stopping", "Dead")),
          after[command]
        )
      }))
  }

  it.effect("a supervisor that gives up is not run again before it ends, and then is, by its policy", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      let alive = 0
      let most = 0
      const { fail, task } = failsOnce("failing", new Net(), { restart: { times: 0 }, whenDead: "escalate" })
      const stuck = Task.make(
        "stuck",
        Effect.suspend(() => {
          most = Math.max(most, ++alive)
          return Effect.ensuring(body, Effect.sync(() => alive--))
        }),
        { stopTimeout: 10 }
      )
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [task, stuck] }), { restart: spaced(100) })]
      })
      yield* settle
      const { seen } = yield* collect(root.events)
      yield* fail
      yield* TestClock.adjust(10)
      yield* settle
      assert.isTrue(assertStatus(yield* statusOf(root, "in"), "Stopping").overdue)
      yield* TestClock.adjust(1000)
      assert.strictEqual(most, 1)
      yield* release
      yield* settle
      assert.deepStrictEqual(tagsOf(seen, "in"), ["TaskStopping", "TaskUnstoppable", "TaskFailed", "RestartScheduled"])
      yield* TestClock.adjust(100)
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in")).generation, 2)
      assert.strictEqual(most, 1)
    }))

  it.effect("what ends after all has been closed is told to nobody: whoever reads slowly hears the last word last", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const scope = yield* Scope.make()
      const root = yield* Supervisor.make({
        name: "root",
        eventCapacity: 1,
        tasks: [Task.make("in", Supervisor.run({ tasks: [Task.make("stuck", body, { stopTimeout: 10 })] }))]
      }).pipe(Scope.provide(scope))
      yield* settle
      const slow = yield* collect(Stream.tap(root.tree.events, () => Effect.sleep("1 second")))
      yield* within(Scope.close(scope, Exit.void), 100)
      yield* release
      yield* TestClock.adjust("1 minute")
      yield* Fiber.await(slow.fiber)
      const last = slow.seen.at(-1)
      assert.deepStrictEqual([last?._tag, last?.supervisor], ["SupervisorClosed", "root"])
    }))

  it.effect("the end of the whole is not held up by it, and names it on each level", () =>
    Effect.gen(function*() {
      const { release, root } = yield* stuckTree([])
      assert.deepStrictEqual(yield* inTime(root.shutdown, 10), Exit.void)
      assert.deepStrictEqual((yield* root.await).unstoppable.map(({ path }) => path), [
        "root/in",
        "root/in/low",
        "root/in/low/stuck"
      ])
      yield* release
      yield* settle
      assert.deepStrictEqual(yield* root.unstoppable, [])
    }))

  it.effect("also of a group within", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const group = TaskGroup.make("jobs", (_: void) => body, { each: { stopTimeout: 10 } })
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [group] }))]
      })
      yield* settle
      const running = yield* TaskGroup.find(root, group)
      for (const _ of range(2)) yield* running.start()
      assert.strictEqual(failureOf(yield* inTime(root.restart("in"), 10))._tag, "TaskUnstoppable")
      assert.deepStrictEqual((yield* root.unstoppable).map(({ path }) => path), [
        "root/in",
        "root/in/jobs",
        "root/in/jobs/1",
        "root/in/jobs/2"
      ])
      yield* release
      yield* settle
      assert.deepStrictEqual(yield* standing(root), ["root/in Healthy 2", "root/in/jobs Healthy 1"])
    }))

  it.effect("that ends when its supervisor has long ended is shown and told to have, from the top", () =>
    Effect.gen(function*() {
      const { release, root } = yield* stuckTree([])
      const events = yield* collect(root.tree.events)
      assert.strictEqual(failureOf(yield* inTime(root.stop("in"), 10))._tag, "TaskUnstoppable")
      assert.deepStrictEqual((yield* root.tree.statuses).map(({ _tag, path }) => [path, _tag]), [
        ["root/in", "Stopping"],
        ["root/in/low", "Stopping"],
        ["root/in/low/stuck", "Stopping"]
      ])
      assert.strictEqual((yield* root.tree.count).active, 3)
      events.seen.length = 0
      yield* release
      yield* settle
      const [own, ...below] = yield* root.tree.statuses
      assert.strictEqual(own!._tag, "Stopped")
      assert.deepStrictEqual(below.map(({ path }) => path), ["root/in/low", "root/in/low/stuck"])
      for (const status of below) assert.strictEqual(assertStatus(status, "Dead").why, "ShutDown")
      assert.strictEqual((yield* root.tree.count).active, 0)
      assert.deepStrictEqual(
        events.seen.flatMap((event) =>
          event._tag === "TaskDead" || event._tag === "TaskStopped"
            ? [`${event._tag} ${event.supervisor}/${event.task}`]
            : []
        ),
        ["TaskDead root/in/low/stuck", "TaskDead root/in/low", "TaskStopped root/in"]
      )
    }))

  it.effect("a report names all that still runs within a run that did not end in a bound of its own", () =>
    Effect.gen(function*() {
      const one = yield* stubborn
      const other = yield* stubborn
      const low = Supervisor.run({ tasks: [Task.make("one", one.body), Task.make("other", other.body)] })
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [Task.make("low", low)] }), { stopTimeout: 10 })]
      })
      yield* settle
      assert.deepStrictEqual(yield* inTime(root.shutdown, 10), Exit.void)
      assert.deepStrictEqual((yield* root.await).unstoppable.map(({ path }) => path), [
        "root/in",
        "root/in/low",
        "root/in/low/one",
        "root/in/low/other"
      ])
      yield* one.release
      yield* other.release
      yield* settle
      assert.deepStrictEqual(yield* root.unstoppable, [])
    }))
})

describe("giving up", () => {
  it.effect("is a failure with the typed cause, which the outer one treats by the policy of the task", () =>
    Effect.gen(function*() {
      const failing = Task.make("failing", Effect.andThen(Effect.sleep(10), Effect.fail(new Net())), {
        restart: { times: 0 },
        whenDead: "escalate"
      })
      const inner = Task.make("in", Supervisor.run({ tasks: [failing] }), { restart: { ...spaced(100), times: 2 } })
      const root = yield* Supervisor.make({ name: "root", tasks: [inner] })
      const handle = yield* root.handle(inner)
      yield* TestClock.adjust(1000)
      yield* settle
      const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
      assert.deepInclude(dead, { runs: 3, why: "Exhausted" })
      const fail = dead.cause.reasons.find((reason) => reason._tag === "Fail")
      const error: SupervisorError.SupervisorError<Net> = fail!.error
      assert.strictEqual(error.supervisor, "root/in")
      const reason: SupervisorError.TaskDead<Net> = assertTag(error.reason, "TaskDead")
      assert.deepStrictEqual(reason.cause, Cause.fail(new Net()))
    }))

  it.effect("is matched by tag, and told apart by its reason, in the task's directives", () =>
    Effect.gen(function*() {
      const dying = <E>(name: string, error: E) =>
        Task.make(name, Effect.andThen(Effect.sleep(10), Effect.fail(error)), {
          restart: { times: 0 },
          whenDead: "escalate"
        })
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("stopped", Supervisor.run({ tasks: [dying("a", new Net())] }), {
            restart: { on: { SupervisorError: "stop" } }
          }),
          Task.make("told apart", Supervisor.run({ tasks: [dying("a", new Net()), dying("b", new Auth())] }), {
            restart: {
              ...spaced(100),
              on: ({ reason }) =>
                reason._tag === "TaskDead" && Cause.squash(reason.cause) instanceof Net ? "restart" : "stop"
            }
          })
        ]
      })
      yield* TestClock.adjust(50)
      yield* settle
      assert.strictEqual(assertStatus(yield* statusOf(root, "stopped"), "Dead").why, "NotRestartable")
      assert.strictEqual((yield* statusOf(root, "told apart"))._tag, "Failed")
    }))

  it.effect("goes up as far as it escalates, with a cause at each level, everything stopped in reverse", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { fail, task } = failsOnce("failing", new Net(), { restart: { times: 0 }, whenDead: "escalate" })
      const up = { restart: { times: 0 }, whenDead: "escalate" } as const
      const program = Supervisor.run({
        name: "root",
        tasks: [
          logged("r", log),
          Task.make(
            "a",
            Supervisor.run({
              tasks: [logged("a1", log), Task.make("b", Supervisor.run({ tasks: [logged("b1", log), task] }), up)]
            }),
            up
          )
        ]
      })
      const running = yield* fork(program)
      yield* fail
      const error = failureOf(yield* fork(Effect.exit(Fiber.join(running))).pipe(Effect.flatMap(Fiber.join)))
      const top = assertTag(error.reason, "TaskDead")
      const a = Cause.squash(top.cause) as SupervisorError.SupervisorError<SupervisorError.SupervisorError<Net>>
      const b = Cause.squash(assertTag(a.reason, "TaskDead").cause) as SupervisorError.SupervisorError<Net>
      assert.deepStrictEqual([error.supervisor, a.supervisor, b.supervisor], ["root", "root/a", "root/a/b"])
      assert.deepStrictEqual(Cause.squash(assertTag(b.reason, "TaskDead").cause), new Net())
      assert.deepStrictEqual(log.filter((line) => line.startsWith("stop")), ["stop b1", "stop a1", "stop r"])
    }))

  it.effect("over its intensity it fails with which, how many and why, and comes back with a count of its own", () =>
    Effect.gen(function*() {
      const failing = Task.make("failing", Effect.andThen(Effect.sleep(10), Effect.fail(new Net())), {
        restart: { schedule: Schedule.spaced(0) }
      })
      const inner = Task.make(
        "in",
        Supervisor.run({ tasks: [failing], intensity: { restarts: 2, within: "1 second" } }),
        { restart: { ...spaced(100), times: 1 } }
      )
      const root = yield* Supervisor.make({ name: "root", tasks: [inner] })
      const handle = yield* root.handle(inner)
      yield* TestClock.adjust(30)
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in"))._tag, "Failed")
      yield* TestClock.adjust(100)
      yield* settle
      yield* TestClock.adjust(29)
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in/failing")).generation, 3)
      yield* TestClock.adjust(1)
      const dead = assertTag(failureOf(yield* within(handle.await, 0)), "TaskDead")
      const exceeded = assertTag(
        (Cause.squash(dead.cause) as SupervisorError.SupervisorError<Net>).reason,
        "TooManyRestarts"
      )
      assert.deepInclude(exceeded, { task: "failing", restarts: 2, within: 1000 })
      assert.deepStrictEqual(exceeded.cause, Cause.fail(new Net()))
    }))

  it.effect("a strategy above takes whole subtrees along, and each comes back with its own tasks", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { fail, task } = failsOnce("failing", new Net(), { restart: spaced(100) })
      const root = yield* Supervisor.make({
        name: "root",
        strategy: "rest-for-one",
        tasks: [
          logged("first", log),
          task,
          Task.make("in", Supervisor.run({ tasks: [logged("x", log, 10), logged("y", log, 10)] }))
        ]
      })
      yield* settle
      yield* inTime(root.remove("in/x"), 10)
      log.length = 0
      yield* fail
      yield* TestClock.adjust(110)
      yield* settle
      assert.deepStrictEqual(log, ["stop y", "start x", "start y"])
      assert.deepStrictEqual(yield* standing(root), [
        "root/first Healthy 1",
        "root/failing Healthy 2",
        "root/in Healthy 2",
        "root/in/x Healthy 1",
        "root/in/y Healthy 1"
      ])
      yield* inTime(root.shutdown, 20)
    }).pipe(Effect.scoped))

  it.effect("what was added at run time is gone after a restart of the subtree (OTP-23)", () =>
    Effect.gen(function*() {
      let inner: Supervisor.RunningSupervisor | undefined
      const who = Task.make(
        "who",
        Effect.andThen(Supervisor.current, (current) => {
          inner = current!.supervisor
          return Effect.never
        })
      )
      const root = yield* Supervisor.make({ name: "root", tasks: [Task.make("in", Supervisor.run({ tasks: [who] }))] })
      yield* settle
      const handle = yield* inner!.add(never("added"))
      yield* root.restart("in")
      yield* settle
      assert.deepStrictEqual(yield* paths(root), ["root/in", "root/in/who"])
      assert.strictEqual(assertTag(yield* Effect.flip(handle.await), "TaskDead").why, "ShutDown")
      assert.strictEqual((yield* Effect.flip(handle.restart))._tag, "SupervisorClosed")
    }))
})

describe("start", () => {
  const notReady = (name: string, after: number) =>
    Task.make(name, Effect.andThen(Effect.sleep(after), Effect.fail(new Net())), {
      ready: "first-beat",
      restart: { times: 0 }
    })

  it.effect("a supervisor in a task is a first beat when it is up, level by level", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const slow = Task.make("slow", Effect.andThen(Effect.sleep(100), Effect.andThen(Heartbeat.beat, Effect.never)), {
        ready: "first-beat"
      })
      const making = yield* fork(Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "a",
            Supervisor.run({ tasks: [Task.make("b", Supervisor.run({ tasks: [slow] }), { ready: "first-beat" })] }),
            {
              ready: "first-beat"
            }
          ),
          logged("next", log)
        ]
      }))
      yield* TestClock.adjust(99)
      yield* settle
      assert.isUndefined(making.pollUnsafe())
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust(1)
      yield* settle
      assert.isDefined(making.pollUnsafe())
      assert.deepStrictEqual(log, ["start next"])
      const root = yield* Fiber.join(making)
      assert.deepStrictEqual((yield* standing(root)).map((line) => line.split(" ")[1]), [
        "Healthy",
        "Healthy",
        "Healthy",
        "Healthy"
      ])
    }).pipe(Effect.scoped))

  for (const how of ["make", "run", "layer", "Service.layer", "launch"] as const) {
    it.effect(`what fails before it is ready fails ${how}, with who and why, and what had started is stopped in reverse`, () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const options = {
          name: "root",
          tasks: [logged("a", log), logged("b", log), notReady("c", 10), logged("d", log)]
        } as const
        class App extends Supervisor.Service<App>()("root", options) {}
        const program: Effect.Effect<unknown, SupervisorError.SupervisorError<Net>> = {
          make: Effect.scoped(Supervisor.make(options)),
          run: Supervisor.run(options),
          layer: Effect.provide(Supervisor.Supervisor, Supervisor.layer(options)),
          "Service.layer": Effect.provide(App, App.layer),
          launch: App.launch(App.layer)
        }[how] as Effect.Effect<unknown, SupervisorError.SupervisorError<Net>>
        const error = failureOf(yield* within(program, 10))
        const dead = assertTag(error.reason, "TaskDead")
        assert.deepInclude(dead, { task: "c", runs: 1, why: "Exhausted" })
        assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
        assert.deepStrictEqual(log, ["start a", "start b", "stop b", "stop a"])
        assert.deepStrictEqual(error.report.statuses.map(({ _tag }) => _tag), ["Dead", "Dead", "Dead", "Dead"])
      }))
  }

  it.effect("an inner one that does not come up fails its run, and is retried by the policy; then the outer fails", () =>
    Effect.gen(function*() {
      const making = yield* fork(Effect.exit(Effect.scoped(Supervisor.make({
        name: "root",
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [notReady("x", 10)] }), {
            ready: "first-beat",
            restart: { ...spaced(100), times: 1 }
          })
        ]
      }))))
      for (const millis of [10, 100, 9]) {
        yield* TestClock.adjust(millis)
        yield* settle
      }
      assert.isUndefined(making.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* settle
      const error = failureOf(yield* making.pollUnsafe()!)
      const dead = assertTag(error.reason, "TaskDead")
      assert.deepInclude(dead, { task: "in", runs: 2 })
      const inner = Cause.squash(dead.cause) as SupervisorError.SupervisorError<Net>
      assert.deepInclude(assertTag(inner.reason, "TaskDead"), { task: "x", runs: 1 })
    }))

  it.effect("a launch whose inner supervisor fails to start says so at the top", () =>
    Effect.gen(function*() {
      class App extends Supervisor.Service<App>()("app", {
        tasks: [
          Task.make("in", Supervisor.run({ tasks: [notReady("x", 10)] }), {
            ready: "first-beat",
            restart: { times: 0 }
          })
        ]
      }) {}
      const log: Array<string> = []
      const feature = App.layerTask(logged("feature", log))
      const error = assertTag(
        failureOf(yield* within(App.launch(Layer.provideMerge(feature, App.layer)), 10)),
        "SupervisorError"
      )
      assert.strictEqual(assertTag(error.reason, "TaskDead").task, "in")
      assert.deepStrictEqual(log, [], "nothing is contributed to what has not come up")
    }))

  it.effect("startupTimeout bounds an inner start, and its default the readiness of one that says nothing", () =>
    Effect.gen(function*() {
      const hung = Task.make("hung", Effect.never, { ready: "first-beat", restart: { times: 0 } })
      const making = yield* fork(Effect.exit(Effect.scoped(Supervisor.make({ name: "root", tasks: [hung] }))))
      yield* TestClock.adjust("90 seconds")
      yield* settle
      assert.isUndefined(making.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* settle
      const dead = assertTag(failureOf(yield* making.pollUnsafe()!).reason, "TaskDead")
      assert.include(dead.failure, "1m 30s")
    }))

  it.effect("shut down while it starts, make gives a supervisor that has ended well", () =>
    Effect.gen(function*() {
      let own: Supervisor.RunningSupervisor | undefined
      const first = Task.make(
        "first",
        Effect.andThen(Supervisor.current, (current) => {
          own = current!.supervisor
          return Effect.never
        }),
        { ready: "first-beat" }
      )
      const making = yield* fork(Supervisor.make({ name: "root", tasks: [first, never("second")] }))
      yield* own!.shutdown
      yield* settle
      const made = yield* Fiber.join(making)
      assert.deepStrictEqual((yield* made.await).statuses.map(({ _tag, generation }) => [_tag, generation]), [
        ["Dead", 1],
        ["Dead", 0]
      ])
    }).pipe(Effect.scoped))
})

describe("Layers in Layers", () => {
  class Db extends Context.Service<Db, { readonly n: number }>()("test/Db") {}
  class Ingest extends Supervisor.Service<Ingest>()("ingest") {}
  class App extends Supervisor.Service<App>()("app") {}

  const application = (log: Array<string>, consumer: Task.Task<unknown, Net, Db>) => {
    let opened = 0
    const db = Layer.effect(Db)(
      Effect.acquireRelease(
        Effect.sync(() => {
          log.push(`open db ${++opened}`)
          return { n: opened }
        }),
        ({ n }) => Effect.sync(() => log.push(`close db ${n}`))
      )
    )
    const IngestMain = Layer.mergeAll(Ingest.layerTask(consumer), Ingest.layerTask(logged("parser", log))).pipe(
      Layer.provide(db),
      Layer.provideMerge(Ingest.layer)
    )
    const ingest = Task.make("ingest", Ingest.launch(IngestMain), { restart: spaced(100) })
    return Layer.mergeAll(App.layerTask(ingest), App.layerTask(logged("http", log))).pipe(Layer.provideMerge(App.layer))
  }

  const consumer = (log: Array<string>, gate?: Latch.Latch) =>
    Task.make(
      "consumer",
      Effect.gen(function*() {
        const { n } = yield* Db
        log.push(`start consumer ${n}`)
        yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`stop consumer ${n}`)))
        if (gate !== undefined && n === 1) return yield* Effect.andThen(gate.await, Effect.fail(new Net()))
        return yield* Effect.never
      }),
      { restart: { times: 0 }, whenDead: "escalate" }
    )

  it.effect("a subtree's restart builds its Layer anew: services closed in order, contributed tasks back", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const gate = Latch.makeUnsafe()
      yield* Effect.gen(function*() {
        const app = yield* App
        yield* settle
        assert.sameMembers(yield* paths(app), [
          "app/ingest",
          "app/ingest/consumer",
          "app/ingest/parser",
          "app/http"
        ])
        log.length = 0
        yield* gate.open
        yield* settle
        assert.strictEqual((yield* statusOf(app, "ingest"))._tag, "Failed")
        assert.deepStrictEqual(log.slice(0, 1), ["stop consumer 1"])
        assert.deepStrictEqual(log.slice(-1), ["close db 1"])
        log.length = 0
        yield* TestClock.adjust(100)
        yield* settle
        assert.sameMembers(log, ["open db 2", "start consumer 2", "start parser"])
        assert.strictEqual(log[0], "open db 2")
        assert.sameMembers(yield* standing(app), [
          "app/ingest Healthy 2",
          "app/ingest/consumer Healthy 1",
          "app/ingest/parser Healthy 1",
          "app/http Healthy 1"
        ])
        log.length = 0
        yield* app.restart("ingest")
        yield* settle
        assert.deepStrictEqual(log.filter((line) => line.includes("db")), ["close db 2", "open db 3"])
        assert.isBelow(log.indexOf("stop consumer 2"), log.indexOf("close db 2"))
        assert.isBelow(log.indexOf("stop parser"), log.indexOf("close db 2"))
      }).pipe(Effect.provide(application(log, consumer(log, gate))))
      assert.strictEqual(log.filter((line) => line.startsWith("open")).length, 1)
      assert.strictEqual(log.at(-1)?.startsWith("stop") || log.at(-1) === "close db 3", true)
      assert.include(log, "close db 3")
    }))

  it.effect("what it fails with is the typed cause of the inner supervisor, and none of it is lost", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const gate = Latch.makeUnsafe()
      yield* Effect.gen(function*() {
        const app = yield* App
        yield* settle
        yield* gate.open
        yield* settle
        const failed = assertStatus(yield* statusOf(app, "ingest"), "Failed")
        assert.include(failed.lastFailure?.message, "consumer")
        assert.strictEqual(failed.lastFailure?.tag, "SupervisorError")
      }).pipe(Effect.provide(application(log, consumer(log, gate))))
    }))

  it.effect("tasks of it are commanded from above by their paths", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      yield* Effect.gen(function*() {
        const app = yield* App
        yield* settle
        yield* app.restart("ingest/consumer")
        assert.strictEqual((yield* statusOf(app, "app/ingest/consumer")).generation, 2)
      }).pipe(Effect.provide(application(log, consumer(log))))
    }))

  it.effect("a service that both levels are given is one for both, and lives as long as the outer", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let opened = 0
      const shared = Layer.effect(Db)(
        Effect.acquireRelease(
          Effect.sync(() => {
            log.push("open")
            return { n: ++opened }
          }),
          () => Effect.sync(() => log.push("close"))
        )
      )
      const inner = Ingest.layerTask(consumer(log)).pipe(Layer.provideMerge(Ingest.layer))
      const outer = App.layerTask(Task.make("ingest", Ingest.launch(inner))).pipe(
        Layer.provideMerge(App.layer),
        Layer.provide(shared)
      )
      yield* Effect.gen(function*() {
        const app = yield* App
        yield* settle
        yield* app.restart("ingest")
        yield* settle
        assert.strictEqual((yield* app.tree.count).specs, 2)
        assert.deepStrictEqual(log, ["open", "start consumer 1", "stop consumer 1", "start consumer 1"])
      }).pipe(Effect.provide(outer))
      assert.deepStrictEqual(log.slice(-2), ["stop consumer 1", "close"])
    }))
})

describe("pausing", () => {
  const failing = (name: string, times = Number.POSITIVE_INFINITY) => {
    let run = 0
    return Task.make(name, Effect.suspend(() => ++run <= times ? Effect.fail(new Net()) : Effect.never), {
      restart: { schedule: Schedule.spaced(10) }
    })
  }

  const history = (seed: string) =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        name: "root",
        intensity: { restarts: 20, within: "10 seconds", whenExceeded: "pause" },
        tasks: range(10).map((n) => failing(`t${n}`, 3))
      })
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust("30 seconds")
      yield* settle
      return seen
    }).pipe(Random.withSeed(seed), Effect.scoped)

  it.effect("nothing is restarted for the period, and what is due then begins over a quarter of it, at random", () =>
    Effect.gen(function*() {
      const seen = yield* history("one")
      const paused = seen.find((event) => event._tag === "RestartsPaused")
      assert(paused !== undefined && paused._tag === "RestartsPaused")
      assert.deepInclude(paused, { restarts: 20, within: 10_000, until: paused.time + 10_000 })
      const resumed = seen.find((event) => event._tag === "RestartsResumed")
      assert.strictEqual(resumed?.time, paused.until)
      const begun = seen.filter((event) => event._tag === "TaskStarting" && event.time > paused.time)
      for (const { time } of begun) assert.isAtLeast(time, paused.until)
      const first = begun.filter(({ time }) => time <= paused.until + 2500)
      const tasks = new Set(first.map((event) => "task" in event ? event.task : ""))
      assert.strictEqual(tasks.size, 10)
      const moments = new Set(
        Array.from(tasks, (name) => first.find((event) => "task" in event && event.task === name)?.time)
      )
      assert.isAbove(moments.size, 7, "spread, not all at once")
    }))

  it.effect("equal seeds, equal moments; another seed, others", () =>
    Effect.gen(function*() {
      const moments = (events: ReadonlyArray<SupervisorEvent>) => {
        const start = events.find(({ _tag }) => _tag === "RestartsPaused")!.time
        return events.flatMap((event) => event._tag === "TaskStarting" ? [`${event.task} ${event.time - start}`] : [])
      }
      const one = moments(yield* history("one"))
      assert.deepStrictEqual(moments(yield* history("one")), one)
      assert.notDeepEqual(moments(yield* history("two")), one)
    }))

  it.effect("the count begins anew, and it may pause again; commands are carried out at any time", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        name: "root",
        intensity: { restarts: 1, within: "1 second", whenExceeded: "pause" },
        tasks: [failing("f"), never("other")]
      })
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust(20)
      yield* settle
      const held = assertStatus(yield* statusOf(supervisor, "f"), "Failed")
      assert.isAtLeast(held.restartAt!, 1010)
      assert.isAtMost(held.restartAt!, 1260)
      const { generation } = held
      yield* supervisor.restart("other")
      yield* supervisor.start("f")
      yield* settle
      assert.strictEqual((yield* statusOf(supervisor, "f")).generation, generation + 1)
      assert.strictEqual((yield* statusOf(supervisor, "other")).generation, 2)
      yield* TestClock.adjust("10 seconds")
      yield* settle
      const pauses = seen.filter(({ _tag }) => _tag === "RestartsPaused").length
      assert.isAtLeast(pauses, 5)
      assert.isAtMost(pauses, 10)
      yield* supervisor.shutdown
    }))

  it.effect("one that was due earlier, or while it lasts, is held, and told so", () =>
    Effect.gen(function*() {
      const late = failsOnce("late", new Net(), { restart: spaced(500) })
      const supervisor = yield* Supervisor.make({
        name: "root",
        intensity: { restarts: 2, within: "1 second", whenExceeded: "pause" },
        tasks: [late.task, failing("f", 2)]
      })
      const { seen } = yield* collect(supervisor.events)
      yield* late.fail
      yield* TestClock.adjust(100)
      yield* settle
      yield* TestClock.adjust(400)
      yield* settle
      const held = seen.find((event) => event._tag === "RestartHeld")
      assert(held !== undefined && held._tag === "RestartHeld")
      assert.strictEqual(held.task, "late")
      assert.strictEqual(held.time + held.delay, held.restartAt)
      const status = assertStatus(yield* statusOf(supervisor, "late"), "Failed")
      assert.strictEqual(status.restartAt, held.restartAt)
      yield* TestClock.adjust(held.delay)
      yield* settle
      assert.strictEqual((yield* statusOf(supervisor, "late")).generation, 2)
      yield* supervisor.shutdown
    }))

  it.effect("a pause of an inner one is its own affair", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "in",
            Supervisor.run({
              intensity: { restarts: 1, within: "1 minute", whenExceeded: "pause" },
              tasks: [failing("f")]
            })
          ),
          failing("g")
        ]
      })
      yield* TestClock.adjust(1000)
      yield* settle
      assert.isBelow((yield* statusOf(root, "in/f")).generation, 5)
      assert.isAbove((yield* statusOf(root, "g")).generation, 90)
      assert.strictEqual((yield* statusOf(root, "in"))._tag, "Healthy")
    }))
})
