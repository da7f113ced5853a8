/**
 * What one writes by hand: a `FiberMap` for the names, `Effect.retry` for the restarts.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Schedule from "effect/Schedule"
import type { Hosted } from "../peer.ts"
import { able, unable } from "../peer.ts"

/** What effect-supervisor does of its own accord, as one composes it. */
const standard = (base: Duration.Input, cap: Duration.Input) =>
  Schedule.max([Schedule.min([Schedule.exponential(base), Schedule.spaced(cap)]), Schedule.recurs(5)])

const policies = { default: standard("1 second", "32 seconds"), "default at once": standard(0, 0) }

export const fiberMap: Hosted = {
  _tag: "Hosted",
  name: "FiberMap + retry",
  about: "`FiberMap.run` of `Effect.retry`: retried in the same fiber, no status, nobody told when it gives up",
  abilities: {
    restartsFailed: able,
    restartsByName: able,
    restartsAsOne: unable("fibers know nothing of each other"),
    forgetsFailures: unable("the default policy's five restarts are all there are, however far apart"),
    showsStatuses: unable("it has names and fibers alone"),
    hearsBeats: unable("nobody listens"),
    tellsEvents: unable("there are none")
  },
  prepare: (works, { schedule = "default" }) => {
    const policy = typeof schedule === "string" ? policies[schedule] : schedule
    const effects = new Map(works.map((work) => [work.name, Effect.retry(work.effect, policy)] as const))
    return Effect.gen(function*() {
      const map = yield* FiberMap.make<string, never, unknown>()
      for (const [name, effect] of effects) yield* FiberMap.run(map, name, effect)
      return {
        restart: (name) =>
          Effect.suspend(() => {
            const effect = effects.get(name)
            return effect === undefined
              ? Effect.die(new Error(`no work named ${name}`))
              // `run` alone does not wait for the old fiber's finalizers.
              : Effect.andThen(FiberMap.remove(map, name), FiberMap.run(map, name, effect))
          }),
        healthy: undefined
      }
    })
  },
  beater: Effect.succeed(() => undefined),
  imports: ["effect/Effect", "effect/FiberMap", "effect/Schedule"],
  program: new URL("../programs/fiberMap.ts", import.meta.url)
}
