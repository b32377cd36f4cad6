import type { Tick } from "../../streams/mod.ts";
import type { Snapshot } from "../forecast/forecaster.ts";

/** How far a feed was read, so that it goes on there after a restart. */
export interface FeedCursor {
  /** Which feed. */
  readonly feed: string;
  /** The feed's own position: an offset, a message number, a time. */
  readonly position: string;
}

/** What became of appended ticks. They are durable once this is returned. */
export interface Appended {
  /** The sequence number of the first of `ticks`; later ones follow without gaps. */
  readonly first: number;
  /** The ticks that were new, in the order given. */
  readonly ticks: readonly Tick[];
  /** Which of the given ticks had been appended before, by series and id: their indices, ascending. */
  readonly duplicates: readonly number[];
}

/** One entry of the journal: ticks that were made durable together. */
export interface JournalRecord {
  /** The sequence number of the first of `ticks`; later ones follow without gaps. */
  readonly first: number;
  /** The ticks, in the order in which they take effect. */
  readonly ticks: readonly Tick[];
}

/** A point from which a process can go on. */
export interface Checkpoint {
  /** Ticks applied before it was taken. */
  readonly sequence: number;
  /** When it was taken, epoch milliseconds. */
  readonly createdMs: number;
  /** What the forecaster and the pipeline need to go on. */
  readonly snapshot: Snapshot;
}

/** Figures of a store, for metrics and `/healthz`. */
export interface StoreStats {
  /** The sequence number of the last durable tick; 0 where there is none. */
  readonly sequence: number;
  /** Bytes the journal takes. */
  readonly journalBytes: number;
  /** The sequence numbers of the checkpoints kept, ascending. */
  readonly checkpoints: readonly number[];
  /** False while the journal cannot be written. */
  readonly writable: boolean;
}

/**
 * What is acknowledged survives here: a journal of accepted ticks, and checkpoints from which it is
 * replayed. Swaps of parameters are not journalled: one that learning brings follows from the ticks
 * before it, and one that an operator asks for is saved by a checkpoint.
 *
 * State after a restart is the newest sound checkpoint, then every record of `replay` after it. Since a
 * pipeline is deterministic, that is bit for bit the state of a process that never stopped.
 */
export interface StateStore {
  /** The sequence number of the last durable tick; 0 where there is none. */
  readonly sequence: number;
  /**
   * Makes ticks durable; those seen before (by series and id) are left out. Appends that arrive
   * together share one commit. Resolves in the order of the calls.
   *
   * @throws {JournalError} when they could not be made durable; none of them then is.
   */
  append(ticks: readonly Tick[], cursor?: FeedCursor): Promise<Appended>;
  /** The journal after a number of applied ticks, in order. */
  replay(after: number): Iterable<JournalRecord>;
  /** Where a feed was, in the commit of its last tick; undefined for an unknown feed. */
  cursor(feed: string): string | undefined;
  /**
   * Saves a checkpoint and lets go of what it makes unnecessary. False, with a `degraded` status, when
   * it could not be saved; the ones before are then still there.
   */
  saveCheckpoint(snapshot: Snapshot, sequence: number): Promise<boolean>;
  /** The newest sound checkpoint. A damaged one is reported and the one before is taken. */
  loadCheckpoint(): Promise<Checkpoint | undefined>;
  /** Figures for metrics. */
  stats(): StoreStats;
  /** Commits what waits and gives everything back. */
  close(): Promise<void>;
}

/**
 * Ticks could not be made durable, so they were not accepted: the disk is full or gone. Send them again
 * later; nothing of them was applied.
 *
 * @example Telling it from other errors
 * ```ts
 * import { JournalError } from "@tickcast/tickcast";
 *
 * const error = new JournalError("Cannot write journal: database or disk is full");
 * if (!(error instanceof Error) || error.name !== "JournalError") throw new Error();
 * ```
 */
export class JournalError extends Error {
  /** The error's class name. */
  override readonly name: string = "JournalError";
}

/** Checkpoints kept where nothing else is said: the newest, and two to fall back to. */
export const CHECKPOINTS_KEPT = 3;

/**
 * Ids remembered for recognising a repeated delivery. A sender that repeats does so within seconds: at
 * 10,000 ticks a second this reaches back 13 s, at 100 ticks a second 20 minutes, in about 16 MB.
 */
export const IDS_KEPT = 131_072;
