/**
 * What a process that measures is asked, and what it answers.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** How much of it: so many tasks, and so many seconds to look, where looking takes time. */
const Load = Schema.Struct({ n: Schema.Int, seconds: Schema.Finite })
export type Load = typeof Load.Type

export const Request = Schema.Struct({ scenario: Schema.String, load: Load })
export type Request = typeof Request.Type

export const Sample = Schema.Struct({
  /** One a metric, in their order; `null` for what the peer has nothing like. */
  values: Schema.Array(Schema.NullOr(Schema.Finite)),
  /** Lines for the reader of the table. */
  notes: Schema.Array(Schema.String)
})
export type Sample = typeof Sample.Type

/** A process that measures has ended, or answers nonsense; what it had to say is on standard error. */
export class SampleFailed extends Data.TaggedError("SampleFailed")<{ readonly message: string }> {}

/** Such a process. */
export interface Sampler {
  readonly sample: (request: Request) => Effect.Effect<Sample, SampleFailed>
}
