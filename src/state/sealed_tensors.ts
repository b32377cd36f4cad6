import { crc32c } from "./crc32c.ts";
import { readSafetensors, type Safetensors, type Tensor, writeSafetensors } from "./safetensors.ts";

const KEY = "tickcast.crc32c";
const UNSEALED = "00000000";
/** The header begins with the seal: `KEY` is the first entry of the metadata, and those come first. */
const SEAL_AT = 8 + `{"__metadata__":{"${KEY}":"`.length;

/**
 * Writes arrays as a safetensors file with a checksum of the whole file in its metadata. The format has
 * none of its own: a flipped bit in a weight would be another weight.
 *
 * @param tensors The arrays by name.
 * @param metadata Text by name.
 * @returns The file, which any reader of safetensors reads.
 * @throws {RangeError} when a shape does not fit its array, or a name is reserved.
 */
export function writeSealedTensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const file = writeSafetensors(tensors, { [KEY]: UNSEALED, ...metadata });
  writeSeal(file, sealOf(file));
  return file;
}

/**
 * Reads what {@linkcode writeSealedTensors} wrote. CRC-32C finds every burst of up to 32 wrong bits and
 * lets one in 2³² of all other damage pass.
 *
 * @param file The file's bytes.
 * @returns Its arrays and metadata.
 * @throws {SyntaxError} when it is malformed, holds no checksum, or another one.
 */
export function readSealedTensors(file: Uint8Array): Safetensors {
  const content = readSafetensors(file);
  const { [KEY]: seal, ...metadata } = content.metadata;
  if (seal === undefined) {
    throw new SyntaxError(
      "Cannot read safetensors: Tickcast did not write it, its metadata hold no checksum",
    );
  }
  if (seal !== sealOf(file)) {
    throw new SyntaxError(
      "Cannot read safetensors: its checksum does not match, it is damaged or was changed elsewhere",
    );
  }
  return { tensors: content.tensors, metadata };
}

/** The checksum of a file as it was before it was sealed. */
function sealOf(file: Uint8Array): string {
  const unsealed = new Uint8Array(file);
  writeSeal(unsealed, UNSEALED);
  return crc32c(unsealed).toString(16).padStart(UNSEALED.length, "0");
}

function writeSeal(file: Uint8Array, seal: string): void {
  new TextEncoder().encodeInto(seal, file.subarray(SEAL_AT));
}
