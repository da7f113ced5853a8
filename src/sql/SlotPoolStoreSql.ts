/**
 * A store of slots in a SQL database: PostgreSQL or SQLite, by whatever `SqlClient` is in the context.
 *
 * Its tables begin with `effect_supervisor_`, and are made and brought up to date when the store is; any number of
 * processes may do so at once, and share the database. `effect_supervisor_slots` holds what each slot is as JSON, with
 * columns of what people look for (pool, slot, state, name, role, owner); `effect_supervisor_leases` who is alive;
 * `effect_supervisor_set_aside` the records that could not be read, as they were.
 *
 * **The clock** of the leases is the server's for PostgreSQL, and the process's for SQLite, whose processes share a
 * machine.
 *
 * **Changes** that are written through this store are told at once. What others write is told
 *
 * - on PostgreSQL as soon as they have committed it, by LISTEN and NOTIFY, if the client can listen as that of
 *   `@effect/sql-pg` does: it takes one connection while anybody reads `changes`, however many do,
 * - otherwise when it is found by looking every `pollInterval`.
 *
 * Either way a reader is told the newest state of a slot, never an older one after a newer one, and each at most once.
 * It may miss states between, and of different slots, the order in which others wrote to them. The stream fails when the
 * database cannot be read or the listening connection is lost; read `list` when you begin it again.
 *
 * **Gotchas**: an operation that is called inside a transaction of the same client takes part in it, and is undone with
 * it. A record's `pool`, `slot`, `name`, `role` and `owner` must not have NUL characters or lone surrogates; in `config`
 * and `session` everything is kept that is JSON.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { MigrationError } from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { isSqlError } from "effect/sql/SqlError"
import type { DurationOption } from "../internal/options.ts"
import { duration, onlyKeys, or } from "../internal/options.ts"
import type { CorruptRecord, SlotFilter, SlotRecord } from "../SlotPoolStore.ts"
import { bySlot, SlotOwned, SlotPoolStore, StoreError, VersionConflict } from "../SlotPoolStore.ts"
import * as Changes from "./changes.ts"
import type { Marked } from "./dialect.ts"
import * as Dialect from "./dialect.ts"
import { storeClosed, storeError } from "./errors.ts"
import type { SlotRow } from "./rows.ts"
import { decode, encode } from "./rows.ts"
import { migrate } from "./tables.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How often to look for what others have written, where they cannot be listened to. Default: 1 second. */
  readonly pollInterval?: DurationOption
}

const fits = (record: SlotRecord, filter: SlotFilter): boolean =>
  (filter.state === undefined || record.state === filter.state) &&
  (filter.name === undefined || record.name === filter.name) &&
  (filter.role === undefined || record.role === filter.role) &&
  (filter.owner === undefined || record.owner === filter.owner)

const unreadable = (operation: string, slot: string, pool: string, reason: string): StoreError =>
  new StoreError({ operation, reason: `the record of ${slot} of pool "${pool}" cannot be read: ${reason}` })

/** What a write has made of a record, and which state of the slot that is. */
interface Written {
  readonly record: SlotRecord
  readonly mark: Marked
}

/**
 * Makes a store, and its tables where they are missing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<SlotPoolStore["Service"], MigrationError | SqlError, SqlClient.SqlClient | Scope.Scope> {
  const pollInterval = decodeOptions(options)
  const { dialect, sql } = Dialect.make(yield* SqlClient.SqlClient, yield* Clock.Clock)
  const { clock, forShare, forUpdate, skipLocked, told } = dialect

  const locking = Effect.provideService(SqlClient.BeginTransaction, dialect.begin)
  const transact = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    locking(sql.withTransaction(effect))
  yield* locking(migrate)

  const now = Effect.map(
    Effect.suspend(() => sql<{ readonly now: number }>`SELECT ${clock()} AS now`),
    ([row]) => row!.now
  )
  const rowOf = (pool: string, slot: string, lock = sql.literal("")): Effect.Effect<SlotRow | undefined, SqlError> =>
    Effect.map(
      sql<SlotRow>`SELECT * FROM effect_supervisor_slots WHERE pool = ${pool} AND slot = ${slot} ${lock}`,
      (rows) => rows[0]
    )
  const rowsOf = (pool: string): Effect.Effect<ReadonlyArray<SlotRow>, SqlError> =>
    sql<SlotRow>`SELECT * FROM effect_supervisor_slots WHERE pool = ${pool}`
  const marksOf = (pool: string): Effect.Effect<ReadonlyArray<Marked & { readonly slot: string }>, SqlError> =>
    sql<
      Marked & { readonly slot: string }
    >`SELECT slot, incarnation, version FROM effect_supervisor_slots WHERE pool = ${pool}`

  const changes = yield* Changes.make({ listen: dialect.listen, pollInterval, marks: marksOf, row: rowOf })

  /** Compare and set. */
  const write = (operation: string, record: SlotRecord) =>
    Effect.suspend((): Effect.Effect<Written, VersionConflict | StoreError | SqlError> => {
      const { name = null, owner = null, pool, role = null, slot, state, version } = record
      const written = { ...record, version: version + 1 }
      const encoded = encode(written)
      if (Result.isFailure(encoded)) return Effect.fail(new StoreError({ operation, reason: encoded.failure }))
      const text = encoded.success
      const statement = version === 0
        ? sql<Marked>`INSERT INTO effect_supervisor_slots (pool, slot, version, state, name, role, owner, record)
VALUES (${pool}, ${slot}, 1, ${state}, ${name}, ${role}, ${owner}, ${text})
ON CONFLICT (pool, slot) DO NOTHING
RETURNING incarnation, version`
        : sql<Marked>`UPDATE effect_supervisor_slots
SET version = ${version + 1}, state = ${state}, name = ${name}, role = ${role}, owner = ${owner}, record = ${text}
WHERE pool = ${pool} AND slot = ${slot} AND version = ${version}
RETURNING incarnation, version`
      return Effect.flatMap(told(pool, slot, statement), ([mark]) =>
        mark === undefined
          ? Effect.fail(new VersionConflict({ pool, slot, version }))
          : Effect.succeed({ record: written, mark }))
    })
  const tellPut = ({ mark, record }: Written): SlotRecord => {
    changes.tell({ _tag: "Put", record }, mark)
    return record
  }

  const claim = (record: SlotRecord & { readonly owner: string }) =>
    transact(Effect.gen(function*() {
      const { pool, slot } = record
      const row = yield* rowOf(pool, slot, forUpdate)
      const owner = row?.owner ?? record.owner
      if (owner !== record.owner) {
        // Locked, lest its owner renews it while this looks at the clock.
        const [lease] = yield* sql<
          { readonly until: number }
        >`SELECT until FROM effect_supervisor_leases WHERE owner = ${owner} ${forShare}`
        const remaining = Math.ceil((lease?.until ?? 0) - (yield* now))
        if (remaining > 0) return yield* new SlotOwned({ pool, slot, owner, remaining })
      }
      return yield* write("claim", record)
    }))

  const remove = (pool: string, slot: string, version: number | undefined) => {
    const isThis = sql`pool = ${pool} AND slot = ${slot}`
    const where = version === undefined ? isThis : sql`${isThis} AND version = ${version}`
    return told(
      pool,
      slot,
      sql<Marked>`DELETE FROM effect_supervisor_slots WHERE ${where} RETURNING incarnation, NULL AS version`
    )
  }
  const tellDeleted = (pool: string, slot: string, mark: Marked | undefined): boolean => {
    if (mark !== undefined) changes.tell({ _tag: "Deleted", pool, slot }, mark)
    return mark !== undefined
  }

  /** Only what cannot be read: somebody else may have put it right meanwhile. */
  const setAside = (pool: string, slot: string) =>
    transact(Effect.gen(function*() {
      const row = yield* rowOf(pool, slot, forUpdate)
      const decoded = row && decode(row)
      if (decoded === undefined || Result.isSuccess(decoded)) return undefined
      yield* sql`INSERT INTO effect_supervisor_set_aside
  (pool, slot, version, state, name, role, owner, record, reason, set_aside_at)
SELECT pool, slot, version, state, name, role, owner, record, ${decoded.failure}, ${clock()}
FROM effect_supervisor_slots WHERE pool = ${pool} AND slot = ${slot}`
      const [mark] = yield* remove(pool, slot, undefined)
      return mark
    }))

  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
    })
  )
  /** A client that has been closed would interrupt whoever asks. */
  const attempt = <A, E>(operation: string, effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, StoreError | Exclude<E, SqlError>> =>
      closed
        ? Effect.fail(storeClosed(operation))
        : Effect.mapError(effect, (error) =>
          isSqlError(error) ? storeError(operation)(error) : error as Exclude<E, SqlError>)
    )

  return {
    now: attempt("read the clock", Effect.map(now, Math.floor)),
    get: (pool, slot) =>
      Effect.flatMap(attempt("get", rowOf(pool, slot)), (row) => {
        if (row === undefined) return Effect.succeedNone
        const decoded = decode(row)
        return Result.isSuccess(decoded)
          ? Effect.succeedSome(decoded.success)
          : Effect.fail(unreadable("get", slot, pool, decoded.failure))
      }),
    list: (pool, filter = {}) =>
      Effect.map(attempt("list", rowsOf(pool)), (rows) => {
        const records: Array<SlotRecord> = []
        const corrupt: Array<CorruptRecord> = []
        for (const row of rows) {
          const decoded = decode(row)
          if (Result.isFailure(decoded)) corrupt.push({ pool, slot: row.slot, reason: decoded.failure })
          else if (fits(decoded.success, filter)) records.push(decoded.success)
        }
        return { records: records.sort(bySlot), corrupt: corrupt.sort(bySlot) }
      }),
    put: (record) => Effect.map(attempt("put", write("put", record)), tellPut),
    delete: (pool, slot, version) =>
      Effect.map(attempt("delete", remove(pool, slot, version)), ([mark]) => tellDeleted(pool, slot, mark)),
    setAside: (pool, slot) =>
      Effect.map(attempt("set aside", setAside(pool, slot)), (mark) => tellDeleted(pool, slot, mark)),
    claim: (record) => Effect.map(attempt("claim", claim(record)), tellPut),
    lease: (owner, millis) =>
      attempt(
        "lease",
        Effect.gen(function*() {
          // Whoever is dead does not come back: without this the table would grow with every process that ever was.
          yield* sql`DELETE FROM effect_supervisor_leases WHERE owner IN
  (SELECT owner FROM effect_supervisor_leases WHERE until <= ${clock()} AND owner <> ${owner} ${skipLocked})`
          yield* sql`INSERT INTO effect_supervisor_leases (owner, until) VALUES (${owner}, ${clock()} + ${millis})
ON CONFLICT (owner) DO UPDATE SET until = excluded.until`
        })
      ),
    renew: (owner, millis) =>
      attempt(
        "renew",
        transact(Effect.gen(function*() {
          // The clock must not be read before the lock is there: a rival may hold it, and have seen the lease run out.
          yield* sql`SELECT owner FROM effect_supervisor_leases WHERE owner = ${owner} ${forUpdate}`
          const renewed = yield* sql`UPDATE effect_supervisor_leases SET until = ${clock()} + ${millis}
WHERE owner = ${owner} AND until > ${clock()} RETURNING owner`
          return renewed.length > 0
        }))
      ),
    release: (owner) =>
      attempt("release", Effect.asVoid(sql`DELETE FROM effect_supervisor_leases WHERE owner = ${owner}`)),
    changes: changes.of
  }
})

const decodeOptions = (options: Options): number => {
  onlyKeys("SlotPoolStoreSql", "options", options, ["pollInterval"])
  return duration("SlotPoolStoreSql", "pollInterval", or(options.pollInterval, 1000), { positive: true })
}

/**
 * A store in the database of the context's `SqlClient`, with options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  options: Options
): Layer.Layer<SlotPoolStore, MigrationError | SqlError, SqlClient.SqlClient> => {
  decodeOptions(options)
  return Layer.effect(SlotPoolStore)(make(options))
}

/**
 * A store in the database of the context's `SqlClient`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<SlotPoolStore, MigrationError | SqlError, SqlClient.SqlClient> = layerWith({})
