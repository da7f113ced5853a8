import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as SlotPool from "effect-supervisor/SlotPool"
import type { PoolError, Reason } from "effect-supervisor/SlotPoolError"
import type { PoolStatus, SlotPoolEvent } from "effect-supervisor/SlotPoolEvent"
import type { SlotPoolStore, SlotRecord, StoreError } from "effect-supervisor/SlotPoolStore"
import { layerMemory } from "effect-supervisor/SlotPoolStore"
import type { RunningSupervisor } from "effect-supervisor/Supervisor"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"

class Spawn extends Data.TaggedError("Spawn")<{ readonly port: number }> {}
class Pipe extends Data.TaggedError("Pipe")<{ readonly at: number }> {}
class Declined extends Data.TaggedError("Declined")<{ readonly why: string }> {}
class Db extends Context.Service<Db, { readonly query: Effect.Effect<number, Declined> }>()("Db") {}
class Net extends Context.Service<Net, { readonly open: Effect.Effect<string, Spawn> }>()("Net") {}
class Pace extends Context.Service<Pace, { readonly millis: number }>()("Pace") {}

interface Agent {
  readonly name: string
  readonly ask: (prompt: string) => Effect.Effect<number, Declined>
}
declare const spawnAgent: (name: string) => Effect.Effect<Agent, Spawn, Net | Scope.Scope>
declare const ended: (agent: Agent) => Effect.Effect<void, Pipe, Db>
declare const ping: (agent: Agent) => Effect.Effect<"pong", Declined, Net>
declare const paced: Schedule.Schedule<number, unknown, never, Pace>
declare const prompts: ReadonlyArray<string>

class Tooled extends Schema.Class<Tooled>("Tooled")({
  name: Schema.String,
  tools: Schema.Array(Schema.String),
  since: Schema.DateFromString
}) {}

declare const pool: SlotPool.SlotPool<Agent, Tooled>

describe("SlotPool.make", () => {
  test("holds what acquire gives, and needs what its functions need, its scope apart", () => {
    expect(SlotPool.make()).type.toBe<
      Effect.Effect<SlotPool.SlotPool<void, SlotPool.SlotConfig>, PoolError, Scope.Scope>
    >()
    expect(SlotPool.make({ acquire: (slot) => spawnAgent(slot.name) })).type.toBe<
      Effect.Effect<SlotPool.SlotPool<Agent, SlotPool.SlotConfig>, PoolError, Net | Scope.Scope>
    >()
    expect(SlotPool.make({
      acquire: (slot) => spawnAgent(slot.name),
      watch: (agent) => ended(agent),
      probe: (agent) => ping(agent),
      probing: { schedule: paced }
    })).type.toBe<
      Effect.Effect<SlotPool.SlotPool<Agent, SlotPool.SlotConfig>, PoolError, Net | Db | Pace | Scope.Scope>
    >()
  })

  test("gives workers and slots to its functions as they are", () => {
    const made = SlotPool.make({
      slotSchema: Tooled,
      slotConfig: (index) => new Tooled({ name: `agent ${index}`, tools: [], since: new Date(0) }),
      acquire: (slot) => {
        expect(slot).type.toBeAssignableTo<SlotPool.Slot<Tooled>>()
        expect(slot.config.tools).type.toBe<ReadonlyArray<string>>()
        expect(slot.session).type.toBe<Schema.Json | undefined>()
        return Effect.succeed({ ask: 1 })
      },
      watch: (worker, slot) => {
        expect(worker).type.toBe<{ ask: number }>()
        expect(slot.config.since).type.toBe<Date>()
        return Effect.never
      },
      probe: (worker) => {
        expect(worker).type.toBe<{ ask: number }>()
        return Effect.void
      }
    })
    expect(made).type.toBeAssignableTo<Effect.Effect<unknown, unknown, unknown>>()
  })

  test("takes configs that its schema is of, and no others", () => {
    expect(SlotPool.make).type.toBeCallableWith({
      slotConfig: [{ name: "Ada", role: "writer", description: "writes" }]
    })
    expect(SlotPool.make).type.not.toBeCallableWith({ slotConfig: [{ name: 7 }] })
    expect(SlotPool.make).type.not.toBeCallableWith({ slotConfig: [{ nmae: "Ada" }] })
    expect(SlotPool.make).type.not.toBeCallableWith({ slotSchema: Tooled, slotConfig: [{ name: "Ada" }] })
    expect(SlotPool.make).type.not.toBeCallableWith({ slotSchema: Schema.Struct({ name: Schema.Number }) })
  })

  test("types what a restart policy sees by what workers fail with", () => {
    const made = SlotPool.make({
      acquire: (slot) => spawnAgent(slot.name),
      watch: (agent) => ended(agent),
      restart: {
        on: (error) => {
          expect(error).type.toBe<Spawn | Pipe>()
          return "restart"
        }
      }
    })
    expect(made).type.toBeAssignableTo<Effect.Effect<unknown, unknown, unknown>>()
    expect(SlotPool.make).type.toBeCallableWith({
      acquire: (slot: SlotPool.Slot) => spawnAgent(slot.name),
      restart: { on: { Spawn: "stop" } }
    })
    expect(SlotPool.make).type.not.toBeCallableWith({
      acquire: (slot: SlotPool.Slot) => spawnAgent(slot.name),
      restart: { on: { Pipe: "stop" } }
    })
  })

  test("takes a ready policy that asks for less, and one with services of its own", () => {
    const policy = RestartPolicy.make({ schedule: paced })
    expect(SlotPool.make({ restart: policy })).type.toBe<
      Effect.Effect<SlotPool.SlotPool<void, SlotPool.SlotConfig>, PoolError, Pace | Scope.Scope>
    >()
    const plain = RestartPolicy.make({ times: 3 })
    expect(SlotPool.make({ acquire: (slot) => spawnAgent(slot.name), restart: plain })).type.toBe<
      Effect.Effect<SlotPool.SlotPool<Agent, SlotPool.SlotConfig>, PoolError, Net | Scope.Scope>
    >()
  })

  test("refuses misspelt options and values of other types", () => {
    expect(SlotPool.make).type.not.toBeCallableWith({ slot: 4 })
    expect(SlotPool.make).type.not.toBeCallableWith({ slots: "4" })
    expect(SlotPool.make).type.not.toBeCallableWith({ slots: { min: 1 } })
    expect(SlotPool.make).type.not.toBeCallableWith({ acquire: Effect.void })
    expect(SlotPool.make).type.not.toBeCallableWith({ supervisor: true })
    expect(SlotPool.make).type.not.toBeCallableWith({ supervisor: { every: "1 second" } })
    expect(SlotPool.make).type.not.toBeCallableWith({ jobTimeout: true })
    expect(SlotPool.make).type.toBeCallableWith({ slots: { min: 1, max: 4 }, jobTimeout: "infinity" })
    expect(SlotPool.make).type.toBeCallableWith({ jobSilence: "2 seconds", assignTimeout: 0, lease: "1 minute" })
  })
})

describe("a pool", () => {
  test("run: the job's error reaches its caller beside the pool's, and its services are its caller's", () => {
    expect(pool.run((agent) => agent.ask("?"))).type.toBe<Effect.Effect<number, Declined | PoolError, never>>()
    expect(pool.run(() => Effect.void)).type.toBe<Effect.Effect<void, PoolError, never>>()
    expect(pool.run(() => Effect.flatMap(Db, (db) => db.query))).type.toBe<
      Effect.Effect<number, Declined | PoolError, Db>
    >()
    expect(pool.run((agent, job) => {
      expect(agent).type.toBe<Agent>()
      expect(job).type.toBe<SlotPool.JobContext<Tooled>>()
      return Effect.andThen(job.setSession({ turns: 1 }), Heartbeat.beat)
    }, { timeout: "1 minute", assignTimeout: "infinity" })).type.toBe<Effect.Effect<void, PoolError, never>>()
  })

  test("run: takes no options of submit, and no Effect for a job", () => {
    expect(pool.run).type.not.toBeCallableWith(() => Effect.void, { id: "mine" })
    expect(pool.run).type.not.toBeCallableWith(Effect.void)
    expect(pool.run).type.not.toBeCallableWith(() => 7)
    expect(pool.run).type.not.toBeCallableWith(async () => 7)
  })

  test("submit: its id knows what the job gives, to result and await", () => {
    const submitted = pool.submit((agent) => agent.ask("?"), { id: "mine", tags: ["urgent"] })
    expect(submitted).type.toBe<Effect.Effect<SlotPool.JobId<number, Declined>, PoolError, never>>()
    const using = Effect.gen(function*() {
      const id = yield* submitted
      expect(id).type.toBeAssignableTo<string>()
      expect(pool.result(id)).type.toBe<
        Effect.Effect<Option.Option<Exit.Exit<number, Declined | PoolError>>, PoolError>
      >()
      expect(pool.await(id)).type.toBe<Effect.Effect<number, Declined | PoolError>>()
      expect(pool.cancel(id)).type.toBe<Effect.Effect<void, PoolError>>()
    })
    expect(using).type.toBeAssignableTo<Effect.Effect<unknown, unknown, unknown>>()
  })

  test("submit: an id that is only a string gives what is not known", () => {
    expect(pool.await("mine")).type.toBe<Effect.Effect<unknown, unknown>>()
    expect(pool.result("mine")).type.toBe<Effect.Effect<Option.Option<Exit.Exit<unknown, unknown>>, PoolError>>()
  })

  test("fanOut: each result on its own, never failing as a whole", () => {
    expect(pool.fanOut(prompts, (agent, prompt) => agent.ask(prompt))).type.toBe<
      Effect.Effect<ReadonlyArray<Exit.Exit<number, Declined | PoolError>>, never, never>
    >()
    expect(
      pool.fanOut(new Set([1, 2]), (agent, n, job) => {
        expect(agent).type.toBe<Agent>()
        expect(n).type.toBe<number>()
        expect(job.slot.config).type.toBe<Tooled>()
        return Effect.map(Db, () => n)
      }, { concurrency: 2, timeout: 10 })
    ).type.toBe<Effect.Effect<ReadonlyArray<Exit.Exit<number, PoolError>>, never, Db>>()
  })

  test("the rest of its face", () => {
    expect(pool.checkAndRestartSlots).type.toBe<Effect.Effect<number>>()
    expect(pool.startSupervisor).type.toBe<Effect.Effect<Option.Option<SlotPool.HealthSupervisor>>>()
    expect(pool.drain()).type.toBe<Effect.Effect<SlotPool.DrainReport>>()
    expect(pool.drain({ timeout: "infinity" })).type.toBe<Effect.Effect<SlotPool.DrainReport>>()
    expect(pool.scaleUp()).type.toBe<Effect.Effect<number, PoolError>>()
    expect(pool.scaleDown(2)).type.toBe<Effect.Effect<number, PoolError>>()
    expect(pool.setTargetSlots(4)).type.toBe<Effect.Effect<number, PoolError>>()
    expect(pool.findSlots({ role: "writer", state: "Errored" })).type.toBe<
      Effect.Effect<ReadonlyArray<SlotPool.SlotView<Tooled>>, PoolError>
    >()
    expect(pool.findSlots).type.not.toBeCallableWith({ state: "errored" })
    expect(pool.list({ state: "Queued", tags: ["urgent"] })).type.toBe<
      Effect.Effect<ReadonlyArray<SlotPool.JobInfo>>
    >()
    expect(pool.list).type.not.toBeCallableWith({ state: "queued" })
    expect(pool.status).type.toBe<Effect.Effect<PoolStatus>>()
    expect(pool.events).type.toBe<Stream.Stream<SlotPoolEvent>>()
    expect(pool.supervisor).type.toBe<RunningSupervisor>()
    expect(pool.store).type.toBe<SlotPoolStore["Service"]>()
    expect(pool.config.jobTimeout).type.toBe<number>()
  })

  test("is one of what it holds: more may be held than is asked for, not less", () => {
    expect<SlotPool.SlotPool<Agent>>().type.toBeAssignableTo<SlotPool.SlotPool<{ readonly name: string }>>()
    expect<SlotPool.SlotPool<Agent, Tooled>>().type.toBeAssignableTo<SlotPool.SlotPool<unknown, unknown>>()
    expect<SlotPool.SlotPool<{ readonly name: string }>>().type.not.toBeAssignableTo<SlotPool.SlotPool<Agent>>()
  })

  test("its one error is handled by its reason", () => {
    expect(
      pool.run((agent) => agent.ask("?")).pipe(
        Effect.catchReason("PoolError", "NoSlotAvailable", ({ timeout }) => {
          expect(timeout).type.toBe<number>()
          return Effect.succeed("none" as const)
        })
      )
    ).type.toBe<Effect.Effect<number | "none", Declined | PoolError, never>>()
    expect<PoolError["reason"]>().type.toBe<Reason>()
    expect<Reason["_tag"]>().type.toBe<
      | "NoSlotAvailable"
      | "JobNotFound"
      | "JobAlreadyExists"
      | "JobTimedOut"
      | "JobSilent"
      | "JobCancelled"
      | "JobLost"
      | "PoolDraining"
      | "PoolClosed"
      | "SlotsOutOfRange"
      | "StoreUnavailable"
    >()
  })
})

describe("a service", () => {
  class Agents extends SlotPool.Service<Agents>()("app/agents", {
    slots: 4,
    acquire: (slot) => spawnAgent(slot.name),
    watch: (agent) => ended(agent),
    jobTimeout: "10 minutes",
    maxRestarts: 3,
    supervisor: { enabled: true, interval: "30 seconds" }
  }) {}

  test("the fifth program of the design", () => {
    const program = Effect.gen(function*() {
      const pool = yield* Agents
      const answers = yield* pool.fanOut(prompts, (agent, prompt) => agent.ask(prompt))
      expect(answers).type.toBe<ReadonlyArray<Exit.Exit<number, Declined | PoolError>>>()
      const restarted = yield* pool.checkAndRestartSlots
      expect(restarted).type.toBe<number>()
    })
    expect(program).type.toBe<Effect.Effect<void, never, Agents>>()
    expect(program.pipe(Effect.provide(Agents.layer))).type.toBe<Effect.Effect<void, PoolError, Net | Db>>()
  })

  test("its layer needs what its workers need, and a store is no duty", () => {
    expect(Agents.layer).type.toBe<Layer.Layer<Agents, PoolError, Net | Db>>()
    expect(Agents.layer.pipe(Layer.provide(layerMemory))).type.toBe<Layer.Layer<Agents, PoolError, Net | Db>>()
    class Plain extends SlotPool.Service<Plain>()("plain") {}
    expect(Plain.layer).type.toBe<Layer.Layer<Plain, PoolError, never>>()
    expect<Context.Service.Shape<typeof Plain>>().type.toBe<SlotPool.SlotPool<void, SlotPool.SlotConfig>>()
  })

  test("a layer under a key of one's own holds what the key says", () => {
    class Key extends Context.Service<Key, SlotPool.SlotPool<number>>()("Key") {}
    expect(SlotPool.layer(Key, { acquire: () => Effect.succeed(1) })).type.toBe<Layer.Layer<Key, PoolError, never>>()
    expect(SlotPool.layer).type.not.toBeCallableWith(Key, { acquire: () => Effect.succeed("one") })
    expect(SlotPool.layer(Key, { acquire: () => Effect.as(Effect.scoped(spawnAgent("a")), 1) })).type.toBe<
      Layer.Layer<Key, PoolError, Net>
    >()
  })
})

describe("records", () => {
  test("a slot's view is its record, its config decoded", () => {
    expect<SlotPool.SlotView<Tooled>["config"]>().type.toBe<Tooled>()
    expect<SlotPool.SlotView["state"]>().type.toBe<SlotRecord["state"]>()
    expect<SlotRecord["config"]>().type.toBe<Schema.Json>()
  })

  test("a session is JSON", () => {
    expect<SlotPool.JobContext["setSession"]>().type.toBeCallableWith({ a: [1, null, "x", true] })
    expect<SlotPool.JobContext["setSession"]>().type.toBeCallableWith(undefined)
    expect<SlotPool.JobContext["setSession"]>().type.not.toBeCallableWith(1n)
    expect<SlotPool.JobContext["setSession"]>().type.not.toBeCallableWith(() => 1)
  })

  test("a store fails with StoreError alone, but for lost races", () => {
    expect<SlotPoolStore["Service"]["now"]>().type.toBe<Effect.Effect<number, StoreError>>()
  })
})
