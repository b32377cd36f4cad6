import { join } from "node:path";
import type { Clock } from "../../streams/mod.ts";
import { type TensorBoardEvent, tensorBoardStream } from "../interop/tensorboard.ts";

/** A TensorBoard event file that grows while something is trained. */
export class TensorBoardLog {
  readonly #clock: Clock;
  readonly #writer: WritableStreamDefaultWriter<TensorBoardEvent>;
  readonly #written: Promise<void>;

  private constructor(file: Deno.FsFile, clock: Clock) {
    const { writable, readable } = tensorBoardStream();
    this.#clock = clock;
    this.#writer = writable.getWriter();
    this.#written = readable.pipeTo(file.writable);
    // Told when the log is closed, not as an unhandled rejection meanwhile.
    this.#written.catch(() => {});
  }

  /** Begins a file in a folder, which is made where it is missing. */
  static async open(folder: string, clock: Clock): Promise<TensorBoardLog> {
    await Deno.mkdir(folder, { recursive: true });
    const name = `events.out.tfevents.${Math.floor(clock.now() / 1000)}.tickcast`;
    return new TensorBoardLog(await Deno.create(join(folder, name)), clock);
  }

  /** Adds what is known of a step. */
  write(
    step: number,
    scalars: Readonly<Record<string, number>>,
    histograms?: Readonly<Record<string, ArrayLike<number>>>,
  ): void {
    this.#writer.write({ step, time: this.#clock.now(), scalars, histograms }).catch(() => {});
  }

  /** Waits until everything is in the file. @throws {Error} when it could not be written. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#written;
  }
}
