/**
 * Takes orders from the connection and has them paid. An expired card is a typed error: it fails the run, and the next
 * run goes on with the next order.
 *
 * It holds on to the orders of one connection, and would wait for ever for those of one that is broken: that is why a
 * restart of the connection has to take it along.
 */
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
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
    const { orders, parcels } = yield* Shop
    const received = yield* Effect.fromOption(yield* Ref.get(orders))
    const next = Effect.tap(Queue.take(received), pay)
    return yield* Effect.forever(Effect.flatMap(next, (order) => Queue.offer(parcels, order)))
  }),
  { restart: { schedule: Schedule.spaced("1 second") } }
)
