/**
 * The protobuf wire format (https://protobuf.dev/programming-guides/encoding), as much of it as ONNX
 * models and TensorBoard events need.
 *
 * @module
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Writes the fields of one message. */
export class ProtobufWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** A whole number; a negative one takes ten bytes, as int64 has it. */
  integer(field: number, value: number | bigint): this {
    this.#key(field, VARINT);
    return this.#varint(BigInt.asUintN(64, BigInt(value)));
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    this.#key(field, FIXED32);
    this.#view(4).setFloat32(0, value, true);
    return this;
  }

  /** A 64-bit float. */
  double(field: number, value: number): this {
    this.#key(field, FIXED64);
    this.#view(8).setFloat64(0, value, true);
    return this;
  }

  /** Several 64-bit floats in one field. */
  doubles(field: number, values: ArrayLike<number>): this {
    const bytes = new DataView(new ArrayBuffer(8 * values.length));
    for (let i = 0; i < values.length; i++) bytes.setFloat64(8 * i, values[i], true);
    return this.bytes(field, new Uint8Array(bytes.buffer));
  }

  /** Text. */
  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** Bytes as they are. */
  bytes(field: number, value: Uint8Array): this {
    this.#key(field, BYTES);
    this.#varint(BigInt(value.length));
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A message within this one. */
  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  /** What was written; the writer may go on afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #key(field: number, wireType: number): void {
    this.#varint(BigInt(field << 3 | wireType));
  }

  #varint(value: bigint): this {
    this.#reserve(10);
    while (value >= 0x80n) {
      this.#bytes[this.#length++] = Number(value & 0x7fn) | 0x80;
      value >>= 7n;
    }
    this.#bytes[this.#length++] = Number(value);
    return this;
  }

  #view(size: number): DataView {
    this.#reserve(size);
    const view = new DataView(this.#bytes.buffer, this.#length, size);
    this.#length += size;
    return view;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + size));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** One field of a message: a whole number, or the bytes of a text, a message or a fixed-width number. */
export interface ProtobufField {
  /** Its number. */
  readonly field: number;
  /** A varint, wrapped to 64 bits without a sign. */
  readonly value: bigint;
  /** The bytes of any other kind. */
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Reads the fields of one message, in the order in which they stand.
 *
 * @param message Its bytes.
 * @returns The fields; their bytes share the message's memory.
 * @throws {SyntaxError} while iterating, when the message is malformed.
 */
export function* readFields(message: Uint8Array): Generator<ProtobufField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= message.length) throw new SyntaxError("Malformed protobuf: it ends in a number");
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new SyntaxError("Malformed protobuf: a number has more than 10 bytes");
  };
  while (at < message.length) {
    const key = Number(varint());
    const field = Math.floor(key / 8);
    const wireType = key % 8;
    if (field === 0) throw new SyntaxError("Malformed protobuf: a field has number 0");
    if (wireType === VARINT) {
      yield { field, value: varint(), bytes: NOTHING };
      continue;
    }
    const sizes: Partial<Record<number, number>> = { [FIXED64]: 8, [FIXED32]: 4 };
    const size = wireType === BYTES ? Number(varint()) : sizes[wireType];
    if (size === undefined) throw new SyntaxError(`Malformed protobuf: wire type ${wireType}`);
    if (size > message.length - at) {
      throw new SyntaxError(`Malformed protobuf: field ${field} goes beyond the end`);
    }
    yield { field, value: 0n, bytes: message.subarray(at, at + size) };
    at += size;
  }
}
