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
import type { FinalReport, TaskStatus } from "../TaskStatus.ts"
import { Backlog } from "./backlog.ts"
import * as Causes from "./causes.ts"
import { buryLate } from "./entry.ts"
import type { Inbox } from "./inbox.ts"
import { Registry } from "./registry.ts"
import { Reporter } from "./reporter.ts"
import type { Host, Step, Supervised } from "./run.ts"
import { Run } from "./run.ts"
import { Settlements } from "./settlements.ts"
import type { Answer, Decision, Event, GiveUp, Refusal, State } from "./state.ts"
import type { Time } from "./time.ts"
import { Tree } from "./tree.ts"
import * as Waiters from "./waiters.ts"

export type Refused = SupervisorError.CommandError | SupervisorError.InvalidOptions

/** How a supervisor ended. */
export type End = Exit.Exit<FinalReport, SupervisorError.SupervisorError>

/** After how much a turn takes no more. */
export const aTurn = 512

export class Interpreter {
  readonly path: string
  readonly state: State
  readonly time: Time
  readonly reporter: Reporter
  readonly registry: Registry
  readonly tree: Tree
  readonly settlements: Settlements
  /** Those who wait for an answer, by number. */
  readonly pending = new Map<number, (answer: Exit.Exit<void, Refused>) => void>()
  readonly closing = Waiters.make<End>()
  /** Those who wait until all listed tasks have been up, or the end has come. */
  readonly starting = Waiters.make<End | undefined>()
  end: End | undefined = undefined
  readonly #parent: Run | undefined
  readonly #context: Context.Context<never>
  readonly #inbox: Inbox
  readonly #feed: (event: Event) => void
  readonly #host: Host
  /** Those to be told once everything that follows from the event has been decided: they see the outcome of all of it. */
  #tellings: Array<() => void> = []
  #timer: Fiber.Fiber<void> | undefined = undefined
  /** Those that ended as they were interrupted, and have not been looked at. */
  readonly #over = new Backlog<Run>()
  /** Something is still ahead that came, or fell due, together with what is being looked at. */
  isAhead = false
  /** How much has been done in this turn. */
  done = 0

  constructor(options: {
    readonly path: string
    /** The run that the supervisor is made in. */
    readonly parent: Run | undefined
    readonly state: State
    readonly time: Time
    readonly context: Context.Context<never>
    readonly eventCapacity: number
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
    const label = options.parent?.labelFor(options.path) ?? options.path
    this.reporter = new Reporter({ ...options, label, above: options.parent?.above })
    this.registry = new Registry(options.state)
    this.settlements = new Settlements({
      ...options,
      registry: this.registry,
      wake: (waiters, settlement) => this.#wakeAll(waiters, settlement)
    })
    this.tree = new Tree({
      ...options,
      registry: this.registry,
      bulletin: this.reporter.bulletin,
      hurry: () => this.#inbox.urgent({ _tag: "Command", event: { _tag: "Hurry" }, task: undefined })
    })
    this.#host = {
      now: () => this.time.now(),
      label,
      isGroup: () => this.state.settings.group !== undefined,
      above: this.reporter,
      signal: (run) => {
        if (run.isAwaited) this.#inbox.urgent(run)
        else this.#inbox.ordinary(run)
      },
      nests: (run) => this.registry.nested.add(run.supervised.id)
    }
  }

  /** `now`: when it was decided. */
  carryOut(decision: Decision, now: number): void {
    switch (decision._tag) {
      case "Notify":
        return this.reporter.notify(decision, now)
      case "Start":
        return this.#start(this.registry.task(decision.id), decision.generation, decision.attempt)
      case "Interrupt":
        return this.#interrupt(this.registry.task(decision.id))
      case "AskSchedule":
        return this.#ask(this.registry.task(decision.id), decision, now)
      case "ForgetQuestion":
        return this.#forgetQuestion(this.registry.task(decision.id))
      case "Reply":
        return this.#answer(decision.to, Exit.void)
      case "Refuse":
        return this.#answer(decision.to, Exit.fail(this.#refused(decision.refusal)))
      case "Settle":
        return this.settlements.settle(this.registry.task(decision.id), decision.outcome)
      case "Forget":
        return this.registry.forget(decision.id)
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

  // ---------------------------------------------------------------------------------------------------------------
  // runs
  // ---------------------------------------------------------------------------------------------------------------

  #start(known: Supervised, generation: number, attempt: number): void {
    const task = this.registry.succeed(known)
    // The task that it was until now will not be heard of again.
    if (task !== known && known.settled === undefined) {
      this.settlements.settle(known, { _tag: "Stopped", runs: known.run?.generation ?? 0 })
    }
    // The promise that everything else leans on. A breach would be a defect of the decision: better none than two.
    if (task.run?.isRunning === true) throw new Error(`two runs of task "${task.name}" at once`)
    task.settled = undefined
    task.settlement = undefined
    const run = new Run(task, generation, attempt, this.#host)
    task.run = run
    try {
      run.start()
    } catch (thrown) {
      this.#threw(thrown)
    }
    // One that is over already has shown no life; its end is told next.
    if (!run.isOver) this.#feed({ _tag: "Begun", id: task.id, generation })
  }

  #interrupt(task: Supervised): void {
    const { run } = task
    if (run === undefined) return
    this.#bind(run)
    try {
      run.interrupt()
    } catch (thrown) {
      this.#threw(thrown)
    }
    // Most end as they are interrupted, and have said so. Where nothing else waits, that need not wait in the inbox; up to a
    // bound: others have their turn, too.
    const isNext = run.hasEnded && run.hasSignalled && !this.isAhead && this.done < aTurn
    if (!isNext || !this.#inbox.takeBack()) return
    this.done++
    this.#over.push(run)
  }

  /** Looks at the next run that ended as it was interrupted, once all that was decided before has been carried out. */
  attendOver(): boolean {
    const run = this.#over.shift()
    if (run === undefined) return false
    run.look()
    this.attend(run)
    return true
  }

  /** The end of a run is waited for: what it supervises itself takes its time, too. Asked once, while it is there. */
  #bind(run: Run): void {
    const { generation, supervised: { id, options } } = run
    if (!this.registry.nested.has(id) || !options.derivesStopTimeout || !run.bind()) return
    const bound = run.subtrees.reduce((sum, subtree) => sum + subtree.stopBound(), 0)
    if (bound > 0) this.#feed({ _tag: "Bound", id, generation, bound })
  }

  /** What waits of a run, in the order it came: beats, failed probes, the end. */
  attend(run: Run): void {
    const { generation, supervised: { id, options: { heartbeat } } } = run
    const sign = run.takeBeat()
    if (sign !== undefined) {
      this.#feed({ _tag: "Beat", id, generation, sign })
      run.isQuiet = heartbeat._tag === "Manual"
    }
    for (const cause of run.takeFailedProbes()) this.#feed({ _tag: "ProbeFailed", id, generation, cause })
    if (run.isUnwinding) {
      this.#feed({ _tag: "Unwinding", id, generation })
      this.#bind(run)
    }
    if (run.isLingering) this.#feed({ _tag: "Lingering", id, generation })
    if (run.hasEnded && !run.taken) {
      run.taken = true
      this.#feed({ _tag: "Ended", id, generation, outcome: run.outcome(), byItself: run.isOwnEnd })
    }
  }

  /** How long a run lived, before the next one begins. */
  measure({ generation, id }: Event & { readonly _tag: "Ended" }, now: number): void {
    const entry = this.state.entries.get(id)
    if (entry !== undefined && entry.generation === generation) this.reporter.ran(now - entry.begunAt)
  }

  // ---------------------------------------------------------------------------------------------------------------
  // schedules
  // ---------------------------------------------------------------------------------------------------------------

  #ask(
    task: Supervised,
    { fresh, generation, reason }: Decision & { readonly _tag: "AskSchedule" },
    now: number
  ): void {
    if (fresh) task.step = undefined
    // Schedules see the wall clock: cron needs it.
    const question = Effect.runForkWith(task.context)(this.#step(task, reason, this.time.wall(now)))
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

  #step(task: Supervised, reason: RestartReason<unknown>, now: number): ReturnType<Step> {
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
  #threw(thrown: unknown): void {
    this.reporter.threw(Cause.die(thrown))
  }

  #wakeAll<A>(waiters: Waiters.Waiters<A>, outcome: A): void {
    for (const resume of Waiters.take(waiters)) this.#tellings.push(() => resume(outcome))
  }

  /** Gives the answers that have come together. */
  tell(): void {
    while (this.#tellings.length > 0) {
      const tellings = this.#tellings
      this.#tellings = []
      for (const telling of tellings) {
        try {
          telling()
        } catch (thrown) {
          this.#threw(thrown)
        }
      }
    }
  }

  #refused(refusal: Refusal): Refused {
    const data = { supervisor: this.path, ...refusal }
    switch (data._tag) {
      case "TaskNotFound":
        return this.tree.notFound(data.task)
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

  closedError(): SupervisorError.SupervisorClosed {
    return new SupervisorError.SupervisorClosed({ supervisor: this.path })
  }

  #hurry(id: number): void {
    let levels = 0
    for (const subtree of this.registry.subtrees(id)) {
      if (subtree.isClosed) continue
      levels = Math.max(levels, subtree.height + 1)
      subtree.hurry()
    }
    if (levels > 0) this.#feed({ _tag: "Hurried", levels })
  }

  // ---------------------------------------------------------------------------------------------------------------
  // the end
  // ---------------------------------------------------------------------------------------------------------------

  #reason: SupervisorError.SupervisorError["reason"] | undefined = undefined

  #closing(failure: GiveUp | undefined, now: number): void {
    if (failure !== undefined) this.#reason = this.settlements.reasonOf(failure)
    this.reporter.closing(this.#reason, now)
  }

  #close(now: number): void {
    this.#sleepOn()
    const report = this.#report()
    const reason = this.#reason
    this.reporter.closed(reason, report, now)
    const parent = this.#parent
    const left = parent === undefined || this.state.counts.Stopping === 0 ? [] : this.state.names.values()
    for (const entry of left) {
      const run = entry.overdue ? this.registry.task(entry.id).run : undefined
      if (run?.isRunning !== true) continue
      // Nothing is decided any more: when it ends after all, those above are told that it has.
      run.whenOver(() => {
        const now = this.time.now()
        for (const told of buryLate(this.state, entry, now)) this.reporter.notify(told, now)
        this.tree.happened++
      })
      // The run that this supervisor is made in is not over before that.
      parent?.linger(run)
    }
    this.#finish(
      reason === undefined
        ? Exit.succeed(report)
        : Exit.fail(new SupervisorError.SupervisorError({ supervisor: this.path, reason, report }))
    )
    const closed = Exit.fail(this.closedError())
    for (const to of Array.from(this.pending.keys())) this.#answer(to, closed)
    this.settlements.conclude()
  }

  /** The statuses are made when somebody looks at them, if nothing changes any more. */
  #report(): FinalReport {
    const unstoppable = this.tree.unstoppable()
    // Those that did not end may still do so: they are shown as they are now.
    let statuses: ReadonlyArray<TaskStatus> | undefined = unstoppable.length > 0 ? this.tree.statuses() : undefined
    const made = () => statuses ??= this.tree.statuses()
    return {
      get statuses() {
        return made()
      },
      unstoppable
    }
  }

  #finish(end: End): void {
    this.end = end
    this.tree.isClosed = true
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
    for (const task of this.registry.tasks.values().toReversed()) {
      this.#forgetQuestion(task)
      this.#interrupt(task)
      for (const one of [task, this.registry.successor(task.id)]) {
        if (one === undefined) continue
        one.settlement = this.settlements.of(one) ?? Exit.failCause(cause)
        if (one.waiters !== undefined) this.#wakeAll(one.waiters, one.settlement)
      }
    }
    this.tell()
  }
}
