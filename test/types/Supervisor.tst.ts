import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import type { FinalReport, TaskStatus } from "effect-supervisor/TaskStatus"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"

class Timeout extends Data.TaggedError("Timeout")<{ readonly millis: number }> {}
class AuthError extends Data.TaggedError("AuthError")<{ readonly user: string }> {}
class ConfigError extends Data.TaggedError("ConfigError")<{}> {}
class Db extends Context.Service<Db, { readonly query: Effect.Effect<number, Timeout> }>()("Db") {}
class Mail extends Context.Service<Mail, { readonly send: Effect.Effect<void, AuthError> }>()("Mail") {}
class Pace extends Context.Service<Pace, { readonly millis: number }>()("Pace") {}

declare const paced: Schedule.Schedule<number, unknown, never, Pace>
declare const supervisor: Supervisor.RunningSupervisor<Timeout | AuthError>
declare const dbLayer: Layer.Layer<Db, ConfigError>

const query = Task.make("query", Effect.flatMap(Db, (db) => db.query))
const send = Task.make("send", Effect.flatMap(Mail, (mail) => mail.send))
const plain = Task.make("plain", Effect.never)

describe("Supervisor.run", () => {
  test("fails with the union of its tasks' errors, and needs the union of their services", () => {
    expect(Supervisor.run({ tasks: [query, send] })).type.toBe<
      Effect.Effect<void, SupervisorError.SupervisorError<Timeout | AuthError>, Db | Mail>
    >()
    expect(Supervisor.run({ tasks: [plain] })).type.toBe<
      Effect.Effect<void, SupervisorError.SupervisorError<never>, never>
    >()
    expect(Supervisor.run({})).type.toBe<Effect.Effect<void, SupervisorError.SupervisorError<never>, never>>()
  })

  test("takes tasks made inline", () => {
    expect(Supervisor.run({
      tasks: [
        Task.make("query", Effect.flatMap(Db, (db) => db.query)),
        Task.make("send", Effect.flatMap(Mail, (mail) => mail.send), { restart: { on: { AuthError: "stop" } } })
      ]
    })).type.toBe<Effect.Effect<void, SupervisorError.SupervisorError<Timeout | AuthError>, Db | Mail>>()
    expect(Supervisor.run({
      tasks: [
        Task.make("one", Effect.fail(new Timeout({ millis: 1 })), {
          restart: {
            on: (error) => {
              expect(error).type.toBe<Timeout>()
              return "stop"
            }
          }
        }),
        Task.make("two", Effect.fail(new AuthError({ user: "ada" })), {
          restart: { on: { AuthError: "escalate" } }
        })
      ]
    })).type.toBe<Effect.Effect<void, SupervisorError.SupervisorError<Timeout | AuthError>, never>>()
    const wrong = Supervisor.run({
      tasks: [
        Task.make("wrong", Effect.fail(new Timeout({ millis: 1 })), {
          restart: {
            // @ts-expect-error 'AuthError' does not exist
            on: { AuthError: "stop" }
          }
        })
      ]
    })
    expect(wrong).type.toBe<Effect.Effect<void, SupervisorError.SupervisorError<Timeout>, never>>()
  })

  test("takes a list that was made elsewhere", () => {
    const tasks: ReadonlyArray<Task.Task<number, Timeout, Db>> = [query]
    expect(Supervisor.run({ tasks })).type.toBe<
      Effect.Effect<void, SupervisorError.SupervisorError<Timeout>, Db>
    >()
  })

  test("needs the services of its defaults", () => {
    expect(Supervisor.run({
      tasks: [query],
      defaults: { restart: { schedule: paced }, heartbeat: Heartbeat.probe(Effect.flatMap(Mail, (mail) => mail.send)) }
    })).type.toBe<Effect.Effect<void, SupervisorError.SupervisorError<Timeout>, Db | Pace | Mail>>()
  })

  test("is a task's effect: its failure is the task's typed error", () => {
    expect(Task.make("inner", Supervisor.run({ tasks: [query] }), {
      restart: { on: { SupervisorError: "escalate" }, times: 2 },
      whenDead: "escalate"
    })).type.toBe<Task.Task<void, SupervisorError.SupervisorError<Timeout>, Db>>()
  })

  test("refuses what is no task, and options that do not exist", () => {
    expect(Supervisor.run).type.not.toBeCallableWith({ tasks: [Effect.never] })
    expect(Supervisor.run).type.not.toBeCallableWith({ task: [plain] })
    expect(Supervisor.run).type.not.toBeCallableWith({ tasks: [plain], whenAllCompleted: "exit" })
    expect(Supervisor.run).type.toBeCallableWith({ tasks: [plain], whenAllCompleted: "end" })
  })
})

describe("Supervisor.make", () => {
  test("lives in a scope, fails as await would, and needs its tasks' services", () => {
    expect(Supervisor.make({ tasks: [query, send] })).type.toBe<
      Effect.Effect<
        Supervisor.RunningSupervisor<Timeout | AuthError>,
        SupervisorError.SupervisorError<Timeout | AuthError>,
        Db | Mail | Scope.Scope
      >
    >()
  })

  test("without tasks it cannot fail", () => {
    expect(Supervisor.make()).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor<never>, never, Scope.Scope>
    >()
    expect(Supervisor.make({ name: "root", tasks: [] })).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor<never>, never, Scope.Scope>
    >()
    expect(Supervisor.layer({ strategy: "one-for-all" })).type.toBe<Layer.Layer<Supervisor.Supervisor>>()
    class Empty extends Supervisor.Service<Empty>()("empty") {}
    expect(Empty.layer).type.toBe<Layer.Layer<Empty>>()
  })

  test("a list whose length is not known may hold tasks", () => {
    const tasks: ReadonlyArray<Task.Task<number, Timeout, Db>> = [query]
    expect(Supervisor.make({ tasks })).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor<Timeout>, SupervisorError.SupervisorError<Timeout>, Db | Scope.Scope>
    >()
  })

  test("await gives the report, or the typed failure", () => {
    expect(supervisor.await).type.toBe<
      Effect.Effect<FinalReport, SupervisorError.SupervisorError<Timeout | AuthError>>
    >()
    const reason = (error: SupervisorError.SupervisorError<Timeout | AuthError>) => error.reason
    expect(reason).type.toBe<
      (
        error: SupervisorError.SupervisorError<Timeout | AuthError>
      ) =>
        | SupervisorError.TaskDead<Timeout | AuthError>
        | SupervisorError.DynamicTaskDead
        | SupervisorError.TooManyDeadTasks
        | SupervisorError.TooManyRestarts<Timeout | AuthError>
        | SupervisorError.DynamicTooManyRestarts
    >()
  })

  test("too many restarts carry the typed cause; those of a task that was added, an unknown one", () => {
    expect<SupervisorError.TooManyRestarts<Timeout>["cause"]>().type.toBe<Cause.Cause<Timeout>>()
    expect<SupervisorError.DynamicTooManyRestarts["exceeded"]["cause"]>().type.toBe<Cause.Cause<unknown>>()
    expect(Effect.catchTag(supervisor.await, "SupervisorError", ({ reason }) => {
      if (reason._tag === "TooManyRestarts") expect(reason.cause).type.toBe<Cause.Cause<Timeout | AuthError>>()
      return Effect.void
    })).type.toBe<Effect.Effect<void | FinalReport>>()
  })
})

describe("options of trees", () => {
  test("strategies, intensity and autoShutdown are those few words", () => {
    expect(Supervisor.make).type.toBeCallableWith({
      strategy: "rest-for-one",
      intensity: { restarts: 3, within: "5 seconds" },
      autoShutdown: "any-significant"
    })
    expect(Supervisor.make).type.toBeCallableWith({
      intensity: { restarts: 1, within: 10, whenExceeded: "pause" }
    })
    expect(Supervisor.make).type.not.toBeCallableWith({ strategy: "all-for-one" })
    expect(Supervisor.make).type.not.toBeCallableWith({ strategy: "one_for_all" })
    expect(Supervisor.make).type.not.toBeCallableWith({ autoShutdown: true })
    expect(Supervisor.make).type.not.toBeCallableWith({ intensity: { restarts: 3 } })
    expect(Supervisor.make).type.not.toBeCallableWith({ intensity: { within: "1 second" } })
    expect(Supervisor.make).type.not.toBeCallableWith({ intensity: { restarts: "3", within: "1 second" } })
    expect(Supervisor.make).type.not.toBeCallableWith({
      intensity: { restarts: 3, within: "1 second", whenExceeded: "stop" }
    })
    expect<Supervisor.Strategy>().type.toBe<"one-for-one" | "one-for-all" | "rest-for-one">()
  })

  test("a task says when it is ready, whether it is significant, and its version", () => {
    expect(Task.make).type.toBeCallableWith("a", Effect.never, {
      ready: "first-beat",
      significant: true,
      version: "2026-11-29"
    })
    expect(Task.make).type.toBeCallableWith("a", Effect.never, { ready: "begun", version: 3 })
    expect(Task.make).type.not.toBeCallableWith("a", Effect.never, { ready: "healthy" })
    expect(Task.make).type.not.toBeCallableWith("a", Effect.never, { significant: "yes" })
    expect(Task.make).type.not.toBeCallableWith("a", Effect.never, { version: {} })
  })

  test("what is of one task alone is no default", () => {
    expect(Supervisor.make).type.toBeCallableWith({ defaults: { ready: "first-beat" } })
    expect(Supervisor.make).type.not.toBeCallableWith({ defaults: { significant: true } })
    expect(Supervisor.make).type.not.toBeCallableWith({ defaults: { version: 1 } })
  })
})

describe("reconfigure", () => {
  test("says what it can fail with, and needs the services of the new tasks and defaults", () => {
    expect(supervisor.reconfigure({})).type.toBe<Effect.Effect<void, SupervisorError.ReconfigureError>>()
    expect(supervisor.reconfigure({ tasks: [query, send, plain] })).type.toBe<
      Effect.Effect<void, SupervisorError.ReconfigureError, Db | Mail>
    >()
    expect(supervisor.reconfigure({
      tasks: [query],
      defaults: { restart: { schedule: paced }, heartbeat: Heartbeat.probe(Effect.flatMap(Mail, (mail) => mail.send)) }
    })).type.toBe<Effect.Effect<void, SupervisorError.ReconfigureError, Db | Pace | Mail>>()
    expect<SupervisorError.ReconfigureError>().type.toBe<
      | SupervisorError.InvalidOptions
      | SupervisorError.TaskAlreadyExists
      | SupervisorError.TaskUnstoppable
      | SupervisorError.SupervisorClosed
    >()
  })

  test("takes all options but those that are for good, each of them also as undefined", () => {
    expect(supervisor.reconfigure).type.toBeCallableWith({
      strategy: undefined,
      intensity: undefined,
      autoShutdown: undefined,
      defaults: undefined,
      healthCheck: undefined,
      maxDeadFraction: undefined,
      whenAllCompleted: undefined,
      shutdownTimeout: undefined,
      tasks: undefined
    })
    expect(supervisor.reconfigure).type.not.toBeCallableWith({ name: "other" })
    expect(supervisor.reconfigure).type.not.toBeCallableWith({ eventCapacity: 1 })
    expect(supervisor.reconfigure).type.not.toBeCallableWith({ tasks: [Effect.never] })
  })

  test("takes tasks made inline, whose errors need not be the supervisor's", () => {
    expect(supervisor.reconfigure({
      tasks: [Task.make("config", Effect.fail(new ConfigError()), { restart: { on: { ConfigError: "stop" } } })]
    })).type.toBe<Effect.Effect<void, SupervisorError.ReconfigureError>>()
  })
})

describe("the tree", () => {
  test("is asked as the supervisor is", () => {
    type Closed = SupervisorError.SupervisorClosed
    expect(supervisor.tree.statuses).type.toBe<Effect.Effect<ReadonlyArray<TaskStatus>, Closed>>()
    expect(supervisor.tree.which).type.toBe<Effect.Effect<ReadonlyArray<Supervisor.Child>, Closed>>()
    expect(supervisor.tree.count).type.toBe<Effect.Effect<Supervisor.Count, Closed>>()
    expect(supervisor.tree.events).type.toBe<Stream.Stream<SupervisorEvent>>()
    expect(supervisor.which).type.toBe<Effect.Effect<ReadonlyArray<Supervisor.Child>, Closed>>()
    expect(supervisor.count).type.toBe<Effect.Effect<Supervisor.Count, Closed>>()
    expect<Supervisor.Child["type"]>().type.toBe<"worker" | "supervisor">()
  })

  test("levels of it are levels of the error", () => {
    const inner = Supervisor.run({ tasks: [query] })
    const outer = Supervisor.run({ tasks: [Task.make("inner", inner)] })
    expect(outer).type.toBe<
      Effect.Effect<void, SupervisorError.SupervisorError<SupervisorError.SupervisorError<Timeout>>, Db>
    >()
  })
})

describe("RunningSupervisor", () => {
  test("add needs the task's services, and gives a handle with its types", () => {
    expect(supervisor.add(query)).type.toBe<
      Effect.Effect<
        Supervisor.TaskHandle<number, Timeout>,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        Db
      >
    >()
    expect(supervisor.add(Task.make("inline", Effect.succeed("a")))).type.toBe<
      Effect.Effect<
        Supervisor.TaskHandle<string, never>,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        never
      >
    >()
    expect(supervisor.add(
      Task.make("scoped", Effect.acquireRelease(Effect.succeed("a"), () => Effect.void), {
        restart: { schedule: paced }
      })
    )).type.toBe<
      Effect.Effect<
        Supervisor.TaskHandle<string, never>,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        Pace
      >
    >()
  })

  test("handle gives the typed handle of a task that is there", () => {
    expect(supervisor.handle(query)).type.toBe<
      Effect.Effect<
        Supervisor.TaskHandle<number, Timeout>,
        SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed,
        never
      >
    >()
  })

  test("commands say what they can fail with, and nothing else", () => {
    type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed
    type Unstarted = Unreachable | SupervisorError.TaskAlreadyRunning | SupervisorError.CommandSuperseded
    type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded
    expect(supervisor.start("a")).type.toBe<Effect.Effect<void, Unstarted>>()
    expect(supervisor.restart("a")).type.toBe<Effect.Effect<void, Unended>>()
    expect(supervisor.stop("a")).type.toBe<Effect.Effect<void, Unended>>()
    expect(supervisor.kill("a")).type.toBe<Effect.Effect<void, Unended>>()
    expect(supervisor.remove("a")).type.toBe<Effect.Effect<void, Unended>>()
    expect(supervisor.status("a")).type.toBe<Effect.Effect<TaskStatus, Unreachable>>()
    expect(supervisor.statuses).type.toBe<
      Effect.Effect<ReadonlyArray<TaskStatus>, SupervisorError.SupervisorClosed>
    >()
    expect(supervisor.shutdown).type.toBe<Effect.Effect<void>>()
    expect(supervisor.events).type.toBe<Stream.Stream<SupervisorEvent>>()
  })

  test("is covariant in its error", () => {
    expect<Supervisor.RunningSupervisor<Timeout>>().type.toBeAssignableTo<Supervisor.RunningSupervisor>()
    expect<Supervisor.RunningSupervisor<unknown>>().type.not.toBeAssignableTo<Supervisor.RunningSupervisor<Timeout>>()
  })
})

describe("TaskHandle", () => {
  const handle: Supervisor.TaskHandle<number, Timeout | AuthError> = {} as never

  test("await gives the value, or the typed cause", () => {
    expect(handle.await).type.toBe<
      Effect.Effect<number, SupervisorError.TaskDead<Timeout | AuthError> | SupervisorError.TaskStopped>
    >()
    const cause = Effect.catchTag(handle.await, "TaskDead", (dead) => {
      expect(dead.cause).type.toBe<Cause.Cause<Timeout | AuthError>>()
      return Effect.succeed(dead.runs)
    })
    expect(cause).type.toBe<Effect.Effect<number, SupervisorError.TaskStopped>>()
  })

  test("commands are those of the supervisor, without the name", () => {
    type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed
    type Unstarted = Unreachable | SupervisorError.TaskAlreadyRunning | SupervisorError.CommandSuperseded
    type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded
    expect(handle.start).type.toBe<Effect.Effect<void, Unstarted>>()
    expect(handle.restart).type.toBe<Effect.Effect<void, Unended>>()
    expect(handle.stop).type.toBe<Effect.Effect<void, Unended>>()
    expect(handle.kill).type.toBe<Effect.Effect<void, Unended>>()
    expect(handle.remove).type.toBe<Effect.Effect<void, Unended>>()
    expect(handle.status).type.toBe<Effect.Effect<TaskStatus, Unreachable>>()
    expect(handle.changes).type.toBe<Stream.Stream<TaskStatus>>()
  })
})

describe("Layers", () => {
  class App extends Supervisor.Service<App>()("test/app", { tasks: [query, send] }) {}

  test("a service class holds a supervisor with the errors of its tasks", () => {
    expect<App["Service"]>().type.toBe<Supervisor.RunningSupervisor<Timeout | AuthError>>()
    const wait = Effect.flatMap(App, (app) => app.await)
    expect(wait).type.toBe<Effect.Effect<FinalReport, SupervisorError.SupervisorError<Timeout | AuthError>, App>>()
  })

  test("takes tasks made inline, and keeps its id", () => {
    class Inline extends Supervisor.Service<Inline>()("test/deep/inline", {
      tasks: [
        Task.make("query", Effect.flatMap(Db, (db) => db.query)),
        Task.make("send", Effect.flatMap(Mail, (mail) => mail.send))
      ]
    }) {}
    expect<Inline["Service"]>().type.toBe<Supervisor.RunningSupervisor<Timeout | AuthError>>()
    expect(Inline.layer).type.toBe<
      Layer.Layer<Inline, SupervisorError.SupervisorError<Timeout | AuthError>, Db | Mail>
    >()
    expect(Inline.key).type.toBe<"test/deep/inline">()
  })

  test("its layer needs the services of its tasks, and fails when they do not come up", () => {
    expect(App.layer).type.toBe<
      Layer.Layer<App, SupervisorError.SupervisorError<Timeout | AuthError>, Db | Mail>
    >()
  })

  test("layerTask needs the supervisor and the services of the task", () => {
    expect(App.layerTask(query)).type.toBe<
      Layer.Layer<never, SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed, App | Db>
    >()
    expect(App.layerTask(query).pipe(Layer.provide(dbLayer))).type.toBe<
      Layer.Layer<
        never,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed | ConfigError,
        App
      >
    >()
    expect(Supervisor.layerTask(query)).type.toBe<
      Layer.Layer<
        never,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        Supervisor.Supervisor | Db
      >
    >()
  })

  test("the plain service needs the services of its tasks", () => {
    expect(Supervisor.layer({ tasks: [query] })).type.toBe<
      Layer.Layer<Supervisor.Supervisor, SupervisorError.SupervisorError<Timeout>, Db>
    >()
    expect(Supervisor.layer()).type.toBe<Layer.Layer<Supervisor.Supervisor>>()
  })

  test("launch fails with the supervisor's typed error and those of the Layers, and needs what they still need", () => {
    const main = App.layerTask(plain).pipe(Layer.provideMerge(App.layer), Layer.provide(dbLayer))
    expect(Supervisor.launch(App, main)).type.toBe<
      Effect.Effect<
        void,
        | SupervisorError.SupervisorError<Timeout | AuthError>
        | SupervisorError.TaskAlreadyExists
        | SupervisorError.SupervisorClosed
        | ConfigError,
        Mail
      >
    >()
    expect(App.launch(main)).type.toBe<
      Effect.Effect<
        void,
        | SupervisorError.SupervisorError<Timeout | AuthError>
        | SupervisorError.TaskAlreadyExists
        | SupervisorError.SupervisorClosed
        | ConfigError,
        Mail
      >
    >()
  })

  test("launch refuses a Layer without the supervisor", () => {
    expect(Supervisor.launch).type.not.toBeCallableWith(App, dbLayer)
    expect(App.launch).type.not.toBeCallableWith(dbLayer)
  })

  test("a task that was added at run time has an unknown error in its supervisor's", () => {
    expect<SupervisorError.DynamicTaskDead["dead"]>().type.toBe<SupervisorError.TaskDead<unknown>>()
  })
})

describe("Supervisor.current", () => {
  test("is there, or not, and needs nothing", () => {
    expect(Effect.map(Supervisor.current, (current) => current?.supervisor)).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor | undefined>
    >()
    expect(Effect.map(Supervisor.current, (current) => current?.generation)).type.toBe<
      Effect.Effect<number | undefined>
    >()
  })
})
