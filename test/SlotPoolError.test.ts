import { assert, describe, it } from "@effect/vitest"
import * as SlotPool from "effect-supervisor/SlotPool"
import * as SlotPoolError from "effect-supervisor/SlotPoolError"
import { StoreError } from "effect-supervisor/SlotPoolStore"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { fork, settle, within } from "./support/fixtures.ts"
import * as Pools from "./support/pools.ts"

const job = "job-7"
const slot = "slot-3"

const reasons: ReadonlyArray<readonly [SlotPoolError.Reason, ReadonlyArray<string>]> = [
  [
    new SlotPoolError.NoSlotAvailable({ job, timeout: 300_000, slots: 4, able: 1 }),
    ["\"job-7\"", "300000 ms", "1 of 4 slots could take jobs"]
  ],
  [new SlotPoolError.JobNotFound({ job }), ["\"job-7\""]],
  [new SlotPoolError.JobAlreadyExists({ job }), ["\"job-7\"", "already"]],
  [new SlotPoolError.JobTimedOut({ job, slot, timeout: 600_000 }), ["\"job-7\"", "slot-3", "600000 ms"]],
  [new SlotPoolError.JobSilent({ job, slot, within: 2000 }), ["\"job-7\"", "slot-3", "2000 ms"]],
  [new SlotPoolError.JobCancelled({ job }), ["\"job-7\"", "cancelled"]],
  [new SlotPoolError.JobLost({ job, slot, why: "the worker ended" }), ["\"job-7\"", "slot-3", "the worker ended"]],
  [new SlotPoolError.PoolDraining({}), ["drained", "no new work"]],
  [new SlotPoolError.PoolClosed({}), ["closed"]],
  [new SlotPoolError.SlotsOutOfRange({ slots: 17, min: 1, max: 16 }), ["17 slots", "from 1 to 16"]],
  [new SlotPoolError.StoreUnavailable({ operation: "list", why: "it is gone" }), ["could not list", "it is gone"]]
]

describe("SlotPoolError", () => {
  describe("messages name what a person needs", () => {
    it.each(reasons.map(([reason, parts]) => [reason._tag, reason, parts] as const))("%s", (_, reason, parts) => {
      const error = new SlotPoolError.PoolError({ pool: "agents", reason })
      assert.instanceOf(error, Error)
      assert.instanceOf(reason, Error)
      assert.isTrue(error.message.startsWith("pool \"agents\": "), error.message)
      for (const part of parts) assert.include(error.message, part)
      assert.notInclude(error.message, "\n")
    })
  })

  it("goes through JSON unharmed, whatever its reason", () => {
    const json = Schema.fromJsonString(Schema.toCodecJson(SlotPoolError.PoolError))
    for (const [reason] of reasons) {
      const error = new SlotPoolError.PoolError({ pool: "agents", reason })
      const again = Schema.decodeSync(json)(Schema.encodeSync(json)(error))
      assert.instanceOf(again, SlotPoolError.PoolError)
      assert.strictEqual(again.message, error.message)
      assert.strictEqual(again.reason._tag, reason._tag)
      assert.deepStrictEqual({ ...again.reason }, { ...reason })
    }
  })

  it("knows every reason there is", () => {
    assert.deepStrictEqual(
      SlotPoolError.Reason.members.map((member) => member.identifier).sort(),
      reasons.map(([reason]) => reason._tag).sort()
    )
  })

  it.effect("is handled by its reason, or by its tag, beside the job's own errors", () =>
    Effect.gen(function*() {
      class Declined extends Data.TaggedError("Declined")<{ readonly why: string }> {}
      const pool = yield* SlotPool.make({ name: "agents", assignTimeout: "1 second" })
      yield* settle
      const ask = (effect: Effect.Effect<string, Declined>) =>
        pool.run(() => effect).pipe(
          Effect.catchReason("PoolError", "NoSlotAvailable", ({ timeout }) => Effect.succeed(`none in ${timeout}`)),
          Effect.catchTags({
            Declined: ({ why }) => Effect.succeed(`declined: ${why}`),
            PoolError: ({ pool, reason }) => Effect.succeed(`${pool}: ${reason._tag}`)
          })
        )
      assert.strictEqual(yield* ask(Effect.succeed("fine")), "fine")
      assert.strictEqual(yield* ask(Effect.fail(new Declined({ why: "busy" }))), "declined: busy")
      const held = Pools.held("done")
      const running = yield* fork(pool.run(held.job))
      assert.deepStrictEqual(yield* within(ask(Effect.succeed("")), "1 second"), Exit.succeed("none in 1000"))
      yield* held.release
      yield* Fiber.join(running)
      yield* pool.drain()
      assert.strictEqual(yield* ask(Effect.succeed("")), "agents: PoolDraining")
    }))

  it.effect("names the job that it is about, by the id that its caller knows", () =>
    Effect.gen(function*() {
      const pool = yield* SlotPool.make({ jobTimeout: "1 second" })
      yield* settle
      yield* pool.submit(() => Effect.never, { id: "mine" })
      yield* TestClock.adjust("1 second")
      const reason = Pools.assertReason(yield* Effect.exit(pool.await("mine")), "JobTimedOut")
      assert.deepStrictEqual({ ...reason }, { ...reason, job: "mine", slot: "slot-0", timeout: 1000 })
    }))

  it("of the store says what could not be done, and keeps what it came of", () => {
    const cause = new Error("EIO")
    const error = new StoreError({ operation: "put", reason: "disk full", cause })
    assert.strictEqual(error.message, "the slot store could not put: disk full")
    assert.strictEqual(error.cause, cause)
  })
})
