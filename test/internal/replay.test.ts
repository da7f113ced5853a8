/**
 * Equal history, equal decisions: what a supervisor decided is decided again by `decide` alone, from the recorded
 * events and their times.
 */
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import { decide } from "../../src/internal/decide.ts"
import * as Loop from "../../src/internal/loop.ts"
import type { Decision, Event, State } from "../../src/internal/state.ts"
import { makeState } from "../../src/internal/state.ts"
import { live } from "../promises/check.ts"
import { stalling } from "../promises/flavours.ts"
import type { History } from "../promises/history.ts"
import { bound } from "../promises/history.ts"
import { holds, printSeed } from "../promises/properties.ts"
import { anything } from "../promises/siblings.ts"

printSeed("replays")

interface Decided {
  readonly event: Event
  readonly now: number
  readonly decisions: ReadonlyArray<Decision>
}

const record = (history: History): ReadonlyArray<Decided> => {
  const recorded: Array<Decided> = []
  const recorder: Loop.Recorder = (event, now, decisions) => recorded.push({ event, now, decisions })
  live(history, Context.make(Loop.Recording, recorder))
  return recorded
}

const fresh = ({ options }: History): State =>
  makeState({
    startedAt: 0,
    strategy: options.strategy,
    intensity: options.intensity === "none" ? undefined : options.intensity,
    autoShutdown: options.autoShutdown,
    group: undefined,
    healthCheck: { initialDelay: options.initialDelay, interval: options.interval },
    maxDeadFraction: options.maxDeadFraction === "none" ? undefined : options.maxDeadFraction,
    whenAllCompleted: options.whenAllCompleted,
    shutdownTimeout: bound(options.shutdownTimeout)
  }, options.listed)

const again = (history: History): void => {
  const state = fresh(history)
  for (const { decisions, event, now } of record(history)) {
    assert.deepStrictEqual(decide(state, event, now), decisions)
  }
}

/** Everything that a run can tell. */
const tellings = (id: number, generation: number, now: number): ReadonlyArray<Event> => {
  const cause = Cause.die("stale")
  return [
    { _tag: "Begun", id, generation },
    { _tag: "Beat", id, generation, sign: { at: now, seen: now, details: "stale" } },
    { _tag: "ProbeFailed", id, generation, cause },
    { _tag: "Unwinding", id, generation },
    { _tag: "Ended", id, generation, outcome: { _tag: "Success" }, byItself: true },
    {
      _tag: "Ended",
      id,
      generation,
      outcome: { _tag: "Failure", reason: { _tag: "Failed", cause }, directive: "escalate" },
      byItself: true
    },
    { _tag: "Answered", id, generation, answer: { _tag: "Delay", delay: 0 } },
    { _tag: "Answered", id, generation, answer: { _tag: "Died", cause } }
  ]
}

const withStale = (history: History): void => {
  const state = fresh(history)
  const ids = new Set<number>()
  for (const { decisions, event, now } of record(history)) {
    assert.deepStrictEqual(decide(state, event, now), decisions)
    if (event._tag === "Add") ids.add(event.id)
    if (event._tag !== "Rest") continue
    for (const id of ids) {
      const stale = state.entries.has(id) ? state.entries.get(id)!.generation - 1 : 1
      for (const old of tellings(id, stale, now)) assert.deepStrictEqual(decide(state, old, now), [])
    }
  }
}

describe("a recorded history", () => {
  holds("is decided again by decide alone, with the same decisions", {}, 500, again)

  holds("of stalls and jumps is decided again with the same decisions", stalling, 300, again)

  holds("of siblings is decided again with the same decisions", anything, 300, again)

  holds("leads to the same decisions whatever old runs tell in between", {}, 300, withStale)

  holds("of siblings leads to the same decisions whatever old runs tell in between", anything, 200, withStale)
})
