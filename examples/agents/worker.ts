/**
 * A worker that knows nothing of Effect: any program that reads lines and writes lines can be one. It answers prompts,
 * one JSON a line; its art is to spell backwards. On request it goes wrong in all the ways that programs do.
 */
import process from "node:process"
import { createInterface } from "node:readline"

interface Request {
  readonly id: number
  readonly prompt: string
  /** Milliseconds. */
  readonly thinking: number
  readonly mischief?: "crash" | "exit" | "hang" | "babble" | "leak"
}

const megabyte = 2 ** 20
const hoard: Array<Buffer> = []
let deaf = false

const answer = ({ id, mischief, prompt, thinking }: Request): void => {
  switch (mischief) {
    case "crash":
      throw new Error("this worker was asked to crash")
    case "exit":
      return process.exit(0)
    case "hang":
      // Says nothing any more, to whatever it is asked.
      deaf = true
      return
    case "babble":
      return void process.stdout.write(")]}' <!doctype html>\n")
    case "leak":
      // Filled, or the system only promises it.
      hoard.push(Buffer.alloc(256 * megabyte, 1))
  }
  setTimeout(() => {
    const text = Array.from(prompt).toReversed().join("")
    const megabytes = Math.round(process.memoryUsage.rss() / megabyte)
    process.stdout.write(`${JSON.stringify({ id, text, megabytes })}\n`)
  }, thinking)
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (!deaf) answer(JSON.parse(line) as Request)
  })
  // However its owner ended, by `kill -9` too: its end of the pipe is closed then.
  .on("close", () => process.exit(0))
process.stdout.on("error", () => process.exit(0))
