import { assert, describe, it } from "@effect/vitest"
import * as Supervisor from "effect-supervisor/Supervisor"
import * as SupervisorError from "effect-supervisor/SupervisorError"
import * as SupervisorErrorSchema from "effect-supervisor/SupervisorErrorSchema"
import * as Task from "effect-supervisor/Task"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { failureOf, Net, within } from "./support/fixtures.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.Int }) {}

/** What is left of a value that was sent as JSON. */
const sent = <A, I>(schema: Schema.Codec<A, I>, value: A): A => {
  const json = Schema.fromJsonString(Schema.toCodecJson(schema))
  return Schema.decodeUnknownSync(json)(Schema.encodeSync(json)(value))
}

/** The own data of an error, whatever it is made of. */
const dataOf = (error: object) => Object.fromEntries(Object.entries(error))

const supervisor = "root/ingest"
const task = "consumer"

describe("SupervisorErrorSchema", () => {
  const commands: ReadonlyArray<SupervisorError.CommandError> = [
    new SupervisorError.TaskNotFound({ supervisor, task }),
    new SupervisorError.TaskAlreadyExists({ supervisor, task }),
    new SupervisorError.MaxTasksReached({ supervisor, task, maxTasks: 3 }),
    new SupervisorError.TaskAlreadyRunning({ supervisor, task, generation: 7 }),
    new SupervisorError.TaskUnstoppable({ supervisor, task, generation: 7, stopTimeout: 5000 }),
    new SupervisorError.TaskUnstoppable({ supervisor, task, generation: 7 }),
    new SupervisorError.CommandSuperseded({ supervisor, task, command: "restart", by: "kill" }),
    new SupervisorError.SupervisorClosed({ supervisor })
  ]
  it("a document that uses them names each of them once, by its tag", () => {
    const { definitions } = Schema.toJsonSchemaDocument(
      Schema.Struct({
        command: SupervisorErrorSchema.CommandError,
        reconfigure: SupervisorErrorSchema.ReconfigureError
      })
    )
    assert.sameMembers(Object.keys(definitions), [...new Set(commands.map(({ _tag }) => _tag)), "InvalidOptions"])
  })

  it.each(commands.map((error) => [error._tag, error] as const))("%s arrives as what was sent", (_, error) => {
    const arrived = sent(SupervisorErrorSchema.CommandError, error)
    assert.instanceOf(arrived, error.constructor as new() => unknown)
    assert.deepStrictEqual(dataOf(arrived), dataOf(error))
    assert.isTrue(Equal.equals(arrived, error))
    assert.strictEqual(Hash.hash(arrived), Hash.hash(error))
    assert.strictEqual(arrived.message, error.message)
  })

  it("InvalidOptions, TaskStopped and TooManyDeadTasks arrive as what was sent", () => {
    const invalid = new SupervisorError.InvalidOptions({ supervisor, why: "intensity.restarts is -1" })
    assert.deepStrictEqual(dataOf(sent(SupervisorErrorSchema.ReconfigureError, invalid)), dataOf(invalid))
    const stopped = new SupervisorError.TaskStopped({ supervisor, task, runs: 3 })
    assert.strictEqual(sent(SupervisorErrorSchema.TaskStopped, stopped).message, stopped.message)
    const dead = new SupervisorError.TooManyDeadTasks({ dead: 2, total: 3, threshold: 0.5 })
    assert.strictEqual(sent(SupervisorErrorSchema.TooManyDeadTasks, dead).message, dead.message)
  })

  it("what is no such error is refused", () => {
    const decode = Schema.decodeUnknownSync(SupervisorErrorSchema.CommandError)
    assert.throws(() => decode({ _tag: "TaskNotFound", supervisor }), /task/)
    assert.throws(() => decode({ _tag: "TaskLost", supervisor, task }))
  })

  it.effect("TaskDead arrives with the typed cause of its last failure", () =>
    Effect.gen(function*() {
      const running = yield* Supervisor.make({ name: "root" })
      const handle = yield* running.add(
        Task.make("job", Effect.fail(new Refused({ code: 7 })), { restart: { times: 0 } })
      )
      const dead = failureOf(yield* within(handle.await, "1 minute"))
      assert(dead._tag === "TaskDead")
      const arrived = sent(SupervisorErrorSchema.TaskDead(Refused), dead)
      assert.instanceOf(arrived, SupervisorError.TaskDead)
      assert.strictEqual(arrived.message, dead.message)
      const error = Cause.squash(arrived.cause)
      assert.instanceOf(error, Refused)
      assert.strictEqual(error.code, 7)
    }))

  it.effect("SupervisorError arrives with why, whose error it was, and its report", () =>
    Effect.gen(function*() {
      const job = Task.make("job", Effect.fail(new Refused({ code: 7 })), {
        restart: { times: 0 },
        whenDead: "escalate"
      })
      const gaveUp = failureOf(yield* within(Supervisor.run({ name: "root", tasks: [job] }), "1 minute"))
      const arrived = sent(SupervisorErrorSchema.SupervisorError(Refused), gaveUp)
      assert.instanceOf(arrived, SupervisorError.SupervisorError)
      assert.strictEqual(arrived.message, gaveUp.message)
      assert.deepStrictEqual(arrived.report.statuses.map(({ _tag, task }) => [task, _tag]), [["job", "Dead"]])
      assert(arrived.reason._tag === "TaskDead")
      assert.instanceOf(Cause.squash(arrived.reason.cause), Refused)
    }))

  it.effect("of a task that was added while it ran, the error arrives as a defect does", () =>
    Effect.gen(function*() {
      const running = yield* Supervisor.make({ name: "root" })
      yield* running.add(
        Task.make("job", Effect.fail(new Net()), { restart: { times: 0 }, whenDead: "escalate" })
      )
      const gaveUp = failureOf(yield* within(running.await, "1 minute"))
      const arrived = sent(SupervisorErrorSchema.SupervisorError(Schema.Never), gaveUp)
      assert(arrived.reason._tag === "DynamicTaskDead")
      assert.strictEqual(arrived.message, gaveUp.message)
      const error = Cause.squash(arrived.reason.dead.cause)
      assert.instanceOf(error, Error)
      assert.strictEqual(error.name, "Net")
    }))
})
