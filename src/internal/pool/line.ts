/**
 * A line of those who wait: joined at either end, left from the front or from anywhere, each at O(1).
 *
 * Whoever waits knows its own place. (A `Set` or `Map` keeps the places of those who left until it is rehashed, and a
 * thousand slots that come and go rehash it all the time. Each table that is left behind points to the next one: once one
 * of them is old, all that come after it, with what they hold, live until the next full collection. Measured, that was
 * half of what a job cost.)
 */

export interface Waiting {
  place: Place | undefined
}

/**
 * A class, for V8's sake: objects of a literal are born old once most of the first ones, those of a thousand idle slots
 * say, have been seen to live for long.
 */
export class Place {
  readonly line: object
  readonly who: Waiting
  before: Place | undefined
  after: Place | undefined

  constructor(line: object, who: Waiting, before: Place | undefined, after: Place | undefined) {
    this.line = line
    this.who = who
    this.before = before
    this.after = after
  }
}

/** Somebody waits in one line at a time. */
export class Line<A extends Waiting> implements Iterable<A> {
  #first: Place | undefined = undefined
  #last: Place | undefined = undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Stands behind everybody. */
  join(who: A): void {
    if (who.place !== undefined) return
    const place = new Place(this, who, this.#last, undefined)
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    who.place = place
    this.#size++
  }

  /** Stands in front of everybody. */
  push(who: A): void {
    if (who.place !== undefined) return
    const place = new Place(this, who, undefined, this.#first)
    if (this.#first === undefined) this.#last = place
    else this.#first.before = place
    this.#first = place
    who.place = place
    this.#size++
  }

  /** Stands in front of the first one that `isBehind`. */
  insert(who: A, isBehind: (other: A) => boolean): void {
    if (who.place !== undefined) return
    let after = this.#first
    while (after !== undefined && !isBehind(after.who as A)) after = after.after
    if (after === undefined) return this.join(who)
    if (after.before === undefined) return this.push(who)
    const place = new Place(this, who, after.before, after)
    after.before.after = place
    after.before = place
    who.place = place
    this.#size++
  }

  /** The one in front. */
  get first(): A | undefined {
    return this.#first?.who as A | undefined
  }

  /** Takes out the one in front. */
  shift(): A | undefined {
    if (this.#first === undefined) return undefined
    const who = this.#first.who as A
    this.leave(who)
    return who
  }

  leave(who: A): void {
    const { place } = who
    if (place === undefined || place.line !== this) return
    who.place = undefined
    this.#size--
    if (place.before === undefined) this.#first = place.after
    else place.before.after = place.after
    if (place.after === undefined) this.#last = place.before
    else place.after.before = place.before
    // A place that is garbage, and old, would keep all that came after it alive until the next full collection.
    place.before = undefined
    place.after = undefined
  }

  *[Symbol.iterator](): Generator<A> {
    for (let place = this.#first; place !== undefined; place = place.after) yield place.who as A
  }
}
