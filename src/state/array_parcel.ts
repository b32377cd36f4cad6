import type { Snapshot } from "../forecast/forecaster.ts";

type Arrays = Snapshot["arrays"];

const KINDS = [Float64Array, Float32Array, Uint32Array] as const;
/** Numbers that say where an array lies: its kind, its buffer, where it starts there in bytes, its length. */
const PLACE_NUMBERS = 4;

/**
 * Thousands of named arrays as few things: another thread takes over a buffer, a text or an array in about
 * a microsecond each, and this one waits for all of it.
 */
export interface ArrayParcel {
  /** Where the arrays lie, to be handed over. */
  readonly buffers: readonly ArrayBuffer[];
  /** Their names, as JSON. */
  readonly names: string;
  /** Where each lies `[arrays, 4]`. */
  readonly places: Float64Array;
}

/** Wraps arrays up, without a copy; none may lie in memory that is shared. */
export function packParcel(arrays: Arrays): ArrayParcel {
  const names = Object.keys(arrays);
  const places = new Float64Array(PLACE_NUMBERS * names.length);
  const buffers = new Map<ArrayBufferLike, number>();
  let at = 0;
  for (const name of names) {
    const array = arrays[name];
    let number = buffers.get(array.buffer);
    if (number === undefined) buffers.set(array.buffer, number = buffers.size);
    places[at++] = KINDS.indexOf(array.constructor as typeof KINDS[number]);
    places[at++] = number;
    places[at++] = array.byteOffset;
    places[at++] = array.length;
  }
  return { buffers: [...buffers.keys()] as ArrayBuffer[], names: JSON.stringify(names), places };
}

/** Takes them out again. */
export function unpackParcel({ buffers, names, places }: ArrayParcel): Arrays {
  const arrays: Arrays = {};
  (JSON.parse(names) as string[]).forEach((name, index) => {
    const at = PLACE_NUMBERS * index;
    const [kind, number, byteOffset, length] = places.subarray(at, at + PLACE_NUMBERS);
    arrays[name] = new KINDS[kind](buffers[number], byteOffset, length);
  });
  return arrays;
}
