import type { Clock, StatusListener, Tick } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
import type { Pipeline } from "../pipeline.ts";
import { type Appended, type FeedCursor, JournalError, type StateStore } from "../state/store.ts";
import { CheckpointTaker } from "./checkpoint_taker.ts";
import { traced } from "./tracing.ts";

/** Ticks taken through the pipeline at once: enough to fill a batched step, few enough to stay quick. */
const BATCH_TICKS_MAX = 4096;
/** Accepted ticks that may wait for the pipeline; beyond, `accept` waits. A second of a fast feed. */
const WAITING_TICKS_MAX = 65_536;
/** A checkpoint at least so often, so that a restart replays no more than a few seconds of work. */
const CHECKPOINT_EVERY_TICKS = 50_000;
/** … but with pauses so many times as long as the last one took: it takes from the processor's time. */
const CHECKPOINT_PAUSES = 100;
/** Series whose state is copied at once while no ticks wait: half a millisecond's work, and ticks come first. */
const SERIES_AT_ONCE = 64;
/** After so many ticks a series is copied also where ticks never stop: those that have would stay out. */
const TICKS_FOR_A_SERIES = 16;
/** Also by time, so that a slow feed's journal stays short. */
const CHECKPOINT_EVERY_MS = 60_000;
/** Rebuilds in a row before the engine gives up: a lost device returns within a few, a bug never does. */
const REBUILDS_MAX = 5;
/** While ticks are refused, a checkpoint is tried so often: it lets go of the journal before it. */
const MAKE_ROOM_EVERY_MS = 5_000;
/** Operators' wishes that may wait for their turn: each is a deed of a person, not of a stream. */
const TURNS_WAITING_MAX = 64;
/** Wait before the second rebuild; it doubles from there. */
const REBUILD_DELAY_MS = 100;

/** Hears that so many ticks were forecast from, and the time since they came, their commit included. */
export type AppliedListener = (ticks: number, durationMs: number) => void;

/** An accepted batch that waits, and when it came (`performance.now()`: it decides nothing). */
interface Waiting extends Appended {
  readonly cameMs: number;
}

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
  /** Hears, for every accepted batch, that its forecasts were taken, and how long after its coming. */
  readonly onApplied?: AppliedListener;
  /** Accepted ticks that may wait for the pipeline. */
  readonly waitingTicksMax?: number;
  /** A checkpoint after so many ticks. */
  readonly checkpointEveryTicks?: number;
  /** A checkpoint after so long. */
  readonly checkpointEveryMs?: number;
}

/** Work that waits to run between two batches. */
interface Turn {
  readonly take: () => Promise<void>;
  readonly refuse: (error: Error) => void;
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
  readonly #onApplied: AppliedListener;
  readonly #waitingTicksMax: number;
  readonly #checkpointEveryTicks: number;
  readonly #checkpointEveryMs: number;
  /** The pipeline before its first tick. */
  readonly #genesis: Snapshot;
  readonly #queue: Waiting[] = [];
  /** What waits to run between two batches. */
  readonly #turns: Turn[] = [];
  /** Ticks in the queue or on their way into it. */
  #waiting = 0;
  #applied = 0;
  #checkpointed = 0;
  #checkpointedMs = 0;
  /** How long the last checkpoint took. */
  #savingMs = 0;
  #madeRoomMs = -Infinity;
  #rebuilds = 0;
  #saving: Promise<boolean> | undefined;
  /** Copies what is to be saved; part of `#saving`. */
  readonly #taker: CheckpointTaker;
  /** Whether a checkpoint is due and not begun yet. */
  #due = false;
  /** The admission of the last call of `accept`; the next one waits for it. */
  #admission: Promise<void> = Promise.resolve();
  #wakeLoop: (() => void) | undefined;
  #wakeAccept: (() => void) | undefined;
  #closing = false;
  #failure: Error | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: DurableEngineOptions) {
    this.#store = options.store;
    this.#pipeline = options.pipeline;
    this.#clock = options.clock;
    this.#emit = options.emit;
    this.#onStatus = options.onStatus ?? (() => {});
    this.#onApplied = options.onApplied ?? (() => {});
    this.#waitingTicksMax = options.waitingTicksMax ?? WAITING_TICKS_MAX;
    this.#checkpointEveryTicks = options.checkpointEveryTicks ?? CHECKPOINT_EVERY_TICKS;
    this.#checkpointEveryMs = options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS;
    this.#genesis = options.pipeline.snapshot();
    this.#taker = new CheckpointTaker(this.#pipeline, this.#store, this.#onStatus);
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
    const cameMs = performance.now();
    const before = this.#admission;
    const admission = this.#admit(before, ticks.length);
    this.#admission = admission.catch(() => {});
    await admission;
    let appended: Appended;
    try {
      appended = await traced(
        "tickcast.accept",
        ticks.length,
        () => this.#store.append(ticks, cursor),
      );
    } catch (error) {
      this.#release(ticks.length);
      if (error instanceof JournalError) this.#makeRoom();
      throw error;
    }
    this.#release(ticks.length - appended.ticks.length);
    this.#queue.push({ ...appended, cameMs });
    this.#wakeLoop?.();
    return appended;
  }

  /**
   * Saves where the pipeline stands, between two batches: within one, its state is ahead of what was
   * taken. False when it could not be saved, or the engine has stopped.
   */
  async checkpoint(): Promise<boolean> {
    try {
      const { saved } = await this.inspect(async () => {
        await this.#saved();
        // Batches go on while it is being written.
        return { saved: this.#save() };
      });
      return await saved;
    } catch {
      return false;
    }
  }

  /**
   * Runs work between two batches, when the state of the pipeline is the one after a known tick. The
   * work must change nothing.
   *
   * @throws {RangeError} when too much waits for its turn.
   */
  inspect<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#inTurn(async ({ resolve, reject }) => {
      try {
        resolve(await work());
      } catch (error) {
        reject(error);
      }
    });
  }

  /**
   * Changes the pipeline or its forecaster from outside, between two batches. Nothing is forecast from
   * the changed state until a checkpoint holds it, so that a replay never goes a different way. Where
   * the work fails or cannot be saved, the state before it is brought back.
   *
   * @throws {JournalError} when the change could not be saved; it was undone.
   * @throws {RangeError} when too much waits for its turn.
   */
  change<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#inTurn(async ({ resolve, reject }) => {
      try {
        this.#taker.finish();
        const result = await work();
        if (!await this.#saveNow()) {
          throw new JournalError("The change was undone: no checkpoint of it could be saved");
        }
        resolve(result);
      } catch (error) {
        try {
          await this.#saved();
          await this.#rebuild().catch((again) => this.#mend(again));
        } finally {
          reject(error);
        }
      }
    });
  }

  /** Queues work that settles its own promise; what it throws ends the engine. */
  #inTurn<T>(take: (turn: PromiseWithResolvers<T>) => Promise<void>): Promise<T> {
    const turn = Promise.withResolvers<T>();
    if (this.#failure !== undefined || this.#closing) {
      turn.reject(this.#failure ?? new Error("Cannot go on: the engine is closing"));
    } else if (this.#turns.length === TURNS_WAITING_MAX) {
      turn.reject(
        new RangeError(`Cannot wait for a turn: ${TURNS_WAITING_MAX} others do already`),
      );
    } else {
      this.#turns.push({ take: () => take(turn), refuse: turn.reject });
      this.#wakeLoop?.();
    }
    return turn.promise;
  }

  /** A checkpoint lets go of the journal before it, which may be what fills the disk. */
  #makeRoom(): void {
    const sinceMs = this.#clock.now() - this.#madeRoomMs;
    const isSoon = sinceMs >= 0 && sinceMs < MAKE_ROOM_EVERY_MS;
    if (isSoon || this.#applied === this.#checkpointed) return;
    this.#madeRoomMs = this.#clock.now();
    void this.checkpoint();
  }

  /** Saves at once, after what is being saved. */
  async #saveNow(): Promise<boolean> {
    await this.#saved();
    const saving = this.#save();
    this.#taker.finish();
    return await saving;
  }

  /** Waits for what is being saved. */
  async #saved(): Promise<void> {
    this.#taker.finish();
    await this.#saving;
  }

  /** Finishes what was accepted, saves a checkpoint and stops. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wakeLoop?.();
    this.#wakeAccept?.();
    await this.#ended;
    await this.#saving;
    if (this.#failure === undefined && this.#applied > this.#checkpointed) await this.#saveNow();
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
    if (this.#closing) throw new Error("Cannot go on: the engine is closing");
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
        const turn = this.#turns.shift();
        if (turn !== undefined) {
          await turn.take();
          continue;
        }
        if (this.#queue.length === 0) {
          if (this.#closing && this.#waiting === 0) return;
          await new Promise<void>((resolve) => {
            this.#wakeLoop = resolve;
            // Sockets have their turn between two pieces of a checkpoint.
            if (this.#goOnSaving(SERIES_AT_ONCE)) void this.#clock.sleep(0).then(resolve);
          });
          continue;
        }
        await this.#takeQueued();
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#onStatus({ kind: "degraded", part: "engine", detail: this.#failure.message });
      this.#wakeAccept?.();
    } finally {
      // Whoever waits for it must not wait for ever.
      this.#taker.finish();
      for (const { refuse } of this.#turns.splice(0)) {
        refuse(this.#failure ?? new Error("Cannot go on: the engine is closing"));
      }
    }
  }

  async #takeQueued(): Promise<void> {
    const ticks: Tick[] = [];
    const taken: Waiting[] = [];
    let count = 0;
    let last = this.#applied;
    while (this.#queue.length > 0 && count < BATCH_TICKS_MAX) {
      const appended = this.#queue.shift() as Waiting;
      taken.push(appended);
      count += appended.ticks.length;
      // A rebuild may have taken them out of the journal already.
      const known = Math.max(0, last - appended.first + 1);
      ticks.push(...(known === 0 ? appended.ticks : appended.ticks.slice(known)));
      last = Math.max(last, appended.first + appended.ticks.length - 1);
    }
    try {
      await traced("tickcast.forecast", ticks.length, () => this.#apply(ticks, last, false));
      this.#rebuilds = 0;
    } catch (error) {
      await this.#mend(error);
    }
    const nowMs = performance.now();
    for (const { ticks, cameMs } of taken) this.#onApplied(ticks.length, nowMs - cameMs);
    this.#release(count);
  }

  /** Takes ticks through, the last of which has the number `last`. */
  async #apply(ticks: readonly Tick[], last: number, replayed: boolean): Promise<void> {
    if (ticks.length === 0) return;
    const forecasts = await this.#pipeline.process(ticks);
    await this.#emit(forecasts, replayed);
    this.#applied = last;
    const sinceMs = this.#clock.now() - this.#checkpointedMs;
    const isFull = this.#applied - this.#checkpointed >= this.#checkpointEveryTicks &&
      sinceMs >= CHECKPOINT_PAUSES * this.#savingMs;
    // A clock set back must not put checkpoints off.
    const due = isFull || sinceMs >= this.#checkpointEveryMs || sinceMs < 0;
    if (due && this.#saving === undefined) this.#due = true;
    this.#goOnSaving(Math.ceil(ticks.length / TICKS_FOR_A_SERIES));
  }

  /** Starts saving where the pipeline stands now, while it goes on. One at a time, between two batches. */
  #save(): Promise<boolean> {
    const sequence = this.#applied;
    this.#checkpointedMs = this.#clock.now();
    this.#due = false;
    return this.#saving = this.#finishSaving(this.#taker.begin(sequence), sequence);
  }

  /** Does a piece of what a checkpoint takes. @returns Whether there is more. */
  #goOnSaving(series: number): boolean {
    if (!this.#due) return this.#taker.take(series);
    if (this.#taker.reserve(series)) this.#save();
    return true;
  }

  async #finishSaving(saving: Promise<boolean>, sequence: number): Promise<boolean> {
    const saved = await saving;
    this.#savingMs = Math.max(0, this.#clock.now() - this.#checkpointedMs);
    if (saved) this.#checkpointed = sequence;
    this.#saving = undefined;
    return saved;
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
        await this.#saved();
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
      // Where a part of a damaged journal is gone, the numbers after it stay what they are.
      const known = Math.max(0, this.#applied - record.first + 1);
      const last = record.first + record.ticks.length - 1;
      await this.#apply(known === 0 ? record.ticks : record.ticks.slice(known), last, true);
    }
  }
}
