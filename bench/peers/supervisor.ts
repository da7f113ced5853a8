/**
 * effect-supervisor as it comes: status, metrics and heartbeats at their defaults, one subscriber that drains events.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as SupervisorMetrics from "effect-supervisor/SupervisorMetrics"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import type { Hosted } from "../peer.ts"
import { able } from "../peer.ts"

const name = "bench"

const healthy = Effect.map(
  Metric.value(Metric.withAttributes(SupervisorMetrics.tasks, { supervisor: name, status: "Healthy" })),
  (gauge) => gauge.value
)

export const supervisor: Hosted = {
  _tag: "Hosted",
  name: "effect-supervisor",
  about: "all features at their defaults, one live subscriber to the events, no logger",
  abilities: {
    restartsFailed: able,
    restartsByName: able,
    restartsAsOne: able,
    forgetsFailures: able,
    showsStatuses: able,
    hearsBeats: able,
    tellsEvents: able
  },
  prepare: (works, { asOne, beatByHand, schedule, stableAfter }) => {
    const options = {
      ...(schedule === undefined || schedule === "default" ? {} : {
        restart: { schedule: schedule === "default at once" ? RestartPolicy.backoff({ base: 0, times: 5 }) : schedule }
      }),
      ...(stableAfter === undefined ? {} : { stableAfter }),
      ...(beatByHand === true ? { heartbeat: Heartbeat.manual() } : {})
    }
    const tasks = works.map((work) => Task.make(work.name, work.effect, options))
    // None of the works can fail the start: none is waited for until it is ready.
    const made = Effect.orDie(
      Supervisor.make({ name, tasks, ...(asOne === true ? { strategy: "one-for-all" as const } : {}) })
    )
    return Effect.gen(function*() {
      const scope = yield* Effect.scope
      let missed = 0
      const drain = (events: ReadonlyArray<SupervisorEvent>) =>
        Effect.sync(() => {
          const [first] = events
          if (first?._tag === "EventsMissed") missed += first.missed
        })
      const supervisor = yield* Effect.provideService(made, Supervisor.Observer, (seen) =>
        Effect.asVoid(
          Effect.forkIn(Stream.runForEachArray(seen.events, drain), scope, { startImmediately: true })
        ))
      return {
        healthy: Effect.flatMap(
          healthy,
          (tasks) =>
            missed === 0 ? Effect.succeed(tasks) : Effect.die(new Error(`the subscriber missed ${missed} events`))
        ),
        restart: supervisor.restart,
        status: supervisor.status,
        statuses: supervisor.statuses,
        events: supervisor.events
      }
    })
  },
  beater: Heartbeat.beater,
  imports: ["effect-supervisor/Supervisor"],
  program: new URL("../programs/supervisor.ts", import.meta.url)
}
