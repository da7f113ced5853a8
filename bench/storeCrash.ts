/**
 * `kill -9` in the middle of writes to a SQLite file, as often as one likes: no record that was answered may be lost or
 * half-written, and the dead writer's slots must be taken over once, when its lease has run out. `npm test` lives
 * 50 such rounds.
 *
 * Prints figures, and exits 1 at a breach.
 *
 *     node --conditions=effect-supervisor-source bench/storeCrash.ts [rounds]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Crash from "../test/stores/crash.ts"
import { now } from "./measure.ts"

const rounds = Number(process.argv[2] ?? 1000)

const main = Effect.gen(function*() {
  const begin = now()
  let acknowledged = 0
  let breached = 0
  let done = 0
  yield* Crash.rounds(
    rounds,
    Effect.fnUntraced(function*(round, n) {
      acknowledged += round.acknowledged
      breached += round.breaches.length
      for (const breach of round.breaches) yield* Console.log(`  BREACH in round ${n}: ${breach}`)
      if (++done % 100 === 0) yield* Console.log(`  ${done} rounds, ${acknowledged} answered writes`)
    })
  )
  const seconds = ((now() - begin) / 1000).toFixed(0)
  yield* Console.log(
    `${rounds} rounds of kill -9 in ${seconds} s: ${acknowledged} answered writes, ${breached} breaches`
  )
  if (breached > 0 || acknowledged === 0) process.exitCode = 1
})

NodeRuntime.runMain(main)
