/**
 * What supervision has learned since OTP: from suture, Akka, systemd, and from what people ask for.
 */
import { assert, describe } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorError } from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import {
  assertRefused,
  assertStatus,
  assertTag,
  Auth,
  Coded,
  failureOf,
  Net,
  settle,
  statusOf,
  within
} from "../support/fixtures.ts"
import { assertLives, Children, gaveUp, it, permanent, standing, transient } from "./otpSupport.ts"
import { beside, ended, eventsOf, recorded } from "./support.ts"

describe("SU-01", () => {
  const pausing = { restarts: 2, within: "10 seconds", whenExceeded: "pause" } as const

  /** When the newest run of each began. */
  const starts = (children: Children): Record<string, number> =>
    Object.fromEntries(
      children.sinceTimed.split(" ").filter((what) => what.startsWith("+")).map((what) => {
        const [name, at] = what.slice(1).split("@")
        return [name!, Number(at)]
      })
    )

  it.effect("SU-01 over its intensity it pauses restarts instead of giving up, and resumes", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        intensity: pausing,
        tasks: children.tasks("a", "b", "c", "d")
      }))
      yield* TestClock.adjust("1 second")
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      assert.deepStrictEqual(starts(children), { a: 1000, b: 1000, c: 0, d: 0 })
      yield* children.fail("c", new Net())
      assert.deepStrictEqual(
        eventsOf(events, "RestartsPaused").map(({ restarts, time, until, within: period }) => ({
          restarts,
          period,
          time,
          until
        })),
        [{ restarts: 2, period: 10_000, time: 1000, until: 11_000 }]
      )
      yield* TestClock.adjust("4 seconds")
      yield* children.fail("d", new Net())
      yield* TestClock.adjust(5999)
      assert.deepStrictEqual(starts(children), {}, "nothing is restarted while it lasts")
      assert.deepStrictEqual(eventsOf(events, "RestartsResumed"), [])
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Failed, d Failed")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(eventsOf(events, "RestartsResumed").map(({ time }) => time), [11_000])
      yield* TestClock.adjust(2500)
      const resumed = starts(children)
      assert.deepStrictEqual(Object.keys(resumed).toSorted(), ["c", "d"])
      for (const at of Object.values(resumed)) assert.isTrue(at >= 11_000 && at <= 13_500, String(at))
      yield* assertLives(supervisor)
    }))

  it.effect("SU-01 with jitter: those who waited begin at random moments over a quarter of the period", () =>
    Effect.gen(function*() {
      const names = Array.from({ length: 40 }, (_, index) => `t${index}`)
      const waits = (seed: string) =>
        Effect.gen(function*() {
          const children = new Children()
          yield* Supervisor.make({ intensity: pausing, tasks: names.map((name) => children.task(name)) })
          for (const name of names) yield* children.fail(name, new Net())
          const paused = yield* TestClock.testClockWith((clock) => clock.currentTimeMillis)
          assert.strictEqual(children.runs("t1"), 2)
          assert.strictEqual(children.runs("t2"), 1)
          const before = children.since
          assert.notStrictEqual(before, "")
          yield* TestClock.adjust("1 minute")
          return Object.values(starts(children)).map((at) => at - paused)
        }).pipe(Random.withSeed(seed))
      const first = yield* waits("one")
      assert.strictEqual(first.length, 38)
      assert.isAtLeast(new Set(first).size, 30, "they do not all begin at once")
      assert.isAtLeast(Math.min(...first), 10_000)
      assert.isAtMost(Math.max(...first), 12_500)
      assert.isBelow(Math.min(...first), 10_500)
      assert.isAbove(Math.max(...first), 12_000)
      assert.deepStrictEqual(yield* waits("one"), first, "chance is drawn from Effect's Random")
      assert.notDeepEqual(yield* waits("two"), first)
    }))

  it.effect("SU-01 a restart that was due in the pause is held, and told", () =>
    Effect.gen(function*() {
      const children = new Children()
      const slow = { mode: "permanent", schedule: Schedule.spaced("8 seconds") } as const
      const [supervisor, events] = yield* recorded(Supervisor.make({
        intensity: pausing,
        tasks: [children.task("slow", { restart: slow }), ...children.tasks("a", "b")]
      }))
      yield* children.fail("slow", new Net())
      yield* TestClock.adjust("1 second")
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      yield* TestClock.adjust(6999)
      assert.deepStrictEqual(eventsOf(events, "RestartHeld"), [])
      yield* TestClock.adjust(1)
      const [held] = eventsOf(events, "RestartHeld", "slow")
      assert(held !== undefined)
      assert.strictEqual(held.time, 8000)
      assert.isTrue(held.restartAt >= 11_000 && held.restartAt <= 13_500)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "slow"), "Failed").restartAt, held.restartAt)
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(starts(children)["slow"], held.restartAt)
    }))

  it.effect("SU-01 by hand a task is started in the pause, too; the count begins anew after it", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        intensity: pausing,
        tasks: children.tasks("a", "b", "c")
      }))
      for (const name of ["a", "b", "c"]) yield* children.fail(name, new Net())
      yield* supervisor.start("c")
      assert.strictEqual(children.runs("c"), 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(eventsOf(events, "RestartsResumed").length, 1)
      for (const name of ["a", "b"]) {
        yield* children.fail(name, new Net())
        assert.strictEqual(children.runs(name), 3)
      }
      assert.strictEqual(eventsOf(events, "RestartsPaused").length, 1)
      yield* children.fail("c", new Net())
      assert.strictEqual(eventsOf(events, "RestartsPaused").length, 2)
      yield* assertLives(supervisor)
    }))

  it.effect("SU-01 a group restart waits out the pause as one", () =>
    Effect.gen(function*() {
      const children = new Children()
      yield* Supervisor.make({
        strategy: "one-for-all",
        intensity: { ...pausing, restarts: 1 },
        tasks: children.tasks("a", "b", "c")
      })
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "+a +b +c -a -c -b +a +b +c -b -c -a")
      yield* TestClock.adjust(9999)
      assert.strictEqual(children.since, "")
      yield* TestClock.adjust(2501)
      const resumed = starts(children)
      assert.deepStrictEqual(Object.keys(resumed), ["a", "b", "c"])
      assert.strictEqual(new Set(Object.values(resumed)).size, 1)
    }))

  it.effect("SU-01 to give up instead from now on ends the pause", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        intensity: pausing,
        tasks: children.tasks("a", "b", "c")
      }))
      for (const name of ["a", "b", "c"]) yield* children.fail(name, new Net())
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Failed")
      yield* TestClock.adjust("1 second")
      yield* supervisor.reconfigure({ intensity: { restarts: 2, within: "10 seconds" } })
      yield* settle
      assert.deepStrictEqual(eventsOf(events, "RestartsResumed").map(({ time }) => time), [1000])
      for (let times = 0; times < 2; times++) {
        yield* children.fail("a", new Net())
        yield* assertLives(supervisor)
      }
      assert.strictEqual(children.runs("a"), 4, "nothing is held up, and the count has begun anew")
      yield* children.fail("a", new Net())
      assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
    }))

  it.effect("SU-01 the end of the supervisor is not held up, and of no restart at all there would be no end", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ intensity: pausing, tasks: children.tasks("a", "b", "c") })
      for (const name of ["a", "b", "c"]) yield* children.fail(name, new Net())
      assert.isTrue(Exit.isSuccess(yield* within(supervisor.shutdown, 0)))
      assertRefused(
        () => Supervisor.make({ intensity: { ...pausing, restarts: 0 } }),
        "intensity.restarts",
        "0",
        "1 or more"
      )
    }))
})

describe("SU-02", () => {
  const failing = new Coded({ code: 42 })

  it.effect("SU-02 a task ends itself for good by its typed error; a sibling's strategy takes nobody along for it", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          strategy,
          tasks: [
            children.task("a", { restart: { ...permanent, on: { Auth: "stop" } } }),
            children.task("b")
          ]
        })
        yield* children.fail("a", new Auth())
        assert.strictEqual(children.since, "+a +b -a")
        assert.strictEqual(assertStatus(yield* statusOf(supervisor, "a"), "Dead").why, "NotRestartable")
      }
    }))

  it.effect("SU-02 or ends its supervisor, with the typed cause", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        tasks: [
          children.task("a"),
          children.task("b", { restart: { ...permanent, on: { Net: "restart", Auth: "escalate" } } }),
          children.task("c")
        ]
      })
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "+a +b +c -b +b")
      yield* children.fail("b", new Auth())
      assert.strictEqual(children.since, "-b -c -a")
      const dead = assertTag((yield* gaveUp(supervisor)).reason, "TaskDead")
      assert.strictEqual(dead.why, "Escalated")
      const cause: Cause.Cause<Net | Auth> = dead.cause
      assert.deepStrictEqual(cause, Cause.fail(new Auth()))
    }))

  it.effect("SU-02 a function is exhaustive: it sees every typed error, and those alone", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const bodies: ReadonlyArray<Effect.Effect<never, Net | Coded>> = [
        Effect.fail(new Net()),
        Effect.die("broken"),
        Effect.fail(failing)
      ]
      let run = 0
      const body = Effect.suspend((): Effect.Effect<never, Net | Coded> => bodies[run++]!)
      const supervisor = yield* Supervisor.make({
        tasks: [
          Task.make("a", body, {
            restart: {
              ...permanent,
              on: (error) => {
                seen.push(error._tag)
                switch (error._tag) {
                  case "Net":
                    return "restart"
                  case "Coded":
                    return error.code === 42 ? "escalate" : "stop"
                }
              }
            }
          })
        ]
      })
      yield* settle
      assert.deepStrictEqual(seen, ["Net", "Coded"])
      assert.strictEqual(assertTag((yield* gaveUp(supervisor)).reason, "TaskDead").runs, 3)
    }))

  it.effect("SU-02 in a tree: what an inner supervisor gives up with is a typed error of its task", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({
        tasks: [children.task("x", { restart: { ...permanent, on: { Auth: "escalate" } } }), children.task("y")]
      })
      const decided: Array<string> = []
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make("inner", inner, {
            restart: {
              ...permanent,
              on: (error: SupervisorError<Net | Auth>) => {
                decided.push(`${error.supervisor} ${error.reason._tag}`)
                return decided.length === 1 ? "restart" : "escalate"
              }
            }
          }),
          children.task("b")
        ]
      })
      yield* children.fail("x", new Auth())
      assert.strictEqual(children.since, "+b +x +y -x -y +x +y")
      yield* children.fail("x", new Auth())
      assert.strictEqual(children.since, "-x -y -b")
      assert.deepStrictEqual(decided, ["root/inner TaskDead", "root/inner TaskDead"])
      assert.strictEqual(assertTag((yield* gaveUp(supervisor)).reason, "TaskDead").why, "Escalated")
    }))

  it.effect("SU-02 by the tag of that error, where it is one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const inner = Supervisor.run({
        tasks: [children.task("x", { restart: { times: 0 }, whenDead: "escalate" })]
      })
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("inner", inner, { restart: { ...permanent, on: { SupervisorError: "stop" } } })]
      })
      yield* children.fail("x", new Net())
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "inner"), "Dead").why, "NotRestartable")
    }))
})

describe("SU-03", () => {
  const stuckTree = Effect.fnUntraced(function*(children: Children) {
    const p = yield* children.stubborn("p", { stopTimeout: "1 second" })
    const x = yield* children.stubborn("x", { stopTimeout: "2 seconds" })
    const b = yield* children.stubborn("b", { stopTimeout: "3 seconds" })
    const innermost = Supervisor.run({ tasks: [p.task, children.task("q")] })
    const inner = Supervisor.run({ tasks: [x.task, Task.make("innermost", innermost), children.task("y")] })
    const tasks = [children.task("a"), b.task, Task.make("inner", inner), children.task("c")]
    return { tasks, release: Effect.andThen(p.release, Effect.andThen(x.release, b.release)) }
  })

  it.effect("SU-03 after a stop: which runs of the whole tree did not end, by path and since when", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { release, tasks } = yield* stuckTree(children)
      const [supervisor, events] = yield* recorded(Supervisor.make({ name: "root", tasks }))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* supervisor.unstoppable, [])
      const ending = yield* beside(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isSuccess((yield* ended(ending))!.exit))
      const { statuses, unstoppable } = yield* supervisor.await
      const paths = ["root/b", "root/inner", "root/inner/x", "root/inner/innermost", "root/inner/innermost/p"]
      assert.deepStrictEqual(unstoppable.map(({ path }) => path), paths)
      for (const run of unstoppable) assert.strictEqual(run.generation, 1)
      const since = Object.fromEntries(unstoppable.map(({ path, stoppingSince }) => [path, stoppingSince]))
      assert.strictEqual(since["root/inner/innermost/p"], 10_000)
      assert.strictEqual(since["root/inner/x"], 11_000)
      assert.strictEqual(since["root/b"], 13_000)
      assert.deepStrictEqual(eventsOf(events, "SupervisorClosed")[0]?.unstoppable, unstoppable)
      assert.deepStrictEqual(
        statuses.filter((status) => status._tag === "Stopping").map(({ path }) => path),
        paths,
        "the last statuses say the same"
      )
      // What ends after all is no longer among them.
      assert.deepStrictEqual((yield* supervisor.unstoppable).map(({ path }) => path), paths)
      yield* release
      assert.deepStrictEqual(yield* supervisor.unstoppable, [])
    }))

  it.effect("SU-03 also when it gave up, in its error and its message", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { release, tasks } = yield* stuckTree(children)
      const supervisor = yield* Supervisor.make({
        name: "root",
        tasks: [...tasks, children.task("z", { restart: { times: 0 }, whenDead: "escalate" })]
      })
      yield* children.fail("z", new Net())
      yield* TestClock.adjust("1 minute")
      const error = yield* gaveUp(supervisor)
      assert.deepStrictEqual(error.report.unstoppable.map(({ task }) => task), [
        "b",
        "inner",
        "x",
        "innermost",
        "p"
      ])
      assert.include(error.message, "(did not end: root/b, root/inner, root/inner/x")
      yield* release
    }))

  it.effect("SU-03 an inner supervisor that is restarted is not started before all of it has ended", () =>
    Effect.gen(function*() {
      const children = new Children()
      const x = yield* children.stubborn("x", { stopTimeout: "2 seconds" })
      const inner = Supervisor.run({ tasks: [x.task, children.task("y")] })
      const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("inner", inner)] })
      yield* settle
      const restarting = yield* beside(supervisor.restart("inner"))
      yield* TestClock.adjust("1 minute")
      assertTag(failureOf((yield* ended(restarting))!.exit), "TaskUnstoppable")
      assert.strictEqual(children.since, "+x +y -y")
      assert.deepStrictEqual((yield* supervisor.unstoppable).map(({ path }) => path), ["root/inner", "root/inner/x"])
      yield* x.release
      assert.strictEqual(children.since, "-x +x +y", "and then it is")
      assert.deepStrictEqual(yield* supervisor.unstoppable, [])
    }))
})

describe("SU-04", () => {
  it.effect("SU-04 the same value keeps its run, what is gone is removed, what changed is restarted, what is new started", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [a, b, c, d] = children.tasks("a", "b", "c", "d")
      const supervisor = yield* Supervisor.make({ tasks: [a!, b!, c!, d!] })
      yield* supervisor.add(children.task("added"))
      assert.strictEqual(children.since, "+a +b +c +d +added")
      const other = children.task("b", { stopTimeout: "1 second" })
      yield* supervisor.reconfigure({ tasks: [d!, other, children.task("e"), a!] })
      // In reverse of the old order what goes, in the new order what comes.
      assert.strictEqual(children.since, "-c -b +b +e")
      assert.strictEqual(
        yield* standing(supervisor),
        "d Healthy, b Healthy, e Healthy, a Healthy, added Healthy",
        "the order is that of the list, what was added stays after it"
      )
      assert.deepStrictEqual(
        (yield* supervisor.statuses).map(({ generation }) => generation),
        [1, 2, 1, 1, 1]
      )
      yield* supervisor.shutdown
      assert.strictEqual(children.since, "-added -a -e -b -d")
    }))

  it.effect("SU-04 an equal version keeps the run; what is new of it holds from its next run on", () =>
    Effect.gen(function*() {
      const children = new Children()
      const before = Task.make("a", children.body("before"), { restart: permanent, version: "1.0" })
      const after = Task.make("a", children.body("after"), { restart: permanent, version: "1.0" })
      const later = Task.make("a", children.body("later"), { restart: permanent, version: "1.1" })
      const supervisor = yield* Supervisor.make({ tasks: [before] })
      yield* supervisor.reconfigure({ tasks: [after] })
      assert.strictEqual(children.since, "+before")
      yield* children.fail("before", new Net())
      assert.strictEqual(children.since, "-before +after")
      yield* supervisor.reconfigure({ tasks: [later] })
      assert.strictEqual(children.since, "-after +later")
    }))

  it.effect("SU-04 new flags hold at once; what is left out stays, what is undefined has its default again", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ tasks: children.tasks("a", "b") })
      yield* supervisor.reconfigure({ strategy: "one-for-all" })
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b -a -b +a +b")
      yield* supervisor.reconfigure({ intensity: { restarts: 1, within: "1 minute" } })
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "-a -b +a +b", "the strategy stays, and tasks that are not mentioned do")
      yield* supervisor.reconfigure({ intensity: undefined, strategy: undefined })
      for (let times = 0; times < 3; times++) yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "-a +a -a +a -a +a")
      yield* assertLives(supervisor)
    }))

  it.effect("SU-04 an invalid one changes nothing, and says why", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({ name: "root", tasks: children.tasks("a", "b") }))
      yield* supervisor.add(children.task("added"))
      const before = yield* supervisor.statuses
      const invalid: ReadonlyArray<readonly [object, string]> = [
        [{ strategy: "none-for-one", tasks: [] }, "none-for-one"],
        [{ intensity: { restarts: -1, within: 1 }, tasks: [] }, "intensity.restarts"],
        [{ tasks: [children.task("x"), children.task("x")] }, "\"x\""],
        [{ tasks: [{ name: "x" }] }, "tasks[0]"],
        [{ name: "other" }, "unknown option \"name\""],
        [{ shutdownTimeout: -1, tasks: [] }, "shutdownTimeout"]
      ]
      for (const [options, why] of invalid) {
        const refused = assertTag(yield* Effect.flip(supervisor.reconfigure(options)), "InvalidOptions")
        assert.strictEqual(refused.supervisor, "root")
        assert.include(refused.why, why)
      }
      const taken = { strategy: "one-for-all", tasks: [children.task("added")] } as const
      assert.strictEqual(
        assertTag(yield* Effect.flip(supervisor.reconfigure(taken)), "TaskAlreadyExists").task,
        "added"
      )
      assert.deepStrictEqual(yield* supervisor.statuses, before)
      assert.deepStrictEqual(eventsOf(events, "SupervisorReconfigured"), [])
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +added -a +a", "the strategy is what it was")
    }))

  it.effect("SU-04 it is answered when all of it is done: the changed ones have ended and the new ones are up", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        tasks: [children.task("a", { stops: 1000 }), children.task("b", { stops: 1000 })]
      })
      yield* settle
      const changing = yield* beside(supervisor.reconfigure({
        tasks: [children.task("a"), children.task("c", { ready: "first-beat" })]
      }))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 -b@1000 -a@2000 +a@2000 +c@2000")
      assert.isUndefined(yield* ended(changing))
      yield* children.beat("c")
      assert.isTrue(Exit.isSuccess((yield* ended(changing))!.exit))
    }))
})

describe("SU-05", () => {
  it.effect("SU-05 how long until it gives up: the delays of a policy, and their total, without waiting for them", () =>
    Effect.gen(function*() {
      const seconds = (delays: ReadonlyArray<Duration.Duration>) => delays.map(Duration.toSeconds)
      const standard = yield* RestartPolicy.preview(RestartPolicy.standard)
      assert.deepStrictEqual(seconds(standard.delays), [1, 2, 4, 8, 16])
      assert.strictEqual(Duration.toSeconds(standard.total), 31)
      assert.isTrue(standard.givesUp)
      const endless = yield* RestartPolicy.preview(
        RestartPolicy.make({ schedule: Schedule.exponential("500 millis"), times: Number.POSITIVE_INFINITY }),
        { steps: 4 }
      )
      assert.deepStrictEqual(seconds(endless.delays), [0.5, 1, 2, 4])
      assert.isFalse(endless.givesUp)
    }))

  it.effect("SU-05 it is what happens then", () =>
    Effect.gen(function*() {
      const policy = RestartPolicy.make<Net>({ schedule: Schedule.fibonacci("1 second"), times: 6 })
      const { total } = yield* RestartPolicy.preview(policy)
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("a", Effect.fail(new Net()), { restart: policy })]
      })
      yield* TestClock.adjust(Duration.toMillis(total) - 1)
      assertStatus(yield* statusOf(supervisor, "a"), "Failed")
      yield* TestClock.adjust(1)
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "a"), "Dead").runs, 7)
    }))
})

describe("SU-06", () => {
  it.effect("SU-06 the start-up timeout is apart from the heartbeat timeout: it may be longer", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: { initialDelay: 0 },
        tasks: [
          children.task("a", { heartbeat: Heartbeat.manual({ within: "1 second" }), startupTimeout: "30 seconds" })
        ]
      }))
      yield* TestClock.adjust("30 seconds")
      assertStatus(yield* statusOf(supervisor, "a"), "Starting")
      yield* children.beat("a")
      yield* TestClock.adjust(1000)
      assertStatus(yield* statusOf(supervisor, "a"), "Healthy")
      yield* TestClock.adjust(1)
      // The second run never shows life.
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        eventsOf(events, "HeartbeatMissed").slice(0, 2).map(({ during, silence, time }) => ({ during, silence, time })),
        [
          { during: "run", silence: 1001, time: 31_001 },
          { during: "startup", silence: 30_001, time: 61_002 }
        ]
      )
    }))

  it.effect("SU-06 or shorter, and it holds in the supervisor's initial delay", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [, events] = yield* recorded(Supervisor.make({
        healthCheck: { initialDelay: "1 hour" },
        tasks: [
          children.task("a", { heartbeat: Heartbeat.manual({ within: "1 minute" }), startupTimeout: "5 seconds" }),
          children.task("b", { heartbeat: Heartbeat.manual({ within: "5 seconds" }) })
        ]
      }))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        eventsOf(events, "HeartbeatMissed").map(({ task, time }) => ({ task, time })),
        [{ task: "a", time: 5001 }]
      )
    }))

  it.effect("SU-06 failed probes are not counted while a task starts", () =>
    Effect.gen(function*() {
      const children = new Children()
      let isUp = false
      const check = Effect.suspend(() => isUp ? Effect.void : Effect.fail("connection refused"))
      const heartbeat = Heartbeat.probe(check, { schedule: Schedule.spaced("1 second"), failures: 2 })
      const [supervisor, events] = yield* recorded(Supervisor.make({
        healthCheck: { initialDelay: 0 },
        tasks: [children.task("a", { heartbeat, startupTimeout: "1 minute" })]
      }))
      yield* TestClock.adjust("50 seconds")
      assertStatus(yield* statusOf(supervisor, "a"), "Starting")
      isUp = true
      yield* TestClock.adjust("1 second")
      assertStatus(yield* statusOf(supervisor, "a"), "Healthy")
      isUp = false
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(eventsOf(events, "ProbeFailed").length, 1)
    }))
})

describe("SU-07", () => {
  interface Line {
    readonly level: string
    readonly text: string
  }

  /** What is logged, from `Info` on. */
  const logged = <A, E, R>(program: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const lines: Array<Line> = []
      const logger = Logger.make(({ logLevel, message }) => {
        lines.push({ level: logLevel, text: String(Array.isArray(message) ? message[0] : message) })
      })
      return program.pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Info"),
        Effect.as(lines)
      )
    })
  const failures = (lines: ReadonlyArray<Line>) =>
    lines.filter(({ text }) => text.startsWith("task failed")).map(({ level, text }) => {
      const times = /\((\d+) times in a row\)/.exec(text)?.[1]
      return `${level} ${times ?? "once"}`
    })

  it.effect("SU-07 repeated equal failures are told the 1st, 2nd, 4th, 8th … time, and from the 4th on as errors", () =>
    Effect.gen(function*() {
      const children = new Children()
      const lines = yield* logged(Effect.gen(function*() {
        yield* Supervisor.make({ tasks: [children.task("a"), children.task("b")] })
        for (let times = 0; times < 20; times++) yield* children.fail("a", new Net())
      }))
      assert.strictEqual(children.runs("a"), 21)
      assert.deepStrictEqual(failures(lines), ["Warn once", "Warn 2", "Error 4", "Error 8", "Error 16"])
      assert.strictEqual(
        lines.filter(({ text }) => text.startsWith("task restarts")).length,
        5,
        "nor is what follows from each"
      )
    }))

  it.effect("SU-07 another failure, another task, and one after it was stable are told anew", () =>
    Effect.gen(function*() {
      const children = new Children()
      const lines = yield* logged(Effect.gen(function*() {
        yield* Supervisor.make({ tasks: [children.task("a", { stableAfter: "10 seconds" }), children.task("b")] })
        for (let times = 0; times < 3; times++) yield* children.fail("a", new Net())
        yield* children.fail("b", new Net())
        yield* children.fail("a", new Auth())
        yield* children.fail("a", new Net())
        yield* children.fail("a", new Net())
        yield* TestClock.adjust("11 seconds")
        yield* children.fail("a", new Net())
      }))
      assert.deepStrictEqual(failures(lines), [
        "Warn once",
        "Warn 2",
        "Warn once",
        "Warn once",
        "Warn once",
        "Warn 2",
        "Warn once"
      ])
    }))

  it.effect("SU-07 giving up is told whatever went before", () =>
    Effect.gen(function*() {
      const children = new Children()
      const lines = yield* logged(Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          tasks: [children.task("a", { restart: { schedule: Schedule.recurs(2) }, whenDead: "escalate" })]
        })
        for (let times = 0; times < 3; times++) yield* children.fail("a", new Net())
        yield* gaveUp(supervisor)
      }))
      assert.deepStrictEqual(lines.filter(({ level }) => level === "Fatal").map(({ text }) => text.split(":")[0]), [
        "task dead (Exhausted)",
        "supervisor gives up"
      ])
    }))
})

describe("SU-08", () => {
  it.effect("SU-08 restarts outside the window are forgotten, inside they count", () =>
    Effect.gen(function*() {
      for (const [gap, isBorne] of [[5001, true], [4999, false]] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          intensity: { restarts: 3, within: "15 seconds" },
          tasks: children.tasks("a")
        })
        // Four restarts, each so long after the one before: the first is just outside the window of the fourth, or inside.
        for (let restarts = 0; restarts < 4; restarts++) {
          yield* TestClock.adjust(gap)
          yield* children.fail("a", new Net())
        }
        if (isBorne) {
          yield* assertLives(supervisor)
          assert.strictEqual(children.runs("a"), 5)
        } else {
          assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
          assert.strictEqual(children.runs("a"), 4)
        }
      }
    }))

  it.effect("SU-08 so it goes on for ever, as long as it is slow enough", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 3, within: "1 minute" },
        tasks: children.tasks("a", "b")
      })
      for (let round = 0; round < 30; round++) {
        for (const name of ["a", "b", "a"]) yield* children.fail(name, new Net())
        yield* TestClock.adjust(60_001)
      }
      yield* assertLives(supervisor)
      for (const name of ["a", "b", "a"]) yield* children.fail(name, new Net())
      yield* TestClock.adjust(60_000)
      yield* children.fail("b", new Net())
      assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
    }))

  it.effect("SU-08 windows of a group and of the supervisor above it are apart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const group = TaskGroup.make("group", (name: string) => children.body(name), {
        each: { restart: transient },
        intensity: { restarts: 1, within: "10 seconds" },
        restart: permanent
      })
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 1, within: "10 seconds" },
        tasks: [group, children.task("b")]
      })
      yield* settle
      yield* (yield* TaskGroup.find(supervisor, group)).start("a")
      yield* children.fail("a", new Net())
      yield* children.fail("b", new Net())
      yield* assertLives(supervisor)
      yield* children.fail("a", new Net())
      const exceeded = assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts")
      assert.strictEqual(exceeded.task, "group")
    }))
})
