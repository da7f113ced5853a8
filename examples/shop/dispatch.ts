/**
 * Sends a courier with each parcel, and waits while all of them are out.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { couriers } from "./couriers.ts"
import type { Order } from "./shop.ts"
import { Shop } from "./shop.ts"

const send = Effect.fn("send")(function*(shop: Supervisor.RunningSupervisor, parcel: Order) {
  // Looked for each time: when the group was restarted, it is another one.
  const group = yield* TaskGroup.find(shop, couriers)
  yield* group.start(parcel).pipe(
    Effect.retry({ while: ({ _tag }) => _tag === "MaxTasksReached", schedule: Schedule.spaced("500 millis") })
  )
})

export const dispatch = Task.make(
  "dispatch",
  Effect.gen(function*() {
    const { parcels } = yield* Shop
    const { supervisor } = yield* Effect.fromNullishOr(yield* Supervisor.current)
    return yield* Effect.forever(Effect.flatMap(Queue.take(parcels), (parcel) => send(supervisor, parcel)))
  })
)
