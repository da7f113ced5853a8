/**
 * `npm run bench`: measures effect-supervisor beside its peers and prints a table. See README.md.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { peers, scenarios } from "./catalogue.ts"
import type { Peer } from "./peer.ts"
import * as Report from "./report.ts"
import type { Result } from "./run.ts"
import { open, run } from "./run.ts"
import type { Sampler } from "./sample.ts"

const Tasks = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: 10_000_000 }, { message: "Expected a whole number from 1 to 10000000" })
)

const flags = {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Few tasks, one repeat: shows that it runs, judges nothing"),
    Flag.withDefault(false)
  ),
  only: Flag.Literals("only", scenarios.map((scenario) => scenario.name)).pipe(
    Flag.withDescription("One scenario alone"),
    Flag.optional
  ),
  n: Flag.Int("n").pipe(
    Flag.withSchema(Tasks),
    Flag.withDescription("How many tasks, instead of the scenario's own number"),
    Flag.optional
  ),
  json: Flag.Path("json", { pathType: "file" }).pipe(
    // A path that cannot be written is better known now than after minutes.
    Flag.mapEffect(Effect.fnUntraced(function*(file) {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      if (yield* Effect.orElseSucceed(files.exists(path.dirname(path.resolve(file))), () => false)) return file
      const expected = "a file in a directory that exists"
      return yield* new CliError.InvalidValue({ kind: "flag", option: "json", value: file, expected })
    })),
    Flag.withDescription("Writes the figures to a file as well, as rows of JSON"),
    Flag.optional
  )
}

const bench = Command.make(
  "bench",
  flags,
  Effect.fnUntraced(function*({ json, n, only, quick }) {
    const shared = new Map<Peer, Sampler>()
    if (quick) {
      for (const peer of peers) {
        if (peer._tag === "Hosted" || (yield* peer.present).can) shared.set(peer, yield* open(peer))
      }
    }
    const results: Array<Result> = []
    for (const scenario of scenarios) {
      if (Option.isSome(only) ? only.value !== scenario.name : scenario.apart === true) continue
      const [first] = scenario.sizes
      const sizes = quick
        ? [{ ...scenario.quick, repeats: 1, warmups: 0 }]
        : Option.isSome(n)
        ? [first]
        : scenario.sizes
      for (const { repeats, seconds, warmups, ...size } of sizes) {
        const load = { n: Option.getOrElse(n, () => size.n), seconds }
        yield* Console.error(`${scenario.name}, ${load.n} …`)
        results.push(yield* run(scenario, peers, { load, repeats, warmups, shared }))
      }
    }
    yield* Console.log(Report.table(results))
    if (Option.isSome(json)) {
      const files = yield* FileSystem.FileSystem
      yield* files.writeFileString(json.value, `${JSON.stringify(Report.rows(results), undefined, 2)}\n`)
    }
  }, Effect.scoped)
).pipe(Command.withDescription("Measures effect-supervisor beside bare fibers, FiberMap with Effect.retry, and OTP"))

Command.run(bench, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
