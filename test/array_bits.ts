import { Buffer } from "node:buffer";
import type { Snapshot } from "../src/forecast/forecaster.ts";

/** Types and bits of arrays by name, to compare whatever they are views of. */
export function arrayBits(arrays: Snapshot["arrays"]): Record<string, string> {
  const bits = (array: Snapshot["arrays"][string]): string =>
    `${array.constructor.name} ` +
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, bits(array)]));
}
