/**
 * A courier for each parcel: many runs of one template, each with its own parcel, that come and go. Nobody at home is a
 * typed error: the courier comes again, twice. When that is the case all over the town, all of them pause.
 */
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Order } from "./shop.ts"

export class NobodyHome extends Schema.TaggedError<NobodyHome>()("NobodyHome", {
  order: Schema.Int
}) {
  override get message(): string {
    return `nobody is at home for order ${this.order}`
  }
}

const deliver = Effect.fn("deliver")(function*(parcel: Order) {
  yield* Effect.sleep(Duration.seconds(yield* Random.nextIntBetween(2, 6)))
  if ((yield* Random.next) < 0.2) return yield* new NobodyHome({ order: parcel.id })
  yield* Effect.log(`order ${parcel.id} is delivered: ${parcel.item}`)
})

export const couriers = TaskGroup.make("couriers", deliver, {
  maxTasks: 8,
  intensity: { restarts: 3, within: "8 seconds", whenExceeded: "pause" },
  each: { restart: { schedule: Schedule.spaced("2 seconds"), times: 2 } }
})
