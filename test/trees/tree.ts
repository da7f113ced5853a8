/**
 * The language of histories of trees: supervisors as tasks of supervisors, up to four levels of them, and what happens to
 * their tasks step by step. Every tree and every history is possible.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { History, Name, Plan } from "../promises/history.ts"
import {
  Answer,
  Ending,
  fewer,
  fields,
  Name as AnyName,
  names,
  RunPlan,
  simplerFields,
  simplest,
  simplestPlan
} from "../promises/history.ts"

/** A supervisor, and those within its tasks. */
export interface Branch {
  readonly options: History["options"]
  readonly plans: History["plans"]
  readonly below: { readonly [of in Name]?: Branch }
  /** A name of its own, a segment more of the path. */
  readonly name: string | undefined
}

/** Names from the top; who follows them stops where there is nothing below. */
export type Path = ReadonlyArray<Name>

const Path = Schema.Array(AnyName).check(Schema.isMinLength(1), Schema.isMaxLength(4))
const of = { path: Path }

const acts = {
  Command: Schema.TaggedStruct("Command", {
    command: Schema.Literals(["restart", "stop", "start", "kill", "remove"]),
    ...of,
    /** The path from the root, or in full. */
    full: Schema.Boolean
  }),
  End: Schema.TaggedStruct("End", {
    ...of,
    how: Schema.Union([Schema.Literals(["fails:restart", "fails:escalate"]), Ending])
  }),
  Beat: Schema.TaggedStruct("Beat", of),
  Shield: Schema.TaggedStruct("Shield", of),
  Unshield: Schema.TaggedStruct("Unshield", of),
  Finalize: Schema.TaggedStruct("Finalize", of),
  /** To the supervisor of that path. */
  Add: Schema.TaggedStruct("Add", { ...of, task: AnyName }),
  Shutdown: Schema.TaggedStruct("Shutdown", {})
}
export type Act = typeof acts[keyof typeof acts]["Type"]

export type Step =
  | { readonly _tag: "Acts"; readonly acts: ReadonlyArray<Act> }
  | { readonly _tag: "Pass"; readonly millis: number }

export interface TreeHistory {
  readonly root: Branch
  readonly steps: ReadonlyArray<Step>
}

const Delay = Schema.TaggedStruct("Delay", { millis: Schema.Literals([70, 0, 1000]) })
const common = {
  ...fields.plan,
  heartbeat: Schema.Union([Schema.TaggedStruct("None", {}), Schema.TaggedStruct("Automatic", {})]),
  startupTimeout: Schema.Undefined,
  mode: Schema.Literals(["transient", "permanent", "permanent", "temporary"]),
  whenDead: Schema.Literals(["keep", "keep", "keep", "escalate"]),
  ready: Schema.Literals(["begun", "begun", "first-beat"]),
  significant: Schema.Literals([false, false, true]),
  times: Schema.Literals(["infinity", "infinity", 3, 1, 0]),
  answers: Schema.Array(Delay).check(Schema.isMaxLength(3))
}

const Leaf = Schema.Struct({
  ...common,
  heartbeat: Schema.Union([
    Schema.TaggedStruct("None", {}),
    Schema.TaggedStruct("None", {}),
    Schema.TaggedStruct("Manual", { within: Schema.Literals([450]) })
  ]),
  stopTimeout: Schema.Literals([100, 500, 0, 4000]),
  answers: Schema.Array(Schema.Union([Delay, Delay, Answer])).check(Schema.isMaxLength(3)),
  runs: Schema.Array(Schema.Struct({
    ...RunPlan.fields,
    opening: Schema.Literals(["waits", "pulses", "pulses", "pulses", "beats", "fails:restart", "fails:escalate"])
  })).check(Schema.isMaxLength(3))
})

const Within = Schema.Struct({
  ...common,
  stopTimeout: Schema.Literals(["derived", "derived", "derived", 100, 500]),
  runs: Schema.Array(Schema.Struct(RunPlan.fields)).check(Schema.isMaxLength(0))
})

const options = {
  ...fields.options,
  maxDeadFraction: Schema.Literals(["none", "none", "none", "none", 1]),
  whenAllCompleted: Schema.Literals(["stay", "stay", "stay", "end"]),
  shutdownTimeout: Schema.Literals(["infinity"]),
  initialDelay: Schema.Literals([0]),
  interval: Schema.Literals([200]),
  strategy: Schema.Literals(["one-for-one", "one-for-all", "rest-for-one"]),
  intensity: Schema.Union([
    Schema.Literals(["none"]),
    Schema.Struct({
      restarts: Schema.Literals([1, 0, 2]),
      within: Schema.Literals([500, 2000]),
      whenExceeded: Schema.Literals(["giveUp"])
    }),
    Schema.Struct({
      restarts: Schema.Literals([1, 2]),
      within: Schema.Literals([500, 2000]),
      whenExceeded: Schema.Literals(["pause"])
    })
  ]),
  autoShutdown: Schema.Literals(["never", "never", "never", "any-significant", "all-significant"]),
  listed: Schema.Literals([2, 3, 1])
}

/** Of the root: what it ends for ends the history. */
const lasting = {
  ...options,
  maxDeadFraction: Schema.Literals(["none"]),
  whenAllCompleted: Schema.Literals(["stay"]),
  intensity: Schema.Literals(["none"]),
  autoShutdown: Schema.Literals(["never"])
}

/** With so many levels below: a tree whose every place may be a supervisor, unless it is on the last level. */
const branch = (levels: number, own: Schema.Struct.Fields = options): Schema.Top =>
  Schema.Struct({
    options: Schema.Struct(own),
    leaves: Schema.Struct({ a: Leaf, b: Leaf, c: Leaf }),
    name: Schema.Union([Schema.Undefined, Schema.Literals(["own"])]),
    within: levels === 1
      ? Schema.Struct({})
      : Schema.Struct(Object.fromEntries(
        names.map((name, place) => [
          name,
          // Not all of them at once: a tree is as large as it is deep.
          place === 2
            ? Schema.Union([Schema.Literals(["leaf"]), Schema.Literals(["leaf"]), below(levels)])
            : Schema.Union([Schema.Literals(["leaf"]), below(levels), below(levels)])
        ])
      ))
  })

const below = (levels: number): Schema.Top => Schema.Struct({ plan: Within, branch: branch(levels - 1) })

interface Grown {
  readonly options: History["options"]
  readonly leaves: History["plans"]
  readonly name: string | undefined
  readonly within: { readonly [of in Name]?: "leaf" | { readonly plan: Plan; readonly branch: Grown } }
}

const asBranch = ({ leaves, name, options, within }: Grown): Branch => {
  const listed = names.slice(0, options.listed)
  const below: { [of in Name]?: Branch } = {}
  const plans: Record<Name, Plan> = { ...leaves }
  for (const name of listed) {
    const there = within[name]
    if (there === undefined || there === "leaf") continue
    below[name] = asBranch(there.branch)
    plans[name] = there.plan
  }
  return { options, plans, below, name }
}

/** Arbitrary histories of trees of so many levels. */
export const histories = (levels: number): Arbitrary.Arbitrary<TreeHistory> => {
  const act = Schema.Union([
    ...Array(12).fill(acts.End),
    ...Array(5).fill(acts.Command),
    ...Array(4).fill(acts.Beat),
    ...Array(3).fill(acts.Shield),
    ...Array(2).fill(acts.Unshield),
    ...Array(3).fill(acts.Finalize),
    ...Array(2).fill(acts.Add),
    acts.Shutdown
  ])
  const together = Schema.TaggedStruct("Acts", {
    acts: Schema.Array(act).check(Schema.isMinLength(1), Schema.isMaxLength(3))
  })
  const pass = Schema.TaggedStruct("Pass", { millis: Schema.Literals([50, 1, 101, 200, 700, 2500]) })
  const schema = Schema.Struct({
    root: branch(levels, lasting),
    steps: Schema.Array(Schema.Union([together, pass])).check(Schema.isMaxLength(30))
  }) as unknown as Schema.Schema<GrownHistory>
  const grown = Arbitrary.schema(schema, { shrink: simpler })
  return Arbitrary.map(grown, ({ root, steps }) => ({ root: asBranch({ ...root, name: undefined }), steps }))
}

interface GrownHistory {
  readonly root: Grown
  readonly steps: ReadonlyArray<Step>
}

const simpler = (history: GrownHistory): ReadonlyArray<GrownHistory> =>
  [
    ...fewer(history.steps).map((steps) => ({ ...history, steps })),
    ...simplerBranch(history.root).map((root) => ({ ...history, root })),
    ...history.steps.flatMap((step, at) =>
      step._tag === "Acts"
        ? fewer(step.acts).filter((acts) => acts.length > 0).map((acts) => ({
          ...history,
          steps: history.steps.with(at, { ...step, acts })
        }))
        : []
    )
  ].filter((candidate) => JSON.stringify(candidate) !== JSON.stringify(history))

/** Whole subtrees first, then choices. */
const simplerBranch = (branch: Grown): ReadonlyArray<Grown> => [
  ...names.filter((name) => typeof branch.within[name] === "object").map((name) => ({
    ...branch,
    within: { ...branch.within, [name]: "leaf" as const }
  })),
  ...names.map((name) => ({ ...branch, leaves: { ...branch.leaves, [name]: simplestPlan } })),
  ...simplerFields(branch.options, { ...simplest.options, listed: branch.options.listed }).map((options) => ({
    ...branch,
    options
  })),
  ...[1, 2].filter((listed) => listed < branch.options.listed).map((listed) => ({
    ...branch,
    options: { ...branch.options, listed: listed as 1 | 2 }
  })),
  ...(branch.name === undefined ? [] : [{ ...branch, name: undefined }]),
  ...names.flatMap((name) => [
    ...simplerFields(branch.leaves[name], simplestPlan).map((plan) => ({
      ...branch,
      leaves: { ...branch.leaves, [name]: plan }
    })),
    ...simplerWithin(branch.within[name]).map((there) => ({ ...branch, within: { ...branch.within, [name]: there } }))
  ])
]

const simplerWithin = (there: Grown["within"][Name]) =>
  there === undefined || there === "leaf" ? [] : [
    ...simplerBranch(there.branch).map((branch) => ({ ...there, branch })),
    ...simplerFields(there.plan, simplestPlan).map((plan) => ({ ...there, plan }))
  ]

const leaf = (plan: Partial<Plan> = {}): Plan => ({ ...simplestPlan, ...plan })

export const tree = (
  options: Partial<History["options"]>,
  plans: { readonly [of in Name]?: Partial<Plan> },
  below: Branch["below"] = {},
  name: string | undefined = undefined
): Branch => ({
  options: { ...simplest.options, ...options },
  plans: { a: leaf(plans.a), b: leaf(plans.b), c: leaf(plans.c) },
  below,
  name
})
