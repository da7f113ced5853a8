/**
 * A task's handle: two fields, whatever it can be asked. What it is asked for is made when it is.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as SupervisorError from "../SupervisorError.ts"
import type { TaskStatus } from "../TaskStatus.ts"
import type { Supervised } from "./run.ts"
import { pathOf } from "./run.ts"
import type { Target } from "./state.ts"
import type { CommandName } from "./words.ts"

/** What a supervisor does for its handles. */
export interface Handled {
  readonly command: <Refusal>(name: CommandName, target: Target) => Effect.Effect<void, Refusal>
  readonly status: (
    target: Target
  ) => Effect.Effect<TaskStatus, SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed>
  readonly changes: (target: Target) => Stream.Stream<TaskStatus>
  readonly await: (
    task: Supervised
  ) => Effect.Effect<unknown, SupervisorError.TaskDead | SupervisorError.TaskStopped>
}

export class Handle<A, E> {
  readonly #handled: Handled
  readonly #task: Supervised

  constructor(handled: Handled, task: Supervised) {
    this.#handled = handled
    this.#task = task
  }

  get name(): string {
    return this.#task.name
  }
  get path(): string {
    return pathOf(this.#task)
  }
  get await() {
    return this.#handled.await(this.#task) as Effect.Effect<
      A,
      SupervisorError.TaskDead<E> | SupervisorError.TaskStopped
    >
  }
  get status() {
    return this.#handled.status(this.#task)
  }
  get changes() {
    return this.#handled.changes(this.#task)
  }
  get start() {
    return this.#handled.command<Unstarted>("start", this.#task)
  }
  get restart() {
    return this.#handled.command<Unended>("restart", this.#task)
  }
  get stop() {
    return this.#handled.command<Unended>("stop", this.#task)
  }
  get kill() {
    return this.#handled.command<Unended>("kill", this.#task)
  }
  get remove() {
    return this.#handled.command<Unended>("remove", this.#task)
  }
}

type Unreachable = SupervisorError.TaskNotFound | SupervisorError.SupervisorClosed
type Unstarted = Unreachable | SupervisorError.TaskAlreadyRunning | SupervisorError.CommandSuperseded
type Unended = Unreachable | SupervisorError.TaskUnstoppable | SupervisorError.CommandSuperseded
