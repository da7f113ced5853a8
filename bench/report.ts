/**
 * The results as a table for people and as rows for programs.
 */
import { availableParallelism, cpus } from "node:os"
import type { Summary } from "./measure.ts"
import type { Outcome, Result } from "./run.ts"

export interface Row {
  readonly scenario: string
  readonly n: number
  readonly metric: string
  readonly unit: string
  readonly value: number
  readonly peer: string
  /** `null` where the peer cannot do the thing at all. */
  readonly peerValue: number | null
  /** Ours through theirs: smaller is better. */
  readonly ratio: number | null
}

const figureOf = (outcome: Outcome, index: number): Summary | undefined =>
  typeof outcome.figures === "string" ? undefined : outcome.figures[index]?.summary

const round = (value: number): number => Number(value.toPrecision(4))

/** One row a metric and peer; the first outcome is ours. */
export const rows = (results: ReadonlyArray<Result>): ReadonlyArray<Row> =>
  results.flatMap(({ n, outcomes, scenario }) =>
    scenario.metrics.flatMap((metric, index) => {
      const [ours, ...others] = outcomes
      const value = ours === undefined ? undefined : figureOf(ours, index)?.median
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
          ratio: theirs === undefined ? null : round(value / theirs)
        }
      })
    })
  )

const shown = (value: number): string =>
  value >= 100
    ? Math.round(value).toLocaleString("en-GB")
    : value >= 10
    ? value.toFixed(1)
    : value.toFixed(2)

const cell = (summary: Summary | undefined, ours: Summary | undefined): string => {
  if (summary === undefined) return "-"
  const spread = summary.min === summary.max ? "" : ` (${shown(summary.min)}–${shown(summary.max)})`
  const ratio = ours === undefined ? "" : ` ×${shown(ours.median / summary.median)}`
  return `${shown(summary.median)}${spread}${ratio}`
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

/** The table, and below it why a peer has no figure and what each scenario measures. */
export const table = (results: ReadonlyArray<Result>): string => {
  const peers = results[0]?.outcomes.map((outcome) => outcome.peer) ?? []
  const head = ["scenario", "n", "metric", "unit", ...peers.map((peer) => peer.name)]
  const body = results.flatMap(({ n, outcomes, scenario }) =>
    scenario.metrics.map((metric, index) => {
      const ours = outcomes[0] === undefined ? undefined : figureOf(outcomes[0], index)
      return [
        index === 0 ? scenario.name : "",
        index === 0 ? n.toLocaleString("en-GB") : "",
        metric.name,
        metric.unit,
        ...outcomes.map((outcome, place) => cell(figureOf(outcome, index), place === 0 ? undefined : ours))
      ]
    })
  )
  const notes = [
    ...results.map(({ scenario }) => `- ${scenario.name}: ${scenario.about}`),
    ...peers.map((peer) => `- ${peer.name}: ${peer.about}`),
    ...results.flatMap(({ outcomes, scenario }) =>
      outcomes.flatMap(({ figures, peer }) =>
        typeof figures === "string" ? [`- \`-\` (${scenario.name}, ${peer.name}): ${figures}`] : []
      )
    )
  ]
  return `${machine()}\n\n${markdown([head, ...body])}\n\n${notes.join("\n")}\n`
}
