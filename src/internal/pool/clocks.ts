/**
 * The clocks of jobs that wait for a slot, each its own. Jobs of one timeout fall due in the order in which they came,
 * so one sleeping fiber serves all of them: a clock costs nothing until it rings.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Job } from "./jobs.ts"
import { Alarm } from "./jobs.ts"
import { Line } from "./line.ts"

export interface Clocks {
  /** From now on, and until it is no longer `Queued`. */
  readonly start: (job: Job) => void
  /** For one that waits again: from when it came. */
  readonly startAgain: (job: Job) => void
  readonly stop: (job: Job) => void
  readonly stopAll: () => void
}

interface Row {
  readonly alarms: Line<Alarm>
  sleeper: Fiber.Fiber<void> | undefined
}

export const make = (
  context: Context.Context<never>,
  /** The timeout of most jobs, in milliseconds. */
  usual: number,
  now: () => number,
  expire: (job: Job) => void
): Clocks => {
  const rows = new Map<number, Row>()
  const single = new Set<Fiber.Fiber<void>>()
  const fork = Effect.runForkWith(context)

  const forget = (row: Row, alarm: Alarm): void => {
    row.alarms.leave(alarm)
    alarm.job.alarm = undefined
  }

  /** Rings for those that are due, and sleeps until the next one is. */
  const attend = (timeout: number, row: Row): void => {
    for (let alarm = row.alarms.first; alarm !== undefined; alarm = row.alarms.first) {
      const { job } = alarm
      if (job.state === "Queued") {
        const left = job.queuedAt + timeout - now()
        if (left > 0) return sleep(timeout, row, left)
        expire(job)
      }
      forget(row, alarm)
    }
    // Who was told may have come again, into a row of its own.
    if (rows.get(timeout) === row) rows.delete(timeout)
  }
  const sleep = (timeout: number, row: Row, millis: number): void => {
    row.sleeper = fork(Effect.sleep(Math.ceil(millis)))
    row.sleeper.addObserver((exit) => {
      if (Exit.isSuccess(exit)) attend(timeout, row)
    })
  }

  return {
    start: (job) => {
      const timeout = job.assignTimeout
      if (timeout === Number.POSITIVE_INFINITY) return
      job.alarm = new Alarm(job)
      const row = rows.get(timeout)
      if (row === undefined) {
        const first: Row = { alarms: new Line(), sleeper: undefined }
        first.alarms.join(job.alarm)
        rows.set(timeout, first)
        sleep(timeout, first, timeout)
        return
      }
      row.alarms.join(job.alarm)
      // Those before it that wait no longer are forgotten as they come to stand in front.
      for (let front = row.alarms.first; front !== undefined; front = row.alarms.first) {
        if (front.job.state === "Queued") return
        forget(row, front)
      }
    },
    stop: (job) => {
      const row = rows.get(job.assignTimeout)
      if (row === undefined || job.alarm === undefined) return
      forget(row, job.alarm)
      if (row.alarms.size > 0 || job.assignTimeout === usual) return
      // Timeouts that are nobody else's would leave a sleeper each.
      row.sleeper?.interruptUnsafe()
      rows.delete(job.assignTimeout)
    },
    startAgain: (job) => {
      const { assignTimeout, queuedAt } = job
      if (assignTimeout === Number.POSITIVE_INFINITY) return
      // In no row: those there came later.
      const sleeper = fork(Effect.sleep(Math.max(0, Math.ceil(queuedAt + assignTimeout - now()))))
      single.add(sleeper)
      sleeper.addObserver((exit) => {
        single.delete(sleeper)
        if (Exit.isSuccess(exit) && job.state === "Queued") expire(job)
      })
    },
    stopAll: () => {
      for (const row of rows.values()) row.sleeper?.interruptUnsafe()
      rows.clear()
      for (const sleeper of Array.from(single)) sleeper.interruptUnsafe()
    }
  }
}
