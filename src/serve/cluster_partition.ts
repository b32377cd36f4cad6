import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  type Clock,
  forecastSubject,
  type LogEntry,
  modelSubject,
  NatsLog,
  type NatsMessage,
  NatsPublisher,
  type StatusListener,
  type Tick,
  TickDecoder,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { Pipeline } from "../pipeline.ts";
import { NatsCheckpoints } from "../state/nats_store.ts";
import { announceModel, fetchModel, readAnnouncement, sweepModels } from "./cluster_models.ts";
import {
  type ClusterStores,
  DUPLICATE_WINDOW_MS,
  FORECAST_STREAM,
  tickStream,
} from "./cluster_setup.ts";
import type { AppliedListener } from "./durable_engine.ts";
import { encodeForecast } from "./wire.ts";

/** Questions about what is published already, asked at once when a partition is taken over. */
const LOOKUPS_AT_ONCE = 256;

/** What works on one partition. */
export interface PartitionOptions {
  /** The connection. */
  readonly connection: NatsConnection;
  /** Checkpoints, models, pointers. */
  readonly stores: ClusterStores;
  /** Which partition. */
  readonly partition: number;
  /** The worker's name. */
  readonly worker: string;
  /** A fresh forecaster; it is disposed here. */
  readonly forecaster: Forecaster;
  /** Who else is told of networks that its forecaster trains: the other partitions of the cluster. */
  readonly followers?: readonly number[];
  /** Features in the forecaster's order. */
  readonly features?: readonly string[];
  /** Where time comes from. */
  readonly clock: Clock;
  /** Hears of everything. */
  readonly onStatus: StatusListener;
  /** Hears of every batch of ticks whose forecasts are published. */
  readonly onApplied?: AppliedListener;
  /** Waits until work may go on; false when it may not any more. */
  readonly held: () => Promise<boolean>;
  /** A checkpoint after so many entries of the stream. */
  readonly checkpointEveryTicks: number;
  /** Silence, with entries waiting, after which a consumer is made again. */
  readonly stuckMs?: number;
  /** Ends work after a checkpoint, so that the next owner begins where this one ended. */
  readonly stop: AbortSignal;
  /** Ends work at once. */
  readonly abort: AbortSignal;
}

/**
 * One partition: its stream is the journal, its state the last checkpoint plus the stream after it.
 *
 * An entry is acknowledged, and cut off, only behind a checkpoint. Whatever a former owner may have
 * published comes out again identical and under the same message id, so the stream of forecasts holds
 * each once. New parameters are entries of the stream too: every owner takes them at the same tick.
 */
export class PartitionWorker {
  readonly #options: PartitionOptions;
  readonly #publisher: NatsPublisher;
  readonly #pipeline: Pipeline;
  readonly #checkpoints: NatsCheckpoints;
  readonly #decoder = new TickDecoder();
  /** The last entry of the stream that is in the state. */
  #applied = 0;
  #checkpointed = 0;
  /** The last entry that a former owner may have worked on. */
  #takenOverUpTo = 0;
  /** The newest network taken from each source. */
  readonly #models = new Map<string, number>();
  /** The version of the forecaster's own network that the followers know. */
  #sharedVersion = 0;
  /** No forecast after the checkpoint stands this early in the stream of forecasts, or earlier. */
  #forecastsBefore = 0;
  /** Steps after the checkpoint that a former owner has published, by series. */
  readonly #published = new Map<string, ReadonlySet<number>>();

  private constructor(options: PartitionOptions, publisher: NatsPublisher) {
    this.#options = options;
    this.#publisher = publisher;
    const { stores, partition, worker, onStatus } = options;
    this.#pipeline = new Pipeline({
      forecaster: options.forecaster,
      features: options.features,
      onStatus,
    });
    this.#checkpoints = new NatsCheckpoints({ ...stores, partition, owner: worker, onStatus });
  }

  /** Takes a partition over where its last checkpoint stands, and works on it until told to end. */
  static async run(options: PartitionOptions): Promise<void> {
    const { connection, abort, forecaster, onStatus, clock } = options;
    const retryForMs = DUPLICATE_WINDOW_MS / 2;
    const publisher = await NatsPublisher.open({
      ...{ connection, onStatus, signal: abort, clock },
      retryForMs,
    });
    try {
      await new PartitionWorker(options, publisher).#run();
    } finally {
      publisher.close();
      forecaster.dispose();
    }
  }

  async #run(): Promise<void> {
    const { stop, abort } = this.#options;
    const log = await this.#restore();
    const close = (): Promise<void> => log.close();
    const ending = AbortSignal.any([stop, abort]);
    ending.addEventListener("abort", close, { once: true });
    try {
      await this.#follow(log, ending);
      if (!abort.aborted && this.#applied > this.#checkpointed) await this.#checkpoint(log);
    } finally {
      ending.removeEventListener("abort", close);
      await log.close();
    }
  }

  async #restore(): Promise<NatsLog> {
    const { connection, partition, onStatus, clock, stuckMs, checkpointEveryTicks } = this.#options;
    const stream = tickStream(partition);
    const checkpoint = await this.#checkpoints.load();
    if (checkpoint !== undefined) {
      const { pipeline, forecastsBefore, models } = checkpoint.snapshot.manifest;
      this.#pipeline.restore({
        manifest: pipeline as Record<string, unknown>,
        arrays: checkpoint.snapshot.arrays,
      });
      this.#forecastsBefore = forecastsBefore as number;
      for (const [source, version] of models as [string, number][]) {
        this.#models.set(source, version);
      }
      this.#sharedVersion = this.#ownVersion;
      this.#applied = this.#checkpointed = checkpoint.sequence;
    }
    const { state } = await (await jetstreamManager(connection)).streams.info(stream);
    this.#takenOverUpTo = state.last_seq;
    return await NatsLog.open({
      connection,
      stream,
      consumer: "worker",
      after: this.#applied,
      // Twice a checkpoint's distance: what waits for the next one, and as much on the way.
      unacknowledgedMax: 2 * checkpointEveryTicks,
      onStatus,
      clock,
      stuckMs,
    });
  }

  async #follow(log: NatsLog, ending: AbortSignal): Promise<void> {
    const { held, checkpointEveryTicks } = this.#options;
    while (!ending.aborted) {
      const entries = await log.read();
      // At most a checkpoint's distance at once, so that none is put off.
      for (let start = 0; start < entries.length; start += checkpointEveryTicks) {
        if (ending.aborted || !await held()) return;
        await this.#take(entries.slice(start, start + checkpointEveryTicks));
        if (this.#applied - this.#checkpointed >= checkpointEveryTicks) await this.#checkpoint(log);
      }
    }
  }

  async #take(entries: readonly LogEntry[]): Promise<void> {
    const model = modelSubject(this.#options.partition);
    let ticks: Tick[] = [];
    for (const entry of entries) {
      if (entry.subject === model) {
        await this.#step(ticks, entry.sequence - 1);
        ticks = [];
        await this.#adopt(entry);
      } else this.#decode(entry, ticks);
    }
    await this.#step(ticks, entries[entries.length - 1].sequence);
  }

  /** Adds an entry's ticks; the pipeline leaves out what a producer sent again. */
  #decode(entry: LogEntry, ticks: Tick[]): void {
    const { onStatus, partition } = this.#options;
    const { ticks: decoded, rejected } = this.#decoder.decode(entry.data);
    for (const { reason, message } of rejected) {
      const source = tickStream(partition);
      onStatus({ kind: "rejected", source, reason, detail: message, count: 1 });
    }
    for (const tick of decoded) ticks.push(tick);
  }

  async #step(ticks: readonly Tick[], sequence: number): Promise<void> {
    if (ticks.length > 0) {
      const { clock, held, onApplied } = this.#options;
      const startedMs = clock.now();
      let forecasts = await this.#pipeline.process(ticks);
      if (this.#applied < this.#takenOverUpTo) forecasts = await this.#unpublished(forecasts);
      else this.#published.clear();
      // Forecasting takes its time, and what is published by two must be so within the server's memory.
      if (!await held()) throw new Error("The partition is no longer held");
      await this.#publisher.publish(forecasts.map(messageOf));
      onApplied?.(ticks.length, clock.now() - startedMs);
      await this.#share();
    }
    this.#applied = sequence;
  }

  get #ownVersion(): number {
    return this.#options.forecaster.learner?.learning.version ?? 0;
  }

  /** Gives the followers what was trained here. Replayed ticks give the same again. */
  async #share(): Promise<void> {
    const { connection, forecaster: { learner }, followers = [], partition, stores } =
      this.#options;
    const version = this.#ownVersion;
    if (learner === undefined || followers.length === 0 || version === this.#sharedVersion) return;
    const shared = { source: tickStream(partition), version, model: learner.exportModel() };
    await announceModel(this.#publisher, stores.objects, shared, followers);
    // What cannot be swept now is swept with the next one.
    await sweepModels(connection, stores.objects, shared, followers).catch(() => {});
    this.#sharedVersion = version;
  }

  /** Leaves out what a former owner has published, however long ago. */
  async #unpublished(forecasts: readonly Forecast[]): Promise<Forecast[]> {
    const unknown = [...new Set(forecasts.map(({ series }) => series))]
      .filter((series) => !this.#published.has(series));
    for (let start = 0; start < unknown.length; start += LOOKUPS_AT_ONCE) {
      await Promise.all(
        unknown.slice(start, start + LOOKUPS_AT_ONCE).map(async (series) => {
          this.#published.set(series, await this.#publishedSteps(series));
        }),
      );
    }
    return forecasts.filter(({ series, step }) => !this.#published.get(series)?.has(step));
  }

  /**
   * The steps of a series that stand published after the checkpoint. Each is looked for: a server that
   * goes away in the middle of a batch may have stored a later one and not the one before.
   */
  async #publishedSteps(series: string): Promise<ReadonlySet<number>> {
    const { direct } = await jetstreamManager(this.#options.connection);
    const steps = new Set<number>();
    const subject = forecastSubject(series);
    for (let after = this.#forecastsBefore;;) {
      const query = { seq: after + 1, next_by_subj: subject };
      const message = await direct.getMessage(FORECAST_STREAM, query);
      if (message === null) return steps;
      steps.add(Number(message.header.get("Nats-Msg-Id").split(" ")[0]));
      after = message.seq;
    }
  }

  /**
   * Takes new parameters in. What cannot be taken is told and left out: it would fail in the same way
   * each time the stream is replayed.
   */
  async #adopt(entry: LogEntry): Promise<void> {
    const { forecaster: { learner }, stores, onStatus, partition } = this.#options;
    try {
      const { object, source, version } = readAnnouncement(entry.data);
      if (learner === undefined) {
        throw new SyntaxError(`Cannot take model ${object}: this forecaster has no network`);
      }
      // A trainer that went back to its checkpoint announces once more what it announced before.
      if (version > (this.#models.get(source) ?? -Infinity)) {
        learner.adopt(await fetchModel(stores.objects, object));
        this.#models.set(source, version);
        // What was taken is not what was trained here.
        this.#sharedVersion = this.#ownVersion;
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      onStatus({ kind: "degraded", part: tickStream(partition), detail: error.message });
    }
    this.#applied = entry.sequence;
  }

  async #checkpoint(log: NatsLog): Promise<void> {
    const { connection, clock, partition } = this.#options;
    const manager = await jetstreamManager(connection);
    const { manifest, arrays } = this.#pipeline.snapshot();
    const sequence = this.#applied;
    // While a former owner may have published what comes next, it stands behind where that one began.
    if (this.#applied >= this.#takenOverUpTo) {
      this.#forecastsBefore = (await manager.streams.info(FORECAST_STREAM)).state.last_seq;
    }
    const saved = await this.#checkpoints.save({
      sequence,
      createdMs: clock.now(),
      snapshot: {
        manifest: {
          pipeline: manifest,
          forecastsBefore: this.#forecastsBefore,
          models: [...this.#models],
        },
        arrays,
      },
    });
    if (!saved) throw new Error(`Partition ${partition} has another owner`);
    this.#checkpointed = sequence;
    log.acknowledge(sequence);
    const { oldestSequence } = this.#checkpoints;
    if (oldestSequence > 0) {
      await manager.streams.purge(tickStream(partition), { seq: oldestSequence + 1 });
    }
  }
}

/** The same forecast always is the same message: its step comes first, to be read back. */
function messageOf(forecast: Forecast): NatsMessage {
  const { series, step } = forecast;
  return {
    subject: forecastSubject(series),
    id: `${step} ${series}`,
    data: encodeForecast(forecast),
  };
}
