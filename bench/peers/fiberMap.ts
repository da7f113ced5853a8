/**
 * What one writes by hand: a `FiberMap` for the names, `Effect.retry` for the restarts.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Schedule from "effect/Schedule"
import type { Hosted } from "../peer.ts"
import { able, unable } from "../peer.ts"

/** What effect-supervisor does of its own accord. */
const standard = Schedule.max([
  Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("32 seconds")]),
  Schedule.recurs(5)
])

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
    const policy = schedule === "default" ? standard : schedule
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
