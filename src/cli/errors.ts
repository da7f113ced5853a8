/**
 * What the command line fails with. A message is what a person is shown, without a stack: it says what was expected and
 * what was found.
 */
import * as Schema from "effect/Schema"

/** What a module has to export. */
const expected = "a default export that Supervisor.run takes, such as { name: \"app\", tasks: [task] }, " +
  "or an Effect made by it"

/** There is no such file. */
export class ModuleNotFound extends Schema.TaggedError<ModuleNotFound>()("ModuleNotFound", {
  module: Schema.String,
  /** The path that was looked for. */
  path: Schema.String,
  found: Schema.String
}) {
  override get message(): string {
    return `cannot find the module ${this.module}\n  expected: a TypeScript or JavaScript file with ${expected}\n  found:    ${this.found} at ${this.path}`
  }
}

/** The file, or what it imports, does not compile, is not to be found, or threw. */
export class ModuleNotLoaded extends Schema.TaggedError<ModuleNotLoaded>()("ModuleNotLoaded", {
  module: Schema.String,
  /** What went wrong, in a few words: `it does not compile`. */
  what: Schema.String,
  /** What the runtime said, with the place where it is known. */
  why: Schema.String
}) {
  override get message(): string {
    return `cannot load the module ${this.module}: ${this.what}\n${
      indent(this.why)
    }\n  expected: a module with ${expected}`
  }
}

/** The module was loaded, and its default export is nothing that can be supervised. */
export class ModuleNotSupervisor extends Schema.TaggedError<ModuleNotSupervisor>()("ModuleNotSupervisor", {
  module: Schema.String,
  found: Schema.String
}) {
  override get message(): string {
    return `the module ${this.module} exports no supervisor\n  expected: ${expected}\n  found:    ${this.found}`
  }
}

/** The default export is meant as options, and Supervisor.run refuses them. */
export class OptionsRefused extends Schema.TaggedError<OptionsRefused>()("OptionsRefused", {
  module: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return `Supervisor.run refuses the default export of ${this.module}: ${this.why}`
  }
}

/** The supervisor gave up, or what runs it failed. */
export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", { message: Schema.String }) {}

/** What a command fails with. */
export type CommandLineError = ModuleNotFound | ModuleNotLoaded | ModuleNotSupervisor | OptionsRefused | RunFailed

const indent = (text: string): string => text.split("\n").map((line) => line === "" ? "" : `  ${line}`).join("\n")
