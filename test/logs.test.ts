import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import * as Counting from "./support/Counting.ts"
import { Auth, fork, Net, settle, stubborn, within } from "./support/fixtures.ts"

interface Line {
  readonly level: LogLevel.LogLevel
  readonly text: string
  readonly cause: Cause.Cause<unknown>
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Runs with a logger that keeps all there is, from `level` on. */
const logged = Effect.fnUntraced(function*<E, R>(
  program: Effect.Effect<void, E, R>,
  level: LogLevel.LogLevel = "All"
) {
  const lines: Array<Line> = []
  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    const [text] = Array.isArray(message) ? message : [message]
    lines.push({
      level: logLevel,
      text: String(text),
      cause,
      annotations: fiber.getRef(References.CurrentLogAnnotations)
    })
  })
  yield* program.pipe(
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, level)
  )
  const about = (text: RegExp) => lines.filter((line) => text.test(line.text))
  return { lines, about }
})

/** A supervisor to which most of what is logged does happen. */
const history = Effect.gen(function*() {
  const { body, release } = yield* stubborn
  let run = 0
  const supervisor = yield* Supervisor.make({
    name: "root",
    healthCheck: { initialDelay: 0 },
    tasks: [
      Task.make("flaky", Effect.suspend(() => ++run < 3 ? Effect.fail(new Net()) : Effect.never), {
        restart: { schedule: Schedule.spaced(100) },
        stableAfter: 1000
      }),
      Task.make("silent", Effect.never, { heartbeat: Heartbeat.manual({ within: 500 }), restart: { times: 0 } }),
      Task.make("down", Effect.never, {
        heartbeat: Heartbeat.probe(Effect.fail(new Net()), { failures: 1 }),
        restart: { times: 0 }
      }),
      Task.make("done", Effect.void),
      Task.make("stuck", body, { stopTimeout: 50 }),
      Task.make("killed", Effect.never),
      Task.make("stopped", Effect.never)
    ]
  })
  yield* TestClock.adjust(2000)
  yield* within(Effect.ignore(supervisor.stop("stuck")), 50)
  yield* supervisor.kill("killed")
  yield* supervisor.stop("stopped")
  yield* supervisor.remove("stopped")
  yield* release
  yield* settle
  yield* supervisor.shutdown
  yield* settle
})

describe("logs", () => {
  it.effect("giving up is fatal: a task that is exhausted, not restartable, escalated; a supervisor that gives up", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(
        Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [
              Task.make("exhausted", Effect.fail(new Net()), { restart: { times: 0 } }),
              Task.make("temporary", Effect.fail(new Net()), { restart: { mode: "temporary" } }),
              Task.make("escalated", Effect.andThen(Effect.sleep(10), Effect.fail(new Auth())), {
                restart: { on: { Auth: "escalate" } }
              })
            ]
          })
          yield* within(Effect.ignore(supervisor.await), 10)
        }),
        "Fatal"
      )
      assert.deepStrictEqual(lines.map((line) => [line.level, line.annotations["task"]]), [
        ["Fatal", "exhausted"],
        ["Fatal", "temporary"],
        ["Fatal", "escalated"],
        ["Fatal", undefined]
      ])
      const [exhausted, , , supervisor] = lines
      assert.match(exhausted!.text, /dead \(Exhausted\).*Net/)
      assert.match(supervisor!.text, /^supervisor gives up: task "escalated".*Auth/)
      assert.isTrue(Cause.hasFails(supervisor!.cause))
    }))

  it.effect("each kind of line has its level", () =>
    Effect.gen(function*() {
      const { about } = yield* logged(history)
      const expected: ReadonlyArray<readonly [RegExp, LogLevel.LogLevel]> = [
        [/^task added/, "Debug"],
        [/^task starting/, "Debug"],
        [/^task healthy/, "Debug"],
        [/^task stable/, "Debug"],
        [/^task stopping/, "Debug"],
        [/^task removed/, "Debug"],
        [/^task restarts in/, "Info"],
        [/^task stopped/, "Info"],
        [/^task completed/, "Info"],
        [/^task dead \((Killed|ShutDown)/, "Info"],
        [/^task failed/, "Warn"],
        [/^task taken for hung/, "Warn"],
        [/^task does not end/, "Error"],
        [/^task dead \(Exhausted/, "Fatal"]
      ]
      for (const [text, level] of expected) {
        assert.isAbove(about(text).length, 0, String(text))
        for (const line of about(text)) assert.strictEqual(line.level, level, line.text)
      }
    }))

  it.effect("every line about a task says of which supervisor, task, generation and attempt", () =>
    Effect.gen(function*() {
      const { about, lines } = yield* logged(history)
      for (const { annotations, text } of lines.filter((line) => line.text.startsWith("task "))) {
        assert.strictEqual(annotations["supervisor"], "root", text)
        assert.isString(annotations["task"], text)
        assert.isNumber(annotations["generation"], text)
        assert.isNumber(annotations["attempt"], text)
      }
      const flaky = (text: RegExp) =>
        about(text).flatMap(({ annotations: { attempt, generation, task } }) =>
          task === "flaky" ? [[generation, attempt]] : []
        )
      assert.deepStrictEqual(flaky(/^task added/), [[0, 0]])
      assert.deepStrictEqual(flaky(/^task starting/), [[1, 0], [2, 1], [3, 2]])
      assert.deepStrictEqual(flaky(/^task failed/), [[1, 0], [2, 1]])
      assert.deepStrictEqual(flaky(/^task restarts/), [[1, 1], [2, 2]])
      assert.deepStrictEqual(flaky(/^task stable/), [[3, 0]])
    }))

  it.effect("says what a person asks: what failed, how long until the restart, what does not end", () =>
    Effect.gen(function*() {
      const { about } = yield* logged(history)
      const [failed] = about(/^task failed/)
      assert.include(failed?.text, "Net")
      assert.isTrue(Cause.hasFails(failed!.cause))
      assert.include(about(/^task restarts in/)[0]?.text, "100ms")
      const hung = about(/^task taken for hung/).find((line) => line.annotations["task"] === "silent")
      assert.match(hung?.text ?? "", /no sign of life within 50\dms/)
      assert.include(about(/^task does not end/)[0]?.text, "50 ms")
    }))

  it.effect("a permanent task that ends well is no warning", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(
        Effect.gen(function*() {
          yield* Supervisor.make({
            tasks: [Task.make("job", Effect.void, { restart: { mode: "permanent", schedule: Schedule.spaced(100) } })]
          })
          yield* TestClock.adjust(1000)
        }),
        "Warn"
      )
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("a policy that dies is told with its cause", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(
        Effect.gen(function*() {
          yield* Supervisor.make({
            tasks: [Task.make("job", Effect.fail(new Net()), {
              restart: { schedule: Schedule.forever.pipe(Schedule.tap(() => Effect.die("bad schedule"))) }
            })]
          })
          yield* settle
        }),
        "Fatal"
      )
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0]!.text, "bad schedule")
      assert.include(Cause.pretty(lines[0]!.cause), "bad schedule")
    }))

  it.effect("a failure that repeats is told at each power of two, and louder from the fourth time on; others are not", () =>
    Effect.gen(function*() {
      const { about, lines } = yield* logged(Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({
          name: "root",
          tasks: [
            Task.make("same", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(100) } }),
            Task.make("ended", Effect.void, { restart: { mode: "permanent", schedule: Schedule.spaced(100) } })
          ]
        })
        yield* TestClock.adjust(1900)
        yield* settle
        yield* supervisor.shutdown
      }))
      const told = (task: string, text: RegExp) =>
        about(text).filter((line) => line.annotations["task"] === task && line.level !== "Debug")
          .map(({ level, text }) => [level, / \((\d+) times in a row\)/.exec(text)?.[1] ?? "1"])
      assert.deepStrictEqual(told("same", /^task failed/), [
        ["Warn", "1"],
        ["Warn", "2"],
        ["Error", "4"],
        ["Error", "8"],
        ["Error", "16"]
      ])
      assert.deepStrictEqual(told("ended", /^task ended well/), [
        ["Info", "1"],
        ["Info", "2"],
        ["Info", "4"],
        ["Info", "8"],
        ["Info", "16"]
      ])
      // Each restart is told where its failure is.
      assert.strictEqual(told("same", /^task restarts/).length, 5)
      // Who listens to all of it misses none.
      const all = lines.filter((line) => line.annotations["task"] === "same" && line.text.startsWith("task failed"))
      assert.strictEqual(all.length, 20)
      assert.isTrue(all.every(({ level, text }) => level !== "Debug" || text.includes("times in a row")))
    }))

  it.effect("a streak is over with another failure, a stable time, or a start by hand", () =>
    Effect.gen(function*() {
      const { about } = yield* logged(
        Effect.gen(function*() {
          const errors = [new Net(), new Net(), new Net(), new Auth(), new Net()]
          let run = 0
          const supervisor = yield* Supervisor.make({
            name: "root",
            tasks: [
              Task.make("job", Effect.suspend(() => Effect.fail(errors[run++] ?? new Net())), {
                restart: { schedule: Schedule.spaced(100) }
              })
            ]
          })
          yield* TestClock.adjust(700)
          yield* settle
          yield* supervisor.restart("job")
          yield* settle
          yield* supervisor.shutdown
        }),
        "Warn"
      )
      assert.deepStrictEqual(about(/^task failed/).map(({ level, text }) => [level, text.replace(/:.*/, "")]), [
        ["Warn", "task failed"],
        ["Warn", "task failed (2 times in a row)"],
        ["Warn", "task failed"],
        ["Warn", "task failed"],
        ["Warn", "task failed (2 times in a row)"],
        ["Error", "task failed (4 times in a row)"],
        ["Warn", "task failed"]
      ])
    }))

  it.effect("pauses are errors, with how long and why; what is held, taken along or reconfigured is said", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(
        Effect.gen(function*() {
          let run = 0
          const supervisor = yield* Supervisor.make({
            name: "root",
            strategy: "one-for-all",
            intensity: { restarts: 1, within: "1 minute", whenExceeded: "pause" },
            tasks: [
              Task.make("beside", Effect.never),
              Task.make("failing", Effect.suspend(() => ++run <= 2 ? Effect.fail(new Net()) : Effect.never), {
                restart: { schedule: Schedule.spaced(0) }
              })
            ]
          })
          yield* settle
          yield* TestClock.adjust("2 minutes")
          yield* settle
          yield* supervisor.reconfigure({ tasks: [Task.make("new", Effect.never), Task.make("beside", Effect.void)] })
          yield* supervisor.reconfigure({ strategy: "one-for-one" })
          yield* settle
          yield* supervisor.shutdown
        }),
        "Info"
      )
      const texts = lines.filter(({ annotations }) => annotations["task"] === undefined).map((
        { level, text }
      ) => [level, text])
      assert.deepStrictEqual(texts, [
        ["Error", "supervisor pauses restarts for 1m: more than 1 within 1m"],
        ["Info", "supervisor resumes restarts"],
        ["Info", "supervisor reconfigured: new \"new\"; changed \"beside\"; removed \"failing\""],
        ["Info", "supervisor reconfigured"]
      ])
      assert.isTrue(
        lines.some(({ annotations, text }) =>
          annotations["task"] === "beside" && /^task restarts .*, with its sibling "failing"$/.test(text)
        )
      )
      for (const { annotations } of lines) assert.strictEqual(annotations["supervisor"], "root")
    }))

  it.effect("giving up over the intensity is fatal, and each level of a tree says so of itself", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(
        Effect.gen(function*() {
          const failing = Task.make("failing", Effect.andThen(Effect.sleep(10), Effect.fail(new Net())), {
            restart: { schedule: Schedule.spaced(0) }
          })
          const root = yield* Supervisor.make({
            name: "root",
            tasks: [
              Task.make("in", Supervisor.run({ intensity: { restarts: 0, within: 1 }, tasks: [failing] }), {
                restart: { times: 0 },
                whenDead: "escalate"
              })
            ]
          })
          yield* TestClock.adjust(10)
          yield* settle
          yield* Effect.ignore(root.await)
        }),
        "Fatal"
      )
      assert.deepStrictEqual(
        lines.map(({ annotations, text }) => [annotations["supervisor"], annotations["task"], text.slice(0, 40)]),
        [
          ["root/in", undefined, "supervisor gives up: more than 0 restart"],
          ["root", "in", "task dead (Exhausted): SupervisorError: "],
          ["root", undefined, "supervisor gives up: task \"in\" of superv"]
        ]
      )
    }))

  it.effect("the minimum level of whoever made the supervisor counts", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(history, "Warn")
      assert.isAbove(lines.length, 3)
      for (const line of lines) assert.include(["Warn", "Error", "Fatal"], line.level)
    }))

  it.effect("the supervisor's own lines carry the annotations of whoever made it", () =>
    Effect.gen(function*() {
      const { lines } = yield* logged(Effect.annotateLogs(history, "service", "shop"))
      assert.isAbove(lines.length, 10)
      for (const line of lines) assert.strictEqual(line.annotations["service"], "shop", line.text)
    }))

  it.effect("a logger that throws does no harm", () =>
    Effect.gen(function*() {
      let thrown = 0
      const logger = Logger.make(() => {
        thrown++
        throw new Error("the disk is full")
      })
      const supervisor = yield* Supervisor.make({
        tasks: [Task.make("job", Effect.fail(new Net()), { restart: { schedule: Schedule.spaced(100) } })]
      }).pipe(Effect.provide(Logger.layer([logger])))
      yield* TestClock.adjust(1000)
      // Of eleven equal failures the first, second, fourth and eighth, each with its restart.
      assert.strictEqual(thrown, 8)
      assert.strictEqual((yield* supervisor.status("job")).generation, 11)
      yield* supervisor.shutdown
    }))

  it.effect("a crash of the loop itself is fatal, with its cause", () =>
    Effect.gen(function*() {
      const counting = yield* Counting.make
      const { about } = yield* logged(
        counting.provide(Effect.gen(function*() {
          const supervisor = yield* Supervisor.make({ name: "root", tasks: [Task.make("job", Effect.never)] })
          yield* settle
          counting.breakClock(new Error("the clock is broken"))
          yield* fork(Effect.ignoreCause(supervisor.restart("job")))
        })),
        "Fatal"
      )
      const [crash] = about(/^supervisor crashed/)
      assert.strictEqual(crash?.annotations["supervisor"], "root")
      assert.include(Cause.pretty(crash!.cause), "the clock is broken")
    }))

  it.effect("nothing is written to the console: what is logged goes to the application's loggers alone", () =>
    Effect.gen(function*() {
      const written: Array<unknown> = []
      const spy = new Proxy(globalThis.console, {
        get: (target, key) =>
          typeof Reflect.get(target, key) === "function"
            ? (...args: ReadonlyArray<unknown>) => written.push([key, ...args])
            : Reflect.get(target, key)
      }) as Console.Console
      const { stderr, stdout } = globalThis.process
      const writes = { stdout: stdout.write, stderr: stderr.write }
      const keep = (name: string) => (chunk: unknown) => {
        written.push([name, String(chunk)])
        return true
      }
      yield* Effect.acquireUseRelease(
        Effect.sync(() => {
          stdout.write = keep("stdout")
          stderr.write = keep("stderr")
        }),
        () =>
          Effect.gen(function*() {
            const { lines } = yield* logged(history)
            assert.isAbove(lines.length, 10)
            // whoever wants no logs gets none, and no substitute
            yield* history.pipe(Effect.provide(Logger.layer([])))
            const gate = Latch.makeUnsafe()
            const supervisor = yield* Supervisor.make({
              tasks: [Task.make("job", Effect.andThen(gate.await, Effect.die("broken")), {
                restart: { times: 0 },
                whenDead: "escalate"
              })]
            }).pipe(Effect.provide(Logger.layer([])))
            yield* gate.open
            yield* settle
            yield* Effect.ignore(supervisor.await)
          }).pipe(Effect.provideService(Console.Console, spy)),
        () =>
          Effect.sync(() => {
            stdout.write = writes.stdout
            stderr.write = writes.stderr
          })
      )
      assert.deepStrictEqual(written, [])
    }))
})
