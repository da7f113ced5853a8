/**
 * How a running supervisor is shown: as a live table, as a line an event, or as JSON.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunningSupervisor } from "../Supervisor.ts"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import type { FinalReport } from "../TaskStatus.ts"

/** What a supervisor that is watched is shown by. */
export interface View {
  /** Begins to show a supervisor and all below it. */
  readonly watch: (supervisor: RunningSupervisor) => Effect.Effect<void>
  readonly logger: Logger.Logger<unknown, void>
  /** Says that everything is being stopped, and what can be done meanwhile. */
  readonly stopping: (hint: string) => Effect.Effect<void>
  /** Shows what is left to show, and ends. */
  readonly finish: Effect.Effect<void>
}

/** How a supervisor that has ended has ended: `undefined` when it crashed. */
export const reportOf = (supervisor: RunningSupervisor): Effect.Effect<FinalReport | undefined> =>
  Effect.catchCause(
    Effect.catch(supervisor.await, (error) => Effect.succeed(error.report)),
    () => Effect.undefined
  )

/** A reader that has stopped reading, but not closed, is waited for no longer than this at the end. */
const patience = "2 seconds"

/** Reads the events of every supervisor that is watched, and of all below it, until it has ended. */
export const watcher = Effect.fnUntraced(function*(
  read: (supervisor: RunningSupervisor) => (event: SupervisorEvent) => Effect.Effect<void>
): Effect.fn.Return<Pick<View, "watch" | "finish">, never, Scope.Scope> {
  // In the scope of the view: it has to see the end of a supervisor, whose own scope is closed by then.
  const readers = yield* FiberSet.make()
  return {
    watch: (supervisor) =>
      Effect.asVoid(FiberSet.run(readers, Stream.runForEach(supervisor.tree.events, read(supervisor)), {
        startImmediately: true
      })),
    finish: Effect.asVoid(Effect.timeoutOption(FiberSet.awaitEmpty(readers), patience))
  }
})
