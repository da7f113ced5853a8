/**
 * A slot's record as a row, and back.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SlotRecord } from "../SlotPoolStore.ts"

/** A row as drivers give it: some read a BIGINT as a `bigint`, some as a string. */
export interface SlotRow {
  readonly pool: string
  readonly slot: string
  readonly incarnation: number | bigint | string
  readonly version: number | bigint | string
  readonly state: string
  readonly name: string | null
  readonly role: string | null
  readonly owner: string | null
  readonly record: string
}

const decodeRecord = Schema.decodeUnknownResult(SlotRecord)

const repeated = ["pool", "slot", "version", "state", "name", "role", "owner"] as const

/** Reads the record of a row, or says why it cannot be read. */
export const decode = (row: SlotRow): Result.Result<SlotRecord, string> => {
  let parsed: unknown
  try {
    parsed = JSON.parse(row.record)
  } catch (error) {
    return Result.fail(error instanceof Error ? error.message : String(error))
  }
  const decoded = decodeRecord(parsed)
  if (Result.isFailure(decoded)) return Result.fail(decoded.failure.message.replaceAll(/\s+/g, " "))
  const record = decoded.success
  for (const key of repeated) {
    const column = key === "version" ? Number(row.version) : row[key] ?? undefined
    if (record[key] !== column) return Result.fail(`its record and its row do not have the same ${key}`)
  }
  return Result.succeed(record)
}

/** No database keeps these as they are: PostgreSQL refuses the one, UTF-8 has no lone surrogates. */
const unkept = /[\0\p{Surrogate}]/u

/** Writes a record as text, or says what of it a database cannot hold: in a column, as JSON escapes what needs it. */
export const encode = (record: SlotRecord): Result.Result<string, string> => {
  for (const key of ["pool", "slot", "name", "role", "owner"] as const) {
    const value = record[key]
    if (value !== undefined && unkept.test(value)) {
      return Result.fail(`its ${key}, ${JSON.stringify(value)}, has a character that no database keeps`)
    }
  }
  try {
    return Result.succeed(JSON.stringify(record))
  } catch (error) {
    return Result.fail(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}
