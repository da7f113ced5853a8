/**
 * The language of histories of pools: what a pool is made with, how its workers and jobs behave, and what happens to all
 * of them, to the store and to the machines they live on, step by step. Every history is possible, so every part of one
 * is, which is what shrinking needs; the first of several choices is the simplest, which is where it leads.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

const Millis = (first: number, ...others: ReadonlyArray<number>) => Schema.Literals([first, ...others])

/** Choices, each as often as it is said. */
const weighted = <Choice extends string>(
  weights: Readonly<Record<Choice, number>>
): Schema.Literals<ReadonlyArray<Choice>> => Schema.Literals(repeated(weights))

const repeated = <Choice extends string>(weights: Readonly<Partial<Record<Choice, number>>>): ReadonlyArray<Choice> =>
  Object.entries<number | undefined>(weights).flatMap(([choice, times]) =>
    Array<Choice>(times ?? 0).fill(choice as Choice)
  )

const atMost = <S extends Schema.Top>(item: S, length: number) => Schema.Array(item).check(Schema.isMaxLength(length))

/** Two processes may each have a pool of the same slots; another one may take the place of one that is gone. */
const Name = Schema.Literals(["a", "a", "b"])
export type Name = "a" | "b"

// ---------------------------------------------------------------------------------------------------------------------
// workers and jobs
// ---------------------------------------------------------------------------------------------------------------------

/** How long what is slow takes. */
export const slowness = 150
/** How often a job beats. */
export const pulse = 80

export const Acquiring = weighted({
  "at once": 6,
  "slowly": 3,
  "fails": 2,
  "dies": 1,
  "interrupts itself": 1,
  "hangs": 1,
  "too long, and deaf": 1
})
export type Acquiring = typeof Acquiring.Type

export const WorkerPlan = Schema.Struct({
  acquire: Acquiring,
  /** A stuck one ends when the history is over. */
  release: weighted({ "at once": 5, "slowly": 2, "dies": 1, "stuck": 1 })
})
export type WorkerPlan = typeof WorkerPlan.Type

export const sound: WorkerPlan = { acquire: "at once", release: "at once" }

const JobEnd = weighted({
  "succeeds": 5,
  "fails": 2,
  "fails, and its slot with it": 1,
  "dies": 1,
  "interrupts itself": 1
})

const ownFields = {
  takes: Schema.Literals([0, 0, 50, 50, 300, "for ever"]),
  ends: JobEnd,
  /** One that is deaf takes its whole time; one that lingers, a little longer. */
  interrupted: weighted({ "ends": 5, "lingers": 1, "is deaf": 1 }),
  beats: Schema.Literals(["never", "while it is alive", "beyond its end"]),
  /** What the job before has left in the slot is kept, or replaced. */
  session: Schema.Literals(["kept", "left", "removed"]),
  timeout: Schema.Literals(["the pool's", "the pool's", "the pool's", 100, 400]),
  assignTimeout: Schema.Literals(["the pool's", "the pool's", "the pool's", 0, 200])
}
const NestedPlan = Schema.Struct(ownFields)

export const JobPlan = Schema.Struct({
  ...ownFields,
  /** What it does first. */
  first: weighted({
    "nothing": 10,
    "submits another": 2,
    "runs another": 2,
    "asks for a pass": 1,
    "ends its worker": 1,
    "cancels itself": 1
  }),
  /** The other one. */
  inner: NestedPlan
})
export type OwnPlan = typeof NestedPlan.Type
export type JobPlan = typeof JobPlan.Type

const trivial: OwnPlan = {
  takes: 0,
  ends: "succeeds",
  interrupted: "ends",
  beats: "never",
  session: "kept",
  timeout: "the pool's",
  assignTimeout: "the pool's"
}

export const simplestJob: JobPlan = { ...trivial, first: "nothing", inner: trivial }

// ---------------------------------------------------------------------------------------------------------------------
// what happens
// ---------------------------------------------------------------------------------------------------------------------

const of = { pool: Name }
/** One of those there are, counted from the newest. */
const Which = Schema.Literals([0, 0, 1, 2, 3])

const Job = Schema.TaggedStruct("Job", { ...of, by: Schema.Literals(["run", "submit"]), plan: JobPlan })
const FanOut = Schema.TaggedStruct("FanOut", {
  ...of,
  plans: Schema.Array(NestedPlan).check(Schema.isMinLength(1), Schema.isMaxLength(4)),
  concurrency: Schema.Literals(["the pool's", 1, 2])
})
const Cancel = Schema.TaggedStruct("Cancel", { ...of, which: Which })
/** Whoever runs a job is interrupted. */
const Leave = Schema.TaggedStruct("Leave", { ...of, which: Which })
const Crash = Schema.TaggedStruct("Crash", {
  ...of,
  which: Which,
  how: Schema.Literals(["ends", "fails", "dies", "is interrupted"])
})
/** What probes find from now on. */
const Probe = Schema.TaggedStruct("Probe", { ...of, finds: Schema.Literals(["passes", "fails", "hangs"]) })
/** The next workers are acquired like this. */
const Acquire = Schema.TaggedStruct("Acquire", { ...of, how: Acquiring, times: Schema.Literals([1, 2, 5]) })
const Check = Schema.TaggedStruct("Check", of)
const Health = Schema.TaggedStruct("Health", { ...of, is: Schema.Literals(["started", "stopped"]) })
const Scale = Schema.TaggedStruct("Scale", {
  ...of,
  how: Schema.Literals(["up", "down", "to"]),
  count: Schema.Literals([1, 2, 3])
})
const Drain = Schema.TaggedStruct("Drain", { ...of, timeout: Schema.Literals([500, 0, "infinity"]) })
/** Those who wait for the answers of checks, scaling and draining are interrupted. */
const Abandon = Schema.TaggedStruct("Abandon", of)
/** Somebody looks at the pool's events from now on; a stuck one reads nothing beyond the snapshot. */
const Subscribe = Schema.TaggedStruct("Subscribe", { ...of, reads: Schema.Literals(["all", "nothing"]) })
/** The stuck ones read all there is, and go on. */
const Read = Schema.TaggedStruct("Read", of)
/** Somebody stops a slot's worker through the pool's supervisor, by its name. */
const Kill = Schema.TaggedStruct("Kill", { ...of, which: Which, command: Schema.Literals(["stop", "kill"]) })

/** Another pool on the same store, where there is none of that name. */
const Open = Schema.TaggedStruct("Open", of)
const Close = Schema.TaggedStruct("Close", of)
/** A process is gone: what runs in it never goes on. */
const Die = Schema.TaggedStruct("Die", of)

/** What the store does with whatever it is asked, for a while. */
const Trouble = Schema.TaggedStruct("Trouble", {
  of: Schema.Literals(["everybody", "a", "b"]),
  how: weighted({ "is slow": 5, "fails": 2, "hangs": 2, "obeys and fails": 1, "obeys and hangs": 1, "dies": 1 }),
  lasts: Millis(100, 700, 4000)
})

/** Somebody else writes a record. */
const Meddle = Schema.TaggedStruct("Meddle", {
  slot: Schema.Literals([0, 0, 1, 2]),
  how: weighted({ touch: 6, stop: 1, error: 1, delete: 1, steal: 1 })
})

const acts = {
  Job,
  FanOut,
  Cancel,
  Leave,
  Crash,
  Probe,
  Acquire,
  Check,
  Health,
  Scale,
  Drain,
  Abandon,
  Subscribe,
  Read,
  Kill,
  Open,
  Close,
  Die,
  Trouble,
  Meddle
}
export type Act = typeof acts[keyof typeof acts]["Type"]

/** Time passes, and everything happens when it is due. */
const Pass = Schema.TaggedStruct("Pass", { millis: Millis(1, 10, 50, 101, 200, 700, 2500) })

/**
 * A process stands still while the others go on: its thread is blocked, and what fell due comes late; or its machine
 * sleeps, its timers are that much later, and its monotonic clock shows the time it slept, or not.
 */
const standing = {
  ...of,
  millis: Millis(300, 1000, 5000),
  how: Schema.Literals(["blocked", "asleep", "asleep, its clock too"])
}

const time = { Pass }

export type Step =
  /** All at once, before an event loop turns. */
  | { readonly _tag: "Acts"; readonly acts: ReadonlyArray<Act> }
  /** These happen while it stands still. */
  | (Schema.Struct.Type<typeof standing> & { readonly _tag: "Stand"; readonly acts: ReadonlyArray<Act> })
  | typeof Pass.Type

const optionFields = {
  slots: Schema.Union([Schema.Literals([1, 2, 3]), Schema.Struct({ min: Schema.Literals([1, 2]), max: Millis(3) })]),
  maxRestarts: Schema.Literals([3, 1, 0, "infinity"]),
  /** When a slot in error is due: the delays of the schedule; at once, if there is none. */
  restart: Schema.Literals(["at once", "at once", "after 300", "after 300, twice"]),
  acquireTimeout: Millis(400),
  assignTimeout: Schema.Literals([2000, 300, "infinity"]),
  jobTimeout: Schema.Literals(["infinity", "infinity", 250]),
  jobSilence: Schema.Literals(["infinity", "infinity", "infinity", 180]),
  stableAfter: Schema.Literals(["infinity", 900]),
  stopTimeout: Schema.Literals([100, 100, 500, "infinity"]),
  storeTimeout: Millis(200),
  lease: Millis(3000),
  keepJobs: Schema.Literals([1000, 2]),
  /** The interval of the health supervisor, if there is one. */
  health: Schema.Literals(["none", 600]),
  /** How many failures in a row are a verdict, if there is a probe. */
  probe: Schema.Literals(["none", "none", "none", 1, 2]),
  eventCapacity: Schema.Literals([1024])
}
export type Options = Schema.Struct.Type<typeof optionFields>

export const probing = { every: 250, timeout: 60 }

export interface History {
  readonly options: Options
  /** How workers behave, in the order they are acquired in; later ones are sound. */
  readonly workers: ReadonlyArray<WorkerPlan>
  readonly steps: ReadonlyArray<Step>
}

type ActTag = keyof typeof acts
type TimeTag = keyof typeof time | "Stand"

/** What a flavour of histories narrows, and how often its acts and passages of time come. */
export interface Flavour {
  readonly options?: Partial<Record<keyof typeof optionFields, Schema.Top>>
  readonly job?: Partial<Record<keyof typeof ownFields | "first", Schema.Top>>
  readonly worker?: Partial<Record<keyof WorkerPlan, Schema.Top>>
  readonly acts?: Readonly<Partial<Record<ActTag, number>>>
  readonly time?: Readonly<Partial<Record<TimeTag, number>>>
}

const everyAct: Readonly<Partial<Record<ActTag, number>>> = {
  Job: 30,
  FanOut: 2,
  Cancel: 4,
  Leave: 3,
  Crash: 6,
  Probe: 3,
  Acquire: 3,
  Check: 8,
  Health: 1,
  Scale: 5,
  Drain: 1,
  Abandon: 2,
  Subscribe: 1,
  Read: 1,
  Kill: 1,
  Open: 3,
  Close: 1,
  Die: 1,
  Trouble: 4,
  Meddle: 3
}

/** Arbitrary histories of a flavour. */
export const histories = (flavour: Flavour = {}): Arbitrary.Arbitrary<History> => {
  const inner = Schema.Struct({ ...ownFields, ...flavour.job })
  const Plan = Schema.Struct({ ...JobPlan.fields, ...flavour.job, inner })
  const shaped = {
    ...acts,
    Job: Schema.TaggedStruct("Job", { ...Job.fields, plan: Plan }),
    FanOut: Schema.TaggedStruct("FanOut", {
      ...FanOut.fields,
      plans: Schema.Array(inner).check(Schema.isMinLength(1), Schema.isMaxLength(4))
    })
  }
  const act = Schema.Union(repeated(flavour.acts ?? everyAct).map((tag): Schema.Top => shaped[tag]))
  const several = Schema.Array(act).check(Schema.isMinLength(1), Schema.isMaxLength(3))
  const together = Schema.TaggedStruct("Acts", { acts: several })
  const passages = { Pass, Stand: Schema.TaggedStruct("Stand", { ...standing, acts: atMost(act, 3) }) }
  const passage = Schema.Union(repeated(flavour.time ?? { Pass: 8, Stand: 1 }).map((tag): Schema.Top => passages[tag]))
  const schema = Schema.Struct({
    options: Schema.Struct({ ...optionFields, ...flavour.options }),
    workers: atMost(Schema.Struct({ ...WorkerPlan.fields, ...flavour.worker }), 8),
    steps: Schema.Array(Schema.Union([together, together, passage])).check(Schema.isMaxLength(40))
  }) as unknown as Schema.Schema<History>
  return Arbitrary.schema(schema, { shrink: simpler })
}

// ---------------------------------------------------------------------------------------------------------------------
// shrinking
// ---------------------------------------------------------------------------------------------------------------------

const simplestOptions: Options = {
  slots: 1,
  maxRestarts: 3,
  restart: "at once",
  acquireTimeout: 400,
  assignTimeout: "infinity",
  jobTimeout: "infinity",
  jobSilence: "infinity",
  stableAfter: "infinity",
  stopTimeout: 100,
  storeTimeout: 200,
  lease: 3000,
  keepJobs: 1000,
  health: "none",
  probe: "none",
  eventCapacity: 1024
}

export const simplest: History = { options: simplestOptions, workers: [], steps: [] }

/** What derived shrinking leaves alone: choices. Fewer of everything, and every choice the simplest. */
const simpler = (history: History): ReadonlyArray<History> =>
  [
    ...fewer(history.steps).map((steps) => ({ ...history, steps })),
    ...fewer(history.workers).map((workers) => ({ ...history, workers })),
    ...eachOf(history.steps, simplerStep).map((steps) => ({ ...history, steps })),
    ...simplerFields(history.options, simplestOptions).map((options) => ({ ...history, options })),
    ...eachOf(history.workers, (worker) => simplerFields(worker, sound)).map((workers) => ({ ...history, workers }))
  ].filter((candidate) => JSON.stringify(candidate) !== JSON.stringify(history))

/** A list without a half of it, a quarter, and so on down to a single one. */
const fewer = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const shorter: Array<ReadonlyArray<A>> = []
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < list.length; at += size) shorter.push([...list.slice(0, at), ...list.slice(at + size)])
  }
  return shorter
}

/** A list with one of it made simpler. */
const eachOf = <A>(list: ReadonlyArray<A>, simpler: (one: A) => ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  list.flatMap((one, at) => simpler(one).map((other) => list.with(at, other)))

/** With one field as simple as it gets. */
const simplerFields = <A extends object>(value: A, simplest: Partial<A>): ReadonlyArray<A> =>
  Object.entries(simplest).filter(([key]) => key in value).map(([key, field]) => ({ ...value, [key]: field }))

const simplerStep = (step: Step): ReadonlyArray<Step> => [
  ...("acts" in step
    ? [...fewer(step.acts), ...eachOf(step.acts, simplerAct)].map((acts) => ({ ...step, acts }))
    : []),
  ...(step._tag === "Stand" ? [{ _tag: "Acts", acts: step.acts } as const] : []),
  ...("millis" in step ? simplerFields<Step>(step, { millis: step._tag === "Pass" ? 50 : 1000 }) : [])
]

const simplerAct = (act: Act): ReadonlyArray<Act> => [
  ...simplerFields<Act>(act, {
    pool: "a",
    by: "run",
    which: 0,
    times: 1,
    count: 1,
    lasts: 100
  } as Partial<Act>),
  ...("plan" in act ? simplerFields(act.plan, simplestJob).map((plan) => ({ ...act, plan })) : []),
  ...("plans" in act ? fewer(act.plans).map((plans) => ({ ...act, plans })) : [])
]
