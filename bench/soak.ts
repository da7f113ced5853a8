/**
 * What conformance needs real time for, apart from the timed tests:
 *
 * - TS-44: blocking the thread for 10 times the timeout restarts no healthy task, while a hang is still seen.
 * - TS-45: 100,000 tasks with default heartbeats stay Healthy for a minute, and the heap stays flat.
 *
 * Prints figures, and exits 1 when one of them is a breach.
 *
 *     node --expose-gc --conditions=effect-supervisor-source bench/soak.ts [seconds]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { memory, now } from "./measure.ts"

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

let breaches = 0

/** Prints a figure, and whether it is what was promised. */
const figure = (what: string, is: string | number, holds: boolean): Effect.Effect<void> => {
  if (!holds) breaches++
  return Console.log(`${holds ? "  ok    " : "  BREACH"} ${what}: ${is}`)
}

/** Everything a supervisor tells from now on. */
const listen = Effect.fnUntraced(function*(supervisor: Supervisor.RunningSupervisor) {
  const events: Array<SupervisorEvent> = []
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.drop(supervisor.events, 1), (event) => Effect.sync(() => void events.push(event))),
    { startImmediately: true }
  )
  return events
})

/** Does nothing else, and lets nobody else do anything. */
const block = (millis: number): Effect.Effect<void> =>
  Effect.sync(() => {
    const end = now() + millis
    while (now() < end);
  })

const within = 300
const beating = Effect.forever(Effect.andThen(Heartbeat.beat, Effect.sleep(within / 3)))

const blocked = Effect.scoped(Effect.gen(function*() {
  yield* Console.log(`TS-44: the thread is blocked for ${10 * within} ms, the timeout being ${within} ms`)
  let hung = false
  const supervisor = yield* Supervisor.make({
    healthCheck: { initialDelay: 0, interval: 50 },
    tasks: [
      Task.make("manual", beating, { heartbeat: Heartbeat.manual({ within }) }),
      Task.make("starting", Effect.andThen(Effect.sleep(within / 2), beating), {
        heartbeat: Heartbeat.manual({ within }),
        startupTimeout: within
      }),
      Task.make("probed", Effect.never, {
        heartbeat: Heartbeat.probe(Effect.sleep(within / 3), {
          timeout: within,
          failures: 1,
          schedule: Schedule.spaced(within / 3)
        })
      }),
      Task.make("automatic", Effect.never),
      Task.make(
        "hanging",
        Effect.forever(Effect.andThen(
          Effect.suspend(() => hung ? Effect.never : Heartbeat.beat),
          Effect.sleep(within / 3)
        )),
        { heartbeat: Heartbeat.manual({ within }), restart: { times: 0 } }
      )
    ]
  })
  const events = yield* listen(supervisor)
  const verdicts = () =>
    events.flatMap((event) => event._tag === "HeartbeatMissed" || event._tag === "ProbeFailed" ? [event.task] : [])
  // As runs begin, in the midst of everything, in quick succession, and in a run's own first step.
  for (const wait of [0, 40, 500, 10, 10, 130]) {
    yield* Effect.sleep(wait)
    yield* block(10 * within)
  }
  yield* supervisor.add(Task.make("blocker", block(10 * within)))
  yield* Effect.sleep(3 * within)
  const statuses = yield* supervisor.statuses
  yield* figure("false verdicts", verdicts().join(", ") || "none", verdicts().length === 0)
  const restarts = statuses.reduce((sum, { runs }) => sum + runs - 1, 0)
  yield* figure("restarts", restarts, restarts === 0)

  hung = true
  const since = now()
  while (!verdicts().includes("hanging") && now() - since < 20 * within) yield* Effect.sleep(5)
  const took = Math.round(now() - since)
  // The last beat is up to a third of the timeout old, the verdict up to an interval late; a busy machine adds to it.
  yield* figure("a hang is seen after", `${took} ms`, took <= 3 * within)
}))

const count = 100_000
/** What the runtime itself keeps more or less of from one collection to the next. */
const flat = 2_000_000

const idle = (seconds: number) =>
  Effect.scoped(Effect.gen(function*() {
    yield* Console.log(`TS-45: ${count} tasks with default heartbeats, for ${seconds} s`)
    const empty = yield* memory
    const before = now()
    const supervisor = yield* Supervisor.make({
      tasks: Array.from({ length: count }, (_, index) => Task.make(`task ${index}`, Effect.never))
    })
    yield* Console.log(`         started in ${Math.round(now() - before)} ms`)
    const events = yield* listen(supervisor)
    const unwell = Effect.map(
      supervisor.statuses,
      (statuses) =>
        count - statuses.filter(({ _tag, attempt, runs }) => _tag === "Healthy" && runs === 1 && attempt === 0).length
    )
    // Looking makes what is shown, which is kept: look before the first measurement as well.
    yield* figure("not Healthy at the start", yield* unwell, (yield* unwell) === 0)
    const start = yield* memory
    const cpu = process.cpuUsage()
    let latest = 0
    for (let second = 0; second < seconds; second++) {
      const asked = now()
      yield* Effect.sleep("1 second")
      latest = Math.max(latest, now() - asked - 1000)
    }
    const used = process.cpuUsage(cpu)
    const bad = yield* unwell
    const end = yield* memory
    yield* figure("not Healthy at the end", bad, bad === 0)
    yield* figure("events", events.length, events.length === 0)
    yield* Console.log(
      `         heap at the start ${megabytes(start.heap)}, of it tasks ${megabytes(start.heap - empty.heap)}`
    )
    yield* Console.log(`         heap at the end   ${megabytes(end.heap)}; resident ${megabytes(end.rss)}`)
    yield* figure("heap grown by", megabytes(end.heap - start.heap), end.heap - start.heap <= flat)
    const share = (used.user + used.system) / (seconds * 10_000)
    yield* figure("CPU", `${share.toFixed(2)} % of a core`, share <= 5)
    yield* figure("latest timer late by", `${latest.toFixed(0)} ms`, latest <= 1000)
  }))

const seconds = Number(process.argv[2] ?? 60)

NodeRuntime.runMain(
  Effect.andThen(
    Effect.andThen(blocked, idle(seconds)),
    Effect.sync(() => {
      if (breaches > 0) process.exitCode = 1
    })
    // The end of 100,000 tasks is 100,000 lines.
  ).pipe(Effect.provide(Logger.layer([])))
)
