/**
 * What programs do to a supervisor that no program should: values that cannot be looked at, callbacks that throw, scopes
 * that close in other orders, and everything at the worst moment.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import {
  assertStatus,
  assertTag,
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
import * as StallingClock from "./support/StallingClock.ts"

const never = (name: string) => Task.make(name, Effect.never)
const range = (length: number) => Array.from({ length }, (_, index) => index)

interface Line {
  readonly level: LogLevel.LogLevel
  readonly text: string
  readonly cause: Cause.Cause<unknown>
}

/** A logger that keeps what is logged. */
const logging = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    const [text] = Array.isArray(message) ? message : [message]
    lines.push({ level: logLevel, text: String(text), cause })
  })
  return { lines, provide: Effect.provide(Logger.layer([logger])) }
}

/** How many gauges there are in a registry of the test's own. */
const metered = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())
const gauges = Effect.map(Metric.snapshot, (all) => all.filter((one) => one.id === "effect_supervisor_tasks"))
const gauge = (status: string) =>
  Effect.map(gauges, (all) => {
    const one = all.find(({ attributes }) => attributes?.["status"] === status)
    return one === undefined ? undefined : (one.state as Metric.GaugeState<number>).value
  })

/** Keeps the supervisor to look at, though `make` does not return it, and all that it tells. */
const observing = () => {
  const events: Array<SupervisorEvent> = []
  const seen: { supervisor?: Supervisor.RunningSupervisor } = {}
  const observer = (supervisor: Supervisor.RunningSupervisor) =>
    Effect.asVoid(Effect.forkScoped(
      Effect.suspend(() => {
        seen.supervisor = supervisor
        return Stream.runForEach(supervisor.events, (event) =>
          Effect.sync(() => {
            events.push(event)
          }))
      }),
      { startImmediately: true }
    ))
  return { events, seen, provide: Effect.provideService(Supervisor.Observer, observer) }
}

const commandOf = (
  supervisor: Supervisor.RunningSupervisor,
  command: "start" | "restart" | "stop" | "kill" | "remove"
): (name: string) => Effect.Effect<void, unknown> => supervisor[command]

describe("values that cannot be looked at", () => {
  const boom = (): never => {
    throw new Error("looked at")
  }
  const values: Record<string, () => unknown> = {
    "a revoked proxy": () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    "an object that throws when it is compared or hashed": () => ({ [Equal.symbol]: boom, [Hash.symbol]: boom }),
    "an object all of whose properties throw": () => new Proxy({}, { get: boom, has: boom, ownKeys: boom }),
    "an error without a message that can be read": () =>
      Object.defineProperties(new Error("x"), { message: { get: boom }, stack: { get: boom }, name: { get: boom } })
  }

  for (const [what, value] of Object.entries(values)) {
    it.effect(`${what}: failing with it, and dying with it in a finalizer, ends the run and nothing else`, () =>
      Effect.gen(function*() {
        const { lines, provide } = logging()
        yield* provide(Effect.gen(function*() {
          const own = value()
          const more = value()
          const supervisor = yield* Supervisor.make({ tasks: [never("other")] })
          const { seen } = yield* collect(supervisor.events)
          const handle = yield* supervisor.add(
            Task.make("job", Effect.andThen(Effect.addFinalizer(() => Effect.die(more)), Effect.fail(own)), {
              restart: { schedule: Schedule.spaced(100), times: 1 }
            })
          )
          yield* TestClock.adjust(100)
          yield* settle
          const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
          assert.strictEqual(dead.runs, 2)
          const held = dead.cause.reasons.map((reason) =>
            reason._tag === "Fail" ? reason.error : "defect" in reason && reason.defect
          )
          assert.strictEqual(held.length, 2)
          assert.isTrue(held[0] === own && held[1] === more)
          assert.isString(dead.message)
          const failures = seen.flatMap((event) => event._tag === "TaskFailed" ? [event.failure] : [])
          assert.strictEqual(failures.length, 2)
          for (const failure of failures) assert.isString(JSON.stringify(failure))
          assert.strictEqual((yield* statusOf(supervisor, "other")).generation, 1)
          assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Healthy")
        }))
        assert.deepStrictEqual(lines.filter(({ text }) => text.startsWith("supervisor ")), [])
      }))
  }

  it.effect("what is no task or no name is refused before anything happens", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
      const { seen } = yield* collect(supervisor.events)
      for (const task of [{}, undefined, null, "job", Effect.void]) {
        const exit = yield* Effect.exit(supervisor.add(task as unknown as Task.Task<never, never, never>))
        assert(Exit.isFailure(exit))
        assert.instanceOf(Cause.squash(exit.cause), RangeError)
      }
      for (const name of [undefined, null, 7, {}, never("job")]) {
        for (const command of ["start", "restart", "stop", "kill", "remove"] as const) {
          const exit = yield* Effect.exit(commandOf(supervisor, command)(name as never))
          assert(Exit.isFailure(exit))
          assert.instanceOf(Cause.squash(exit.cause), RangeError)
        }
      }
      yield* settle
      assert.deepStrictEqual(tagsOf(seen), ["Snapshot"])
      assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Healthy")
    }))

  it.effect("a copied task with a name that none may have is refused, listed or added", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      for (const name of ["y/z", "", "a\nb", 7, undefined]) {
        const forged = { ...never("fine"), name: name as string }
        const exit = yield* Effect.exit(supervisor.add(forged))
        assert(Exit.isFailure(exit), String(name))
        assert.instanceOf(Cause.squash(exit.cause), RangeError)
        assert.instanceOf(thrown(() => Supervisor.make({ tasks: [forged] })), RangeError)
      }
      assert.deepStrictEqual(yield* supervisor.statuses, [])
    }))

  it.effect("details of a beat are what they were when it was said, whatever becomes of them", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make(
            "job",
            Effect.gen(function*() {
              const details = { rows: 1, more: [1, 2] }
              yield* Heartbeat.beatWith(details)
              details.rows = 2
              details.more.push(3)
              return yield* Effect.never
            })
          )
        ]
      })
      yield* settle
      assert.deepStrictEqual((yield* statusOf(supervisor, "job")).heartbeatDetails, { rows: 1, more: [1, 2] })
    }))

  it.effect("details are read in the run that says them: what they throw or take is its own", () =>
    Effect.gen(function*() {
      let readers = 0
      let reading = ""
      const details = {
        toJSON: () => {
          readers++
          return reading
        }
      }
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make(
            "job",
            Effect.andThen(
              Effect.suspend(() => {
                reading = "in the run"
                return Effect.ensuring(
                  Heartbeat.beatWith(details as unknown as Schema.Json),
                  Effect.sync(() => (reading = "elsewhere"))
                )
              }),
              Effect.never
            )
          )
        ]
      })
      yield* settle
      assert.strictEqual((yield* statusOf(supervisor, "job")).heartbeatDetails, "in the run")
      assert.strictEqual(readers, 1)
    }))
})

describe("callbacks that throw", () => {
  const failure = new Error("not the supervisor's affair")

  it.effect("every other answer of the round arrives, the supervisor lives, and the throw is logged", () =>
    Effect.gen(function*() {
      const { lines, provide } = logging()
      yield* provide(Effect.gen(function*() {
        const context = yield* Effect.context<never>()
        let thrown = 0
        const throwing = (effect: Effect.Effect<unknown, unknown>) =>
          Effect.runCallbackWith(context)(effect, {
            onExit: () => {
              thrown++
              throw failure
            }
          })
        const slow = Task.make("slow", Effect.onInterrupt(Effect.never, () => Effect.sleep(100)))
        const supervisor = yield* Supervisor.make({ tasks: [slow, never("other")] })
        const handle = yield* supervisor.handle(slow)
        throwing(supervisor.stop("slow"))
        const first = yield* fork(supervisor.stop("slow"))
        throwing(handle.await)
        throwing(supervisor.stop("slow"))
        const second = yield* fork(supervisor.stop("slow"))
        const third = yield* fork(Effect.flip(handle.await))
        yield* TestClock.adjust(100)
        yield* settle
        assert.strictEqual(thrown, 3)
        for (const exit of [first.pollUnsafe(), second.pollUnsafe(), third.pollUnsafe()]) {
          assert.strictEqual(exit?._tag, "Success")
        }
        assert.strictEqual((yield* statusOf(supervisor, "slow"))._tag, "Stopped")
        assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Healthy")
        yield* supervisor.restart("other")
        // Those who wait for the end are no different.
        throwing(supervisor.await)
        const waiting = yield* fork(supervisor.await)
        throwing(supervisor.shutdown)
        yield* settle
        assert.strictEqual(thrown, 5)
        assert.strictEqual((yield* Fiber.join(waiting)).statuses.length, 2)
      }))
      const logged = lines.filter(({ cause }) =>
        cause.reasons.some((reason) => reason._tag === "Die" && reason.defect === failure)
      )
      assert.isAtLeast(logged.length, 4)
      for (const { level } of logged) assert.strictEqual(level, "Error")
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Fatal"), [])
    }))

  const observed = (body: Effect.Effect<unknown, unknown>) =>
    Effect.withFiber((fiber) => {
      fiber.addObserver(() => {
        throw failure
      })
      return body
    })
  const ends: Record<string, { readonly body: Effect.Effect<unknown, unknown>; readonly kill?: true }> = {
    "at once": { body: Effect.fail(new Net()) },
    "by command": { body: Effect.never, kill: true }
  }
  for (const [when, { body, kill }] of Object.entries(ends)) {
    it.effect(`one that watches a run's own fiber does not hide its end: it ends ${when}`, () =>
      Effect.gen(function*() {
        const { provide } = logging()
        yield* provide(Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [never("other")] })
          const handle = yield* supervisor.add(
            Task.make("job", observed(body), { restart: { times: 0 }, stopTimeout: 0 })
          )
          if (kill) yield* fork(Effect.ignore(handle.kill))
          yield* settle
          const status = assertStatus(yield* statusOf(supervisor, "job"), "Dead")
          assert.strictEqual(status.why, kill ? "Killed" : "Exhausted")
          assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Healthy")
        }))
      }))
  }
})

describe("scopes", () => {
  it.effect("a parallel scope ends a supervisor as any other does: in order, in full, and without a crash", () =>
    Effect.gen(function*() {
      const { lines, provide } = logging()
      yield* provide(Effect.gen(function*() {
        const log: Array<string> = []
        const slow = (name: string) =>
          Task.make(
            name,
            Effect.onInterrupt(
              Effect.never,
              () => Effect.andThen(Effect.sleep(100), Effect.sync(() => log.push(name)))
            )
          )
        const scope = yield* Scope.make("parallel")
        const supervisor = yield* Scope.provide(Supervisor.make({ tasks: [slow("a"), slow("b")] }), scope)
        const waiting = yield* fork(supervisor.await)
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(199)
        yield* settle
        assert.isUndefined(closing.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.isDefined(closing.pollUnsafe())
        assert.deepStrictEqual(log, ["b", "a"])
        const report = yield* Fiber.join(waiting)
        assert.deepStrictEqual(report.statuses.map(({ _tag }) => _tag), ["Dead", "Dead"])
        assert.deepStrictEqual(report.unstoppable, [])
      }))
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Fatal" || level === "Error"), [])
    }))

  it.effect("in a scope that is closed already a supervisor is closed when it is made, and starts nothing", () =>
    metered(Effect.gen(function*() {
      const counting = yield* Counting.make
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      let started = 0
      yield* counting.provide(Effect.gen(function*() {
        const before = counting.fibers()
        const task = Task.make("job", Effect.andThen(Effect.sync(() => started++), Effect.never))
        const exit = yield* within(Scope.provide(Supervisor.make({ tasks: [task] }), scope), "10 seconds")
        assert(Exit.isSuccess(exit))
        const supervisor = exit.value
        assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
        assert.strictEqual((yield* Effect.flip(supervisor.add(task)))._tag, "SupervisorClosed")
        assert.isTrue(Exit.isSuccess(yield* within(supervisor.await, 0)))
        assert.strictEqual(counting.fibers(), before)
      }))
      assert.strictEqual(started, 0)
      assert.deepStrictEqual(yield* gauges, [])
    })))

  it.effect("what is interrupted while it is being made leaves nothing behind", () =>
    metered(Effect.gen(function*() {
      const counting = yield* Counting.make
      let made: Supervisor.RunningSupervisor | undefined
      yield* counting.provide(Effect.gen(function*() {
        yield* settle
        const before = counting.fibers()
        const making = yield* fork(
          Effect.scoped(Supervisor.make({ tasks: [never("job")] })).pipe(
            Effect.provideService(Supervisor.Observer, (supervisor) => {
              made = supervisor
              return Effect.never
            })
          )
        )
        assert(made !== undefined)
        assert.isAbove((yield* gauges).length, 0)
        yield* Fiber.interrupt(making)
        yield* settle
        assert.strictEqual((yield* Effect.flip(made.statuses))._tag, "SupervisorClosed")
        assert.strictEqual(counting.fibers(), before)
        assert.strictEqual(counting.sleepers(), 0)
      }))
      assert.deepStrictEqual(yield* gauges, [])
    })))

  for (const strategy of ["sequential", "parallel"] as const) {
    it.effect(`an Observer's fiber reads on to the last event when a ${strategy} scope closes`, () =>
      Effect.gen(function*() {
        const { events, provide } = observing()
        const scope = yield* Scope.make(strategy)
        yield* provide(Scope.provide(Supervisor.make({ tasks: [never("job")] }), scope))
        yield* settle
        yield* Scope.close(scope, Exit.void)
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
  }

  it.effect("an Observer's fiber that never reads does not hold up the end, and is interrupted by it", () =>
    Effect.gen(function*() {
      let interrupted = false
      const stuck = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        }))
      const scope = yield* Scope.make()
      yield* Scope.provide(Supervisor.make({ tasks: [never("job")] }), scope).pipe(
        Effect.provideService(Supervisor.Observer, (supervisor) =>
          Effect.asVoid(
            Effect.forkScoped(Stream.runForEach(supervisor.events, () => stuck), { startImmediately: true })
          ))
      )
      yield* settle
      assert.isTrue(Exit.isSuccess(yield* within(Scope.close(scope, Exit.void), 0)))
      assert.isTrue(interrupted)
    }))

  const leaving = [
    ["restart", (supervisor: Supervisor.RunningSupervisor) => Effect.ignore(supervisor.restart("feature"))],
    ["stop", (supervisor: Supervisor.RunningSupervisor) => Effect.ignore(supervisor.stop("feature"))],
    ["kill", (supervisor: Supervisor.RunningSupervisor) => Effect.ignore(supervisor.kill("feature"))],
    [
      "restart, and restart again",
      (supervisor: Supervisor.RunningSupervisor) =>
        Effect.repeat(Effect.ignore(supervisor.restart("feature")), { times: 1 })
    ]
  ] as const
  for (const [what, overtaking] of leaving) {
    it.effect(`a Layer's task does not survive it, though ${what} overtakes its removal`, () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        let alive = 0
        const feature = Task.make(
          "feature",
          Effect.andThen(
            Effect.sync(() => alive++),
            Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(1000), Effect.sync(() => alive--)))
          )
        )
        const scope = yield* Scope.make()
        yield* Layer.buildWithScope(Supervisor.layerTask(feature), scope).pipe(
          Effect.provideService(Supervisor.Supervisor, supervisor)
        )
        assert.strictEqual(alive, 1)
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(500)
        const asked = yield* fork(overtaking(supervisor))
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.isDefined(closing.pollUnsafe())
        assert.strictEqual(alive, 0, "nothing of it runs on services that are closed")
        assert.strictEqual((yield* Effect.flip(supervisor.status("feature")))._tag, "TaskNotFound")
        yield* Fiber.interrupt(asked)
      }))
  }
})

describe("stalls", () => {
  it.effect("many short blocks within one turn are a stall like a long one", () =>
    Effect.gen(function*() {
      const { jump, provide } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ healthCheck: { initialDelay: 0 } })
        const beating = Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(300)))
        yield* supervisor.add(Task.make("beating", beating, { heartbeat: Heartbeat.manual({ within: 500 }) }))
        const { seen } = yield* collect(supervisor.events)
        for (const kind of ["starts", "ends", "steps"]) {
          yield* TestClock.adjust(1250)
          // The thread is blocked for 15 ms, again and again; no timer fires meanwhile.
          const busy = jump(15)
          const body = {
            starts: Effect.andThen(busy, Effect.never),
            ends: Effect.onInterrupt(Effect.never, () => busy),
            steps: Effect.fail(new Net())
          }[kind]!
          const schedule = Schedule.tap(Schedule.spaced("1 hour"), () => kind === "steps" ? busy : Effect.void)
          const names = range(100).map((index) => `${kind} ${index}`)
          yield* Effect.forEach(names, (name) => supervisor.add(Task.make(name, body, { restart: { schedule } })), {
            concurrency: "unbounded",
            discard: true
          })
          yield* Effect.forEach(names, (name) => supervisor.stop(name), { concurrency: "unbounded", discard: true })
          yield* TestClock.adjust(1000)
          yield* settle
          assert.notInclude(tagsOf(seen, "beating"), "HeartbeatMissed", kind)
        }
      }))
    }))

  it.effect("a stall while a probe's check is under way is no part of its timeout", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const check = Effect.andThen(Effect.sleep(300), Effect.sleep(300))
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0 },
          tasks: [
            Task.make("job", Effect.never, { heartbeat: Heartbeat.probe(check, { timeout: 1000, failures: 1 }) })
          ]
        })
        const { seen } = yield* collect(supervisor.events)
        yield* TestClock.adjust(100)
        yield* stall(5000)
        yield* TestClock.adjust(3000)
        yield* settle
        assert.notInclude(tagsOf(seen), "ProbeFailed")
        assert.strictEqual((yield* statusOf(supervisor, "job"))._tag, "Healthy")
      }))
    }))
})

describe("what is told", () => {
  it.effect("one failure a run: a verdict, and with it what the run ended with when it was stopped", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ healthCheck: { initialDelay: 0 } })
      const { seen } = yield* collect(supervisor.events)
      const handle = yield* supervisor.add(
        Task.make("job", Effect.onInterrupt(Effect.never, () => Effect.die("cleanup broke")), {
          heartbeat: Heartbeat.manual({ within: 1000 }),
          restart: { times: 0 }
        })
      )
      yield* TestClock.adjust(1001)
      yield* settle
      assert.deepStrictEqual(tagsOf(seen, "job"), [
        "TaskAdded",
        "TaskStarting",
        "HeartbeatMissed",
        "TaskStopping",
        "TaskFailed",
        "TaskDead"
      ])
      const failed = seen.find((event) => event._tag === "TaskFailed")
      assert(failed !== undefined)
      assert.strictEqual(failed.failure.kind, "HeartbeatMissed")
      assert.match(failed.failure.message, /^no sign of life.*cleanup broke/)
      assert.strictEqual((yield* statusOf(supervisor, "job")).lastFailure?.message, failed.failure.message)
      const dead = assertTag(yield* Effect.flip(handle.await), "TaskDead")
      const defects = dead.cause.reasons.map((reason) => reason._tag === "Die" ? String(reason.defect) : reason._tag)
      assert.strictEqual(defects.filter((defect) => defect === "cleanup broke").length, 1)
      assert.isTrue(defects.some((defect) => defect.includes("no sign of life")))
    }))

  it.effect("a run that is over in its first steps was never healthy", () =>
    Effect.gen(function*() {
      for (const body of [Effect.fail(new Net()), Effect.die("broken"), Effect.interrupt, Effect.void]) {
        const supervisor = yield* Supervisor.make()
        const { seen } = yield* collect(supervisor.events)
        yield* supervisor.add(Task.make("job", body as Effect.Effect<void, Net>, { restart: { times: 0 } }))
        yield* settle
        assert.notInclude(tagsOf(seen), "TaskHealthy")
        // By a restart, too, which is answered all the same.
        yield* supervisor.restart("job")
        yield* settle
        assert.notInclude(tagsOf(seen), "TaskHealthy")
        assert.strictEqual((yield* statusOf(supervisor, "job")).runs, 2)
      }
    }))

  it.effect("changes of a task are its own: what others or the supervisor do repeats no status", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [never("other")] })
      const job = yield* supervisor.add(never("job"))
      yield* supervisor.add(Task.make("slow", Effect.onInterrupt(Effect.never, () => Effect.sleep(1000))))
      const { seen } = yield* collect(job.changes)
      yield* TestClock.adjust(1000)
      yield* supervisor.stop("other")
      yield* fork(supervisor.restart("slow"))
      yield* TestClock.adjust(1000)
      yield* supervisor.remove("other")
      yield* settle
      assert.deepStrictEqual(seen.map(({ _tag }) => _tag), ["Healthy"])
      // The one added after it is stopped first: the closing is told while the task is still Healthy.
      yield* fork(supervisor.shutdown)
      yield* TestClock.adjust(1000)
      yield* settle
      const tags = seen.map(({ _tag }) => _tag)
      assert.deepStrictEqual(tags, tags.filter((tag, index) => tag !== tags[index - 1]))
      assert.strictEqual(tags.at(-1), "Dead")
    }))

  it.effect("changes end with the newest status, however many were made in one go", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const handle = yield* supervisor.add(never("job"))
      const { seen } = yield* collect(handle.changes)
      for (let i = 0; i < 3; i++) yield* Effect.andThen(handle.stop, handle.start)
      yield* handle.kill
      yield* settle
      assert.deepStrictEqual(seen.at(-1), yield* handle.status)
      seen.forEach((status, index) => assert.notDeepEqual(status, seen[index - 1]))
    }))
})

describe("after the end", () => {
  it.effect("unstoppable lists a run for as long as it runs, and no longer", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const scope = yield* Scope.make()
      const supervisor = yield* Scope.provide(
        Supervisor.make({ tasks: [Task.make("stuck", body, { stopTimeout: 100 })] }),
        scope
      )
      yield* fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(1000)
      yield* settle
      assert.deepStrictEqual((yield* supervisor.unstoppable).map(({ task }) => task), ["stuck"])
      yield* release
      yield* settle
      assert.deepStrictEqual(yield* supervisor.unstoppable, [])
      const report = yield* supervisor.await
      assert.strictEqual(report.unstoppable.length, 1, "the report is of the end itself")
    }))

  it.effect("shutdown is answered, as often as it is asked for", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
      for (let i = 0; i < 1000; i++) yield* supervisor.shutdown
      assert.strictEqual((yield* supervisor.await).statuses.length, 1)
    }))

  it.effect("past shutdownTimeout who ends on being asked is not reported, though its finalizer takes some turns", () =>
    Effect.gen(function*() {
      const cooperative = (name: string, turns: number) =>
        Task.make(
          name,
          Effect.andThen(
            Effect.addFinalizer(() => Effect.repeat(Effect.promise(() => Promise.resolve()), { times: turns - 1 })),
            Effect.never
          )
        )
      const { body, release } = yield* stubborn
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          cooperative("a", 1),
          cooperative("b", 1),
          cooperative("c", 5),
          Task.make("stuck", body, { stopTimeout: "1 minute" })
        ],
        shutdownTimeout: 1000
      })
      assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 1100)))
      const report = yield* supervisor.await
      assert.deepStrictEqual(report.unstoppable.map(({ path }) => path), ["root/stuck"])
      assert.deepStrictEqual(report.statuses.map(({ _tag }) => _tag), ["Dead", "Dead", "Dead", "Stopping"])
      yield* release
    }))
})

describe("taking tasks out", () => {
  it.effect("is no death: it does not make a supervisor give up, whatever status the task had", () =>
    Effect.gen(function*() {
      const dead = (name: string) => Task.make(name, Effect.fail(new Net()), { restart: { times: 0 } })
      const alive: Record<string, Task.Task<unknown, unknown>> = {
        healthy: never("out"),
        completed: Task.make("out", Effect.void),
        failed: Task.make("out", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced("1 hour") } }),
        slow: Task.make("out", Effect.onInterrupt(Effect.never, () => Effect.sleep(100)))
      }
      for (const [what, task] of Object.entries(alive)) {
        const supervisor = yield* Supervisor.make({
          maxDeadFraction: 0.6,
          tasks: [task, never("b"), dead("c"), dead("d")]
        })
        yield* settle
        assert.isTrue(Exit.isSuccess(yield* within(supervisor.remove("out"), 100)), what)
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "b"))._tag, "Healthy", what)
        // The next death is one.
        yield* Effect.exit(supervisor.kill("b"))
        yield* settle
        assert.strictEqual((yield* Effect.flip(supervisor.await)).reason._tag, "TooManyDeadTasks", what)
      }
    }))
})

class Db extends Context.Service<Db, { readonly ok: boolean }>()("hostile/Db") {}

describe("defaults", () => {
  const needing = {
    "a schedule": {
      restart: {
        schedule: Schedule.spaced(10).pipe(Schedule.while(() => Effect.map(Db, (db) => db.ok))),
        times: 2
      }
    },
    "a probe": {
      heartbeat: Heartbeat.probe(Effect.flatMap(Db, (db) => db.ok ? Effect.void : Effect.fail("down")), {
        failures: 1,
        schedule: Schedule.spaced(10)
      })
    }
  } as const

  for (const how of ["listed", "added", "by a Layer"] as const) {
    it.effect(`what they need was given to make: a task that is ${how} has it, too`, () =>
      Effect.gen(function*() {
        for (const [what, defaults] of Object.entries(needing)) {
          const flaky = Task.make("job", Effect.fail(new Net()))
          const task = what === "a schedule" ? flaky : never("job")
          const options: Supervisor.SupervisorOptions<ReadonlyArray<typeof task>, Db, Db> = {
            defaults,
            healthCheck: { initialDelay: 0 },
            tasks: how === "listed" ? [task] : []
          }
          const supervisor = yield* Effect.provideService(Supervisor.make(options), Db, { ok: true })
          if (how === "added") yield* supervisor.add(task)
          if (how === "by a Layer") {
            yield* Layer.build(Supervisor.layerTask(task)).pipe(
              Effect.provideService(Supervisor.Supervisor, supervisor)
            )
          }
          yield* TestClock.adjust(100)
          yield* settle
          const status = yield* statusOf(supervisor, "job")
          if (what === "a probe") assert.strictEqual(status._tag, "Healthy")
          else {
            assert.strictEqual(assertStatus(status, "Dead").why, "Exhausted")
            assert.strictEqual(status.runs, 3)
          }
        }
      }))
  }

  it.effect("whoever adds a task that leans on them may still give its own", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ defaults: needing["a schedule"] }).pipe(
        Effect.provideService(Db, { ok: true })
      )
      yield* supervisor.add(Task.make("job", Effect.fail(new Net()))).pipe(Effect.provideService(Db, { ok: false }))
      yield* TestClock.adjust(100)
      yield* settle
      assert.strictEqual((yield* statusOf(supervisor, "job")).runs, 1)
    }))
})

describe("probes", () => {
  // Compiles only because the check's Scope is not asked of whoever runs the task.
  const probed = (check: Effect.Effect<unknown, unknown, Scope.Scope>): Task.Task<never, never, never> =>
    Task.make("job", Effect.never, { heartbeat: Heartbeat.probe(check, { schedule: Schedule.spaced(100) }) })
  const inNeed: Heartbeat.Probe<Db> = Heartbeat.probe(Effect.andThen(Db, Effect.addFinalizer(() => Effect.void)))

  it.effect("what a check acquires is released after each check", () =>
    Effect.gen(function*() {
      assert.strictEqual(inNeed._tag, "Probe")
      let open = 0
      let most = 0
      let checks = 0
      const connection = Effect.acquireRelease(
        Effect.sync(() => {
          checks++
          most = Math.max(most, ++open)
        }),
        () => Effect.sync(() => open--)
      )
      yield* Supervisor.make({ tasks: [probed(connection)] })
      yield* TestClock.adjust(1000)
      yield* settle
      assert.strictEqual(checks, 11)
      assert.strictEqual(most, 1)
      assert.strictEqual(open, 0)
    }))

  it.effect("also after one that fails, that takes too long, or whose run is stopped", () =>
    Effect.gen(function*() {
      const outcomes = [Effect.fail("down"), Effect.die("broken"), Effect.never]
      for (const outcome of outcomes) {
        let open = 0
        const connection = Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: "1 day" },
          tasks: [probed(Effect.andThen(connection, outcome))]
        })
        yield* TestClock.adjust(1500)
        yield* settle
        yield* supervisor.stop("job")
        yield* settle
        assert.strictEqual(open, 0)
      }
    }))
})

describe("launch", () => {
  class Port extends Context.Service<Port, {}>()("hostile/Port") {}
  const inUse = Task.make("server", Effect.fail(new Net()), { restart: { times: 0 }, whenDead: "escalate" })
  class App extends Supervisor.Service<App>()("hostile/app", { tasks: [inUse] }) {}
  const plain = Supervisor.layer({ name: "app", tasks: [inUse] })

  const assertGaveUp = (exit: Exit.Exit<void, unknown>) => {
    const error = failureOf(exit) as { readonly _tag: string; readonly reason: { readonly _tag: string } }
    assert.strictEqual(error._tag, "SupervisorError")
    const dead = error.reason as { readonly _tag: string; readonly cause: Cause.Cause<unknown> }
    assert.strictEqual(dead._tag, "TaskDead")
    assert.deepStrictEqual(dead.cause, Cause.fail(new Net()))
  }

  it.effect("sees that its supervisor gave up while the rest of the Layer is still being built", () =>
    Effect.gen(function*() {
      let released = false
      const slow = Layer.effect(Port)(
        Effect.acquireUseRelease(Effect.void, () => Effect.never, () =>
          Effect.sync(() => {
            released = true
          }))
      )
      assertGaveUp(yield* within(App.launch(Layer.provideMerge(slow, App.layer)), 100))
      assert.isTrue(released, "what was being built is ended")
      assertGaveUp(yield* within(Supervisor.launch(App, Layer.provideMerge(slow, App.layer)), 100))
      assertGaveUp(yield* within(Supervisor.launch(Supervisor.Supervisor, Layer.provideMerge(slow, plain)), 100))
    }))

  it.effect("fails with why its supervisor gave up, not with what the rest of the Layer meets then", () =>
    Effect.gen(function*() {
      const later = Layer.effectDiscard(Effect.sleep(100))
      const feature = App.layerTask(never("feature")).pipe(Layer.provide(later))
      assertGaveUp(yield* within(App.launch(Layer.provideMerge(feature, App.layer)), 200))
      const plainFeature = Supervisor.layerTask(never("feature"))
      assertGaveUp(
        yield* within(Supervisor.launch(Supervisor.Supervisor, Layer.provideMerge(plainFeature, plain)), 200)
      )
      const atOnce = App.layerTask(never("feature"))
      assertGaveUp(yield* within(App.launch(Layer.provideMerge(atOnce, App.layer)), 200))
    }))

  it.effect("of a supervisor that the Layer was not made for sees nothing of others", () =>
    Effect.gen(function*() {
      class Other extends Supervisor.Service<Other>()("hostile/other", { tasks: [never("job")] }) {}
      const launched = yield* fork(Other.launch(Layer.merge(App.layer, Other.layer)))
      yield* TestClock.adjust(1000)
      yield* settle
      assert.isUndefined(launched.pollUnsafe())
      yield* Fiber.interrupt(launched)
    }))
})

describe("supervisors of one path", () => {
  it.effect("share their gauges: the sum while both live, the other's when one has ended, none at last", () =>
    metered(Effect.gen(function*() {
      const scopes = [yield* Scope.make(), yield* Scope.make()] as const
      const twin = (scope: Scope.Scope, size: number) =>
        Scope.provide(
          Supervisor.make({ name: "twin", tasks: range(size).map((index) => never(`job ${index}`)) }),
          scope
        )
      yield* twin(scopes[0], 2)
      assert.strictEqual(yield* gauge("Healthy"), 2)
      yield* twin(scopes[1], 1)
      assert.strictEqual(yield* gauge("Healthy"), 3)
      yield* Scope.close(scopes[1], Exit.void)
      assert.strictEqual(yield* gauge("Healthy"), 2)
      const third = yield* Scope.make()
      yield* twin(third, 5)
      yield* Scope.close(scopes[0], Exit.void)
      assert.strictEqual(yield* gauge("Healthy"), 5)
      yield* Scope.close(third, Exit.void)
      assert.isUndefined(yield* gauge("Healthy"))
      assert.deepStrictEqual(yield* gauges, [])
    })))
})
