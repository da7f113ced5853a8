import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { billing } from "../../examples/shop/billing.ts"
import { couriers } from "../../examples/shop/couriers.ts"
import { dispatch } from "../../examples/shop/dispatch.ts"
import { labels } from "../../examples/shop/labels.ts"
import { licence } from "../../examples/shop/licence.ts"
import { orders } from "../../examples/shop/orders.ts"
import { server } from "../../examples/shop/server.ts"
import { Order, Shop } from "../../examples/shop/shop.ts"
import * as Cli from "../cli/process.ts"

const silent = Layer.succeed(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())
const shop = Layer.merge(Shop.layer, silent)

/** Chance that never strikes: nobody cuts the line, and everybody is at home. */
const lucky = Layer.succeed(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0.99 })
const unlucky = Layer.succeed(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0.15 })

/** A server that answers one after another with these, then with the last one for ever. */
const answers = (...responses: ReadonlyArray<() => Response>): Layer.Layer<HttpClient.HttpClient> => {
  let asked = 0
  return Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.sync(() => {
        const answer = responses[Math.min(asked++, responses.length - 1)] ?? Response.error
        return HttpClientResponse.fromWeb(request, answer())
      })
    )
  )
}

const ordered = (id: number, item: string, card: "valid" | "expired" = "valid") => () =>
  Response.json({ id, item, card })
const refused = () => new Response(null, { status: 503 })

/** In small steps: where one thing leads to another, each takes its turns. */
const pass = (seconds: number) => Effect.repeat(TestClock.adjust("100 millis"), { times: seconds * 10 - 1 })

describe("the shop", () => {
  it.effect("billing goes on with the next order after an expired card, and parcels what is paid", () =>
    Effect.gen(function*() {
      const { orders, parcels } = yield* Shop
      const received = yield* Queue.unbounded<Order>()
      yield* Ref.set(orders, Option.some(received))
      const supervisor = yield* Supervisor.make({ tasks: [billing] })
      yield* Queue.offer(received, { id: 1, item: "a lamp", card: "expired" })
      yield* Queue.offer(received, { id: 2, item: "a clock", card: "valid" })
      yield* TestClock.adjust("100 millis")
      const failed = yield* supervisor.status("billing")
      assert.strictEqual(failed._tag, "Failed")
      assert.strictEqual(failed.lastFailure?.message, "CardExpired: the card for order 1 has expired")
      yield* TestClock.adjust("2 seconds")
      const healthy = yield* supervisor.status("billing")
      assert.deepStrictEqual([healthy._tag, healthy.generation], ["Healthy", 2])
      assert.strictEqual((yield* Queue.take(parcels)).item, "a clock")
    }).pipe(Effect.provide(shop)))

  it.effect("the printer's jam is caught by its missing heartbeat within ten seconds", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [labels] })
      yield* TestClock.adjust("10 seconds")
      const status = yield* supervisor.status("labels")
      assert.isAtLeast(status.generation, 2)
      assert.strictEqual(status.lastFailure?.kind, "HeartbeatMissed")
    }).pipe(Effect.provide(shop)))

  it.effect("the licence is given up after three restarts, and the shop goes on", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.make({ tasks: [licence, labels] })
      yield* TestClock.adjust("7 seconds")
      const dead = yield* supervisor.status("licence")
      assert.strictEqual(dead._tag === "Dead" ? dead.why : undefined, "Exhausted")
      assert.strictEqual(dead.runs, 4)
      assert.notStrictEqual((yield* supervisor.status("labels"))._tag, "Dead")
    }).pipe(Effect.provide(shop)))

  /** The orders, with the address of a server that is there. */
  const taking = Effect.gen(function*() {
    const { address, parcels } = yield* Shop
    yield* Ref.set(address, Option.some("http://127.0.0.1:1"))
    const supervisor = yield* Supervisor.make({ name: "shop", tasks: [orders] })
    const stand = Effect.map(
      supervisor.tree.statuses,
      (statuses) => statuses.map(({ _tag, generation, path }) => `${path.slice(5)} ${_tag} ${generation}`)
    )
    return { supervisor, parcels, stand }
  })

  it.effect("billing waits for the first order, and a connection that breaks takes it along", () =>
    Effect.gen(function*() {
      const { parcels, stand, supervisor } = yield* taking
      yield* pass(0.2)
      assert.deepStrictEqual(yield* stand, [
        "orders Healthy 1",
        "orders/connection Healthy 1",
        "orders/billing Healthy 1"
      ])
      yield* pass(0.8)
      assert.deepStrictEqual(yield* stand, [
        "orders Healthy 1",
        "orders/connection Failed 1",
        "orders/billing Failed 1"
      ])
      const { lastFailure } = yield* supervisor.status("orders/connection")
      assert.strictEqual(lastFailure?.message, "Refused: the server answered 503")
      const waits = yield* supervisor.status("orders/billing")
      assert.strictEqual(waits._tag === "Failed" ? waits.sibling : undefined, "connection")
      yield* pass(1)
      assert.deepStrictEqual(yield* stand, [
        "orders Healthy 1",
        "orders/connection Healthy 2",
        "orders/billing Healthy 2"
      ])
      assert.deepStrictEqual((yield* Queue.takeAll(parcels)).map(({ item }) => item), ["a lamp", "a clock"])
    }).pipe(Effect.provide([
      shop,
      lucky,
      answers(ordered(1, "a lamp"), refused, ordered(2, "a clock"))
    ])))

  it.effect("an expired card concerns billing alone", () =>
    Effect.gen(function*() {
      const { stand } = yield* taking
      yield* pass(0.2)
      assert.deepStrictEqual(yield* stand, [
        "orders Healthy 1",
        "orders/connection Healthy 1",
        "orders/billing Failed 1"
      ])
    }).pipe(Effect.provide([shop, lucky, answers(ordered(1, "a lamp", "expired"))])))

  it.effect("while the till is closed the orders give up, and are restarted as a whole until it is open", () =>
    Effect.gen(function*() {
      const { stand, supervisor } = yield* taking
      yield* pass(2)
      assert.deepStrictEqual(yield* stand, [
        "orders Failed 1",
        "orders/connection Dead 5",
        "orders/billing Dead 0"
      ])
      const { lastFailure } = yield* supervisor.status("orders")
      assert.include(
        lastFailure?.message,
        "gave up: more than 4 restarts within 10000 ms, the last one of task \"connection\""
      )
      yield* pass(5)
      assert.deepStrictEqual(yield* stand, [
        "orders Healthy 2",
        "orders/connection Healthy 3",
        "orders/billing Healthy 1"
      ])
    }).pipe(Effect.provide([
      shop,
      lucky,
      answers(...Array.from({ length: 7 }, () => refused), ordered(1, "a lamp"))
    ])))

  it.effect("the orders are given up for good when the server speaks another language", () =>
    Effect.gen(function*() {
      const { supervisor } = yield* taking
      yield* pass(0.5)
      const dead = yield* supervisor.status("orders")
      assert.strictEqual(dead._tag === "Dead" ? dead.why : undefined, "NotRestartable")
    }).pipe(Effect.provide([shop, lucky, answers(() => Response.json({ hello: "world" }))])))

  const parcel = (id: number): Order => ({ id, item: "a lamp", card: "valid" })

  const delivering = Effect.gen(function*() {
    const { parcels } = yield* Shop
    const supervisor = yield* Supervisor.make({ name: "shop", tasks: [couriers, dispatch] })
    return { parcels, supervisor, group: yield* TaskGroup.find(supervisor, couriers) }
  })

  it.effect("a courier goes with each parcel, eight at a time, and is gone when it is delivered", () =>
    Effect.gen(function*() {
      const { group, parcels, supervisor } = yield* delivering
      yield* Queue.offerAll(parcels, Array.from({ length: 10 }, (_, index) => parcel(index)))
      yield* pass(1)
      assert.strictEqual((yield* group.count).specs, 8)
      assert.strictEqual(yield* Queue.size(parcels), 1)
      yield* pass(15)
      assert.strictEqual((yield* group.count).specs, 0)
      assert.strictEqual(yield* Queue.size(parcels), 0)
      assert.strictEqual((yield* supervisor.status("dispatch")).runs, 1)
    }).pipe(Effect.provide([shop, lucky])))

  it.effect("a courier comes again when nobody is at home, twice", () =>
    Effect.gen(function*() {
      const { group } = yield* delivering
      const courier = yield* group.start(parcel(1))
      yield* pass(30)
      const dead = yield* Effect.flip(courier.await)
      assert.deepStrictEqual([dead._tag, dead.message], [
        "TaskDead",
        "task \"1\" of supervisor \"shop/couriers\" is dead (its restart policy is exhausted) after 3 runs: " +
        "NobodyHome: nobody is at home for order 1"
      ])
      assert.strictEqual((yield* group.count).specs, 0)
    }).pipe(Effect.provide([shop, unlucky])))

  it.effect("the couriers pause when nobody is at home all over the town", () =>
    Effect.gen(function*() {
      const { group } = yield* delivering
      const paused = yield* group.events.pipe(
        Stream.filter(({ _tag }) => _tag === "RestartsPaused" || _tag === "RestartsResumed"),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      for (let id = 1; id <= 4; id++) yield* group.start(parcel(id))
      yield* pass(30)
      const events = yield* Fiber.join(paused)
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["RestartsPaused", "RestartsResumed"])
    }).pipe(Effect.provide([shop, unlucky])))

  it.live("the server hands out orders on loopback when it is ready, and is closed with its run", () =>
    Effect.gen(function*() {
      const { address } = yield* Shop
      const supervisor = yield* Supervisor.make({ tasks: [server] })
      const url = yield* Effect.fromOption(yield* Ref.get(address))
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+/)
      const response = yield* HttpClient.get(url)
      const order = yield* HttpClientResponse.schemaBodyJson(Order)(response)
      assert.strictEqual(order.id, 1)
      yield* supervisor.stop("server")
      assert.isTrue(Option.isNone(yield* Ref.get(address)))
      assert.strictEqual((yield* Effect.flip(HttpClient.get(url)))._tag, "HttpClientError")
    }).pipe(Effect.provide([shop, FetchHttpClient.layer])))

  it.live("all of it starts, and stops in order, under the command line", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", "examples/shop/supervisor.ts"])
      yield* cli.until("shop/labels healthy (run 1)")
      yield* cli.until("shop/server listening on http://127.0.0.1:")
      yield* cli.until("shop/orders/billing healthy (run 1)")
      yield* cli.signal("SIGINT")
      const { code, stdout } = yield* cli.ended
      assert.strictEqual(code, 0)
      const dead = Array.from(stdout.matchAll(/shop\/([a-z/]+) dead \(shut down\)/g), ([, task]) => task)
      assert.deepStrictEqual(
        dead.filter((task) => task !== "licence"),
        ["labels", "dispatch", "couriers", "orders/billing", "orders/connection", "orders", "server"]
      )
    }))
})
