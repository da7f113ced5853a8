/**
 * Several processes in one world: each a machine of its own with its own event loop and clocks, all driven by hand. One
 * may stand still while the others go on, and one that is gone never does anything again.
 */
import { Alarms, Machine } from "../promises/machine.ts"
import type { Name } from "./history.ts"

export type Standing = "blocked" | "asleep" | "asleep, its clock too"

export class Process {
  readonly machine = new Machine()
  /** What is to happen in it beside Effect's sleepers: the work of jobs, the answers of the store. */
  readonly agenda = new Alarms()
  readonly name: Name
  /** Counts the processes of the world. */
  readonly number: number
  state: "running" | "standing" | "gone" = "running"
  /** How far its monotonic clock is behind the world's time: it stood while the machine slept. */
  lag = 0
  standsSince = 0
  wentOnAt = 0
  /** How long it has stood still, all in all. */
  stood = 0
  /** How often. */
  stalls = 0

  constructor(name: Name, number: number) {
    this.name = name
    this.number = number
  }

  /** When something is due in it, by the world's time. */
  get next(): number {
    return this.state === "running"
      ? Math.min(this.agenda.next, this.machine.sleepers.next + this.lag)
      : Number.POSITIVE_INFINITY
  }

  ring(): void {
    if (this.agenda.next <= this.machine.sleepers.next + this.lag) this.agenda.ring()
    else this.machine.sleepers.ring()
  }
}

const epoch = 1_000_000_000_000

export class Processes {
  now = 0
  readonly all: Array<Process> = []
  /** What happens to nobody in particular: in the store, and on the way there. */
  readonly agenda = new Alarms()
  /** Never stands still. */
  readonly outside = new Machine()

  begin(name: Name): Process {
    const process = new Process(name, this.all.length + 1)
    this.all.push(process)
    this.#tellTime()
    return process
  }

  #tellTime(): void {
    this.outside.now = this.now
    for (const { lag, machine, state } of this.all) {
      if (state !== "running") continue
      machine.now = this.now - lag
      machine.wallOffset = epoch + lag
    }
  }

  /** All turn their event loops until everybody waits for time to pass. */
  rest(): void {
    for (const { machine, state } of this.all) if (state === "running") machine.rest()
  }

  /** Time passes, and what is due happens one after another: `settle` is called after each. */
  pass(millis: number, settle: () => void): void {
    const until = this.now + millis
    while (true) {
      let first: { readonly next: number; readonly ring: () => void } = this.agenda
      for (const process of this.all) if (process.next < first.next) first = process
      if (first.next > until) break
      this.now = Math.max(this.now, first.next)
      this.#tellTime()
      first.ring()
      settle()
    }
    this.now = until
    this.#tellTime()
  }

  stand(process: Process): void {
    if (process.state !== "running") return
    process.state = "standing"
    process.standsSince = this.now
  }

  goOn(process: Process, how: Standing): void {
    if (process.state !== "standing") return
    const lost = this.now - process.standsSince
    process.state = "running"
    process.wentOnAt = this.now
    process.stood += lost
    process.stalls++
    if (how !== "blocked") process.agenda.defer(lost)
    if (how === "asleep") process.machine.sleepers.defer(lost)
    if (how === "asleep, its clock too") process.lag += lost
    this.#tellTime()
  }
}
