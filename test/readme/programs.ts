/**
 * The programs of the README: taken out of it, compiled as one project, and run.
 *
 * A program is a fenced block of TypeScript. What stands behind `ts` says what is to be done with it:
 *
 * - nothing: it is compiled.
 * - `run`: it is imported here, and prints what the next block of `text` says.
 * - `main`: the same, in a process of its own.
 * - `test`: it is imported where tests are collected; its tests run with the others.
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { format } from "node:util"

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..")

export const readme = readFileSync(join(root, "README.md"), "utf8")

export type Kind = "check" | "run" | "main" | "test"

export interface Program {
  readonly kind: Kind
  /** The line of the README on which its code begins. */
  readonly line: number
  readonly code: string
  /** What it has to print; nothing where it is not run. */
  readonly output: string
}

const kinds: ReadonlyArray<string> = ["check", "run", "main", "test"]
const isKind = (word: string): word is Kind => kinds.includes(word)

interface Block {
  readonly language: string
  readonly word: string
  readonly line: number
  readonly text: string
}

const blocksOf = (markdown: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  const lines = markdown.split("\n")
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(`{3,})(\w*)(?: (\w+))?$/.exec(lines[i] ?? "")
    if (fence === null) continue
    const [, ticks, language = "", word = ""] = fence
    const end = lines.indexOf(ticks ?? "", i + 1)
    if (end === -1) throw new Error(`README.md:${i + 1}: the block has no end`)
    blocks.push({ language, word, line: i + 2, text: lines.slice(i + 1, end).join("\n") })
    i = end
  }
  return blocks
}

export const programsOf = (markdown: string): ReadonlyArray<Program> => {
  const blocks = blocksOf(markdown)
  return blocks.flatMap((block, index) => {
    if (block.language !== "ts") return []
    const { line, text } = block
    const kind = block.word === "" ? "check" : block.word
    if (!isKind(kind)) throw new Error(`README.md:${line - 1}: \`ts ${kind}\` is none of ${kinds.join(", ")}`)
    const prints = kind === "run" || kind === "main"
    const next = blocks[index + 1]
    if (prints && next?.language !== "text") {
      throw new Error(`README.md:${line - 1}: a program that is run needs a block of \`text\` with what it prints`)
    }
    return [{ kind, line, code: text, output: prints ? next?.text ?? "" : "" }]
  })
}

/** A folder inside the repository, because the programs import the package by its name. Git ignores it by itself. */
export const write = (programs: ReadonlyArray<Program>) => {
  const home = join(root, ".readme")
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, ".gitignore"), "*\n")
  const folder = mkdtempSync(join(home, "programs-"))
  const fileOf = (program: Program) => join(folder, `README-${program.line}.ts`)
  // As many empty lines before it as the README has: a line that the compiler names is a line of the README.
  for (const program of programs) writeFileSync(fileOf(program), "\n".repeat(program.line - 1) + program.code + "\n")
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }))
  return {
    folder,
    fileOf,
    urlOf: (program: Program) => pathToFileURL(fileOf(program)).href,
    // Another run of the tests may have its programs beside these.
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
      if (readdirSync(home).every((name) => name === ".gitignore")) rmSync(home, { recursive: true, force: true })
    }
  }
}

interface Ended {
  readonly code: number | string
  readonly output: string
}

const node = (...args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code ?? "killed", output: stdout + stderr })
    })
  })

/** Compiles all of them at once; gives what the compiler has to say, by lines of the README. */
export const compile = async (folder: string): Promise<string> => {
  const { code, output } = await node(join(root, "node_modules", "typescript", "bin", "tsc"), "-p", folder)
  return output.replaceAll(/^.*README-\d+\.ts\((\d+),(\d+)\)/gm, "README.md:$1:$2") +
    (code === 0 || output !== "" ? "" : `tsc ended with ${code}`)
}

/** What supervisors log is not what a program prints: a line that begins with a time, and what is indented below it. */
const withoutLogs = (output: string): string => {
  let logging = false
  return output.split("\n").filter((line) => {
    logging = /^\[\d\d:\d\d:\d\d/.test(line) || (logging && /^[\s}]/.test(line))
    return !logging
  }).join("\n").trim()
}

export const runAlone = async (file: string): Promise<Ended> => {
  const { code, output } = await node("--conditions=effect-supervisor-source", file)
  return { code, output: withoutLogs(output) }
}

/** Imports a program, which ends as its top-level `await` does; gives what it printed. */
export const runHere = async (url: string): Promise<string> => {
  const printed: Array<string> = []
  const { log } = console
  console.log = (...args: ReadonlyArray<unknown>) => void printed.push(format(...args))
  try {
    await import(/* @vite-ignore */ url)
  } finally {
    console.log = log
  }
  return withoutLogs(printed.join("\n"))
}
