import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import * as Counting from "./support/Counting.ts"
import {
  assertRefused,
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
  thrown,
  within
} from "./support/fixtures.ts"

const untyped = (options: unknown) => options as {}

const never = (name: string) => Task.make(name, Effect.never)
const failing = (name: string, options: Task.TaskOptions<Net> = {}) => Task.make(name, Effect.fail(new Net()), options)
const deadAtOnce = { restart: { times: 0 } } as const

/** What a forked command failed with. */
const refusal = <E>(fiber: Fiber.Fiber<unknown, E>): E => {
  const exit = fiber.pollUnsafe()
  assert(exit !== undefined, "it has not been answered")
  return failureOf(exit)
}

/** One of several commands, whichever it is. */
const anyOf = (command: Effect.Effect<unknown, SupervisorError.CommandError>) => command

const tagOfFailure = (command: Effect.Effect<unknown, SupervisorError.CommandError>) =>
  Effect.map(Effect.flip(command), (error) => error._tag)

const isOk = <A, E>(fiber: Fiber.Fiber<A, E>): boolean => {
  const exit = fiber.pollUnsafe()
  return exit !== undefined && Exit.isSuccess(exit)
}

describe("Supervisor", () => {
  describe("options", () => {
    it.each<readonly [string, unknown, string, string]>([
      ["name", "", "\"\"", "a string of 1 to 255 characters"],
      ["name", "a/b", "\"a/b\"", "without \"/\" and control characters"],
      ["name", "a\nb", "\"a\\nb\"", "without \"/\" and control characters"],
      ["name", "x".repeat(256), "256 characters", "a string of 1 to 255 characters"],
      ["name", 7, "7", "a string of 1 to 255 characters"],
      ["tasks", "job", "\"job\"", "an array of tasks made by Task.make"],
      ["tasks", {}, "{}", "an array of tasks made by Task.make"],
      ["tasks[0]", [Effect.void], "is", "a task made by Task.make"],
      ["tasks[1]", [never("a"), undefined], "undefined", "a task made by Task.make"],
      ["tasks[2]", [never("a"), never("b"), never("a")], "\"a\"", "a name that no other task of this supervisor has"],
      ["healthCheck", 3, "3", "an object with initialDelay, interval"],
      ["healthCheck.initialDelay", { initialDelay: -1 }, "-1", "a duration of 0 or more"],
      ["healthCheck.initialDelay", { initialDelay: "infinity" }, "infinity", "a duration of 0 or more"],
      ["healthCheck.interval", { interval: 0 }, "0", "a duration above 0"],
      ["healthCheck.interval", { interval: Number.NaN }, "NaN", "a duration above 0"],
      ["healthCheck.interval", { interval: "infinity" }, "infinity", "a duration above 0"],
      ["maxDeadFraction", 0, "0", "a number above 0 and at most 1"],
      ["maxDeadFraction", -0.5, "-0.5", "a number above 0 and at most 1"],
      ["maxDeadFraction", 1.01, "1.01", "a number above 0 and at most 1"],
      ["maxDeadFraction", Number.NaN, "NaN", "a number above 0 and at most 1"],
      ["maxDeadFraction", "0.5", "\"0.5\"", "a number above 0 and at most 1"],
      ["whenAllCompleted", "stop", "\"stop\"", "\"stay\" or \"end\""],
      ["shutdownTimeout", -1, "-1", "a duration of 0 or more, or \"infinity\""],
      ["shutdownTimeout", "later", "\"later\"", "a duration of 0 or more, or \"infinity\""],
      ["eventCapacity", 0, "0", "a whole number of 1 or more"],
      ["eventCapacity", 1.5, "1.5", "a whole number of 1 or more"],
      ["eventCapacity", Infinity, "Infinity", "a whole number of 1 or more"],
      ["stopTimeout", { stopTimeout: "-1 second" }, "\"-1 second\"", "a duration of 0 or more, or \"infinity\""],
      ["times", { restart: { times: -1 } }, "-1", "a whole number of 0 or more, or Infinity"]
    ])("refuses %s", (option, value, shown, allowed) => {
      const key = option.startsWith("tasks")
        ? "tasks"
        : ["stopTimeout", "times"].includes(option)
        ? "defaults"
        : option.split(".")[0]!
      assertRefused(() => Supervisor.make(untyped({ [key]: value })), option, shown, allowed)
      assertRefused(() => Supervisor.run(untyped({ [key]: value })), option, shown, allowed)
      assertRefused(() => Supervisor.layer(untyped({ [key]: value })), option, shown, allowed)
      assertRefused(() => Supervisor.Service<never>()("app", untyped({ [key]: value })), option, shown, allowed)
    })

    it("refuses null, options that nobody reads, and says which supervisor's they are", () => {
      for (
        const key of [
          "name",
          "tasks",
          "defaults",
          "healthCheck",
          "maxDeadFraction",
          "whenAllCompleted",
          "shutdownTimeout",
          "eventCapacity"
        ]
      ) assert.instanceOf(thrown(() => Supervisor.make(untyped({ [key]: null }))), RangeError, key)
      for (
        const options of [
          { task: [] },
          { healthCheck: { every: 1 } },
          { defaults: { retry: 1 } }
        ]
      ) {
        const error = thrown(() => Supervisor.make(untyped({ name: "root", ...options })))
        assert.instanceOf(error, RangeError)
        assert.match(error.message, /^Supervisor\("root"\).*unknown option ".*"; allowed are /)
      }
      for (const options of [null, "root", 3]) {
        assert.instanceOf(thrown(() => Supervisor.make(options as never)), RangeError)
      }
    })

    it.effect("nothing is started when the options are refused", () =>
      Effect.gen(function*() {
        let started = 0
        const task = Task.make(
          "job",
          Effect.sync(() => {
            started++
          })
        )
        assert.instanceOf(thrown(() => Supervisor.make({ tasks: [task, task] })), RangeError)
        assert.instanceOf(thrown(() => Supervisor.run({ tasks: [task], maxDeadFraction: 2 })), RangeError)
        yield* settle
        assert.strictEqual(started, 0)
      }))
  })

  describe("make", () => {
    it.effect("is up when the last listed task's run has begun, all of them in order", () =>
      Effect.gen(function*() {
        const began: Array<string> = []
        const task = (name: string) =>
          Task.make(name, Effect.andThen(Effect.sync(() => began.push(name)), Effect.never))
        const supervisor = yield* Supervisor.make({ tasks: ["a", "b", "c"].map(task) })
        assert.deepStrictEqual(began, ["a", "b", "c"])
        const statuses = yield* supervisor.statuses
        assert.deepStrictEqual(statuses.map((status) => `${status.task} ${status._tag}`), [
          "a Healthy",
          "b Healthy",
          "c Healthy"
        ])
        assert.deepStrictEqual(statuses.map((status) => status.path), ["supervisor/a", "supervisor/b", "supervisor/c"])
      }))

    it.effect("without tasks is up at once, and stays", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "empty", whenAllCompleted: "end" })
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual(yield* supervisor.statuses, [])
        assert.strictEqual(supervisor.path, "empty")
      }))

    it.effect("a body that blocks nothing but itself does not keep the others from starting", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make("slow", Effect.sleep("1 hour")),
            failing("fails"),
            Task.make("dies", Effect.die("x")),
            never("c")
          ]
        })
        assert.deepStrictEqual((yield* supervisor.statuses).map((status) => status.generation), [1, 1, 1, 1])
      }))

    it.effect("an idle supervisor costs nothing: no timer is armed while none is due", () =>
      Effect.gen(function*() {
        const counting = yield* Counting.make
        yield* counting.provide(Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [never("a"), Task.make("b", Effect.void)] })
          yield* settle
          const before = counting.slept()
          yield* TestClock.adjust("30 days")
          assert.strictEqual(counting.sleepers(), 0)
          assert.strictEqual(counting.slept(), before)
          yield* supervisor.shutdown
        }))
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // the table of commands
  // -------------------------------------------------------------------------------------------------------------------

  describe("a long list", () => {
    const many = 2000

    /** The first one of the list does this as it begins, while the rest is being added. */
    const atOnce = <A, E>(act: (supervisor: Supervisor.RunningSupervisor) => Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const begun: Array<string> = []
        let beside: { readonly answer: Exit.Exit<A, E>; readonly specs: number; readonly begun: number } | undefined
        const own = Task.make(
          "own",
          Effect.gen(function*() {
            const { supervisor } = (yield* Supervisor.current)!
            const answer = yield* Effect.exit(act(supervisor))
            beside = { answer, specs: (yield* supervisor.count).specs, begun: begun.length }
            return yield* Effect.never
          })
        )
        const rest = Array.from(
          { length: many },
          (_, index) => Task.make(`t${index}`, Effect.andThen(Effect.sync(() => begun.push(`t${index}`)), Effect.never))
        )
        const supervisor = yield* Supervisor.make({ tasks: [own, ...rest] })
        yield* settle
        assert(beside !== undefined, "it has not been answered")
        assert.strictEqual((yield* supervisor.count).specs, many + 1)
        return { ...beside, supervisor }
      })

    it.effect("keeps no command waiting about one that has been added", () =>
      Effect.gen(function*() {
        const { answer, specs } = yield* atOnce((supervisor) => supervisor.start("own"))
        assert.strictEqual(failureOf(answer)._tag, "TaskAlreadyRunning")
        assert.isBelow(specs, many)
      }))

    it.effect("a command about one that comes later waits for it", () =>
      Effect.gen(function*() {
        const last = `t${many - 1}`
        const { answer, supervisor } = yield* atOnce((supervisor) => supervisor.stop(last))
        assert.deepStrictEqual(answer, Exit.void)
        assert.strictEqual((yield* statusOf(supervisor, last))._tag, "Stopped")
      }))

    it.effect("a name that is in it is taken, also before its turn", () =>
      Effect.gen(function*() {
        const { answer } = yield* atOnce((supervisor) => supervisor.add(never(`t${many - 1}`)))
        assert.strictEqual(failureOf(answer)._tag, "TaskAlreadyExists")
      }))

    it.effect("nothing of it is started by one that is asked to end as it begins", () =>
      Effect.gen(function*() {
        const begun: Array<string> = []
        const task = (name: string) =>
          Task.make(name, Effect.andThen(Effect.sync(() => begun.push(name)), Effect.never))
        const scope = yield* Scope.make()
        const making = yield* Effect.forkChild(
          Scope.provide(Supervisor.make({ tasks: [task("a"), task("b")] }), scope),
          { startImmediately: true }
        )
        yield* Scope.close(scope, Exit.void)
        yield* settle
        assert.isDefined(making.pollUnsafe())
        assert.deepStrictEqual(begun, [])
      }))
  })

  describe("commands", () => {
    type Name = "start" | "restart" | "stop" | "kill" | "remove"
    type Given = "Starting" | "Healthy" | "Failed" | "Stopping" | "overdue" | "Stopped" | "Completed" | "Dead"

    /** Brings a task of its own supervisor into a status. `release` lets a stubborn run end. */
    const bring = Effect.fnUntraced(function*(given: Given) {
      const gate = Latch.makeUnsafe()
      const supervisor = yield* Supervisor.make()
      const add = (body: Effect.Effect<void, Net>, options: Task.TaskOptions<Net> = {}) =>
        supervisor.add(Task.make("job", body, { stopTimeout: "1 second", ...options }))
      const attempts = { restart: { schedule: Schedule.spaced("1 minute") } }
      const release = Effect.andThen(gate.open, settle)
      const handle = yield* Effect.gen(function*() {
        switch (given) {
          case "Starting":
            return yield* add(Effect.never, { heartbeat: Heartbeat.manual({ within: "1 day" }) })
          case "Healthy":
            return yield* add(Effect.never)
          case "Failed": {
            const handle = yield* add(Effect.fail(new Net()), attempts)
            yield* settle
            return handle
          }
          case "Stopping":
          case "overdue": {
            let run = 0
            const handle = yield* add(
              Effect.suspend(() => ++run === 1 ? Effect.uninterruptible(gate.await) : Effect.never)
            )
            yield* Effect.forkChild(Effect.ignore(handle.stop), { startImmediately: true })
            yield* TestClock.adjust(given === "overdue" ? 1000 : 100)
            return handle
          }
          case "Stopped": {
            const handle = yield* add(Effect.never)
            yield* handle.stop
            return handle
          }
          case "Completed": {
            const handle = yield* add(Effect.void)
            yield* settle
            return handle
          }
          case "Dead": {
            const handle = yield* add(Effect.fail(new Net()), deadAtOnce)
            yield* settle
            return handle
          }
        }
      })
      const status = yield* Effect.orDie(handle.status)
      assert.strictEqual(status._tag, given === "overdue" ? "Stopping" : given)
      if (status._tag === "Stopping") assert.strictEqual(status.overdue, given === "overdue")
      return { supervisor, handle, release, before: status }
    })

    interface Becomes {
      /** The error, or that it is answered at once, or only when the run has been released. */
      readonly answer: "ok" | "after release" | "TaskAlreadyRunning" | "TaskUnstoppable"
      readonly status: TaskStatus["_tag"] | "gone"
      /** Whether a new run begins. */
      readonly runs?: 1
      readonly why?: string
    }
    const unchanged = (status: TaskStatus["_tag"], answer: Becomes["answer"] = "ok"): Becomes => ({ answer, status })
    const ok = (status: Becomes["status"], why?: string): Becomes => ({
      answer: "ok",
      status,
      ...(why === undefined ? {} : { why })
    })
    const begins = (answer: Becomes["answer"] = "ok"): Becomes => ({ answer, status: "Healthy", runs: 1 })
    const released = (status: Becomes["status"], why?: string): Becomes => ({
      ...ok(status, why),
      answer: "after release"
    })
    const refused = (status: Becomes["status"], why?: string): Becomes => ({
      ...ok(status, why),
      answer: "TaskUnstoppable"
    })

    /** The table of the design, line by line. Of a run that does not end, what follows its end is shown. */
    const table: Record<Name, Record<Given, Becomes>> = {
      start: {
        Starting: unchanged("Starting", "TaskAlreadyRunning"),
        Healthy: unchanged("Healthy", "TaskAlreadyRunning"),
        Stopping: unchanged("Stopped", "TaskAlreadyRunning"),
        overdue: unchanged("Stopped", "TaskAlreadyRunning"),
        Failed: begins(),
        Stopped: begins(),
        Completed: begins(),
        Dead: begins()
      },
      restart: {
        Starting: begins(),
        Healthy: begins(),
        Stopping: begins("after release"),
        overdue: begins("TaskUnstoppable"),
        Failed: begins(),
        Stopped: begins(),
        Completed: begins(),
        Dead: begins()
      },
      stop: {
        Starting: ok("Stopped"),
        Healthy: ok("Stopped"),
        Stopping: released("Stopped"),
        overdue: refused("Stopped"),
        Failed: ok("Stopped"),
        Stopped: unchanged("Stopped"),
        Completed: unchanged("Completed"),
        Dead: { ...unchanged("Dead"), why: "Exhausted" }
      },
      kill: {
        Starting: ok("Dead", "Killed"),
        Healthy: ok("Dead", "Killed"),
        Stopping: released("Dead", "Killed"),
        overdue: refused("Dead", "Killed"),
        Failed: ok("Dead", "Killed"),
        Stopped: ok("Dead", "Killed"),
        Completed: ok("Dead", "Killed"),
        Dead: { ...unchanged("Dead"), why: "Exhausted" }
      },
      remove: {
        Starting: ok("gone"),
        Healthy: ok("gone"),
        Stopping: released("gone"),
        overdue: refused("gone"),
        Failed: ok("gone"),
        Stopped: ok("gone"),
        Completed: ok("gone"),
        Dead: ok("gone")
      }
    }
    const rows = Object.entries(table).flatMap(([name, statuses]) =>
      Object.entries(statuses).flatMap(([given, becomes]) =>
        ["by name", "by handle"].map((via) => ({ name: name as Name, given: given as Given, becomes, via }))
      )
    )
    it.effect.each(rows)(
      "$name of a task that is $given ($via): $becomes.answer, then $becomes.status",
      ({ becomes, given, name, via }) =>
        Effect.gen(function*() {
          const { before, handle, release, supervisor } = yield* bring(given)
          const command: Effect.Effect<void, SupervisorError.CommandError> = via === "by name"
            ? supervisor[name]("job")
            : handle[name]
          const asked = yield* fork(command)
          if (becomes.answer === "after release") assert.isUndefined(asked.pollUnsafe(), "answered before the end")
          else if (becomes.answer === "ok") assert.isTrue(isOk(asked))
          else {
            const error = refusal(asked)
            assert.strictEqual(error._tag, becomes.answer)
            assert.strictEqual(error.supervisor, "supervisor")
            if (error._tag === "TaskAlreadyRunning") assert.strictEqual(error.generation, before.generation)
            if (error._tag === "TaskUnstoppable") {
              assert.strictEqual(error.generation, before.generation)
              assert.strictEqual(error.stopTimeout, 1000)
            }
          }
          yield* release
          if (becomes.answer === "after release") assert.isTrue(isOk(asked))
          const after = yield* Effect.exit(supervisor.status("job"))
          if (becomes.status === "gone") {
            assert.strictEqual(failureOf(after)._tag, "TaskNotFound")
            yield* supervisor.add(never("job"))
          } else {
            assert(Exit.isSuccess(after))
            // A task that begins anew as Starting or failing shows so, whatever it was.
            if (becomes.runs === undefined) assert.strictEqual(after.value._tag, becomes.status)
            assert.strictEqual(after.value.generation, before.generation + (becomes.runs ?? 0))
            if (becomes.why !== undefined) assert.strictEqual(assertStatus(after.value, "Dead").why, becomes.why)
          }
          yield* supervisor.shutdown
        })
    )

    it.effect("start and restart forget the attempts, of a task that waits for its restart too", () =>
      Effect.gen(function*() {
        for (const name of ["start", "restart"] as const) {
          let fails = true
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(
            Task.make("job", Effect.suspend(() => fails ? Effect.fail(new Net()) : Effect.never))
          )
          yield* TestClock.adjust(3000)
          assert.strictEqual((yield* handle.status).attempt, 3)
          fails = false
          yield* handle[name]
          assert.strictEqual((yield* handle.status).attempt, 0)
          assert.strictEqual((yield* handle.status).generation, 4)
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* handle.status).generation, 4, "the restart that was due is off")
        }
      }))

    it.effect("a restart that was due is off after stop, kill and remove", () =>
      Effect.gen(function*() {
        for (const name of ["stop", "kill", "remove"] as const) {
          let runs = 0
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(
            Task.make(
              "job",
              Effect.suspend(() => {
                runs++
                return Effect.fail(new Net())
              })
            )
          )
          yield* TestClock.adjust(500)
          yield* handle[name]
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(runs, 1)
        }
      }))

    it.effect("restart resolves when the new run has begun, after the old one's finalizers", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        let run = 0
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "job",
            Effect.suspend(() => {
              const own = ++run
              log.push(`begin ${own}`)
              return Effect.onInterrupt(
                Effect.never,
                () => Effect.andThen(Effect.sleep(100), Effect.sync(() => log.push(`end ${own}`)))
              )
            })
          )]
        })
        const asked = yield* fork(Effect.tap(supervisor.restart("job"), Effect.sync(() => log.push("answered"))))
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(log, ["begin 1"])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(log, ["begin 1", "end 1", "begin 2", "answered"])
        assert.isTrue(isOk(asked))
        yield* within(supervisor.shutdown, 100)
      }))

    it.effect("an unknown name is TaskNotFound, and nothing else happens", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [never("job")] })
        for (const name of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          for (const unknown of ["other", "", "root/other", "job/other", "/job", "job/", "JOB"]) {
            const error = assertTag(failureOf(yield* Effect.exit(anyOf(supervisor[name](unknown)))), "TaskNotFound")
            assert.strictEqual(error.task, unknown)
            assert.strictEqual(error.supervisor, "root")
          }
        }
        assert.strictEqual((yield* supervisor.statuses).length, 1)
      }))

    it.effect("add of a name that is taken is TaskAlreadyExists, and the new body never starts", () =>
      Effect.gen(function*() {
        let started = 0
        const body = Effect.sync(() => {
          started++
        })
        const supervisor = yield* Supervisor.make({ tasks: [never("job"), Task.make("done", Effect.void)] })
        yield* settle
        for (const name of ["job", "done"]) {
          const error = assertTag(yield* Effect.flip(supervisor.add(Task.make(name, body))), "TaskAlreadyExists")
          assert.strictEqual(error.task, name)
        }
        yield* settle
        assert.strictEqual(started, 0)
        assert.strictEqual((yield* supervisor.statuses).length, 2)
      }))

    it.effect("after the end every command is SupervisorClosed, and nothing starts", () =>
      Effect.gen(function*() {
        let started = 0
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [never("job")] })
        const handle = yield* supervisor.add(never("added"))
        yield* supervisor.shutdown
        for (const name of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          assert.strictEqual(yield* tagOfFailure(supervisor[name]("job")), "SupervisorClosed")
          assert.strictEqual(yield* tagOfFailure(supervisor[name]("unknown")), "SupervisorClosed")
          assert.strictEqual(yield* tagOfFailure(handle[name]), "SupervisorClosed")
        }
        assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
        const add = supervisor.add(Task.make(
          "late",
          Effect.sync(() => {
            started++
          })
        ))
        assert.strictEqual((yield* Effect.flip(add))._tag, "SupervisorClosed")
        yield* settle
        assert.strictEqual(started, 0)
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
        yield* supervisor.shutdown
        yield* supervisor.shutdown
        assert.strictEqual((yield* supervisor.await).statuses.length, 2)
      }))

    it.effect("while it is closing every command is SupervisorClosed, and what waits is answered", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make({
          tasks: [never("first"), Task.make("job", body, { stopTimeout: "infinity" })]
        })
        const shutdown = yield* fork(supervisor.shutdown)
        for (const name of ["start", "restart", "stop", "kill", "remove"] as const) {
          assert.strictEqual(yield* tagOfFailure(supervisor[name]("first")), "SupervisorClosed")
        }
        assert.strictEqual((yield* Effect.flip(supervisor.add(never("late"))))._tag, "SupervisorClosed")
        assert.isUndefined(shutdown.pollUnsafe())
        assert.strictEqual((yield* statusOf(supervisor, "first"))._tag, "Healthy", "it can still be looked at")
        yield* release
        yield* settle
        assert.isTrue(isOk(shutdown))
      }))

    it.effect("equal commands while a run stops are answered together", () =>
      Effect.gen(function*() {
        for (const name of ["restart", "stop", "kill", "remove"] as const) {
          const { body, release } = yield* stubborn
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("job", body)] })
          const asked = yield* Effect.forEach([1, 2, 3], () => fork(supervisor[name]("job")))
          assert.isTrue(asked.every((one) => one.pollUnsafe() === undefined))
          yield* release
          yield* settle
          assert.isTrue(asked.every(isOk), name)
          if (name === "restart") assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 2)
        }
      }))

    const pairs = (["restart", "stop", "kill", "remove"] as const).flatMap((first) =>
      (["restart", "stop", "kill", "remove"] as const).filter((second) => second !== first).map((second) =>
        [first, second] as const
      )
    )
    it.effect.each(pairs)(
      "%s, then %s while it stops: the last one wins, the first is superseded",
      ([first, second]) =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          let run = 0
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [Task.make("job", Effect.suspend(() => ++run === 1 ? body : Effect.never))]
          })
          const overtaken = yield* fork(supervisor[first]("job"))
          const winner = yield* fork(supervisor[second]("job"))
          const error = assertTag(refusal(overtaken), "CommandSuperseded")
          assert.deepStrictEqual(
            { supervisor: error.supervisor, task: error.task, command: error.command, by: error.by },
            { supervisor: "root", task: "job", command: first, by: second }
          )
          assert.isUndefined(winner.pollUnsafe())
          yield* release
          yield* settle
          assert.isTrue(isOk(winner))
          const after = yield* Effect.exit(supervisor.status("job"))
          const shown = Exit.isSuccess(after) ? after.value._tag : failureOf(after)._tag
          assert.strictEqual(
            shown,
            { restart: "Healthy", stop: "Stopped", kill: "Dead", remove: "TaskNotFound" }[second]
          )
          assert.strictEqual(run, second === "restart" ? 2 : 1)
        })
    )

    it.effect("shutdown overtakes a restart; a stop and a kill under way keep their own outcome", () =>
      Effect.gen(function*() {
        for (const [name, outcome] of [["restart", "ShutDown"], ["stop", "Stopped"], ["kill", "Killed"]] as const) {
          const { body, release } = yield* stubborn
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("job", body)] })
          const asked = yield* fork(supervisor[name]("job"))
          const shutdown = yield* fork(supervisor.shutdown)
          if (name === "restart") {
            const error = assertTag(refusal(asked), "CommandSuperseded")
            assert.strictEqual(error.by, "shutdown")
          }
          yield* release
          yield* settle
          assert.isTrue(isOk(shutdown))
          const [status] = (yield* supervisor.await).statuses
          assert.strictEqual(status?._tag === "Dead" ? status.why : status?._tag, outcome)
          if (name !== "restart") assert.isTrue(isOk(asked))
        }
      }))

    it.effect("what a run said before a command about it comes before the command", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(
          Task.make("job", Effect.as(gate.await, "done"), { restart: { mode: "transient" } })
        )
        // in one synchronous step: the run ends, then a stop is asked for
        gate.openUnsafe()
        yield* settle
        yield* handle.stop
        assert.strictEqual((yield* handle.status)._tag, "Completed")
        assert.strictEqual(yield* handle.await, "done")
      }))

    it.effect("interrupting the caller ends the waiting, not the command", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        let run = 0
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("job", Effect.suspend(() => ++run === 1 ? body : Effect.never))]
        })
        const asked = yield* fork(supervisor.restart("job"))
        yield* Fiber.interrupt(asked)
        yield* release
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 2)
        const stop = yield* Effect.forkChild(supervisor.stop("job"), { startImmediately: true })
        yield* Fiber.interrupt(stop)
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Stopped")
      }))

    it.effect("interrupting one who adds loses neither the task nor its name", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const adding = yield* Effect.forkChild(supervisor.add(never("job")), { startImmediately: true })
        yield* Fiber.interrupt(adding)
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Healthy")
        assert.strictEqual((yield* Effect.flip(supervisor.add(never("job"))))._tag, "TaskAlreadyExists")
        yield* supervisor.remove("job")
        yield* supervisor.add(never("job"))
      }))

    it.effect("interrupting one who makes a supervisor leaves none behind", () =>
      Effect.gen(function*() {
        let began = 0
        let ended = 0
        const counting = yield* Counting.make
        const tasks = Array.from({ length: 1000 }, (_, index) =>
          Task.make(
            `task ${index}`,
            Effect.suspend(() => {
              began++
              return Effect.onInterrupt(Effect.never, () =>
                Effect.sync(() => {
                  ended++
                }))
            })
          ))
        const making = yield* counting.provide(
          Effect.forkChild(Effect.scoped(Effect.andThen(Supervisor.make({ tasks }), Effect.never)), {
            startImmediately: true
          })
        )
        yield* Fiber.interrupt(making)
        yield* settle
        assert.strictEqual(ended, began)
        assert.strictEqual(counting.fibers(), 0)
      }))

    it.effect("a run may command its own task: it is stopped, and the command's caller with it", () =>
      Effect.gen(function*() {
        let answered = 0
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "job",
            Effect.gen(function*() {
              const current = yield* Supervisor.current
              assert(current !== undefined)
              if (current.generation === 1) {
                yield* current.supervisor.restart("job")
                answered++
              }
              return yield* Effect.never
            })
          )]
        })
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 2)
        assert.strictEqual(answered, 0)
      }))

    it.effect("a run may add tasks, and shut its own supervisor down", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "job",
            Effect.gen(function*() {
              const current = yield* Supervisor.current
              assert(current !== undefined)
              yield* current.supervisor.add(never("child"))
              yield* Effect.sleep(100)
              yield* current.supervisor.shutdown
            })
          )]
        })
        yield* settle
        assert.strictEqual((yield* supervisor.statuses).length, 2)
        yield* TestClock.adjust(100)
        yield* settle
        const report = yield* supervisor.await
        assert.deepStrictEqual(report.statuses.map((status) => status._tag), ["Dead", "Dead"])
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // stopping
  // -------------------------------------------------------------------------------------------------------------------

  describe("stopTimeout", () => {
    const stubbornTask = (options: Task.TaskOptions<never>) =>
      Effect.map(stubborn, ({ body, release }) => ({ task: Task.make("job", body, options), release }))

    it.effect("a run that does not end is reported at its bound: the error, the status, an event, the list", () =>
      Effect.gen(function*() {
        const { release, task } = yield* stubbornTask({ stopTimeout: 500 })
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [task] })
        const { seen } = yield* collect(supervisor.events)
        const asked = yield* fork(supervisor.kill("job"))
        yield* TestClock.adjust(499)
        assert.isUndefined(asked.pollUnsafe())
        assert.isFalse(assertStatus(yield* statusOf(supervisor, "job"), "Stopping").overdue)
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
        yield* TestClock.adjust(1)
        yield* settle
        const error = assertTag(refusal(asked), "TaskUnstoppable")
        assert.strictEqual(error.stopTimeout, 500)
        assert.strictEqual(error.generation, 1)
        assert.isTrue(assertStatus(yield* statusOf(supervisor, "job"), "Stopping").overdue)
        assert.deepStrictEqual(yield* supervisor.unstoppable, [
          { task: "job", path: "root/job", generation: 1, stoppingSince: 0 }
        ])
        const event = seen.find((one) => one._tag === "TaskUnstoppable")
        assert(event?._tag === "TaskUnstoppable")
        assert.strictEqual(event.stopTimeout, 500)
        yield* release
        yield* settle
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "job"), "Dead").why, "Killed")
        assert.deepStrictEqual(yield* supervisor.unstoppable, [])
      }))

    it.effect("it is never overlapped: the last intent is carried out when it does end", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        let alive = 0
        let most = 0
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "job",
            Effect.suspend(() => {
              most = Math.max(most, ++alive)
              return body
            }).pipe(Effect.ensuring(Effect.sync(() => {
              alive--
            }))),
            { stopTimeout: 100 }
          )]
        })
        const asked: Array<Fiber.Fiber<void, SupervisorError.CommandError>> = []
        for (const name of ["stop", "kill", "restart"] as const) {
          asked.push(yield* fork(supervisor[name]("job")))
          yield* TestClock.adjust(100)
        }
        assert.deepStrictEqual(asked.map((one) => refusal(one)._tag), [
          "TaskUnstoppable",
          "TaskUnstoppable",
          "TaskUnstoppable"
        ])
        yield* TestClock.adjust("1 day")
        assert.strictEqual(most, 1)
        yield* release
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 2)
        assert.strictEqual(most, 1)
      }))

    it.effect("0 is a bound like any other: who ends on being asked ends in time", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make("good", Effect.never, { stopTimeout: 0 })]
        })
        assert.isTrue(Exit.isSuccess(yield* within(supervisor.stop("good"), 0)))
        const { release, task } = yield* stubbornTask({ stopTimeout: 0 })
        yield* supervisor.add(task)
        assert.strictEqual(failureOf(yield* within(supervisor.stop("job"), 1))._tag, "TaskUnstoppable")
        yield* release
      }))

    it.effect("only an explicit infinity waits without bound", () =>
      Effect.gen(function*() {
        const { release, task } = yield* stubbornTask({ stopTimeout: "infinity" })
        const supervisor = yield* Supervisor.make({ tasks: [task] })
        const asked = yield* fork(supervisor.stop("job"))
        yield* TestClock.adjust("365 days")
        assert.isUndefined(asked.pollUnsafe())
        yield* release
        yield* settle
        assert.isTrue(isOk(asked))
      }))

    it.effect("default: 5 s", () =>
      Effect.gen(function*() {
        const { release, task } = yield* stubbornTask({})
        const supervisor = yield* Supervisor.make({ tasks: [task] })
        const asked = yield* fork(supervisor.stop("job"))
        yield* TestClock.adjust(4999)
        assert.isUndefined(asked.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual(refusal(asked)._tag, "TaskUnstoppable")
        yield* release
      }))

    it.effect("a finalizer that hangs counts as the run, within and beyond the bound", () =>
      Effect.gen(function*() {
        const gate = Latch.makeUnsafe()
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "job",
            Effect.andThen(Effect.addFinalizer(() => gate.await), Effect.never),
            { stopTimeout: 100 }
          )]
        })
        assert.strictEqual(failureOf(yield* within(supervisor.restart("job"), 100))._tag, "TaskUnstoppable")
        yield* gate.open
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 2)
      }))

    describe("a body that has ended, and finalizers that take their time", () => {
      const ends: Record<string, { readonly body: Effect.Effect<void, Net>; readonly becomes: TaskStatus["_tag"] }> = {
        "a good end": { body: Effect.void, becomes: "Completed" },
        "a failure": { body: Effect.fail(new Net()), becomes: "Failed" },
        "a defect": { body: Effect.die("broken"), becomes: "Failed" }
      }
      const heartbeats = [Heartbeat.automatic(), Heartbeat.manual({ within: 10 }), Heartbeat.none]
      const slowly = (body: Effect.Effect<void, Net>, gate: Latch.Latch, heartbeat: Heartbeat.Heartbeat) =>
        Task.make("job", Effect.andThen(Effect.addFinalizer(() => gate.await), body), {
          heartbeat,
          stopTimeout: 1000,
          restart: { schedule: Schedule.spaced("1 hour") }
        })

      it.effect.each(
        Object.entries(ends).flatMap(([end, how]) => heartbeats.map((heartbeat) => ({ end, ...how, heartbeat })))
      )(
        "$end, $heartbeat._tag: Stopping meanwhile, never a missed heartbeat, then what it ended with",
        (given) =>
          Effect.gen(function*() {
            const gate = Latch.makeUnsafe()
            const supervisor = yield* Supervisor.make({ healthCheck: { initialDelay: 0 } })
            const { seen } = yield* collect(supervisor.events)
            const handle = yield* supervisor.add(slowly(given.body, gate, given.heartbeat))
            yield* TestClock.adjust(999)
            assert.isFalse(assertStatus(yield* handle.status, "Stopping").overdue)
            yield* gate.open
            yield* settle
            assert.strictEqual((yield* handle.status)._tag, given.becomes)
            const tags = tagsOf(seen, "job")
            assert.notInclude(tags, "HeartbeatMissed")
            assert.notInclude(tags, "TaskUnstoppable")
            const stopping = seen.find((event) => event._tag === "TaskStopping")
            assert.strictEqual(stopping?._tag === "TaskStopping" && stopping.because, "ended")
          })
      )

      it.effect("beyond stopTimeout they are reported, and the outcome is still what it was", () =>
        Effect.gen(function*() {
          const gate = Latch.makeUnsafe()
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(slowly(Effect.void, gate, Heartbeat.automatic()))
          yield* TestClock.adjust(1000)
          assert.isTrue(assertStatus(yield* handle.status, "Stopping").overdue)
          assert.strictEqual((yield* supervisor.unstoppable).length, 1)
          yield* gate.open
          yield* settle
          assert.strictEqual((yield* handle.status)._tag, "Completed")
          assert.isUndefined(yield* handle.await)
        }))

      it.effect("a command meanwhile is the last intent", () =>
        Effect.gen(function*() {
          for (const [name, becomes] of [["stop", "Stopped"], ["kill", "Dead"], ["restart", "Healthy"]] as const) {
            const gate = Latch.makeUnsafe()
            let run = 0
            const supervisor = yield* Supervisor.make()
            const handle = yield* supervisor.add(slowly(
              Effect.suspend(() => ++run === 1 ? Effect.fail(new Net()) : Effect.never),
              gate,
              Heartbeat.automatic()
            ))
            yield* settle
            const asked = yield* fork(handle[name])
            assert.isUndefined(asked.pollUnsafe())
            yield* gate.open
            yield* settle
            assert.isTrue(isOk(asked))
            assert.strictEqual((yield* handle.status)._tag, becomes)
            assert.strictEqual(run, name === "restart" ? 2 : 1)
          }
        }))
    })

    it.effect("what a run does wrong while it is stopped is kept, and the command is done", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const { seen } = yield* collect(supervisor.events)
        const handle = yield* supervisor.add(
          Task.make("job", Effect.andThen(Effect.addFinalizer(() => Effect.die("leak")), Effect.never))
        )
        yield* handle.stop
        yield* settle
        const stopped = assertStatus(yield* handle.status, "Stopped")
        assert.include(stopped.lastFailure?.message, "leak")
        assert.include(tagsOf(seen), "TaskFailed")
      }))

    it.effect("a run that ends well, or fails, when it is asked to stop is stopped all the same", () =>
      Effect.gen(function*() {
        for (const end of [Effect.void, Effect.fail(new Net()), Effect.die("late")]) {
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(
            Task.make("job", Effect.uninterruptible(Effect.andThen(Effect.sleep(100), end)))
          )
          assert.isTrue(Exit.isSuccess(yield* within(handle.stop, 100)))
          assert.strictEqual((yield* handle.status)._tag, "Stopped")
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* handle.status).generation, 1)
        }
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // handles
  // -------------------------------------------------------------------------------------------------------------------

  describe("handles", () => {
    it.effect("what is no task is the caller's mistake", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("a")] })
        for (const one of [undefined, null, 7, "a", {}, Effect.void] as ReadonlyArray<unknown>) {
          const exit = yield* Effect.exit(Effect.suspend(() => supervisor.handle(one as Task.Task)))
          assert(Exit.isFailure(exit))
          const error = Cause.squash(exit.cause)
          assert.instanceOf(error, RangeError)
          assert.match(
            (error as RangeError).message,
            /^Supervisor\.handle: the task is .*; allowed is a task made by Task\.make$/
          )
        }
      }))

    it.effect("await gives the value, any number of times, before and after", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(Task.make("job", Effect.as(Effect.sleep(100), { rows: 3 })))
        const before = yield* Effect.forEach([1, 2, 3], () => fork(handle.await))
        assert.isTrue(before.every((one) => one.pollUnsafe() === undefined))
        yield* TestClock.adjust(100)
        yield* settle
        for (const fiber of before) assert.deepStrictEqual(yield* Fiber.join(fiber), { rows: 3 })
        assert.deepStrictEqual(yield* handle.await, { rows: 3 })
      }))

    it.effect("await waits through restarts, and fails when the task is Dead or Stopped", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const handle = yield* supervisor.add(failing("job", { restart: { schedule: Schedule.spaced(100), times: 2 } }))
        const waiting = yield* fork(handle.await)
        yield* TestClock.adjust(199)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        const dead = assertTag(refusal(waiting), "TaskDead")
        assert.deepStrictEqual(
          { supervisor: dead.supervisor, task: dead.task, why: dead.why, runs: dead.runs },
          { supervisor: "root", task: "job", why: "Exhausted", runs: 3 }
        )
        assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
        const other = yield* supervisor.add(never("other"))
        const stopping = yield* fork(other.await)
        yield* other.stop
        yield* settle
        const stopped = assertTag(refusal(stopping), "TaskStopped")
        assert.strictEqual(stopped.task, "other")
        assert.strictEqual(stopped.runs, 1)
      }))

    it.effect("a task that was started again is waited for again", () =>
      Effect.gen(function*() {
        let run = 0
        const gate = Latch.makeUnsafe()
        const supervisor = yield* Supervisor.make()
        const handle = yield* supervisor.add(
          Task.make("job", Effect.suspend(() => ++run === 1 ? Effect.succeed(1) : Effect.as(gate.await, 2)))
        )
        yield* settle
        assert.strictEqual(yield* handle.await, 1)
        yield* handle.start
        const waiting = yield* fork(handle.await)
        assert.isUndefined(waiting.pollUnsafe())
        yield* gate.open
        yield* settle
        assert.strictEqual(yield* Fiber.join(waiting), 2)
      }))

    it.effect("a task that is restarted while it stops is not Stopped in between", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make()
        let run = 0
        const handle = yield* supervisor.add(
          Task.make("job", Effect.suspend(() => ++run === 1 ? Effect.as(body, 1) : Effect.succeed(2)))
        )
        const waiting = yield* fork(handle.await)
        yield* fork(Effect.ignore(handle.stop))
        yield* fork(handle.restart)
        yield* release
        yield* settle
        assert.strictEqual(yield* Fiber.join(waiting), 2)
      }))

    it.effect("is bound to its entry: after remove it is TaskNotFound, even when the name is given anew", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const old = yield* supervisor.add(never("job"))
        yield* supervisor.remove("job")
        for (const name of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          assert.strictEqual(yield* tagOfFailure(old[name]), "TaskNotFound")
        }
        const fresh = yield* supervisor.add(never("job"))
        for (const name of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          assert.strictEqual(yield* tagOfFailure(old[name]), "TaskNotFound")
        }
        assert.strictEqual((yield* fresh.status).generation, 1)
        assert.strictEqual((yield* fresh.status)._tag, "Healthy")
      }))

    it.effect("await still gives the outcome after remove: how it was, or that it was killed", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const running = yield* supervisor.add(never("running"))
        const waiting = yield* fork(running.await)
        const done = yield* supervisor.add(Task.make("done", Effect.succeed(7)))
        const dead = yield* supervisor.add(failing("dead", deadAtOnce))
        const stopped = yield* supervisor.add(never("stopped"))
        yield* stopped.stop
        for (const { remove } of [running, done, dead, stopped]) yield* remove
        yield* supervisor.add(Task.make("done", Effect.succeed("other")))
        assert.strictEqual(assertTag(refusal(waiting), "TaskDead").why, "Killed")
        assert.strictEqual(assertTag(yield* Effect.flip(running.await), "TaskDead").why, "Killed")
        assert.strictEqual(yield* done.await, 7)
        assert.strictEqual(assertTag(yield* Effect.flip(dead.await), "TaskDead").why, "Exhausted")
        assert.strictEqual((yield* Effect.flip(stopped.await))._tag, "TaskStopped")
        yield* supervisor.shutdown
        assert.strictEqual(yield* done.await, 7)
      }))

    it.effect("await is answered when the supervisor ends, also for a run that does not", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make()
        const stuck = yield* supervisor.add(Task.make("stuck", body, { stopTimeout: 100 }))
        const good = yield* supervisor.add(never("good"))
        const waiting = [yield* fork(stuck.await), yield* fork(good.await)]
        yield* within(supervisor.shutdown, 100)
        for (const one of waiting) assert.strictEqual(assertTag(refusal(one), "TaskDead").why, "ShutDown")
        yield* release
      }))

    it.effect("of a listed task can be asked for, typed, by the task itself", () =>
      Effect.gen(function*() {
        const task = Task.make("job", Effect.succeed(42))
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [task] })
        const handle = yield* supervisor.handle(task)
        assert.strictEqual(handle.path, "root/job")
        const value: number = yield* handle.await
        assert.strictEqual(value, 42)
        assert.strictEqual(
          (yield* Effect.flip(supervisor.handle(Task.make("job", Effect.succeed(1)))))._tag,
          "TaskNotFound"
        )
        assert.strictEqual((yield* Effect.flip(supervisor.handle(never("other"))))._tag, "TaskNotFound")
        yield* handle.remove
        assert.strictEqual((yield* Effect.flip(supervisor.handle(task)))._tag, "TaskNotFound")
        yield* supervisor.shutdown
        assert.strictEqual((yield* Effect.flip(supervisor.handle(task)))._tag, "SupervisorClosed")
      }))

    describe("changes", () => {
      it.effect("the status now, then after every change; ends when the task is removed", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [never("other")] })
          const handle = yield* supervisor.add(
            Task.make("job", Effect.andThen(Effect.sleep(1000), new Net()), {
              restart: { schedule: Schedule.spaced(500) }
            })
          )
          const { fiber, seen } = yield* collect(handle.changes)
          assert.deepStrictEqual(seen.map((status) => status._tag), ["Healthy"])
          yield* TestClock.adjust(1000)
          yield* settle
          yield* supervisor.restart("other")
          yield* TestClock.adjust(500)
          yield* settle
          yield* handle.stop
          yield* settle
          const tags = seen.map((status) => `${status._tag} ${status.generation}`)
          assert.deepStrictEqual(
            tags.filter((tag, index) => tag !== tags[index - 1]),
            ["Healthy 1", "Failed 1", "Healthy 2", "Stopped 2"]
          )
          assert.isUndefined(fiber.pollUnsafe())
          yield* handle.remove
          yield* settle
          assert.isDefined(fiber.pollUnsafe())
        }))

      it.effect("never the same status twice in a row", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(never("job"))
          const { seen } = yield* collect(handle.changes)
          for (const name of ["stop", "start", "restart", "kill", "start"] as const) {
            yield* handle[name]
            yield* settle
          }
          assert.isAbove(seen.length, 4)
          seen.forEach((status, index) => assert.notDeepEqual(status, seen[index - 1]))
        }))

      it.effect("ends at once when the task has been removed already, and tells nothing of its namesake", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make()
          const old = yield* supervisor.add(never("job"))
          yield* old.remove
          yield* supervisor.add(never("job"))
          const { fiber, seen } = yield* collect(old.changes)
          yield* supervisor.restart("job")
          yield* settle
          assert.deepStrictEqual(seen, [])
          assert.isDefined(fiber.pollUnsafe())
        }))

      it.effect("ends when the task was removed while the subscriber was too slow to see it", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ eventCapacity: 4 })
          const handle = yield* supervisor.add(never("job"))
          yield* supervisor.add(never("noise"))
          const gate = Latch.makeUnsafe()
          const reading = yield* fork(
            Stream.runForEach(handle.changes, () => gate.await)
          )
          yield* handle.remove
          for (let i = 0; i < 10; i++) yield* supervisor.restart("noise")
          yield* gate.open
          yield* settle
          assert.isTrue(isOk(reading))
        }))

      it.effect("ends with the supervisor, the last status shown", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(never("job"))
          const { fiber, seen } = yield* collect(handle.changes)
          yield* supervisor.shutdown
          yield* settle
          assert.isDefined(fiber.pollUnsafe())
          assert.strictEqual(seen.at(-1)?._tag, "Dead")
        }))
    })
  })

  // -------------------------------------------------------------------------------------------------------------------
  // how it ends
  // -------------------------------------------------------------------------------------------------------------------

  describe("ends", () => {
    it.effect("by shutdown: final statuses in what await gives; Completed, Stopped and Dead stay as they were", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [
            never("running"),
            Task.make("done", Effect.void),
            failing("dead", deadAtOnce),
            failing("waits"),
            never("stopped")
          ]
        })
        yield* supervisor.stop("stopped")
        yield* settle
        yield* supervisor.shutdown
        const report = yield* supervisor.await
        assert.deepStrictEqual(
          report.statuses.map((status) => `${status.task} ${status._tag} ${status._tag === "Dead" ? status.why : ""}`),
          ["running Dead ShutDown", "done Completed ", "dead Dead Exhausted", "waits Dead ShutDown", "stopped Stopped "]
        )
        assert.deepStrictEqual(report.unstoppable, [])
      }))

    it.effect("can be awaited any number of times, at once, and after it", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
        const waiting = yield* Effect.forEach([1, 2, 3], () => fork(supervisor.await))
        const shutdowns = yield* Effect.forEach([1, 2, 3], () => fork(supervisor.shutdown))
        assert.isTrue(waiting.every(isOk))
        assert.isTrue(shutdowns.every(isOk))
        assert.strictEqual((yield* supervisor.await).statuses.length, 1)
        assert.strictEqual(yield* supervisor.await, yield* supervisor.await)
      }))

    it.effect("one who waits may be interrupted without harm to the others", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
        const one = yield* fork(supervisor.await)
        const two = yield* fork(supervisor.await)
        const three = yield* fork(supervisor.shutdown)
        yield* Fiber.interrupt(one)
        yield* settle
        assert.isTrue(isOk(two) && isOk(three))
      }))

    describe("whenDead", () => {
      it.effect("keep (default): the supervisor goes on without the task", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [failing("job", deadAtOnce), never("other")] })
          yield* TestClock.adjust("1 day")
          assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Dead")
          assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Healthy")
        }))

      it.effect("escalate: it fails with the typed cause, after everything else was stopped in reverse order", () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const other = (name: string) =>
            Task.make(name, Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push(name))))
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [
              other("a"),
              Task.make("job", Effect.andThen(Effect.sleep(100), Effect.fail(new Auth())), {
                restart: { times: 0 },
                whenDead: "escalate"
              }),
              other("b")
            ]
          })
          const error = failureOf(yield* within(supervisor.await, 100))
          assert.deepStrictEqual(log, ["b", "a"])
          assert.strictEqual(error.supervisor, "root")
          const dead = assertTag(error.reason, "TaskDead")
          assert.deepStrictEqual(dead.cause, Cause.fail(new Auth()))
          assert.strictEqual(dead.why, "Exhausted")
          assert.deepStrictEqual(error.report.statuses.map((status) => status._tag), ["Dead", "Dead", "Dead"])
          assert.strictEqual(yield* Effect.flip(supervisor.await), error)
        }))

      it.effect("escalates a temporary task that failed, and a task whose directive says stop", () =>
        Effect.gen(function*() {
          for (const restart of [{ mode: "temporary" }, { on: { Net: "stop" } }] as const) {
            const supervisor = yield* Supervisor.make({ tasks: [failing("job", { restart, whenDead: "escalate" })] })
            const error = failureOf(yield* within(supervisor.await, 0))
            assert.strictEqual(assertTag(error.reason, "TaskDead").why, "NotRestartable")
          }
        }))

      it.effect("a task killed, removed or stopped by command never escalates", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: ["kill", "remove", "stop"].map((name) => Task.make(name, Effect.never, { whenDead: "escalate" }))
          })
          yield* supervisor.kill("kill")
          yield* supervisor.remove("remove")
          yield* supervisor.stop("stop")
          yield* supervisor.kill("stop")
          yield* settle
          assert.strictEqual((yield* supervisor.statuses).length, 2)
        }))

      it.effect("a task that was added escalates as a DynamicTaskDead", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make()
          yield* supervisor.add(failing("job", { ...deadAtOnce, whenDead: "escalate" }))
          const error = failureOf(yield* within(supervisor.await, 0))
          const { dead } = assertTag(error.reason, "DynamicTaskDead")
          assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
        }))

      it.effect("the first of two that escalate is the reason", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [
              failing("first", { ...deadAtOnce, whenDead: "escalate" }),
              failing("second", { ...deadAtOnce, whenDead: "escalate" })
            ]
          })
          const error = failureOf(yield* within(supervisor.await, 0))
          assert.strictEqual(assertTag(error.reason, "TaskDead").task, "first")
        }))
    })

    describe("maxDeadFraction", () => {
      it.effect("gives up when the dead share reaches it, with the figures", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [never("a"), never("b"), never("c"), never("d")],
            maxDeadFraction: 0.5
          })
          yield* supervisor.kill("a")
          yield* settle
          assert.strictEqual((yield* supervisor.statuses).length, 4)
          yield* fork(Effect.ignore(supervisor.kill("b")))
          const error = failureOf(yield* within(supervisor.await, 0))
          const reason = assertTag(error.reason, "TooManyDeadTasks")
          assert.deepStrictEqual(
            { dead: reason.dead, total: reason.total, threshold: reason.threshold },
            { dead: 2, total: 4, threshold: 0.5 }
          )
        }))

      it.effect("completed and stopped tasks count in the total only", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [never("a"), never("b"), Task.make("done", Effect.void), never("stopped")],
            maxDeadFraction: 0.5
          })
          yield* supervisor.stop("stopped")
          yield* supervisor.kill("a")
          yield* settle
          assert.strictEqual((yield* supervisor.statuses).length, 4)
        }))

      it.effect("the whole of the listed tasks counts, though the first dies before the others were started", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [failing("a", deadAtOnce), never("b"), never("c")],
            maxDeadFraction: 0.5
          })
          yield* settle
          assert.deepStrictEqual((yield* supervisor.statuses).map((status) => status._tag), [
            "Dead",
            "Healthy",
            "Healthy"
          ])
        }))

      it.effect("1 gives up when all are dead; no limit by default", () =>
        Effect.gen(function*() {
          const all = yield* Supervisor.make({ tasks: [never("a"), never("b")], maxDeadFraction: 1 })
          yield* all.kill("a")
          yield* fork(Effect.ignore(all.kill("b")))
          assert.strictEqual(failureOf(yield* within(all.await, 0)).reason._tag, "TooManyDeadTasks")
          const none = yield* Supervisor.make({ tasks: [never("a")] })
          yield* none.kill("a")
          yield* settle
          assert.strictEqual((yield* none.statuses).length, 1)
        }))

      it.effect("taking a task out is no death: removing the healthy does not make it give up", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [never("a"), never("b"), never("c")],
            maxDeadFraction: 0.5
          })
          yield* supervisor.kill("a")
          yield* supervisor.remove("b")
          yield* settle
          assert.strictEqual((yield* supervisor.statuses).length, 2)
        }))

      it.effect("restarting what is dead makes room again", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [never("a"), never("b")], maxDeadFraction: 0.9 })
          for (const name of ["a", "b", "a", "b"]) {
            yield* supervisor.kill(name)
            yield* supervisor.start(name)
          }
          assert.strictEqual((yield* supervisor.statuses).length, 2)
        }))
    })

    describe("whenAllCompleted", () => {
      it.effect("end: when each task is Completed or Dead", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [Task.make("a", Effect.sleep(100)), Task.make("b", Effect.sleep(200)), failing("dead", deadAtOnce)],
            whenAllCompleted: "end"
          })
          const waiting = yield* fork(supervisor.await)
          yield* TestClock.adjust(199)
          assert.isUndefined(waiting.pollUnsafe())
          yield* TestClock.adjust(1)
          yield* settle
          const report = yield* Fiber.join(waiting)
          assert.deepStrictEqual(report.statuses.map((status) => status._tag), ["Completed", "Completed", "Dead"])
          assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
        }))

      it.effect("not while one waits for its restart, is stopped, or is being stopped", () =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          const supervisor = yield* Supervisor.make({
            tasks: [
              Task.make("done", Effect.void),
              failing("waits", { restart: { schedule: Schedule.spaced("1 day") } }),
              Task.make("stopping", body, { stopTimeout: "infinity" })
            ],
            whenAllCompleted: "end"
          })
          yield* fork(supervisor.kill("stopping"))
          assert.strictEqual((yield* supervisor.statuses).length, 3)
          yield* supervisor.stop("waits")
          yield* release
          yield* settle
          assert.strictEqual((yield* supervisor.statuses).length, 3)
          yield* fork(Effect.ignore(supervisor.kill("waits")))
          assert.strictEqual((yield* supervisor.await).statuses.length, 3)
        }))

      it.effect("not before all listed tasks were started, and not without tasks", () =>
        Effect.gen(function*() {
          const began: Array<string> = []
          const task = (name: string) => Task.make(name, Effect.sync(() => began.push(name)))
          const supervisor = yield* Supervisor.make({ tasks: ["a", "b", "c"].map(task), whenAllCompleted: "end" })
          yield* settle
          assert.deepStrictEqual(began, ["a", "b", "c"])
          assert.strictEqual((yield* supervisor.await).statuses.length, 3)
          const emptied = yield* Supervisor.make({ tasks: [never("a")], whenAllCompleted: "end" })
          yield* emptied.remove("a")
          yield* settle
          assert.deepStrictEqual(yield* emptied.statuses, [])
        }))

      it.effect("stay (default): all done, still there", () =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("a", Effect.void)] })
          yield* TestClock.adjust("1 day")
          yield* supervisor.restart("a")
          assert.strictEqual((yield* statusOf(supervisor, "a")).generation, 2)
        }))
    })

    describe("shutdownTimeout", () => {
      it.effect("bounds the whole: past it everybody is told to end at once, who does not is reported", () =>
        Effect.gen(function*() {
          const stuck = yield* Effect.forEach(
            ["a", "b", "c", "d"],
            (name) =>
              Effect.map(stubborn, ({ body, release }) => ({
                task: Task.make(name, body, { stopTimeout: "10 seconds" }),
                release
              }))
          )
          const log: Array<string> = []
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [
              Task.make("good", Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("good")))),
              ...stuck.map(({ task }) => task)
            ],
            shutdownTimeout: "15 seconds"
          })
          const waiting = yield* fork(supervisor.await)
          const shutdown = yield* fork(supervisor.shutdown)
          yield* TestClock.adjust(14_999)
          assert.isUndefined(shutdown.pollUnsafe())
          assert.deepStrictEqual(log, [])
          yield* TestClock.adjust(2)
          yield* settle
          assert.isTrue(isOk(shutdown))
          assert.deepStrictEqual(log, ["good"], "who obeys is given the chance")
          const report = yield* Fiber.join(waiting)
          assert.deepStrictEqual(report.unstoppable.map((run) => run.path).sort(), [
            "root/a",
            "root/b",
            "root/c",
            "root/d"
          ])
          assert.deepStrictEqual(report.statuses.map((status) => status._tag), [
            "Dead",
            "Stopping",
            "Stopping",
            "Stopping",
            "Stopping"
          ])
          yield* Effect.forEach(stuck, ({ release }) => release)
        }))

      it.effect("does not make a shutdown longer, and an infinite one binds nobody", () =>
        Effect.gen(function*() {
          for (const shutdownTimeout of ["1 hour", "infinity"] as const) {
            const supervisor = yield* Supervisor.make({
              tasks: [Task.make("a", Effect.onInterrupt(Effect.never, () => Effect.sleep(100)))],
              shutdownTimeout
            })
            assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 100)))
          }
        }))

      it.effect("0 asks everybody at once, and waits for nobody", () =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          const supervisor = yield* Supervisor.make({
            tasks: [never("good"), Task.make("stuck", body)],
            shutdownTimeout: 0
          })
          assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 1)))
          const report = yield* supervisor.await
          assert.deepStrictEqual(report.statuses.map((status) => status._tag), ["Dead", "Stopping"])
          yield* release
        }))
    })

    describe("run", () => {
      it.effect("lives until it is interrupted, and stops everything first", () =>
        Effect.gen(function*() {
          const log: Array<string> = []
          const running = yield* fork(Supervisor.run({
            tasks: [
              Task.make(
                "job",
                Effect.onInterrupt(
                  Effect.never,
                  () => Effect.andThen(Effect.sleep(100), Effect.sync(() => log.push("stopped")))
                )
              )
            ]
          }))
          const interrupting = yield* fork(Fiber.interrupt(running))
          assert.isUndefined(interrupting.pollUnsafe())
          yield* TestClock.adjust(100)
          yield* settle
          assert.isDefined(running.pollUnsafe())
          assert.deepStrictEqual(log, ["stopped"])
        }))

      it.effect("succeeds when all its tasks have completed, fails typed when it gives up", () =>
        Effect.gen(function*() {
          const good = yield* within(
            Supervisor.run({ tasks: [Task.make("a", Effect.void)], whenAllCompleted: "end" }),
            0
          )
          assert.deepStrictEqual(good, Exit.void)
          const bad = yield* within(
            Supervisor.run({ name: "root", tasks: [failing("a", { ...deadAtOnce, whenDead: "escalate" })] }),
            0
          )
          const error: SupervisorError.SupervisorError<Net> = failureOf(bad)
          assert.strictEqual(error.message.startsWith("supervisor \"root\" gave up: "), true)
        }))

      it.effect("is a value: each time it runs it is a supervisor of its own", () =>
        Effect.gen(function*() {
          let runs = 0
          const program = Supervisor.run({
            tasks: [Task.make(
              "a",
              Effect.sync(() => {
                runs++
              })
            )],
            whenAllCompleted: "end"
          })
          yield* within(program, 0)
          yield* within(program, 0)
          assert.strictEqual(runs, 2)
        }))
    })
  })

  describe("defaults", () => {
    it.effect("hold for listed and added tasks that do not say otherwise", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [failing("listed"), failing("own", { restart: { schedule: Schedule.spaced(10), times: 1 } })],
          defaults: { restart: { schedule: Schedule.spaced(100), times: 2 } }
        })
        yield* supervisor.add(failing("added"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual((yield* supervisor.statuses).map((status) => `${status._tag} ${status.runs}`), [
          "Dead 3",
          "Dead 2",
          "Dead 3"
        ])
      }))

    it.effect("for every option: heartbeat, startupTimeout, stopTimeout, stableAfter, whenDead", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        let fails = true
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0 },
          tasks: [
            Task.make("silent", Effect.never),
            Task.make("stubborn", Effect.andThen(Heartbeat.beat, body)),
            Task.make(
              "flaky",
              Effect.suspend(() =>
                fails ? Effect.fail(new Net()) : Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(100)))
              )
            )
          ],
          defaults: {
            heartbeat: Heartbeat.manual({ within: "1 day" }),
            startupTimeout: 500,
            stopTimeout: 50,
            stableAfter: 300,
            restart: { schedule: Schedule.spaced(10), times: 3 }
          }
        })
        yield* TestClock.adjust(5)
        fails = false
        assert.strictEqual(failureOf(yield* within(supervisor.stop("stubborn"), 50))._tag, "TaskUnstoppable")
        assert.strictEqual((yield* statusOf(supervisor, "flaky")).attempt, 1)
        yield* TestClock.adjust(260)
        assert.strictEqual((yield* statusOf(supervisor, "flaky")).attempt, 0)
        assert.strictEqual((yield* statusOf(supervisor, "silent")).generation, 1)
        yield* TestClock.adjust(600)
        assert.strictEqual((yield* statusOf(supervisor, "silent")).generation, 2)
        yield* release
        const escalating = yield* Supervisor.make({
          tasks: [failing("a")],
          defaults: { ...deadAtOnce, whenDead: "escalate" }
        })
        assert.strictEqual(failureOf(yield* within(escalating.await, 0)).reason._tag, "TaskDead")
      }))
  })

  describe("healthCheck", () => {
    const hung = (name: string) => Task.make(name, Effect.never, { heartbeat: Heartbeat.manual({ within: 1000 }) })

    it.effect("no verdict before initialDelay after the supervisor's start, then at once for whoever is silent", () =>
      Effect.gen(function*() {
        yield* TestClock.adjust(12_345)
        const supervisor = yield* Supervisor.make({ tasks: [hung("a")], healthCheck: { initialDelay: 5000 } })
        yield* TestClock.adjust(4999)
        assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Starting")
        yield* TestClock.adjust(201)
        assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Failed")
      }))

    it.effect("defaults: 3 s, then at most 200 ms late", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [hung("early")] })
        yield* TestClock.adjust(2999)
        assert.strictEqual((yield* statusOf(supervisor, "early"))._tag, "Starting")
        yield* TestClock.adjust(201)
        assert.strictEqual((yield* statusOf(supervisor, "early"))._tag, "Failed")
        yield* supervisor.add(hung("late"))
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* statusOf(supervisor, "late"))._tag, "Starting")
        yield* TestClock.adjust(200)
        assert.strictEqual((yield* statusOf(supervisor, "late"))._tag, "Failed")
      }))

    it.effect("initialDelay 0: a verdict may come with the first silence", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [hung("a")],
          healthCheck: { initialDelay: 0, interval: 10 }
        })
        yield* TestClock.adjust(1000)
        assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Starting")
        yield* TestClock.adjust(10)
        assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Failed")
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // defects
  // -------------------------------------------------------------------------------------------------------------------

  describe("a defect in the loop", () => {
    const crashed = Effect.fnUntraced(function*() {
      const counting = yield* Counting.make
      const log: Array<string> = []
      return yield* counting.provide(Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const scope = yield* Scope.make()
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make("good", Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("good stopped")))),
            Task.make("stuck", body, { stopTimeout: "1 hour" })
          ]
        }).pipe(Effect.provideService(Scope.Scope, scope))
        const handle = yield* supervisor.add(never("handled"))
        const { fiber: events } = yield* collect(supervisor.events)
        const waiting: Record<string, Fiber.Fiber<unknown, unknown>> = {
          "a command": yield* fork(supervisor.stop("stuck")),
          "a task's await": yield* fork(handle.await),
          "the supervisor's await": yield* fork(supervisor.await)
        }
        counting.breakClock(new Error("the clock is broken"))
        waiting["the command that met the defect"] = yield* fork(supervisor.restart("good"))
        return { supervisor, handle, waiting, release, scope, events, log }
      }))
    })

    it.effect("fails every waiting command and await with the defect, and leaves none hanging", () =>
      Effect.gen(function*() {
        const { release, waiting } = yield* crashed()
        for (const [name, fiber] of Object.entries(waiting)) {
          const exit = fiber.pollUnsafe()
          assert(exit !== undefined && Exit.isFailure(exit), name)
          assert.include(Cause.pretty(exit.cause), "the clock is broken", name)
        }
        yield* release
      }))

    it.effect("stops the runs, ends the events, and answers whoever comes later", () =>
      Effect.gen(function*() {
        const { events, handle, log, release, scope, supervisor } = yield* crashed()
        assert.deepStrictEqual(log, ["good stopped"])
        assert.isDefined(events.pollUnsafe())
        for (const name of ["start", "restart", "stop", "kill", "remove", "status"] as const) {
          assert.strictEqual(yield* tagOfFailure(supervisor[name]("good")), "SupervisorClosed")
          assert.strictEqual(yield* tagOfFailure(handle[name]), "SupervisorClosed")
        }
        assert.strictEqual((yield* Effect.flip(supervisor.add(never("late"))))._tag, "SupervisorClosed")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(supervisor.await)))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(handle.await)))
        yield* supervisor.shutdown
        assert.isTrue(Exit.isSuccess(yield* within(Scope.close(scope, Exit.void), 0)), "its scope can be closed")
        yield* release
      }))
  })

  describe("what users give", () => {
    it.effect("a body that throws where it is made is a defect of its run, not of the supervisor", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [
            Task.make(
              "throws",
              Effect.suspend((): Effect.Effect<void> => {
                throw new Error("made badly")
              }),
              deadAtOnce
            ),
            never("other")
          ]
        })
        yield* settle
        assert.include((yield* statusOf(supervisor, "throws")).lastFailure?.message, "made badly")
        assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Healthy")
      }))

    it.effect("an error that cannot be shown does no harm", () =>
      Effect.gen(function*() {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        const circular: Record<string, unknown> = { _tag: "Circular" }
        circular["self"] = circular
        const hostile: ReadonlyArray<unknown> = [
          proxy,
          circular,
          {
            get _tag(): string {
              throw new Error("no tag")
            }
          },
          {
            toString: () => {
              throw new Error("no string")
            },
            [Symbol.toPrimitive]: () => {
              throw new Error("no primitive")
            }
          },
          Object.create(null),
          Symbol("symbol"),
          1n,
          undefined,
          null,
          Number.NaN,
          "x".repeat(1_000_000)
        ]
        const supervisor = yield* Supervisor.make({
          tasks: hostile.flatMap((error, index) => [
            Task.make(`fail ${index}`, Effect.fail(error), deadAtOnce),
            Task.make(`die ${index}`, Effect.die(error), deadAtOnce)
          ])
        })
        yield* settle
        const { seen } = yield* collect(supervisor.events)
        yield* Effect.forEach(hostile, (_, index) => supervisor.restart(`fail ${index}`))
        yield* settle
        for (const status of yield* supervisor.statuses) {
          assert.strictEqual(status._tag, "Dead", status.task)
          assert.isString(status.lastFailure?.message)
          assert.isAtMost(status.lastFailure?.message.length ?? 0, 1000)
        }
        assert.isTrue(seen.filter((event) => event._tag === "TaskDead").length === hostile.length)
        yield* supervisor.shutdown
        assert.strictEqual((yield* supervisor.await).statuses.length, 2 * hostile.length)
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // promise 9, 10
  // -------------------------------------------------------------------------------------------------------------------

  describe("closing the scope", () => {
    it.effect("stops everything in reverse start order, one after another, within the summed bounds", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const stuck = yield* stubborn
        const counting = yield* Counting.make
        const scope = yield* Scope.make()
        const slow = (name: string, millis: number) =>
          Task.make(
            name,
            Effect.onInterrupt(Effect.never, () =>
              Effect.gen(function*() {
                log.push(`${name} asked at ${yield* Effect.clockWith((clock) => clock.currentTimeMillis)}`)
                yield* Effect.sleep(millis)
                log.push(`${name} ended`)
              }))
          )
        const supervisor = yield* counting.provide(
          Supervisor.make({
            tasks: [slow("a", 100), Task.make("stuck", stuck.body, { stopTimeout: 1000 }), slow("b", 300)]
          })
        ).pipe(Effect.provideService(Scope.Scope, scope))
        yield* counting.provide(supervisor.add(slow("added", 50)))
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(50 + 300 + 1000 + 100 - 1)
        assert.isUndefined(closing.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.isTrue(isOk(closing))
        assert.deepStrictEqual(log, [
          "added asked at 0",
          "added ended",
          "b asked at 50",
          "b ended",
          "a asked at 1350",
          "a ended"
        ])
        const report = yield* supervisor.await
        assert.deepStrictEqual(report.unstoppable.map((run) => run.task), ["stuck"])
        assert.strictEqual(counting.sleepers(), 0)
        assert.strictEqual(counting.fibers(), 1, "the run that was reported, and nothing else")
        yield* stuck.release
        yield* settle
        assert.strictEqual(counting.fibers(), 0)
      }))

    it.effect("leaves no fiber, timer or listener behind, whatever was under way", () =>
      Effect.gen(function*() {
        const counting = yield* Counting.make
        const scope = yield* Scope.make()
        yield* Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [
              never("healthy"),
              Task.make("starting", Effect.never, { heartbeat: Heartbeat.manual({ within: "1 hour" }) }),
              failing("waits"),
              failing("asks", { restart: { schedule: Schedule.forever.pipe(Schedule.tap(() => Effect.never)) } }),
              Task.make("probed", Effect.never, { heartbeat: Heartbeat.probe(Effect.sleep(10)) }),
              Task.make("children", Effect.andThen(Effect.forkChild(Effect.never), Effect.never)),
              Task.make("scoped", Effect.andThen(Effect.forkScoped(Effect.sleep("1 day")), Effect.never)),
              Task.make("done", Effect.void),
              failing("dead", deadAtOnce)
            ]
          })
          yield* TestClock.adjust(500)
          assert.isAbove(counting.fibers(), 5)
          assert.isAbove(counting.sleepers(), 1)
          yield* Effect.forkIn(Effect.ignore(supervisor.await), scope)
          yield* Effect.forkIn(Stream.runDrain(supervisor.events), scope)
          yield* settle
        }).pipe(Effect.provideService(Scope.Scope, scope), counting.provide)
        yield* within(Scope.close(scope, Exit.void), 0)
        yield* settle
        assert.strictEqual(counting.fibers(), 0)
        assert.strictEqual(counting.sleepers(), 0)
      }))

    it.effect("twice, and together with shutdown, is once", () =>
      Effect.gen(function*() {
        let stops = 0
        const scope = yield* Scope.make()
        const supervisor = yield* Supervisor.make({
          tasks: [Task.make(
            "a",
            Effect.onInterrupt(Effect.never, () =>
              Effect.andThen(
                Effect.sleep(100),
                Effect.sync(() => {
                  stops++
                })
              ))
          )]
        }).pipe(Effect.provideService(Scope.Scope, scope))
        const shutdown = yield* fork(supervisor.shutdown)
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(100)
        yield* settle
        assert.isTrue(isOk(shutdown) && isOk(closing))
        assert.strictEqual(stops, 1)
      }))

    it.effect("tells those who wait that it was shut down, not that it failed", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const supervisor = yield* Supervisor.make({ tasks: [never("a")] }).pipe(
          Effect.provideService(Scope.Scope, scope)
        )
        const waiting = yield* fork(supervisor.await)
        yield* Scope.close(scope, Exit.die("whatever it was closed with"))
        yield* settle
        assert.isTrue(isOk(waiting))
      }))
  })

  describe("a slow subscriber", () => {
    it.effect("that is stuck neither slows nor blocks supervision, and learns how much it missed", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")], eventCapacity: 8 })
        const gate = Latch.makeUnsafe()
        const slow: Array<SupervisorEvent> = []
        yield* fork(Stream.runForEach(supervisor.events, (event) =>
          Effect.andThen(
            Effect.sync(() => slow.push(event)),
            gate.await
          )))
        const quick = yield* collect(supervisor.events)
        for (let i = 0; i < 200; i++) {
          yield* supervisor.restart("job")
          // the quick one reads as it goes
          if (i % 2 === 1) yield* Effect.yieldNow
        }
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 201)
        assert.strictEqual(slow.length, 1)
        yield* gate.open
        yield* settle
        const missed = slow.filter((event) => event._tag === "EventsMissed")
        assert.strictEqual(missed.length, 1)
        const [first, gap, ...rest] = slow
        assert(first?._tag === "Snapshot" && gap?._tag === "EventsMissed")
        assert.strictEqual(gap.sequence, first.sequence + gap.missed)
        assert.strictEqual(rest[0]?.sequence, gap.sequence + 1)
        assert.isAtMost(rest.length, 8 + 1, "no more was kept than eventCapacity")
        assert.strictEqual(rest.at(-1)?.sequence, quick.seen.at(-1)?.sequence)
      }))

    it.effect("does not keep the supervisor from ending", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")], eventCapacity: 1 })
        const stuck = yield* fork(Stream.runForEach(supervisor.events, () => Effect.never))
        assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 0)))
        yield* Fiber.interrupt(stuck)
      }))

    it.effect("that leaves is forgotten", () =>
      Effect.gen(function*() {
        const counting = yield* Counting.make
        yield* counting.provide(Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
          yield* settle
          const before = counting.fibers()
          const readers = yield* Effect.forEach(Array.from({ length: 100 }), () =>
            Effect.forkChild(Stream.runDrain(supervisor.events), { startImmediately: true }))
          yield* settle
          yield* Fiber.interruptAll(readers)
          yield* settle
          assert.strictEqual(counting.fibers(), before)
          yield* supervisor.shutdown
        }))
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // current, nesting
  // -------------------------------------------------------------------------------------------------------------------

  describe("current", () => {
    it.effect("is undefined outside of a run", () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* Supervisor.current)
        yield* Supervisor.make()
        assert.isUndefined(yield* Supervisor.current)
      }))

    it.effect("tells a run, and its child fibers, where they are", () =>
      Effect.gen(function*() {
        const seen: Array<Record<string, unknown>> = []
        const look = Effect.gen(function*() {
          const current = yield* Supervisor.current
          assert(current !== undefined)
          const { attempt, generation, path, task } = current
          seen.push({ attempt, generation, path, task, supervisor: current.supervisor.path })
        })
        const supervisor = yield* Supervisor.make({ name: "root" })
        yield* supervisor.add(
          Task.make(
            "job",
            Effect.gen(function*() {
              yield* look
              const child = yield* Effect.forkChild(look)
              yield* Fiber.await(child)
              return yield* new Net()
            }),
            { restart: { schedule: Schedule.recurs(1) } }
          )
        )
        yield* settle
        const at = (generation: number, attempt: number) => ({
          attempt,
          generation,
          path: "root/job",
          task: "job",
          supervisor: "root"
        })
        assert.deepStrictEqual(seen, [at(1, 0), at(1, 0), at(2, 1), at(2, 1)])
      }))

    it.effect("gives the very supervisor it runs in", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const handle = yield* supervisor.add(
          Task.make("job", Effect.map(Supervisor.current, (current) => current?.supervisor))
        )
        yield* settle
        assert.strictEqual(yield* handle.await, supervisor as Supervisor.RunningSupervisor)
      }))
  })

  describe("nested", () => {
    const inside = (options: Supervisor.SupervisorOptions<[]>) =>
      Effect.gen(function*() {
        const root = yield* Supervisor.make({ name: "root" })
        let inner: Supervisor.RunningSupervisor | undefined
        yield* root.add(Task.make(
          "ingest",
          Effect.gen(function*() {
            inner = yield* Supervisor.make(options)
            yield* inner.add(never("consumer"))
            return yield* Effect.never
          })
        ))
        yield* settle
        assert(inner !== undefined)
        return { root, inner }
      })

    it.effect("without a name a supervisor inside a task has that task's path; with one its place is below", () =>
      Effect.gen(function*() {
        const plain = yield* inside({})
        assert.strictEqual(plain.inner.path, "root/ingest")
        assert.strictEqual((yield* statusOf(plain.inner, "consumer")).path, "root/ingest/consumer")
        const named = yield* inside({ name: "quotes" })
        assert.strictEqual(named.inner.path, "root/ingest/quotes")
        assert.strictEqual((yield* statusOf(named.inner, "consumer")).path, "root/ingest/quotes/consumer")
      }))

    it.effect("ends with the run it lives in, its tasks first", () =>
      Effect.gen(function*() {
        const { inner, root } = yield* inside({})
        yield* root.stop("ingest")
        assert.strictEqual((yield* inner.await).statuses[0]?._tag, "Dead")
      }))

    it.effect("Supervisor.run is a task: its giving up is a failure of that task, typed", () =>
      Effect.gen(function*() {
        const inner = Supervisor.run({ tasks: [failing("job", { ...deadAtOnce, whenDead: "escalate" })] })
        const root = yield* Supervisor.make({
          name: "root",
          tasks: [Task.make("ingest", inner, { restart: { schedule: Schedule.recurs(1) }, whenDead: "escalate" })]
        })
        const error = failureOf(yield* within(root.await, 0))
        const dead = assertTag(error.reason, "TaskDead")
        assert.strictEqual(dead.runs, 2)
        const innerError = Cause.findErrorOption(dead.cause)
        assert(Option.isSome(innerError) && innerError.value._tag === "SupervisorError")
        assert.strictEqual(innerError.value.supervisor, "root/ingest")
        const innermost = assertTag(innerError.value.reason, "TaskDead")
        assert.deepStrictEqual(innermost.cause, Cause.fail(new Net()))
      }))
  })

  describe("Observer", () => {
    it.effect("sees every supervisor made under it, before its tasks are added, but none inside a task", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const events: Array<SupervisorEvent> = []
        yield* Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [Task.make("ingest", Supervisor.run({ tasks: [never("consumer")] }))]
          })
          yield* settle
          yield* supervisor.shutdown
          yield* settle
        }).pipe(Effect.provideService(Supervisor.Observer, (supervisor) =>
          Effect.gen(function*() {
            seen.push(supervisor.path)
            const reading = Stream.runForEach(supervisor.events, (event) => Effect.sync(() => events.push(event)))
            yield* Effect.forkScoped(reading, { startImmediately: true })
          })))
        assert.deepStrictEqual(seen, ["root"])
        assert.deepStrictEqual(tagsOf(events), [
          "Snapshot",
          "TaskAdded",
          "TaskStarting",
          "TaskHealthy",
          "SupervisorClosing",
          "TaskStopping",
          "TaskDead",
          "SupervisorClosed"
        ])
      }))
  })

  // -------------------------------------------------------------------------------------------------------------------
  // spans
  // -------------------------------------------------------------------------------------------------------------------

  describe("spans", () => {
    const traced = Effect.fnUntraced(function*<E>(program: Effect.Effect<void, E, Scope.Scope>) {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* Effect.provideService(program, Tracer.Tracer, tracer)
      return spans
    })

    it.effect("one around each command, below the caller's, with supervisor and task, ended with its answer", () =>
      Effect.gen(function*() {
        const spans = yield* traced(Effect.withSpan(
          Effect.gen(function*() {
            const supervisor = yield* Supervisor.make({ name: "root" })
            const handle = yield* supervisor.add(never("job"))
            yield* supervisor.restart("job")
            yield* handle.stop
            yield* handle.start
            yield* Effect.ignore(handle.start)
            yield* supervisor.kill("job")
            yield* supervisor.remove("job")
            yield* supervisor.shutdown
          }),
          "caller"
        ))
        const commands = spans.filter((span) => span.name.startsWith("Supervisor."))
        assert.deepStrictEqual(commands.map((span) => span.name), [
          "Supervisor.add",
          "Supervisor.restart",
          "Supervisor.stop",
          "Supervisor.start",
          "Supervisor.start",
          "Supervisor.kill",
          "Supervisor.remove",
          "Supervisor.shutdown"
        ])
        for (const span of commands) {
          assert.strictEqual(span.attributes.get("supervisor"), "root")
          if (span.name !== "Supervisor.shutdown") assert.strictEqual(span.attributes.get("task"), "job")
          const parent = Option.getOrUndefined(span.parent)
          assert.strictEqual(parent?._tag === "Span" ? parent.name : undefined, "caller")
          assert.strictEqual(span.status._tag, "Ended")
        }
        const refused = commands[4]!.status
        assert(refused._tag === "Ended" && Exit.isFailure(refused.exit))
      }))

    it.effect("none per run unless asked for", () =>
      Effect.gen(function*() {
        const spans = yield* traced(Effect.gen(function*() {
          yield* Supervisor.make({ tasks: [Task.make("job", Effect.void)] })
          yield* settle
        }))
        assert.notInclude(spans.map((span) => span.name), "Task.run")
      }))

    it.effect("one per run when asked for, a root of its own, with what tells runs apart, ended with the run", () =>
      Effect.gen(function*() {
        const spans = yield* traced(Effect.withSpan(
          Effect.gen(function*() {
            yield* Supervisor.make({
              name: "root",
              tasks: [failing("job", { span: true, restart: { schedule: Schedule.recurs(1) } })]
            })
            yield* settle
          }),
          "caller"
        ))
        const runs = spans.filter((span) => span.name === "Task.run")
        assert.deepStrictEqual(runs.map((span) => Object.fromEntries(span.attributes)), [
          { task: "job", path: "root/job", generation: 1, attempt: 0 },
          { task: "job", path: "root/job", generation: 2, attempt: 1 }
        ])
        for (const span of runs) {
          assert.isTrue(Option.isNone(span.parent))
          assert(span.status._tag === "Ended")
          assert.instanceOf(failureOf(span.status.exit), Net)
        }
      }))

    it.effect("a run's span can be a default of the supervisor", () =>
      Effect.gen(function*() {
        const spans = yield* traced(Effect.gen(function*() {
          yield* Supervisor.make({
            tasks: [Task.make("a", Effect.void), Task.make("b", Effect.void, { span: false })],
            defaults: { span: true }
          })
          yield* settle
        }))
        assert.deepStrictEqual(
          spans.filter((span) => span.name === "Task.run").map((span) => span.attributes.get("task")),
          ["a"]
        )
      }))
  })
})
