import type { Clock, StatusListener, Tick } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Appended, FeedCursor, StateStore } from "../state/store.ts";

/** Ticks taken through the pipeline at once: enough to fill a batched step, few enough to stay quick. */
const BATCH_TICKS_MAX = 4096;
/** Accepted ticks that may wait for the pipeline; beyond, `accept` waits. A second of a fast feed. */
const WAITING_TICKS_MAX = 65_536;
/** A checkpoint at least so often, so that a restart replays no more than a few seconds of work. */
const CHECKPOINT_EVERY_TICKS = 50_000;
/** Also by time, so that a slow feed's journal stays short. */
const CHECKPOINT_EVERY_MS = 60_000;
/** Rebuilds in a row before the engine gives up: a lost device returns within a few, a bug never does. */
const REBUILDS_MAX = 5;
/** Wait before the second rebuild; it doubles from there. */
const REBUILD_DELAY_MS = 100;

/** What a {@linkcode DurableEngine} is made of. */
export interface DurableEngineOptions {
  /** Where accepted ticks and checkpoints are kept. The engine does not close it. */
  readonly store: StateStore;
  /** A fresh pipeline: its present state is the one before the first tick. */
  readonly pipeline: Pipeline;
  /** Where time comes from. */
  readonly clock: Clock;
  /**
   * Takes forecasts, in order. The engine waits for it, and no checkpoint passes what it has not taken,
   * so what it fails to take comes again. `replayed`: the forecasts may have been taken before.
   */
  readonly emit: (forecasts: readonly Forecast[], replayed: boolean) => void | Promise<void>;
  /** Hears of rebuilds. */
  readonly onStatus?: StatusListener;
  /** Accepted ticks that may wait for the pipeline. */
  readonly waitingTicksMax?: number;
  /** A checkpoint after so many ticks. */
  readonly checkpointEveryTicks?: number;
  /** A checkpoint after so long. */
  readonly checkpointEveryMs?: number;
}

/**
 * Accept → journal → acknowledge → process → emit, and all of it again after a crash.
 *
 * A tick is acknowledged when it is in the journal. State is the last checkpoint plus the journal after
 * it, so whatever goes wrong after the acknowledgement (a crash, a lost device, a sink that fails) is
 * mended in one way: go back to the checkpoint and replay. Forecasts then come again, identical.
 */
export class DurableEngine {
  readonly #store: StateStore;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #emit: DurableEngineOptions["emit"];
  readonly #onStatus: StatusListener;
  readonly #waitingTicksMax: number;
  readonly #checkpointEveryTicks: number;
  readonly #checkpointEveryMs: number;
  /** The pipeline before its first tick. */
  readonly #genesis: Snapshot;
  readonly #queue: Appended[] = [];
  /** Ticks in the queue or on their way into it. */
  #waiting = 0;
  #applied = 0;
  #checkpointed = 0;
  #checkpointedMs = 0;
  #rebuilds = 0;
  #saving: Promise<boolean> | undefined;
  /** Who asked for a checkpoint; one serves them all. */
  #asked: ((saved: boolean) => void)[] = [];
  /** The admission of the last call of `accept`; the next one waits for it. */
  #admission: Promise<void> = Promise.resolve();
  #wakeLoop: (() => void) | undefined;
  #wakeAccept: (() => void) | undefined;
  #closing = false;
  #stopped = false;
  #failure: Error | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: DurableEngineOptions) {
    this.#store = options.store;
    this.#pipeline = options.pipeline;
    this.#clock = options.clock;
    this.#emit = options.emit;
    this.#onStatus = options.onStatus ?? (() => {});
    this.#waitingTicksMax = options.waitingTicksMax ?? WAITING_TICKS_MAX;
    this.#checkpointEveryTicks = options.checkpointEveryTicks ?? CHECKPOINT_EVERY_TICKS;
    this.#checkpointEveryMs = options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS;
    this.#genesis = options.pipeline.snapshot();
  }

  /**
   * Brings the pipeline to where the journal ends, emitting what may not have left before, and starts.
   *
   * @throws {SyntaxError} when the checkpoint is of another configuration.
   */
  static async open(options: DurableEngineOptions): Promise<DurableEngine> {
    const engine = new DurableEngine(options);
    try {
      await engine.#rebuild();
    } catch (error) {
      await engine.#mend(error);
    }
    engine.#ended = engine.#run();
    return engine;
  }

  /** The number of the last tick that was applied and whose forecasts were taken. */
  get applied(): number {
    return this.#applied;
  }

  /** Accepted ticks that wait for the pipeline, and ticks being accepted. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Why the engine stopped; undefined while it is well. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Takes ticks in. They survive a crash from the moment this resolves; it waits while the pipeline is
   * too far behind.
   *
   * @throws {JournalError} when they could not be made durable; send them again later.
   * @throws {RangeError} when there are more than may ever wait.
   */
  async accept(ticks: readonly Tick[], cursor?: FeedCursor): Promise<Appended> {
    if (ticks.length > this.#waitingTicksMax) {
      throw new RangeError(
        `Cannot accept ${ticks.length} ticks at once: the limit is ${this.#waitingTicksMax}`,
      );
    }
    const before = this.#admission;
    const admission = this.#admit(before, ticks.length);
    this.#admission = admission.catch(() => {});
    await admission;
    let appended: Appended;
    try {
      appended = await this.#store.append(ticks, cursor);
    } catch (error) {
      this.#release(ticks.length);
      throw error;
    }
    this.#release(ticks.length - appended.ticks.length);
    this.#queue.push(appended);
    this.#wakeLoop?.();
    return appended;
  }

  /**
   * Saves where the pipeline stands, between two batches: within one, its state is ahead of what was
   * taken. False when it could not be saved, or the engine has stopped.
   */
  checkpoint(): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      this.#wakeLoop?.();
    });
  }

  /** Finishes what was accepted, saves a checkpoint and stops. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wakeLoop?.();
    this.#wakeAccept?.();
    await this.#ended;
    await this.#saving;
    if (this.#failure === undefined && this.#applied > this.#checkpointed) await this.#save();
  }

  /** Waits, behind earlier callers, until there is room. */
  async #admit(before: Promise<void>, count: number): Promise<void> {
    await before;
    while (this.#waiting + count > this.#waitingTicksMax) {
      this.#refuseWhenStopped();
      await new Promise<void>((resolve) => this.#wakeAccept = resolve);
    }
    this.#refuseWhenStopped();
    this.#waiting += count;
  }

  #refuseWhenStopped(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing) throw new Error("Cannot accept ticks: the engine is closing");
  }

  #release(count: number): void {
    this.#waiting -= count;
    this.#wakeAccept?.();
    // What was on its way may not come after all, and closing waits for it.
    this.#wakeLoop?.();
  }

  async #run(): Promise<void> {
    try {
      while (true) {
        if (this.#asked.length > 0) await this.#saveAsked();
        if (this.#queue.length === 0) {
          if (this.#closing && this.#waiting === 0) return;
          await new Promise<void>((resolve) => this.#wakeLoop = resolve);
          continue;
        }
        await this.#takeQueued();
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#onStatus({ kind: "degraded", part: "engine", detail: this.#failure.message });
      this.#wakeAccept?.();
    } finally {
      this.#stopped = true;
      for (const resolve of this.#asked.splice(0)) resolve(false);
    }
  }

  async #takeQueued(): Promise<void> {
    const ticks: Tick[] = [];
    let count = 0;
    let last = this.#applied;
    while (this.#queue.length > 0 && count < BATCH_TICKS_MAX) {
      const appended = this.#queue.shift() as Appended;
      count += appended.ticks.length;
      // A rebuild may have taken them out of the journal already.
      const known = Math.max(0, last - appended.first + 1);
      ticks.push(...(known === 0 ? appended.ticks : appended.ticks.slice(known)));
      last = Math.max(last, appended.first + appended.ticks.length - 1);
    }
    try {
      await this.#apply(ticks, last, false);
      this.#rebuilds = 0;
    } catch (error) {
      await this.#mend(error);
    }
    this.#release(count);
  }

  /** Takes ticks through, the last of which has the number `last`. */
  async #apply(ticks: readonly Tick[], last: number, replayed: boolean): Promise<void> {
    if (ticks.length === 0) return;
    const forecasts = await this.#pipeline.process(ticks);
    await this.#emit(forecasts, replayed);
    this.#applied = last;
    const sinceMs = this.#clock.now() - this.#checkpointedMs;
    const due = this.#applied - this.#checkpointed >= this.#checkpointEveryTicks ||
      // A clock set back must not put checkpoints off.
      sinceMs >= this.#checkpointEveryMs || sinceMs < 0;
    if (due && this.#saving === undefined) this.#save();
  }

  /** Starts saving where the pipeline stands now, while it goes on. One at a time, between two batches. */
  #save(): Promise<boolean> {
    const sequence = this.#applied;
    const snapshot = this.#pipeline.snapshot();
    this.#checkpointedMs = this.#clock.now();
    const save = async (): Promise<boolean> => {
      const saved = await this.#store.saveCheckpoint(snapshot, sequence);
      if (saved) this.#checkpointed = sequence;
      this.#saving = undefined;
      return saved;
    };
    return this.#saving = save();
  }

  async #saveAsked(): Promise<void> {
    await this.#saving;
    const asked = this.#asked;
    this.#asked = [];
    this.#save().then((saved) => asked.forEach((resolve) => resolve(saved)));
  }

  /** After an error the pipeline's state is unknown: go back to the checkpoint and replay. */
  async #mend(error: unknown): Promise<void> {
    while (true) {
      // State of another configuration stays so; anything else may pass.
      if (error instanceof SyntaxError || this.#rebuilds === REBUILDS_MAX) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      this.#onStatus({ kind: "degraded", part: "engine", detail });
      if (this.#rebuilds > 0) {
        await this.#clock.sleep(REBUILD_DELAY_MS * 2 ** (this.#rebuilds - 1));
      }
      this.#rebuilds++;
      try {
        await this.#saving;
        await this.#rebuild();
        this.#onStatus({ kind: "recovered", part: "engine" });
        return;
      } catch (again) {
        error = again;
      }
    }
  }

  async #rebuild(): Promise<void> {
    const checkpoint = await this.#store.loadCheckpoint();
    this.#pipeline.restore(checkpoint?.snapshot ?? this.#genesis);
    this.#applied = this.#checkpointed = checkpoint?.sequence ?? 0;
    this.#checkpointedMs = this.#clock.now();
    for (const record of this.#store.replay(this.#applied)) {
      if (record.kind !== "ticks") continue;
      // Where a part of a damaged journal is gone, the numbers after it stay what they are.
      const known = Math.max(0, this.#applied - record.first + 1);
      const last = record.first + record.ticks.length - 1;
      await this.#apply(known === 0 ? record.ticks : record.ticks.slice(known), last, true);
    }
  }
}
