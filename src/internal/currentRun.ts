/**
 * The run that the current fiber belongs to. Every run carries it in its context; child fibers inherit it.
 */
import * as Context from "effect/Context"
import type * as Schema from "effect/Schema"

/** What code inside a run can ask and say. */
export interface CurrentRun {
  /** The supervisor that started the run; `Supervisor.current` gives it its type. */
  readonly supervisor: unknown
  readonly task: string
  readonly path: string
  readonly generation: number
  readonly attempt: number
  /** Shows life. Cheap, synchronous, and ignored once the run is over. */
  readonly beat: (details?: Schema.Json) => void
}

export const CurrentRun = Context.Reference<CurrentRun | undefined>("effect-supervisor/CurrentRun", {
  defaultValue: () => undefined
})
