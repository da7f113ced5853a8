/**
 * The tasks of a supervisor: what each of them is now, and what it will be from its next run on.
 */
import type * as Task from "../Task.ts"
import { isSupervisor } from "./nesting.ts"
import type { Definition, Subtree, Supervised } from "./run.ts"
import type { State } from "./state.ts"
import { Table } from "./table.ts"

/** A task of a list. */
type Listed = Pick<Task.Task<unknown, unknown, unknown>, "effect" | "name" | "options">

const isOf = (task: Definition, there: Definition): boolean =>
  there.effect === task.effect && there.options.own === task.options.own

export class Registry {
  readonly tasks = new Table<Supervised>()
  /** The tasks that are supervisors, as far as is known. */
  readonly nested = new Set<number>()
  /** What changed tasks will be from their next run on. */
  readonly #successors = new Map<number, Supervised>()
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  readonly task = (id: number): Supervised => {
    const task = this.tasks.get(id)
    if (task === undefined) throw new Error(`a decision names task ${id}, which is not there`)
    return task
  }

  /** The supervisors in the newest run of a task. */
  subtrees(id: number): ReadonlyArray<Subtree> {
    return this.nested.has(id) ? this.task(id).run?.subtrees ?? [] : []
  }

  /** Takes note of a task that is to be run. */
  adopt(task: Supervised): void {
    this.tasks.set(task.id, task)
    this.#marked(task)
  }

  #marked(task: Supervised): void {
    if (isSupervisor(task.effect)) this.nested.add(task.id)
    else this.nested.delete(task.id)
  }

  forget(id: number): void {
    this.tasks.delete(id)
    this.nested.delete(id)
    this.#successors.delete(id)
  }

  /** What a task of a list is here: the same as the one that is there, or another. */
  isSame(task: Supervised): boolean {
    const there = this.definition(task.name)
    if (there === undefined) return false
    const { own: { version } } = task.options
    return (version !== undefined && version === there.options.own.version) || isOf(task, there)
  }

  /** A task as it was defined last: the one that runs next, and what it is. */
  defined(name: string): { readonly supervised: Supervised; readonly definition: Definition } | undefined {
    const entry = this.#state.names.get(name)
    const supervised = entry === undefined ? undefined : this.#successors.get(entry.id) ?? this.tasks.get(entry.id)
    return supervised === undefined ? undefined : { supervised, definition: supervised.revised ?? supervised }
  }

  definition(name: string): Definition | undefined {
    return this.defined(name)?.definition
  }

  /** The tasks of the list, as they were defined last. */
  listed(): ReadonlyArray<Listed> {
    return Array.from(this.#state.names.values()).filter((entry) => entry.listed).map(({ id, name }) => {
      const { effect, options } = this.definition(name) ?? this.task(id)
      return { name, effect, options: options.own }
    })
  }

  /** What a changed task will be from its next run on. */
  successor(id: number): Supervised | undefined {
    return this.#successors.get(id)
  }

  /** Takes over what a task of a new list is, from its next run on. */
  redefine(id: number, task: Supervised, isSame: boolean): void {
    const there = this.#successors.get(id) ?? this.tasks.get(id)
    if (there === undefined) return
    const { context, effect, listed, options } = task
    if (isSame) there.revised = { context, effect, listed, options }
    else this.#successors.set(id, { ...task, id })
  }

  /** What the next run of a task is: the same, revised, or another task from here on. */
  succeed(task: Supervised): Supervised {
    const { id } = task
    const successor = this.#successors.get(id) ?? task
    if (successor !== task) {
      this.#successors.delete(id)
      this.tasks.set(id, successor)
    }
    const { revised } = successor
    if (revised !== undefined) {
      if (successor.options.policy !== revised.options.policy) successor.step = undefined
      Object.assign(successor, revised)
      successor.revised = undefined
    }
    // Whatever the run before was: this one has not made a supervisor yet.
    if (successor !== task || revised !== undefined || this.nested.has(id)) this.#marked(successor)
    return successor
  }
}
