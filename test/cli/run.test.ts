import { assert, describe, it } from "@effect/vitest"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import { SupervisorEventJson } from "effect-supervisor/SupervisorEvent"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cpSync } from "node:fs"
import { join } from "node:path"
import * as Cli from "./process.ts"

const fixture = (name: string): string => `test/cli/fixtures/${name}`

const decode = Schema.decodeUnknownEffect(SupervisorEventJson)

const eventsOf = (stdout: string): Effect.Effect<ReadonlyArray<SupervisorEvent>, Schema.SchemaError> =>
  Effect.forEach(stdout.split("\n").slice(0, -1), (line) => decode(line))

/** What happened to which task, in order. */
const story = (events: ReadonlyArray<SupervisorEvent>, tag: SupervisorEvent["_tag"]): ReadonlyArray<string> =>
  events.flatMap((event) => event._tag === tag && "task" in event ? [event.task] : [])

/** Messages are for people: no stack trace in them. */
const assertNoStack = (stderr: string): void => assert.notMatch(stderr, /^\s+at .*(node:|node_modules|src[\\/]cli)/m)

describe.concurrent("effect-supervisor run", () => {
  it.live("--json prints the events as NDJSON, and nothing else on standard output", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("healthy.ts"), "--json"])
      yield* cli.until("\"_tag\":\"TaskHealthy\",\"sequence\":10")
      yield* cli.signal("SIGINT")
      const { code, stderr, stdout } = yield* cli.ended
      const events = yield* eventsOf(stdout)
      assert.strictEqual(code, 0)
      assert.strictEqual(events[0]?._tag, "Snapshot")
      assert.strictEqual(events.at(-1)?._tag, "SupervisorClosed")
      assert.deepStrictEqual(
        events.map((event) => event.sequence),
        events.map((_, index) => index + 1),
        "without gap or repeat"
      )
      assert.include(stderr, "loaded\n")
      assert.include(stderr, "written to the console")
      assert.include(stderr, "app/chatty logged")
    }))

  it.live("off a terminal each event is one line on standard output, and logs are on standard error", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("givesUp.ts")])
      const { stderr, stdout } = yield* cli.ended
      const lines = stdout.trimEnd().split("\n").map((line) => line.replace(/^\S+Z /, ""))
      assert.deepStrictEqual(lines, [
        "app started",
        "app/door added",
        "app/door starting (run 1)",
        "app/door failed (run 1): DoorLocked: the key brass does not fit",
        "app/door restarts in 10ms (attempt 1)",
        "app/door starting (run 2, attempt 1)",
        "app/door failed (run 2): DoorLocked: the key brass does not fit",
        "app/door restarts in 10ms (attempt 2)",
        "app/door starting (run 3, attempt 2)",
        "app/door failed (run 3): DoorLocked: the key brass does not fit",
        "app/door dead (exhausted): DoorLocked: the key brass does not fit",
        lines.at(-2),
        "app closed"
      ])
      assert.match(lines.at(-2) ?? "", /^app gives up: /)
      assert.notInclude(stderr, "task failed", "what is an event is not logged besides")
    }))

  it.live("off a terminal it tells of a whole tree, and nothing of it twice", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Cli.run(["run", fixture("tree.ts")])
      const lines = stdout.trimEnd().split("\n").map((line) => line.replace(/^\S+Z /, ""))
      assert.strictEqual(code, 1)
      for (
        const line of [
          "app/orders/connection failed (run 1): the line is cut",
          "app/orders/connection restarts in 300ms (attempt 1)",
          "app/orders/billing stopping (sibling, run 1)",
          "app/orders/billing restarts with connection",
          "app/orders failed (run 1): gave up: more than 1 restart within 60000 ms, the last one of task \"connection\": the line is cut",
          "app/orders gives up: more than 1 restart within 60000 ms, the last one of task \"connection\": the line is cut"
        ]
      ) {
        assert.strictEqual(lines.filter((told) => told.replace(/ in \d+ms$/, "") === line).length, 1, line)
      }
      assert.isTrue(
        lines.some((line) => /^app gives up: task "orders" .*more than 1 restart within 60000 ms/.test(line))
      )
      assert.strictEqual(lines.at(-1), "app closed")
      assert.include(stderr, "INFO app/orders/billing billing begins")
      assert.notInclude(stderr, "task failed", "what is an event is not logged besides")
    }))

  it.live("--json tells of a whole tree, without gap or repeat in what each supervisor says", () =>
    Effect.gen(function*() {
      const json = yield* Cli.run(["run", fixture("tree.ts"), "--json"])
      assert.match(json.stderr, /FATAL app\/orders supervisor gives up: more than 1 restart/)
      assert.match(json.stderr, /WARN app\/orders\/connection task failed: the line is cut/)
      const events = yield* eventsOf(json.stdout)
      assert.deepStrictEqual(new Set(events.map(({ supervisor }) => supervisor)), new Set(["app", "app/orders"]))
      for (const path of ["app", "app/orders"]) {
        const own = events.flatMap(({ sequence, supervisor }) => supervisor === path ? [sequence] : [])
        assert.deepStrictEqual(own, own.map((_, index) => index + 1), path)
      }
    }))

  it.live("a tree is stopped in reverse order, and a run in it that does not end is named by its path", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("deepStuck.ts"), "--json"])
      yield* cli.until("\"task\":\"last\",\"generation\":1,\"attempt\":0")
      yield* cli.signal("SIGTERM")
      const { code, stderr, stdout } = yield* cli.ended
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(story(yield* eventsOf(stdout), "TaskStopping"), [
        "last",
        "middle",
        "inner",
        "stuck",
        "first"
      ])
      assert.include(stderr, "left behind, it did not end within its stopTimeout: app/middle/inner/stuck (run 1)")
    }))

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.live(`${signal} stops everything in reverse order and exits 0`, () =>
      Effect.gen(function*() {
        const cli = yield* Cli.start(["run", fixture("healthy.ts"), "--json"])
        yield* cli.until("\"_tag\":\"TaskHealthy\",\"sequence\":10")
        yield* cli.signal(signal)
        const { code, stdout } = yield* cli.ended
        const events = yield* eventsOf(stdout)
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(story(events, "TaskStopping"), ["last", "chatty", "first"])
        assert.deepStrictEqual(story(events, "TaskDead"), ["last", "chatty", "first"])
      }))
  }

  it.live("one press of Ctrl-C that comes twice, as it does under npm, still stops in order", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("slowToStop.ts")])
      yield* cli.until("app/slow healthy")
      yield* cli.signal("SIGINT")
      yield* cli.signal("SIGINT")
      const { code, stderr } = yield* cli.ended
      assert.strictEqual(code, 0)
      assert.include(stderr, "closed its books")
    }))

  it.live("a second Ctrl-C ends it at once", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("unstoppable.ts")], { env: { STOP_TIMEOUT: "600000" } })
      yield* cli.until("app/stuck healthy")
      yield* cli.signal("SIGINT")
      yield* cli.until("Ctrl-C again ends it at once")
      yield* cli.signal("SIGINT")
      const { code } = yield* cli.ended
      assert.strictEqual(code, 130)
    }))

  it.live("a run that does not end is named on standard error, and the exit is 0 all the same", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("unstoppable.ts"), "--json"], { env: { STOP_TIMEOUT: "50" } })
      yield* cli.until("\"task\":\"stuck\",\"generation\":1,\"attempt\":0")
      yield* cli.signal("SIGTERM")
      const { code, stderr, stdout } = yield* cli.ended
      const last = (yield* eventsOf(stdout)).at(-1)
      assert.strictEqual(code, 0)
      assert.include(stderr, "left behind, it did not end within its stopTimeout: app/stuck (run 1)")
      assert.deepStrictEqual(story(yield* eventsOf(stdout), "TaskDead"), ["good"])
      assert.strictEqual(last?._tag === "SupervisorClosed" ? last.unstoppable[0]?.path : undefined, "app/stuck")
    }))

  it.live("a supervisor that gave up exits 1, and says why in people's words", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* Cli.run(["run", fixture("givesUp.ts"), "--json"])
      assert.strictEqual(code, 1)
      assert.match(
        stderr,
        /^effect-supervisor: supervisor "app" gave up: task "door" .*3 runs: DoorLocked: the key brass does not fit$/m
      )
    }))

  it.live("--for ends by itself, in order", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Cli.run(["run", fixture("healthy.ts"), "--json", "--for", "100 millis"])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(story(yield* eventsOf(stdout), "TaskDead"), ["last", "chatty", "first"])
      assert.notInclude(stderr, "effect-supervisor:")
    }))

  it.live("runs the options of Supervisor.run, also from JavaScript, and exits 0 when all has completed", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Cli.run(["run", fixture("options.js")])
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.include(stdout, "plain/once completed (run 1)")
    }))

  it.live("runs an application of Layers", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Cli.run(["run", fixture("launched.ts")])
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.include(stdout, "layered/feature completed (run 1)")
    }))

  it.live("ends quietly and in order when nobody reads its output any more", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", fixture("restless.ts"), "--json"])
      yield* cli.until("Snapshot")
      yield* cli.closeStdout
      const { code, stderr } = yield* cli.ended
      assert.strictEqual(code, 0)
      assert.include(stderr, "closed its books")
      assert.notInclude(stderr, "EPIPE")
    }))

  it.live("Ctrl-C while the module is being loaded ends it", () =>
    Effect.gen(function*() {
      const endless = "console.error(\"loading\")\nawait new Promise(() => {})\nexport default {}"
      const cwd = yield* Cli.project({ "endless.ts": endless })
      const cli = yield* Cli.start(["run", "endless.ts"], { cwd })
      yield* cli.until("loading")
      yield* cli.signal("SIGINT")
      assert.deepStrictEqual(yield* cli.ended, { code: 0, signal: null, stdout: "", stderr: "loading\n" })
    }))

  it.live("--for bounds loading too", () =>
    Effect.gen(function*() {
      const cwd = yield* Cli.project({ "endless.ts": "await new Promise(() => {})\nexport default {}" })
      const { code, stderr } = yield* Cli.run(["run", "endless.ts", "--for", "100 millis"], { cwd })
      assert.strictEqual(code, 1)
      assert.include(stderr, "endless.ts was still being loaded after 100ms")
    }))

  it.live("what is thrown outside of every fiber stops everything in order and exits 1", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* Cli.run(["run", fixture("callback.ts")])
      assert.strictEqual(code, 1)
      assert.include(stderr, "closed its books")
      assert.include(stderr, "thrown: TypeError: nobody catches this")
      assertNoStack(stderr)
    }))
})

describe.concurrent("a module that cannot be run", () => {
  const bad = [
    {
      what: "is missing",
      file: undefined,
      says: ["cannot find the module bad.ts", "expected: a TypeScript or JavaScript file", "found:    nothing at"]
    },
    {
      what: "holds an enum",
      file: "export enum A { x }",
      says: ["does not compile", "bad.ts:1", "enum is not supported", "expected: a module with"]
    },
    { what: "is no TypeScript", file: "const a = 1\nconst b: = 2", says: ["does not compile", "bad.ts:2"] },
    {
      what: "throws",
      file: "const f = (): never => { throw new RangeError(\"no such thing\") }\nf()",
      says: ["it threw", "RangeError: no such thing", "at bad.ts:1:", "expected: a module with"]
    },
    {
      what: "imports what is missing",
      file: "import \"./nowhere.ts\"",
      says: ["something it imports cannot be found", "nowhere.ts"]
    },
    {
      what: "exports a number",
      file: "export default 42",
      says: ["exports no supervisor", "expected: a default export that Supervisor.run takes", "found:    the number 42"]
    },
    {
      what: "exports a service class",
      file: "import { Supervisor } from \"effect-supervisor\"\n" +
        "export default class App extends Supervisor.Service<App>()(\"app\") {}",
      says: ["exports no supervisor", "a service class"]
    },
    {
      what: "exports options that are refused",
      file: "export default { name: \"app\", tusks: [] }",
      says: ["Supervisor.run refuses the default export of bad.ts", "\"tusks\"", "allowed are"]
    },
    {
      what: "exports an Effect without a supervisor",
      file: "import * as Effect from \"effect/Effect\"\nexport default Effect.void",
      says: ["found:    an Effect that ended without having run a supervisor"]
    },
    {
      what: "exports an Effect that fails before there is a supervisor",
      file: "import * as Effect from \"effect/Effect\"\nexport default Effect.fail(new Error(\"no configuration\"))",
      says: ["bad.ts failed: Error: no configuration"]
    }
  ]

  for (const { file, says, what } of bad) {
    it.live(`one that ${what} is told apart, without stack`, () =>
      Effect.gen(function*() {
        const cwd = yield* Cli.project(file === undefined ? {} : { "bad.ts": file })
        const { code, stderr, stdout } = yield* Cli.run(["run", "bad.ts"], { cwd })
        assert.strictEqual(code, 1)
        assert.strictEqual(stdout, "")
        for (const text of says) assert.include(stderr, text)
        assertNoStack(stderr)
      }))
  }

  it.live("one in JavaScript that does not compile is shown with the line", () =>
    Effect.gen(function*() {
      const cwd = yield* Cli.project({ "bad.mjs": "const a = 1\nconst b = = 2" })
      const { code, stderr } = yield* Cli.run(["run", "bad.mjs"], { cwd })
      assert.strictEqual(code, 1)
      assert.include(stderr, "bad.mjs:2")
      assert.include(stderr, "const b = = 2")
    }))
})

describe.concurrent("a wrong use", () => {
  it.live("exits 1, and shows the usage on standard error alone", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Cli.run(["run", fixture("healthy.ts"), "--for", "soon"])
      assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
      assert.include(stderr, "a duration above 0, such as \"20 seconds\"")
      assert.include(stderr, "usage: effect-supervisor run [flags] <module>")
    }))

  it.live("without @effect/platform-node it says in one line what to install", () =>
    Effect.gen(function*() {
      const folder = yield* Cli.project({}, ["effect"])
      cpSync(join(Cli.root, "src"), join(folder, "src"), { recursive: true })
      const { code, stderr, stdout } = yield* Cli.run(["--help"], { cwd: folder, bin: join(folder, "src/bin.ts") })
      assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
      assert.strictEqual(
        stderr,
        "effect-supervisor: the command line needs @effect/platform-node, which is not installed: " +
          "npm install @effect/platform-node\n"
      )
    }))
})
