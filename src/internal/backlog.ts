/**
 * First come, first served, for what is empty again after every few: an array that is emptied lets its memory go, and
 * takes new at the next `push`.
 */

/** Room for so many is kept; there may be many supervisors. */
const kept = 64

/** What waits, in the order in which it came. */
export class Backlog<A> {
  #items: Array<A | undefined> = []
  #next = 0
  #end = 0

  get isEmpty(): boolean {
    return this.#next === this.#end
  }

  push(item: A): void {
    this.#items[this.#end++] = item
  }

  shift(): A | undefined {
    if (this.#next === this.#end) return undefined
    const item = this.#items[this.#next]
    this.#items[this.#next++] = undefined
    if (this.#next === this.#end) {
      if (this.#end > kept) this.#items = []
      this.#next = 0
      this.#end = 0
    }
    return item
  }

  /** Those that wait, the first one first. */
  waiting(): ReadonlyArray<A> {
    return this.#items.slice(this.#next, this.#end) as Array<A>
  }
}
