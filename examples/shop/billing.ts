/**
 * Takes orders from the queue and has them paid. An expired card is a typed error: it fails the run, and the next run
 * goes on with the next order.
 */
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Order } from "./shop.ts"
import { Shop } from "./shop.ts"

export class CardExpired extends Schema.TaggedError<CardExpired>()("CardExpired", {
  order: Schema.Int
}) {
  override get message(): string {
    return `the card for order ${this.order} has expired`
  }
}

const pay = Effect.fn("pay")(function*(order: Order) {
  yield* Effect.sleep("100 millis")
  if (order.card === "expired") return yield* new CardExpired({ order: order.id })
  yield* Effect.log(`order ${order.id} is paid: ${order.item}`)
})

export const billing = Task.make(
  "billing",
  Effect.gen(function*() {
    const { orders } = yield* Shop
    return yield* Effect.forever(Effect.flatMap(Queue.take(orders), pay))
  }),
  { restart: { schedule: Schedule.spaced("1 second") } }
)
