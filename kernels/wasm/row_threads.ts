import type { WasmExports } from "./exports.ts";
import { RowBoard, type RowCall } from "./row_board.ts";

/** What a worker is started with. */
export interface RowWorkerSetup {
  /** The kernels, compiled. */
  readonly module: WebAssembly.Module;
  /** Their memory, shared. */
  readonly memory: WebAssembly.Memory;
  /** The board's memory. */
  readonly board: SharedArrayBuffer;
  /** How many threads there are, the caller's among them. */
  readonly threads: number;
  /** Which of them it is, from 1. */
  readonly thread: number;
}

/** Multiply-adds from which rows are shared out among threads that are awake: fifty microseconds of one. */
const WORK_MIN = 800_000;

/**
 * How many times as much is worth waking threads for, which takes twenty to fifty microseconds and may put
 * one on the caller's own core.
 */
const WAKING = 5;

/** Steps at once after each other from which the next ones are worth it too: more than a network of two layers. */
const STREAK = 4;

/** Milliseconds between two steps that follow at once. */
const AT_ONCE_MS = 0.05;

/** Pieces of the least that is shared out: beside a piece, taking it is nothing. */
const PIECES_MIN = 4;

/** How long a worker may take to start: one that was not found says so, one that is blocked does not. */
const START_LIMIT_MS = 10_000;

/** How long rows may take before the worker that took them is held for dead: they take milliseconds. */
const ROWS_LIMIT_MS = 10_000;

/** How {@linkcode RowThreads} waits, and for whom. */
export interface RowThreadsOptions {
  /** Starts a worker. */
  readonly startWorker?: () => Worker;
  /** How long rows that a worker took may take. */
  readonly rowsLimitMs?: number;
  /** Multiply-adds from which rows are shared out. */
  readonly workMin?: number;
}

/** A kernel of rows, bound to its arguments. */
export interface SharedRows {
  /** The call, as it is posted. */
  readonly words: Int32Array;
  /** Rows from which sharing pays. */
  readonly rowsMin: number;
  /** Does rows on the caller's thread. */
  readonly alone: (rows: number) => void;
  /** Refuses what must not run, before any thread writes. */
  readonly check?: (rows: number) => void;
}

/**
 * The threads of a backend: the caller's, and workers that instantiate the same module over the same memory.
 * What rows come to does not depend on who does them.
 */
export class RowThreads {
  readonly #exports: WasmExports;
  readonly #board: RowBoard;
  readonly #workers: readonly Worker[];
  readonly #limitMs: number;
  readonly #workMin: number;
  #count: number;
  #streak = 0;
  #endedMs = 0;

  private constructor(
    exports: WasmExports,
    board: RowBoard,
    workers: readonly Worker[],
    { rowsLimitMs = ROWS_LIMIT_MS, workMin = WORK_MIN }: RowThreadsOptions,
  ) {
    this.#exports = exports;
    this.#board = board;
    this.#workers = workers;
    this.#limitMs = rowsLimitMs;
    this.#workMin = workMin;
    this.#count = workers.length + 1;
  }

  /**
   * Starts the workers.
   *
   * @param module The kernels, importing shared memory.
   * @param memory That memory.
   * @param exports The caller's own instance of them.
   * @param count How many threads, the caller's among them.
   * @throws {Error} when a worker does not start.
   */
  static async open(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    exports: WasmExports,
    count: number,
    options: RowThreadsOptions = {},
  ): Promise<RowThreads> {
    const { startWorker = startRowWorker } = options;
    const board = RowBoard.memory();
    const workers: Worker[] = [];
    try {
      await Promise.all(Array.from({ length: count - 1 }, (_, k) => {
        const worker = startWorker();
        workers.push(worker);
        return started(worker, { module, memory, board, threads: count, thread: k + 1 });
      }));
    } catch (error) {
      for (const worker of workers) worker.terminate();
      throw error;
    }
    const threads = new RowThreads(exports, new RowBoard(board, count), workers, options);
    for (const worker of workers) {
      worker.onerror = (event): void => {
        event.preventDefault();
        threads.dispose();
      };
    }
    return threads;
  }

  /** How many there are; 1 once the workers were sent home. */
  get count(): number {
    return this.#count;
  }

  /**
   * Binds a kernel.
   *
   * @param call Its arguments.
   * @param alone Does rows on the caller's thread.
   * @param check Refuses what must not run.
   */
  bind(call: RowCall, alone: SharedRows["alone"], check?: SharedRows["check"]): SharedRows {
    return {
      words: RowBoard.bind(call, this.#workMin / PIECES_MIN),
      rowsMin: Math.ceil(this.#workMin / call.work),
      alone,
      check,
    };
  }

  /**
   * Does rows: few on the caller's thread, many on all.
   *
   * @param shared The bound kernel.
   * @param rows How many rows.
   * @param scratch Where there is room for the intermediate results of all threads.
   * @throws {Error} when a worker did not finish: what its rows hold is then unknown, and later steps run
   * on one thread.
   */
  run(shared: SharedRows, rows: number, scratch: number): void {
    const { rowsMin, alone, check } = shared;
    if (rows < rowsMin || this.#count === 1) return alone(rows);
    this.#streak = performance.now() - this.#endedMs < AT_ONCE_MS ? this.#streak + 1 : 0;
    if (rows >= WAKING * rowsMin || this.#streak >= STREAK || this.#board.awake) {
      check?.(rows);
      this.#share(shared, rows, scratch);
    } else alone(rows);
    this.#endedMs = performance.now();
  }

  #share({ words }: SharedRows, rows: number, scratch: number): void {
    this.#board.post(words, rows, scratch);
    try {
      this.#board.work(this.#exports, 0);
      if (this.#board.finish(this.#limitMs)) return;
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.dispose();
    throw new Error(
      "A thread of the WASM backend died over its rows: their states are lost. It goes on with one thread",
    );
  }

  /** Sends the workers home. */
  dispose(): void {
    this.#count = 1;
    this.#board.end();
    for (const worker of this.#workers) worker.terminate();
  }
}

function startRowWorker(): Worker {
  return new Worker(new URL("./row_worker.ts", import.meta.url), {
    type: "module",
    name: "kernels",
  });
}

/** Resolves when a worker waits for rows. */
function started(worker: Worker, setup: RowWorkerSetup): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new Error(`a worker did not start within ${START_LIMIT_MS / 1000} s`));
    }, START_LIMIT_MS);
    worker.onmessage = (): void => {
      clearTimeout(late);
      resolve();
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      clearTimeout(late);
      reject(new Error(`a worker did not start: ${event.message}`));
    };
    worker.postMessage(setup);
  });
}
