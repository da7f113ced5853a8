/**
 * The live table: what is known of the supervisors, as the lines of a screen. Pure.
 */
import type { TaskStatus } from "../TaskStatus.ts"
import { tags } from "../TaskStatus.ts"
import * as Columns from "./columns.ts"
import * as Text from "./text.ts"
import type { Paint, Tone } from "./tone.ts"
import { painter } from "./tone.ts"
import * as Tree from "./tree.ts"

/** What is known of one supervisor, and of all below it. */
interface Supervised {
  readonly path: string
  /** When it was first seen. */
  readonly since: number
  /** Of the whole tree: each task, and after it those below it. */
  readonly statuses: ReadonlyArray<TaskStatus>
  readonly ending?: Ending | undefined
  /** Until when a supervisor of the tree, by its path, restarts nothing. */
  readonly pauses?: ReadonlyMap<string, number> | undefined
}

/** That a supervisor ends or (`at`) has ended, and whether it does so because it gave up. */
export interface Ending {
  readonly gaveUp: boolean
  readonly at?: number | undefined
}

/** What is shown of a log under the table. */
export interface LogLine {
  readonly at: number
  readonly text: string
  readonly tone: Tone
}

/** All that is shown at one moment. */
export interface Picture {
  readonly now: number
  readonly supervisors: ReadonlyArray<Supervised>
  /** The newest lines last. */
  readonly log: ReadonlyArray<LogLine>
  readonly footer?: string | undefined
}

/** What there is to show it in, and how. */
export interface Room {
  readonly width: number
  readonly height: number
  readonly colors: boolean
  /** Whether the terminal shows what is not ASCII: else the tree is indented, without branches. */
  readonly branches: boolean
}

/** The footer, with an empty line above it. */
export const footerLines = 2

/** So many lines of the log are shown even when the tasks would fill the screen, and fewer on a low one. */
const leastLog = 4
const shareOfLog = 0.45

/** Renders the picture in at most `height` lines, each of at most `width` cells. */
export const render = (picture: Picture, { branches, colors, height, width }: Room): ReadonlyArray<string> => {
  const paint = painter(colors)
  const footer = picture.footer === undefined ? [] : ["", paint("quiet", Text.clip(picture.footer, width))]
  const body = Math.max(1, height - footer.length)
  const least = Math.min(picture.log.length, leastLog, Math.floor((body - 1) * shareOfLog))
  const forTables = Math.max(1, body - (least === 0 ? 0 : least + 1))
  const tables = renderTables(picture, width, forTables, paint, branches ? Tree.drawn : Tree.indented)
  const forLog = Math.max(0, Math.min(picture.log.length, body - tables.length - 1))
  const log = forLog === 0 ? [] : ["", ...picture.log.slice(-forLog).map((line) => renderLog(line, width, paint))]
  return [...tables, ...log, ...footer].slice(0, height)
}

const renderLog = ({ at, text, tone }: LogLine, width: number, paint: Paint): string => {
  const time = Text.localTime(at)
  const shown = Text.clip(`${time} ${Text.clean(text)}`, width)
  return paint("quiet", shown.slice(0, time.length)) + paint(tone, shown.slice(time.length))
}

const renderTables = (
  picture: Picture,
  width: number,
  height: number,
  paint: Paint,
  branches: Tree.Branches
): ReadonlyArray<string> => {
  const { now, supervisors } = picture
  if (supervisors.length === 0) return [paint("quiet", Text.clip("no supervisor yet", width))]
  const chosen = choose(supervisors, now, height, branches)
  const layout = Columns.layOut(chosen.flatMap(({ lines }) => lines.filter((line) => "status" in line)), now, width)
  return chosen.flatMap(({ lines, rest, supervisor }, index) => [
    ...(index === 0 ? [] : [""]),
    renderTitle(supervisor, now, width, paint),
    ...(lines.length === 0 ? [] : [Columns.header(layout, width, paint)]),
    ...lines.map((line) =>
      "status" in line
        ? Columns.row(layout, line, now, width, paint)
        : renderMore(line.branch, line.statuses, width, paint)
    ),
    ...(rest.length === 0 ? [] : [renderMore("", rest, width, paint)])
  ])
}

const renderMore = (branch: string, statuses: ReadonlyArray<TaskStatus>, width: number, paint: Paint): string =>
  paint("quiet", Text.clip(`${branch}… and ${summary(statuses, "more task")}`, width))

interface Chosen {
  readonly supervisor: Supervised
  readonly lines: ReadonlyArray<Columns.Shown | (Tree.Row & { readonly _tag: "Folded" })>
  readonly rest: ReadonlyArray<TaskStatus>
}

const choose = (
  supervisors: ReadonlyArray<Supervised>,
  now: number,
  height: number,
  branches: Tree.Branches
): ReadonlyArray<Chosen> => {
  // A title and a header each, and an empty line between.
  let left = height - supervisors.length * 3 + 1
  return supervisors.map((supervisor, index) => {
    const others = supervisors.length - 1 - index
    const { rest, rows } = Tree.choose(supervisor, Math.max(1, left - others), branches)
    left -= rows.length + (rest.length === 0 ? 0 : 1)
    const pauses = pausesOf(supervisor, now)
    const lines = rows.map((row) => row._tag === "Folded" ? row : { ...row, pausedUntil: pauses.get(row.status.path) })
    return { supervisor, lines, rest }
  })
}

/** Those that are not over, whether or not that was told: by the path of the task that it shows at, or of the topmost one. */
const pausesOf = (supervisor: Supervised, now: number): ReadonlyMap<string, number> => {
  const pauses = new Map<string, number>()
  if (supervisor.ending !== undefined) return pauses
  for (const [path, until] of supervisor.pauses ?? []) {
    if (until <= now) continue
    const isKnown = path === supervisor.path || supervisor.statuses.some((status) => status.path === path)
    // A supervisor that has a name of its own stands below its task by that.
    pauses.set(isKnown ? path : path.slice(0, path.lastIndexOf("/")), until)
  }
  return pauses
}

const renderTitle = (supervisor: Supervised, now: number, width: number, paint: Paint): string => {
  const { ending, path, since, statuses } = supervisor
  const name = Text.clip(Text.clean(path), width)
  const pausedUntil = pausesOf(supervisor, now).get(path)
  const parts = [
    life(ending, now, since),
    ...(pausedUntil === undefined ? [] : [Columns.pause(pausedUntil, now)]),
    summary(statuses, "task")
  ]
  const rest = Text.clip(parts.map((part) => `  ${part}`).join(""), width - Text.width(name))
  return paint("strong", name) + paint(ending?.gaveUp === true ? "bad" : "plain", rest)
}

const life = (ending: Ending | undefined, now: number, since: number): string => {
  if (ending === undefined) return `up ${Text.seconds(now - since)}`
  if (ending.at === undefined) return ending.gaveUp ? "gives up" : "stopping"
  return `${ending.gaveUp ? "gave up" : "ended"} after ${Text.seconds(ending.at - since)}`
}

/** `5 tasks: 3 Healthy, 1 Failed, 1 Dead`. */
const summary = (statuses: ReadonlyArray<TaskStatus>, one: string): string => {
  if (statuses.length === 0) return "no tasks"
  const counts = new Map<string, number>()
  for (const { _tag } of statuses) counts.set(_tag, (counts.get(_tag) ?? 0) + 1)
  const parts = tags.filter((tag) => counts.has(tag)).map((tag) => `${Text.number(counts.get(tag) ?? 0)} ${tag}`)
  return `${Text.count(statuses.length, one)}: ${parts.join(", ")}`
}
