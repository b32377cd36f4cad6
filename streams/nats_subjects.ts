/** The subject of everything that is not a series, such as a change of parameters; no series has it. */
const RESERVED = "$";

/**
 * Which partition a series belongs to: FNV-1a of its UTF-8 bytes, modulo the number of partitions. It
 * never changes, so that a series' ticks keep their order and its state stays where it is.
 *
 * @param series The series.
 * @param partitions How many there are, at least 1.
 * @returns A number from 0 to `partitions - 1`.
 *
 * @example
 * ```ts
 * import { partitionOf } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * equal(partitionOf("room-1", 16), partitionOf("room-1", 16));
 * ```
 */
export function partitionOf(series: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(series)) hash = Math.imul(hash ^ byte, 0x01000193);
  // FNV's low bits mix poorly for short names; fold the high ones in.
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions;
}

/**
 * A series' name as one token of a NATS subject: what a subject cannot hold is percent-encoded.
 *
 * @example
 * ```ts
 * import { subjectToken } from "@tickcast/tickcast/streams";
 *
 * if (subjectToken("room 1.a") !== "room%201%2Ea") throw new Error();
 * ```
 */
export function subjectToken(series: string): string {
  return encodeURIComponent(series).replace(
    /[.*!'()~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/**
 * `ticks.<partition>.<series>`: where a series' ticks go.
 *
 * @example
 * ```ts
 * import { partitionOf, tickSubject } from "@tickcast/tickcast/streams";
 *
 * if (tickSubject("room", 16) !== `ticks.${partitionOf("room", 16)}.room`) throw new Error();
 * ```
 */
export function tickSubject(series: string, partitions: number): string {
  return `ticks.${partitionOf(series, partitions)}.${subjectToken(series)}`;
}

/**
 * `ticks.<partition>.$model`: where a partition is told to take new parameters, between two ticks.
 *
 * @example
 * ```ts
 * import { modelSubject } from "@tickcast/tickcast/streams";
 *
 * if (modelSubject(3) !== "ticks.3.$model") throw new Error();
 * ```
 */
export function modelSubject(partition: number): string {
  return `ticks.${partition}.${RESERVED}model`;
}

/**
 * `forecasts.<series>`: where a series' forecasts go.
 *
 * @example
 * ```ts
 * import { forecastSubject } from "@tickcast/tickcast/streams";
 *
 * if (forecastSubject("room") !== "forecasts.room") throw new Error();
 * ```
 */
export function forecastSubject(series: string): string {
  return `forecasts.${subjectToken(series)}`;
}

const encoder = new TextEncoder();
