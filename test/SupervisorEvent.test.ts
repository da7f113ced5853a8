import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorEvent from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as TaskStatus from "effect-supervisor/TaskStatus"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { collect, failureOf, fork, Net, settle, stubborn, tagsOf, within } from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

type Event = SupervisorEvent.SupervisorEvent

const encode = Schema.encodeSync(SupervisorEvent.SupervisorEventJson)
const decode = Schema.decodeSync(SupervisorEvent.SupervisorEventJson)

/** JSON has one zero, and objects have one prototype: neither difference is harm. */
const plain = (value: unknown): unknown => {
  if (typeof value === "number") return value === 0 ? 0 : value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

const survivesJson = (event: Event): void => {
  const text = encode(event)
  assert.notInclude(text, "\n")
  assert.deepStrictEqual(plain(decode(text)), plain(event))
  // and read by anybody else
  assert.strictEqual(JSON.parse(text)["_tag"], event._tag)
}

const never = (name: string) => Task.make(name, Effect.never)

/** A supervisor to which most of what can happen does happen, with all that it told, from the first event on. */
const richRun = Effect.gen(function*() {
  const events: Array<Event> = []
  const missing: Array<Event> = []
  const { body, release } = yield* stubborn
  const gate = Latch.makeUnsafe()
  yield* Effect.gen(function*() {
    let run = 0
    const supervisor = yield* Supervisor.make({
      name: "root",
      eventCapacity: 100,
      healthCheck: { initialDelay: 0 },
      tasks: [
        never("job"),
        Task.make("done", Effect.void),
        Task.make(
          "flaky",
          Effect.suspend(() => ++run < 3 ? Effect.fail(new Net()) : Effect.never),
          { restart: { schedule: Schedule.spaced(100) }, stableAfter: 1000 }
        ),
        Task.make("dies", Effect.die(new TypeError("broken\nin two lines")), { restart: { times: 1 } }),
        Task.make("waits for ever", Effect.fail("once"), {
          restart: { schedule: Schedule.duration(Duration.infinity) }
        }),
        Task.make("silent", Effect.never, { heartbeat: Heartbeat.manual({ within: 500 }), restart: { times: 0 } }),
        Task.make("late", Effect.never, {
          heartbeat: Heartbeat.manual({ within: 500 }),
          startupTimeout: 700,
          restart: { times: 0 }
        }),
        Task.make("down", Effect.never, {
          heartbeat: Heartbeat.probe(Effect.fail(new Net()), { failures: 1 }),
          restart: { times: 0 }
        }),
        Task.make("says", Effect.andThen(Heartbeat.beatWith({ rows: [1, null, "x"] }), Effect.never)),
        Task.make("stuck", body, { stopTimeout: 50 }),
        Task.make("again", Effect.void, { restart: { mode: "permanent", schedule: Schedule.spaced("1 day") } }),
        Task.make("ends badly", Effect.andThen(Effect.addFinalizer(() => Effect.die("leak")), Effect.never)),
        Task.make("stuck for ever", Effect.uninterruptible(gate.await), { stopTimeout: "infinity" })
      ]
    })
    // a reader so slow that it misses some
    yield* fork(Stream.runForEach(supervisor.events, (event) =>
      Effect.sync(() => {
        missing.push(event)
      }).pipe(Effect.andThen(Effect.sleep(100)))))
    yield* TestClock.adjust(2000)
    yield* supervisor.restart("job")
    yield* supervisor.stop("job")
    yield* supervisor.stop("ends badly")
    for (let i = 0; i < 200; i++) {
      yield* supervisor.restart("job")
      // whoever keeps up is let
      yield* Effect.yieldNow
    }
    yield* fork(Effect.ignore(supervisor.stop("stuck")))
    yield* fork(Effect.ignore(supervisor.kill("stuck for ever")))
    yield* TestClock.adjust(100)
    yield* supervisor.kill("says")
    yield* supervisor.remove("job")
    yield* gate.open
    yield* TestClock.adjust("1 minute")
    // of more restarts than it bears, it makes a pause, which puts off one that was due already
    yield* supervisor.reconfigure({ intensity: { restarts: 1, within: "1 second", whenExceeded: "pause" } })
    yield* supervisor.add(Task.make("soon", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(500) } }))
    yield* supervisor.add(Task.make("at once", Effect.fail(new Net()), { restart: { schedule: Schedule.recurs(3) } }))
    yield* TestClock.adjust("1 minute")
    yield* within(supervisor.shutdown, "1 minute")
  }).pipe(Effect.provideService(Supervisor.Observer, (supervisor) =>
    Effect.asVoid(Effect.forkScoped(
      Stream.runForEach(supervisor.events, (event) => Effect.sync(() => events.push(event))),
      { startImmediately: true }
    ))))
  yield* settle
  yield* release
  return { events, missing }
})

describe("SupervisorEvent", () => {
  it.prop(
    "whatever fits the schema goes through JSON unharmed",
    { event: SupervisorEvent.SupervisorEvent },
    ({ event }) => {
      survivesJson(event)
    },
    { arbitrary: { runs: 500, size: 30, seed: 1 } }
  )

  it.effect("what a supervisor really tells goes through JSON unharmed, every kind of it", () =>
    Effect.gen(function*() {
      const { events, missing } = yield* richRun
      for (const event of [...events, ...missing]) survivesJson(event)
      const told = new Set<unknown>([...events, ...missing].map((event) => event._tag))
      const kinds = SupervisorEvent.SupervisorEvent.members.map((member) => member.fields._tag.ast.literal)
      assert.deepStrictEqual(kinds.filter((kind) => !told.has(kind) && kind !== "SupervisorStarted"), [])
    }))

  it.effect("details that JSON has no word for do not spoil the snapshot", () =>
    Effect.gen(function*() {
      const odd: Record<string, unknown> = {
        nan: Number.NaN,
        infinite: Infinity,
        nested: { deep: [Number.NaN] },
        undefined: { a: undefined },
        date: new Date(0),
        bigint: 1n,
        function: () => 1
      }
      for (const [name, details] of Object.entries(odd)) {
        const supervisor = yield* Supervisor.make()
        yield* supervisor.add(
          Task.make(name, Effect.andThen(Heartbeat.beatWith(details as Schema.Json), Effect.never))
        )
        yield* settle
        const { seen } = yield* collect(supervisor.events)
        survivesJson(seen[0]!)
        yield* supervisor.shutdown
      }
    }))

  describe("sequence", () => {
    it.effect("counts without gaps or repeats, from the snapshot to the end", () =>
      Effect.gen(function*() {
        const { events } = yield* richRun
        const [snapshot, ...rest] = events
        assert.strictEqual(snapshot?._tag, "Snapshot")
        assert.isAbove(rest.length, 500)
        rest.forEach((event, index) => assert.strictEqual(event.sequence, snapshot!.sequence + index + 1))
        assert.strictEqual(rest.at(-1)?._tag, "SupervisorClosed")
        assert.strictEqual(rest.filter((event) => event._tag === "SupervisorClosed").length, 1)
      }))

    it.effect("a slow reader's gaps are told, and nothing but them: what it got and what it missed is all there was", () =>
      Effect.gen(function*() {
        const { events, missing } = yield* richRun
        let newest = missing[0]!.sequence
        let missed = 0
        for (const event of missing.slice(1)) {
          if (event._tag === "EventsMissed") {
            assert.isAbove(event.missed, 0)
            assert.strictEqual(event.sequence, newest + event.missed)
            missed += event.missed
          } else assert.strictEqual(event.sequence, newest + 1)
          newest = event.sequence
        }
        assert.isAbove(missed, 0)
        assert.strictEqual(newest, events.at(-1)?.sequence)
      }))

    it.effect("begins when the first event is asked for, not when the stream is opened", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "root" })
        const pull = yield* Stream.toPull(supervisor.events)
        yield* supervisor.add(never("late"))
        yield* settle
        const [first] = yield* pull
        assert(first._tag === "Snapshot")
        assert.deepStrictEqual(first.statuses.map(({ task }) => task), ["late"])
        const [afterwards] = yield* Effect.andThen(supervisor.stop("late"), pull)
        assert.strictEqual(afterwards.sequence, first.sequence + 1)
        const unread = yield* Stream.toPull(supervisor.events)
        yield* supervisor.shutdown
        const [last] = yield* unread
        assert(last._tag === "Snapshot")
        assert.deepStrictEqual(last.statuses.map(({ _tag }) => _tag), ["Stopped"])
      }))

    it.effect("is one for all subscribers: the same number is the same event", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
        const first = yield* collect(supervisor.events)
        for (let i = 0; i < 5; i++) yield* supervisor.restart("job")
        const second = yield* collect(supervisor.events)
        for (let i = 0; i < 5; i++) yield* supervisor.restart("job")
        yield* settle
        const tail = second.seen.slice(1)
        assert.isAbove(tail.length, 10)
        assert.deepStrictEqual(first.seen.slice(-tail.length), tail)
      }))
  })

  describe("a late subscriber", () => {
    it.effect("gets the statuses as of the snapshot's number, then each change after it, none twice", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("a"), never("b")] })
        yield* supervisor.stop("a")
        const { seen } = yield* collect(supervisor.events)
        const [snapshot] = seen
        assert(snapshot?._tag === "Snapshot")
        assert.deepStrictEqual(snapshot.statuses, yield* supervisor.statuses)
        assert.strictEqual(seen.length, 1)
        yield* supervisor.start("a")
        yield* supervisor.remove("b")
        yield* settle
        assert.deepStrictEqual(seen.slice(1).map((event) => `${event._tag} ${"task" in event ? event.task : ""}`), [
          "TaskStarting a",
          "TaskHealthy a",
          "TaskStopping b",
          "TaskDead b",
          "TaskRemoved b"
        ])
      }))

    it.effect("can follow the statuses from the snapshot on by events alone", () =>
      Effect.gen(function*() {
        const { events } = yield* richRun
        const phases = new Map<string, string>()
        const phaseOf: Partial<Record<Event["_tag"], string>> = {
          TaskAdded: "Created",
          TaskStarting: "Starting",
          TaskHealthy: "Healthy",
          RestartScheduled: "Failed",
          TaskStopping: "Stopping",
          TaskStopped: "Stopped",
          TaskCompleted: "Completed",
          TaskDead: "Dead"
        }
        for (const event of events) {
          if (!("task" in event)) continue
          const phase = phaseOf[event._tag]
          if (event._tag === "TaskRemoved") phases.delete(event.task)
          else if (phase !== undefined) phases.set(event.task, phase)
        }
        assert.deepStrictEqual(Object.fromEntries(phases), {
          "at once": "Dead",
          done: "Completed",
          flaky: "Dead",
          dies: "Dead",
          "waits for ever": "Dead",
          silent: "Dead",
          soon: "Dead",
          late: "Dead",
          down: "Dead",
          says: "Dead",
          stuck: "Stopping",
          again: "Dead",
          "ends badly": "Stopped",
          "stuck for ever": "Dead"
        })
      }))

    it.effect("after the end gets the last snapshot, and the stream ends", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
        yield* supervisor.shutdown
        const events = yield* Stream.runCollect(supervisor.events)
        assert.deepStrictEqual(tagsOf(events), ["Snapshot"])
        const [snapshot] = events
        assert(snapshot?._tag === "Snapshot")
        assert.deepStrictEqual(snapshot.statuses, (yield* supervisor.await).statuses)
      }))
  })

  it.effect("the stream ends with the supervisor, by shutdown, by itself and when it gives up", () =>
    Effect.gen(function*() {
      for (const end of ["shutdown", "all", "gives up"] as const) {
        const supervisor = yield* Supervisor.make({ whenAllCompleted: "end" })
        const { fiber, seen } = yield* collect(supervisor.events)
        if (end === "shutdown") yield* supervisor.shutdown
        if (end === "all") yield* supervisor.add(Task.make("job", Effect.void))
        if (end === "gives up") {
          yield* supervisor.add(
            Task.make("job", Effect.fail(new Net()), { restart: { times: 0 }, whenDead: "escalate" })
          )
        }
        yield* settle
        assert.isDefined(fiber.pollUnsafe(), end)
        const closing = seen.find((event) => event._tag === "SupervisorClosing")
        const closed = seen.at(-1)
        assert(closing?._tag === "SupervisorClosing" && closed?._tag === "SupervisorClosed", end)
        if (end === "gives up") {
          const error = failureOf(yield* Effect.exit(supervisor.await))
          assert.strictEqual(closing.failure, error.reason.message)
          assert.strictEqual(closed.failure, error.reason.message)
        } else {
          assert.isUndefined(closing.failure)
          assert.isUndefined(closed.failure)
        }
      }
    }))

  it.effect("heartbeats are no events, whatever their kind", () =>
    Effect.gen(function*() {
      const beating = Effect.forever(Effect.andThen(Heartbeat.beatWith({ any: 1 }), Effect.sleep(10)))
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("automatic", Effect.never),
          Task.make("manual", beating, { heartbeat: Heartbeat.manual() }),
          Task.make("probe", Effect.never, {
            heartbeat: Heartbeat.probe(Effect.void, { schedule: Schedule.spaced(10) })
          })
        ]
      })
      yield* settle
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(seen.length, 1)
    }))

  it.effect("carries what failed, for people, with the run it was", () =>
    Effect.gen(function*() {
      const { events } = yield* richRun
      const failed = events.filter((event) => event._tag === "TaskFailed")
      const of = (task: string) => failed.filter((event) => event.task === task)
      assert.deepStrictEqual(of("flaky").map((event) => [event.failure.kind, event.failure.tag, event.generation]), [
        ["Failed", "Net", 1],
        ["Failed", "Net", 2]
      ])
      const dies = of("dies")[0]!.failure
      assert.strictEqual(dies.tag, "TypeError")
      assert.strictEqual(dies.message, "TypeError: broken")
      assert.include(dies.details, "in two lines")
      assert.include(of("waits for ever")[0]!.failure.message, "once")
      assert.strictEqual(of("silent")[0]!.failure.kind, "HeartbeatMissed")
      assert.strictEqual(of("down")[0]!.failure.kind, "ProbeFailed")
      const missed = events.filter((event) => event._tag === "HeartbeatMissed")
      assert.deepStrictEqual(missed.map((event) => [event.task, event.during]).sort(), [
        ["late", "startup"],
        ["silent", "startup"]
      ])
      const scheduled = events.filter((event) => event._tag === "RestartScheduled")
      for (const event of scheduled) {
        if (event.task === "waits for ever") {
          assert.isUndefined(event.delay)
          assert.isUndefined(event.restartAt)
        } else assert.strictEqual(event.restartAt, event.time + event.delay!)
      }
      const unstoppable = events.filter((event) => event._tag === "TaskUnstoppable")
      assert.deepStrictEqual(unstoppable.map((event) => [event.task, event.stopTimeout]), [["stuck", 50]])
    }))

  it.effect("says why a run is stopping", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        tasks: [
          never("job"),
          never("left"),
          Task.make("silent", Effect.never, { heartbeat: Heartbeat.manual({ within: 100 }), restart: { times: 0 } })
        ]
      })
      const { seen } = yield* collect(supervisor.events)
      yield* supervisor.restart("job")
      yield* supervisor.stop("job")
      yield* supervisor.start("job")
      yield* supervisor.kill("job")
      yield* supervisor.start("job")
      yield* supervisor.remove("job")
      yield* TestClock.adjust("10 seconds")
      yield* supervisor.shutdown
      yield* settle
      assert.deepStrictEqual(
        seen.flatMap((event) => event._tag === "TaskStopping" ? [event.because] : []),
        ["restart", "stop", "kill", "remove", "verdict", "shutdown"]
      )
    }))

  it.effect("times are wall-clock milliseconds, and follow when the clock is set", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      const year = Date.UTC(2026, 0, 1)
      yield* clock.setWall(year)
      yield* clock.provide(Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [never("job")] })
        const { seen } = yield* collect(supervisor.events)
        assert.strictEqual(seen[0]?.time, year)
        yield* TestClock.adjust(1234)
        yield* supervisor.stop("job")
        yield* settle
        assert.strictEqual(seen.at(-1)?.time, year + 1234)
        yield* clock.setWall(3_600_000)
        yield* supervisor.start("job")
        yield* settle
        assert.strictEqual(seen.at(-1)?.time, year + 1234 + 3_600_000)
      }))
    }))

  it.prop(
    "statuses go through JSON unharmed",
    { status: TaskStatus.TaskStatus, report: TaskStatus.FinalReport },
    ({ report, status }) => {
      const roundTrip = <A>(schema: Schema.Codec<A, unknown>, value: A) => {
        const text = JSON.stringify(Schema.encodeSync(schema)(value))
        assert.deepStrictEqual(plain(Schema.decodeUnknownSync(schema)(JSON.parse(text))), plain(value))
      }
      roundTrip(TaskStatus.TaskStatus, status)
      roundTrip(TaskStatus.FinalReport, report)
    },
    { arbitrary: { runs: 200, size: 20, seed: 1 } }
  )

  it("refuses what is no event, by name", () => {
    for (const text of ["", "{}", "null", "{\"_tag\":\"TaskExploded\"}", "{\"_tag\":\"TaskAdded\",\"sequence\":1}"]) {
      assert.throws(() => decode(text))
    }
  })
})
