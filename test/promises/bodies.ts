/**
 * Tasks whose runs do what a history says, with observers everywhere: in the bodies, their finalizers and children, in
 * probes and at schedules.
 */
import * as Heartbeat from "effect-supervisor/Heartbeat"
import type * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Act, Answer, Ending, History, Name, Plan, RunPlan } from "./history.ts"
import { bound, isSignificant, pulse, quiet, slowness } from "./history.ts"
import type { RunId } from "./life.ts"
import type { Machine } from "./machine.ts"
import { Alarms } from "./machine.ts"
import type { Facts, Input } from "./model.ts"
import * as Seen from "./seen.ts"
import { Trouble } from "./seen.ts"

const directive = (error: Trouble) => {
  if (error.asks === "odd") throw new Error("directive")
  return error.asks
}

const endings: Record<Ending, Effect.Effect<void, Trouble>> = {
  "succeeds": Effect.void,
  "fails:restart": Effect.fail(new Trouble({ asks: "restart" })),
  "fails:stop": Effect.fail(new Trouble({ asks: "stop" })),
  "fails:escalate": Effect.fail(new Trouble({ asks: "escalate" })),
  "fails:odd": Effect.fail(new Trouble({ asks: "odd" })),
  "dies": Effect.die(new Error("body")),
  "interrupts itself": Effect.interrupt
}

/** One run, as it is seen from inside. */
export interface Body extends RunId {
  readonly name: Name
  readonly plan: RunPlan
  readonly beat: () => void
  stage: "under way" | "closing" | "over"
  shielded: boolean
  finds: RunPlan["check"]
  readonly found: Array<"passed" | "failed">
  exit: Exit.Exit<void, Trouble> | undefined
  /** Goes on with the body, for a while or to its end, */
  wake: ((next: Effect.Effect<"again" | "over", Trouble>) => void) | undefined
  /** or with its finalizer. */
  release: (() => void) | undefined
  parts: number
}

export class Bodies implements Facts {
  readonly all: Array<Body> = []
  /** What runs do in time, and schedules that take theirs. */
  readonly agenda: Alarms
  /** How many schedules are being asked. */
  questions = 0
  /** What must never be: seen from inside. */
  broken: string | undefined
  /** Runs that would be waited for without bound end by themselves now. */
  #lettingGo = false
  readonly #plans: History["plans"]
  readonly #machine: Machine
  readonly #note: (input: Input) => void

  constructor(
    plans: History["plans"],
    machine: Machine,
    note: (input: Input) => void,
    agenda: Alarms = new Alarms()
  ) {
    this.agenda = agenda
    this.#plans = plans
    this.#machine = machine
    this.#note = note
  }

  /** A task that does as planned for its name; so many of its runs have been before. */
  task(entry: number, name: Name, before = 0): Task.Task<string, Trouble> {
    return this.taskOf(entry, name, this.#body(entry, name, this.#plans[name].runs.slice(before)), directive)
  }

  taskOf<A, E>(
    entry: number,
    name: Name,
    body: Effect.Effect<A, E, Scope.Scope>,
    on: (error: E) => RestartPolicy.Directive
  ): Task.Task<A, E> {
    const plan = this.#plans[name]
    const { heartbeat, stopTimeout } = plan
    return Task.make(name, body, {
      restart: {
        mode: plan.mode,
        schedule: this.#schedule(entry, plan),
        on,
        times: bound(plan.times)
      },
      heartbeat: heartbeat._tag === "None"
        ? Heartbeat.none
        : heartbeat._tag === "Automatic"
        ? Heartbeat.automatic()
        : heartbeat._tag === "Manual"
        ? Heartbeat.manual({ within: heartbeat.within })
        : Heartbeat.probe(this.#check(entry), {
          schedule: Schedule.spaced(heartbeat.every),
          timeout: heartbeat.timeout,
          failures: heartbeat.failures
        }),
      stableAfter: plan.stableAfter,
      whenDead: plan.whenDead,
      ready: plan.ready,
      significant: isSignificant(plan),
      ...(stopTimeout === "derived" ? {} : { stopTimeout }),
      ...(plan.startupTimeout === undefined ? {} : { startupTimeout: plan.startupTimeout })
    })
  }

  #schedule(entry: number, plan: Plan): Schedule.Schedule<unknown, unknown> {
    return Schedule.fromStep(Effect.sync(() => {
      let failures = 0
      return () => this.#answer(entry, plan.answers[failures++] ?? plan.thereafter)
    }))
  }

  #answer(entry: number, answer: Answer): Effect.Effect<[number, Duration.Duration], Cause.Done<number>> {
    switch (answer._tag) {
      case "Delay":
        return Effect.succeed([0, Duration.millis(answer.millis)])
      case "Endless":
        return Effect.succeed([0, Duration.infinity])
      case "Done":
        return Cause.done(0)
      case "Dies":
        return Effect.die(new Error("schedule"))
      case "Slow": {
        const generation = this.#newest(entry)!.generation
        return Effect.callback((resume) => {
          this.questions++
          const alarm = this.agenda.set(this.#machine.now + answer.after, () => {
            this.questions--
            this.#note({ _tag: "Answered", run: { entry, generation } })
            resume(Effect.succeed([0, Duration.millis(answer.millis)]))
          })
          return Effect.sync(() => {
            this.questions--
            this.agenda.cancel(alarm)
          })
        })
      }
    }
  }

  #newest(entry: number): Body | undefined {
    return this.all.findLast((body) => body.entry === entry)
  }

  #check(entry: number): Effect.Effect<void, Trouble> {
    return Effect.suspend(() => {
      const body = this.#newest(entry)!
      const failed = Effect.sync(() => {
        if (body.stage === "under way") body.found.push("failed")
      })
      switch (body.finds) {
        case "passes":
          body.found.push("passed")
          return Effect.void
        case "fails":
          return Effect.andThen(failed, endings["fails:restart"])
        case "hangs":
          return Effect.onInterrupt(Effect.never, () => failed)
      }
    })
  }

  #body(entry: number, name: Name, runs: Plan["runs"]): Effect.Effect<string, Trouble, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { generation } = (yield* Supervisor.current)!
      const plan = runs[generation - 1] ?? quiet
      const body: Body = {
        entry,
        name,
        generation,
        plan,
        beat: yield* Heartbeat.beater,
        stage: "under way",
        shielded: plan.shielded,
        finds: plan.check,
        found: [],
        exit: undefined,
        wake: undefined,
        release: undefined,
        parts: (plan.finalizer === "none" ? 0 : 1) + (plan.child ? 1 : 0)
      }
      const before = this.all.find((other) => other.name === name && other.stage !== "over")
      if (before !== undefined) {
        this.broken ??= `run ${generation} of "${name}" began before run ${before.generation} was over`
      }
      this.all.push(body)
      if (plan.finalizer !== "none") yield* Effect.addFinalizer(() => this.#finalizer(body))
      if (plan.child) {
        const child = Effect.onInterrupt(Effect.never, () => this.#slowly(body))
        yield* Effect.forkChild(child, { startImmediately: true })
      }
      yield* Effect.onExit(this.#life(body), (exit) =>
        Effect.sync(() => {
          body.exit = exit
          body.stage = body.parts === 0 ? "over" : "closing"
        }))
      return `${entry}#${generation}`
    })
  }

  #life(body: Body): Effect.Effect<void, Trouble> {
    const { opening } = body.plan
    if (opening === "beats" || opening === "pulses") body.beat()
    else if (opening !== "waits") return endings[opening]
    if (opening === "pulses") this.#pulse(body)
    return this.#wait(body)
  }

  #wait(body: Body): Effect.Effect<void, Trouble> {
    const next = Effect.flatten(Effect.callback<Effect.Effect<"again" | "over", Trouble>>((resume) => {
      body.wake = (next) => {
        body.wake = undefined
        resume(Effect.succeed(next))
      }
      return Effect.sync(() => {
        body.wake = undefined
      })
    }))
    const shielded: typeof next = Effect.flatMap(
      next,
      (then) => then === "again" && body.shielded ? shielded : Effect.succeed(then)
    )
    return Effect.flatMap(
      body.shielded ? Effect.uninterruptible(shielded) : next,
      (then) => then === "again" ? this.#wait(body) : Effect.void
    )
  }

  #pulse(body: Body): void {
    this.agenda.set(this.#machine.now + pulse, () => {
      if (body.stage !== "under way") return
      this.beat(body)
      this.#pulse(body)
    })
  }

  beat(body: Body): void {
    this.#note({ _tag: "Beat", run: body })
    body.beat()
  }

  #finalizer(body: Body): Effect.Effect<void> {
    const { finalizer } = body.plan
    const over = Effect.sync(() => this.#partOver(body))
    switch (finalizer) {
      case "none":
        return Effect.void
      case "dies":
        return Effect.andThen(over, Effect.die(new Error("finalizer")))
      case "slow":
        return Effect.andThen(this.#slowly(body, false), over)
      case "slow, then dies":
        return Effect.andThen(Effect.andThen(this.#slowly(body, false), over), Effect.die(new Error("finalizer")))
      case "stuck":
        return Effect.andThen(
          this.#lettingGo && this.#isWaitedForWithoutBound(body) ? this.#slowly(body, false) : this.#stuck(body),
          over
        )
    }
  }

  #stuck(body: Body): Effect.Effect<void> {
    return Effect.callback((resume) => {
      body.release = () => {
        body.release = undefined
        this.#note({ _tag: "PartOver", run: body })
        resume(Effect.void)
      }
    })
  }

  #slowly(body: Body, whole = true): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.agenda.set(this.#machine.now + slowness, () => {
        this.#note({ _tag: "PartOver", run: body })
        if (whole) this.#partOver(body)
        resume(Effect.void)
      })
    })
  }

  #partOver(body: Body): void {
    if (--body.parts === 0) body.stage = "over"
  }

  endOf({ entry, generation }: RunId): { readonly body: ReadonlyArray<string>; readonly finalizerDied: boolean } {
    const body = this.all.find((body) => body.entry === entry && body.generation === generation)!
    return {
      body: body.exit === undefined || Exit.isSuccess(body.exit) ? [] : Seen.cause(body.exit.cause),
      finalizerDied: body.plan.finalizer === "dies" || body.plan.finalizer === "slow, then dies"
    }
  }

  found({ entry, generation }: RunId): "passed" | "failed" | undefined {
    return this.all.find((body) => body.entry === entry && body.generation === generation)?.found.shift()
  }

  alive(): ReadonlyArray<string> {
    return this.all.filter((body) => body.stage !== "over").map((body) => `${body.entry}#${body.generation}`).sort()
  }

  /** Something happens to the newest run of a name. */
  poke(act: Act & { readonly task: Name }): void {
    const body = this.all.findLast((body) => body.name === act.task)
    if (body !== undefined) this.#poke(act, body)
  }

  /** The body of the newest run of a name does something, and goes on. */
  does(name: Name, what: (run: RunId) => Effect.Effect<unknown>): void {
    const body = this.all.findLast((body) => body.name === name)
    // Whoever cannot be interrupted, waits for its own end, and is waited for without bound, would wait for ever.
    if (body?.wake === undefined || (body.shielded && this.#isWaitedForWithoutBound(body))) return
    body.wake(Effect.as(what(body), "again"))
  }

  #poke(act: Act, body: Body): void {
    switch (act._tag) {
      case "End":
        if (body.wake === undefined) return
        this.#note({ _tag: "BodyOver", run: body })
        return body.wake(Effect.as(endings[act.how], "over"))
      case "Beat":
        return this.beat(body)
      case "StaleBeat":
        for (const other of this.all) {
          if (other.name === body.name && other !== body) this.beat(other)
        }
        return
      case "Shield":
      case "Unshield":
        if (body.wake === undefined || body.shielded === (act._tag === "Shield")) return
        body.shielded = !body.shielded
        this.#note({ _tag: body.shielded ? "Shielded" : "Unshielded", run: body })
        return body.wake(Effect.succeed("again"))
      case "Finalize":
        return body.release?.()
      case "Check":
        body.finds = act.finds
    }
  }

  #isWaitedForWithoutBound(body: Body): boolean {
    return this.#plans[body.name].stopTimeout === "infinity"
  }

  /** Lets those runs end that would be waited for without bound, or all that still can. */
  letGo(all: boolean): void {
    this.#lettingGo = true
    for (const body of this.all) {
      if (body.stage === "over" || !(all || this.#isWaitedForWithoutBound(body))) continue
      this.#poke({ _tag: "Unshield", task: body.name }, body)
      body.release?.()
    }
  }
}
