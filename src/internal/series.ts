/**
 * What is measured of a supervisor, and the series of each. A series that has its attributes itself costs a look-up for
 * each update, with `Metric.withAttributes` it is a context of its own as well.
 */
import * as Metric from "effect/Metric"

type Series<M> = (attributes?: Readonly<Record<string, string>>) => M

const counter = (id: string, description: string): Series<Metric.Counter<number>> => (attributes = {}) =>
  Metric.counter(id, { description, incremental: true, attributes })

const histogram =
  (id: string, description: string, boundaries: ReadonlyArray<number>): Series<Metric.Histogram<number>> =>
  (attributes = {}) => Metric.histogram(id, { description, boundaries, attributes })

export const tasks: Series<Metric.Gauge<number>> = (attributes = {}) =>
  Metric.gauge("effect_supervisor_tasks", {
    description: "Tasks by status",
    attributes
  })

export const starts = counter("effect_supervisor_starts_total", "Runs begun")

export const restarts = counter(
  "effect_supervisor_restarts_total",
  "Restarts scheduled by restart policies, by reason"
)

export const deaths = counter("effect_supervisor_deaths_total", "Tasks that died, by why")

export const missedHeartbeats = counter(
  "effect_supervisor_missed_heartbeats_total",
  "Runs stopped because they showed no sign of life"
)

export const unstoppableRuns = counter(
  "effect_supervisor_unstoppable_runs_total",
  "Runs that did not end within their stop timeout"
)

export const runTime = histogram(
  "effect_supervisor_run_time_ms",
  "How long runs lived, in milliseconds",
  [1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000]
)

export const restartDelay = histogram(
  "effect_supervisor_restart_delay_ms",
  "The delay before restarts, in milliseconds",
  [0, 10, 100, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 600_000]
)

export const loopLag = histogram(
  "effect_supervisor_loop_lag_ms",
  "How late the supervisor's loop turned, in milliseconds",
  [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000]
)
