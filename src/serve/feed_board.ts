import type { Status } from "../../streams/mod.ts";

/** Feeds kept at most: an operator names a handful. */
const FEEDS_MAX = 64;

/** How a feed does. */
export interface FeedHealth {
  /** What it is called in statuses. */
  readonly name: string;
  /** What it does now. */
  readonly state: "connecting" | "connected" | "reconnecting" | "stale" | "ended";
  /** Since when, epoch milliseconds. */
  readonly sinceMs: number;
  /** Why, where there is something to say. */
  readonly detail: string;
  /** Times it had to connect anew. */
  readonly reconnects: number;
}

/** The health of every feed, from its statuses. */
export class FeedBoard {
  readonly #feeds = new Map<string, FeedHealth>();

  /** Takes in a status; those not of a connection change nothing. */
  note(status: Status, nowMs: number): void {
    switch (status.kind) {
      case "connecting":
      case "connected":
      case "ended":
        return this.#set(status.source, status.kind, nowMs, "");
      case "reconnecting":
        return this.#set(status.source, status.kind, nowMs, status.why);
      case "stale": {
        const what = status.series ?? "";
        const silent = `silent for ${Math.round(status.ageMs / 1000)} s`;
        return this.#set(status.source, status.kind, nowMs, what ? `${what} ${silent}` : silent);
      }
      case "recovered": {
        const name = status.part.split("/")[0];
        if (this.#feeds.get(name)?.state === "stale") this.#set(name, "connected", nowMs, "");
      }
    }
  }

  /** Every feed, in the order of their first statuses. */
  list(): FeedHealth[] {
    return [...this.#feeds.values()];
  }

  #set(name: string, state: FeedHealth["state"], sinceMs: number, detail: string): void {
    const before = this.#feeds.get(name);
    if (before === undefined && this.#feeds.size >= FEEDS_MAX) return;
    const reconnects = (before?.reconnects ?? 0) + (state === "reconnecting" ? 1 : 0);
    this.#feeds.set(name, { name, state, sinceMs, detail, reconnects });
  }
}
