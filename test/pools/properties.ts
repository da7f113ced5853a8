/**
 * Properties of histories of pools: with one seed, the same histories in every run of the tests; `npm run explore` lives
 * others. A history that breaks a promise is printed in its shrunk form, to be pasted into `found.test.ts`.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Flavour } from "./history.ts"
import { histories } from "./history.ts"
import { live } from "./live.ts"

const wanted = process.env["EFFECT_SUPERVISOR_SEED"] ?? "1"
const seed = wanted === "fresh" ? String(Math.floor(Math.random() * 2 ** 32)) : wanted

export const printSeed = (of: string): void => {
  process.stdout.write(`${of}: EFFECT_SUPERVISOR_SEED=${seed}\n`)
}

/** So many histories of a flavour, lived through. A history that does not end breaks a promise like any other. */
export const holds = (promise: string, flavour: Flavour, runs: number): void =>
  it.effect.prop(
    promise,
    [histories(flavour)],
    ([history]) =>
      Effect.sync(() => {
        live(history)
        return true
      }),
    { timeout: 300_000, arbitrary: { runs, size: 100, seed, maxShrinks: 2000 } }
  )
