import type { Snapshot } from "../forecast/forecaster.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "./safetensors.ts";
import type { Checkpoint } from "./store.ts";

/** The format written. A reader refuses a newer one and reads older ones. */
export const CHECKPOINT_FORMAT_VERSION = 1;

/** A checkpoint as two files: the arrays, and what they are. */
export interface EncodedCheckpoint {
  /** JSON: format version, sequence, state, and the checksums of both. */
  readonly manifest: string;
  /** The arrays as safetensors. */
  readonly tensors: Uint8Array<ArrayBuffer>;
}

interface Manifest {
  format: "tickcast-checkpoint";
  formatVersion: number;
  sequence: number;
  createdMs: number;
  /** SHA-256 of the safetensors file, hexadecimal. */
  tensorsSha256: string;
  /** SHA-256 of everything else in the manifest as JSON, hexadecimal. */
  stateSha256: string;
  state: Record<string, unknown>;
}

/**
 * Writes a checkpoint as safetensors and a JSON manifest, both under SHA-256. The snapshot is copied
 * before anything is awaited, so that the forecaster may go on meanwhile.
 *
 * @param snapshot What to keep.
 * @param sequence Ticks applied before it was taken.
 * @param createdMs When it was taken, epoch milliseconds.
 */
export function encodeCheckpoint(
  snapshot: Snapshot,
  sequence: number,
  createdMs: number,
): Promise<EncodedCheckpoint> {
  // An async function would hold the snapshot, which is as large as all state, until the end.
  return new Promise((resolve) => {
    const tensors: Record<string, Tensor> = {};
    for (const [name, data] of Object.entries(snapshot.arrays)) {
      tensors[name] = { shape: [data.length], data };
    }
    const state = JSON.parse(JSON.stringify(snapshot.manifest));
    resolve(withChecksums(writeSafetensors(tensors), { sequence, createdMs, state }));
  });
}

async function withChecksums(
  tensors: Uint8Array<ArrayBuffer>,
  { sequence, createdMs, state }: Pick<Manifest, "sequence" | "createdMs" | "state">,
): Promise<EncodedCheckpoint> {
  const content: Omit<Manifest, "stateSha256"> = {
    format: "tickcast-checkpoint",
    formatVersion: CHECKPOINT_FORMAT_VERSION,
    sequence,
    createdMs,
    state,
    tensorsSha256: await sha256(tensors),
  };
  const manifest: Manifest = { ...content, stateSha256: await sha256OfJson(content) };
  return { manifest: JSON.stringify(manifest), tensors };
}

/**
 * Reads a checkpoint back.
 *
 * @throws {SyntaxError} when it is damaged, or of a format this version does not know.
 */
export async function decodeCheckpoint(encoded: EncodedCheckpoint): Promise<Checkpoint> {
  const { stateSha256, ...content } = parseManifest(encoded.manifest);
  const { sequence, createdMs, state } = content;
  if (await sha256(encoded.tensors) !== content.tensorsSha256) {
    throw damaged("the checksum of its tensors does not match");
  }
  if (await sha256OfJson(content) !== stateSha256) {
    throw damaged("the checksum of its state does not match");
  }
  const arrays: Record<string, Float32Array | Float64Array | Uint32Array> = {};
  for (const [name, { data }] of readSafetensors(encoded.tensors).tensors) {
    if (
      !(data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint32Array)
    ) {
      throw damaged(`array "${name}" is of a type no snapshot holds`);
    }
    arrays[name] = data;
  }
  return { sequence, createdMs, snapshot: { manifest: state, arrays } };
}

/**
 * The checksum of the tensors that belong to a manifest, hexadecimal.
 *
 * @throws {SyntaxError} when the manifest is damaged, or of a format this version does not know.
 */
export function tensorsChecksum(manifest: string): string {
  return parseManifest(manifest).tensorsSha256;
}

function parseManifest(text: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) ?? {};
  } catch (cause) {
    throw new SyntaxError("Cannot read checkpoint: its manifest is not JSON", { cause });
  }
  if (manifest.format !== "tickcast-checkpoint" || !Number.isInteger(manifest.formatVersion)) {
    throw damaged("its manifest is of another kind");
  }
  if (manifest.formatVersion as number > CHECKPOINT_FORMAT_VERSION) {
    throw damaged(
      `it has format version ${manifest.formatVersion}, and this release reads up to ` +
        `${CHECKPOINT_FORMAT_VERSION}; a newer release wrote it`,
    );
  }
  if (!Number.isSafeInteger(manifest.sequence) || typeof manifest.state !== "object") {
    throw damaged("its manifest lacks a sequence or state");
  }
  // It becomes part of a file's name.
  if (!/^[0-9a-f]{64}$/.test(manifest.tensorsSha256 ?? "")) {
    throw damaged("its manifest lacks the checksum of its tensors");
  }
  return manifest as Manifest;
}

/** Keys count in the order in which they stand. */
function sha256OfJson(content: unknown): Promise<string> {
  return sha256(new TextEncoder().encode(JSON.stringify(content)));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function damaged(why: string): SyntaxError {
  return new SyntaxError(`Cannot read checkpoint: ${why}`);
}
