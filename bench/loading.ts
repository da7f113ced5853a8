/**
 * A process that imports modules and tells how long it took, or, when asked to, which files were loaded.
 *
 *     node bench/loading.ts time|list URL...
 */
import { registerHooks } from "node:module"

const [, , what, ...modules] = process.argv
const files: Array<string> = []
// It takes time: whoever is asked for the time does without.
if (what === "list") {
  registerHooks({
    load: (url, context, next) => {
      files.push(url)
      return next(url, context)
    }
  })
}
const before = performance.now()
for (const one of modules) await import(one)
const millis = performance.now() - before
console.log(JSON.stringify({ millis, files }))
