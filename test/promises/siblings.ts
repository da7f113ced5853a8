/**
 * Histories of siblings: whom a restart takes along, who waits for whom, and what ends all of them.
 */
import * as Schema from "effect/Schema"
import { Delays, lasting, openings } from "./flavours.ts"
import type { Flavour } from "./history.ts"
import { RunPlan } from "./history.ts"

const Grouping = Schema.Literals(["one-for-all", "rest-for-one"])
const Strategy = Schema.Literals(["one-for-all", "rest-for-one", "one-for-one"])
const Readiness = Schema.Literals(["begun", "first-beat"])

const Intensity = (whenExceeded: "giveUp" | "pause") =>
  Schema.Struct({
    restarts: Schema.Literals(whenExceeded === "giveUp" ? [1, 2, 0] : [1, 2]),
    within: Schema.Literals([500, 2000]),
    whenExceeded: Schema.Literals([whenExceeded])
  })

export const siblings = {
  "siblings are stopped in reverse start order, wait as one, and are started in start order": {
    plan: {
      mode: Schema.Literals(["transient", "transient", "permanent", "temporary"]),
      runs: openings(Schema.Literals(["waits", "pulses", "fails:restart"]), Schema.Literals(["none", "slow", "stuck"])),
      stopTimeout: Schema.Literals([100, 500, "infinity", 0]),
      answers: Delays
    },
    options: { ...lasting, strategy: Grouping },
    acts: { End: 6, Command: 5, Add: 2, Shield: 2, Unshield: 2, Finalize: 2, Ask: 1, Beat: 1 }
  },
  "each is started when the one before it is up, or is not going to be": {
    plan: {
      ready: Readiness,
      runs: openings(Schema.Literals(["waits", "beats", "pulses", "fails:restart"]), Schema.Literals(["none", "slow"])),
      times: Schema.Literals(["infinity", 1, 0]),
      answers: Delays
    },
    options: { ...lasting, strategy: Strategy, listed: Schema.Literals([3, 2]) },
    acts: { Beat: 8, End: 6, Command: 4, Add: 1, Shield: 1, Unshield: 1, Check: 1 }
  },
  "restarts within a period are counted, and too many end all": {
    plan: { runs: openings(Schema.Literals(["waits", "pulses", "fails:restart"])), answers: Delays },
    options: { ...lasting, strategy: Strategy, intensity: Intensity("giveUp") },
    acts: { End: 8, Command: 3, Add: 1, Shield: 1, Unshield: 1 }
  },
  "restarts within a period are counted, and too many are paused": {
    plan: { runs: openings(Schema.Literals(["waits", "pulses", "fails:restart"])), answers: Delays },
    options: {
      ...lasting,
      strategy: Strategy,
      intensity: Intensity("pause"),
      chance: Schema.Literals([0, 0.3, 0.999])
    },
    acts: { End: 8, Command: 3, Add: 1, Shield: 1, Unshield: 1 }
  },
  "a significant task that ends by itself, or the last one, ends all": {
    plan: {
      mode: Schema.Literals(["transient", "temporary", "permanent"]),
      significant: Schema.Literals([true, false]),
      times: Schema.Literals([0, 1, "infinity"])
    },
    options: {
      ...lasting,
      strategy: Strategy,
      autoShutdown: Schema.Literals(["any-significant", "all-significant"])
    },
    acts: { End: 6, Command: 4, Add: 2, Shield: 1, Unshield: 1 }
  }
} satisfies Record<string, Flavour>

/** All of it together. */
export const anything: Flavour = {
  plan: {
    ready: Readiness,
    significant: Schema.Literals([false, true]),
    runs: Schema.Array(Schema.Struct(RunPlan.fields)).check(Schema.isMaxLength(4))
  },
  options: {
    strategy: Strategy,
    intensity: Schema.Union([Schema.Literals(["none"]), Intensity("giveUp"), Intensity("pause")]),
    chance: Schema.Literals([0, 0.3, 0.999]),
    autoShutdown: Schema.Literals(["never", "never", "any-significant", "all-significant"])
  }
}

/** The same, by clocks that stand still and jump. */
export const stallingSiblings: Flavour = {
  ...anything,
  options: {
    ...lasting,
    strategy: Grouping,
    initialDelay: Schema.Literals([0]),
    lateness: Schema.Literals([0, 5, 20]),
    intensity: Schema.Union([Schema.Literals(["none"]), Intensity("pause")]),
    chance: Schema.Literals([0, 0.3])
  },
  acts: { Beat: 4, End: 4, Command: 3, Add: 1, Shield: 1, Unshield: 1, Block: 1 },
  time: { Pass: 4, Stall: 3, Suspend: 1 }
}
