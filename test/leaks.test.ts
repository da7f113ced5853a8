import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import { Net, settle, statusOf, stubborn } from "./support/fixtures.ts"
import { heap } from "./support/heap.ts"

/** What the heap may grow by, JIT and all: a leak of one small object a restart (90,000 of them) is 5 MB and more. */
const bound = 1_000_000

/** Its restart is due before any other deadline: what others leave in the heap stays below it. */
const waiting = Task.make("waiting", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced("1 second") } })

/** Each takes a few seconds; more on a machine that is busy with others. */
const timeout = 120_000

/** Counted, and without a logger: what a test's console keeps is no leak of ours. */
const watched = <A, E>(
  program: (counting: Counting.Counting) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const counting = yield* Counting.make
    yield* counting.provide(program(counting)).pipe(Effect.provide(Logger.layer([])))
  })

/** What is alive now. */
const census = (counting: Counting.Counting) =>
  Effect.andThen(
    settle,
    Effect.map(heap, (bytes) => ({ fibers: counting.fibers(), sleepers: counting.sleepers(), bytes }))
  )
type Census = Effect.Success<ReturnType<typeof census>>

const assertNoMore = (before: Census, after: Census): void => {
  assert.strictEqual(after.fibers, before.fibers, "fibers")
  assert.strictEqual(after.sleepers, before.sleepers, "timers")
  assert.isBelow(after.bytes - before.bytes, bound, "bytes of heap")
}

describe("leaks", () => {
  it.effect(
    "100,000 restarts by policy leave fibers, timers and heap where they were",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [Task.make("job", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(1) } })]
          })
          // a reader that keeps up, and one that is stuck for good
          yield* Effect.forkScoped(Stream.runDrain(supervisor.events))
          yield* Effect.forkScoped(Stream.runForEach(supervisor.events, () => Effect.never))
          yield* TestClock.adjust(10_000)
          const before = yield* census(counting)
          yield* TestClock.adjust(90_000)
          const after = yield* census(counting)
          assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 100_001)
          assertNoMore(before, after)
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "100,000 restarts by command, of a run with a scope, children and a beating heart",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            tasks: [
              waiting,
              Task.make(
                "job",
                Effect.gen(function*() {
                  yield* Effect.addFinalizer(() => Effect.void)
                  yield* Effect.forkChild(Effect.never)
                  yield* Heartbeat.beat
                  return yield* Effect.never
                }),
                { heartbeat: Heartbeat.manual({ within: "1 hour" }), startupTimeout: "1 hour" }
              )
            ]
          })
          const restart = supervisor.restart("job")
          for (let i = 0; i < 10_000; i++) yield* restart
          const before = yield* census(counting)
          for (let i = 0; i < 90_000; i++) yield* restart
          const after = yield* census(counting)
          assert.strictEqual((yield* statusOf(supervisor, "job")).generation, 100_001)
          assertNoMore(before, after)
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "10,000 pairs of add and remove leave nothing of the tasks behind, whatever they were",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ tasks: [Task.make("other", Effect.never)] })
          yield* Effect.forkScoped(Stream.runDrain(supervisor.events))
          const bodies = [
            Effect.never,
            Effect.void,
            Effect.fail(new Net()),
            Effect.andThen(Effect.addFinalizer(() => Effect.void), Effect.never),
            Effect.andThen(Effect.forkChild(Effect.sleep("1 day")), Effect.never)
          ]
          const heartbeats = [
            Heartbeat.automatic(),
            Heartbeat.manual({ within: "1 day" }),
            Heartbeat.probe(Effect.void),
            Heartbeat.none
          ]
          const pairs = Effect.fnUntraced(function*(from: number, to: number) {
            for (let i = from; i < to; i++) {
              const handle = yield* supervisor.add(
                Task.make(`task ${i}`, bodies[i % bodies.length]!, { heartbeat: heartbeats[i % heartbeats.length]! })
              )
              const waiting = yield* Effect.forkChild(Effect.ignore(handle.await), { startImmediately: true })
              // some are removed as they run, some as they wait for their restart, some when all is over
              if (i % 3 === 0) yield* Effect.yieldNow
              if (i % 7 === 0) yield* handle.kill
              yield* handle.remove
              yield* Fiber.await(waiting)
            }
          })
          yield* pairs(0, 5000)
          const before = yield* census(counting)
          yield* pairs(5000, 15_000)
          const after = yield* census(counting)
          assert.strictEqual((yield* supervisor.statuses).length, 1)
          assertNoMore(before, after)
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "10,000 subscribers, waiters and callers that come and go are forgotten",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make()
          const handle = yield* supervisor.add(Task.make("job", Effect.never))
          const visit = Effect.fnUntraced(function*(times: number) {
            for (let i = 0; i < times; i++) {
              const visitors = yield* Effect.forEach([
                Stream.runDrain(supervisor.events),
                Stream.runDrain(handle.changes),
                Stream.runDrain(Stream.take(supervisor.events, 1)),
                Effect.ignore(handle.await),
                Effect.ignoreCause(supervisor.await)
              ], (visitor) => Effect.forkChild(visitor, { startImmediately: true }))
              yield* Effect.yieldNow
              yield* Fiber.interruptAll(visitors)
            }
          })
          yield* visit(1000)
          const before = yield* census(counting)
          yield* visit(9000)
          assertNoMore(before, yield* census(counting))
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "100,000 callers that give up waiting for a run that does not end are forgotten",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const { body, release } = yield* stubborn
          const supervisor = yield* Supervisor.make({
            tasks: [Task.make("stuck", body, { stopTimeout: "infinity" })]
          })
          const giveUp = Effect.fnUntraced(function*(times: number) {
            for (let i = 0; i < times; i++) {
              const caller = yield* Effect.forkChild(supervisor.stop("stuck"), { startImmediately: true })
              yield* Effect.yieldNow
              yield* Fiber.interrupt(caller)
            }
          })
          yield* giveUp(10_000)
          const before = yield* census(counting)
          yield* giveUp(90_000)
          assertNoMore(before, yield* census(counting))
          yield* release
          yield* settle
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "10,000 verdicts, unstoppable runs and superseded commands leave no deadline behind",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            healthCheck: { initialDelay: 0 },
            tasks: [
              Task.make("silent", Effect.never, {
                heartbeat: Heartbeat.manual({ within: 1 }),
                restart: { schedule: Schedule.forever }
              }),
              Task.make("slow to stop", Effect.uninterruptible(Effect.sleep(3)), {
                stopTimeout: 1,
                restart: { mode: "permanent", schedule: Schedule.forever }
              })
            ]
          })
          const suffer = Effect.fnUntraced(function*(times: number) {
            for (let i = 0; i < times; i++) {
              yield* Effect.forkChild(Effect.ignore(supervisor.restart("slow to stop")), { startImmediately: true })
              yield* Effect.forkChild(Effect.ignore(supervisor.stop("slow to stop")), { startImmediately: true })
              yield* TestClock.adjust(2)
              yield* Effect.forkChild(Effect.ignore(supervisor.restart("slow to stop")), { startImmediately: true })
              yield* TestClock.adjust(2)
            }
          })
          yield* suffer(500)
          const before = yield* census(counting)
          yield* suffer(4500)
          const after = yield* census(counting)
          assert.isAbove((yield* statusOf(supervisor, "silent")).generation, 9000)
          assert.isAtMost(Math.abs(after.fibers - before.fibers), 2)
          assert.isAtMost(Math.abs(after.sleepers - before.sleepers), 2)
          assert.isBelow(after.bytes - before.bytes, bound)
          yield* Effect.forkChild(supervisor.shutdown, { startImmediately: true })
          yield* TestClock.adjust(10)
        })
      ),
    timeout
  )

  it.effect("1,000 supervisors come and go", () =>
    watched((counting) =>
      Effect.gen(function*() {
        const live = Effect.fnUntraced(function*(times: number) {
          for (let i = 0; i < times; i++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const supervisor = yield* Supervisor.make({
                tasks: [
                  Task.make("job", Effect.never),
                  Task.make("flaky", Effect.fail(new Net())),
                  Task.make("hung", Effect.never, { heartbeat: Heartbeat.manual() })
                ]
              })
              yield* Effect.forkChild(Stream.runDrain(supervisor.events))
              yield* Effect.yieldNow
            }))
          }
        })
        yield* live(200)
        const before = yield* census(counting)
        yield* live(1000)
        assertNoMore(before, yield* census(counting))
      })
    ), timeout)

  it.effect(
    "1,000 restarts of a subtree, four levels deep, with a reader of the whole tree",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const level = (name: string, below: Task.Task<unknown, unknown>) =>
            Task.make(name, Supervisor.run({ tasks: [Task.make("job", Effect.never), below] }))
          const root = yield* Supervisor.make({
            name: "root",
            tasks: [waiting, level("a", level("b", level("c", Task.make("leaf", Effect.fail(new Net())))))]
          })
          yield* Effect.forkScoped(Stream.runDrain(root.tree.events))
          yield* Effect.forkScoped(Stream.runForEach(root.tree.events, () => Effect.never))
          const restart = Effect.fnUntraced(function*(times: number) {
            for (let i = 0; i < times; i++) {
              yield* root.restart("a")
              yield* settle
            }
          })
          yield* restart(200)
          const before = yield* census(counting)
          yield* restart(1000)
          const after = yield* census(counting)
          assert.strictEqual((yield* root.tree.count).specs, 8)
          assertNoMore(before, after)
          yield* root.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "100,000 short-lived instances of a group leave nothing behind, however they ended",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const bodies = [Effect.void, Effect.fail(new Net()), Effect.die("broken"), Effect.never]
          const group = TaskGroup.make("group", (n: number) => bodies[n % bodies.length]!, {
            each: { restart: { times: 0 } }
          })
          const supervisor = yield* Supervisor.make({ tasks: [group] })
          yield* settle
          const running = yield* TaskGroup.find(supervisor, group)
          yield* Effect.forkScoped(Stream.runDrain(supervisor.tree.events))
          const start = Effect.fnUntraced(function*(times: number) {
            for (let i = 0; i < times; i++) {
              const handle = yield* running.start(i)
              if (i % bodies.length === 3) yield* i % 8 === 3 ? handle.stop : handle.kill
              if (i % 1000 === 0) yield* settle
            }
            yield* settle
          })
          yield* start(10_000)
          const before = yield* census(counting)
          yield* start(100_000)
          const after = yield* census(counting)
          assert.deepStrictEqual(yield* running.statuses, [])
          assertNoMore(before, after)
          yield* supervisor.shutdown
        })
      ),
    timeout
  )

  it.effect(
    "10,000 reconfigurations, and as many restarts with siblings, leave nothing of the tasks that were",
    () =>
      watched((counting) =>
        Effect.gen(function*() {
          const root = yield* Supervisor.make({ name: "root", strategy: "one-for-all", tasks: [] })
          yield* Effect.forkScoped(Stream.runDrain(root.events))
          const reconfigure = Effect.fnUntraced(function*(from: number, to: number) {
            for (let i = from; i < to; i++) {
              let run = 0
              yield* root.reconfigure({
                defaults: { stopTimeout: 1000 + i % 2 },
                intensity: { restarts: 1 + i % 100, within: 1 },
                tasks: [
                  Task.make("same", Effect.never, { version: 1 }),
                  Task.make(`other ${i}`, Effect.never),
                  Task.make(
                    "failing",
                    Effect.suspend(() => run++ === 0 ? Effect.fail(new Net()) : Effect.never),
                    { restart: { schedule: Schedule.spaced(0) } }
                  )
                ]
              })
              if (i % 100 === 0) yield* TestClock.adjust(10)
              else yield* Effect.yieldNow
              yield* TestClock.adjust(2)
            }
          })
          yield* reconfigure(0, 1000)
          const before = yield* census(counting)
          yield* reconfigure(1000, 11_000)
          const after = yield* census(counting)
          assert.strictEqual((yield* root.count).specs, 3)
          assertNoMore(before, after)
          yield* root.shutdown
        })
      ),
    timeout
  )
})
