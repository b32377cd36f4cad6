import type { Snapshot } from "../forecast/forecaster.ts";
import type { Tensor } from "./safetensors.ts";
import { readSealedTensors, writeSealedTensors } from "./sealed_tensors.ts";
import type { Checkpoint } from "./store.ts";

/** The name in the file's metadata under which everything that is not an array stands. */
const MANIFEST = "tickcast";
/** The format written. A reader refuses a newer one. */
const FORMAT_VERSION = 1;

/** A checkpoint as one safetensors file, its manifest in the metadata. */
export function encodeSnapshot(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { sequence, createdMs, snapshot } = checkpoint;
  const tensors: Record<string, Tensor> = {};
  for (const [name, data] of Object.entries(snapshot.arrays)) {
    tensors[name] = { shape: [data.length], data };
  }
  const manifest = { version: FORMAT_VERSION, sequence, createdMs, state: snapshot.manifest };
  return writeSealedTensors(tensors, { [MANIFEST]: JSON.stringify(manifest) });
}

/**
 * Reads what {@linkcode encodeSnapshot} wrote.
 *
 * @throws {SyntaxError} when it is damaged or of a format this version does not know.
 */
export function decodeSnapshot(file: Uint8Array): Checkpoint {
  const { tensors, metadata } = readSealedTensors(file);
  const { version, sequence, createdMs, state } = JSON.parse(metadata[MANIFEST] ?? "{}");
  if (version !== FORMAT_VERSION) {
    throw new SyntaxError(
      `Cannot read checkpoint: it has format version ${version}, this release reads ${FORMAT_VERSION}`,
    );
  }
  const arrays: Record<string, Snapshot["arrays"][string]> = {};
  for (const [name, { data }] of tensors) {
    if (
      !(data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint32Array)
    ) {
      throw new SyntaxError(
        `Cannot read checkpoint: array "${name}" is of a type no snapshot holds`,
      );
    }
    arrays[name] = data;
  }
  return { sequence, createdMs, snapshot: { manifest: state, arrays } };
}
