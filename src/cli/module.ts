/**
 * The module that a person names on the command line: found, loaded, and decoded to what can be run.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { show } from "../internal/options.ts"
import * as Supervisor from "../Supervisor.ts"
import * as Task from "../Task.ts"
import * as Errors from "./errors.ts"
import * as Thrown from "./thrown.ts"

/** What is run: fails with whatever it gives up with. */
export type Program = Effect.Effect<unknown, unknown>

const isPlainObject = (u: unknown): u is object => {
  if (typeof u !== "object" || u === null || Array.isArray(u) || Task.isTask(u)) return false
  const prototype: unknown = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === null
}

// A service class is an Effect as well, one that asks for the service: what runs that is its launch.
const Run = Schema.declare((u: unknown): u is Program => Effect.isEffect(u) && typeof u !== "function", {
  expected: "an Effect"
})
const Options = Schema.declare((u: unknown): u is Supervisor.SupervisorOptions<[]> => isPlainObject(u), {
  expected: "the options of Supervisor.run"
})
const decodeExport = Schema.decodeUnknownOption(Schema.Union([Run, Options]))

/** Loads the module, relative to the working directory, and makes what it exports an Effect that runs a supervisor. */
export const load = Effect.fnUntraced(function*(module: string) {
  const cwd = process.cwd()
  const path = yield* find(module, cwd)
  const namespace = yield* Effect.tryPromise((): Promise<Record<string, unknown>> => import(pathToFileURL(path).href))
    .pipe(
      Effect.catch(({ cause }) => Effect.flatMap(notLoaded(module, path, cwd, cause), Effect.fail))
    )
  const exported = defaultOf(namespace)
  const decoded = decodeExport(exported)
  if (Option.isNone(decoded)) return yield* new Errors.ModuleNotSupervisor({ module, found: describeExport(namespace) })
  const program = decoded.value
  if (Effect.isEffect(program)) return program
  return yield* Effect.try({
    try: (): Program => Supervisor.run(program),
    catch: (error) =>
      new Errors.OptionsRefused({
        module,
        why: error instanceof RangeError ? error.message : Thrown.describe(error, cwd)
      })
  })
})

const find = Effect.fnUntraced(function*(module: string, cwd: string) {
  const files = yield* FileSystem.FileSystem
  const path = (yield* Path.Path).resolve(cwd, module)
  const info = yield* Effect.option(files.stat(path))
  const found = Option.isNone(info)
    ? "nothing"
    : info.value.type === "File"
    ? undefined
    : `a ${info.value.type.toLowerCase()}`
  if (found !== undefined) return yield* new Errors.ModuleNotFound({ module, path, found })
  return path
})

/** What a module compiled to CommonJS exports as its default is one level further down. */
const defaultOf = (namespace: Record<string, unknown>): unknown => {
  const exported = namespace["default"]
  const isCompiled = isPlainObject(exported) && "__esModule" in exported && "default" in exported
  return isCompiled ? exported.default : exported
}

/** What a module exports that is nothing to run, in a few words. */
export const describeExport = (namespace: Record<string, unknown>): string => {
  if (!("default" in namespace)) {
    const names = Object.keys(namespace)
    return names.length === 0 ? "no exports at all" : `no default export, only ${names.join(", ")}`
  }
  return describe(defaultOf(namespace))
}

const describe = (u: unknown): string => {
  if (Task.isTask(u)) return "a task; it belongs in { tasks: [...] }"
  if (Array.isArray(u)) {
    return u.length > 0 && u.every(Task.isTask)
      ? "an array of tasks; it belongs in { tasks: [...] }"
      : "an array"
  }
  if (typeof u === "function") {
    return "layer" in u
      ? "a service class; what runs it is its launch"
      : "a function"
  }
  if (u instanceof Promise) return "a promise"
  if (u === undefined || u === null) return String(u)
  if (typeof u !== "object") return `the ${typeof u} ${show(u)}`
  if ("~effect/Layer" in u) return "a Layer; Supervisor.launch makes an Effect of one"
  return `an object of the class ${u.constructor?.name ?? "(none)"}`
}

const notLoaded = Effect.fnUntraced(function*(module: string, path: string, cwd: string, error: unknown) {
  const because = (what: string, why: string) =>
    new Errors.ModuleNotLoaded({ module, what, why: Thrown.shorten(why, cwd) })
  if (!(error instanceof Error)) return because("it threw", show(error))
  const code = "code" in error ? error.code : undefined
  switch (code) {
    case "ERR_MODULE_NOT_FOUND":
    case "ERR_PACKAGE_PATH_NOT_EXPORTED":
      return because("something it imports cannot be found", error.message)
    case "ERR_UNKNOWN_FILE_EXTENSION":
    case "ERR_IMPORT_ATTRIBUTE_MISSING":
    case "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING":
      return because(
        "Node does not run files of this kind",
        /\.[mc]?ts\b/.test(error.message)
          ? `${error.message}; TypeScript needs Node 22.19 or later, outside of node_modules (this is Node ${process.version})`
          : error.message
      )
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return because(
        "it does not compile: Node strips types, and this is more than a type",
        `${Thrown.frameOf(error.stack ?? "") ?? path}\n${error.message}`
      )
  }
  if (error instanceof SyntaxError) {
    const frame = Thrown.frameOf(error.stack ?? "") ?? (yield* checked(path))
    return because("it does not compile", frame === undefined ? error.message : `${frame}\n${error.message}`)
  }
  return because("it threw", Thrown.describe(error, cwd))
})

/** Node tells the place of a syntax error in JavaScript only when it is asked to check the file. */
const checked = Effect.fnUntraced(
  function*(path: string) {
    const spawner = yield* ChildProcessSpawner
    const told = yield* spawner.string(
      ChildProcess.make(process.execPath, ["--check", path], { stdout: "ignore" }),
      { includeStderr: true }
    )
    return Thrown.frameOf(told)
  },
  Effect.orElseSucceed(() => undefined)
)
