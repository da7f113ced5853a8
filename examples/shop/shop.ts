/**
 * What the tasks of the shop share. It is made once and lives across their runs: an order that waits in the queue
 * outlives the run that was to take it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"

export const Order = Schema.Struct({
  id: Schema.Int,
  item: Schema.String,
  card: Schema.Literals(["valid", "expired"])
})
export type Order = typeof Order.Type

export class Shop extends Context.Service<Shop, {
  /** Where the server listens, while it does. */
  readonly address: Ref.Ref<Option.Option<string>>
  /** Orders to be paid. */
  readonly orders: Queue.Queue<Order>
}>()("shop/Shop") {
  static readonly layer = Layer.effect(Shop)(Effect.all({
    address: Ref.make(Option.none<string>()),
    orders: Queue.bounded<Order>(100)
  }))
}
