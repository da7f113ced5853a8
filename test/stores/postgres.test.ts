import type { PgPoolConfig } from "@effect/sql-pg/PgClient"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { SlotChange, StoreError } from "effect-supervisor/SlotPoolStore"
import * as SlotPoolStoreSql from "effect-supervisor/SlotPoolStoreSql"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as String from "effect/String"
import * as TestClock from "effect/testing/TestClock"
import { client } from "./fixtures/where.ts"
import * as Postgres from "./postgres.ts"
import { poolsOfProcesses, raceOfProcesses } from "./rivals.ts"
import { assertTag, follow, inShort, opened, owned, pool, readying, slot, until } from "./subject.ts"
import { durableSuite } from "./suite/suite.ts"

let server: Postgres.Server

beforeAll(async () => {
  server = await Postgres.start()
})
afterAll(() => server.stop())

const hour = 3_600_000

durableSuite({ name: "postgres", clock: "its own", make: Postgres.subject(() => server) })

/** A schema, and a store in it that is to be had as often as one likes. */
const make = Effect.suspend(() =>
  Effect.map(Postgres.schema(server), (schema) => ({
    ...Postgres.subjectIn(server, schema),
    schema,
    sql: schema.sql,
    openWith: (options: PgPoolConfig) =>
      opened(Layer.provide(SlotPoolStoreSql.layer, client(server.path, schema.name, options)))
  }))
)

/** Until so many transactions wait for a lock. */
const waiting = (sql: SqlClient, count: number) => {
  let waits = 0
  const look = Effect.map(
    sql<{ readonly pid: number }>`SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
    (rows) => {
      waits = rows.length
    }
  )
  return until(() => waits >= count, look)
}

/** Does something, and goes on in the same transaction when it is told to. */
const held = Effect.fnUntraced(function*(sql: SqlClient, effect: Effect.Effect<unknown, unknown>) {
  const begun = yield* Deferred.make<void>()
  const over = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(
    sql.withTransaction(
      Effect.andThen(effect, Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(over)))
    )
  )
  yield* Deferred.await(begun)
  return Effect.andThen(Deferred.succeed(over, undefined), Fiber.join(fiber))
})

const listeners = (sql: SqlClient) =>
  Effect.map(
    sql<{ readonly pid: number }>`SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %'`,
    (rows) => rows.map(({ pid }) => pid)
  )

describe("leases by the server", () => {
  it.effect("SP-32 a claim that meets a renewal waits for it, and is refused", () =>
    Effect.gen(function*() {
      const { open, sql } = yield* make
      const store = yield* open
      yield* store.lease("one", 0)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      const commit = yield* held(
        sql,
        sql`UPDATE effect_supervisor_leases SET until = extract(epoch FROM clock_timestamp()) * 1000 + ${hour}`
      )
      const claim = yield* Effect.forkChild(Effect.flip(store.claim(owned(claimed, "two"))))
      yield* waiting(sql, 1)
      yield* commit
      assert.deepInclude(yield* Fiber.join(claim), { _tag: "SlotOwned", owner: "one" })
    }))

  it.effect("SP-32 a renewal that meets a claim waits for it, and looks at the clock after that", () =>
    Effect.gen(function*() {
      const { open, sql } = yield* make
      const store = yield* open
      yield* store.lease("one", 100)
      const commit = yield* held(sql, sql`SELECT * FROM effect_supervisor_leases WHERE owner = 'one' FOR SHARE`)
      const renewal = yield* Effect.forkChild(store.renew("one", hour))
      yield* waiting(sql, 1)
      let over = false
      yield* until(
        () => over,
        Effect.map(
          sql`SELECT 1 FROM effect_supervisor_leases WHERE until < extract(epoch FROM clock_timestamp()) * 1000`,
          (rows) => {
            over = rows.length > 0
          }
        )
      )
      yield* commit
      assert.isFalse(yield* Fiber.join(renewal))
    }))

  it.effect("SP-32 two claims of different slots of one dead owner do not wait for each other", () =>
    Effect.gen(function*() {
      const { open, sql } = yield* make
      const store = yield* open
      yield* store.lease("one", 0)
      const claimed = yield* store.claim(owned(slot(0), "one"))
      const release = yield* held(sql, sql`SELECT * FROM effect_supervisor_leases WHERE owner = 'one' FOR SHARE`)
      assert.strictEqual((yield* store.claim(owned(claimed, "two"))).owner, "two")
      yield* release
    }))

  it.effect("SP-32 the leases of the dead are cleared away, but for those that somebody looks at", () =>
    Effect.gen(function*() {
      const { open, sql } = yield* make
      const store = yield* open
      for (const owner of ["one", "two", "three"]) yield* store.lease(owner, 0)
      yield* store.lease("four", hour)
      const owners = Effect.map(
        sql<{ readonly owner: string }>`SELECT owner FROM effect_supervisor_leases ORDER BY owner`,
        (rows) => rows.map(({ owner }) => owner)
      )
      assert.deepStrictEqual(yield* owners, ["four"])
      yield* store.lease("five", 0)
      const release = yield* held(sql, sql`SELECT * FROM effect_supervisor_leases WHERE owner = 'five' FOR SHARE`)
      yield* store.lease("six", hour)
      assert.deepStrictEqual(yield* owners, ["five", "four", "six"])
      yield* release
    }))
})

describe("writes", () => {
  it.effect("who waits for somebody else's write can be interrupted, and has written nothing", () =>
    Effect.gen(function*() {
      const { open, sql } = yield* make
      const store = yield* open
      const record = yield* store.put(slot(0))
      const commit = yield* held(sql, sql`SELECT * FROM effect_supervisor_slots FOR UPDATE`)
      const put = yield* Effect.forkChild(store.put({ ...record, state: "Busy" }))
      const claim = yield* Effect.forkChild(store.claim(owned(record, "one")))
      yield* waiting(sql, 2)
      yield* Fiber.interruptAll([put, claim])
      yield* commit
      assert.deepStrictEqual(yield* store.get(pool, "slot-0"), Option.some(record))
      assert.strictEqual((yield* store.put(record)).version, 2)
    }))

  it.effect("what a client renames, it does not rename of the store's", () =>
    Effect.gen(function*() {
      const { openWith } = yield* make
      const store = yield* openWith({
        transformQueryNames: String.camelToSnake,
        transformResultNames: String.toUpperCase
      })
      const config = { snake_case: 1, camelCase: { very_deep: true } }
      const record = yield* store.put(slot(0, { config }))
      assert.deepStrictEqual((yield* store.list(pool)).records, [record])
      assert.deepStrictEqual(record.config, config)
    }))

  it.effect("it needs one connection only, and can share it", () =>
    Effect.gen(function*() {
      const { openWith } = yield* make
      for (const options of [{ maxConnections: 1 }, { maxConnections: 1, multiplex: true }, { prepare: false }]) {
        const store = yield* openWith(options)
        const records = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => ({ ...slot(n), pool: JSON.stringify(options) })),
          (record) => Effect.flatMap(store.put(record), (record) => store.claim(owned(record, "one"))),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual((yield* store.list(JSON.stringify(options))).records, records)
      }
    }))
})

describe("what others write", () => {
  it.effect("it is heard of at once, over one connection for any number of readers, while there are any", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      assert.deepStrictEqual(yield* listeners(subject.sql), [])
      yield* Effect.scoped(Effect.gen(function*() {
        const readers = [yield* follow(store, pool), yield* follow(store, pool), yield* follow(store, "others")]
        yield* readying(subject, other, readers[0]!.seen)
        yield* readying(subject, other, readers[1]!.seen)
        yield* other.put({ ...slot(0), pool: "others" })
        yield* other.put(slot(0))
        // The first reader hears of what made the second one ready, too, and of the last of it when it likes.
        const heard = readers.map(({ seen }) => () => inShort(seen).filter((line) => line.startsWith("slot-0 ")))
        yield* until(() => heard.every((lines) => lines().length > 0), subject.turn)
        for (const lines of heard) assert.deepStrictEqual(lines(), ["slot-0 Idle 1"])
        assert.strictEqual((yield* listeners(subject.sql)).length, 1)
      }))
      let left = 1
      yield* until(
        () => left === 0,
        Effect.map(listeners(subject.sql), (pids) => {
          left = pids.length
        })
      )
    }))

  it.effect("where the connection is lost the reader fails, and another can begin", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      const first = yield* follow(store, pool)
      const second = yield* follow(store, pool)
      yield* readying(subject, other, first.seen)
      yield* readying(subject, other, second.seen)
      for (const pid of yield* listeners(subject.sql)) yield* subject.sql`SELECT pg_terminate_backend(${pid})`
      for (const { fiber } of [first, second]) {
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.deepInclude(error, { _tag: "StoreError", operation: "follow changes" })
        assert.match(error.message, /^the slot store could not follow changes: ./)
      }
      const third = yield* follow(store, pool)
      yield* readying(subject, other, third.seen)
      yield* other.put(slot(0))
      yield* until(() => third.seen.length > 0, subject.turn)
      assert.deepStrictEqual(inShort(third.seen), ["slot-0 Idle 1"])
    }))

  it.effect("a reader that begins anew when the connection is lost does so at once, whoever else has lost it", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      const lost: Array<string> = []
      const again = (name: string) => (error: StoreError) => {
        lost.push(`${name} ${error._tag}`)
        return store.changes(pool)
      }
      const readers: Array<Array<SlotChange>> = [[], []]
      for (const [n, seen] of readers.entries()) {
        yield* Effect.forkScoped(
          Stream.runForEach(
            Stream.catch(store.changes(pool), again(`${n}`)),
            (change) => Effect.sync(() => void seen.push(change))
          )
        )
        yield* readying(subject, other, seen)
      }
      for (const pid of yield* listeners(subject.sql)) yield* subject.sql`SELECT pg_terminate_backend(${pid})`
      yield* until(() => lost.length === 2, subject.turn)
      for (const seen of readers) yield* readying(subject, other, seen)
      assert.deepStrictEqual(lost.sort(), ["0 StoreError", "1 StoreError"])
    }))

  it.effect("what strangers say on the channel does no harm", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      for (const payload of ["", "?", "[]", "{}", "[\"agents\"]", JSON.stringify([pool, "slot-0", 1, 1])]) {
        yield* subject.sql.notify("effect_supervisor_slots", payload)
      }
      yield* other.put(slot(1))
      yield* until(() => inShort(seen).includes("slot-1 Idle 1"), subject.turn)
      assert.deepStrictEqual(inShort(seen).filter((change) => change.endsWith("Idle 1")), ["slot-1 Idle 1"])
    }))

  it.effect("names that are too long to be told are found, too", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const store = yield* subject.open
      const other = yield* subject.open
      const long = "x".repeat(9000)
      const seen: Array<SlotChange> = []
      yield* Effect.forkScoped(
        Stream.runForEach(store.changes(long), (change) => Effect.sync(() => void seen.push(change))),
        { startImmediately: true }
      )
      let record = yield* other.put({ ...slot(0), pool: long })
      yield* until(
        () => seen.length > 0,
        Effect.flatMap(Effect.suspend(() => other.put(record)), (written) => {
          record = written
          return subject.turn
        })
      )
      yield* other.delete(long, "slot-0")
      yield* until(() => seen.at(-1)?._tag === "Deleted", subject.turn)
    }))

  it.effect("where a client cannot listen, it is looked for now and then", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const deaf = Layer.effect(SqlClient)(Effect.map(SqlClient, (sql) => {
        const copy = Object.assign((...args: Parameters<typeof sql>) => sql(...args), sql, { listen: undefined })
        return Object.assign(copy, { withoutTransforms: () => copy }) as unknown as SqlClient
      }))
      const store = yield* opened(
        SlotPoolStoreSql.layerWith({ pollInterval: "10 seconds" }).pipe(
          Layer.provide(deaf),
          Layer.provide(client(server.path, subject.schema.name))
        )
      )
      const other = yield* subject.open
      const { seen } = yield* follow(store, pool)
      const look = Effect.andThen(TestClock.adjust("10 seconds"), Postgres.turn)
      yield* readying({ ...subject, turn: look }, other, seen)
      assert.deepStrictEqual(yield* listeners(subject.sql), [])
      yield* other.put(slot(0))
      for (let n = 0; n < 50; n++) yield* Postgres.turn
      yield* TestClock.adjust("9 seconds")
      for (let n = 0; n < 50; n++) yield* Postgres.turn
      assert.deepStrictEqual(inShort(seen), [])
      yield* until(() => seen.length > 0, look)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Idle 1"])
      yield* store.put(slot(1))
      yield* until(() => seen.length > 1, Effect.yieldNow)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Idle 1", "slot-1 Idle 1"])
      yield* other.delete(pool, "slot-1")
      yield* until(() => seen.length > 2, look)
      assert.deepStrictEqual(inShort(seen).at(-1), "slot-1 deleted")
    }))
})

describe("what is told in another order than it was written", () => {
  /** A client whose answers to some statements are kept back, while there is something to keep them back. */
  const slow = (text: string) => {
    const held = { until: Effect.void as Effect.Effect<unknown>, count: 0 }
    const layer = Layer.effect(SqlClient)(Effect.map(SqlClient, (sql) => {
      const wait = Effect.suspend(() => {
        held.count++
        return held.until
      })
      const statement = (strings: TemplateStringsArray | string, ...args: ReadonlyArray<unknown>) => {
        if (typeof strings === "string") return sql(strings)
        const made = sql(strings, ...args)
        return strings[0]!.startsWith(text) && held.until !== Effect.void ? Effect.tap(made, wait) : made
      }
      const copy = Object.assign(statement, sql)
      return Object.assign(copy, { withoutTransforms: () => copy }) as unknown as SqlClient
    }))
    return { held, layer }
  }

  it.effect("a slot that was found to be gone, and was put meanwhile, is there", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const { held, layer } = slow("SELECT * FROM effect_supervisor_slots")
      const store = yield* opened(
        SlotPoolStoreSql.layer.pipe(Layer.provide(layer), Layer.provide(client(server.path, subject.schema.name)))
      )
      const other = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      yield* other.put(slot(0))
      yield* until(() => seen.length === 1, subject.turn)
      const over = yield* Deferred.make<void>()
      held.until = Deferred.await(over)
      yield* other.delete(pool, "slot-0")
      yield* until(() => held.count > 0, subject.turn)
      held.until = Effect.void
      yield* store.put(slot(0, { state: "Busy" }))
      yield* Deferred.succeed(over, undefined)
      yield* other.put(slot(1))
      yield* until(() => seen.length >= 3, subject.turn)
      assert.deepStrictEqual(inShort(seen), ["slot-0 Idle 1", "slot-0 Busy 1", "slot-1 Idle 1"])
    }))

  it.effect("what was written to a slot before it was put afresh is not told after that", () =>
    Effect.gen(function*() {
      const subject = yield* make
      const { held, layer } = slow("WITH written AS ")
      const store = yield* opened(
        SlotPoolStoreSql.layer.pipe(Layer.provide(layer), Layer.provide(client(server.path, subject.schema.name)))
      )
      const other = yield* subject.open
      const { seen } = yield* follow(store, pool)
      yield* readying(subject, other, seen)
      const first = yield* other.put(slot(0))
      yield* until(() => seen.length === 1, subject.turn)
      const over = yield* Deferred.make<void>()
      held.until = Deferred.await(over)
      const put = yield* Effect.forkChild(store.put({ ...first, state: "Busy" }))
      yield* until(() => held.count > 0, subject.turn)
      held.until = Effect.void
      yield* other.delete(pool, "slot-0")
      yield* other.put(slot(0, { state: "Stopped" }))
      yield* until(() => inShort(seen).includes("slot-0 Stopped 1"), subject.turn)
      const before = seen.length
      yield* Deferred.succeed(over, undefined)
      assert.strictEqual((yield* Fiber.join(put)).version, 2)
      yield* other.put(slot(1))
      yield* until(() => seen.length > before, subject.turn)
      assert.deepStrictEqual(inShort(seen).slice(before - 1), ["slot-0 Stopped 1", "slot-1 Idle 1"])
    }))
})

describe("the server", () => {
  it.effect("a server that goes away fails what is asked of it, in words, and all is well when it is back", () =>
    Effect.gen(function*() {
      const server = yield* Postgres.server
      const schema = yield* Postgres.schema(server)
      const store = yield* Postgres.subjectIn(server, schema).open
      const record = yield* store.put(slot(0))
      yield* store.lease("one", hour)
      yield* Effect.promise(server.halt)
      const operations: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string; readonly message: string }>> = [
        store.now,
        store.list(pool),
        store.put(record),
        store.renew("one", hour)
      ]
      for (const operation of operations) {
        const error = yield* Effect.flip(operation)
        assertTag(error, "StoreError")
        assert.match(error.message, /the database cannot be reached|administrator/)
      }
      yield* Effect.promise(server.resume)
      assert.deepStrictEqual((yield* store.list(pool)).records, [record])
      assert.isTrue(yield* store.renew("one", hour))
      assert.strictEqual((yield* store.put(record)).version, 2)
    }))

  it.effect("where there is no server, the store cannot be made", () =>
    Effect.gen(function*() {
      const nowhere = Layer.provide(SlotPoolStoreSql.layer, client("/nowhere/.s.PGSQL.5432", "public"))
      assertTag(yield* Effect.flip(Effect.scoped(Layer.build(nowhere))), "SqlError")
    }))
})

describe("processes", () => {
  it.effect(
    "SP-32 two processes that race for the same slots never own one at the same time",
    () =>
      Effect.gen(function*() {
        const { open, schema } = yield* make
        yield* raceOfProcesses({ path: server.path, schema: schema.name }, yield* open)
      }),
    60_000
  )

  it.effect(
    "SP-32 two pools in two processes put each slot back once, and one takes over what the other had when it dies",
    () =>
      Effect.gen(function*() {
        const { open, schema } = yield* make
        yield* poolsOfProcesses({ path: server.path, schema: schema.name }, yield* open)
      }),
    60_000
  )
})
