import * as Heartbeat from "effect-supervisor/Heartbeat"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"

class Db extends Context.Service<Db, { readonly ping: Effect.Effect<number, "gone"> }>()("Db") {}
class Pace extends Context.Service<Pace, { readonly millis: number }>()("Pace") {}

declare const paced: Schedule.Schedule<number, unknown, never, Pace>

describe("Heartbeat", () => {
  test("beats are effects that need and fail with nothing", () => {
    expect(Heartbeat.beat).type.toBe<Effect.Effect<void>>()
    expect(Heartbeat.beatWith({ at: 1 })).type.toBe<Effect.Effect<void>>()
    expect(Effect.map(Heartbeat.beater, (beat) => beat())).type.toBe<Effect.Effect<void>>()
    expect(Stream.make(1).pipe(Stream.tap(() => Heartbeat.beat))).type.toBe<Stream.Stream<1>>()
  })

  test("details are JSON", () => {
    expect(Heartbeat.beatWith).type.not.toBeCallableWith(() => 1)
    expect(Heartbeat.beatWith).type.not.toBeCallableWith({ at: new Date() })
  })

  test("a probe may succeed and fail with anything", () => {
    expect(Heartbeat.probe(Effect.succeed(1))).type.toBe<Heartbeat.Probe<never>>()
    expect(Heartbeat.probe(Effect.fail("gone"))).type.toBe<Heartbeat.Probe<never>>()
    expect(Heartbeat.probe(Effect.flatMap(Db, (db) => db.ping))).type.toBe<Heartbeat.Probe<Db>>()
    expect(Heartbeat.probe(Effect.flatMap(Db, (db) => db.ping), { schedule: paced })).type.toBe<
      Heartbeat.Probe<Db | Pace>
    >()
    expect(Heartbeat.probe).type.not.toBeCallableWith(1)
  })
})
