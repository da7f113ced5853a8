/**
 * The gauges of how many tasks have which status.
 */
import * as Metric from "effect/Metric"
import * as SupervisorMetrics from "../SupervisorMetrics.ts"
import * as TaskStatus from "../TaskStatus.ts"
import * as SharedMetrics from "./sharedMetrics.ts"
import type { Phase } from "./state.ts"

/** By the path of a supervisor. */
export const tasks = SharedMetrics.make<Readonly<Record<Phase, number>>>((supervisor) => (register) => {
  for (const status of TaskStatus.tags) {
    const metric = Metric.withAttributes(SupervisorMetrics.tasks, { supervisor, status })
    register(metric, SharedMetrics.gauge, (counts) => counts[status])
  }
})
