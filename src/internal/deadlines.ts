/**
 * One heap of deadlines for a whole supervisor: the earliest is known at once, adding and removing cost O(log n).
 *
 * A deadline that nothing waits for any more is removed, not left to expire: a task restarted a hundred thousand times
 * leaves one behind, not a hundred thousand.
 */

/** What falls due. */
export type DeadlineKind =
  | "Silence"
  | "Startup"
  | "StopBound"
  | "Restart"
  | "Stable"
  | "Line"
  | "Resume"
  | "Together"
  | "Stretch"
  | "Shutdown"

export interface Deadline<Owner = number> {
  /** Monotonic milliseconds. */
  due: number
  readonly kind: DeadlineKind
  /** Whose it is: held, not looked up, as there may be a hundred thousand a second. */
  readonly entry: Owner
  /** Breaks ties in the order of arming, so that equal histories expire equally. */
  readonly order: number
  /** The place in the heap; -1 when out of it. */
  index: number
}

export interface Deadlines<Owner = number> {
  readonly heap: Array<Deadline<Owner>>
  armed: number
  /** How many in the heap are held against a run: only for these does the observer watch its own stalls. */
  watching: number
}

export const make = <Owner = number>(): Deadlines<Owner> => ({ heap: [], armed: 0, watching: 0 })

/** Held against a run: only then does it matter what the observer was doing meanwhile. */
export const isWatched = (kind: DeadlineKind): boolean =>
  kind === "Silence" || kind === "Startup" || kind === "StopBound" || kind === "Together"

const before = (a: Deadline<unknown>, b: Deadline<unknown>): boolean =>
  a.due < b.due || (a.due === b.due && a.order < b.order)

const place = <Owner>(heap: Array<Deadline<Owner>>, deadline: Deadline<Owner>, index: number): void => {
  heap[index] = deadline
  deadline.index = index
}

const rise = <Owner>(heap: Array<Deadline<Owner>>, deadline: Deadline<Owner>, from: number): void => {
  let index = from
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent]!
    if (!before(deadline, above)) break
    place(heap, above, index)
    index = parent
  }
  place(heap, deadline, index)
}

const sink = <Owner>(heap: Array<Deadline<Owner>>, deadline: Deadline<Owner>, from: number): void => {
  let index = from
  while (true) {
    let child = index * 2 + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    const below = heap[child]!
    if (!before(below, deadline)) break
    place(heap, below, index)
    index = child
  }
  place(heap, deadline, index)
}

export const add = <Owner>(
  self: Deadlines<Owner>,
  kind: DeadlineKind,
  entry: Owner,
  due: number
): Deadline<Owner> => {
  const deadline: Deadline<Owner> = { due, kind, entry, order: self.armed++, index: -1 }
  rise(self.heap, deadline, self.heap.push(deadline) - 1)
  if (isWatched(kind)) self.watching++
  return deadline
}

export const remove = <Owner>(self: Deadlines<Owner>, deadline: Deadline<Owner>): void => {
  const index = deadline.index
  if (index < 0) return
  deadline.index = -1
  if (isWatched(deadline.kind)) self.watching--
  const last = self.heap.pop()!
  if (last === deadline) return
  if (index > 0 && before(last, self.heap[(index - 1) >> 1]!)) rise(self.heap, last, index)
  else sink(self.heap, last, index)
}

export const move = <Owner>(self: Deadlines<Owner>, deadline: Deadline<Owner>, due: number): void => {
  const earlier = due < deadline.due
  deadline.due = due
  if (earlier) rise(self.heap, deadline, deadline.index)
  else sink(self.heap, deadline, deadline.index)
}

/** Others than the earliest are due, too. */
export const areMoreDue = <Owner>({ heap }: Deadlines<Owner>, now: number): boolean =>
  (heap.length > 1 && heap[1]!.due <= now) || (heap.length > 2 && heap[2]!.due <= now)

export const earliest = <Owner>(self: Deadlines<Owner>): Deadline<Owner> | undefined => self.heap[0]
