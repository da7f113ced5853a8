/**
 * The jobs of a pool: handed in, begun, ended and answered as a history says, with observers everywhere.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import type * as SlotPool from "effect-supervisor/SlotPool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Act, JobPlan, OwnPlan } from "./history.ts"
import { pulse, slowness } from "./history.ts"
import type { Process } from "./processes.ts"
import type { Job, Worker } from "./seen.ts"
import * as Seen from "./seen.ts"

/** The pool that they are handed to, as they know it. */
export interface Host {
  readonly process: Process
  readonly now: number
  readonly pool: SlotPool.SlotPool<Worker> | undefined
  /** It takes no new jobs. */
  readonly refuses: boolean
  readonly breaks: (what: string) => void
  /** A job begins on a slot. */
  readonly begins: (job: Job, worker: Worker) => void
}

type Body = SlotPool.Job<Worker, SlotPool.SlotConfig, number, Seen.Trouble, never>

const alone = (plan: OwnPlan): JobPlan => ({ ...plan, first: "nothing", inner: plan })

const optionsOf = ({ assignTimeout, timeout }: OwnPlan): SlotPool.RunOptions => ({
  ...(timeout === "the pool's" ? {} : { timeout }),
  ...(assignTimeout === "the pool's" ? {} : { assignTimeout })
})

export class Jobs {
  /** In the order in which they were handed in. */
  readonly all: Array<Job> = []
  /** Runs of jobs by `fanOut` that are not over: how many of their jobs there are is not known. */
  fans = 0
  readonly #host: Host
  readonly #callers = new Map<Job, Fiber.Fiber<unknown, unknown>>()
  readonly #stuck = new Set<() => void>()

  constructor(host: Host) {
    this.#host = host
  }

  #job(by: Job["by"], plan: JobPlan): Job {
    const { now, process: { machine }, refuses } = this.#host
    const job: Job = {
      number: this.all.length + 1,
      by,
      plan,
      endsAtOnce: plan.interrupted === "ends" && plan.first !== "asks for a pass" &&
        (plan.first !== "runs another" || plan.inner.interrupted === "ends"),
      since: machine.now,
      at: now,
      refused: by !== "fanOut" && refuses,
      id: undefined,
      begun: undefined,
      lastSign: 0,
      body: "waits",
      exit: undefined,
      overAt: undefined,
      answer: undefined,
      cancelledAt: undefined,
      left: false,
      interrupted: false
    }
    this.all.push(job)
    return job
  }

  #answered(job: Job, exit: Exit.Exit<unknown, unknown>): void {
    const answer = Seen.exit(exit)
    if (job.answer !== undefined) this.#host.breaks(`job ${job.number} is answered twice: ${job.answer}, ${answer}`)
    job.answer = answer
    this.#callers.delete(job)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // handing in
  // -------------------------------------------------------------------------------------------------------------------

  /** Hands a job in, as somebody in this process does. */
  hand(by: "run" | "submit", plan: JobPlan): void {
    const { pool, process: { machine } } = this.#host
    const job = this.#job(by, plan)
    if (by === "submit") {
      machine.run(this.#submit(job, plan))
      return
    }
    const caller = machine.run(pool!.run(this.#body(job, plan), optionsOf(plan)), (exit) => this.#answered(job, exit))
    if (job.answer === undefined) this.#callers.set(job, caller)
  }

  #submit(job: Job, plan: JobPlan): Effect.Effect<void> {
    const { pool, process: { machine } } = this.#host
    return Effect.matchCause(pool!.submit(this.#body(job, plan), optionsOf(plan)), {
      onFailure: (cause) => this.#answered(job, Exit.failCause(cause)),
      onSuccess: (id) => {
        job.id = id
        // In a fiber of its own: whoever submitted it may be gone.
        machine.run(pool!.await(id), (exit) => this.#answered(job, exit))
      }
    })
  }

  fanOut({ concurrency, plans }: Act & { readonly _tag: "FanOut" }): void {
    const { breaks, pool, process: { machine } } = this.#host
    const jobs: Array<Job> = []
    this.fans++
    const all = pool!.fanOut(
      plans,
      (worker, plan, context) =>
        Effect.suspend(() => {
          const job = this.#job("fanOut", alone(plan))
          jobs[plans.indexOf(plan)] = job
          return this.#body(job, alone(plan))(worker, context)
        }),
      concurrency === "the pool's" ? {} : { concurrency }
    )
    machine.run(all, (exit) => {
      this.fans--
      if (Exit.isFailure(exit)) return breaks(`fanOut failed: ${Seen.exit(exit)}`)
      if (exit.value.length !== plans.length) return breaks(`fanOut gave ${exit.value.length} results`)
      for (const [index, one] of exit.value.entries()) {
        const job = jobs[index] ?? this.#job("fanOut", alone(plans[index]!))
        this.#answered(job, one)
        job.refused = job.begun === undefined && (job.answer === "PoolDraining" || job.answer === "PoolClosed")
      }
    })
  }

  /** What a job does first. */
  #first(job: Job, worker: Worker, { first, inner }: JobPlan): Effect.Effect<unknown> {
    const { pool, process: { machine } } = this.#host
    switch (first) {
      case "nothing":
        return Effect.void
      case "submits another":
        return Effect.suspend(() => this.#submit(this.#job("submit", alone(inner)), alone(inner)))
      case "runs another":
        return Effect.suspend(() => this.#runs(this.#job("run", alone(inner)), alone(inner)))
      case "asks for a pass":
        return pool!.checkAndRestartSlots
      case "ends its worker":
        return Effect.sync(() => worker.crash?.("ends"))
      case "cancels itself":
        return Effect.sync(() => {
          if (job.by !== "submit") return
          job.cancelledAt ??= this.#host.now
          machine.run(pool!.cancel(job.id!))
        })
    }
  }

  #runs(job: Job, plan: JobPlan): Effect.Effect<unknown> {
    const left = Effect.sync(() => {
      job.left = true
      job.cancelledAt ??= this.#host.now
      this.#answered(job, Exit.interrupt())
    })
    const run = this.#host.pool!.run(this.#body(job, plan), optionsOf(plan))
    return Effect.map(Effect.onInterrupt(Effect.exit(run), () => left), (exit) => this.#answered(job, exit))
  }

  /** Whoever runs a job, counted from the newest, is interrupted. */
  leave(which: number): void {
    const [job, caller] = Array.from(this.#callers).at(-1 - which) ?? []
    if (job === undefined) return
    job.cancelledAt ??= this.#host.now
    job.left = true
    caller!.interruptUnsafe()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // work
  // -------------------------------------------------------------------------------------------------------------------

  #body(job: Job, plan: JobPlan): Body {
    return (worker, context) =>
      Effect.suspend(() => {
        this.#begins(job, worker, context)
        const life = Effect.flatMap(this.#signs(job, context), () => this.#first(job, worker, plan)).pipe(
          Effect.flatMap(() => this.#life(job))
        )
        return Effect.onExit(life, (exit) =>
          Effect.sync(() => {
            job.body = "is over"
            job.exit = Seen.exit(exit)
            job.overAt = this.#host.now
            if (job.exit === "interrupted" && job.plan.ends !== "interrupts itself") job.interrupted = true
          }))
      })
  }

  #begins(job: Job, worker: Worker, { id, session, slot: { slot } }: SlotPool.JobContext): void {
    const { begins, breaks, now, process } = this.#host
    const { number } = job
    if (job.begun !== undefined) return breaks(`job ${number} is run twice`)
    if (job.answer !== undefined) breaks(`job ${number} begins after it was answered with ${job.answer}`)
    if (job.refused) breaks(`job ${number} begins, and came too late`)
    if (job.cancelledAt !== undefined) breaks(`job ${number} begins after it was cancelled`)
    if (worker.state !== "held") breaks(`job ${number} begins on worker ${worker.number}, which is ${worker.state}`)
    if (worker.slot !== slot) breaks(`job ${number} is told another slot than its worker has`)
    begins(job, worker)
    job.begun = { worker, since: process.machine.now, at: now, session }
    job.lastSign = process.machine.now
    job.body = "is alive"
    job.id ??= id
    worker.jobs.push(job)
  }

  /** What it leaves for the next one, and how it shows that it is alive. */
  #signs(job: Job, context: SlotPool.JobContext): Effect.Effect<void> {
    const { beats, session } = job.plan
    const left = session === "kept"
      ? Effect.void
      : context.setSession(session === "left" ? job.number : undefined)
    if (beats === "never") return left
    return Effect.flatMap(left, () =>
      Effect.map(Heartbeat.beater, (beat) => {
        const { agenda, machine } = this.#host.process
        const next = (more: number) => {
          agenda.set(this.#host.now + pulse, () => {
            if (job.body === "is over" && (beats === "while it is alive" || more === 0)) return
            beat()
            // Those of a job that is over count for nobody.
            if (job.body === "is alive") job.lastSign = machine.now
            next(job.body === "is alive" ? more : more - 1)
          })
        }
        next(5)
      }))
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

  #wait(millis: number | "for ever", job: Job | undefined): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const { agenda } = this.#host.process
      const done = () => resume(Effect.void)
      if (millis === "for ever") this.#stuck.add(done)
      const alarm = millis === "for ever" ? undefined : agenda.set(this.#host.now + millis, done)
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
  }
}
