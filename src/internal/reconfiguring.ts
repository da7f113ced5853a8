/**
 * A supervisor takes over other options while it runs. What is the same keeps its run; what is gone is removed and what
 * changed is stopped, in reverse order; then what changed and what is new is started, in the new order. Pure.
 */
import * as Ending from "./ending.ts"
import type { Deciding } from "./entry.ts"
import * as Entries from "./entry.ts"
import * as Intensity from "./intensity.ts"
import * as LineUp from "./lineUp.ts"
import * as Options from "./options.ts"
import * as Pausing from "./pausing.ts"
import type { Event, ListedTask, Refusal, State, SupervisorSettings } from "./state.ts"
import type { Entry } from "./taskEntry.ts"

export const reconfigure = (deciding: Deciding, event: Event & { readonly _tag: "Reconfigure" }): void => {
  const { state } = deciding
  const { change: { settings, tasks }, reply } = event
  const refusal = whyNot(state, tasks ?? [])
  if (refusal !== undefined) return Entries.refuse(deciding, reply, refusal)
  adopt(deciding, settings)
  const changes = tasks === undefined ? noChanges : relist(deciding, tasks)
  // With nothing to stop or to start all is done.
  if (Object.values(changes).every((names) => names.length === 0)) Entries.reply(deciding, reply)
  else state.line.waiters.add(reply)
  deciding.out.push({ _tag: "Tell", notice: { _tag: "SupervisorReconfigured", ...changes } })
}

interface Changes {
  readonly added: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
}

const noChanges: Changes = { added: [], changed: [], removed: [] }

/** Nothing is changed then. An added task has its name, whatever the list says: it is nobody's to take over. */
export const whyNot = (state: State, tasks: ReadonlyArray<ListedTask>): Refusal | undefined => {
  if (state.closing !== undefined) return { _tag: "SupervisorClosed" }
  // The mode may come from the defaults.
  const endless = tasks.findIndex(({ settings: { mode, significant } }) => significant && mode === "permanent")
  if (endless >= 0) {
    const where = `reconfigure: tasks[${endless}] (${JSON.stringify(tasks[endless]!.name)})`
    return { _tag: "InvalidOptions", why: Options.refusal(where, "significant", true, Options.endless) }
  }
  const taken = tasks.find(({ name }) => state.names.get(name)?.listed === false)
  return taken === undefined ? undefined : { _tag: "TaskAlreadyExists", task: taken.name }
}

const adopt = (deciding: Deciding, settings: SupervisorSettings): void => {
  const { state } = deciding
  const before = state.settings.intensity
  const { intensity } = settings
  state.settings = settings
  if (intensity?.restarts !== before?.restarts) Intensity.resize(state.window, intensity?.restarts ?? 0)
  if (state.paused === undefined || intensity?.whenExceeded === "pause") return
  Pausing.resume(deciding)
  Ending.release(deciding)
}

const relist = (deciding: Deciding, tasks: ReadonlyArray<ListedTask>): Changes => {
  const { state } = deciding
  const listed = new Set(tasks.map(({ name }) => name))
  const before = Array.from(state.names.values())
  const leaving: Array<{ readonly entry: Entry; readonly because: "reconfigure" | "remove" }> = []
  const added: Array<string> = []
  const changed: Array<string> = []
  const removed: Array<string> = []
  const order = tasks.map((task) => {
    const entry = state.names.get(task.name)
    if (entry === undefined) {
      added.push(task.name)
      const made = Entries.create(deciding, { ...task, listed: true })
      made.lined = true
      return made
    }
    entry.successor = task.settings
    if (task.same) return entry
    changed.push(task.name)
    leaving.push({ entry, because: "reconfigure" })
    change(deciding, entry)
    return entry
  })
  for (const entry of before) {
    if (!entry.listed || listed.has(entry.name)) continue
    removed.push(entry.name)
    entry.listed = false
    entry.lined = false
    entry.fate = "removed"
    leaving.push({ entry, because: "remove" })
  }
  arrange(state, [...order, ...before.filter((entry) => !listed.has(entry.name))])
  // A restart that waits for its time is left alone when nothing is to be stopped or started.
  if (leaving.length > 0 || added.length > 0) lineUp(deciding, leaving, before)
  return { added, changed, removed }
}

/** It will be another task: nothing of what was due for it still is. */
const change = (deciding: Deciding, entry: Entry): void => {
  Entries.forgetQuestion(deciding, entry)
  if (!Entries.isRunning(entry)) Entries.disarm(deciding.state, entry)
  // It is as good as new: neither Completed nor Dead.
  if (Entries.isSettled(entry.phase)) Entries.enter(deciding, entry, "Created")
  entry.restartAt = undefined
  entry.attempt = 0
  entry.lined = true
  entry.fate = "renewed"
  entry.version++
}

/** In the order of the list, and what was added after it. */
const arrange = (state: State, order: ReadonlyArray<Entry>): void => {
  state.names.clear()
  state.order = undefined
  state.places = 0
  for (const entry of order) {
    entry.place = state.places++
    state.names.set(entry.name, entry)
  }
}

const lineUp = (
  deciding: Deciding,
  leaving: ReadonlyArray<{ readonly entry: Entry; readonly because: "reconfigure" | "remove" }>,
  before: ReadonlyArray<Entry>
): void => {
  const { state } = deciding
  // What was to be stopped still is. Whatever was waited for is brought along now.
  const reasons = LineUp.toBeStopped(state.line)
  for (const { because, entry } of leaving) reasons.set(entry, because)
  LineUp.reform(state, () => {
    for (const entry of before) {
      const because = reasons.get(entry)
      if (because === undefined) continue
      if (because === "remove" && !Entries.isRunning(entry)) Ending.remove(deciding, entry)
      else LineUp.stopBefore(state, entry, because)
    }
    for (const entry of state.names.values()) if (entry.lined) LineUp.stand(deciding, entry)
  })
}
