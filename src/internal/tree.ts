/**
 * A supervisor and what is below it, as they are looked at: statuses, counts, paths, and what a supervisor above needs to
 * know.
 */
import * as SupervisorError from "../SupervisorError.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { Child, Count, TaskStatus, UnstoppableRun } from "../TaskStatus.ts"
import { isAwaited } from "./entry.ts"
import type { Registry } from "./registry.ts"
import type { Place, Subtree } from "./run.ts"
import { pathOf } from "./run.ts"
import type { State } from "./state.ts"
import type { Entry } from "./taskEntry.ts"
import type { Time } from "./time.ts"
import * as View from "./view.ts"

export class Tree implements Subtree {
  readonly path: string
  /** The `RunningSupervisor`, as soon as there is one. */
  supervisor: unknown = undefined
  isClosed = false
  /** Counts what is decided, and beats that are kept, so that what was computed from all of it can be kept until the next. */
  happened = 0
  readonly hurry: () => void
  readonly #state: State
  readonly #time: Time
  readonly #registry: Registry
  readonly #bulletin: { readonly sequence: number }

  constructor(options: {
    readonly path: string
    readonly state: State
    readonly time: Time
    readonly registry: Registry
    readonly bulletin: { readonly sequence: number }
    readonly hurry: () => void
  }) {
    this.path = options.path
    this.#state = options.state
    this.#time = options.time
    this.#registry = options.registry
    this.#bulletin = options.bulletin
    this.hurry = options.hurry
  }

  notFound(task: string): SupervisorError.TaskNotFound {
    return new SupervisorError.TaskNotFound({ supervisor: this.path, task })
  }

  statusOf(entry: Entry): TaskStatus {
    return View.status(entry, this.#registry.task, this.#time, this.#time.now())
  }

  /** Of its own tasks. */
  ownStatuses(): ReadonlyArray<TaskStatus> {
    const { happened } = this
    const { names } = this.#state
    const now = this.#time.now()
    const anchor = this.#time.wall(0)
    const before = this.#shown
    if (before.happened === happened && before.anchor === anchor && now < before.until) return before.statuses.slice()
    const statuses: Array<TaskStatus> = []
    let until = Number.POSITIVE_INFINITY
    for (const entry of names.values()) {
      statuses.push(View.status(entry, this.#registry.task, this.#time, now))
      until = Math.min(until, View.isShownUntil(entry, now))
    }
    this.#shown = { happened, anchor, until, statuses }
    return statuses.slice()
  }

  /** All statuses as they were shown last, and for how long they are that. */
  #shown: {
    readonly happened: number
    readonly anchor: number
    readonly until: number
    readonly statuses: ReadonlyArray<TaskStatus>
  } = { happened: -1, anchor: 0, until: 0, statuses: [] }

  /** Of the whole tree: each task, and after it those below it. */
  statuses(): ReadonlyArray<TaskStatus> {
    if (this.#registry.nested.size === 0) return this.ownStatuses()
    const all: Array<TaskStatus> = []
    for (const entry of this.#state.names.values()) {
      all.push(this.statusOf(entry))
      for (const subtree of this.#registry.subtrees(entry.id)) for (const status of subtree.statuses()) all.push(status)
    }
    return all
  }

  /** The runs in the whole tree that have not ended within their bound. */
  unstoppable(): ReadonlyArray<UnstoppableRun> {
    const all: Array<UnstoppableRun> = []
    if (this.#state.counts.Stopping === 0 && this.#registry.nested.size === 0) return all
    for (const entry of this.#state.names.values()) {
      const isLeft = entry.overdue && this.#registry.task(entry.id).run?.isRunning === true
      if (isLeft) all.push(this.#left(entry))
      // Whatever still runs within a run that did not end has not ended either, asked to or not.
      for (const subtree of this.#registry.subtrees(entry.id)) {
        for (const run of isLeft ? subtree.left() : subtree.unstoppable()) all.push(run)
      }
    }
    return all
  }

  /** All runs in the whole tree that have not ended. */
  left(): ReadonlyArray<UnstoppableRun> {
    const all: Array<UnstoppableRun> = []
    for (const entry of this.#state.names.values()) {
      if (this.#registry.task(entry.id).run?.isRunning !== true) continue
      all.push(this.#left(entry))
      for (const subtree of this.#registry.subtrees(entry.id)) for (const run of subtree.left()) all.push(run)
    }
    return all
  }

  #left(entry: Entry): UnstoppableRun {
    const { generation, name: task, since } = entry
    return { task, path: pathOf(this.#registry.task(entry.id)), generation, stoppingSince: this.#time.wall(since) }
  }

  #child(entry: Entry): Child {
    const type = this.#registry.nested.has(entry.id) ? "supervisor" : "worker"
    return { task: entry.name, path: pathOf(this.#registry.task(entry.id)), type, status: this.statusOf(entry) }
  }

  ownChildren(): ReadonlyArray<Child> {
    return Array.from(this.#state.names.values(), (entry) => this.#child(entry))
  }

  /** Of the whole tree. */
  children(): ReadonlyArray<Child> {
    const all: Array<Child> = []
    for (const entry of this.#state.names.values()) {
      all.push(this.#child(entry))
      for (const subtree of this.#registry.subtrees(entry.id)) for (const child of subtree.children()) all.push(child)
    }
    return all
  }

  ownCount(): Count {
    const { counts, names } = this.#state
    const supervisors = this.#registry.nested.size
    return {
      specs: names.size,
      active: counts.Starting + counts.Healthy + counts.Stopping,
      supervisors,
      workers: names.size - supervisors
    }
  }

  /** Of the whole tree. */
  count(): Count {
    let { active, specs, supervisors, workers } = this.ownCount()
    for (const id of this.#registry.nested) {
      for (const subtree of this.#registry.subtrees(id)) {
        const count = subtree.count()
        active += count.active
        specs += count.specs
        supervisors += count.supervisors
        workers += count.workers
      }
    }
    return { specs, active, supervisors, workers }
  }

  /**
   * Which supervisor a path leads to, and what is left of it there: in full, as statuses have it
   * (`root/ingest/consumer`), or from here (`ingest/consumer`).
   */
  locate(path: string): Place {
    const own = `${this.path}/`
    const full = path.startsWith(own) ? this.place(path.slice(own.length)) : undefined
    if (full?.isThere === true) return full
    const fromHere = this.place(path)
    return full === undefined || full.subtree === this || fromHere.isThere ? fromHere : full
  }

  place(from: string): Place {
    const name = from.split("/", 1)[0]!
    const entry = this.#state.names.get(name)
    if (entry === undefined || name === from) return { subtree: this, task: from, isThere: entry !== undefined }
    const full = `${this.path}/${from}`
    // Of those whose place it may be in, the nearest; of equal ones the newest.
    const places = this.#registry.subtrees(entry.id).filter(({ path }) => full.startsWith(`${path}/`)).toReversed()
      .toSorted((one, other) => other.path.length - one.path.length)
      .map((subtree) => subtree.place(full.slice(subtree.path.length + 1)))
    return places.find(({ isThere }) => isThere) ?? places[0] ?? { subtree: this, task: from, isThere: false }
  }

  snapshot(sequence: number): SupervisorEvent {
    const time = this.#time.wall(this.#time.now())
    return { _tag: "Snapshot", sequence, time, supervisor: this.path, statuses: this.ownStatuses() }
  }

  snapshots(): ReadonlyArray<SupervisorEvent> {
    const own = this.snapshot(this.#bulletin.sequence)
    const all = [own]
    for (const id of this.#registry.nested) {
      for (const subtree of this.#registry.subtrees(id)) {
        if (!subtree.isClosed) { for (const snapshot of subtree.snapshots()) all.push(snapshot) }
      }
    }
    return all
  }

  stopBound(): number {
    const { names, settings: { group, shutdownTimeout } } = this.#state
    let sum = 0
    let longest = 0
    for (const entry of names.values()) {
      if (!isAwaited(entry)) continue
      const within = this.#registry.task(entry.id).options.derivesStopTimeout
        ? this.#registry.subtrees(entry.id).reduce((all, subtree) => all + subtree.stopBound(), 0)
        : 0
      const bound = entry.settings.stopTimeout + within
      sum += bound
      longest = Math.max(longest, bound)
    }
    return Math.min(group === undefined ? sum : longest, shutdownTimeout)
  }

  get height(): number {
    let highest = 0
    for (const id of this.#registry.nested) {
      for (const { height, isClosed } of this.#registry.subtrees(id)) {
        if (!isClosed) highest = Math.max(highest, height + 1)
      }
    }
    return highest
  }
}
