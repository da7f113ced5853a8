/**
 * The metrics of one supervisor: bound to its path once, so that counting costs a look-up and an addition.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Gauges from "./gauges.ts"
import * as Series from "./series.ts"
import type { Notice } from "./state.ts"
import type { Phase } from "./words.ts"
import { noCounts } from "./words.ts"

export interface Metrics {
  readonly noted: (notice: Notice) => void
  readonly ran: (millis: number) => void
  readonly lagged: (millis: number) => void
  /** Takes the gauges out of the registry. */
  readonly close: () => void
}

/** How many tasks have which status, by the path of their supervisor. */
const tasks = Gauges.make<Readonly<Record<string, number>>>((supervisor) => (register) => {
  for (const status of Object.keys(noCounts)) {
    register(Series.tasks({ supervisor, status }), (counts) => counts[status] ?? 0)
  }
})

/** What a series says itself counts, whatever the surroundings say of all metrics. */
const without = (context: Context.Context<never>, own: ReadonlyArray<string>): Context.Context<never> => {
  const attributes = Object.entries(Context.get(context, Metric.CurrentMetricAttributes))
  const others = attributes.filter(([name]) => !own.includes(name))
  return others.length === attributes.length
    ? context
    : Context.add(context, Metric.CurrentMetricAttributes, Object.fromEntries(others))
}

export const make = (
  supervisor: string,
  outer: Context.Context<never>,
  counts: Readonly<Record<Phase, number>>
): Metrics => {
  const context = without(outer, ["supervisor"])
  const counted = (series: Metric.Counter<number>) => () => series.updateUnsafe(1, context)
  const by = (series: typeof Series.restarts, attribute: string) => {
    const known = new Map<string, Metric.Counter<number>>()
    const around = without(context, [attribute])
    return (value: string) => {
      let one = known.get(value)
      if (one === undefined) {
        one = series({ supervisor, [attribute]: value })
        known.set(value, one)
      }
      one.updateUnsafe(1, around)
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
  const forget = tasks.show(supervisor, without(context, ["status"]), counts)
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
