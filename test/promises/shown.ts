/**
 * A task as it is shown, in one line: by its status, and, more briefly, by what events tell.
 */
import { briefly } from "./follower.ts"
import type { Life } from "./life.ts"

const detailOf = (life: Life): string | undefined =>
  life.status === "Stopping" && life.overdue ? "overdue" : life.status === "Dead" ? life.why : undefined

export const status = (life: Life): string => {
  const { attempt, generation, lastFailure, name, restartAt, sibling, since, status } = life
  return [
    `${status} ${name}#${generation} attempt ${attempt} since ${since}`,
    detailOf(life),
    restartAt === undefined || restartAt === Number.POSITIVE_INFINITY ? undefined : `restart at ${restartAt}`,
    sibling === undefined || status !== "Failed" ? undefined : `with ${sibling}`,
    lastFailure === undefined ? undefined : `failed ${lastFailure.kind} #${lastFailure.generation}`
  ].filter((word) => word !== undefined).join(", ")
}

type Lives = Iterable<Life>

/** Each task, and after it those of the supervisor within it. */
export const whole = (lives: Lives): ReadonlyArray<Life> =>
  Array.from(lives).flatMap((life) => [life, ...whole(life.run.below?.lives.values() ?? [])])

export const statuses = (lives: Lives): ReadonlyArray<string> => Array.from(lives, status)

/** As far as events tell. */
export const told = (lives: Lives): ReadonlyArray<string> =>
  Array.from(lives, (life) => {
    const detail = detailOf(life)
    return briefly(life.name, { ...life, ...(detail === undefined ? {} : { detail }) })
  })

/** How a supervisor ended: why, the last statuses, and the runs that did not end. */
export const report = (failure: string | undefined, lives: Lives): string => {
  const all = Array.from(lives)
  return [
    failure === undefined ? "ended" : `gave up: ${failure}`,
    ...statuses(whole(all)),
    ...left(all, false).map((life) => `unstoppable ${life.name}#${life.generation}`)
  ].join("\n")
}

/** The runs that did not end within their bounds, and all that still runs within those. */
const left = (lives: Lives, all: boolean): ReadonlyArray<Life> =>
  Array.from(lives).flatMap((life) => {
    const isLeft = life.generation > 0 && !life.run.over && (all || life.overdue)
    const below = left(life.run.below?.lives.values() ?? [], isLeft)
    return isLeft ? [life, ...below] : below
  })
