/**
 * The command line: its commands, what it says of a wrong use, and its exit codes.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { createRequire } from "node:module"
import process from "node:process"
import * as Output from "./output.ts"
import { run } from "./run.ts"

const command = Command.make("effect-supervisor").pipe(
  Command.withDescription("Supervision for Effect"),
  Command.withSubcommands([run])
)

const readVersion = Effect.sync(() => {
  const manifest: unknown = createRequire(import.meta.url)("../../package.json")
  return Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))(manifest).version
})

/** A wrong use is told on standard error alone, and shortly. */
const presenter = (stderr: Output.Stream): CliOutput.Presenter => ({
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const errors = event.errors.map((error) => `effect-supervisor: ${error.message}\n`).join("")
    return stderr.write(`${errors}usage: ${event.helpDoc.usage}\n${event.commandPath.join(" ")} --help tells more\n`)
  }
})

/** No wizard: there is one command. */
const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] as const

const exitCodeOf = Effect.fnUntraced(function*(exit: Exit.Exit<void, Error>, stderr: Output.Stream) {
  if (Exit.isSuccess(exit)) return 0
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") {
    yield* stderr.write(`effect-supervisor: this is a defect of its own:\n${Cause.pretty(exit.cause)}\n`)
    return 1
  }
  // What the command line's parser has to say was presented already.
  if (CliError.isCliError(error.value)) return Runtime.getErrorExitCode(error.value)
  yield* stderr.write(`effect-supervisor: ${error.value.message}\n`)
  return 1
})

const program = Effect.gen(function*() {
  const { stderr, stdout } = yield* Output.Output
  const exit = yield* Command.run(command, { version: yield* readVersion }).pipe(
    Effect.provide(Layer.mergeAll(CliConfig.layer({ builtIns }), CliOutput.layerPresenter(presenter(stderr)))),
    Effect.exit
  )
  const code = yield* exitCodeOf(exit, stderr)
  // What was written has to leave the process before it ends, unless nobody takes it.
  yield* Effect.timeoutOption(Effect.all([stdout.write(""), stderr.write("")], { concurrency: 2 }), "1 second")
  return code
}).pipe(Effect.provide(Layer.mergeAll(NodeServices.layer, Output.layer)))

const runMain = Runtime.makeRunMain(({ fiber, teardown }) => {
  // Runs that would not end keep the process alive: it ends all the same.
  fiber.addObserver((exit) => teardown(exit, (code) => process.exit(code)))
})

/** Runs the command line, and ends the process. */
export const main = (): void =>
  runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? Number(exit.value) : 1)
  })
