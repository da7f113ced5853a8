import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { Output } from "../../../src/cli/output.ts"
import type { Stream } from "../../../src/cli/output.ts"
import * as Screen from "../../../src/cli/screen.ts"

const ESC = "\u001B"

/** A terminal that keeps what is written to it. */
const terminal = () => {
  const size = { columns: 100, rows: 12 }
  let written = ""
  let sink: ((text: string) => void) | undefined
  const put = (text: string) => {
    written += text
  }
  const stream: Stream = {
    isTerminal: true,
    size: Effect.sync(() => size),
    write: (text) => Effect.sync(() => put(text)),
    put,
    unread: Effect.never,
    take: (taken) =>
      Effect.sync(() => {
        sink = taken
      })
  }
  return {
    stream,
    size,
    /** What somebody else writes. */
    print: (text: string) => sink?.(text),
    /** Everything since the last time. */
    take: () => {
      const text = written
      written = ""
      return text
    }
  }
}

/** The lines of the newest picture. */
const picture = (written: string): ReadonlyArray<string> =>
  (written.split(`${ESC}[H`).at(-1) ?? "").replace(`${ESC}[J`, "").split("\r\n").map((line) =>
    line.replace(`${ESC}[2K`, "")
  )

const shown = Effect.gen(function*() {
  const stdout = terminal()
  const view = yield* Screen.make({ colors: false, branches: true }).pipe(
    Effect.provideService(Output, { stdout: stdout.stream, stderr: stdout.stream })
  )
  const supervisor = yield* Effect.provideService(
    Supervisor.make({
      name: "app",
      tasks: [
        Task.make("talker", Effect.andThen(Effect.log("said"), Effect.never)),
        Task.make("failing", Effect.fail("no luck"))
      ]
    }),
    Supervisor.Observer,
    view.watch
  ).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([view.logger])))
  return { stdout, view, supervisor }
})

describe("the screen", () => {
  it.effect("shows the tasks, and counts down to a restart, four times a second", () =>
    Effect.gen(function*() {
      const { stdout } = yield* shown
      yield* TestClock.adjust("60 millis")
      assert.deepStrictEqual(picture(stdout.take()).slice(0, 4).map((line) => line.replace(/ {3,}/g, "  ")), [
        "app  up 0s  2 tasks: 1 Healthy, 1 Failed",
        "TASK  STATUS  GEN  UPTIME  ATTEMPTS  LAST FAILURE  RESTART",
        "talker  Healthy  1  0s  0  –  –",
        "failing  Failed  1  –  1  0s ago: no luck  in 0.9s"
      ])
      yield* TestClock.adjust("400 millis")
      const written = stdout.take()
      assert.match(picture(written)[3] ?? "", /in 0\.[5-7]s$/)
      assert.isAtMost(written.split(`${ESC}[H`).length - 1, 3)
    }))

  it.effect("keeps logs and what is printed below the table, and out of its way", () =>
    Effect.gen(function*() {
      const { stdout } = yield* shown
      stdout.print("printed\nin two")
      stdout.print(" pieces\n")
      yield* TestClock.adjust("300 millis")
      const lines = picture(stdout.take()).map((line) => line.replace(/^\d\d:\d\d:\d\d /, ""))
      assert.deepStrictEqual(lines.slice(4), [
        "",
        "app/talker said",
        "printed",
        "in two pieces",
        "",
        "Ctrl-C stops everything in order",
        ""
      ])
    }))

  it.effect("fits a terminal that was made smaller", () =>
    Effect.gen(function*() {
      const { stdout } = yield* shown
      yield* TestClock.adjust("300 millis")
      stdout.size.columns = 40
      stdout.size.rows = 6
      stdout.take()
      yield* TestClock.adjust("1 second")
      const lines = picture(stdout.take())
      assert.strictEqual(lines.length, 6)
      for (const line of lines) assert.isAtMost(line.length, 40)
    }))

  it.effect("shows a supervisor that is made again in the place of the one that has ended", () =>
    Effect.gen(function*() {
      const stdout = terminal()
      const view = yield* Effect.provideService(Screen.make({ colors: false, branches: true }), Output, {
        stdout: stdout.stream,
        stderr: stdout.stream
      })
      const once = Supervisor.run({
        name: "app",
        tasks: [Task.make("brief", Effect.sleep("1 second"))],
        whenAllCompleted: "end"
      })
      yield* Effect.forkScoped(Effect.provideService(Effect.forever(once), Supervisor.Observer, view.watch))
      yield* TestClock.adjust("3500 millis")
      const lines = picture(stdout.take())
      assert.strictEqual(lines[0], "app  up 0s  1 task: 1 Healthy")
      assert.strictEqual(lines.filter((line) => line.startsWith("brief")).length, 1)
    }))

  it.effect("shows the whole tree, also when it has ended, and where restarts are paused", () =>
    Effect.gen(function*() {
      const stdout = terminal()
      stdout.size.rows = 20
      const view = yield* Effect.provideService(Screen.make({ colors: false, branches: true }), Output, {
        stdout: stdout.stream,
        stderr: stdout.stream
      })
      const orders = Supervisor.run({
        strategy: "rest-for-one",
        intensity: { restarts: 1, within: "30 seconds", whenExceeded: "pause" },
        tasks: [
          Task.make(
            "connection",
            Effect.andThen(Effect.log("connected"), Effect.delay(Effect.fail("lost"), "1 second"))
          ),
          Task.make("billing", Effect.never)
        ]
      })
      const supervisor = yield* Effect.provideService(
        Supervisor.make({ name: "app", tasks: [Task.make("orders", orders), Task.make("http", Effect.never)] }),
        Supervisor.Observer,
        view.watch
      ).pipe(Effect.provideService(Logger.CurrentLoggers, new Set([view.logger])))
      yield* TestClock.adjust("1300 millis")
      const lines = picture(stdout.take()).map((line) => line.replace(/ {2,}/g, " ").replace(/^\d\d:\d\d:\d\d /, ""))
      assert.deepStrictEqual(lines, [
        "app up 1s 4 tasks: 2 Healthy, 2 Failed",
        "TASK STATUS GEN UPTIME ATTEMPTS LAST FAILURE RESTART",
        "orders Healthy 1 1s 0 – –",
        "├ connection Failed 1 – 1 0s ago: lost in 0.7s",
        "└ billing Failed 1 – 0 restarts with connection in 0.7s",
        "http Healthy 1 1s 0 – –",
        "",
        // What the inner supervisor logs of its tasks is in the table; what they log themselves is not.
        "app/orders/connection connected",
        "",
        "Ctrl-C stops everything in order",
        ""
      ])
      yield* TestClock.adjust("2 seconds")
      assert.match(picture(stdout.take())[2] ?? "", /^orders +Healthy .* restarts are paused for 29s/)
      yield* supervisor.shutdown
      yield* view.finish
      const [, after = ""] = stdout.take().split(`${ESC}[?25h${ESC}[?1049l`)
      assert.deepStrictEqual(after.split("\n").slice(2, 6).map((line) => line.slice(0, 30).trimEnd()), [
        "orders        Dead (shut down)",
        "├ connection  Dead (shut down)",
        "└ billing     Dead (shut down)",
        "http          Dead (shut down)"
      ])
    }))

  it.effect("draws nothing anew that looks the same", () =>
    Effect.gen(function*() {
      const stdout = terminal()
      yield* Effect.provideService(Screen.make({ colors: false, branches: true }), Output, {
        stdout: stdout.stream,
        stderr: stdout.stream
      })
      yield* TestClock.adjust("1 second")
      stdout.take()
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(stdout.take(), "")
    }))

  it.effect("gives the terminal back with its cursor, and leaves the last picture on it", () =>
    Effect.gen(function*() {
      const { stdout, supervisor, view } = yield* shown
      assert.include(stdout.take(), `${ESC}[?1049h${ESC}[?25l`)
      yield* TestClock.adjust("300 millis")
      yield* supervisor.shutdown
      yield* view.finish
      const written = stdout.take()
      const [before, after] = written.split(`${ESC}[?25h${ESC}[?1049l`)
      assert.isDefined(before)
      assert.notInclude(after ?? ESC, ESC)
      const lines = (after ?? "").split("\n")
      assert.strictEqual(lines[0], "app  ended after 0s  2 tasks: 2 Dead")
      assert.match(lines[2] ?? "", /^talker {3}Dead \(shut down\)/)
      assert.strictEqual(lines.at(-1), "")
    }))

  it.effect("gives the terminal back when it is left by a failure, too", () =>
    Effect.gen(function*() {
      const stdout = terminal()
      const open = yield* Deferred.make<void>()
      const failing = Effect.scoped(Effect.gen(function*() {
        yield* Effect.provideService(Screen.make({ colors: false, branches: true }), Output, {
          stdout: stdout.stream,
          stderr: stdout.stream
        })
        yield* Deferred.succeed(open, undefined)
        return yield* Effect.never
      }))
      const fiber = yield* Effect.forkChild(failing)
      yield* Deferred.await(open)
      yield* Fiber.interrupt(fiber)
      assert.match(stdout.take(), new RegExp(`${ESC}\\[\\?25h${ESC}\\[\\?1049l$`))
    }))
})
