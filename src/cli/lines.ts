/**
 * One line for every event, for a log. Pure.
 */
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { Failure } from "../TaskStatus.ts"
import { deadReasons } from "./columns.ts"
import * as Text from "./text.ts"

/** What an event says, in one line and without its time. */
export const describe = (event: SupervisorEvent): string => {
  const who = "task" in event ? `${event.supervisor}/${event.task}` : event.supervisor
  return Text.clean(`${who} ${told(event)}`)
}

const failureOf = (event: { readonly supervisor: string; readonly task: string; readonly failure: Failure }): string =>
  Text.failure(`${event.supervisor}/${event.task}`, event.failure.message)

const told = (event: SupervisorEvent): string => {
  switch (event._tag) {
    case "Snapshot":
      return event.statuses.length === 0
        ? "started"
        : `watched: ${event.statuses.map((status) => `${status.task} ${status._tag}`).join(", ")}`
    case "EventsMissed":
      return `${Text.count(event.missed, "event")} missed: they were not read fast enough`
    case "SupervisorStarted":
      return "started"
    case "TaskAdded":
      return "added"
    case "TaskStarting":
      return event.attempt === 0
        ? `starting (run ${event.generation})`
        : `starting (run ${event.generation}, attempt ${event.attempt})`
    case "TaskHealthy":
      return `healthy (run ${event.generation})`
    case "TaskStable":
      return `stable: earlier failures are forgotten (run ${event.generation})`
    case "HeartbeatMissed":
      return event.during === "startup"
        ? `showed no sign of life within ${Text.precise(event.silence)} of its start (run ${event.generation})`
        : `showed no heartbeat for ${Text.precise(event.silence)} (run ${event.generation})`
    case "ProbeFailed":
      return `does not answer its probe (run ${event.generation}): ${event.failure.message}`
    case "TaskEnded":
      return `ended well, and is permanent (run ${event.generation})`
    case "TaskFailed":
      return `failed (run ${event.generation}): ${failureOf(event)}`
    case "RestartScheduled":
      return event.sibling !== undefined
        ? `restarts with ${Text.clean(event.sibling)}${
          event.delay === undefined || event.delay === 0 ? "" : ` in ${Text.precise(event.delay)}`
        }`
        : event.delay === undefined
        ? "is not restarted: its back-off is endless"
        : event.delay === 0
        ? `restarts at once (attempt ${event.attempt})`
        : `restarts in ${Text.precise(event.delay)} (attempt ${event.attempt})`
    case "RestartHeld":
      return `is restarted later, in ${Text.precise(event.delay)}: restarts are paused`
    case "TaskStopping":
      return `stopping (${event.because}, run ${event.generation})`
    case "TaskUnstoppable":
      return event.stopTimeout === undefined
        ? `does not end (run ${event.generation})`
        : `does not end: still running ${
          Text.precise(event.stopTimeout)
        } after it was told to (run ${event.generation})`
    case "TaskStopped":
      return "stopped"
    case "TaskCompleted":
      return `completed (run ${event.generation})`
    case "TaskDead":
      return event.failure === undefined || event.why === "ShutDown" || event.why === "Killed"
        ? `dead (${deadReasons[event.why]})`
        : `dead (${deadReasons[event.why]}): ${failureOf({ ...event, failure: event.failure })}`
    case "TaskRemoved":
      return "removed"
    case "RestartsPaused":
      return `pauses restarts: more than ${Text.count(event.restarts, "restart")} within ${Text.precise(event.within)}`
    case "RestartsResumed":
      return "resumes restarts"
    case "SupervisorReconfigured":
      return [
        "reconfigured",
        ...event.added.map((task) => `new: ${task}`),
        ...event.changed.map((task) => `changed: ${task}`),
        ...event.removed.map((task) => `removed: ${task}`)
      ].join(", ")
    case "SupervisorClosing":
      return event.failure === undefined ? "closing" : `gives up: ${event.failure}`
    case "SupervisorClosed":
      return event.unstoppable.length === 0
        ? "closed"
        : `closed; did not end: ${event.unstoppable.map((run) => run.path).join(", ")}`
  }
}
