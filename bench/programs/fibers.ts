/** One fiber. */
import * as Effect from "effect/Effect"

Effect.runFork(Effect.never)
