import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { basename, dirname, join } from "node:path";
import { decodeCheckpoint } from "./checkpoint.ts";
import { CheckpointFiles } from "./checkpoint_files.ts";
import { SqliteJournal } from "./sqlite_journal.ts";

/** The format written. A reader refuses a newer one and reads older ones. */
const BACKUP_FORMAT_VERSION = 1;
const JOURNAL = "journal.sqlite";
const MANIFEST = "backup.json";
/** Nothing else is ever read from or written to. */
const FILE_NAME =
  /^(journal\.sqlite|checkpoints\/checkpoint-\d{15}(\.json|-[0-9a-f]{16}\.safetensors))$/;
/** A server saves a checkpoint a minute; a copy is made well within three of them, or never. */
const ATTEMPTS_MAX = 3;
/** Room for opening a copy, which is never written to. */
const BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** What a backup holds. */
export interface BackupSummary {
  /** The number of the last tick in it. */
  readonly sequence: number;
  /** The number of the tick its newest checkpoint was taken at; 0 where there is none. */
  readonly checkpoint: number;
  /** Bytes over all files. */
  readonly bytes: number;
}

interface Manifest extends BackupSummary {
  readonly format: "tickcast-backup";
  readonly formatVersion: number;
  readonly createdMs: number;
  /** By path, the SHA-256 of each file, hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Copies a state folder while a server may be writing to it: checkpoints first, then the journal as of
 * one moment after them, so that what is copied goes on from the checkpoint without a gap. The target
 * appears at once, when it is whole and checked.
 *
 * @param folder The state folder.
 * @param target A folder that does not exist yet.
 * @param nowMs The time, epoch milliseconds.
 * @throws {Error} when the folder holds no state, the target exists, or the state is damaged.
 */
export async function backUp(
  folder: string,
  target: string,
  nowMs: number,
): Promise<BackupSummary> {
  if (!await exists(join(folder, JOURNAL))) {
    throw new Error(`Cannot back up: no state in ${folder}`);
  }
  if (await exists(target)) throw new Error(`Cannot back up: ${target} exists already`);
  const aside = asideOf(target);
  try {
    for (let attempt = 1;; attempt++) {
      await makeAnew(aside);
      await copyCheckpoints(folder, aside);
      copyJournal(folder, aside);
      const state = await check(aside);
      if (state.gap) {
        // Checkpoints came and went meanwhile, and with them the journal before them.
        if (attempt < ATTEMPTS_MAX) continue;
        throw new Error("Cannot back up: the journal does not reach back to the checkpoint");
      }
      const files: Record<string, string> = {};
      let bytes = 0;
      for (const path of list(aside)) {
        files[path] = await sha256(join(aside, path));
        bytes += (await Deno.stat(join(aside, path))).size;
      }
      const summary = { sequence: state.sequence, checkpoint: state.checkpoint, bytes };
      const manifest: Manifest = {
        format: "tickcast-backup",
        formatVersion: BACKUP_FORMAT_VERSION,
        createdMs: nowMs,
        ...summary,
        files,
      };
      await Deno.writeTextFile(join(aside, MANIFEST), JSON.stringify(manifest, null, 1));
      await Deno.rename(aside, target);
      return summary;
    }
  } catch (error) {
    await Deno.remove(aside, { recursive: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes a state folder of a backup, after everything in it has been checked: the checksum of each file,
 * the checkpoint, every record of the journal.
 *
 * @param source The backup.
 * @param folder The state folder, which must be empty or not exist.
 * @throws {Error} when the folder is in use, or a file is missing, changed or damaged.
 * @throws {SyntaxError} when the backup is none, or a newer release wrote it.
 */
export async function restoreBackup(source: string, folder: string): Promise<BackupSummary> {
  const manifest = await readManifest(source);
  if (await exists(folder) && [...Deno.readDirSync(folder)].length > 0) {
    throw new Error(`Cannot restore: ${folder} is not empty`);
  }
  const aside = asideOf(folder);
  try {
    await makeAnew(aside);
    for (const [path, checksum] of Object.entries(manifest.files)) {
      await Deno.copyFile(join(source, path), join(aside, path)).catch((cause) => {
        throw new Error(`Cannot restore: ${path} cannot be read: ${cause.message}`, { cause });
      });
      if (await sha256(join(aside, path)) !== checksum) {
        throw new Error(`Cannot restore: ${path} is not as it was backed up`);
      }
    }
    const { sequence, checkpoint, gap } = await check(aside);
    if (sequence !== manifest.sequence || checkpoint !== manifest.checkpoint || gap) {
      throw new Error("Cannot restore: the backup does not hold what it says");
    }
    await Deno.remove(folder).catch(() => undefined);
    await Deno.rename(aside, folder);
  } catch (error) {
    await Deno.remove(aside, { recursive: true }).catch(() => undefined);
    throw error;
  }
  return manifest;
}

/** Where a folder is put together until it is whole: beside it, so that it can be renamed. */
function asideOf(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.part`);
}

async function makeAnew(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => undefined);
  await Deno.mkdir(join(folder, "checkpoints"), { recursive: true, mode: 0o700 });
}

/** Copies the sound checkpoints; one that is let go of meanwhile, or damaged, is passed over. */
async function copyCheckpoints(folder: string, target: string): Promise<void> {
  const files = new CheckpointFiles(join(folder, "checkpoints"));
  const copies = new CheckpointFiles(join(target, "checkpoints"));
  const found = files.list();
  let copied = 0;
  for (const sequence of found) {
    try {
      const encoded = await files.read(sequence);
      await decodeCheckpoint(encoded);
      await copies.write(sequence, encoded);
      copied++;
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  if (found.length > 0 && copied === 0) throw new Error("Cannot back up: no checkpoint is sound");
}

/** Copies the journal as of one moment, whatever is committed meanwhile. */
function copyJournal(folder: string, target: string): void {
  const database = new DatabaseSync(join(folder, JOURNAL));
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    database.prepare("VACUUM INTO ?").run(join(target, JOURNAL));
  } finally {
    database.close();
  }
}

/** Reads everything a server would, and says what there is. */
async function check(
  folder: string,
): Promise<{ sequence: number; checkpoint: number; gap: boolean }> {
  const checkpoints = new CheckpointFiles(join(folder, "checkpoints"));
  const checkpoint = checkpoints.list().at(-1) ?? 0;
  if (checkpoint > 0) await decodeCheckpoint(await checkpoints.read(checkpoint));
  const path = join(folder, JOURNAL);
  const database = new DatabaseSync(path);
  try {
    const [row] = database.prepare("PRAGMA integrity_check").all();
    if (row.integrity_check !== "ok") throw new Error(`Journal is damaged: ${row.integrity_check}`);
  } finally {
    database.close();
  }
  const journal = new SqliteJournal({ path, durability: "process", bytesMax: BYTES_MAX });
  try {
    let sequence = checkpoint;
    for (const { first, ticks } of journal.replay(checkpoint)) {
      if (first !== sequence + 1) return { sequence, checkpoint, gap: true };
      sequence += ticks.length;
    }
    return { sequence, checkpoint, gap: sequence < journal.last() };
  } finally {
    journal.close();
  }
}

async function readManifest(source: string): Promise<Manifest> {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(await Deno.readTextFile(join(source, MANIFEST))) ?? {};
  } catch (cause) {
    throw new SyntaxError(`Cannot restore: ${source} holds no ${MANIFEST}`, { cause });
  }
  if (manifest.format !== "tickcast-backup" || typeof manifest.files !== "object") {
    throw new SyntaxError(`Cannot restore: the ${MANIFEST} in ${source} is of another kind`);
  }
  if ((manifest.formatVersion as number) > BACKUP_FORMAT_VERSION) {
    throw new SyntaxError(
      `Cannot restore: the backup has format version ${manifest.formatVersion}, and this release ` +
        `reads up to ${BACKUP_FORMAT_VERSION}; a newer release wrote it`,
    );
  }
  const odd = Object.keys(manifest.files).find((path) => !FILE_NAME.test(path));
  if (odd !== undefined) throw new SyntaxError(`Cannot restore: "${odd}" is no file of a backup`);
  return manifest as Manifest;
}

function list(folder: string): string[] {
  const checkpoints = [...Deno.readDirSync(join(folder, "checkpoints"))];
  return [JOURNAL, ...checkpoints.map(({ name }) => `checkpoints/${name}`)];
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}
