/**
 * The smallest `SqlClient` for `node:sqlite`: one connection, in WAL, closed with the scope.
 *
 * To be removed as soon as a `@effect/sql-sqlite-node` for Effect 4.1 is published: its newest for Effect 4,
 * 4.0.0-beta.102, does not load with it.
 */
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"

export interface Options {
  readonly filename: string
  readonly synchronous: "normal" | "full"
  /** Milliseconds. */
  readonly busyTimeout: number
}

/**
 * Waiting for another process's lock blocks the thread, hence in slices: between two of them everybody else has a turn.
 */
const slice = 1

const busy = 5

const codeOf = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode
    : 0

/** Effect knows SQLite's errors by their number, which Node calls otherwise. */
const errorOf = (cause: unknown, operation: string, message: string): SqlError =>
  new SqlError({
    reason: classifySqliteError(Object.assign(new Error(messageOf(cause), { cause }), { errno: codeOf(cause) }), {
      operation,
      message: `${message}: ${messageOf(cause)}`
    })
  })

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

const open = ({ filename, synchronous }: Options): DatabaseSync => {
  const database = new DatabaseSync(filename, { timeout: slice })
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`)
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}

/** Opens the file, or creates it. */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<SqlClient.SqlClient, SqlError, Scope.Scope> {
  const tries = Math.ceil(options.busyTimeout / slice)

  /** Something that has done nothing when it fails for somebody else's lock. */
  const attempt = <A>(operation: string, message: string, evaluate: () => A): Effect.Effect<A, SqlError> => {
    const from = (failed: number): Effect.Effect<A, SqlError> =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(evaluate())
        } catch (cause) {
          return (codeOf(cause) & 0xff) === busy && failed < tries
            ? Effect.andThen(Effect.yieldNow, from(failed + 1))
            : Effect.fail(errorOf(cause, operation, message))
        }
      })
    return from(0)
  }

  const database = yield* Effect.acquireRelease(
    attempt("open", `cannot open ${options.filename}`, () => open(options)),
    (database) => Effect.sync(() => database.close())
  )

  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    let statement = prepared.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sql)
      prepared.set(sql, statement)
    }
    return statement
  }
  const run = (sql: string, params: ReadonlyArray<unknown>) =>
    attempt("execute", "cannot execute a statement", () => prepare(sql).all(...params as Array<SQLInputValue>))

  const connection: Connection = {
    execute: (sql, params, transformRows) =>
      transformRows === undefined ? run(sql, params) : Effect.map(run(sql, params), transformRows),
    executeRaw: run,
    executeStream: (sql, params) => Stream.fromIterableEffect(run(sql, params)),
    executeValues: (sql, params) => Effect.map(run(sql, params), (rows) => rows.map(Object.values)),
    executeValuesUnprepared: (sql, params) => Effect.map(run(sql, params), (rows) => rows.map(Object.values)),
    executeUnprepared: (sql, params, transformRows) =>
      transformRows === undefined ? run(sql, params) : Effect.map(run(sql, params), transformRows)
  }

  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection),
      semaphore: yield* Semaphore.make(1),
      isTransaction: () => database.isTransaction
    }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "node-sqlite",
    prepareTransactionControls: true,
    beginTransaction: "BEGIN IMMEDIATE",
    spanAttributes: [["db.system.name", "sqlite"], ["db.namespace", options.filename]]
  }).pipe(Effect.provide(Reactivity.layer))
})
