/**
 * The live table on a terminal: drawn on the alternate screen, in place, when something has happened and four times a
 * second. The last picture stays on the normal screen when it ends.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { writeSync } from "node:fs"
import process from "node:process"
import type { RunningSupervisor } from "../Supervisor.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { TaskStatus } from "../TaskStatus.ts"
import * as Logs from "./logs.ts"
import { Output } from "./output.ts"
import type { Stream } from "./output.ts"
import * as Table from "./table.ts"
import type { View } from "./view.ts"
import { reportOf, watcher } from "./view.ts"

const enter = "\u001B[?1049h\u001B[?25l\u001B[2J"
// Cleared first, for terminals without an alternate screen.
const leave = "\u001B[2J\u001B[H\u001B[?25h\u001B[?1049l"

/** Between two pictures at least this long (milliseconds), and then at most that. */
const atLeast = 50
const atMost = "200 millis"

/** So many lines of the log are kept, and so many of them stay when all has ended. */
const keptLog = 500
const lastLog = 5

interface Watched {
  readonly supervisor: RunningSupervisor
  readonly since: number
  /** Of the whole tree. */
  statuses: ReadonlyArray<TaskStatus>
  ending: Table.Ending | undefined
  readonly pauses: Map<string, number>
}

/** The live table, for as long as the scope is open. */
export const make = Effect.fnUntraced(function*(
  terminal: Pick<Table.Room, "branches" | "colors">
): Effect.fn.Return<View, never, Output | Scope.Scope> {
  const { stderr, stdout } = yield* Output
  const clock = yield* Clock.Clock
  const changed = yield* Latch.make()
  const watched: Array<Watched> = []
  const log: Array<Table.LogLine> = []
  let footer: string | undefined = "Ctrl-C stops everything in order"

  const tell = (line: Table.LogLine) => {
    log.push(line)
    if (log.length > keptLog) log.splice(0, log.length - keptLog)
    changed.openUnsafe()
  }
  const logger = stderr.isTerminal
    ? Logs.logger(
      (entry) => tell({ at: entry.at, text: Logs.short(entry), tone: Logs.toneOf(entry.level) }),
      (path) => watched.some(({ supervisor }) => Logs.isWithin(path, supervisor.path))
    )
    // Somebody keeps the log elsewhere: they get all of it.
    : Logs.logger((entry) => stderr.put(Logs.long(entry)))

  const printed = linesOf((text) => tell({ at: clock.currentTimeMillisUnsafe(), text, tone: "plain" }))
  yield* stdout.take(printed)
  if (stderr.isTerminal) yield* stderr.take(printed)

  const look = Effect.forEach(watched, lookAt, { discard: true })
  const picture = (now: number, height: number, width: number) =>
    Table.render({
      now,
      supervisors: watched.map(({ ending, pauses, since, statuses, supervisor: { path } }) => ({
        path,
        since,
        statuses,
        ending,
        pauses
      })),
      log: footer === undefined ? log.slice(-lastLog) : log,
      footer
    }, { width, height, ...terminal })

  let drawn = ""
  let last: ReadonlyArray<string> = []
  const draw = Effect.gen(function*() {
    yield* look
    const { columns, rows } = yield* stdout.size
    const lines = picture(clock.currentTimeMillisUnsafe(), rows, columns)
    // Each line is cleared before it is written: what follows the last cell of a full line is the last cell itself.
    const text = `\u001B[H${lines.map((line) => `\u001B[2K${line}`).join("\r\n")}` +
      (lines.length < rows ? "\r\n\u001B[J" : "")
    if (text === drawn) return
    drawn = text
    last = footer === undefined ? lines : lines.slice(0, -Table.footerLines)
    yield* stdout.write(text)
  })

  const screen = yield* alternateScreen(stdout, {
    redraw: () => {
      drawn = ""
      changed.openUnsafe()
    },
    last: () => `${last.join("\n")}\n`
  })
  const drawing = yield* Effect.forkScoped(
    Effect.forever(Effect.gen(function*() {
      changed.closeUnsafe()
      const began = clock.monotonicTimeNanosUnsafe()
      yield* draw
      // A picture of a great many tasks takes its time, which is also theirs.
      const took = Number(clock.monotonicTimeNanosUnsafe() - began) / 1_000_000
      yield* Effect.sleep(Math.max(atLeast, took * 9))
      yield* Effect.raceFirst(changed.await, Effect.sleep(atMost))
    }))
  )

  const events = yield* watcher((supervisor) => {
    const seen: Watched = {
      supervisor,
      since: clock.currentTimeMillisUnsafe(),
      statuses: [],
      ending: undefined,
      pauses: new Map()
    }
    // One that is made again takes the place of the one that has ended.
    const before = watched.findIndex(({ ending, supervisor: { path } }) =>
      path === supervisor.path && ending?.at !== undefined
    )
    if (before < 0) watched.push(seen)
    else watched[before] = seen
    return (event) =>
      Effect.sync(() => {
        note(seen, event)
        changed.openUnsafe()
      })
  })

  return {
    watch: events.watch,
    logger,
    stopping: (hint) =>
      Effect.sync(() => {
        footer = hint
        changed.openUnsafe()
      }),
    finish: Effect.gen(function*() {
      yield* events.finish
      yield* Fiber.interrupt(drawing)
      yield* look
      footer = undefined
      yield* screen.leave
      if (watched.length === 0 && log.length === 0) return
      const { columns, rows } = yield* stdout.size
      const lines = picture(clock.currentTimeMillisUnsafe(), Math.max(rows - 2, 10), columns)
      yield* stdout.write(`${lines.join("\n")}\n`)
    })
  }
})

/** What the statuses do not say. */
const note = (seen: Watched, event: SupervisorEvent): void => {
  const { supervisor } = event
  const isTopmost = supervisor === seen.supervisor.path
  switch (event._tag) {
    case "RestartsPaused":
      seen.pauses.set(supervisor, event.until)
      break
    case "SupervisorClosing":
      if (isTopmost) seen.ending = { gaveUp: event.failure !== undefined }
      seen.pauses.delete(supervisor)
      break
    case "SupervisorClosed":
      if (isTopmost) seen.ending = { gaveUp: event.failure !== undefined, at: event.time }
      seen.pauses.delete(supervisor)
      break
    case "RestartsResumed":
      seen.pauses.delete(supervisor)
      break
  }
}

const lookAt = Effect.fnUntraced(function*(seen: Watched) {
  const statuses = yield* Effect.option(seen.supervisor.tree.statuses)
  if (Option.isSome(statuses)) {
    seen.statuses = statuses.value
    return
  }
  // It has ended: what is left is its report.
  const report = yield* reportOf(seen.supervisor)
  if (report !== undefined) seen.statuses = report.statuses
})

/** Hands on whole lines. */
const linesOf = (line: (text: string) => void) => {
  let begun = ""
  return (text: string) => {
    const pieces = (begun + text).split("\n")
    begun = pieces.pop() ?? ""
    for (const piece of pieces) line(piece)
  }
}

/**
 * The alternate screen, without a cursor. It is left when the scope closes, when the process is suspended by Ctrl-Z, and
 * when it exits, however it does so; the last picture is then left behind.
 */
const alternateScreen = Effect.fnUntraced(function*(
  stdout: Stream,
  { last, redraw }: { readonly redraw: () => void; readonly last: () => string }
): Effect.fn.Return<{ readonly leave: Effect.Effect<void> }, never, Scope.Scope> {
  let isOn = false
  const turnOn = () => {
    isOn = true
    stdout.put(enter)
    redraw()
  }
  const turnOff = (put: (text: string) => void, after = "") => {
    if (isOn) put(leave + after)
    isOn = false
  }
  const listeners = {
    exit: () => turnOff(putAtExit, last()),
    SIGTSTP: () => {
      turnOff(stdout.put)
      process.kill(process.pid, "SIGSTOP")
    },
    SIGCONT: turnOn
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      for (const [event, listener] of Object.entries(listeners)) process.on(event, listener)
      process.stdout.on("resize", redraw)
      turnOn()
    }),
    () =>
      Effect.sync(() => {
        for (const [event, listener] of Object.entries(listeners)) process.off(event, listener)
        process.stdout.off("resize", redraw)
        turnOff(stdout.put)
      })
  )
  return { leave: Effect.sync(() => turnOff(stdout.put)) }
})

/** Nothing that is written in the background is written any more. */
const putAtExit = (text: string): void => {
  try {
    writeSync(1, text)
  } catch {
    // The terminal is gone.
  }
}
