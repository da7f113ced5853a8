/**
 * The supervision runtime for Effect.
 *
 * @since 0.1.0
 */
export * as Heartbeat from "./Heartbeat.ts"
export * as RestartPolicy from "./RestartPolicy.ts"
export * as SlotPool from "./SlotPool.ts"
export * as SlotPoolError from "./SlotPoolError.ts"
export * as SlotPoolEvent from "./SlotPoolEvent.ts"
export * as SlotPoolMetrics from "./SlotPoolMetrics.ts"
export * as SlotPoolStore from "./SlotPoolStore.ts"
export * as Supervisor from "./Supervisor.ts"
export * as SupervisorError from "./SupervisorError.ts"
export * as SupervisorErrorSchema from "./SupervisorErrorSchema.ts"
export * as SupervisorEvent from "./SupervisorEvent.ts"
export * as SupervisorMetrics from "./SupervisorMetrics.ts"
export * as Task from "./Task.ts"
export * as TaskGroup from "./TaskGroup.ts"
export * as TaskStatus from "./TaskStatus.ts"
