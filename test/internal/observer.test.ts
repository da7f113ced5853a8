/**
 * The observer's clock: what it takes for lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Observer from "../../src/internal/observer.ts"

const interval = 200

/** An observer that turned at 0 and asked to be woken at the interval. */
const asked = (): Observer.Observer => {
  const observer = Observer.make(0)
  observer.wakeAt = interval
  return observer
}

describe("the observer's clock", () => {
  it("runs with the clock while the loop is woken in time", () => {
    const observer = asked()
    Observer.turn(observer, interval, interval)
    assert.deepInclude(observer, { lost: 0, lag: 0, late: false, lastTurn: interval })
    assert.strictEqual(Observer.at(observer, 250), 250)
  })

  it("takes no note of the milliseconds that timers are late anyway", () => {
    const observer = asked()
    Observer.turn(observer, interval + 20, interval)
    assert.deepInclude(observer, { lost: 0, lag: 20, late: false })
  })

  it("stands still from the turn before a stall to the turn after it", () => {
    const observer = asked()
    Observer.turn(observer, 5000, interval)
    assert.deepInclude(observer, { lost: 5000, lag: 4800, late: true })
    assert.strictEqual(Observer.at(observer, 5000), 0)
    assert.strictEqual(Observer.at(observer, 5100), 100)
  })

  it("counts a stall once, and asks to be woken anew after it", () => {
    const observer = asked()
    Observer.turn(observer, 5000, interval)
    assert.isUndefined(observer.wakeAt)
    Observer.turn(observer, 5001, interval)
    assert.deepInclude(observer, { lost: 5000, lag: 0, late: false })
  })

  it("loses a second stall in a row as a whole, too", () => {
    const observer = asked()
    Observer.turn(observer, 5000, interval)
    observer.wakeAt = 5200
    Observer.turn(observer, 9000, interval)
    assert.strictEqual(observer.lost, 9000)
  })

  it("loses the lag alone when it is a little late all the time: a hang is seen under load, too", () => {
    const observer = asked()
    let now = 0
    for (let turns = 0; turns < 100; turns++) {
      observer.wakeAt = now + interval
      now += interval + 50
      Observer.turn(observer, now, interval)
    }
    // But for the first time, 50 ms of 250 are lost.
    assert.strictEqual(Observer.at(observer, now), 99 * interval)
  })

  it("is not stalled by a wake that nobody asked for", () => {
    const observer = Observer.make(0)
    Observer.turn(observer, 100_000, interval)
    assert.deepInclude(observer, { lost: 0, lag: 0, late: false })
    observer.wakeAt = 100_200
    Observer.turn(observer, 100_100, interval)
    assert.deepInclude(observer, { lost: 0, lag: 0, late: false })
  })

  it("stands still while a turn itself is blocked, at once or bit by bit", () => {
    for (const bits of [[3000], Array<number>(200).fill(15)]) {
      const observer = asked()
      let now = interval
      Observer.turn(observer, now, interval)
      for (const bit of bits) {
        now += bit
        Observer.work(observer, now)
      }
      assert.isAtMost(Observer.at(observer, now), interval + 20)
      assert.strictEqual(observer.lastTurn, now)
      // The same before more of it is counted, and after.
      const uncounted = Observer.atWork(observer, now + 500)
      Observer.work(observer, now + 500)
      assert.strictEqual(Observer.at(observer, now + 500), uncounted)
    }
  })

  const Millis = Schema.Literals([0, 1, 20, 21, 150, 200, 220, 230, 500, 10_000])
  /** A turn: when it comes, what it does one after another, and when it asks to be woken. */
  const Turn = Schema.Struct({
    after: Millis,
    works: Schema.Array(Millis).check(Schema.isMaxLength(3)),
    asks: Schema.UndefinedOr(Schema.Literals([0, 1, 100, 200]))
  })
  const Turns = Schema.Array(Turn).check(Schema.isMaxLength(50))

  it.prop("never runs faster than the clock, nor backwards by more than timers are late anyway", [Turns], ([turns]) => {
    const observer = Observer.make(0)
    let now = 0
    let before = 0
    let furthest = 0
    const passes = (millis: number, note: () => void) => {
      now += millis
      note()
      const seen = Observer.at(observer, now)
      furthest = Math.max(furthest, seen)
      assert.isAtLeast(seen, furthest - 20)
      assert.isAtMost(seen - before, millis)
      before = seen
    }
    for (const { after, asks, works } of turns) {
      passes(after, () => Observer.turn(observer, now, interval))
      for (const work of works) passes(work, () => Observer.work(observer, now))
      if (asks !== undefined) observer.wakeAt = now + asks
    }
  }, { arbitrary: { runs: 500, size: 50, seed: 1 } })

  it.prop("stands still through a stall that is longer than its interval, whatever came before", [Turns], ([turns]) => {
    const observer = Observer.make(0)
    let now = 0
    for (const { after } of turns) {
      observer.wakeAt = now + interval
      now += after
      Observer.turn(observer, now, interval)
    }
    const seen = Observer.at(observer, now)
    observer.wakeAt = now + interval
    now += 5000
    Observer.turn(observer, now, interval)
    assert.strictEqual(Observer.at(observer, now), seen)
  }, { arbitrary: { runs: 500, size: 50, seed: 1 } })
})
