/**
 * A task's own options over its supervisor's defaults over the library's.
 */
import type * as HeartbeatModule from "../Heartbeat.ts"
import * as Heartbeat from "../Heartbeat.ts"
import * as RestartPolicy from "../RestartPolicy.ts"
import type { Settings } from "../Task.ts"
import type { HeartbeatSettings, TaskSettings } from "./words.ts"

export interface Merged {
  readonly policy: RestartPolicy.RestartPolicy<unknown>
  readonly heartbeat: HeartbeatModule.Heartbeat
  readonly span: boolean
  /** What the task itself says. */
  readonly own: Settings<unknown>
  /** It may take as long to stop as a supervisor within it has to: nobody has said how long. */
  readonly derivesStopTimeout: boolean
  readonly deciding: TaskSettings
}

/** What says itself when it is ready has as long as systemd's services (DefaultTimeoutStartSec), if nobody says how long. */
const readyWithin = 90_000

/** The defaults of the system this continues: stable after 80 s, 5 s to stop, a beat every 100 ms. */
const standard = {
  restart: RestartPolicy.standard,
  heartbeat: Heartbeat.automatic(),
  stableAfter: 80_000,
  stopTimeout: 5000,
  whenDead: "keep",
  ready: "begun",
  significant: false,
  span: false
} as const

/** Merges the options of many tasks, those that have the same in common. */
export const merger = (defaults: Settings<unknown>): (own: Settings<unknown>) => Merged => {
  let last: { readonly own: Settings<unknown>; readonly merged: Merged } | undefined
  return (own) => {
    if (last?.own !== own) last = { own, merged: merge(own, defaults) }
    return last.merged
  }
}

const merge = (own: Settings<unknown>, defaults: Settings<unknown>): Merged => {
  const all = { ...standard, ...defaults, ...own }
  const policy = all.restart as RestartPolicy.RestartPolicy<unknown>
  const heartbeat = all.heartbeat as HeartbeatModule.Heartbeat
  return {
    policy,
    heartbeat,
    span: all.span,
    own,
    derivesStopTimeout: own.stopTimeout === undefined,
    deciding: {
      mode: policy.mode,
      heartbeat: deciding(heartbeat),
      startupTimeout: all.startupTimeout ?? startupTimeout(all.ready, heartbeat),
      stableAfter: all.stableAfter,
      stopTimeout: all.stopTimeout,
      whenDead: all.whenDead,
      ready: all.ready,
      significant: all.significant
    }
  }
}

/** Silence and failed probes bound a start by themselves. */
const startupTimeout = (ready: "begun" | "first-beat", { _tag }: HeartbeatModule.Heartbeat): number | undefined =>
  ready === "first-beat" && (_tag === "Automatic" || _tag === "None") ? readyWithin : undefined

/** What the decision needs of a heartbeat: the check itself is the interpreter's. */
const deciding = (heartbeat: HeartbeatModule.Heartbeat): HeartbeatSettings =>
  heartbeat._tag === "Probe" ? { _tag: "Probe", failures: heartbeat.failures } : heartbeat
