/**
 * When a slot that went into error may be put back to work: the pool's restart policy, asked once for each error.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { RestartPolicy, RestartReason } from "../../RestartPolicy.ts"
import type { Due } from "./records.ts"

type Ask = (now: number, reason: RestartReason<unknown>) => Effect.Effect<number | undefined>

/** The schedule of one slot. It begins anew with a slot that has not been put back to work since it was stable. */
export interface PolicyState {
  step: Ask | undefined
}

const begin = (policy: RestartPolicy<unknown>): Effect.Effect<Ask> =>
  Effect.map(Schedule.toStep(policy.schedule), (step): Ask => (now, reason) =>
    Pull.matchEffect(step(now, reason), {
      onSuccess: ([, delay]) => Effect.succeed<number | undefined>(Duration.toMillis(delay)),
      onFailure: (cause) => Effect.failCause(cause),
      onDone: () => Effect.undefined
    }).pipe(Effect.orDie))

/** What a typed failure asks for; anything but a restart means never. */
const isRestartable = (policy: RestartPolicy<unknown>, reason: RestartReason<unknown>): boolean => {
  if (reason._tag !== "Failed") return true
  const failed = reason.cause.reasons.find(Cause.isFailReason)
  return failed === undefined || policy.directive(failed.error) === "restart"
}

/** `now` is the store's time; schedules see the wall clock. The policy's mode has no say: a slot is always wanted. */
export const ask = Effect.fnUntraced(function*(
  policy: RestartPolicy<unknown>,
  state: PolicyState,
  reason: RestartReason<unknown>,
  restarts: number,
  now: number
): Effect.fn.Return<Due> {
  if (!isRestartable(policy, reason)) return { _tag: "Never" }
  const wall = yield* Clock.currentTimeMillis
  if (state.step === undefined || restarts === 0) {
    state.step = yield* begin(policy)
    // The restarts of an earlier process: where the schedule stood then.
    for (let before = 0; before < restarts; before++) yield* state.step(wall, reason)
  }
  const delay = yield* state.step(wall, reason)
  if (delay === undefined || delay === Number.POSITIVE_INFINITY) return { _tag: "Never" }
  return delay <= 0 ? undefined : { _tag: "At", at: now + delay }
})
