/**
 * A process that takes samples of one scenario with one peer, one for each number it is sent. A process of its own for
 * each of them: neither compiled code nor memory is then shared with what is measured beside it.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { ours, peers, scenarios } from "./catalogue.ts"
import { collect } from "./measure.ts"

const [scenarioName, peerName] = process.argv.slice(2)
const scenario = scenarios.find((one) => one.name === scenarioName)
const peer = [ours, ...peers].find((one) => one.name === peerName)
if (scenario === undefined || peer === undefined) throw new Error(`no ${scenarioName} with ${peerName}`)

// No logger writes; the levels are left at their defaults.
const silent = Effect.provideService(Logger.CurrentLoggers, new Set())

process.on("message", (n: number) => {
  void Effect.runPromise(silent(Effect.andThen(collect, scenario.sample(peer, n)))).then(
    (values) => process.send?.(values),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})
