/**
 * Histories of reconfigurations among failures and commands: whatever was in the midst of what, in the end there is the
 * last list, each of it running once, and everybody has been answered.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { collect, Net, settle, tagsOf } from "./support/fixtures.ts"

const names = ["a", "b", "c", "d", "e"] as const
const Name = Schema.Literals(names)

/** What is of one name, kind and version is the same. */
const Wanted = Schema.Struct({
  name: Name,
  version: Schema.Literals([1, 2, 3]),
  kind: Schema.Literals(["plain", "slow", "stuck", "temporary", "ready"])
})
const Strategy = Schema.Literals(["one-for-one", "one-for-all", "rest-for-one"])
const Step = Schema.Union([
  Schema.TaggedStruct("Reconfigure", {
    tasks: Schema.Array(Wanted).check(Schema.isMaxLength(5)),
    strategy: Strategy
  }),
  Schema.TaggedStruct("Defaults", { stopTimeout: Schema.Literals([40, 50]) }),
  Schema.TaggedStruct("Fail", { name: Name }),
  Schema.TaggedStruct("Restart", { name: Name }),
  Schema.TaggedStruct("Wait", { millis: Schema.Literals([0, 1, 5, 20, 100]) }),
  Schema.TaggedStruct("Release", {})
])
const History = Schema.Struct({
  strategy: Strategy,
  steps: Schema.Array(Step).check(Schema.isMaxLength(25))
})
type Wanted = typeof Wanted.Type
type Step = typeof Step.Type

const unique = (tasks: ReadonlyArray<Wanted>): ReadonlyArray<Wanted> =>
  tasks.filter(({ name }, index) => tasks.findIndex((other) => other.name === name) === index)

const live = (history: typeof History.Type) =>
  Effect.gen(function*() {
    const alive = new Map<string, number>()
    const gates = new Map<string, Latch.Latch>()
    let release = Latch.makeUnsafe()
    const breaches: Array<string> = []
    const started: Record<string, string> = {}
    const taskOf = ({ kind, name, version }: Wanted) =>
      Task.make(
        name,
        Effect.gen(function*() {
          const now = (alive.get(name) ?? 0) + 1
          if (now > 1) breaches.push(`two runs of ${name}`)
          alive.set(name, now)
          started[name] = `${kind} ${version}`
          yield* Effect.addFinalizer(() =>
            Effect.gen(function*() {
              if (kind === "slow") yield* Effect.sleep(10)
              if (kind === "stuck") yield* release.await
              alive.set(name, alive.get(name)! - 1)
            })
          )
          const gate = Latch.makeUnsafe()
          gates.set(name, gate)
          if (kind === "ready") {
            yield* Effect.sleep(5)
            yield* Heartbeat.beat
          }
          yield* gate.await
          return yield* Effect.fail(new Net())
        }),
        {
          version: `${kind} ${version}`,
          ready: kind === "ready" ? "first-beat" : "begun",
          restart: kind === "temporary"
            ? { mode: "temporary" }
            : { schedule: Schedule.spaced(version * 7) }
        }
      )
    const supervisor = yield* Supervisor.make({ strategy: history.strategy, defaults: { stopTimeout: 50 } })
    const { seen } = yield* collect(supervisor.events)
    const asked: Array<Fiber.Fiber<unknown, unknown>> = []
    const ask = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.map(Effect.forkChild(Effect.exit(effect), { startImmediately: true }), (fiber) => {
        asked.push(fiber)
      })
    let last: ReadonlyArray<Wanted> = []
    const refused = new Set<string>()
    const step = Effect.fnUntraced(function*(next: Step) {
      switch (next._tag) {
        case "Reconfigure": {
          const wanted = unique(next.tasks)
          yield* ask(
            supervisor.reconfigure({ tasks: wanted.map(taskOf), strategy: next.strategy }).pipe(
              Effect.tapError((error) =>
                Effect.sync(() => {
                  // A name that is still on its way out is taken, as for `add`: then nothing has changed.
                  if (error._tag === "TaskAlreadyExists") refused.add(JSON.stringify(wanted))
                })
              )
            )
          )
          yield* settle
          if (!refused.has(JSON.stringify(wanted))) last = wanted
          refused.clear()
          return
        }
        case "Defaults":
          return yield* ask(supervisor.reconfigure({ defaults: { stopTimeout: next.stopTimeout } }))
        case "Fail":
          yield* gates.get(next.name)?.open ?? Effect.void
          return yield* settle
        case "Restart":
          return yield* ask(supervisor.restart(next.name))
        case "Wait":
          yield* TestClock.adjust(next.millis)
          return yield* settle
        case "Release": {
          const before = release
          release = Latch.makeUnsafe()
          yield* before.open
          return yield* settle
        }
      }
    })
    for (const next of history.steps) yield* step(next)
    // Whatever is under way comes to its end.
    for (let round = 0; round < 12; round++) {
      yield* step({ _tag: "Release" })
      yield* TestClock.adjust(60)
      yield* settle
    }
    const statuses = yield* supervisor.statuses
    const isGone = (name: string) => !statuses.some(({ task }) => task === name)
    const listed = last.filter(({ kind, name }) => !(kind === "temporary" && isGone(name)))
    const outcome = {
      breaches,
      unanswered: asked.filter((fiber) => fiber.pollUnsafe() === undefined).length,
      names: statuses.map(({ task }) => task),
      standing: Array.from(new Set(statuses.map(({ _tag }) => _tag))),
      running: statuses.map(({ task }) => started[task]),
      crashed: tagsOf(seen).includes("SupervisorClosed")
    }
    const expected: typeof outcome = {
      breaches: [],
      unanswered: 0,
      names: listed.map(({ name }) => name),
      standing: listed.length === 0 ? [] : ["Healthy"],
      running: listed.map(({ kind, version }) => `${kind} ${version}`),
      crashed: false
    }
    release.openUnsafe()
    yield* Effect.forkChild(supervisor.shutdown)
    for (let round = 0; round < 10; round++) {
      release.openUnsafe()
      yield* TestClock.adjust(60)
    }
    yield* settle
    return { outcome, expected }
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

describe("histories of reconfigurations", () => {
  it.effect.prop(
    "end with the last list, each of it running once, and everybody answered",
    [History],
    ([history]) =>
      Effect.map(live(history), ({ expected, outcome }) => {
        assert.deepStrictEqual(outcome, expected)
        return true
      }),
    { timeout: 300_000, arbitrary: { runs: 300, size: 100, seed: 4 } }
  )
})
