/**
 * Renews a licence that nobody can renew any more: after three restarts it is given up. The shop goes on without it
 * (`whenDead: "keep"`, which is the default), and says so.
 */
import * as Task from "effect-supervisor/Task"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

export class LicenceEnded extends Schema.TaggedError<LicenceEnded>()("LicenceEnded", {
  days: Schema.Int
}) {
  override get message(): string {
    return `the licence ended ${this.days} days ago`
  }
}

const ended = Date.UTC(2025, 0, 1)

export const licence = Task.make(
  "licence",
  Effect.gen(function*() {
    const days = Duration.toDays(Duration.millis((yield* Clock.currentTimeMillis) - ended))
    return yield* new LicenceEnded({ days: Math.floor(days) })
  }),
  {
    restart: { schedule: Schedule.exponential("1 second"), times: 3 },
    whenDead: "keep"
  }
)
