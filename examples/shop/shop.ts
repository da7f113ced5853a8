/**
 * What the tasks of the shop share. It is made once and lives across their runs: a parcel that waits outlives the run
 * that was to send it.
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
  /** The orders that come over the connection, while there is one; those of another connection come over another. */
  readonly orders: Ref.Ref<Option.Option<Queue.Dequeue<Order>>>
  /** What is paid, and to be delivered. */
  readonly parcels: Queue.Queue<Order>
}>()("shop/Shop") {
  static readonly layer = Layer.effect(Shop)(Effect.all({
    address: Ref.make(Option.none<string>()),
    orders: Ref.make(Option.none<Queue.Dequeue<Order>>()),
    parcels: Queue.bounded<Order>(100)
  }))
}
