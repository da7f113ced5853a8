/**
 * A store of slots in a file: SQLite as it comes with Node, and nothing to install. Several processes of one machine can
 * share the file.
 *
 * What has been answered survives the death of the process, by `kill -9` too. It survives a power loss under
 * `synchronous: "full"`; under `"normal"`, which is several times as fast, what was written last may be missing after
 * one, and nothing else is harmed.
 *
 * A file that is removed or replaced under the process is noticed when a lease is begun or renewed, which then fails:
 * what is written to it would be lost, and another process could own the same slots in a new one.
 *
 * It is `SlotPoolStoreSql` with a connection of its own: see there for its tables, and for what `changes` tells.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { MigrationError } from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { statSync } from "node:fs"
import { resolve } from "node:path"
import type { DurationOption } from "../internal/options.ts"
import { duration, oneOf, onlyKeys, or, refuse } from "../internal/options.ts"
import { SlotPoolStore, StoreError } from "../SlotPoolStore.ts"
import * as NodeSqlite from "./nodeSqlite.ts"
import * as SlotPoolStoreSql from "./SlotPoolStoreSql.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The file, which is made where there is none; its folder must be there. */
  readonly filename: string
  /** Whether every write waits for the disk. Default: `"normal"`, it does not. */
  readonly synchronous?: "normal" | "full"
  /** How long to wait while another process holds the file locked. Default: 5 seconds. */
  readonly busyTimeout?: DurationOption
  /** How often to look for what other processes have written, for `changes`. Default: 1 second. */
  readonly pollInterval?: DurationOption
}

const where = "SlotPoolStoreSqlite"

const decodeOptions = (options: Options): NodeSqlite.Options => {
  onlyKeys(where, "options", options, ["filename", "synchronous", "busyTimeout", "pollInterval"])
  const { filename } = options
  return {
    filename: typeof filename === "string" && filename !== "" && !filename.includes("\0")
      ? filename
      : refuse(where, "filename", filename, "the path of a file"),
    synchronous: oneOf(where, "synchronous", or(options.synchronous, "normal"), ["normal", "full"]),
    busyTimeout: duration(where, "busyTimeout", or(options.busyTimeout, 5000))
  }
}

/**
 * A store in a file.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<SlotPoolStore, MigrationError | SqlError> => {
  const decoded = decodeOptions(options)
  const pollInterval = duration(where, "pollInterval", or(options.pollInterval, 1000), { positive: true })
  return Layer.effect(SlotPoolStore)(
    Effect.map(
      Effect.provideServiceEffect(SlotPoolStoreSql.make({ pollInterval }), SqlClient, NodeSqlite.make(decoded)),
      (store) => guarded(store, decoded.filename)
    )
  )
}

/** Which file it is, whatever its name; nothing where there is none (`:memory:`). */
const identity = (file: string): string | undefined => {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`
}

/** Asks for the file where a lease is asked for: seldom, and before anybody leans on it. */
const guarded = (store: SlotPoolStore["Service"], filename: string): SlotPoolStore["Service"] => {
  const file = resolve(filename)
  const opened = identity(file)
  if (opened === undefined) return store
  const check = (operation: string) =>
    Effect.suspend(() =>
      identity(file) === opened
        ? Effect.void
        : Effect.fail(new StoreError({ operation, reason: `${filename} was removed or replaced under this process` }))
    )
  return {
    ...store,
    lease: (owner, millis) => Effect.andThen(check("lease"), store.lease(owner, millis)),
    renew: (owner, millis) => Effect.andThen(check("renew"), store.renew(owner, millis))
  }
}
