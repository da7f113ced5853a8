/**
 * The observer's clock: it stands still while the observer itself was stalled, so that a stall is never held against
 * what is observed. (The thread was blocked, the machine slept, the process was stopped.)
 *
 * The loop is woken for a known time. When it turns later than that, the time since it last turned is lost: the stall
 * began somewhere within it. While anything is watched the loop turns at least once every health-check interval, so
 * no more than one interval is given away.
 */

export interface Observer {
  /** When the loop was last seen at work, monotonic milliseconds. */
  lastTurn: number
  /** When the turn under way began, and how much of it has been counted as lost. */
  began: number
  counted: number
  /** The time the loop asked to be woken for. */
  wakeAt: number | undefined
  /** Time lost to stalls so far. */
  lost: number
  /** How late the newest turn was. */
  lag: number
  /** Whether that was more than timers are late anyway. */
  late: boolean
}

/** Timers are late by some milliseconds on a healthy machine. */
const tolerance = 20

export const make = (now: number): Observer => ({
  lastTurn: now,
  began: now,
  counted: 0,
  wakeAt: undefined,
  lost: 0,
  lag: 0,
  late: false
})

/** Takes note that the loop turns now. `interval` is how often it turns at least while anything is watched. */
export const turn = (self: Observer, now: number, interval: number): void => {
  const lag = self.wakeAt === undefined ? 0 : Math.max(0, now - self.wakeAt)
  self.lag = lag
  const late = lag > tolerance
  if (late) {
    // A little late twice in a row is a slow observer rather than a stalled one: it loses the lag alone. Else its clock
    // would stand still for as long as the load lasts, and no hang would be seen.
    self.lost += self.late && lag <= interval ? lag : now - self.lastTurn
  }
  // Counted; and the timer that was to wake the loop may be anywhere by now (the machine slept, and the timer with it): it
  // is asked for anew, be the loop late or not.
  if (self.wakeAt !== undefined && now >= self.wakeAt) self.wakeAt = undefined
  self.late = late
  self.lastTurn = now
  self.began = now
  self.counted = 0
}

/**
 * Takes note that the loop is at work within a turn. What it does may block it too (bodies' first steps, finalizers,
 * schedules), at once or bit by bit: while it works nobody else runs.
 */
export const work = (self: Observer, now: number): void => {
  const millis = uncounted(self, now)
  self.lost += millis
  self.counted += millis
  self.lastTurn = now
}

const uncounted = ({ began, counted }: Observer, now: number): number => {
  const busy = now - began
  return busy > tolerance ? busy - counted : 0
}

/** The observer's time at work: what has been lost in the turn so far is lost, counted or not. */
export const atWork = (self: Observer, now: number): number => at(self, now) - uncounted(self, now)

/** The observer's time. */
export const at = (self: Observer, now: number): number => now - self.lost
