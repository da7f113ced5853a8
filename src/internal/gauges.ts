/**
 * The gauges of how many tasks have which status: computed when they are read, so that one nobody reads costs nothing.
 * Supervisors of one path share them, and they show the sum.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as SupervisorMetrics from "../SupervisorMetrics.ts"
import * as TaskStatus from "../TaskStatus.ts"
import type { Phase } from "./state.ts"

type Counts = Readonly<Record<Phase, number>>

interface Shared {
  readonly counted: Set<Counts>
  readonly registrations: ReadonlyArray<Metric.Registration>
}

const registries = new WeakMap<object, Map<string, Shared>>()

/** Shows the counts until the answer is called. */
export const register = (supervisor: string, context: Context.Context<never>, counts: Counts): () => void => {
  const registry = Context.get(context, Metric.MetricRegistry)
  let paths = registries.get(registry)
  if (paths === undefined) {
    paths = new Map()
    registries.set(registry, paths)
  }
  const shared = paths.get(supervisor) ?? share(supervisor, context)
  paths.set(supervisor, shared)
  shared.counted.add(counts)
  return () => {
    shared.counted.delete(counts)
    if (shared.counted.size > 0 || paths.get(supervisor) !== shared) return
    paths.delete(supervisor)
    for (const registration of shared.registrations) registration.remove()
  }
}

const share = (supervisor: string, context: Context.Context<never>): Shared => {
  const counted = new Set<Counts>()
  const registrations = TaskStatus.tags.map((status) =>
    Metric.registerUnsafe(Metric.withAttributes(SupervisorMetrics.tasks, { supervisor, status }), context, {
      get: () => {
        let value = 0
        for (const counts of counted) value += counts[status]
        return { value }
      },
      update: () => undefined,
      modify: () => undefined
    })
  )
  return { counted, registrations }
}
