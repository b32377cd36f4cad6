/** Counts the connections that stay open: WebSockets and event streams together. */
export class ConnectionLimit {
  /** How many may be open. */
  readonly max: number;
  #open = 0;

  /** Starts with none. */
  constructor(max: number) {
    this.max = max;
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  /** Takes a place: what gives it back, once, or undefined where none is free. */
  take(): (() => void) | undefined {
    if (this.#open >= this.max) return undefined;
    this.#open++;
    let held = true;
    return (): void => {
      if (held) this.#open--;
      held = false;
    };
  }
}
