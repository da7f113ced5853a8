/**
 * What programs do to a slot pool that no program should: values that cannot be looked at, callbacks that give no effects,
 * stores that answer nonsense, and everything at the worst moment.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as SlotPool from "effect-supervisor/SlotPool"
import { makeMemory, VersionConflict } from "effect-supervisor/SlotPoolStore"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import { fork, Net, settle, within } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"
import * as StallingClock from "./support/StallingClock.ts"

const { assertReason, defectOf, held, jobsOf, on, own, recordOf, slotsOf, statesOf, watched, where } = Pools

const range = (length: number) => Array.from({ length }, (_, index) => index)

/** Throws, whatever is done to it. */
const untouchable = (): object => {
  const refuse = () => {
    throw new Error("do not touch")
  }
  return new Proxy({}, {
    get: refuse,
    has: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
    getOwnPropertyDescriptor: refuse
  })
}

/** What somebody who knows no types hands in. */
// The compiler has no say in what it is taken for.
const loose = <A = never>(value: unknown): A => value as A

const noEffects: ReadonlyArray<readonly [string, unknown]> = [
  ["undefined", undefined],
  ["null", null],
  ["a number", 7],
  ["a promise", Promise.resolve(7)],
  ["an object", { ok: true }],
  ["a function", () => Effect.void],
  ["a generator", (function*() {})()],
  ["what throws when it is looked at", untouchable()]
]

describe("a job", () => {
  for (const [what, value] of noEffects) {
    it.effect(`that gives ${what} instead of an Effect ends in a defect, and costs its slot`, () =>
      Effect.gen(function*() {
        const pool = yield* SlotPool.make({ slots: 2 })
        yield* settle
        const exit = yield* within(pool.run(() => loose<Effect.Effect<never>>(value)), 0)
        defectOf(exit)
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 1, errored: 1 })
        const submitted = yield* pool.submit(() => loose<Effect.Effect<never>>(value))
        yield* settle
        defectOf(Option.getOrThrow(yield* pool.result(submitted)))
        assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
        yield* settle
        assert.strictEqual(yield* pool.run(() => Effect.succeed("fine")), "fine")
      }))
  }

  it.effect("whose success, failure or defect cannot be looked at gives it to its caller as it is", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { events, pool } = yield* watched(SlotPool.make({
        slots: 3,
        slotFailure: (error) => {
          asked.push(error)
          return true
        }
      }))
      const value = untouchable()
      const success = yield* Effect.exit(pool.run(() => Effect.succeed(value)))
      assert.isTrue(Exit.isSuccess(success) && success.value === value)
      const failure = yield* Effect.exit(pool.run(() => Effect.fail(value)))
      assert(Exit.isFailure(failure))
      const [failed] = failure.cause.reasons
      assert.isTrue(failed?._tag === "Fail" && failed.error === value)
      const defect = yield* Effect.exit(pool.run(() => Effect.die(value)))
      assert(Exit.isFailure(defect))
      const [dead] = defect.cause.reasons
      assert.isTrue(dead?._tag === "Die" && dead.defect === value)
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 1, errored: 2 })
      assert.isTrue(asked.length === 1 && asked[0] === value)
      for (const { error } of Pools.told(events, "SlotErrored")) assert.isString(error)
      assert.strictEqual(yield* pool.checkAndRestartSlots, 2)
    }))

  it.effect("whose error's message, name and tag throw is told all the same", () =>
    Effect.gen(function*() {
      const { provide } = Pools.logging()
      yield* provide(Effect.gen(function*() {
        const { events, pool } = yield* watched(SlotPool.make())
        class Evil extends Error {
          override get message(): string {
            throw new Error("no message")
          }
          override get name(): string {
            throw new Error("no name")
          }
          get _tag(): string {
            throw new Error("no tag")
          }
          override toString(): string {
            throw new Error("no string")
          }
        }
        const evil = Object.create(Evil.prototype) as Error
        const exit = yield* Effect.exit(pool.run(() => Effect.die(evil)))
        assert.isTrue(Exit.isFailure(exit))
        yield* settle
        assert.strictEqual(Pools.told(events, "SlotErrored").length, 1)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      }))
    }))

  it.effect("may give an Effect, an Exit, an Option or undefined as its value: nothing is unwrapped", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const effect = Effect.die(new Error("not to be run"))
      const exit = Exit.fail("not to be taken for the job's")
      assert.strictEqual(yield* pool.run(() => Effect.succeed(effect)), effect)
      assert.strictEqual(yield* pool.run(() => Effect.succeed(exit)), exit)
      const nothing = yield* pool.submit(() => Effect.succeed(undefined))
      yield* settle
      assert.deepStrictEqual(yield* pool.result(nothing), Option.some(Exit.succeed(undefined)))
      assert.isUndefined(yield* pool.await(nothing))
      const none = yield* pool.submit(() => Effect.succeed(Option.none()))
      assert.deepStrictEqual(yield* pool.await(none), Option.none())
    }))

  it.effect("may close its pool, drain it, scale it away, or put slots back: nothing waits for itself for ever", () =>
    Effect.gen(function*() {
      const closing = yield* Scope.make()
      const closed = yield* Scope.provide(SlotPool.make({ name: "closed", stopTimeout: "2 seconds" }), closing)
      yield* settle
      const close = yield* fork(Effect.exit(closed.run(() => Scope.close(closing, Exit.void))))
      yield* TestClock.adjust("10 seconds")
      assert.isDefined(close.pollUnsafe())
      assertReason(yield* Effect.exit(closed.run(where)), "PoolClosed")

      const drained = yield* SlotPool.make({ name: "drained", slots: 2 })
      yield* settle
      const drain = yield* fork(Effect.exit(drained.run(() => drained.drain({ timeout: "5 seconds" }))))
      yield* TestClock.adjust("5 seconds")
      assertReason(yield* Fiber.join(drain), "JobCancelled")
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* drained.status), { total: 2, stopped: 2 })

      const scaled = yield* SlotPool.make({ name: "scaled", slots: 2, jobTimeout: "5 seconds" })
      yield* settle
      const scale = yield* fork(Effect.exit(
        Effect.all([scaled.run(() => scaled.scaleDown()), scaled.run(() => Effect.sleep("1 second"))], {
          concurrency: "unbounded"
        })
      ))
      yield* TestClock.adjust("20 seconds")
      assert.isDefined(scale.pollUnsafe())
      yield* settle
      assert.strictEqual((yield* scaled.status).slots.total, 1)

      const passing = yield* SlotPool.make({ name: "passing", slots: 2 })
      yield* settle
      yield* Effect.exit(passing.run(() => Effect.die("defect")))
      assert.strictEqual(yield* passing.run(() => passing.checkAndRestartSlots), 1)
    }))

  it.effect("that restarts, stops or removes its own slot is lost, and the pool is in order", () =>
    Effect.gen(function*() {
      for (const command of ["restart", "stop", "kill", "remove"] as const) {
        const pool = yield* SlotPool.make({ name: command })
        yield* settle
        const exit = yield* within(
          pool.run(() => Effect.andThen(Effect.ignore(pool.supervisor[command]("slot-0")), Effect.never)),
          "20 seconds"
        )
        assertReason(exit, "JobLost")
        yield* settle
        const { jobs, slots } = yield* pool.status
        assert.deepStrictEqual([jobs.running, jobs.queued, slots.busy, slots.total], [0, 0, 0, 1])
        yield* Effect.ignore(pool.supervisor.start("slot-0"))
        yield* pool.checkAndRestartSlots
        yield* settle
        assert.strictEqual(yield* pool.run(where), "slot-0")
      }
    }))

  it.effect("that beats, sets its session and cancels itself after its end does so in vain", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ jobSilence: "1 second" })
      yield* settle
      const gate = yield* Latch.make()
      const late: Array<Exit.Exit<unknown, unknown>> = []
      const id = yield* pool.submit((_, { id, setSession }) =>
        Effect.asVoid(Effect.forkDetach(
          Effect.gen(function*() {
            yield* gate.await
            late.push(yield* Effect.exit(Heartbeat.beat))
            late.push(yield* Effect.exit(setSession("late")))
            late.push(yield* Effect.exit(pool.cancel(id)))
          })
        ))
      )
      yield* settle
      const job = held("done")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      yield* TestClock.adjust(600)
      yield* gate.open
      yield* settle
      assert.deepStrictEqual(late.map(Exit.isSuccess), [true, true, true])
      yield* TestClock.adjust(401)
      assertReason(yield* Fiber.join(running), "JobSilent")
      assert.notProperty(yield* recordOf(pool), "session")
      assert.deepStrictEqual((yield* pool.list()).map(({ id, state }) => [id, state]), [[id, "Succeeded"]])
    }))
})

describe("a worker", () => {
  for (const [what, value] of noEffects) {
    it.effect(`whose acquire gives ${what} instead of an Effect makes its slot Errored`, () =>
      Effect.gen(function*() {
        const pool = yield* SlotPool.make({ acquire: () => loose<Effect.Effect<void>>(value) })
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
        assert.isString((yield* recordOf(pool)).error)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
        yield* settle
        assert.deepInclude(yield* recordOf(pool), { state: "Errored", restarts: 1 })
      }))

    it.effect(`whose watch gives ${what} instead of an Effect has ended`, () =>
      Effect.gen(function*() {
        const pool = yield* SlotPool.make({ watch: () => loose<Effect.Effect<void>>(value) })
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
      }))

    it.effect(`whose probe gives ${what} instead of an Effect fails it`, () =>
      Effect.gen(function*() {
        const pool = yield* SlotPool.make({
          probe: () => loose<Effect.Effect<void>>(value),
          probing: { schedule: Schedule.spaced("1 second"), failures: 1 }
        })
        // The first look at probes is after 3 s.
        yield* TestClock.adjust("4 seconds")
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
        assert.include((yield* recordOf(pool)).error ?? "", "probe")
      }))
  }

  it.effect("may be anything: undefined, a promise, an Effect, what cannot be looked at", () =>
    Effect.gen(function*() {
      for (const worker of [undefined, null, 0, Promise.resolve(1), Effect.die("not run"), untouchable()]) {
        const { close, value: pool } = yield* own(SlotPool.make({
          acquire: () => Effect.succeed(worker),
          watch: () => Effect.never,
          probe: () => Effect.void
        }))
        yield* settle
        assert.isTrue(yield* pool.run((given) => Effect.sync(() => given === worker)))
        yield* close
      }
    }))

  it.effect("whose watch, probe or finalizer throws is dead, and the pool goes on", () =>
    Effect.gen(function*() {
      let acquired = 0
      const pool = yield* SlotPool.make({
        slots: 1,
        maxRestarts: 10,
        acquire: () =>
          Effect.acquireRelease(Effect.sync(() => ++acquired), () => Effect.die(new Error("the finalizer"))),
        watch: (worker) => {
          if (worker === 1) throw new Error("the watch")
          return Effect.never
        },
        probe: (worker) => {
          if (worker === 2) throw new Error("the probe")
          return Effect.void
        },
        probing: { schedule: Schedule.spaced("1 second"), failures: 1 }
      })
      yield* settle
      assert.include((yield* recordOf(pool)).error ?? "", "the watch")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* TestClock.adjust("4 seconds")
      yield* settle
      assert.include((yield* recordOf(pool)).error ?? "", "the probe")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker)), 3)
    }))

  it.effect("that wants a job of its own pool to be acquired gets none, and is not waited for for ever", () =>
    Effect.gen(function*() {
      const made: { pool?: SlotPool.SlotPool<string> } = {}
      const pool: SlotPool.SlotPool<string> = yield* SlotPool.make({
        acquireTimeout: "5 seconds",
        acquire: () => Effect.andThen(Effect.yieldNow, Effect.suspend(() => made.pool!.run(() => Effect.succeed("?"))))
      })
      made.pool = pool
      yield* TestClock.adjust("5 seconds")
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 1 })
    }))
})

describe("a session", () => {
  it.effect("that is no JSON is its job's mistake: a RangeError, and nothing is kept", () =>
    Effect.gen(function*() {
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      const sessions: ReadonlyArray<unknown> = [
        cyclic,
        1n,
        { deep: [1n] },
        () => 1,
        Symbol("session"),
        Number.NaN,
        Number.POSITIVE_INFINITY,
        { nan: Number.NaN },
        {
          toJSON: () => {
            throw new Error("no JSON")
          }
        },
        untouchable()
      ]
      const pool = yield* SlotPool.make({ maxRestarts: Number.POSITIVE_INFINITY })
      for (const session of sessions) {
        yield* settle
        const exit = yield* Effect.exit(pool.run((_, { setSession }) => setSession(loose(session))))
        const defect = defectOf(exit)
        assert.instanceOf(defect, RangeError)
        assert.include((defect as Error).message, "session")
        assert.notProperty(yield* recordOf(pool), "session")
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      }
    }))

  it.effect("with hostile keys is data like any other", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const session = JSON.parse("{\"__proto__\":{\"polluted\":true},\"constructor\":1}")
      yield* pool.run((_, { setSession }) => setSession(session))
      const again = yield* pool.run((_, { session }) => Effect.succeed(session))
      assert.strictEqual(JSON.stringify(again), JSON.stringify(session))
      assert.isUndefined(({} as Record<string, unknown>)["polluted"])
    }))
})

describe("names and ids", () => {
  const evil = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "slot-0",
    " ",
    "💥",
    "slot-0\u202E",
    "a".repeat(255)
  ]

  it.effect("of jobs, tags, slots and pools may be those of Object's own properties", () =>
    Effect.gen(function*() {
      for (const name of evil) {
        const { close, value: pool } = yield* own(SlotPool.make({ name, slotConfig: [{ name, role: name }] }))
        yield* settle
        assertReason(yield* Effect.exit(pool.result(name)), "JobNotFound")
        const id = yield* pool.submit((_, { slot }) => Effect.succeed(slot.name), { id: name, tags: [name] })
        yield* settle
        assert.strictEqual(yield* pool.await(id), name)
        assertReason(yield* Effect.exit(pool.submit(where, { id: name })), "JobAlreadyExists")
        assert.strictEqual((yield* pool.list({ tags: [name] })).length, 1)
        assert.strictEqual((yield* pool.list({ slot: name })).length, name === "slot-0" ? 1 : 0)
        assert.strictEqual((yield* pool.findSlots({ name, role: name })).length, 1)
        assert.strictEqual((yield* pool.findSlots({ name: "other" })).length, 0)
        yield* pool.cancel(name)
        yield* close
      }
    }))

  it.effect("that are no strings are unknown", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      for (const id of [undefined, null, 7, {}, [], Symbol.iterator]) {
        assertReason(yield* Effect.exit(pool.result(loose(id))), "JobNotFound")
        assertReason(yield* Effect.exit(pool.cancel(loose(id))), "JobNotFound")
        assertReason(yield* Effect.exit(pool.await(loose(id))), "JobNotFound")
      }
    }))
})

describe("a config", () => {
  it("that is no JSON, or throws when it is asked for, is refused as the pool is made", () => {
    const cyclic: Record<string, unknown> = {}
    cyclic["name"] = cyclic
    for (const config of [{ name: 7n }, { name: () => "Ada" }, { name: Symbol("Ada") }, cyclic, "Ada", 7, null]) {
      assert.throws(() => SlotPool.make({ slotConfig: loose([config]) }), RangeError, "slotConfig")
      assert.throws(() => SlotPool.make({ slotConfig: () => loose(config) }), RangeError, "slotConfig")
    }
    assert.throws(() => SlotPool.make({ slotConfig: [loose(untouchable())] }))
  })

  it.effect("with more in it than its schema knows keeps what that knows", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slotConfig: [loose({ name: "Ada", secret: () => 1 })] })
      yield* settle
      assert.deepStrictEqual((yield* recordOf(pool)).config, { name: "Ada" })
    }))

  it.effect("by a schema that throws is refused, and one in the store that does not fit any more is left out", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 0 }, { config: { name: 7, role: ["x"] }, completed: 3 }, {
        config: "not even an object"
      })
      const { lines, provide } = Pools.logging()
      const pool = yield* provide(on(store)(SlotPool.make({ slots: 2 })))
      yield* settle
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ config }) => config), [{}, {}])
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      assert.strictEqual((yield* recordOf(pool)).completed, 3)
      const warned = lines.filter(({ level, text }) => level === "Warn" && text.includes("does not fit"))
      assert.sameMembers(Array.from(new Set(warned.map(({ annotations }) => annotations["slot"]))), [
        "slot-0",
        "slot-1"
      ])
    }))

  it.effect("of a class with defaults and transformations goes through its schema, both ways", () =>
    Effect.gen(function*() {
      const Config = Schema.Struct({ name: Schema.String, weight: Schema.NumberFromString })
      const pool = yield* SlotPool.make({ slotSchema: Config, slotConfig: () => ({ name: "Ada", weight: 2.5 }) })
      yield* settle
      assert.deepStrictEqual((yield* recordOf(pool)).config, { name: "Ada", weight: "2.5" })
      assert.strictEqual(yield* pool.run((_, { slot }) => Effect.succeed(slot.config.weight)), 2.5)
    }))
})

describe("a store", () => {
  for (const fault of ["throw", "nothing"] as const) {
    it.effect(`whose methods ${fault === "throw" ? "throw" : "give no effects"} is one that fails, and no more`, () =>
      Effect.gen(function*() {
        const store = yield* Pools.faulty()
        const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
        yield* settle
        store.break(fault)
        const results = yield* within(pool.fanOut([1, 2, 3], (_, n) => Effect.succeed(n)), "10 seconds")
        assert.deepStrictEqual(results, Exit.succeed([1, 2, 3].map((n) => Exit.succeed(n))))
        assert.isDefined((yield* pool.status).degraded)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
        assertReason(yield* Effect.exit(pool.findSlots()), "StoreUnavailable")
        assertReason(yield* Effect.exit(pool.scaleUp()), "StoreUnavailable")
        store.mend()
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined((yield* pool.status).degraded)
        assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle"])
      }))

    it.effect(`whose methods ${fault === "throw" ? "throw" : "give no effects"} makes no pool`, () =>
      Effect.gen(function*() {
        const store = yield* Pools.faulty()
        store.break(fault)
        assertReason(yield* Effect.exit(Effect.scoped(on(store)(SlotPool.make()))), "StoreUnavailable")
      }))
  }

  const nonsense: ReadonlyArray<readonly [string, unknown]> = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 7],
    ["text", "OK"],
    ["an empty object", {}]
  ]
  for (const [what, value] of nonsense) {
    it.effect(`that answers ${what} to everything: no job hangs, and it comes back`, () =>
      Effect.gen(function*() {
        const store = yield* Pools.faulty()
        const pool = yield* on(store)(SlotPool.make({ slots: 2, assignTimeout: "5 seconds" }))
        yield* settle
        store.break(() => Effect.succeed(value))
        const exits = yield* within(pool.fanOut([1, 2, 3], (_, n) => Effect.succeed(n)), "20 seconds")
        assert.isTrue(Exit.isSuccess(exits))
        yield* within(pool.checkAndRestartSlots, "20 seconds")
        yield* within(Effect.exit(pool.findSlots()), "20 seconds")
        yield* TestClock.adjust("1 minute")
        store.mend()
        yield* TestClock.adjust("1 minute")
        yield* within(pool.checkAndRestartSlots, "20 seconds")
        yield* settle
        const after = yield* within(pool.run(() => Effect.succeed("fine")), "20 seconds")
        assert.deepStrictEqual(after, Exit.succeed("fine"))
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      }))
  }

  it.effect("that cannot be interrupted and answers after its time is answered for by nobody", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ storeTimeout: "1 second" }))
      yield* settle
      store.break((asked) => Effect.uninterruptible(Effect.delay(asked, "1500 millis")), "put")
      const job = held("done")
      const running = yield* fork(pool.run(job.job))
      yield* TestClock.adjust(999)
      assert.strictEqual(job.on.length, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(job.on.length, 1, "it goes on with what it knows")
      yield* TestClock.adjust("2 seconds")
      store.mend()
      yield* job.release
      assert.strictEqual(yield* Fiber.join(running), "done")
      yield* TestClock.adjust("20 seconds")
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 1 })
      assert.isUndefined((yield* pool.status).degraded)
    }))

  it.effect("that always says that somebody else was faster is given up on, not asked for ever", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      store.break((_, [record]) => {
        const { pool, slot, version } = record as { pool: string; slot: string; version: number }
        return Effect.fail(new VersionConflict({ pool, slot, version }))
      }, "put")
      const exit = yield* within(pool.run(() => Effect.succeed("done")), "10 seconds")
      assert.deepStrictEqual(exit, Exit.succeed("done"))
      assert.isBelow(store.times("put"), 1000)
      assert.isDefined((yield* pool.status).degraded)
      store.mend()
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined((yield* pool.status).degraded)
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 1 })
    }))

  it.effect("whose records belong to other pools and slots than they say is not believed", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      store.break(
        (asked) =>
          Effect.map(asked, (listed) => ({
            ...(listed as object),
            records: [
              { pool: "other", slot: "slot-7", version: 3, state: "Idle", config: {}, restarts: 0, completed: 0 },
              { pool: "pool", slot: "nonsense", version: 3, state: "Errored", config: {}, restarts: 0, completed: 0 },
              { pool: "pool", slot: "__proto__", version: 3, state: "Errored", config: {}, restarts: 0, completed: 0 }
            ]
          })),
        "list"
      )
      const pool = yield* on(store)(SlotPool.make({ slots: { min: 2, max: 4 } }))
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
    }))

  it.effect("whose clock goes back and forth by hours puts slots back all the same", () =>
    Effect.gen(function*() {
      const clock = yield* StallingClock.make
      const store = yield* clock.provide(makeMemory)
      const pool = yield* on(store)(SlotPool.make({ restart: { schedule: Schedule.spaced("5 seconds") } }))
      yield* settle
      yield* Effect.exit(pool.run(() => Effect.die("defect")))
      for (const hours of [-3, 5, -1]) yield* clock.setWall(hours * 3_600_000)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))
})

describe("callers", () => {
  it.effect("outside of Effect whose callbacks throw do not harm the pool", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("done")
      for (let n = 0; n < 4; n++) {
        Effect.runCallback(pool.run(job.job), {
          onExit: () => {
            throw new Error("the caller's callback")
          }
        })
      }
      yield* settle
      yield* job.release
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 4 })
      assert.strictEqual(yield* pool.run(() => Effect.succeed("fine")), "fine")
    }))

  it.effect("ten thousand, all of whose jobs are cancelled while they wait, leave nothing behind", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({ slots: 2, keepJobs: 100 })
        yield* settle
        const job = held("done")
        yield* fork(pool.fanOut([1, 2], (_, __, context) => job.job(_, context)))
        const before = counting.fibers()
        const ids: Array<string> = []
        for (let n = 0; n < 10_000; n++) ids.push(yield* pool.submit(where, { assignTimeout: 1000 + (n % 10) * 1000 }))
        assert.strictEqual((yield* pool.status).jobs.queued, 10_000)
        // From the back, from the front, and from the middle.
        const order = [...ids.slice(5000).toReversed(), ...ids.slice(0, 2500), ...ids.slice(2500, 5000)]
        yield* Effect.forEach(order, (id) => pool.cancel(id), { discard: true })
        assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 2, cancelled: 10_000 })
        assert.strictEqual((yield* pool.list()).length, 100)
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 2, cancelled: 10_000 })
        assert.isAtMost(counting.fibers(), before)
        yield* job.release
        assert.include(["slot-0", "slot-1"], yield* pool.run(where))
      }))
    }))

  it.effect("ten thousand that wait, and are interrupted at once, leave nothing behind", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      yield* fork(pool.run(job.job))
      const callers = yield* Effect.forEach(
        range(10_000),
        () => Effect.forkChild(pool.run(where), { startImmediately: true })
      )
      yield* Fiber.interruptAll(callers)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 1, cancelled: 10_000 })
      yield* job.release
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))

  it.effect("in long chains of jobs that end at once overflow no stack", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      yield* settle
      const counts = yield* Effect.forEach(
        range(4),
        () =>
          Effect.gen(function*() {
            let count = 0
            for (let n = 0; n < 5000; n++) count += yield* pool.run(() => Effect.succeed(1))
            return count
          }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(counts, [5000, 5000, 5000, 5000])
      const many = yield* pool.fanOut(range(20_000), (_, n) => Effect.succeed(n), { concurrency: 20_000 })
      assert.isTrue(many.every((exit, n) => Exit.isSuccess(exit) && exit.value === n))
    }))

  it.effect("that interrupt and run in the same moment, over and over, leave slots and counts in order", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 3 })
      yield* settle
      let begun = 0
      let ended = 0
      const job = () =>
        Effect.ensuring(
          Effect.andThen(Effect.sync(() => begun++), Effect.sleep(1)),
          Effect.sync(() => ended++)
        )
      for (let round = 0; round < 200; round++) {
        const one = yield* Effect.forkChild(pool.run(job), { startImmediately: true })
        const other = yield* Effect.forkChild(pool.run(job), { startImmediately: round % 2 === 0 })
        const third = yield* Effect.forkChild(Effect.race(pool.run(job), pool.run(job)))
        if (round % 3 === 0) yield* Effect.yieldNow
        yield* Fiber.interrupt(one)
        if (round % 5 === 0) yield* TestClock.adjust(1)
        yield* Fiber.interrupt(other)
        yield* Fiber.interrupt(third)
      }
      yield* settle
      assert.strictEqual(begun, ended)
      const { jobs, slots } = yield* pool.status
      assert.deepStrictEqual([slots.idle, jobs.queued, jobs.running], [3, 0, 0])
      assert.strictEqual(jobs.succeeded + jobs.cancelled + jobs.failed, jobs.succeeded + jobs.cancelled)
    }))

  it.effect("that look while jobs are answered see a pool in order", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const seen: Array<number> = []
      const look = Effect.map(pool.status, ({ jobs, slots }) => {
        seen.push(slots.idle + slots.busy + slots.errored)
        assert.isAtMost(jobs.running, slots.total)
      })
      yield* Effect.forEach(range(50), (n) =>
        Effect.andThen(
          Effect.exit(pool.run(() => Effect.andThen(look, n % 7 === 3 ? Effect.fail(new Net()) : look))),
          look
        ), {
        concurrency: 10
      })
      assert.isTrue(seen.every((count) => count === 2))
    }))
})

describe("what surrounds a pool", () => {
  it.effect("a logger that throws, or runs a job itself, does not harm it", () =>
    Effect.gen(function*() {
      const made: { pool?: SlotPool.SlotPool } = {}
      let logged = 0
      const logger = Logger.make<unknown, void>(() => {
        logged++
        if (made.pool !== undefined && logged < 20) Effect.runFork(made.pool.run(where))
        throw new Error("the logger")
      })
      yield* Effect.gen(function*() {
        const pool = yield* SlotPool.make({ slots: 2 })
        made.pool = pool
        yield* settle
        yield* Effect.exit(pool.run(() => Effect.die("defect")))
        assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
        yield* settle
        assert.strictEqual(yield* pool.scaleUp(), 3)
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 3 })
        assert.isAbove(logged, 0)
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Trace" as const)
      )
    }))

  it.effect("readers of events that never read, die, or close the pool do not hold it up", () =>
    Effect.gen(function*() {
      const { close, value: pool } = yield* own(
        SlotPool.make({ eventCapacity: 2, maxRestarts: Number.POSITIVE_INFINITY })
      )
      yield* settle
      const stuck = yield* fork(Stream.runForEach(pool.events, () => Effect.never))
      const dying = yield* fork(Stream.runForEach(pool.events, () => Effect.die(new Error("reader"))))
      const closing = yield* fork(
        Stream.runForEach(pool.events, (event) => event._tag === "SlotRestarted" ? close : Effect.void)
      )
      for (let round = 0; round < 5; round++) {
        yield* Effect.exit(pool.run(() => Effect.die("defect"), { assignTimeout: 0 }))
        yield* pool.checkAndRestartSlots
        yield* settle
      }
      yield* TestClock.adjust("10 seconds")
      assert.isDefined(dying.pollUnsafe())
      assert.isDefined(closing.pollUnsafe())
      assertReason(yield* Effect.exit(pool.run(where)), "PoolClosed")
      yield* Fiber.interrupt(stuck)
    }))

  it.effect("options that are changed after the pool was made change nothing", () =>
    Effect.gen(function*() {
      const configs = [{ name: "Ada" }, { name: "Bob" }]
      const options = { slots: 2, maxRestarts: 1, slotConfig: configs, supervisor: { enabled: false } }
      const make = SlotPool.make(options)
      options.slots = 7
      options.maxRestarts = 9
      options.supervisor.enabled = true
      const pool = yield* make
      yield* settle
      assert.deepInclude(pool.config, { maxRestarts: 1 })
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ name }) => name), ["Ada", "Bob"])
      assert.isTrue(Option.isNone(yield* pool.startSupervisor))
      yield* SlotPool.make(Object.freeze({ name: "frozen", slots: 1 }))
    }))

  it.effect("one effect that makes pools may be run many times, also at once: each is its own", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const make = on(store)(SlotPool.make({ slots: 2 }))
      const pools = yield* Effect.all(range(20).map(() => own(make)), { concurrency: "unbounded" })
      yield* settle
      const owned = yield* Effect.forEach(pools, ({ value }) => Effect.map(value.status, ({ slots }) => slots.idle))
      assert.strictEqual(owned.reduce((one, other) => one + other), 2)
      assert.strictEqual(new Set(pools.map(({ value }) => value.owner)).size, 20)
      // One after another dies; the slots always have one owner.
      for (const { close } of pools.slice(0, 19)) yield* close
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(slotsOf(yield* pools[19]!.value.status), { total: 2, idle: 2 })
    }))

  it.effect("a scope that is closed already closes the pool with it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const exit = yield* within(Effect.exit(Scope.provide(SlotPool.make(), scope)), "10 seconds")
      if (Exit.isSuccess(exit) && Exit.isSuccess(exit.value)) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(exit.value.value.run(where, { assignTimeout: 0 }))))
      }
    }))

  it.effect("being interrupted while it is made gives everything back", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      for (const operation of ["lease", "now", "list", "claim"] as const) {
        const store = yield* Pools.faulty(base)
        store.break(Pools.slow(1000), operation)
        const making = yield* fork(Effect.scoped(Effect.andThen(on(store)(SlotPool.make({ slots: 2 })), Effect.never)))
        yield* TestClock.adjust(500)
        const interrupting = yield* fork(Fiber.interrupt(making))
        yield* TestClock.adjust("5 seconds")
        assert.isDefined(interrupting.pollUnsafe(), operation)
        const next = yield* own(on(base)(SlotPool.make({ slots: 2 })))
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* next.value.status), { total: 2, idle: 2 }, operation)
        yield* next.close
      }
    }))

  it.effect("layers that are torn down while jobs run end them with PoolClosed", () =>
    Effect.gen(function*() {
      class Agents extends SlotPool.Service<Agents>()("agents", { slots: 2 }) {}
      const job = held("never")
      const got: Array<SlotPool.SlotPool> = []
      const program = Effect.gen(function*() {
        const pool = yield* Agents
        got.push(pool)
        yield* pool.submit(job.job, { id: "job" })
        yield* settle
      }).pipe(Effect.provide(Layer.fresh(Agents.layer)))
      yield* program
      assert.strictEqual(job.interrupted, 1)
      const exit = yield* Effect.exit(got[0]!.await("job"))
      assertReason(exit, "PoolClosed")
      assert.isTrue(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause))
    }))
})
