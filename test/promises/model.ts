/**
 * What a supervisor promises, as a small state machine: it is given what was asked of a supervisor and what its runs
 * did, and says what the supervisor must then answer, tell and show. Written from the tables of commands and statuses
 * and the eleven promises; it knows nothing of how a supervisor works inside. What time alone brings about is the
 * judge's business.
 */
import type { Answer, History, Name } from "./history.ts"
import { bound, quiet } from "./history.ts"
import type { CommandName, Life, Next, Run, RunId, Verdict, Why } from "./life.ts"
import { isUnderWay } from "./life.ts"
import * as Shown from "./shown.ts"

/** What happened, as far as a supervisor can know of it. A `run` is of an entry: the name may be given anew. */
export type Input =
  | { readonly _tag: "Add"; readonly call: number; readonly entry: number; readonly name: Name }
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
}

const never = Number.POSITIVE_INFINITY

export class Model {
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
  readonly #shutdowns: Array<number> = []
  #died = false
  /** Tasks have ended by themselves, and are gone. */
  #hadSome = false
  #escalated: Life | undefined
  /** What a supervisor must tell next, of each task and (under "") of itself. */
  readonly toTell = new Map<Name | "", Array<string>>()
  /** What runs told, and the supervisor has not looked at yet. */
  #signals: Array<{ readonly run: Run; readonly what: "beat" | "body over" | "over" | "answered" }> = []
  readonly #history: History
  readonly #facts: Facts

  constructor(history: History, facts: Facts) {
    this.#history = history
    this.#facts = facts
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
    const awaited = inputs.filter((input) => "run" in input && this.#life(input.run).next !== undefined)
    for (const input of inputs) this.#happen(input)
    for (const [index, input] of inputs.entries()) {
      if (this.closed) return
      if (input._tag === "Command" || input._tag === "Add") this.attend(this.lives.get(input.name))
      const beforeCommands = inputs.slice(index).some((later) => "call" in later)
      if ("run" in input && awaited.includes(input) && beforeCommands) this.attend(this.#life(input.run))
      this.#command(input)
      this.consider()
    }
  }

  /** What runs and callers do by themselves. */
  #happen(input: Input): void {
    switch (input._tag) {
      case "Add":
      case "Command":
      case "Shutdown":
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
    this.#overIfDone(run)
  }

  #overIfDone(run: Run): void {
    if (!run.bodyOver || run.parts > 0) return
    run.over = true
    this.#signals.push({ run, what: "over" })
  }

  /**
   * The supervisor looks at what a task's run has told, a sign of life first, then its end. Whether there was anything.
   */
  attend(life: Life | undefined): boolean {
    if (life === undefined) return false
    const mine = this.#signals.filter(({ run }) => run.entry === life.entry)
      .sort((one, other) => Number(other.what === "beat") - Number(one.what === "beat"))
    this.#signals = this.#signals.filter(({ run }) => run.entry !== life.entry)
    for (const { run, what } of mine) {
      if (this.closed || run !== life.run || this.lives.get(life.name) !== life) continue
      if (what === "beat") this.beat(life)
      if (what === "body over" && !run.over) this.#unwinds(life)
      if (what === "over") this.#ended(life)
      if (what === "answered" && life.asking) this.#answered(life)
      this.consider()
    }
    return mine.length > 0
  }

  #command(input: Input): void {
    switch (input._tag) {
      case "Add":
        return this.#add(input)
      case "Command":
        return this.#about(input)
      case "Shutdown":
        return this.#close(undefined)
    }
  }

  #answer(call: number, answer: string): void {
    if (this.answers.get(call) === undefined) this.answers.set(call, answer)
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

  #add({ call, entry, name }: Input & { readonly _tag: "Add" }): void {
    if (this.closing !== undefined) return this.#answer(call, "SupervisorClosed")
    if (this.lives.has(name)) return this.#answer(call, "TaskAlreadyExists")
    const life = {
      entry,
      name,
      plan: this.#history.plans[name],
      generation: 0,
      attempt: 0,
      failedProbes: 0,
      asking: false,
      overdue: false,
      waiting: []
    } as unknown as Life
    this.entries.set(entry, life)
    this.lives.set(name, life)
    this.#tell(life, "TaskAdded")
    this.start(life)
    this.#answer(call, "ok")
  }

  #about({ call, command, entry, name }: Input & { readonly _tag: "Command" }): void {
    if (this.closing !== undefined) return this.#answer(call, "SupervisorClosed")
    const life = this.lives.get(name)
    if (life === undefined || (entry !== undefined && life.entry !== entry)) return this.#answer(call, "TaskNotFound")
    const running = isUnderWay(life) || life.status === "Stopping"
    if (command === "start" && running) return this.#answer(call, "TaskAlreadyRunning")
    if (command !== "start" && running) return this.#endFirst(life, command, call)
    switch (command) {
      case "start":
      case "restart":
        this.#startAfresh(life)
        break
      case "stop":
        if (life.status === "Failed") this.#rest(life, "Stopped")
        break
      case "kill":
        if (life.status !== "Dead") this.dead(life, "Killed")
        break
      case "remove":
        if (life.status === "Failed") this.dead(life, "Killed")
        this.#forget(life)
    }
    this.#answer(call, "ok")
  }

  /** The last command wins. */
  #endFirst(life: Life, command: CommandName, call: number): void {
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
    this.#mustTell(life.name, [`${tag} ${life.name}#${life.generation}`, ...words].join(" "))
  }

  #mustTell(of: Name | "", line: string): void {
    const lines = this.toTell.get(of)
    if (lines === undefined) this.toTell.set(of, [line])
    else lines.push(line)
  }

  #startAfresh(life: Life): void {
    life.attempt = 0
    this.start(life)
  }

  start(life: Life): void {
    life.generation++
    const plan = life.plan.runs[life.generation - 1] ?? quiet
    const { child, finalizer } = plan
    life.run = {
      entry: life.entry,
      generation: life.generation,
      plan,
      shielded: plan.shielded,
      asked: false,
      bodyOver: false,
      parts: (finalizer === "none" || finalizer === "dies" ? 0 : 1) + (child ? 1 : 0),
      over: false
    }
    life.restartAt =
      life.next =
      life.why =
      life.settlement =
        undefined
    life.asking = life.overdue = false
    life.failedProbes = 0
    life.lastSign = this.now
    this.#enter(life, "Starting")
    this.#tell(life, "TaskStarting", "attempt", life.attempt)
    const { opening } = plan
    if (opening === "beats" || opening === "pulses") this.#signals.push({ run: life.run, what: "beat" })
    else if (opening !== "waits") return this.#bodyOver(life.run)
    if (life.plan.heartbeat._tag === "Automatic" || life.plan.heartbeat._tag === "None") this.#healthy(life)
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
    return life.status === "Starting" && life.plan.startupTimeout !== undefined
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
    this.#stopping(life, next)
    life.run.asked = true
    if (!life.run.shielded) this.#bodyOver(life.run)
  }

  /** The body has ended by itself, what it leaves behind has not. */
  #unwinds(life: Life): void {
    if (isUnderWay(life)) this.#stopping(life, "ended")
  }

  #stopping(life: Life, because: string): void {
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
    const { next } = life
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
      case "start":
      case "restart":
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
        return this.dead(life, "NotRestartable", ["Die:directive"])
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
    this.#enter(life, "Failed")
    life.reason = reason
    const answer = this.#scheduleOf(life)
    if (answer._tag === "Slow") life.asking = true
    else this.#scheduled(life, answer)
  }

  /** The schedule begins anew with each streak: what it says depends on the attempts alone. */
  #scheduleOf(life: Life): Answer {
    return life.plan.answers[life.attempt] ?? life.plan.thereafter
  }

  #answered(life: Life): void {
    life.asking = false
    if (this.closing !== undefined) return this.dead(life, "ShutDown")
    this.#scheduled(life, this.#scheduleOf(life))
  }

  #scheduled(life: Life, answer: Answer): void {
    if (answer._tag === "Dies") return this.dead(life, "NotRestartable", ["Die:schedule"])
    if (answer._tag === "Done" || life.attempt >= bound(life.plan.times)) return this.dead(life, "Exhausted")
    life.attempt++
    const delay = answer._tag === "Endless" ? never : answer.millis
    this.#tell(life, "RestartScheduled", "attempt", life.attempt, "after", delay, life.reason)
    if (delay === 0) return this.start(life)
    life.restartAt = this.now + delay
  }

  #rest(life: Life, status: "Stopped" | "Completed" | "Dead", ...details: ReadonlyArray<string>): void {
    life.asking = false
    life.restartAt = undefined
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
    if (!this.#isForgotten(life)) return
    this.#hadSome = true
    this.#forget(life)
  }

  dead(life: Life, why: Why, ofPolicy: ReadonlyArray<string> = []): void {
    life.why = why
    this.#rest(life, "Dead", why)
    this.#settleDead(life, why, ofPolicy)
    this.#died = true
    const gaveUp = why === "Exhausted" || why === "NotRestartable" || why === "Escalated"
    if (why === "Escalated" || (gaveUp && life.plan.whenDead === "escalate")) this.#escalated ??= life
    else if (gaveUp) this.#goneByItself(life)
    else if (this.#isForgotten(life)) this.#forget(life)
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
    this.lives.delete(life.name)
    // Taking a task out is no death that the rest is judged by.
    this.#died = false
    this.#tell(life, "TaskRemoved")
  }

  // -----------------------------------------------------------------------------------------------------------------
  // the end of the supervisor
  // -----------------------------------------------------------------------------------------------------------------

  /** Whether there is reason to end, and how far the ending has come. */
  consider(): void {
    const { maxDeadFraction, whenAllCompleted } = this.#history.options
    const lives = Array.from(this.lives.values())
    const dead = lives.filter((life) => life.status === "Dead").length
    const done = dead + lives.filter((life) => life.status === "Completed").length
    if (this.#escalated !== undefined) {
      const listed = this.#escalated.entry <= this.#history.options.listed
      this.#close(`${listed ? "TaskDead" : "DynamicTaskDead"} ${this.#escalated.name}`)
    }
    if (this.#died && maxDeadFraction !== "none" && lives.length > 0 && dead / lives.length >= maxDeadFraction) {
      this.#close(`TooManyDeadTasks ${dead} of ${lives.length}`)
    }
    this.#died = false
    const hadSome = lives.length > 0 || this.#hadSome
    if (whenAllCompleted === "end" && hadSome && done === lives.length) this.#close(undefined)
    this.#goOnClosing(lives)
  }

  #close(failure: string | undefined): void {
    if (this.closing !== undefined) return
    this.closing = { failure, since: this.now }
    this.#mustTell("", failure === undefined ? "SupervisorClosing" : "SupervisorClosing with failure")
  }

  /** All at once. */
  hurry(): void {
    this.hurriedAt = this.now
    for (const life of Array.from(this.lives.values()).toReversed()) this.#leave(life)
  }

  /** A restart gives way to the end; a stop, a kill and a remove want the same. */
  #leave(life: Life): void {
    if (life.status === "Failed") this.dead(life, "ShutDown")
    if (isUnderWay(life)) this.#ask(life, "shutdown")
    if (life.status !== "Stopping" || life.next === "stop" || life.next === "kill" || life.next === "remove") return
    this.#overtake(life, "shutdown")
    life.next = "shutdown"
  }

  /** One task after another, the last one first. */
  #goOnClosing(lives: ReadonlyArray<Life>): void {
    if (this.closing === undefined || this.closed) return
    for (const life of lives.toReversed()) {
      this.#leave(life)
      if (life.status === "Stopping" && !life.overdue) return
    }
    this.closed = true
    this.end = Shown.report(this.closing.failure, this.lives.values())
    this.#mustTell("", "SupervisorClosed")
    this.#answerAll()
    for (const life of this.lives.values()) {
      if (life.settlement === undefined) this.#settleDead(life, "ShutDown")
    }
  }

  /** The runs that are under way, or on their way out. */
  alive(): ReadonlyArray<string> {
    return Array.from(this.entries.values())
      .filter((life) => !life.run.over)
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
