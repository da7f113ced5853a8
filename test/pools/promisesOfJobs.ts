/**
 * What is promised of jobs: each is begun at most once, by its turn and in time, ended, and answered with what became of
 * it; and what a pool says of its jobs is so.
 */
import * as Option from "effect/Option"
import { Broken } from "../promises/broken.ts"
import { bound } from "../promises/history.ts"
import type { Living } from "./living.ts"
import { same } from "./same.ts"
import type { Job, Worker } from "./seen.ts"
import * as Seen from "./seen.ts"
import type { World } from "./world.ts"

/** "Longer than" is strict, and clocks count milliseconds. */
const beyond = 1

const assignTimeoutOf = ({ options }: Living, { by, plan: { assignTimeout } }: Job): number =>
  assignTimeout === "the pool's" || by === "fanOut" ? bound(options.assignTimeout) : assignTimeout

const timeoutOf = ({ options }: Living, { by, plan: { timeout } }: Job): number =>
  timeout === "the pool's" || by === "fanOut" ? bound(options.jobTimeout) : timeout

/** Nobody has answered it, and it has not begun. */
const waits = ({ answer, begun, by, refused }: Job): boolean =>
  answer === undefined && begun === undefined && by !== "fanOut" && !refused

export class PromisesOfJobs {
  readonly #world: World
  readonly #judged = new Set<Job>()

  constructor(world: World) {
    this.#world = world
  }

  /** All that a pool was asked was answered at once, nobody else wrote its records, and it is the only one. */
  #isUndisturbed({ follower, process }: Living): boolean {
    const { lives, store } = this.#world
    return store.wellSince(process) < 0 && store.meddledWith.size === 0 && lives.length === 1 &&
      follower.lost.size === 0
  }

  /**
   * When a clock of so many milliseconds rings: not before, and no later than its machine allows. A stall is not held
   * against anybody: where one was, that is known up to twice its time, and the clock may be set anew after it.
   */
  #window({ process }: Living, since: number, millis: number): { readonly earliest: number; readonly latest: number } {
    return { earliest: since + millis, latest: since + millis * (1 + process.stalls) + 2 * process.stood }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // answers
  // -------------------------------------------------------------------------------------------------------------------

  /** Whether the answers that were given may be. */
  judge(life: Living): void {
    for (const job of life.jobs.all) {
      if (job.answer === undefined || this.#judged.has(job)) continue
      this.#judged.add(job)
      this.#judge(life, job, job.answer)
    }
  }

  #judge(life: Living, job: Job, answer: string): void {
    const { begun, exit, number } = job
    const wrong = (why: string): never => {
      throw new Broken(`job ${number} of pool ${life.process.number} is answered with ${answer}: ${why}`)
    }
    if (job.refused) {
      if (answer !== "PoolDraining" && answer !== "PoolClosed") wrong("it came too late")
      return
    }
    const { now } = life.process.machine
    const wasTroubled = this.#world.store.wellSince(life.process) >= 0
    /** Nobody could do anything until now. */
    const isStall = life.process.stood > 0 && life.process.wentOnAt === this.#world.now && !wasTroubled
    /** It ended by itself before this moment of the world. */
    const endedBefore = (moment: number) =>
      job.overAt !== undefined && job.overAt < moment && !job.interrupted && !wasTroubled
    switch (answer) {
      case "NoSlotAvailable": {
        if (begun !== undefined) wrong("it has begun")
        const { earliest, latest } = this.#window(life, job.since, assignTimeoutOf(life, job))
        if (job.by !== "fanOut" && (now < earliest || (now > latest && !wasTroubled))) {
          wrong(`its time is over at ${earliest} ms`)
        }
        return
      }
      case "JobTimedOut": {
        if (begun === undefined) return wrong("it has not begun")
        const { earliest } = this.#window(life, begun.since, timeoutOf(life, job))
        if (now < earliest) wrong(`its time is over at ${earliest} ms`)
        // A fan-out answers when all of it is over: that one's own time may have been over before the process stood still.
        if (isStall && (job.by !== "fanOut" || earliest > now - life.process.stood)) wrong("that was a stall")
        if (endedBefore(begun.at + timeoutOf(life, job))) wrong(`it ${exit}`)
        return
      }
      case "JobSilent": {
        if (begun === undefined) return wrong("it has not begun")
        const { earliest } = this.#window(life, job.lastSign, bound(life.options.jobSilence) + beyond)
        if (now < earliest) wrong(`it has beaten at ${job.lastSign}`)
        if (isStall) wrong("that was a stall")
        if (endedBefore(begun.at + bound(life.options.jobSilence))) wrong(`it ${exit}`)
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
        if (!this.#canBeLost(life, begun.worker)) wrong(`nothing has happened to worker ${begun.worker.number}`)
        if (endedBefore(this.#world.now) && job.by !== "fanOut") wrong(`it ${exit}`)
        return
      case "PoolClosed":
        if (life.closingAt === undefined) return wrong("it is open")
        if (endedBefore(life.closingAt)) wrong(`it ${exit}`)
        return
      case "interrupted":
        if (job.left || (job.plan.ends === "interrupts itself" && exit === "interrupted")) return
        return wrong("nobody has interrupted it")
      default:
        if (exit !== answer) wrong(`it ${exit ?? "has not ended"}`)
    }
  }

  #canBeLost(life: Living, { doomed, slot }: Worker): boolean {
    return doomed || life.follower.lost.has(slot) || this.#world.store.meddledWith.has(slot)
  }

  /** Whoever waits for the answer to a job has a reason to. */
  answered(life: Living): void {
    for (const job of life.jobs.all) {
      if (job.answer !== undefined || job.by === "fanOut") continue
      const why = this.#missing(life, job)
      if (why !== undefined) {
        throw new Broken(`job ${job.number} of pool ${life.process.number} is not answered: ${why}`)
      }
    }
  }

  #missing(life: Living, job: Job): string | undefined {
    const { begun, body, cancelledAt, exit, lastSign, refused, since } = job
    if (refused) return "it came too late"
    if (body === "is over") return `it ${exit}`
    if (life.closedAt !== undefined) return "the pool is closed"
    const { now } = life.process.machine
    if (begun === undefined) {
      if (cancelledAt !== undefined) return "it was cancelled, and waited"
      if (life.closingAt !== undefined) return "the pool closes, and it waited"
      if (life.follower.drained) return "the pool was drained"
      return now >= this.#window(life, since, assignTimeoutOf(life, job)).latest ? "no slot came in time" : undefined
    }
    const { jobSilence, stopTimeout } = life.options
    if (now >= this.#window(life, begun.since, timeoutOf(life, job)).latest) return "its time is over"
    if (now >= this.#window(life, lastSign, bound(jobSilence) + beyond).latest) return "it was silent"
    if (begun.worker.ended) return `worker ${begun.worker.number} has ended`
    if (cancelledAt !== undefined && job.endsAtOnce) return "it was cancelled"
    if (begun.worker.state !== "held") return `worker ${begun.worker.number} is ${begun.worker.state}`
    return cancelledAt !== undefined && this.#world.now >= this.#window(life, cancelledAt, bound(stopTimeout)).latest
      ? "it was cancelled"
      : undefined
  }

  // -------------------------------------------------------------------------------------------------------------------
  // turns and counts
  // -------------------------------------------------------------------------------------------------------------------

  /** First come, first served, and each finds what the one before has left. */
  firstServed(life: Living): void {
    if (!this.#isUndisturbed(life)) return
    const first = life.jobs.all.find(waits)
    const overtaking = first &&
      life.jobs.all.find(({ begun, by, number }) => begun !== undefined && by !== "fanOut" && number > first.number)
    if (overtaking !== undefined) throw new Broken(`job ${overtaking.number} begins before job ${first!.number}`)
    for (const { jobs } of life.workers.all) {
      let session: unknown
      for (const { begun, number, plan } of jobs) {
        same(`what job ${number} finds in its slot`, session, begun!.session)
        if (plan.session !== "kept") session = plan.session === "left" ? number : undefined
      }
    }
  }

  countsAddUp(life: Living): void {
    const { completed, jobs } = life.look(life.pool!.status)
    if (life.jobs.fans > 0) return
    const mine = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, lost: 0, unassigned: 0 }
    let left = 0
    for (const job of life.jobs.all) {
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
    if (this.#isUndisturbed(life) && !life.follower.hasRemoved) same("jobs that ended well", jobs.succeeded, completed)
  }

  /** What a pool says of the jobs that were submitted is what became of them. */
  compareList(life: Living): void {
    const infos = new Map(life.look(life.pool!.list()).map((info) => [info.id, info]))
    const submitted = life.jobs.all.filter(({ by, refused }) => by === "submit" && !refused)
    let kept = 0
    for (const { answer, begun, id, number } of submitted) {
      const info = id === undefined ? undefined : infos.get(id)
      if (info === undefined) {
        if (answer === undefined) throw new Broken(`job ${number} is not listed`)
        continue
      }
      infos.delete(info.id)
      if (answer !== undefined) kept++
      const running = begun === undefined ? "Queued" : "Running"
      same(`state of job ${number}`, answer === undefined ? running : Seen.listed(Seen.stateOf(answer)), info.state)
      const result = Option.map(life.look(life.pool!.result(info.id)), Seen.exit)
      same(`result of job ${number}`, answer, Option.getOrUndefined(result))
      if (begun !== undefined) same(`slot of job ${number}`, begun.worker.slot, info.slot)
    }
    if (infos.size > 0) {
      throw new Broken(`jobs are listed that nobody has submitted: ${Array.from(infos.keys()).join()}`)
    }
    const ended = submitted.filter(({ answer }) => answer !== undefined).length
    same("jobs kept after their end", Math.min(life.options.keepJobs, ended), kept)
  }
}
