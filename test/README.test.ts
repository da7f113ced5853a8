import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolError from "effect-supervisor/SlotPoolError"
import * as SlotPoolEvent from "effect-supervisor/SlotPoolEvent"
import * as SlotPoolMetrics from "effect-supervisor/SlotPoolMetrics"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as SlotPoolStoreSql from "effect-supervisor/SlotPoolStoreSql"
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorError from "effect-supervisor/SupervisorError"
import * as SupervisorEvent from "effect-supervisor/SupervisorEvent"
import * as SupervisorMetrics from "effect-supervisor/SupervisorMetrics"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as TaskStatus from "effect-supervisor/TaskStatus"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Programs from "./readme/programs.ts"

const { readme } = Programs
const programs = Programs.programsOf(readme)
const project = Programs.write(programs)
afterAll(project.remove)

const ofKind = (kind: Programs.Kind) => programs.filter((program) => program.kind === kind)

describe("the programs of the README", () => {
  // The compiler takes seconds of its own, and many more where the machine is busy.
  it("compile by the settings of this repository", { timeout: 120_000 }, async () => {
    assert.strictEqual(await Programs.compile(project.folder), "")
  })

  it.each(ofKind("run"))("the one on line $line prints what is shown", async (program) => {
    assert.strictEqual(await Programs.runHere(project.urlOf(program)), program.output)
  })

  it.each(ofKind("main"))("the one on line $line, in a process of its own, prints what is shown", async (program) => {
    assert.deepStrictEqual(await Programs.runAlone(project.fileOf(program)), { code: 0, output: program.output })
  })

  for (const program of ofKind("test")) {
    describe(`the tests on line ${program.line}`, async () => {
      await import(/* @vite-ignore */ project.urlOf(program))
    })
  }

  it("hold a test of \"fails three times, then gives up\" of at most ten lines", () => {
    const lines = ofKind("test").map(({ code }) => code.slice(code.indexOf("it.effect(")).split("\n").length)
    assert.isAtLeast(lines.length, 1)
    assert.isAtMost(Math.max(...lines), 10)
  })
})

describe("the README", () => {
  const refusal = (make: (options: {}) => unknown): string => {
    try {
      make({ unknown: 1 })
    } catch (error) {
      return error instanceof RangeError ? error.message : ""
    }
    return ""
  }
  /** The refusal of an unknown option names all there are. */
  const optionsOf = (make: (options: {}) => unknown): ReadonlyArray<string> =>
    /allowed are (.*)$/.exec(refusal(make))?.[1]?.split(", ") ?? []
  const unnamed = (words: ReadonlyArray<string>) => {
    assert.isNotEmpty(words)
    return words.filter((word) => !new RegExp(`\\b${word}\\b`).test(readme))
  }

  it("begins with the two commands", () => {
    const screen = readme.split("\n").slice(0, 24)
    assert.include(screen, "npm ci && npm start")
    assert.include(screen, "npm ci && npm test")
  })

  it("names every option", () => {
    assert.deepStrictEqual(unnamed(optionsOf(Supervisor.run)), [])
    assert.deepStrictEqual(unnamed(optionsOf((options) => Task.make("a", Effect.never, options))), [])
    assert.deepStrictEqual(unnamed(optionsOf((options) => TaskGroup.make("a", () => Effect.never, options))), [])
    assert.deepStrictEqual(unnamed(optionsOf(RestartPolicy.make)), [])
    assert.deepStrictEqual(unnamed(optionsOf((options) => Heartbeat.probe(Effect.void, options))), [])
    assert.deepStrictEqual(unnamed(optionsOf(Heartbeat.manual)), [])
    assert.deepStrictEqual(unnamed(optionsOf(SlotPool.make)), [])
  })

  it.effect("names every command", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make()
      const handle = yield* supervisor.add(Task.make("a", Effect.void))
      const group = yield* TaskGroup.scoped(TaskGroup.make("b", () => Effect.void))
      const pool = yield* SlotPool.make()
      assert.deepStrictEqual(unnamed(Object.keys({ ...supervisor, ...handle, ...group, ...pool })), [])
      assert.deepStrictEqual(Object.keys(supervisor.tree).filter((name) => !readme.includes(`\`${name}\``)), [])
    }))

  it("names every status, reason and error", () => {
    assert.deepStrictEqual(unnamed(TaskStatus.tags), [])
    assert.deepStrictEqual(unnamed(TaskStatus.DeadReason.literals), [])
    assert.deepStrictEqual(unnamed(TaskStatus.Failure.fields.kind.literals), [])
    assert.deepStrictEqual(unnamed(Object.keys(SupervisorError)), [])
    assert.deepStrictEqual(unnamed(Object.keys(SlotPoolError).filter((name) => name !== "Reason")), [])
  })

  it("names every metric", () => {
    for (const [key, metric] of [...Object.entries(SupervisorMetrics), ...Object.entries(SlotPoolMetrics)]) {
      assert.match(readme, new RegExp(`\\| \`${key}\`,.*\`${metric.id}\``))
    }
  })

  it("names every event of a supervisor", () => {
    const tags = SupervisorEvent.SupervisorEvent.members.map(({ fields }) => fields._tag.schema.literal)
    assert.deepStrictEqual(tags.filter((tag) => !readme.includes(`\`${tag}\``)), [])
  })

  it("names every event of a pool", () => {
    assert.deepStrictEqual(
      unnamed(SlotPoolEvent.SlotPoolEvent.members.map(({ fields }) => fields._tag.schema.literal)),
      []
    )
  })

  it("shows every function of the modules", () => {
    // What a module shares with others of the package, and nobody else is meant to use.
    const internal = (name: string): ReadonlyArray<string> => {
      const path = existsSync(`src/${name}.ts`) ? `src/${name}.ts` : `src/sql/${name}.ts`
      const marked = readFileSync(path, "utf8").matchAll(/@internal\n \*\/\nexport const (\w+)/g)
      return Array.from(marked, (match) => match[1] ?? "")
    }
    const exported = (name: string, module: object) =>
      Object.keys(module)
        .filter((key) => !key.startsWith("is") && !internal(name).includes(key))
        .map((key) => `${name}.${key}`)
    const all = [
      ...exported("Heartbeat", Heartbeat),
      ...exported("RestartPolicy", RestartPolicy),
      ...exported("SlotPool", SlotPool),
      ...exported("SlotPoolStore", SlotPoolStore),
      ...exported("SlotPoolStoreSql", SlotPoolStoreSql),
      ...exported("SlotPoolStoreSqlite", SlotPoolStoreSqlite),
      ...exported("Supervisor", Supervisor),
      ...exported("TaskGroup", TaskGroup),
      "Task.make"
    ]
    assert.deepStrictEqual(unnamed(all), [])
  })

  it("names every script, and none that is not there", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> }
    const named = Array.from(readme.matchAll(/npm (?:run )?(start|test\b(?!:)|(?<=run )[\w:]+)/g), (match) => match[1])
    const own = Object.keys(scripts).filter((name) => !name.startsWith("pre"))
    assert.deepStrictEqual(new Set(named), new Set(own))
  })

  it("names modules that are there", () => {
    const gone = ["@effect/schema", "@effect/platform"]
    const isThere = (module: string) => {
      try {
        return existsSync(fileURLToPath(import.meta.resolve(module)))
      } catch {
        return false
      }
    }
    const named = Array.from(readme.matchAll(/`(@?effect[/-][\w/-]+)`/g), (match) => match[1] ?? "")
    assert.isNotEmpty(named)
    assert.deepStrictEqual(named.filter((module) => !gone.includes(module) && !isThere(module)), [])
  })

  it("links to headings that are there", () => {
    const prose = readme.replaceAll(/^```[\s\S]*?^```$/gm, "")
    const anchors = Array.from(
      prose.matchAll(/^#{2,} (.*)$/gm),
      ([, heading = ""]) => heading.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
    )
    const linked = Array.from(prose.matchAll(/\]\(#([^)]*)\)/g), (match) => match[1] ?? "")
    assert.isNotEmpty(linked)
    assert.deepStrictEqual(linked.filter((anchor) => !anchors.includes(anchor)), [])
    assert.strictEqual(new Set(anchors).size, anchors.length)
  })

  it("names files that are there", () => {
    const named = Array.from(
      readme.matchAll(/`((?:\.ci|bench|examples|test)(?:\/[\w.]+)*)`/g),
      (match) => match[1] ?? ""
    )
    assert.deepStrictEqual(named.filter((file) => !existsSync(file)), [])
  })
})

describe("what the README says of Effect.retry and FiberMap", () => {
  it.effect("Effect.retry repeats typed failures, and a defect ends it", () =>
    Effect.gen(function*() {
      let runs = 0
      const failing = Effect.suspend(() => Effect.fail(++runs))
      yield* Effect.exit(Effect.retry(failing, Schedule.recurs(2)))
      assert.strictEqual(runs, 3)
      const dying = Effect.suspend(() => Effect.die(++runs))
      yield* Effect.exit(Effect.retry(dying, Schedule.recurs(2)))
      assert.strictEqual(runs, 4)
    }))

  it.effect("Effect.retry forgets nothing, however long the effect was well in between", () =>
    Effect.gen(function*() {
      let runs = 0
      const failsDaily = Effect.suspend(() => Effect.andThen(Effect.sleep("1 day"), Effect.fail(++runs)))
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.retry(failsDaily, Schedule.recurs(2))))
      yield* TestClock.adjust("10 days")
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual(runs, 3)
    }))

  it.effect("a fiber of a FiberMap that dies is gone, and only who joins the map learns of it", () =>
    Effect.gen(function*() {
      const map = yield* FiberMap.make<string, never, string>()
      yield* FiberMap.run(map, "a", Effect.fail("broken"))
      yield* FiberMap.run(map, "b", Effect.fail("broken too"))
      yield* Effect.yieldNow
      assert.strictEqual(yield* FiberMap.size(map), 0)
      assert.strictEqual(yield* Effect.flip(FiberMap.join(map)), "broken")
    }))

  it.effect("FiberMap.run of a name in use begins before the finalizers of the old fiber have ended", () =>
    Effect.gen(function*() {
      const finalized = yield* Latch.make()
      const order: Array<string> = []
      const map = yield* FiberMap.make<string>()
      const old = yield* FiberMap.run(
        map,
        "a",
        Effect.ensuring(Effect.never, Effect.andThen(finalized.await, Effect.sync(() => order.push("old has ended")))),
        { startImmediately: true }
      )
      yield* FiberMap.run(map, "a", Effect.sync(() => order.push("new has begun")))
      yield* Effect.yieldNow
      yield* finalized.open
      assert.isTrue(Exit.isFailure(yield* Fiber.await(old)))
      assert.deepStrictEqual(order, ["new has begun", "old has ended"])
    }))
})
