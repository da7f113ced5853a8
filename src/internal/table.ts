/**
 * What is found by a number, where numbers are given out one after another and never again: in pages, so that to find it is
 * no hashing, and those that came together lie together. A `Map` of a hundred thousand is read from all over the memory,
 * and copied each time it grows.
 */

/** How many a page holds. It is known by the first of their numbers. */
const size = 32

interface Page<A> {
  readonly items: Array<A | undefined>
  /** How many there are: an empty page is let go. */
  live: number
}

export class Table<A extends object> {
  readonly pages = new Map<number, Page<A>>()

  get(id: number): A | undefined {
    const at = id % size
    return this.pages.get(id - at)?.items[at]
  }

  has(id: number): boolean {
    return this.get(id) !== undefined
  }

  /** All of them, page by page. */
  values(): ReadonlyArray<A> {
    return Array.from(this.pages.values(), ({ items }) => items).flat().filter((item) => item !== undefined)
  }

  set(id: number, item: A): void {
    const at = id % size
    let page = this.pages.get(id - at)
    if (page === undefined) {
      page = { items: Array<undefined>(size).fill(undefined), live: 0 }
      this.pages.set(id - at, page)
    }
    if (page.items[at] === undefined) page.live++
    page.items[at] = item
  }

  delete(id: number): void {
    const at = id % size
    const page = this.pages.get(id - at)
    if (page === undefined || page.items[at] === undefined) return
    page.items[at] = undefined
    if (--page.live === 0) this.pages.delete(id - at)
  }
}
