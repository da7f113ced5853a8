/**
 * The options of a pool, decoded: every refusal names the option, the value, and what is allowed.
 */
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as RestartPolicy from "../../RestartPolicy.ts"
import * as Options from "../options.ts"
import type { Settings, SlotConfig } from "./settings.ts"

const keys = [
  "name",
  "slots",
  "slotConfig",
  "slotSchema",
  "acquire",
  "watch",
  "probe",
  "probing",
  "slotFailure",
  "maxRestarts",
  "restart",
  "acquireTimeout",
  "assignTimeout",
  "jobTimeout",
  "jobSilence",
  "stableAfter",
  "stopTimeout",
  "storeTimeout",
  "lease",
  "keepJobs",
  "supervisor",
  "eventCapacity"
]

/** What the decoding looks at; the public options are checked against it by the compiler. */
export interface Given {
  readonly name?: string
  readonly slots?: number | { readonly min: number; readonly max: number }
  readonly slotConfig?: ReadonlyArray<SlotConfig> | ((index: number) => SlotConfig)
  readonly slotSchema?: unknown
  readonly acquire?: unknown
  readonly watch?: unknown
  readonly probe?: unknown
  readonly probing?: {
    readonly schedule?: unknown
    readonly timeout?: Options.DurationOption
    readonly failures?: number
  }
  readonly slotFailure?: unknown
  readonly maxRestarts?: number
  readonly restart?: unknown
  readonly acquireTimeout?: Options.DurationOption
  readonly assignTimeout?: Options.DurationOption
  readonly jobTimeout?: Options.DurationOption
  readonly jobSilence?: Options.DurationOption
  readonly stableAfter?: Options.DurationOption
  readonly stopTimeout?: Options.DurationOption
  readonly storeTimeout?: Options.DurationOption
  readonly lease?: Options.DurationOption
  readonly keepJobs?: number
  readonly supervisor?: { readonly enabled?: boolean; readonly interval?: Options.DurationOption }
  readonly eventCapacity?: number
}

const where = "SlotPool"
const defaultMax = 16
/** More are a mistake: each has a worker, a task and a record. */
const mostSlots = 100_000

const slotCount = (option: string, given: number, min: number): number =>
  Options.count(where, option, given, { min }) <= mostSlots
    ? given
    : Options.refuse(where, option, given, `a whole number of ${min} to ${mostSlots}`)

/** What every slot has that was told nothing else. */
export const SlotConfigSchema = Schema.Struct({
  name: Schema.optionalKey(Schema.String),
  role: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String)
})

const slotsOf = (slots: Given["slots"]): Pick<Settings, "min" | "max" | "initial" | "elastic"> => {
  const given = Options.or(slots, 1)
  if (typeof given !== "object") {
    const initial = slotCount("slots", given, 1)
    return { min: 1, max: Math.max(defaultMax, initial), initial, elastic: false }
  }
  Options.onlyKeys(where, "slots", given, ["min", "max"])
  const min = slotCount("slots.min", given.min, 1)
  const max = slotCount("slots.max", given.max, min)
  return { min, max, initial: min, elastic: true }
}

const functionOf = <A>(option: string, given: unknown): A | undefined =>
  given === undefined || typeof given === "function"
    ? given as A | undefined
    : Options.refuse(where, option, given, "a function")

const configsOf = (given: Given["slotConfig"]): Settings["configOf"] => {
  if (given === undefined) return () => undefined
  if (typeof given === "function") return given
  return Array.isArray(given)
    ? (index) => given[index] as SlotConfig | undefined
    : Options.refuse(
      where,
      "slotConfig",
      given,
      "an array of configs, or a function from a slot's number to its config"
    )
}

const codecOf = (given: unknown): Pick<Settings, "encode" | "decode"> => {
  if (given !== undefined && !Schema.isSchema(given)) Options.refuse(where, "slotSchema", given, "a Schema")
  const schema = Options.or(given, SlotConfigSchema) as Schema.Codec<SlotConfig, unknown>
  const codec = Schema.toCodecJson(schema)
  return { encode: Schema.encodeSync(codec) as Settings["encode"], decode: Schema.decodeUnknownSync(codec) }
}

const takesNone = (encode: Settings["encode"]): boolean => {
  try {
    encode({})
    return true
  } catch {
    return false
  }
}

/** A config is checked when it is asked for, and for the slots that there are from the beginning now. */
const checkedConfigs = (
  configOf: Settings["configOf"],
  encode: Settings["encode"],
  initial: number
): Settings["configOf"] => {
  const checked = (index: number) => {
    const config = configOf(index)
    if (config === undefined) return undefined
    try {
      encode(config)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return Options.refuse(where, `slotConfig of slot-${index}`, config, `what slotSchema takes (${why})`)
    }
    return config
  }
  for (let index = 0; index < initial; index++) checked(index)
  return checked
}

/** Where every slot must have a config, there are no more slots than configs. */
const bounded = (
  slots: ReturnType<typeof slotsOf>,
  given: Given["slotConfig"],
  encode: Settings["encode"]
): ReturnType<typeof slotsOf> => {
  if (!Array.isArray(given) || takesNone(encode) || given.length >= slots.max) return slots
  return slots.elastic
    ? Options.refuse(
      where,
      "slots.max",
      slots.max,
      `as many as there are configs (${given.length}), for slotSchema takes no empty one`
    )
    : { ...slots, max: Math.max(slots.initial, given.length) }
}

const policyOf = (given: unknown): Settings["policy"] => {
  if (given === undefined) return undefined
  if (RestartPolicy.isRestartPolicy(given)) return given as unknown as RestartPolicy.RestartPolicy<unknown>
  const options = given as RestartPolicy.RestartOptions<unknown, never>
  Options.onlyKeys(where, "restart", options, ["schedule", "times", "on"])
  return RestartPolicy.make(options)
}

const probingOf = (given: Given["probing"]): Settings["probing"] => {
  const probing = Options.or(given, {})
  Options.onlyKeys(where, "probing", probing, ["schedule", "timeout", "failures"])
  const { failures, schedule, timeout } = probing
  if (schedule !== undefined && !Schedule.isSchedule(schedule)) {
    Options.refuse(where, "probing.schedule", schedule, "a Schedule")
  }
  return {
    ...(schedule === undefined
      ? {}
      : { schedule: schedule as Schedule.Schedule<unknown, unknown, unknown> }),
    ...(timeout === undefined
      ? {}
      : { timeout: Options.duration(where, "probing.timeout", timeout, { positive: true }) }),
    ...(failures === undefined ? {} : { failures: Options.count(where, "probing.failures", failures, { min: 1 }) })
  }
}

const supervisorOf = (given: Given["supervisor"]): Settings["supervisor"] => {
  const supervisor = Options.or(given, {})
  Options.onlyKeys(where, "supervisor", supervisor, ["enabled", "interval"])
  const enabled = Options.or(supervisor.enabled, false)
  if (typeof enabled !== "boolean") Options.refuse(where, "supervisor.enabled", enabled, "true or false")
  const interval = Options.or(supervisor.interval, "30 seconds")
  return { enabled, interval: Options.duration(where, "supervisor.interval", interval, { positive: true }) }
}

export const decode = (given: Given): Settings => {
  Options.onlyKeys(where, "options", given, keys)
  const duration = (
    option: keyof Given,
    value: Options.DurationOption | undefined,
    fallback: Options.DurationOption,
    bounds: Options.DurationBounds = { positive: true, infinite: true }
  ) => Options.duration(where, option, Options.or(value, fallback), bounds)
  const codec = codecOf(given.slotSchema)
  const slots = bounded(slotsOf(given.slots), given.slotConfig, codec.encode)
  const lease = duration("lease", given.lease, "30 seconds", { positive: true })
  const storeTimeout = duration("storeTimeout", given.storeTimeout, Math.min(3000, lease / 2), { positive: true })
  return {
    name: Options.name(where, Options.or(given.name, "pool")),
    ...slots,
    ...codec,
    noConfig: takesNone(codec.encode) ? {} : undefined,
    configOf: checkedConfigs(configsOf(given.slotConfig), codec.encode, slots.initial),
    acquire: functionOf("acquire", given.acquire),
    watch: functionOf("watch", given.watch),
    probe: functionOf("probe", given.probe),
    probing: probingOf(given.probing),
    slotFailure: functionOf<Settings["slotFailure"]>("slotFailure", given.slotFailure) ?? (() => false),
    maxRestarts: Options.count(where, "maxRestarts", Options.or(given.maxRestarts, 3), { min: 0, infinite: true }),
    policy: policyOf(given.restart),
    acquireTimeout: duration("acquireTimeout", given.acquireTimeout, "1 minute"),
    assignTimeout: duration("assignTimeout", given.assignTimeout, "5 minutes", { infinite: true }),
    jobTimeout: duration("jobTimeout", given.jobTimeout, "infinity"),
    jobSilence: duration("jobSilence", given.jobSilence, "infinity"),
    stableAfter: duration("stableAfter", given.stableAfter, "10 minutes", { infinite: true }),
    stopTimeout: duration("stopTimeout", given.stopTimeout, "5 seconds", { infinite: true }),
    storeTimeout: storeTimeout < lease
      ? storeTimeout
      : Options.refuse(where, "storeTimeout", given.storeTimeout, `a duration below the lease of ${lease} ms`),
    lease,
    keepJobs: Options.count(where, "keepJobs", Options.or(given.keepJobs, 1000), { min: 0 }),
    supervisor: supervisorOf(given.supervisor),
    eventCapacity: Options.count(where, "eventCapacity", Options.or(given.eventCapacity, 4096), { min: 1 })
  }
}
