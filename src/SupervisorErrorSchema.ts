/**
 * The errors of `SupervisorError` as schemas, for what goes over a wire: each
 * decodes to an instance of its class. They stand apart from the classes, so
 * that programs that send nothing do without them. In a JSON Schema document
 * each is known by its tag.
 *
 * **Gotchas**
 *
 * `Schema.is` of one tells whether it is an instance of the class, not what is in
 * it: of which type an error's cause is shows as it is encoded.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Errors from "./SupervisorError.ts"
import { DeadReason, FinalReport } from "./TaskStatus.ts"

const ofSupervisor = { supervisor: Schema.String }
const ofTask = { ...ofSupervisor, task: Schema.String }

/** The codec of a class from the fields that it is made with. */
const codec = <Error extends { readonly _tag: string }, Tag extends Error["_tag"], Fields extends Schema.Struct.Fields>(
  Class: new(data: Schema.Struct.Type<Fields>) => Error,
  tag: Tag,
  fields: Fields
) =>
  Schema.TaggedStruct(tag, fields).annotate({ identifier: tag }).pipe(
    Schema.decodeTo(
      Schema.instanceOf(Class),
      SchemaTransformation.transform({
        // The tag is the class's own: data that have one too would be equal to none that has not.
        decode: (data) => {
          const { _tag: _, ...fields } = data as { readonly _tag: Tag }
          return new Class(fields as Schema.Struct.Type<Fields>)
        },
        encode: (error) => error as never
      })
    )
  )

/**
 * @since 0.1.0
 * @category schemas
 */
export const TaskNotFound = codec(Errors.TaskNotFound, "TaskNotFound", ofTask)

/**
 * @since 0.1.0
 * @category schemas
 */
export const TaskAlreadyExists = codec(Errors.TaskAlreadyExists, "TaskAlreadyExists", ofTask)

/**
 * @since 0.1.0
 * @category schemas
 */
export const MaxTasksReached = codec(Errors.MaxTasksReached, "MaxTasksReached", { ...ofTask, maxTasks: Schema.Int })

/**
 * @since 0.1.0
 * @category schemas
 */
export const InvalidOptions = codec(Errors.InvalidOptions, "InvalidOptions", { ...ofSupervisor, why: Schema.String })

/**
 * @since 0.1.0
 * @category schemas
 */
export const TaskAlreadyRunning = codec(Errors.TaskAlreadyRunning, "TaskAlreadyRunning", {
  ...ofTask,
  generation: Schema.Int
})

/**
 * @since 0.1.0
 * @category schemas
 */
export const TaskUnstoppable = codec(Errors.TaskUnstoppable, "TaskUnstoppable", {
  ...ofTask,
  generation: Schema.Int,
  stopTimeout: Schema.optionalKey(Schema.Finite)
})

/**
 * @since 0.1.0
 * @category schemas
 */
export const CommandSuperseded = codec(Errors.CommandSuperseded, "CommandSuperseded", {
  ...ofTask,
  command: Schema.String,
  by: Schema.String
})

/**
 * @since 0.1.0
 * @category schemas
 */
export const SupervisorClosed = codec(Errors.SupervisorClosed, "SupervisorClosed", ofSupervisor)

/**
 * @since 0.1.0
 * @category schemas
 */
export const TaskStopped = codec(Errors.TaskStopped, "TaskStopped", { ...ofTask, runs: Schema.Int })

/**
 * @since 0.1.0
 * @category schemas
 */
export const TooManyDeadTasks = codec(Errors.TooManyDeadTasks, "TooManyDeadTasks", {
  dead: Schema.Int,
  total: Schema.Int,
  threshold: Schema.Finite
})

/**
 * Everything a command can fail with.
 *
 * @since 0.1.0
 * @category schemas
 */
export const CommandError = Schema.Union([
  TaskNotFound,
  TaskAlreadyExists,
  MaxTasksReached,
  TaskAlreadyRunning,
  TaskUnstoppable,
  CommandSuperseded,
  SupervisorClosed
])

/**
 * What `reconfigure` can fail with.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ReconfigureError = Schema.Union([InvalidOptions, TaskAlreadyExists, TaskUnstoppable, SupervisorClosed])

const causeOf = <E extends Schema.Top>(error: E) => Schema.Cause(error, Schema.Defect())

/**
 * A task that is dead, by the schema of its errors. What it died of otherwise is
 * sent as `Schema.Defect` does: its name, its message and what it was caused by.
 *
 * @since 0.1.0
 * @category schemas
 */
export const TaskDead = <E extends Schema.Top>(error: E) =>
  codec<Errors.TaskDead<E["Type"]>, "TaskDead", ReturnType<typeof deadFields<E>>>(
    Errors.TaskDead,
    "TaskDead",
    deadFields(error)
  )

const deadFields = <E extends Schema.Top>(error: E) => ({
  ...ofTask,
  why: DeadReason,
  runs: Schema.Int,
  failure: Schema.String,
  cause: causeOf(error)
})

/**
 * More restarts than a supervisor's `intensity` allows, by the schema of its
 * tasks' errors.
 *
 * @since 0.1.0
 * @category schemas
 */
export const TooManyRestarts = <E extends Schema.Top>(error: E) =>
  codec<Errors.TooManyRestarts<E["Type"]>, "TooManyRestarts", ReturnType<typeof exceededFields<E>>>(
    Errors.TooManyRestarts,
    "TooManyRestarts",
    exceededFields(error)
  )

const exceededFields = <E extends Schema.Top>(error: E) => ({
  task: Schema.String,
  restarts: Schema.Int,
  within: Schema.Finite,
  failure: Schema.String,
  cause: causeOf(error)
})

/**
 * A supervisor that gave up, by the schema of its tasks' errors. Those of tasks
 * that were added while it ran are not known to it: they are sent as
 * `Schema.Defect` does.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SupervisorError = <E extends Schema.Top>(error: E) =>
  codec<Errors.SupervisorError<E["Type"]>, "SupervisorError", ReturnType<typeof gaveUpFields<E>>>(
    Errors.SupervisorError,
    "SupervisorError",
    gaveUpFields(error)
  )

const gaveUpFields = <E extends Schema.Top>(error: E) => ({
  ...ofSupervisor,
  reason: Schema.Union([
    TaskDead(error),
    codec(Errors.DynamicTaskDead, "DynamicTaskDead", { dead: TaskDead(Schema.Defect()) }),
    TooManyDeadTasks,
    TooManyRestarts(error),
    codec(Errors.DynamicTooManyRestarts, "DynamicTooManyRestarts", { exceeded: TooManyRestarts(Schema.Defect()) })
  ]),
  report: FinalReport
})
