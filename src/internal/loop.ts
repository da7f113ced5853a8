/**
 * The supervisor's loop: a `Stream` of batches from the inbox, folded over the state by the decision, each decision
 * carried out as it is taken.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Backlog } from "./backlog.ts"
import * as Deadlines from "./deadlines.ts"
import { step } from "./decide.ts"
import * as Inbox from "./inbox.ts"
import type { Command } from "./inbox.ts"
import type { Refused } from "./interpreter.ts"
import { aTurn, Interpreter } from "./interpreter.ts"
import * as Observer from "./observer.ts"
import * as Reconfiguring from "./reconfiguring.ts"
import type { Run } from "./run.ts"
import * as State from "./state.ts"
import * as Time from "./time.ts"

/** Sees every event as it is decided, with what was decided: a history that can be decided again. */
export type Recorder = (
  event: State.Event,
  now: number,
  decisions: ReadonlyArray<State.Decision>
) => void

/** Records the histories of the supervisors made under it; for tests. */
export const Recording = Context.Reference<Recorder | undefined>("effect-supervisor/Recorder", {
  defaultValue: () => undefined
})

const turning = { _tag: "Turn" } as const
const resting = { _tag: "Rest" } as const

/** How many deadlines a tick carries out; the next tick follows. */
const dueAtOnce = 256

export interface Loop {
  readonly interpreter: Interpreter
  readonly time: Time.Time
  /** A fresh number for an entry. */
  readonly nextId: () => number
  /** Sends a command and waits for its answer. */
  readonly ask: (command: (reply: number) => Command | Inbox.Reconfigure) => Effect.Effect<void, Refused>
  /** Waits until the loop itself is over. */
  readonly over: Effect.Effect<void>
  /** Sends a command whose answer nobody waits for. */
  readonly send: (command: Command) => void
  /** The same of many, each made when its turn has come; nothing else is asked before. */
  readonly sendFirst: (next: () => Command | undefined) => void
}

export const make = Effect.fnUntraced(function*(options: {
  readonly path: string
  readonly parent: Run | undefined
  readonly context: Context.Context<never>
  readonly settings: Omit<State.SupervisorSettings, "startedAt">
  readonly expected: number
  readonly eventCapacity: number
}): Effect.fn.Return<Loop> {
  const { context, eventCapacity, parent, path } = options
  const recorder = Context.get(context, Recording)
  const time = Time.make(Context.get(context, Clock.Clock))
  const state = State.makeState({ ...options.settings, startedAt: time.now() }, options.expected)
  const inbox = yield* Inbox.make()

  let feeding = false
  /** When beats are looked at that come one after another, on the observer's clock: nothing else happens between them. */
  let looking: number | undefined
  const events = new Backlog<State.Event>()
  const decisions = new Backlog<State.Decision>()
  const deciding = { state, now: time.now(), out: decisions }
  // What carrying out a decision brings about (a run that has begun, a schedule's answer) is decided after the decisions
  // before it have been carried out, never in their midst.
  const feed = (event: State.Event): void => {
    looking = undefined
    events.push(event)
    if (feeding) return
    feeding = true
    while (!events.isEmpty || interpreter.attendOver()) {
      const next = events.shift()
      if (next === undefined) continue
      const now = time.now()
      deciding.now = now
      if (next._tag === "Ended") interpreter.measure(next, now)
      step(deciding, next)
      if (next !== turning && next !== resting) interpreter.tree.happened++
      recorder?.(next, now, decisions.waiting())
      for (let decision = decisions.shift(); decision !== undefined; decision = decisions.shift()) {
        interpreter.carryOut(decision, now)
      }
    }
    feeding = false
    interpreter.tell()
  }
  const interpreter: Interpreter = new Interpreter({ path, parent, state, time, context, eventCapacity, inbox, feed })

  /** Attends a run while what is being looked at is still ahead. */
  const attendAhead = (run: Run): void => {
    const { isAhead } = interpreter
    interpreter.isAhead = true
    interpreter.attend(run)
    interpreter.isAhead = isAhead
  }

  /** What a run told before a command about its task was given comes before the command, whatever lane it is in. */
  const attendFirst = (name: string): void => {
    const entry = state.names.get(name)
    const run = entry === undefined ? undefined : interpreter.registry.task(entry.id).run
    if (run !== undefined) attendAhead(run)
  }

  const command = ({ event, task }: Command): void => {
    if (event._tag === "Command") attendFirst(event.target.name)
    // Nobody has a name of the list before it is added.
    if (event._tag === "Add" && !event.listed) attendFirst(event.name)
    if (task !== undefined) interpreter.registry.adopt(task)
    feed(event)
    if (task !== undefined && !state.entries.has(task.id)) interpreter.registry.forget(task.id)
  }

  const reconfigure = ({ offer, reply, settings }: Inbox.Reconfigure): void => {
    // What has ended by now may be gone, or keep what it came to.
    for (const { listed, name } of Array.from(state.names.values())) if (listed) attendFirst(name)
    const { adopted, tasks } = offer()
    const listed = tasks?.map((task) => ({
      id: task.id,
      name: task.name,
      settings: task.options.deciding,
      same: interpreter.registry.isSame(task)
    }))
    if (Reconfiguring.whyNot(state, listed ?? []) === undefined) {
      adopted()
      for (const [index, task] of tasks?.entries() ?? []) {
        const there = state.names.get(task.name)
        if (there === undefined) interpreter.registry.adopt(task)
        else interpreter.settlements.redefine(there.id, task, listed?.[index]?.same === true)
      }
    }
    feed({ _tag: "Reconfigure", reply, change: { settings: settings(state.settings), tasks: listed } })
  }

  // A verdict is about what a run has told by now, not about what has been looked at: its signal may wait behind a flood.
  // What is armed meanwhile is for the next tick, after what this one brings about.
  const tick = (): void => {
    feed({ _tag: "Tick" })
    const { deadlines } = state
    const { isAhead } = interpreter
    const before = deadlines.armed
    const now = time.now()
    for (let i = 0; i < dueAtOnce; i++) {
      const deadline = Deadlines.earliest(deadlines)
      if (deadline === undefined || deadline.due > now || deadline.order >= before) return
      const { entry, kind } = deadline
      const run = entry !== undefined && Deadlines.isWatched(kind) ? interpreter.registry.task(entry.id).run : undefined
      const kept = run?.isBeatingOn === true ? run.takeBeat() : undefined
      if (run !== undefined) attendAhead(run)
      interpreter.done++
      interpreter.isAhead = isAhead || Deadlines.areMoreDue(deadlines, now)
      feed({ _tag: "Due", order: deadline.order, kept })
    }
  }

  /** As long as the list has not been added as a whole, what it may be about is not known. */
  const held: Array<Inbox.Message> = []
  const isHeld = (message: Inbox.Message): boolean => {
    if (state.expected === 0) return false
    if (message._tag !== "Command") return message._tag === "Reconfigure"
    const { event } = message
    return (event._tag === "Add" && !event.listed) ||
      (event._tag === "Command" && !state.names.has(event.target.name))
  }

  const work = (message: Inbox.Message): void => {
    if (isHeld(message)) {
      held.push(message)
      return
    }
    const { isAhead } = interpreter
    interpreter.isAhead = isAhead || held.length > 0
    carry(message)
    if (state.expected > 0) return
    for (let waiting = held.shift(); waiting !== undefined; waiting = held.shift()) {
      interpreter.isAhead = isAhead || held.length > 0
      carry(waiting)
    }
  }

  const keep = (run: Run): void => {
    looking ??= Observer.atWork(state.observer, time.now())
    run.keep(looking)
    interpreter.tree.happened++
  }

  const carry = (message: Inbox.Message): void => {
    switch (message._tag) {
      case "Command":
        return command(message)
      case "Reconfigure":
        return reconfigure(message)
      case "Run":
        message.look()
        return message.isBeatingOn ? keep(message) : interpreter.attend(message)
      case "Answered":
        return feed(message.event)
      case "Tick":
        return tick()
    }
  }

  const turn = (first: ReadonlyArray<Inbox.Message>): void => {
    const asked = state.observer.wakeAt
    time.look()
    interpreter.done = 0
    interpreter.isAhead = true
    feed(turning)
    if (asked !== undefined && state.observer.lastTurn >= asked) interpreter.reporter.lagged(state.observer.lag)
    // What the turn itself brings about (runs that end as they are interrupted, callers that ask on) belongs to it, up
    // to a bound: the loop is not the only fiber.
    for (let batch = first; batch.length > 0; batch = interpreter.done < aTurn ? inbox.poll() : []) {
      let left = batch.length
      for (const message of batch) {
        left--
        interpreter.isAhead = left > 0
        work(message)
        interpreter.done++
      }
    }
    feed(resting)
  }

  const fold = Stream.fromEffectRepeat(inbox.take).pipe(
    Stream.runFold(() => state, (folded, batch) => {
      turn(batch)
      return folded
    }),
    Effect.onError((cause) => Effect.sync(() => interpreter.crash(cause)))
  )
  // It ends by itself when the supervisor has, and is interrupted by nobody.
  const fiber = Effect.runForkWith(context)(fold)
  interpreter.reporter.started(time.now())

  let ids = 0
  let replies = 0
  return {
    interpreter,
    time,
    nextId: () => ++ids,
    ask: (command) =>
      Effect.callback((resume) => {
        if (state.closed) return resume(Exit.fail(interpreter.closedError()))
        const reply = ++replies
        const asked = command(reply)
        interpreter.pending.set(reply, resume)
        inbox.urgent(asked)
        return Effect.sync(() => {
          if (!interpreter.pending.delete(reply)) return
          if (asked._tag === "Command" && asked.event._tag !== "Command") return
          const target = asked._tag === "Command" && asked.event._tag === "Command" ? asked.event.target : undefined
          inbox.urgent({ _tag: "Command", event: { _tag: "GaveUp", reply, target }, task: undefined })
        })
      }),
    over: Effect.asVoid(Fiber.await(fiber)),
    send: inbox.urgent,
    sendFirst: inbox.first
  }
})
