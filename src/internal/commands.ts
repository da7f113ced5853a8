/**
 * What each command does in each status: the design's table of commands, one function a row. Pure.
 */
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as Entries from "./entry.ts"
import { refuse } from "./entry.ts"
import * as Running from "./running.ts"
import type { CommandName, Entry, Event, Target } from "./state.ts"

const reply = ({ out }: Deciding, to: number): void => {
  out.push({ _tag: "Reply", to })
}

const find = ({ state }: Deciding, target: Target): Entry | undefined => {
  const entry = state.names.get(target.name)
  return entry !== undefined && (target.id === undefined || entry.id === target.id) ? entry : undefined
}

export const add = (deciding: Deciding, event: Event & { readonly _tag: "Add" }): void => {
  if (event.listed) deciding.state.expected--
  if (deciding.state.closing !== undefined) return refuse(deciding, event.reply, { _tag: "SupervisorClosed" })
  if (deciding.state.names.has(event.name)) {
    return refuse(deciding, event.reply, { _tag: "TaskAlreadyExists", task: event.name })
  }
  Running.start(deciding, Entries.create(deciding, event.id, event.name, event.settings))
  reply(deciding, event.reply)
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
  Running.startAfresh(deciding, entry)
  reply(deciding, to)
}

const restart: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "restart", to)
  Running.startAfresh(deciding, entry)
  reply(deciding, to)
}

const stop: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "stop", to)
  if (entry.phase === "Failed" || entry.phase === "Created") Ending.stopped(deciding, entry)
  reply(deciding, to)
}

const kill: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "kill", to)
  if (entry.phase !== "Dead") Ending.dead(deciding, entry, "Killed")
  reply(deciding, to)
}

const remove: Carry = (deciding, entry, to) => {
  if (Entries.isRunning(entry)) return endFirst(deciding, entry, "remove", to)
  if (entry.phase === "Failed" || entry.phase === "Created") Ending.dead(deciding, entry, "Killed")
  Ending.forget(deciding, entry)
  reply(deciding, to)
}

const commands: Record<CommandName, Carry> = { start, restart, stop, kill, remove }

/** A run has to end before the command is done. The last command wins; equal ones are answered together. */
const endFirst = (
  deciding: Deciding,
  entry: Entry,
  asked: "restart" | "stop" | "kill" | "remove",
  to: number
): void => {
  if (Entries.isUnderWay(entry)) {
    Running.stop(deciding, entry, { _tag: "Command", command: asked })
  } else {
    overtake(deciding, entry, asked, asked)
    Running.redirect(deciding, entry, { _tag: "Command", command: asked })
  }
  if (entry.overdue) return refuse(deciding, to, Entries.unstoppable(entry))
  ;(entry.waiters ??= new Set()).add(to)
}

/** Fails those who wait for another end than the one asked for now. */
export const overtake = (deciding: Deciding, entry: Entry, keep: CommandName | undefined, by: string): void => {
  if (entry.waiters === undefined || entry.intent?._tag !== "Command" || entry.intent.command === keep) return
  const { command } = entry.intent
  for (const reply of entry.waiters) {
    refuse(deciding, reply, { _tag: "CommandSuperseded", task: entry.name, command, by })
  }
  entry.waiters = undefined
}

export const gaveUp = (deciding: Deciding, event: Event & { readonly _tag: "GaveUp" }): void => {
  find(deciding, event.target)?.waiters?.delete(event.reply)
}
