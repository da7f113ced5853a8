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
export class SampleFailed extends Data.TaggedError("SampleFailed")<{ readonly message: string }> {}

const Values = Schema.Array(Schema.Finite)

interface Sampler {
  readonly sample: (n: number) => Effect.Effect<ReadonlyArray<number>, SampleFailed>
}

export const make = Effect.fnUntraced(function*(scenario: Scenario, peer: Peer) {
  // `--expose-gc` and the custom condition are handed on.
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [scenario.name, peer.name])),
    (child) => Effect.sync(() => child.kill())
  )
  const failed = (why: string) => new SampleFailed({ message: `${scenario.name} with ${peer.name}: ${why}` })
  const answer = Effect.callback<unknown, SampleFailed>((resume) => {
    const onMessage = (message: unknown) => resume(Effect.succeed(message))
    const onExit = (code: number | null) => resume(Effect.fail(failed(`the process ended with code ${code}`)))
    child.once("message", onMessage).once("exit", onExit)
    return Effect.sync(() => child.off("message", onMessage).off("exit", onExit))
  })
  const sampler: Sampler = {
    sample: (n) =>
      Effect.sync(() => child.send(n)).pipe(
        Effect.andThen(answer),
        Effect.flatMap(Schema.decodeUnknownEffect(Values)),
        Effect.catchTag("SchemaError", (error) => Effect.fail(failed(error.message)))
      )
  }
  return sampler
})
