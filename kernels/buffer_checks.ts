import type { DeviceBuffer } from "./backend.ts";

/**
 * Checks that elements lie within a buffer.
 *
 * @throws {RangeError} when they do not.
 */
export function checkRange(buffer: DeviceBuffer, offset: number, length: number): void {
  if (Number.isInteger(offset) && offset >= 0 && offset + length <= buffer.length) return;
  throw new RangeError(
    `Elements ${offset} to ${offset + length} lie outside a buffer of ${buffer.length}`,
  );
}

/**
 * Checks that host values are of the buffer's type.
 *
 * @throws {TypeError} when they are not.
 */
export function checkType(buffer: DeviceBuffer, values: Float32Array | Uint32Array): void {
  const type = values instanceof Float32Array ? "f32" : "u32";
  if (type !== buffer.type) throw new TypeError(`The buffer holds ${buffer.type}, not ${type}`);
}

/**
 * Checks the length of a new buffer.
 *
 * @throws {RangeError} when it is not a positive whole number.
 */
export function checkLength(length: number): void {
  if (Number.isInteger(length) && length >= 1) return;
  throw new RangeError(`Cannot allocate ${length} elements`);
}

/**
 * Checks the index of a row.
 *
 * @returns The row.
 * @throws {RangeError} when there is no such row.
 */
export function checkRow(row: number, rows: number): number {
  if (row < rows) return row;
  throw new RangeError(`Row ${row} lies outside ${rows} rows`);
}
