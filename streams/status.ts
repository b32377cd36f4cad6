import type { RejectReason } from "./errors.ts";

/**
 * The health of a stream or a model, as data: everything that was lost, late, or went wrong, and every
 * decision of the learner. Counters and dashboards are fed from it; nothing is only a log line.
 */
export type Status =
  | {
    readonly kind: "rejected";
    readonly source: string;
    readonly reason: RejectReason;
    readonly detail: string;
    readonly count: number;
  }
  | {
    readonly kind: "dropped";
    readonly source: string;
    readonly policy: string;
    readonly count: number;
  }
  | {
    readonly kind: "late";
    readonly series: string;
    readonly time: number;
    readonly latenessMs: number;
  }
  | {
    readonly kind: "duplicate";
    readonly series: string;
    readonly time: number;
    readonly id?: string;
  }
  | {
    readonly kind: "gap";
    readonly series: string;
    readonly from: number;
    readonly to: number;
    readonly missing: number;
  }
  | { readonly kind: "connecting" | "connected"; readonly source: string }
  | {
    readonly kind: "reconnecting";
    readonly source: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly why: string;
  }
  | {
    readonly kind: "stale";
    readonly source: string;
    readonly series?: string;
    readonly ageMs: number;
  }
  | { readonly kind: "ended"; readonly source: string }
  | { readonly kind: "drift"; readonly series: string; readonly step: number }
  | { readonly kind: "retraining"; readonly sequence: number; readonly why: string }
  | {
    readonly kind: "promoted";
    readonly sequence: number;
    readonly version: number;
    readonly championLoss: number;
    readonly candidateLoss: number;
  }
  | {
    readonly kind: "candidate-rejected";
    readonly sequence: number;
    readonly why: string;
    readonly championLoss: number;
    readonly candidateLoss: number;
  }
  | { readonly kind: "operated"; readonly action: string; readonly by: string }
  | { readonly kind: "device-lost"; readonly backend: string; readonly detail: string }
  | { readonly kind: "device-recovered"; readonly backend: string }
  | { readonly kind: "chosen"; readonly part: string; readonly detail: string }
  | { readonly kind: "degraded"; readonly part: string; readonly detail: string }
  | { readonly kind: "recovered"; readonly part: string };

/** Receives every {@linkcode Status}. Must not throw and must return at once. */
export type StatusListener = (status: Status) => void;
