/**
 * The columns of the live table, and how they share the width there is. Pure.
 */
import type { DeadReason, TaskStatus } from "../TaskStatus.ts"
import * as Text from "./text.ts"
import type { Paint } from "./tone.ts"
import * as Tone from "./tone.ts"

/** A task as it is shown. */
export interface Shown {
  readonly status: TaskStatus
  /** What leads to it from the task above, and its name there. */
  readonly branch: string
  readonly name: string
  /** Until when the supervisor that it runs restarts nothing. */
  readonly pausedUntil?: number | undefined
}

interface Column {
  readonly head: string
  readonly cell: (shown: Shown, now: number) => string
  readonly align?: "right"
}

/** The columns that are shown, each as wide as it will be. */
export type Layout = ReadonlyArray<Column & { readonly width: number }>

const none = "–"
const gap = "  "

const task: Column = { head: "TASK", cell: ({ branch, name }) => branch + Text.clean(name) }

const status = (cell: (status: TaskStatus) => string): Column => ({
  head: "STATUS",
  cell: ({ status }) => cell(status)
})

/** Why a task is dead, as people say it. */
export const deadReasons: Record<DeadReason, string> = {
  Exhausted: "exhausted",
  NotRestartable: "not restartable",
  Killed: "killed",
  ShutDown: "shut down",
  Escalated: "escalated"
}

const statusInFull = status((status) => {
  if (status._tag === "Dead") return `Dead (${deadReasons[status.why]})`
  return status._tag === "Stopping" && status.overdue ? "Stopping (overdue)" : status._tag
})

const statusInShort = status((status) => status._tag === "Stopping" && status.overdue ? "Stopping!" : status._tag)

const generation = (head: string): Column => ({ head, align: "right", cell: ({ status }) => String(status.generation) })

const attempts = (head: string): Column => ({ head, align: "right", cell: ({ status }) => String(status.attempt) })

const uptime: Column = {
  head: "UPTIME",
  align: "right",
  cell: ({ status }, now) => {
    const runs = status._tag === "Starting" || status._tag === "Healthy" || status._tag === "Stopping"
    return runs && status.startedAt !== undefined ? Text.seconds(now - status.startedAt) : none
  }
}

/** That restarts are paused, and for how long. */
export const pause = (until: number, now: number): string =>
  `restarts are paused for ${Text.countdown(Math.max(0, until - now))}`

/**
 * When it failed, and what it said: what is cut off is the end of the message. In its place what keeps the task from
 * running when that is no failure of its own.
 */
const lastFailure: Column = {
  head: "LAST FAILURE",
  cell: ({ pausedUntil, status }, now) => {
    if (pausedUntil !== undefined) return pause(pausedUntil, now)
    if (status._tag === "Failed" && status.sibling !== undefined) return `restarts with ${Text.clean(status.sibling)}`
    const failure = status.lastFailure
    return failure === undefined
      ? none
      : `${Text.seconds(now - failure.at)} ago: ${Text.failure(status.path, failure.message)}`
  }
}

const nextRestart = (head: string, before: string): Column => ({
  head,
  align: "right",
  cell: ({ status }, now) => {
    if (status._tag === "Dead" && Tone.isGivenUp(status.why)) return "never"
    if (status._tag !== "Failed") return none
    if (status.restartAt === undefined) return "never"
    return status.restartAt <= now ? "now" : `${before}${Text.countdown(status.restartAt - now)}`
  }
})

/**
 * From the roomiest to the tightest, each with what it takes for failures to be readable. What there is to read does not
 * count: columns that come and go with it would be hard to look at.
 */
const variants: ReadonlyArray<{ readonly columns: ReadonlyArray<Column>; readonly forFailure: number }> = [
  {
    columns: [
      task,
      statusInFull,
      generation("GENERATION"),
      uptime,
      attempts("ATTEMPTS"),
      lastFailure,
      nextRestart("NEXT RESTART", "in ")
    ],
    forFailure: 50
  },
  {
    columns: [
      task,
      statusInFull,
      generation("GEN"),
      uptime,
      attempts("ATTEMPTS"),
      lastFailure,
      nextRestart("RESTART", "in ")
    ],
    forFailure: 36
  },
  {
    columns: [task, statusInShort, generation("GEN"), uptime, attempts("ATT"), lastFailure, nextRestart("NEXT", "")],
    forFailure: 20
  },
  { columns: [task, statusInShort, generation("GEN"), lastFailure, nextRestart("NEXT", "")], forFailure: 14 },
  { columns: [task, statusInShort, lastFailure], forFailure: 14 },
  { columns: [task, statusInShort], forFailure: 0 }
]

const longestTask = 32

/** Chooses the roomiest columns in which all is readable; the failure takes what the others leave. */
export const layOut = (shown: ReadonlyArray<Shown>, now: number, width: number): Layout => {
  let layout: Layout = []
  for (const { columns, forFailure } of variants) {
    const natural = columns.map((column) => ({
      ...column,
      width: column === lastFailure ? 0 : naturalWidth(column, shown, now)
    }))
    const left = width - natural.reduce((sum, column) => sum + column.width + gap.length, -gap.length)
    layout = natural.map((column) =>
      column.head === lastFailure.head ? { ...column, width: Math.max(0, left) } : column
    )
    if (left >= forFailure) break
  }
  return layout
}

const naturalWidth = (column: Column, shown: ReadonlyArray<Shown>, now: number): number => {
  let widest = column.head.length
  for (const one of shown) widest = Math.max(widest, Text.width(column.cell(one, now)))
  return column === task ? Math.min(widest, longestTask) : widest
}

/** The line of the columns' names. */
export const header = (layout: Layout, width: number, paint: Paint): string =>
  paint("quiet", Text.clip(layout.map((column) => Text.fit(column.head, column.width, column.align)).join(gap), width))

/** The line of one task. */
export const row = (layout: Layout, shown: Shown, now: number, width: number, paint: Paint): string => {
  let room = width
  let line = ""
  for (const column of layout) {
    const before = line === "" ? "" : gap
    const cells = Math.min(column.width, room - before.length)
    if (cells <= 0) break
    room -= before.length + cells
    const text = Text.fit(column.cell(shown, now), cells, column.align)
    line += before + (column.head === statusInFull.head ? paint(Tone.ofStatus(shown.status), text) : text)
  }
  return line
}
