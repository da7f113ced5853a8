/**
 * The results as a table for people and as rows for programs.
 */
import { availableParallelism, cpus } from "node:os"
import type { Summary } from "./measure.ts"
import type { PeerName } from "./peer.ts"
import type { Outcome, Result } from "./run.ts"
import type { Metric } from "./scenario.ts"

interface Row {
  readonly scenario: string
  readonly n: number
  readonly metric: string
  readonly unit: string
  readonly value: number
  readonly peer: string
  /** `null` where the peer cannot do the thing at all. */
  readonly peerValue: number | null
  /** Ours through theirs: smaller is better. `null` as well where theirs is nothing. */
  readonly ratio: number | null
}

const figureOf = (outcome: Outcome | undefined, index: number): Summary | undefined =>
  outcome === undefined || typeof outcome.figures === "string" ? undefined : outcome.figures[index]

const round = (value: number): number => Number(value.toPrecision(4))

/** One row a metric and peer; the first outcome is ours. */
export const rows = (results: ReadonlyArray<Result>): ReadonlyArray<Row> =>
  results.flatMap(({ n, outcomes, scenario }) =>
    scenario.metrics.flatMap((metric, index) => {
      const [ours, ...others] = outcomes
      const value = figureOf(ours, index)?.median
      if (value === undefined) return []
      return others.map((other) => {
        const theirs = figureOf(other, index)?.median
        return {
          scenario: scenario.name,
          n,
          metric: metric.name,
          unit: metric.unit,
          value: round(value),
          peer: other.peer.name,
          peerValue: theirs === undefined ? null : round(theirs),
          ratio: theirs === undefined || theirs <= 0 ? null : round(value / theirs)
        }
      })
    })
  )

const shown = (value: number): string => {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString("en-GB")
  if (size >= 10) return value.toFixed(1)
  return size >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(1)
}

/** `missed` is said of a figure that is there and not as good. */
const against = (value: number | undefined, atMost: number): string =>
  `≤ ${shown(atMost).replace(/\.0+$/, "")}${value !== undefined && value > atMost ? " missed" : ""}`

const reach = ({ aim }: Metric, ours: Summary | undefined, first: Summary | undefined): string => {
  if (aim?.atMost !== undefined) return against(ours?.median, aim.atMost)
  return aim?.besideFirst === undefined || first === undefined || first === ours
    ? ""
    : against(ours?.median, aim.besideFirst * first.median)
}

const figure = ({ max, median, min }: Summary): string =>
  `${shown(median)}${min === max ? "" : ` (${shown(min)}–${shown(max)})`}`

const beside = (theirs: Summary | undefined, ours: Summary | undefined, atMost: number | undefined): string => {
  if (theirs === undefined) return "-"
  if (ours === undefined || theirs.median <= 0) return figure(theirs)
  const ratio = ours.median / theirs.median
  return `${figure(theirs)} ×${shown(ratio)}${atMost === undefined ? "" : `, ${against(ratio, atMost)}`}`
}

const line = (cells: ReadonlyArray<string>, widths: ReadonlyArray<number>): string =>
  `| ${cells.map((text, index) => text.padEnd(widths[index] ?? 0)).join(" | ")} |`

const markdown = (table: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (table[0] ?? []).map((_, index) => Math.max(...table.map((cells) => (cells[index] ?? "").length)))
  const [head = [], ...body] = table
  return [line(head, widths), line(widths.map((width) => "-".repeat(width)), widths)]
    .concat(body.map((cells) => line(cells, widths)))
    .join("\n")
}

/** What the figures were measured on. */
export const machine = (): string => {
  const model = cpus()[0]?.model.trim() ?? "unknown processor"
  const cores = availableParallelism()
  return `${model}, ${cores} ${cores === 1 ? "core" : "cores"}, Node ${process.version}`
}

/** Why there is no figure, once for all scenarios that have the same to say. */
const absences = (results: ReadonlyArray<Result>): ReadonlyArray<string> => {
  const where = new Map<string, Set<string>>()
  for (const { outcomes, scenario } of results) {
    for (const { figures, peer } of outcomes) {
      if (typeof figures !== "string") continue
      const what = `${peer.name}: ${figures}`
      where.set(what, (where.get(what) ?? new Set()).add(scenario.name))
    }
  }
  const all = new Set(results.map(({ scenario }) => scenario)).size
  return Array.from(
    where,
    ([what, names]) => names.size === all ? `- ${what}` : `- \`-\` (${Array.from(names).join(", ")}) ${what}`
  )
}

/**
 * The table, and below it what each scenario measures and why a peer has no figure. What is to be reached stands beside
 * the figures when they were taken at the sizes that it is meant for.
 */
export const table = (results: ReadonlyArray<Result>): string => {
  const peers = results[0]?.outcomes.map((outcome) => outcome.peer) ?? []
  const head = ["scenario", "n", "metric", "unit", "reach", ...peers.map((peer) => peer.name)]
  const body = results.flatMap(({ n, outcomes, scenario }) => {
    const isMeant = scenario.sizes.some((size) => size.n === n)
    const first = results.find((result) => result.scenario === scenario)?.outcomes[0]
    return scenario.metrics.map((metric, index) => {
      const ours = figureOf(outcomes[0], index)
      const aim = (peer: PeerName) => isMeant ? metric.aim?.beside?.[peer] : undefined
      return [
        index === 0 ? scenario.name : "",
        index === 0 ? n.toLocaleString("en-GB") : "",
        metric.name,
        metric.unit,
        isMeant ? reach(metric, ours, figureOf(first, index)) : "",
        ...outcomes.map((outcome, place) => {
          const theirs = figureOf(outcome, index)
          if (place > 0) return beside(theirs, ours, aim(outcome.peer.name))
          return theirs === undefined ? "-" : figure(theirs)
        })
      ]
    })
  })
  const scenarios = new Set(results.map(({ scenario }) => scenario))
  const notes = [
    ...Array.from(scenarios, ({ about, name }) => `- ${name}: ${about}`),
    ...peers.map((peer) => `- ${peer.name}: ${peer.about}`),
    ...absences(results),
    ...results.flatMap(({ notes, scenario }) => notes.map((note) => `- ${scenario.name}, ${note}`))
  ]
  return `${machine()}\n\n${markdown([head, ...body])}\n\n${notes.join("\n")}\n`
}
