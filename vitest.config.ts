import { defineConfig } from "vitest/config"

const source = "effect-supervisor-source"

export default defineConfig({
  // Without Vite's own conditions: what the tests import is the package's sources, and packages that Node loads itself.
  ssr: { resolve: { conditions: [source] } },
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    // Processes, not threads: a thread can't be given `--expose-gc`, which the leak tests need.
    pool: "forks",
    execArgv: ["--expose-gc", `--conditions=${source}`],
    maxWorkers: 2,
    retry: 0,
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
