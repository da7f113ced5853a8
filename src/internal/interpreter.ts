/**
 * Carries decisions out: starts and interrupts runs, asks schedules, answers commands, tells what happened. It decides
 * nothing.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { RestartReason } from "../RestartPolicy.ts"
import * as SupervisorError from "../SupervisorError.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type * as Task from "../Task.ts"
import type { FinalReport, TaskStatus, UnstoppableRun } from "../TaskStatus.ts"
import * as Causes from "./causes.ts"
import { isRunning } from "./entry.ts"
import type { Inbox } from "./inbox.ts"
import { isSupervisor } from "./nesting.ts"
import * as Render from "./render.ts"
import { Reporter } from "./reporter.ts"
import type { Child, Count, Definition, Host, Place, Settlement, Step, Subtree, Supervised } from "./run.ts"
import { pathOf, Run } from "./run.ts"
import type { Answer, Decision, Entry, Event, GiveUp, Refusal, Settled, State } from "./state.ts"
import type { Time } from "./time.ts"
import * as View from "./view.ts"
import * as Waiters from "./waiters.ts"

export type Refused = SupervisorError.CommandError | SupervisorError.InvalidOptions

/** How a supervisor ended. */
export type End = Exit.Exit<FinalReport, SupervisorError.SupervisorError>

/** A task of a list. */
type Listed = Pick<Task.Task<unknown, unknown, unknown>, "effect" | "name" | "options">

const isOf = (task: Definition, there: Definition): boolean =>
  there.effect === task.effect && there.options.own === task.options.own

/** After how much a turn takes no more. */
export const aTurn = 512

export class Interpreter implements Subtree {
  readonly path: string
  /** The `RunningSupervisor`, as soon as there is one. */
  supervisor: unknown = undefined
  readonly state: State
  readonly time: Time
  readonly reporter: Reporter
  readonly tasks = new Map<number, Supervised>()
  /** Those who wait for an answer, by number. */
  readonly pending = new Map<number, (answer: Exit.Exit<void, Refused>) => void>()
  readonly closing = Waiters.make<End>()
  /** Those who wait until all listed tasks have been up, or the end has come. */
  readonly starting = Waiters.make<End | undefined>()
  end: End | undefined = undefined
  /** The tasks that are supervisors, as far as is known. */
  readonly nested = new Set<number>()
  /** What changed tasks will be from their next run on. */
  readonly #successors = new Map<number, Supervised>()
  readonly #parent: Run | undefined
  readonly #context: Context.Context<never>
  readonly #inbox: Inbox
  readonly #feed: (event: Event) => void
  readonly #host: Host
  /** Those to be told once everything that follows from the event has been decided: they see the outcome of all of it. */
  #tellings: Array<() => void> = []
  #timer: Fiber.Fiber<void> | undefined = undefined
  /** Something that was taken from the inbox together with what is being looked at is still ahead. */
  isAhead = false
  /** Counts what has been decided, so that what was computed from all of it can be kept until the next. */
  happened = 0
  /** How much has been done in this turn. */
  done = 0

  constructor(options: {
    readonly path: string
    /** The run that the supervisor is made in. */
    readonly parent: Run | undefined
    readonly state: State
    readonly time: Time
    readonly context: Context.Context<never>
    readonly inbox: Inbox
    /** Decides an event that came of carrying out a decision, once the decisions before it have been carried out. */
    readonly feed: (event: Event) => void
  }) {
    this.path = options.path
    this.#parent = options.parent
    this.state = options.state
    this.time = options.time
    this.#context = options.context
    this.#inbox = options.inbox
    this.#feed = options.feed
    this.reporter = new Reporter({ ...options, above: options.parent?.above })
    this.#host = {
      now: () => this.time.now(),
      above: this.reporter,
      signal: (run) => {
        if (run.isAwaited) this.#inbox.urgent(run)
        else this.#inbox.ordinary(run)
      },
      nests: (run) => this.nested.add(run.supervised.id)
    }
  }

  /** `now`: when it was decided. */
  carryOut(decision: Decision, now: number): void {
    switch (decision._tag) {
      case "Start":
        return this.#start(this.#task(decision.id), decision.generation, decision.attempt)
      case "Interrupt":
        return this.#interrupt(this.#task(decision.id))
      case "AskSchedule":
        return this.#ask(this.#task(decision.id), decision.generation, decision.reason, decision.fresh)
      case "ForgetQuestion":
        return this.#forgetQuestion(this.#task(decision.id))
      case "Reply":
        return this.#answer(decision.to, Exit.void)
      case "Refuse":
        return this.#answer(decision.to, Exit.fail(this.#refused(decision.refusal)))
      case "Notify":
        return this.reporter.notify(decision, now)
      case "Settle":
        return this.#settle(this.#task(decision.id), decision.outcome)
      case "Forget":
        return this.forget(decision.id)
      case "Tell":
        return this.reporter.tell(decision.notice, now)
      case "Hurry":
        return this.#hurry(decision.id)
      case "Up":
        return this.#wakeAll(this.starting, undefined)
      case "Wake":
        return this.#wake(decision.at)
      case "SleepOn":
        return this.#sleepOn()
      case "Closing":
        return this.#closing(decision.failure, now)
      case "Close":
        return this.#close(now)
    }
  }

  #task(id: number): Supervised {
    const task = this.tasks.get(id)
    if (task === undefined) throw new Error(`no task with id ${id}: a decision names one that is not there`)
    return task
  }

  // ---------------------------------------------------------------------------------------------------------------
  // runs
  // ---------------------------------------------------------------------------------------------------------------

  #start(known: Supervised, generation: number, attempt: number): void {
    const task = this.#succeed(known)
    // The promise that everything else leans on. A breach would be a defect of the decision: better none than two.
    if (task.run?.isRunning === true) throw new Error(`two runs of task "${task.name}" at once`)
    task.settled = undefined
    task.settlement = undefined
    const run = new Run(task, generation, attempt, this.#host)
    task.run = run
    this.#guarded(() => run.start())
    // One that is over already has shown no life; its end is told next.
    if (!run.isOver) this.#feed({ _tag: "Begun", id: task.id, generation })
  }

  /** What its next run is: the same, revised, or another task from here on; the old one will not be heard of again. */
  #succeed(task: Supervised): Supervised {
    const { id } = task
    const successor = this.#successors.get(id) ?? task
    if (successor !== task) {
      this.#successors.delete(id)
      this.tasks.set(id, successor)
      if (task.settled === undefined) this.#settle(task, { _tag: "Stopped", runs: task.run?.generation ?? 0 })
    }
    const { revised } = successor
    if (revised !== undefined) {
      if (successor.options.policy !== revised.options.policy) successor.step = undefined
      Object.assign(successor, revised)
      successor.revised = undefined
    }
    // Whatever the run before was: this one has not made a supervisor yet.
    if (successor !== task || revised !== undefined || this.nested.has(id)) this.#marked(successor)
    return successor
  }

  /** Takes note of a task that is to be run. */
  adopt(task: Supervised): void {
    this.tasks.set(task.id, task)
    this.#marked(task)
  }

  #marked(task: Supervised): void {
    if (isSupervisor(task.effect)) this.nested.add(task.id)
    else this.nested.delete(task.id)
  }

  forget(id: number): void {
    this.tasks.delete(id)
    this.nested.delete(id)
    this.#successors.delete(id)
  }

  /** What a task of a list is here: the same as the one that is there, or another. */
  isSame(task: Supervised): boolean {
    const there = this.definition(task.name)
    if (there === undefined) return false
    const { own: { version } } = task.options
    return (version !== undefined && version === there.options.own.version) || isOf(task, there)
  }

  /** A task as it was defined last: the one that runs next, and what it is. */
  defined(name: string): { readonly supervised: Supervised; readonly definition: Definition } | undefined {
    const entry = this.state.names.get(name)
    const supervised = entry === undefined ? undefined : this.#successors.get(entry.id) ?? this.tasks.get(entry.id)
    return supervised === undefined ? undefined : { supervised, definition: supervised.revised ?? supervised }
  }

  definition(name: string): Definition | undefined {
    return this.defined(name)?.definition
  }

  /** The tasks of the list, as they were defined last. */
  listed(): ReadonlyArray<Listed> {
    return Array.from(this.state.entries.values()).filter((entry) => entry.listed).map(({ id, name }) => {
      const { effect, options } = this.definition(name) ?? this.#task(id)
      return { name, effect, options: options.own }
    })
  }

  /** Takes over what a task of a new list is, from its next run on. */
  redefine(id: number, task: Supervised, isSame: boolean): void {
    const there = this.#successors.get(id) ?? this.tasks.get(id)
    if (there === undefined) return
    const { context, effect, listed, options } = task
    if (isSame) there.revised = { context, effect, listed, options }
    else this.#successors.set(id, { ...task, id })
  }

  #interrupt(task: Supervised): void {
    const { run } = task
    if (run === undefined) return
    this.#bind(run)
    this.#guarded(() => run.interrupt())
    // Most end as they are interrupted. That is seen at once, if nothing has come before it, and up to a bound: others
    // have their turn, too.
    if (run.hasEnded && !this.isAhead && this.#inbox.isQuiet() && this.done < aTurn) {
      this.done++
      this.attend(run)
    }
  }

  /** The end of a run is waited for: what it supervises itself takes its time, too. Asked once, while it is there. */
  #bind(run: Run): void {
    const { generation, supervised: { id, options } } = run
    if (run.isBound || !this.nested.has(id) || !options.derivesStopTimeout) return
    run.isBound = true
    const bound = run.subtrees.reduce((sum, subtree) => sum + subtree.stopBound(), 0)
    if (bound > 0) this.#feed({ _tag: "Bound", id, generation, bound })
  }

  /** What waits of a run, in the order it came: beats, failed probes, the end. */
  attend(run: Run): void {
    const { generation, supervised: { id } } = run
    if (run.beatAt !== undefined) {
      const { beatAt: at, beatDetails: details } = run
      run.forgetBeat()
      this.#feed({ _tag: "Beat", id, generation, at, details })
    }
    for (const cause of run.takeFailedProbes()) this.#feed({ _tag: "ProbeFailed", id, generation, cause })
    if (run.isUnwinding) {
      this.#feed({ _tag: "Unwinding", id, generation })
      this.#bind(run)
    }
    if (run.isLingering) this.#feed({ _tag: "Lingering", id, generation })
    if (run.hasEnded && !run.taken) {
      run.taken = true
      const entry = this.state.entries.get(id)
      if (entry !== undefined && entry.generation === generation) this.reporter.ran(this.time.now() - entry.begunAt)
      this.#feed({ _tag: "Ended", id, generation, outcome: run.outcome() })
    }
  }

  // ---------------------------------------------------------------------------------------------------------------
  // schedules
  // ---------------------------------------------------------------------------------------------------------------

  #ask(task: Supervised, generation: number, reason: RestartReason<unknown>, fresh: boolean): void {
    if (fresh) task.step = undefined
    const question = Effect.runForkWith(task.context)(this.#step(task, reason))
    const exit = question.pollUnsafe()
    // Nearly every schedule answers at once; one that waits for something is not waited for here.
    if (exit !== undefined) return this.#feed(this.#answered(task.id, generation, exit))
    task.question = question
    question.addObserver((exit) => {
      if (task.question !== question) return
      task.question = undefined
      this.#inbox.ordinary({ _tag: "Answered", event: this.#answered(task.id, generation, exit) })
    })
  }

  #step(task: Supervised, reason: RestartReason<unknown>): ReturnType<Step> {
    // Schedules see the wall clock: cron needs it.
    const now = this.time.wall(this.time.now())
    const { step } = task
    if (step !== undefined) return Effect.suspend(() => step(now, reason))
    return Effect.flatMap(Schedule.toStep(task.options.policy.schedule), (step) => {
      task.step = step as Step
      return step(now, reason)
    })
  }

  #answered(
    id: number,
    generation: number,
    exit: Exit.Exit<readonly [unknown, Duration.Duration], unknown>
  ): Event & { readonly _tag: "Answered" } {
    return { _tag: "Answered", id, generation, answer: this.#answerOf(exit) }
  }

  #answerOf(exit: Exit.Exit<readonly [unknown, Duration.Duration], unknown>): Answer {
    if (Exit.isFailure(exit)) {
      return Pull.isDoneCause(exit.cause) ? { _tag: "Done" } : { _tag: "Died", cause: Causes.asDefect(exit.cause) }
    }
    const delay = Duration.toMillis(exit.value[1])
    // Where restarts may be paused, each of them draws its place among those that begin after a pause.
    return this.state.settings.intensity?.whenExceeded === "pause"
      ? { _tag: "Delay", delay, chance: Context.get(this.#context, Random.Random).nextDoubleUnsafe() }
      : { _tag: "Delay", delay }
  }

  #forgetQuestion(task: Supervised): void {
    const question = task.question
    task.question = undefined
    question?.interruptUnsafe()
  }

  // ---------------------------------------------------------------------------------------------------------------
  // the timer
  // ---------------------------------------------------------------------------------------------------------------

  #wake(at: number): void {
    this.#sleepOn()
    const millis = at - this.time.now()
    if (millis <= 0) return this.#inbox.urgent({ _tag: "Tick" })
    this.#timer = Effect.runForkWith(this.#context)(
      Effect.andThen(Effect.sleep(Math.ceil(millis)), Effect.sync(() => this.#inbox.urgent({ _tag: "Tick" })))
    )
  }

  #sleepOn(): void {
    this.#timer?.interruptUnsafe()
    this.#timer = undefined
  }

  // ---------------------------------------------------------------------------------------------------------------
  // answers
  // ---------------------------------------------------------------------------------------------------------------

  #answer(to: number, answer: Exit.Exit<void, Refused>): void {
    const resume = this.pending.get(to)
    if (resume === undefined) return
    this.pending.delete(to)
    this.#tellings.push(() => resume(answer))
  }

  /** Whoever is resumed goes on at once, in the loop's turn; what its observers throw is not the supervisor's affair. */
  #guarded(resume: () => void): void {
    try {
      resume()
    } catch (thrown) {
      this.reporter.threw(Cause.die(thrown))
    }
  }

  #wakeAll<A>(waiters: Waiters.Waiters<A>, outcome: A): void {
    for (const resume of Waiters.take(waiters)) this.#tellings.push(() => resume(outcome))
  }

  /** Gives the answers that have come together. */
  tell(): void {
    while (this.#tellings.length > 0) {
      const tellings = this.#tellings
      this.#tellings = []
      for (const telling of tellings) this.#guarded(telling)
    }
  }

  #refused(refusal: Refusal): Refused {
    const data = { supervisor: this.path, ...refusal }
    switch (data._tag) {
      case "TaskNotFound":
        return this.notFound(data.task)
      case "TaskAlreadyExists":
        return new SupervisorError.TaskAlreadyExists(data)
      case "TaskAlreadyRunning":
        return new SupervisorError.TaskAlreadyRunning(data)
      case "MaxTasksReached":
        return new SupervisorError.MaxTasksReached(data)
      case "TaskUnstoppable":
        return new SupervisorError.TaskUnstoppable(data)
      case "CommandSuperseded":
        return new SupervisorError.CommandSuperseded(data)
      case "InvalidOptions":
        return new SupervisorError.InvalidOptions(data)
      case "SupervisorClosed":
        return this.closedError()
    }
  }

  notFound(task: string): SupervisorError.TaskNotFound {
    return new SupervisorError.TaskNotFound({ supervisor: this.path, task })
  }

  closedError(): SupervisorError.SupervisorClosed {
    return new SupervisorError.SupervisorClosed({ supervisor: this.path })
  }

  #settle(task: Supervised, outcome: Settled): void {
    task.settled = outcome
    task.settlement = undefined
    task.step = undefined
    const waiters = task.waiters
    if (waiters !== undefined && waiters.resumes.size > 0) {
      this.#wakeAll(waiters, this.#settlement(task, outcome))
    }
  }

  /** The outcome of a task, or nothing yet. The error is made when somebody asks: most never do. */
  settlement(task: Supervised): Settlement | undefined {
    return task.settlement ?? (task.settled === undefined ? undefined : this.#settlement(task, task.settled))
  }

  #settlement(task: Supervised, outcome: Settled): Settlement {
    task.settlement = this.#settlementOf(task, outcome)
    return task.settlement
  }

  #settlementOf(task: Supervised, outcome: Settled): Settlement {
    switch (outcome._tag) {
      case "Completed":
        return Exit.succeed(task.run?.value)
      case "Stopped":
        return Exit.fail(
          new SupervisorError.TaskStopped({ supervisor: this.path, task: task.name, runs: outcome.runs })
        )
      case "Dead":
        return Exit.fail(this.#taskDead(task, outcome))
    }
  }

  #taskDead(task: Supervised, outcome: Settled & { readonly _tag: "Dead" }): SupervisorError.TaskDead {
    const { failure, policyCause, runs, why } = outcome
    const own = Causes.ofReason(failure?.reason)
    const cause = policyCause === undefined ? own : Causes.both(own, policyCause)
    return new SupervisorError.TaskDead({
      supervisor: this.path,
      task: task.name,
      why,
      runs,
      failure: Render.causeLine(cause),
      cause
    })
  }

  // ---------------------------------------------------------------------------------------------------------------
  // views
  // ---------------------------------------------------------------------------------------------------------------

  statusOf(entry: Entry): TaskStatus {
    return View.status(entry, this.#ofId, this.time, this.time.now())
  }

  /** Of its own tasks. */
  ownStatuses(): ReadonlyArray<TaskStatus> {
    const { happened, state: { entries } } = this
    const now = this.time.now()
    const anchor = this.time.wall(0)
    const before = this.#shown
    if (before.happened === happened && before.anchor === anchor && now < before.until) return before.statuses.slice()
    const statuses: Array<TaskStatus> = []
    let until = Number.POSITIVE_INFINITY
    for (const entry of entries.values()) {
      statuses.push(View.status(entry, this.#ofId, this.time, now))
      until = Math.min(until, View.isShownUntil(entry, now))
    }
    this.#shown = { happened, anchor, until, statuses }
    return statuses.slice()
  }

  readonly #ofId = (id: number): Supervised => this.#task(id)

  /** All statuses as they were shown last, and for how long they are that. */
  #shown: {
    readonly happened: number
    readonly anchor: number
    readonly until: number
    readonly statuses: ReadonlyArray<TaskStatus>
  } = { happened: -1, anchor: 0, until: 0, statuses: [] }

  #subtrees(id: number): ReadonlyArray<Subtree> {
    return this.nested.has(id) ? this.#task(id).run?.subtrees ?? [] : []
  }

  /** Of the whole tree: each task, and after it those below it. */
  statuses(): ReadonlyArray<TaskStatus> {
    if (this.nested.size === 0) return this.ownStatuses()
    const all: Array<TaskStatus> = []
    for (const entry of this.state.entries.values()) {
      all.push(this.statusOf(entry))
      for (const subtree of this.#subtrees(entry.id)) for (const status of subtree.statuses()) all.push(status)
    }
    return all
  }

  /** The runs in the whole tree that have not ended within their bound. */
  unstoppable(): ReadonlyArray<UnstoppableRun> {
    const all: Array<UnstoppableRun> = []
    if (this.state.counts.Stopping === 0 && this.nested.size === 0) return all
    for (const entry of this.state.entries.values()) {
      if (entry.overdue && this.#task(entry.id).run?.isRunning === true) {
        all.push({
          task: entry.name,
          path: pathOf(this.#task(entry.id)),
          generation: entry.generation,
          stoppingSince: this.time.wall(entry.since)
        })
      }
      for (const subtree of this.#subtrees(entry.id)) for (const run of subtree.unstoppable()) all.push(run)
    }
    return all
  }

  #child(entry: Entry): Child {
    const type = this.nested.has(entry.id) ? "supervisor" : "worker"
    return { task: entry.name, path: pathOf(this.#task(entry.id)), type, status: this.statusOf(entry) }
  }

  ownChildren(): ReadonlyArray<Child> {
    return Array.from(this.state.entries.values(), (entry) => this.#child(entry))
  }

  /** Of the whole tree. */
  children(): ReadonlyArray<Child> {
    const all: Array<Child> = []
    for (const entry of this.state.entries.values()) {
      all.push(this.#child(entry))
      for (const subtree of this.#subtrees(entry.id)) for (const child of subtree.children()) all.push(child)
    }
    return all
  }

  ownCount(): Count {
    const { counts, entries } = this.state
    const supervisors = this.nested.size
    return {
      specs: entries.size,
      active: counts.Starting + counts.Healthy + counts.Stopping,
      supervisors,
      workers: entries.size - supervisors
    }
  }

  /** Of the whole tree. */
  count(): Count {
    let { active, specs, supervisors, workers } = this.ownCount()
    for (const id of this.nested) {
      for (const subtree of this.#subtrees(id)) {
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
    const entry = this.state.names.get(name)
    if (entry === undefined || name === from) return { subtree: this, task: from, isThere: entry !== undefined }
    const full = `${this.path}/${from}`
    // Of those whose place it may be in, the nearest; of equal ones the newest.
    const places = this.#subtrees(entry.id).filter(({ path }) => full.startsWith(`${path}/`)).toReversed()
      .toSorted((one, other) => other.path.length - one.path.length)
      .map((subtree) => subtree.place(full.slice(subtree.path.length + 1)))
    return places.find(({ isThere }) => isThere) ?? places[0] ?? { subtree: this, task: from, isThere: false }
  }

  get isClosed(): boolean {
    return this.end !== undefined
  }

  snapshot(sequence: number): SupervisorEvent {
    const time = this.time.wall(this.time.now())
    return { _tag: "Snapshot", sequence, time, supervisor: this.path, statuses: this.ownStatuses() }
  }

  snapshots(): ReadonlyArray<SupervisorEvent> {
    const own = this.snapshot(this.reporter.bulletin.sequence)
    const all = [own]
    for (const id of this.nested) {
      for (const subtree of this.#subtrees(id)) if (!subtree.isClosed) all.push(...subtree.snapshots())
    }
    return all
  }

  stopBound(): number {
    const { entries, settings: { group, shutdownTimeout } } = this.state
    let sum = 0
    let longest = 0
    for (const entry of entries.values()) {
      if (!isRunning(entry) || entry.overdue) continue
      const within = this.#task(entry.id).options.derivesStopTimeout
        ? this.#subtrees(entry.id).reduce((all, subtree) => all + subtree.stopBound(), 0)
        : 0
      const bound = entry.settings.stopTimeout + within
      sum += bound
      longest = Math.max(longest, bound)
    }
    return Math.min(group === undefined ? sum : longest, shutdownTimeout)
  }

  get height(): number {
    let highest = 0
    for (const id of this.nested) {
      for (const { height, isClosed } of this.#subtrees(id)) if (!isClosed) highest = Math.max(highest, height + 1)
    }
    return highest
  }

  #hurry(id: number): void {
    let levels = 0
    for (const subtree of this.#subtrees(id)) {
      if (subtree.isClosed) continue
      levels = Math.max(levels, subtree.height + 1)
      subtree.hurry()
    }
    if (levels > 0) this.#feed({ _tag: "Hurried", levels })
  }

  hurry(): void {
    this.#inbox.urgent({ _tag: "Command", event: { _tag: "Hurry" }, task: undefined })
  }

  // ---------------------------------------------------------------------------------------------------------------
  // the end
  // ---------------------------------------------------------------------------------------------------------------

  #reason: SupervisorError.SupervisorError["reason"] | undefined = undefined

  #reasonOf(failure: GiveUp): SupervisorError.SupervisorError["reason"] {
    if (failure._tag === "TooManyDeadTasks") {
      const { dead, threshold, total } = failure
      return new SupervisorError.TooManyDeadTasks({ dead, total, threshold })
    }
    const task = this.#task(failure.id)
    if (failure._tag === "TooManyRestarts") return this.#tooManyRestarts(task, failure)
    const settlement = this.settlement(task)
    const dead = settlement !== undefined && Exit.isFailure(settlement) ? Cause.squash(settlement.cause) : undefined
    if (!(dead instanceof SupervisorError.TaskDead)) throw new Error(`task "${task.name}" escalates and is not dead`)
    return task.listed ? dead : new SupervisorError.DynamicTaskDead({ dead })
  }

  #tooManyRestarts(
    task: Supervised,
    { reason, restarts, within }: GiveUp & { readonly _tag: "TooManyRestarts" }
  ): SupervisorError.SupervisorError["reason"] {
    const cause = Causes.ofReason(reason)
    const failure = reason._tag === "Completed" ? "" : Render.causeLine(cause)
    const exceeded = new SupervisorError.TooManyRestarts({ task: task.name, restarts, within, failure, cause })
    return task.listed ? exceeded : new SupervisorError.DynamicTooManyRestarts({ exceeded })
  }

  #closing(failure: GiveUp | undefined, now: number): void {
    if (failure !== undefined) this.#reason = this.#reasonOf(failure)
    this.reporter.closing(this.#reason, now)
  }

  #close(now: number): void {
    this.#sleepOn()
    const report = this.#report()
    const reason = this.#reason
    this.reporter.closed(reason, report, now)
    // The run that this supervisor is made in is not over before these are.
    for (const entry of this.state.entries.values()) {
      const run = entry.overdue ? this.#task(entry.id).run : undefined
      if (run !== undefined) this.#parent?.linger(run)
    }
    this.#finish(
      reason === undefined
        ? Exit.succeed(report)
        : Exit.fail(new SupervisorError.SupervisorError({ supervisor: this.path, reason, report }))
    )
    const closed = Exit.fail(this.closedError())
    for (const to of Array.from(this.pending.keys())) this.#answer(to, closed)
    // Whoever waits for a task whose run did not end would wait for ever.
    for (const task of this.tasks.values()) {
      const entry = this.state.entries.get(task.id)
      if (task.settled !== undefined || entry === undefined) continue
      const { generation, lastFailure } = entry
      this.#settle(task, {
        _tag: "Dead",
        why: "ShutDown",
        runs: generation,
        failure: lastFailure,
        policyCause: undefined
      })
    }
  }

  /** The statuses are made when somebody looks at them: nothing changes any more. */
  #report(): FinalReport {
    let statuses: ReadonlyArray<TaskStatus> | undefined
    const made = () => statuses ??= this.statuses()
    return {
      get statuses() {
        return made()
      },
      unstoppable: this.unstoppable()
    }
  }

  #finish(end: End): void {
    this.end = end
    this.reporter.close()
    this.#inbox.close()
    this.#wakeAll(this.closing, end)
    this.#wakeAll(this.starting, end)
  }

  /** A defect in the loop: everybody who waits is told, and nothing is left running unsupervised. */
  crash(cause: Cause.Cause<never>): void {
    if (this.end !== undefined) return
    this.reporter.crashed(cause)
    this.#sleepOn()
    this.state.closed = true
    this.#finish(Exit.failCause(cause))
    for (const to of Array.from(this.pending.keys())) this.#answer(to, Exit.failCause(cause))
    for (const task of Array.from(this.tasks.values()).toReversed()) {
      this.#forgetQuestion(task)
      this.#interrupt(task)
      const settlement = this.settlement(task) ?? Exit.failCause(cause)
      task.settlement = settlement
      if (task.waiters !== undefined) this.#wakeAll(task.waiters, settlement)
    }
    this.tell()
  }
}
