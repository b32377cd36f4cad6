import { join } from "node:path";
import type { EncodedCheckpoint } from "./checkpoint.ts";

const NAME = /^checkpoint-(\d{15})\.json$/;

/**
 * Checkpoints in a folder, two files each. Every file is written aside, flushed and renamed; the manifest
 * comes last and makes the checkpoint exist, so that a crash at any moment leaves the ones before.
 */
export class CheckpointFiles {
  readonly #folder: string;

  /** Opens a folder, which is made where it is missing. */
  constructor(folder: string) {
    this.#folder = folder;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** The sequence numbers of the checkpoints there, ascending. */
  list(): number[] {
    const sequences: number[] = [];
    for (const entry of Deno.readDirSync(this.#folder)) {
      const match = NAME.exec(entry.name);
      if (match !== null) sequences.push(Number(match[1]));
    }
    return sequences.sort((a, b) => a - b);
  }

  /** Writes a checkpoint, replacing one of the same number. */
  async write(sequence: number, checkpoint: EncodedCheckpoint): Promise<void> {
    await replace(this.#path(sequence, "safetensors"), checkpoint.tensors);
    await replace(this.#path(sequence, "json"), new TextEncoder().encode(checkpoint.manifest));
  }

  /** Reads the two files of a checkpoint. */
  async read(sequence: number): Promise<EncodedCheckpoint> {
    return {
      manifest: await Deno.readTextFile(this.#path(sequence, "json")),
      tensors: await Deno.readFile(this.#path(sequence, "safetensors")),
    };
  }

  /** Removes a checkpoint; its manifest goes first. */
  async remove(sequence: number): Promise<void> {
    for (const extension of ["json", "safetensors"] as const) {
      await Deno.remove(this.#path(sequence, extension)).catch(ignoreMissing);
    }
  }

  #path(sequence: number, extension: "json" | "safetensors"): string {
    return join(this.#folder, `checkpoint-${String(sequence).padStart(15, "0")}.${extension}`);
  }
}

/** Writes a file so that a reader sees the old one or the new one, never a part. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const aside = `${path}.part`;
  try {
    using file = await Deno.open(aside, { write: true, create: true, truncate: true, mode: 0o600 });
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.syncData();
  } catch (error) {
    await Deno.remove(aside).catch(() => undefined);
    throw error;
  }
  await Deno.rename(aside, path);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
