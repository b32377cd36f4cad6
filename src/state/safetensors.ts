/**
 * The safetensors file format: named arrays behind a JSON header, never executable. PyTorch, Keras and
 * Hugging Face read and write the same files (https://huggingface.co/docs/safetensors).
 *
 * @module
 */

/** The arrays that can be written, each as the element type of the same name. */
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** An array and its shape. */
export interface Tensor {
  /** Its dimensions; none for a single number. */
  readonly shape: readonly number[];
  /** Its elements, row-major. */
  readonly data: TensorData;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** The arrays by name, in the order of the file's header. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Text by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

const TYPES = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** Half precision has no use of its own here: it is widened to 32 bits on reading. */
const WIDENED: Readonly<Partial<Record<string, (bits: number) => number>>> = {
  F16: halfToNumber,
  BF16: bfloatToNumber,
};

const METADATA = "__metadata__";

/** The reference reader refuses longer headers: a header is read before anything is known of it. */
const HEADER_BYTES_MAX = 100_000_000;

/**
 * Writes arrays as a safetensors file. The same input gives the same bytes.
 *
 * @param tensors The arrays by name.
 * @param metadata Text by name.
 * @returns The file.
 * @throws {RangeError} when a shape does not fit its array, or a name is reserved.
 *
 * @example Writing and reading back
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@tickcast/tickcast";
 * import { deepEqual } from "node:assert/strict";
 *
 * const weight = { shape: [1, 2], data: Float32Array.of(0.5, -2) };
 * const file = writeSafetensors({ "head.weight": weight }, { format: "pt" });
 * const { tensors, metadata } = readSafetensors(file);
 * deepEqual(tensors.get("head.weight"), weight);
 * deepEqual(metadata, { format: "pt" });
 * ```
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const header: string[] = [];
  if (Object.keys(metadata).length > 0) {
    header.push(`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`);
  }
  // Wide elements first, so that every array begins at a multiple of its element size.
  const all = Object.entries(tensors);
  const entries = [8, 4, 2, 1].flatMap((width) =>
    all.filter(([, { data }]) => data.BYTES_PER_ELEMENT === width)
  );
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    if (name === METADATA) throw new RangeError(`The tensor name "${METADATA}" is reserved`);
    if (elementCount(shape) !== data.length) {
      throw new RangeError(
        `Tensor "${name}" of shape [${shape}] cannot hold ${data.length} elements`,
      );
    }
    const begin = end;
    end += data.byteLength;
    // Written by hand: a snapshot has thousands.
    header.push(
      `${JSON.stringify(name)}:{"dtype":"${
        typeOf(data)
      }","shape":[${shape}],"data_offsets":[${begin},${end}]}`,
    );
  }
  const text = new TextEncoder().encode(`{${header.join(",")}}`);
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end);
  file.fill(0x20, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let offset = start;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file. `F16` and `BF16` are widened to 32 bits, `BOOL` becomes bytes.
 *
 * @param file The file's bytes; the result shares no memory with them.
 * @returns Its arrays and metadata.
 * @throws {SyntaxError} when the file is malformed: its header, a type, a shape, offsets that overlap
 * or leave a hole, a name used twice.
 *
 * @example A file cut short
 * ```ts
 * import { readSafetensors } from "@tickcast/tickcast";
 * import { throws } from "node:assert/strict";
 *
 * throws(() => readSafetensors(new Uint8Array(4)), SyntaxError);
 * ```
 */
export function readSafetensors(file: Uint8Array): Safetensors {
  const { header, data } = readHeader(file);
  let metadata: Record<string, string> = {};
  const tensors = new Map<string, Tensor>();
  const spans: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) {
      metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, entry, data.length);
    spans.push({ name, begin, end });
    // Not `slice`: where the file is a Node `Buffer`, that shares its memory instead of copying it.
    const bytes = new Uint8Array(data.subarray(begin, end));
    tensors.set(name, { shape, data: readElements(name, dtype, shape, bytes) });
  }
  checkCover(spans, data.length);
  return { tensors, metadata };
}

function damaged(reason: string, cause?: unknown): SyntaxError {
  return new SyntaxError(`Cannot read safetensors: ${reason}`, { cause });
}

function readHeader(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (file.length < 8) throw damaged(`${file.length} bytes are too few for a header`);
  const length = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (length > HEADER_BYTES_MAX || length > file.length - 8) {
    throw damaged(`the header's length of ${length} bytes is beyond the file or the limit`);
  }
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(file.subarray(8, 8 + length));
    header = JSON.parse(text);
  } catch (cause) {
    throw damaged("the header is not JSON in UTF-8", cause);
  }
  if (!isRecord(header)) throw damaged("the header is not an object");
  checkKeys(text, header);
  return { header, data: file.subarray(8 + length) };
}

/** JSON.parse keeps the last of two equal keys without a word: count keys in the text as well. */
function checkKeys(text: string, header: Record<string, unknown>): void {
  let written = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (match[1]) written++;
  let kept = Object.keys(header).length;
  for (const entry of Object.values(header)) if (isRecord(entry)) kept += Object.keys(entry).length;
  if (written !== kept) throw damaged("a name stands twice in the header, or the header is nested");
}

function readMetadata(entry: unknown): Record<string, string> {
  if (!isRecord(entry) || !Object.values(entry).every((value) => typeof value === "string")) {
    throw damaged(`"${METADATA}" is not a map of text to text`);
  }
  return entry as Record<string, string>;
}

function readEntry(
  name: string,
  entry: unknown,
  dataLength: number,
): { dtype: string; shape: number[]; begin: number; end: number } {
  const place = `tensor "${name}"`;
  if (!isRecord(entry)) throw damaged(`${place} is not an object`);
  const { dtype, shape, data_offsets: offsets, ...rest } = entry;
  const surplus = Object.keys(rest)[0];
  if (surplus !== undefined) throw damaged(`${place} has an unknown field "${surplus}"`);
  if (
    typeof dtype !== "string" || !(Object.hasOwn(TYPES, dtype) || Object.hasOwn(WIDENED, dtype))
  ) {
    throw damaged(`${place} has the unknown type ${JSON.stringify(dtype)}`);
  }
  if (!isCounts(shape)) throw damaged(`${place} has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2) throw damaged(`${place} has no valid offsets`);
  const [begin, end] = offsets;
  if (begin > end || end > dataLength) {
    throw damaged(`${place} lies at ${begin} to ${end} of ${dataLength} bytes`);
  }
  return { dtype, shape, begin, end };
}

function readElements(
  name: string,
  dtype: string,
  shape: readonly number[],
  bytes: Uint8Array<ArrayBuffer>,
): TensorData {
  const widen = WIDENED[dtype];
  const Type = widen ? Uint16Array : TYPES[dtype as keyof typeof TYPES];
  const size = elementCount(shape) * Type.BYTES_PER_ELEMENT;
  if (size !== bytes.length) {
    throw damaged(
      `tensor "${name}" of type ${dtype} and shape [${shape}] needs ${size} bytes, not ${bytes.length}`,
    );
  }
  const elements = new Type(bytes.buffer);
  return widen ? Float32Array.from(elements as Uint16Array, widen) : elements;
}

/** The arrays must cover the data exactly: an overlap or a hole could hide something. */
function checkCover(
  spans: { name: string; begin: number; end: number }[],
  dataLength: number,
): void {
  let at = 0;
  for (const { name, begin, end } of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw damaged(`tensor "${name}" begins at ${begin} where ${at} was due`);
    at = end;
  }
  if (at !== dataLength) throw damaged(`${dataLength - at} bytes at the end belong to no tensor`);
}

function typeOf(data: TensorData): string {
  for (const name in TYPES) {
    if (data instanceof TYPES[name as keyof typeof TYPES]) return name;
  }
  throw new TypeError("A tensor's data must be a typed array of a supported type");
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** IEEE 754 half precision: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const widened = new DataView(new ArrayBuffer(4));

/** The upper half of a 32-bit float. */
function bfloatToNumber(bits: number): number {
  widened.setUint32(0, bits << 16 >>> 0);
  return widened.getFloat32(0);
}
