import { assert, describe, it } from "@effect/vitest"
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Child from "./child.ts"
import * as Crash from "./crash.ts"
import * as Files from "./files.ts"
import { raceOfProcesses } from "./rivals.ts"
import { assertTag, opened, owned, pool, slot } from "./subject.ts"
import { durableSuite } from "./suite/suite.ts"

durableSuite({ name: "sqlite", clock: "test", make: Files.subject })

/** Somebody else's connection, until the scope is closed. */
const other = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(filename)),
    (database) => Effect.sync(() => database.close())
  )

const { layer } = SlotPoolStoreSqlite

describe("options", () => {
  it("a file must be named", () => {
    assert.throws(
      () => layer({ filename: "" }),
      RangeError,
      "SlotPoolStoreSqlite: filename is \"\"; allowed is the path of a file"
    )
    assert.throws(() => layer({ filename: 7 as never }), RangeError, "filename is 7")
    assert.throws(() => layer({ filename: "a\0b" }), RangeError, "filename")
    assert.throws(() => layer({} as never), RangeError, "filename is undefined")
  })

  it("every option is refused that is not understood", () => {
    const filename = "slots.db"
    assert.throws(
      () => layer({ filename, synchronous: "off" as never }),
      RangeError,
      "SlotPoolStoreSqlite: synchronous is \"off\"; allowed is \"normal\" or \"full\""
    )
    assert.throws(() => layer({ filename, busyTimeout: -1 }), RangeError, "busyTimeout is -1")
    assert.throws(() => layer({ filename, busyTimeout: "infinity" }), RangeError, "busyTimeout is \"infinity\"")
    assert.throws(() => layer({ filename, pollInterval: 0 }), RangeError, "pollInterval is 0")
    assert.throws(
      () => layer({ filename, journal: "off" } as never),
      RangeError,
      "SlotPoolStoreSqlite: options has an unknown option \"journal\""
    )
    assert.throws(() => layer("slots.db" as never), RangeError, "options is \"slots.db\"")
  })

  it.effect("it writes, whether it waits for the disk or not", () =>
    Effect.gen(function*() {
      for (const synchronous of ["normal", "full"] as const) {
        const store = yield* opened(layer({ filename: yield* Files.file, synchronous, busyTimeout: 0 }))
        assert.strictEqual((yield* store.put(slot(0))).version, 1)
      }
    }))
})

describe("the file", () => {
  it.effect("it is made where there is none, and is in WAL", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      yield* opened(layer({ filename }))
      assert.deepStrictEqual({ ...(yield* Files.query(filename, "PRAGMA journal_mode"))[0] }, { journal_mode: "wal" })
      const tables = yield* Files.query(filename, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      assert.deepStrictEqual(tables.map(({ name }) => name).filter((name) => !String(name).startsWith("sqlite_")), [
        "effect_supervisor_leases",
        "effect_supervisor_migrations",
        "effect_supervisor_set_aside",
        "effect_supervisor_slots"
      ])
    }))

  it.effect("it shares the file with the tables of others", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      yield* Files.query(filename, "CREATE TABLE mine AS SELECT 7 AS seven")
      yield* Effect.scoped(Effect.flatMap(opened(layer({ filename })), (store) => store.put(slot(0))))
      assert.deepStrictEqual((yield* Files.query(filename, "SELECT seven FROM mine")).length, 1)
    }))

  it.effect("that it was removed or replaced under the process is noticed as leases are", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename }))
      yield* store.lease("a", 60_000)
      assert.isTrue(yield* store.renew("a", 60_000))
      rmSync(filename)
      const gone = yield* Effect.flip(store.renew("a", 60_000))
      assert.strictEqual(gone.reason, `${filename} was removed or replaced under this process`)
      // A new one of its name is not the same.
      yield* opened(layer({ filename }))
      assert.strictEqual((yield* Effect.flip(store.renew("a", 60_000))).operation, "renew")
      assert.strictEqual((yield* Effect.flip(store.lease("b", 60_000))).operation, "lease")
    }))

  it.effect("in memory it has no file, and leases all the same", () =>
    Effect.gen(function*() {
      const store = yield* opened(layer({ filename: ":memory:" }))
      yield* store.lease("a", 60_000)
      assert.isTrue(yield* store.renew("a", 60_000))
    }))

  it.effect("it is closed with the scope, with nothing left beside it", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* opened(layer({ filename }))
        yield* store.put(slot(0))
        assert.isTrue(existsSync(`${filename}-wal`))
      }))
      assert.isTrue(existsSync(filename))
      assert.isFalse(existsSync(`${filename}-wal`))
      assert.isFalse(existsSync(`${filename}-shm`))
    }))

  it.effect("a store that cannot be opened says which and why", () =>
    Effect.gen(function*() {
      const folder = yield* Files.folder
      const missing = join(folder, "missing", "slots.db")
      const garbage = join(folder, "garbage.db")
      writeFileSync(garbage, "not a database, but long enough to be read as one: ".repeat(100))
      for (const [filename, why] of [[missing, "unable to open database file"], [garbage, "file is not a database"]]) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(layer({ filename: filename! }))))
        assert.isTrue(Exit.isFailure(exit))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer({ filename: filename! }))))
        assertTag(error, "SqlError")
        assert.strictEqual(error.message, `cannot open ${filename}: ${why}`)
      }
    }))

  it.effect("what has been changed by hand so that it cannot be used fails in words", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename }))
      yield* Files.query(filename, "ALTER TABLE effect_supervisor_slots RENAME COLUMN record TO text")
      const error = yield* Effect.flip(store.put(slot(0)))
      assert.deepInclude(error, { _tag: "StoreError", operation: "put" })
      assert.match(error.message, /^the slot store could not put: .*no column named record/)
    }))
})

describe("a file that somebody else has locked", () => {
  it.effect("a write waits for the lock, and everything else goes on meanwhile", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename }))
      const database = yield* other(filename)
      database.exec("BEGIN IMMEDIATE")
      const writes = yield* Effect.all([
        Effect.forkChild(store.put(slot(0)), { startImmediately: true }),
        Effect.forkChild(store.claim(owned(slot(1), "one")), { startImmediately: true }),
        Effect.forkChild(store.renew("one", 10), { startImmediately: true })
      ])
      for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
      for (const fiber of writes) assert.isUndefined(fiber.pollUnsafe())
      database.exec("COMMIT")
      for (const fiber of writes) assert.isTrue(Exit.isSuccess(yield* Fiber.await<unknown, unknown>(fiber)))
      assert.strictEqual((yield* store.list(pool)).records.length, 2)
    }))

  it.effect("who waits can be interrupted, and has written nothing", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename }))
      const database = yield* other(filename)
      database.exec("BEGIN IMMEDIATE")
      const writes = yield* Effect.all([
        Effect.forkChild(store.put(slot(0)), { startImmediately: true }),
        Effect.forkChild(store.claim(owned(slot(1), "one")), { startImmediately: true })
      ])
      yield* Fiber.interruptAll(writes)
      database.exec("COMMIT")
      assert.deepStrictEqual((yield* store.list(pool)).records, [])
      assert.strictEqual((yield* store.put(slot(0))).version, 1)
    }))

  it.effect("after the busy timeout it fails in words, has written nothing, and works again later", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename, busyTimeout: 20 }))
      const database = yield* other(filename)
      database.exec("BEGIN IMMEDIATE")
      const operations: Record<string, Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>> = {
        put: store.put(slot(0)),
        claim: store.claim(owned(slot(0), "one")),
        renew: store.renew("one", 10),
        lease: store.lease("one", 10),
        delete: store.delete(pool, "slot-0")
      }
      for (const [operation, effect] of Object.entries(operations)) {
        const error = yield* Effect.flip(effect)
        assertTag(error, "StoreError")
        assert.match(
          error.message,
          new RegExp(`could not ${operation}: somebody else has kept the database locked \\(.*database is locked\\)$`)
        )
      }
      database.exec("ROLLBACK")
      assert.strictEqual((yield* store.put(slot(0))).version, 1)
    }))

  it.effect("what has been written can be read while somebody writes", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const store = yield* opened(layer({ filename }))
      const record = yield* store.put(slot(0))
      const database = yield* other(filename)
      database.exec("BEGIN IMMEDIATE; DELETE FROM effect_supervisor_slots")
      assert.deepStrictEqual((yield* store.list(pool)).records, [record])
      database.exec("COMMIT")
      assert.deepStrictEqual((yield* store.list(pool)).records, [])
    }))
})

describe("processes", () => {
  it.effect("SP-39 processes that make the file at once have it all, and none keeps another from writing", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      const pools = ["one", "two", "three"]
      const writers = yield* Effect.forEach(pools, (pool) => Child.start("writer", [filename, pool, pool, "2"]))
      for (const writer of writers) yield* writer.lines(300)
      const answered = yield* Effect.forEach(writers, ({ kill }) => kill)
      const store = yield* opened(layer({ filename }))
      for (const [n, pool] of pools.entries()) {
        const { corrupt, records } = yield* store.list(pool, { owner: pool })
        assert.deepStrictEqual(corrupt, [])
        for (const { slot, version } of records) assert.include(answered[n]!, `${slot} ${version - 1}`)
        assert.strictEqual(records.length, 2)
      }
    }))

  it.effect("SP-32 two processes that race for the same slots never own one at the same time", () =>
    Effect.gen(function*() {
      const filename = yield* Files.file
      yield* raceOfProcesses({ filename }, yield* opened(layer({ filename })))
    }))

  it.effect(
    "SP-39 what was answered before a kill -9 is there after it, whole, and is taken over once: 50 rounds",
    () =>
      Effect.gen(function*() {
        const breaches: Array<string> = []
        let acknowledged = 0
        yield* Crash.rounds(50, (round) =>
          Effect.sync(() => {
            breaches.push(...round.breaches)
            acknowledged += round.acknowledged
          }))
        assert.deepStrictEqual(breaches, [])
        assert.isAbove(acknowledged, 1000)
      }),
    120_000
  )
})
