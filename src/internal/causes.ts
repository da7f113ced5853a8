/**
 * Why a run ended, as one cause. `Cause.combine` is not used: it compares what causes hold, which is the user's, and may
 * do anything when it is looked at.
 */
import * as Cause from "effect/Cause"
import type { RestartReason } from "../RestartPolicy.ts"
import { reasonLine } from "./render.ts"

/** One cause after another. */
export const both = (first: Cause.Cause<unknown>, second: Cause.Cause<unknown>): Cause.Cause<unknown> =>
  Cause.fromReasons([...first.reasons, ...second.reasons])

/** What a run ended with, and then what its finalizers added. */
export const whole = (reason: RestartReason<unknown> & { readonly _tag: "Failed" }): Cause.Cause<unknown> =>
  reason.finalizers === undefined ? reason.cause : both(reason.cause, reason.finalizers)

/** What the run ended with, or the verdict described as a defect. */
export const ofReason = (reason: RestartReason<unknown> | undefined): Cause.Cause<unknown> => {
  if (reason === undefined || reason._tag === "Completed") return Cause.empty
  if (reason._tag === "Failed") return whole(reason)
  const verdict = Cause.die(
    new Error(reasonLine(reason), reason._tag === "ProbeFailed" ? { cause: Cause.squash(reason.cause) } : {})
  )
  return reason.ended === undefined ? verdict : both(verdict, reason.ended)
}

/** What nobody is to handle: its failures are defects. */
export const asDefect = (cause: Cause.Cause<unknown>): Cause.Cause<never> =>
  Cause.fromReasons(
    cause.reasons.map((reason) => Cause.isFailReason(reason) ? Cause.makeDieReason(reason.error) : reason)
  )
