/**
 * How many restarts a supervisor bears, and what it makes of one too many.
 */
import type { History, Name } from "./history.ts"

interface Hands {
  readonly now: number
  readonly tellOf: (of: Name | "", line: string) => void
}

export class Bearing {
  /** No restart begins until then, and since when. */
  paused: { readonly since: number; readonly until: number } | undefined
  #restarts: Array<number> = []
  readonly #hands: Hands
  readonly #options: History["options"]

  constructor(hands: Hands, options: History["options"]) {
    this.#hands = hands
    this.#options = options
  }

  /** Takes note of a restart. Whether the supervisor goes on with it. */
  bears(): boolean {
    const { intensity } = this.#options
    const { now } = this.#hands
    if (intensity === "none" || this.paused !== undefined) return true
    const { restarts, whenExceeded, within } = intensity
    this.#restarts = [...this.#restarts.filter((at) => now - at <= within), now]
    if (this.#restarts.length <= restarts) return true
    if (whenExceeded === "giveUp") return false
    this.paused = { since: now, until: now + within }
    this.#hands.tellOf("", `RestartsPaused until ${now + within}`)
    return true
  }

  resume(): void {
    this.paused = undefined
    this.#restarts = []
    this.#hands.tellOf("", "RestartsResumed")
  }

  /** When a restart may begin at the earliest: after a pause not all at once. */
  heldUntil(): number {
    const { chance, intensity } = this.#options
    const { now } = this.#hands
    return intensity === "none" || this.paused === undefined || now >= this.paused.until
      ? now
      : Math.ceil(this.paused.until + chance * intensity.within / 4)
  }
}
