/**
 * Histories that once broke a promise, in their shrunk form.
 */
import { describe, it } from "@effect/vitest"
import type { Act, History, JobPlan, Options, OwnPlan, Step, WorkerPlan } from "./history.ts"
import { simplest, simplestJob, sound } from "./history.ts"
import { live } from "./live.ts"

const lived = (given: Partial<Options>, ...steps: ReadonlyArray<Step>): void => livedWith([], given, ...steps)

const livedWith = (
  workers: ReadonlyArray<Partial<WorkerPlan>>,
  given: Partial<Options>,
  ...steps: ReadonlyArray<Step>
): void => {
  const history: History = {
    options: { ...simplest.options, ...given },
    workers: workers.map((worker) => ({ ...sound, ...worker })),
    steps
  }
  live(history)
}

const acts = (...acts: ReadonlyArray<Act>): Step => ({ _tag: "Acts", acts })
const pass = (millis: 1 | 10 | 50 | 101 | 200 | 700 | 2500): Step => ({ _tag: "Pass", millis })
const stand = (
  millis: 300 | 1000 | 5000,
  how: "blocked" | "asleep" | "asleep, its clock too" = "blocked",
  ...acts: ReadonlyArray<Act>
): Step => ({ _tag: "Stand", pool: "a", millis, how, acts })

const a = { pool: "a" } as const
const job = (plan: Partial<JobPlan> = {}, by: "run" | "submit" = "run"): Act => ({
  _tag: "Job",
  ...a,
  by,
  plan: { ...simplestJob, ...plan }
})
const { inner: own } = simplestJob
const fanOut = (...plans: ReadonlyArray<Partial<OwnPlan>>): Act => ({
  _tag: "FanOut",
  ...a,
  plans: plans.map((plan) => ({ ...own, ...plan })),
  concurrency: "the pool's"
})
const crash: Act = { _tag: "Crash", ...a, which: 0, how: "dies" }
const check: Act = { _tag: "Check", ...a }
const abandon: Act = { _tag: "Abandon", ...a }
const open: Act = { _tag: "Open", pool: "b" }
const drain = (timeout: 0 | 500 | "infinity"): Act => ({ _tag: "Drain", ...a, timeout })
const scale = (how: "up" | "down" | "to", count: 1 | 2 | 3): Act => ({ _tag: "Scale", ...a, how, count })
const trouble = (
  how: (Act & { readonly _tag: "Trouble" })["how"],
  lasts: 100 | 700 | 4000 = 100,
  of: "everybody" | "a" | "b" = "a"
): Act => ({ _tag: "Trouble", of, how, lasts })
const meddle = (slot: 0 | 1 | 2, how: (Act & { readonly _tag: "Meddle" })["how"]): Act => ({
  _tag: "Meddle",
  slot,
  how
})

describe("once broken", () => {
  it("a worker that ends while it waits for a job is offered none", () => {
    lived({ slots: 2 }, acts(crash), acts(job()))
  })

  it("a worker that interrupts itself has ended", () => {
    lived({ slots: 2 }, acts({ _tag: "Crash", ...a, which: 0, how: "is interrupted" }), acts(job()))
  })

  it("a slot that is claimed in error is told to be", () => {
    livedWith([{ acquire: "fails" }], {}, acts(trouble("fails", 4000)), pass(2500), pass(2500))
  })

  it("a stall loses nothing that nobody has taken", () => {
    lived({}, acts(job({ takes: "for ever" })), stand(5000))
  })

  it("a job that has ended is not told to be lost when its slot is claimed again", () => {
    lived({}, acts(job({ takes: 300, ends: "fails" }), trouble("hangs", 4000)), pass(2500), pass(2500))
  })

  it("a slot that is removed while the lease is over does not stay in the store", () => {
    lived(
      {},
      acts(scale("up", 1), trouble("dies", 4000)),
      pass(700),
      pass(2500),
      pass(101),
      acts(scale("to", 1)),
      pass(700)
    )
  })

  it("no pool deletes the record of a slot that another one has taken over", () => {
    lived({ slots: 3 }, stand(5000, "asleep"), acts(open), acts(scale("to", 1)))
  })

  it("nor while it stands still between looking and deleting", () => {
    lived(
      { slots: 2 },
      acts(trouble("is slow")),
      acts(open),
      acts(scale("to", 1)),
      stand(5000)
    )
  })

  it("a slot that is put back to work and taken away at once takes no job", () => {
    lived(
      { slots: 3 },
      acts(job({ ends: "fails, and its slot with it" })),
      acts(job({ takes: 50 })),
      acts(job({ takes: 300 })),
      acts(job({ takes: "for ever" })),
      acts(check, scale("to", 1))
    )
  })

  it("what changes while the ledger is settled is settled too", () => {
    lived(
      { slots: 2 },
      pass(50),
      acts(trouble("obeys and hangs")),
      acts(job({ ends: "dies" })),
      pass(700),
      acts(job({ takes: 50 })),
      acts(job({ takes: "for ever", timeout: 400 }), trouble("is slow", 4000)),
      pass(2500)
    )
  })

  it("a caller that leaves a pass leaves no slot without a worker", () => {
    lived({}, acts(crash), acts(trouble("is slow")), acts(check), pass(101), acts(abandon), pass(50))
  })

  it("a slot that could not be added is not told to be removed", () => {
    lived({}, acts(trouble("is slow")), acts(scale("up", 1), trouble("obeys and hangs")), pass(700))
  })

  it("a slot is not added again while its record is deleted", () => {
    lived({ slots: 3 }, acts(trouble("is slow")), acts(crash), acts(scale("down", 2)), acts(scale("up", 1)))
  })

  it("what a pass owes to the store is not older than what is known", () => {
    livedWith(
      [{ acquire: "fails" }, { acquire: "slowly" }],
      { slots: 3, maxRestarts: 1 },
      acts(trouble("is slow")),
      acts(check),
      acts(job({ takes: 300 }), job({ ends: "dies" }), check),
      pass(10),
      pass(10),
      acts(trouble("hangs", 100, "everybody")),
      pass(700),
      pass(200)
    )
  })

  it("no error is told of a slot that is lost", () => {
    lived(
      {},
      acts(scale("to", 3)),
      stand(5000, "asleep"),
      pass(700),
      acts(job({ takes: 300, timeout: 100 })),
      acts(trouble("hangs", 4000)),
      acts(job()),
      pass(700)
    )
  })

  it("no error is told of a slot that is removed", () => {
    lived({ slots: 3 }, acts(trouble("hangs")), acts(crash, scale("down", 1), job()))
  })

  it("nothing begins that draining has given up on", () => {
    lived({}, acts(job({ first: "runs another" })), acts(job({ takes: 50 })), acts(drain(0)))
  })

  it("a pass does not overtake the error that it mends", () => {
    const inner = { ...own, takes: 50, ends: "interrupts itself", interrupted: "lingers", timeout: 100 } as const
    livedWith(
      [{}, { acquire: "slowly" }],
      { slots: 2 },
      pass(101),
      acts(trouble("is slow", 700)),
      acts(job({ timeout: 100, first: "runs another", inner })),
      acts(check, check),
      pass(200),
      acts(check)
    )
  })

  it("a slot that is being added is not claimed twice", () => {
    lived({}, pass(2500), pass(700), pass(700), acts(trouble("is slow")), acts(scale("to", 3)), pass(700))
  })

  it("a slot that comes while the pool drains is stopped", () => {
    lived({}, acts(trouble("is slow")), acts(check), acts(scale("to", 2), job()), pass(200), acts(drain(0)), pass(50))
  })

  it("a job whose slot is taken away while the pool closes is answered", () => {
    livedWith(
      [{}, { release: "slowly" }],
      { slots: 3 },
      acts(trouble("is slow")),
      acts(
        { _tag: "Kill", ...a, which: 2, command: "stop" },
        meddle(1, "steal"),
        job({ takes: 50, first: "submits another" })
      ),
      pass(101)
    )
  })

  it("a record that is written while it is deleted is deleted all the same", () => {
    livedWith(
      [{ acquire: "slowly" }],
      {},
      acts(scale("to", 2), fanOut({ takes: 50 })),
      acts(trouble("is slow"), scale("to", 1)),
      pass(1),
      acts(meddle(0, "touch")),
      pass(2500)
    )
  })

  it("the lease is renewed while what is left of a worker takes its time", () => {
    livedWith(
      [{ release: "stuck" }],
      { stopTimeout: "infinity" },
      acts(trouble("dies", 4000)),
      pass(2500),
      pass(2500),
      pass(2500),
      acts(open)
    )
  })

  it("a drain reports what it gave up on because no slot was left", () => {
    lived(
      { slots: 2 },
      acts(crash, trouble("is slow")),
      acts(job({}, "submit"), drain("infinity"), crash),
      pass(2500)
    )
  })

  it("a drain does not report to have given up on what ends well", () => {
    lived(
      { slots: 3 },
      acts(job({ takes: "for ever" })),
      acts(job({ takes: "for ever" })),
      acts(job({ first: "runs another" })),
      acts(drain(0))
    )
  })

  it("a job that has ended before the drain gave up is not cancelled", () => {
    const inner = { ...own, takes: 300, ends: "fails, and its slot with it", interrupted: "lingers" } as const
    lived(
      { slots: 2 },
      acts(job({ first: "submits another", inner: { ...inner, timeout: 400, assignTimeout: 0 } })),
      acts(job({ first: "runs another" })),
      acts(trouble("is slow"), drain(0)),
      pass(101)
    )
  })

  it("what was stopped while the store was away is stopped in it", () => {
    lived({}, acts(trouble("fails", 4000), drain("infinity")), pass(2500), pass(2500))
  })

  it("a drained pool has what it has stopped after its lease was over", () => {
    lived({}, acts(drain(500)), acts(trouble("hangs", 4000)), pass(2500), pass(2500))
  })

  it("a job that interrupts itself does not take its siblings with it", () => {
    lived(
      { slots: 2 },
      acts(
        fanOut({ takes: 50 }, { takes: 300, ends: "interrupts itself", interrupted: "is deaf" }, { takes: 0 }),
        job()
      ),
      acts(crash),
      pass(200),
      pass(101)
    )
  })

  it("a pool that closes and loses its slots runs nothing on them", () => {
    livedWith(
      [{}, { release: "stuck" }],
      { stopTimeout: "infinity" },
      acts(job({ takes: "for ever" })),
      acts(scale("up", 1)),
      acts(open),
      acts({ ...job(), pool: "b" } as Act),
      acts(trouble("hangs", 4000)),
      pass(700),
      acts({ _tag: "Close", ...a }),
      pass(2500)
    )
  })

  it("a job on a slot that is to go, and is lost before, is lost", () => {
    lived(
      {},
      acts(scale("to", 3)),
      acts(trouble("obeys and hangs", 100, "everybody"), job({ takes: 300 })),
      acts(scale("up", 1), trouble("is slow")),
      acts(
        job({
          first: "runs another",
          inner: { ...own, takes: 50, ends: "fails, and its slot with it", beats: "while it is alive", session: "left" }
        }),
        scale("down", 1)
      ),
      stand(5000),
      pass(50)
    )
  })

  it("a slot that is on its way out is not claimed", () => {
    lived(
      { slots: 3 },
      pass(700),
      acts(trouble("is slow", 4000)),
      pass(2500),
      pass(50),
      acts(job({ first: "runs another", inner: { ...own, takes: 300 } }), check),
      acts(scale("up", 3), scale("to", 1)),
      acts(job()),
      pass(2500)
    )
  })

  it("a restart that is answered after its slot was lost and claimed is not told", () => {
    livedWith(
      [{ acquire: "fails" }],
      { slots: 3 },
      acts(trouble("fails")),
      acts(job()),
      stand(5000, "asleep"),
      pass(200),
      pass(700),
      acts(trouble("is slow")),
      acts(check),
      pass(2500)
    )
  })
})
