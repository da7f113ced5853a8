/**
 * A supervisor on a machine of its own, with tasks whose runs do what a history says, and observers everywhere: in the
 * bodies, their finalizers and children, at the schedules, at every call, and at the events.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type { SupervisorError } from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import type { FinalReport, TaskStatus } from "effect-supervisor/TaskStatus"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Follower } from "./follower.ts"
import type { Act, Answer, Ending, History, Name, Plan, RunPlan } from "./history.ts"
import { bound, names, pulse, quiet, slowness } from "./history.ts"
import { Alarms, Machine } from "./machine.ts"
import type { Input, RunId } from "./model.ts"

class Trouble extends Data.TaggedError("Trouble")<{ readonly asks: "restart" | "stop" | "escalate" | "odd" }> {}

const directive = (error: Trouble) => {
  if (error.asks === "odd") throw new Error("directive")
  return error.asks
}

const endings: Record<Ending, Effect.Effect<void, Trouble>> = {
  "succeeds": Effect.void,
  "fails:restart": Effect.fail(new Trouble({ asks: "restart" })),
  "fails:stop": Effect.fail(new Trouble({ asks: "stop" })),
  "fails:escalate": Effect.fail(new Trouble({ asks: "escalate" })),
  "fails:odd": Effect.fail(new Trouble({ asks: "odd" })),
  "dies": Effect.die(new Error("body")),
  "interrupts itself": Effect.interrupt
}

/** One run, as it is seen from inside. */
export interface Body extends RunId {
  readonly name: Name
  readonly plan: RunPlan
  readonly beat: () => void
  stage: "under way" | "closing" | "over"
  shielded: boolean
  finds: RunPlan["check"]
  readonly found: Array<"passed" | "failed">
  exit: Exit.Exit<void, Trouble> | undefined
  /** Goes on with the body, */
  wake: ((next: Effect.Effect<void, Trouble> | "again") => void) | undefined
  /** or with its finalizer. */
  release: (() => void) | undefined
  parts: number
}

export interface Reader {
  readonly follower: Follower
  readonly events: Array<SupervisorEvent>
  /** How many of them have been looked at. */
  followed: number
  /** It has read all there is; a stuck one has not, */
  readsAll: boolean
  /** and was that far behind when it went on. */
  behind: number
  goOn: (() => void) | undefined
}

export class World {
  readonly machine = new Machine()
  /** What the runs do in time, and schedules that take theirs. */
  readonly agenda = new Alarms()
  readonly bodies: Array<Body> = []
  readonly answers = new Map<number, string>()
  /** What those who wait for tasks were given, since the last look. */
  readonly settled = new Map<number, string>()
  /** The entries whose handles somebody waits at. */
  readonly waiting = new Set<number>()
  readonly readers: Array<Reader> = []
  /** What happened since the last look. */
  inputs: Array<Input> = []
  supervisor!: Supervisor.RunningSupervisor
  /** How the supervisor ended. */
  end: string | undefined
  questions = 0
  /** What must never be: seen from inside. */
  broken: string | undefined
  /** Runs that would be waited for without bound end by themselves now. */
  #lettingGo = false
  readonly #history: History
  readonly #handles = new Map<
    Name,
    Array<{ readonly entry: number; readonly handle: Supervisor.TaskHandle<string, Trouble> }>
  >()
  readonly #callers: Array<Fiber.Fiber<unknown, unknown>> = []
  #calls = 0
  #entries = 0

  constructor(history: History, services: Context.Context<never> = Context.empty()) {
    this.#history = history
    this.machine.lateness = history.options.lateness
    this.machine.context = Context.merge(this.machine.context, services).pipe(
      Context.add(Supervisor.Observer, (supervisor: Supervisor.RunningSupervisor) =>
        Effect.sync(() => {
          this.supervisor = supervisor
          this.read(supervisor, true)
          this.machine.run(supervisor.await, (exit) => {
            this.end = this.#describeEnd(exit)
          })
        }))
    )
  }

  make(): void {
    const { eventCapacity, initialDelay, interval, listed, maxDeadFraction, whenAllCompleted } = this.#history.options
    const tasks = names.slice(0, listed).map((name) => {
      const entry = ++this.#entries
      this.inputs.push({ _tag: "Add", call: ++this.#calls, entry, name })
      return this.#task(entry, name)
    })
    const options = {
      name: "root",
      tasks,
      healthCheck: { initialDelay, interval },
      whenAllCompleted,
      eventCapacity,
      ...(maxDeadFraction === "none" ? {} : { maxDeadFraction })
    }
    this.machine.run(Supervisor.make(options), () => {
      for (const [index, task] of tasks.entries()) {
        this.answers.set(index + 1, "ok")
        const handle = this.look(this.supervisor.handle(task))
        if (Exit.isSuccess(handle)) this.#keep(task.name as Name, index + 1, handle.value)
      }
    })
  }

  // -----------------------------------------------------------------------------------------------------------------
  // tasks
  // -----------------------------------------------------------------------------------------------------------------

  #task(entry: number, name: Name): Task.Task<string, Trouble> {
    const plan = this.#history.plans[name]
    const { heartbeat } = plan
    const schedule = this.#schedule(entry, plan)
    return Task.make(name, this.#body(entry, name, plan), {
      restart: {
        mode: plan.mode,
        schedule,
        on: directive,
        times: bound(plan.times)
      },
      heartbeat: heartbeat._tag === "None"
        ? Heartbeat.none
        : heartbeat._tag === "Automatic"
        ? Heartbeat.automatic()
        : heartbeat._tag === "Manual"
        ? Heartbeat.manual({ within: heartbeat.within })
        : Heartbeat.probe(this.#check(entry), {
          schedule: Schedule.spaced(heartbeat.every),
          timeout: heartbeat.timeout,
          failures: heartbeat.failures
        }),
      stableAfter: plan.stableAfter,
      stopTimeout: plan.stopTimeout,
      whenDead: plan.whenDead,
      ...(plan.startupTimeout === undefined ? {} : { startupTimeout: plan.startupTimeout })
    })
  }

  #schedule(entry: number, plan: Plan): Schedule.Schedule<unknown, unknown> {
    return Schedule.fromStep(Effect.sync(() => {
      let failures = 0
      return () => this.#answer(entry, plan.answers[failures++] ?? plan.thereafter)
    }))
  }

  #answer(entry: number, answer: Answer): Effect.Effect<[number, Duration.Duration], Cause.Done<number>> {
    switch (answer._tag) {
      case "Delay":
        return Effect.succeed([0, Duration.millis(answer.millis)])
      case "Endless":
        return Effect.succeed([0, Duration.infinity])
      case "Done":
        return Cause.done(0)
      case "Dies":
        return Effect.die(new Error("schedule"))
      case "Slow": {
        const generation = this.#newest(entry)!.generation
        return Effect.callback((resume) => {
          this.questions++
          const alarm = this.agenda.set(this.machine.now + answer.after, () => {
            this.questions--
            this.inputs.push({ _tag: "Answered", run: { entry, generation } })
            resume(Effect.succeed([0, Duration.millis(answer.millis)]))
          })
          return Effect.sync(() => {
            this.questions--
            this.agenda.cancel(alarm)
          })
        })
      }
    }
  }

  #newest(entry: number): Body | undefined {
    return this.bodies.findLast((body) => body.entry === entry)
  }

  #check(entry: number): Effect.Effect<void, Trouble> {
    return Effect.suspend(() => {
      const body = this.#newest(entry)!
      const failed = Effect.sync(() => {
        if (body.stage === "under way") body.found.push("failed")
      })
      switch (body.finds) {
        case "passes":
          body.found.push("passed")
          return Effect.void
        case "fails":
          return Effect.andThen(failed, endings["fails:restart"])
        case "hangs":
          return Effect.onInterrupt(Effect.never, () => failed)
      }
    })
  }

  #body(entry: number, name: Name, { runs }: Plan): Effect.Effect<string, Trouble, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { generation } = (yield* Supervisor.current)!
      const plan = runs[generation - 1] ?? quiet
      const body: Body = {
        entry,
        name,
        generation,
        plan,
        beat: yield* Heartbeat.beater,
        stage: "under way",
        shielded: plan.shielded,
        finds: plan.check,
        found: [],
        exit: undefined,
        wake: undefined,
        release: undefined,
        parts: (plan.finalizer === "none" ? 0 : 1) + (plan.child ? 1 : 0)
      }
      const before = this.bodies.find((other) => other.name === name && other.stage !== "over")
      if (before !== undefined) {
        this.broken ??= `run ${generation} of "${name}" began before run ${before.generation} was over`
      }
      this.bodies.push(body)
      if (plan.finalizer !== "none") yield* Effect.addFinalizer(() => this.#finalizer(body))
      if (plan.child) {
        const child = Effect.onInterrupt(Effect.never, () => this.#slowly(body))
        yield* Effect.forkChild(child, { startImmediately: true })
      }
      yield* Effect.onExit(this.#life(body), (exit) =>
        Effect.sync(() => {
          body.exit = exit
          body.stage = body.parts === 0 ? "over" : "closing"
        }))
      return `${entry}#${generation}`
    })
  }

  #life(body: Body): Effect.Effect<void, Trouble> {
    const { opening } = body.plan
    if (opening === "beats" || opening === "pulses") body.beat()
    else if (opening !== "waits") return endings[opening]
    if (opening === "pulses") this.#pulse(body)
    return this.#wait(body)
  }

  #wait(body: Body): Effect.Effect<void, Trouble> {
    const next = Effect.callback<Effect.Effect<void, Trouble> | "again">((resume) => {
      body.wake = (next) => {
        body.wake = undefined
        resume(Effect.succeed(next))
      }
    })
    const once = Effect.flatMap(next, (next) => next === "again" ? Effect.succeed(true) : Effect.as(next, false))
    return Effect.flatMap(
      body.shielded ? Effect.uninterruptible(once) : once,
      (again) => again ? this.#wait(body) : Effect.void
    )
  }

  #pulse(body: Body): void {
    this.agenda.set(this.machine.now + pulse, () => {
      if (body.stage !== "under way") return
      this.beat(body)
      this.#pulse(body)
    })
  }

  beat(body: Body): void {
    this.inputs.push({ _tag: "Beat", run: body })
    body.beat()
  }

  #finalizer(body: Body): Effect.Effect<void> {
    const { finalizer } = body.plan
    const over = Effect.sync(() => this.#partOver(body))
    switch (finalizer) {
      case "none":
        return Effect.void
      case "dies":
        return Effect.andThen(over, Effect.die(new Error("finalizer")))
      case "slow":
        return Effect.andThen(this.#slowly(body, false), over)
      case "slow, then dies":
        return Effect.andThen(Effect.andThen(this.#slowly(body, false), over), Effect.die(new Error("finalizer")))
      case "stuck":
        return Effect.andThen(
          this.#lettingGo && this.#isWaitedForWithoutBound(body) ? this.#slowly(body, false) : this.#stuck(body),
          over
        )
    }
  }

  #stuck(body: Body): Effect.Effect<void> {
    return Effect.callback((resume) => {
      body.release = () => {
        body.release = undefined
        this.inputs.push({ _tag: "PartOver", run: body })
        resume(Effect.void)
      }
    })
  }

  #slowly(body: Body, whole = true): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.agenda.set(this.machine.now + slowness, () => {
        this.inputs.push({ _tag: "PartOver", run: body })
        if (whole) this.#partOver(body)
        resume(Effect.void)
      })
    })
  }

  #partOver(body: Body): void {
    if (--body.parts === 0) body.stage = "over"
  }

  endOf({ entry, generation }: RunId): { readonly body: ReadonlyArray<string>; readonly finalizerDied: boolean } {
    const body = this.bodies.find((body) => body.entry === entry && body.generation === generation)!
    return {
      body: body.exit === undefined || Exit.isSuccess(body.exit) ? [] : describeCause(body.exit.cause),
      finalizerDied: body.plan.finalizer === "dies" || body.plan.finalizer === "slow, then dies"
    }
  }

  found({ entry, generation }: RunId): "passed" | "failed" | undefined {
    return this.bodies.find((body) => body.entry === entry && body.generation === generation)?.found.shift()
  }

  alive(): ReadonlyArray<string> {
    return this.bodies.filter((body) => body.stage !== "over").map((body) => `${body.entry}#${body.generation}`).sort()
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what a history does
  // -----------------------------------------------------------------------------------------------------------------

  act(act: Act): void {
    switch (act._tag) {
      case "Command": {
        const { by, command, task } = act
        const handles = this.#handles.get(task)
        const target = by === "name" ? undefined : by === "handle" ? handles?.at(-1) : handles?.[0]
        const call = ++this.#calls
        this.inputs.push({ _tag: "Command", call, command, name: task, entry: target?.entry })
        return this.#call(call, target === undefined ? this.supervisor[command](task) : target.handle[command])
      }
      case "Add": {
        const call = ++this.#calls
        const entry = ++this.#entries
        this.inputs.push({ _tag: "Add", call, entry, name: act.task })
        return this.#call(
          call,
          this.supervisor.add(this.#task(entry, act.task)),
          (handle) => this.#keep(act.task, entry, handle)
        )
      }
      case "Shutdown": {
        const call = ++this.#calls
        this.inputs.push({ _tag: "Shutdown", call })
        return this.#call(call, this.supervisor.shutdown)
      }
      case "Abandon":
        this.inputs.push({ _tag: "Abandon" })
        for (const caller of this.#callers) caller.interruptUnsafe()
        return
      case "Subscribe":
        return this.read(this.supervisor, act.reads === "all")
      case "Read":
        return this.unstick()
      default: {
        const body = this.bodies.findLast((body) => body.name === act.task)
        if (body !== undefined) this.#poke(act, body)
      }
    }
  }

  #poke(act: Act, body: Body): void {
    switch (act._tag) {
      case "End":
        if (body.wake === undefined) return
        this.inputs.push({ _tag: "BodyOver", run: body })
        return body.wake(endings[act.how])
      case "Beat":
        return this.beat(body)
      case "StaleBeat":
        for (const other of this.bodies) {
          if (other.name === body.name && other !== body) this.beat(other)
        }
        return
      case "Shield":
      case "Unshield":
        if (body.wake === undefined || body.shielded === (act._tag === "Shield")) return
        body.shielded = !body.shielded
        this.inputs.push({ _tag: body.shielded ? "Shielded" : "Unshielded", run: body })
        return body.wake("again")
      case "Finalize":
        return body.release?.()
      case "Check":
        body.finds = act.finds
    }
  }

  #call<A>(call: number, effect: Effect.Effect<A, unknown>, use: (value: A) => void = () => undefined): void {
    this.#callers.push(this.machine.run(effect, (exit) => {
      this.answers.set(call, describeAnswer(exit))
      if (Exit.isSuccess(exit)) use(exit.value)
    }))
  }

  #keep(name: Name, entry: number, handle: Supervisor.TaskHandle<string, Trouble>): void {
    const handles = this.#handles.get(name)
    if (handles === undefined) this.#handles.set(name, [{ entry, handle }])
    else handles.push({ entry, handle })
    this.#await(entry, handle)
  }

  #await(entry: number, handle: Supervisor.TaskHandle<string, Trouble>): void {
    this.waiting.add(entry)
    this.machine.run(handle.await, (exit) => {
      this.waiting.delete(entry)
      this.settled.set(entry, describeSettlement(exit))
    })
  }

  /** Asks all handles again that nobody waits for. */
  awaitAgain(): void {
    for (const handles of this.#handles.values()) {
      for (const { entry, handle } of handles) {
        if (!this.waiting.has(entry)) this.#await(entry, handle)
      }
    }
  }

  read(supervisor: Supervisor.RunningSupervisor, readsAll: boolean): void {
    const reader: Reader = { follower: new Follower(), events: [], followed: 0, readsAll, behind: 0, goOn: undefined }
    this.readers.push(reader)
    const gate = Effect.suspend(() =>
      reader.readsAll ? Effect.void : Effect.callback<void>((resume) => {
        reader.goOn = () => resume(Effect.void)
      })
    )
    const reading = Stream.runForEach(supervisor.events, (event) => {
      reader.events.push(event)
      return gate
    })
    this.machine.run(reading)
  }

  unstick(): void {
    const newest = this.readers[0]!.events.at(-1)!.sequence
    for (const reader of this.readers) {
      if (reader.readsAll) continue
      reader.readsAll = true
      reader.behind = newest - reader.events[0]!.sequence
      reader.goOn!()
    }
  }

  #isWaitedForWithoutBound(body: Body): boolean {
    return this.#history.plans[body.name].stopTimeout === "infinity"
  }

  /** Lets those runs end that would be waited for without bound, or all that still can. */
  letGo(all: boolean): void {
    this.#lettingGo = true
    for (const body of this.bodies) {
      if (body.stage === "over" || !(all || this.#isWaitedForWithoutBound(body))) continue
      this.#poke({ _tag: "Unshield", task: body.name }, body)
      body.release?.()
    }
  }

  /** Closes the scope that the supervisor lives in. */
  close(): void {
    const call = ++this.#calls
    this.inputs.push({ _tag: "Shutdown", call })
    this.#call(call, Scope.close(this.machine.scope, Exit.void))
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what there is to see
  // -----------------------------------------------------------------------------------------------------------------

  look<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.machine.run(effect).pollUnsafe()!
  }

  #describeEnd(exit: Exit.Exit<FinalReport, SupervisorError>): string {
    const error = Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause) as SupervisorError
    const { statuses, unstoppable } = Exit.isSuccess(exit) ? exit.value : error!.report
    return [
      error === undefined ? "ended" : `gave up: ${describeGivingUp(error.reason)}`,
      ...statuses.map((status) => this.describe(status)),
      ...unstoppable.map(({ generation, task }) => `unstoppable ${task}#${generation}`)
    ].join("\n")
  }

  /** The statuses as the model writes them. */
  statuses(): ReadonlyArray<string> | string {
    const exit = this.look(this.supervisor.statuses)
    return Exit.isSuccess(exit) ? exit.value.map((status) => this.describe(status)) : describeAnswer(exit)
  }

  statusOf(name: Name): string {
    const exit = this.look(this.supervisor.status(name))
    return Exit.isSuccess(exit) ? this.describe(exit.value) : describeAnswer(exit)
  }

  describe(status: TaskStatus): string {
    const at = (wall: number) => wall - this.machine.wallOffset
    const failure = status.lastFailure
    return [
      `${status._tag} ${status.task}#${status.generation} attempt ${status.attempt} since ${at(status.since)}`,
      status._tag === "Stopping" && status.overdue ? "overdue" : "",
      status._tag === "Dead" ? status.why : "",
      status._tag === "Failed" && status.restartAt !== undefined ? `restart at ${at(status.restartAt)}` : "",
      failure === undefined ? "" : `failed ${failure.kind} #${failure.generation}`
    ].filter((word) => word !== "").join(", ")
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// what is seen, in the words of the model
// ---------------------------------------------------------------------------------------------------------------------

const ours = ["body", "finalizer", "schedule", "directive"]

const describeCause = (cause: Cause.Cause<unknown>): ReadonlyArray<string> =>
  cause.reasons.map((reason) => {
    switch (reason._tag) {
      case "Fail":
        return `Fail:${reason.error instanceof Trouble ? reason.error.asks : String(reason.error)}`
      case "Die": {
        const message = reason.defect instanceof Error ? reason.defect.message : String(reason.defect)
        return ours.includes(message) ? `Die:${message}` : "Die:verdict"
      }
      case "Interrupt":
        return "Interrupt"
    }
  })

const tagOf = (exit: Exit.Failure<unknown, unknown>): string => {
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const error = Cause.squash(exit.cause)
  return typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)
}

const describeAnswer = (exit: Exit.Exit<unknown, unknown>): string => Exit.isSuccess(exit) ? "ok" : tagOf(exit)

const describeSettlement = (exit: Exit.Exit<string, unknown>): string => {
  if (Exit.isSuccess(exit)) return `success ${exit.value}`
  const error = Cause.squash(exit.cause) as {
    readonly _tag: string
    readonly why: string
    readonly runs: number
    readonly cause: Cause.Cause<unknown>
  }
  return error._tag === "TaskDead"
    ? `TaskDead ${error.why} after ${error.runs}: ${describeCause(error.cause).join(", ")}`
    : tagOf(exit)
}

const describeGivingUp = (reason: SupervisorError["reason"]): string => {
  switch (reason._tag) {
    case "TaskDead":
      return `TaskDead ${reason.task}`
    case "DynamicTaskDead":
      return `DynamicTaskDead ${reason.dead.task}`
    case "TooManyDeadTasks":
      return `TooManyDeadTasks ${reason.dead} of ${reason.total}`
  }
}

/** An event as the model writes it. */
export const describeEvent = (event: SupervisorEvent): string => {
  const about = "task" in event ? `${event._tag} ${event.task}#${event.generation}` : event._tag
  switch (event._tag) {
    case "TaskStarting":
      return `${about} attempt ${event.attempt}`
    case "HeartbeatMissed":
      return `${about} ${event.during}`
    case "TaskFailed":
      return `${about} ${event.failure.kind}`
    case "RestartScheduled":
      return `${about} attempt ${event.attempt} after ${event.delay ?? Number.POSITIVE_INFINITY} ${event.reason}`
    case "TaskStopping":
      return `${about} ${event.because}`
    case "TaskDead":
      return `${about} ${event.why}`
    case "SupervisorClosing":
      return event.failure === undefined ? about : `${about} with failure`
    case "EventsMissed":
      return `${about} ${event.missed}`
    default:
      return about
  }
}
