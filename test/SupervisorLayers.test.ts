import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import type * as SupervisorError from "effect-supervisor/SupervisorError"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  assertTag,
  Auth,
  failureOf,
  fork,
  Net,
  settle,
  statusOf,
  stubborn,
  thrown,
  within
} from "./support/fixtures.ts"

class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}
class Cache extends Context.Service<Cache, { readonly name: string }>()("test/Cache") {}

/** A service whose life is logged. */
const resource = <Self, A extends { readonly name: string }>(
  tag: Context.Key<Self, A>,
  service: A,
  log: Array<string>
): Layer.Layer<Self> =>
  Layer.effect(tag)(Effect.acquireRelease(
    Effect.sync(() => {
      log.push(`open ${service.name}`)
      return service
    }),
    () => Effect.sync(() => log.push(`close ${service.name}`))
  ))

/** A task whose life is logged; ending takes some time. */
const logged = (name: string, log: Array<string>, endsAfter = 0) =>
  Task.make(
    name,
    Effect.andThen(
      Effect.sync(() => log.push(`start ${name}`)),
      Effect.onInterrupt(
        Effect.never,
        () => Effect.andThen(Effect.sleep(endsAfter), Effect.sync(() => log.push(`stop ${name}`)))
      )
    )
  )

const deadAtOnce = { restart: { times: 0 }, whenDead: "escalate" } as const

describe("Supervisor as Layers", () => {
  describe("layer", () => {
    it.effect("is a supervisor in the Layer's scope: its tasks end when that closes", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const scope = yield* Scope.make()
        const services = yield* Layer.buildWithScope(
          Supervisor.layer({ name: "app", tasks: [logged("a", log), logged("b", log)] }),
          scope
        )
        const supervisor = Context.get(services, Supervisor.Supervisor)
        assert.strictEqual(supervisor.path, "app")
        assert.deepStrictEqual(log, ["start a", "start b"])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(log, ["start a", "start b", "stop b", "stop a"])
        assert.strictEqual((yield* Effect.flip(supervisor.statuses))._tag, "SupervisorClosed")
      }))

    it.effect("needs what its tasks need, from the Layer", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const task = Task.make("a", Effect.andThen(Db, (db) => Effect.sync(() => seen.push(db.name))))
        const layer = Supervisor.layer({ tasks: [task] }).pipe(Layer.provide(Layer.succeed(Db, { name: "db" })))
        yield* Effect.provide(Effect.andThen(Supervisor.Supervisor, settle), layer)
        assert.deepStrictEqual(seen, ["db"])
      }))

    it.effect("is built once, however many features ask for it", () =>
      Effect.gen(function*() {
        const layer = Supervisor.layer()
        const one = Supervisor.layerTask(Task.make("one", Effect.never)).pipe(Layer.provide(layer))
        const two = Supervisor.layerTask(Task.make("two", Effect.never)).pipe(Layer.provide(layer))
        yield* Effect.provide(
          Effect.gen(function*() {
            const supervisor = yield* Supervisor.Supervisor
            const statuses = yield* supervisor.statuses
            assert.deepStrictEqual(statuses.map((status) => status.task).sort(), ["one", "two"])
          }),
          Layer.mergeAll(one, two, layer)
        )
      }))
  })

  describe("layerTask", () => {
    it.effect("adds the task when the Layer is built, with the services the Layer has", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const task = (name: string) =>
          Task.make(name, Effect.andThen(Db, (db) => Effect.sync(() => seen.push(`${name} ${db.name}`))))
        const feature = (name: string) =>
          Supervisor.layerTask(task(name)).pipe(Layer.provide(Layer.succeed(Db, { name: `db of ${name}` })))
        yield* Effect.provide(
          settle,
          Layer.provide(Layer.mergeAll(feature("orders"), feature("billing")), Supervisor.layer())
        )
        assert.deepStrictEqual(seen.sort(), ["billing db of billing", "orders db of orders"])
      }))

    it.effect("removes it when the Layer's scope closes, before what the feature depends on closes", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const supervisor = yield* Supervisor.make()
        const scope = yield* Scope.make()
        const feature = Supervisor.layerTask(logged("consume", log, 100)).pipe(
          Layer.provide(resource(Db, { name: "db" }, log))
        )
        yield* Layer.buildWithScope(feature, scope).pipe(Effect.provideService(Supervisor.Supervisor, supervisor))
        yield* settle
        const closing = yield* fork(Scope.close(scope, Exit.void))
        assert.deepStrictEqual(log, ["open db", "start consume"])
        yield* TestClock.adjust(100)
        yield* settle
        assert.isDefined(closing.pollUnsafe())
        assert.deepStrictEqual(log, ["open db", "start consume", "stop consume", "close db"])
        assert.deepStrictEqual(yield* supervisor.statuses, [])
      }))

    it.effect("a run that does not end holds the Layer up for its stopTimeout and no longer", () =>
      Effect.gen(function*() {
        const { body, release } = yield* stubborn
        const supervisor = yield* Supervisor.make()
        const scope = yield* Scope.make()
        yield* Layer.buildWithScope(Supervisor.layerTask(Task.make("stuck", body, { stopTimeout: 500 })), scope).pipe(
          Effect.provideService(Supervisor.Supervisor, supervisor)
        )
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(499)
        assert.isUndefined(closing.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(closing)))
        assert.strictEqual((yield* supervisor.unstoppable).length, 1)
        yield* release
        yield* settle
        assert.deepStrictEqual(yield* supervisor.statuses, [])
      }))

    it.effect("closing is quiet when the task or the supervisor is gone already", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make()
        const scopes = yield* Effect.forEach(["removed", "namesake", "ended"], (name) =>
          Effect.gen(function*() {
            const scope = yield* Scope.make()
            yield* Layer.buildWithScope(Supervisor.layerTask(Task.make(name, Effect.never)), scope).pipe(
              Effect.provideService(Supervisor.Supervisor, supervisor)
            )
            return scope
          }))
        yield* supervisor.remove("removed")
        yield* supervisor.remove("namesake")
        yield* supervisor.add(Task.make("namesake", Effect.never))
        yield* Scope.close(scopes[0]!, Exit.void)
        yield* Scope.close(scopes[1]!, Exit.void)
        assert.strictEqual((yield* statusOf(supervisor, "namesake"))._tag, "Healthy", "another's task is left alone")
        yield* supervisor.shutdown
        yield* Scope.close(scopes[2]!, Exit.void)
      }))

    it.effect("fails the Layer when the name is taken, or the supervisor has ended", () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.make({ tasks: [Task.make("job", Effect.never)] })
        const build = Effect.scoped(Layer.build(Supervisor.layerTask(Task.make("job", Effect.never)))).pipe(
          Effect.provideService(Supervisor.Supervisor, supervisor)
        )
        assert.strictEqual((yield* Effect.flip(build))._tag, "TaskAlreadyExists")
        assert.strictEqual((yield* supervisor.statuses).length, 1, "the one that was there is left alone")
        yield* supervisor.shutdown
        assert.strictEqual((yield* Effect.flip(build))._tag, "SupervisorClosed")
      }))

    it.effect("a task in a Layer finds its supervisor by Supervisor.current", () =>
      Effect.gen(function*() {
        const seen: Array<string | undefined> = []
        const task = Task.make(
          "job",
          Effect.andThen(Supervisor.current, (current) => Effect.sync(() => seen.push(current?.path)))
        )
        yield* Effect.provide(settle, Layer.provide(Supervisor.layerTask(task), Supervisor.layer({ name: "app" })))
        assert.deepStrictEqual(seen, ["app/job"])
      }))
  })

  describe("Service", () => {
    class App extends Supervisor.Service<App>()("test/App", {
      tasks: [Task.make("quotes", Effect.never)]
    }) {}
    class Other extends Supervisor.Service<Other>()("other", { name: "second" }) {}

    it.effect("the class is the tag, and its Layers are static members of it", () =>
      Effect.gen(function*() {
        const main = Layer.mergeAll(App.layerTask(Task.make("consume", Effect.never))).pipe(
          Layer.provideMerge(App.layer)
        )
        yield* Effect.provide(
          Effect.gen(function*() {
            const app = yield* App
            assert.deepStrictEqual((yield* app.statuses).map((status) => status.path), ["App/quotes", "App/consume"])
          }),
          main
        )
        assert.strictEqual(App.key, "test/App")
      }))

    it.effect("is named by the last segment of its id, unless the options give a name", () =>
      Effect.gen(function*() {
        const paths = Effect.gen(function*() {
          return [(yield* App).path, (yield* Other).path]
        })
        assert.deepStrictEqual(yield* Effect.provide(paths, Layer.merge(App.layer, Other.layer)), ["App", "second"])
      }))

    it.effect("two services live side by side, each with its own tasks", () =>
      Effect.gen(function*() {
        const job = (log: Array<string>) => logged("job", log)
        const log: { readonly app: Array<string>; readonly other: Array<string> } = { app: [], other: [] }
        const main = Layer.mergeAll(App.layerTask(job(log.app)), Other.layerTask(job(log.other))).pipe(
          Layer.provideMerge(Layer.merge(App.layer, Other.layer))
        )
        yield* Effect.provide(
          Effect.gen(function*() {
            const app = yield* App
            const other = yield* Other
            assert.notStrictEqual<unknown>(app, other)
            yield* app.stop("job")
            assert.strictEqual((yield* statusOf(other, "job"))._tag, "Healthy")
            assert.strictEqual((yield* Effect.flip(other.status("quotes")))._tag, "TaskNotFound")
          }),
          main
        )
        assert.deepStrictEqual(log, { app: ["start job", "stop job"], other: ["start job", "stop job"] })
      }))

    it.effect("each build of its Layer is a supervisor of its own", () =>
      Effect.gen(function*() {
        const one = yield* Effect.provide(Effect.map(App, (app) => app), App.layer)
        const two = yield* Effect.provide(Effect.map(App, (app) => app), App.layer)
        assert.notStrictEqual(one, two)
        assert.strictEqual((yield* Effect.flip(one.statuses))._tag, "SupervisorClosed")
      }))

    it("refuses bad options where the class is made", () => {
      assert.instanceOf(thrown(() => Supervisor.Service<never>()("app", { maxDeadFraction: 7 })), RangeError)
      assert.instanceOf(thrown(() => Supervisor.Service<never>()("")), RangeError)
      assert.instanceOf(thrown(() => Supervisor.Service<never>()("app/")), RangeError)
    })
  })

  describe("launch", () => {
    it.effect("runs until the supervisor ends, then closes the Layer", () =>
      Effect.gen(function*() {
        class App extends Supervisor.Service<App>()("app", {
          tasks: [Task.make("job", Effect.sleep("1 minute"))],
          whenAllCompleted: "end"
        }) {}
        const log: Array<string> = []
        const main = Layer.merge(App.layer, resource(Db, { name: "db" }, log))
        const launched = yield* fork(Supervisor.launch(App, main))
        yield* TestClock.adjust(59_999)
        yield* settle
        assert.isUndefined(launched.pollUnsafe())
        assert.deepStrictEqual(log, ["open db"])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(launched.pollUnsafe(), Exit.void)
        assert.deepStrictEqual(log, ["open db", "close db"])
      }))

    it.effect("ends well when it is shut down from within", () =>
      Effect.gen(function*() {
        class App extends Supervisor.Service<App>()("app") {}
        const main = App.layerTask(Task.make(
          "job",
          Effect.gen(function*() {
            const current = yield* Supervisor.current
            yield* Effect.sleep(100)
            yield* current!.supervisor.shutdown
          })
        )).pipe(Layer.provideMerge(App.layer))
        assert.deepStrictEqual(yield* within(App.launch(main), 100), Exit.void)
      }))

    it.effect("fails with the supervisor's typed error when it gives up, everything closed first", () =>
      Effect.gen(function*() {
        class App extends Supervisor.Service<App>()("app", {
          tasks: [Task.make("job", Effect.andThen(Effect.sleep(100), Effect.fail(new Auth())), deadAtOnce)]
        }) {}
        const log: Array<string> = []
        const feature = App.layerTask(logged("consume", log)).pipe(Layer.provide(resource(Db, { name: "db" }, log)))
        const main = Layer.provideMerge(feature, App.layer)
        const error:
          | SupervisorError.SupervisorError<Auth>
          | SupervisorError.TaskAlreadyExists
          | SupervisorError.SupervisorClosed = failureOf(yield* within(Supervisor.launch(App, main), 100))
        const dead = assertTag(assertTag(error, "SupervisorError").reason, "TaskDead")
        assert.deepStrictEqual(dead.cause, Cause.fail(new Auth()))
        assert.deepStrictEqual(log, ["open db", "start consume", "stop consume", "close db"])
      }))

    it.effect("a task from a Layer that escalates is a DynamicTaskDead in it", () =>
      Effect.gen(function*() {
        class App extends Supervisor.Service<App>()("app") {}
        const main = App.layerTask(Task.make("job", Effect.fail(new Net()), deadAtOnce)).pipe(
          Layer.provideMerge(App.layer)
        )
        const error = assertTag(failureOf(yield* within(App.launch(main), 0)), "SupervisorError")
        assert.strictEqual(assertTag(error.reason, "DynamicTaskDead").dead.task, "job")
      }))

    it.effect("interrupting it closes the Layer in order: features, what they need, then the supervisor's own", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        class App
          extends Supervisor.Service<App>()("app", { tasks: [logged("own a", log, 10), logged("own b", log, 10)] })
        {}
        const cache = resource(Cache, { name: "cache" }, log)
        const first = App.layerTask(logged("first", log, 10)).pipe(Layer.provide(resource(Db, { name: "db" }, log)))
        const second = App.layerTask(logged("second", log, 10)).pipe(Layer.provide(cache))
        const main = second.pipe(Layer.provideMerge(first), Layer.provideMerge(App.layer))
        const launched = yield* fork(Supervisor.launch(App, main))
        yield* settle
        const interrupting = yield* fork(Fiber.interrupt(launched))
        yield* TestClock.adjust(40)
        yield* settle
        assert.isDefined(interrupting.pollUnsafe())
        assert.deepStrictEqual(log.filter((line) => /^(stop|close)/.test(line)), [
          "stop second",
          "close cache",
          "stop first",
          "close db",
          "stop own b",
          "stop own a"
        ])
      }))

    it.effect("a Main that fails to start is that failure, and what was up is closed", () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        class App extends Supervisor.Service<App>()("app", { tasks: [logged("own", log)] }) {}
        const broken = Layer.effect(Cache)(Effect.andThen(App, () => Effect.fail(new Net())))
        const main = Layer.provideMerge(broken, App.layer)
        assert.instanceOf(failureOf(yield* within(Supervisor.launch(App, main), 0)), Net)
        assert.deepStrictEqual(log, ["start own", "stop own"])
      }))

    it.effect("works for the plain tag", () =>
      Effect.gen(function*() {
        const main = Supervisor.layer({ tasks: [Task.make("job", Effect.void)], whenAllCompleted: "end" })
        assert.deepStrictEqual(yield* within(Supervisor.launch(Supervisor.Supervisor, main), 0), Exit.void)
      }))

    it.effect("a defect of the Layer is a defect of launch", () =>
      Effect.gen(function*() {
        class App extends Supervisor.Service<App>()("app") {}
        const main = Layer.provideMerge(Layer.effectDiscard(Effect.die("no port")), App.layer)
        const exit = yield* within(Supervisor.launch(App, main), 0)
        assert(Exit.isFailure(exit))
        assert.strictEqual(Cause.squash(exit.cause), "no port")
      }))
  })
})
