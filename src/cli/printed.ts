/**
 * Events as lines on standard output, logs on standard error.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { SupervisorEvent } from "../SupervisorEvent.ts"
import { SupervisorEventJson } from "../SupervisorEvent.ts"
import * as Lines from "./lines.ts"
import * as Logs from "./logs.ts"
import { Output } from "./output.ts"
import type { View } from "./view.ts"
import { watcher } from "./view.ts"

/** A line an event, for people and log collectors. */
export const lines: Effect.Effect<View, never, Output | Scope.Scope> = Effect.gen(function*() {
  const { stderr, stdout } = yield* Output
  const shown: Array<string> = []
  const { finish, watch } = yield* watcher(({ path }) => {
    shown.push(path)
    return (event) => stdout.write(`${Logs.stamp(event.time)} ${Lines.describe(event)}\n`)
  })
  return {
    watch,
    logger: Logs.logger(
      (entry) => stderr.put(Logs.long(entry)),
      (path) => shown.some((supervisor) => Logs.isWithin(path, supervisor))
    ),
    stopping: (hint) => stderr.write(`effect-supervisor: ${hint}\n`),
    finish
  }
})

const encode = Schema.encodeEffect(SupervisorEventJson)

/** NDJSON, and nothing else on standard output, whoever writes. */
export const json: Effect.Effect<View, never, Output | Scope.Scope> = Effect.gen(function*() {
  const { stderr, stdout } = yield* Output
  yield* stdout.take(stderr.put)
  const print = (event: SupervisorEvent) =>
    encode(event).pipe(
      Effect.flatMap((line) => stdout.write(`${line}\n`)),
      Effect.catch((error) => stderr.write(`effect-supervisor: an event is no JSON: ${error.message}\n`))
    )
  const { finish, watch } = yield* watcher(() => print)
  return {
    watch,
    logger: Logs.logger((entry) => stderr.put(Logs.long(entry))),
    stopping: (hint) => stderr.write(`effect-supervisor: ${hint}\n`),
    finish
  }
})
