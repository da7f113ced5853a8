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
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { bound } from "../promises/history.ts"
import { Follower } from "./follower.ts"
import type { Act, History, Options } from "./history.ts"
import { probing } from "./history.ts"
import type { Host } from "./jobs.ts"
import { Jobs } from "./jobs.ts"
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

export class Living implements Host {
  readonly process: Process
  readonly workers: Workers
  readonly options: Options
  readonly jobs: Jobs
  readonly commands: Array<Command> = []
  readonly readers: Array<Reader> = []
  readonly follower: Follower
  pool: Pool | undefined
  /** It could not be opened. */
  failed: string | undefined
  /** When it was told to close, and when it had. */
  closingAt: number | undefined
  closedAt: number | undefined
  drain: Command & { readonly timeout: number } | undefined
  /** Somebody has stopped a slot's worker through the supervisor. */
  stoppedByName = false
  /** What must never be: seen from inside. */
  broken: string | undefined
  readonly #around: Around
  readonly #waiting = new Map<Command, Fiber.Fiber<unknown, unknown>>()
  #opening: Fiber.Fiber<Pool, unknown> | undefined

  constructor(history: History, process: Process, around: Around, nextWorker: () => number) {
    this.process = process
    this.options = history.options
    this.#around = around
    this.follower = new Follower(history.options)
    this.workers = new Workers(history, process, () => around.now, nextWorker, this.breaks)
    this.jobs = new Jobs(this)
    const { machine } = process
    machine.context = Context.add(machine.context, SlotPoolStore.SlotPoolStore, around.store.seenBy(process))
  }

  readonly breaks = (what: string): void => {
    this.broken ??= what
  }

  get now(): number {
    return this.#around.now
  }

  /** It takes no new jobs. */
  get refuses(): boolean {
    return this.closingAt !== undefined || this.drain !== undefined
  }

  /** It is there, and its process is going on. */
  get isThere(): boolean {
    return this.pool !== undefined && this.process.state === "running"
  }

  get isOpen(): boolean {
    return this.isThere && this.closingAt === undefined
  }

  open(): void {
    this.#opening = this.process.machine.run(this.#make(), (exit) => {
      if (Exit.isSuccess(exit)) {
        this.pool = exit.value
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

  /** A job begins on a slot. */
  readonly begins = (job: Job, worker: Worker): void => {
    for (const life of this.#around.lives) {
      const other = life.jobs.all.find((other) => other.body === "is alive" && other.begun?.worker.slot === worker.slot)
      if (other !== undefined) this.#meets(job, life, other)
    }
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

  // -------------------------------------------------------------------------------------------------------------------
  // what a history does
  // -------------------------------------------------------------------------------------------------------------------

  act(act: Act): void {
    const pool = this.pool!
    switch (act._tag) {
      case "Job":
        return this.jobs.hand(act.by, act.plan)
      case "FanOut":
        return this.jobs.fanOut(act)
      case "Cancel": {
        const job = this.jobs.all.filter(({ by, id }) => by === "submit" && id !== undefined).at(-1 - act.which)
        if (job === undefined) return
        if (job.answer === undefined) job.cancelledAt ??= this.#around.now
        return this.#ask("cancel", `of job ${job.number}`, pool.cancel(job.id!))
      }
      case "Leave":
        return this.jobs.leave(act.which)
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
    this.#opening?.interruptUnsafe()
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

  /** What would be waited for without bound ends. */
  letGo(): void {
    this.jobs.letGo()
    this.workers.letGo()
  }

  /** What can be seen at once. */
  readonly look = <A, E>(effect: Effect.Effect<A, E>): A =>
    Effect.runSync(Effect.orDie(this.process.machine.run(effect).pollUnsafe()!))
}

const delayed = RestartPolicy.make({ schedule: Schedule.spaced(300) })
const delayedTwice = RestartPolicy.make({ schedule: Schedule.max([Schedule.spaced(300), Schedule.recurs(2)]) })
