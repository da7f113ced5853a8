/**
 * The restarts that an intensity counts: an exact sliding window, O(1) a restart at any size.
 *
 * More than `restarts` within `within` are too many (OTP's MaxR and MaxT, exact to the millisecond): so only the times of
 * the last `restarts` matter, and of these only the oldest. They are kept in a ring.
 */

export interface Intensity {
  readonly restarts: number
  /** Milliseconds. */
  readonly within: number
  readonly whenExceeded: "giveUp" | "pause"
}

export interface Window {
  /** When the last restarts were, monotonic milliseconds; the oldest one is at `next` once the ring is full. */
  readonly times: Array<number>
  next: number
}

export const make = (): Window => ({ times: [], next: 0 })

/** Counts a restart. Whether it is one too many. */
export const count = (self: Window, { restarts, within }: Intensity, now: number): boolean => {
  if (restarts === 0) return true
  const { times } = self
  if (times.length < restarts) {
    times.push(now)
    return false
  }
  const oldest = times[self.next]!
  times[self.next] = now
  self.next = (self.next + 1) % restarts
  return now - oldest <= within
}

/** All restarts so far are forgotten. */
export const clear = (self: Window): void => {
  self.times.length = 0
  self.next = 0
}

/** Goes on with another number of restarts: the newest ones are kept. */
export const resize = (self: Window, restarts: number): void => {
  const inOrder = [...self.times.slice(self.next), ...self.times.slice(0, self.next)]
  clear(self)
  for (let i = Math.max(0, inOrder.length - restarts); i < inOrder.length; i++) self.times.push(inOrder[i]!)
}
