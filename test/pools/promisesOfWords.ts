/**
 * What a pool says: its answers to what it is asked, and its events.
 */
import type { DrainReport } from "effect-supervisor/SlotPool"
import * as Exit from "effect/Exit"
import { Broken } from "../promises/broken.ts"
import { bound } from "../promises/history.ts"
import { told } from "./follower.ts"
import type { Living } from "./living.ts"
import { same } from "./same.ts"
import type { Command, Job, Worker } from "./seen.ts"
import * as Seen from "./seen.ts"
import type { World } from "./world.ts"

const allowed: Readonly<Record<Command["what"], RegExp>> = {
  check: /^succeeded with \d+$|^interrupted$/,
  scale: /^succeeded with \d+$|^interrupted$|^SlotsOutOfRange$|^PoolDraining$|^PoolClosed$|^StoreUnavailable$/,
  drain: /^succeeded|^interrupted$/,
  cancel: /^succeeded|^interrupted$|^JobNotFound$/,
  close: /^succeeded/,
  health: /^succeeded|^interrupted$/
}

/** It died, failed its slot, or was told to end, by a clock perhaps, and may not have yet. */
const mayCostItsSlot = ({ answer, body, exit, interrupted, plan }: Job): boolean =>
  exit?.startsWith("died") === true || (plan.ends === "fails, and its slot with it" && exit !== undefined) ||
  interrupted || exit === "interrupted" || plan.interrupted === "is deaf" || body === "is alive" || answer === undefined

const mayFail = ({ doomed, jobs, plan: { acquire } }: Worker): boolean => {
  const job = jobs.at(-1)
  return doomed || (acquire !== "at once" && acquire !== "slowly") || (job !== undefined && mayCostItsSlot(job))
}

export class PromisesOfWords {
  readonly #world: World
  /** Workers that have put their slots into error. */
  readonly #blamed = new Set<Worker>()
  readonly #judged = new Set<Command>()

  constructor(world: World) {
    this.#world = world
  }

  // -------------------------------------------------------------------------------------------------------------------
  // answers
  // -------------------------------------------------------------------------------------------------------------------

  /** A pool is there at once, unless the store takes its time, or fails. */
  opened({ closingAt, failed, pool, process }: Living): void {
    if (failed === undefined && pool === undefined && closingAt === undefined) throw new Broken("a pool is not opened")
    if (failed === undefined || (failed === "interrupted" && closingAt !== undefined)) return
    if (failed === "StoreUnavailable" && this.#world.store.wellSince(process) >= 0) return
    throw new Broken(`a pool could not be opened: ${failed}`)
  }

  commanded(life: Living): void {
    for (const command of life.commands) {
      if (command.exit === undefined) this.#late(life, command)
      else if (!this.#judged.has(command)) this.#judge(life, command, command.exit)
    }
  }

  #judge(life: Living, command: Command, exit: Exit.Exit<unknown, unknown>): void {
    this.#judged.add(command)
    const { asked, at, what } = command
    const answer = Seen.exit(exit)
    const isWell = this.#world.store.wellSince(life.process) < at
    const isOdd = !allowed[what].test(answer) || (answer === "StoreUnavailable" && isWell)
    if (isOdd) throw new Broken(`${what} ${asked} is answered with ${answer}`)
    if (command === life.drain && command.answeredAt === this.#world.now) this.#drained(life, exit)
    if (what === "scale") this.#scaled(life, command, exit)
  }

  /** So many slots there are, when nobody else scales. */
  #scaled(life: Living, command: Command, exit: Exit.Exit<unknown, unknown>): void {
    const scales = life.commands.filter(({ what }) => what === "scale")
    if (Exit.isFailure(exit) || !life.isOpen || command !== scales.at(-1)) return
    if (scales.some(({ answer }) => answer === undefined || answer === "interrupted")) return
    same("slots after scaling", exit.value, life.look(life.pool!.status).slots.total)
  }

  /** What a drain says it came to is what it came to. */
  #drained(life: Living, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit) || life.jobs.fans > 0 || life.closingAt !== undefined) return
    const { failed, gaveUpOn, slots, succeeded, unstoppable } = exit.value as DrainReport
    const status = life.look(life.pool!.status)
    if (unstoppable.length > 0) return
    same("drained", { ...status.jobs, queued: 0, running: 0, succeeded, failed }, status.jobs)
    const isPlain = this.#world.store.meddledWith.size === 0 && !life.follower.hasRemoved &&
      life.follower.lost.size === 0 && !life.commands.some(({ what }) => what === "scale")
    if (isPlain) same("slots stopped by draining", slots, status.slots.stopped)
    const given = new Set(gaveUpOn.map(({ job }) => job))
    for (const { answer, cancelledAt, id, number } of life.jobs.all) {
      if (id === undefined || cancelledAt !== undefined || given.has(id) === (answer === "JobCancelled")) continue
      throw new Broken(`job ${number} is answered with ${answer}, and draining gave up on ${Array.from(given).join()}`)
    }
  }

  /** Draining and closing end within their bounds. */
  #late(life: Living, { at, what }: Command): void {
    const { drain, options: { storeTimeout }, process } = life
    const stopTimeout = bound(life.options.stopTimeout)
    const isWell = this.#world.store.wellSince(process) < at
    const slots = life.pool === undefined ? 0 : life.look(life.pool.status).slots.total
    const limit = what === "drain"
      // What draining waits for: a pass of the health supervisor, jobs, and workers that all stop at once.
      ? drain!.timeout + 2 * stopTimeout + (isWell ? 0 : 20 * storeTimeout)
      : what === "close"
      // Slots are stopped one after another, and so are the lease and the health supervisor.
      ? (slots + 3) * stopTimeout + (isWell ? 0 : (slots + 3) * 5 * storeTimeout)
      : Number.POSITIVE_INFINITY
    if (this.#world.now > at + limit + process.stood) throw new Broken(`${what} has not ended after ${limit} ms`)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // events
  // -------------------------------------------------------------------------------------------------------------------

  follow(life: Living): void {
    const [first] = life.readers
    if (first === undefined) return
    const { store } = this.#world
    const isExact = store.wellSince(life.process) < 0 && life.process.stood === 0
    for (; first.followed < first.events.length; first.followed++) {
      const event = first.events[first.followed]!
      life.follower.follow(event, store.meddledWith, isExact)
      if (event._tag === "JobLost") this.#isLost(life, event.job)
      if (event._tag === "SlotErrored") this.#isInError(life, event.slot)
      if (event._tag !== "SlotLost" || store.meddledWith.has(event.slot)) continue
      // A pool that can renew its lease keeps what it has, unless it stood still and another one has taken it.
      if (store.wellSince(life.process) >= 0) continue
      if (life.process.stood > 0 && !event.why.startsWith("the lease ran out")) continue
      throw new Broken(`pool ${life.process.number} loses ${event.slot}, and could have kept it: ${event.why}`)
    }
  }

  /** No slot goes into error without a reason, its worker's or that of the last job on it; and none twice for one. */
  #isInError({ workers }: Living, slot: string): void {
    if (this.#world.store.meddledWith.has(slot)) return
    const worker = workers.all.find((worker) => worker.slot === slot && !this.#blamed.has(worker) && mayFail(worker))
    if (worker === undefined) {
      throw new Broken(`${slot} is told to be in error, and nothing has happened to its workers`)
    }
    this.#blamed.add(worker)
  }

  /** A job that is told to be lost is not told to have ended otherwise. */
  #isLost({ jobs }: Living, id: string): void {
    const job = jobs.all.find((job) => job.id === id)
    if (job?.answer === undefined || job.left || job.by === "fanOut" || Seen.stateOf(job.answer) === "lost") return
    throw new Broken(`job ${job.number} is told to be lost, and is answered with ${job.answer}`)
  }

  /** Whoever reads events sees the same as everybody, and learns what it missed. */
  compareReaders({ options: { eventCapacity }, readers }: Living): void {
    const [first] = readers
    if (first === undefined) return
    const { events: all } = first
    for (const reader of readers) {
      for (; reader.followed < reader.events.length; reader.followed++) {
        const event = reader.events[reader.followed]!
        if (event._tag === "PoolSnapshot") same("snapshot", JSON.parse(reader.status), event.status)
        else if (event._tag === "EventsMissed") reader.missed += event.missed
        else same(`event ${event.sequence}`, all[event.sequence - all[0]!.sequence], event)
      }
      // It misses what was more than is kept for it, and not one event besides.
      same("events missed", Math.max(0, reader.behind - eventCapacity), reader.missed)
    }
  }

  /** Who follows the events arrives at what is told to who asks. */
  compareStatus({ follower, look, pool }: Living): void {
    if (this.#world.store.meddledWith.size > 0 || !follower.knows) return
    follower.settle()
    same("what events tell", told(look(pool!.status)), follower.shown)
  }
}
