import { type Backend, openBackend } from "../../kernels/mod.ts";
import { type LearningOutcome, type LearningTask, runLearningTask } from "./learning_task.ts";

/** On which device retrainings run. */
export interface LearningDeviceOptions {
  /** Its kind; the CPU's WASM kernels where left out. */
  readonly backend?: "wasm" | "webgpu";
  /** Takes a software GPU adapter too. */
  readonly allowFallbackAdapter?: boolean;
}

/**
 * Where retrainings run, one after the other: on the device asked for, or on the CPU where that is lost
 * or cannot be had. A device that failed is asked for again with the next retraining.
 */
export class LearningDevice {
  readonly #open: (() => Promise<Backend>) | undefined;
  #device: Promise<Backend> | undefined;
  #cpu: Promise<Backend> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param open Opens the device; the CPU alone where left out. */
  constructor(open?: () => Promise<Backend>) {
    this.#open = open;
  }

  /** For what options name. */
  static of({ backend, allowFallbackAdapter }: LearningDeviceOptions): LearningDevice {
    if (backend !== "webgpu") return new LearningDevice();
    return new LearningDevice(() => openBackend("webgpu", { allowFallbackAdapter }));
  }

  /** Does a task when those before it are done. */
  run(task: LearningTask): Promise<LearningOutcome> {
    const outcome = this.#last.then(() => this.#do(task));
    this.#last = outcome.catch(() => {});
    return outcome;
  }

  /** Gives the devices back. */
  dispose(): void {
    giveBack(this.#device);
    giveBack(this.#cpu);
  }

  async #do(task: LearningTask): Promise<LearningOutcome> {
    if (this.#open !== undefined) {
      try {
        this.#device ??= this.#open();
        return await runLearningTask(await this.#device, task);
      } catch {
        // Whatever kept the device from it, the CPU does it from the start; a task that cannot be done
        // fails there too, and says why.
        giveBack(this.#device);
        this.#device = undefined;
      }
    }
    this.#cpu ??= openBackend("wasm");
    return await runLearningTask(await this.#cpu, task);
  }
}

function giveBack(opening: Promise<Backend> | undefined): void {
  opening?.then((backend) => backend.dispose(), () => {});
}
