import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { root } from "../cli/process.ts"

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: ReadonlyArray<string>
}

interface Running {
  /** Waits for a line like this, after the one that was waited for last; a defect when it ends without. */
  readonly line: (pattern: RegExp) => Effect.Effect<ReadonlyArray<string>>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** It has ended, and so has every agent of its: they hold on to its standard error. */
  readonly ended: Effect.Effect<Ended>
  /** Of all agents so far. */
  readonly pids: () => ReadonlyArray<number>
}

const start = (...args: ReadonlyArray<string>): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function*() {
    const stdout: Array<string> = []
    const lines = yield* Queue.unbounded<string | undefined>()
    const end = yield* Deferred.make<Ended>()
    const pids = () =>
      stdout.flatMap((line) => {
        const [, pid] = /process (\d+) is up/.exec(line) ?? []
        return pid === undefined ? [] : [Number(pid)]
      })
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          ["--conditions=effect-supervisor-source", "examples/agents/main.ts", ...args],
          { cwd: root, stdio: ["ignore", "pipe", "pipe"] }
        )
      ),
      (child) =>
        Effect.sync(() => {
          child.kill("SIGKILL")
          for (const pid of pids()) kill(pid, "SIGKILL")
        })
    )
    createInterface({ input: child.stdout }).on("line", (line) => {
      stdout.push(line)
      Queue.offerUnsafe(lines, line)
    })
    child.stderr.resume()
    child.on("close", (code, signal) => {
      Queue.offerUnsafe(lines, undefined)
      Deferred.doneUnsafe(end, Effect.succeed({ code, signal, stdout }))
    })
    const running: Running = {
      line: Effect.fnUntraced(function*(pattern) {
        while (true) {
          const line = yield* Queue.take(lines)
          if (line === undefined) return yield* Effect.die(new Error(`ended without ${pattern}:\n${stdout.join("\n")}`))
          const found = pattern.exec(line)
          if (found !== null) return found
        }
      }),
      signal: (signal) => Effect.sync(() => child.kill(signal)),
      ended: Deferred.await(end),
      pids
    }
    return running
  })

/** Whether there was such a process. */
const kill = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

const assertNobodyIsLeft = ({ pids }: Running): void => {
  assert.isNotEmpty(pids())
  assert.deepStrictEqual(pids().filter((pid) => kill(pid, 0)), [])
}

const words = ["noisivrepus", "taebtraeh", "tratser", "ffo-kcab", "noitareneg", "ytisnetni", "etalacse", "niard"]

/** The rows of its tables whose first cell is like this. */
const rows = ({ stdout }: Ended, first: RegExp): ReadonlyArray<ReadonlyArray<string>> =>
  stdout.map((line) => line.split("│").map((cell) => cell.trim()).slice(1)).filter(([cell = ""]) => first.test(cell))

const assertComplete = (ended: Ended, jobs: number): void => {
  assert.strictEqual(ended.code, 0, ended.stdout.join("\n"))
  const answers = rows(ended, /^job /).map(([job, text]) => [job, text])
  const expected = Array.from({ length: jobs }, (_, job) => [`job ${job}`, `'${words[job % words.length]}'`])
  assert.deepStrictEqual(answers, expected)
}

/** Jobs that ended well on all slots, ever. */
const completed = (ended: Ended): number => rows(ended, /^slot-/).reduce((sum, [, , , jobs]) => sum + Number(jobs), 0)

const count = ({ stdout }: Ended, pattern: RegExp): number => stdout.filter((line) => pattern.test(line)).length

// At once: most of the time they wait.
describe.concurrent("the agents", () => {
  it.live("answer the whole list, and end with it", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "10", "--slots", "2", "--thinking", "10")
      const ended = yield* agents.ended
      assertComplete(ended, 10)
      assert.strictEqual(completed(ended), 10)
      assertNobodyIsLeft(agents)
    }))

  it.live("answer the whole list though each of them is killed in the midst of a job", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "60", "--slots", "3", "--thinking", "100")
      for (const slot of ["slot-0", "slot-1", "slot-2"]) {
        const [, pid] = yield* agents.line(new RegExp(`^job .* runs on ${slot} \\(process (\\d+)\\)`))
        assert.isTrue(kill(Number(pid), "SIGKILL"))
        yield* agents.line(new RegExp(`^${slot}: out of order, .*process ${pid} was killed: SIGKILL$`))
      }
      const ended = yield* agents.ended
      assertComplete(ended, 60)
      assert.isAtLeast(count(ended, /ended with JobLost$/), 3)
      assert.isAbove(count(ended, /put back to work, restart 1/), 0)
      assertNobodyIsLeft(agents)
    }))

  it.live("answer the whole list though one of them is frozen", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "2", "--slots", "1", "--thinking", "500")
      const [, pid] = yield* agents.line(/^job 0 runs on slot-0 \(process (\d+)\)/)
      assert.isTrue(kill(Number(pid), "SIGSTOP"))
      yield* agents.line(/^slot-0: out of order, its probe failed/)
      yield* agents.line(/^job 0 runs on slot-0 \(process \d+\), try 2/)
      assertComplete(yield* agents.ended, 2)
      assertNobodyIsLeft(agents)
    }))

  it.live("answer the whole list though they crash, exit, babble, hang, are late, and leak", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "18", "--slots", "3", "--thinking", "50", "--chaos")
      const ended = yield* agents.ended
      assertComplete(ended, 18)
      for (
        const error of [
          /out of order, .* exited with code 1$/,
          /out of order, .* exited with code 0$/,
          /out of order, .* babbles$/,
          /out of order, its probe failed: .* did not answer/,
          /out of order, .* ran for longer than its timeout of 5000 ms$/,
          /out of order, its probe failed: .* has grown to \d+ MB$/
        ]
      ) {
        assert.isAbove(count(ended, error), 0, `${error}\n${ended.stdout.join("\n")}`)
      }
      assertNobodyIsLeft(agents)
    }))

  it.live("end in order by Ctrl-C, and leave nobody behind", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "10", "--slots", "2", "--thinking", "60000")
      yield* agents.line(/^job 0 runs on/)
      yield* agents.line(/^job 1 runs on/)
      yield* agents.signal("SIGINT")
      const ended = yield* agents.ended
      assert.strictEqual(ended.code, 130)
      assert.strictEqual(count(ended, /runs on/), 2)
      assertNobodyIsLeft(agents)
    }))

  it.live("end when their owner is killed, also one that hangs", () =>
    Effect.gen(function*() {
      const agents = yield* start("--jobs", "10", "--slots", "2", "--thinking", "10", "--chaos")
      // The job that its agent hangs on.
      yield* agents.line(/^job 9 runs on/)
      yield* agents.signal("SIGKILL")
      // Nobody is left who would take them off the system's list: that they have let go of their pipe is what tells.
      assert.strictEqual((yield* agents.ended).signal, "SIGKILL")
    }))

  it.live("go on in the slots of their store, also after their owner was killed", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-supervisor-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const store = ["--store", join(folder, "slots.db")]
      const killed = yield* start("--jobs", "50", "--slots", "2", "--thinking", "50", ...store)
      // With two at once, five before it are done.
      yield* killed.line(/^job 6 runs on/)
      yield* killed.signal("SIGKILL")
      yield* killed.ended
      const ended = yield* Effect.flatMap(
        start("--jobs", "4", "--slots", "2", "--thinking", "10", ...store),
        ({ ended }) => ended
      )
      assertComplete(ended, 4)
      assert.isAtLeast(completed(ended), 5 + 4)
    }))
})
