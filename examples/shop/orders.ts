/**
 * How orders come in, as a supervisor of its own: when the connection breaks, billing is stopped and started with it
 * (`rest-for-one`), while an expired card concerns billing alone.
 *
 * A connection that breaks now and then is borne. More than four restarts within ten seconds are not: then it gives up
 * instead of knocking on a closed door, and the shop tries again two seconds later, from scratch. What it gives up with
 * otherwise will not be better then.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Schedule from "effect/Schedule"
import { billing } from "./billing.ts"
import { connection } from "./connection.ts"

export const orders = Task.make(
  "orders",
  Supervisor.run({
    strategy: "rest-for-one",
    intensity: { restarts: 4, within: "10 seconds" },
    tasks: [connection, billing]
  }),
  {
    restart: {
      schedule: Schedule.spaced("2 seconds"),
      on: ({ reason }) => reason._tag === "TooManyRestarts" ? "restart" : "stop"
    }
  }
)
