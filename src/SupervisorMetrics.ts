/**
 * The metrics of every supervisor, each with the attribute `supervisor` (its
 * path). They are ordinary Effect metrics: any exporter of Effect's registry
 * shows them, and `Metric.value` reads them in a test.
 *
 * Durations are in milliseconds.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * How many tasks have a status: one gauge a status, told apart by the attribute
 * `status`. Computed when it is read; gone when the supervisor has ended.
 *
 * @since 0.1.0
 * @category gauges
 */
export const tasks = Metric.gauge("effect_supervisor_tasks", {
  description: "Tasks by status"
})

/**
 * Runs begun.
 *
 * @since 0.1.0
 * @category counters
 */
export const starts = Metric.counter("effect_supervisor_starts_total", {
  description: "Runs begun",
  incremental: true
})

/**
 * Restarts by policy, told apart by the attribute `reason`: `Failed`,
 * `HeartbeatMissed`, `ProbeFailed` or `Completed`.
 *
 * @since 0.1.0
 * @category counters
 */
export const restarts = Metric.counter("effect_supervisor_restarts_total", {
  description: "Restarts scheduled by restart policies, by reason",
  incremental: true
})

/**
 * Tasks that died, told apart by the attribute `why`.
 *
 * @since 0.1.0
 * @category counters
 */
export const deaths = Metric.counter("effect_supervisor_deaths_total", {
  description: "Tasks that died, by why",
  incremental: true
})

/**
 * Verdicts of silence.
 *
 * @since 0.1.0
 * @category counters
 */
export const missedHeartbeats = Metric.counter("effect_supervisor_missed_heartbeats_total", {
  description: "Runs stopped because they showed no sign of life",
  incremental: true
})

/**
 * Runs that did not end within their `stopTimeout`.
 *
 * @since 0.1.0
 * @category counters
 */
export const unstoppableRuns = Metric.counter("effect_supervisor_unstoppable_runs_total", {
  description: "Runs that did not end within their stop timeout",
  incremental: true
})

/**
 * How long runs lived.
 *
 * @since 0.1.0
 * @category histograms
 */
export const runTime = Metric.histogram("effect_supervisor_run_time_ms", {
  description: "How long runs lived, in milliseconds",
  boundaries: [1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000]
})

/**
 * The back-off before restarts.
 *
 * @since 0.1.0
 * @category histograms
 */
export const restartDelay = Metric.histogram("effect_supervisor_restart_delay_ms", {
  description: "The delay before restarts, in milliseconds",
  boundaries: [0, 10, 100, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 600_000]
})

/**
 * How late the loop turned, measured each time it had asked to be woken.
 *
 * @since 0.1.0
 * @category histograms
 */
export const loopLag = Metric.histogram("effect_supervisor_loop_lag_ms", {
  description: "How late the supervisor's loop turned, in milliseconds",
  boundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000]
})
