/**
 * Bytes and ticks over time: sources, transforms and sinks on Web Streams. Knows no model.
 *
 * @module
 */
export { InputError, type RejectReason } from "./errors.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type Frame, TARGET_FEATURE, type Tick } from "./tick.ts";
export type { Status, StatusListener } from "./status.ts";
