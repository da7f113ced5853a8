/**
 * Asks the server for orders, two a second, and queues them. A refused request fails the run; the next one begins a
 * second later, without end.
 */
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Queue from "effect/Queue"
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

const poll = Effect.gen(function*() {
  const { address, orders } = yield* Shop
  const url = yield* Effect.fromOption(yield* Ref.get(address))
  const response = yield* HttpClient.get(url)
  if (response.status !== 200) return yield* new Refused({ status: response.status })
  const order = yield* HttpClientResponse.schemaBodyJson(Order)(response)
  yield* Queue.offer(orders, order)
})

export const poller = Task.make("poller", Effect.forever(Effect.delay(poll, "500 millis")), {
  restart: {
    schedule: Schedule.spaced("1 second"),
    // A server that speaks another language will not learn ours by being asked again.
    on: { SchemaError: "stop" }
  }
})
