import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Options from "../../src/internal/options.ts"
import { thrown } from "../support/fixtures.ts"

const refusal = (make: () => unknown): string => {
  const error = thrown(make)
  assert.instanceOf(error, RangeError)
  return error.message
}

describe("options", () => {
  describe("duration", () => {
    it.each<readonly [input: unknown, millis: number]>([
      [0, 0],
      [-0, 0],
      [1.5, 1.5],
      ["250 millis", 250],
      ["1 second", 1000],
      ["1.5 minutes", 90_000],
      ["2 weeks", 1_209_600_000],
      [[1, 500_000_000], 1500],
      [{ seconds: 3 }, 3000],
      [{ hours: 1, minutes: 30 }, 5_400_000],
      [{ milliseconds: 0 }, 0],
      [Duration.seconds(7), 7000],
      [Duration.zero, 0]
    ])("reads %j", (input, millis) => {
      assert.strictEqual(Options.duration("Here", "wait", input as never) + 0, millis)
    })

    it.each(["infinity", "Infinity", Number.POSITIVE_INFINITY, Duration.infinity])(
      "takes the endless (%s) only where it is allowed",
      (input) => {
        assert.strictEqual(Options.duration("Here", "wait", input as never, { infinite: true }), Infinity)
        assert.include(refusal(() => Options.duration("Here", "wait", input as never)), "a duration of 0 or more")
      }
    )

    it("reads bigints as nanoseconds", () => {
      assert.strictEqual(Options.duration("Here", "wait", 5_000_000n), 5)
      assert.include(refusal(() => Options.duration("Here", "wait", -1n)), "wait is -1n")
      assert.include(refusal(() => Options.count("Here", "times", 2n as never, { min: 1 })), "times is 2n")
    })

    it("takes 0 only where it is allowed", () => {
      for (const input of [0, "0 millis", 0n, Duration.zero, { seconds: 0 }]) {
        assert.strictEqual(Options.duration("Here", "wait", input as never), 0)
        assert.include(
          refusal(() => Options.duration("Here", "wait", input as never, { positive: true })),
          "a duration above 0"
        )
      }
    })

    it.each([
      undefined,
      null,
      "",
      "soon",
      "1",
      "1 fortnight",
      "-1 second",
      -1,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      "-Infinity",
      true,
      Symbol.iterator,
      () => 1,
      {},
      [],
      [1],
      [1, 2, 3],
      [Number.NaN, 0],
      ["1", "2"],
      { secnds: 3 },
      { seconds: Number.NaN },
      { seconds: "3" },
      { seconds: 3, minuts: 1 },
      Duration.seconds(-1),
      new Date(0)
    ])("refuses %s", (input) => {
      const message = refusal(() => Options.duration("Here", "wait", input as never, { infinite: true }))
      assert.match(message, /^Here: wait is .*; allowed is a duration of 0 or more, or "infinity"$/)
    })
  })

  describe("count", () => {
    it("takes whole numbers from its minimum on", () => {
      for (const input of [1, 2, 1e6, Number.MAX_SAFE_INTEGER]) {
        assert.strictEqual(Options.count("Here", "times", input, { min: 1 }), input)
      }
      assert.strictEqual(Options.count("Here", "times", Infinity, { min: 0, infinite: true }), Infinity)
    })

    it.each([0, -1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53, "1", "", null, undefined, true, [2]])(
      "refuses %s",
      (input) => {
        assert.match(
          refusal(() => Options.count("Here", "times", input as never, { min: 1 })),
          /^Here: times is .*; allowed is a whole number of 1 or more$/
        )
      }
    )
  })

  describe("oneOf", () => {
    it("takes one of its words, and refuses every other, listing them", () => {
      assert.strictEqual(Options.oneOf("Here", "mode", "on", ["on", "off"]), "on")
      for (const input of ["ON", "", null, undefined, 0, ["on"]]) {
        assert.match(
          refusal(() => Options.oneOf<string>("Here", "mode", input as never, ["on", "off"])),
          /^Here: mode is .*; allowed is "on" or "off"$/
        )
      }
    })
  })

  describe("onlyKeys", () => {
    it("takes objects that hold nothing but known keys", () => {
      Options.onlyKeys("Here", "options", {}, ["a", "b"])
      Options.onlyKeys("Here", "options", { a: undefined, b: 1 }, ["a", "b"])
    })

    it("refuses an unknown key by name, and lists what is known", () => {
      assert.strictEqual(
        refusal(() => Options.onlyKeys("Here", "options", { a: 1, "c d": 2 }, ["a", "b"])),
        "Here: options has an unknown option \"c d\"; allowed are a, b"
      )
      assert.instanceOf(
        thrown(() => Options.onlyKeys("Here", "options", JSON.parse("{\"__proto__\":1}"), ["a"])),
        RangeError
      )
    })

    it.each([null, undefined, 1, "a", true, () => 1])("refuses what is no object: %s", (given) => {
      assert.include(refusal(() => Options.onlyKeys("Here", "options", given as never, ["a"])), "an object with a")
    })
  })

  describe("show", () => {
    it("shows any value, and never throws", () => {
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      const shown: ReadonlyArray<readonly [unknown, string]> = [
        ["a \"b\"\n", "\"a \\\"b\\\"\\n\""],
        [1, "1"],
        [-0, "0"],
        [Number.NaN, "NaN"],
        [12n, "12n"],
        [null, "null"],
        [undefined, "undefined"],
        [true, "true"],
        [Symbol("s"), "Symbol(s)"],
        [() => 1, "a function"],
        [{ a: [1] }, "{\"a\":[1]}"],
        [circular, "[object Object]"],
        [{ big: 1n }, "[object Object]"],
        [{ toJSON: () => undefined }, "[object Object]"],
        [Object.create(null), "{}"],
        [Duration.seconds(90), "1m 30s"]
      ]
      for (const [value, text] of shown) assert.strictEqual(Options.show(value), text)
    })

    it("also of values that throw when they are looked at", () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      const hostile = [
        proxy,
        {
          toJSON: () => {
            throw new Error("no JSON")
          },
          get [Symbol.toStringTag](): string {
            throw new Error("no tag")
          }
        }
      ]
      for (const value of hostile) assert.isString(Options.show(value))
    })
  })

  describe("name", () => {
    it.prop(
      "takes every name that is a single segment of a path, and no other",
      { name: Schema.String },
      ({ name }) => {
        // eslint-disable-next-line no-control-regex
        const fits = name.length >= 1 && name.length <= 255 && !/[\u0000-\u001f\u007f-\u009f/]/.test(name)
        let taken = true
        try {
          assert.strictEqual(Options.name("Here", name), name)
        } catch (error) {
          assert.instanceOf(error, RangeError)
          taken = false
        }
        return taken === fits
      },
      { arbitrary: { runs: 500, size: 300, seed: 1 } }
    )

    it("a refusal shows a long name's beginning and its length", () => {
      const message = refusal(() => Options.name("Here", "x".repeat(10_000)))
      assert.include(message, "10000 characters")
      assert.isBelow(message.length, 300)
    })
  })
})
