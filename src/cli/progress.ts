/** At most this often: a terminal shows no more, and drawing costs more than a step. */
const INTERVAL_MS = 100;
/** Characters of the bar. */
const BAR_WIDTH = 20;

/** One line on stderr that says how far long work has come. Draws nothing where nobody watches. */
export class Progress {
  readonly #label: string;
  readonly #draw: ((text: string) => void) | undefined;
  readonly #startedMs = performance.now();
  #drawnMs = 0;

  /** @param draw Where to draw, or undefined where nobody watches. */
  constructor(label: string, draw: ((text: string) => void) | undefined) {
    this.#label = label;
    this.#draw = draw;
  }

  /** Shows `done` of `total` (unknown where 0), and a word on the state. */
  update(done: number, total = 0, note = ""): void {
    if (this.#draw === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < INTERVAL_MS) return;
    this.#drawnMs = nowMs;
    const perSecond = done / Math.max(1e-3, (nowMs - this.#startedMs) / 1000);
    const share = total > 0 ? ` ${bar(done / total)}` : "";
    const rate = `${Math.round(perSecond).toLocaleString("en")}/s`;
    this.#draw(`\r\x1b[K${this.#label}${share}  ${done.toLocaleString("en")}  ${rate}  ${note}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#drawnMs > 0) this.#draw?.("\r\x1b[K");
  }
}

function bar(share: number): string {
  const filled = Math.round(BAR_WIDTH * Math.min(1, share));
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${
    (100 * share).toFixed(0).padStart(3)
  } %`;
}

/** Draws on stderr, where nothing is drawn through a pipe. */
export function drawOnTerminal(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
