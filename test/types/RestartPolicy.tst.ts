import * as RestartPolicy from "effect-supervisor/RestartPolicy"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { describe, expect, test } from "tstyche"

class Timeout extends Data.TaggedError("Timeout")<{ readonly millis: number }> {}
class AuthError extends Data.TaggedError("AuthError")<{ readonly user: string }> {}
class Pace extends Context.Service<Pace, { readonly millis: number }>()("Pace") {}

declare const paced: Schedule.Schedule<number, unknown, never, Pace>
declare const onlyTimeouts: Schedule.Schedule<number, RestartPolicy.RestartReason<Timeout>>

describe("RestartPolicy.make", () => {
  test("without types of its own is a policy for any error", () => {
    expect(RestartPolicy.make()).type.toBe<RestartPolicy.RestartPolicy<unknown, never>>()
    expect(RestartPolicy.make({ mode: "permanent", times: 3 })).type.toBe<RestartPolicy.RestartPolicy<unknown, never>>()
    expect(RestartPolicy.standard).type.toBe<RestartPolicy.RestartPolicy<unknown, never>>()
  })

  test("takes its error from a schedule or a function that names one", () => {
    expect(RestartPolicy.make({ schedule: onlyTimeouts })).type.toBe<RestartPolicy.RestartPolicy<Timeout, never>>()
    expect(RestartPolicy.make({ on: (error: Timeout) => error.millis > 1 ? "stop" : "restart" })).type.toBe<
      RestartPolicy.RestartPolicy<Timeout, never>
    >()
  })

  test("takes its error by name", () => {
    expect(RestartPolicy.make<Timeout | AuthError>({ on: { AuthError: "escalate" } })).type.toBe<
      RestartPolicy.RestartPolicy<Timeout | AuthError, never>
    >()
    RestartPolicy.make<Timeout>({
      // @ts-expect-error 'AuthError' does not exist
      on: { AuthError: "escalate" }
    })
  })

  test("needs what its schedule needs", () => {
    expect(RestartPolicy.make({ schedule: paced })).type.toBe<RestartPolicy.RestartPolicy<unknown, Pace>>()
  })

  test("refuses a mode that does not exist", () => {
    RestartPolicy.make({
      // @ts-expect-error '"forever"' is not assignable
      mode: "forever"
    })
  })

  test("is contravariant: a policy for any error serves a task with a few", () => {
    expect<RestartPolicy.RestartPolicy<unknown>>().type.toBeAssignableTo<RestartPolicy.RestartPolicy<Timeout>>()
    expect<RestartPolicy.RestartPolicy<Timeout>>().type.not.toBeAssignableTo<
      RestartPolicy.RestartPolicy<Timeout | AuthError>
    >()
  })
})

describe("RestartPolicy.preview", () => {
  test("asks for a reason of the policy's own error, and needs what the schedule needs", () => {
    const policy = RestartPolicy.make<Timeout, Pace>({ schedule: paced })
    expect(RestartPolicy.preview(policy)).type.toBe<Effect.Effect<RestartPolicy.Preview, never, Pace>>()
    expect(RestartPolicy.preview(RestartPolicy.standard, { steps: 3 })).type.toBe<
      Effect.Effect<RestartPolicy.Preview, never, never>
    >()
    expect(RestartPolicy.preview<Timeout, Pace>).type.not.toBeCallableWith(policy, {
      reason: { _tag: "Failed", cause: {} as Cause.Cause<AuthError> }
    })
    expect(RestartPolicy.preview<Timeout, Pace>).type.toBeCallableWith(policy, {
      reason: { _tag: "Failed", cause: {} as Cause.Cause<Timeout> },
      steps: 5
    })
  })
})

describe("RestartPolicy.Tags", () => {
  test("are the tags of a union, and none of what has none", () => {
    expect<RestartPolicy.Tags<Timeout | AuthError>>().type.toBe<"Timeout" | "AuthError">()
    expect<RestartPolicy.Tags<Timeout | string | undefined>>().type.toBe<"Timeout">()
    expect<RestartPolicy.Tags<never>>().type.toBe<never>()
    expect<RestartPolicy.Tags<string>>().type.toBe<never>()
  })
})

describe("RestartPolicy.backoff", () => {
  test("is a schedule over any input, whose output is the delay", () => {
    expect(RestartPolicy.backoff({ cap: "1 minute" })).type.toBe<Schedule.Schedule<Duration.Duration>>()
    expect(RestartPolicy.make<Timeout>({ schedule: RestartPolicy.backoff() })).type.toBeAssignableTo<
      RestartPolicy.RestartPolicy<Timeout>
    >()
  })
})

describe("RestartPolicy.defaultBackoff", () => {
  test("is a schedule over any input", () => {
    expect(Schedule.jittered(RestartPolicy.defaultBackoff)).type.toBeAssignableTo<
      Schedule.Schedule<unknown, RestartPolicy.RestartReason<Timeout>>
    >()
  })
})
