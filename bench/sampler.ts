/**
 * The other side of `child.ts`: starts such a process, asks it for samples, and ends it with the scope.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Peer } from "./peer.ts"
import type { Scenario } from "./scenario.ts"

/** A process that measures has ended, or answers nonsense; what it had to say is on standard error. */
class SampleFailed extends Data.TaggedError("SampleFailed")<{ readonly message: string }> {}

/** What such a process is sent. */
export const Request = Schema.Struct({ scenario: Schema.String, n: Schema.Int })

/** What it answers: one value a metric. */
const Values = Schema.Array(Schema.Finite)

export interface Sampler {
  readonly sample: (scenario: Scenario, n: number) => Effect.Effect<ReadonlyArray<number>, SampleFailed>
}

export const make = Effect.fnUntraced(function*(peer: Peer) {
  // `--expose-gc` and the custom condition are handed on.
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [peer.name])),
    (child) => Effect.sync(() => child.kill())
  )
  const answer = Effect.callback<unknown, SampleFailed>((resume) => {
    const onMessage = (message: unknown) => resume(Effect.succeed(message))
    const onExit = (code: number | null) =>
      resume(Effect.fail(new SampleFailed({ message: `the process for ${peer.name} ended with code ${code}` })))
    child.once("message", onMessage).once("exit", onExit)
    return Effect.sync(() => child.off("message", onMessage).off("exit", onExit))
  })
  const sampler: Sampler = {
    sample: (scenario, n) =>
      Effect.sync(() => child.send({ scenario: scenario.name, n } satisfies typeof Request.Type)).pipe(
        Effect.andThen(answer),
        Effect.flatMap(Schema.decodeUnknownEffect(Values)),
        Effect.catchTag(
          "SchemaError",
          (error) =>
            Effect.fail(new SampleFailed({ message: `the process for ${peer.name} answered: ${error.message}` }))
        )
      )
  }
  return sampler
})
