import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Causes from "../../src/internal/causes.ts"

const tags = (cause: Cause.Cause<unknown>) => cause.reasons.map((reason) => reason._tag)

describe("causes", () => {
  it("of a failed run: its own, what finalizers add after it", () => {
    const own = Cause.fail("body")
    assert.strictEqual(Causes.ofReason({ _tag: "Failed", cause: own }), own)
    const both = Causes.ofReason({ _tag: "Failed", cause: own, finalizers: Cause.die("leak") })
    assert.deepStrictEqual(tags(both), ["Fail", "Die"])
    assert.strictEqual(Cause.squash(both), "body")
  })

  it("of nothing that failed: empty", () => {
    assert.deepStrictEqual(Causes.ofReason(undefined), Cause.empty)
    assert.deepStrictEqual(Causes.ofReason({ _tag: "Completed" }), Cause.empty)
  })

  it("of a verdict: a described defect, a probe's own cause within it, what the run ended with after it", () => {
    const probe = Causes.ofReason({
      _tag: "ProbeFailed",
      failures: 2,
      cause: Cause.fail("down"),
      ended: Cause.die("leak")
    })
    assert.deepStrictEqual(tags(probe), ["Die", "Die"])
    const [verdict, ended] = probe.reasons
    assert(verdict?._tag === "Die" && verdict.defect instanceof Error)
    assert.strictEqual(verdict.defect.cause, "down")
    assert.strictEqual(ended?._tag === "Die" && ended.defect, "leak")
    const silent = Causes.ofReason({ _tag: "HeartbeatMissed", silence: Duration.seconds(1), during: "run" })
    assert.include((Cause.squash(silent) as Error).message, "no heartbeat for 1s")
  })

  it("combining looks at nothing: what causes hold may throw when it is compared", () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const cause = Cause.fromReasons([Cause.makeFailReason(proxy)])
    assert.strictEqual(Causes.both(cause, cause).reasons.length, 2)
  })
})
