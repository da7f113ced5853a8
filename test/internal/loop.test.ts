/**
 * What holds the loop together, each part by itself: that old runs are not listened to, that a verdict waits for what has
 * been said, and that nothing is taken in after the end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { decide } from "../../src/internal/decide.ts"
import * as Inbox from "../../src/internal/inbox.ts"
import * as Loop from "../../src/internal/loop.ts"
import type { Run } from "../../src/internal/run.ts"
import type { Decision, Event, State } from "../../src/internal/state.ts"
import { makeState } from "../../src/internal/state.ts"
import type { HeartbeatSettings, Phase, TaskSettings } from "../../src/internal/words.ts"
import { assertStatus, collect, Net, settle, statusOf, tagsOf } from "../support/fixtures.ts"
import * as StallingClock from "../support/StallingClock.ts"
import { alone, plain } from "./deciding.ts"

const range = (length: number) => Array.from({ length }, (_, index) => index)

describe("decide", () => {
  const id = 1
  const cause = Cause.die("stale")
  const verdict = { _tag: "Probe", failures: 1 } as const

  /** Everything that a run, or the schedule asked after it, can tell. */
  const tellings: Record<string, (generation: number) => Event> = {
    Begun: (generation) => ({ _tag: "Begun", id, generation }),
    Beat: (generation) => ({ _tag: "Beat", id, generation, sign: { at: 1000, seen: 1000, details: "stale" } }),
    ProbeFailed: (generation) => ({ _tag: "ProbeFailed", id, generation, cause }),
    Unwinding: (generation) => ({ _tag: "Unwinding", id, generation }),
    "Ended, well": (generation) => ({ _tag: "Ended", id, generation, outcome: { _tag: "Success" }, byItself: true }),
    "Ended, badly": (generation) => ({
      _tag: "Ended",
      id,
      generation,
      byItself: true,
      outcome: { _tag: "Failure", reason: { _tag: "Failed", cause }, directive: "escalate" }
    }),
    "Answered, with a delay": (generation) => ({
      _tag: "Answered",
      id,
      generation,
      answer: { _tag: "Delay", delay: 0 }
    }),
    "Answered, that it is done": (generation) => ({ _tag: "Answered", id, generation, answer: { _tag: "Done" } })
  }

  const command = (name: "restart" | "stop" | "kill"): Event => ({
    _tag: "Command",
    reply: 7,
    command: name,
    target: { name: "job", id: undefined }
  })
  const failed = tellings["Ended, badly"]!
  const restartable = (generation: number): Event => {
    const event = failed(generation)
    assert(event._tag === "Ended" && event.outcome._tag === "Failure")
    return { ...event, outcome: { ...event.outcome, directive: "restart" } }
  }
  const delayed: Event = { _tag: "Answered", id, generation: 2, answer: { _tag: "Delay", delay: 500 } }

  /** How a task in its second run comes into each phase. */
  const phases: ReadonlyArray<readonly [what: string, phase: Phase, events: ReadonlyArray<Event>]> = [
    ["Starting", "Starting", []],
    ["Healthy", "Healthy", [tellings["Beat"]!(2)]],
    ["Stopping by command", "Stopping", [command("stop")]],
    ["Stopping by itself", "Stopping", [tellings["Unwinding"]!(2)]],
    ["Failed, its schedule being asked", "Failed", [restartable(2)]],
    ["Failed, its restart due", "Failed", [restartable(2), delayed]],
    ["Completed", "Completed", [tellings["Ended, well"]!(2)]],
    ["Stopped", "Stopped", [command("stop"), failed(2)]],
    ["Dead", "Dead", [command("kill"), failed(2)]]
  ]

  /** A task whose first run was replaced by a second, and then what is given happened to it. */
  const inSecondRun = (events: ReadonlyArray<Event>, heartbeat: HeartbeatSettings = verdict): State => {
    const state = makeState(alone, 0)
    const settings: TaskSettings = { ...plain, heartbeat, whenDead: "escalate" }
    const begin: ReadonlyArray<Event> = [
      { _tag: "Add", reply: 1, listed: false, instance: false, id, name: "job", settings },
      tellings["Begun"]!(1),
      command("restart"),
      failed(1),
      tellings["Begun"]!(2),
      ...events
    ]
    for (const event of begin) decide(state, event, 1000)
    return state
  }

  const phaseOf = (state: State) => state.entries.get(id)?.phase

  for (const [what, phase, events] of phases) {
    it(`changes nothing and decides nothing by what an older run tells, while the task is ${what}`, () => {
      for (const [telling, of] of Object.entries(tellings)) {
        for (const generation of [0, 1, 3]) {
          const state = inSecondRun(events)
          assert.strictEqual(phaseOf(state), phase)
          const before = structuredClone(state)
          assert.deepStrictEqual(decide(state, of(generation), 1000), [], telling)
          assert.deepStrictEqual(structuredClone(state), before, telling)
        }
      }
    })
  }

  it("does by what the run itself tells: the generation is all that told them apart", () => {
    for (const [telling, of] of Object.entries(tellings)) {
      const heartbeat: HeartbeatSettings = telling === "Begun" ? { _tag: "None" } : verdict
      const decided = phases.flatMap(([, , events]): ReadonlyArray<Decision> => {
        const state = inSecondRun(events, heartbeat)
        if (telling !== "Begun") return decide(state, of(2), 1000)
        state.entries.get(id)!.phase = "Starting"
        return decide(state, of(2), 1000)
      })
      assert.isAbove(decided.length, 0, telling)
    }
  })

  it("nothing by what a run of a removed task tells, though another has its name", () => {
    const state = inSecondRun([])
    for (const event of [{ ...command("kill"), command: "remove" } as Event, failed(2)]) decide(state, event, 1000)
    const entry = { ...tellings["Begun"]!(1) }
    assert.isFalse(state.entries.has(id))
    const settings = inSecondRun([]).entries.get(id)!.settings
    decide(state, { _tag: "Add", reply: 2, listed: false, instance: false, id: 2, name: "job", settings }, 1000)
    const before = structuredClone(state)
    for (const of of Object.values(tellings)) {
      for (const generation of [1, 2]) assert.deepStrictEqual(decide(state, of(generation), 1000), [])
    }
    assert.deepStrictEqual(decide(state, entry, 1000), [])
    assert.deepStrictEqual(structuredClone(state), before)
  })
})

describe("a run", () => {
  it.effect("a beat after its end is ignored by the run itself", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      let run: Run | undefined
      const events: Array<Event> = []
      yield* Supervisor.make({
        tasks: [
          Task.make(
            "job",
            Effect.flatMap(Supervisor.current, (current) => {
              run = current as unknown as Run
              return gate.await
            })
          )
        ]
      }).pipe(Effect.provideService(Loop.Recording, (event) => {
        events.push(event)
      }))
      assert(run !== undefined)
      run.beat("alive")
      assert.isDefined(run.beatAt)
      yield* settle
      assert.isUndefined(run.beatAt, "the loop has taken it")
      yield* gate.open
      yield* settle
      assert.isTrue(run.hasEnded)
      const before = events.length
      run.beat("from the grave")
      run.beat()
      assert.isUndefined(run.beatAt)
      assert.isUndefined(run.beatDetails)
      yield* settle
      assert.strictEqual(events.length, before)
    }))
})

describe("the inbox", () => {
  it.effect("holds nothing once it is closed, be it before or after", () =>
    Effect.gen(function*() {
      const inbox = yield* Inbox.make()
      for (const when of ["before", "after"]) {
        inbox.first(() => ({ _tag: "Command", event: { _tag: "Shutdown" }, task: undefined }))
        for (const _ of range(1000)) {
          inbox.urgent({ _tag: "Tick" })
          inbox.ordinary({ _tag: "Tick" })
        }
        if (when === "before") inbox.close()
      }
      const left = range(100).flatMap(() => inbox.poll())
      assert.deepStrictEqual(left, [])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(inbox.take)), "and nobody is let wait for more")
    }))
})

describe("a defect of the loop", () => {
  it.effect("leaves nobody waiting, not even for a task that has been taken out by then", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root" }).pipe(
        Effect.provideService(Loop.Recording, (_event, _now, decisions) => {
          // It has been decided, and is not carried out.
          if (decisions.some(({ _tag }) => _tag === "Forget")) throw new Error("broken")
        }),
        Effect.provide(Logger.layer([]))
      )
      const handle = yield* supervisor.add(Task.make("job", Effect.never))
      const answers: Array<string> = []
      const heard = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.forkChild(
          Effect.catchCause(
            Effect.asVoid(effect),
            (cause) => Effect.sync(() => void answers.push(Cause.pretty(cause)))
          ),
          { startImmediately: true }
        )
      yield* heard(handle.await)
      yield* heard(supervisor.remove("job"))
      yield* settle
      assert.strictEqual(answers.length, 2)
      for (const answer of answers) assert.include(answer, "broken")
    }))
})

/** A body that does nothing, and what it would beat with. */
const beating = () => {
  let beater = (): void => assert.fail("it has not begun")
  const body = Effect.andThen(Effect.map(Heartbeat.beater, (made) => (beater = made)), Effect.never)
  return { beat: () => beater(), body }
}

describe("a tick", () => {
  for (const [how, finalizer] of [["at once", Effect.void], ["slowly", Effect.sleep("1 second")]] as const) {
    it.effect(`hears the last word of a run that ends ${how} as its silence falls due`, () =>
      Effect.gen(function*() {
        let end = () => assert.fail("nobody is there to end")
        const heartbeat = Heartbeat.manual({ within: 2000 })
        const restart = { schedule: Schedule.spaced("1 hour") }
        const hung = Effect.andThen(
          Heartbeat.beat,
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => end()))
        )
        const job = Effect.gen(function*() {
          yield* Effect.addFinalizer(() => finalizer)
          const beat = yield* Heartbeat.beater
          yield* Heartbeat.beatWith("begun")
          return yield* Effect.callback<never, string>((resume) => {
            end = (() => {
              beat("the last word")
              resume(Effect.fail("ended"))
            }) as typeof end
          })
        })
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0, interval: 60_000 },
          tasks: [Task.make("hung", hung, { heartbeat, restart }), Task.make("job", job, { heartbeat, restart })]
        }).pipe(Effect.provide(Logger.layer([])))
        yield* settle
        // The one that is hung is stopped in the tick that looks at the other one next.
        yield* TestClock.adjust(2001)
        yield* settle
        assert.strictEqual((yield* statusOf(supervisor, "job")).heartbeatDetails, "the last word")
        yield* TestClock.adjust("1 second")
      }))
  }

  it.effect("does not take a run for hung that beats, and then works without letting anybody else run", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const { beat, body } = beating()
        for (const millis of [105, 115, 130, 180]) {
          const supervisor = yield* Supervisor.make({
            healthCheck: { initialDelay: 0 },
            tasks: [Task.make("job", body, { heartbeat: Heartbeat.manual({ within: 100 }) })]
          })
          beat()
          yield* settle
          for (let i = 0; i < 5; i++) {
            yield* TestClock.adjust(5)
            beat()
            yield* stall(millis)
          }
          assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 1, `${millis} ms`)
          yield* supervisor.shutdown
        }
      }))
    }))

  it.effect("counts a beat that is kept in a turn that was blocked from the end of that, and not later", () =>
    Effect.gen(function*() {
      const { jump, provide } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const { beat, body: job } = beating()
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0, interval: 200 },
          tasks: [
            Task.make("job", job, {
              heartbeat: Heartbeat.manual({ within: 2000 }),
              restart: { schedule: Schedule.spaced("1 hour") }
            }),
            Task.make("other", Effect.never)
          ]
        }).pipe(Effect.provide(Logger.layer([])))
        beat()
        yield* settle
        yield* TestClock.adjust(1000)
        // Who is answered goes on within the turn: it blocks the thread for ten seconds, and beats.
        yield* Effect.forkChild(
          Effect.andThen(supervisor.restart("other"), Effect.andThen(jump(10_000), Effect.sync(() => beat())))
        )
        yield* settle
        yield* TestClock.adjust(2000)
        assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
        // The timer of the loop was delayed, too: that much more is given away, an interval at most.
        yield* TestClock.adjust(1 + 200)
        assert.strictEqual((yield* statusOf(supervisor, "job")).lastFailure?.kind, "HeartbeatMissed")
      }))
    }))

  it.effect("counts a beat that came while a turn was blocked from the end of that, and not later", () =>
    Effect.gen(function*() {
      const { jump, provide } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const { beat, body: job } = beating()
        const heartbeat = Heartbeat.manual({ within: 2000 })
        // Its finalizer blocks the thread for ten seconds, and beats for the other one.
        const blocking = Effect.onInterrupt(Effect.never, () => Effect.andThen(jump(10_000), Effect.sync(() => beat())))
        const restart = { schedule: Schedule.spaced("1 hour") }
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0, interval: 200 },
          tasks: [
            Task.make("hung", Effect.andThen(Heartbeat.beat, blocking), { heartbeat, restart }),
            Task.make("job", job, { heartbeat, restart })
          ]
        }).pipe(Effect.provide(Logger.layer([])))
        beat()
        yield* settle
        yield* TestClock.adjust(1000)
        beat()
        yield* TestClock.adjust(1001)
        yield* settle
        yield* TestClock.adjust(2000)
        assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* statusOf(supervisor, "job")).lastFailure?.kind, "HeartbeatMissed")
      }))
    }))

  it.effect("counts a beat that was kept from when it came, and no stall since then", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const { beat, body } = beating()
        const supervisor = yield* Supervisor.make({
          healthCheck: { initialDelay: 0, interval: 200 },
          tasks: [Task.make("job", body, { heartbeat: Heartbeat.manual({ within: 2000 }) })]
        }).pipe(Effect.provide(Logger.layer([])))
        beat()
        yield* TestClock.adjust(1000)
        beat()
        yield* TestClock.adjust(500)
        yield* stall(10_000)
        // The loop last turned at 1400: from then on nothing could be seen.
        yield* TestClock.adjust(2000 - 400)
        assertStatus(yield* statusOf(supervisor, "job"), "Healthy")
        yield* TestClock.adjust(1)
        const { lastFailure } = yield* statusOf(supervisor, "job")
        assert.strictEqual(lastFailure?.message, "no heartbeat for 2s 1ms")
      }))
    }))

  /**
   * Manual tasks that beat once, behind a flood of beats of others, just before the tick that would take them for hung.
   * All of it within one turn of the loop: the body of a task that is hung next after it makes the loop tick at once.
   */
  const flooded = Effect.fnUntraced(function*(size: number) {
    const { jump, provide } = yield* StallingClock.make
    return yield* provide(Effect.gen(function*() {
      const beats: Record<string, Array<() => void>> = { other: [], job: [] }
      const beating = (name: string, within: number) => (index: number) =>
        Task.make(
          `${name} ${index}`,
          Effect.andThen(Effect.map(Heartbeat.beater, (beat) => beats[name]!.push(beat)), Effect.never),
          { heartbeat: Heartbeat.manual({ within }) }
        )
      const ticks: Array<number> = []
      let events = 0
      const supervisor = yield* Supervisor.make({
        healthCheck: { initialDelay: 0 },
        tasks: [...range(3000).map(beating("other", 1_000_000)), ...range(size).map(beating("job", 1000))]
      }).pipe(
        Effect.provideService(Loop.Recording, (event) => {
          events++
          if (event._tag === "Tick") ticks.push(events)
        }),
        Effect.provide(Logger.layer([]))
      )
      yield* settle
      for (const beat of [...beats["other"]!, ...beats["job"]!]) beat()
      yield* settle
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust(995)
      yield* settle
      const before = events
      const sudden = Effect.flatMap(Heartbeat.beater, (beat) =>
        Effect.andThen(
          Effect.sync(() => {
            for (const one of [...beats["other"]!, ...beats["job"]!, beat]) one()
          }),
          jump(10)
        ))
      yield* supervisor.add(
        Task.make("sudden", Effect.andThen(sudden, Effect.never), { heartbeat: Heartbeat.manual({ within: 1 }) })
      )
      for (const _ of range(300)) yield* Effect.yieldNow
      const first = ticks.find((at) => at > before)
      assert(first !== undefined && first < before + 2000, "the tick came while the flood was waiting")
      assert.deepStrictEqual(tagsOf(seen, "sudden").slice(0, 3), ["TaskAdded", "TaskStarting", "TaskHealthy"])
      const missed = seen.filter((event) => event._tag === "HeartbeatMissed" && event.task !== "sudden")
      assert.strictEqual(missed.length, 0, "of runs that had beaten")
      assert.strictEqual((yield* statusOf(supervisor, "job 0"))._tag, "Healthy")
    }))
  })

  it.effect("judges by what a run has told, though that waits behind a flood", () => flooded(1), 60_000)

  it.effect("of however many that fall due at one instant", () => flooded(1500), 60_000)
})

describe("runs that end as they are interrupted", () => {
  it.effect("are seen some hundred in a turn, and no more", () =>
    Effect.gen(function*() {
      const size = 3000
      const ends: Array<number> = []
      const supervisor = yield* Supervisor.make({
        tasks: range(size).map((index) => Task.make(`task ${index}`, Effect.never))
      }).pipe(
        Effect.provideService(Loop.Recording, (event) => {
          if (event._tag === "Turn") ends.push(0)
          if (event._tag === "Ended") ends[ends.length - 1]!++
        })
      )
      yield* supervisor.shutdown
      const busy = ends.filter((count) => count > 0)
      assert.strictEqual(busy.reduce((sum, count) => sum + count, 0), size)
      // Each by way of the inbox, they would be half as many.
      assert.isAbove(Math.max(...busy), 400)
      assert.isAtMost(Math.max(...busy), 600)
    }))

  const silent = (name: string) => Task.make(name, Effect.never, { heartbeat: Heartbeat.manual({ within: 10_000 }) })

  it.effect("come after all verdicts of their tick", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: ["a", "b", "c"].map(silent)
      })
      const { seen } = yield* collect(supervisor.events)
      yield* TestClock.adjust(10_001)
      yield* settle
      for (const task of ["a", "b", "c"]) {
        assert.include(tagsOf(seen, task), "HeartbeatMissed")
        assert.strictEqual((yield* statusOf(supervisor, task)).lastFailure?.kind, "HeartbeatMissed")
      }
    }).pipe(Effect.provide(Logger.layer([]))))

  const finalizers: Record<string, (finalizer: Effect.Effect<unknown>) => Effect.Effect<never, never, Scope.Scope>> = {
    "a finalizer of its scope": (finalizer) => Effect.andThen(Effect.addFinalizer(() => finalizer), Effect.never),
    // The body is not over before that.
    "its body, when it is interrupted,": (finalizer) => Effect.onInterrupt(Effect.never, () => finalizer)
  }
  it.effect.each(Object.keys(finalizers))("are seen in order with what %s asks for", (what) =>
    Effect.gen(function*() {
      const asking = Effect.suspend(() => Effect.forkDetach(supervisor.stop("b"), { startImmediately: true }))
      const supervisor: Supervisor.RunningSupervisor = yield* Supervisor.make({
        tasks: [Task.make("a", finalizers[what]!(asking)), Task.make("b", Effect.never)]
      })
      const { seen } = yield* collect(supervisor.events)
      yield* supervisor.stop("a")
      yield* settle
      const stops = seen.flatMap((event) =>
        event._tag === "TaskStopping" || event._tag === "TaskStopped" ? [`${event._tag} ${event.task}`] : []
      )
      const inOrder = what === "a finalizer of its scope"
        ? ["TaskStopping a", "TaskStopped a", "TaskStopping b", "TaskStopped b"]
        : ["TaskStopping a", "TaskStopping b", "TaskStopped a", "TaskStopped b"]
      assert.deepStrictEqual(stops, inOrder)
    }))

  it.effect("come after a run that ended by itself before them", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<number>()
      const opening = Effect.andThen(Effect.addFinalizer(() => Deferred.succeed(gate, 42)), Effect.never)
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("done", Deferred.await(gate)),
          Task.make("between", Effect.never),
          Task.make("opening", opening)
        ]
      })
      const { seen } = yield* collect(supervisor.events)
      yield* supervisor.shutdown
      yield* settle
      assert.deepStrictEqual(tagsOf(seen, "done"), ["TaskCompleted"])
      assert.deepStrictEqual(tagsOf(seen, "between"), ["TaskStopping", "TaskDead"])
    }))

  it.effect("because a sibling has failed come after the command that found it so", () =>
    Effect.gen(function*() {
      let isArmed = false
      const crashes: Array<() => void> = []
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          Task.make(
            "a",
            Effect.callback<never, Net>((resume) => {
              crashes.push(() => resume(Effect.fail(new Net())))
            }),
            { restart: { schedule: Schedule.spaced(0) } }
          ),
          Task.make("b", Effect.never),
          Task.make("trigger", Effect.andThen(Effect.sync(() => isArmed ? crashes[0]?.() : undefined), Effect.never))
        ]
      })
      yield* settle
      yield* supervisor.stop("trigger")
      isArmed = true
      // In one batch: the first begins a run that makes the other one's task fail.
      yield* Effect.all([supervisor.start("trigger"), supervisor.stop("a")], { concurrency: "unbounded" })
      yield* settle
      const after = assertStatus(yield* statusOf(supervisor, "a"), "Stopped")
      assert.strictEqual(after.generation, 1)
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("and begin again before the supervisor ends that they ask to end", () =>
    Effect.gen(function*() {
      const asking: Effect.Effect<unknown> = Effect.suspend(() =>
        Effect.forkDetach(supervisor.shutdown, { startImmediately: true })
      )
      const supervisor: Supervisor.RunningSupervisor = yield* Supervisor.make({
        tasks: [Task.make("a", Effect.andThen(Effect.addFinalizer(() => asking), Effect.never))]
      })
      yield* supervisor.restart("a")
    }))
})
