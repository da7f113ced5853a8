import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorError from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { assertTag, Auth, Coded, failureOf, fork, Net, settle, stubborn, within } from "./support/fixtures.ts"

/** How a task of a supervisor called `root` is dead after all that happens now. */
const deadOf = Effect.fnUntraced(function*<E>(
  body: Effect.Effect<unknown, E>,
  options: Task.TaskOptions<NoInfer<E>> = { restart: { times: 0 } }
) {
  const supervisor = yield* Supervisor.make({ name: "root", healthCheck: { initialDelay: 0 } })
  const handle = yield* supervisor.add(Task.make("job", body, options))
  return assertTag(failureOf(yield* within(handle.await, "1 minute")), "TaskDead")
})

describe("SupervisorError", () => {
  describe("messages name what a person needs", () => {
    const supervisor = "root/ingest"
    const task = "consumer"
    const messages: ReadonlyArray<
      readonly [SupervisorError.CommandError | SupervisorError.TaskStopped, ReadonlyArray<string>]
    > = [
      [new SupervisorError.TaskNotFound({ supervisor, task }), ["has no task \"consumer\""]],
      [new SupervisorError.TaskAlreadyExists({ supervisor, task }), [
        "\"consumer\" already",
        "remove it",
        "another name"
      ]],
      [new SupervisorError.TaskAlreadyRunning({ supervisor, task, generation: 7 }), [
        "\"consumer\"",
        "run 7",
        "restart"
      ]],
      [
        new SupervisorError.TaskUnstoppable({ supervisor, task, generation: 7, stopTimeout: 5000 }),
        ["run 7", "\"consumer\"", "5000 ms", "uninterruptible"]
      ],
      [
        new SupervisorError.TaskUnstoppable({ supervisor, task, generation: 7 }),
        ["run 7", "\"consumer\"", "shutdownTimeout", "uninterruptible"]
      ],
      [
        new SupervisorError.CommandSuperseded({ supervisor, task, command: "restart", by: "kill" }),
        ["restart", "\"consumer\"", "kill"]
      ],
      [new SupervisorError.SupervisorClosed({ supervisor }), ["closed"]],
      [new SupervisorError.TaskStopped({ supervisor, task, runs: 3 }), ["\"consumer\"", "stopped"]]
    ]
    it.each(messages.map(([error, parts]) => [error._tag, error, parts] as const))("%s", (_, error, parts) => {
      assert.instanceOf(error, Error)
      assert.include(error.message, "\"root/ingest\"")
      for (const part of parts) assert.include(error.message, part)
    })

    it.effect("TaskDead: the task, its supervisor, why, after how many runs, and the last failure", () =>
      Effect.gen(function*() {
        const exhausted = yield* deadOf(Effect.fail(new Coded({ code: 7 })), { restart: { times: 1 } })
        assert.match(
          exhausted.message,
          /^task "job" of supervisor "root" is dead \(its restart policy is exhausted\) after 2 runs: Coded/
        )
        const once = yield* deadOf(Effect.die(new TypeError("broken")), { restart: { mode: "temporary" } })
        assert.strictEqual(
          once.message,
          "task \"job\" of supervisor \"root\" is dead (not to be restarted) after 1 run: TypeError: broken"
        )
      }))

    it.effect("TaskDead of a healthy task that was killed: no failure is made up", () =>
      Effect.gen(function*() {
        const running = yield* Supervisor.make({ name: "root" })
        const handle = yield* running.add(Task.make("job", Effect.never))
        yield* handle.kill
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.strictEqual(dead.message, "task \"job\" of supervisor \"root\" is dead (killed) after 1 run")
        assert.strictEqual(dead.failure, "")
        assert.deepStrictEqual(dead.cause, Cause.empty)
      }))

    it.effect("SupervisorError: who gave up, why, and what did not end", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const running = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make("stuck", body, { stopTimeout: 10 }),
            Task.make("job", Effect.andThen(Effect.sleep(10), Effect.fail(new Auth())), {
              restart: { on: { Auth: "escalate" } }
            })
          ]
        })
        const error = failureOf(yield* within(running.await, 20))
        assert.strictEqual(
          error.message,
          "supervisor \"root\" gave up: task \"job\" of supervisor \"root\" is dead (escalated) after 1 run: Auth (did not end: root/stuck)"
        )
        assert.strictEqual(error.report.unstoppable[0]?.task, "stuck")
        yield* release
      }))

    it.effect("TooManyDeadTasks: how many of how many, and the limit", () =>
      Effect.gen(function*() {
        const running = yield* Supervisor.make({
          name: "root",
          tasks: [Task.make("a", Effect.never), Task.make("b", Effect.never)],
          maxDeadFraction: 0.5
        })
        yield* fork(Effect.ignore(running.kill("a")))
        const error = failureOf(yield* within(running.await, 0))
        assert.strictEqual(
          error.message,
          "supervisor \"root\" gave up: 1 of 2 tasks are dead; maxDeadFraction is 0.5"
        )
      }))

    it.effect("are one line each, also when what failed had many", () =>
      Effect.gen(function*() {
        const dead = yield* deadOf(Effect.die(new Error("first\nsecond\nthird")))
        assert.notInclude(dead.message, "\n")
        assert.notInclude(dead.failure, "\n")
      }))

    it.effect("are of bearable length", () =>
      Effect.gen(function*() {
        const dead = yield* deadOf(Effect.fail("x".repeat(1_000_000)))
        assert.isBelow(dead.message.length, 1000)
      }))
  })

  describe("causes are kept", () => {
    it.effect("a typed failure, as it was given", () =>
      Effect.gen(function*() {
        const error = new Coded({ code: 7 })
        const dead = yield* deadOf(Effect.fail(error))
        const cause: Cause.Cause<Coded> = dead.cause
        assert.strictEqual(Cause.squash(cause), error)
      }))

    it.effect("the last run's, of several", () =>
      Effect.gen(function*() {
        let run = 0
        const dead = yield* deadOf(Effect.suspend(() => Effect.fail(new Coded({ code: ++run }))), {
          restart: { schedule: Schedule.recurs(2) }
        })
        assert.strictEqual(dead.runs, 3)
        assert.strictEqual((Cause.squash(dead.cause) as Coded).code, 3)
      }))

    it.effect("a defect, as it was thrown", () =>
      Effect.gen(function*() {
        const defect = new TypeError("broken")
        const dead = yield* deadOf(Effect.sync(() => {
          throw defect
        }))
        assert.deepStrictEqual(dead.cause.reasons.map((reason) => reason._tag), ["Die"])
        assert.strictEqual(Cause.squash(dead.cause), defect)
      }))

    it.effect("an interruption from within", () =>
      Effect.gen(function*() {
        const dead = yield* deadOf(Effect.interrupt)
        assert.isTrue(Cause.hasInterruptsOnly(dead.cause))
        assert.include(dead.message, "interrupted from within")
      }))

    it.effect("several at once: none is lost", () =>
      Effect.gen(function*() {
        const dead = yield* deadOf(Effect.ensuring(Effect.fail(new Net()), Effect.die("too")))
        assert.includeMembers(dead.cause.reasons.map((reason) => reason._tag), ["Die"])
        assert.include(Cause.pretty(dead.cause), "too")
      }))

    it.effect("what finalizers add comes after the body's own cause, and is shown beside it", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const handle = yield* supervisor.add(Task.make(
          "job",
          Effect.andThen(Effect.addFinalizer(() => Effect.die(new Error("leak"))), Effect.fail(new Net())),
          { restart: { times: 0 } }
        ))
        yield* settle
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.deepStrictEqual(dead.cause.reasons.map((reason) => reason._tag), ["Fail", "Die"])
        assert.instanceOf(Cause.squash(dead.cause), Net)
        const failure = (yield* handle.status).lastFailure
        assert.strictEqual(failure?.tag, "Net")
        assert.include(failure?.message, "leak")
        assert.include(failure?.details, "leak")
      }))

    it.effect("a finalizer's defect of a run that ended well is its failure", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const handle = yield* supervisor.add(Task.make(
          "job",
          Effect.addFinalizer(() => Effect.die(new Error("leak"))),
          { restart: { times: 0 } }
        ))
        yield* settle
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.strictEqual((Cause.squash(dead.cause) as Error).message, "leak")
      }))

    it.effect("a verdict as a described defect", () =>
      Effect.gen(function*() {
        const silent = yield* deadOf(Effect.never, {
          heartbeat: Heartbeat.manual({ within: "2 seconds" }),
          restart: { times: 0 }
        })
        assert.deepStrictEqual(silent.cause.reasons.map((reason) => reason._tag), ["Die"])
        assert.match((Cause.squash(silent.cause) as Error).message, /no sign of life within 2s/)
      }))

    it.effect("through escalation: the supervisor's error holds the very same", () =>
      Effect.gen(function*() {
        const error = new Coded({ code: 7 })
        const task = Task.make("job", Effect.andThen(Effect.sleep(1), Effect.fail(error)), {
          restart: { times: 0 },
          whenDead: "escalate"
        })
        const supervisor = yield* Supervisor.make({ name: "root", tasks: [task] })
        const handle = yield* supervisor.handle(task)
        const given = failureOf(yield* within(supervisor.await, 1))
        const reason = assertTag(given.reason, "TaskDead")
        assert.strictEqual(Cause.squash(reason.cause), error)
        assert.strictEqual(Cause.squash(assertTag(yield* Effect.flip(handle.await), "TaskDead").cause), error)
      }))

    it.effect("a kill keeps what failed before it", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const handle = yield* supervisor.add(Task.make("job", Effect.fail(new Net())))
        yield* settle
        yield* handle.kill
        const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
        assert.strictEqual(dead.why, "Killed")
        assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
      }))
  })

  it.effect("errors are values to be caught by tag", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root" })
      const caught = yield* supervisor.stop("nobody").pipe(
        Effect.as("stopped"),
        Effect.catchTag("TaskNotFound", (error) => Effect.succeed(`no ${error.task}`))
      )
      assert.strictEqual(caught, "no nobody")
    }))
})
