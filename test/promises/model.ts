/**
 * What a supervisor promises, as a small state machine: it is given what was asked of a supervisor and what its runs
 * did, and says what the supervisor must then answer, tell and show. Written from the tables of commands and statuses
 * and the eleven promises; it knows nothing of how a supervisor works inside. What time alone brings about is the
 * judge's business.
 */
import { Bearing } from "./bearing.ts"
import type { Answer, History, Name, Plan } from "./history.ts"
import { bound, isSignificant, quiet } from "./history.ts"
import type { Below, CommandName, Life, Next, Run, RunId, Verdict, Why } from "./life.ts"
import { isLeaving, isRunning, isUnderWay, startupTimeout } from "./life.ts"
import { Line } from "./line.ts"
import * as Shown from "./shown.ts"

/** What happened, as far as a supervisor can know of it. A `run` is of an entry: the name may be given anew. */
export type Input =
  /** Without a call it is one of those that the supervisor is made with. */
  | {
    readonly _tag: "Add"
    readonly call: number | undefined
    readonly entry: number
    readonly name: Name
    readonly plan?: Plan
  }
  | {
    readonly _tag: "Command"
    readonly call: number
    readonly command: CommandName
    readonly name: Name
    /** With a handle: only this entry will do. */
    readonly entry: number | undefined
    /** The run that asks: it waits for the answer, as long as it lives. */
    readonly from: RunId | undefined
  }
  | { readonly _tag: "Shutdown"; readonly call: number }
  | { readonly _tag: "Abandon" }
  | { readonly _tag: "Beat" | "Shielded" | "Unshielded" | "BodyOver" | "PartOver"; readonly run: RunId }
  /** The schedule has an answer to the end of this run at last. */
  | { readonly _tag: "Answered"; readonly run: RunId }

/** What the runs themselves know of their ends, and of what their probes found. */
export interface Facts {
  /** Why the body ended, as a list of reasons (none for a success), and whether a finalizer died. */
  readonly endOf: (run: RunId) => { readonly body: ReadonlyArray<string>; readonly finalizerDied: boolean }
  /** The next thing a probe of this run found that has not been asked for yet. */
  readonly found: (run: RunId) => "passed" | "failed" | undefined
  /** The supervisor within a run, if there is one, and whether it has been seen to end. */
  readonly below?: (run: RunId) => { readonly supervisor: Below; readonly isOver: boolean } | undefined
}

const never = Number.POSITIVE_INFINITY

export class Model implements Below {
  now = 0
  /** Every entry there ever was; the supervisor's own, in start order, are in `lives`. */
  readonly entries = new Map<number, Life>()
  readonly lives = new Map<Name, Life>()
  readonly answers = new Map<number, string | undefined>()
  /** The runs that ask: once the body is over, nobody may be there to be answered. */
  readonly askers = new Map<number, Run>()
  /** The settlements of this turn, by entry. */
  settled = new Map<number, Array<string>>()
  closing: { readonly failure: string | undefined; readonly since: number } | undefined
  /** The bound on the whole ending is over: since when. */
  hurriedAt: number | undefined
  closed = false
  /** How it ended, as of that moment. */
  end: string | undefined
  /** How its start went: all of its list have been up, or it has come to its end before. */
  start: "up" | "failed" | undefined
  /** The run that it is in is asked to end. */
  isAskedToEnd = false
  /** Tells the run that it is in that all are up. */
  whenUp: () => void = () => undefined
  /** Who is stopped and started in order. */
  readonly line: Line
  /** What is made of restarts that are too many. */
  readonly bearing: Bearing
  readonly #shutdowns: Array<number> = []
  #expected: number
  #died = false
  /** Tasks have ended by themselves, and are gone. */
  #hadSome = false
  #significantEnded = false
  /** The first reason to give up. */
  #reason: string | undefined
  /** What a supervisor must tell next, of a task or (of "") of itself. */
  readonly toTell: Array<{ readonly of: Name | ""; readonly line: string }> = []
  /** What follows at once, but only when all that came of the same cause is done: runs have begun, schedules answer. */
  readonly #following: Array<() => void> = []
  /** What runs told, and the supervisor has not looked at yet. */
  #signals: Array<{ readonly run: Run; readonly what: "beat" | "body over" | "over" | "answered" }> = []
  readonly #history: History
  readonly #facts: Facts

  constructor(history: History, facts: Facts) {
    this.#history = history
    this.#facts = facts
    this.#expected = history.options.listed
    this.start = history.options.listed === 0 ? "up" : undefined
    this.line = new Line(this, history.options.strategy)
    this.bearing = new Bearing(this, history.options)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // what happens
  // -----------------------------------------------------------------------------------------------------------------

  /**
   * All of this came before the supervisor could turn to it. Commands come first, and among them, in their order, the
   * ends that somebody waits for; but what a run did comes before a command about its task. What else runs told is
   * looked at when what follows from it is heard.
   */
  turn(inputs: ReadonlyArray<Input>): void {
    if (inputs.some((input) => "call" in input)) this.consider()
    const awaited = inputs.filter((input) => "run" in input && this.#isAwaited(input.run))
    for (const input of inputs) this.#happen(input)
    for (const [index, input] of inputs.entries()) {
      if (this.closed) return
      if (input._tag === "Command" || input._tag === "Add") this.attend(this.lives.get(input.name))
      const beforeCommands = inputs.slice(index).some((later) => "call" in later)
      // A command may have been about it, and then it has been seen already.
      const isNewest = "run" in input && this.entries.get(input.run.entry)?.generation === input.run.generation
      if (isNewest && awaited.includes(input) && beforeCommands) this.attend(this.#life(input.run))
      if (!("call" in input)) continue
      this.#command(input)
      this.consider()
    }
  }

  #isAwaited({ entry }: RunId): boolean {
    const life = this.entries.get(entry)
    return life !== undefined && (life.next !== undefined || life.run.awaited)
  }

  /** What runs and callers do by themselves. */
  #happen(input: Input): void {
    switch (input._tag) {
      case "Add":
      case "Command":
      case "Shutdown":
        if (input.call === undefined) return
        this.answers.set(input.call, undefined)
        if (input._tag === "Shutdown") this.#shutdowns.push(input.call)
        if (input._tag === "Command" && input.from !== undefined) {
          this.askers.set(input.call, this.#life(input.from).run)
        }
        if (this.closed) this.#answerAll()
        return
      case "Abandon":
        for (const call of this.answers.keys()) {
          if (!this.askers.has(call)) this.#answer(call, "interrupted")
        }
        return
      case "Answered":
        this.#signals.push({ run: this.#life(input.run).run, what: "answered" })
        return
      default: {
        const run = this.#runOf(input.run)
        if (run === undefined) return
        switch (input._tag) {
          case "Beat":
            this.#signals.push({ run, what: "beat" })
            return
          case "Shielded":
            run.shielded = true
            return
          case "Unshielded":
            run.shielded = false
            if (run.asked) this.#bodyOver(run)
            return
          case "BodyOver":
            return this.#bodyOver(run)
          case "PartOver":
            run.parts--
            return this.#overIfDone(run)
        }
      }
    }
  }

  #life(run: RunId): Life {
    return this.entries.get(run.entry)!
  }

  /** The run of this number, unless it is over. */
  #runOf({ entry, generation }: RunId): Run | undefined {
    const run = this.entries.get(entry)?.run
    return run?.generation === generation && !run.over ? run : undefined
  }

  #bodyOver(run: Run): void {
    if (run.bodyOver) return
    run.bodyOver = true
    this.#signals.push({ run, what: "body over" })
    if (run.below === undefined) this.#overIfDone(run)
  }

  #overIfDone(run: Run): void {
    if (!run.bodyOver || run.parts > 0) return
    run.over = true
    this.#signals.push({ run, what: "over" })
    for (const tell of run.whenOver) tell()
  }

  /** A supervisor has ended, but for runs that do not: its own run is not over before they are. */
  #belowOver(run: Run, below: Below): void {
    const left = below.left()
    run.parts = left.length
    for (const other of left) {
      other.whenOver.push(() => {
        run.parts--
        this.#overIfDone(run)
      })
    }
    this.#overIfDone(run)
  }

  /** What the run it is in must know of. */
  signal(run: RunId, what: "beat"): void {
    const known = this.#runOf(run)
    if (known !== undefined) this.#signals.push({ run: known, what })
  }

  /**
   * The supervisor looks at what a task's run has told, a sign of life first, then its end. Whether there was anything.
   */
  attend(life: Life | undefined): boolean {
    if (life === undefined) return false
    // One that has ended looks at its runs no more, but they go on to end.
    if (life.run.below?.closed === true && life.run.bodyOver && !life.run.over) life.run.below.left()
    // The run of a supervisor is not over before that has told its own end.
    const isMine = ({ run }: { readonly run: Run }) => run.entry === life.entry
    const isToCome = ({ run, what }: { readonly run: Run; readonly what: string }) =>
      what === "body over" && run.below?.closed === false
    const mine = this.#signals.filter((signal) => isMine(signal) && !isToCome(signal))
      .sort((one, other) => Number(other.what === "beat") - Number(one.what === "beat"))
    this.#signals = this.#signals.filter((signal) => !isMine(signal) || isToCome(signal))
    for (const { run, what } of mine) {
      if (what === "body over" && run.below !== undefined) this.#belowOver(run, run.below)
      if (this.closed || run !== life.run || this.lives.get(life.name) !== life) continue
      if (what === "beat") this.beat(life)
      if (what === "body over" && !run.over) this.#unwinds(life)
      if (what === "over") this.#ended(life)
      if (what === "answered" && life.asking) this.#answered(life)
      this.consider()
    }
    return mine.length > 0
  }

  #command(input: Input & { readonly call: unknown }): void {
    switch (input._tag) {
      case "Add":
        return this.#add(input)
      case "Command":
        return this.#about(input)
      case "Shutdown":
        return this.#close(undefined)
    }
  }

  /** Those whose schedules have answered at last, in that order. */
  answered(): ReadonlyArray<Life> {
    return this.#signals.filter(({ what }) => what === "answered").map(({ run }) => this.#life(run))
  }

  #answer(call: number | undefined, answer: string): void {
    if (call !== undefined && this.answers.get(call) === undefined) this.answers.set(call, answer)
  }

  /** After the end there is nothing to wait for. */
  #answerAll(): void {
    for (const call of this.answers.keys()) {
      this.#answer(call, this.#shutdowns.includes(call) ? "ok" : "SupervisorClosed")
    }
  }

  // -----------------------------------------------------------------------------------------------------------------
  // the table of commands
  // -----------------------------------------------------------------------------------------------------------------

  #add({ call, entry, name, plan = this.#history.plans[name] }: Input & { readonly _tag: "Add" }): void {
    if (this.closing !== undefined) return this.#answer(call, "SupervisorClosed")
    if (this.lives.has(name)) return this.#answer(call, "TaskAlreadyExists")
    const life = {
      entry,
      name,
      plan,
      run: { entry, generation: 0, over: true },
      generation: 0,
      attempt: 0,
      failedProbes: 0,
      lined: false,
      asking: false,
      overdue: false,
      waiting: []
    } as unknown as Life
    this.entries.set(entry, life)
    this.lives.set(name, life)
    this.#enter(life, "Created")
    this.#tell(life, "TaskAdded")
    if (call === undefined) {
      this.#expected--
      life.lined = true
    } else this.startRun(life)
    this.#answer(call, "ok")
  }

  #about({ call, command, entry, name }: Input & { readonly _tag: "Command" }): void {
    if (this.closing !== undefined) return this.#answer(call, "SupervisorClosed")
    const life = this.lives.get(name)
    if (life === undefined || (entry !== undefined && life.entry !== entry)) return this.#answer(call, "TaskNotFound")
    if (command === "start" && isRunning(life)) return this.#answer(call, "TaskAlreadyRunning")
    if (command !== "start" && isRunning(life)) return this.#endFirst(life, command, call)
    if (command === "start" || command === "restart") {
      if (life.lined) return this.#startInTurn(life, command, call)
      this.#startAfresh(life)
      return this.#answer(call, "ok")
    }
    // It is not to be started in its turn any more.
    this.#overtake(life, command)
    this.line.leave(life)
    const isWaiting = life.status === "Failed" || life.status === "Created"
    if (command === "stop" && isWaiting) this.#rest(life, "Stopped")
    if (command === "kill" && life.status !== "Dead") this.dead(life, "Killed")
    if (command === "remove") {
      if (isWaiting) this.dead(life, "Killed")
      this.#forget(life)
    }
    this.#answer(call, "ok")
  }

  /** One that stands in the line takes the line along: nobody waits for the time of the restart any longer. */
  #startInTurn(life: Life, command: "start" | "restart", call: number): void {
    this.line.hasten()
    this.#overtake(life, command)
    life.next = command
    life.waiting.push({ call, command })
  }

  /** The last command wins. */
  #endFirst(life: Life, command: CommandName, call: number): void {
    if (life.lined && command === "restart") this.line.hasten()
    else if (command !== "restart") this.line.leave(life)
    if (life.status === "Stopping") {
      this.#overtake(life, command)
      life.next = command
    } else {
      this.#ask(life, command)
    }
    if (life.overdue) return this.#answer(call, "TaskUnstoppable")
    life.waiting.push({ call, command })
  }

  #overtake(life: Life, keep: Next): void {
    for (const { call, command } of life.waiting) {
      if (command !== keep) this.#answer(call, "CommandSuperseded")
    }
    life.waiting = life.waiting.filter(({ command }) => command === keep)
  }

  // -----------------------------------------------------------------------------------------------------------------
  // the life of a task
  // -----------------------------------------------------------------------------------------------------------------

  #enter(life: Life, status: Life["status"]): void {
    life.status = status
    life.since = this.now
  }

  #tell(life: Life, tag: string, ...details: ReadonlyArray<string | number | undefined>): void {
    const words = details.filter((detail) => detail !== undefined)
    this.tellOf(life.name, [`${tag} ${life.name}#${life.generation}`, ...words].join(" "))
  }

  tellOf(of: Name | "", line: string): void {
    this.toTell.push({ of, line })
  }

  #startAfresh(life: Life): void {
    life.attempt = 0
    this.startRun(life)
  }

  /** In its turn. Whoever has asked for it by hand is answered. */
  startLined(life: Life): void {
    if (life.next !== undefined) life.attempt = 0
    this.startRun(life)
    for (const { call } of life.waiting) this.#answer(call, "ok")
    life.waiting = []
  }

  startRun(life: Life): void {
    life.generation++
    const plan = life.plan.runs[life.generation - 1] ?? quiet
    const { child, finalizer } = plan
    life.run = {
      entry: life.entry,
      generation: life.generation,
      plan,
      shielded: plan.shielded,
      asked: false,
      byItself: false,
      awaited: false,
      bodyOver: false,
      parts: (finalizer === "none" || finalizer === "dies" ? 0 : 1) + (child ? 1 : 0),
      over: false,
      whenOver: [],
      below: undefined
    }
    life.restartAt =
      life.next =
      life.why =
      life.settlement =
      life.sibling =
        undefined
    life.asking = life.overdue = life.lined = false
    life.failedProbes = 0
    life.lastSign = this.now
    this.#enter(life, "Starting")
    this.#tell(life, "TaskStarting", "attempt", life.attempt)
    const within = this.#facts.below?.(life.run)
    life.run.below = within?.supervisor
    if (within?.isOver === true) this.#bodyOver(life.run)
    const { opening } = plan
    if (opening === "beats" || opening === "pulses") this.#signals.push({ run: life.run, what: "beat" })
    else if (opening !== "waits") return this.#bodyOver(life.run)
    const { heartbeat: { _tag }, ready } = life.plan
    if (ready === "begun" && (_tag === "Automatic" || _tag === "None")) {
      this.#following.push(() => {
        if (life.status === "Starting") this.#healthy(life)
      })
    }
  }

  #healthy(life: Life): void {
    this.#enter(life, "Healthy")
    this.#tell(life, "TaskHealthy")
  }

  beat(life: Life): void {
    if (!isUnderWay(life)) return
    life.lastSign = this.now
    life.failedProbes = 0
    if (life.status === "Starting") this.#healthy(life)
  }

  /** Takes note of the next thing that a probe of the run under way found. Whether there was anything. */
  probe(life: Life): boolean {
    const found = this.closed ? undefined : this.#facts.found(life.run)
    if (found === undefined) return false
    if (found === "passed") this.beat(life)
    else if (!this.isStartup(life)) {
      life.failedProbes++
      life.probedAt = this.now
    }
    return true
  }

  /** Starting, and the start-up timeout alone decides. */
  isStartup(life: Life): boolean {
    return life.status === "Starting" && startupTimeout(life.plan) !== undefined
  }

  /** Attempts are forgotten after the task has been healthy for longer than `stableAfter`. */
  forgetAttempts(life: Life): void {
    if (life.status !== "Healthy" || life.attempt === 0 || this.now - life.since <= bound(life.plan.stableAfter)) return
    life.attempt = 0
    this.#tell(life, "TaskStable")
  }

  /** Asks the run to end. */
  #ask(life: Life, next: Next): void {
    life.next = next
    this.#stopping(life, next === "line" ? "sibling" : next)
    life.run.asked = true
    life.run.byItself = life.run.bodyOver && !this.#hasFollowed(life.run)
    if (life.run.below !== undefined) life.run.below.shutDown()
    else if (!life.run.shielded) this.#bodyOver(life.run)
  }

  /** A supervisor within a run may have ended, as it was told to, before this is heard. */
  #hasFollowed(run: Run): boolean {
    return run.below !== undefined && this.#facts.endOf(run).body.every((reason) => reason === "Interrupt")
  }

  /** It is stopped in its turn. One that is on its way out already is waited for, and what was asked of it is not forgotten. */
  stopLined(life: Life): void {
    if (isUnderWay(life)) this.#ask(life, "line")
    else life.run.awaited = true
  }

  /** It has ended, or waited for a restart of its own: now it waits with its siblings. */
  wait(life: Life, lead: Life, due: number): void {
    life.asking = false
    this.#enter(life, "Failed")
    life.restartAt = due
    life.sibling = lead.name
    this.#tell(life, "RestartScheduled", "attempt", life.attempt, "after", due - this.now, `Sibling ${lead.name}`)
  }

  /** The body has ended by itself, what it leaves behind has not. */
  #unwinds(life: Life): void {
    if (isUnderWay(life)) this.#stopping(life, "ended")
    // Nothing is to be waited for.
    if (life.run.below !== undefined && !life.overdue) this.overdue(life)
  }

  /** What a supervisor within the run may take comes on top, where nobody has said how long it may. */
  #stopBoundOf({ plan: { stopTimeout }, run: { below } }: Life): number {
    return bound(stopTimeout) + (stopTimeout === "derived" ? below?.stopBound() ?? 0 : 0)
  }

  #stopping(life: Life, because: string): void {
    life.stopBound = this.#stopBoundOf(life)
    this.forgetAttempts(life)
    this.#enter(life, "Stopping")
    this.#tell(life, "TaskStopping", because)
  }

  verdict(life: Life, verdict: Verdict, ...details: ReadonlyArray<string>): void {
    this.#tell(life, verdict, ...details)
    life.verdict = verdict
    this.#ask(life, "verdict")
  }

  /** The run has not ended within its bound. */
  overdue(life: Life): void {
    life.overdue = true
    this.#tell(life, "TaskUnstoppable")
    for (const { call } of life.waiting) this.#answer(call, "TaskUnstoppable")
    life.waiting = []
  }

  #ended(life: Life): void {
    this.forgetAttempts(life)
    const { body, finalizerDied } = this.#facts.endOf(life.run)
    const cause = finalizerDied ? [...body, "Die:finalizer"] : body
    // A sibling's restart stops nobody who was over already.
    const next = life.next === "line" && life.run.byItself ? undefined : life.next
    life.next = undefined
    life.overdue = false
    if (next === undefined) return this.#endedByItself(life, cause)
    // It was asked to end, by an interruption. What else comes with it is told.
    const more = cause.some((reason) => reason !== "Interrupt") ? cause : []
    if (next !== "verdict" && more.length > 0) this.#failure(life, "Failed", more)
    switch (next) {
      case "verdict":
        this.#failure(life, life.verdict!, ["Die:verdict", ...more])
        return this.#askSchedule(life, life.verdict!)
      case "shutdown":
        return this.dead(life, "ShutDown")
      case "line":
        return this.#endedInTurn(life)
      case "start":
      case "restart":
        if (life.lined) {
          this.line.wait(life)
          life.next = next
          return
        }
        this.#startAfresh(life)
        break
      case "stop":
        this.#rest(life, "Stopped")
        break
      case "kill":
        this.dead(life, "Killed")
        break
      case "remove":
        this.dead(life, "Killed")
        this.#forget(life)
    }
    for (const { call } of life.waiting) this.#answer(call, "ok")
    life.waiting = []
  }

  /** It was stopped because its siblings are restarted. */
  #endedInTurn(life: Life): void {
    if (life.lined) return this.line.wait(life)
    if (this.closing !== undefined) return this.dead(life, "ShutDown")
    if (life.plan.mode === "temporary") return this.dead(life, "NotRestartable", { isOwn: false })
    // Too late to be started with them.
    this.startRun(life)
  }

  #endedByItself(life: Life, cause: ReadonlyArray<string>): void {
    if (cause.length === 0 && life.plan.mode !== "permanent") return this.#rest(life, "Completed")
    if (cause.length === 0) {
      this.#tell(life, "TaskEnded")
      return this.#askSchedule(life, "Completed")
    }
    this.#failure(life, "Failed", cause)
    switch (cause.find((reason) => reason.startsWith("Fail:"))) {
      case "Fail:stop":
        return this.dead(life, "NotRestartable")
      case "Fail:escalate":
        return this.dead(life, "Escalated")
      case "Fail:odd":
        return this.dead(life, "NotRestartable", { ofPolicy: ["Die:directive"] })
      default:
        return this.#askSchedule(life, "Failed")
    }
  }

  #failure(life: Life, kind: string, cause: ReadonlyArray<string>): void {
    life.lastFailure = { kind, generation: life.generation, cause }
    this.#tell(life, "TaskFailed", kind)
  }

  #askSchedule(life: Life, reason: string): void {
    if (this.closing !== undefined) return this.dead(life, "ShutDown")
    if (life.plan.mode === "temporary") return this.dead(life, "NotRestartable")
    // A sibling's restart takes it along, and is the only one.
    if (life.lined) return this.line.wait(life)
    this.#enter(life, "Failed")
    life.reason = reason
    life.asking = true
    life.asked = life.attempt === 0 ? 1 : life.asked + 1
    if (this.#scheduleOf(life)._tag !== "Slow") {
      this.#following.push(() => {
        if (life.asking) this.#answered(life)
      })
    }
  }

  /** The schedule begins anew with each streak. */
  #scheduleOf(life: Life): Answer {
    return life.plan.answers[life.asked - 1] ?? life.plan.thereafter
  }

  #answered(life: Life): void {
    life.asking = false
    if (this.closing !== undefined) return this.dead(life, "ShutDown")
    this.#scheduled(life, this.#scheduleOf(life))
  }

  #scheduled(life: Life, answer: Answer): void {
    if (answer._tag === "Dies") return this.dead(life, "NotRestartable", { ofPolicy: ["Die:schedule"] })
    if (answer._tag === "Done" || life.attempt >= bound(life.plan.times)) return this.dead(life, "Exhausted")
    if (!this.bearing.bears()) {
      this.giveUp("TooManyRestarts", life)
      return
    }
    life.attempt++
    const at = Math.max(this.now + (answer._tag === "Endless" ? never : answer.millis), this.bearing.heldUntil())
    this.#tell(life, "RestartScheduled", "attempt", life.attempt, "after", at - this.now, life.reason)
    life.restartAt = at
    if (this.#history.options.strategy !== "one-for-one") this.line.form(life, at)
    else if (at === this.now) this.startRun(life)
  }

  /** The time of a restart has come: restarts may be paused by now. */
  restartDue(life: Life): void {
    const at = this.bearing.heldUntil()
    if (at === this.now) return this.startRun(life)
    life.restartAt = at
    this.#tell(life, "RestartHeld", "after", at - this.now)
  }

  #rest(life: Life, status: "Stopped" | "Completed" | "Dead", ...details: ReadonlyArray<string>): void {
    life.asking = false
    life.restartAt = undefined
    this.line.leave(life)
    this.#enter(life, status)
    this.#tell(life, `Task${status}`, ...details)
    if (status === "Completed") this.#settle(life, `success ${life.entry}#${life.generation}`)
    if (status === "Stopped") this.#settle(life, "TaskStopped")
    if (status === "Completed") this.#goneByItself(life)
    else if (status === "Stopped" && this.#isForgotten(life)) this.#forget(life)
  }

  /** A temporary task is gone when it has ended; as all ends, it is kept for the report. */
  #isForgotten(life: Life): boolean {
    return life.plan.mode === "temporary" && this.closing === undefined
  }

  #goneByItself(life: Life): void {
    if (isSignificant(life.plan)) this.#significantEnded = true
    if (!this.#isForgotten(life)) return
    this.#hadSome = true
    this.#forget(life)
  }

  dead(
    life: Life,
    why: Why,
    { isOwn = true, ofPolicy = [] }: { readonly isOwn?: boolean; readonly ofPolicy?: ReadonlyArray<string> } = {}
  ): void {
    const isNeeded = this.start === undefined && life.plan.ready === "first-beat" &&
      (life.lined || this.line.starting === life)
    life.why = why
    this.#rest(life, "Dead", why)
    this.#settleDead(life, why, ofPolicy)
    this.#died = true
    const gaveUp = isOwn && (why === "Exhausted" || why === "NotRestartable" || why === "Escalated")
    if (gaveUp && (why === "Escalated" || life.plan.whenDead === "escalate" || isNeeded)) this.giveUp("TaskDead", life)
    else if (gaveUp) this.#goneByItself(life)
    else if (this.#isForgotten(life)) this.#forget(life)
  }

  giveUp(why: "TaskDead" | "TooManyRestarts", { entry, name }: Life): void {
    this.#reason ??= `${entry <= this.#history.options.listed ? "" : "Dynamic"}${why} ${name}`
  }

  #settleDead(life: Life, why: Why, ofPolicy: ReadonlyArray<string> = []): void {
    const cause = [...life.lastFailure?.cause ?? [], ...ofPolicy]
    this.#settle(life, `TaskDead ${why} after ${life.generation}: ${cause.join(", ")}`)
  }

  #settle(life: Life, settlement: string): void {
    life.settlement = settlement
    const settled = this.settled.get(life.entry)
    if (settled === undefined) this.settled.set(life.entry, [settlement])
    else settled.push(settlement)
  }

  #forget(life: Life): void {
    if (this.lives.get(life.name) !== life) return
    this.line.leave(life)
    this.lives.delete(life.name)
    // Taking a task out is no death that the rest is judged by.
    this.#died = false
    this.#tell(life, "TaskRemoved")
  }

  // -----------------------------------------------------------------------------------------------------------------
  // the end of the supervisor
  // -----------------------------------------------------------------------------------------------------------------

  /** What follows, until nothing does. */
  consider(): void {
    for (;;) {
      this.#considerEnding()
      if (this.closing === undefined) this.line.advance()
      if (this.start === undefined && this.closing === undefined && this.#expected === 0 && this.line.isOver) {
        this.start = "up"
        this.whenUp()
      }
      this.#goOnClosing()
      const next = this.#following.shift()
      if (next === undefined) return
      next()
    }
  }

  /** Whether there is reason to end. */
  #considerEnding(): void {
    const { maxDeadFraction, whenAllCompleted } = this.#history.options
    const lives = Array.from(this.lives.values())
    const dead = lives.filter((life) => life.status === "Dead").length
    const done = dead + lives.filter((life) => life.status === "Completed").length
    const total = lives.length + this.#expected
    if (this.#reason !== undefined) this.#close(this.#reason)
    if (this.#died && maxDeadFraction !== "none" && total > 0 && dead / total >= maxDeadFraction) {
      this.#close(`TooManyDeadTasks ${dead} of ${total}`)
    }
    this.#died = false
    const hadSome = total > 0 || this.#hadSome
    if (whenAllCompleted === "end" && hadSome && done === total) this.#close(undefined)
    if (this.#isShutDownBySignificant(lives)) this.#close(undefined)
  }

  /** A significant task has ended by itself, and none, or no other, is needed for that to be the end. */
  #isShutDownBySignificant(lives: ReadonlyArray<Life>): boolean {
    const { autoShutdown } = this.#history.options
    if (!this.#significantEnded || this.#expected > 0) return false
    this.#significantEnded = false
    const stands = ({ plan, status }: Life) =>
      isSignificant(plan) && status !== "Completed" && status !== "Dead" && status !== "Stopped"
    return autoShutdown === "any-significant" || (autoShutdown === "all-significant" && !lives.some(stands))
  }

  #close(failure: string | undefined): void {
    if (this.closing !== undefined) return
    this.isAskedToEnd = false
    this.closing = { failure, since: this.now }
    this.line.dissolve()
    this.tellOf("", failure === undefined ? "SupervisorClosing" : "SupervisorClosing with failure")
  }

  shutDown(): void {
    this.isAskedToEnd = this.closing === undefined
  }

  /** It was asked to end in the turn in which it began: nothing of its list is started. */
  startNothing(): void {
    this.toTell.length = 0
    this.#signals = []
    this.settled.clear()
    this.entries.clear()
    this.lives.clear()
    this.line.dissolve()
    this.obey()
  }

  /** It sees that it is asked to end. */
  obey(): void {
    this.#close(undefined)
    this.consider()
  }

  stopBound(): number {
    const all = Array.from(this.lives.values()).filter((life) => isRunning(life) && !life.overdue)
    const sum = all.reduce((sum, life) => sum + this.#stopBoundOf(life), 0)
    return Math.min(bound(this.#history.options.shutdownTimeout), sum)
  }

  left(): ReadonlyArray<Run> {
    const lives = Array.from(this.lives.values())
    if (this.closed) { for (const life of lives) this.attend(life) }
    return lives.filter(({ overdue, run }) => overdue && !run.over).map((life) => {
      if (this.closed) life.run.whenOver.push(() => this.#bury(life))
      return life.run
    })
  }

  /** It has ended when its supervisor had long done so, and is shown to have. */
  #bury(life: Life): void {
    if (!life.overdue) return
    life.overdue = false
    life.why = "ShutDown"
    this.#enter(life, "Dead")
    this.#tell(life, "TaskDead", "ShutDown")
  }

  /** All at once. */
  hurry(): void {
    this.hurriedAt = this.now
    for (const life of Array.from(this.lives.values()).toReversed()) this.#leave(life)
  }

  /** A restart gives way to the end; a stop, a kill and a remove want the same. */
  #leave(life: Life): void {
    if (life.status === "Failed" || life.status === "Created") {
      this.#overtake(life, "shutdown")
      this.dead(life, "ShutDown")
    }
    if (isUnderWay(life)) this.#ask(life, "shutdown")
    if (life.status !== "Stopping" || isLeaving(life)) return
    this.#overtake(life, "shutdown")
    life.next = "shutdown"
  }

  /** One task after another, the last one first. */
  #goOnClosing(): void {
    if (this.closing === undefined || this.closed) return
    for (const life of Array.from(this.lives.values()).toReversed()) {
      this.#leave(life)
      if (life.status === "Stopping" && !life.overdue) return
    }
    this.closed = true
    if (this.start === undefined) {
      this.start = this.closing.failure === undefined ? "up" : "failed"
      if (this.start === "up") this.whenUp()
    }
    this.end = Shown.report(this.closing.failure, this.lives.values())
    this.tellOf("", "SupervisorClosed")
    this.#answerAll()
    for (const life of this.lives.values()) {
      if (life.settlement === undefined) this.#settleDead(life, "ShutDown")
    }
  }

  /** The runs that are under way, or on their way out. */
  alive(which: (run: Run) => boolean = () => true): ReadonlyArray<string> {
    return Array.from(this.entries.values())
      .filter((life) => !life.run.over && which(life.run))
      .map((life) => `${life.entry}#${life.run.generation}`)
      .sort()
  }

  /** How many schedules are being asked. */
  questions(): number {
    return Array.from(this.lives.values()).filter((life) => life.asking && !this.closed).length
  }

  /** What whoever waits for a task is given; nothing, as long as it is under way. */
  settlementOf(entry: number): string | undefined {
    return this.entries.get(entry)?.settlement
  }
}
