// The programs of the design's public face, word for word as far as the core goes.
import { NodeRuntime } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Context, Data, Effect, Layer, Schedule, Stream } from "effect"
import { Heartbeat, Supervisor, Task } from "effect-supervisor"
import type { SupervisorError } from "effect-supervisor"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { describe, expect, test } from "tstyche"

class AuthError extends Data.TaggedError("AuthError")<{}> {}
class Net extends Data.TaggedError("Net")<{}> {}
class Query extends Data.TaggedError("Query")<{}> {}
class Db extends Context.Service<Db, { readonly query: Effect.Effect<number, Query> }>()("Db") {
  static readonly layer = Layer.succeed(Db)({ query: Effect.succeed(1) })
}
declare const url: string
declare const apply: (bytes: Uint8Array) => Effect.Effect<void, AuthError>

describe("the programs of the design", () => {
  const quotes = Task.make(
    "quotes",
    Effect.gen(function*() {
      const socket = yield* Socket.makeWebSocket(url)
      yield* Socket.toStream(socket).pipe(Stream.tap(() => Heartbeat.beat), Stream.runForEach(apply))
    }),
    {
      restart: {
        mode: "permanent",
        schedule: Schedule.exponential("500 millis"),
        times: 20,
        on: { AuthError: "stop" }
      },
      heartbeat: Heartbeat.manual({ within: "30 seconds" }),
      startupTimeout: "10 seconds",
      stableAfter: "80 seconds",
      stopTimeout: "5 seconds",
      whenDead: "keep"
    }
  )

  test("1: a consumer that must show life, and retries by its typed error", () => {
    expect(quotes).type.toBe<
      Task.Task<void, AuthError | Socket.SocketError, Socket.WebSocketConstructor>
    >()
  })

  test("2: features contribute tasks by Layers", () => {
    const consume = Task.make("consume", Effect.flatMap(Db, (db) => db.query))
    const reconcile = Task.make("reconcile", Effect.never)
    class App extends Supervisor.Service<App>()("app", { tasks: [quotes] }) {}
    const Billing = App.layerTask(Task.make("billing", Effect.fail(new Net())))
    const Mail = App.layerTask(Task.make("mail", Effect.never))

    const Orders = Layer.mergeAll(App.layerTask(consume), App.layerTask(reconcile)).pipe(Layer.provide(Db.layer))
    const Main = Layer.mergeAll(Orders, Billing, Mail).pipe(Layer.provideMerge(App.layer))
    const main = () => NodeRuntime.runMain(Supervisor.launch(App, Main.pipe(Layer.provide(sockets))))

    expect(main).type.toBe<() => void>()
    expect(Supervisor.launch(App, Main)).type.toBe<
      Effect.Effect<
        void,
        | SupervisorError.SupervisorError<AuthError | Socket.SocketError>
        | SupervisorError.TaskAlreadyExists
        | SupervisorError.SupervisorClosed,
        Socket.WebSocketConstructor
      >
    >()
  })

  test("3: a deterministic test", () => {
    it.effect("gives up", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ name: "test" })
        const handle = yield* supervisor.add(
          Task.make("flaky", Effect.fail(new Net()), {
            restart: { schedule: Schedule.spaced("1 second"), times: 2 }
          })
        )
        yield* TestClock.adjust("2 seconds")
        const dead = yield* Effect.flip(handle.await)
        assert.strictEqual(dead.runs, 3)
      }))
  })

  test("4: a tree: a supervisor is an Effect, hence a task", () => {
    const connection = Task.make("connection", Effect.fail(new Net()))
    const parser = Task.make("parser", Effect.flatMap(Db, (db) => db.query))
    const writer = Task.make("writer", Effect.fail(new AuthError()))
    const http = Task.make("http", Effect.never)

    const ingest = Task.make(
      "ingest",
      Supervisor.run({
        strategy: "rest-for-one",
        intensity: { restarts: 3, within: "5 seconds" },
        tasks: [connection, parser, writer]
      }),
      { restart: { times: 2 }, whenDead: "escalate" }
    )
    const root = Supervisor.run({ name: "root", tasks: [ingest, http] })

    expect(ingest).type.toBe<Task.Task<void, SupervisorError.SupervisorError<Net | Query | AuthError>, Db>>()
    expect(root).type.toBe<
      Effect.Effect<
        void,
        SupervisorError.SupervisorError<SupervisorError.SupervisorError<Net | Query | AuthError>>,
        Db
      >
    >()
  })
})

declare const sockets: Layer.Layer<Socket.WebSocketConstructor>
