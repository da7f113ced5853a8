/**
 * Histories of trees that once broke a promise, in their shrunk form.
 */
import { describe, it } from "@effect/vitest"
import { live } from "./check.ts"
import { tree } from "./tree.ts"

describe("once broken", () => {
  it("after the end every command is SupervisorClosed, also by a path that leads nowhere", () => {
    live({
      root: tree({ listed: 1 }, {}),
      steps: [
        { _tag: "Acts", acts: [{ _tag: "Shutdown" }] },
        { _tag: "Acts", acts: [{ _tag: "Command", command: "stop", path: ["c"], full: true }] }
      ]
    })
  })
})
