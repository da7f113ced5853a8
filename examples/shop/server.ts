/**
 * An HTTP server on loopback that hands out new orders. Its socket belongs to the run: it is closed before the next run
 * opens one. It is ready when it listens, and not before are those begun that come after it.
 *
 * For six seconds of each half minute its till is closed, and every request refused.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Task from "effect-supervisor/Task"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import { createServer } from "node:http"
import type { Order } from "./shop.ts"
import { Shop } from "./shop.ts"

const newOrder = Effect.fn("newOrder")(function*(id: number) {
  const item = yield* Random.choice(["a lamp", "a kettle", "two chairs", "a clock"])
  const order: Order = { id, item, card: (yield* Random.next) < 0.15 ? "expired" : "valid" }
  return order
})

export const server = Task.make(
  "server",
  Effect.gen(function*() {
    const { address } = yield* Shop
    const orders = yield* Ref.make(0)
    const opened = yield* Clock.currentTimeMillis
    const isClosed = Effect.map(Clock.currentTimeMillis, (now) => (now - opened) % 30_000 >= 24_000)

    // Port 0 is any that is free.
    const http = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
    yield* http.serve(Effect.gen(function*() {
      if (yield* isClosed) return HttpServerResponse.empty({ status: 503 })
      const id = yield* Ref.updateAndGet(orders, (id) => id + 1)
      return yield* HttpServerResponse.json(yield* newOrder(id))
    }))

    const url = HttpServer.formatAddress(http.address)
    yield* Effect.acquireRelease(Ref.set(address, Option.some(url)), () => Ref.set(address, Option.none()))
    yield* Effect.log(`listening on ${url}`)
    yield* Heartbeat.beat
    return yield* Effect.never
  }),
  { ready: "first-beat", startupTimeout: "10 seconds" }
)
