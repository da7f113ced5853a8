import { assert, describe, it } from "@effect/vitest"
import type { Place, Waiting } from "../../../src/internal/pool/line.ts"
import { Line } from "../../../src/internal/pool/line.ts"

class Person implements Waiting {
  readonly name: string
  place: Place | undefined = undefined

  constructor(name: string) {
    this.name = name
  }
}

const people = (...names: ReadonlyArray<string>) => names.map((name) => new Person(name))
const names = (line: Line<Person>) => Array.from(line, ({ name }) => name)

/** Equal steps in every run. */
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

describe("a line", () => {
  it("serves those who join in order, and those who push in before all others", () => {
    const line = new Line<Person>()
    const [one, two, three] = people("one", "two", "three") as [Person, Person, Person]
    line.join(one)
    line.join(two)
    line.push(three)
    assert.deepStrictEqual(names(line), ["three", "one", "two"])
    assert.strictEqual(line.shift(), three)
    assert.strictEqual(line.shift(), one)
    assert.strictEqual(line.size, 1)
    assert.strictEqual(line.shift(), two)
    assert.isUndefined(line.shift())
    assert.strictEqual(line.size, 0)
  })

  it("lets somebody in before the first who is behind, else at the end", () => {
    const line = new Line<Person>()
    const insert = (name: string) => line.insert(new Person(name), (other) => other.name > name)
    for (const name of ["m", "c", "x", "a", "n", "z", "d"]) insert(name)
    assert.deepStrictEqual(names(line), ["a", "c", "d", "m", "n", "x", "z"])
    const [twice] = people("twice") as [Person]
    line.insert(twice, () => false)
    line.insert(twice, () => true)
    assert.deepStrictEqual([names(line).at(-1), line.size], ["twice", 8])
  })

  it("is left from the front, the end and the middle", () => {
    for (const gone of ["a", "b", "c", "d"]) {
      const line = new Line<Person>()
      const all = people("a", "b", "c", "d")
      for (const one of all) line.join(one)
      line.leave(all.find(({ name }) => name === gone)!)
      assert.deepStrictEqual(names(line), ["a", "b", "c", "d"].filter((name) => name !== gone))
      assert.strictEqual(line.size, 3)
    }
  })

  it("takes nobody twice, lets nobody leave twice, and nobody who stands elsewhere", () => {
    const line = new Line<Person>()
    const other = new Line<Person>()
    const [one, two] = people("one", "two") as [Person, Person]
    line.join(one)
    line.join(one)
    line.push(one)
    other.join(one)
    assert.deepStrictEqual([names(line), names(other)], [["one"], []])
    other.join(two)
    line.leave(two)
    assert.deepStrictEqual(names(other), ["two"])
    line.leave(one)
    line.leave(one)
    assert.deepStrictEqual([line.size, other.size], [0, 1])
    other.join(one)
    assert.deepStrictEqual(names(other), ["two", "one"])
  })

  it("keeps nothing of those who have left", () => {
    const line = new Line<Person>()
    const all = people("a", "b", "c")
    for (const one of all) line.join(one)
    const { place } = all[1]!
    line.leave(all[1]!)
    assert.isUndefined(all[1]!.place)
    assert.deepStrictEqual([place!.before, place!.after], [undefined, undefined])
  })

  it("may be left by those who are shown while it is shown", () => {
    const line = new Line<Person>()
    for (const one of people("a", "b", "c")) line.join(one)
    for (const one of Array.from(line)) line.leave(one)
    assert.strictEqual(line.size, 0)
  })

  it("does what an array would, whatever is done to it", () => {
    const next = random(20_240_817)
    const line = new Line<Person>()
    const model: Array<Person> = []
    const all = people(...Array.from({ length: 12 }, (_, n) => `p${n}`))
    for (let step = 0; step < 5000; step++) {
      const who = all[Math.floor(next() * all.length)]!
      const there = model.indexOf(who)
      switch (Math.floor(next() * 5)) {
        case 0:
          line.join(who)
          if (there < 0) model.push(who)
          break
        case 1:
          line.push(who)
          if (there < 0) model.unshift(who)
          break
        case 2:
          line.leave(who)
          if (there >= 0) model.splice(there, 1)
          break
        case 3: {
          const before = model[Math.floor(next() * (model.length + 1))]
          line.insert(who, (other) => other === before)
          if (there < 0) model.splice(before === undefined ? model.length : model.indexOf(before), 0, who)
          break
        }
        default:
          assert.strictEqual(line.shift(), model.shift())
      }
      assert.deepStrictEqual(names(line), model.map(({ name }) => name))
      assert.strictEqual(line.size, model.length)
      assert.strictEqual(line.first, model[0])
    }
  })
})
