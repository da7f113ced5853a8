/**
 * The metrics of one supervisor: bound to its path once, so that counting costs a look-up and an addition.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as SupervisorMetrics from "../SupervisorMetrics.ts"
import * as TaskStatus from "../TaskStatus.ts"
import * as Gauges from "./gauges.ts"
import * as Series from "./series.ts"
import type { Notice } from "./state.ts"
import type { Phase } from "./words.ts"

export interface Metrics {
  readonly noted: (notice: Notice) => void
  readonly ran: (millis: number) => void
  readonly lagged: (millis: number) => void
  /** Takes the gauges out of the registry. */
  readonly close: () => void
}

/** How many tasks have which status, by the path of their supervisor. */
const tasks = Gauges.make<Readonly<Record<Phase, number>>>((supervisor) => (register) => {
  for (const status of TaskStatus.tags) {
    register(Metric.withAttributes(SupervisorMetrics.tasks, { supervisor, status }), (counts) => counts[status])
  }
})

export const make = (
  supervisor: string,
  context: Context.Context<never>,
  counts: Readonly<Record<Phase, number>>
): Metrics => {
  const counted = (series: Metric.Counter<number>) => () => series.updateUnsafe(1, context)
  const by = (series: typeof Series.restarts, attribute: string) => {
    const known = new Map<string, Metric.Counter<number>>()
    return (value: string) => {
      let one = known.get(value)
      if (one === undefined) {
        one = series({ supervisor, [attribute]: value })
        known.set(value, one)
      }
      one.updateUnsafe(1, context)
    }
  }
  const started = counted(Series.starts({ supervisor }))
  const restarted = by(Series.restarts, "reason")
  const died = by(Series.deaths, "why")
  const missed = counted(Series.missedHeartbeats({ supervisor }))
  const unstoppable = counted(Series.unstoppableRuns({ supervisor }))
  const runTime = Series.runTime({ supervisor })
  const restartDelay = Series.restartDelay({ supervisor })
  const loopLag = Series.loopLag({ supervisor })
  const forget = tasks.show(supervisor, context, counts)
  return {
    noted: (notice) => {
      switch (notice._tag) {
        case "TaskStarting":
          return started()
        case "RestartScheduled":
          restarted(notice.reason._tag)
          if (notice.delay < Number.POSITIVE_INFINITY) restartDelay.updateUnsafe(notice.delay, context)
          return
        case "TaskDead":
          return died(notice.why)
        case "HeartbeatMissed":
          return missed()
        case "TaskUnstoppable":
          return unstoppable()
      }
    },
    ran: (millis) => runTime.updateUnsafe(millis, context),
    lagged: (millis) => loopLag.updateUnsafe(millis, context),
    close: forget
  }
}
