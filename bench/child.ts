/**
 * A process that takes samples with one peer, one for each message. A process of its own, so that neither compiled code
 * nor memory is shared with what is measured beside it.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { hosted, scenarios } from "./catalogue.ts"
import { Request } from "./sample.ts"
import type { Sample } from "./sample.ts"

const name = process.argv[2]
const peer = hosted.find((one) => one.name === name)
if (peer === undefined) throw new Error(`no peer named ${name}`)

const sample = Effect.fnUntraced(function*(message: unknown) {
  const request = yield* Schema.decodeUnknownEffect(Request)(message)
  const scenario = scenarios.find((one) => one.name === request.scenario)
  if (scenario === undefined) return yield* Effect.die(new Error(`no scenario named ${request.scenario}`))
  const taken = yield* scenario.sample(peer, request.load)
  const answer: Sample = "notes" in taken ? taken : { values: taken.map((value) => value ?? null), notes: [] }
  return answer
})

// No logger writes; the levels are left at their defaults.
const silent = Effect.provideService(Logger.CurrentLoggers, new Set())

process.on("message", (message) => {
  void Effect.runPromise(silent(sample(message))).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})

process.on("disconnect", () => process.exit())
