import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"
import { able } from "../peer.ts"
import { fibers } from "../peers/fibers.ts"
import type { Scenario } from "../scenario.ts"

/** Bytes of a program with all that it imports. */
const size = async (program: URL): Promise<number> => {
  const bundle = await rolldown({
    input: fileURLToPath(program),
    platform: "browser",
    resolve: { conditionNames: ["effect-supervisor-source", "import", "default"] }
  })
  const { output: [{ code }] } = await bundle.generate({ format: "esm", minify: true, codeSplitting: false })
  await bundle.close()
  return gzipSync(code, { level: 9 }).length
}

export const bundle: Scenario = {
  name: "bundle",
  about: "the least program with one task (`programs/`) and all it imports, minified and zipped",
  sizes: [{ n: 1, seconds: 0, repeats: 1, warmups: 0 }],
  quick: { n: 1, seconds: 0 },
  metrics: [
    { name: "whole", unit: "kB" },
    { name: "beyond one fiber's", unit: "kB", aim: { atMost: 40 } }
  ],
  needs: () => able,
  sample: (peer) =>
    Effect.promise(async () => {
      const whole = await size(peer.program)
      return [whole / 1000, peer === fibers ? undefined : (whole - await size(fibers.program)) / 1000]
    })
}
