/**
 * SQLite files for tests, looked into from outside.
 */
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SQLInputValue } from "node:sqlite"
import { DatabaseSync } from "node:sqlite"
import type { Durable } from "./subject.ts"
import { opened } from "./subject.ts"

/** A folder of its own, until the scope is closed. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-supervisor-store-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

export const file: Effect.Effect<string, never, Scope.Scope> = Effect.map(folder, (path) => join(path, "slots.db"))

/** One statement through a connection of its own. */
export const query = (filename: string, sql: string, ...params: ReadonlyArray<SQLInputValue>) =>
  Effect.sync(() => {
    const database = new DatabaseSync(filename)
    try {
      return database.prepare(sql).all(...params)
    } finally {
      database.close()
    }
  })

export const subject: Effect.Effect<Durable, never, Scope.Scope> = Effect.map(file, (filename) => ({
  open: opened(SlotPoolStoreSqlite.layer({ filename })),
  turn: TestClock.adjust("1 second"),
  corrupt: (pool, slot, text) =>
    Effect.asVoid(
      query(filename, "UPDATE effect_supervisor_slots SET record = ? WHERE pool = ? AND slot = ?", text, pool, slot)
    ),
  setAside: Effect.map(
    query(filename, "SELECT record FROM effect_supervisor_set_aside ORDER BY rowid"),
    (rows) => rows.map(({ record }) => String(record))
  )
}))
