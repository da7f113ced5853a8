import { assert, describe, it } from "@effect/vitest"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Lines from "../../../src/cli/lines.ts"

const common = { sequence: 1, time: 0, supervisor: "app" }
const ofTask = { ...common, task: "a", generation: 2 }
const failure = { kind: "Failed" as const, message: "Boom: \u001B[31mbad\nday", details: "", generation: 2, at: 0 }
const stuck = { task: "a", path: "app/a", generation: 2, stoppingSince: 0 }

const cases: ReadonlyArray<readonly [SupervisorEvent, string]> = [
  [{ _tag: "Snapshot", ...common, statuses: [] }, "app started"],
  [{ _tag: "EventsMissed", ...common, missed: 3 }, "app 3 events missed: they were not read fast enough"],
  [{ _tag: "SupervisorStarted", ...common }, "app started"],
  [{ _tag: "TaskAdded", ...ofTask }, "app/a added"],
  [{ _tag: "TaskStarting", ...ofTask, attempt: 0 }, "app/a starting (run 2)"],
  [{ _tag: "TaskStarting", ...ofTask, attempt: 1 }, "app/a starting (run 2, attempt 1)"],
  [{ _tag: "TaskHealthy", ...ofTask }, "app/a healthy (run 2)"],
  [{ _tag: "TaskStable", ...ofTask }, "app/a stable: earlier failures are forgotten (run 2)"],
  [{ _tag: "HeartbeatMissed", ...ofTask, silence: 2000.4, during: "run" }, "app/a showed no heartbeat for 2s (run 2)"],
  [
    { _tag: "HeartbeatMissed", ...ofTask, silence: 500, during: "startup" },
    "app/a showed no sign of life within 500ms of its start (run 2)"
  ],
  [{ _tag: "ProbeFailed", ...ofTask, failure }, "app/a does not answer its probe (run 2): Boom: bad day"],
  [{ _tag: "TaskFailed", ...ofTask, failure }, "app/a failed (run 2): Boom: bad day"],
  [
    {
      _tag: "TaskFailed",
      ...ofTask,
      failure: { ...failure, message: "SupervisorError: supervisor \"app/a\" gave up: too much" }
    },
    "app/a failed (run 2): gave up: too much"
  ],
  [
    { _tag: "RestartScheduled", ...ofTask, attempt: 1, reason: "Failed", delay: 1500, restartAt: 1500 },
    "app/a restarts in 1.5s (attempt 1)"
  ],
  [
    { _tag: "RestartScheduled", ...ofTask, attempt: 1, reason: "Failed" },
    "app/a is not restarted: its back-off is endless"
  ],
  [
    { _tag: "RestartScheduled", ...ofTask, attempt: 0, reason: "Sibling", sibling: "b", delay: 1500, restartAt: 1500 },
    "app/a restarts with b in 1.5s"
  ],
  [
    { _tag: "RestartScheduled", ...ofTask, attempt: 0, reason: "Sibling", sibling: "b", delay: 0, restartAt: 0 },
    "app/a restarts with b"
  ],
  [
    { _tag: "RestartHeld", ...ofTask, delay: 2500, restartAt: 2500 },
    "app/a is restarted later, in 2.5s: restarts are paused"
  ],
  [{ _tag: "TaskEnded", ...ofTask }, "app/a ended well, and is permanent (run 2)"],
  [{ _tag: "TaskStopping", ...ofTask, because: "sibling" }, "app/a stopping (sibling, run 2)"],
  [{ _tag: "TaskStopping", ...ofTask, because: "verdict" }, "app/a stopping (verdict, run 2)"],
  [
    { _tag: "TaskUnstoppable", ...ofTask, stopTimeout: 5000 },
    "app/a does not end: still running 5s after it was told to (run 2)"
  ],
  [{ _tag: "TaskUnstoppable", ...ofTask }, "app/a does not end (run 2)"],
  [{ _tag: "TaskStopped", ...ofTask }, "app/a stopped"],
  [{ _tag: "TaskCompleted", ...ofTask }, "app/a completed (run 2)"],
  [{ _tag: "TaskDead", ...ofTask, why: "Exhausted", failure }, "app/a dead (exhausted): Boom: bad day"],
  [{ _tag: "TaskDead", ...ofTask, why: "ShutDown", failure }, "app/a dead (shut down)"],
  [{ _tag: "TaskRemoved", ...ofTask }, "app/a removed"],
  [
    { _tag: "RestartsPaused", ...common, restarts: 3, within: 5000, until: 5000 },
    "app pauses restarts: more than 3 restarts within 5s"
  ],
  [{ _tag: "RestartsResumed", ...common }, "app resumes restarts"],
  [{ _tag: "SupervisorReconfigured", ...common, added: [], changed: [], removed: [] }, "app reconfigured"],
  [
    { _tag: "SupervisorReconfigured", ...common, added: ["b"], changed: ["c", "d"], removed: ["e"] },
    "app reconfigured, new: b, changed: c, changed: d, removed: e"
  ],
  [{ _tag: "SupervisorClosing", ...common }, "app closing"],
  [{ _tag: "SupervisorClosing", ...common, failure: "a is dead" }, "app gives up: a is dead"],
  [{ _tag: "SupervisorClosed", ...common, unstoppable: [] }, "app closed"],
  [{ _tag: "SupervisorClosed", ...common, unstoppable: [stuck] }, "app closed; did not end: app/a"]
]

describe("an event as a line", () => {
  for (const [event, line] of cases) {
    it(`${event._tag}: ${line}`, () => {
      assert.strictEqual(Lines.describe(event), line)
    })
  }
})
