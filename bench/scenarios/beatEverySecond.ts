import * as Effect from "effect/Effect"
import { cpuShare, settle } from "../measure.ts"
import type { Hosted } from "../peer.ts"
import { able } from "../peer.ts"
import { fibers } from "../peers/fibers.ts"
import type { Load } from "../sample.ts"
import type { Scenario } from "../scenario.ts"
import * as Works from "../works.ts"

/** A timer a task; they are spread over the second, as those of tasks that have nothing to do with each other are. */
const share = (peer: Hosted, { n, seconds }: Load) =>
  Effect.scoped(Effect.gen(function*() {
    let begun = 0
    let called = 0
    const work = Effect.flatMap(peer.beater, (beat) => {
      const call = () => {
        called++
        beat()
      }
      let timer = setTimeout(() => {
        call()
        timer = setInterval(call, 1000)
      }, 1000 * begun++ / n)
      call()
      return Effect.onInterrupt(Effect.never, () => Effect.sync(() => clearInterval(timer)))
    })
    const opened = yield* peer.prepare(Works.make(n, work), { beatByHand: true })
    yield* Works.untilBegun(() => begun, n)
    yield* Effect.sleep("1 second")
    yield* settle
    const before = called
    const taken = yield* cpuShare(seconds)
    // Node's timers drift by what they are late.
    if (called - before < 0.7 * n * seconds) {
      return yield* Effect.die(new Error(`the timers called ${called - before} times in ${seconds} s`))
    }
    if (begun !== n) return yield* Effect.die(new Error(`${begun - n} were restarted, and none was silent`))
    yield* Works.assertHealthy(opened, n)
    return taken
  }))

export const beatEverySecond: Scenario = {
  name: "beat-every-second",
  about:
    "manual tasks that each beat once a second, from an interval timer of its own: CPU, and CPU beyond that of the same timers",
  sizes: [{ n: 100_000, seconds: 5, repeats: 3, warmups: 0 }],
  quick: { n: 1000, seconds: 1 },
  metrics: [
    { name: "share of a core", unit: "%", aim: { atMost: 15 } },
    { name: "beyond the timers", unit: "%", aim: { atMost: 5 } }
  ],
  needs: () => able,
  sample: (peer, load) =>
    Effect.gen(function*() {
      if (!peer.abilities.hearsBeats.can) return [yield* share(peer, load), undefined]
      // In the same process, one after the other.
      const timers = yield* share(fibers, load)
      const whole = yield* share(peer, load)
      return [whole, whole - timers]
    })
}
