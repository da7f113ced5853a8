/**
 * A printer of labels that jams now and then: it neither fails nor ends, it just stops. Every label is a heartbeat, so
 * that the silence gives it away.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

export const labels = Task.make(
  "labels",
  Effect.gen(function*() {
    const paper = yield* Random.nextIntBetween(5, 15)
    for (let printed = 1; printed <= paper; printed++) {
      yield* Effect.sleep("400 millis")
      yield* Heartbeat.beatWith({ printed })
    }
    return yield* Effect.never
  }),
  {
    heartbeat: Heartbeat.manual({ within: "2 seconds" }),
    restart: { schedule: Schedule.spaced("1 second") }
  }
)
