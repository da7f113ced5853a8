/**
 * What a pool promises, looked at whenever everything has come to rest.
 */
import type { DrainReport } from "effect-supervisor/SlotPool"
import type { SlotRecord } from "effect-supervisor/SlotPoolStore"
import * as Exit from "effect/Exit"
import { Broken } from "../promises/broken.ts"
import { bound } from "../promises/history.ts"
import { told } from "./follower.ts"
import type { Living } from "./living.ts"
import type { Command, Job, Worker } from "./seen.ts"
import * as Seen from "./seen.ts"
import type { World } from "./world.ts"

const same = (what: string, promised: unknown, seen: unknown): void => {
  const [one, other] = [promised, seen].map((value) => JSON.stringify(value, undefined, 1))
  if (one !== other) throw new Broken(`${what}: promised is ${one}, seen was ${other}`)
}

export class Promises {
  readonly #world: World
  readonly #judged = new Set<Job | Command>()
  /** Since when a slot in error could have been put back to work. */
  readonly #restartable = new Map<string, number>()
  /** Since when there are slots that nobody owns, and a pool would. */
  readonly #free = new Map<Living, number>()

  constructor(world: World) {
    this.#world = world
  }

  atRest(): void {
    for (const life of this.#world.lives) {
      if (life.broken !== undefined) throw new Broken(`pool ${life.process.number}: ${life.broken}`)
      if (life.process.state !== "running") continue
      this.#workers(life)
      this.#events(life)
      for (const job of life.jobs) this.#judge(life, job)
      // What is due, and has not been done yet, is nobody's fault; nor is what the store has not answered.
      if (life.process.next <= this.#world.now || this.#world.store.inFlight(life.process) > 0) continue
      for (const job of life.jobs) this.#answered(life, job)
      for (const command of life.commands) this.#commanded(life, command)
      if (!life.isOpen) continue
      this.#worksWhileJobsWait(life)
      this.#firstServed(life)
      this.#countsAddUp(life)
      this.#records(life)
      this.#restarts(life)
      this.#takesOver(life)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // jobs
  // -------------------------------------------------------------------------------------------------------------------

  /**
   * When a clock of so many milliseconds rings: not before, and no later than its machine allows. A stall is not held
   * against anybody, and how long it was is known up to twice its time.
   */
  #window(life: Living, since: number, millis: number): { readonly earliest: number; readonly latest: number } {
    return { earliest: since + millis, latest: since + millis + 2 * life.process.stood }
  }

  #assignTimeout(life: Living, { by, plan: { assignTimeout } }: Job): number {
    return assignTimeout === "the pool's" || by === "fanOut" ? bound(life.options.assignTimeout) : assignTimeout
  }

  #timeout(life: Living, { by, plan: { timeout } }: Job): number {
    return timeout === "the pool's" || by === "fanOut" ? bound(life.options.jobTimeout) : timeout
  }

  /** Whether its answer is one that it may be given. */
  #judge(life: Living, job: Job): void {
    const { answer, begun, exit, number } = job
    if (answer === undefined || this.#judged.has(job)) return
    this.#judged.add(job)
    const wrong = (why: string): never => {
      throw new Broken(`job ${number} of pool ${life.process.number} is answered with ${answer}: ${why}`)
    }
    const { now } = life.process.machine
    if (job.refused) {
      if (answer !== "PoolDraining" && answer !== "PoolClosed") wrong("it came too late")
      return
    }
    const wasTroubled = this.#world.store.wellSince(life.process) >= 0
    /** It ended by itself before this moment. */
    const endedBefore = (moment: number) =>
      job.overAt !== undefined && job.overAt < moment && !job.interrupted && !wasTroubled
    switch (answer) {
      case "NoSlotAvailable": {
        if (begun !== undefined) wrong("it has begun")
        const { earliest, latest } = this.#window(life, job.since, this.#assignTimeout(life, job))
        if (job.by !== "fanOut" && (now < earliest || (now > latest && !wasTroubled))) {
          wrong(`its time is over at ${earliest} ms`)
        }
        return
      }
      case "JobTimedOut": {
        if (begun === undefined) return wrong("it has not begun")
        const { earliest } = this.#window(life, begun.since, this.#timeout(life, job))
        if (now < earliest) wrong(`its time is over at ${earliest} ms`)
        if (endedBefore(begun.at + this.#timeout(life, job))) wrong(`it ${exit}`)
        return
      }
      case "JobCancelled": {
        const at = Math.min(job.cancelledAt ?? Number.POSITIVE_INFINITY, life.drain?.at ?? Number.POSITIVE_INFINITY)
        if (at === Number.POSITIVE_INFINITY) wrong("nobody has cancelled it")
        if (endedBefore(at)) wrong(`it ${exit}`)
        return
      }
      case "JobLost":
        if (begun === undefined) return wrong("it has not begun")
        if (!begun.worker.doomed && !life.follower.lost.has(begun.worker.slot) && !this.#isMeddledWith(begun.worker)) {
          wrong(`nothing has happened to worker ${begun.worker.number}`)
        }
        if (endedBefore(this.#world.now) && job.by !== "fanOut") wrong(`it ${exit}`)
        return
      case "PoolClosed":
        if (life.closingAt === undefined) wrong("it is open")
        if (life.closingAt !== undefined && endedBefore(life.closingAt)) wrong(`it ${exit}`)
        return
      case "interrupted":
        if (job.left || (job.plan.ends === "interrupts itself" && job.exit === "interrupted")) return
        return wrong("nobody has interrupted it")
      default:
        if (job.left && exit !== answer) wrong("its caller was interrupted")
        if (exit !== answer) wrong(`it ${exit ?? "has not ended"}`)
    }
  }

  #isMeddledWith(worker: Worker): boolean {
    return this.#world.store.meddledWith.has(worker.slot)
  }

  /** Whoever waits for the answer to a job has a reason to. */
  #answered(life: Living, job: Job): void {
    const { begun, body, cancelledAt, number } = job
    if (job.answer !== undefined || job.by === "fanOut") return
    const missing = (why: string): never => {
      throw new Broken(`job ${number} of pool ${life.process.number} is not answered: ${why}`)
    }
    if (job.refused) missing("it came too late")
    if (body === "is over") missing(`it ${job.exit}`)
    if (life.closedAt !== undefined) missing("the pool is closed")
    const { now } = life.process.machine
    if (begun === undefined) {
      if (cancelledAt !== undefined) missing("it was cancelled, and waited")
      if (life.closingAt !== undefined) missing("the pool closes, and it waited")
      if (life.follower.drained) missing("the pool was drained")
      if (now >= this.#window(life, job.since, this.#assignTimeout(life, job)).latest) missing("no slot came in time")
      return
    }
    if (now >= this.#window(life, begun.since, this.#timeout(life, job)).latest) missing("its time is over")
    if (begun.worker.state !== "held") missing(`worker ${begun.worker.number} is ${begun.worker.state}`)
    const stopTimeout = bound(life.options.stopTimeout)
    if (cancelledAt !== undefined) {
      if (this.#world.now >= this.#window(life, cancelledAt, stopTimeout).latest) missing("it was cancelled")
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // workers and slots
  // -------------------------------------------------------------------------------------------------------------------

  #workers(life: Living): void {
    for (const worker of life.workers.all) {
      if (worker.released > 1) throw new Broken(`worker ${worker.number} was released ${worker.released} times`)
    }
    for (const { begun, body, number } of life.jobs) {
      if (body !== "is alive" || begun!.worker.state === "held") continue
      throw new Broken(`job ${number} is alive on worker ${begun!.worker.number}, which is ${begun!.worker.state}`)
    }
  }

  #isBusy(life: Living, worker: Worker): boolean {
    return life.jobs.some(({ begun, body }) => body === "is alive" && begun?.worker === worker)
  }

  /** No worker rests while a job waits. */
  #worksWhileJobsWait(life: Living): void {
    const waiting = life.jobs.find(({ answer, begun, by, refused }) =>
      answer === undefined && begun === undefined && by !== "fanOut" && !refused
    )
    if (waiting === undefined) return
    const resting = life.workers.held().find((worker) => !this.#isBusy(life, worker))
    if (resting === undefined) return
    throw new Broken(`job ${waiting.number} waits, and worker ${resting.number} on ${resting.slot} has nothing to do`)
  }

  /** First come, first served: as far as a store that takes its time, and slots that are taken away, allow. */
  #firstServed(life: Living): void {
    const { lives, store } = this.#world
    if (store.wellSince(life.process) >= 0 || store.meddledWith.size > 0) return
    if (lives.length > 1 || life.follower.lost.size > 0) return
    const jobs = life.jobs.filter(({ by, refused }) => by !== "fanOut" && !refused)
    const first = jobs.find(({ answer, begun }) => answer === undefined && begun === undefined)
    const overtaking = first && jobs.find(({ begun, number }) => begun !== undefined && number > first.number)
    if (overtaking !== undefined) throw new Broken(`job ${overtaking.number} begins before job ${first!.number}`)
  }

  #countsAddUp(life: Living): void {
    const { completed, jobs, slots } = life.look(life.pool!.status)
    same(
      "slots in total",
      slots.total,
      slots.idle + slots.busy + slots.errored + slots.exhausted + slots.stopped + slots.foreign
    )
    if (life.fans > 0) return
    const mine = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, lost: 0, unassigned: 0 }
    let left = 0
    for (const job of life.jobs) {
      if (job.refused) continue
      if (job.answer === undefined) mine[job.begun === undefined ? "queued" : "running"]++
      // Whoever left is told nothing of it.
      else if (job.left) left++
      else mine[Seen.stateOf(job.answer)]++
    }
    for (const [state, count] of Object.entries(jobs)) {
      const more = count - mine[state as keyof typeof mine]
      if (more < 0 || more > left) same("jobs", mine, jobs)
      left -= more
    }
    if (left !== 0) same("jobs", mine, jobs)
    const isPlain = this.#world.lives.length === 1 && this.#world.store.meddledWith.size === 0 &&
      life.follower.lost.size === 0 && !life.follower.hasRemoved
    if (isPlain) same("jobs that ended well", jobs.succeeded, completed)
  }

  /** It stood still for so long that others may have its slots, and may not have seen it yet. */
  #mayBeLate({ options: { lease, storeTimeout }, process }: Living): boolean {
    return process.stood >= lease / 2 && this.#world.now <= process.wentOnAt + lease / 3 + 2 * storeTimeout
  }

  /** The store says what the pool does. */
  #records(life: Living): void {
    const pool = life.pool!
    const { store } = this.#world
    const status = life.look(pool.status)
    if (store.meddledWith.size > 0 || status.degraded !== undefined || this.#mayBeLate(life)) return
    // What was claimed, and not answered, is claimed again at the next renewal.
    const soon = life.options.lease / 3 + 1
    if (status.slots.foreign > 0 && this.#world.now <= store.wellSince(life.process) + soon) return
    // A slot that was lost on its way out is not claimed again.
    if (status.slots.foreign > 0 && life.follower.lost.size > 0 && life.commands.some(({ what }) => what === "scale")) {
      return
    }
    const counts = { idle: 0, busy: 0, errored: 0, exhausted: 0, stopped: 0 }
    const maxRestarts = bound(life.options.maxRestarts)
    for (const record of store.records()) {
      if (record.owner !== pool.owner) continue
      const { restarts, slot, state } = record
      const alive = life.workers.alive().filter((worker) => worker.slot === slot)
      const under = life.jobs.find(({ answer, begun, body, by }) =>
        begun?.worker.slot === slot && (by === "fanOut" ? body === "is alive" : answer === undefined)
      )
      if (life.follower.drained && state !== "Stopped") {
        throw new Broken(`${slot} is ${state}, and the pool was drained`)
      }
      switch (state) {
        case "Idle":
          counts.idle++
          if (alive.length === 0) throw new Broken(`${slot} is Idle, and has no worker`)
          break
        case "Busy":
          counts.busy++
          if (under === undefined) throw new Broken(`${slot} is Busy, and has no job`)
          if (record.job !== under.id) {
            throw new Broken(`${slot} is Busy with ${record.job}, and job ${under.number} is ${under.id}`)
          }
          break
        case "Errored":
          if (record.exhausted === true || restarts >= maxRestarts) counts.exhausted++
          else counts.errored++
          break
        case "Stopped":
          counts.stopped++
      }
      if (restarts > maxRestarts) throw new Broken(`${slot} was put back to work ${restarts} times`)
      const resting = alive.find((worker) =>
        (worker.state === "held" && !this.#isBusy(life, worker)) || worker.state === "being acquired"
      )
      if ((state === "Errored" || state === "Stopped") && resting !== undefined) {
        throw new Broken(`${slot} is ${state}, and worker ${resting.number} is ${resting.state}`)
      }
    }
    const { foreign, total, ...seen } = status.slots
    same("slots by state, as the store has them", counts, seen)
  }

  /** How many slots a pass puts back to work, by what the store has; nothing where that can't be said. */
  restartable(life: Living): ReadonlyArray<SlotRecord> | undefined {
    const { now, store } = this.#world
    const { pool, process } = life
    // What somebody stopped by its name stays so.
    if (life.stoppedByName) return undefined
    if (pool === undefined || !life.isOpen || process.lag > 0 || store.meddledWith.size > 0) return undefined
    if (store.isInTrouble(process) || store.inFlight(process) > 0 || process.next <= now) return undefined
    if (life.commands.some(({ answer, what }) => answer === undefined && what !== "cancel")) return undefined
    if (life.drain !== undefined && !life.follower.drained) return undefined
    const { degraded, draining } = life.look(pool.status)
    if (degraded !== undefined) return undefined
    const maxRestarts = bound(life.options.maxRestarts)
    if (draining) return []
    return store.records().filter(({ dueAt, exhausted, owner, restarts, slot, state }) =>
      owner === pool.owner && state === "Errored" && exhausted !== true && restarts < maxRestarts &&
      (dueAt === undefined || dueAt <= process.machine.currentTimeMillisUnsafe()) &&
      !life.workers.alive().some((worker) => worker.slot === slot)
    )
  }

  /** The health supervisor, where there is one, puts everything back to work within its interval. */
  #restarts(life: Living): void {
    const { health } = life.options
    const isStopped = life.commands.some(({ asked, what }) => what === "health" && asked === "stopped")
    const { now } = this.#world
    const of = `of pool ${life.process.number}`
    const keys = (health === "none" || isStopped ? [] : this.restartable(life) ?? []).map(({ slot, version }) =>
      `${slot} (${version}) ${of}`
    )
    for (const key of Array.from(this.#restartable.keys())) {
      if (key.endsWith(of) && !keys.includes(key)) this.#restartable.delete(key)
    }
    for (const key of keys) {
      const since = this.#restartable.get(key)
      if (since === undefined) this.#restartable.set(key, now)
      else if (health !== "none" && now - since > health + life.process.stood) {
        throw new Broken(`${key} is in error since ${since} ms, and could be put back to work`)
      }
    }
  }

  /** What nobody owns any more is taken over soon. */
  #takesOver(life: Living): void {
    const { now, store } = this.#world
    const { lease } = life.options
    const pool = life.pool!
    const soon = lease / 3 + 1
    if (store.meddledWith.size > 0 || life.process.stood > 0 || life.drain !== undefined) return
    const taken = store.records().filter(({ owner }) =>
      owner !== undefined && owner !== pool.owner && (store.leases.get(owner) ?? 0) > now - soon
    )
    const { foreign } = life.look(pool.status).slots
    if (foreign <= taken.length) {
      this.#free.delete(life)
      return
    }
    const since = Math.max(this.#free.get(life) ?? now, store.wellSince(life.process))
    this.#free.set(life, since)
    if (now > since + soon) {
      throw new Broken(`since ${since} ms ${foreign} slots are not the pool's, and ${taken.length} are others'`)
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // commands and events
  // -------------------------------------------------------------------------------------------------------------------

  #commanded(life: Living, command: Command): void {
    const { answer, asked, at, what } = command
    if (answer === undefined) return this.#late(life, command)
    if (this.#judged.has(command)) return
    this.#judged.add(command)
    const isWell = this.#world.store.wellSince(life.process) < at
    const allowed: Readonly<Record<Command["what"], RegExp>> = {
      check: /^succeeded with \d+$|^interrupted$/,
      scale: /^succeeded with \d+$|^interrupted$|^SlotsOutOfRange$|^PoolDraining$|^PoolClosed$|^StoreUnavailable$/,
      drain: /^succeeded|^interrupted$/,
      cancel: /^succeeded|^interrupted$|^JobNotFound$/,
      close: /^succeeded/,
      health: /^succeeded|^interrupted$/
    }
    if (command === life.drain && command.answeredAt === this.#world.now && command.exit !== undefined) {
      this.#drained(life, command.exit)
    }
    const isOdd = !allowed[what].test(answer) || (answer === "StoreUnavailable" && isWell)
    if (isOdd) throw new Broken(`${what} ${asked} is answered with ${answer}`)
  }

  /** What a drain says it came to is what it came to. */
  #drained(life: Living, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit) || life.fans > 0 || life.closingAt !== undefined) return
    const { failed, gaveUpOn, slots, succeeded, unstoppable } = exit.value as DrainReport
    const status = life.look(life.pool!.status)
    if (unstoppable.length > 0) return
    same("drained", { ...status.jobs, queued: 0, running: 0, succeeded, failed }, status.jobs)
    const isPlain = this.#world.store.meddledWith.size === 0 && !life.follower.hasRemoved &&
      life.follower.lost.size === 0 && !life.commands.some(({ what }) => what === "scale")
    if (isPlain) same("slots stopped by draining", slots, status.slots.stopped)
    const given = new Set(gaveUpOn.map(({ job }) => job))
    for (const { answer, cancelledAt, id, number } of life.jobs) {
      if (id === undefined || cancelledAt !== undefined) continue
      if (given.has(id) !== (answer === "JobCancelled")) {
        throw new Broken(
          `job ${number} is answered with ${answer}, and draining gave up on ${Array.from(given).join()}`
        )
      }
    }
  }

  /** Draining and closing end within their bounds. */
  #late(life: Living, command: Command): void {
    const { at, what } = command
    const { process, options: { storeTimeout } } = life
    const stopTimeout = bound(life.options.stopTimeout)
    const isWell = this.#world.store.wellSince(process) < at
    const slots = life.pool === undefined ? 0 : life.look(life.pool.status).slots.total
    const limit = what === "drain"
      // What draining waits for: a pass of the health supervisor, jobs, and workers that all stop at once.
      ? life.drain!.timeout + 2 * stopTimeout + (isWell ? 0 : 20 * storeTimeout)
      : what === "close"
      // Slots are stopped one after another, and so are the lease and the health supervisor.
      ? (slots + 3) * stopTimeout + (isWell ? 0 : (slots + 3) * 5 * storeTimeout)
      : Number.POSITIVE_INFINITY
    if (this.#world.now > at + limit + process.stood) throw new Broken(`${what} has not ended after ${limit} ms`)
  }

  #events(life: Living): void {
    const [first] = life.readers
    if (first === undefined) return
    const { store } = this.#world
    for (; first.followed < first.events.length; first.followed++) {
      const event = first.events[first.followed]!
      life.follower.follow(event, store.meddledWith)
      if (event._tag === "JobLost") this.#isLost(life, event.job)
      if (event._tag !== "SlotLost" || store.meddledWith.has(event.slot)) continue
      // A pool that can renew its lease keeps what it has, unless it stood still and another one has taken it.
      if (store.wellSince(life.process) >= 0) continue
      if (life.process.stood > 0 && !event.why.startsWith("the lease ran out")) continue
      throw new Broken(`pool ${life.process.number} loses ${event.slot}, and could have kept it: ${event.why}`)
    }
  }

  /** A job that is told to be lost is not told to have ended otherwise. */
  #isLost({ jobs }: Living, id: string): void {
    const job = jobs.find((job) => job.id === id)
    if (job?.answer === undefined || job.left || job.by === "fanOut" || Seen.stateOf(job.answer) === "lost") return
    throw new Broken(`job ${job.number} is told to be lost, and is answered with ${job.answer}`)
  }

  /** Whoever reads events sees the same as everybody, and the same as who asks for the status. */
  compareEvents(life: Living): void {
    const [first] = life.readers
    if (first === undefined) return
    for (const reader of life.readers) {
      for (; reader.followed < reader.events.length; reader.followed++) {
        const event = reader.events[reader.followed]!
        if (event._tag === "PoolSnapshot") {
          same("snapshot", JSON.parse(reader.status), event.status)
          continue
        }
        if (event._tag === "EventsMissed") {
          reader.missed += event.missed
          continue
        }
        same(`event ${event.sequence}`, first.events[event.sequence - first.events[0]!.sequence], event)
      }
    }
    // It misses what was more than is kept for it, and not one event besides.
    for (const { behind, missed } of life.readers) {
      same("events missed", Math.max(0, behind - life.options.eventCapacity), missed)
    }
    if (!life.isOpen || life.process.next <= this.#world.now) return
    if (this.#world.store.inFlight(life.process) > 0 || this.#world.store.meddledWith.size > 0) return
    if (!life.follower.knows) return
    same("what events tell", told(life.look(life.pool!.status)), life.follower.shown)
  }

  /** What a pool says of the jobs that were submitted is what became of them. */
  compareJobs(life: Living): void {
    if (!life.isThere || this.#world.store.inFlight(life.process) > 0 || life.process.next <= this.#world.now) return
    const pool = life.pool!
    const infos = new Map(life.look(pool.list()).map((info) => [info.id, info]))
    let ended = 0
    for (const job of life.jobs) {
      const { answer, id, number } = job
      if (job.by !== "submit" || id === undefined) continue
      const info = infos.get(id)
      infos.delete(id)
      if (answer !== undefined) ended++
      if (info === undefined) {
        if (answer === undefined) throw new Broken(`job ${number} is not listed`)
        ended--
        continue
      }
      const state = answer !== undefined
        ? Seen.listed(Seen.stateOf(answer))
        : job.begun === undefined
        ? "Queued"
        : "Running"
      same(`state of job ${number}`, state, info.state)
      if (job.begun !== undefined) same(`slot of job ${number}`, job.begun.worker.slot, info.slot)
    }
    if (infos.size > 0) {
      throw new Broken(`jobs are listed that nobody has submitted: ${Array.from(infos.keys()).join()}`)
    }
    const submitted = life.jobs.filter((job) => job.by === "submit" && !job.refused && job.answer !== undefined).length
    same("jobs kept after their end", Math.min(life.options.keepJobs, submitted), ended)
  }
}
