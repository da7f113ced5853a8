/**
 * What each command does in each status: the design's table of commands, one function a row. Pure.
 */
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as Entries from "./entry.ts"
import { refuse, reply } from "./entry.ts"
import * as LineUp from "./lineUp.ts"
import * as Running from "./running.ts"
import type { Event, Refusal, State, Target } from "./state.ts"
import type { Entry } from "./taskEntry.ts"
import type { CommandName } from "./words.ts"
import { intents } from "./words.ts"

const find = ({ state }: Deciding, target: Target): Entry | undefined => {
  const entry = state.names.get(target.name)
  return entry !== undefined && (target.id === undefined || entry.id === target.id) ? entry : undefined
}

export const add = (deciding: Deciding, event: Event & { readonly _tag: "Add" }): void => {
  const { id, listed, name, settings } = event
  const { state } = deciding
  if (listed) state.expected--
  const refusal = whyNot(state, event)
  if (refusal !== undefined) return refuse(deciding, event.reply, refusal)
  const entry = Entries.create(deciding, { id, listed, name, settings })
  if (listed) LineUp.come(deciding, entry)
  else Running.start(deciding, entry)
  reply(deciding, event.reply)
}

const whyNot = (
  { closing, names, settings: { group } }: State,
  { instance, listed, name }: Event & { readonly _tag: "Add" }
): Refusal | undefined => {
  if (closing !== undefined) return { _tag: "SupervisorClosed" }
  // Those of a list are not taken (`State.names`): to look for each takes 4 % of a start of 100,000.
  if (!listed && names.has(name)) return { _tag: "TaskAlreadyExists", task: name }
  return instance && group !== undefined && names.size >= group.maxTasks
    ? { _tag: "MaxTasksReached", task: name, maxTasks: group.maxTasks }
    : undefined
}

export const command = (deciding: Deciding, event: Event & { readonly _tag: "Command" }): void => {
  if (deciding.state.closing !== undefined) return refuse(deciding, event.reply, { _tag: "SupervisorClosed" })
  const entry = find(deciding, event.target)
  if (entry === undefined) return refuse(deciding, event.reply, { _tag: "TaskNotFound", task: event.target.name })
  commands[event.command](deciding, entry, event.reply)
}

type Carry = (deciding: Deciding, entry: Entry, to: number) => void

const start: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) {
    return refuse(deciding, to, { _tag: "TaskAlreadyRunning", task: entry.name, generation: entry.generation })
  }
  begin(deciding, entry, "start", to)
}

const restart: Carry = (deciding, entry, to) => {
  if (!Entries.isRunning(entry)) return begin(deciding, entry, "restart", to)
  // A restart of its siblings takes it along: it waits for them, and they no longer for the time of that restart.
  if (entry.lined) LineUp.hasten(deciding)
  endFirst(deciding, entry, "restart", to)
}

/** One that stands in the line is started in its turn, and takes the line along. */
const begin = (deciding: Deciding, entry: Entry, command: "start" | "restart", to: number): void => {
  if (entry.lined) return LineUp.startInTurn(deciding, entry, command, to)
  Running.startAfresh(deciding, entry)
  reply(deciding, to)
}

const stop: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "stop", to)
  withdraw(deciding, entry, "stop")
  if (isWaiting(entry)) Ending.stopped(deciding, entry)
  reply(deciding, to)
}

const kill: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "kill", to)
  withdraw(deciding, entry, "kill")
  if (entry.phase !== "Dead") Ending.dead(deciding, entry, "Killed")
  reply(deciding, to)
}

const remove: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "remove", to)
  withdraw(deciding, entry, "remove")
  if (isWaiting(entry)) Ending.dead(deciding, entry, "Killed")
  Ending.forget(deciding, entry)
  reply(deciding, to)
}

/** It is not to be started in its turn, though somebody may have asked for that. */
const withdraw = (deciding: Deciding, entry: Entry, by: CommandName): void => {
  Entries.overtake(deciding, entry, undefined, by)
  if (entry.lined) LineUp.leave(deciding, entry)
}

/** It has not ended for good: it is to be run, or run again. */
const isWaiting = (entry: Entry): boolean => entry.phase === "Failed" || entry.phase === "Created"

const commands: Record<CommandName, Carry> = { start, restart, stop, kill, remove }

/** A run has to end before the command is done. The last command wins; equal ones are answered together. */
const endFirst = (
  deciding: Deciding,
  entry: Entry,
  asked: "restart" | "stop" | "kill" | "remove",
  to: number
): void => {
  if (asked !== "restart" && entry.lined) LineUp.leave(deciding, entry)
  if (Entries.isUnderWay(entry)) {
    Running.stop(deciding, entry, intents[asked])
  } else {
    Entries.overtake(deciding, entry, asked, asked)
    Running.redirect(deciding, entry, intents[asked])
  }
  if (entry.overdue) return refuse(deciding, to, Entries.unstoppable(entry))
  ;(entry.waiters ??= new Set()).add(to)
}

/** Who waited does so no longer. */
export const gaveUp = (deciding: Deciding, event: Event & { readonly _tag: "GaveUp" }): void => {
  if (event.target === undefined) deciding.state.line.waiters.delete(event.reply)
  else find(deciding, event.target)?.waiters?.delete(event.reply)
}
