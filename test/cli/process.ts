/**
 * The command line as a process of its own, as a person or a process manager meets it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  /** Waits until it has written this, on either stream; a defect when it ends without. */
  readonly until: (text: string) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Nobody reads standard output any more. */
  readonly closeStdout: Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

interface Options {
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** Another copy of the command line. */
  readonly bin?: string
}

export const start = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => watch(args, options)),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    ({ running }) => running
  )

/** Runs it to its end. */
export const run = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))

const watch = (args: ReadonlyArray<string>, { bin = join(root, "src/bin.ts"), cwd = root, env = {} }: Options) => {
  const child = spawn(process.execPath, ["--conditions=effect-supervisor-source", bin, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "", TZ: "UTC", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const written = { stdout: "", stderr: "" }
  const listeners = new Set<() => void>()
  let ended: Ended | undefined
  const changed = () => {
    for (const listener of listeners) listener()
  }
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      written[stream] += text
      changed()
    })
  }
  child.on("close", (code, signal) => {
    ended = { code, signal, ...written }
    changed()
  })

  const wait = <A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> =>
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

  const running: Running = {
    until: (text) =>
      wait(() => {
        if (written.stdout.includes(text) || written.stderr.includes(text)) return Effect.void
        return ended === undefined
          ? undefined
          : Effect.die(new Error(`ended without having written ${JSON.stringify(text)}: ${JSON.stringify(ended)}`))
      }),
    signal: (signal) => Effect.sync(() => child.kill(signal)),
    closeStdout: Effect.sync(() => child.stdout.destroy()),
    ended: wait(() => ended === undefined ? undefined : Effect.succeed(ended))
  }
  return { child, running }
}

/** A project somewhere else, with these files, and the packages named. */
export const project = (
  files: Record<string, string>,
  packages: ReadonlyArray<string> = ["effect", "effect-supervisor"]
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "effect-supervisor-"))
      const all: Record<string, string> = { "package.json": "{ \"type\": \"module\" }", ...files }
      for (const [name, text] of Object.entries(all)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        writeFileSync(join(folder, name), text)
      }
      for (const name of packages) {
        mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true })
        symlinkSync(
          name === "effect-supervisor" ? root : join(root, "node_modules", name),
          join(folder, "node_modules", name)
        )
      }
      return folder
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
