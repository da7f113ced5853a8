/**
 * What a supervisor knows of one task.
 */
import type * as Cause from "effect/Cause"
import type * as Schema from "effect/Schema"
import type { RestartReason } from "../RestartPolicy.ts"
import type { DeadReason, TaskStatus } from "../TaskStatus.ts"
import type * as Deadlines from "./deadlines.ts"
import type { Intent, Phase, TaskSettings } from "./words.ts"

/** How a run ended badly that its policy has a say in, or that nobody has asked for. */
export interface LastFailure {
  readonly reason: RestartReason<unknown>
  readonly generation: number
  readonly at: number
}

/** What a reconfiguration makes of a task: another, which is started in its turn, or nothing. */
export type Fate = "stays" | "renewed" | "removed"

/** What an entry knows only while its run ends, or it waits for the next: it is forgotten as that begins. */
class Passing {
  successor: TaskSettings | undefined = undefined
  fate: Fate = "stays"
  ownRestartAt: number | undefined = undefined
  restartAt: number | undefined = undefined
  sibling: string | undefined = undefined
  chance: number | undefined = undefined
  waiters: Set<number> | undefined = undefined
  stopTimeout: number
  overdue = false
  probeFailures = 0
  probeCause: Cause.Cause<unknown> | undefined = undefined

  constructor(stopTimeout: number) {
    this.stopTimeout = stopTimeout
  }
}

/** What falls due for a task, or for the supervisor itself. */
export type Deadline = Deadlines.Deadline<Entry | undefined>

/** One task in a supervisor. Of what passes it holds nothing most of the time: there may be a million of them. */
export class Entry {
  /** Never used again, unlike the name. */
  readonly id: number
  readonly name: string
  settings: TaskSettings
  /** One of the tasks that the supervisor was made with, or reconfigured to. */
  listed: boolean
  /** Its place in the start order; grows along `State.names`. */
  place: number
  /** It stands in the line: it is started in its turn, and when that is it is not up to itself. */
  lined = false
  phase: Phase = "Created"
  /** While Failed: the schedule's answer is awaited. */
  asking = false
  since: number
  generation = 0
  attempt = 0
  begunAt = 0
  /** On the observer's clock: it stands still while the observer is stalled. */
  lastBeat = 0
  /** The same on the monotonic clock, for show. */
  lastBeatAt = -1
  details: Schema.Json | undefined = undefined
  lastFailure: LastFailure | undefined = undefined
  /** While Stopping, or while somebody waits for it to be started in its turn. */
  intent: Intent | undefined = undefined
  /** While Stopping, on the observer's clock: by when the run should have ended. */
  stopBound = 0
  /** While Dead. */
  why: DeadReason | undefined = undefined
  deadline: Deadline | undefined = undefined
  stable: Deadline | undefined = undefined
  /** Counts changes, so that what was computed from the entry can be kept until the next. */
  version = 0
  /** The newest status shown, the version it was made from, and where the wall clock stood as time began. */
  shown: { readonly version: number; readonly anchor: number; readonly status: TaskStatus } | undefined = undefined
  /** Nothing, most of the time. */
  passing: Passing | undefined = undefined

  constructor(
    { id, listed, name, settings }: Pick<Entry, "id" | "listed" | "name" | "settings">,
    place: number,
    since: number
  ) {
    this.id = id
    this.name = name
    this.settings = settings
    this.listed = listed
    this.place = place
    this.since = since
  }

  #passes(): Passing {
    return this.passing ??= new Passing(this.settings.stopTimeout)
  }

  /** The next run begins: what was of the one before and of the time between is over. */
  begin(): void {
    this.asking = false
    this.intent = undefined
    this.why = undefined
    this.passing = undefined
  }

  /** The settings of its next run, when they are other ones: the supervisor was reconfigured. */
  get successor(): TaskSettings | undefined {
    return this.passing?.successor
  }
  set successor(successor: TaskSettings | undefined) {
    if (successor !== this.successor) this.#passes().successor = successor
  }

  get fate(): Fate {
    return this.passing?.fate ?? "stays"
  }
  set fate(fate: Fate) {
    if (fate !== this.fate) this.#passes().fate = fate
  }

  /** While restarts are paused: when it would be restarted without that. */
  get ownRestartAt(): number | undefined {
    return this.passing?.ownRestartAt
  }
  set ownRestartAt(at: number | undefined) {
    if (at !== this.ownRestartAt) this.#passes().ownRestartAt = at
  }

  /** While Failed: when the restart is due; `undefined` while the schedule is being asked, or for an endless delay. */
  get restartAt(): number | undefined {
    return this.passing?.restartAt
  }
  set restartAt(at: number | undefined) {
    if (at !== this.restartAt) this.#passes().restartAt = at
  }

  /** While Failed: the sibling whose restart it waits for. */
  get sibling(): string | undefined {
    return this.passing?.sibling
  }
  set sibling(sibling: string | undefined) {
    if (sibling !== this.sibling) this.#passes().sibling = sibling
  }

  /** A number from 0 to 1 that was drawn with the schedule's newest answer, where pauses need one. */
  get chance(): number | undefined {
    return this.passing?.chance
  }
  set chance(chance: number | undefined) {
    if (chance !== this.chance) this.#passes().chance = chance
  }

  /** The replies that wait for the end; all of them asked for the command that is the intent. */
  get waiters(): Set<number> | undefined {
    return this.passing?.waiters
  }
  set waiters(waiters: Set<number> | undefined) {
    if (waiters !== this.waiters) this.#passes().waiters = waiters
  }

  /** How long the run under way may take to end. */
  get stopTimeout(): number {
    return this.passing?.stopTimeout ?? this.settings.stopTimeout
  }
  set stopTimeout(stopTimeout: number) {
    if (stopTimeout !== this.stopTimeout) this.#passes().stopTimeout = stopTimeout
  }

  get overdue(): boolean {
    return this.passing?.overdue === true
  }
  set overdue(overdue: boolean) {
    if (overdue !== this.overdue) this.#passes().overdue = overdue
  }

  get probeFailures(): number {
    return this.passing?.probeFailures ?? 0
  }
  set probeFailures(failures: number) {
    if (failures !== this.probeFailures) this.#passes().probeFailures = failures
  }

  get probeCause(): Cause.Cause<unknown> | undefined {
    return this.passing?.probeCause
  }
  set probeCause(cause: Cause.Cause<unknown> | undefined) {
    if (cause !== this.probeCause) this.#passes().probeCause = cause
  }
}
