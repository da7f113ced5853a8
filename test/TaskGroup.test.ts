import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import {
  assertRefused,
  assertTag,
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
import * as StallingClock from "./support/StallingClock.ts"

const range = (length: number) => Array.from({ length }, (_, index) => index)

/** Fails as soon as it is let go, then runs for good. */
const flaky = () => {
  const gate = Latch.makeUnsafe()
  let runs = 0
  return {
    gate,
    runs: () => runs,
    body: Effect.suspend(() => ++runs === 1 ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never)
  }
}

const names = (group: Pick<TaskGroup.RunningGroup<never>, "statuses">) =>
  Effect.map(group.statuses, (statuses) => statuses.map(({ task }) => task))

/** A supervisor with a group in it, found. */
const inSupervisor = <Args, A, E, R>(group: TaskGroup.TaskGroup<Args, A, E, R>) =>
  Effect.gen(function*() {
    const supervisor = yield* Supervisor.make({ name: "root", tasks: [group] })
    yield* settle
    return { supervisor, running: yield* TaskGroup.find(supervisor, group) }
  })

describe("TaskGroup", () => {
  describe("start", () => {
    it.effect("runs the template with the arguments, and gives the typed handle of the instance", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (n: number) => n < 0 ? Effect.fail(new Net()) : Effect.succeed(n * 2), {
          each: { restart: { times: 0 } }
        })
        const { running } = yield* inSupervisor(group)
        const good = yield* running.start(21)
        const bad = yield* running.start(-1)
        const outcome: Exit.Exit<number, SupervisorError.TaskDead<Net> | SupervisorError.TaskStopped> = yield* Effect
          .exit(
            good.await
          )
        assert.deepStrictEqual(outcome, Exit.succeed(42))
        const dead = assertTag(yield* Effect.flip(bad.await), "TaskDead")
        assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
        assert.strictEqual(dead.supervisor, "root/jobs")
        assert.strictEqual(bad.path, "root/jobs/2")
      }))

    it.effect("has begun when it is answered", () =>
      Effect.gen(function*() {
        const begun: Array<string> = []
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (name: string) => Effect.andThen(Effect.sync(() => begun.push(name)), Effect.never))
        )
        yield* running.start("a")
        assert.deepStrictEqual(begun, ["a"])
        yield* running.start("b")
        assert.deepStrictEqual(begun, ["a", "b"])
      }))

    it.effect("numbers those that have no name, and gives those that have one theirs", () =>
      Effect.gen(function*() {
        const { running, supervisor } = yield* inSupervisor(TaskGroup.make("jobs", (_: string) => Effect.never))
        const one = yield* running.start("x")
        const ada = yield* running.start("y", { name: "ada" })
        const two = yield* running.start("z")
        assert.deepStrictEqual([one.name, ada.name, two.name], ["1", "ada", "2"])
        assert.deepStrictEqual(yield* names(running), ["1", "ada", "2"])
        assert.strictEqual((yield* supervisor.status("jobs/ada"))._tag, "Healthy")
      }))

    it.effect("a number that somebody has as a name is passed over, and one that is over is not given again", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(TaskGroup.make("jobs", (_: void) => Effect.never))
        yield* running.start(undefined, { name: "1" })
        yield* running.start(undefined, { name: "2" })
        yield* running.start(undefined, { name: "4" })
        assert.strictEqual((yield* running.start()).name, "3")
        assert.strictEqual((yield* running.start()).name, "5")
        yield* running.stop("5")
        assert.strictEqual((yield* running.start()).name, "6")
      }))

    it.effect("a name that is taken is refused, and free again when its task is gone", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(TaskGroup.make("jobs", (_: number) => Effect.never))
        yield* running.start(1, { name: "ada" })
        const error = assertTag(yield* Effect.flip(running.start(2, { name: "ada" })), "TaskAlreadyExists")
        assert.deepInclude(error, { supervisor: "root/jobs", task: "ada" })
        yield* running.kill("ada")
        yield* running.start(3, { name: "ada" })
        assert.deepStrictEqual(yield* names(running), ["ada"])
      }))

    it.effect("a name that no task may have is the caller's mistake", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(TaskGroup.make("jobs", (_: number) => Effect.never))
        for (const name of ["", "a/b", "a\nb", "x".repeat(256), 7, null] as Array<string>) {
          const exit = yield* Effect.exit(running.start(1, { name }))
          assert(Exit.isFailure(exit))
          assert.instanceOf(Cause.squash(exit.cause), RangeError)
        }
        assert.deepStrictEqual(yield* names(running), [])
      }))

    it.effect("what the template throws, or gives that is no Effect, is a defect of the run, restarted by its policy", () =>
      Effect.gen(function*() {
        let calls = 0
        const group = TaskGroup.make("jobs", (what: "throw" | "nonsense"): Effect.Effect<never> => {
          calls++
          if (what === "throw") throw new Error("no such user")
          return 7 as never
        }, { each: { restart: { schedule: Schedule.spaced(10), times: 2 } } })
        const { running } = yield* inSupervisor(group)
        const thrown = yield* running.start("throw")
        yield* TestClock.adjust(20)
        const dead = assertTag(yield* Effect.flip(thrown.await), "TaskDead")
        assert.strictEqual(calls, 3)
        assert.deepInclude(dead, { runs: 3, why: "Exhausted" })
        assert.include(dead.failure, "no such user")
        const nonsense = yield* running.start("nonsense")
        yield* TestClock.adjust(20)
        assert.strictEqual(assertTag(yield* Effect.flip(nonsense.await), "TaskDead").runs, 3)
      }))

    it.effect("each run of an instance calls the template anew, with the same arguments", () =>
      Effect.gen(function*() {
        const seen: Array<object> = []
        const args = { user: "ada" }
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (given: typeof args) => {
            seen.push(given)
            return Effect.never
          })
        )
        const handle = yield* running.start(args)
        yield* handle.restart
        assert.strictEqual(seen.length, 2)
        for (const given of seen) assert.strictEqual(given, args)
      }))

    it.effect("takes whatever arguments there are, also none", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(TaskGroup.make("jobs", (given: unknown) => Effect.succeed(given)))
        for (const given of [undefined, null, 0, "", Symbol("x"), { get: 1 }, () => 1]) {
          assert.strictEqual(yield* Effect.flatMap(running.start(given), (handle) => handle.await), given)
        }
      }))

    it.effect("is over with the group: SupervisorClosed", () =>
      Effect.gen(function*() {
        const { running, supervisor } = yield* inSupervisor(TaskGroup.make("jobs", (_: void) => Effect.never))
        yield* supervisor.stop("jobs")
        assert.strictEqual((yield* Effect.flip(running.start()))._tag, "SupervisorClosed")
      }))
  })

  describe("maxTasks", () => {
    it.effect("is as many as it holds, with who and how many in the error", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(TaskGroup.make("jobs", (_: void) => Effect.never, { maxTasks: 2 }))
        yield* running.start()
        yield* running.start()
        const error = assertTag(yield* Effect.flip(running.start(undefined, { name: "ada" })), "MaxTasksReached")
        assert.deepInclude(error, { supervisor: "root/jobs", task: "ada", maxTasks: 2 })
        assert.deepStrictEqual(yield* names(running), ["1", "2"])
        yield* running.stop("1")
        yield* running.start(undefined, { name: "ada" })
        assert.strictEqual((yield* Effect.flip(running.start()))._tag, "MaxTasksReached")
      }))

    it.effect("counts those that wait for a restart", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (_: void) => Effect.fail(new Net()), {
            maxTasks: 1,
            each: { restart: { schedule: Schedule.spaced("1 minute") } }
          })
        )
        const waiting = yield* running.start()
        yield* settle
        assert.strictEqual((yield* running.status("1"))._tag, "Failed")
        assert.strictEqual((yield* Effect.flip(running.start()))._tag, "MaxTasksReached")
        yield* waiting.stop
        yield* running.start()
      }))

    it.effect("counts one that does not end until it has", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (_: void) => body, { maxTasks: 1, each: { stopTimeout: 10 } })
        )
        const stuck = yield* running.start()
        assert.strictEqual(failureOf(yield* within(stuck.kill, 10))._tag, "TaskUnstoppable")
        assert.strictEqual((yield* Effect.flip(running.start()))._tag, "MaxTasksReached")
        yield* release
        yield* settle
        yield* running.start()
        yield* settle
        assert.deepStrictEqual(yield* names(running), [])
      }))
  })

  describe("an instance", () => {
    for (
      const [what, body, act, tag] of [
        ["Completed", Effect.succeed(1), Effect.void, undefined],
        ["Dead by itself", Effect.fail(new Net()), Effect.void, "TaskDead"],
        ["Stopped", Effect.never, "stop", "TaskStopped"],
        ["killed", Effect.never, "kill", "TaskDead"],
        ["removed", Effect.never, "remove", "TaskDead"]
      ] as const
    ) {
      it.effect(`that is ${what} is gone: no status, a free name, no command, but its handle gives the outcome`, () =>
        Effect.gen(function*() {
          const { running, supervisor } = yield* inSupervisor(
            TaskGroup.make("jobs", (_: void): Effect.Effect<number, Net> => body, { each: { restart: { times: 0 } } })
          )
          const handle = yield* running.start(undefined, { name: "ada" })
          if (typeof act === "string") yield* handle[act]
          yield* settle
          assert.deepStrictEqual(yield* running.statuses, [])
          assert.deepStrictEqual(yield* running.count, { specs: 0, active: 0, supervisors: 0, workers: 0 })
          const { kill, name, path, remove, restart, start, status, stop } = handle
          assert.deepStrictEqual([name, path], ["ada", "root/jobs/ada"])
          for (const command of [start, restart, stop, kill, remove, status]) {
            assert.strictEqual(
              (yield* Effect.flip(
                Effect.asVoid<unknown, Supervisor.Unended | SupervisorError.TaskAlreadyRunning, never>(command)
              ))._tag,
              "TaskNotFound"
            )
          }
          assert.strictEqual((yield* Effect.flip(supervisor.restart("jobs/ada")))._tag, "TaskNotFound")
          // Now, later, and as often as one asks.
          for (const _ of range(3)) {
            const exit = yield* Effect.exit(handle.await)
            if (tag === undefined) assert.deepStrictEqual(exit, Exit.succeed(1))
            else assert.strictEqual(failureOf(exit)._tag, tag)
          }
          const next = yield* running.start(undefined, { name: "ada" })
          assert.strictEqual(next.name, "ada")
        }))
    }

    it.effect("whoever waits for it is told when it is over, and it is told of in events", () =>
      Effect.gen(function*() {
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (_: void) => Effect.as(Effect.sleep(10), "done"))
        )
        const events = yield* collect(running.events)
        const handle = yield* running.start()
        assert.deepStrictEqual(yield* within(handle.await, 10), Exit.succeed("done"))
        assert.deepStrictEqual(tagsOf(events.seen, "1"), [
          "TaskAdded",
          "TaskStarting",
          "TaskHealthy",
          "TaskCompleted",
          "TaskRemoved"
        ])
      }))

    it.effect("is restarted one by one: no other one is touched", () =>
      Effect.gen(function*() {
        const { body, gate, runs } = flaky()
        const group = TaskGroup.make("jobs", (which: "flaky" | "steady") => which === "flaky" ? body : Effect.never, {
          each: { restart: { schedule: Schedule.spaced(100) } }
        })
        const { running, supervisor } = yield* inSupervisor(group)
        yield* running.start("steady")
        yield* running.start("flaky")
        yield* running.start("steady")
        yield* gate.open
        yield* TestClock.adjust(100)
        assert.strictEqual(runs(), 2)
        assert.deepStrictEqual(
          (yield* running.statuses).map(({ _tag, generation }) => [_tag, generation]),
          [["Healthy", 1], ["Healthy", 2], ["Healthy", 1]]
        )
        assert.strictEqual((yield* statusOf(supervisor, "jobs")).generation, 1)
      }))

    it.effect("that escalates is the end of the group, by its typed cause, and that is the failure of its task", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const group = TaskGroup.make("jobs", (_: void) => Effect.andThen(gate.await, Effect.fail(new Net())), {
          each: { restart: { times: 0 }, whenDead: "escalate" },
          restart: { times: 0 }
        })
        const { running, supervisor } = yield* inSupervisor(group)
        yield* running.start(undefined, { name: "ada" })
        const handle = yield* supervisor.handle(group)
        yield* gate.open
        yield* settle
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        const error = Cause.squash(dead.cause) as SupervisorError.SupervisorError<Net>
        assert.strictEqual(error._tag, "SupervisorError")
        const reason: SupervisorError.TaskDead<Net> = assertTag(error.reason, "TaskDead")
        assert.strictEqual(reason.task, "ada")
        assert.deepStrictEqual(reason.cause, Cause.fail(new Net()))
        assert.strictEqual(failureOf(yield* Effect.exit(running.await)).reason, error.reason)
      }))

    it.effect("has services of the group, not of whoever starts it, and a Scope of its own", () =>
      Effect.gen(function*() {
        class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
        const log: Array<string> = []
        const group = TaskGroup.make("jobs", (n: number) =>
          Effect.gen(function*() {
            const db = yield* Db
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`close ${n}`)))
            log.push(`${db.name} ${n}`)
            return yield* Effect.never
          }))
        const supervisor = yield* Supervisor.make({ tasks: [group] }).pipe(
          Effect.provideService(Db, { name: "group's" })
        )
        yield* settle
        const running = yield* TaskGroup.find(supervisor, group)
        yield* Effect.provideService(running.start(1), Db, { name: "caller's" })
        yield* running.start(2)
        yield* running.stop("1")
        assert.deepStrictEqual(log, ["group's 1", "group's 2", "close 1"])
      }))

    it.effect("knows itself by Supervisor.current, and its siblings by it", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const { running } = yield* inSupervisor(
          TaskGroup.make("jobs", (_: void) =>
            Effect.gen(function*() {
              const current = yield* Supervisor.current
              seen.push(current!.path, current!.supervisor.path)
              return yield* Effect.never
            }))
        )
        yield* running.start(undefined, { name: "ada" })
        assert.deepStrictEqual(seen, ["root/jobs/ada", "root/jobs"])
      }))

    it.effect("may add tasks of its own to the group's supervisor, which are not bounded by maxTasks", () =>
      Effect.gen(function*() {
        const added = (name: string) => Task.make(name, Effect.never)
        const group = TaskGroup.make(
          "jobs",
          (_: void) =>
            Effect.gen(function*() {
              const { supervisor } = (yield* Supervisor.current)!
              yield* supervisor.add(added("more"))
              yield* supervisor.add(added("still more"))
              return yield* Effect.never
            }),
          { maxTasks: 1, each: { restart: { times: 0 } } }
        )
        const { running } = yield* inSupervisor(group)
        yield* running.start(undefined, { name: "ada" })
        yield* settle
        assert.deepStrictEqual(yield* names(running), ["ada", "more", "still more"])
      }))

    it.effect("such a task that escalates is not one of the group's: DynamicTaskDead", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (_: void) =>
          Effect.gen(function*() {
            const { supervisor } = (yield* Supervisor.current)!
            yield* supervisor.add(
              Task.make("more", Effect.fail(new Net()), { restart: { times: 0 }, whenDead: "escalate" })
            )
            return yield* Effect.never
          }), { restart: { times: 0 } })
        const { running } = yield* inSupervisor(group)
        yield* running.start()
        yield* settle
        const reason = assertTag(failureOf(yield* Effect.exit(running.await)).reason, "DynamicTaskDead")
        assert.strictEqual(reason.dead.task, "more")
      }))
  })

  describe("find", () => {
    const group = TaskGroup.make("jobs", (_: void) => Effect.never)
    const other = TaskGroup.make("jobs", (_: void) => Effect.never)

    it.effect("finds the running group from the root, from the supervisor it is in, and not from elsewhere", () =>
      Effect.gen(function*() {
        const inner: Record<string, Supervisor.RunningSupervisor> = {}
        const noting = (name: string) =>
          Task.make(
            "note",
            Effect.andThen(Supervisor.current, (current) => {
              inner[name] = current!.supervisor
              return Effect.never
            })
          )
        const root = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make(
              "left",
              Supervisor.run({
                tasks: [noting("left"), Task.make("deep", Supervisor.run({ tasks: [noting("deep"), group] }))]
              })
            ),
            Task.make("right", Supervisor.run({ tasks: [noting("right")] }))
          ]
        })
        yield* settle
        const found = yield* TaskGroup.find(root, group)
        assert.strictEqual(found.path, "root/left/deep/jobs")
        assert.strictEqual(yield* TaskGroup.find(inner["left"]!, group), found)
        assert.strictEqual(yield* TaskGroup.find(inner["deep"]!, group), found)
        const error = yield* Effect.flip(TaskGroup.find(inner["right"]!, group))
        assert.deepInclude(error, { _tag: "TaskNotFound", supervisor: "root/right", task: "jobs" })
        assert.strictEqual((yield* Effect.flip(TaskGroup.find(root, other)))._tag, "TaskNotFound")
      }))

    it.effect("what is no group is the caller's mistake", () =>
      Effect.gen(function*() {
        const root = yield* Supervisor.make({ name: "root", tasks: [group] })
        const nonsense: ReadonlyArray<unknown> = [
          undefined,
          null,
          7,
          "jobs",
          {},
          Effect.void,
          Task.make("a", Effect.void)
        ]
        for (const one of nonsense) {
          const exit = yield* Effect.exit(Effect.suspend(() => TaskGroup.find(root, one as typeof group)))
          assert(Exit.isFailure(exit))
          const error = Cause.squash(exit.cause)
          assert.instanceOf(error, RangeError)
          assert.match(
            (error as RangeError).message,
            /^TaskGroup\.find: the group is .*; allowed is one made by TaskGroup\.make$/
          )
        }
      }))

    it.effect("each supervisor has its own of one value", () =>
      Effect.gen(function*() {
        const one = yield* Supervisor.make({ name: "one", tasks: [group] })
        const two = yield* Supervisor.make({ name: "two", tasks: [group] })
        yield* settle
        assert.strictEqual((yield* TaskGroup.find(one, group)).path, "one/jobs")
        assert.strictEqual((yield* TaskGroup.find(two, group)).path, "two/jobs")
      }))

    it.effect("finds none before the group runs and after it has ended, and the new one after a restart", () =>
      Effect.gen(function*() {
        const { running, supervisor } = yield* inSupervisor(group)
        yield* supervisor.restart("jobs")
        yield* settle
        const next = yield* TaskGroup.find(supervisor, group)
        assert.notStrictEqual(next, running)
        yield* supervisor.stop("jobs")
        assert.strictEqual((yield* Effect.flip(TaskGroup.find(supervisor, group)))._tag, "TaskNotFound")
        yield* supervisor.start("jobs")
        yield* settle
        yield* TaskGroup.find(supervisor, group)
        yield* supervisor.shutdown
        assert.strictEqual((yield* Effect.flip(TaskGroup.find(supervisor, group)))._tag, "TaskNotFound")
      }))

    it.effect("a group that stands alone is found in no supervisor", () =>
      Effect.gen(function*() {
        yield* TaskGroup.scoped(group)
        const supervisor = yield* Supervisor.make()
        assert.strictEqual((yield* Effect.flip(TaskGroup.find(supervisor, group)))._tag, "TaskNotFound")
      }))
  })

  describe("as a task", () => {
    it.effect("comes back empty from a restart, by command and by policy; numbers begin anew", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const group = TaskGroup.make(
          "jobs",
          (fails: boolean) => fails ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never,
          {
            each: { restart: { times: 0 }, whenDead: "escalate" },
            restart: { schedule: Schedule.spaced(50) }
          }
        )
        const { running, supervisor } = yield* inSupervisor(group)
        for (const _ of range(3)) yield* running.start(false)
        const old = yield* running.start(false)
        yield* supervisor.restart("jobs")
        yield* settle
        const second = yield* TaskGroup.find(supervisor, group)
        assert.deepStrictEqual(yield* names(second), [])
        assert.strictEqual(assertTag(yield* Effect.flip(old.await), "TaskDead").why, "ShutDown")
        assert.strictEqual((yield* second.start(true)).name, "1")
        yield* gate.open
        yield* settle
        yield* TestClock.adjust(50)
        yield* settle
        const third = yield* TaskGroup.find(supervisor, group)
        assert.notStrictEqual(third, second)
        assert.deepStrictEqual(yield* names(third), [])
        assert.strictEqual((yield* statusOf(supervisor, "jobs")).generation, 3)
      }))

    it.effect("is up when it can start instances: what comes after it in the list may", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (n: number) => Effect.succeed(n), { ready: "first-beat" })
        const results: Array<number> = []
        const after = Task.make(
          "after",
          Effect.gen(function*() {
            const { supervisor } = (yield* Supervisor.current)!
            const running = yield* TaskGroup.find(supervisor, group)
            const handle = yield* running.start(7)
            results.push(yield* handle.await)
          })
        )
        yield* Supervisor.make({ tasks: [group, after] })
        yield* settle
        assert.deepStrictEqual(results, [7])
      }))

    it.effect("is a supervisor to which, count and tree, with its instances below it", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (_: void) => Effect.never)
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [group, Task.make("last", Effect.never)] })
        yield* settle
        const running = yield* TaskGroup.find(supervisor, group)
        yield* running.start()
        yield* running.start()
        assert.deepStrictEqual((yield* supervisor.which).map(({ task, type }) => [task, type]), [
          ["jobs", "supervisor"],
          ["last", "worker"]
        ])
        assert.deepStrictEqual(yield* supervisor.count, { specs: 2, active: 2, supervisors: 1, workers: 1 })
        assert.deepStrictEqual(yield* supervisor.tree.count, { specs: 4, active: 4, supervisors: 1, workers: 3 })
        assert.deepStrictEqual((yield* supervisor.tree.which).map(({ path }) => path), [
          "root/jobs",
          "root/jobs/1",
          "root/jobs/2",
          "root/last"
        ])
      }))

    it.effect("takes the options of a task: its own restart, stopTimeout, and what it is when it dies", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const group = TaskGroup.make("jobs", (_: void) => Effect.andThen(gate.await, Effect.fail(new Net())), {
          intensity: { restarts: 1, within: "1 second" },
          each: { restart: { schedule: Schedule.spaced(1) } },
          restart: { on: { SupervisorError: "stop" } },
          whenDead: "escalate"
        })
        const { running, supervisor } = yield* inSupervisor(group)
        yield* running.start(undefined, { name: "ada" })
        yield* gate.open
        const error = assertTag(failureOf(yield* within(supervisor.await, 10)), "SupervisorError")
        const dead = assertTag(error.reason, "TaskDead")
        assert.deepInclude(dead, { task: "jobs", why: "NotRestartable" })
        const inner = Cause.squash(dead.cause) as SupervisorError.SupervisorError<Net>
        const exceeded = assertTag(inner.reason, "TooManyRestarts")
        assert.deepInclude(exceeded, { task: "ada", restarts: 1, within: 1000 })
        assert.deepStrictEqual(exceeded.cause, Cause.fail(new Net()))
      }))

    it.effect("counts its restarts over all instances", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (_: void) => Effect.fail(new Net()), {
          intensity: { restarts: 3, within: "1 minute" },
          each: { restart: { schedule: Schedule.spaced("10 seconds") } }
        })
        const running = yield* TaskGroup.scoped(group)
        for (const _ of range(3)) yield* running.start()
        assert.strictEqual((yield* running.count).specs, 3)
        yield* Effect.ignore(running.start())
        const error = failureOf(yield* within(running.await, 0))
        assert.strictEqual(assertTag(error.reason, "TooManyRestarts").restarts, 3)
      }))
  })

  describe("stopping", () => {
    it.effect("all are asked at once, and have one bound together", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (millis: number) =>
          Effect.andThen(Effect.addFinalizer(() => Effect.sleep(millis)), Effect.never), { each: { stopTimeout: 100 } })
        const { running, supervisor } = yield* inSupervisor(group)
        for (const millis of [30, 90, 60, 100]) {
          yield* running.start(millis)
        }
        const stopping = yield* fork(supervisor.stop("jobs"))
        assert.deepStrictEqual(
          (yield* supervisor.tree.statuses).map(({ _tag }) =>
            _tag
          ),
          ["Stopping", "Stopping", "Stopping", "Stopping", "Stopping"]
        )
        yield* TestClock.adjust(99)
        yield* settle
        assert.isUndefined(stopping.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(stopping.pollUnsafe(), Exit.void)
        const report = yield* running.await
        assert.deepStrictEqual(report.unstoppable, [])
        assert.deepStrictEqual(report.statuses.map(({ _tag }) => _tag), ["Dead", "Dead", "Dead", "Dead"])
      }))

    it.effect("many that ignore it are told of when the one timer is over, and are waited for by nobody", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const counting = yield* Counting.make
        yield* counting.provide(Effect.gen(function*() {
          const group = TaskGroup.make("jobs", (_: void) => body, { each: { stopTimeout: 50 }, stopTimeout: 80 })
          const { running, supervisor } = yield* inSupervisor(group)
          for (const _ of range(500)) yield* running.start()
          const events = yield* collect(running.events)
          const sleepers = counting.sleepers()
          const shutdown = yield* fork(supervisor.shutdown)
          assert.isAtMost(counting.sleepers() - sleepers, 2, "one timer for all of them, and one above")
          yield* TestClock.adjust(49)
          yield* settle
          assert.strictEqual(tagsOf(events.seen).filter((tag) => tag === "TaskUnstoppable").length, 0)
          yield* TestClock.adjust(1)
          yield* settle
          assert.strictEqual(tagsOf(events.seen).filter((tag) => tag === "TaskUnstoppable").length, 500)
          assert.isDefined(shutdown.pollUnsafe())
          // One report names every run, and the group's own, which is not over before they are.
          const report = yield* supervisor.await
          assert.strictEqual(report.unstoppable.length, 501)
          assert.deepStrictEqual(report.unstoppable.slice(0, 2).map(({ path }) => path), ["root/jobs", "root/jobs/1"])
          assert.strictEqual((yield* supervisor.unstoppable).length, 501)
          yield* release
          yield* settle
          assert.deepStrictEqual(yield* supervisor.unstoppable, [])
        }))
      }))

    it.effect("the group's task has the bound of its instances on top of its own: the longest, not the sum", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const group = TaskGroup.make("jobs", (_: void) => body, { each: { stopTimeout: "3 seconds" } })
        const { running, supervisor } = yield* inSupervisor(group)
        for (const _ of range(10)) yield* running.start()
        const stopping = yield* fork(Effect.exit(supervisor.stop("jobs")))
        yield* TestClock.adjust(2999)
        yield* settle
        assert.isUndefined(stopping.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        // Nothing is left but runs that do not end: that is told at once, not when the bound is over.
        assert.strictEqual(failureOf(yield* stopping.pollUnsafe()!)._tag, "TaskUnstoppable")
        yield* release
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "jobs"))._tag, "Stopped")
      }))

    it.effect("an instance that is a supervisor has the bounds of what it supervises, also when all stop together", () =>
      Effect.gen(function*() {
        const slow = (name: string) =>
          Task.make(name, Effect.andThen(Effect.addFinalizer(() => Effect.sleep("4 seconds")), Effect.never))
        const group = TaskGroup.make("jobs", (_: void) => Supervisor.run({ tasks: [slow("a"), slow("b")] }))
        const running = yield* TaskGroup.scoped(group)
        yield* running.start()
        yield* settle
        const events = yield* collect(running.tree.events)
        const shutdown = yield* fork(running.shutdown)
        yield* TestClock.adjust("7999 millis")
        yield* settle
        assert.notInclude(tagsOf(events.seen), "TaskUnstoppable")
        assert.isUndefined(shutdown.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.isDefined(shutdown.pollUnsafe())
        assert.deepStrictEqual((yield* running.await).unstoppable, [])
      }))

    it.effect("a stall of the observer is no part of their bound", () =>
      Effect.gen(function*() {
        const { provide, stall } = yield* StallingClock.make
        yield* provide(Effect.gen(function*() {
          const group = TaskGroup.make("jobs", (_: void) =>
            Effect.andThen(Effect.addFinalizer(() => Effect.sleep(150)), Effect.never), { each: { stopTimeout: 100 } })
          const running = yield* TaskGroup.scoped(group)
          for (const _ of range(3)) {
            yield* running.start()
          }
          const events = yield* collect(running.events)
          const shutdown = yield* fork(running.shutdown)
          yield* TestClock.adjust(50)
          yield* settle
          yield* stall("10 seconds")
          yield* settle
          assert.notInclude(tagsOf(events.seen), "TaskUnstoppable")
          assert.isDefined(shutdown.pollUnsafe())
          assert.deepStrictEqual((yield* running.await).unstoppable, [])
        }))
      }))

    it.effect("one that is being stopped already keeps the bound it has", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const group = TaskGroup.make("jobs", (_: void) => body, { each: { stopTimeout: 100 } })
        const running = yield* TaskGroup.scoped(group)
        yield* running.start()
        yield* running.start()
        const stopping = yield* fork(Effect.exit(running.stop("1")))
        yield* TestClock.adjust(60)
        yield* settle
        const shutdown = yield* fork(running.shutdown)
        yield* TestClock.adjust(40)
        yield* settle
        assert.strictEqual(failureOf(yield* stopping.pollUnsafe()!)._tag, "TaskUnstoppable")
        assert.isUndefined(shutdown.pollUnsafe())
        yield* TestClock.adjust(60)
        yield* settle
        assert.isDefined(shutdown.pollUnsafe())
        assert.strictEqual((yield* running.await).unstoppable.length, 2)
        yield* release
        yield* settle
      }))

    it.effect("shutdownTimeout bounds them as it does a supervisor's tasks", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const group = TaskGroup.make("jobs", (_: void) => body, {
          shutdownTimeout: 10,
          each: { stopTimeout: "infinity" }
        })
        const running = yield* TaskGroup.scoped(group)
        for (const _ of range(3)) yield* running.start()
        assert.deepStrictEqual(yield* within(running.shutdown, 10), Exit.void)
        assert.strictEqual((yield* running.await).unstoppable.length, 3)
        yield* release
        yield* settle
      }))
  })

  describe("scoped", () => {
    it.effect("lives in the scope, by the name of the value", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const group = TaskGroup.make("jobs", (n: number) =>
          Effect.andThen(Effect.addFinalizer(() => Effect.sync(() => log.push(`stop ${n}`))), Effect.never))
        const scope = yield* Scope.make()
        const running = yield* Scope.provide(TaskGroup.scoped(group), scope)
        assert.strictEqual(running.path, "jobs")
        yield* running.start(1)
        yield* running.start(2)
        yield* Scope.close(scope, Exit.void)
        assert.sameMembers(log, ["stop 1", "stop 2"])
        assert.strictEqual((yield* Effect.flip(running.start(3)))._tag, "SupervisorClosed")
      }))

    it.effect("each is a group of its own, of the same value", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (_: void) => Effect.never)
        const one = yield* TaskGroup.scoped(group)
        const two = yield* TaskGroup.scoped(group)
        yield* one.start()
        assert.deepStrictEqual(yield* names(two), [])
      }))

    it.effect("inside a run it has its place below that run", () =>
      Effect.gen(function*() {
        const group = TaskGroup.make("jobs", (_: void) => Effect.never)
        const supervisor = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make(
              "server",
              Effect.andThen(TaskGroup.scoped(group), (running) => Effect.andThen(running.start(), Effect.never))
            )
          ]
        })
        yield* settle
        assert.deepStrictEqual((yield* supervisor.tree.statuses).map(({ path }) => path), [
          "root/server",
          "root/server/jobs/1"
        ])
        assert.strictEqual((yield* TaskGroup.find(supervisor, group)).path, "root/server/jobs")
        yield* supervisor.stop("server/jobs/1")
        assert.strictEqual((yield* supervisor.tree.count).specs, 1)
      }))
  })

  describe("Service", () => {
    class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
    class Sessions extends TaskGroup.Service<Sessions>()(
      "test/Sessions",
      (user: string) => Effect.flatMap(Db, (db) => Effect.succeed(`${user} of ${db.name}`)),
      { maxTasks: 3 }
    ) {}

    it.effect("is a group in its Layer, named by the last segment of its id", () =>
      Effect.gen(function*() {
        const sessions = yield* Sessions
        assert.strictEqual(sessions.path, "Sessions")
        assert.strictEqual(yield* Effect.flatMap(sessions.start("ada"), (handle) => handle.await), "ada of main")
      }).pipe(Effect.provide(Sessions.layer.pipe(Layer.provide(Layer.succeed(Db)({ name: "main" }))))))

    it.effect("stops its instances before what they need closes", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        class Jobs extends TaskGroup.Service<Jobs>()("jobs", (n: number) =>
          Effect.andThen(
            Db,
            Effect.andThen(Effect.addFinalizer(() => Effect.sync(() => log.push(`stop ${n}`))), Effect.never)
          ))
        {}
        const db = Layer.effect(Db)(
          Effect.acquireRelease(Effect.succeed({ name: "main" }), () => Effect.sync(() => log.push("close db")))
        )
        yield* Effect.provide(
          Effect.flatMap(Jobs, (jobs) => Effect.andThen(jobs.start(1), jobs.start(2))),
          Layer.provide(Jobs.layer, db)
        )
        assert.sameMembers(log.slice(0, 2), ["stop 1", "stop 2"])
        assert.strictEqual(log[2], "close db")
      }))

    it("refuses bad options where the class is made", () => {
      assertRefused(
        () => TaskGroup.Service<never>()("a/", (_: void) => Effect.never),
        "name",
        "\"\"",
        "a string of 1 to 255 characters"
      )
      assertRefused(
        () => TaskGroup.Service<never>()("a/jobs", (_: void) => Effect.never, { maxTasks: 0 }),
        "TaskGroup.make(\"jobs\"): maxTasks",
        "0",
        "a whole number of 1 or more, or Infinity"
      )
    })
  })

  it("nonsense is refused where it is made, by name, value and what is allowed", () => {
    const make = (options: object) => () => TaskGroup.make("jobs", (_: void) => Effect.never, options as never)
    const nonsense: ReadonlyArray<readonly [object, string]> = [
      [{ maxTasks: 0 }, "TaskGroup.make(\"jobs\"): maxTasks is 0; allowed is a whole number of 1 or more, or Infinity"],
      [
        { maxTasks: 1.5 },
        "TaskGroup.make(\"jobs\"): maxTasks is 1.5; allowed is a whole number of 1 or more, or Infinity"
      ],
      [
        { maxTasks: Number.NaN },
        "TaskGroup.make(\"jobs\"): maxTasks is NaN; allowed is a whole number of 1 or more, or Infinity"
      ],
      [
        { maxTasks: Symbol("many") },
        "TaskGroup.make(\"jobs\"): maxTasks is Symbol(many); allowed is a whole number of 1 or more, or Infinity"
      ],
      [
        { intensity: { restarts: -1, within: 1 } },
        "TaskGroup.make(\"jobs\"): intensity.restarts is -1; allowed is a whole number of 0 or more"
      ],
      [
        { stopTimeout: -1 },
        "TaskGroup.make(\"jobs\"): stopTimeout is -1; allowed is a duration of 0 or more, or \"infinity\""
      ],
      [
        { each: { stopTimeout: -1 } },
        "TaskGroup.make(\"jobs\").each: stopTimeout is -1; allowed is a duration of 0 or more, or \"infinity\""
      ],
      [{ eventCapacity: 0 }, "TaskGroup.make(\"jobs\"): eventCapacity is 0; allowed is a whole number of 1 or more"]
    ]
    for (const [options, message] of nonsense) {
      const error = (() => {
        try {
          make(options)()
        } catch (thrown) {
          return thrown
        }
        return undefined
      })()
      assert.instanceOf(error, RangeError, message)
      assert.strictEqual((error as RangeError).message, message)
    }
    for (const options of [{ tasks: [] }, { strategy: "one-for-all" }, { max: 3 }, null, [], "all"]) {
      assertRefused(make(options as object), "TaskGroup.make(\"jobs\"): options", "", "maxTasks")
    }
    for (const each of [{ significant: true }, { version: 1 }, { ready: "first-beat" }, { maxTasks: 1 }, null]) {
      assertRefused(make({ each }), "TaskGroup.make(\"jobs\").each: options", "", "stopTimeout")
    }
    assertRefused(
      () => TaskGroup.make("a/b", (_: void) => Effect.never),
      "TaskGroup.make",
      "a/b",
      "a string of 1 to 255"
    )
    assertRefused(
      () => TaskGroup.make("jobs", Effect.never as never),
      "template",
      "",
      "a function from arguments to an Effect"
    )
  })

  it.effect("10,000 instances start, one of them is commanded, and all are stopped together", () =>
    Effect.gen(function*() {
      const group = TaskGroup.make("jobs", (n: number) => n % 100 === 0 ? Effect.fail(new Net()) : Effect.never, {
        each: { restart: { times: 0 } }
      })
      const { running, supervisor } = yield* inSupervisor(group)
      const handles: Array<Supervisor.TaskHandle<never, Net>> = []
      for (const n of range(10_000)) handles.push(yield* running.start(n))
      yield* settle
      assert.strictEqual((yield* running.count).active, 9900)
      yield* running.restart("5000")
      yield* handles[4998]!.stop
      assert.strictEqual((yield* running.count).active, 9899)
      const report = yield* Effect.andThen(supervisor.shutdown, running.await)
      assert.strictEqual(report.statuses.length, 9899)
      assert.deepStrictEqual(report.unstoppable, [])
      assert.strictEqual(failureOf(yield* Effect.exit(handles[0]!.await))._tag, "TaskDead")
    }).pipe(Effect.provide(Logger.layer([]))))
})
