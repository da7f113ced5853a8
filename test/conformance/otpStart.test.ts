/**
 * How OTP's supervisor starts its children, and which of their ends it restarts.
 */
import { assert, describe } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { TaskAlreadyRunning, TaskDead } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
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
  within
} from "../support/fixtures.ts"
import {
  assertEnded,
  assertLives,
  Children,
  endBy,
  ends,
  gaveUp,
  it,
  permanent,
  standing,
  starting,
  temporary,
  transient
} from "./otpSupport.ts"
import { eventsOf, recorded } from "./support.ts"

const ready = { ready: "first-beat" } as const
const net = Exit.fail(new Net())

describe("OTP-01", () => {
  it.effect("OTP-01 tasks start in the order of the list; the supervisor is up when the last one has begun", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: children.tasks("a", "b", "c") })
      assert.strictEqual(children.since, "+a +b +c")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Healthy")
    }))

  it.effect("OTP-01 a task is up when its run has begun, though it has shown no life", () =>
    Effect.gen(function*() {
      const children = new Children()
      const heartbeat = Heartbeat.manual({ within: "1 hour" })
      const supervisor = yield* Supervisor.make({
        tasks: [children.task("a", { heartbeat }), children.task("b", { heartbeat })]
      })
      assert.strictEqual(children.since, "+a +b")
      assert.strictEqual(yield* standing(supervisor), "a Starting, b Starting")
    }))

  it.effect("OTP-01 a task that fails as it begins does not keep the next ones from starting", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        tasks: [
          children.task("a"),
          children.task("b", { first: [net], restart: { mode: "permanent", schedule: Schedule.spaced("1 second") } }),
          children.task("c")
        ]
      })
      assert.strictEqual(children.since, "+a +b -b +c")
      yield* settle
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Failed, c Healthy")
    }))

  it.effect("OTP-01 one that is ready at its first beat is waited for until it has shown life, by hand", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* starting(Supervisor.make({
        tasks: [children.task("a"), children.task("b", ready), children.task("c", ready), children.task("d")]
      }))
      // That its fiber has begun, which is all that an automatic heartbeat tells, says nothing of it.
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(children.since, "+a +b")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Starting, c Created, d Created")
      yield* children.beat("b")
      assert.strictEqual(children.since, "+c")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Starting, d Created")
      assert.isUndefined(up())
      yield* children.beat("c")
      assert.strictEqual(children.since, "+d")
      assert.strictEqual(up()?._tag, "Success")
    }))

  it.effect("OTP-01 the supervisor is not up before its last task is", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { up } = yield* starting(Supervisor.make({ tasks: [children.task("a"), children.task("b", ready)] }))
      assert.strictEqual(children.since, "+a +b")
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(up())
      yield* children.beat("b")
      assert.strictEqual(up()?._tag, "Success")
    }))

  it.effect("OTP-01 a probe that passes is a first beat", () =>
    Effect.gen(function*() {
      const children = new Children()
      let isOpen = false
      const check = Effect.suspend(() => isOpen ? Effect.void : new Net())
      const heartbeat = Heartbeat.probe(check, { schedule: Schedule.spaced("1 second"), failures: 1000 })
      yield* starting(Supervisor.make({ tasks: [children.task("a", { ...ready, heartbeat }), children.task("b")] }))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(children.since, "+a")
      isOpen = true
      yield* TestClock.adjust("1 second")
      assert.strictEqual(children.since, "+b")
    }))

  it.effect("OTP-01 one that is not ready within its startupTimeout is stopped, and tried again by its policy", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* starting(Supervisor.make({
        tasks: [
          children.task("a"),
          children.task("b", {
            ...ready,
            startupTimeout: "10 seconds",
            restart: { schedule: Schedule.spaced("5 seconds"), times: 3 }
          }),
          children.task("c")
        ]
      }))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0", "at the limit nothing has happened yet")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.sinceTimed, "-b@10001")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "b"), "Failed").lastFailure?.kind, "HeartbeatMissed")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(children.sinceTimed, "+b@15001")
      assert.isUndefined(up())
      yield* children.beat("b")
      assert.strictEqual(children.sinceTimed, "+c@15001")
      assert.strictEqual(up()?._tag, "Success")
    }))

  it.effect("OTP-01 by default it has 90 s for that, or as long as its own heartbeat allows", () =>
    Effect.gen(function*() {
      const children = new Children()
      yield* starting(Supervisor.make({
        tasks: [children.task("a", { ...ready, restart: { schedule: Schedule.spaced("1 hour") } }), children.task("b")]
      }))
      yield* TestClock.adjust(90_000)
      assert.strictEqual(children.sinceTimed, "+a@0")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.sinceTimed, "-a@90001")
      const manual = new Children()
      yield* starting(Supervisor.make({
        healthCheck: { initialDelay: 0 },
        tasks: [
          manual.task("a", {
            ...ready,
            heartbeat: Heartbeat.manual({ within: "7 seconds" }),
            restart: { schedule: Schedule.spaced("1 hour") }
          }),
          manual.task("b")
        ]
      }))
      yield* TestClock.adjust(7000)
      assert.strictEqual(manual.since, "+a")
      yield* TestClock.adjust(1)
      assert.strictEqual(manual.since, "-a")
    }))

  it.effect("OTP-01 while one is waited for, commands are served: one that is stopped is passed over", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* starting(Supervisor.make({
        tasks: [children.task("a", ready), children.task("b", ready), children.task("c"), children.task("d")]
      }))
      yield* supervisor.stop("c")
      yield* supervisor.add(children.task("e"))
      assert.strictEqual(children.since, "+a +e", "what is added while it starts is not held up")
      yield* supervisor.stop("a")
      assert.strictEqual(children.since, "-a +b")
      yield* children.beat("b")
      assert.strictEqual(children.since, "+d")
      assert.strictEqual(up()?._tag, "Success")
      assert.strictEqual(yield* standing(supervisor), "a Stopped, b Healthy, c Stopped, d Healthy, e Healthy")
    }))

  it.effect("OTP-01 one that ends well before it was ready is not waited for any longer", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { up } = yield* starting(Supervisor.make({
        tasks: [children.task("a", { ...ready, restart: transient }), children.task("b")]
      }))
      yield* children.finish("a")
      assert.strictEqual(children.since, "+a -a +b")
      assert.strictEqual(up()?._tag, "Success")
    }))

  it.effect("OTP-01 a supervisor in a task shows life when it is up itself", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({ tasks: [children.task("x"), children.task("y", ready)] })
      const { up } = yield* starting(Supervisor.make({
        tasks: [Task.make("inner", inner, ready), children.task("b")]
      }))
      assert.strictEqual(children.since, "+x +y")
      yield* children.beat("y")
      assert.strictEqual(children.since, "+b")
      assert.strictEqual(up()?._tag, "Success")
    }))
})

describe("OTP-02", () => {
  /** a and b are up, c is not ready, d has not been started. */
  const failingStart = (children: Children, options: Task.TaskOptions<Net | Auth>) =>
    starting(Supervisor.make({
      name: "root",
      tasks: [
        children.task("a"),
        children.task("b", ready),
        children.task("c", { ...ready, ...options }),
        children.task("d")
      ]
    })).pipe(Effect.tap(() => children.beat("b")))

  it.effect("OTP-02 the started ones are stopped in reverse, later ones never start, the start fails with who and why", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { up } = yield* failingStart(children, { restart: { times: 0 } })
      assert.strictEqual(children.since, "+a +b +c")
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "-c -b -a")
      const exit = up()
      assert(exit !== undefined, "the start has not ended")
      const error = failureOf(exit)
      assertTag(error, "SupervisorError")
      assert.strictEqual(error.supervisor, "root")
      const dead: TaskDead<Net | Auth> = assertTag(error.reason, "TaskDead")
      assert.strictEqual(dead.task, "c")
      assert.strictEqual(dead.why, "Exhausted")
      assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
      assert.deepStrictEqual(
        error.report.statuses.map((status) => [status.task, status._tag === "Dead" ? status.why : "", status.runs]),
        [["a", "ShutDown", 1], ["b", "ShutDown", 1], ["c", "Exhausted", 1], ["d", "ShutDown", 0]]
      )
    }))

  it.effect("OTP-02 not before the last time that its policy allows", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* failingStart(children, {
        restart: { schedule: Schedule.spaced("1 second"), times: 2 }
      })
      for (const run of [1, 2]) {
        yield* children.fail("c", new Net())
        assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Failed, d Created")
        assert.isUndefined(up())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(children.runs("c"), run + 1)
      }
      assert.strictEqual(children.since, "+a +b +c -c +c -c +c")
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "-c -b -a")
      const exit = up()
      assert(exit !== undefined)
      assert.strictEqual(assertTag(failureOf(exit).reason, "TaskDead").runs, 3)
    }))

  it.effect("OTP-02 so does one that its start-up timeout, its directive or its mode gives up on", () =>
    Effect.gen(function*() {
      const cases = [
        { options: { startupTimeout: "10 seconds", restart: { times: 0 } }, why: "Exhausted" },
        { options: { restart: { on: { Auth: "stop" } } }, why: "NotRestartable" },
        { options: { restart: temporary }, why: "NotRestartable" }
      ] as const
      for (const { options, why } of cases) {
        const children = new Children()
        const { up } = yield* failingStart(children, options)
        if ("startupTimeout" in options) yield* TestClock.adjust("11 seconds")
        else yield* children.fail("c", new Auth())
        assert.strictEqual(children.since, "+a +b +c -c -b -a")
        const exit = up()
        assert(exit !== undefined)
        assert.strictEqual(assertTag(failureOf(exit).reason, "TaskDead").why, why)
      }
    }))

  it.effect("OTP-02 what has been ready and dies does not fail the start; nor does one without declared readiness", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* starting(Supervisor.make({
        tasks: [
          children.task("a", { first: [net], restart: { times: 0 } }),
          children.task("b", { ...ready, restart: { times: 0 } }),
          children.task("c", ready)
        ]
      }))
      yield* children.beat("b")
      yield* children.fail("b", new Net())
      assert.strictEqual(yield* standing(supervisor), "a Dead, b Dead, c Starting")
      yield* children.beat("c")
      assert.strictEqual(up()?._tag, "Success")
    }))

  it.effect("OTP-02 what a person kills, stops or removes before it is ready does not fail the start", () =>
    Effect.gen(function*() {
      for (const command of ["kill", "stop", "remove"] as const) {
        const children = new Children()
        const { supervisor, up } = yield* failingStart(children, {})
        yield* supervisor[command]("c")
        assert.strictEqual(children.since, "+a +b +c -c +d")
        assert.strictEqual(up()?._tag, "Success")
        yield* supervisor.shutdown
      }
    }))

  it.effect("OTP-02 once it is up, one that dies before it is ready fails nothing", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor, up } = yield* failingStart(children, { restart: { times: 0 } })
      yield* children.beat("c")
      assert.strictEqual(up()?._tag, "Success")
      yield* supervisor.restart("c")
      yield* children.fail("c", new Net())
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Dead, d Healthy")
    }))

  it.effect("OTP-02 Supervisor.run, a Layer and a supervisor in a task fail alike", () =>
    Effect.gen(function*() {
      const children = new Children()
      const tasks = [children.task("a"), children.task("b", { ...ready, first: [net], restart: { times: 0 } })]
      const ran = yield* within(Supervisor.run({ tasks }), 0)
      assert.strictEqual(assertTag(failureOf(ran).reason, "TaskDead").task, "b")
      const built = yield* within(Effect.scoped(Layer.build(Supervisor.layer({ tasks: children.tasks("x") }))), 0)
      assert.isTrue(Exit.isSuccess(built))
      const other = new Children()
      const layer = Supervisor.layer({
        tasks: [other.task("a"), other.task("b", { ...ready, first: [net], restart: { times: 0 } })]
      })
      const refused = yield* within(Effect.scoped(Layer.build(layer)), 0)
      assert.strictEqual(assertTag(failureOf(refused).reason, "TaskDead").task, "b")
      assert.strictEqual(other.since, "+a +b -b -a")
      const nested = new Children()
      const inner = Supervisor.run({
        tasks: [nested.task("a"), nested.task("b", { ...ready, first: [net], restart: { times: 0 } })]
      })
      const outer = yield* within(
        Effect.scoped(Supervisor.make({
          name: "root",
          tasks: [Task.make("inner", inner, { ...ready, restart: { times: 0 } }), nested.task("z")]
        })),
        0
      )
      const reason = assertTag(failureOf(outer).reason, "TaskDead")
      assert.strictEqual(reason.task, "inner")
      assert.include(reason.failure, "supervisor \"root/inner\" gave up")
      assert.strictEqual(nested.since, "+a +b -b -a")
    }))
})

describe("OTP-03", () => {
  it.effect("OTP-03 two tasks of one name in the list are refused, with the name", () =>
    Effect.gen(function*() {
      const children = new Children()
      const tasks = [children.task("a"), children.task("twice"), children.task("twice")]
      for (const make of [Supervisor.make, Supervisor.run, Supervisor.layer]) {
        assertRefused(() => make({ name: "root", tasks }), "tasks[2]", "\"twice\"", "a name that no other task")
      }
      assert.strictEqual(children.since, "")
      const supervisor = yield* Supervisor.make({ tasks: [children.task("a")] })
      const refused = assertTag(yield* Effect.flip(supervisor.reconfigure({ tasks })), "InvalidOptions")
      assert.include(refused.why, "\"twice\"")
      assert.strictEqual(children.since, "+a")
    }))

  it.effect("OTP-03 so is a task that is added under a name that is taken, whatever its status", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: children.tasks("running", "stopped", "dead") })
      yield* supervisor.stop("stopped")
      yield* supervisor.kill("dead")
      for (const name of ["running", "stopped", "dead"]) {
        const refused = assertTag(yield* Effect.flip(supervisor.add(children.task(name))), "TaskAlreadyExists")
        assert.strictEqual(refused.task, name)
      }
    }))
})

describe("OTP-04", () => {
  const refusal = (command: Effect.Effect<unknown, Supervisor.Unended | TaskAlreadyRunning>) => Effect.flip(command)

  for (const end of ends) {
    it.effect(`OTP-04 a permanent task is run again after ${end}`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ tasks: [children.task("a", { restart: permanent })] })
        yield* endBy(children, "a", end)
        assert.strictEqual(children.since, "+a -a +a")
        yield* endBy(children, "a", end)
        assert.strictEqual(children.since, "-a +a")
        assert.strictEqual(yield* standing(supervisor), "a Healthy")
      }))

    it.effect(`OTP-04 a transient task is ${end === "normal" ? "Completed" : "run again"} after ${end}`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ tasks: [children.task("a", { restart: transient })] })
        yield* endBy(children, "a", end)
        assert.strictEqual(children.since, end === "normal" ? "+a -a" : "+a -a +a")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(children.since, "")
        assert.strictEqual(yield* standing(supervisor), end === "normal" ? "a Completed" : "a Healthy")
      }))

    it.effect(`OTP-04 a temporary task is gone after ${end}; its handle gives the outcome`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          tasks: [children.task("listed", { restart: temporary })]
        }))
        const handle = yield* supervisor.add(children.task("a", { restart: temporary }))
        yield* endBy(children, "a", end)
        yield* endBy(children, "listed", end)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(children.since, "+listed +a -a -listed")
        assert.strictEqual(yield* standing(supervisor), "")
        for (const command of ["status", "start", "restart", "stop", "kill", "remove"] as const) {
          assertTag(yield* refusal(supervisor[command]("a")), "TaskNotFound")
          assertTag(yield* refusal(handle[command]), "TaskNotFound")
        }
        const outcome = yield* Effect.exit(handle.await)
        if (end === "normal") {
          assert.deepStrictEqual(outcome, Exit.void)
        } else {
          const dead = assertTag(failureOf(outcome), "TaskDead")
          assert.strictEqual(dead.why, "NotRestartable")
          assert.strictEqual(
            dead.cause.reasons.map(({ _tag }) => _tag).join(),
            { failure: "Fail", defect: "Die", interruption: "Interrupt" }[end]
          )
        }
        assert.deepStrictEqual(
          events.flatMap((event) => "task" in event && event.task === "a" ? [event._tag] : []).slice(-2),
          [end === "normal" ? "TaskCompleted" : "TaskDead", "TaskRemoved"]
        )
        // The name is free.
        yield* supervisor.add(children.task("a", { restart: temporary }))
        assert.strictEqual(children.since, "+a")
      }))
  }

  it.effect("OTP-04 a temporary task that is stopped or killed by command is gone, too", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make()
      const stopped = yield* supervisor.add(children.task("a", { restart: temporary }))
      yield* supervisor.stop("a")
      assertTag(yield* Effect.flip(supervisor.status("a")), "TaskNotFound")
      assertTag(yield* Effect.flip(stopped.await), "TaskStopped")
      const killed = yield* supervisor.add(children.task("a", { restart: temporary }))
      yield* supervisor.kill("a")
      assertTag(yield* Effect.flip(supervisor.status("a")), "TaskNotFound")
      assert.strictEqual(assertTag(yield* Effect.flip(killed.await), "TaskDead").why, "Killed")
      assert.strictEqual(children.since, "+a -a +a -a")
    }))

  it.effect("OTP-04 what is gone has ended: a supervisor that ends with its tasks ends when the last one is gone", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        whenAllCompleted: "end",
        tasks: [children.task("a", { restart: temporary }), children.task("b", { restart: temporary })]
      })
      yield* children.fail("a", new Net())
      yield* assertLives(supervisor)
      yield* children.finish("b")
      yield* assertEnded(supervisor)
    }))

  it.effect("OTP-04 a restart by hand keeps a temporary task", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: [children.task("a", { restart: temporary })] })
      yield* supervisor.restart("a")
      assert.strictEqual(children.since, "+a -a +a")
      assert.strictEqual(yield* standing(supervisor), "a Healthy")
    }))

  it.effect("OTP-04 a temporary task that still runs is in the report of the end", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: [children.task("a", { restart: temporary })] })
      yield* supervisor.shutdown
      const report = yield* supervisor.await
      assert.deepStrictEqual(report.statuses.map(({ _tag, task }) => [task, _tag]), [["a", "Dead"]])
    }))

  it.effect("OTP-04 a temporary task escalates as any other, and is in the report", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        tasks: [children.task("a", { restart: temporary, whenDead: "escalate" }), children.task("b")]
      })
      yield* children.fail("a", new Net())
      const error = yield* gaveUp(supervisor)
      assert.strictEqual(assertTag(error.reason, "TaskDead").task, "a")
      assert.deepStrictEqual(error.report.statuses.map(({ task }) => task), ["a", "b"])
    }))

  it.effect("OTP-04 a restart is counted for the task, a good end is told as no failure", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({ tasks: [children.task("a")] }))
      yield* children.finish("a")
      yield* settle
      assert.deepStrictEqual(eventsOf(events, "RestartScheduled").map(({ attempt, reason }) => ({ attempt, reason })), [
        { attempt: 1, reason: "Completed" }
      ])
      assert.deepStrictEqual(eventsOf(events, "TaskFailed"), [])
      assert.strictEqual((yield* statusOf(supervisor, "a")).generation, 2)
      yield* assertLives(supervisor)
    }))
})
