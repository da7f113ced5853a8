// Prints how many tests of a Vitest JSON report passed, failed and were skipped. Fails when one failed or none ran.
import { readFileSync } from "node:fs"

const read = () => {
  try {
    return JSON.parse(readFileSync(process.argv[2], "utf8")).testResults
  } catch {
    return []
  }
}

let passed = 0
let failed = 0
let skipped = 0
for (const file of read()) {
  // A file that could not be loaded has no tests to count, and counts as one that failed.
  if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) failed++
  for (const test of file.assertionResults) {
    if (test.status === "passed") passed++
    else if (test.status === "failed") failed++
    else skipped++
  }
}

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
