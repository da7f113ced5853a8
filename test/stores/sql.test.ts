import { assert, describe, it } from "@effect/vitest"
import * as SlotPoolStoreSql from "effect-supervisor/SlotPoolStoreSql"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"

describe("options", () => {
  it("an interval in which nothing would ever be looked for, or all the time, is refused", () => {
    const { layerWith } = SlotPoolStoreSql
    assert.throws(
      () => layerWith({ pollInterval: 0 }),
      RangeError,
      "SlotPoolStoreSql: pollInterval is 0; allowed is a duration above 0"
    )
    assert.throws(() => layerWith({ pollInterval: "infinity" }), RangeError, "pollInterval is \"infinity\"")
    assert.throws(() => layerWith({ poll: 1 } as never), RangeError, "options has an unknown option \"poll\"")
  })
})

describe("dialects", () => {
  it.effect("a database of another kind is refused", () =>
    Effect.gen(function*() {
      const client = SqlClient.make({
        acquirer: Effect.die("no statement is to be run"),
        compiler: Statement.makeCompiler({
          dialect: "mysql",
          placeholder: () => "?",
          onIdentifier: (name) => name,
          onRecordUpdate: () => ["", []],
          onCustom: () => ["", []]
        }),
        driver: "mysql2",
        spanAttributes: []
      })
      const layer = SlotPoolStoreSql.layer.pipe(
        Layer.provide(Layer.effect(SqlClient.SqlClient)(client)),
        Layer.provide(Reactivity.layer)
      )
      const cause = yield* Effect.flip(Effect.sandbox(Effect.scoped(Layer.build(layer))))
      assert.include(
        Cause.pretty(cause),
        "RangeError: SlotPoolStoreSql: the client's dialect is \"mysql\"; allowed is sqlite or pg"
      )
    }))
})
