/**
 * Few colours: what is well is quiet, what needs a person is not. Pure.
 */
import type { DeadReason, TaskStatus } from "../TaskStatus.ts"

/** What a piece of text says of what it stands for. */
export type Tone = "plain" | "quiet" | "strong" | "good" | "warning" | "bad"

/** Gives a text its tone, where there are colours. */
export type Paint = (tone: Tone, text: string) => string

const codes: Record<Tone, string> = { plain: "", quiet: "2", strong: "1", good: "32", warning: "33", bad: "31" }

/** With colours, or leaving every text as it is. */
export const painter = (colors: boolean): Paint =>
  colors
    ? (tone, text) => codes[tone] === "" || text === "" ? text : `\u001B[${codes[tone]}m${text}\u001B[0m`
    : (_, text) => text

/** Dead by its policy, not by command. */
export const isGivenUp = (why: DeadReason): boolean => why !== "Killed" && why !== "ShutDown"

/** The tone of a status: whether a person is needed. */
export const ofStatus = (status: TaskStatus): Tone => {
  switch (status._tag) {
    case "Healthy":
      return "good"
    case "Failed":
      return "warning"
    case "Stopping":
      return status.overdue ? "bad" : "warning"
    case "Dead":
      return isGivenUp(status.why) ? "bad" : "quiet"
    case "Completed":
    case "Stopped":
      return "quiet"
    case "Created":
    case "Starting":
      return "plain"
  }
}
