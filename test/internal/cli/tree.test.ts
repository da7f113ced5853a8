import { assert, describe, it } from "@effect/vitest"
import type { TaskStatus } from "effect-supervisor/TaskStatus"
import * as Tree from "../../../src/cli/tree.ts"

const status = (path: string, of: Partial<TaskStatus> = {}): TaskStatus =>
  ({
    _tag: "Healthy",
    task: path.slice(path.lastIndexOf("/") + 1),
    path,
    since: 0,
    generation: 1,
    runs: 1,
    attempt: 0,
    ...of
  }) as TaskStatus

const failed = (path: string) => status(path, { _tag: "Failed" })

const show = (statuses: ReadonlyArray<TaskStatus>, room = 100, branches = Tree.drawn) => {
  const { rest, rows } = Tree.choose({ path: "app", statuses }, room, branches)
  return {
    rows: rows.map((row) => row.branch + (row._tag === "Task" ? row.name : `${row.statuses.length} more`)),
    rest: rest.map(({ path }) => path)
  }
}

const deep = [
  status("app/a"),
  status("app/a/b"),
  status("app/a/b/c"),
  status("app/a/b/c/d"),
  status("app/a/e"),
  status("app/a2"),
  status("app/a2/own/name"),
  status("app/f")
]

describe("the rows of a tree", () => {
  it("stand below each other as the tasks do", () => {
    assert.deepStrictEqual(show(deep), {
      rows: ["a", "├ b", "│ └ c", "│   └ d", "└ e", "a2", "└ own/name", "f"],
      rest: []
    })
    assert.deepStrictEqual(show(deep, 100, Tree.indented).rows, [
      "a",
      "  b",
      "    c",
      "      d",
      "  e",
      "a2",
      "  own/name",
      "f"
    ])
  })

  it("begin at the top where there is not room for all", () => {
    assert.deepStrictEqual(show(deep, 6), {
      rows: ["a", "├ b", "└ e", "a2", "f"],
      rest: ["app/a/b/c", "app/a/b/c/d", "app/a2/own/name"]
    })
    assert.deepStrictEqual(show(deep, 1), { rows: [], rest: deep.map(({ path }) => path) })
  })

  it("hold what needs a look before all else, with what it stands below", () => {
    const broken = deep.map((one) => one.path === "app/a/b/c/d" ? failed(one.path) : one)
    assert.deepStrictEqual(show(broken, 6).rows, ["a", "└ b", "  └ c", "    └ d", "a2"])
    // Not without it: then there is more to be seen from the top.
    assert.deepStrictEqual(show(broken, 4).rows, ["a", "a2", "f"])
  })

  it("do not hold a task back that waits for a sibling, nor one that was killed, before what failed itself", () => {
    const statuses = [
      status("app/waits", { _tag: "Failed", sibling: "fails" }),
      status("app/killed", { _tag: "Dead", why: "Killed" }),
      status("app/gone", { _tag: "Dead", why: "Exhausted" }),
      failed("app/fails"),
      status("app/stuck", { _tag: "Stopping", overdue: true })
    ]
    assert.deepStrictEqual(show(statuses, 4).rows, ["gone", "fails", "stuck"])
    assert.deepStrictEqual(show(statuses, 5).rows.length, 5)
  })

  const group = (size: number, name = "group", of: (index: number) => Partial<TaskStatus> = () => ({})) => [
    status(`app/${name}`),
    ...Array.from({ length: size }, (_, index) => status(`app/${name}/${index}`, of(index)))
  ]

  it("hold all of twelve tasks of one supervisor, and a count of more", () => {
    assert.strictEqual(show(group(12)).rows.length, 13)
    assert.deepStrictEqual(show(group(13)), { rows: ["group", "└ 13 more"], rest: [] })
  })

  it("hold those of many that need a look, but no more than twelve", () => {
    assert.deepStrictEqual(show(group(1000, "group", (index) => index === 7 ? { _tag: "Failed" } : {})).rows, [
      "group",
      "├ 7",
      "└ 999 more"
    ])
    const storm = show(group(1000, "group", () => ({ _tag: "Failed" }))).rows
    assert.deepStrictEqual([storm.length, storm.at(-1)], [14, "└ 988 more"])
  })

  it("count what is below those that are counted, and hold those that something below needs a look for", () => {
    const pairs = Array.from({ length: 20 }, (_, index) => [
      status(`app/pairs/${index}`),
      index === 3 ? failed(`app/pairs/${index}/left`) : status(`app/pairs/${index}/left`),
      status(`app/pairs/${index}/right`)
    ]).flat()
    assert.deepStrictEqual(show([status("app/pairs"), ...pairs, status("app/z")]).rows, [
      "pairs",
      "├ 3",
      "│ ├ left",
      "│ └ right",
      "└ 57 more",
      "z"
    ])
  })

  it("lose no task, however many there are and however little room", () => {
    const statuses = [
      ...deep,
      ...group(50, "many", (index) => index % 3 === 0 ? { _tag: "Failed" } : {}),
      ...Array.from({ length: 20_000 }, (_, index) => status(`app/top-${index}`))
    ]
    for (const room of [1, 2, 3, 5, 10, 30, 100]) {
      const { rest, rows } = Tree.choose({ path: "app", statuses }, room, Tree.drawn)
      const shown = rows.reduce((sum, row) => sum + (row._tag === "Task" ? 1 : row.statuses.length), 0)
      assert.strictEqual(shown + rest.length, statuses.length)
      assert.isAtMost(rows.length + 1, room)
    }
  })
})
