/**
 * A supervised task and its runs: what to run and with what, the run under way with its fiber, its scope and its signs
 * of life, and who waits for the end.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Heartbeat from "../Heartbeat.ts"
import type { RestartReason } from "../RestartPolicy.ts"
import type { TaskDead, TaskNotFound, TaskStopped } from "../SupervisorError.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { Child, Count, TaskStatus, UnstoppableRun } from "../TaskStatus.ts"
import { CurrentRun } from "./currentRun.ts"
import * as Render from "./render.ts"
import type { Above } from "./reporter.ts"
import type { Merged } from "./settings.ts"
import type { Outcome, Settled, Sign } from "./state.ts"
import type { Waiters } from "./waiters.ts"

/** Steps a schedule: the delay before the next restart, or (`Cause.Done`) that there is none. */
export type Step = (
  now: number,
  reason: RestartReason<unknown>
) => Effect.Effect<readonly [unknown, Duration.Duration], unknown>

/** What awaiting a task gives when nothing more will come of it by itself. */
export type Settlement = Exit.Exit<unknown, TaskDead | TaskStopped>

/** What a task is. */
export type Definition = Pick<Supervised, "context" | "effect" | "listed" | "options">

export interface Supervised {
  readonly id: number
  readonly name: string
  readonly supervisor: { readonly path: string }
  /** One of the tasks its supervisor was made with: its error is part of the supervisor's error type. */
  listed: boolean
  effect: Effect.Effect<unknown, unknown>
  context: Context.Context<never>
  options: Merged
  /** What it will be from its next run on: its supervisor was reconfigured. */
  revised: Definition | undefined
  run: Run | undefined
  step: Step | undefined
  /** The schedule is being asked, and did not answer at once. */
  question: Fiber.Fiber<unknown, unknown> | undefined
  settled: Settled | undefined
  /** Made when the first one waits, or asks. */
  waiters: Waiters<Settlement> | undefined
  settlement: Settlement | undefined
}

/** The path of a task, made when somebody asks. */
export const pathOf = ({ name, supervisor }: Supervised): string => `${supervisor.path}/${name}`

/** Where a path leads: as far as there are supervisors, and what is left of it there. */
export interface Place {
  readonly subtree: Subtree
  readonly task: string
  /** There is such a task. */
  readonly isThere: boolean
}

/** A supervisor within a run, as the supervisor above it sees it. */
export interface Subtree {
  readonly path: string
  /** How many levels of supervisors there are below it. */
  readonly height: number
  readonly isClosed: boolean
  /** The `RunningSupervisor` that it is known by. */
  readonly supervisor: unknown
  /** Where a path leads that is from here. */
  readonly place: (from: string) => Place
  readonly notFound: (task: string) => TaskNotFound
  /** Of its tasks, and of those below them. */
  readonly statuses: () => ReadonlyArray<TaskStatus>
  readonly children: () => ReadonlyArray<Child>
  readonly count: () => Count
  readonly unstoppable: () => ReadonlyArray<UnstoppableRun>
  /** All runs that have not ended. */
  readonly left: () => ReadonlyArray<UnstoppableRun>
  readonly snapshots: () => ReadonlyArray<SupervisorEvent>
  /** How long it may take to stop what runs in it now, milliseconds. */
  readonly stopBound: () => number
  /** Its time is over: everything is to end at once. */
  readonly hurry: () => void
}

const none: ReadonlyArray<never> = []

/** What few runs have: there may be a million of them. */
class Extras {
  prober: Fiber.Fiber<void, never> | undefined = undefined
  failedProbes: Array<Cause.Cause<unknown>> | undefined = undefined
  beatDetails: Schema.Json | undefined = undefined
  /** The supervisors within it. */
  subtrees: ReadonlyArray<Subtree> = []
  /** How many runs of them did not end, and are waited for. */
  left = 0
  /** The run is over but for those. */
  closed: Exit.Exit<void, never> | undefined = undefined
  whenOver: Array<() => void> = []
  /** How long the supervisors within it may take has been asked. */
  isBound = false
}

/** What runs report to. */
export interface Host {
  readonly now: () => number
  /** Under which name the supervisor of the run is measured. */
  readonly label: string
  readonly isGroup: () => boolean
  /** The supervisor of the run, and through it those further up. */
  readonly above: Above
  /** The run turns out to be a supervisor's. */
  readonly nests: (run: Run) => void
  /** Something happened to a run; asked at most once until the loop has looked at it. */
  readonly signal: (run: Run) => void
}

/** A scope in which nothing has been acquired. */
const emptyScope = Scope.makeUnsafe()

/** A scope like any other, without an object of its own for what all of them have in common: nearly none is ever used. */
class RunScope {
  state = emptyScope.state
}
Object.setPrototypeOf(RunScope.prototype, emptyScope)
interface RunScope extends Scope.Closeable {
  state: Scope.Closeable["state"]
}

/**
 * What waits to be handled is kept here, and the loop's queue holds the run at most once: a flood of beats costs one
 * event.
 */
export class Run implements CurrentRun {
  readonly supervised: Supervised
  readonly generation: number
  readonly attempt: number
  readonly #host: Host
  #fiber: Fiber.Fiber<void, never> | undefined = undefined
  #scope: Scope.Closeable | undefined = undefined
  #bodyExit: Exit.Exit<unknown, unknown> | undefined = undefined
  #exit: Exit.Exit<void, never> | undefined = undefined
  #extras: Extras | undefined = undefined
  #signalled = false
  beatAt: number | undefined = undefined
  /**
   * It has shown life, and nothing follows from its going on to: its beats are kept here until somebody asks whether it is
   * silent. A hundred thousand tasks that beat every second are not as many decisions a second.
   */
  isQuiet = false
  /** The newest beat that was looked at, and kept. */
  keptAt: number | undefined = undefined
  /** When the newest beat was looked at, on the observer's clock, if it was. */
  #seen: number | undefined = undefined
  /** The end has been handed to the loop. */
  taken = false

  constructor(supervised: Supervised, generation: number, attempt: number, host: Host) {
    this.supervised = supervised
    this.generation = generation
    this.attempt = attempt
    this.#host = host
  }

  /** A run is its own message to the loop. */
  get _tag(): "Run" {
    return "Run"
  }
  get supervisor(): unknown {
    return this.supervised.supervisor
  }
  get task(): string {
    return this.supervised.name
  }
  get path(): string {
    return pathOf(this.supervised)
  }

  beat(details?: Schema.Json): void {
    if (this.#exit !== undefined) return
    this.beatAt = this.#host.now()
    this.#seen = undefined
    if (details !== undefined) this.#extra().beatDetails = Render.json(details)
    this.#signal()
  }

  #extra(): Extras {
    return this.#extras ??= new Extras()
  }

  get beatDetails(): Schema.Json | undefined {
    return this.#extras?.beatDetails
  }

  /** The newest beat; handed on once. */
  takeBeat(): Sign | undefined {
    const { beatAt: at, beatDetails: details } = this
    if (at === undefined) return undefined
    // One that has been looked at counts from then on, any other from now on.
    const seen = this.#seen
    this.beatAt = undefined
    this.keptAt = undefined
    this.#seen = undefined
    if (this.#extras !== undefined) this.#extras.beatDetails = undefined
    return { at, seen, details }
  }

  /** A beat is all that there is to hand on, and nothing follows from it but that the run is not silent. */
  get isBeatingOn(): boolean {
    return this.isQuiet && this.#bodyExit === undefined && this.beatDetails === undefined
  }

  /** Keeps the beat; `seen`: when it is looked at, on the observer's clock. */
  keep(seen: number): void {
    this.keptAt = this.beatAt
    this.#seen = seen
  }

  takeFailedProbes(): ReadonlyArray<Cause.Cause<unknown>> {
    const causes = this.#extras?.failedProbes
    if (causes === undefined) return none
    this.#extra().failedProbes = undefined
    return causes
  }

  #signal(): void {
    if (this.#signalled) return
    this.#signalled = true
    this.#host.signal(this)
  }

  /** Something has happened that the loop has not looked at. */
  get hasSignalled(): boolean {
    return this.#signalled
  }

  /** The run's message is taken out of the inbox. */
  look(): void {
    this.#signalled = false
  }

  /** The body is over. */
  get isOver(): boolean {
    return this.#bodyExit !== undefined
  }

  /** The body is over, and its finalizers are not. */
  get isUnwinding(): boolean {
    return this.#bodyExit !== undefined && this.#exit === undefined
  }

  /** Only runs that do not end, of a supervisor within it, are left of it. */
  get isLingering(): boolean {
    return this.#extras?.closed !== undefined && this.#exit === undefined
  }

  /** The supervisors within it; those that have ended are kept until the next one comes. */
  get subtrees(): ReadonlyArray<Subtree> {
    return this.#extras?.subtrees ?? []
  }

  get above(): Above {
    return this.#host.above
  }

  /** Whether this is the first time that it is asked how long the supervisors within it may take. */
  bind(): boolean {
    const extras = this.#extra()
    const isFirst = !extras.isBound
    extras.isBound = true
    return isFirst
  }

  /** The path for a supervisor made in this run: no other one that is there has it. */
  pathFor(path: string): string {
    const isTaken = (wanted: string) => this.subtrees.some((other) => !other.isClosed && other.path === wanted)
    let free = path
    for (let n = 2; isTaken(free); n++) free = `${path}/${n}`
    return free
  }

  /** Under which name a supervisor made in this run is measured: all those in the instances of a group are as one. */
  labelFor(path: string): string {
    return `${this.#host.label}/${this.#host.isGroup() ? "*" : this.task}${path.slice(this.path.length)}`
  }

  /** A supervisor was made in this run. */
  attach(subtree: Subtree): void {
    if (this.#exit !== undefined) return
    const extras = this.#extra()
    extras.subtrees = [...extras.subtrees.filter(({ isClosed }) => !isClosed), subtree]
    this.#host.nests(this)
  }

  /** A run of a supervisor within this one does not end: this one is not over before it is, lest the two overlap. */
  linger(left: Run): void {
    if (this.#exit !== undefined || !left.isRunning) return
    const extras = this.#extra()
    extras.left++
    left.whenOver(() => {
      extras.left--
      if (extras.closed !== undefined) this.#over(extras.closed)
    })
  }

  /** Told to whoever is no longer there to be told by the loop. */
  whenOver(tell: () => void): void {
    this.#extra().whenOver.push(tell)
  }

  get hasEnded(): boolean {
    return this.#exit !== undefined
  }

  get isRunning(): boolean {
    return this.#exit === undefined
  }

  /** The body's first steps are taken before this returns. */
  start(): void {
    const scope = new RunScope()
    this.#scope = scope
    const own = Context.add(Context.add(this.supervised.context, CurrentRun, this), Scope.Scope, scope)
    Effect.runForkWith(own)(program, { uninterruptible: true })
  }

  /** The run's own fiber, before the body: whoever else watches the fiber comes after the run itself, and may throw. */
  adopt(fiber: Fiber.Fiber<void>): void {
    this.#fiber = fiber
    // The observer comes after finalizers and children: one event is enough for "never two runs at once".
    fiber.addObserver(this.#ended.bind(this))
  }

  #ended(exit: Exit.Exit<void>): void {
    if (this.#bodyExit !== undefined || this.#scope === undefined) return this.#over(exit)
    // Effect ends a fiber at once, past everything on its stack, when what it is given is no Effect. The scope is left.
    const closing = Effect.runForkWith(this.supervised.context)(this.unwind(this.#scope, exit), {
      uninterruptible: true
    })
    closing.addObserver((closed) => this.#over(closed))
  }

  #over(exit: Exit.Exit<void>): void {
    this.#scope = undefined
    const extras = this.#extras
    if (extras !== undefined && extras.left > 0) extras.closed = exit
    else this.#exit = exit
    this.#signal()
    if (extras === undefined || this.#exit === undefined) return
    for (const tell of extras.whenOver.splice(0)) tell()
  }

  /** Whether it was asked to end, and whether its body was over already then. */
  #asked: "no" | "while under way" | "when over" = "no"

  /** Its end is waited for: what it tells from now on is urgent. */
  get isAwaited(): boolean {
    return this.#asked !== "no"
  }

  /** Nobody has asked it to end before its body was over. */
  get isOwnEnd(): boolean {
    return this.#asked !== "while under way"
  }

  close(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return this.#scope === undefined ? Effect.void : this.unwind(this.#scope, exit)
  }

  /** The body is over: what its scope holds is released. */
  unwind(scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    this.#bodyExit = exit
    // The check looks at what is released now; it is not waited for, in case it cannot be interrupted.
    this.#extras?.prober?.interruptUnsafe()
    // Said before the finalizers and the children, which may take their time; when they do not, the end is all that
    // the loop will see.
    this.#signal()
    return Scope.closeUnsafe(scope, exit) ?? Effect.void
  }

  interrupt(): void {
    if (this.#asked === "no") this.#asked = this.isOver ? "when over" : "while under way"
    // It may wait in the ordinary lane already, behind a flood.
    this.#signalled = false
    this.#fiber?.interruptUnsafe()
  }

  body(): Effect.Effect<unknown, unknown> {
    const { effect, name, options: { heartbeat, span } } = this.supervised
    const body = span
      ? Effect.withSpan(effect, "Task.run", {
        root: true,
        attributes: { task: name, path: this.path, generation: this.generation, attempt: this.attempt }
      })
      : effect
    if (heartbeat._tag !== "Probe") return body
    // Its services are those of the task that it was given to: they are there.
    const probing = heartbeat.beside(heartbeat as Heartbeat.Probe, this.#host.now, (result) => this.#probed(result))
    return Effect.flatMap(Effect.forkChild(probing), (prober) => {
      this.#extra().prober = prober
      return body
    })
  }

  #probed(result: Cause.Cause<unknown> | undefined): void {
    // The body is over: there is nothing left to prove.
    if (this.#bodyExit !== undefined) return
    if (result === undefined) return this.beat()
    ;(this.#extra().failedProbes ??= []).push(result)
    this.#signal()
  }

  /** How the run ended; only once it has. */
  outcome(): Outcome {
    const body = this.#bodyExit
    const closed = this.#exit
    if (body === undefined || closed === undefined) {
      throw new Error(`run ${this.generation} of "${this.task}" has not ended`)
    }
    if (Exit.isSuccess(body)) {
      if (Exit.isSuccess(closed)) return { _tag: "Success" }
      return { _tag: "Failure", reason: { _tag: "Failed", cause: closed.cause }, directive: "restart" }
    }
    return {
      _tag: "Failure",
      reason: { _tag: "Failed", cause: body.cause, finalizers: Exit.isFailure(closed) ? closed.cause : undefined },
      directive: this.#directive(body.cause)
    }
  }

  get value(): unknown {
    return this.#bodyExit !== undefined && Exit.isSuccess(this.#bodyExit) ? this.#bodyExit.value : undefined
  }

  #directive(cause: Cause.Cause<unknown>): (Outcome & { readonly _tag: "Failure" })["directive"] {
    const error = Cause.findErrorOption(cause)
    if (Option.isNone(error)) return "restart"
    try {
      return this.supervised.options.policy.directive(error.value)
    } catch (defect) {
      return Cause.die(defect)
    }
  }
}

/** The run that a fiber is. */
const runOf = (fiber: Fiber.Fiber<unknown, unknown>): Run => fiber.getRef(CurrentRun) as Run

/**
 * What the fiber of every run does. It cannot be interrupted, the body within it can: so the scope is closed in this
 * fiber whatever happens, and the body's own exit stays apart from what closing adds. One value for all runs: what
 * would be made for each is held for as long as it lives.
 */
const body = Effect.exit(Effect.interruptible(Effect.withFiber((fiber) => runOf(fiber).body())))

const program: Effect.Effect<void> = Effect.flatMap(
  Effect.withFiber((fiber) => {
    runOf(fiber).adopt(fiber as Fiber.Fiber<void>)
    return body
  }),
  (exit) => Effect.withFiber((fiber) => runOf(fiber).close(exit))
)
