/**
 * The tables of the stores, and how a database comes by them. A migration that has been released is never changed:
 * add another.
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"

/**
 * A slot's `incarnation` tells a record from one of the same name that was deleted before it: later ones are greater.
 * The columns repeat of the record what the store itself reads, and what people look for; all of it is in `record`.
 */
const slots = Effect.flatMap(SqlClient, (sql) =>
  sql.onDialectOrElse({
    pg: () =>
      sql`CREATE TABLE effect_supervisor_slots (
  pool TEXT NOT NULL,
  slot TEXT NOT NULL,
  incarnation BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  name TEXT,
  role TEXT,
  owner TEXT,
  record TEXT NOT NULL,
  PRIMARY KEY (pool, slot)
)`,
    orElse: () =>
      sql`CREATE TABLE effect_supervisor_slots (
  incarnation INTEGER PRIMARY KEY AUTOINCREMENT,
  pool TEXT NOT NULL,
  slot TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  name TEXT,
  role TEXT,
  owner TEXT,
  record TEXT NOT NULL,
  UNIQUE (pool, slot)
) STRICT`
  }))

/** `until` is in milliseconds since the epoch, by the store's clock. */
const leases = Effect.flatMap(SqlClient, (sql) =>
  sql.onDialectOrElse({
    pg: () =>
      sql`CREATE TABLE effect_supervisor_leases (
  owner TEXT NOT NULL PRIMARY KEY,
  until DOUBLE PRECISION NOT NULL
)`,
    orElse: () =>
      sql`CREATE TABLE effect_supervisor_leases (
  owner TEXT NOT NULL PRIMARY KEY,
  until REAL NOT NULL
) STRICT`
  }))

/** The rows that could not be read, as they were. A slot can be in it more than once. */
const setAside = Effect.flatMap(SqlClient, (sql) =>
  sql.onDialectOrElse({
    pg: () =>
      sql`CREATE TABLE effect_supervisor_set_aside (
  pool TEXT NOT NULL,
  slot TEXT NOT NULL,
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  name TEXT,
  role TEXT,
  owner TEXT,
  record TEXT NOT NULL,
  reason TEXT NOT NULL,
  set_aside_at DOUBLE PRECISION NOT NULL
)`,
    orElse: () =>
      sql`CREATE TABLE effect_supervisor_set_aside (
  pool TEXT NOT NULL,
  slot TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  name TEXT,
  role TEXT,
  owner TEXT,
  record TEXT NOT NULL,
  reason TEXT NOT NULL,
  set_aside_at REAL NOT NULL
) STRICT`
  }))

/** Brings the tables up to date. Safe while another process does so, in a transaction that locks from its beginning. */
export const migrate = Migrator.make({})({
  table: "effect_supervisor_migrations",
  loader: Migrator.fromRecord({
    "1_slots": Effect.asVoid(Effect.andThen(slots, Effect.andThen(leases, setAside)))
  })
})
