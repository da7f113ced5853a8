/**
 * All there is to measure, and beside what. Both `main.ts` and the processes it starts read it.
 */
import type { Hosted, Peer } from "./peer.ts"
import { fiberMap } from "./peers/fiberMap.ts"
import { fibers } from "./peers/fibers.ts"
import { oneForOne, simpleOneForOne } from "./peers/otp.ts"
import { supervisor } from "./peers/supervisor.ts"
import type { Scenario } from "./scenario.ts"
import { beatEverySecond } from "./scenarios/beatEverySecond.ts"
import { beats } from "./scenarios/beats.ts"
import { bundle } from "./scenarios/bundle.ts"
import { commandInStorm } from "./scenarios/commandInStorm.ts"
import { crashStorm } from "./scenarios/crashStorm.ts"
import { groupRestart } from "./scenarios/groupRestart.ts"
import { idle } from "./scenarios/idle.ts"
import { idleMemory } from "./scenarios/idleMemory.ts"
import { importing } from "./scenarios/importing.ts"
import { million } from "./scenarios/million.ts"
import { restartByName } from "./scenarios/restartByName.ts"
import { simulatedDay } from "./scenarios/simulatedDay.ts"
import { start } from "./scenarios/start.ts"
import { statuses } from "./scenarios/statuses.ts"
import { stop } from "./scenarios/stop.ts"
import { subscribers } from "./scenarios/subscribers.ts"

export const hosted: ReadonlyArray<Hosted> = [supervisor, fibers, fiberMap]

/** Ours is the first. */
export const peers: ReadonlyArray<Peer> = [...hosted, oneForOne, simpleOneForOne]

export const scenarios: ReadonlyArray<Scenario> = [
  start,
  idleMemory,
  crashStorm,
  restartByName,
  commandInStorm,
  statuses,
  stop,
  idle,
  groupRestart,
  beats,
  beatEverySecond,
  subscribers,
  simulatedDay,
  importing,
  bundle,
  million
]
