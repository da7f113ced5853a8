import { Broken } from "../promises/broken.ts"

export const same = (what: string, promised: unknown, seen: unknown): void => {
  const [one, other] = [promised, seen].map((value) => JSON.stringify(value, undefined, 1))
  if (one !== other) throw new Broken(`${what}: promised is ${one}, seen was ${other}`)
}
