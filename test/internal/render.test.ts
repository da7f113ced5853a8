import { assert, describe, it } from "@effect/vitest"
import * as TaskStatus from "effect-supervisor/TaskStatus"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Render from "../../src/internal/render.ts"

class Net extends Data.TaggedError("Net")<{ readonly code: number }> {}
class Told extends Data.TaggedError("Told")<{ readonly message: string }> {}
class Refused extends Error {
  override readonly name = "Refused"
}

const { proxy, revoke } = Proxy.revocable({}, {})
revoke()
const circular: Record<string, unknown> = { name: "round" }
circular["self"] = circular
const throwing = (...names: ReadonlyArray<PropertyKey>): object =>
  Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, {
      enumerable: true,
      get: () => {
        throw new Error(`no ${String(name)}`)
      }
    }]))
  )

/** What a user may fail or die with, and the renderer must bear. */
const hostile: ReadonlyArray<readonly [string, unknown]> = [
  ["a revoked proxy", proxy],
  ["something circular", circular],
  ["a tag that throws", throwing("_tag")],
  ["a message that throws", Object.setPrototypeOf(throwing("message"), Error.prototype)],
  ["a name and a stack that throw", Object.setPrototypeOf(throwing("name", "stack"), Error.prototype)],
  ["a toString that throws", throwing("toString", "toJSON", Symbol.toPrimitive, Symbol.toStringTag)],
  ["a message that is no string", Object.assign(new Error("x"), { message: { not: "a string" } })],
  ["a name that is no string", Object.assign(new Error("x"), { name: 7 })],
  ["a tag that is no string", { _tag: 7 }],
  ["no prototype", Object.create(null)],
  ["a symbol", Symbol("s")],
  ["a bigint", 7n],
  ["a function", () => 1],
  ["undefined", undefined],
  ["null", null],
  ["NaN", Number.NaN],
  ["an empty string", ""],
  ["a megabyte", "x".repeat(1_000_000)],
  ["a megabyte of a tag", { _tag: "x".repeat(1_000_000) }],
  ["a million lines", "x\n".repeat(1_000_000)],
  ["half a character", "\ud83e"],
  [
    "a long chain of causes",
    Array.from({ length: 50 }).reduce<Error>((cause) => new Error("link", { cause }), new Error())
  ],
  ["a cause that goes round", Object.assign(new Error("a"), { cause: Object.assign(new Error("b"), {}) })]
]

describe("render", () => {
  describe("causeLine", () => {
    it.each<readonly [string, Cause.Cause<unknown>, string]>([
      ["nothing", Cause.empty, ""],
      ["a tag alone", Cause.fail(new Net({ code: 1 })), "Net"],
      ["a tag and its message", Cause.fail(new Told({ message: "line is dead" })), "Told: line is dead"],
      ["an error class", Cause.die(new Refused("port 80")), "Refused: port 80"],
      ["a plain error", Cause.die(new Error("boom")), "Error: boom"],
      ["a string", Cause.fail("no luck"), "no luck"],
      ["an object", Cause.fail({ code: 7 }), "{\"code\":7}"],
      ["a tagged object", Cause.fail({ _tag: "Odd", code: 7 }), "Odd: {\"_tag\":\"Odd\",\"code\":7}"],
      ["a number", Cause.fail(42), "42"],
      ["an interruption", Cause.interrupt(7), "interrupted from within"],
      ["only the first line", Cause.die(new Error("first\nsecond")), "Error: first"],
      [
        "the typed error before defects",
        Cause.fromReasons([Cause.makeDieReason("defect"), Cause.makeFailReason("typed")]),
        "typed"
      ],
      [
        "a defect before interruptions",
        Cause.fromReasons([Cause.makeInterruptReason(7), Cause.makeDieReason("defect")]),
        "defect"
      ]
    ])("shows %s", (_, cause, line) => {
      assert.strictEqual(Render.causeLine(cause), line)
    })
  })

  describe("reasonLine", () => {
    it("says what a verdict was about", () => {
      const silence = Duration.seconds(3)
      assert.strictEqual(
        Render.reasonLine({ _tag: "HeartbeatMissed", silence, during: "run" }),
        "no heartbeat for 3s"
      )
      assert.strictEqual(
        Render.reasonLine({ _tag: "HeartbeatMissed", silence, during: "startup" }),
        "no sign of life within 3s of its start"
      )
      assert.strictEqual(
        Render.reasonLine({ _tag: "ProbeFailed", failures: 3, cause: Cause.fail("down") }),
        "3 probes in a row failed: down"
      )
      assert.strictEqual(
        Render.reasonLine({ _tag: "ProbeFailed", failures: 1, cause: Cause.fail("down") }),
        "1 probe failed: down"
      )
      assert.strictEqual(Render.reasonLine({ _tag: "Completed" }), "ended well")
    })

    it("shows what finalizers add beside the body's own", () => {
      const reason = { _tag: "Failed", cause: Cause.fail("body"), finalizers: Cause.die("leak") } as const
      assert.strictEqual(Render.reasonLine(reason), "body (and a finalizer: leak)")
      assert.include(Render.failure(reason, 1, 0).details, "leak")
    })
  })

  describe("failure", () => {
    it("has kind, tag, one line, the whole, the run and the time", () => {
      const failure = Render.failure({ _tag: "Failed", cause: Cause.fail(new Told({ message: "a\nb" })) }, 7, 1234)
      assert.strictEqual(failure.kind, "Failed")
      assert.strictEqual(failure.tag, "Told")
      assert.strictEqual(failure.message, "Told: a")
      assert.include(failure.details, "a\nb")
      assert.strictEqual(failure.generation, 7)
      assert.strictEqual(failure.at, 1234)
    })

    it("leaves the tag out where there is none", () => {
      for (const cause of [Cause.fail("text"), Cause.interrupt(), Cause.empty, Cause.fail({ _tag: 7 })]) {
        assert.notProperty(Render.failure({ _tag: "Failed", cause }, 1, 0), "tag")
      }
      assert.notProperty(Render.failure({ _tag: "Completed" }, 1, 0), "tag")
    })

    const encode = Schema.encodeSync(Schema.fromJsonString(TaskStatus.Failure))
    const decode = Schema.decodeSync(Schema.fromJsonString(TaskStatus.Failure))
    it.each(hostile)("bears %s, within bounds, and it goes through JSON", (_, thing) => {
      for (
        const reason of [
          { _tag: "Failed", cause: Cause.fail(thing) },
          { _tag: "Failed", cause: Cause.die(thing), finalizers: Cause.die(thing) },
          { _tag: "ProbeFailed", failures: 2, cause: Cause.fail(thing) }
        ] as const
      ) {
        const failure = Render.failure(reason, 1, 0)
        assert.isAtMost(failure.message.length, 1000)
        assert.isAtMost(failure.details.length, 20_000)
        assert.isAtMost(failure.tag?.length ?? 0, 1000)
        assert.notInclude(failure.message, "\n")
        const again = decode(encode(failure))
        assert.strictEqual(again.message, failure.message)
        assert.strictEqual(again.details, failure.details)
        assert.strictEqual(again.tag, failure.tag)
      }
    })

    it("does not hold on to what it shows: the text of what changes later stays", () => {
      const error = { _tag: "Changing", count: 1 }
      const failure = Render.failure({ _tag: "Failed", cause: Cause.fail(error) }, 1, 0)
      const before = failure.message
      error.count = 2
      assert.strictEqual(failure.message, before)
    })
  })

  describe("json", () => {
    it.each([0, "", false, null, [], {}, [1, { a: [null] }], "x".repeat(100)])(
      "leaves JSON as it is: %j",
      (details) => {
        assert.deepStrictEqual(Render.json(details), details)
      }
    )

    it.each(hostile)("makes JSON of %s", (_, thing) => {
      for (const details of [thing, { deep: [thing] }]) {
        const made = Render.json(details as Schema.Json)
        assert.isTrue(Schema.is(Schema.Json)(made))
        assert.isAtMost(JSON.stringify(made).length, 20_000)
      }
    })

    it("is a copy: later changes do not show", () => {
      const details = { rows: [1] }
      const made = Render.json(details)
      details.rows.push(2)
      assert.deepStrictEqual(made, { rows: [1] })
    })
  })
})
