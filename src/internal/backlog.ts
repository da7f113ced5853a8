/**
 * First come, first served. An array that is emptied lets its memory go, and takes new at the next `push`: for what is
 * empty again after every few that is most of the work.
 */

/** Room for so many is kept; there may be many supervisors. */
const kept = 64

/** So many places of those that are gone are given up together, once they are as many as those that wait. */
const gone = 1024

/** What waits, in the order in which it came. */
export class Backlog<A> {
  #items: Array<A | undefined> = []
  #next = 0
  #end = 0

  get size(): number {
    return this.#end - this.#next
  }

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
    } else if (this.#next >= gone && this.#next >= this.size) {
      this.#items = this.#items.slice(this.#next, this.#end)
      this.#end = this.size
      this.#next = 0
    }
    return item
  }

  clear(): void {
    this.#items = []
    this.#next = 0
    this.#end = 0
  }

  /** How much room it takes. */
  get room(): number {
    return this.#items.length
  }

  /** Those that wait, the first one first. */
  waiting(): ReadonlyArray<A> {
    return this.#items.slice(this.#next, this.#end) as Array<A>
  }
}
