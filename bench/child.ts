/**
 * A process that takes samples with one peer, one for each message. A process of its own, so that neither compiled code
 * nor memory is shared with what is measured beside it.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { ours, peers, scenarios } from "./catalogue.ts"
import { collect } from "./measure.ts"
import { Request } from "./sampler.ts"

const name = process.argv[2]
const peer = [ours, ...peers].find((one) => one.name === name)
if (peer === undefined) throw new Error(`no peer named ${name}`)

const sample = Effect.fnUntraced(function*(message: unknown) {
  const request = yield* Schema.decodeUnknownEffect(Request)(message)
  const scenario = scenarios.find((one) => one.name === request.scenario)
  if (scenario === undefined) return yield* Effect.die(new Error(`no scenario named ${request.scenario}`))
  yield* collect
  return yield* scenario.sample(peer, request.n)
})

// No logger writes; the levels are left at their defaults.
const silent = Effect.provideService(Logger.CurrentLoggers, new Set())

process.on("message", (message) => {
  void Effect.runPromise(silent(sample(message))).then(
    (values) => process.send?.(values),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})
