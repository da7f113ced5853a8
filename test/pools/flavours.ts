/**
 * Histories in which one promise is most likely to be broken: its occasions come often, distractions seldom.
 */
import * as Schema from "effect/Schema"
import type { Flavour } from "./history.ts"

const Nested = Schema.Literals(["nothing", "nothing", "submits another", "runs another"])
const Quick = Schema.Literals([0, 50])
const Sound = { acquire: Schema.Literals(["at once", "slowly"]), release: Schema.Literals(["at once"]) }
const unhurried = { assignTimeout: Schema.Literals(["infinity"]), jobTimeout: Schema.Literals(["infinity"]) }

export const flavours = {
  "no accepted job is lost, and its caller gets what became of it": {
    job: { first: Nested },
    acts: { Job: 12, FanOut: 1, Cancel: 3, Leave: 3, Crash: 4, Check: 3, Close: 1, Drain: 1, Scale: 1, Trouble: 1 }
  },
  "no job is run twice, and no slot is booked twice": {
    job: { takes: Schema.Literals([0, 50, 300]), interrupted: Schema.Literals(["ends", "lingers", "is deaf"]) },
    acts: { Job: 12, Crash: 4, Check: 5, Scale: 2, Open: 3, Close: 1, Die: 1, Trouble: 3, Meddle: 3 },
    time: { Pass: 5, Stand: 1 }
  },
  "counts add up, and the store says what the pool does": {
    acts: { Job: 12, Crash: 5, Check: 4, Scale: 3, Cancel: 2, Leave: 2, Drain: 1, Trouble: 3, Meddle: 2 }
  },
  "first come, first served": {
    job: { takes: Quick, first: Nested },
    worker: Sound,
    acts: { Job: 14, Cancel: 2, Leave: 2, Crash: 2, Check: 3, Scale: 2 }
  },
  "whoever waits, and whoever works, is stopped by its own clock, to the millisecond": {
    job: {
      takes: Schema.Literals([50, 300, "for ever"]),
      timeout: Schema.Literals(["the pool's", 100, 400]),
      assignTimeout: Schema.Literals(["the pool's", 0, 200])
    },
    options: {
      assignTimeout: Schema.Literals([2000, 300]),
      jobTimeout: Schema.Literals([250, "infinity"]),
      jobSilence: Schema.Literals(["infinity", 180])
    },
    acts: { Job: 12, Cancel: 1, Leave: 1, Check: 4, Crash: 1 }
  },
  "one restart for each error, as many as allowed, when they are due": {
    options: {
      ...unhurried,
      restart: Schema.Literals(["after 300", "after 300, twice", "at once"]),
      health: Schema.Literals([600, "none"]),
      stableAfter: Schema.Literals([900, "infinity"]),
      probe: Schema.Literals(["none", 1, 2])
    },
    acts: { Crash: 6, Probe: 2, Acquire: 3, Check: 8, Job: 4, Health: 1, Trouble: 1, Abandon: 1, Kill: 1 }
  },
  "draining ends within its bounds, and what is Stopped stays so": {
    options: { health: Schema.Literals(["none", 600]) },
    acts: { Drain: 4, Job: 10, Crash: 3, Check: 4, Scale: 2, Trouble: 3, Abandon: 1, Cancel: 1, Health: 1 }
  },
  "slots come and go without a loss": {
    acts: { Scale: 10, Job: 8, Check: 2, Crash: 2, Trouble: 3, Abandon: 2, Drain: 1, Open: 1 }
  },
  "of a pool that is gone, everything is taken over; of one that is not, nothing": {
    job: { takes: Schema.Literals([0, 50, "for ever"]), interrupted: Schema.Literals(["ends"]) },
    acts: { Open: 6, Die: 3, Close: 2, Job: 8, Scale: 2, Check: 2, Trouble: 2 },
    time: { Pass: 5, Stand: 3 }
  },
  "a store in trouble is told, outlived, and told to be well again": {
    acts: { Trouble: 8, Job: 8, Crash: 3, Check: 3, Scale: 1, Meddle: 2, Cancel: 1 }
  },
  "the end leaves nothing behind": {
    worker: { release: Schema.Literals(["at once", "slowly", "dies", "stuck"]) },
    acts: { Job: 8, Close: 2, Crash: 3, Check: 3, Scale: 2, FanOut: 1, Drain: 1, Trouble: 2, Abandon: 1, Probe: 1 }
  }
} satisfies Record<string, Flavour>

/** Readers of events, some of them stuck. */
export const readers: Flavour = {
  options: { eventCapacity: Schema.Literals([48]) },
  acts: { Subscribe: 3, Crash: 6, Check: 8, Scale: 3, Job: 3, Trouble: 1, Read: 2 }
}
