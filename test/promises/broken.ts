/** A promise that does not hold: what was promised, and what was seen. */
export class Broken extends Error {
  override readonly name = "Broken"
}
