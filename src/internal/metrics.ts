/**
 * The metrics of one supervisor: bound to its path once, so that counting costs a look-up and an addition.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as SupervisorMetrics from "../SupervisorMetrics.ts"
import * as TaskStatus from "../TaskStatus.ts"
import * as Gauges from "./gauges.ts"
import type { Notice, Phase } from "./state.ts"

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
  const of = <Input, State>(metric: Metric.Metric<Input, State>, attributes: Record<string, string> = {}) =>
    Metric.withAttributes(metric, { supervisor, ...attributes })
  const counter = (metric: Metric.Counter<number>, attribute?: string) => {
    const bound = new Map<string, Metric.Metric<number, unknown>>()
    return (value = "") => {
      let one = bound.get(value)
      if (one === undefined) {
        one = of(metric, attribute === undefined ? {} : { [attribute]: value })
        bound.set(value, one)
      }
      one.updateUnsafe(1, context)
    }
  }
  const started = counter(SupervisorMetrics.starts)
  const restarted = counter(SupervisorMetrics.restarts, "reason")
  const died = counter(SupervisorMetrics.deaths, "why")
  const missed = counter(SupervisorMetrics.missedHeartbeats)
  const unstoppable = counter(SupervisorMetrics.unstoppableRuns)
  const runTime = of(SupervisorMetrics.runTime)
  const restartDelay = of(SupervisorMetrics.restartDelay)
  const loopLag = of(SupervisorMetrics.loopLag)
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
