/**
 * All there is to measure, and beside what. Both `main.ts` and the processes it starts read it.
 */
import type { Peer } from "./peer.ts"
import { fiberMap } from "./peers/fiberMap.ts"
import { fibers } from "./peers/fibers.ts"
import { supervisor } from "./peers/supervisor.ts"
import type { Scenario } from "./scenario.ts"
import { crashStorm } from "./scenarios/crashStorm.ts"
import { idleMemory } from "./scenarios/idleMemory.ts"
import { restartByName } from "./scenarios/restartByName.ts"
import { start } from "./scenarios/start.ts"

export const ours: Peer = supervisor

export const peers: ReadonlyArray<Peer> = [fibers, fiberMap]

export const scenarios: ReadonlyArray<Scenario> = [start, idleMemory, crashStorm, restartByName]
