/**
 * Histories in which one promise is most likely to be broken: its occasions come often, distractions seldom.
 */
import * as Schema from "effect/Schema"
import type { Flavour } from "./history.ts"
import { Answer, Ending, RunPlan } from "./history.ts"

export const openings = (opening: Schema.Top, finalizer: Schema.Top = RunPlan.fields.finalizer) =>
  Schema.Array(Schema.Struct({ ...RunPlan.fields, opening, finalizer })).check(Schema.isMaxLength(4))

export const lasting = {
  shutdownTimeout: Schema.Literals(["infinity"]),
  maxDeadFraction: Schema.Literals(["none"]),
  whenAllCompleted: Schema.Literals(["stay"])
}

export const Delays = Schema.Array(
  Schema.Union([Schema.TaggedStruct("Delay", { millis: Schema.Literals([70, 0, 1000]) }), Answer])
).check(Schema.isMinLength(1), Schema.isMaxLength(4))

const Manual = Schema.TaggedStruct("Manual", { within: Schema.Literals([100, 450]) })

export const flavours = {
  "never two runs of one task at once; a new run waits for the old one's finalizers and children": {
    plan: {
      mode: Schema.Literals(["permanent", "transient"]),
      runs: openings(Schema.Literals(["waits", "pulses", "fails:restart"]), Schema.Literals(["slow", "stuck", "none"]))
    },
    options: lasting,
    acts: { Command: 8, End: 4, Add: 2, Shield: 1, Unshield: 1, Finalize: 2 }
  },
  "what comes from an old run is ignored": {
    plan: {
      heartbeat: Manual,
      runs: openings(Schema.Literals(["waits", "beats", "pulses"])),
      answers: Delays
    },
    options: lasting,
    acts: { StaleBeat: 6, Command: 4, Add: 2, End: 3, Beat: 1 }
  },
  "what is Completed, Stopped or Dead runs again only when asked for by name": {
    plan: {
      answers: Delays,
      runs: openings(Schema.Union([Schema.Literals(["fails:restart", "dies", "succeeds"]), Schema.Literals(["waits"])]))
    },
    options: lasting,
    acts: { Command: 6, Add: 1, End: 3 }
  },
  "no end of a run is lost, and each cause is kept": {
    plan: { runs: openings(Ending), answers: Delays },
    acts: { End: 8, Command: 3, Add: 2, Shield: 1, Unshield: 1, Finalize: 1 }
  },
  "every command is answered within its bound, and the last one is carried out": {
    plan: {
      heartbeat: Schema.Union([Schema.TaggedStruct("None", {}), Schema.TaggedStruct("None", {}), Manual]),
      stopTimeout: Schema.Literals([100, 0, 500]),
      runs: openings(Schema.Literals(["waits", "pulses"]), Schema.Literals(["none", "stuck", "slow"]))
    },
    options: lasting,
    acts: { Command: 10, Ask: 3, Shield: 4, Unshield: 3, Finalize: 2, Add: 2, Abandon: 1, End: 1 }
  },
  "attempts are forgotten after stableAfter or by hand, and only then": {
    plan: {
      mode: Schema.Literals(["transient", "permanent"]),
      heartbeat: Schema.Union([Schema.TaggedStruct("Automatic", {}), Manual]),
      stableAfter: Schema.Literals([300, 0, 2000]),
      answers: Schema.Array(Schema.TaggedStruct("Delay", { millis: Schema.Literals([70, 0]) })).check(
        Schema.isMinLength(2),
        Schema.isMaxLength(4)
      ),
      runs: openings(Schema.Literals(["pulses", "fails:restart"]), Schema.Literals(["none"]))
    },
    options: lasting,
    acts: { End: 4, Command: 2, Add: 1, Beat: 1 }
  },
  "the end stops everything in reverse order, and leaves nothing behind": {
    plan: {
      whenDead: Schema.Literals(["keep", "escalate"]),
      times: Schema.Literals([0, 1, "infinity"])
    },
    options: {
      maxDeadFraction: Schema.Literals(["none", 0.5, 1]),
      whenAllCompleted: Schema.Literals(["end", "stay"]),
      shutdownTimeout: Schema.Literals(["infinity", 0, 300])
    },
    acts: { Command: 4, Ask: 1, End: 6, Add: 3, Shield: 2, Finalize: 1, Abandon: 1, Shutdown: 1 }
  }
} satisfies Record<string, Flavour>

/** Everything that can happen to the clocks of a machine. */
export const stalling: Flavour = {
  plan: {
    heartbeat: Schema.Union([
      Manual,
      Manual,
      Schema.TaggedStruct("Probe", {
        every: Schema.Literals([90, 230]),
        timeout: Schema.Literals([60]),
        failures: Schema.Literals([1, 2])
      })
    ]),
    runs: openings(Schema.Literals(["pulses", "pulses", "beats", "waits"]))
  },
  options: { ...lasting, lateness: Schema.Literals([0, 5, 20]), initialDelay: Schema.Literals([0]) },
  acts: { Beat: 4, End: 2, Command: 3, Add: 1, Shield: 1, Unshield: 1, StaleBeat: 1, Check: 1, Block: 1 },
  time: { Pass: 4, Stall: 3, Suspend: 1, SetWall: 1 }
}

/** Readers of events, some of them stuck. No run ends at once: what happens in one turn must not be too much for anybody. */
export const subscribers: Flavour = {
  plan: { runs: openings(Schema.Literals(["waits", "pulses"])), answers: Delays },
  options: { ...lasting, eventCapacity: Schema.Literals([24]) },
  acts: { Command: 6, End: 8, Add: 4, Subscribe: 2, Read: 1, Beat: 1 }
}
