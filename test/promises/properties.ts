/**
 * Properties of histories, run with one seed that is printed: the same histories in every run of the tests, so that a
 * run that was green stays so. `npm run explore` lives others; `EFFECT_SUPERVISOR_SEED=… npm run explore` those of a seed
 * again. A history that breaks a promise is printed in its shrunk form, to be pasted into `found.test.ts`.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { live } from "./check.ts"
import type { Flavour, History } from "./history.ts"
import { histories } from "./history.ts"
import type { World } from "./world.ts"

const wanted = process.env["EFFECT_SUPERVISOR_SEED"] ?? "1"
export const seed = wanted === "fresh" ? String(Math.floor(Math.random() * 2 ** 32)) : wanted

export const printSeed = (of: string): void => {
  process.stdout.write(`${of}: EFFECT_SUPERVISOR_SEED=${seed}\n`)
}

/** So many histories of a flavour, lived through. A history that does not end breaks a promise like any other. */
export const holds = (
  promise: string,
  flavour: Flavour,
  runs: number,
  property: (history: History) => unknown = live as (history: History) => World
): void =>
  it.effect.prop(
    promise,
    [histories(flavour)],
    ([history]) =>
      Effect.sync(() => {
        property(history)
        return true
      }),
    { timeout: 300_000, arbitrary: { runs, size: 100, seed, maxShrinks: 2000 } }
  )
