/**
 * `effect-supervisor run <module>`: runs a supervisor in this process, and shows it.
 */
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import process from "node:process"
import * as Supervisor from "../Supervisor.ts"
import type { UnstoppableRun } from "../TaskStatus.ts"
import * as Errors from "./errors.ts"
import * as Module from "./module.ts"
import { Output } from "./output.ts"
import * as Printed from "./printed.ts"
import * as Screen from "./screen.ts"
import * as Signals from "./signals.ts"
import * as Text from "./text.ts"
import * as Thrown from "./thrown.ts"
import type { View } from "./view.ts"
import { reportOf } from "./view.ts"

const RunTime = Schema.DurationFromString.pipe(
  Schema.check(
    Schema.makeFilter((duration: Duration.Duration) => Duration.isFinite(duration) && Duration.isPositive(duration))
  )
)
const decodeRunTime = Schema.decodeUnknownOption(RunTime)

/** `run FILE`: supervises what the file exports, and shows it. */
export const run = Command.make(
  "run",
  {
    module: Argument.String("module").pipe(
      Argument.withDescription("TypeScript or JavaScript file, relative to the working directory")
    ),
    runTime: Flag.String("for").pipe(
      Flag.withMetavar("duration"),
      Flag.withDescription("End by itself, in order, after so long: \"20 seconds\""),
      Flag.filterMap(
        decodeRunTime,
        () => "a duration above 0, such as \"20 seconds\", \"500 millis\" or \"1.5 hours\""
      ),
      Flag.optional
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the events as NDJSON on standard output, and nothing else there"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function*({ json, module, runTime }) {
    const asked = yield* Signals.listen
    // Before the module is loaded, for what it prints by then.
    const events = json ? yield* Printed.json : undefined
    const program = yield* Effect.raceAllFirst([
      Module.load(module),
      Effect.flatMap(asked, notYetRunning),
      Option.match(runTime, { onNone: () => Effect.never, onSome: (within) => stillLoading(module, within) })
    ])
    if (program === undefined) return
    const { canAnimate, canColor } = yield* TerminalCapabilities.TerminalCapabilities
    const view = events ?? (yield* canAnimate
      ? Screen.make({ colors: canColor, branches: Text.isUtf8(process.env) })
      : Printed.lines)
    yield* supervise({ module, program, view, asked, runTime })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Run a supervisor and show it. The module's default export is what Supervisor.run takes, or an Effect made by it. " +
      "On a terminal it is shown as a live table, else as one line an event. Ctrl-C or SIGTERM stops everything in " +
      "order and exits 0; a second Ctrl-C ends it at once (130). A supervisor that gave up exits 1."
  ),
  Command.withShortDescription("Run a supervisor and show it"),
  Command.withExamples([
    { command: "effect-supervisor run src/supervisor.ts", description: "Run until it ends, or Ctrl-C" },
    { command: "effect-supervisor run src/supervisor.ts --json --for \"1 minute\"", description: "A minute of events" }
  ])
)

/** A module may wait at its top level for something that never comes. */
const stillLoading = (module: string, within: Duration.Duration): Effect.Effect<never, Errors.RunFailed> =>
  Effect.andThen(
    Effect.sleep(within),
    Effect.fail(new Errors.RunFailed({ message: `${module} was still being loaded after ${Duration.format(within)}` }))
  )

/** Asked to end while the module was being loaded: there is nothing to stop. */
const notYetRunning = (asked: Signals.Asked): Effect.Effect<undefined, Errors.RunFailed> =>
  asked._tag === "Uncaught" ? Effect.fail(uncaught(asked.error)) : Effect.undefined

const uncaught = (error: unknown): Errors.RunFailed =>
  new Errors.RunFailed({
    message: `stopped, because outside of every task this was thrown: ${Thrown.describe(error, process.cwd())}`
  })

/** Why everything is being stopped; `undefined` when it ended by itself. */
type Stop = Signals.Asked | { readonly _tag: "Elapsed" } | { readonly _tag: "Unread" }

const supervise = Effect.fnUntraced(function*({ asked, module, program, runTime, view }: {
  readonly module: string
  readonly program: Module.Program
  readonly view: View
  readonly asked: Effect.Effect<Signals.Asked>
  readonly runTime: Option.Option<Duration.Duration>
}) {
  const { stderr, stdout } = yield* Output
  const ends = yield* FiberSet.make()
  const left: Array<UnstoppableRun> = []
  let isSupervised = false
  // What is run gets no services of the command line's own: it runs here as it does anywhere.
  const context = Context.make(Supervisor.Observer, (supervisor) => {
    isSupervised = true
    const end = Effect.map(reportOf(supervisor), (report) => {
      left.push(...(report?.unstoppable ?? []))
    })
    return Effect.andThen(view.watch(supervisor), FiberSet.run(ends, end))
  }).pipe(
    Context.add(Logger.CurrentLoggers, new Set([view.logger])),
    Context.add(References.MinimumLogLevel, yield* References.MinimumLogLevel)
  )
  const fiber = yield* Effect.forkScoped(Effect.updateContext<unknown, unknown, never, never>(program, () => context))

  const stops: ReadonlyArray<Effect.Effect<Stop>> = [
    asked,
    Effect.as(stdout.unread, { _tag: "Unread" }),
    Option.isNone(runTime) ? Effect.never : Effect.as(Effect.sleep(runTime.value), { _tag: "Elapsed" })
  ]
  const stop = yield* Effect.raceFirst(Effect.as(Fiber.await(fiber), undefined), Effect.raceAllFirst(stops))
  if (stop !== undefined) yield* endInOrder(fiber, stop, view)
  const exit = yield* Fiber.await(fiber)

  yield* view.finish
  yield* Effect.timeoutOption(FiberSet.awaitEmpty(ends), "1 second")
  if (left.length > 0) yield* stderr.write(`effect-supervisor: ${describeLeft(innermost(left))}\n`)
  const failure = failureOf({ module, exit, stop, isSupervised })
  if (failure !== undefined) return yield* failure
})

const endInOrder = Effect.fnUntraced(function*(fiber: Fiber.Fiber<unknown, unknown>, stop: Stop, view: View) {
  const hint = stop._tag === "Signal" ? "stopping in order; Ctrl-C again ends it at once" : "stopping in order"
  // Not before it is true that Ctrl-C does that, and not at all when stopping takes no longer.
  const told = yield* Effect.forkChild(Effect.delay(view.stopping(hint), Signals.samePress))
  yield* Fiber.interrupt(fiber)
  yield* Fiber.interrupt(told)
})

/** A run with a supervisor in it has not ended because of what that is left with. */
const innermost = (left: ReadonlyArray<UnstoppableRun>): ReadonlyArray<UnstoppableRun> => {
  const above = new Set<string>()
  for (const { path } of left) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) above.add(path.slice(0, end))
  }
  return left.filter(({ path }) => !above.has(path))
}

const describeLeft = (left: ReadonlyArray<UnstoppableRun>): string => {
  const runs = left.map(({ generation, path }) => `${path} (run ${generation})`).join(", ")
  return left.length === 1
    ? `left behind, it did not end within its stopTimeout: ${runs}`
    : `left behind, they did not end within their stopTimeouts: ${runs}`
}

const failureOf = ({ exit, isSupervised, module, stop }: {
  readonly module: string
  readonly exit: Exit.Exit<unknown, unknown>
  readonly stop: Stop | undefined
  readonly isSupervised: boolean
}): Errors.CommandLineError | undefined => {
  if (stop?._tag === "Uncaught") return uncaught(stop.error)
  if (Exit.isFailure(exit)) {
    if (stop !== undefined && Cause.hasInterruptsOnly(exit.cause)) return undefined
    return new Errors.RunFailed({ message: explain(module, exit.cause) })
  }
  return isSupervised || stop !== undefined
    ? undefined
    : new Errors.ModuleNotSupervisor({ module, found: "an Effect that ended without having run a supervisor" })
}

const explain = (module: string, cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  // By its tag: the module may have loaded another copy of this package.
  const gaveUp = typeof error === "object" && error !== null && "_tag" in error && error._tag === "SupervisorError"
  return gaveUp && error instanceof Error
    ? Text.clean(error.message)
    : `${module} failed: ${Thrown.describeCause(cause, process.cwd())}`
}
