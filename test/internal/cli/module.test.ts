import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"
import * as Module from "../../../src/cli/module.ts"
import * as Thrown from "../../../src/cli/thrown.ts"

class App extends Supervisor.Service<App>()("app") {}

const found: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
  [{}, "no exports at all"],
  [{ tasks: [], name: "a" }, "no default export, only tasks, name"],
  [{ default: undefined }, "undefined"],
  [{ default: null }, "null"],
  [{ default: 42 }, "the number 42"],
  [{ default: "shop" }, "the string \"shop\""],
  [{ default: () => {} }, "a function"],
  [{ default: Promise.resolve() }, "a promise"],
  [{ default: [] }, "an array"],
  [{ default: [Task.make("a", Effect.void)] }, "an array of tasks; it belongs in { tasks: [...] }"],
  [{ default: Task.make("a", Effect.void) }, "a task; it belongs in { tasks: [...] }"],
  [{ default: Supervisor.layer() }, "a Layer; Supervisor.launch makes an Effect of one"],
  [{ default: App }, "a service class; what runs it is its launch"],
  [{ default: new Map() }, "an object of the class Map"]
]

describe("a module", () => {
  for (const [namespace, what] of found) {
    it(`that exports ${what} is told what it exports`, () => {
      assert.strictEqual(Module.describeExport(namespace), what)
    })
  }

  it.effect("is a file", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.asVoid(Module.load("src")))
      assert.strictEqual(error._tag, "ModuleNotFound")
      assert.include(error.message, "found:    a directory at ")
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("what was thrown", () => {
  it("is told with the place in one's own code, relative to where one stands", () => {
    const error = new TypeError("no")
    error.stack =
      "TypeError: no\n    at internal (node:internal/x:1:2)\n    at dep (file:///home/me/node_modules/dep/a.js:1:2)\n" +
      "    at own (file:///home/me/shop/a.ts:7:9)\n    at file:///home/me/shop/b.ts:1:1"
    assert.strictEqual(Thrown.describe(error, "/home/me"), "TypeError: no\n    at shop/a.ts:7:9")
  })

  it("need not be an error", () => {
    assert.strictEqual(Thrown.describe({ code: 3 }, "/home/me"), "{\"code\":3}")
    assert.strictEqual(Thrown.describe(undefined, "/home/me"), "undefined")
  })
})
