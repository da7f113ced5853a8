import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as SlotPool from "effect-supervisor/SlotPool"
import { layerMemory, makeMemory, SlotPoolStore } from "effect-supervisor/SlotPoolStore"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import { assertRefused, fork, Net, settle, stubborn, within } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"

const {
  assertReason,
  defectOf,
  held,
  inShort,
  jobsOf,
  on,
  own,
  recordOf,
  slotsOf,
  statesOf,
  told,
  watched,
  where,
  Workers
} = Pools

const died = () => Effect.die(new Error("out of order"))

class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
const Tenant = Context.Reference<string>("test/Tenant", { defaultValue: () => "nobody" })

describe("a job", () => {
  it.effect("has the services and references of its caller, whoever made the pool", () =>
    Effect.gen(function*() {
      const pool = yield* Effect.provideService(SlotPool.make(), Tenant, "the pool's")
      yield* settle
      const job = () => Effect.map(Effect.all([Db, Tenant]), ([db, tenant]) => `${db.name} ${tenant}`)
      const as = (name: string) => <A, E>(effect: Effect.Effect<A, E, Db>) =>
        Effect.provideService(Effect.provideService(effect, Db, { name }), Tenant, `tenant of ${name}`)
      assert.strictEqual(yield* as("one")(pool.run(job)), "one tenant of one")
      assert.strictEqual(yield* as("two")(pool.run(job)), "two tenant of two")
      const id = yield* as("three")(pool.submit(job))
      assert.strictEqual(yield* pool.await(id), "three tenant of three")
      assert.deepStrictEqual(yield* as("four")(pool.fanOut([1, 2], job)), [
        Exit.succeed("four tenant of four"),
        Exit.succeed("four tenant of four")
      ])
    }))

  it.effect("logs with the annotations of its caller", () =>
    Effect.gen(function*() {
      const { lines, provide } = Pools.logging()
      const pool = yield* SlotPool.make()
      yield* settle
      yield* provide(Effect.annotateLogs(pool.run(() => Effect.logInfo("at work")), { request: "r-1" }))
      assert.deepStrictEqual(lines.map(({ annotations, text }) => [text, annotations["request"]]), [["at work", "r-1"]])
    }))

  it.effect("is part of its caller's span when it is run, and of none when it is submitted", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const parent = Effect.map(Effect.option(Effect.currentParentSpan), Option.map(({ spanId }) => spanId))
      yield* Effect.withSpan(
        Effect.gen(function*() {
          const own = yield* Effect.currentSpan
          assert.deepStrictEqual(yield* pool.run(() => parent), Option.some(own.spanId))
          const id = yield* pool.submit(() => parent)
          assert.deepStrictEqual(yield* pool.await(id), Option.none())
        }),
        "caller"
      )
    }))

  it.effect("knows its id, its slot and what the slot is", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slotConfig: [{ name: "Ada", role: "writer", description: "writes" }] })
      yield* settle
      const id = yield* pool.submit((_, job) => Effect.succeed([job.id, job.slot] as const), { id: "job-1" })
      assert.deepStrictEqual(yield* pool.await(id), [
        "job-1",
        {
          slot: "slot-0",
          name: "Ada",
          role: "writer",
          description: "writes",
          config: { name: "Ada", role: "writer", description: "writes" },
          session: undefined,
          restarts: 0
        }
      ])
      yield* Effect.exit(pool.run(died))
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.strictEqual(yield* pool.run((_, { slot }) => Effect.succeed(slot.restarts)), 1)
    }))

  it.effect("knows the run that it is part of: the slot's, by its path", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ name: "agents" })
      yield* settle
      const current = yield* pool.run(() => Supervisor.current)
      assert(current !== undefined)
      const { attempt, generation, path, task } = current
      assert.deepStrictEqual({ attempt, generation, path, task }, {
        task: "slot-0",
        path: "agents/slot-0",
        generation: 1,
        attempt: 0
      })
      assert.strictEqual(current.supervisor, pool.supervisor)
      yield* Effect.exit(pool.run(died))
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.strictEqual((yield* pool.run(() => Supervisor.current))?.generation, 2)
    }))

  it.effect("takes what it forks along when it ends, and its caller's scope is its caller's", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const log: Array<string> = []
      yield* Effect.scoped(Effect.gen(function*() {
        yield* pool.run(() =>
          Effect.gen(function*() {
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push("caller's scope")))
            yield* Effect.forkChild(
              Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("child"))),
              { startImmediately: true }
            )
          })
        )
        log.push("job ended")
        yield* settle
      }))
      assert.deepStrictEqual(log, ["child", "job ended", "caller's scope"])
    }))

  it.effect("may run jobs itself; on a pool that has no other slot they find none in time", () =>
    Effect.gen(function*() {
      const two = yield* SlotPool.make({ name: "two", slots: 2 })
      const one = yield* SlotPool.make({ name: "one", assignTimeout: "1 second" })
      yield* settle
      const outer = yield* two.run((_, { slot }) => Effect.map(two.run(where), (inner) => [slot.slot, inner]))
      assert.sameMembers(outer, ["slot-0", "slot-1"])
      const crossed = yield* one.run((_, { slot }) => Effect.map(two.run(where), (inner) => [slot.slot, inner]))
      assert.strictEqual(crossed[0], "slot-0")
      const exit = yield* within(one.run(() => one.run(where)), "1 second")
      assertReason(exit, "NoSlotAvailable")
      assert.deepStrictEqual(slotsOf(yield* one.status), { total: 1, idle: 1 })
    }))

  it.effect("may hand jobs in, cancel itself, and wait for others", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const next = yield* pool.run(() => pool.submit(where))
      assert.strictEqual(yield* pool.await(next), "slot-0")
      const self = yield* pool.submit((_, { id }) => Effect.andThen(pool.cancel(id), Effect.succeed("not reached")))
      const exit = yield* within(pool.await(self), "10 seconds")
      assertReason(exit, "JobCancelled")
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("that is submitted goes on when whoever submitted it is gone", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      const submitter = yield* fork(Effect.andThen(pool.submit(job.job, { id: "job" }), Effect.never))
      yield* Fiber.interrupt(submitter)
      assert.strictEqual(job.on.length, 1)
      const awaiting = yield* fork(pool.await("job"))
      yield* Fiber.interrupt(awaiting)
      assert.strictEqual(job.on.length, 1)
      yield* job.release
      assert.strictEqual(yield* pool.await("job"), "done")
    }))

  it.effect("is forgotten at its end with keepJobs of 0, but those who wait get its result", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ keepJobs: 0 })
      yield* settle
      const job = held("done")
      const id = yield* pool.submit(job.job)
      const awaiting = yield* fork(pool.await(id))
      assert.strictEqual((yield* pool.list()).length, 1)
      yield* job.release
      assert.strictEqual(yield* Fiber.join(awaiting), "done")
      assert.deepStrictEqual(yield* pool.list(), [])
      assertReason(yield* Effect.exit(pool.result(id)), "JobNotFound")
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1 })
    }))

  it.effect("of run is in no list: it is its caller's alone", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      yield* fork(pool.run(job.job))
      assert.deepStrictEqual(yield* pool.list(), [])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 1 })
      const { job: id } = yield* recordOf(pool)
      assertReason(yield* Effect.exit(pool.cancel(id!)), "JobNotFound")
      yield* job.release
    }))

  it.effect("that fails with a PoolError of its own gives it to its caller", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ name: "one" })
      const other = yield* SlotPool.make({ name: "other" })
      yield* settle
      const error = yield* Effect.flip(pool.run(() => other.cancel("no-such")))
      assert.deepStrictEqual([error.pool, error.reason._tag], ["other", "JobNotFound"])
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))
})

describe("a caller that is interrupted leaves no trace", () => {
  it.effect("while its job waits for a slot", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const blocking = held("done")
      yield* fork(pool.run(blocking.job))
      const job = held("never")
      const caller = yield* fork(pool.run(job.job))
      assert.deepStrictEqual(jobsOf(yield* pool.status), { queued: 1, running: 1 })
      yield* Fiber.interrupt(caller)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 1, cancelled: 1 })
      yield* blocking.release
      assert.deepStrictEqual(job.begun, [])
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("while its job is being assigned", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      store.break(Pools.slow(1000), "put")
      const job = held("never")
      const caller = yield* fork(pool.run(job.job))
      yield* TestClock.adjust(500)
      const interrupting = yield* fork(Fiber.interrupt(caller))
      yield* TestClock.adjust("3 seconds")
      assert.isDefined(interrupting.pollUnsafe())
      assert.deepStrictEqual(job.begun, [])
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 1 })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", completed: 0 })
      store.mend()
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))

  it.effect("while its job runs: the job is interrupted, and has ended when the caller has", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      let cleaned = false
      const caller = yield* fork(
        pool.run(() =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.andThen(
              Effect.sleep("1 second"),
              Effect.sync(() => {
                cleaned = true
              })
            ))
        )
      )
      const interrupting = yield* fork(Fiber.interrupt(caller))
      yield* TestClock.adjust(999)
      assert.isUndefined(interrupting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(interrupting.pollUnsafe())
      assert.isTrue(cleaned)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
      assert.notProperty(yield* recordOf(pool), "job")
    }))

  it.effect("while its job cannot be interrupted: it waits for stopTimeout, and the slot pays", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const pool = yield* SlotPool.make({ stopTimeout: "2 seconds" })
      yield* settle
      const caller = yield* fork(pool.run(() => body))
      const interrupting = yield* fork(Fiber.interrupt(caller))
      yield* TestClock.adjust(1999)
      assert.isUndefined(interrupting.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(interrupting.pollUnsafe())
      assert.deepStrictEqual(yield* statesOf(pool), ["Errored"])
      yield* release
      yield* settle
    }))

  it.effect("with a timeout of its own around it, and whole groups at once", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("never")
      const exits = yield* within(
        Effect.all(
          Array.from({ length: 20 }, () => Effect.exit(Effect.timeout(pool.run(job.job), "3 seconds"))),
          { concurrency: "unbounded" }
        ),
        "3 seconds"
      )
      assert(Exit.isSuccess(exits))
      assert.isTrue(exits.value.every(Exit.isFailure))
      // A slot that comes free takes the next one, whose time is over too.
      assert.strictEqual(job.interrupted, job.begun.length)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 20 })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("before the pool has been asked at all", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      yield* Effect.exit(Effect.andThen(Effect.interrupt, pool.run(where)))
      assert.deepStrictEqual(jobsOf(yield* pool.status), {})
    }))
})

describe("cancel", () => {
  it.effect("of a job that is being assigned: it does not begin, and the slot is free", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      store.break(Pools.slow(1000), "put")
      const job = held("never")
      const id = yield* pool.submit(job.job)
      yield* TestClock.adjust(500)
      assert.strictEqual((yield* pool.list())[0]!.state, "Running")
      const cancelling = yield* fork(pool.cancel(id))
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(cancelling.pollUnsafe())
      assert.deepStrictEqual(job.begun, [])
      store.mend()
      assertReason(yield* Effect.exit(pool.await(id)), "JobCancelled")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))

  it.effect("of a job that is being assigned to a slot that turns out not to be had", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      yield* Pools.rewrite(store.base, "pool", "slot-0", (record) => ({ ...record, state: "Stopped" }))
      store.break(Pools.slow(1000), "put")
      const id = yield* pool.submit(where)
      yield* TestClock.adjust(500)
      const cancelling = yield* fork(pool.cancel(id))
      yield* TestClock.adjust("2 seconds")
      store.mend()
      assert.isDefined(cancelling.pollUnsafe())
      assertReason(yield* Effect.exit(pool.await(id)), "JobCancelled")
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 1 })
    }))

  it.effect("of a job whose end is being written changes nothing any more", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      const job = held("done")
      const id = yield* pool.submit(job.job)
      yield* settle
      store.break(Pools.slow(1000), "put")
      yield* job.release
      const cancelling = yield* fork(pool.cancel(id))
      yield* TestClock.adjust("1 second")
      assert.isDefined(cancelling.pollUnsafe())
      store.mend()
      assert.strictEqual(yield* pool.await(id), "done")
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1 })
      assert.strictEqual((yield* recordOf(pool)).completed, 1)
    }))

  it.effect("of the next job while the end of the one before is being written takes that one alone", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      const first = held("first")
      const second = held("second")
      const one = yield* pool.submit(first.job)
      yield* settle
      const two = yield* pool.submit(second.job)
      const three = yield* pool.submit(where)
      store.break(Pools.slow(1000), "put")
      yield* first.release
      const cancelling = yield* fork(pool.cancel(two))
      yield* TestClock.adjust("10 seconds")
      store.mend()
      assert.isDefined(cancelling.pollUnsafe())
      assert.strictEqual(yield* pool.await(one), "first")
      assertReason(yield* Effect.exit(pool.await(two)), "JobCancelled")
      assert.strictEqual(yield* pool.await(three), "slot-0")
      assert.deepStrictEqual(second.begun, [])
      assert.strictEqual((yield* recordOf(pool)).completed, 2)
    }))

  it.effect("that is interrupted itself has cancelled all the same", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const id = yield* pool.submit(() => Effect.onInterrupt(Effect.never, () => Effect.sleep("1 second")))
      yield* settle
      const cancelling = yield* fork(pool.cancel(id))
      yield* Fiber.interrupt(cancelling)
      yield* TestClock.adjust("1 second")
      assertReason(yield* Effect.exit(pool.await(id)), "JobCancelled")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))

  it.effect("of many jobs at once, from the front and from the back, leaves the rest in order", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const blocking = held("done")
      yield* fork(pool.run(blocking.job))
      const order: Array<number> = []
      const ids: Array<string> = []
      for (let n = 0; n < 100; n++) ids.push(yield* pool.submit(() => Effect.sync(() => void order.push(n))))
      const some = ids.filter((_, n) => n % 3 !== 0)
      yield* Effect.forEach(some, (id) => pool.cancel(id), { concurrency: "unbounded", discard: true })
      yield* blocking.release
      assert.deepStrictEqual(order, Array.from({ length: 34 }, (_, n) => n * 3))
      assert.deepInclude(jobsOf(yield* pool.status), { cancelled: 66, succeeded: 35 })
    }))
})

describe("fanOut", () => {
  it.effect("of nothing gives nothing, also while the pool is drained", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      assert.deepStrictEqual(yield* pool.fanOut([], () => Effect.void), [])
      yield* pool.drain()
      assert.deepStrictEqual(yield* pool.fanOut(new Set<number>(), () => Effect.void), [])
    }))

  it.effect("runs as many at once as asked, and as there are slots by itself", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 4 })
      yield* settle
      const most = (concurrency?: number) =>
        Effect.gen(function*() {
          let running = 0
          let most = 0
          let queued = 0
          const all = yield* fork(pool.fanOut(
            Array.from({ length: 12 }, (_, n) => n),
            () =>
              Effect.gen(function*() {
                most = Math.max(most, ++running)
                queued = Math.max(queued, (yield* pool.status).jobs.queued)
                yield* Effect.sleep("1 second")
                running--
              }),
            concurrency === undefined ? {} : { concurrency }
          ))
          yield* TestClock.adjust("20 seconds")
          yield* Fiber.join(all)
          return [most, queued]
        })
      assert.deepStrictEqual(yield* most(), [4, 0])
      assert.deepStrictEqual(yield* most(1), [1, 0])
      assert.deepStrictEqual(yield* most(3), [3, 0])
      assert.deepStrictEqual(yield* most(10), [4, 6])
    }))

  it.effect("takes any iterable, once, and gives each job its input, its worker and its context", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const pool = yield* SlotPool.make({ slots: 2, acquire: workers.acquire })
      yield* settle
      let pulled = 0
      function* inputs() {
        for (let n = 0; n < 5; n++) {
          pulled++
          yield `input ${n}`
        }
      }
      const results = yield* pool.fanOut(
        inputs(),
        (worker, input, { slot }) => Effect.succeed(`${input} ${worker.slot === slot.slot}`)
      )
      assert.deepStrictEqual(results, Array.from({ length: 5 }, (_, n) => Exit.succeed(`input ${n} true`)))
      assert.strictEqual(pulled, 5)
    }))

  it.effect("that is interrupted takes all of its jobs along: those that run, those that wait, those to come", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("never")
      const all = yield* fork(
        pool.fanOut(Array.from({ length: 10 }), (_, __, context) => job.job(_, context), { concurrency: 5 })
      )
      assert.deepStrictEqual(jobsOf(yield* pool.status), { running: 2, queued: 3 })
      yield* Fiber.interrupt(all)
      yield* settle
      assert.strictEqual(job.interrupted, 2)
      assert.strictEqual(job.begun.length, 2)
      assert.deepStrictEqual(jobsOf(yield* pool.status), { cancelled: 5 })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("passes its options to each job", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2, maxRestarts: 0 })
      yield* settle
      const all = yield* fork(pool.fanOut([1, 2, 3], () => Effect.never, {
        timeout: "1 second",
        assignTimeout: "2 seconds",
        concurrency: 3
      }))
      yield* TestClock.adjust("2 seconds")
      const tags = (yield* Fiber.join(all)).map((exit) => Pools.reasonOf(exit)._tag)
      assert.deepStrictEqual(tags, ["JobTimedOut", "JobTimedOut", "NoSlotAvailable"])
    }))

  it.effect("goes on over slots that go into error, as they come back", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 2,
        maxRestarts: Number.POSITIVE_INFINITY,
        supervisor: { enabled: true, interval: "1 second" }
      })
      yield* settle
      const all = yield* fork(
        pool.fanOut(Array.from({ length: 20 }, (_, n) => n), (_, n) => n % 2 === 0 ? died() : Effect.succeed(n))
      )
      yield* TestClock.adjust("30 seconds")
      const results = yield* Fiber.join(all)
      assert.deepStrictEqual(results.map(Exit.isSuccess), Array.from({ length: 20 }, (_, n) => n % 2 === 1))
    }))
})

describe("drain", () => {
  it.effect("does what was handed in before, the queue too, in order", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const blocking = held("done")
      yield* fork(pool.run(blocking.job))
      const order: Array<number> = []
      for (let n = 0; n < 10; n++) yield* pool.submit(() => Effect.sync(() => void order.push(n)))
      const draining = yield* fork(pool.drain())
      assert.isUndefined(draining.pollUnsafe())
      yield* blocking.release
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.deepInclude(yield* Fiber.join(draining), { slots: 1, succeeded: 11, gaveUpOn: [] })
    }))

  it.effect("again, or at the same time, waits for the first one and gives the same report", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make({ slots: 2 }))
      const job = held("done")
      yield* fork(pool.run(job.job))
      const one = yield* fork(pool.drain({ timeout: "1 minute" }))
      const other = yield* fork(pool.drain({ timeout: "1 second" }))
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(other.pollUnsafe(), "the timeout of the first one counts")
      yield* job.release
      const report = yield* Fiber.join(one)
      assert.deepStrictEqual(yield* Fiber.join(other), report)
      assert.deepStrictEqual(yield* pool.drain(), report)
      assert.strictEqual(told(events, "PoolDraining").length, 1)
      assert.strictEqual(told(events, "PoolDrained").length, 1)
      assert.deepStrictEqual(told(events, "SlotStopped").map(({ slot }) => slot).sort(), ["slot-0", "slot-1"])
    }))

  it.effect("goes on when whoever asked for it is interrupted", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      yield* fork(pool.run(job.job))
      const draining = yield* fork(pool.drain())
      yield* Fiber.interrupt(draining)
      assert.isTrue((yield* pool.status).draining)
      assertReason(yield* Effect.exit(pool.run(where)), "PoolDraining")
      yield* job.release
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped"])
    }))

  it.effect("without bound waits for as long as it takes", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ lease: "1 day" })
      yield* settle
      const job = held("done")
      yield* fork(pool.run(job.job))
      const draining = yield* fork(pool.drain({ timeout: "infinity" }))
      yield* TestClock.adjust("10 days")
      assert.isUndefined(draining.pollUnsafe())
      yield* job.release
      assert.deepInclude(yield* Fiber.join(draining), { succeeded: 1, gaveUpOn: [] })
    }))

  it.effect("with a timeout of 0 cancels everything at once", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("never")
      yield* pool.submit(job.job)
      yield* settle
      yield* pool.submit(job.job)
      const exit = yield* within(pool.drain({ timeout: 0 }), 0)
      assert(Exit.isSuccess(exit))
      assert.strictEqual(exit.value.gaveUpOn.length, 2)
      assert.strictEqual(job.interrupted, 1)
    }))

  it.effect("gives up on a job that waits for one that waits: it counts for nothing, though it could go on by that", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      yield* pool.submit(() => Effect.andThen(Effect.sleep(1), Effect.exit(pool.await("waits"))), { id: "runs" })
      yield* settle
      yield* pool.submit(where, { id: "waits" })
      yield* TestClock.adjust(1)
      const draining = yield* fork(pool.drain({ timeout: "1 second" }))
      yield* TestClock.adjust("1 second")
      const report = yield* Fiber.join(draining)
      assert.sameMembers(report.gaveUpOn.map(({ job }) => job), ["runs", "waits"])
      assert.deepStrictEqual((yield* pool.list()).map(({ state }) => state), ["Cancelled", "Cancelled"])
      assert.deepInclude(report, { succeeded: 0, failed: 0 })
      assert.deepInclude(yield* recordOf(pool), { state: "Stopped", completed: 0 })
    }))

  it.effect("stops slots in error, idle ones, and ones whose worker is still being acquired", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.before.push(Effect.void, Effect.void, Effect.never)
      const pool = yield* SlotPool.make({ slots: 3, acquire: workers.acquire, watch: workers.watch })
      yield* settle
      yield* workers.die("slot-1")
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Errored", "Idle"])
      const report = yield* pool.drain()
      assert.deepInclude(report, { slots: 3, unstoppable: [] })
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped", "Stopped"])
      assert.deepStrictEqual(workers.log, [
        "slot-0#1 acquired",
        "slot-1#1 acquired",
        "slot-1#1 released",
        "slot-0#1 released"
      ])
      assert.notProperty(yield* recordOf(pool, "slot-1"), "error")
    }))

  it.effect("waits for workers to be released, within stopTimeout", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.onRelease = Effect.sleep("3 seconds")
      const pool = yield* SlotPool.make({ slots: 2, acquire: workers.acquire })
      yield* settle
      const draining = yield* fork(pool.drain())
      yield* TestClock.adjust(2999)
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* Fiber.join(draining), { slots: 2, unstoppable: [] })
    }))

  it.effect("counts the slots that are its own, not those of others", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 60_000 }, {}, {})
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      assert.strictEqual((yield* pool.drain()).slots, 1)
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle", "Idle", "Stopped"])
      // Drained for good: what comes free later is not served.
      yield* TestClock.adjust("2 minutes")
      assertReason(yield* Effect.exit(pool.run(where)), "PoolDraining")
    }))

  it.effect("does not put back what goes into error meanwhile, and still ends", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const pool = yield* SlotPool.make({
        slots: 2,
        acquire: workers.acquire,
        watch: workers.watch,
        supervisor: { enabled: true, interval: "1 second" }
      })
      yield* settle
      const job = held("done")
      yield* fork(Effect.exit(pool.fanOut([1, 2], (_, __, context) => job.job(_, context))))
      const draining = yield* fork(pool.drain())
      yield* workers.die("slot-1")
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(draining.pollUnsafe())
      assert.strictEqual((yield* recordOf(pool, "slot-1")).state, "Errored")
      yield* job.release
      assert.deepInclude(yield* Fiber.join(draining), { slots: 2, succeeded: 1 })
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
      assert.strictEqual(workers.countOf("slot-1"), 1)
    }))

  it.effect("with a store that fails ends all the same, and is written when the store is back", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      store.break("fail")
      const report = yield* pool.drain()
      assert.deepInclude(report, { slots: 2, unstoppable: [] })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, stopped: 2 })
      store.mend()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Stopped"])
      assert.isUndefined((yield* pool.status).degraded)
    }))

  it.effect("keeps the slots as long as the pool is open; whoever stands by gets them when it is closed", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const first = yield* own(on(store)(SlotPool.make({ slots: 2 })))
      const second = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      yield* first.value.drain()
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(slotsOf(yield* second.status), { total: 2, foreign: 2 })
      yield* first.close
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(slotsOf(yield* second.status), { total: 2, idle: 2 })
    }))

  it.effect("of a pool that has lost its slots stops those that it gets back, and leaves others' alone", () =>
    Effect.gen(function*() {
      const base = yield* makeMemory
      const store = yield* Pools.faulty(base)
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      store.break("fail")
      yield* TestClock.adjust("31 seconds")
      yield* base.lease("other", 1_000_000)
      yield* Effect.flatMap(
        Effect.flatMap(base.get("pool", "slot-1"), Effect.fromOption),
        (record) => base.claim({ ...record, owner: "other" })
      )
      assert.strictEqual((yield* pool.drain()).slots, 0)
      store.mend()
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* statesOf(pool), ["Stopped", "Idle"])
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, stopped: 1, foreign: 1 })
    }).pipe(Effect.orDie))

  it.effect("of a pool that is closed has nothing to do, and asks the store for nothing; neither does a pass", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const { close, value: pool } = yield* own(on(store)(SlotPool.make()))
      yield* settle
      yield* close
      const asked = store.asked.length
      const exit = yield* within(pool.drain(), "1 minute")
      assert(Exit.isSuccess(exit))
      assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
      assert.strictEqual(store.asked.length, asked)
    }))

  it.effect("that the pool is closed in the midst of ends, and its jobs are lost", () =>
    Effect.gen(function*() {
      const { close, value: pool } = yield* own(SlotPool.make())
      yield* settle
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      const draining = yield* fork(Effect.exit(pool.drain()))
      yield* close
      yield* settle
      assertReason(yield* Fiber.join(running), "PoolClosed")
      assert.isDefined(draining.pollUnsafe())
      assert.strictEqual(job.interrupted, 1)
    }))
})

describe("scaling", () => {
  it.effect("takes slots in error first, then idle ones, the newest first; busy ones finish their job", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { events, pool } = yield* watched(
        SlotPool.make({ slots: 6, acquire: workers.acquire, watch: workers.watch })
      )
      yield* workers.die("slot-1")
      const job = held("done")
      // Five jobs on five slots; then two are let go.
      const first = yield* fork(pool.fanOut([1, 2, 3, 4, 5], (_, __, context) => job.job(_, context)))
      assert.sameMembers([...job.on], ["slot-0", "slot-2", "slot-3", "slot-4", "slot-5"])
      yield* job.release
      yield* Fiber.join(first)
      const busy = held("done")
      const running = yield* Effect.forEach([1, 2], () => fork(pool.run(busy.job)))
      const idle = ["slot-0", "slot-2", "slot-3", "slot-4", "slot-5"].filter((slot) => !busy.on.includes(slot))
      const newestFirst = idle.toReversed()
      assert.strictEqual(yield* pool.scaleDown(), 5)
      assert.strictEqual(yield* pool.scaleDown(2), 3)
      yield* settle
      assert.deepStrictEqual(told(events, "SlotRemoved").map(({ slot }) => slot), [
        "slot-1",
        ...newestFirst.slice(0, 2)
      ])
      const last = yield* fork(pool.scaleDown(2))
      assert.isUndefined(last.pollUnsafe())
      assert.strictEqual(busy.interrupted, 0)
      assert.strictEqual((yield* pool.status).slots.idle, 0)
      yield* busy.release
      assert.strictEqual(yield* Fiber.join(last), 1)
      for (const fiber of running) assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.strictEqual((yield* pool.findSlots()).length, 1)
      assert.strictEqual(workers.log.filter((line) => line.endsWith("released")).length, 5)
    }))

  it.effect("gives a slot that is to go no new work", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("done")
      yield* fork(pool.fanOut([1, 2], (_, __, context) => job.job(_, context)))
      const down = yield* fork(pool.scaleDown())
      const order: Array<string> = []
      for (let n = 0; n < 6; n++) yield* pool.submit((_, { slot }) => Effect.sync(() => void order.push(slot.slot)))
      yield* job.release
      assert.strictEqual(yield* Fiber.join(down), 1)
      yield* settle
      assert.deepStrictEqual(new Set(order).size, 1)
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ slot }) => slot), [order[0]])
    }))

  it.effect("takes slots of others first, which cost nobody anything", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 60_000 }, { completed: 5 })
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      yield* pool.run(where)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 2, foreign: 1 })
      assert.strictEqual((yield* pool.status).completed, 6, "on all the slots that are here")
      assert.strictEqual(yield* pool.scaleDown(), 2)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("tells of every slot that comes and goes", () =>
    Effect.gen(function*() {
      const { events, pool } = yield* watched(SlotPool.make())
      yield* pool.scaleUp(2)
      yield* settle
      yield* pool.scaleDown(2)
      yield* settle
      assert.deepStrictEqual(inShort(events).filter((event) => /Added|Removed/.test(event)), [
        "SlotAdded slot-1",
        "SlotAdded slot-2",
        "SlotRemoved slot-2",
        "SlotRemoved slot-1"
      ])
    }))

  it.effect("gives added slots their config, and their numbers anew when they were taken away", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const pool = yield* on(store)(SlotPool.make({ slotConfig: (index) => ({ name: `agent ${index}` }) }))
      yield* settle
      yield* pool.scaleUp(2)
      yield* settle
      yield* pool.fanOut([1, 2, 3], (_, n, { setSession }) => Effect.andThen(Effect.yieldNow, setSession(n)))
      assert.deepStrictEqual((yield* pool.findSlots()).map(({ name }) => name), ["agent 0", "agent 1", "agent 2"])
      yield* pool.scaleDown(2)
      yield* pool.scaleUp()
      yield* settle
      const added = yield* recordOf(pool, "slot-1")
      assert.deepInclude(added, { name: "agent 1", completed: 0, restarts: 0, version: 1 })
      assert.notProperty(added, "session")
      assert.strictEqual((yield* store.list("pool")).records.length, 2)
    }))

  it.effect("serves those who wait with what is added", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const job = held("done")
      yield* fork(pool.fanOut([1, 2, 3], (_, __, context) => job.job(_, context), { concurrency: 3 }))
      assert.strictEqual(job.on.length, 1)
      yield* pool.scaleUp(2)
      yield* settle
      assert.strictEqual(job.on.length, 3)
      yield* job.release
    }))

  it.effect("at the same time is done one after another, and keeps the bounds", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      store.break(Pools.slow(100))
      const ups = yield* Effect.forEach([1, 2, 3], () => fork(Effect.exit(pool.scaleUp(7))))
      yield* TestClock.adjust("5 seconds")
      const counts = yield* Effect.forEach(ups, Fiber.join)
      assert.deepStrictEqual(counts.slice(0, 2), [Exit.succeed(8), Exit.succeed(15)])
      assert.strictEqual(assertReason(counts[2]!, "SlotsOutOfRange").slots, 22)
      const targets = yield* Effect.forEach([4, 4, 6, 2], (target) => fork(pool.setTargetSlots(target)))
      yield* TestClock.adjust("10 seconds")
      store.mend()
      assert.deepStrictEqual(yield* Effect.forEach(targets, Fiber.join), [4, 4, 6, 2])
      yield* settle
      assert.strictEqual((yield* pool.status).slots.total, 2)
      assert.strictEqual((yield* pool.findSlots()).length, 2)
    }))

  it.effect("down goes on when whoever asked for it is interrupted", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 2 })
      yield* settle
      const job = held("done")
      yield* fork(pool.fanOut([1, 2], (_, __, context) => job.job(_, context)))
      const down = yield* fork(pool.scaleDown())
      yield* Fiber.interrupt(down)
      yield* job.release
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
      assert.strictEqual((yield* pool.findSlots()).length, 1)
      assert.strictEqual(yield* pool.scaleUp(), 2)
      yield* settle
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("up with a store that fails is StoreUnavailable, and the count unchanged", () =>
    Effect.gen(function*() {
      for (const operation of ["list", "claim"] as const) {
        const store = yield* Pools.faulty()
        const { events, pool } = yield* watched(on(store)(SlotPool.make({ name: operation })))
        store.break("fail", operation)
        const reason = assertReason(yield* Effect.exit(pool.scaleUp(2)), "StoreUnavailable")
        assert.strictEqual(reason.operation, operation)
        assert.strictEqual((yield* pool.status).slots.total, 1)
        assert.deepStrictEqual(inShort(events).filter((event) => /Added|Removed/.test(event)), [])
        store.mend()
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* pool.scaleUp(2), 3)
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 3 })
      }
    }))

  it.effect("down with a store that fails is done here, and there when it is back", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 3 }))
      yield* settle
      store.break("fail")
      assert.strictEqual(yield* pool.scaleDown(2), 1)
      assert.strictEqual((yield* pool.status).slots.total, 1)
      store.mend()
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* pool.findSlots()).length, 1)
      assert.isUndefined((yield* pool.status).degraded)
    }))

  it.effect("up takes over what another pool has left, and waits for what it has", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      yield* Pools.ghost(store, { pool: "pool", lease: 15_000 }, {}, { completed: 3 }, { completed: 5 })
      const pool = yield* on(store)(SlotPool.make({ slots: { min: 1, max: 3 } }))
      // With a range it takes up what there is.
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, foreign: 3 })
      assert.strictEqual(yield* pool.scaleDown(2), 1)
      assert.strictEqual((yield* store.list("pool")).records.length, 3, "the records of others are not deleted")
      assert.strictEqual(yield* pool.scaleUp(), 2)
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
    }))

  it.effect("refuses a count that is none", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      for (const count of [0, -1, 1.5, Number.NaN]) {
        for (const scale of [pool.scaleUp, pool.scaleDown]) {
          const defect = defectOf(yield* Effect.exit(scale(count))) as Error
          assert.instanceOf(defect, RangeError)
          assert.include(defect.message, String(count))
        }
      }
      for (const count of [Number.NaN, Number.POSITIVE_INFINITY]) {
        assertReason(yield* Effect.exit(pool.setTargetSlots(count)), "SlotsOutOfRange")
      }
      assert.strictEqual((yield* pool.status).slots.total, 1)
    }))

  it.effect("with a config that does not fit leaves the count as it was", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slotConfig: (index) => {
          if (index === 2) throw new Error("no such slot")
          return { name: `agent ${index}` }
        }
      })
      yield* settle
      defectOf(yield* Effect.exit(pool.scaleUp(2)))
      assert.strictEqual((yield* pool.status).slots.total, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* pool.findSlots()).length, 1)
      assert.strictEqual(yield* pool.scaleUp(), 2)
    }))
})

describe("a worker", () => {
  it.effect("is acquired in a scope of its slot's run: finalizers in reverse order, before the next one is acquired", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      let made = 0
      const acquire = () =>
        Effect.gen(function*() {
          const number = ++made
          const step = (what: string) => Effect.sync(() => void log.push(`${what} ${number}`))
          yield* Effect.acquireRelease(step("open socket"), () => step("close socket"))
          yield* Effect.forkScoped(Effect.onInterrupt(Effect.never, () => step("reader stops")), {
            startImmediately: true
          })
          yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep("1 second"), step("say goodbye")))
          yield* step("ready")
          return number
        })
      const { close, value: pool } = yield* own(SlotPool.make({ acquire }))
      yield* settle
      const job = yield* fork(
        Effect.exit(pool.run((worker) =>
          Effect.ensuring(
            Effect.die(new Error("defect")),
            Effect.sync(() => void log.push(`job ends on ${worker}`))
          )
        ))
      )
      // The job is answered before its worker has been released.
      assert.isDefined(job.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      const closing = yield* fork(close)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(log, [
        "open socket 1",
        "ready 1",
        "job ends on 1",
        "say goodbye 1",
        "reader stops 1",
        "close socket 1",
        "open socket 2",
        "ready 2",
        "say goodbye 2",
        "reader stops 2",
        "close socket 2"
      ])
    }))

  it.effect("is acquired, watched and probed with the services of whoever made the pool", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const see = (what: string) =>
        Effect.map(Effect.all([Db, Tenant]), ([db, tenant]) => void seen.push(`${what} ${db.name} ${tenant}`))
      const pool = yield* SlotPool.make({
        acquire: () => see("acquire"),
        watch: () => Effect.andThen(see("watch"), Effect.never),
        probe: () => see("probe"),
        probing: { schedule: Schedule.spaced("1 minute") }
      }).pipe(Effect.provideService(Db, { name: "main" }), Effect.provideService(Tenant, "maker"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(new Set(seen), new Set(["acquire main maker", "watch main maker", "probe main maker"]))
      yield* Effect.provideService(Effect.exit(pool.run(died)), Tenant, "caller")
      yield* Effect.provideService(pool.checkAndRestartSlots, Tenant, "health")
      yield* settle
      assert.isFalse(seen.some((line) => line.endsWith("caller") || line.endsWith("health")))
    }))

  it.effect("sees its slot as it is when it is acquired", () =>
    Effect.gen(function*() {
      const seen: Array<readonly [string, string, number, unknown]> = []
      const pool = yield* SlotPool.make({
        slots: 2,
        slotConfig: [{ name: "Ada" }],
        acquire: ({ name, restarts, session, slot }) =>
          Effect.sync(() => void seen.push([slot, name, restarts, session]))
      })
      yield* settle
      yield* pool.fanOut([1, 2], (_, n, { setSession }) => Effect.andThen(Effect.yieldNow, setSession(n)))
      yield* pool.fanOut([1, 2], died)
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.sameDeepMembers(seen, [
        ["slot-0", "Ada", 0, undefined],
        ["slot-1", "slot-1", 0, undefined],
        ["slot-0", "Ada", 1, undefined],
        ["slot-1", "slot-1", 1, undefined]
      ])
    }))

  it.effect("finds the session that is in the store when it is acquired by the next pool", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const seen: Array<unknown> = []
      const make = on(store)(SlotPool.make({ acquire: ({ session }) => Effect.sync(() => void seen.push(session)) }))
      const first = yield* own(make)
      yield* settle
      yield* first.value.run((_, { setSession }) => setSession({ thread: 7 }))
      yield* first.close
      yield* make
      yield* settle
      assert.deepStrictEqual(seen, [undefined, { thread: 7 }])
    }))

  it.effect("has no job before it is there, and its slot is Idle meanwhile", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.before.push(Effect.sleep("10 seconds"))
      const pool = yield* SlotPool.make({ acquire: workers.acquire })
      const running = yield* fork(pool.run((worker) => Effect.succeed(worker.number)))
      yield* TestClock.adjust(9999)
      assert.deepStrictEqual([slotsOf(yield* pool.status), jobsOf(yield* pool.status)], [
        { total: 1, idle: 1 },
        { queued: 1 }
      ])
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(running), 1)
    }))

  it.effect("that dies while a job is being assigned to it does not get the job; the next one does", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const pool = yield* on(store)(SlotPool.make({ acquire: workers.acquire, watch: workers.watch }))
      yield* settle
      store.break(Pools.slow(1000), "put")
      const seen: Array<number> = []
      const running = yield* fork(pool.run((worker) => Effect.sync(() => void seen.push(worker.number))))
      yield* TestClock.adjust(500)
      yield* workers.die("slot-0")
      yield* TestClock.adjust("5 seconds")
      store.mend()
      assert.isUndefined(running.pollUnsafe())
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.isDefined(running.pollUnsafe())
      assert.deepStrictEqual(seen, [2])
    }))

  it.effect("that is ended by name while a job is being assigned to it does not take the job along: another has it", () =>
    Effect.gen(function*() {
      for (const command of ["stop", "kill", "remove"] as const) {
        const store = yield* Pools.faulty()
        const pool = yield* on(store)(SlotPool.make({ name: command, slots: 2 }))
        yield* settle
        store.break(Pools.slow(1000), "put")
        const id = yield* pool.submit(where)
        yield* TestClock.adjust(500)
        const { slot } = (yield* pool.list())[0]!
        yield* fork(Effect.ignore(pool.supervisor[command](slot!)))
        yield* TestClock.adjust("10 seconds")
        store.mend()
        assert.notStrictEqual(yield* pool.await(id), slot)
      }
    }))

  it.effect("that is ended by name while the end of its job is being written: the job has ended as it did", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      const job = held("done")
      const first = yield* fork(Effect.exit(pool.run(job.job)))
      store.break(Pools.slow(1000), "put")
      yield* job.release
      const killing = yield* fork(Effect.ignore(pool.supervisor.kill("slot-0")))
      yield* TestClock.adjust("5 seconds")
      store.mend()
      assert.isDefined(killing.pollUnsafe())
      assert.deepStrictEqual(yield* Fiber.join(first), Exit.succeed("done"))
      assert.deepStrictEqual(jobsOf(yield* pool.status), { succeeded: 1 })
    }))

  it.effect("is one at a time on its slot, through any number of errors", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.onRelease = Effect.sleep("700 millis")
      const pool = yield* SlotPool.make({
        slots: 3,
        acquire: workers.acquire,
        watch: workers.watch,
        maxRestarts: Number.POSITIVE_INFINITY,
        supervisor: { enabled: true, interval: "300 millis" }
      })
      yield* settle
      for (let round = 0; round < 20; round++) {
        const slot = `slot-${round % 3}`
        if (workers.alive(slot) === 1) yield* workers.die(slot)
        yield* TestClock.adjust(`${100 + round * 37} millis`)
      }
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(workers.most, 1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 3, idle: 3 })
      // Nobody waits for virtual time at the end of the test.
      workers.onRelease = Effect.void
    }))
})

describe("a worker whose making cannot be interrupted", () => {
  const slowly = (millis: number) => {
    const workers = new Workers()
    workers.before.push(Effect.uninterruptible(Effect.sleep(millis)))
    return workers
  }

  it.effect("makes its slot Errored in time; the next one is made when it is over", () =>
    Effect.gen(function*() {
      const workers = slowly(20_000)
      const pool = yield* SlotPool.make({
        acquire: workers.acquire,
        acquireTimeout: "2 seconds",
        supervisor: { enabled: true, interval: "1 second" }
      })
      yield* TestClock.adjust(2000)
      yield* settle
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      yield* TestClock.adjust("17 seconds")
      assert.strictEqual(workers.acquisitions, 1)
      yield* TestClock.adjust("3 seconds")
      yield* settle
      assert.strictEqual(workers.most, 1)
      assert.strictEqual(workers.alive("slot-0"), 1)
      assert.strictEqual(workers.acquisitions, 2)
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))

  it.effect("is reported by a drain, and waited for within stopTimeout", () =>
    Effect.gen(function*() {
      const workers = slowly(20_000)
      const pool = yield* SlotPool.make({ slots: 2, acquire: workers.acquire, stopTimeout: "3 seconds" })
      yield* settle
      const draining = yield* fork(pool.drain())
      yield* TestClock.adjust(2999)
      assert.isUndefined(draining.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* Fiber.join(draining), { slots: 2, unstoppable: ["slot-0"] })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([workers.alive("slot-0"), workers.alive("slot-1")], [0, 0])
    }))

  it.effect("is scaled away; a slot of its name never has two workers at once", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      workers.before.push(Effect.void, Effect.uninterruptible(Effect.sleep("20 seconds")))
      const pool = yield* SlotPool.make({ slots: 2, acquire: workers.acquire, stopTimeout: "1 second" })
      yield* settle
      const down = yield* fork(pool.scaleDown())
      yield* TestClock.adjust("2 seconds")
      assert.isDefined(down.pollUnsafe())
      const up = yield* fork(pool.scaleUp())
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(up.pollUnsafe())
      yield* TestClock.adjust("30 seconds")
      yield* settle
      assert.strictEqual(workers.most, 1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      const both = yield* fork(pool.fanOut([1, 2], () => Effect.sleep("1 second")))
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* Fiber.join(both)).every(Exit.isSuccess))
    }))
})

describe("a session", () => {
  it.effect("may be any JSON, large or small, and is a copy", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const large = { text: "x".repeat(200_000), list: Array.from({ length: 100 }, (_, n) => ({ n })) }
      for (const session of ["", 0, false, null, [], {}, "text", -1.5, [1, [2, [3]]], { a: { b: null } }, large]) {
        yield* pool.run((_, { setSession }) => setSession(session))
        assert.deepStrictEqual(yield* pool.run((_, job) => Effect.succeed(job.session)), session)
      }
      const mutable = { turns: 1 }
      yield* pool.run((_, { setSession }) =>
        Effect.andThen(
          setSession(mutable),
          Effect.sync(() => {
            mutable.turns = 99
          })
        )
      )
      assert.deepStrictEqual((yield* recordOf(pool)).session, { turns: 1 })
    }))

  it.effect("is kept when its job has ended, however it was in order: the last one said", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      yield* Effect.exit(pool.run((_, { setSession }) => Effect.andThen(setSession("failed"), Effect.fail(new Net()))))
      assert.strictEqual((yield* recordOf(pool)).session, "failed")
      yield* pool.run((_, { setSession }) => Effect.andThen(setSession("first"), setSession("second")))
      assert.strictEqual((yield* recordOf(pool)).session, "second")
      const running = yield* fork(
        pool.run((_, { setSession }) => Effect.andThen(setSession("third"), Effect.sleep("1 second")))
      )
      assert.strictEqual((yield* recordOf(pool)).session, "second")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
      assert.strictEqual((yield* recordOf(pool)).session, "third")
    }))

  it.effect("of a job that made its slot Errored is not kept, and the one before goes with the restart", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      yield* pool.run((_, { setSession }) => setSession("before"))
      yield* Effect.exit(pool.run((_, { setSession }) => Effect.andThen(setSession("defect's"), died())))
      assert.strictEqual((yield* recordOf(pool)).session, "before")
      yield* pool.checkAndRestartSlots
      assert.notProperty(yield* recordOf(pool), "session")
      yield* settle
      yield* pool.run(where)
      assert.notProperty(yield* recordOf(pool), "session", "what the other job said is not said by this one")
    }))

  it.effect("of a job that has ended is not set any more by what it has left running", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const set = yield* pool.run((_, { setSession }) => Effect.succeed(setSession))
      yield* set("too late")
      yield* pool.run((_, { setSession }) => Effect.andThen(set("not its own"), setSession("mine")))
      assert.strictEqual((yield* recordOf(pool)).session, "mine")
      yield* pool.run(() => set("not its own"))
      assert.strictEqual((yield* recordOf(pool)).session, "mine")
    }))
})

describe("a store that fails for a while", () => {
  for (const fault of ["fail", "hang", "unsaid", "die"] as const) {
    it.effect(`by "${fault}": the pool goes on, says so, and nothing is lost when it is back`, () =>
      Effect.gen(function*() {
        const { lines, provide } = Pools.logging()
        const store = yield* Pools.faulty()
        const { events, pool } = yield* provide(watched(on(store)(SlotPool.make({ slots: 2 }))))
        yield* pool.fanOut([1, 2], (_, n, { setSession }) => setSession(n))
        store.break(fault)
        // Jobs are done meanwhile, within what the store is given to answer.
        const results = yield* within(pool.fanOut([1, 2, 3, 4], (_, n) => Effect.as(Effect.sleep(1), n)), "20 seconds")
        assert.deepStrictEqual(results, Exit.succeed([1, 2, 3, 4].map((n) => Exit.succeed(n))))
        const { degraded } = yield* pool.status
        assert.isDefined(degraded)
        assert.strictEqual(told(events, "StoreDegraded").length, 1)
        assert.strictEqual(lines.filter(({ text }) => text.includes("does not do what it is asked:")).length, 1)
        store.mend()
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined((yield* pool.status).degraded)
        assert.strictEqual(told(events, "StoreRecovered").length, 1)
        const records = yield* pool.findSlots()
        assert.deepStrictEqual(records.map(({ state }) => state), ["Idle", "Idle"])
        assert.strictEqual(records.reduce((sum, { completed }) => sum + completed, 0), 6)
        assert.deepStrictEqual(records.map(({ owner }) => owner), [pool.owner, pool.owner])
        assert.strictEqual(yield* pool.run(() => Effect.succeed("fine")), "fine")
      }))
  }

  it.effect("for longer than the lease: nothing is owned then, jobs are lost, and it comes back", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const { events, pool } = yield* watched(on(store)(SlotPool.make({ slots: 2, acquire: workers.acquire })))
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      store.break("fail")
      yield* TestClock.adjust(29_999)
      assert.strictEqual((yield* pool.status).slots.foreign, 0)
      assert.strictEqual(job.on.length, 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, foreign: 2 })
      assertReason(yield* Fiber.join(running), "JobLost")
      assert.deepStrictEqual(told(events, "SlotLost").map(({ slot }) => slot), ["slot-0", "slot-1"])
      assert.deepStrictEqual(workers.log.filter((line) => line.endsWith("released")).length, 2)
      const waiting = yield* fork(pool.run((worker) => Effect.succeed(worker.number)))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(waiting.pollUnsafe())
      store.mend()
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(waiting), 2)
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, idle: 2 })
      assert.isUndefined((yield* pool.status).degraded)
    }))

  it.effect("for longer than the lease, with nobody else there: what its jobs left meanwhile is not forgotten", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make({ slots: 2 }))
      yield* settle
      yield* pool.fanOut([1, 2], (_, n, { setSession }) => Effect.andThen(Effect.yieldNow, setSession(n)))
      store.break("fail")
      for (let round = 0; round < 3; round++) {
        yield* pool.fanOut(
          [1, 2],
          (_, n, { setSession }) => Effect.andThen(Effect.yieldNow, setSession(n * 10 + round))
        )
        yield* TestClock.adjust("5 seconds")
      }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 2, foreign: 2 })
      store.mend()
      yield* TestClock.adjust("20 seconds")
      const records = yield* pool.findSlots()
      assert.strictEqual(records.reduce((sum, { completed }) => sum + completed, 0), 8)
      assert.isTrue(records.every(({ session }) => typeof session === "number" && session >= 10))
      assert.strictEqual((yield* pool.status).completed, 8)
    }))

  it.effect("puts slots back after it was lost in error, too", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      yield* Effect.exit(pool.run(died))
      store.break("hang")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, foreign: 1 })
      store.mend()
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, errored: 1 })
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.strictEqual(yield* pool.run(where), "slot-0")
    }))

  it.effect("puts a slot back once when the store did what it failed to say", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const workers = new Workers()
      const pool = yield* on(store)(SlotPool.make({ acquire: workers.acquire, watch: workers.watch }))
      yield* settle
      yield* workers.die("slot-0")
      store.breakOnce("unsaid", "put")
      yield* pool.checkAndRestartSlots
      yield* TestClock.adjust("20 seconds")
      yield* pool.checkAndRestartSlots
      yield* settle
      assert.strictEqual(workers.alive("slot-0"), 1)
      assert.strictEqual(workers.countOf("slot-0"), 2)
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 1 })
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("while the pool is made: it is not made", () =>
    Effect.gen(function*() {
      for (const operation of ["lease", "now", "list", "claim"] as const) {
        const store = yield* Pools.faulty()
        store.break("fail", operation)
        const reason = assertReason(yield* Effect.exit(Effect.scoped(on(store)(SlotPool.make()))), "StoreUnavailable")
        assert.strictEqual(reason.operation, operation)
        assert.include(reason.why, "the store is broken")
        store.mend()
        const made = yield* own(on(store)(SlotPool.make()))
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* made.value.status), { total: 1, idle: 1 })
        yield* made.close
      }
    }))

  it.effect("that hangs while the pool is made is given storeTimeout, and no more", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      store.break("hang", "list")
      const making = yield* fork(Effect.exit(Effect.scoped(on(store)(SlotPool.make({ storeTimeout: "2 seconds" })))))
      yield* TestClock.adjust(1999)
      assert.isUndefined(making.pollUnsafe())
      yield* TestClock.adjust(1)
      const reason = assertReason(yield* Fiber.join(making), "StoreUnavailable")
      assert.include(reason.why, "2000 ms")
    }))

  it.effect("makes findSlots fail with StoreUnavailable", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      store.break("fail")
      assertReason(yield* Effect.exit(pool.findSlots()), "StoreUnavailable")
      store.mend()
      assert.strictEqual((yield* pool.findSlots()).length, 1)
    }))

  it.effect("does not keep the pool from being closed: for at most what it is given to answer", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const { close, value: pool } = yield* own(on(store)(SlotPool.make({ slots: 3 })))
      yield* settle
      const job = held("never")
      const all = yield* fork(pool.fanOut([1, 2, 3], (_, __, context) => job.job(_, context)))
      store.break("hang")
      const closing = yield* fork(close)
      yield* TestClock.adjust("10 seconds")
      assert.isDefined(closing.pollUnsafe())
      for (const exit of yield* Fiber.join(all)) assertReason(exit, "PoolClosed")
      assert.strictEqual(job.interrupted, 3)
    }))

  it.effect("that is slow is waited for, and assigns in order", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      store.break(Pools.slow(2999))
      const order: Array<number> = []
      for (let n = 0; n < 4; n++) yield* pool.submit(() => Effect.sync(() => void order.push(n)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(order, [0, 1, 2, 3])
      assert.isUndefined((yield* pool.status).degraded)
      store.mend()
      yield* TestClock.adjust("3 seconds")
    }))
})

describe("closing the scope", () => {
  it.effect("releases workers in reverse order of their slots", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { close, value: pool } = yield* own(SlotPool.make({ slots: 3, acquire: workers.acquire }))
      yield* settle
      assert.strictEqual(pool.name, "pool")
      workers.log.length = 0
      yield* close
      assert.deepStrictEqual(workers.log, ["slot-2#1 released", "slot-1#1 released", "slot-0#1 released"])
    }))

  it.effect("interrupts all jobs at once, however long their workers take to be released", () =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { close, value: pool } = yield* own(SlotPool.make({ slots: 3, acquire: workers.acquire }))
      yield* settle
      const job = held("never")
      const all = yield* fork(pool.fanOut([1, 2, 3], (_, __, context) => job.job(_, context)))
      workers.onRelease = Effect.sleep("2 seconds")
      const closing = yield* fork(close)
      assert.strictEqual(job.interrupted, 3)
      yield* TestClock.adjust("6 seconds")
      assert.isDefined(closing.pollUnsafe())
      for (const exit of yield* Fiber.join(all)) assertReason(exit, "PoolClosed")
    }))

  it.effect("while workers are being acquired", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const acquire = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { close, value: pool } = yield* own(SlotPool.make({ slots: 2, acquire }))
      const waiting = yield* fork(Effect.exit(pool.run(where)))
      yield* close
      assert.strictEqual(interrupted, 2)
      assertReason(yield* Fiber.join(waiting), "PoolClosed")
    }))

  it.effect("while a job is being assigned", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const { close, value: pool } = yield* own(on(store)(SlotPool.make()))
      yield* settle
      store.break(Pools.slow(1000), "put")
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      const closing = yield* fork(close)
      yield* TestClock.adjust("10 seconds")
      assert.isDefined(closing.pollUnsafe())
      assertReason(yield* Fiber.join(running), "PoolClosed")
      assert.deepStrictEqual(job.begun, [])
      store.mend()
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))

  it.effect("while a pass, a scaling, or a take-over is under way", () =>
    Effect.gen(function*() {
      for (const what of ["pass", "scaling", "take-over"] as const) {
        const base = yield* makeMemory
        if (what === "take-over") yield* Pools.ghost(base, { pool: "pool", lease: 5000 }, {})
        const store = yield* Pools.faulty(base)
        const { close, value: pool } = yield* own(on(store)(SlotPool.make()))
        yield* settle
        if (what === "pass") yield* Effect.exit(pool.run(died))
        store.break(Pools.slow(1000))
        if (what === "take-over") yield* TestClock.adjust(10_500)
        const under = what === "pass" ? pool.checkAndRestartSlots : what === "scaling" ? pool.scaleUp(2) : Effect.void
        const doing = yield* fork(Effect.exit(under))
        yield* TestClock.adjust(500)
        const closing = yield* fork(close)
        yield* TestClock.adjust("20 seconds")
        store.mend()
        assert.isDefined(closing.pollUnsafe(), what)
        assert.isDefined(doing.pollUnsafe(), what)
        // Whoever comes next gets all of it.
        const next = yield* own(on(base)(SlotPool.make()))
        yield* settle
        yield* TestClock.adjust("30 seconds")
        yield* next.value.checkAndRestartSlots
        yield* settle
        assert.deepStrictEqual(slotsOf(yield* next.value.status), { total: 1, idle: 1 }, what)
        yield* next.close
      }
    }))

  it.effect("while a worker does not end leaves it behind after stopTimeout, and says so", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const { close, value: pool } = yield* own(SlotPool.make({ stopTimeout: "2 seconds" }))
      yield* settle
      const running = yield* fork(Effect.exit(pool.run(() => body)))
      const closing = yield* fork(close)
      yield* TestClock.adjust(1999)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(closing.pollUnsafe())
      assertReason(yield* Fiber.join(running), "PoolClosed")
      yield* release
      yield* settle
    }))

  it.effect("leaves no fiber and no sleeper behind, whatever was going on", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        yield* TestClock.adjust(0)
        const before = counting.fibers()
        for (const what of ["idle", "queue", "errored", "drained", "scaled", "cancelled"] as const) {
          const { close, value: pool } = yield* own(SlotPool.make({
            slots: 3,
            supervisor: { enabled: true, interval: "5 seconds" },
            jobTimeout: "1 hour",
            jobSilence: "1 minute"
          }))
          yield* settle
          const job = held("never")
          if (what === "queue") {
            for (let n = 0; n < 9; n++) yield* pool.submit(job.job, { assignTimeout: n * 10 + 5 })
          }
          if (what === "errored") yield* pool.fanOut([1, 2, 3], died)
          if (what === "drained") yield* pool.drain()
          if (what === "scaled") yield* Effect.andThen(pool.scaleUp(3), pool.scaleDown(5))
          if (what === "cancelled") yield* pool.cancel(yield* pool.submit(job.job))
          yield* TestClock.adjust("7 seconds")
          yield* close
          yield* settle
          assert.deepStrictEqual([what, counting.fibers(), counting.sleepers()], [what, before, 0])
        }
      }))
    }))
})

describe("a pool in a tree", () => {
  it.effect("has its place below the task that makes it, and ends with it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const made = yield* Deferred.make<SlotPool.SlotPool>()
      const task = Task.make(
        "agents",
        Effect.scoped(Effect.gen(function*() {
          const pool = yield* SlotPool.make({ name: "pool", slots: 2, supervisor: { enabled: true } })
          yield* Deferred.succeed(made, pool)
          return yield* Effect.never
        }))
      )
      const root = yield* Supervisor.make({ name: "root", tasks: [task] })
      const pool = yield* Deferred.await(made)
      yield* settle
      seen.push(...(yield* Effect.orDie(pool.supervisor.statuses)).map(({ path }) => path))
      assert.sameMembers(seen, [
        "root/agents/pool/lease",
        "root/agents/pool/upkeep",
        "root/agents/pool/health",
        "root/agents/pool/slot-0",
        "root/agents/pool/slot-1"
      ])
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      yield* root.stop("agents")
      assertReason(yield* Fiber.join(running), "PoolClosed")
      assert.strictEqual(job.interrupted, 1)
      assertReason(yield* Effect.exit(pool.run(where)), "PoolClosed")
    }))

  it.effect("is seen by the Observer of supervisors outside of tasks", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      yield* Effect.provideService(SlotPool.make({ name: "agents" }), Supervisor.Observer, (supervisor) =>
        Effect.sync(() =>
          void seen.push(supervisor.path)
        ))
      assert.deepStrictEqual(seen, ["agents"])
    }))

  it.effect("may be made by a job of another pool", () =>
    Effect.gen(function*() {
      const outer = yield* SlotPool.make({ name: "outer" })
      yield* settle
      const result = yield* outer.run(() =>
        Effect.scoped(Effect.gen(function*() {
          const inner = yield* SlotPool.make({ name: "inner", slots: 2 })
          yield* Effect.yieldNow
          const paths = (yield* Effect.orDie(inner.supervisor.statuses)).map(({ path }) => path)
          const results = yield* inner.fanOut([1, 2], (_, n) => Effect.succeed(n * 2))
          return [paths, results] as const
        }))
      )
      assert.deepStrictEqual(result, [
        [
          "outer/slot-0/inner/lease",
          "outer/slot-0/inner/upkeep",
          "outer/slot-0/inner/slot-0",
          "outer/slot-0/inner/slot-1"
        ],
        [Exit.succeed(2), Exit.succeed(4)]
      ])
    }))
})

describe("commands of its supervisor by name", () => {
  const manned = (options: SlotPool.SlotPoolOptions<Pools.Worker, Pools.Broken> = {}) =>
    Effect.gen(function*() {
      const workers = new Workers()
      const { events, pool } = yield* watched(
        SlotPool.make({ acquire: workers.acquire, watch: workers.watch, ...options })
      )
      return { workers, pool, events, supervisor: pool.supervisor }
    })

  it.effect("restart gives an idle slot a fresh worker, and counts no restart", () =>
    Effect.gen(function*() {
      const { pool, supervisor, workers } = yield* manned()
      yield* supervisor.restart("slot-0")
      yield* settle
      assert.deepStrictEqual(workers.log, ["slot-0#1 acquired", "slot-0#1 released", "slot-0#2 acquired"])
      assert.deepInclude(yield* recordOf(pool), { state: "Idle", restarts: 0 })
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 2)
    }))

  it.effect("restart loses the job of a busy one, and puts one in error back, also an exhausted one", () =>
    Effect.gen(function*() {
      const { pool, supervisor, workers } = yield* manned({ maxRestarts: 0 })
      const job = held("never")
      const running = yield* fork(Effect.exit(pool.run(job.job)))
      yield* supervisor.restart("slot-0")
      assertReason(yield* Fiber.join(running), "JobLost")
      yield* settle
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 2)
      yield* Effect.exit(pool.run(died))
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, exhausted: 1 })
      yield* supervisor.restart("slot-0")
      yield* settle
      const record = yield* recordOf(pool)
      assert.deepInclude(record, { state: "Idle", restarts: 0 })
      assert.notProperty(record, "error")
      assert.strictEqual(workers.alive("slot-0"), 1)
    }))

  for (const command of ["stop", "kill"] as const) {
    it.effect(`${command} makes the slot Errored, and no pass puts it back: start does`, () =>
      Effect.gen(function*() {
        const { pool, supervisor, workers } = yield* manned()
        const job = held("never")
        const running = yield* fork(Effect.exit(pool.run(job.job)))
        yield* supervisor[command]("slot-0")
        assertReason(yield* Fiber.join(running), "JobLost")
        yield* settle
        assert.strictEqual((yield* recordOf(pool)).state, "Errored")
        assert.strictEqual(workers.alive("slot-0"), 0)
        assert.strictEqual(yield* pool.checkAndRestartSlots, 0)
        yield* supervisor.start("slot-0")
        yield* settle
        assert.deepInclude(yield* recordOf(pool), { state: "Idle" })
        assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 2)
      }))
  }

  it.effect("remove leaves a slot in error that the next pass puts back", () =>
    Effect.gen(function*() {
      const { pool, supervisor, workers } = yield* manned()
      yield* supervisor.remove("slot-0")
      yield* settle
      assert.strictEqual((yield* recordOf(pool)).state, "Errored")
      assert.strictEqual(yield* pool.checkAndRestartSlots, 1)
      yield* settle
      assert.strictEqual(workers.alive("slot-0"), 1)
      assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker.number)), 2)
    }))

  it.effect("shutdown of the supervisor ends the workers, and the pool says what it cannot do", () =>
    Effect.gen(function*() {
      const { pool, supervisor, workers } = yield* manned({ assignTimeout: "1 second" })
      yield* supervisor.shutdown
      yield* settle
      assert.strictEqual(workers.alive("slot-0"), 0)
      const exit = yield* within(pool.run(where), "1 second")
      assert.isTrue(Exit.isFailure(exit))
      const draining = yield* within(pool.drain(), "2 minutes")
      assert.isTrue(Exit.isSuccess(draining))
    }))

  it.effect("lease restarted by name keeps on renewing", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      const pool = yield* on(store)(SlotPool.make())
      yield* settle
      yield* TestClock.adjust("5 seconds")
      yield* pool.supervisor.restart("lease")
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
      assert.isTrue(yield* Effect.orDie(store.base.renew(pool.owner, 30_000)))
    }))
})

describe("SlotPool.Service", () => {
  class Agents extends SlotPool.Service<Agents>()("test/agents", {
    slots: 2,
    acquire: (slot) => Effect.map(Db, (db) => `${db.name} ${slot.name}`)
  }) {}

  it.effect("is a key whose layer makes the pool, named by the id's last segment", () =>
    Effect.gen(function*() {
      const pool = yield* Agents
      assert.strictEqual(pool.name, "agents")
      yield* settle
      assert.deepStrictEqual(yield* pool.fanOut([1, 2, 3], (worker, n) => Effect.succeed(`${worker}`.length + n)), [
        Exit.succeed("main slot-0".length + 1),
        Exit.succeed("main slot-0".length + 2),
        Exit.succeed("main slot-0".length + 3)
      ])
    }).pipe(
      Effect.provide(Agents.layer),
      Effect.provideService(Db, { name: "main" })
    ))

  it.effect("uses the store that its layer is provided with, and one of its own without", () =>
    Effect.gen(function*() {
      class One extends SlotPool.Service<One>()("one") {}
      class Other extends SlotPool.Service<Other>()("other", { name: "named" }) {}
      const shared = Layer.mergeAll(One.layer, Other.layer).pipe(Layer.provideMerge(layerMemory))
      yield* Effect.gen(function*() {
        const [one, other, store] = yield* Effect.all([One, Other, SlotPoolStore])
        assert.strictEqual(one.store, store)
        assert.strictEqual(other.store, store)
        assert.strictEqual(other.name, "named")
      }).pipe(Effect.provide(shared))
      yield* Effect.gen(function*() {
        const [one, other] = yield* Effect.all([One, Other])
        assert.notStrictEqual(one.store, other.store)
      }).pipe(Effect.provide(Layer.mergeAll(One.layer, Other.layer)))
    }))

  it.effect("closes the pool with the layer's scope", () =>
    Effect.gen(function*() {
      class Closing extends SlotPool.Service<Closing>()("closing") {}
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Closing.layer, scope)
      const pool = Context.get(context, Closing)
      yield* settle
      const running = yield* fork(Effect.exit(pool.run(() => Effect.never)))
      yield* Scope.close(scope, Exit.void)
      assertReason(yield* Fiber.join(running), "PoolClosed")
    }))

  it.effect("fails its layer when the store cannot be had", () =>
    Effect.gen(function*() {
      const store = yield* Pools.faulty()
      store.break("fail")
      class Failing extends SlotPool.Service<Failing>()("failing") {}
      const exit = yield* Effect.exit(
        Effect.asVoid(Failing).pipe(
          Effect.provide(Failing.layer.pipe(Layer.provide(Layer.succeed(SlotPoolStore)(store.service))))
        )
      )
      assertReason(exit, "StoreUnavailable")
    }))

  it.effect("layer makes one under a key of one's own", () =>
    Effect.gen(function*() {
      class Key extends Context.Service<Key, SlotPool.SlotPool<number>>()("test/Key") {}
      const made = SlotPool.layer(Key, { name: "keyed", acquire: () => Effect.succeed(7) })
      yield* Effect.gen(function*() {
        const pool = yield* Key
        yield* settle
        assert.strictEqual(pool.name, "keyed")
        assert.strictEqual(yield* pool.run((worker) => Effect.succeed(worker)), 7)
      }).pipe(Effect.provide(made))
    }))

  it("refuses bad options where the class is made", () => {
    assertRefused(() => SlotPool.Service()("bad", { slots: 0 }), "slots", "0", "1 or more")
    assertRefused(() => SlotPool.Service()("a/", {}), "name", "\"\"", "a string of 1 to 255 characters")
  })
})

describe("options", () => {
  const make = (options: object) => () => SlotPool.make(options as {})
  const duration = "a duration above 0"
  const refusals: ReadonlyArray<readonly [object, string, string, string]> = [
    [{ name: "" }, "name", "\"\"", "1 to 255 characters"],
    [{ name: "a/b" }, "name", "\"a/b\"", "without \"/\""],
    [{ name: 7 }, "name", "7", "a string"],
    [{ slots: 0 }, "slots", "0", "a whole number of 1 or more"],
    [{ slots: 1.5 }, "slots", "1.5", "a whole number of 1 or more"],
    [{ slots: "4" }, "slots", "\"4\"", "a whole number of 1 or more"],
    [{ slots: { min: 0, max: 4 } }, "slots.min", "0", "1 or more"],
    [{ slots: { min: 3, max: 2 } }, "slots.max", "2", "3 or more"],
    [{ slots: { min: 3 } }, "slots.max", "undefined", "3 or more"],
    [{ slotConfig: "Ada" }, "slotConfig", "\"Ada\"", "an array of configs, or a function"],
    [{ slotConfig: [{ name: 7 }] }, "slotConfig of slot-0", "{\"name\":7}", "what slotSchema takes"],
    [{ slotConfig: () => ({ role: 7 }) }, "slotConfig of slot-0", "{\"role\":7}", "what slotSchema takes"],
    [{ slotSchema: "string" }, "slotSchema", "\"string\"", "a Schema"],
    [{ acquire: Effect.void }, "acquire", "", "a function"],
    [{ watch: 1 }, "watch", "1", "a function"],
    [{ probe: "ping" }, "probe", "\"ping\"", "a function"],
    [{ slotFailure: true }, "slotFailure", "true", "a function"],
    [{ probing: { timeout: 0 } }, "probing.timeout", "0", duration],
    [{ probing: { failures: 0 } }, "probing.failures", "0", "1 or more"],
    [{ probing: { schedule: "1 second" } }, "probing.schedule", "\"1 second\"", "a Schedule"],
    [{ maxRestarts: -1 }, "maxRestarts", "-1", "a whole number of 0 or more, or Infinity"],
    [{ maxRestarts: 2.5 }, "maxRestarts", "2.5", "a whole number of 0 or more, or Infinity"],
    [{ acquireTimeout: 0 }, "acquireTimeout", "0", duration],
    [{ assignTimeout: -1 }, "assignTimeout", "-1", "a duration of 0 or more, or \"infinity\""],
    [{ jobTimeout: 0 }, "jobTimeout", "0", `${duration}, or "infinity"`],
    [{ jobTimeout: "10 lightyears" }, "jobTimeout", "\"10 lightyears\"", duration],
    [{ jobSilence: 0 }, "jobSilence", "0", duration],
    [{ stableAfter: -5 }, "stableAfter", "-5", "a duration of 0 or more"],
    [{ stopTimeout: Number.NaN }, "stopTimeout", "NaN", "a duration of 0 or more"],
    [{ storeTimeout: 0 }, "storeTimeout", "0", duration],
    [{ storeTimeout: "infinity" }, "storeTimeout", "\"infinity\"", duration],
    [{ storeTimeout: "31 seconds" }, "storeTimeout", "31 seconds", "30000 ms"],
    [{ lease: 0 }, "lease", "0", duration],
    [{ lease: "infinity" }, "lease", "\"infinity\"", duration],
    [{ keepJobs: -1 }, "keepJobs", "-1", "a whole number of 0 or more"],
    [{ supervisor: { enabled: "yes" } }, "supervisor.enabled", "\"yes\"", "true or false"],
    [{ supervisor: { interval: 0 } }, "supervisor.interval", "0", duration],
    [{ supervisor: true }, "supervisor", "true", "an object with enabled, interval"],
    [{ eventCapacity: 0 }, "eventCapacity", "0", "1 or more"],
    [{ slot: 4 }, "options", "\"slot\"", "slots"],
    [{ probing: { every: 1 } }, "probing", "\"every\"", "schedule, timeout, failures"],
    [{ supervisor: { intervall: 1 } }, "supervisor", "\"intervall\"", "enabled, interval"],
    [{ slots: { min: 1, max: 2, most: 3 } }, "slots", "\"most\"", "min, max"],
    [{ restart: { shedule: 1 } }, "", "\"shedule\"", "schedule"]
  ]
  for (const [options, option, value, allowed] of refusals) {
    it(`refuses ${Object.keys(options)[0]}: ${value}, and says what is allowed`, () => {
      assertRefused(make(options), option, value, allowed)
    })
  }

  it("refuses null for each, and what is no object", () => {
    for (
      const option of [
        "name",
        "slots",
        "slotConfig",
        "slotSchema",
        "acquire",
        "watch",
        "probe",
        "probing",
        "slotFailure",
        "maxRestarts",
        "restart",
        "acquireTimeout",
        "assignTimeout",
        "jobTimeout",
        "jobSilence",
        "stableAfter",
        "stopTimeout",
        "storeTimeout",
        "lease",
        "keepJobs",
        "supervisor",
        "eventCapacity"
      ]
    ) {
      assert.throws(make({ [option]: null }), RangeError, undefined, option)
      assert.doesNotThrow(make({ [option]: undefined }), undefined, undefined, option)
    }
    for (const options of [null, [], 7, "pool"]) assert.throws(() => SlotPool.make(options as never), RangeError)
  })

  it.effect("of run, submit, fanOut, drain and the filters are refused the same way, by a defect", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const loose = pool as unknown as Record<string, (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown>>
      const job = () => Effect.void
      const refused: ReadonlyArray<readonly [Effect.Effect<unknown, unknown>, string]> = [
        [loose["run"]!(7), "a function from a worker to an Effect"],
        [loose["run"]!(Effect.void), "a function from a worker to an Effect"],
        [loose["run"]!(job, { timeuot: 1 }), "\"timeuot\""],
        [loose["run"]!(job, { timeout: -1 }), "timeout is -1"],
        [loose["run"]!(job, { assignTimeout: "soon" }), "assignTimeout is \"soon\""],
        [loose["run"]!(job, { id: "mine" }), "\"id\""],
        [loose["submit"]!(7), "a function from a worker to an Effect"],
        [loose["submit"]!(job, { tag: "x" }), "\"tag\""],
        [loose["submit"]!(job, { tags: "x" }), "an array of strings"],
        [loose["submit"]!(job, { tags: [1] }), "an array of strings"],
        [loose["submit"]!(job, { id: "a/b" }), "\"a/b\""],
        [loose["submit"]!(job, { id: 7 }), "7"],
        [loose["fanOut"]!([1], 7), "a function"],
        [loose["fanOut"]!([1], job, { concurrency: 0 }), "concurrency is 0"],
        [loose["fanOut"]!([1], job, { concurrency: 1.5 }), "concurrency is 1.5"],
        [loose["fanOut"]!([1], job, { timeuot: 1 }), "\"timeuot\""],
        [loose["fanOut"]!([1], job, { timeout: -1 }), "timeout is -1"],
        [loose["list"]!({ tags: "x" }), "an array of strings"],
        [loose["drain"]!({ timeuot: 1 }), "\"timeuot\""],
        [loose["drain"]!({ timeout: -1 }), "timeout is -1"],
        [loose["list"]!({ slots: "slot-0" }), "\"slots\""],
        [loose["findSlots"]!({ names: "x" }), "\"names\""]
      ]
      const wrong: Array<string> = []
      for (const [effect, said] of refused) {
        const exit = yield* Effect.exit(effect)
        const defect = Exit.isFailure(exit) ? defectOf(exit) : "it succeeded"
        if (!(defect instanceof RangeError) || !defect.message.includes(said)) wrong.push(`${said}: ${String(defect)}`)
      }
      assert.deepStrictEqual(wrong, [])
      assert.isFalse((yield* pool.status).draining)
      assert.deepStrictEqual(jobsOf(yield* pool.status), {})
      assert.deepStrictEqual(slotsOf(yield* pool.status), { total: 1, idle: 1 })
    }))

  it.effect("that are left out have their defaults", () =>
    Effect.gen(function*() {
      const { config } = yield* SlotPool.make()
      assert.deepStrictEqual(config, {
        name: "pool",
        min: 1,
        max: 16,
        maxRestarts: 3,
        acquireTimeout: 60_000,
        assignTimeout: 300_000,
        jobTimeout: Number.POSITIVE_INFINITY,
        jobSilence: Number.POSITIVE_INFINITY,
        stableAfter: 600_000,
        stopTimeout: 5000,
        storeTimeout: 3000,
        lease: 30_000,
        keepJobs: 1000,
        supervisor: { enabled: false, interval: 30_000 },
        eventCapacity: 4096
      })
    }))

  it.effect("with a short lease have a storeTimeout that fits it", () =>
    Effect.gen(function*() {
      const { config } = yield* SlotPool.make({ lease: "2 seconds" })
      assert.strictEqual(config.storeTimeout, 1000)
    }))

  it.effect("with a stopTimeout of infinity wait for as long as a job takes to end", () =>
    Effect.gen(function*() {
      const { body, release } = yield* stubborn
      const pool = yield* SlotPool.make({ stopTimeout: "infinity" })
      yield* settle
      const id = yield* pool.submit(() => body)
      yield* settle
      const cancelling = yield* fork(pool.cancel(id))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(cancelling.pollUnsafe())
      yield* release
      yield* settle
      assert.isDefined(cancelling.pollUnsafe())
      assert.deepStrictEqual(yield* statesOf(pool), ["Idle"])
    }))

  it.effect("with an assignTimeout of 0 give a job a slot at once, or none", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ assignTimeout: 0 })
      yield* settle
      assert.strictEqual(yield* pool.run(where), "slot-0")
      const job = held("done")
      yield* fork(pool.run(job.job))
      assertReason(yield* within(pool.run(where), 0), "NoSlotAvailable")
      yield* job.release
    }))
})

describe("heartbeats", () => {
  it.effect("of a job are its run's details, for whoever looks at the supervisor", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ jobSilence: "1 minute" })
      yield* settle
      const job = yield* fork(pool.run(() => Effect.andThen(Heartbeat.beatWith({ step: 3 }), Effect.never)))
      yield* TestClock.adjust("1 second")
      const status = yield* Effect.orDie(pool.supervisor.status("slot-0"))
      assert.deepInclude({ ...status }, { heartbeatDetails: { step: 3 } })
      yield* Fiber.interrupt(job)
    }))

  it.effect("without jobSilence are nobody's duty", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      yield* settle
      const running = yield* fork(pool.run(() => Effect.as(Effect.sleep("1 hour"), "done")))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(running), "done")
    }))
})

describe("typed ends", () => {
  it.effect("reach their callers whole, with every reason of their causes", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ slots: 4 })
      yield* settle
      const causes: ReadonlyArray<Cause.Cause<Net>> = [
        Cause.fail(new Net()),
        Cause.die(new Error("defect")),
        Cause.combine(Cause.fail(new Net()), Cause.die("and more")),
        Cause.interrupt()
      ]
      for (const cause of causes) {
        const exit = yield* Effect.exit(pool.run(() => Effect.failCause(cause)))
        assert(Exit.isFailure(exit))
        assert.deepStrictEqual(exit.cause.reasons.map(({ _tag }) => _tag), cause.reasons.map(({ _tag }) => _tag))
        const id = yield* pool.submit(() => Effect.failCause(cause))
        yield* settle
        const result = Option.getOrThrow(yield* pool.result(id))
        assert(Exit.isFailure(result))
        assert.deepStrictEqual(result.cause.reasons.map(({ _tag }) => _tag), cause.reasons.map(({ _tag }) => _tag))
        yield* pool.checkAndRestartSlots
        yield* settle
      }
    }))

  it.effect("of reasons can be told apart and handled one by one", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make()
      const handled = yield* pool.await<string, never>("no-such").pipe(
        Effect.catchReason("PoolError", "JobNotFound", ({ job }) => Effect.succeed(`no ${job}`))
      )
      assert.strictEqual(handled, "no no-such")
    }))
})

describe("many jobs", () => {
  it.effect("leave no fiber, clock or listener behind, each", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      yield* counting.provide(Effect.gen(function*() {
        const pool = yield* SlotPool.make({
          slots: 2,
          jobTimeout: "1 hour",
          jobSilence: "1 minute",
          keepJobs: 10,
          maxRestarts: Number.POSITIVE_INFINITY
        })
        yield* settle
        const jobs: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          Effect.void,
          Effect.yieldNow,
          Effect.sleep(1),
          Effect.fail(new Net()),
          Effect.andThen(Heartbeat.beat, Effect.sleep(1)),
          Effect.timeout(Effect.never, 1)
        ]
        const round = Effect.gen(function*() {
          const all = yield* fork(pool.fanOut(jobs, (_, job) => job, { concurrency: 6 }))
          const ids = yield* Effect.forEach(jobs, (job) => pool.submit(() => job, { assignTimeout: "10 minutes" }))
          yield* TestClock.adjust(20)
          yield* Fiber.join(all)
          yield* Effect.forEach(ids, (id) => Effect.exit(pool.await(id)))
          yield* settle
        })
        yield* round
        const before = [counting.fibers(), counting.sleepers()]
        for (let n = 0; n < 50; n++) yield* round
        assert.deepStrictEqual([counting.fibers(), counting.sleepers()], before)
      }))
    }))
})

describe("concurrent use", () => {
  it.effect("of a thousand callers on a few slots loses nothing, runs nothing twice, and adds up", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({
        slots: 8,
        maxRestarts: Number.POSITIVE_INFINITY,
        supervisor: { enabled: true, interval: "1 second" },
        keepJobs: 10
      })
      yield* settle
      const ran = new Map<number, number>()
      const busy = new Map<string, number>()
      let most = 0
      const calls = yield* FiberSet.make<Exit.Exit<number, unknown>>()
      for (let n = 0; n < 1000; n++) {
        const job = (_: void, { slot }: SlotPool.JobContext) =>
          Effect.gen(function*() {
            ran.set(n, (ran.get(n) ?? 0) + 1)
            const on = (busy.get(slot.slot) ?? 0) + 1
            busy.set(slot.slot, on)
            most = Math.max(most, on)
            yield* Effect.sleep(n % 7)
            if (n % 97 === 0) return yield* Effect.die(new Error("defect"))
            if (n % 11 === 0) return yield* Effect.fail(new Net())
            return n
          }).pipe(Effect.ensuring(Effect.sync(() => busy.set(slot.slot, busy.get(slot.slot)! - 1))))
        yield* FiberSet.run(calls, Effect.exit(pool.run(job)))
      }
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* FiberSet.size(calls), 0)
      assert.strictEqual(ran.size, 1000)
      assert.isTrue(Array.from(ran.values()).every((times) => times === 1))
      assert.strictEqual(most, 1)
      const { completed, jobs, slots } = yield* pool.status
      assert.strictEqual(jobs.succeeded + jobs.failed, 1000)
      assert.strictEqual(completed, jobs.succeeded)
      assert.deepStrictEqual([slots.idle, jobs.queued, jobs.running], [8, 0, 0])
    }))
})
