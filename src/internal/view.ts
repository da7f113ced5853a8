/**
 * An entry as it is shown: a `TaskStatus`, made when somebody looks and kept until something changes.
 */
import type { TaskStatus } from "../TaskStatus.ts"
import { isUnderWay } from "./entry.ts"
import * as Render from "./render.ts"
import type { Supervised } from "./run.ts"
import { pathOf } from "./run.ts"
import type { Entry } from "./taskEntry.ts"
import type { Time } from "./time.ts"

export const status = (
  entry: Entry,
  supervised: (id: number) => Supervised,
  time: Time,
  now: number
): TaskStatus => {
  const beatAt = lastBeat(entry, supervised, time, now)
  const { shown, version } = entry
  // The wall clock may have been set.
  const anchor = time.wall(0)
  if (shown !== undefined && shown.version === version && shown.anchor === anchor) {
    const { status } = shown
    if (beatAt === undefined || status.lastHeartbeat === beatAt) return status
    // Nothing has happened but beats.
    if (status.lastHeartbeat !== undefined) {
      const later = { ...status, lastHeartbeat: beatAt }
      entry.shown = { version, anchor, status: later }
      return later
    }
  }
  const made = make(supervised(entry.id), entry, time, beatAt)
  entry.shown = { version, anchor, status: made }
  return made
}

/** Until when the entry is shown as it is now, if nothing happens to it. */
export const isShownUntil = (entry: Entry, now: number): number => {
  const { heartbeat } = entry.settings
  if (entry.lastBeatAt < 0 || heartbeat._tag !== "Automatic" || !isUnderWay(entry)) return Number.POSITIVE_INFINITY
  return now + heartbeat.every - (now - entry.begunAt) % heartbeat.every
}

/**
 * The beats of an automatic heartbeat after the first are not sent: that the fiber has not ended is known without
 * them. Here they are counted.
 */
const lastBeat = (
  entry: Entry,
  supervised: (id: number) => Supervised,
  time: Time,
  now: number
): number | undefined => {
  if (entry.lastBeatAt < 0 || !isUnderWay(entry)) return undefined
  const heartbeat = entry.settings.heartbeat
  if (heartbeat._tag === "Manual") return time.wall(supervised(entry.id).run?.keptAt ?? entry.lastBeatAt)
  if (heartbeat._tag !== "Automatic") return time.wall(entry.lastBeatAt)
  const automatic = entry.begunAt + Math.floor((now - entry.begunAt) / heartbeat.every) * heartbeat.every
  return time.wall(Math.max(automatic, entry.lastBeatAt))
}

const make = (supervised: Supervised, entry: Entry, time: Time, beatAt: number | undefined): TaskStatus => {
  const failure = entry.lastFailure
  const common = {
    task: entry.name,
    path: pathOf(supervised),
    since: time.wall(entry.since),
    generation: entry.generation,
    runs: entry.generation,
    attempt: entry.attempt,
    ...(entry.generation === 0 ? {} : { startedAt: time.wall(entry.begunAt) }),
    ...(beatAt === undefined ? {} : { lastHeartbeat: beatAt }),
    ...(entry.details === undefined ? {} : { heartbeatDetails: entry.details }),
    ...(failure === undefined
      ? {}
      : { lastFailure: Render.failure(failure.reason, failure.generation, time.wall(failure.at)) })
  }
  switch (entry.phase) {
    case "Failed":
      return {
        _tag: "Failed",
        ...common,
        ...(entry.restartAt === undefined ? {} : { restartAt: time.wall(entry.restartAt) }),
        ...(entry.sibling === undefined ? {} : { sibling: entry.sibling })
      }
    case "Stopping":
      return { _tag: "Stopping", ...common, overdue: entry.overdue }
    case "Dead":
      return { _tag: "Dead", ...common, why: entry.why ?? "Killed" }
    default:
      return { _tag: entry.phase, ...common }
  }
}
