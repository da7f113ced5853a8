/**
 * Histories that once broke a promise, in their shrunk form.
 */
import { describe, it } from "@effect/vitest"
import { live } from "./check.ts"
import type { History, Name, Plan, Step } from "./history.ts"
import { quiet, simplest, simplestPlan } from "./history.ts"

const history = (a: Partial<Plan>, ...steps: ReadonlyArray<Step>): History => ({
  ...simplest,
  plans: { ...simplest.plans, a: { ...simplestPlan, ...a } },
  steps
})

const siblings = (
  options: Partial<History["options"]>,
  plans: { readonly [of in Name]?: Partial<Plan> },
  ...steps: ReadonlyArray<Step>
): History => {
  const plan = (name: Name): Plan => ({ ...simplestPlan, ...plans[name] })
  return { options: { ...simplest.options, ...options }, plans: { a: plan("a"), b: plan("b"), c: plan("c") }, steps }
}

describe("once broken", () => {
  it("a body that ended while its child lingers is on its way out, also without a finalizer", () => {
    live(history({ runs: [{ ...quiet, opening: "fails:restart", child: true }] }, { _tag: "Pass", millis: 50 }))
  })

  it("a run that ends at once when it is taken for hung is not unstoppable, be its stopTimeout 0", () => {
    live(history({ heartbeat: { _tag: "Manual", within: 450 }, stopTimeout: 0 }, { _tag: "Pass", millis: 700 }))
  })

  it("a permanent task's good end is told before its schedule has answered", () => {
    live(history({
      mode: "permanent",
      answers: [{ _tag: "Slow", millis: 0, after: 200 }],
      runs: [{ ...quiet, opening: "succeeds" }]
    }, { _tag: "Pass", millis: 200 }))
  })

  it("after a jump of the clock a restart does not wait for the timer before it", () => {
    live(history(
      { heartbeat: { _tag: "Manual", within: 450 } },
      { _tag: "Suspend", millis: 1000 },
      { _tag: "Acts", acts: [{ _tag: "End", task: "a", how: "fails:restart" }] },
      { _tag: "Pass", millis: 50 }
    ))
  })

  it("after a jump of the clock to the moment of a restart, the next one does not wait for its timer either", () => {
    const { options, plans, steps } = history(
      { answers: [{ _tag: "Delay", millis: 1000 }] },
      { _tag: "Acts", acts: [{ _tag: "End", task: "a", how: "fails:restart" }] },
      { _tag: "Suspend", millis: 1000 },
      { _tag: "Acts", acts: [{ _tag: "End", task: "b", how: "fails:restart" }] },
      { _tag: "Pass", millis: 50 }
    )
    live({ options: { ...options, listed: 2 }, plans, steps })
  })

  it("the end of a run that ended by itself, and that a command waits for, comes before the end of all", () => {
    live(history(
      { stopTimeout: "infinity", runs: [{ ...quiet, opening: "fails:restart", finalizer: "stuck" }] },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "restart", task: "a", by: "name" }] }
    ))
  })

  it("a run that would be waited for without bound is given up at shutdownTimeout, and who waits for it is told", () => {
    const { options, plans, steps } = history(
      { stopTimeout: "infinity", runs: [{ ...quiet, child: true }] },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "stop", task: "a", by: "name" }] }
    )
    live({ options: { ...options, shutdownTimeout: 0 }, plans, steps })
  })

  it("what a sibling's restart has stopped is not started again while the supervisor ends", () => {
    live(siblings(
      { strategy: "rest-for-one", listed: 2 },
      {
        a: { runs: [{ ...quiet, opening: "fails:restart" }] },
        b: { runs: [{ ...quiet, child: true }] },
        c: { stopTimeout: 500, runs: [{ ...quiet, shielded: true }] }
      },
      { _tag: "Acts", acts: [{ _tag: "Add", task: "c" }] },
      { _tag: "Acts", acts: [{ _tag: "Shutdown" }] },
      { _tag: "Pass", millis: 200 }
    ))
  })

  it("who is asked for by hand while siblings are restarted has the attempts that were told until then", () => {
    live(siblings(
      { strategy: "one-for-all", listed: 2 },
      { a: { runs: [{ ...quiet, opening: "fails:restart" }] }, b: { runs: [{ ...quiet, shielded: true }] } },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "restart", task: "a", by: "name" }] },
      { _tag: "Pass", millis: 200 }
    ))
  })

  it("a supervisor whose siblings wait together is up as soon as nobody waits any more", () => {
    live(siblings(
      { strategy: "one-for-all", listed: 2 },
      {
        a: {
          ready: "first-beat",
          answers: [{ _tag: "Endless" }],
          runs: [{ ...quiet, opening: "fails:restart" }]
        }
      },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "stop", task: "a", by: "name" }] },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "stop", task: "b", by: "name" }] }
    ))
  })

  it("who was to be stopped, and runs anew by command, is not stopped for a sibling started later", () => {
    live(siblings(
      { strategy: "rest-for-one", listed: 3 },
      {
        a: { runs: [{ ...quiet, opening: "fails:restart" }] },
        c: { stopTimeout: 500, runs: [{ ...quiet, shielded: true }] }
      },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "kill", task: "b", by: "name" }] },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "start", task: "b", by: "name" }] },
      { _tag: "Acts", acts: [{ _tag: "Command", command: "remove", task: "a", by: "name" }] },
      { _tag: "Acts", acts: [{ _tag: "Add", task: "a" }] },
      { _tag: "Pass", millis: 700 }
    ))
  })
})
