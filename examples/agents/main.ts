/**
 * A pool of child processes that is fed a list of jobs. Kill any of them while it runs (`kill -9`, the process ids are
 * printed): the list completes.
 *
 * `npm run example:agents -- --chaos` lets the agents go wrong by themselves, and `--help` tells the rest.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as SlotPool from "effect-supervisor/SlotPool"
import type { PoolError } from "effect-supervisor/SlotPoolError"
import type { SlotPoolEvent } from "effect-supervisor/SlotPoolEvent"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "./agent.ts"

// ---------------------------------------------------------------------------------------------------------------------
// the pool
// ---------------------------------------------------------------------------------------------------------------------

class TooBig extends Schema.TaggedError<TooBig>()("TooBig", { megabytes: Schema.Finite }) {
  override get message(): string {
    return `it has grown to ${this.megabytes} MB`
  }
}

const maxMegabytes = 200

class Agents extends SlotPool.Service<Agents>()("agents", {
  slots: { min: 1, max: 64 },
  acquire: (slot) => Effect.tap(Agent.spawn, ({ pid }) => Console.log(`${slot.name}: process ${pid} is up`)),
  acquireTimeout: "10 seconds",
  // The process ends: whatever ran on it is lost, and the slot gets another.
  watch: (agent) => agent.ended,
  // It is there, but is it well? One that hangs does not answer, one that leaks says so.
  probe: (agent) =>
    Effect.flatMap(
      agent.ask({ prompt: "", thinking: 0 }),
      ({ megabytes }) => megabytes > maxMegabytes ? Effect.fail(new TooBig({ megabytes })) : Effect.void
    ),
  probing: { schedule: Schedule.spaced("500 millis"), timeout: "2 seconds", failures: 1 },
  // It answers, but this job it does not end.
  jobTimeout: "5 seconds",
  // A slot that fails again and again is tried less and less often, and after 20 times no more.
  restart: { schedule: Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]) },
  maxRestarts: 20,
  stableAfter: "30 seconds",
  supervisor: { enabled: true, interval: "100 millis" },
  // Matters with `--store`: so long after a `kill -9` of this process the next one has to wait for its slots.
  lease: "5 seconds"
}) {}

/** The log of a pool tells the same, and more (`--log-level info`). */
const show = (event: SlotPoolEvent): Effect.Effect<void> => {
  switch (event._tag) {
    case "SlotErrored":
      return Console.log(`${event.slot}: out of order, ${event.error}`)
    case "SlotRestarted":
      return Console.log(`${event.slot}: put back to work, restart ${event.restarts}`)
    case "SlotExhausted":
      return Console.log(`${event.slot}: given up after ${event.restarts} restarts`)
    default:
      return Effect.void
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// the list
// ---------------------------------------------------------------------------------------------------------------------

const words = ["supervision", "heartbeat", "restart", "back-off", "generation", "intensity", "escalate", "drain"]

/** What every third job is asked with, the first time. */
const mischiefs: ReadonlyArray<Partial<Agent.Question>> = [
  { mischief: "crash" },
  { mischief: "exit" },
  { mischief: "babble" },
  { mischief: "hang" },
  // Longer than any job may take.
  { thinking: 60_000 },
  { mischief: "leak" }
]

interface Job {
  readonly number: number
  readonly question: Agent.Question
  readonly mischief: Partial<Agent.Question> | undefined
}

const makeJobs = (count: number, thinking: number, chaos: boolean): ReadonlyArray<Job> =>
  Array.from({ length: count }, (_, number) => ({
    number,
    question: { prompt: words[number % words.length]!, thinking },
    mischief: chaos && number % 3 === 0 ? mischiefs[number / 3 % mischiefs.length] : undefined
  }))

/** Its worker is at fault, not the job: another one may do it. */
const isWorkersFault = ({ reason }: PoolError): boolean => reason._tag === "JobLost" || reason._tag === "JobTimedOut"

/** A job goes back into the list when it was lost with its worker, a few times: it may be what kills them. */
const run = (job: Job) =>
  Effect.gen(function*() {
    const agents = yield* Agents
    let tries = 0
    const answer = yield* agents.run((agent, { slot }) =>
      Effect.gen(function*() {
        const question = tries++ === 0 ? { ...job.question, ...job.mischief } : job.question
        yield* Console.log(`job ${job.number} runs on ${slot.name} (process ${agent.pid}), try ${tries}`)
        const { text } = yield* agent.ask(question)
        return { text, slot: slot.name }
      })
    ).pipe(
      Effect.tapError(({ reason }) => Console.log(`job ${job.number}: try ${tries} ended with ${reason._tag}`)),
      Effect.retry({ while: isWorkersFault, times: 4 })
    )
    return { ...answer, tries }
  })

class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", { jobs: Schema.Array(Schema.Int) }) {
  override get message(): string {
    return `without an answer: ${this.jobs.map((job) => `job ${job}`).join(", ")}`
  }
}

const program = Effect.fnUntraced(function*(jobs: ReadonlyArray<Job>, slots: number) {
  const agents = yield* Agents
  yield* Effect.forkScoped(Stream.runForEach(agents.events, show), { startImmediately: true })
  yield* agents.setTargetSlots(slots)

  // No more than can be done at once: then Ctrl-C finds none in the pool's queue that would begin now.
  const results = yield* Effect.forEach(jobs, (job) => Effect.exit(run(job)), { concurrency: slots })

  yield* Console.table(Object.fromEntries(results.map((exit, job) => [
    `job ${job}`,
    Exit.isSuccess(exit) ? exit.value : { text: "none" }
  ])))
  yield* Console.table(Object.fromEntries((yield* agents.findSlots()).map(({ completed, restarts, slot, state }) => [
    slot,
    { state, restarts, "jobs ever": completed }
  ])))
  const failed = results.flatMap((exit, job) => Exit.isSuccess(exit) ? [] : [job])
  if (failed.length > 0) return yield* new Incomplete({ jobs: failed })
}, Effect.scoped)

// ---------------------------------------------------------------------------------------------------------------------
// the command line
// ---------------------------------------------------------------------------------------------------------------------

const flags = {
  jobs: Flag.Int("jobs").pipe(Flag.withDescription("How many jobs"), Flag.withDefault(40)),
  slots: Flag.Int("slots").pipe(Flag.withDescription("How many agents"), Flag.withDefault(4)),
  thinking: Flag.Int("thinking").pipe(
    Flag.withDescription("How long an agent thinks about a job, in milliseconds"),
    Flag.withDefault(1000)
  ),
  chaos: Flag.Boolean("chaos").pipe(
    Flag.withDescription("Every third job makes its agent crash, hang, leak, …"),
    Flag.withDefault(false)
  ),
  store: Flag.Path("store", { pathType: "file" }).pipe(
    Flag.withDescription("A SQLite file that keeps the slots; default: in memory"),
    Flag.optional
  )
}

const main = Command.make(
  "agents",
  flags,
  ({ chaos, jobs, slots, store, thinking }) =>
    program(makeJobs(jobs, thinking, chaos), slots).pipe(
      Effect.provide(Layer.provide(
        Agents.layer,
        Option.match(store, {
          onNone: () => SlotPoolStore.layerMemory,
          onSome: (filename) => SlotPoolStoreSqlite.layer({ filename })
        })
      ))
    )
).pipe(Command.withDescription("Answers prompts by a pool of child processes"))

// Who reads has seen enough (`| head`). The agents end as their standard input does.
process.stdout.on("error", () => process.exit(0))

// Ctrl-C interrupts it: the pool's scope closes, and every process with its slot's.
Command.run(main, { version: "0.1.0" }).pipe(
  Effect.provideService(References.MinimumLogLevel, "None"),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
