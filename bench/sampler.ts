/**
 * The other side of `child.ts`: starts such a process for a hosted peer, asks it for samples, and ends it with the scope.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Hosted } from "./peer.ts"
import type { Sampler } from "./sample.ts"
import { Sample, SampleFailed } from "./sample.ts"

export const make = Effect.fnUntraced(function*(peer: Hosted, nodeFlags: ReadonlyArray<string> = []) {
  // `--expose-gc` and the custom condition are handed on.
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [peer.name], {
        execArgv: [...process.execArgv, ...nodeFlags]
      })
    ),
    // It ends by itself when nobody is there any more, in good order: a profiler writes down what it has seen.
    (child) =>
      Effect.callback<void>((resume) => {
        if (!child.connected) return resume(Effect.void)
        const late = setTimeout(() => child.kill(), 10_000)
        child.once("exit", () => {
          clearTimeout(late)
          resume(Effect.void)
        }).disconnect()
      })
  )
  const answer = Effect.callback<unknown, SampleFailed>((resume) => {
    const forget = () => child.off("message", onMessage).off("exit", onExit)
    const onMessage = (message: unknown) => {
      forget()
      resume(Effect.succeed(message))
    }
    const onExit = (code: number | null) => {
      forget()
      resume(Effect.fail(new SampleFailed({ message: `the process for ${peer.name} ended with code ${code}` })))
    }
    child.on("message", onMessage).on("exit", onExit)
    return Effect.sync(forget)
  })
  const sampler: Sampler = {
    sample: (request) =>
      Effect.sync(() => child.send(request)).pipe(
        Effect.andThen(answer),
        Effect.flatMap(Schema.decodeUnknownEffect(Sample)),
        Effect.catchTag(
          "SchemaError",
          (error) =>
            Effect.fail(new SampleFailed({ message: `the process for ${peer.name} answered: ${error.message}` }))
        )
      )
  }
  return sampler
})
