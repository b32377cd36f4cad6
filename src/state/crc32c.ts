const TABLE = table();

/**
 * The CRC-32C checksum (Castagnoli polynomial, RFC 3720): finds every burst of up to 32 wrong bits.
 *
 * @param bytes What to sum up.
 * @param previous The sum of the bytes before them.
 * @returns The sum, an unsigned 32-bit number.
 *
 * @example The check value of the standard
 * ```ts
 * import { crc32c } from "@tickcast/tickcast";
 *
 * if (crc32c(new TextEncoder().encode("123456789")) !== 0xe3069283) throw new Error();
 * ```
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let sum = ~previous;
  for (let i = 0; i < bytes.length; i++) sum = TABLE[(sum ^ bytes[i]) & 0xff] ^ (sum >>> 8);
  return ~sum >>> 0;
}

function table(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
    return byte;
  });
}
