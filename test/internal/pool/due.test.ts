import { assert, describe, it } from "@effect/vitest"
import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import type { PolicyState } from "../../../src/internal/pool/due.ts"
import * as Due from "../../../src/internal/pool/due.ts"
import { Net } from "../../support/fixtures.ts"

const failed: RestartPolicy.RestartReason<unknown> = { _tag: "Failed", cause: Cause.fail(new Net()) }

const asking = (policy: RestartPolicy.RestartPolicy<never>) => {
  const state: PolicyState = { step: undefined }
  return (restarts: number, now = 0, reason: RestartPolicy.RestartReason<unknown> = failed) =>
    Due.ask(policy as unknown as RestartPolicy.RestartPolicy<unknown>, state, reason, restarts, now)
}

describe("due", () => {
  it.effect("is the schedule's next delay from now, one step for each error", () =>
    Effect.gen(function*() {
      const ask = asking(RestartPolicy.make({ schedule: Schedule.exponential("1 second") }))
      assert.deepStrictEqual(yield* ask(0, 1000), { _tag: "At", at: 2000 })
      assert.deepStrictEqual(yield* ask(1, 5000), { _tag: "At", at: 7000 })
      assert.deepStrictEqual(yield* ask(2, 0), { _tag: "At", at: 4000 })
    }))

  it.effect("begins anew for a slot without restarts", () =>
    Effect.gen(function*() {
      const ask = asking(RestartPolicy.make({ schedule: Schedule.exponential("1 second") }))
      for (const [restarts, delay] of [[0, 1000], [1, 2000], [2, 4000], [0, 1000], [0, 1000], [1, 2000]] as const) {
        assert.deepStrictEqual(yield* ask(restarts), { _tag: "At", at: delay })
      }
    }))

  it.effect("goes on where an earlier process stood", () =>
    Effect.gen(function*() {
      const ask = asking(RestartPolicy.make({ schedule: Schedule.exponential("1 second") }))
      assert.deepStrictEqual(yield* ask(4), { _tag: "At", at: 16_000 })
      assert.deepStrictEqual(yield* ask(5), { _tag: "At", at: 32_000 })
    }))

  it.effect("is at once for no delay, and never for an endless one or when the schedule is done", () =>
    Effect.gen(function*() {
      const none = asking(RestartPolicy.make({ schedule: Schedule.recurs(2) }))
      assert.isUndefined(yield* none(0))
      assert.isUndefined(yield* none(1))
      assert.deepStrictEqual(yield* none(2), { _tag: "Never" })
      const endless = asking(RestartPolicy.make({ schedule: Schedule.spaced(Duration.infinity) }))
      assert.deepStrictEqual(yield* endless(0), { _tag: "Never" })
    }))

  it.effect("is never for a typed failure whose directive is another than to restart", () =>
    Effect.gen(function*() {
      for (const directive of ["stop", "escalate"] as const) {
        const policy = RestartPolicy.make<Net>({ schedule: Schedule.spaced("1 second"), on: { Net: directive } })
        const ask = asking(policy as unknown as RestartPolicy.RestartPolicy<never>)
        assert.deepStrictEqual(yield* ask(0), { _tag: "Never" })
        // A defect, a verdict and a good end are no typed failures.
        const others: ReadonlyArray<RestartPolicy.RestartReason<unknown>> = [
          { _tag: "Failed", cause: Cause.die(new Error("defect")) },
          { _tag: "Failed", cause: Cause.interrupt() },
          { _tag: "Completed" },
          { _tag: "ProbeFailed", failures: 3, cause: Cause.die(new Error("no answer")) }
        ]
        for (const reason of others) {
          assert.deepStrictEqual(yield* ask(0, 0, reason), { _tag: "At", at: 1000 })
        }
      }
    }))

  it.effect("shows schedules the wall clock: cron works", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2024, 0, 1, 10, 20))
      const ask = asking(RestartPolicy.make({ schedule: Schedule.cron("0 * * * *", "UTC") }))
      assert.deepStrictEqual(yield* ask(0, 5), { _tag: "At", at: 5 + 40 * 60_000 })
    }))

  it.effect("of a policy that dies is its defect", () =>
    Effect.gen(function*() {
      const policy = RestartPolicy.make({
        schedule: Schedule.spaced("1 second"),
        on: (): RestartPolicy.Directive => {
          throw new Error("cannot say")
        }
      })
      const exit = yield* Effect.exit(asking(policy as unknown as RestartPolicy.RestartPolicy<never>)(0))
      assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every(Cause.isDieReason))
    }))
})
