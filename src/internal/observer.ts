/**
 * The observer's clock: it stands still while the observer itself was stalled, so that a stall is never held against
 * what is observed. (The thread was blocked, the machine slept, the process was stopped.)
 *
 * The loop is woken for a known time. When it turns later than that, the time since it last turned is lost: the stall
 * began somewhere within it. While anything is watched the loop turns at least once every health-check interval, so
 * no more than one interval is given away.
 */

export interface Observer {
  /** When the loop last turned, monotonic milliseconds. */
  lastTurn: number
  /** The time the loop asked to be woken for. */
  wakeAt: number | undefined
  /** Time lost to stalls so far. */
  lost: number
  /** How late the newest turn was. */
  lag: number
  stalled: boolean
}

/** Timers are late by some milliseconds on a healthy machine. */
const tolerance = 20

export const make = (now: number): Observer => ({
  lastTurn: now,
  wakeAt: undefined,
  lost: 0,
  lag: 0,
  stalled: false
})

/** Takes note that the loop turns now. */
export const turn = (self: Observer, now: number): void => {
  const lag = self.wakeAt === undefined ? 0 : Math.max(0, now - self.wakeAt)
  self.lag = lag
  const stalled = lag > tolerance
  if (stalled) {
    // Late twice in a row is a slow observer rather than a stalled one: it loses the lag alone. Else its clock would
    // stand still for as long as the overload lasts, and no hang would ever be seen.
    self.lost += self.stalled ? lag : now - self.lastTurn
    self.wakeAt = now
  }
  self.stalled = stalled
  self.lastTurn = now
}

/** The observer's time. */
export const at = (self: Observer, now: number): number => now - self.lost
