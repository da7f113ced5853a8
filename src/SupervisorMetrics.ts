/**
 * The metrics of every supervisor, each with the attribute `supervisor` (its
 * path). They are ordinary Effect metrics: any exporter of Effect's registry
 * shows them, and `Metric.value` reads them in a test.
 *
 * Durations are in milliseconds.
 *
 * @since 0.1.0
 */
import type * as Metric from "effect/Metric"
import * as Series from "./internal/series.ts"

/**
 * How many tasks have a status: one gauge a status, told apart by the attribute
 * `status`. Computed when it is read; gone when the supervisor has ended.
 *
 * @since 0.1.0
 * @category gauges
 */
export const tasks: Metric.Gauge<number> = Series.tasks()

/**
 * Runs begun.
 *
 * @since 0.1.0
 * @category counters
 */
export const starts: Metric.Counter<number> = Series.starts()

/**
 * Restarts by policy, told apart by the attribute `reason`: `Failed`,
 * `HeartbeatMissed`, `ProbeFailed` or `Completed`.
 *
 * @since 0.1.0
 * @category counters
 */
export const restarts: Metric.Counter<number> = Series.restarts()

/**
 * Tasks that died, told apart by the attribute `why`.
 *
 * @since 0.1.0
 * @category counters
 */
export const deaths: Metric.Counter<number> = Series.deaths()

/**
 * Verdicts of silence.
 *
 * @since 0.1.0
 * @category counters
 */
export const missedHeartbeats: Metric.Counter<number> = Series.missedHeartbeats()

/**
 * Runs that did not end within their `stopTimeout`.
 *
 * @since 0.1.0
 * @category counters
 */
export const unstoppableRuns: Metric.Counter<number> = Series.unstoppableRuns()

/**
 * How long runs lived.
 *
 * @since 0.1.0
 * @category histograms
 */
export const runTime: Metric.Histogram<number> = Series.runTime()

/**
 * The back-off before restarts.
 *
 * @since 0.1.0
 * @category histograms
 */
export const restartDelay: Metric.Histogram<number> = Series.restartDelay()

/**
 * How late the loop turned, measured each time it had asked to be woken.
 *
 * @since 0.1.0
 * @category histograms
 */
export const loopLag: Metric.Histogram<number> = Series.loopLag()
