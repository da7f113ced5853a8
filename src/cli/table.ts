/**
 * The live table: what is known of the supervisors, as the lines of a screen. Pure.
 */
import type { TaskStatus } from "../TaskStatus.ts"
import { tags } from "../TaskStatus.ts"
import * as Columns from "./columns.ts"
import * as Text from "./text.ts"
import type { Paint, Tone } from "./tone.ts"
import { isGivenUp, painter } from "./tone.ts"

/** What is known of one supervisor. */
interface Supervised {
  readonly path: string
  /** When it was first seen. */
  readonly since: number
  readonly statuses: ReadonlyArray<TaskStatus>
  readonly ending?: Ending | undefined
}

/** That a supervisor ends or (`at`) has ended, and whether it does so because it gave up. */
export interface Ending {
  readonly gaveUp: boolean
  readonly at?: number | undefined
}

export interface LogLine {
  readonly at: number
  readonly text: string
  readonly tone: Tone
}

export interface Picture {
  readonly now: number
  readonly supervisors: ReadonlyArray<Supervised>
  /** The newest lines last. */
  readonly log: ReadonlyArray<LogLine>
  readonly footer?: string | undefined
}

export interface Room {
  readonly width: number
  readonly height: number
  readonly colors: boolean
}

/** The footer, with an empty line above it. */
export const footerLines = 2

/** So many lines of the log are shown even when the tasks would fill the screen. */
const leastLog = 4

/** Renders the picture in at most `height` lines, each of at most `width` cells. */
export const render = (picture: Picture, { colors, height, width }: Room): ReadonlyArray<string> => {
  const paint = painter(colors)
  const footer = picture.footer === undefined ? [] : ["", paint("quiet", Text.clip(picture.footer, width))]
  const body = Math.max(1, height - footer.length)
  const least = Math.min(picture.log.length, leastLog)
  const tables = renderTables(picture, width, Math.max(1, body - (least === 0 ? 0 : least + 1)), paint)
  const forLog = Math.max(0, Math.min(picture.log.length, body - tables.length - 1))
  const log = forLog === 0 ? [] : ["", ...picture.log.slice(-forLog).map((line) => renderLog(line, width, paint))]
  return [...tables, ...log, ...footer].slice(0, height)
}

const renderLog = ({ at, text, tone }: LogLine, width: number, paint: Paint): string => {
  const time = Text.localTime(at)
  const shown = Text.clip(`${time} ${Text.clean(text)}`, width)
  return paint("quiet", shown.slice(0, time.length)) + paint(tone, shown.slice(time.length))
}

const renderTables = (picture: Picture, width: number, height: number, paint: Paint): ReadonlyArray<string> => {
  const { now, supervisors } = picture
  if (supervisors.length === 0) return [paint("quiet", Text.clip("no supervisor yet", width))]
  const chosen = choose(supervisors, height)
  const layout = Columns.layOut(chosen.flatMap(({ shown }) => shown), now, width)
  return chosen.flatMap(({ rest, shown, supervisor }, index) => [
    ...(index === 0 ? [] : [""]),
    renderTitle(supervisor, now, width, paint),
    ...(shown.length === 0 ? [] : [Columns.header(layout, width, paint)]),
    ...shown.map((status) => Columns.row(layout, status, now, width, paint)),
    ...(rest.length === 0 ? [] : [paint("quiet", Text.clip(`… and ${summary(rest, "more task")}`, width))])
  ])
}

interface Chosen {
  readonly supervisor: Supervised
  readonly shown: ReadonlyArray<TaskStatus>
  readonly rest: ReadonlyArray<TaskStatus>
}

/** Where not all tasks fit, those that need a look come first. */
const choose = (supervisors: ReadonlyArray<Supervised>, height: number): ReadonlyArray<Chosen> => {
  // A title and a header each, and an empty line between.
  let left = height - supervisors.length * 3 + 1
  return supervisors.map((supervisor, index) => {
    const { statuses } = supervisor
    const others = supervisors.length - 1 - index
    const room = Math.max(1, left - others)
    if (statuses.length <= room) {
      left -= statuses.length
      return { supervisor, shown: statuses, rest: [] }
    }
    left -= room
    const ordered = [...statuses.filter((status) => !isWell(status)), ...statuses.filter(isWell)]
    return { supervisor, shown: ordered.slice(0, room - 1), rest: ordered.slice(room - 1) }
  })
}

const isWell = (status: TaskStatus): boolean =>
  status._tag === "Healthy" || status._tag === "Completed" || status._tag === "Stopped" ||
  (status._tag === "Dead" && !isGivenUp(status.why))

const renderTitle = (supervisor: Supervised, now: number, width: number, paint: Paint): string => {
  const { ending, path, since, statuses } = supervisor
  const name = Text.clip(Text.clean(path), width)
  const rest = Text.clip(`  ${life(ending, now, since)}  ${summary(statuses, "task")}`, width - Text.width(name))
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
  const parts = tags.filter((tag) => counts.has(tag)).map((tag) => `${counts.get(tag)} ${tag}`)
  return `${Text.count(statuses.length, one)}: ${parts.join(", ")}`
}
