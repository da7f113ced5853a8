/**
 * Standard output and standard error: written to no faster than they are read, and no longer than somebody reads them.
 *
 * While the command line owns a stream, what others write to it (`console.log` of a task) can be taken from it: a table
 * is not to be garbled, nor a stream of JSON.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import process from "node:process"

/** Standard output, or standard error. */
export interface Stream {
  readonly isTerminal: boolean
  /** The size of the terminal, now. */
  readonly size: Effect.Effect<{ readonly columns: number; readonly rows: number }>
  /** Writes, and waits until it has been taken; does nothing once nobody reads any more. */
  readonly write: (text: string) => Effect.Effect<void>
  /** Writes without waiting, where nobody can wait. */
  readonly put: (text: string) => void
  /** Waits until nobody reads any more: the pipe was closed, or the terminal is gone. */
  readonly unread: Effect.Effect<void>
  /** Gives what others write to `sink`, for as long as the scope is open. */
  readonly take: (sink: (text: string) => void) => Effect.Effect<void, never, Scope.Scope>
}

/** The two streams of the process. */
export class Output extends Context.Service<Output, {
  readonly stdout: Stream
  readonly stderr: Stream
}>()("effect-supervisor/cli/Output") {}

const make = (stream: NodeJS.WriteStream): Effect.Effect<Stream, never, Scope.Scope> =>
  Effect.gen(function*() {
    const own = stream.write.bind(stream)
    const unread = yield* Deferred.make<void>()
    const onError = () => {
      Deferred.doneUnsafe(unread, Effect.void)
    }
    // Without a listener an EPIPE would end the process with a stack trace.
    yield* Effect.acquireRelease(
      Effect.sync(() => stream.on("error", onError)),
      () => Effect.sync(() => stream.off("error", onError))
    )
    const isOpen = () => !stream.destroyed && !stream.writableEnded
    return {
      isTerminal: stream.isTTY === true,
      size: Effect.sync(() => ({ columns: stream.columns || 80, rows: stream.rows || 24 })),
      write: (text) =>
        Effect.callback((resume) => {
          if (!isOpen()) return resume(Effect.void)
          own(text, () => resume(Effect.void))
        }),
      put: (text) => {
        if (isOpen()) own(text)
      },
      unread: Deferred.await(unread),
      take: (sink) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => {
            const before = stream.write
            stream.write = writer(sink)
            return before
          }),
          (before) =>
            Effect.sync(() => {
              stream.write = before
            })
        ))
    }
  })

type Done = (error?: Error | null) => void

const writer =
  (sink: (text: string) => void) =>
  (chunk: string | Uint8Array, encodingOrDone?: BufferEncoding | Done, done?: Done): boolean => {
    sink(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk))
    const told = typeof encodingOrDone === "function" ? encodingOrDone : done
    if (told !== undefined) queueMicrotask(told)
    return true
  }

/** Those of this process. */
export const layer: Layer.Layer<Output> = Layer.effect(Output)(Effect.gen(function*() {
  return { stdout: yield* make(process.stdout), stderr: yield* make(process.stderr) }
}))
