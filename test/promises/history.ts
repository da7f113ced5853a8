/**
 * The language of histories: what tasks a supervisor has, how their runs behave, and what happens to all of them, step
 * by step. Every history is possible, so every part of one is, which is what shrinking needs; the first of several
 * choices is the simplest, which is where it leads.
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

/** A bound that may be none. */
export const bound = (value: number | "infinity" | "derived"): number =>
  value === "infinity" ? Number.POSITIVE_INFINITY : value === "derived" ? 5000 : value

export const Name = Schema.Literals(["a", "b", "c"])
export type Name = typeof Name.Type
export const names: ReadonlyArray<Name> = ["a", "b", "c"]

/** How a body ends. The typed failures are named after what the policies here say of them. */
export const Ending = weighted({
  "succeeds": 2,
  "fails:restart": 7,
  "fails:stop": 1,
  "fails:escalate": 1,
  "fails:odd": 1,
  "dies": 2,
  "interrupts itself": 2
})
export type Ending = typeof Ending.Type

/** What a schedule says to one failure. */
const Delay = Schema.TaggedStruct("Delay", { millis: Millis(0, 70, 1000) })
const Slow = Schema.TaggedStruct("Slow", { millis: Millis(0, 70), after: Millis(30, 200) })
const Endless = Schema.TaggedStruct("Endless", {})
const Done = Schema.TaggedStruct("Done", {})
const Dies = Schema.TaggedStruct("Dies", {})
export const Answer = Schema.Union([Delay, Delay, Delay, Delay, Slow, Slow, Schema.Union([Endless, Done, Dies])])
export type Answer = typeof Answer.Type

/** How one run behaves: how its body begins, and how it comes to its end once the body is over. */
export const RunPlan = Schema.Struct({
  opening: Schema.Union([weighted({ waits: 1, beats: 1, pulses: 2 }), weighted({ waits: 1, pulses: 2 }), Ending]),
  /** Begins in an uninterruptible stretch. */
  shielded: Schema.Boolean,
  /** A stuck finalizer ends when the history says so, or never. */
  finalizer: weighted({ "none": 4, "dies": 1, "slow": 2, "slow, then dies": 1, "stuck": 1 }),
  /** Has a child fiber that takes its time when it is interrupted. */
  child: Schema.Boolean,
  /** What its probe finds at first. */
  check: Schema.Literals(["passes", "fails", "hangs"])
})
export type RunPlan = typeof RunPlan.Type

/** How often a run that pulses beats, and how long what is slow takes. */
export const pulse = 40
export const slowness = 130

const planFields = {
  mode: weighted({ transient: 5, permanent: 3, temporary: 1 }),
  heartbeat: Schema.Union([
    Schema.TaggedStruct("None", {}),
    Schema.TaggedStruct("Automatic", {}),
    Schema.TaggedStruct("Manual", { within: Millis(100, 450) }),
    Schema.TaggedStruct("Probe", { every: Millis(90, 230), timeout: Millis(60), failures: Millis(1, 2) })
  ]),
  startupTimeout: Schema.UndefinedOr(Millis(150, 600)),
  stableAfter: Schema.Literals([0, 300, 2000, "infinity"]),
  stopTimeout: Schema.Literals([0, 100, 100, 500, 500, "infinity"]),
  whenDead: weighted({ keep: 14, escalate: 1 }),
  /** When the next one of a list is started. */
  ready: Schema.Literals(["begun"]),
  /** Its end may be the supervisor's; not of a permanent one, which has none. */
  significant: Schema.Literals([false]),
  times: Schema.Literals(["infinity", "infinity", "infinity", 0, 1, 3]),
  /** What the schedule says to the failures of a streak, one after another, */
  answers: Schema.Array(Answer).check(Schema.isMaxLength(4)),
  /** and from then on. */
  thereafter: Schema.TaggedStruct("Delay", { millis: Millis(40, 700) }),
  /** The runs, one after another; later ones are quiet. */
  runs: Schema.Array(RunPlan).check(Schema.isMaxLength(4))
}
/** What flavours choose from, where the fields above leave no choice. */
interface Wider {
  readonly ready: "begun" | "first-beat"
  readonly significant: boolean
  /** `derived`: as long as a supervisor within it has to, and its own 5 s. */
  readonly stopTimeout: number | "infinity" | "derived"
}
export type Plan = Omit<Schema.Struct.Type<typeof planFields>, keyof Wider> & Wider

export const isSignificant = ({ mode, significant }: Plan): boolean => significant && mode !== "permanent"

export const quiet: RunPlan = { opening: "waits", shielded: false, finalizer: "none", child: false, check: "passes" }

const of = { task: Name }

const Command = Schema.TaggedStruct("Command", {
  command: Schema.Literals(["start", "restart", "stop", "kill", "remove"]),
  ...of,
  /** By its name, by the handle of the newest entry of that name, or by the handle of the first. */
  by: Schema.Literals(["name", "handle", "first handle"])
})
/** A body asks its own supervisor, and waits for the answer; it may be about itself. */
const Ask = Schema.TaggedStruct("Ask", { ...of, command: Command.fields.command, about: Name })
const Add = Schema.TaggedStruct("Add", of)
const End = Schema.TaggedStruct("End", { ...of, how: Ending })
const Beat = Schema.TaggedStruct("Beat", of)
/** All the runs before the newest one beat. */
const StaleBeat = Schema.TaggedStruct("StaleBeat", of)
const Shield = Schema.TaggedStruct("Shield", of)
const Unshield = Schema.TaggedStruct("Unshield", of)
/** A stuck finalizer ends. */
const Finalize = Schema.TaggedStruct("Finalize", of)
const Check = Schema.TaggedStruct("Check", { ...of, finds: RunPlan.fields.check })
/** Those who wait for answers are interrupted. */
const Abandon = Schema.TaggedStruct("Abandon", {})
/** A reader of events comes; a stuck one reads nothing beyond the snapshot. */
const Subscribe = Schema.TaggedStruct("Subscribe", { reads: Schema.Literals(["all", "nothing"]) })
/** The stuck readers read all there is, and go on. */
const Read = Schema.TaggedStruct("Read", {})
const Shutdown = Schema.TaggedStruct("Shutdown", {})
/** Somebody blocks the thread. */
const Block = Schema.TaggedStruct("Block", { millis: Millis(700, 5000) })

const acts = {
  Command,
  Ask,
  Add,
  End,
  Beat,
  StaleBeat,
  Shield,
  Unshield,
  Finalize,
  Check,
  Abandon,
  Subscribe,
  Read,
  Shutdown,
  Block
}
export type Act = typeof acts[keyof typeof acts]["Type"]

/** Time passes, and everything happens when it is due. */
const Pass = Schema.TaggedStruct("Pass", { millis: Millis(1, 50, 101, 200, 700, 2500) })
/** The event loop is blocked. What fell due meanwhile comes late: one after another, all at once, or after the next acts. */
const Stall = Schema.TaggedStruct("Stall", {
  millis: Millis(500, 3000, 40_000),
  first: Schema.Literals(["bodies", "supervisor", "all at once", "acts"])
})
/** The machine sleeps: the monotonic clock jumps, and all timers are that much later. */
const Suspend = Schema.TaggedStruct("Suspend", { millis: Millis(1000, 3_600_000) })
/** The wall clock is set. */
const SetWall = Schema.TaggedStruct("SetWall", { millis: Millis(-7_200_000, -30, 86_400_000) })

const time = { Pass, Stall, Suspend, SetWall }

export type Step =
  /** All at once, before the event loop turns. */
  | { readonly _tag: "Acts"; readonly acts: ReadonlyArray<Act> }
  | typeof time[keyof typeof time]["Type"]

const optionFields = {
  maxDeadFraction: Schema.Literals(["none", "none", "none", "none", 0.5, 1]),
  whenAllCompleted: weighted({ stay: 6, end: 1 }),
  shutdownTimeout: Schema.Literals(["infinity", "infinity", "infinity", 0, 300]),
  initialDelay: Millis(0, 250),
  interval: Millis(200, 50),
  eventCapacity: Schema.Literals([1024]),
  /** How late the clock wakes those who sleep. */
  lateness: Millis(0),
  /** How many of the tasks the supervisor is made with. */
  listed: Schema.Literals([3, 2, 1, 0]),
  strategy: Schema.Literals(["one-for-one"]),
  intensity: Schema.Literals(["none"]),
  /** What is drawn by chance. */
  chance: Schema.Literals([0]),
  autoShutdown: Schema.Literals(["never"])
}

interface WiderOptions {
  readonly strategy: "one-for-one" | "one-for-all" | "rest-for-one"
  readonly intensity: "none" | {
    readonly restarts: number
    readonly within: number
    readonly whenExceeded: "giveUp" | "pause"
  }
  readonly chance: number
  readonly autoShutdown: "never" | "any-significant" | "all-significant"
}

/** Every field of an option or a plan, to choose from. */
export const fields = { options: optionFields, plan: planFields }

export interface History {
  readonly options: Omit<Schema.Struct.Type<typeof optionFields>, keyof WiderOptions> & WiderOptions
  readonly plans: Readonly<Record<Name, Plan>>
  readonly steps: ReadonlyArray<Step>
}

type ActTag = keyof typeof acts
type TimeTag = keyof typeof time

/** What a flavour of histories narrows, and how often its acts and passages of time come. */
export interface Flavour {
  readonly plan?: Partial<Record<keyof typeof planFields, Schema.Top>>
  readonly options?: Partial<Record<keyof typeof optionFields, Schema.Top>>
  readonly acts?: Readonly<Partial<Record<ActTag, number>>>
  readonly time?: Readonly<Partial<Record<TimeTag, number>>>
}

const everyAct: Readonly<Partial<Record<ActTag, number>>> = {
  Command: 22,
  Ask: 3,
  End: 20,
  Add: 8,
  Beat: 8,
  StaleBeat: 6,
  Shield: 6,
  Unshield: 6,
  Finalize: 6,
  Check: 4,
  Abandon: 2,
  Subscribe: 2,
  Read: 2,
  Shutdown: 1
}

/** Arbitrary histories of a flavour. */
export const histories = (flavour: Flavour = {}): Arbitrary.Arbitrary<History> => {
  const plan = Schema.Struct({ ...planFields, ...flavour.plan })
  const act = Schema.Union(repeated(flavour.acts ?? everyAct).map((tag) => acts[tag]))
  const together = Schema.TaggedStruct("Acts", {
    acts: Schema.Array(act).check(Schema.isMinLength(1), Schema.isMaxLength(3))
  })
  const passage = Schema.Union(repeated(flavour.time ?? { Pass: 1 }).map((tag) => time[tag]))
  const schema = Schema.Struct({
    options: Schema.Struct({ ...optionFields, ...flavour.options }),
    plans: Schema.Struct({ a: plan, b: plan, c: plan }),
    steps: Schema.Array(Schema.Union([together, together, passage])).check(Schema.isMaxLength(50))
  }) as unknown as Schema.Schema<History>
  return Arbitrary.schema(schema, { shrink: simpler })
}

// ---------------------------------------------------------------------------------------------------------------------
// shrinking
// ---------------------------------------------------------------------------------------------------------------------

export const simplestPlan: Plan = {
  mode: "transient",
  heartbeat: { _tag: "None" },
  startupTimeout: undefined,
  stableAfter: 0,
  stopTimeout: 100,
  whenDead: "keep",
  ready: "begun",
  significant: false,
  times: "infinity",
  answers: [],
  thereafter: { _tag: "Delay", millis: 40 },
  runs: []
}

const simplestOptions: History["options"] = {
  maxDeadFraction: "none",
  whenAllCompleted: "stay",
  shutdownTimeout: "infinity",
  initialDelay: 0,
  interval: 200,
  eventCapacity: 1024,
  lateness: 0,
  listed: 1,
  strategy: "one-for-one",
  intensity: "none",
  chance: 0,
  autoShutdown: "never"
}

export const simplest: History = {
  options: simplestOptions,
  plans: { a: simplestPlan, b: simplestPlan, c: simplestPlan },
  steps: []
}

/** What derived shrinking leaves alone: choices. Fewer of everything, and every choice the simplest. */
const simpler = (history: History): ReadonlyArray<History> =>
  [
    ...fewer(history.steps).map((steps) => ({ ...history, steps })),
    ...names.map((name) => ({ ...history, plans: { ...history.plans, [name]: simplestPlan } })),
    ...eachOf(history.steps, simplerStep).map((steps) => ({ ...history, steps })),
    ...simplerFields(history.options, simplestOptions).map((options) => ({ ...history, options })),
    ...names.flatMap((name) =>
      simplerPlan(history.plans[name]).map((plan) => ({ ...history, plans: { ...history.plans, [name]: plan } }))
    )
  ].filter((candidate) => JSON.stringify(candidate) !== JSON.stringify(history))

/** A list without a half of it, a quarter, and so on down to a single one. */
export const fewer = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
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
export const simplerFields = <A extends object>(value: A, simplest: Partial<A>): ReadonlyArray<A> =>
  Object.entries(simplest).filter(([key]) => key in value).map(([key, field]) => ({ ...value, [key]: field }))

const simplerPlan = (plan: Plan): ReadonlyArray<Plan> => [
  ...simplerFields(plan, simplestPlan),
  ...fewer(plan.runs).map((runs) => ({ ...plan, runs })),
  ...eachOf(plan.runs, (run) => simplerFields(run, quiet)).map((runs) => ({ ...plan, runs })),
  ...fewer(plan.answers).map((answers) => ({ ...plan, answers }))
]

const simplerStep = (step: Step): ReadonlyArray<Step> =>
  step._tag === "Acts"
    ? [...fewer(step.acts), ...eachOf(step.acts, simplerAct)].map((acts) => ({ ...step, acts }))
    : simplerFields(step, { millis: 50 } as Partial<Step>)

const simplerAct = (act: Act): ReadonlyArray<Act> =>
  simplerFields(act, { by: "name", command: "stop", how: "succeeds", about: "a", task: "a" } as Partial<Act>)
