/**
 * Asks the server for orders, one a second. Whatever goes wrong breaks the connection: half a second later there is
 * another, without end. It is ready when the first order has come.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Order, Shop } from "./shop.ts"

export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int
}) {
  override get message(): string {
    return `the server answered ${this.status}`
  }
}

export class LineCut extends Schema.TaggedError<LineCut>()("LineCut", {}) {
  override get message(): string {
    return "somebody has cut the line"
  }
}

const ask = Effect.fn("ask")(function*(url: string) {
  if ((yield* Random.next) < 0.1) return yield* new LineCut()
  const response = yield* HttpClient.get(url)
  if (response.status !== 200) return yield* new Refused({ status: response.status })
  return yield* HttpClientResponse.schemaBodyJson(Order)(response)
})

export const connection = Task.make(
  "connection",
  Effect.gen(function*() {
    const { address, orders } = yield* Shop
    const url = yield* Effect.fromOption(yield* Ref.get(address))
    const received = yield* Queue.bounded<Order>(100)
    yield* Queue.offer(received, yield* ask(url))
    yield* Effect.acquireRelease(Ref.set(orders, Option.some(received)), () => Ref.set(orders, Option.none()))
    yield* Heartbeat.beat
    const next = Effect.delay(ask(url), "1 second")
    return yield* Effect.forever(Effect.flatMap(next, (order) => Queue.offer(received, order)))
  }),
  {
    ready: "first-beat",
    restart: {
      schedule: Schedule.spaced("500 millis"),
      // A server that speaks another language will not learn ours by being asked again.
      on: { SchemaError: "escalate" }
    }
  }
)
