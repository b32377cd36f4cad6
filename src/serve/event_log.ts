import type { Status } from "../../streams/mod.ts";

/** Events kept of each kind: a screenful to scroll, and a feed that flaps must not push drift out. */
const EVENTS_MAX = 100;

/** Something worth reading that happened to a server. */
export interface ServerEvent {
  /** When, epoch milliseconds. */
  readonly time: number;
  /** Whether it concerns what learns, what brings ticks, or the machine below. */
  readonly topic: "model" | "feed" | "server";
  /** What. */
  readonly kind: Status["kind"];
  /** One line for people. */
  readonly text: string;
  /** The series it concerns, where it concerns one, */
  readonly series?: string;
  /** and the step. */
  readonly step?: number;
}

/** The latest events, in bounded memory. What merely happens to single ticks is counted elsewhere. */
export class EventLog {
  readonly #events: Record<ServerEvent["topic"], ServerEvent[]> = {
    model: [],
    feed: [],
    server: [],
  };

  /** Takes in a status, where it is an event. */
  note(status: Status, nowMs: number): void {
    const event = eventOf(status, nowMs);
    if (event === undefined) return;
    const events = this.#events[event.topic];
    events.push(event);
    if (events.length > EVENTS_MAX) events.shift();
  }

  /** The events, the newest first. */
  list(): ServerEvent[] {
    return Object.values(this.#events).flat().sort((a, b) => b.time - a.time);
  }
}

/** A status as an event; undefined for what happens to single ticks. */
export function eventOf(status: Status, time: number): ServerEvent | undefined {
  const { kind } = status;
  switch (kind) {
    case "drift": {
      const { series, step } = status;
      return { time, topic: "model", kind, text: "drift found", series, step };
    }
    case "retraining":
      return { time, topic: "model", kind, text: `retraining begins: ${status.why}` };
    case "promoted": {
      const { version, championLoss, candidateLoss } = status;
      const text = `parameters ${version} take over: loss ${short(candidateLoss)}, before ${
        short(championLoss)
      }`;
      return { time, topic: "model", kind, text };
    }
    case "candidate-rejected": {
      const { why, championLoss, candidateLoss } = status;
      const text = `candidate refused, ${why}: loss ${short(candidateLoss)} against ${
        short(championLoss)
      }`;
      return { time, topic: "model", kind, text };
    }
    case "operated":
      return { time, topic: "model", kind, text: `${status.by} asked: ${status.action}` };
    case "connected":
    case "ended":
      return { time, topic: "feed", kind, text: `${status.source} ${kind}` };
    case "reconnecting": {
      const delay = (status.delayMs / 1000).toFixed(1);
      const text = `${status.source}: ${status.why}; attempt ${status.attempt} in ${delay} s`;
      return { time, topic: "feed", kind, text };
    }
    case "stale": {
      const { source, series, ageMs } = status;
      const text = `${source} silent for ${Math.round(ageMs / 1000)} s`;
      return { time, topic: "feed", kind, text, series };
    }
    case "gap": {
      const { series, missing } = status;
      return { time, topic: "feed", kind, text: `${missing} ticks missing`, series };
    }
    case "device-lost":
      return {
        time,
        topic: "server",
        kind,
        text: `${status.backend} is lost, the CPU takes over: ${status.detail}`,
      };
    case "device-recovered":
      return { time, topic: "server", kind, text: `${status.backend} is back` };
    case "chosen":
    case "degraded":
      return { time, topic: "server", kind, text: `${status.part}: ${status.detail}` };
    case "recovered":
      return { time, topic: "server", kind, text: `${status.part} is well again` };
  }
}

function short(value: number): string {
  return Number.isFinite(value) ? value.toPrecision(4) : "unknown";
}
