/**
 * What SQLite and PostgreSQL do each in a way of its own.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment, Statement } from "effect/sql/Statement"
import { refuse } from "../internal/options.ts"
import type { SlotRow } from "./rows.ts"

export interface Dialect {
  /** How a transaction begins that is the only one to write what it reads. */
  readonly begin: string
  readonly forUpdate: Fragment
  readonly forShare: Fragment
  readonly skipLocked: Fragment
  /**
   * The store's clock in milliseconds, when the statement runs, or for SQLite when this is called: in a transaction, to
   * be sure that the lock has been waited for.
   */
  readonly clock: () => Fragment
  /** A statement that returns the `incarnation` and `version` of the row it has written, told to other processes. */
  readonly told: (pool: string, slot: string, statement: Statement<Marked>) => Statement<Marked>
  /** Hears of what is told, where the client can. */
  readonly listen: Effect.Effect<Queue.Dequeue<Notice, SqlError>, SqlError, Scope.Scope> | undefined
}

/** Which state of a slot a row is; the version of a row that was deleted is null. */
export interface Marked {
  readonly incarnation: SlotRow["incarnation"]
  readonly version: SlotRow["version"] | null
}

interface Notice {
  readonly payload: string
}

const channel = "effect_supervisor_slots"

/** The part of `@effect/sql-pg`'s client that this needs; whoever has it is one, whatever package it is from. */
interface Listening {
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notice, SqlError>, SqlError, Scope.Scope>
}

const isListening = (client: SqlClient): client is SqlClient & Listening =>
  "listen" in client && typeof client.listen === "function"

const sqlite = (sql: SqlClient, clock: Clock.Clock): Dialect => ({
  begin: "BEGIN IMMEDIATE",
  forUpdate: sql.literal(""),
  forShare: sql.literal(""),
  skipLocked: sql.literal(""),
  clock: () => sql`${clock.currentTimeMillisUnsafe()}`,
  told: (_pool, _slot, statement) => statement,
  listen: undefined
})

const pg = (sql: SqlClient): Dialect => {
  const clock = sql.literal("(extract(epoch FROM clock_timestamp()) * 1000)::double precision")
  return {
    // What is read after a lock has been waited for must be what is there then, whatever the server's default is.
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
    forUpdate: sql.literal("FOR UPDATE"),
    forShare: sql.literal("FOR SHARE"),
    skipLocked: sql.literal("FOR UPDATE SKIP LOCKED"),
    clock: () => clock,
    // A payload must be shorter than 8000 bytes; an empty one means: look at everything.
    told: (pool, slot, statement) =>
      sql<Marked>`WITH written AS (${statement}), notice AS (
  SELECT incarnation, version, json_build_array(${pool}::text, ${slot}::text, incarnation, version)::text AS payload
  FROM written
)
SELECT incarnation, version, pg_notify(${channel}, CASE WHEN octet_length(payload) < 8000 THEN payload ELSE '' END)
FROM notice`,
    listen: isListening(sql) ? sql.listen(channel) : undefined
  }
}

/** The dialect of a client, which is the one to write statements with: what the user renames is not renamed. */
export const make = (client: SqlClient, clock: Clock.Clock): { readonly sql: SqlClient; readonly dialect: Dialect } => {
  const sql = client.withoutTransforms()
  const other = (dialect: string) => () => refuse("SlotPoolStoreSql", "the client's dialect", dialect, "sqlite or pg")
  return {
    sql,
    dialect: client.onDialect({
      sqlite: () => sqlite(sql, clock),
      pg: () => pg(sql),
      mysql: other("mysql"),
      mssql: other("mssql"),
      clickhouse: other("clickhouse")
    })
  }
}
