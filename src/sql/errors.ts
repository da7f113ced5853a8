/**
 * What a database says, for a person.
 */
import type { SqlError, SqlErrorReason } from "effect/sql/SqlError"
import { StoreError } from "../SlotPoolStore.ts"

const meanings: Record<SqlErrorReason["_tag"], string | undefined> = {
  AuthenticationError: "the database does not know who asks",
  AuthorizationError: "the database does not permit it",
  ConnectionError: "the database cannot be reached",
  ConstraintError: "the database refuses such a row",
  DeadlockError: "two transactions wait for each other",
  LockTimeoutError: "somebody else has kept the database locked",
  SerializationError: "somebody else has changed the same rows",
  SqlSyntaxError: "the database does not understand the statement",
  StatementTimeoutError: "the database has taken too long",
  UniqueViolation: "there is such a row",
  UnknownError: undefined
}

const detail = ({ cause, message }: SqlErrorReason): string => {
  const said = typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : undefined
  if (message === undefined || message === "") return said ?? "the database does not say why"
  return said === undefined || said === "" || message.includes(said) ? message : `${message}: ${said}`
}

export const storeError = (operation: string) => (error: SqlError): StoreError => {
  const meaning = meanings[error.reason._tag]
  const said = detail(error.reason)
  return new StoreError({ operation, reason: meaning === undefined ? said : `${meaning} (${said})`, cause: error })
}

export const storeClosed = (operation: string): StoreError =>
  new StoreError({ operation, reason: "it has been closed" })
