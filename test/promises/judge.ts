/**
 * Listens to what a supervisor tells, and judges what time alone brings about: verdicts, bounds, restarts, stability.
 * When a deadline is carried out is not predicted: it is told, and must lie in the window that the promises leave. In a
 * history without stalls the window is a single moment.
 */
import { Broken } from "./broken.ts"
import type { History, Name } from "./history.ts"
import { bound } from "./history.ts"
import type { Life } from "./life.ts"
import { isUnderWay, startupTimeout } from "./life.ts"
import type { Model } from "./model.ts"

/** When nothing could be observed. */
export interface Stall {
  readonly from: number
  readonly to: number
}

interface Window {
  readonly earliest: number
  readonly latest: number
}

interface Deadline extends Window {
  /** The event that tells it. */
  readonly tag: string
  readonly fall: () => void
}

/** "Longer than" is strict, and clocks count milliseconds. */
const beyond = 1

export class Judge {
  readonly #history: History
  readonly #model: Model
  readonly #stalls: ReadonlyArray<Stall>

  constructor(history: History, model: Model, stalls: ReadonlyArray<Stall>) {
    this.#history = history
    this.#model = model
    this.#stalls = stalls
  }

  /** Something has been told of its tasks. */
  #hasBegun = false

  /**
   * The supervisor tells this: it must be next, or due, or follow from what the task's run has told. What must be told
   * comes in one order for all tasks.
   */
  hear(of: Name | "", line: string): void {
    const model = this.#model
    const next = model.toTell[0]
    if (next === undefined) {
      this.#findCause(of, line)
      return this.hear(of, line)
    }
    if (next.of !== of || next.line !== line) {
      if (!this.#hasBegun && model.isAskedToEnd && line === "SupervisorClosing") {
        model.startNothing()
        return this.hear(of, line)
      }
      throw new Broken(`"${line}" was told, "${next.line}" should have been`)
    }
    this.#hasBegun = true
    model.toTell.shift()
  }

  #findCause(of: Name | "", line: string): void {
    const model = this.#model
    // As soon as the supervisor turns to anything, those who wait together for a time that has come wait no longer.
    if (this.#isLineDue) return model.consider()
    if (of === "") return this.#findOwnCause(line)
    const life = model.lives.get(of)
    if (life === undefined) throw new Broken(`"${line}" was told without a reason`)
    if (!model.attend(life)) this.#falls(life, line)
  }

  /** Those who wait together for a time that has come may all run still: then nothing is told of it. */
  goOnInSilence(): void {
    if (this.#isLineDue && this.#model.line.isFutile) this.#model.consider()
  }

  get #isLineDue(): boolean {
    const { line: { due, isWaiting }, now } = this.#model
    return isWaiting && due <= now
  }

  /** The end of a pause is told, and so is a restart that is one too many. */
  #findOwnCause(line: string): void {
    const model = this.#model
    const due = this.#resume()
    if (due?.tag === line) return this.#fall(due, line)
    if (model.isAskedToEnd && line === "SupervisorClosing") return model.obey()
    const [asked] = model.answered()
    if (asked === undefined) throw new Broken(`"${line}" was told without a reason`)
    model.attend(asked)
  }

  #falls(life: Life, line: string): void {
    const model = this.#model
    const due = this.#deadlines(life).find(({ tag }) => line.startsWith(`${tag} `))
    if (due === undefined || (model.now < due.earliest && this.#mayHurry())) {
      if (this.#mayHurry()) return model.hurry()
      if (!model.probe(life)) throw new Broken(`"${line}" was told without a reason`)
      return model.consider()
    }
    this.#fall(due, line)
  }

  #fall(due: Deadline, line: string): void {
    const { now } = this.#model
    if (now < due.earliest || now > due.latest) {
      throw new Broken(`"${line}" was told outside of ${due.earliest} to ${due.latest} ms`)
    }
    due.fall()
    this.#model.consider()
  }

  /**
   * The supervisor has come to rest: nothing it should have told is missing. At the end of a moment, nothing that is
   * due in it is left undone.
   */
  atRest(momentIsOver: boolean): void {
    const model = this.#model
    const lives = Array.from(model.lives.values())
    for (const life of lives) {
      model.attend(life)
      while (model.probe(life)) model.consider()
    }
    this.goOnInSilence()
    for (const { line } of model.toTell) throw new Broken(`"${line}" should have been told`)
    if (model.closed) return
    if (model.isAskedToEnd) throw new Broken("SupervisorClosing should have been told")
    if (momentIsOver && this.#mayHurry()) throw new Broken("the shutdownTimeout is over")
    const dues = [
      ...lives.flatMap((life) =>
        this.#deadlines(life).map(({ latest, tag }) => ({ latest, what: `${tag} ${life.name}#${life.generation}` }))
      ),
      ...[this.#resume()].flatMap((due) => due === undefined ? [] : [{ latest: due.latest, what: due.tag }]),
      ...this.#line()
    ]
    for (const { latest, what } of dues) {
      if (latest < model.now || (momentIsOver && latest === model.now)) {
        throw new Broken(`"${what}" was due at ${latest} ms`)
      }
    }
  }

  #resume(): Deadline | undefined {
    const { bearing } = this.#model
    if (bearing.paused === undefined) return undefined
    const { since, until } = bearing.paused
    return { tag: "RestartsResumed", ...this.#late(since, until - since), fall: () => bearing.resume() }
  }

  /** Those who wait together. */
  #line(): ReadonlyArray<{ readonly latest: number; readonly what: string }> {
    const { line: { due, isWaiting, since } } = this.#model
    return isWaiting ? [{ latest: this.#late(since, due - since).latest, what: "the restart of siblings" }] : []
  }

  /** The bound on stopping everything is over, and nothing has been made of it yet. */
  #mayHurry(): boolean {
    const { closing, hurriedAt, now } = this.#model
    if (closing === undefined || hurriedAt !== undefined) return false
    return this.#late(closing.since, bound(this.#history.options.shutdownTimeout)).earliest <= now
  }

  #deadlines(life: Life): ReadonlyArray<Deadline> {
    const all = [this.#verdict(life), this.#stopBound(life), this.#stable(life), this.#restart(life)]
    return all.filter((deadline) => deadline !== undefined)
  }

  #verdict(life: Life): Deadline | undefined {
    if (!isUnderWay(life)) return undefined
    const model = this.#model
    const { heartbeat } = life.plan
    const missed = () => model.verdict(life, "HeartbeatMissed", life.status === "Starting" ? "startup" : "run")
    if (model.isStartup(life)) {
      return {
        tag: "HeartbeatMissed",
        ...this.#fairly(life.lastSign, startupTimeout(life.plan)! + beyond),
        fall: missed
      }
    }
    const grace = this.#fairly(0, this.#history.options.initialDelay)
    if (heartbeat._tag === "Manual") {
      const silence = this.#fairly(life.lastSign, heartbeat.within + beyond)
      return { tag: "HeartbeatMissed", ...laterOf(silence, grace), fall: missed }
    }
    if (heartbeat._tag === "Probe" && life.failedProbes >= heartbeat.failures) {
      const found = { earliest: life.probedAt, latest: life.probedAt }
      return { tag: "ProbeFailed", ...laterOf(found, grace), fall: () => model.verdict(life, "ProbeFailed") }
    }
    return undefined
  }

  #stopBound(life: Life): Deadline | undefined {
    if (life.status !== "Stopping" || life.overdue) return undefined
    const { hurriedAt } = this.#model
    const window = hurriedAt === undefined
      ? this.#fairly(life.since, life.stopBound)
      : { earliest: hurriedAt, latest: hurriedAt }
    return { tag: "TaskUnstoppable", ...window, fall: () => this.#model.overdue(life) }
  }

  #stable(life: Life): Deadline | undefined {
    if (life.status !== "Healthy" || life.attempt === 0) return undefined
    const window = this.#late(life.since, bound(life.plan.stableAfter) + beyond)
    return { tag: "TaskStable", ...window, fall: () => this.#model.forgetAttempts(life) }
  }

  #restart(life: Life): Deadline | undefined {
    // Where siblings are taken along, they wait as one.
    if (this.#history.options.strategy !== "one-for-one") return undefined
    if (life.status !== "Failed" || life.restartAt === undefined) return undefined
    const model = this.#model
    const window = this.#late(life.since, life.restartAt - life.since)
    const tag = model.bearing.heldUntil() > model.now ? "RestartHeld" : "TaskStarting"
    return model.closing === undefined
      ? { tag, ...window, fall: () => model.restartDue(life) }
      : { tag: "TaskDead", ...window, fall: () => this.#model.dead(life, "ShutDown") }
  }

  /** Carried out when the clock wakes the supervisor: late, if the clock was. */
  #late(since: number, millis: number): Window {
    const slept = this.#stalls.reduce((sum, { from, to }) => to > since ? sum + to - from : sum, 0)
    return { earliest: since + millis, latest: since + millis + slept + this.#history.options.lateness }
  }

  /**
   * Held against a run: the time in which nothing could be observed does not count. Where a stall began is known up to
   * the interval at which the supervisor looks, and that much more may be given away.
   */
  #fairly(since: number, millis: number): Window {
    const { interval, lateness } = this.#history.options
    const lost = this.#stalls.reduce((sum, { from, to }) => sum + Math.max(0, to - Math.max(from, since)), 0)
    const given = (interval + lateness) * this.#stalls.filter(({ to }) => to > since - interval).length
    return { earliest: since + millis + lost, latest: since + millis + lost + given + lateness }
  }
}

const laterOf = (one: Window, other: Window): Window => ({
  earliest: Math.max(one.earliest, other.earliest),
  latest: Math.max(one.latest, other.latest)
})
