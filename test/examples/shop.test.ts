import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/testing/TestClock"
import { billing } from "../../examples/shop/billing.ts"
import { labels } from "../../examples/shop/labels.ts"
import { licence } from "../../examples/shop/licence.ts"
import { poller } from "../../examples/shop/poller.ts"
import { server } from "../../examples/shop/server.ts"
import { Order, Shop } from "../../examples/shop/shop.ts"
import * as Cli from "../cli/process.ts"

const silent = Layer.succeed(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())
const shop = Layer.merge(Shop.layer, silent)

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

describe("the shop", () => {
  it.effect("billing goes on with the next order after an expired card", () =>
    Effect.gen(function*() {
      const { orders } = yield* Shop
      const supervisor = yield* Supervisor.make({ tasks: [billing] })
      yield* Queue.offer(orders, { id: 1, item: "a lamp", card: "expired" })
      yield* Queue.offer(orders, { id: 2, item: "a clock", card: "valid" })
      yield* TestClock.adjust("100 millis")
      const failed = yield* supervisor.status("billing")
      assert.strictEqual(failed._tag, "Failed")
      assert.strictEqual(failed.lastFailure?.message, "CardExpired: the card for order 1 has expired")
      yield* TestClock.adjust("2 seconds")
      const healthy = yield* supervisor.status("billing")
      assert.deepStrictEqual([healthy._tag, healthy.generation], ["Healthy", 2])
      assert.strictEqual(yield* Queue.size(orders), 0)
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

  it.effect("the poller queues orders, and polls again a second after a refusal", () =>
    Effect.gen(function*() {
      const { address, orders } = yield* Shop
      yield* Ref.set(address, Option.some("http://127.0.0.1:1"))
      const supervisor = yield* Supervisor.make({ tasks: [poller] })
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* Queue.take(orders)).item, "a lamp")
      yield* TestClock.adjust("500 millis")
      const failed = yield* supervisor.status("poller")
      assert.strictEqual(failed._tag, "Failed")
      assert.strictEqual(failed.lastFailure?.message, "Refused: the server answered 503")
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual((yield* Queue.take(orders)).item, "a clock")
    }).pipe(Effect.provide([
      shop,
      answers(
        () => Response.json({ id: 1, item: "a lamp", card: "valid" }),
        () => new Response(null, { status: 503 }),
        () => Response.json({ id: 2, item: "a clock", card: "valid" })
      )
    ])))

  it.effect("the poller stops for good when the server speaks another language", () =>
    Effect.gen(function*() {
      const { address } = yield* Shop
      yield* Ref.set(address, Option.some("http://127.0.0.1:1"))
      const supervisor = yield* Supervisor.make({ name: "test" })
      const handle = yield* supervisor.add(poller)
      yield* TestClock.adjust("500 millis")
      const dead = yield* Effect.flip(handle.await)
      assert.strictEqual(dead._tag === "TaskDead" ? dead.why : undefined, "NotRestartable")
    }).pipe(Effect.provide([shop, answers(() => Response.json({ hello: "world" }))])))

  it.live("the server hands out orders on loopback, and is closed with its run", () =>
    Effect.gen(function*() {
      const { address } = yield* Shop
      const listening = yield* Deferred.make<void>()
      const listener = Logger.make(() => Deferred.doneUnsafe(listening, Effect.void))
      const supervisor = yield* Effect.provideService(
        Supervisor.make({ tasks: [server] }),
        Logger.CurrentLoggers,
        new Set([listener])
      )
      yield* Deferred.await(listening)
      const url = yield* Effect.fromOption(yield* Ref.get(address))
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+/)
      const response = yield* HttpClient.get(url)
      const order = yield* HttpClientResponse.schemaBodyJson(Order)(response)
      assert.strictEqual(order.id, 1)
      yield* supervisor.stop("server")
      assert.isTrue(Option.isNone(yield* Ref.get(address)))
      assert.strictEqual((yield* Effect.flip(HttpClient.get(url)))._tag, "HttpClientError")
    }).pipe(Random.withSeed("shop"), Effect.provide([shop, FetchHttpClient.layer])))

  it.live("all of it starts, and stops in order, under the command line", () =>
    Effect.gen(function*() {
      const cli = yield* Cli.start(["run", "examples/shop/supervisor.ts"])
      yield* cli.until("shop/labels healthy (run 1)")
      yield* cli.until("shop/server listening on http://127.0.0.1:")
      yield* cli.signal("SIGINT")
      const { code, stdout } = yield* cli.ended
      assert.strictEqual(code, 0)
      const dead = Array.from(stdout.matchAll(/shop\/(\w+) dead \(shut down\)/g), ([, task]) => task)
      assert.deepStrictEqual(dead, ["licence", "labels", "billing", "poller", "server"])
    }))
})
