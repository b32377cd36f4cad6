import { join } from "node:path";
import { type EncodedCheckpoint, tensorsChecksum } from "./checkpoint.ts";

const NAME = /^checkpoint-(\d{15})\.json$/;

/**
 * Checkpoints in a folder, two files each. Every file is written aside, flushed and renamed; the manifest
 * comes last and makes the checkpoint exist, so that a crash at any moment leaves the ones before. The
 * tensors are named after their checksum, so that those of a second checkpoint at the same number stand
 * beside the first ones until the new manifest has replaced the old.
 */
export class CheckpointFiles {
  /** Where they are. */
  readonly folder: string;

  /** Opens a folder, which is made where it is missing. */
  constructor(folder: string) {
    this.folder = folder;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** The sequence numbers of the checkpoints there, ascending. */
  list(): number[] {
    const sequences: number[] = [];
    for (const entry of Deno.readDirSync(this.folder)) {
      const match = NAME.exec(entry.name);
      if (match !== null) sequences.push(Number(match[1]));
    }
    return sequences.sort((a, b) => a - b);
  }

  /** Writes a checkpoint, replacing one of the same number. */
  async write(sequence: number, checkpoint: EncodedCheckpoint): Promise<void> {
    const tensors = tensorsName(sequence, checkpoint.manifest);
    await replace(join(this.folder, tensors), checkpoint.tensors);
    await replace(this.#manifest(sequence), new TextEncoder().encode(checkpoint.manifest));
    await this.#removeTensors(sequence, tensors);
  }

  /** Reads the two files of a checkpoint. */
  async read(sequence: number): Promise<EncodedCheckpoint> {
    const manifest = await Deno.readTextFile(this.#manifest(sequence));
    const tensors = await Deno.readFile(join(this.folder, tensorsName(sequence, manifest)));
    return { manifest, tensors };
  }

  /** Removes a checkpoint; its manifest goes first. */
  async remove(sequence: number): Promise<void> {
    await Deno.remove(this.#manifest(sequence)).catch(ignoreMissing);
    await this.#removeTensors(sequence);
  }

  /** Removes the tensors of a number but for those named, also what a crash left behind. */
  async #removeTensors(sequence: number, except?: string): Promise<void> {
    const prefix = `${stem(sequence)}-`;
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      if (!name.startsWith(prefix) || name === except) continue;
      await Deno.remove(join(this.folder, name)).catch(ignoreMissing);
    }
  }

  #manifest(sequence: number): string {
    return join(this.folder, `${stem(sequence)}.json`);
  }
}

function stem(sequence: number): string {
  return `checkpoint-${String(sequence).padStart(15, "0")}`;
}

/** Where a manifest says that its tensors are. */
function tensorsName(sequence: number, manifest: string): string {
  return `${stem(sequence)}-${tensorsChecksum(manifest).slice(0, 16)}.safetensors`;
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
