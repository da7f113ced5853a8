/**
 * OTP's own supervisor, in Erlang: `otp/otp_peer.erl`, compiled into a directory for the time being, and started as a
 * process that is sent a line for every sample and answers with one.
 */
import * as Effect from "effect/Effect"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Ability, Foreign } from "../peer.ts"
import { able, unable } from "../peer.ts"
import type { Load, Sampler } from "../sample.ts"
import { SampleFailed } from "../sample.ts"

const compiler = "erlc"
const runner = "erl"

const present = Effect.sync(() =>
  [compiler, runner].every((command) => spawnSync(command, ["-version"], { stdio: "ignore" }).error === undefined)
    ? able
    : unable("skipped: there is no `erl` here (Debian: erlang-base)")
)

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-supervisor-otp-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const compiled = Effect.map(folder, (path) => {
  execFileSync(compiler, ["-o", path, fileURLToPath(new URL("./otp/otp_peer.erl", import.meta.url))])
  return path
})

const open = (strategy: string) =>
  Effect.gen(function*() {
    const path = yield* compiled
    const node = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          runner,
          // Nobody logs a storm here either; more processes than there are by default.
          ["-noshell", "-kernel", "logger_level", "none", "+P", "4194304", "-pa", path, "-s", "otp_peer", "main"],
          { stdio: ["pipe", "pipe", "inherit"] }
        )
      ),
      (node) => Effect.sync(() => node.kill())
    )
    const lines = createInterface({ input: node.stdout })
    const answer = Effect.callback<string, SampleFailed>((resume) => {
      const forget = () => {
        lines.off("line", onLine)
        node.off("exit", onExit)
      }
      const onLine = (line: string) => {
        forget()
        resume(Effect.succeed(line))
      }
      const onExit = () => {
        forget()
        resume(Effect.fail(new SampleFailed({ message: "erl has ended" })))
      }
      lines.on("line", onLine)
      node.on("exit", onExit)
      return Effect.sync(forget)
    })
    const sampler: Sampler = {
      sample: ({ load: { n, seconds }, scenario }) =>
        Effect.sync(() => node.stdin.write(`${scenario} ${strategy} ${n} ${seconds.toFixed(3)}\n`)).pipe(
          Effect.andThen(answer),
          Effect.map((line) => ({
            values: line.split(" ").map((value) => value === "-" ? null : Number(value)),
            notes: []
          }))
        )
    }
    return sampler
  })

const measured = ["start", "stop", "idle-memory", "crash-storm", "restart-by-name", "statuses", "idle", "group-restart"]

const measures = (scenario: string): Ability =>
  measured.includes(scenario) ? able : unable("there is nothing like it, or it cannot be compared")

export const oneForOne: Foreign = {
  _tag: "Foreign",
  name: "OTP one_for_one",
  about: "OTP's supervisor with a list of named children, each a bare linked process; no back-off; no logger",
  present,
  measures: (scenario: string, { n }: Load) =>
    scenario === "crash-storm" && n > 20_000
      ? unable("it takes more than eight minutes at 100,000: each end is looked for among all children")
      : measures(scenario),
  open: open("one_for_one")
}

export const simpleOneForOne: Foreign = {
  _tag: "Foreign",
  name: "OTP simple_one_for_one",
  about: "the same, its children all alike and without names",
  present,
  measures: (scenario) =>
    scenario === "group-restart"
      ? unable("it is another strategy: one_for_all has named children")
      : measures(scenario),
  open: open("simple_one_for_one")
}
