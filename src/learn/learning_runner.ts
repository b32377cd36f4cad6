import { LearningDevice, type LearningDeviceOptions } from "./learning_device.ts";
import type { LearningOutcome, LearningTask } from "./learning_task.ts";

/** Does retrainings, one after the other, aside from whoever asks. */
export interface LearningRunner {
  /**
   * Does one. The same task gives the same outcome wherever it runs on the same kind of device.
   *
   * @throws {Error} when it could not be done.
   */
  run(task: LearningTask): Promise<LearningOutcome>;
  /** Gives everything back; what is under way is dropped and never settles. */
  dispose(): void;
}

/** What goes to the worker. */
export interface WorkerRequest {
  /** Which one. */
  readonly id: number;
  /** What is to be done. */
  readonly task: LearningTask;
  /** On which device; the first request decides. */
  readonly device: LearningDeviceOptions;
}

/** What comes back. */
export interface WorkerAnswer {
  /** To which request. */
  readonly id: number;
  /** What came of it; missing where it failed. */
  readonly outcome?: LearningOutcome;
  /** Why it failed. */
  readonly error?: string;
}

interface Waiting {
  resolve(outcome: LearningOutcome): void;
  reject(error: Error): void;
}

/**
 * Runs retrainings in a Worker, so that no tick waits for one. The Worker starts with the first task.
 */
export class WorkerRunner implements LearningRunner {
  #worker: Worker | undefined;
  #next = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #device: LearningDeviceOptions;

  /** @param device On which device the Worker trains. */
  constructor(device: LearningDeviceOptions = {}) {
    this.#device = device;
  }

  /** Sends a task to the worker. */
  run(task: LearningTask): Promise<LearningOutcome> {
    this.#worker ??= this.#start();
    const id = this.#next++;
    const outcome = new Promise<LearningOutcome>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#worker.postMessage({ id, task, device: this.#device } satisfies WorkerRequest);
    return outcome;
  }

  /** Ends the worker. */
  dispose(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#waiting.clear();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./learning_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>): void => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.outcome) waiting?.resolve(data.outcome);
      else waiting?.reject(new Error(data.error ?? "The training worker gave no outcome"));
    };
    worker.onerror = (event: ErrorEvent): void => {
      event.preventDefault();
      worker.terminate();
      this.#worker = undefined;
      const failed = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of failed) {
        reject(new Error(`The training worker ended: ${event.message}`));
      }
    };
    return worker;
  }
}

/** Runs retrainings where it is called, for places without Workers: ticks wait for them there. */
export class InlineRunner implements LearningRunner {
  readonly #device: LearningDevice;

  /** @param device On which device. */
  constructor(device: LearningDeviceOptions = {}) {
    this.#device = LearningDevice.of(device);
  }

  /** Does a task when those before it are done. */
  run(task: LearningTask): Promise<LearningOutcome> {
    return this.#device.run(task);
  }

  /** Gives the device back. */
  dispose(): void {
    this.#device.dispose();
  }
}
