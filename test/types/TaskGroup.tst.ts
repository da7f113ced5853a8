import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import type { SupervisorEvent } from "effect-supervisor/SupervisorEvent"
import * as Task from "effect-supervisor/Task"
import * as TaskGroup from "effect-supervisor/TaskGroup"
import type { FinalReport, TaskStatus } from "effect-supervisor/TaskStatus"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"

class Timeout extends Data.TaggedError("Timeout")<{ readonly millis: number }> {}
class AuthError extends Data.TaggedError("AuthError")<{ readonly user: string }> {}
class Db extends Context.Service<Db, { readonly query: Effect.Effect<number, Timeout> }>()("Db") {}
class Mail extends Context.Service<Mail, { readonly send: Effect.Effect<void, AuthError> }>()("Mail") {}
class Pace extends Context.Service<Pace, { readonly millis: number }>()("Pace") {}

interface User {
  readonly id: number
}

declare const paced: Schedule.Schedule<number, unknown, never, Pace>
declare const supervisor: Supervisor.RunningSupervisor<Timeout | AuthError>

const sessions = TaskGroup.make("sessions", (user: User) => Effect.flatMap(Db, (db) => Effect.as(db.query, user.id)))

describe("TaskGroup.make", () => {
  test("has the template's arguments, value, error and services", () => {
    expect(sessions).type.toBe<TaskGroup.TaskGroup<User, number, Timeout, Db>>()
    expect(TaskGroup.make("plain", () => Effect.never)).type.toBe<TaskGroup.TaskGroup<unknown, never>>()
  })

  test("is a task, whose error is that of a supervisor of its instances", () => {
    expect(sessions).type.toBeAssignableTo<Task.Task<void, SupervisorError.SupervisorError<Timeout>, Db>>()
    expect(Supervisor.run({ tasks: [sessions] })).type.toBe<
      Effect.Effect<void, SupervisorError.SupervisorError<SupervisorError.SupervisorError<Timeout>>, Db>
    >()
    expect(Supervisor.layerTask(sessions)).type.toBe<
      Layer.Layer<
        never,
        SupervisorError.TaskAlreadyExists | SupervisorError.SupervisorClosed,
        Supervisor.Supervisor | Db
      >
    >()
  })

  test("needs no Scope: each instance has its own", () => {
    const scoped = TaskGroup.make(
      "scoped",
      (path: string) => Effect.acquireRelease(Effect.succeed(path), () => Effect.void)
    )
    expect(scoped).type.toBe<TaskGroup.TaskGroup<string, string>>()
  })

  test("needs the services of the options of each", () => {
    expect(TaskGroup.make("sessions", (_: User) => Effect.never, {
      each: { restart: { schedule: paced }, heartbeat: Heartbeat.probe(Effect.flatMap(Mail, (mail) => mail.send)) }
    })).type.toBe<TaskGroup.TaskGroup<User, never, never, Pace | Mail>>()
  })

  test("the restart of each is typed by the template's error, that of the group by the supervisor's", () => {
    const group = TaskGroup.make("sessions", (user: User) => Effect.fail(new Timeout({ millis: user.id })), {
      each: {
        restart: {
          on: (error) => {
            expect(error).type.toBe<Timeout>()
            return "restart"
          }
        }
      },
      restart: { on: { SupervisorError: "escalate" } }
    })
    expect(group).type.toBe<TaskGroup.TaskGroup<User, never, Timeout>>()
    const wrong = TaskGroup.make("sessions", (user: User) => Effect.fail(new Timeout({ millis: user.id })), {
      // @ts-expect-error 'AuthError' does not exist
      each: { restart: { on: { AuthError: "stop" } } }
    })
    expect(wrong).type.toBe<TaskGroup.TaskGroup<User, never, Timeout>>()
  })

  test("takes the options of a task, and its own", () => {
    const template = (_: User) => Effect.never
    expect(TaskGroup.make).type.toBeCallableWith("a", template, {
      maxTasks: 10,
      intensity: { restarts: 3, within: "1 second", whenExceeded: "pause" },
      healthCheck: { initialDelay: 0 },
      shutdownTimeout: "infinity",
      eventCapacity: 16,
      each: { stopTimeout: "1 second", whenDead: "escalate", startupTimeout: 10 },
      whenDead: "escalate",
      significant: true,
      version: 2,
      ready: "first-beat"
    })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { tasks: [] })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { strategy: "one-for-all" })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { each: { significant: true } })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { each: { version: 1 } })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { each: { ready: "first-beat" } })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", template, { maxTasks: "10" })
    expect(TaskGroup.make).type.not.toBeCallableWith("a", (_: User) => 1)
    expect(TaskGroup.make).type.not.toBeCallableWith("a", Effect.never)
  })

  test("takes no more than it says of its arguments", () => {
    expect<TaskGroup.TaskGroup<unknown>>().type.toBeAssignableTo<TaskGroup.TaskGroup<User>>()
    expect<TaskGroup.TaskGroup<User>>().type.not.toBeAssignableTo<TaskGroup.TaskGroup<unknown>>()
  })
})

describe("a running group", () => {
  test("is found with its types, or not at all", () => {
    expect(TaskGroup.find(supervisor, sessions)).type.toBe<
      Effect.Effect<TaskGroup.RunningGroup<User, number, Timeout>, SupervisorError.TaskNotFound>
    >()
    expect(TaskGroup.find).type.not.toBeCallableWith(supervisor, Task.make("task", Effect.never))
  })

  test("stands alone in a scope, and cannot fail to start", () => {
    expect(TaskGroup.scoped(sessions)).type.toBe<
      Effect.Effect<TaskGroup.RunningGroup<User, number, Timeout>, never, Db | Scope.Scope>
    >()
  })

  const group: TaskGroup.RunningGroup<User, number, Timeout> = {} as never

  test("starts instances with their arguments alone: their services are the group's", () => {
    expect(group.start({ id: 1 })).type.toBe<
      Effect.Effect<
        Supervisor.TaskHandle<number, Timeout>,
        SupervisorError.TaskAlreadyExists | SupervisorError.MaxTasksReached | SupervisorError.SupervisorClosed
      >
    >()
    expect(group.start).type.toBeCallableWith({ id: 1 }, { name: "ada" })
    expect(group.start).type.not.toBeCallableWith()
    expect(group.start).type.not.toBeCallableWith({ id: "1" })
    expect(group.start).type.not.toBeCallableWith(1)
    expect(group.start).type.not.toBeCallableWith({ id: 1 }, { name: 1 })
    expect(group.start).type.not.toBeCallableWith({ id: 1 }, { label: "ada" })
  })

  test("the outcome of an instance has its typed cause", () => {
    expect(Effect.flatMap(group.start({ id: 1 }), (handle) =>
      Effect.catchTag(handle.await, "TaskDead", (dead) => {
        expect(dead.cause).type.toBe<Cause.Cause<Timeout>>()
        return Effect.succeed(0)
      }))).type.toBe<
      Effect.Effect<
        number,
        | SupervisorError.TaskStopped
        | SupervisorError.TaskAlreadyExists
        | SupervisorError.MaxTasksReached
        | SupervisorError.SupervisorClosed
      >
    >()
  })

  test("is asked and commanded as a supervisor is", () => {
    expect(group.await).type.toBe<Effect.Effect<FinalReport, SupervisorError.SupervisorError<Timeout>>>()
    expect(group.stop("1")).type.toBe<Effect.Effect<void, Supervisor.Unended>>()
    expect(group.statuses).type.toBe<
      Effect.Effect<ReadonlyArray<TaskStatus>, SupervisorError.SupervisorClosed>
    >()
    expect(group.events).type.toBe<Stream.Stream<SupervisorEvent>>()
    expect(group.shutdown).type.toBe<Effect.Effect<void>>()
    expect(group).type.not.toHaveProperty("add")
    expect(group).type.not.toHaveProperty("reconfigure")
    expect(group).type.not.toHaveProperty("handle")
  })
})

describe("TaskGroup.Service", () => {
  class Sessions extends TaskGroup.Service<Sessions>()(
    "test/sessions",
    (user: User) => Effect.flatMap(Db, (db) => Effect.as(db.query, user.id)),
    { maxTasks: 10, each: { restart: { on: { Timeout: "stop" }, schedule: paced } } }
  ) {}

  test("holds a group of its template", () => {
    expect<Sessions["Service"]>().type.toBe<TaskGroup.RunningGroup<User, number, Timeout>>()
    expect(Sessions.key).type.toBe<"test/sessions">()
  })

  test("its layer cannot fail, and needs the services of each", () => {
    expect(Sessions.layer).type.toBe<Layer.Layer<Sessions, never, Db | Pace>>()
  })
})
