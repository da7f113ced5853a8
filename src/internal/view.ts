/**
 * An entry as it is shown: a `TaskStatus`, made when somebody looks and kept until something changes.
 */
import type { TaskStatus } from "../TaskStatus.ts"
import * as Render from "./render.ts"
import type { Supervised } from "./run.ts"
import { pathOf } from "./run.ts"
import type { Entry } from "./state.ts"
import type { Time } from "./time.ts"

export const status = (supervised: Supervised, entry: Entry, time: Time): TaskStatus => {
  const beatAt = lastBeat(entry, time)
  const shown = supervised.shown
  if (shown !== undefined && shown.version === entry.version) {
    if (beatAt === undefined || shown.status.lastHeartbeat === beatAt) return shown.status
  }
  const made = make(supervised, entry, time, beatAt)
  supervised.shown = { version: entry.version, status: made }
  return made
}

/**
 * The beats of an automatic heartbeat after the first are not sent: that the fiber has not ended is known without
 * them. Here they are counted.
 */
const lastBeat = (entry: Entry, time: Time): number | undefined => {
  if (entry.lastBeatAt < 0 || (entry.phase !== "Healthy" && entry.phase !== "Starting")) return undefined
  const heartbeat = entry.settings.heartbeat
  if (heartbeat._tag !== "Automatic") return time.wall(entry.lastBeatAt)
  const automatic = entry.begunAt + Math.floor((time.now() - entry.begunAt) / heartbeat.every) * heartbeat.every
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
