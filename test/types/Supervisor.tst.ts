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
  test("lives in a scope, never fails, and needs its tasks' services", () => {
    expect(Supervisor.make({ tasks: [query, send] })).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor<Timeout | AuthError>, never, Db | Mail | Scope.Scope>
    >()
    expect(Supervisor.make()).type.toBe<
      Effect.Effect<Supervisor.RunningSupervisor<never>, never, Scope.Scope>
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
    type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded
    expect(supervisor.start("a")).type.toBe<Effect.Effect<void, Unreachable | SupervisorError.TaskAlreadyRunning>>()
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
    type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded
    expect(handle.start).type.toBe<Effect.Effect<void, Unreachable | SupervisorError.TaskAlreadyRunning>>()
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
    expect(Inline.layer).type.toBe<Layer.Layer<Inline, never, Db | Mail>>()
    expect(Inline.key).type.toBe<"test/deep/inline">()
  })

  test("its layer needs the services of its tasks", () => {
    expect(App.layer).type.toBe<Layer.Layer<App, never, Db | Mail>>()
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
    expect(Supervisor.layer({ tasks: [query] })).type.toBe<Layer.Layer<Supervisor.Supervisor, never, Db>>()
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
