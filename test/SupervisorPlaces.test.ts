/**
 * Where supervisors stand in a tree, what they are measured as, and what a pause leaves behind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorMetrics from "effect-supervisor/SupervisorMetrics"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"

describe("supervisors in one run", () => {
  it.effect("that would have one path have a number each, and each is reached by its own", () =>
    Effect.gen(function*() {
      const worker = Task.make("worker", Effect.never)
      const one = Supervisor.run({ tasks: [worker] })
      const both = Task.make("both", Effect.all([one, one], { concurrency: "unbounded" }))
      const root = yield* Supervisor.make({ name: "root", tasks: [both] })
      yield* TestClock.adjust(0)
      const paths = (yield* root.tree.statuses).map(({ path }) => path)
      assert.deepStrictEqual(paths, ["root/both", "root/both/worker", "root/both/2/worker"])
      yield* root.stop("both/2/worker")
      assert.deepStrictEqual((yield* root.tree.statuses).map(({ _tag }) => _tag), ["Healthy", "Healthy", "Stopped"])
      yield* root.stop("both/worker")
      assert.strictEqual((yield* root.status("root/both/worker"))._tag, "Stopped")
    }))
})

describe("metrics", () => {
  it.effect("of supervisors in the instances of a group are those of one", () =>
    Effect.gen(function*() {
      const reader = Task.make("reader", Effect.void)
      const connections = TaskGroup.make("connections", (_: number) =>
        Supervisor.run({ tasks: [reader], whenAllCompleted: "end" }))
      const root = yield* Supervisor.make({ name: "metered", tasks: [connections] })
      const group = yield* TaskGroup.find(root, connections)
      for (let i = 0; i < 5; i++) {
        yield* Effect.flatMap(group.start(i), (handle) =>
          handle.await)
      }
      const of = (supervisor: string) => Metric.withAttributes(SupervisorMetrics.starts, { supervisor })
      assert.strictEqual((yield* Metric.value(of("metered/connections/*"))).count, 5)
      const measured = (yield* Metric.snapshot).map(({ attributes }) => attributes?.["supervisor"])
      assert.notInclude(measured, "metered/connections/1")
    }))
})

describe("whenAllCompleted", () => {
  it.effect("does not end what waits to be another task, though it ended by itself before its turn", () =>
    Effect.gen(function*() {
      const slow = Task.make("b", Effect.andThen(Effect.addFinalizer(() => Effect.sleep(10)), Effect.never))
      const supervisor = yield* Supervisor.make({
        whenAllCompleted: "end",
        tasks: [Task.make("a", Effect.sleep(5)), slow]
      })
      const changing = yield* Effect.forkChild(supervisor.reconfigure({ tasks: [Task.make("a", Effect.never)] }), {
        startImmediately: true
      })
      yield* TestClock.adjust(0)
      yield* TestClock.adjust(10)
      yield* Fiber.join(changing)
      assert.deepStrictEqual((yield* supervisor.statuses).map(({ _tag, task }) => [task, _tag]), [["a", "Healthy"]])
    }))
})

describe("a pause that is over before its time", () => {
  const flaky = (name: string) =>
    Task.make(name, Effect.fail("down"), { restart: { schedule: Schedule.spaced("1 second") } })

  it.effect("leaves those it held to their own back-off", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        intensity: { restarts: 1, within: "1 hour", whenExceeded: "pause" },
        tasks: [flaky("a")]
      })
      yield* TestClock.adjust(1500)
      const held = yield* supervisor.status("a")
      assert.isTrue(held._tag === "Failed" && held.restartAt! > 3_000_000, "it is held")
      yield* supervisor.reconfigure({ intensity: undefined })
      assert.deepInclude(yield* supervisor.status("a"), { _tag: "Failed", restartAt: 2000 })
      yield* TestClock.adjust(500)
      assert.strictEqual((yield* supervisor.status("a")).generation, 3)
    }))

  it.effect("leaves siblings that wait with one to its", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({
        strategy: "one-for-all",
        intensity: { restarts: 1, within: "1 hour", whenExceeded: "pause" },
        tasks: [flaky("a"), Task.make("b", Effect.never)]
      })
      yield* TestClock.adjust(1500)
      yield* supervisor.reconfigure({ intensity: undefined })
      assert.deepInclude(yield* supervisor.status("b"), { _tag: "Failed", sibling: "a", restartAt: 2000 })
      yield* TestClock.adjust(500)
      assert.strictEqual((yield* supervisor.status("b")).generation, 3)
    }))
})
