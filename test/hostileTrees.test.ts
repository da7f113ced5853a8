/**
 * What programs do to trees of supervisors that no program should: supervisors made in odd places, commands from the midst
 * of what they command, and everything that can be wrong with an option or an error.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import { SupervisorEventJson } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { collect, failureOf, fork, Net, settle, statusOf, stubborn, tagsOf, thrown } from "./support/fixtures.ts"
import * as StallingClock from "./support/StallingClock.ts"

const range = (length: number) => Array.from({ length }, (_, index) => index)
const never = (name: string) => Task.make(name, Effect.never)
const paths = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(supervisor.tree.statuses, (statuses) => statuses.map(({ path }) => path))
const standing = (supervisor: Supervisor.RunningSupervisor) =>
  Effect.map(supervisor.statuses, (statuses) => statuses.map(({ _tag, task }) => `${task} ${_tag}`))

/** The supervisor that the code is run by. */
const own = Effect.map(Supervisor.current, (current) => current!.supervisor)

/** Whether a name ever had two runs at once. */
const counting = () => {
  const alive = new Map<string, number>()
  let most = 0
  const counted = <A, E, R>(name: string, body: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const now = (alive.get(name) ?? 0) + 1
      alive.set(name, now)
      most = Math.max(most, now)
      return Effect.ensuring(body, Effect.sync(() => alive.set(name, alive.get(name)! - 1)))
    })
  return { counted, most: () => most }
}

describe("supervisors in odd places", () => {
  it.effect("many in one run: each has its path, and all are stopped with the run, the last one first", () =>
    Effect.gen(function*() {
      const stopped: Array<number> = []
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "many",
            Effect.gen(function*() {
              for (const n of range(50)) {
                yield* Supervisor.make({
                  name: `s${n}`,
                  tasks: [
                    Task.make("x", Effect.ensuring(Effect.never, Effect.sync(() => stopped.push(n))))
                  ]
                })
              }
              return yield* Effect.never
            })
          )
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* paths(root), ["root/many", ...range(50).map((n) => `root/many/s${n}/x`)])
      yield* root.restart("many/s17/x")
      stopped.length = 0
      yield* root.restart("many")
      yield* settle
      assert.deepStrictEqual(stopped, range(50).toReversed())
      assert.strictEqual((yield* root.tree.count).specs, 51)
      yield* root.shutdown
    }))

  it.effect("many of one path in one run, one after another and all at once, have a number each", () =>
    Effect.gen(function*() {
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "many",
            Effect.gen(function*() {
              yield* Effect.forEach(range(20), () => Effect.scoped(Supervisor.make({ tasks: [never("x")] })))
              yield* Effect.forEach(range(5), () => Supervisor.make({ tasks: [never("x")] }), {
                concurrency: "unbounded"
              })
              return yield* Effect.never
            })
          )
        ]
      })
      yield* settle
      assert.deepStrictEqual(yield* paths(root), [
        "root/many",
        "root/many/x",
        ...[2, 3, 4, 5].map((n) => `root/many/${n}/x`)
      ])
      yield* root.restart("many/x")
      yield* root.restart("many/4/x")
      assert.deepStrictEqual((yield* root.tree.statuses).map(({ generation }) => generation), [1, 2, 1, 1, 2, 1])
      yield* root.shutdown
    }))

  it.effect("made in a detached fiber of a run that is over, it is nobody's: not shown above, and not stopped from there", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const gate = Latch.makeUnsafe()
      let orphan: Supervisor.RunningSupervisor | undefined
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "parent",
            Effect.forkDetach(
              Effect.andThen(
                gate.await,
                Effect.map(Scope.provide(Supervisor.make({ tasks: [never("x")] }), scope), (made) => {
                  orphan = made
                })
              )
            )
          )
        ]
      })
      yield* settle
      assert.strictEqual((yield* statusOf(root, "parent"))._tag, "Completed")
      yield* gate.open
      yield* settle
      assert.strictEqual(orphan!.path, "root/parent")
      assert.deepStrictEqual(yield* paths(root), ["root/parent"])
      assert.strictEqual((yield* Effect.flip(root.stop("parent/x")))._tag, "TaskNotFound")
      yield* root.shutdown
      assert.deepStrictEqual(yield* paths(orphan!), ["root/parent/x"])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Effect.flip(orphan!.statuses))._tag, "SupervisorClosed")
    }))

  it.effect("one that outlives its run by a scope from outside holds nothing up, and is not in the next run's way", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [
          Task.make(
            "parent",
            Effect.andThen(Scope.provide(Supervisor.make({ tasks: [never("x")] }), scope), Effect.never)
          )
        ]
      })
      yield* settle
      for (const generation of [2, 3]) {
        yield* root.restart("parent")
        yield* settle
        assert.strictEqual((yield* statusOf(root, "parent")).generation, generation)
        assert.deepStrictEqual(yield* paths(root), ["root/parent", "root/parent/x"])
      }
      yield* root.shutdown
      assert.deepStrictEqual((yield* root.await).unstoppable, [])
      yield* Scope.close(scope, Exit.void)
    }))

  it.effect("one that shuts its parent down, from a task, from a finalizer, and from two levels below", () =>
    Effect.gen(function*() {
      for (const how of ["task", "finalizer", "below"] as const) {
        const root: Supervisor.RunningSupervisor = yield* Supervisor.make({ name: "root" })
        const act = Effect.suspend(() => root.shutdown)
        const body = how === "finalizer"
          ? Effect.andThen(Effect.addFinalizer(() => Effect.asVoid(Effect.forkDetach(act))), Effect.void)
          : Effect.andThen(act, Effect.never)
        const actor = Task.make("actor", body)
        const inner = how === "below" ? Task.make("low", Supervisor.run({ tasks: [actor, never("y")] })) : actor
        yield* root.add(never("before"))
        yield* root.add(Task.make("in", Supervisor.run({ tasks: [never("x"), inner] })))
        yield* settle
        const report = yield* root.await
        assert.deepStrictEqual(report.unstoppable, [], how)
        assert.isTrue(report.statuses.every(({ _tag }) => _tag === "Dead" || _tag === "Completed"), how)
      }
    }))

  it.effect("a task that commands the task its own supervisor is, from within: restart, stop, remove", () =>
    Effect.gen(function*() {
      for (const command of ["restart", "stop", "kill", "remove"] as const) {
        const root: Supervisor.RunningSupervisor = yield* Supervisor.make({ name: "root" })
        let acted = 0
        const actor = Task.make(
          "actor",
          Effect.suspend(() =>
            acted++ === 0 ? Effect.andThen(Effect.ignore(root[command]("in")), Effect.never) : Effect.never
          )
        )
        yield* root.add(Task.make("in", Supervisor.run({ tasks: [never("x"), actor] })))
        yield* settle
        const expected = { restart: ["in Healthy"], stop: ["in Stopped"], kill: ["in Dead"], remove: [] }
        assert.deepStrictEqual(yield* standing(root), expected[command])
        assert.strictEqual((yield* root.tree.count).active, command === "restart" ? 3 : 0)
        yield* root.shutdown
      }
    }))
})

describe("from the midst of a sibling's restart", () => {
  for (const strategy of ["one-for-all", "rest-for-one"] as const) {
    for (const command of ["start", "restart", "stop", "kill", "remove"] as const) {
      for (const target of ["a", "b", "c"]) {
        it.effect(`${strategy}: b, as it is started again, asks to ${command} ${target}`, () =>
          Effect.gen(function*() {
            const gate = Latch.makeUnsafe()
            const { counted, most } = counting()
            let run = 0
            const b = Task.make(
              "b",
              counted(
                "b",
                Effect.suspend(() => {
                  run++
                  if (run === 1) return Effect.andThen(gate.await, Effect.fail(new Net()))
                  if (run > 2) return Effect.never
                  return Effect.gen(function*() {
                    const supervisor = yield* own
                    yield* Effect.ignore(Effect.asVoid<unknown, unknown, never>(supervisor[command](target)))
                    return yield* Effect.never
                  })
                })
              ),
              { restart: { schedule: Schedule.spaced(10) } }
            )
            const others = (name: string) => Task.make(name, counted(name, Effect.never))
            const supervisor = yield* Supervisor.make({ strategy, tasks: [others("a"), b, others("c")] })
            yield* gate.open
            yield* settle
            yield* TestClock.adjust(10)
            yield* settle
            const after =
              { start: "Healthy", restart: "Healthy", stop: "Stopped", kill: "Dead", remove: undefined }[command]
            assert.deepStrictEqual(
              yield* standing(supervisor),
              ["a", "b", "c"].flatMap((name) => {
                if (name !== target) return [`${name} Healthy`]
                return after === undefined ? [] : [`${name} ${after}`]
              })
            )
            assert.strictEqual(most(), 1)
            // It goes on as if nothing had been: another restart takes along who is left.
            yield* supervisor.shutdown
            assert.deepStrictEqual((yield* supervisor.await).unstoppable, [])
          }))
      }
    }
  }

  it.effect("a member's finalizer that adds, removes and stops siblings: all of it is done, and the restart, too", () =>
    Effect.gen(function*() {
      for (const strategy of ["one-for-all", "rest-for-one", "one-for-one"] as const) {
        const gate = Latch.makeUnsafe()
        let run = 0
        const failing = Task.make(
          "failing",
          Effect.suspend(() => run++ === 0 ? Effect.andThen(gate.await, Effect.fail(new Net())) : Effect.never),
          { restart: { schedule: Schedule.spaced(10) } }
        )
        let acted = false
        const actor = Task.make(
          "actor",
          Effect.gen(function*() {
            const supervisor = yield* own
            yield* Effect.addFinalizer(() =>
              acted ? Effect.void : Effect.gen(function*() {
                acted = true
                yield* Effect.ignore(supervisor.add(never("added")))
                yield* Effect.ignore(supervisor.remove("gone"))
                yield* Effect.ignore(supervisor.stop("stopped"))
              })
            )
            return yield* Effect.never
          })
        )
        const supervisor = yield* Supervisor.make({
          strategy,
          tasks: [failing, never("gone"), never("stopped"), actor]
        })
        yield* gate.open
        yield* settle
        if (strategy === "one-for-one") yield* supervisor.restart("actor")
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepStrictEqual(yield* standing(supervisor), [
          "failing Healthy",
          "stopped Stopped",
          "actor Healthy",
          "added Healthy"
        ], strategy)
        yield* supervisor.shutdown
      }
    }))

  it.effect("a finalizer that adds, as all is shut down, is refused and holds nothing up", () =>
    Effect.gen(function*() {
      const answers: Array<string> = []
      const actor = Task.make(
        "actor",
        Effect.gen(function*() {
          const supervisor = yield* own
          yield* Effect.addFinalizer(() =>
            Effect.gen(function*() {
              for (
                const ask of [supervisor.add(never("late")), supervisor.restart("other"), supervisor.reconfigure({})]
              ) {
                const exit = yield* Effect.exit(Effect.asVoid<unknown, { readonly _tag: string }, never>(ask))
                answers.push(failureOf(exit)._tag)
              }
            })
          )
          return yield* Effect.never
        })
      )
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("in", Supervisor.run({ tasks: [never("other"), actor] }))]
      })
      yield* settle
      yield* root.shutdown
      assert.deepStrictEqual(answers, ["SupervisorClosed", "SupervisorClosed", "SupervisorClosed"])
    }))

  it.effect("a reconfiguration from inside a run that is being restarted with its siblings", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const { counted, most } = counting()
      let run = 0
      const b: Task.Task<never, Net> = Task.make(
        "b",
        counted(
          "b",
          Effect.suspend(() => {
            run++
            if (run === 1) return Effect.andThen(gate.await, Effect.fail(new Net()))
            if (run > 2) return Effect.never
            return Effect.gen(function*() {
              const supervisor = yield* own
              yield* Effect.ignore(
                supervisor.reconfigure({
                  strategy: "one-for-one",
                  tasks: [Task.make("c", counted("c", Effect.never)), b]
                })
              )
              return yield* Effect.never
            })
          })
        ),
        { restart: { schedule: Schedule.spaced(10) } }
      )
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        tasks: [Task.make("a", counted("a", Effect.never)), b, Task.make("c", counted("c", Effect.never))]
      })
      yield* gate.open
      yield* settle
      yield* TestClock.adjust(10)
      yield* settle
      assert.deepStrictEqual(yield* standing(supervisor), ["c Healthy", "b Healthy"])
      assert.strictEqual(most(), 1)
    }))
})

describe("names in flux", () => {
  it.effect("a task that removes itself as it starts is gone, and its name free, however often it is added", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ name: "root" })
      let after = 0
      const self = Task.make(
        "self",
        Effect.gen(function*() {
          const mine = yield* own
          yield* Effect.orDie(mine.remove("self"))
          after++
        })
      )
      for (const _ of range(20)) {
        const handle = yield* supervisor.add(self)
        yield* settle
        assert.strictEqual((yield* Effect.flip(handle.await))._tag, "TaskDead")
      }
      assert.deepStrictEqual(yield* supervisor.statuses, [])
      assert.strictEqual(after, 0)
    }))

  it.effect("a listed task that removes itself as it starts does not hold up the start of the rest", () =>
    Effect.gen(function*() {
      const self = Task.make("self", Effect.andThen(own, (mine) => Effect.orDie(mine.remove("self"))), {
        ready: "first-beat"
      })
      const supervisor = yield* Supervisor.make({ tasks: [never("a"), self, never("b")] })
      yield* settle
      assert.deepStrictEqual(yield* standing(supervisor), ["a Healthy", "b Healthy"])
    }))

  it.effect("a name is taken until its run has ended, and free the moment after", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const supervisor = yield* Supervisor.make({ name: "root" })
      yield* supervisor.add(Task.make("x", body, { stopTimeout: 10 }))
      const removing = yield* fork(Effect.exit(supervisor.remove("x")))
      for (const _ of range(3)) {
        assert.strictEqual((yield* Effect.flip(supervisor.add(never("x"))))._tag, "TaskAlreadyExists")
        yield* TestClock.adjust(10)
      }
      assert.isDefined(removing.pollUnsafe())
      yield* release
      yield* settle
      const handle = yield* supervisor.add(never("x"))
      assert.strictEqual((yield* Effect.orDie(handle.status))._tag, "Healthy")
    }))

  it.effect("whoever waits for a removal adds at once, many times over, without a gap in between", () =>
    Effect.gen(function*() {
      const { counted, most } = counting()
      const supervisor = yield* Supervisor.make({ name: "root", strategy: "one-for-all" })
      for (const _ of range(100)) {
        yield* supervisor.add(Task.make("x", counted("x", Effect.never)))
        yield* supervisor.remove("x")
      }
      assert.strictEqual(most(), 1)
      assert.deepStrictEqual(yield* supervisor.statuses, [])
    }))

  it.effect("names that objects have of themselves are names like others", () =>
    Effect.gen(function*() {
      const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "then", "..", ".", " ", "💥", "a b"]
      const supervisor = yield* Supervisor.make({
        name: "constructor",
        tasks: names.map((name) => Task.make(name, Supervisor.run({ name: "__proto__", tasks: [never("then")] })))
      })
      yield* settle
      for (const path of yield* paths(supervisor)) {
        assert.strictEqual((yield* statusOf(supervisor, path)).path, path)
      }
      assert.strictEqual((yield* supervisor.tree.count).specs, names.length * 2)
    }))
})

describe("nonsense", () => {
  const refused: ReadonlyArray<readonly [() => unknown, string]> = [
    [
      () => Supervisor.make({ strategy: "one_for_all" as never }),
      "Supervisor: strategy is \"one_for_all\"; allowed is \"one-for-one\" or \"one-for-all\" or \"rest-for-one\""
    ],
    [
      () => Supervisor.make({ name: "x", strategy: Symbol("s") as never }),
      "Supervisor(\"x\"): strategy is Symbol(s); allowed is \"one-for-one\" or \"one-for-all\" or \"rest-for-one\""
    ],
    [
      () => Supervisor.make({ autoShutdown: true as never }),
      "Supervisor: autoShutdown is true; allowed is \"never\" or \"any-significant\" or \"all-significant\""
    ],
    [
      () => Supervisor.make({ intensity: 3 as never }),
      "Supervisor: intensity is 3; allowed is an object with restarts, within, whenExceeded"
    ],
    [
      () => Supervisor.make({ intensity: { within: 1 } as never }),
      "Supervisor: intensity.restarts is undefined; allowed is a whole number of 0 or more"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1 } as never }),
      "Supervisor: intensity.within is undefined; allowed is a duration above 0"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1.5, within: 1 } }),
      "Supervisor: intensity.restarts is 1.5; allowed is a whole number of 0 or more"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: Number.POSITIVE_INFINITY, within: 1 } }),
      "Supervisor: intensity.restarts is Infinity; allowed is a whole number of 0 or more"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 10n as never, within: 1 } }),
      "Supervisor: intensity.restarts is 10n; allowed is a whole number of 0 or more"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1, within: 0 } }),
      "Supervisor: intensity.within is 0; allowed is a duration above 0"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1, within: "infinity" as never } }),
      "Supervisor: intensity.within is \"infinity\"; allowed is a duration above 0"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 0, within: 1, whenExceeded: "pause" } }),
      "Supervisor: intensity.restarts is 0; allowed is a whole number of 1 or more"
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1, within: 1, whenExceeded: "stop" as never } }),
      "Supervisor: intensity.whenExceeded is \"stop\"; allowed is \"giveUp\" or \"pause\""
    ],
    [
      () => Supervisor.make({ intensity: { restarts: 1, within: 1, period: 2 } as never }),
      "Supervisor: intensity has an unknown option \"period\"; allowed are restarts, within, whenExceeded"
    ],
    [
      () => Task.make("a", Effect.never, { ready: "now" as never }),
      "Task.make(\"a\"): ready is \"now\"; allowed is \"begun\" or \"first-beat\""
    ],
    [
      () => Task.make("a", Effect.never, { significant: 1 as never }),
      "Task.make(\"a\"): significant is 1; allowed is true or false"
    ],
    [
      () => Task.make("a", Effect.never, { significant: true, restart: { mode: "permanent" } }),
      "Task.make(\"a\"): significant is true; allowed is false for a permanent task: it has no end"
    ],
    [
      () => Task.make("a", Effect.never, { version: Number.NaN }),
      "Task.make(\"a\"): version is NaN; allowed is a string or a finite number"
    ],
    [
      () => Task.make("a", Effect.never, { version: Symbol("v") as never }),
      "Task.make(\"a\"): version is Symbol(v); allowed is a string or a finite number"
    ],
    [
      () => Task.make("a", Effect.never, { version: { v: 1 } as never }),
      "Task.make(\"a\"): version is {\"v\":1}; allowed is a string or a finite number"
    ],
    [
      () => Supervisor.make({ defaults: { significant: true } as never }),
      "Supervisor.defaults: options has an unknown option \"significant\"; allowed are restart, heartbeat, startupTimeout, stableAfter, stopTimeout, whenDead, ready, span"
    ],
    [
      () =>
        Supervisor.make({
          tasks: [Task.make("a", Effect.never, { significant: true })],
          defaults: { restart: { mode: "permanent" } }
        }),
      "Supervisor: tasks[0] (\"a\"): significant is true; allowed is false for a permanent task: it has no end"
    ]
  ]
  for (const [make, message] of refused) {
    it(`is refused: ${message}`, () => {
      const error = thrown(make)
      assert.instanceOf(error, RangeError)
      assert.strictEqual(error.message, message)
    })
  }

  it("what a getter throws is thrown where the value is made, and nothing is left of it", () => {
    const boom = new Error("boom")
    const throwing = (key: string) =>
      Object.defineProperty({}, key, {
        enumerable: true,
        get: () => {
          throw boom
        }
      })
    for (const key of ["name", "tasks", "strategy", "intensity", "autoShutdown", "shutdownTimeout"]) {
      assert.strictEqual(thrown(() => Supervisor.make(throwing(key))), boom)
    }
    for (const key of ["ready", "significant", "version"]) {
      assert.strictEqual(thrown(() => Task.make("a", Effect.never, throwing(key))), boom)
    }
    for (const key of ["maxTasks", "each", "intensity"]) {
      assert.strictEqual(thrown(() => TaskGroup.make("a", (_: void) => Effect.never, throwing(key))), boom)
    }
  })

  it.effect("huge values are values: none of them costs what it says", () =>
    Effect.gen(function*() {
      const version = "v".repeat(1_000_000)
      const task = (body: Effect.Effect<never, Net>) =>
        Task.make("a", body, {
          version,
          restart: { schedule: Schedule.spaced(1) },
          stopTimeout: Number.MAX_SAFE_INTEGER
        })
      const group = TaskGroup.make("g", (_: void) => Effect.never, { maxTasks: Number.MAX_SAFE_INTEGER })
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: Number.MAX_SAFE_INTEGER, within: Number.MAX_SAFE_INTEGER },
        shutdownTimeout: Number.MAX_SAFE_INTEGER,
        tasks: [task(Effect.fail(new Net())), group]
      })
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* statusOf(supervisor, "a")).generation, 101)
      yield* supervisor.reconfigure({ tasks: [task(Effect.never), group], intensity: { restarts: 1, within: 1 } })
      yield* TestClock.adjust(1)
      yield* settle
      assert.strictEqual((yield* statusOf(supervisor, "a"))._tag, "Healthy")
      yield* supervisor.shutdown
    }))
})

describe("errors that bite their tail", () => {
  class Cyclic extends Error {
    readonly _tag = "Cyclic"
    readonly self = this
    override readonly cause = this
  }
  const failing = () => {
    const error = new Cyclic("round and round")
    return {
      error,
      task: Task.make("failing", Effect.andThen(Effect.sleep(10), Effect.fail(error)), {
        restart: { times: 0 },
        whenDead: "escalate"
      })
    }
  }

  it.effect("go up through all levels as they are, are shown, and go through JSON", () =>
    Effect.gen(function*() {
      const { error, task } = failing()
      const up = { restart: { times: 0 }, whenDead: "escalate" } as const
      const root = yield* Supervisor.make({
        name: "root",
        tasks: [Task.make("a", Supervisor.run({ tasks: [Task.make("b", Supervisor.run({ tasks: [task] }), up)] }), up)]
      })
      const { seen } = yield* collect(root.tree.events)
      yield* TestClock.adjust(10)
      yield* settle
      let failure: SupervisorError.SupervisorError = failureOf(yield* Effect.exit(root.await))
      for (const path of ["root", "root/a", "root/a/b"]) {
        assert.strictEqual(failure.supervisor, path)
        assert.include(failure.message, "round and round")
        assert(failure.reason._tag === "TaskDead")
        failure = Cause.squash(failure.reason.cause) as SupervisorError.SupervisorError
      }
      assert.strictEqual<unknown>(failure, error)
      const encode = Schema.encodeSync(SupervisorEventJson)
      const decode = Schema.decodeSync(SupervisorEventJson)
      for (const event of seen) assert.strictEqual(decode(encode(event))._tag, event._tag)
      const failed = seen.filter((event) => event._tag === "TaskFailed")
      assert.deepStrictEqual(failed.map(({ failure }) => failure.tag), ["Cyclic", "SupervisorError", "SupervisorError"])
      // 40,000 characters for each level would be too many to keep.
      for (const { failure } of failed) assert.isBelow(failure.message.length, 5000)
    }))

  it.effect("deep in a tree, a message of a failure does not grow beyond measure", () =>
    Effect.gen(function*() {
      const up = { restart: { times: 0 }, whenDead: "escalate" } as const
      const depth = 30
      let below: Task.Task<unknown, unknown> = Task.make(
        "leaf",
        Effect.andThen(Effect.sleep(10), Effect.fail(new Net())),
        up
      )
      for (const n of range(depth)) below = Task.make(`t${n}`, Supervisor.run({ tasks: [below] }), up)
      const root = yield* Supervisor.make({ name: "root", tasks: [below] })
      const exit = yield* fork(Effect.exit(root.await))
      yield* TestClock.adjust(10)
      for (const _ of range(depth)) yield* settle
      const error = failureOf(yield* exit.pollUnsafe()!)
      // What it is in the end is in the causes, all the way down.
      let cause: unknown = error
      for (let level = 0; cause instanceof SupervisorError.SupervisorError; level++) {
        assert(cause.reason._tag === "TaskDead")
        assert.isAtMost(level, depth)
        cause = Cause.squash(cause.reason.cause)
      }
      assert.deepStrictEqual(cause, new Net())
      assert.isBelow(error.message.length, 1000)
      const [status] = error.report.statuses
      assert.isBelow(status!.lastFailure!.details.length, 200_000)
    }))
})

describe("a stalled observer", () => {
  it.effect("gives no false verdict anywhere in a tree, whatever goes on meanwhile", () =>
    Effect.gen(function*() {
      const { provide, stall } = yield* StallingClock.make
      yield* provide(Effect.gen(function*() {
        const beating = (name: string) =>
          Task.make(name, Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(300))), {
            heartbeat: Heartbeat.manual({ within: 500 })
          })
        let run = 0
        const flaky = Task.make(
          "flaky",
          Effect.suspend(() =>
            run++ % 2 === 0 ? Effect.andThen(Effect.sleep(700), Effect.fail(new Net())) : Effect.sleep(700)
          ),
          { restart: { mode: "permanent", schedule: Schedule.spaced(100) } }
        )
        const group = TaskGroup.make("group", (n: number) => Effect.as(Effect.sleep(n), n), {
          each: { stopTimeout: 400 }
        })
        const slow = Task.make(
          "slow",
          Effect.andThen(Effect.addFinalizer(() => Effect.sleep(350)), Effect.never),
          { stopTimeout: 400 }
        )
        const root = yield* Supervisor.make({
          name: "root",
          healthCheck: { initialDelay: 0 },
          tasks: [
            beating("top"),
            Task.make(
              "in",
              Supervisor.run({
                strategy: "one-for-all",
                healthCheck: { initialDelay: 0 },
                tasks: [beating("mid"), flaky, slow]
              })
            ),
            group
          ]
        })
        yield* settle
        const { seen } = yield* collect(root.tree.events)
        const running = yield* TaskGroup.find(root, group)
        for (const round of range(10)) {
          yield* running.start(200 + round * 100)
          yield* TestClock.adjust(450)
          yield* settle
          yield* stall("10 seconds")
          yield* settle
          if (round % 3 === 0) yield* fork(Effect.ignore(root.restart("in/mid")))
          if (round % 4 === 1) yield* fork(Effect.ignore(root.reconfigure({ strategy: "rest-for-one" })))
        }
        for (const tag of ["HeartbeatMissed", "TaskUnstoppable", "EventsMissed"] as const) {
          assert.notInclude(tagsOf(seen), tag)
        }
        assert.include(tagsOf(seen), "RestartScheduled")
        const shutdown = yield* fork(root.shutdown)
        yield* TestClock.adjust(2000)
        yield* settle
        assert.isDefined(shutdown.pollUnsafe())
        assert.deepStrictEqual((yield* root.await).unstoppable, [])
      }))
    }))

  it.effect("a reader of the tree that never reads does not hold anything up", () =>
    Effect.gen(function*() {
      const gate = Latch.makeUnsafe()
      const root = yield* Supervisor.make({
        name: "root",
        eventCapacity: 1,
        tasks: [Task.make("in", Supervisor.run({ eventCapacity: 1, tasks: [never("x")] }))]
      })
      yield* settle
      const seen: Array<SupervisorEvent> = []
      yield* Effect.forkScoped(
        Stream.runForEach(root.tree.events, (event) =>
          Effect.andThen(seen.length === 0 ? Effect.void : gate.await, Effect.sync(() => seen.push(event)))),
        { startImmediately: true }
      )
      yield* settle
      for (const _ of range(1000)) {
        yield* root.restart("in/x")
      }
      yield* gate.open
      yield* settle
      assert.strictEqual((yield* statusOf(root, "in/x")).generation, 1001)
      assert.isBelow(seen.length, 10)
      const missed = seen.flatMap((event) =>
        event._tag === "EventsMissed" ? [event.missed] : []
      )
      assert.isAbove(missed.reduce((sum, n) => sum + n, 0), 2900)
      yield* root.shutdown
    }))
})
