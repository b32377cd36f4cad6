import { limits } from "../limits.ts";

interface Watched {
  heardMs: number;
  /** The age at which to act next; doubles while acting does not help. */
  actAtAgeMs: number;
  stale: boolean;
}

/** A series whose data have become too old. */
export interface StaleSeries {
  readonly series: string;
  readonly ageMs: number;
}

/**
 * Watches the age of every series' data, not only of the connection: a feed can be up and yet have
 * forgotten one of its subscriptions.
 */
export class Watchdog {
  readonly #staleAfterMs: number;
  readonly #series = new Map<string, Watched>();

  constructor(staleAfterMs: number, series: Iterable<string>, nowMs: number) {
    this.#staleAfterMs = staleAfterMs;
    for (const name of series) this.#watch(name, nowMs);
  }

  /** Takes note that a series is alive; true where it had been stale. */
  heard(series: string, nowMs: number): boolean {
    const watched = this.#series.get(series) ?? this.#watch(series, nowMs);
    if (watched === undefined) return false;
    const wasStale = watched.stale;
    watched.heardMs = nowMs;
    watched.stale = false;
    watched.actAtAgeMs = this.#staleAfterMs;
    return wasStale;
  }

  /** Takes note that all series are alive, or that nobody listened to them. */
  excuse(nowMs: number): void {
    for (const watched of this.#series.values()) watched.heardMs = nowMs;
  }

  /** Begins anew after a break in which nothing could be heard. */
  restart(nowMs: number): void {
    this.excuse(nowMs);
    for (const watched of this.#series.values()) watched.actAtAgeMs = this.#staleAfterMs;
  }

  /** The series to act upon now. Those that stay stale come again at doubling ages. */
  check(nowMs: number): StaleSeries[] {
    const due: StaleSeries[] = [];
    for (const [series, watched] of this.#series) {
      const ageMs = nowMs - watched.heardMs;
      if (ageMs < watched.actAtAgeMs) continue;
      watched.stale = true;
      watched.actAtAgeMs = 2 * ageMs;
      due.push({ series, ageMs });
    }
    return due;
  }

  #watch(series: string, nowMs: number): Watched | undefined {
    if (this.#series.size >= limits.series) return undefined;
    const watched = { heardMs: nowMs, actAtAgeMs: this.#staleAfterMs, stale: false };
    this.#series.set(series, watched);
    return watched;
  }
}
