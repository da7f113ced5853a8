/**
 * The statuses of a supervisor and of all below it as rows: who stands below whom, what is told as a count, and which of
 * them fit. Pure.
 */
import type { TaskStatus } from "../TaskStatus.ts"
import { isGivenUp } from "./tone.ts"

/** A task where it stands, or many of one supervisor that are told as a count. */
export type Row =
  & {
    /** What leads to it from the task above; empty at the top. */
    readonly branch: string
  }
  & (
    | {
      readonly _tag: "Task"
      /** Its name below the task above, after that of the supervisor between them where that has one of its own. */
      readonly name: string
      readonly status: TaskStatus
    }
    | { readonly _tag: "Folded"; readonly statuses: ReadonlyArray<TaskStatus> }
  )

/** What leads from a task to those below it: to the next and to the last of them, and past both to those below these. */
export interface Branches {
  readonly next: string
  readonly last: string
  readonly pastNext: string
  readonly pastLast: string
}

/** Where lines can be drawn, */
export const drawn: Branches = { next: "├ ", last: "└ ", pastNext: "│ ", pastLast: "  " }
/** and where not. */
export const indented: Branches = { next: "  ", last: "  ", pastNext: "  ", pastLast: "  " }

interface Node {
  readonly _tag: "Task"
  readonly status: TaskStatus
  readonly name: string
  readonly depth: number
  readonly urgency: number
  readonly above: Node | undefined
  readonly below: Array<Item>
}

interface Folded {
  readonly _tag: "Folded"
  readonly statuses: ReadonlyArray<TaskStatus>
  readonly depth: number
  readonly urgency: number
  readonly above: Node
}

type Item = Node | Folded

// How soon a person should look at it; what is folded comes after all that is not.
const needsALook = 0
const moves = 1
const isWell = 2
const isFolded = 3

const urgencyOf = (status: TaskStatus): number => {
  switch (status._tag) {
    case "Healthy":
    case "Completed":
    case "Stopped":
      return isWell
    case "Dead":
      return isGivenUp(status.why) ? needsALook : isWell
    case "Failed":
      // With a sibling: it did not fail itself.
      return status.sibling === undefined ? needsALook : moves
    case "Stopping":
      return status.overdue ? needsALook : moves
    case "Created":
    case "Starting":
      return moves
  }
}

/**
 * So many tasks below another are all shown. Of more only those are that need a look, and no more of these. The topmost
 * ones are shown as far as there is room.
 */
const most = 12

/** The rows of at most `room` lines, one of which is left for those that are in none of them. */
export const choose = (
  { path, statuses }: { readonly path: string; readonly statuses: ReadonlyArray<TaskStatus> },
  room: number,
  branches: Branches
): { readonly rows: ReadonlyArray<Row>; readonly rest: ReadonlyArray<TaskStatus> } => {
  const tops = plant(path, statuses)
  for (const top of tops) fold(top)
  const items: Array<Item> = []
  for (const top of tops) flatten(top, items)
  const chosen = items.length <= room ? new Set(items) : mostUrgent(items, room - 1)
  const rest: Array<TaskStatus> = []
  for (const item of items) {
    if (chosen.has(item)) continue
    for (const status of item._tag === "Task" ? [item.status] : item.statuses) rest.push(status)
  }
  return { rows: rowsOf(tops, chosen, undefined, branches), rest }
}

/** Each status comes after the one that it stands below. */
const plant = (path: string, statuses: ReadonlyArray<TaskStatus>): ReadonlyArray<Node> => {
  const tops: Array<Node> = []
  let above: Node | undefined
  for (const status of statuses) {
    while (above !== undefined && !isBelow(status.path, above.status.path)) above = above.above
    const before: string = above?.status.path ?? path
    const node: Node = {
      _tag: "Task",
      status,
      name: isBelow(status.path, before) ? status.path.slice(before.length + 1) : status.task,
      depth: above === undefined ? 0 : above.depth + 1,
      urgency: urgencyOf(status),
      above,
      below: []
    }
    if (above === undefined) tops.push(node)
    else above.below.push(node)
    above = node
  }
  return tops
}

const isBelow = (path: string, above: string): boolean =>
  path.length > above.length && path[above.length] === "/" && path.startsWith(above)

/** Folds where too many stand below; gives the highest urgency there is in and below the task. */
const fold = (node: Node): number => {
  const { below } = node
  let urgency = node.urgency
  const shown: Array<Item> = []
  const statuses: Array<TaskStatus> = []
  const isTooMany = below.length > most
  for (const item of below) {
    const within = item._tag === "Task" ? fold(item) : item.urgency
    urgency = Math.min(urgency, within)
    if (!isTooMany || (within === needsALook && shown.length < most)) shown.push(item)
    else statusesOf(item, statuses)
  }
  if (isTooMany) {
    below.splice(0, below.length, ...shown)
    below.push({ _tag: "Folded", statuses, depth: node.depth + 1, urgency: isFolded, above: node })
  }
  return urgency
}

const statusesOf = (item: Item, into: Array<TaskStatus>): void => {
  if (item._tag === "Folded") {
    for (const status of item.statuses) into.push(status)
    return
  }
  into.push(item.status)
  for (const one of item.below) statusesOf(one, into)
}

const flatten = (item: Item, into: Array<Item>): void => {
  into.push(item)
  if (item._tag === "Task") { for (const one of item.below) flatten(one, into) }
}

/** So many as there is room for: what needs a look first, then from the top down, each with those that it stands below. */
const mostUrgent = (items: ReadonlyArray<Item>, room: number): ReadonlySet<Item> => {
  const chosen = new Set<Item>()
  for (const item of items.toSorted((a, b) => a.urgency - b.urgency || a.depth - b.depth)) {
    if (chosen.size >= room) break
    const needed: Array<Item> = []
    for (let one: Item | undefined = item; one !== undefined && !chosen.has(one); one = one.above) needed.push(one)
    if (chosen.size + needed.length <= room) { for (const one of needed) chosen.add(one) }
  }
  return chosen
}

/** `before` leads to all of them; nothing leads to the topmost ones. */
const rowsOf = (
  items: ReadonlyArray<Item>,
  chosen: ReadonlySet<Item>,
  before: string | undefined,
  branches: Branches
): ReadonlyArray<Row> => {
  const shown = items.filter((item) => chosen.has(item))
  return shown.flatMap((item, index): ReadonlyArray<Row> => {
    const isLast = index === shown.length - 1
    const branch = before === undefined ? "" : before + (isLast ? branches.last : branches.next)
    if (item._tag === "Folded") return [{ _tag: "Folded", branch, statuses: item.statuses }]
    const past = before === undefined ? "" : before + (isLast ? branches.pastLast : branches.pastNext)
    return [
      { _tag: "Task", branch, name: item.name, status: item.status },
      ...rowsOf(item.below, chosen, past, branches)
    ]
  })
}
