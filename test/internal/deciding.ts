/**
 * Plain settings, for a history that is decided by hand.
 */
import type { SupervisorSettings } from "../../src/internal/state.ts"
import type { TaskSettings } from "../../src/internal/words.ts"

/** Of a task, without any sign of life. */
export const plain: TaskSettings = {
  mode: "transient",
  heartbeat: { _tag: "None" },
  startupTimeout: undefined,
  stableAfter: 80_000,
  stopTimeout: 5000,
  whenDead: "keep",
  ready: "begun",
  significant: false
}

/** Of a supervisor whose tasks are restarted alone. */
export const alone: SupervisorSettings = {
  startedAt: 0,
  strategy: "one-for-one",
  intensity: undefined,
  autoShutdown: "never",
  group: undefined,
  healthCheck: { initialDelay: 0, interval: 200 },
  maxDeadFraction: undefined,
  whenAllCompleted: "stay",
  shutdownTimeout: Number.POSITIVE_INFINITY
}
