/**
 * What one writes by hand: a `FiberMap` for the names, `Effect.retry` for the restarts.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type { Peer } from "../peer.ts"
import { able } from "../peer.ts"

export const fiberMap: Peer = {
  name: "FiberMap + retry",
  about: "`FiberMap.run` of `Effect.retry`: retried in the same fiber, no status, nobody told when it gives up",
  abilities: { restartsFailed: able, restartsByName: able },
  prepare: (works, { schedule }) => {
    const effects = new Map(
      works.map((work) =>
        [work.name, schedule === undefined ? work.effect : Effect.retry(work.effect, schedule)] as const
      )
    )
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
  }
}
