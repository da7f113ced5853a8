#!/usr/bin/env node
/**
 * The command line. It alone needs a platform package, and says so where there is none.
 *
 * @since 0.1.0
 */
import process from "node:process"

const missingPackage = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"
    ? /^Cannot find package '(effect|@effect\/platform-node)/.exec(error.message)?.[1]
    : undefined

try {
  await import("@effect/platform-node/NodeServices")
} catch (error) {
  const missing = missingPackage(error)
  if (missing === undefined) throw error
  process.stderr.write(
    `effect-supervisor: the command line needs ${missing}, which is not installed: npm install ${missing}\n`
  )
  process.exit(1)
}

const { main } = await import("./cli/main.ts")
main()
