import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { rolldown } from "rolldown"
import { able } from "../peer.ts"
import type { Scenario } from "../scenario.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** The package as it is published, JavaScript file by file, in a directory for the time being. */
const built = (modules: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(tmpdir(), "effect-supervisor-import-"))
      if (modules.length === 0) return { folder, urls: [] }
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
      const bundle = await rolldown({
        input: modules.map((one) => fileURLToPath(import.meta.resolve(one))),
        external: /^(effect|@effect\/.*)(\/|$)|^node:/,
        platform: "node",
        resolve: { conditionNames: ["effect-supervisor-source", "import", "default"] }
      })
      const { output } = await bundle.write({
        dir: folder,
        format: "esm",
        preserveModules: true,
        preserveModulesRoot: join(root, "src"),
        entryFileNames: "[name].mjs"
      })
      await bundle.close()
      const urls = output.flatMap((chunk) =>
        chunk.type === "chunk" && chunk.isEntry && modules.some((one) => one.endsWith(`/${chunk.name}`))
          ? [pathToFileURL(join(folder, chunk.fileName)).href]
          : []
      )
      return { folder, urls }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const Loaded = Schema.fromJsonString(Schema.Struct({ millis: Schema.Finite, files: Schema.Array(Schema.String) }))

const load = (what: "time" | "list", urls: ReadonlyArray<string>) =>
  Effect.suspend(() =>
    Schema.decodeUnknownEffect(Loaded)(
      execFileSync(process.execPath, [fileURLToPath(new URL("../loading.ts", import.meta.url)), what, ...urls], {
        encoding: "utf8"
      })
    )
  )

/** Which file is the core's: directly in the package's sources, or in their `internal`, and nothing of pools. */
const isCore = (file: string): boolean => /^(internal\/)?\w+\.mjs$/.test(file) && !/^(SlotPool|index|bin)/.test(file)

export const importing: Scenario = {
  name: "import",
  about: "importing the peer's modules into a new process, as they are published",
  sizes: [{ n: 1, seconds: 0, repeats: 9, warmups: 2 }],
  quick: { n: 1, seconds: 0 },
  metrics: [
    { name: "time", unit: "ms" },
    { name: "files of effect", unit: "files" },
    { name: "files of its own", unit: "files" }
  ],
  needs: () => able,
  sample: (peer) =>
    Effect.scoped(Effect.gen(function*() {
      const isOurs = (one: string) => one.startsWith("effect-supervisor/")
      const { folder, urls } = yield* built(peer.imports.filter(isOurs))
      const all = [...urls, ...peer.imports.filter((one) => !isOurs(one)).map((one) => import.meta.resolve(one))]
      const { millis } = yield* load("time", all)
      const { files } = yield* load("list", all)
      const paths = files.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url))
      const own = paths.map((path) => relative(folder, path)).filter((path) => !path.startsWith(".."))
      const effect = paths.flatMap((path) => path.split("/node_modules/effect/dist/")[1] ?? [])
      const foreign = [
        ...own.filter((file) => !isCore(file)),
        // `effect/Schema` itself loads a few of `effect/http`.
        ...effect.filter((file) => /^(ai|cli|cluster|process|rpc|socket|sql|testing|workers|workflow)\//.test(file)),
        ...paths.flatMap((path) => {
          const [, name] = path.split("/node_modules/").slice(-2)
          return name === undefined || name.startsWith("effect/") ? [] : [name]
        })
      ]
      if (foreign.length > 0) {
        return yield* Effect.die(new Error(`importing ${peer.name} loads more than the core: ${foreign.join(", ")}`))
      }
      return {
        values: [millis, effect.length, own.length === 0 ? null : own.length],
        notes: own.length === 0 ? [] : [`all files of its own: ${own.join(", ")}`]
      }
    })).pipe(Effect.orDie)
}
