// The board on which rows to be done are posted, in memory that all threads see. Rows are taken, not given:
// whoever is free takes a piece of those that are left, so that a thread that is late, asleep or gone costs
// nothing, and pieces get smaller towards the end, so that all end together (guided self-scheduling,
// Polychronopoulos and Kuck 1987).

import type { WasmExports } from "./exports.ts";

/** The kernels that run on some rows of many. */
export type RowKernel = "step" | "linear";

/** A kernel with its arguments. */
export interface RowCall {
  readonly kernel: RowKernel;
  /** The arguments for the first row; what stands for the number of rows is filled in. */
  readonly args: readonly number[];
  /** Which of them is the number of rows. */
  readonly rowsAt: number;
  /** What each of them grows by from one row to the next. */
  readonly strides: readonly number[];
  /** Multiply-adds of a row. */
  readonly work: number;
  /** Bytes of scratch each thread needs, whole cache lines; it is the argument behind the last. */
  readonly scratchBytes: number;
}

/** Arguments of a kernel at most: those of `step`. Others do not look at what is behind theirs. */
const ARGUMENTS = 12;

// The board's words. Those that all threads write stand on cache lines of their own.
/** Rows that nobody has taken; {@linkcode ENDED} when there will be none. */
const LEFT = 0;
/** Threads that wait for rows. */
const SLEEPING = 16;
/** Rows that are not done; negative when a thread failed. */
const UNDONE = 32;
/** What is to be done: see {@linkcode RowBoard.bind}. */
const CALL = 48;
const KERNEL = CALL;
const ROWS_AT = CALL + 1;
/** Rows of a piece at least. */
const PIECE = CALL + 2;
const SCRATCH_BYTES = CALL + 3;
const ARGS = CALL + 4;
const STRIDES = ARGS + ARGUMENTS;
const ROWS = STRIDES + ARGUMENTS;
const SCRATCH = ROWS + 1;
/** Words of a board. */
const WORDS = SCRATCH + 1;

const ENDED = -1;
const FAILED = -(2 ** 30);

/** Pieces end where tiles of six rows do (`assembly/tiles.ts`); rows beside tiles take longer. */
const TILE_ROWS = 6;

/**
 * Looks at a word before a thread sleeps, some ten microseconds: the next layer follows at once, the next
 * step may be long in coming, and until then the core is someone else's.
 */
const LOOKS = 200;

/** How long a worker sleeps at most: Deno ends a worker only when it has returned to its event loop. */
const SLEEP_MS = 1000;

/** Has the processor rest between two looks, where the engine knows how. */
const pause = (Atomics as { pause?: () => void }).pause ?? ((): void => {});

/** See above. Its methods say on which side they are called. */
export class RowBoard {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #threads: number;
  readonly #canSleep: boolean;
  readonly #call: number[] = new Array<number>(ARGUMENTS).fill(0);

  /** @param memory What {@linkcode RowBoard.memory} gave. @param threads Who takes from it. */
  constructor(memory: SharedArrayBuffer, threads: number) {
    this.#words = new Int32Array(memory);
    this.#threads = threads;
    this.#canSleep = canSleep(this.#words);
  }

  /** The memory of an empty board. */
  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * WORDS);
  }

  /** A call as words that are quickly posted. @param pieceWork Multiply-adds of a piece at least. */
  static bind(call: RowCall, pieceWork: number): Int32Array {
    const { kernel, rowsAt, args, strides, work, scratchBytes } = call;
    const words = new Int32Array(ROWS - CALL);
    const piece = TILE_ROWS * Math.ceil(pieceWork / (TILE_ROWS * work));
    words.set([kernel === "step" ? 0 : 1, rowsAt, piece, scratchBytes]);
    words.set(args, ARGS - CALL);
    words.set(strides, STRIDES - CALL);
    return words;
  }

  /** Whether all workers are awake. */
  get awake(): boolean {
    return Atomics.load(this.#words, SLEEPING) === 0;
  }

  /** The caller's side: posts rows and wakes who sleeps. */
  post(call: Int32Array, rows: number, scratch: number): void {
    const words = this.#words;
    words.set(call, CALL);
    words[ROWS] = rows;
    words[SCRATCH] = scratch;
    Atomics.store(words, UNDONE, rows);
    Atomics.store(words, LEFT, rows);
    if (Atomics.load(words, SLEEPING) > 0) {
      Atomics.notify(words, LEFT, Math.ceil(rows / words[PIECE]) - 1);
    }
  }

  /** Every thread's: takes rows and does them until none are left. @returns Whether it got any. */
  work(exports: WasmExports, thread: number): boolean {
    const words = this.#words;
    let worked = false;
    for (let left = Atomics.load(words, LEFT); left > 0; left = Atomics.load(words, LEFT)) {
      // Were this word of another job by now, it would still be a number of rows that may be taken.
      const rows = Math.min(left, Math.max(words[PIECE], share(left, this.#threads)));
      if (Atomics.compareExchange(words, LEFT, left, left - rows) !== left) continue;
      // From here on the job cannot end before these rows are done.
      this.#run(exports, words[ROWS] - left, rows, thread);
      if (Atomics.sub(words, UNDONE, rows) === rows) Atomics.notify(words, UNDONE);
      worked = true;
    }
    return worked;
  }

  /**
   * A worker's side: does rows whenever there are any.
   *
   * @returns Whether there may be more: false when the board has ended, true when there were none for a
   * second and the engine is to have its turn.
   */
  serve(exports: WasmExports, thread: number): boolean {
    // Who was woken too late has no reason to stay up.
    for (let looks = 0; looks > 0 || this.#sleep();) {
      if (this.work(exports, thread)) looks = LOOKS;
      else if (looks > 0) {
        looks--;
        pause();
      }
    }
    return Atomics.load(this.#words, LEFT) !== ENDED;
  }

  /** A worker's side: tells that it could not do rows that it took. */
  fail(): void {
    Atomics.store(this.#words, UNDONE, FAILED);
    Atomics.notify(this.#words, UNDONE);
  }

  /**
   * The caller's side: waits until all rows are done.
   *
   * @param limitMs How long it waits without any being done.
   * @returns Whether all were done.
   */
  finish(limitMs: number): boolean {
    const words = this.#words;
    for (let look = 0; look < LOOKS; look++) {
      const undone = Atomics.load(words, UNDONE);
      if (undone <= 0) return undone === 0;
      pause();
    }
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const undone = Atomics.load(words, UNDONE);
      if (undone <= 0) return undone === 0;
      // A page's own thread may not sleep; what it waits for is less than a millisecond's work.
      if (!this.#canSleep) pause();
      else if (Atomics.wait(words, UNDONE, undone, limitMs) !== "timed-out") continue;
      if (performance.now() > untilMs) return false;
    }
  }

  /** The caller's side: sends every worker home. */
  end(): void {
    Atomics.store(this.#words, LEFT, ENDED);
    Atomics.notify(this.#words, LEFT);
  }

  /** @returns Whether it was woken for rows. */
  #sleep(): boolean {
    const words = this.#words;
    Atomics.add(words, SLEEPING, 1);
    const woken = Atomics.wait(words, LEFT, 0, SLEEP_MS);
    Atomics.sub(words, SLEEPING, 1);
    return woken !== "timed-out" && Atomics.load(words, LEFT) !== ENDED;
  }

  #run({ step, linear }: WasmExports, first: number, rows: number, thread: number): void {
    const words = this.#words;
    const call = this.#call;
    for (let k = 0; k < ARGUMENTS; k++) call[k] = words[ARGS + k] + first * words[STRIDES + k];
    call[words[ROWS_AT]] = rows;
    call[ARGUMENTS - 1] = words[SCRATCH] + thread * words[SCRATCH_BYTES];
    const kernel = (words[KERNEL] === 0 ? step : linear) as (...args: number[]) => unknown;
    kernel(...call);
  }
}

/** Rows of a piece when `left` are left: a half of what each thread would get. */
function share(left: number, threads: number): number {
  return TILE_ROWS * Math.ceil(left / (2 * TILE_ROWS * threads));
}

/** Whether this thread may wait: a page's own may not, and says so before it looks at the word. */
function canSleep(words: Int32Array<SharedArrayBuffer>): boolean {
  try {
    Atomics.wait(words, CALL, 1 + words[CALL], 0);
    return true;
  } catch {
    return false;
  }
}
