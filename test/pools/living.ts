/**
 * A pool that lives in a process, with observers everywhere: in its workers and jobs, at its commands, beside its events.
 */
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as SlotPool from "effect-supervisor/SlotPool"
import type { SlotPoolEvent } from "effect-supervisor/SlotPoolEvent"
import * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { bound } from "../promises/history.ts"
import { Follower } from "./follower.ts"
import type { Act, History, JobPlan, Options, OwnPlan } from "./history.ts"
import { probing, slowness } from "./history.ts"
import type { Process } from "./processes.ts"
import type { Command, Job, Worker } from "./seen.ts"
import * as Seen from "./seen.ts"
import type { SharedStore } from "./store.ts"
import { Workers } from "./workers.ts"

/** What of the world a pool's life needs to know. */
interface Around {
  readonly now: number
  readonly store: SharedStore
  readonly lives: ReadonlyArray<Living>
}

type Pool = SlotPool.SlotPool<Worker>

export interface Reader {
  readonly events: Array<SlotPoolEvent>
  readonly status: string
  followed: number
  /** It has read all there is; a stuck one has not, */
  readsAll: boolean
  /** and was that far behind when it went on. */
  behind: number
  missed: number
  goOn: (() => void) | undefined
}

export class Living {
  readonly process: Process
  readonly workers: Workers
  readonly options: Options
  /** In the order in which they were handed in. */
  readonly jobs: Array<Job> = []
  readonly commands: Array<Command> = []
  readonly readers: Array<Reader> = []
  readonly follower: Follower
  pool: Pool | undefined
  openedAt = 0
  /** It could not be opened. */
  failed: string | undefined
  /** When it was told to close, and when it had. */
  closingAt: number | undefined
  closedAt: number | undefined
  drain: Command & { readonly timeout: number } | undefined
  /** Somebody has stopped a slot's worker through the supervisor. */
  stoppedByName = false
  /** Runs of jobs by `fanOut` that are not over: how many of them there are is not known. */
  fans = 0
  /** What must never be: seen from inside. */
  broken: string | undefined
  readonly #around: Around
  readonly #waiting = new Map<Command, Fiber.Fiber<unknown, unknown>>()
  readonly #callers = new Map<Job, Fiber.Fiber<unknown, unknown>>()

  constructor(history: History, process: Process, around: Around, nextWorker: () => number) {
    this.process = process
    this.options = history.options
    this.#around = around
    this.follower = new Follower(bound(history.options.maxRestarts))
    this.workers = new Workers(history, process, () => around.now, nextWorker, (what) => this.breaks(what))
    const { machine } = process
    machine.context = machine.context.pipe(
      Context.add(SlotPoolStore.SlotPoolStore, around.store.seenBy(process)),
      Context.add(Random.Random, chanceOf(process.number))
    )
  }

  breaks(what: string): void {
    this.broken ??= what
  }

  /** It is there, and its process is going on. */
  get isThere(): boolean {
    return this.pool !== undefined && this.process.state === "running"
  }

  get isOpen(): boolean {
    return this.isThere && this.closingAt === undefined
  }

  open(): void {
    this.process.machine.run(this.#make(), (exit) => {
      if (Exit.isSuccess(exit)) {
        this.pool = exit.value
        this.openedAt = this.#around.now
        this.follower.begin(this.look(exit.value.status), this.#around.store.records())
        this.read("all")
      } else {
        this.failed = Seen.exit(exit)
        this.close()
      }
    })
  }

  #make(): Effect.Effect<Pool, unknown, Scope.Scope> {
    const { health, jobTimeout, maxRestarts, probe, restart, slots, stopTimeout, ...options } = this.options
    const { workers } = this
    return SlotPool.make({
      ...options,
      slots,
      maxRestarts: bound(maxRestarts),
      jobTimeout,
      stopTimeout,
      ...(restart === "at once" ? {} : { restart: restart === "after 300" ? delayed : delayedTwice }),
      supervisor: health === "none" ? {} : { enabled: true, interval: health },
      acquire: (slot) => workers.acquire(slot.slot),
      watch: (worker) => workers.watch(worker),
      slotFailure: (error) => error instanceof Seen.Trouble && error.ofSlot,
      ...(probe === "none" ? {} : {
        probe: (worker: Worker) => workers.probe(worker),
        probing: { schedule: Schedule.spaced(probing.every), timeout: probing.timeout, failures: probe }
      })
    })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // jobs
  // -------------------------------------------------------------------------------------------------------------------

  #job(by: Job["by"], plan: OwnPlan): Job {
    const job: Job = {
      number: this.jobs.length + 1,
      by,
      plan,
      since: this.process.machine.now,
      at: this.#around.now,
      refused: by !== "fanOut" && (this.closingAt !== undefined || this.drain !== undefined),
      id: undefined,
      begun: undefined,
      body: "waits",
      exit: undefined,
      overAt: undefined,
      answer: undefined,
      cancelledAt: undefined,
      left: false,
      interrupted: false
    }
    this.jobs.push(job)
    return job
  }

  #optionsOf({ assignTimeout, timeout }: OwnPlan): SlotPool.RunOptions {
    return {
      ...(timeout === "the pool's" ? {} : { timeout }),
      ...(assignTimeout === "the pool's" ? {} : { assignTimeout })
    }
  }

  #answered(job: Job, exit: Exit.Exit<unknown, unknown>): void {
    const answer = Seen.exit(exit)
    if (job.answer !== undefined) this.breaks(`job ${job.number} is answered twice: ${job.answer}, ${answer}`)
    job.answer = answer
    this.#callers.delete(job)
  }

  /** Hands a job in, as somebody in this process does. */
  hand(by: "run" | "submit", plan: JobPlan): void {
    const { machine } = this.process
    const job = this.#job(by, plan)
    const body = this.#body(job, plan)
    const options = this.#optionsOf(plan)
    if (by === "submit") {
      machine.run(this.#submit(job, body, options))
      return
    }
    const caller = machine.run(this.pool!.run(body, options), (exit) => this.#answered(job, exit))
    if (job.answer === undefined) this.#callers.set(job, caller)
  }

  #submit(job: Job, body: SlotPool.Job<Worker, SlotPool.SlotConfig, number, Seen.Trouble, never>, options: object) {
    const pool = this.pool!
    return Effect.matchCause(pool.submit(body, options), {
      onFailure: (cause) => this.#answered(job, Exit.failCause(cause)),
      onSuccess: (id) => {
        job.id = id
        // In a fiber of its own: whoever submitted it may be gone.
        this.process.machine.run(pool.await(id), (exit) => this.#answered(job, exit))
      }
    })
  }

  fanOut(act: Act & { readonly _tag: "FanOut" }): void {
    const { concurrency, plans } = act
    const jobs: Array<Job> = []
    this.fans++
    const all = this.pool!.fanOut(
      plans,
      (worker, plan, context) =>
        Effect.suspend(() => {
          const job = this.#job("fanOut", plan)
          jobs[plans.indexOf(plan)] = job
          return this.#body(job, { ...plan, nested: "none", inner: plan })(worker, context)
        }),
      concurrency === "the pool's" ? {} : { concurrency }
    )
    this.process.machine.run(all, (exit) => {
      this.fans--
      if (Exit.isFailure(exit)) return this.breaks(`fanOut failed: ${Seen.exit(exit)}`)
      if (exit.value.length !== plans.length) return this.breaks(`fanOut gave ${exit.value.length} results`)
      for (const [index, one] of exit.value.entries()) {
        const job = jobs[index] ?? this.#job("fanOut", plans[index]!)
        this.#answered(job, one)
        job.refused = job.begun === undefined && (job.answer === "PoolDraining" || job.answer === "PoolClosed")
      }
    })
  }

  #body(job: Job, plan: JobPlan): SlotPool.Job<Worker, SlotPool.SlotConfig, number, Seen.Trouble, never> {
    return (worker, context) =>
      Effect.suspend(() => {
        this.#begins(job, worker, context)
        const inner = this.#nested(plan)
        const life = Effect.flatMap(inner, () => this.#life(job))
        return Effect.onExit(life, (exit) =>
          Effect.sync(() => {
            job.body = "is over"
            job.exit = Seen.exit(exit)
            job.overAt = this.#around.now
          }))
      })
  }

  #begins(job: Job, worker: Worker, context: SlotPool.JobContext): void {
    const { number } = job
    if (job.begun !== undefined) return this.breaks(`job ${number} is run twice`)
    if (job.answer !== undefined) this.breaks(`job ${number} begins after it was answered with ${job.answer}`)
    if (job.refused) this.breaks(`job ${number} begins, and came too late`)
    if (worker.state !== "held") {
      this.breaks(`job ${number} begins on worker ${worker.number}, which is ${worker.state}`)
    }
    if (worker.slot !== context.slot.slot) this.breaks(`job ${number} is told another slot than its worker has`)
    for (const life of this.#around.lives) {
      const other = life.jobs.find((other) => other.body === "is alive" && other.begun?.worker.slot === worker.slot)
      if (other !== undefined) this.#meets(job, life, other)
    }
    job.begun = { worker, since: this.process.machine.now, at: this.#around.now }
    job.body = "is alive"
    job.id ??= context.id
  }

  /** A job begins on a slot that another one runs on. */
  #meets(job: Job, life: Living, other: Job): void {
    if (life !== this) {
      if (life.process.state === "gone" || this.#around.store.meddledWith.has(other.begun!.worker.slot)) return
      // Nothing can be promised for one that does not end when it is told to,
      if (other.plan.interrupted !== "ends") return
      // or stands still when its lease runs out.
      if (this.#mayBeLate(life) || this.#mayBeLate(this)) return
    }
    const of = life === this ? "" : ` of pool ${life.process.number}`
    this.breaks(`job ${job.number} begins on ${other.begun!.worker.slot}, and so does job ${other.number}${of}`)
  }

  /** It stands still, or did so lately: it can't have seen that its lease is over. */
  #mayBeLate({ options: { lease }, process }: Living): boolean {
    const { now, store } = this.#around
    if (process.state === "standing" || process.next <= now || process.stood >= lease / 2) return true
    return process.stood > 0 && process.wentOnAt + lease > now && store.wellSince(process) >= 0
  }

  #nested({ inner, nested }: JobPlan): Effect.Effect<unknown> {
    if (nested === "none") return Effect.void
    return Effect.suspend(() => {
      const job = this.#job(nested === "runs" ? "run" : "submit", inner)
      const body = this.#body(job, { ...inner, nested: "none", inner })
      const options = this.#optionsOf(inner)
      if (nested === "submits") return this.#submit(job, body, options)
      const run = Effect.onInterrupt(Effect.exit(this.pool!.run(body, options)), () =>
        Effect.sync(() => {
          job.left = true
          job.cancelledAt ??= this.#around.now
          this.#answered(job, Exit.interrupt())
        }))
      return Effect.map(run, (exit) => this.#answered(job, exit))
    })
  }

  #life(job: Job): Effect.Effect<number, Seen.Trouble> {
    const { number, plan: { ends, interrupted, takes } } = job
    const end: Effect.Effect<number, Seen.Trouble> = ends === "succeeds"
      ? Effect.succeed(number)
      : ends === "fails" || ends === "fails, and its slot with it"
      ? Effect.fail(new Seen.Trouble({ job: number, ofSlot: ends !== "fails" }))
      : ends === "dies"
      ? Effect.die(new Error(String(number)))
      : Effect.interrupt
    const wait = takes === 0 ? Effect.void : this.#wait(takes, job)
    switch (interrupted) {
      case "ends":
        return Effect.andThen(wait, end)
      case "lingers":
        return Effect.andThen(Effect.onInterrupt(wait, () => this.#wait(slowness, undefined)), end)
      case "is deaf":
        return Effect.uninterruptible(Effect.andThen(wait, end))
    }
  }

  readonly #stuck = new Set<() => void>()

  #wait(millis: number | "for ever", job: Job | undefined): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const { agenda } = this.process
      const done = () => resume(Effect.void)
      if (millis === "for ever") this.#stuck.add(done)
      const alarm = millis === "for ever" ? undefined : agenda.set(this.#around.now + millis, done)
      return Effect.sync(() => {
        this.#stuck.delete(done)
        if (job !== undefined) job.interrupted = true
        if (alarm !== undefined) agenda.cancel(alarm)
      })
    })
  }

  /** What would be waited for without bound ends. */
  letGo(): void {
    for (const done of this.#stuck) done()
    this.workers.letGo()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // what a history does
  // -------------------------------------------------------------------------------------------------------------------

  act(act: Act): void {
    const pool = this.pool!
    switch (act._tag) {
      case "Job":
        return this.hand(act.by, act.plan)
      case "FanOut":
        return this.fanOut(act)
      case "Cancel": {
        const job = this.jobs.filter(({ by, id }) => by === "submit" && id !== undefined).at(-1 - act.which)
        if (job === undefined) return
        if (job.answer === undefined) job.cancelledAt ??= this.#around.now
        return this.#ask("cancel", `of job ${job.number}`, pool.cancel(job.id!))
      }
      case "Leave": {
        const [job, caller] = Array.from(this.#callers).at(-1 - act.which) ?? []
        if (job === undefined) return
        job.cancelledAt ??= this.#around.now
        job.left = true
        return caller!.interruptUnsafe()
      }
      case "Check":
        return this.#ask("check", "", pool.checkAndRestartSlots)
      case "Health":
        return this.#ask(
          "health",
          act.is,
          Effect.flatMap(
            pool.startSupervisor,
            (handle) => act.is === "stopped" && handle._tag === "Some" ? handle.value.stop : Effect.void
          )
        )
      case "Scale":
        return this.#ask(
          "scale",
          `${act.how} ${act.count}`,
          act.how === "up"
            ? pool.scaleUp(act.count)
            : act.how === "down"
            ? pool.scaleDown(act.count)
            : pool.setTargetSlots(act.count)
        )
      case "Drain": {
        const command = this.#command("drain", String(act.timeout))
        this.drain ??= Object.assign(command, { timeout: bound(act.timeout) })
        return this.#run(command, pool.drain({ timeout: act.timeout }))
      }
      case "Abandon":
        for (const [{ what }, caller] of Array.from(this.#waiting)) if (what !== "close") caller.interruptUnsafe()
        return
      case "Subscribe":
        return this.read(act.reads)
      case "Read":
        // Everybody else has read what there is by then.
        this.process.machine.rest()
        return this.unstick()
      case "Kill": {
        const worker = this.workers.held().at(-1 - act.which)
        if (worker === undefined) return
        worker.doomed = true
        this.stoppedByName = true
        this.process.machine.run(pool.supervisor[act.command](worker.slot))
        return
      }
      case "Close":
        return this.close()
      case "Crash":
      case "Probe":
      case "Acquire":
        return this.workers.act(act)
    }
  }

  #command(what: Command["what"], asked: string): Command {
    const command = { what, asked, at: this.#around.now, answer: undefined, answeredAt: undefined, exit: undefined }
    this.commands.push(command)
    return command
  }

  #run(command: Command, effect: Effect.Effect<unknown, unknown, Scope.Scope>): void {
    const caller = this.process.machine.run(effect, (exit) => {
      this.#waiting.delete(command)
      command.answer = Seen.exit(exit)
      command.answeredAt = this.#around.now
      command.exit = exit
      if (command.what === "close") this.closedAt = this.#around.now
    })
    if (command.answer === undefined) this.#waiting.set(command, caller)
  }

  #ask(what: Command["what"], asked: string, effect: Effect.Effect<unknown, unknown>): void {
    this.#run(this.#command(what, asked), effect)
  }

  /** Closes the scope that the pool lives in. */
  close(): void {
    if (this.closingAt !== undefined) return
    this.closingAt = this.#around.now
    this.#run(this.#command("close", ""), Scope.close(this.process.machine.scope, Exit.void))
  }

  read(reads: "all" | "nothing"): void {
    const reader: Reader = {
      events: [],
      status: JSON.stringify(this.look(this.pool!.status)),
      followed: 0,
      readsAll: reads === "all",
      behind: 0,
      missed: 0,
      goOn: undefined
    }
    this.readers.push(reader)
    const gate = Effect.suspend(() =>
      reader.readsAll ? Effect.void : Effect.callback<void>((resume) => {
        reader.goOn = () => resume(Effect.void)
      })
    )
    this.process.machine.run(Stream.runForEach(this.pool!.events, (event) => {
      reader.events.push(event)
      return gate
    }))
  }

  unstick(): void {
    const newest = this.readers[0]?.events.at(-1)?.sequence
    for (const reader of this.readers) {
      if (reader.readsAll) continue
      reader.readsAll = true
      reader.behind = newest! - reader.events[0]!.sequence
      reader.goOn!()
    }
  }

  look<A, E>(effect: Effect.Effect<A, E>): A {
    return Effect.runSync(Effect.orDie(this.process.machine.run(effect).pollUnsafe()!))
  }
}

const delayed = RestartPolicy.make({ schedule: Schedule.spaced(300) })
const delayedTwice = RestartPolicy.make({ schedule: Schedule.max([Schedule.spaced(300), Schedule.recurs(2)]) })

/** Owners differ from process to process, and not from run to run. */
const chanceOf = (number: number): typeof Random.Random.Service => {
  let drawn = number * 1000
  return { nextIntUnsafe: () => ++drawn, nextDoubleUnsafe: () => (++drawn % 997) / 997 }
}
