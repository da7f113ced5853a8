import { assert, describe, it } from "@effect/vitest"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as Table from "../../../src/cli/table.ts"
import * as Text from "../../../src/cli/text.ts"

const now = 1_000_000

const status = (task: string, of: Partial<TaskStatus> & { readonly _tag: TaskStatus["_tag"] }): TaskStatus =>
  ({
    task,
    path: `app/${task}`,
    since: now - 5000,
    generation: 1,
    runs: 1,
    attempt: 0,
    startedAt: now - 65_000,
    ...of
  }) as TaskStatus

const failure = (message: string, ago = 3000) => ({
  kind: "Failed" as const,
  message,
  details: "",
  generation: 1,
  at: now - ago
})

const statuses: ReadonlyArray<TaskStatus> = [
  status("http", { _tag: "Healthy" }),
  status("orders", {
    _tag: "Failed",
    generation: 3,
    attempt: 2,
    restartAt: now + 1850,
    lastFailure: failure("CardExpired: the card for order 7 has expired")
  }),
  status("licence", {
    _tag: "Dead",
    why: "Exhausted",
    generation: 4,
    attempt: 3,
    lastFailure: failure("LicenceEnded: the licence ended 3 days ago", 70_000)
  }),
  status("stuck", { _tag: "Stopping", overdue: true })
]

const picture = (more: Partial<Table.Picture> = {}): Table.Picture => ({
  now,
  supervisors: [{ path: "app", since: now - 65_000, statuses }],
  log: [],
  ...more
})

const render = (width: number, height = 20, more?: Partial<Table.Picture>): ReadonlyArray<string> =>
  Table.render(picture(more), { width, height, colors: false, branches: true })

describe("the live table", () => {
  it("shows status, generation, uptime, attempts, last failure and next restart", () => {
    assert.deepStrictEqual(render(150), [
      "app  up 1m 05s  4 tasks: 1 Healthy, 1 Failed, 1 Stopping, 1 Dead",
      "TASK     STATUS              GENERATION  UPTIME  ATTEMPTS  LAST FAILURE" + " ".repeat(67) + "NEXT RESTART",
      "http     Healthy                      1  1m 05s         0  –" + " ".repeat(89) + "–",
      "orders   Failed                       3       –         2  3s ago: CardExpired: the card for order 7 has expired" +
      " ".repeat(31) + "in 1.8s",
      "licence  Dead (exhausted)             4       –         3  1m 10s ago: LicenceEnded: the licence ended 3 days ago" +
      " ".repeat(32) + "never",
      "stuck    Stopping (overdue)           1  1m 05s         0  –" + " ".repeat(89) + "–"
    ])
  })

  it("shortens its columns, then does without some, before a failure cannot be read", () => {
    assert.deepStrictEqual(render(72).slice(1, 4), [
      "TASK     STATUS     GEN  UPTIME  ATT  LAST FAILURE                  NEXT",
      "http     Healthy      1  1m 05s    0  –                                –",
      "orders   Failed       3       –    2  3s ago: CardExpired: the c…   1.8s"
    ])
    assert.deepStrictEqual(render(50).slice(1, 4), [
      "TASK     STATUS     GEN  LAST FAILURE         NEXT",
      "http     Healthy      1  –                       –",
      "orders   Failed       3  3s ago: CardExpir…   1.8s"
    ])
    assert.deepStrictEqual(
      render(24).slice(1, 4),
      [
        "TASK     STATUS",
        "http     Healthy",
        "orders   Failed"
      ].map((line) => line.padEnd(18))
    )
  })

  it("never writes a line wider, or a screen higher, than there is room for", () => {
    const odd = [
      ...statuses,
      status("漢字".repeat(40), {
        _tag: "Dead",
        why: "NotRestartable",
        lastFailure: failure("漢字 \u001B[2J\n👩‍👩‍👧‍👦".repeat(50))
      }),
      ...Array.from({ length: 50 }, (_, index) => status(`worker-${index}`, { _tag: "Healthy" }))
    ]
    const log = Array.from(
      { length: 30 },
      (_, index) => ({ at: now, text: `line ${index} ${"漢".repeat(80)}`, tone: "plain" as const })
    )
    const supervisors = ["app", "other", "third"].map((path) => ({ path, since: now, statuses: odd }))
    for (const width of [1, 7, 20, 33, 45, 60, 80, 100, 150]) {
      for (const height of [1, 2, 5, 12, 40]) {
        const lines = render(width, height, { supervisors, log, footer: "Ctrl-C stops everything in order" })
        assert.isAtMost(lines.length, height)
        for (const line of lines) assert.isAtMost(Text.width(line), width, line)
      }
    }
  })

  it("lets nothing that a task says reach the terminal as a control character", () => {
    const lines = render(120, 20, {
      supervisors: [{
        path: "app",
        since: now,
        statuses: [status("a\u001B[2J", { _tag: "Failed", lastFailure: failure("x\u001B]0;t\u0007\r\ny") })]
      }],
      log: [{ at: now, text: "log\u001B[H\nged", tone: "plain" }]
    })
    assert.notMatch(lines.join(""), /\p{Cc}/u)
    assert.include(lines.join("\n"), "3s ago: x y")
  })

  it("shows what needs a look where not all fit, and counts the rest", () => {
    const many = [
      ...Array.from({ length: 30 }, (_, index) => status(`worker-${index}`, { _tag: "Healthy" })),
      status("killed", { _tag: "Dead", why: "Killed" }),
      status("broken", { _tag: "Dead", why: "Exhausted" })
    ]
    const lines = render(80, 6, { supervisors: [{ path: "app", since: now, statuses: many }] })
    assert.strictEqual(lines.length, 6)
    assert.deepStrictEqual(lines.slice(2, 5).map((line) => line.split(" ")[0]), ["worker-0", "worker-1", "broken"])
    assert.strictEqual(lines[5], "… and 29 more tasks: 28 Healthy, 1 Dead")
  })

  it("keeps the newest lines of the log, and four of them on a full screen", () => {
    const log = Array.from({ length: 30 }, (_, index) => ({ at: now, text: `line ${index}`, tone: "plain" as const }))
    assert.deepStrictEqual(
      render(80, 10, { log }).slice(-4).map((line) => line.slice(9)),
      ["line 26", "line 27", "line 28", "line 29"]
    )
    const many = Array.from({ length: 50 }, (_, index) => status(`worker-${index}`, { _tag: "Healthy" }))
    const full = render(80, 12, { log, supervisors: [{ path: "app", since: now, statuses: many }] })
    assert.strictEqual(full.filter((line) => line.includes("line 2")).length, 4)
    assert.include(full.join("\n"), "more tasks")
    const low = render(80, 7, { log, supervisors: [{ path: "app", since: now, statuses: many }] })
    assert.strictEqual(low.filter((line) => line.includes("line 2")).length, 2)
    assert.match(low[2] ?? "", /^worker-0/)
  })

  it("says how each supervisor stands", () => {
    const titles = [
      undefined,
      { gaveUp: false },
      { gaveUp: true },
      { gaveUp: false, at: now - 5000 },
      { gaveUp: true, at: now }
    ].map((ending) => render(80, 9, { supervisors: [{ path: "app", since: now - 65_000, statuses: [], ending }] })[0])
    assert.deepStrictEqual(titles, [
      "app  up 1m 05s  no tasks",
      "app  stopping  no tasks",
      "app  gives up  no tasks",
      "app  ended after 1m 00s  no tasks",
      "app  gave up after 1m 05s  no tasks"
    ])
  })

  it("shows several supervisors one below the other, in the same columns", () => {
    const lines = render(100, 20, {
      supervisors: [
        { path: "one", since: now, statuses: [status("a", { _tag: "Healthy" })] },
        { path: "two", since: now, statuses: [status("much-longer", { _tag: "Completed" })] }
      ]
    })
    assert.deepStrictEqual(lines.map((line) => line.split("  ")[0]), [
      "one",
      "TASK",
      "a",
      "",
      "two",
      "TASK",
      "much-longer"
    ])
    assert.strictEqual(lines[2]?.indexOf("Healthy"), lines[6]?.indexOf("Completed"))
  })

  it("shows the tasks of a supervisor below it, and what keeps them from running", () => {
    const tree = [
      status("http", { _tag: "Healthy" }),
      status("orders", { _tag: "Healthy" }),
      status("connection", {
        _tag: "Failed",
        path: "app/orders/connection",
        generation: 2,
        attempt: 2,
        restartAt: now + 2000,
        lastFailure: failure("Refused: 503")
      }),
      status("billing", {
        _tag: "Failed",
        path: "app/orders/billing",
        restartAt: now + 2000,
        sibling: "connection",
        lastFailure: failure("CardExpired", 60_000)
      }),
      status("couriers", { _tag: "Healthy" }),
      status("1", { _tag: "Healthy", path: "app/couriers/1" })
    ]
    const pauses = new Map([["app/couriers", now + 3456], ["app/orders", now]])
    const supervisors = [{ path: "app", since: now - 65_000, statuses: tree, pauses }]
    assert.deepStrictEqual(render(100, 20, { supervisors }).map((line) => line.replace(/ {3,}/g, "  ")), [
      "app  up 1m 05s  6 tasks: 4 Healthy, 2 Failed",
      "TASK  STATUS  GEN  UPTIME  ATTEMPTS  LAST FAILURE  RESTART",
      "http  Healthy  1  1m 05s  0  –  –",
      "orders  Healthy  1  1m 05s  0  –  –",
      "├ connection  Failed  2  –  2  3s ago: Refused: 503  in 2.0s",
      "└ billing  Failed  1  –  0  restarts with connection  in 2.0s",
      "couriers  Healthy  1  1m 05s  0  restarts are paused for 3.4s  –",
      "└ 1  Healthy  1  1m 05s  0  –  –"
    ])
    const plain = Table.render(picture({ supervisors }), { width: 60, height: 20, colors: false, branches: false })
    assert.deepStrictEqual(plain.slice(4, 6).map((line) => line.slice(0, 20)), [
      "  connection  Failed",
      "  billing     Failed"
    ])
  })

  it("says at the top that the topmost supervisor pauses restarts, and at its task that one with a name of its own does", () => {
    const tree = [
      status("import", { _tag: "Healthy" }),
      status("one", { _tag: "Healthy", path: "app/import/files/one" })
    ]
    const supervisors = [{
      path: "app",
      since: now,
      statuses: tree,
      pauses: new Map([["app", now + 500], ["app/import/files", now + 1500]])
    }]
    const lines = render(110, 20, { supervisors })
    assert.strictEqual(lines[0], "app  up 0s  restarts are paused for 0.5s  2 tasks: 2 Healthy")
    assert.include(lines[2], "restarts are paused for 1.5s")
    assert.match(lines[3] ?? "", /^└ files\/one/)
    const ended = [{ ...supervisors[0]!, ending: { gaveUp: true } }]
    assert.notInclude(render(110, 20, { supervisors: ended }).join("\n"), "paused")
  })

  it("tells many tasks of one supervisor as a count, and shows those among them that need a look", () => {
    const sessions = Array.from({ length: 10_000 }, (_, index) =>
      status(String(index + 1), {
        _tag: "Healthy",
        path: `app/sessions/${index + 1}`,
        ...(index === 4711 ? { _tag: "Failed", restartAt: now + 900, lastFailure: failure("hung up") } : {})
      }))
    const statuses = [status("sessions", { _tag: "Healthy" }), ...sessions, status("http", { _tag: "Healthy" })]
    const supervisors = [{ path: "app", since: now, statuses }]
    assert.deepStrictEqual(render(80, 40, { supervisors }).map((line) => line.slice(0, 48).trimEnd()), [
      "app  up 0s  10,002 tasks: 10,001 Healthy, 1 Fail",
      "TASK      STATUS   GEN  UPTIME  ATT  LAST FAILUR",
      "sessions  Healthy    1  1m 05s    0  –",
      "├ 4712    Failed     1       –    0  3s ago: hun",
      "└ … and 9,999 more tasks: 9,999 Healthy",
      "http      Healthy    1  1m 05s    0  –"
    ])
  })

  it("colours the status alone, and only where colours are wanted", () => {
    const lines = Table.render(picture(), { width: 120, height: 20, colors: true, branches: true })
    assert.include(lines[2], "\u001B[32mHealthy")
    assert.include(lines[3], "\u001B[33mFailed")
    assert.include(lines[4], "\u001B[31mDead (exhausted)")
    assert.strictEqual(lines[4]?.split("\u001B").length, 3)
    assert.deepStrictEqual(lines.map(Text.clean), render(120).map((line) => line.trim()))
  })
})
