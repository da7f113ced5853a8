/**
 * An agent, as the pool sees it: a child process that answers prompts, in lines of JSON.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import process from "node:process"
import { fileURLToPath } from "node:url"

export class AgentEnded extends Schema.TaggedError<AgentEnded>()("AgentEnded", {
  pid: Schema.Int,
  why: Schema.String
}) {
  override get message(): string {
    return `process ${this.pid} ${this.why}`
  }
}

const Question = Schema.Struct({
  prompt: Schema.String,
  /** Milliseconds. */
  thinking: Schema.Finite,
  /** How to go wrong, for once. */
  mischief: Schema.optionalKey(Schema.Literals(["crash", "exit", "babble", "hang", "leak"]))
})
export type Question = typeof Question.Type

const Request = Schema.fromJsonString(Schema.Struct({ id: Schema.Int, ...Question.fields }))

const Answer = Schema.fromJsonString(Schema.Struct({
  id: Schema.Int,
  text: Schema.String,
  /** What the process takes. */
  megabytes: Schema.Finite
}))
type Answer = typeof Answer.Type

export interface Agent {
  readonly pid: number
  /** Waits for the answer, and in vain when the agent ends: `ended` tells, and the pool watches it. */
  readonly ask: (question: Question) => Effect.Effect<Answer>
  readonly ended: Effect.Effect<never, AgentEnded>
}

const program = fileURLToPath(new URL("worker.ts", import.meta.url))

/** An agent that has answered once; its process ends with the scope. */
export const spawn: Effect.Effect<Agent, AgentEnded | PlatformError, ChildProcessSpawner | Scope.Scope> = Effect.gen(
  function*() {
    const child = yield* ChildProcess.make(process.execPath, [program], {
      // Standard output is for answers alone; what else it has to say is for whoever looks on.
      stderr: "inherit",
      // It is asked to end, and a second later it is not asked any more.
      forceKillAfter: "1 second"
    })
    const ended = yield* Deferred.make<never, AgentEnded>()
    const outbox = yield* Queue.unbounded<string>()
    const waiting = new Map<number, Deferred.Deferred<Answer>>()
    let asked = 0

    const end = (why: string) => Deferred.fail(ended, new AgentEnded({ pid: child.pid, why }))

    yield* child.exitCode.pipe(
      Effect.matchEffect({
        onSuccess: (code) => end(`exited with code ${code}`),
        // By a signal, which only the words of the cause name.
        onFailure: ({ cause, message }) => end(`was killed: ${/SIG\w+/.exec(String(cause))?.[0] ?? message}`)
      }),
      Effect.forkScoped
    )

    yield* Stream.fromQueue(outbox).pipe(
      Stream.encodeText,
      Stream.run(child.stdin),
      // The process is gone, or has closed its ears. The former is seen above, the latter by whoever waits for an answer.
      Effect.ignore,
      Effect.forkScoped
    )

    yield* child.stdout.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.mapEffect((line) => Schema.decodeEffect(Answer)(line)),
      Stream.runForEach((answer) => {
        const deferred = waiting.get(answer.id)
        // Of a question that nobody waits for any more: its job was cancelled, say.
        return deferred === undefined ? Effect.void : Deferred.succeed(deferred, answer)
      }),
      // Who does not keep to the protocol once is not believed again.
      Effect.catchTag("SchemaError", () => end("babbles")),
      Effect.ignore,
      Effect.forkScoped
    )

    const ask = Effect.fn("Agent.ask")(function*(question: Question) {
      const id = ++asked
      const answer = yield* Deferred.make<Answer>()
      waiting.set(id, answer)
      const line = yield* Effect.orDie(Schema.encodeEffect(Request)({ id, ...question }))
      yield* Queue.offer(outbox, `${line}\n`)
      return yield* Effect.ensuring(Deferred.await(answer), Effect.sync(() => waiting.delete(id)))
    })

    const agent: Agent = { pid: child.pid, ask, ended: Deferred.await(ended) }
    // A slot is Idle, and given jobs, when its worker is there: that it can be started does not mean that it works.
    yield* Effect.raceFirst(ask({ prompt: "", thinking: 0 }), agent.ended)
    return agent
  }
)
