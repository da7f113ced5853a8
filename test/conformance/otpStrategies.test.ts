/**
 * Which siblings a restart takes along, and in which order they are stopped and started.
 */
import { assert, describe } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { assertStatus, assertTag, failureOf, fork, Net, settle, statusOf, within } from "../support/fixtures.ts"
import { assertLives, Children, gaveUp, it, shutDown, standing, starting, temporary, transient } from "./otpSupport.ts"
import { eventsOf, recorded } from "./support.ts"

const ready = { ready: "first-beat" } as const
const net = Exit.fail(new Net())
const spaced = (millis: number) => ({ mode: "permanent", schedule: Schedule.spaced(millis) }) as const

describe("OTP-05", () => {
  it.effect("OTP-05 one-for-one restarts only the one that failed; it is what is done by default", () =>
    Effect.gen(function*() {
      for (const strategy of [{}, { strategy: "one-for-one" }] as const) {
        const children = new Children()
        const supervisor = yield* Supervisor.make({ ...strategy, tasks: children.tasks("a", "b", "c") })
        yield* children.fail("b", new Net())
        assert.strictEqual(children.since, "+a +b +c -b +b")
        yield* children.fail("a", new Net())
        assert.strictEqual(children.since, "-a +a")
        assert.strictEqual((yield* statusOf(supervisor, "c")).generation, 1)
      }
    }))
})

describe("OTP-06", () => {
  it.effect("OTP-06 b of a, b, c fails: stop c, a; start a, b, c", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        strategy: "one-for-all",
        tasks: children.tasks("a", "b", "c")
      }))
      assert.strictEqual(children.since, "+a +b +c")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "-b -c -a +a +b +c")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Healthy")
      assert.deepStrictEqual(
        eventsOf(events, "TaskStopping").map(({ because, task }) => `${task} ${because}`),
        ["c sibling", "a sibling"]
      )
      assert.deepStrictEqual(
        eventsOf(events, "RestartScheduled").map(({ attempt, reason, sibling, task }) => ({
          task,
          attempt,
          reason,
          sibling
        })),
        [
          { task: "b", attempt: 1, reason: "Failed", sibling: undefined },
          { task: "c", attempt: 0, reason: "Sibling", sibling: "b" },
          { task: "a", attempt: 0, reason: "Sibling", sibling: "b" }
        ]
      )
    }))

  it.effect("OTP-06 the first and the last one take all along, too", () =>
    Effect.gen(function*() {
      const children = new Children()
      yield* Supervisor.make({ strategy: "one-for-all", tasks: children.tasks("a", "b", "c") })
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +c -a -c -b +a +b +c")
      yield* children.finish("c")
      assert.strictEqual(children.since, "-c -b -a +a +b +c")
    }))

  it.effect("OTP-06 a task that was added while it ran stands last", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({ strategy: "one-for-all", tasks: children.tasks("a", "b") })
      yield* supervisor.add(children.task("added"))
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +added -a -added -b +a +b +added")
      yield* children.fail("added", new Net())
      assert.strictEqual(children.since, "-added -b -a +a +b +added")
    }))

  it.effect("OTP-06 each one is stopped when the one after it has ended; nothing starts before all have", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: ["a", "b", "c"].map((name) => children.task(name, { stops: 1000 }))
      })
      yield* children.die("b")
      // Its own finalizer is the first to be waited for: only then has it ended.
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -b@1000 -c@2000 -a@3000 +a@3000 +b@3000 +c@3000")
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-06 siblings that are Completed, Stopped or Dead are left as they are", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("completed", { restart: transient }),
          children.task("a"),
          children.task("stopped"),
          children.task("killed"),
          children.task("exhausted", { restart: { times: 0 } }),
          children.task("b")
        ]
      })
      yield* children.finish("completed")
      yield* supervisor.stop("stopped")
      yield* supervisor.kill("killed")
      yield* children.fail("exhausted", new Net())
      const before = children.since
      assert.strictEqual(
        before,
        "+completed +a +stopped +killed +exhausted +b -completed -stopped -killed -exhausted",
        "a death takes nobody along"
      )
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "-b -a +a +b")
      assert.strictEqual(
        yield* standing(supervisor),
        "completed Completed, a Healthy, stopped Stopped, killed Dead, exhausted Dead, b Healthy"
      )
    }))

  it.effect("OTP-06 under back-off the siblings are stopped at once, and wait as one with the failed one", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: ["a", "b", "c"].map((name) => children.task(name, { restart: spaced(5000) }))
      })
      yield* TestClock.adjust("1 second")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -b@1000 -c@1000 -a@1000")
      assert.strictEqual(yield* standing(supervisor), "a Failed, b Failed, c Failed")
      for (const [task, sibling] of [["a", "b"], ["b", undefined], ["c", "b"]] as const) {
        const status = assertStatus(yield* statusOf(supervisor, task), "Failed")
        assert.strictEqual(status.restartAt, 6000, task)
        assert.strictEqual(status.sibling, sibling, task)
        assert.strictEqual(status.attempt, task === "b" ? 1 : 0, "only the one that failed has an attempt more")
      }
      yield* TestClock.adjust(4999)
      assert.strictEqual(children.sinceTimed, "")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.sinceTimed, "+a@6000 +b@6000 +c@6000")
    }))

  it.effect("OTP-06 one whose schedule is still being asked goes along: what it answers later is not listened to", () =>
    Effect.gen(function*() {
      const children = new Children()
      const asked = Deferred.makeUnsafe<void>()
      const slow = Schedule.forever.pipe(Schedule.tap(() => Deferred.await(asked)))
      const [supervisor, events] = yield* recorded(Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("a", { restart: { mode: "permanent", schedule: slow } }),
          children.task("b", { restart: spaced(5000) }),
          children.task("c")
        ]
      }))
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +c -a", "nobody is stopped before it has answered")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "-b -c")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "a"), "Failed").restartAt, 5000)
      Deferred.doneUnsafe(asked, Exit.void)
      yield* TestClock.adjust(4999)
      assert.strictEqual(children.since, "")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.since, "+a +b +c")
      assert.deepStrictEqual(
        eventsOf(events, "RestartScheduled").map(({ reason, task }) => `${task} ${reason}`),
        ["b Failed", "a Sibling", "c Sibling"]
      )
    }))

  it.effect("OTP-06 an endless back-off is one for all of them, until somebody asks for one by hand", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("a"),
          children.task("b", { restart: { mode: "permanent", schedule: Schedule.spaced(Number.POSITIVE_INFINITY) } })
        ]
      })
      yield* children.fail("b", new Net())
      yield* TestClock.adjust("365 days")
      assert.strictEqual(children.since, "+a +b -b -a")
      for (const task of ["a", "b"]) {
        assert.notProperty(assertStatus(yield* statusOf(supervisor, task), "Failed"), "restartAt")
      }
      yield* supervisor.start("a")
      assert.strictEqual(children.since, "+a +b")
    }))

  it.effect("OTP-06 what takes longer to stop than the back-off is waited for", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a", { stops: 4000 }), children.task("b", { restart: spaced(1000) })]
      })
      yield* children.fail("b", new Net())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 -b@0 -a@4000 +a@4000 +b@4000")
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-06 one that fails while it is being stopped is not restarted a second time", () =>
    Effect.gen(function*() {
      const children = new Children()
      const [supervisor, events] = yield* recorded(Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a", { stops: 1000 }), children.task("b", { stops: 1000 }), children.task("c")]
      }))
      yield* children.fail("c", new Net())
      yield* TestClock.adjust(500)
      // b is on its way out, a has not been asked yet, and fails by itself.
      yield* children.fail("a", new Net())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -c@0 -b@1000 -a@1500 +a@1500 +b@1500 +c@1500")
      assert.deepStrictEqual(
        eventsOf(events, "RestartScheduled").map(({ reason, task }) => `${task} ${reason}`),
        ["c Failed", "b Sibling", "a Sibling"]
      )
      assert.strictEqual((yield* statusOf(supervisor, "a")).lastFailure?.tag, "Net", "its failure is told all the same")
      yield* shutDown(supervisor)
    }))

  it.effect("OTP-06 a sibling that does not end is reported, and started when it does; the others do not wait for it", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { release, task } = yield* children.stubborn("stuck", { stopTimeout: "2 seconds" })
      const [supervisor, events] = yield* recorded(Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), task, children.task("c")]
      }))
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "+a +stuck +c -c")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(children.sinceTimed, "-a@2000 +a@2000 +c@2000")
      assert.isTrue(assertStatus(yield* statusOf(supervisor, "stuck"), "Stopping").overdue)
      assert.deepStrictEqual(eventsOf(events, "TaskUnstoppable").map((event) => event.task), ["stuck"])
      yield* release
      assert.strictEqual(children.since, "-stuck +stuck")
    }))
})

describe("OTP-07", () => {
  it.effect("OTP-07 b of a to d fails: stop d, c; start b, c, d", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        tasks: children.tasks("a", "b", "c", "d")
      })
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "+a +b +c +d -b -d -c +b +c +d")
      assert.strictEqual((yield* statusOf(supervisor, "a")).generation, 1)
      yield* children.fail("d", new Net())
      assert.strictEqual(children.since, "-d +d")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "-a -d -c -b +a +b +c +d")
    }))

  it.effect("OTP-07 the later ones wait as one with the failed one; one before it that fails takes all of them over", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        tasks: [
          children.task("a", { restart: spaced(1000) }),
          children.task("b"),
          children.task("c", { restart: spaced(60_000) }),
          children.task("d")
        ]
      })
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "+a +b +c +d -c -d")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "d"), "Failed").restartAt, 60_000)
      yield* TestClock.adjust("10 seconds")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.sinceTimed, "-a@10000 -b@10000")
      for (const task of ["b", "c", "d"]) {
        const status = assertStatus(yield* statusOf(supervisor, task), "Failed")
        assert.strictEqual(status.restartAt, 11_000, task)
        assert.strictEqual(status.sibling, "a", task)
      }
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.sinceTimed, "+a@11000 +b@11000 +c@11000 +d@11000")
      assert.strictEqual((yield* statusOf(supervisor, "c")).attempt, 1, "its own failure is not forgotten")
    }))

  it.effect("OTP-07 siblings that are Completed, Stopped or Dead are left as they are", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        tasks: [children.task("a"), children.task("b", { restart: transient }), ...children.tasks("c", "d", "e")]
      })
      yield* children.finish("b")
      yield* supervisor.stop("c")
      yield* supervisor.kill("d")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +c +d +e -b -c -d -a -e +a +e")
    }))
})

describe("OTP-08", () => {
  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it.effect(`OTP-08 ${strategy}: a temporary sibling that a restart stops is removed, not restarted`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          strategy,
          autoShutdown: "any-significant",
          tasks: [
            children.task("a"),
            // Being stopped for a sibling is no end of its own: nothing follows from it.
            children.task("b", { restart: temporary, whenDead: "escalate", significant: true }),
            children.task("c")
          ]
        }))
        const added = yield* supervisor.add(children.task("d", { restart: temporary }))
        yield* children.fail("a", new Net())
        assert.strictEqual(children.since, "+a +b +c +d -a -d -c -b +a +c")
        assert.strictEqual(yield* standing(supervisor), "a Healthy, c Healthy")
        assertTag(yield* Effect.flip(supervisor.status("b")), "TaskNotFound")
        assert.strictEqual(assertTag(yield* Effect.flip(added.await), "TaskDead").why, "NotRestartable")
        assert.deepStrictEqual(eventsOf(events, "TaskRemoved").map(({ task }) => task), ["d", "b"])
        yield* assertLives(supervisor)
      }))
  }

  it.effect("OTP-08 one that is temporary and has not been started yet is started in its turn", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), children.task("b", ready), children.task("c", { restart: temporary })]
      }))
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b -a -b +a +b")
      yield* children.beat("b")
      assert.strictEqual(children.since, "+c")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Healthy")
    }))
})

describe("OTP-09", () => {
  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    it.effect(`OTP-09 ${strategy}: a group restart counts as one`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const supervisor = yield* Supervisor.make({
          strategy,
          intensity: { restarts: 2, within: "1 hour" },
          tasks: children.tasks("a", "b", "c", "d")
        })
        for (let restarts = 0; restarts < 2; restarts++) yield* children.fail("a", new Net())
        assert.strictEqual(children.runs("d"), 3)
        yield* assertLives(supervisor)
        yield* children.fail("a", new Net())
        assert.strictEqual(assertTag((yield* gaveUp(supervisor)).reason, "TooManyRestarts").task, "a")
        assert.strictEqual(children.runs("d"), 3)
      }))
  }
})

describe("OTP-10", () => {
  it.effect("OTP-10 one-for-all: one that fails before it is ready is retried, and takes the restarted ones down again", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), children.task("b"), children.task("c", ready), children.task("d")]
      }))
      yield* children.beat("c")
      assert.strictEqual(children.since, "+a +b +c +d")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "-b -d -c -a +a +b +c", "d waits for c")
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "-c -b -a +a +b +c")
      yield* children.beat("c")
      assert.strictEqual(children.since, "+d")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Healthy, c Healthy, d Healthy")
    }))

  it.effect("OTP-10 rest-for-one: it takes only the later ones down, those before it go on", () =>
    Effect.gen(function*() {
      const children = new Children()
      yield* starting(Supervisor.make({
        strategy: "rest-for-one",
        tasks: [children.task("a"), children.task("b"), children.task("c", ready), children.task("d")]
      }))
      yield* children.beat("c")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +c +d -a -d -c -b +a +b +c")
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "-c +c", "a and b go on, d has not been started")
      yield* children.fail("c", new Net())
      assert.strictEqual(children.since, "-c +c")
      yield* children.beat("c")
      assert.strictEqual(children.since, "+d")
    }))

  it.effect("OTP-10 only its retry is due: the restart that had begun is over with it, and the retry has its own delay", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("a", { restart: spaced(1000) }),
          children.task("b", { ...ready, restart: spaced(7000) }),
          children.task("c")
        ]
      }))
      yield* children.beat("b")
      yield* children.fail("a", new Net())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -a@0 -c@0 -b@0 +a@1000 +b@1000")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.sinceTimed, "-b@1000 -a@1000")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "a"), "Failed").sibling, "b")
      assert.strictEqual(assertStatus(yield* statusOf(supervisor, "c"), "Failed").restartAt, 8000)
      yield* TestClock.adjust(6999)
      assert.strictEqual(children.sinceTimed, "")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.sinceTimed, "+a@8000 +b@8000")
      yield* children.beat("b")
      assert.strictEqual(children.sinceTimed, "+c@8000")
    }))

  it.effect("OTP-10 a retry that its policy does not allow leaves the task dead, and the rest is started without it", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), children.task("b", { ...ready, restart: { times: 0 } }), children.task("c")]
      }))
      yield* children.beat("b")
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+a +b +c -a -c -b +a +b")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.since, "-b +c")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Dead, c Healthy")
    }))
})

describe("OTP-07, while one is being started", () => {
  /** `first` is being started, `second` waits for it, and `added`, which comes after both, has failed and been restarted. */
  const underWay = (outcome: Effect.Effect<void, Net>) =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const children = new Children()
      let own: Supervisor.RunningSupervisor | undefined
      const first = Task.make(
        "first",
        Effect.gen(function*() {
          own = (yield* Supervisor.current)!.supervisor
          yield* gate.await
          yield* outcome
          return yield* Effect.never
        }),
        { ...ready, restart: { times: 0 } }
      )
      const making = yield* fork(
        Effect.exit(Supervisor.make({ strategy: "rest-for-one", tasks: [first, children.task("second")] }))
      )
      yield* fork(own!.add(children.task("added", { first: [net] })))
      yield* settle
      assert.strictEqual(children.since, "+added -added")
      assert.isUndefined(making.pollUnsafe())
      yield* gate.open
      yield* settle
      const made = making.pollUnsafe()
      assert(made !== undefined, "make has not been answered")
      return { children, made: yield* made }
    })

  it.effect("OTP-07 a later one that fails lets nobody start, and no start be over, before that one is up", () =>
    Effect.gen(function*() {
      const { children, made } = yield* underWay(Effect.asVoid(Heartbeat.beat))
      assert.isTrue(Exit.isSuccess(made))
      assert.strictEqual(children.since, "+second +added")
    }))

  it.effect("OTP-07 nor does it hide that that one dies: the start fails", () =>
    Effect.gen(function*() {
      const { children, made } = yield* underWay(Effect.fail(new Net()))
      assert.deepInclude(assertTag(failureOf(made).reason, "TaskDead"), { task: "first", why: "Exhausted" })
      assert.strictEqual(children.since, "")
    }))
})

describe("OTP-07, many at once", () => {
  it.effect("OTP-07 those that wait already are not told again when one before them fails with the same time", () =>
    Effect.gen(function*() {
      const children = new Children()
      const names = Array.from({ length: 50 }, (_, index) => `t${index}`)
      const [, events] = yield* recorded(Supervisor.make({
        strategy: "rest-for-one",
        tasks: names.map((name) => children.task(name, { restart: spaced(1000) }))
      }))
      for (const name of names.toReversed()) yield* children.fail(name, new Net())
      // Each for its own failure, and for the one that takes it along.
      assert.strictEqual(eventsOf(events, "RestartScheduled").length, 2 * names.length - 1)
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(names.map(children.runs), names.map(() => 2))
    }))
})

describe("OTP-08, what had ended by itself", () => {
  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    for (const takes of [0, 10]) {
      const how = takes === 0 ? "in the same turn" : "but for its finalizers"
      /** `failing` is to take `other` along, which is over by then, and is what its policy says. */
      const together = <A>(
        end: Effect.Effect<A, Net>,
        options: Task.TaskOptions<Net>,
        over: { readonly autoShutdown?: "any-significant" } = {}
      ) =>
        Effect.gen(function*() {
          const gate = Latch.makeUnsafe()
          const later = Latch.makeUnsafe()
          let runs = 0
          const failing = Task.make("failing", Effect.andThen(later.await, Effect.fail(new Net())), {
            restart: spaced(1000)
          })
          const other = Task.make(
            "other",
            Effect.gen(function*() {
              runs++
              if (takes > 0) yield* Effect.addFinalizer(() => Effect.sleep(takes))
              yield* gate.await
              return yield* end
            }),
            options
          )
          const supervisor = yield* Supervisor.make({ strategy, ...over, tasks: [failing, other] })
          const handle = yield* supervisor.handle(other)
          const waiting = yield* fork(Effect.exit(handle.await))
          if (takes === 0) later.openUnsafe()
          gate.openUnsafe()
          yield* settle
          later.openUnsafe()
          yield* settle
          yield* TestClock.adjust(takes)
          yield* settle
          const answer = waiting.pollUnsafe()
          assert(answer !== undefined, "it is still waiting")
          assert.strictEqual(runs, 1)
          return { supervisor, answer: yield* answer, runs: () => runs }
        })
      const again = Effect.andThen(TestClock.adjust(2000), settle)

      it.effect(`OTP-08 ${strategy}: a transient success ${how} is Completed, with its value`, () =>
        Effect.gen(function*() {
          const { answer, runs, supervisor } = yield* together(Effect.succeed(42), { restart: transient })
          assert.deepStrictEqual(answer, Exit.succeed(42))
          yield* again
          assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Completed")
          assert.strictEqual(runs(), 1)
        }))

      it.effect(`OTP-08 ${strategy}: a temporary success ${how} gives its value, and is gone`, () =>
        Effect.gen(function*() {
          const { answer, runs, supervisor } = yield* together(Effect.succeed(42), { restart: temporary })
          assert.deepStrictEqual(answer, Exit.succeed(42))
          yield* again
          assert.strictEqual((yield* Effect.flip(supervisor.status("other")))._tag, "TaskNotFound")
          assert.strictEqual(runs(), 1)
        }))

      it.effect(`OTP-08 ${strategy}: what is not to be run again ${how} is Dead`, () =>
        Effect.gen(function*() {
          const { answer, runs, supervisor } = yield* together(Effect.fail(new Net()), {
            restart: { ...transient, on: { Net: "stop" } }
          })
          assertTag(failureOf(answer), "TaskDead")
          yield* again
          assert.strictEqual((yield* statusOf(supervisor, "other"))._tag, "Dead")
          assert.strictEqual(runs(), 1)
        }))

      it.effect(`OTP-08 ${strategy}: what escalates ${how} is what the supervisor gives up for`, () =>
        Effect.gen(function*() {
          const { supervisor } = yield* together(Effect.fail(new Net()), {
            restart: { ...transient, on: { Net: "escalate" } }
          })
          const error = failureOf(yield* within(supervisor.await, 0))
          assert.deepInclude(assertTag(error.reason, "TaskDead"), { task: "other", why: "Escalated" })
        }))

      it.effect(`OTP-08 ${strategy}: the end of a significant one ${how} is the end of the supervisor`, () =>
        Effect.gen(function*() {
          const { answer, supervisor } = yield* together(
            Effect.succeed(42),
            { restart: transient, significant: true },
            { autoShutdown: "any-significant" }
          )
          assert.deepStrictEqual(answer, Exit.succeed(42))
          assert.isTrue(Exit.isSuccess(yield* within(supervisor.await, 0)))
        }))
    }
  }
})

describe("OTP-14", () => {
  it.effect("OTP-14 between failed attempts commands are served, though there is no pause between them", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-one", "one-for-all", "rest-for-one"] as const) {
        let runs = 0
        const children = new Children()
        const failing = Effect.suspend(() => {
          runs++
          return Effect.fail(new Net())
        })
        const supervisor = yield* Supervisor.make({ strategy, tasks: [children.task("a")] })
        const flaky = { ...children.task("flaky"), effect: failing }
        yield* supervisor.add(flaky)
        yield* supervisor.add(children.task("z"))
        const before = runs
        yield* Effect.yieldNow
        assert.isAbove(runs, before, "it is in its loop of restarts")
        assertTag(yield* Effect.flip(supervisor.add(flaky)), "TaskAlreadyExists")
        assert.strictEqual((yield* Effect.orDie(supervisor.statuses)).length, 3)
        yield* supervisor.stop("z")
        assertStatus(yield* statusOf(supervisor, "z"), "Stopped")
        yield* supervisor.remove("a")
        yield* supervisor.stop("flaky")
        const stopped = runs
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(runs, stopped, "nothing is left of the loop")
        assert.strictEqual(yield* standing(supervisor), "flaky Stopped, z Stopped")
        yield* supervisor.shutdown
      }
    }))

  it.effect("OTP-14 while siblings take their time to stop, commands about others are served", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "rest-for-one",
        tasks: [children.task("z"), children.task("a"), children.task("b", { stops: 4000 })]
      })
      yield* children.fail("a", new Net())
      assert.strictEqual(children.since, "+z +a +b -a")
      assertStatus(yield* statusOf(supervisor, "b"), "Stopping")
      yield* supervisor.restart("z")
      yield* supervisor.add(children.task("c"))
      assert.strictEqual(children.since, "-z +z +c")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(children.since, "-b +a +b")
      yield* shutDown(supervisor)
    }))
})

describe("OTP-14, with many siblings", () => {
  it.effect("OTP-14 many are started with turns for others between: a command about one of the last comes in time", () =>
    Effect.gen(function*() {
      const children = new Children()
      let asked: Effect.Effect<unknown, unknown> = Effect.void
      const names = Array.from({ length: 2000 }, (_, index) => `c${index}`)
      const first = Task.make(
        "first",
        Effect.andThen(Effect.suspend(() => Effect.forkChild(asked)), children.body("first")),
        {
          restart: { mode: "permanent", schedule: Schedule.forever }
        }
      )
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [first, ...names.map((name) => children.task(name))]
      })
      assert.strictEqual(children.runs("c1999"), 1)
      asked = supervisor.stop("c1999")
      yield* children.fail("first", new Net())
      assert.strictEqual(children.runs("c1998"), 2, "all others have been started again")
      assert.strictEqual(children.runs("c1999"), 1, "it was stopped before its turn")
      assertStatus(yield* statusOf(supervisor, "c1999"), "Stopped")
    }))
})

describe("OTP-15", () => {
  for (const command of ["stop", "kill", "remove"] as const) {
    it.effect(`OTP-15 ${command} of a task that waits for its restart cancels the restart`, () =>
      Effect.gen(function*() {
        const children = new Children()
        const [supervisor, events] = yield* recorded(Supervisor.make({
          tasks: [children.task("a", { restart: spaced(1000) })]
        }))
        yield* children.fail("a", new Net())
        assertStatus(yield* statusOf(supervisor, "a"), "Failed")
        yield* supervisor[command]("a")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(children.since, "+a -a")
        assert.strictEqual(eventsOf(events, "TaskStarting").length, 1)
        assert.strictEqual(
          yield* standing(supervisor),
          { stop: "a Stopped", kill: "a Dead", remove: "" }[command]
        )
      }))

    it.effect(`OTP-15 ${command} of one that waits with its siblings leaves theirs as it is`, () =>
      Effect.gen(function*() {
        for (const target of ["b", "c"]) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({
            strategy: "one-for-all",
            tasks: [children.task("a"), children.task("b", { restart: spaced(1000) }), children.task("c")]
          })
          yield* children.fail("b", new Net())
          assert.strictEqual(children.since, "+a +b +c -b -c -a")
          yield* supervisor[command](target)
          yield* TestClock.adjust(999)
          assert.strictEqual(children.since, "")
          yield* TestClock.adjust(1)
          assert.strictEqual(children.since, target === "b" ? "+a +c" : "+a +b")
        }
      }))
  }

  it.effect("OTP-15 start and restart of one that waits begin at once, with all that waits as one with it", () =>
    Effect.gen(function*() {
      for (const command of ["start", "restart"] as const) {
        for (const target of ["a", "b", "c"]) {
          const children = new Children()
          const supervisor = yield* Supervisor.make({
            strategy: "one-for-all",
            tasks: [children.task("a"), children.task("b", { restart: spaced(60_000) }), children.task("c")]
          })
          yield* children.fail("b", new Net())
          assert.strictEqual(children.since, "+a +b +c -b -c -a")
          yield* supervisor[command](target)
          assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0", `${command} ${target}`)
          const attempt = (yield* statusOf(supervisor, "b")).attempt
          assert.strictEqual(attempt, target === "b" ? 0 : 1, "attempts are forgotten of the one that is named")
        }
      }
    }))

  it.effect("OTP-15 what was due before somebody began it by hand is no longer: the next restart has its own time", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a"), children.task("b", { restart: spaced(60_000) })]
      })
      yield* children.fail("b", new Net())
      yield* TestClock.adjust("10 seconds")
      yield* supervisor.start("b")
      yield* TestClock.adjust("40 seconds")
      yield* children.fail("b", new Net())
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 -b@0 -a@0 +a@10000 +b@10000 -b@50000 -a@50000")
      yield* TestClock.adjust(59_999)
      assert.strictEqual(children.sinceTimed, "")
      yield* TestClock.adjust(1)
      assert.strictEqual(children.sinceTimed, "+a@110000 +b@110000")
    }))

  it.effect("OTP-15 the end of the supervisor cancels the restart", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a", { stops: 1000 }), children.task("b")]
      })
      yield* children.fail("b", new Net())
      const ending = yield* fork(supervisor.shutdown)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(ending.pollUnsafe()?._tag, "Success")
      assert.strictEqual(children.since, "+a +b -b -a")
    }))

  it.effect("OTP-15 while a sibling is waited for: stop of it, and of the one that failed", () =>
    Effect.gen(function*() {
      const children = new Children()
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [children.task("a", { stops: 1000 }), children.task("b"), children.task("c", { stops: 1000 })]
      })
      yield* children.fail("b", new Net())
      // c is being stopped, a is next; b waits.
      yield* supervisor.stop("b")
      const stopped = yield* within(supervisor.stop("c"), "10 seconds")
      assert.isTrue(Exit.isSuccess(stopped))
      assert.strictEqual(children.sinceTimed, "+a@0 +b@0 +c@0 -b@0 -c@1000 -a@2000 +a@2000")
      assert.strictEqual(yield* standing(supervisor), "a Healthy, b Stopped, c Stopped")
      yield* shutDown(supervisor)
    }))
})

describe("OTP-10, in a loop", () => {
  it.effect("OTP-10 a failing start in a loop keeps nobody waiting, and the supervisor can be ended in it", () =>
    Effect.gen(function*() {
      const children = new Children()
      const { supervisor } = yield* starting(Supervisor.make({
        strategy: "one-for-all",
        tasks: [
          children.task("a"),
          children.task("b", { ...ready, first: Array.from({ length: 100_000 }, () => net) })
        ]
      }))
      const before = children.runs("b")
      assert.isAbove(before, 1)
      yield* within(supervisor.shutdown, 0)
      const after = children.runs("b")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(children.runs("b"), after)
    }))
})
