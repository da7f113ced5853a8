/**
 * The one suite of all stores: what `SlotPoolStore` promises, and of a store on disk, that it keeps it.
 */
import { describe } from "@effect/vitest"
import type { Durable, Subject, Suite } from "../subject.ts"
import { changes } from "./changes.ts"
import { durable } from "./durable.ts"
import { leases } from "./leases.ts"
import { records } from "./records.ts"

export const storeSuite = <S extends Subject>(suite: Suite<S>): void => {
  describe(`records: ${suite.name}`, () => {
    records(suite)
  })
  describe(`leases: ${suite.name}`, () => {
    leases(suite)
  })
  describe(`changes: ${suite.name}`, () => {
    changes(suite)
  })
}

export const durableSuite = (suite: Suite<Durable>): void => {
  storeSuite(suite)
  describe(`what is kept: ${suite.name}`, () => {
    durable(suite)
  })
}
