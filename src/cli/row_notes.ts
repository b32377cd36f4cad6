import type { Status, StatusListener } from "../../streams/mod.ts";

/** Rows told one by one; a wrong column would else tell every row of the file. */
const TOLD_MAX = 10;

/** Tells the rows of a file that cannot be used: the first ones with line and reason, then their number. */
export class RowNotes {
  readonly #note: (line: string) => void;
  #count = 0;

  /** @param note Writes a line for people. */
  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  /** Rows refused so far. */
  get count(): number {
    return this.#count;
  }

  /** Hears of refused rows, and of parts that run with less than they should. */
  readonly onStatus: StatusListener = (status: Status): void => {
    if (status.kind === "degraded") this.#note(`${status.part}: ${status.detail}`);
    if (status.kind !== "rejected") return;
    if (this.#count < TOLD_MAX) this.#note(status.detail);
    this.#count += status.count;
  };

  /** Tells how many there were beyond those told. */
  end(): void {
    if (this.#count > TOLD_MAX) this.#note(`${this.#count} rows could not be used`);
  }
}
