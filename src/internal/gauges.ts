/**
 * Gauges that are computed when they are read, so that one nobody reads costs nothing. Those who have the same name (two
 * supervisors of one path, two pools of one name) share them, and they show the sum.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

interface Shared<Source> {
  readonly sources: Set<Source>
  readonly registrations: ReadonlyArray<Metric.Registration>
}

type Register<Source> = (
  metric: Metric.Metric<number, Metric.GaugeState<number>>,
  read: (source: Source) => number
) => void

export interface Gauges<in Source> {
  /** Shows a source under a name until the answer is called. */
  readonly show: (name: string, context: Context.Context<never>, source: Source) => () => void
}

const unset = () => undefined

/** `series` registers what there is to show under a name. */
export const make = <Source>(series: (name: string) => (register: Register<Source>) => void): Gauges<Source> => {
  const registries = new WeakMap<object, Map<string, Shared<Source>>>()
  const share = (name: string, context: Context.Context<never>): Shared<Source> => {
    const sources = new Set<Source>()
    const registrations: Array<Metric.Registration> = []
    series(name)((metric, read) => {
      const get = () => {
        let value = 0
        for (const source of sources) value += read(source)
        return { value }
      }
      registrations.push(Metric.registerUnsafe(metric, context, { get, update: unset, modify: unset }))
    })
    return { sources, registrations }
  }
  return {
    show: (name, context, source) => {
      const registry = Context.get(context, Metric.MetricRegistry)
      const names = registries.get(registry) ?? new Map<string, Shared<Source>>()
      registries.set(registry, names)
      const shared = names.get(name) ?? share(name, context)
      names.set(name, shared)
      shared.sources.add(source)
      return () => {
        shared.sources.delete(source)
        if (shared.sources.size > 0 || names.get(name) !== shared) return
        names.delete(name)
        for (const registration of shared.registrations) registration.remove()
      }
    }
  }
}
