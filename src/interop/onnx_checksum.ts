import { crc32c } from "../state/crc32c.ts";
import type { OnnxModel } from "./onnx_model.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** The name under which exported files give their producer. */
export const PRODUCER = "tickcast";
/** Under this key the metadata of an exported file describe it, as JSON. */
export const TICKCAST_METADATA = "tickcast";

const KEY = "tickcast.crc32c";
/** Hexadecimal digits of the sum. */
const DIGITS = 8;
const ENTRY_LENGTH = entry(0).length;

/**
 * Ends an ONNX file with a checksum of everything before it, as one more entry of its metadata.
 * Protobuf messages may be joined like this.
 *
 * @param file The file without it.
 * @returns The file with it.
 */
export function sealOnnx(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(file.length + ENTRY_LENGTH);
  sealed.set(file);
  sealed.set(entry(crc32c(file)), file.length);
  return sealed;
}

/**
 * Checks the checksum of an ONNX file that was exported here. Files from elsewhere have none and pass.
 *
 * @param file The file.
 * @param model What it says about itself.
 * @throws {SyntaxError} when the file says it was exported here and its checksum is missing or wrong.
 */
export function verifyOnnx(file: Uint8Array, model: OnnxModel): void {
  const own = model.producer === PRODUCER || Object.hasOwn(model.metadata, TICKCAST_METADATA);
  if (!own) return;
  const end = file.length - ENTRY_LENGTH;
  const expected = end < 0 ? undefined : entry(crc32c(file.subarray(0, end)));
  if (!expected?.every((byte, index) => byte === file[end + index])) {
    throw new SyntaxError("Cannot read ONNX model: its checksum does not match, it is damaged");
  }
}

function entry(sum: number): Uint8Array {
  const text = sum.toString(16).padStart(DIGITS, "0");
  return new ProtobufWriter()
    .message(14, new ProtobufWriter().text(1, KEY).text(2, text))
    .finish();
}
