import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Output from "../../../src/cli/output.ts"
import { run } from "../../../src/cli/run.ts"

/** What the parser has to say of a wrong use. */
const refusal = (...args: ReadonlyArray<string>) =>
  Command.runWith(run, { version: "0.0.0", renderErrors: false })(args).pipe(
    Effect.provide(Layer.mergeAll(NodeServices.layer, Output.layer)),
    Effect.flip,
    Effect.map((error) =>
      error._tag === "ShowHelp" ? error.errors.map(({ message }) => message).join("\n") : error._tag
    )
  )

describe("run", () => {
  for (const duration of ["5", "0 seconds", "-1 seconds", "soon", "Infinity", ""]) {
    it.effect(`--for ${JSON.stringify(duration)} says what is allowed`, () =>
      Effect.gen(function*() {
        const message = yield* refusal("a.ts", `--for=${duration}`)
        assert.include(message, "a duration above 0, such as \"20 seconds\", \"500 millis\" or \"1.5 hours\"")
      }))
  }

  it.effect("takes the durations that it names", () =>
    Effect.gen(function*() {
      for (const duration of ["20 seconds", "500 millis", "1.5 hours"]) {
        assert.strictEqual(yield* refusal("missing.ts", "--for", duration), "ModuleNotFound")
      }
    }))
})
