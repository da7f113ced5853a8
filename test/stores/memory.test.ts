import { makeMemory } from "effect-supervisor/SlotPoolStore"
import * as Effect from "effect/Effect"
import { storeSuite } from "./suite/suite.ts"

storeSuite({
  name: "memory",
  clock: "test",
  // Several pools of one process share it as it is.
  make: Effect.map(makeMemory, (store) => ({ open: Effect.succeed(store), turn: Effect.yieldNow }))
})
