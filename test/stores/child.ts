/**
 * A program of `fixtures` as a process of its own, which is killed when the scope is closed.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"

export interface Child {
  /** Waits until it has written so many whole lines; a defect when it ends before. */
  readonly lines: (count: number) => Effect.Effect<void>
  /** The same, of lines that begin like this; what they are. */
  readonly linesOf: (beginning: string, count: number) => Effect.Effect<ReadonlyArray<string>>
  readonly write: (line: string) => Effect.Effect<void>
  /** Kills it with SIGKILL and waits for its end; what it has written to the last whole line. */
  readonly kill: Effect.Effect<ReadonlyArray<string>>
  /** Waits for its end, a good one; what it has written. */
  readonly ended: Effect.Effect<ReadonlyArray<string>>
}

export const start = (
  name: string,
  args: ReadonlyArray<string>,
  env: Record<string, string> = {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => watch(name, args, env)),
      ({ process }) => Effect.sync(() => process.kill("SIGKILL"))
    ),
    ({ child }) => child
  )

const watch = (name: string, args: ReadonlyArray<string>, env: Record<string, string>) => {
  const file = fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ["--conditions=effect-supervisor-source", file, ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const lines: Array<string> = []
  const listeners = new Set<() => void>()
  let rest = ""
  let stderr = ""
  let end: { readonly code: number | null } | undefined
  const changed = () => {
    for (const listener of listeners) listener()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop()!
    lines.push(...parts)
    changed()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  // Written to a process that has ended.
  child.stdin.on("error", () => {})
  child.on("close", (code) => {
    end = { code }
    changed()
  })

  const wait = <A>(look: () => Effect.Effect<A> | undefined): Effect.Effect<A> =>
    Effect.callback((resume) => {
      const listener = () => {
        const found = look()
        if (found === undefined) return
        listeners.delete(listener)
        resume(found)
      }
      listeners.add(listener)
      listener()
      return Effect.sync(() => listeners.delete(listener))
    })
  const failed = (what: string) => Effect.die(new Error(`${name} ${what}: ${stderr || lines.join("\n")}`))

  return {
    process: child,
    child: {
      lines: (count) =>
        wait(() => {
          if (lines.length >= count) return Effect.void
          return end === undefined ? undefined : failed("has ended too early")
        }),
      linesOf: (beginning, count) =>
        wait(() => {
          const found = lines.filter((line) => line.startsWith(beginning))
          if (found.length >= count) return Effect.succeed(found)
          return end === undefined ? undefined : failed("has ended too early")
        }),
      write: (line) => Effect.sync(() => void child.stdin.write(`${line}\n`)),
      kill: Effect.andThen(
        Effect.sync(() => child.kill("SIGKILL")),
        wait(() => end && Effect.succeed(lines))
      ),
      ended: wait(() => end && (end.code === 0 ? Effect.succeed(lines) : failed("has failed")))
    } satisfies Child
  }
}
