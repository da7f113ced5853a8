/**
 * The metrics of every slot pool, each with the attribute `pool` (its name). What its workers do as tasks is in
 * `SupervisorMetrics`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * How many slots are in a state, told apart by the attribute `state`: `idle`, `busy`, `errored`, `exhausted`,
 * `stopped`, `foreign`. Computed when it is read.
 *
 * @since 0.1.0
 * @category gauges
 */
export const slots = Metric.gauge("effect_supervisor_pool_slots", {
  description: "Slots by state"
})

/**
 * How many jobs wait for a slot. Computed when it is read.
 *
 * @since 0.1.0
 * @category gauges
 */
export const queued = Metric.gauge("effect_supervisor_pool_queued_jobs", {
  description: "Jobs that wait for a slot"
})

/**
 * Jobs that have ended, told apart by the attribute `state`: `Succeeded`, `Failed`, `Cancelled`, `TimedOut`, `Lost`,
 * `Unassigned`.
 *
 * @since 0.1.0
 * @category counters
 */
export const jobs = Metric.counter("effect_supervisor_pool_jobs_total", {
  description: "Jobs that have ended, by state",
  incremental: true
})

/**
 * Slots that went into error.
 *
 * @since 0.1.0
 * @category counters
 */
export const errors = Metric.counter("effect_supervisor_pool_slot_errors_total", {
  description: "Slots that went into error",
  incremental: true
})

/**
 * Slots that were put back to work.
 *
 * @since 0.1.0
 * @category counters
 */
export const restarts = Metric.counter("effect_supervisor_pool_slot_restarts_total", {
  description: "Slots that were put back to work",
  incremental: true
})

/**
 * Slots that went into error, and will not be put back to work.
 *
 * @since 0.1.0
 * @category counters
 */
export const exhausted = Metric.counter("effect_supervisor_pool_slots_exhausted_total", {
  description: "Slots that will not be put back to work",
  incremental: true
})

/**
 * What the store was asked for, and failed to do or did not do in time.
 *
 * @since 0.1.0
 * @category counters
 */
export const storeFailures = Metric.counter("effect_supervisor_pool_store_failures_total", {
  description: "Operations of the store that failed",
  incremental: true
})
