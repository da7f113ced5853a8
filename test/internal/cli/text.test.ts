import { assert, describe, it } from "@effect/vitest"
import * as Text from "../../../src/cli/text.ts"

describe("text on a terminal", () => {
  it("is cleaned of whatever would move the cursor, colour it or turn it round", () => {
    assert.strictEqual(Text.clean("a\u001B[31mb\u001B[0m\r\nc\td\u0007"), "ab c d")
    assert.strictEqual(Text.clean("\u001B]0;title\u0007x\u001B]8;;http://a\u001B\\y"), "xy")
    assert.strictEqual(Text.clean("a\u202Eb\u2028c\u009B2Jd\u001B"), "a b cd")
  })

  it("is measured in cells, not in characters", () => {
    assert.strictEqual(Text.width("abc"), 3)
    assert.strictEqual(Text.width("漢字"), 4)
    assert.strictEqual(Text.width("é"), 1)
  })

  it("is cut to the cells there are, between characters", () => {
    assert.strictEqual(Text.clip("abcdef", 6), "abcdef")
    assert.strictEqual(Text.clip("abcdef", 5), "abcd…")
    assert.strictEqual(Text.clip("漢字漢字", 6), "漢字…")
    assert.strictEqual(Text.clip("漢字漢字", 4), "漢…")
    assert.strictEqual(Text.clip("abc", 1), "…")
    assert.strictEqual(Text.clip("abc", 0), "")
    assert.strictEqual(Text.clip("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3), "👩‍👩‍👧‍👦…")
  })

  it("fills its column exactly", () => {
    for (const text of ["", "abc", "abcdefghij", "漢字漢字漢字", "a漢b字"]) {
      for (let cells = 0; cells < 12; cells++) {
        assert.strictEqual(Text.width(Text.fit(text, cells)), cells)
        assert.strictEqual(Text.width(Text.fit(text, cells, "right")), cells)
      }
    }
  })

  it("shows durations by their two largest units", () => {
    const shown = [-5, 0, 999, 59_999, 60_000, 3_599_000, 3_600_000, 90_000_000].map(Text.seconds)
    assert.deepStrictEqual(shown, ["0s", "0s", "0s", "59s", "1m 00s", "59m 59s", "1h 00m", "1d 01h"])
    assert.deepStrictEqual([0, 250.4, 1500, 2000, 61_000].map(Text.precise), ["0ms", "250ms", "1.5s", "2s", "1m 01s"])
    assert.deepStrictEqual([0, 250, 2000, 9999, 61_000].map(Text.countdown), ["0.0s", "0.2s", "2.0s", "9.9s", "1m 01s"])
  })

  it("groups the digits of large numbers", () => {
    assert.deepStrictEqual([0, 999, 100_000].map(Text.number), ["0", "999", "100,000"])
    assert.strictEqual(Text.count(1000, "task"), "1,000 tasks")
  })

  it("does not say twice which supervisor gave up", () => {
    const message = "SupervisorError: supervisor \"app/orders\" gave up: too many restarts"
    assert.strictEqual(Text.failure("app/orders", message), "gave up: too many restarts")
    assert.strictEqual(Text.failure("app/other", message), message)
  })

  it("takes a terminal for one that shows UTF-8 unless its locale is another", () => {
    assert.isTrue(Text.isUtf8({}))
    assert.isTrue(Text.isUtf8({ LANG: "de_DE.UTF-8" }))
    assert.isTrue(Text.isUtf8({ LC_ALL: "", LC_CTYPE: "C.utf8", LANG: "C" }))
    assert.isFalse(Text.isUtf8({ LANG: "C" }))
    assert.isFalse(Text.isUtf8({ LC_ALL: "POSIX", LANG: "en_US.UTF-8" }))
  })
})
