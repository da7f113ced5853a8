/**
 * The ring of restarts against a list of all of them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Intensity from "../../src/internal/intensity.ts"

const limit = (restarts: number, within: number): Intensity.Intensity => ({ restarts, within, whenExceeded: "giveUp" })

/** Restarts at these moments: which of them are too many. */
const counted = (window: Intensity.Window, intensity: Intensity.Intensity, times: ReadonlyArray<number>) =>
  times.map((now) => Intensity.count(window, intensity, now))

const Restarts = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
const Operation = Schema.Union([
  Schema.TaggedStruct("Restart", { after: Schema.Literals([0, 1, 2, 3, 9, 10, 11, 50]) }),
  Schema.TaggedStruct("Restart", { after: Schema.Literals([0, 0.5, 5]) }),
  Schema.TaggedStruct("Resize", { restarts: Restarts, within: Schema.Literals([1, 10, 11, 100]) }),
  Schema.TaggedStruct("Clear", {})
])
const Operations = Schema.Array(Operation).check(Schema.isMaxLength(200))

describe("intensity", () => {
  it.prop(
    "tells the one too many as a list of all restarts would",
    [Restarts, Operations],
    ([restarts, operations]) => {
      const window = Intensity.make()
      let intensity = limit(restarts, 10)
      let now = 0
      let all: ReadonlyArray<number> = []
      for (const operation of operations) {
        switch (operation._tag) {
          case "Restart": {
            now += operation.after
            all = [...all, now]
            const within = all.filter((at) => now - at <= intensity.within)
            assert.strictEqual(Intensity.count(window, intensity, now), within.length > intensity.restarts)
            break
          }
          case "Resize":
            // What a smaller number did not need to know is not known to a greater one.
            all = all.slice(Math.max(0, all.length - Math.min(intensity.restarts, operation.restarts)))
            intensity = limit(operation.restarts, operation.within)
            Intensity.resize(window, operation.restarts)
            break
          case "Clear":
            all = []
            Intensity.clear(window)
        }
        assert.isAtMost(window.times.length, Math.max(intensity.restarts, 0))
      }
      return true
    },
    { arbitrary: { runs: 500, size: 200, seed: 1 } }
  )

  it("is exact to the millisecond: at the period's end a restart still counts, after it no more", () => {
    assert.deepStrictEqual(counted(Intensity.make(), limit(2, 1000), [0, 500, 1000]), [false, false, true])
    assert.deepStrictEqual(counted(Intensity.make(), limit(2, 1000), [0, 500, 1001]), [false, false, false])
    assert.deepStrictEqual(counted(Intensity.make(), limit(2, 1000), [0, 0, 0]), [false, false, true])
  })

  it("slides: what was before the last period does not count, however often it was", () => {
    const steady = Array.from({ length: 1000 }, (_, index) => index * 501)
    assert.notInclude(counted(Intensity.make(), limit(2, 1000), steady), true)
    const once = [...steady, 999 * 501 + 400]
    assert.strictEqual(counted(Intensity.make(), limit(2, 1000), once).lastIndexOf(true), 1000)
  })

  it("bears none with 0", () => {
    assert.deepStrictEqual(counted(Intensity.make(), limit(0, 1000), [0, 5000]), [true, true])
  })

  it("keeps the newest when it is to bear fewer, and what it has when it is to bear more", () => {
    const fewer = Intensity.make()
    counted(fewer, limit(4, 1000), [0, 100, 200, 300, 1250])
    Intensity.resize(fewer, 2)
    assert.deepStrictEqual(counted(fewer, limit(2, 1000), [1301, 1302]), [false, true])
    const more = Intensity.make()
    counted(more, limit(2, 1000), [0, 100, 200])
    Intensity.resize(more, 3)
    assert.deepStrictEqual(counted(more, limit(3, 1000), [300, 400]), [false, true])
  })

  it("keeps 200,000 restarts when another number is allowed", () => {
    const window = Intensity.make()
    for (let now = 0; now < 200_000; now++) Intensity.count(window, limit(200_000, 1_000_000), now)
    Intensity.resize(window, 200_001)
    assert.strictEqual(window.times.length, 200_000)
    assert.deepStrictEqual(counted(window, limit(200_001, 1_000_000), [200_000, 200_001]), [false, true])
    Intensity.resize(window, 150_000)
    assert.strictEqual(window.times.length, 150_000)
    assert.isTrue(Intensity.count(window, limit(150_000, 1_000_000), 200_002))
  })

  it("looks at one restart and keeps one, whatever their number", () => {
    const touched = (restarts: number) => {
      let touches = 0
      const times = new Proxy<Array<number>>([], {
        get: (target, key) => {
          if (typeof key === "string" && /^\d+$/.test(key)) touches++
          return Reflect.get(target, key) as unknown
        },
        set: (target, key, value) => {
          if (typeof key === "string" && /^\d+$/.test(key)) touches++
          return Reflect.set(target, key, value)
        }
      })
      const window: Intensity.Window = { times, next: 0 }
      for (let now = 0; now < restarts; now++) Intensity.count(window, limit(restarts, 10), now)
      touches = 0
      for (let now = 0; now < 1000; now++) Intensity.count(window, limit(restarts, 10), restarts + now)
      assert.strictEqual(times.length, restarts)
      return touches
    }
    assert.strictEqual(touched(100_000), touched(10))
    assert.isAtMost(touched(10), 2000)
  })
})
