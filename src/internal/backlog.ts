/**
 * First come, first served: for what waits only until the loop has come round, and for lanes without bound.
 */

/** An array that is emptied lets its memory go, and takes new at the next `push`. Room for so many is kept instead. */
const keptRoom = 64

/** Places of what is gone are given up together: so many at least, and as many as still wait. */
const compactedFrom = 1024

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
      if (this.#end > keptRoom) this.#items = []
      this.#next = 0
      this.#end = 0
    } else if (this.#next >= compactedFrom && this.#next >= this.size) {
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

  /** Those that wait, the first one first. */
  waiting(): ReadonlyArray<A> {
    return this.#items.slice(this.#next, this.#end) as Array<A>
  }
}
