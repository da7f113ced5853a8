/**
 * Who is stopped and started in order: the list as the supervisor starts, and siblings that a restart takes along.
 */
import type { History, Name } from "./history.ts"
import type { Life } from "./life.ts"
import { isLeaving, isRunning } from "./life.ts"

/** What a line does to those who stand in it. */
interface Hands {
  readonly now: number
  /** In start order. */
  readonly lives: ReadonlyMap<Name, Life>
  readonly stopLined: (life: Life) => void
  readonly startLined: (life: Life) => void
  readonly wait: (life: Life, lead: Life, due: number) => void
}

const atOnce = Number.NEGATIVE_INFINITY

interface Leaving {
  readonly life: Life
  readonly generation: number
  asked: boolean
}

const isAwaited = ({ generation, life }: Leaving): boolean =>
  life.generation === generation && isRunning(life) && !life.overdue

/** What is to run; what is Completed, Stopped or Dead, or about to be by command, is left as it is. */
const goesAlong = (life: Life): boolean => life.lined || (isRunning(life) ? !isLeaving(life) : life.status === "Failed")

export class Line {
  /** The last one is the next to be stopped, or is being stopped. */
  readonly toStop: Array<Leaving> = []
  /** The one that the next one waits for. */
  starting: Life | undefined
  /** Whose restart it is, when that is due, and since when it has been. */
  #lead: Life | undefined
  due = atOnce
  since = 0
  readonly #hands: Hands
  readonly #strategy: History["options"]["strategy"]

  constructor(hands: Hands, strategy: History["options"]["strategy"]) {
    this.#hands = hands
    this.#strategy = strategy
  }

  get #members(): ReadonlyArray<Life> {
    return Array.from(this.#hands.lives.values()).filter(({ lined }) => lined)
  }

  get isOver(): boolean {
    return this.toStop.length === 0 && this.starting === undefined && this.#members.length === 0
  }

  /** The time of a restart is waited for, and nothing else. */
  get isWaiting(): boolean {
    return this.toStop.length === 0 && this.due !== atOnce && this.#members.length > 0
  }

  /** Nobody is started when it comes: all of them still run, or one that came before is not up. */
  get isFutile(): boolean {
    return (this.starting !== undefined && this.#isComing(this.starting)) || this.#members.every(isRunning)
  }

  /** All that are to run are stopped, wait as one, and are started again; a line that is there becomes part of this one. */
  form(lead: Life, due: number): void {
    const { lives, now } = this.#hands
    const all = Array.from(lives.values())
    const from = this.#strategy === "one-for-all" ? 0 : all.indexOf(lead)
    // Who is still to be stopped still is.
    const pending = new Set(this.toStop.filter(isAwaited).map(({ life }) => life))
    const members = all.filter((life, place) => pending.has(life) || life.lined || (place >= from && goesAlong(life)))
    const { starting } = this
    this.#empty()
    this.#lead = lead
    this.due = due > now ? due : atOnce
    this.since = now
    for (const life of members) {
      if (isRunning(life) && !life.overdue) this.toStop.push({ life, generation: life.generation, asked: false })
      if (!goesAlong(life)) continue
      const waitsAlready = life.lined && life.sibling !== undefined && life.restartAt === Math.max(this.due, now)
      // What is temporary is not run again.
      life.lined = life.plan.mode !== "temporary" || life.status === "Created"
      if (life !== lead && life.status === "Failed" && !waitsAlready) this.wait(life)
    }
    // The next one still waits for it, unless it is to be started again itself.
    if (starting?.lined === false) this.starting = starting
  }

  wait(life: Life): void {
    this.#hands.wait(life, this.#lead!, Math.max(this.due, this.#hands.now))
  }

  /** It is not started in its turn. */
  leave(life: Life): void {
    if (!life.lined) return
    life.lined = false
    life.sibling = undefined
    if (this.#lead === life) this.#lead = this.#members[0] ?? life
  }

  /** Somebody asks by hand. */
  hasten(): void {
    this.due = atOnce
  }

  #empty(): void {
    this.toStop.length = 0
    this.starting = undefined
    this.#lead = undefined
    this.due = atOnce
  }

  /** Nothing is started any more. */
  dissolve(): void {
    for (const life of this.#members) life.lined = false
    this.#empty()
  }

  /** Goes on, as far as it does without waiting. */
  advance(): void {
    if (this.isOver) return
    if (!this.#stopAll()) return
    if (this.due > this.#hands.now && this.#members.length > 0) return
    this.due = atOnce
    this.#startAll()
  }

  #stopAll(): boolean {
    for (let last = this.toStop.at(-1); last !== undefined; last = this.toStop.at(-1)) {
      if (isAwaited(last)) {
        if (!last.asked) this.#hands.stopLined(last.life)
        last.asked = true
        return false
      }
      this.toStop.pop()
    }
    return true
  }

  /** The next one waits until this one is up, or is not going to be. */
  #isComing(life: Life): boolean {
    if (life.plan.ready === "begun") return false
    return life.status === "Stopping"
      ? !life.overdue && !isLeaving(life)
      : life.status === "Starting" || life.status === "Failed"
  }

  #startAll(): void {
    while (this.starting === undefined || !this.#isComing(this.starting)) {
      const [next] = this.#members
      this.starting = next
      if (next === undefined) return this.#empty()
      // One that does not end is started when it does, without the others.
      if (isRunning(next)) this.leave(next)
      else this.#hands.startLined(next)
    }
  }
}
