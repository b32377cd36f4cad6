import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";
import { SqliteStore, type SqliteStoreOptions } from "../../src/state/sqlite_store.ts";
import { JournalError } from "../../src/state/store.ts";
import type { Status, Tick } from "../../streams/mod.ts";
import { arrayBits } from "../array_bits.ts";

const snapshot = { manifest: { a: 1 }, arrays: { w: new Float32Array([1, 2, 3]) } };

function ticks(from: number, count: number, withIds = false): Tick[] {
  return Array.from({ length: count }, (_, index) => {
    const body = { series: "room", time: from + index, values: { value: from + index } };
    return withIds ? { ...body, id: `${from + index}` } : body;
  });
}

async function inFolder(
  body: (
    open: (options?: Partial<SqliteStoreOptions>) => SqliteStore,
    folder: string,
    statuses: Status[],
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const statuses: Status[] = [];
  const open = (options: Partial<SqliteStoreOptions> = {}): SqliteStore =>
    SqliteStore.open({ folder, onStatus: (status) => statuses.push(status), ...options });
  try {
    await body(open, folder, statuses);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A store goes on after a restart: numbers, ids, cursors, journal", () =>
  inFolder(async (open) => {
    let store = open();
    await store.append(ticks(0, 5, true), { feed: "f", position: "4" });
    await store.saveCheckpoint(snapshot, 3);
    await store.close();
    store = open();
    equal(store.sequence, 5);
    equal(store.cursor("f"), "4");
    deepEqual((await store.append(ticks(3, 4, true))).duplicates, [0, 1]);
    const [record] = store.replay(3);
    deepEqual(record.ticks, ticks(3, 2, true));
    await store.close();
  }));

Deno.test("A large checkpoint that is given is written by a worker, and the same to the last bit", () =>
  inFolder(async (open, folder, statuses) => {
    const packed = new PackedArrays();
    for (let k = 0; k < 100; k++) {
      packed.keep(`series.${k}`, Float64Array.from({ length: 6_000 }, () => Math.random()));
      packed.keep(`state.${k}`, Float32Array.of(k, NaN, -0));
    }
    packed.settle();
    const expected = structuredClone(packed.arrays);
    let store = open();
    await store.append(ticks(0, 5));
    const { arrays } = packed;
    ok(await store.saveCheckpoint({ manifest: { a: [NaN, "é"] }, arrays, given: true }, 3));
    equal(arrays["series.0"].length, 0, "nothing was copied");
    // A folder that is gone: the answer is no, and the store lives on.
    const checkpoints = join(folder, "checkpoints");
    await Deno.rename(checkpoints, `${checkpoints}.away`);
    await Deno.writeTextFile(checkpoints, "");
    const again = structuredClone(expected);
    equal(await store.saveCheckpoint({ manifest: {}, arrays: again, given: true }, 4), false);
    equal(statuses.at(-1)?.kind, "degraded");
    await Deno.remove(checkpoints);
    await Deno.rename(`${checkpoints}.away`, checkpoints);
    await store.close();
    store = open();
    const { sequence, snapshot } = (await store.loadCheckpoint())!;
    equal(sequence, 3);
    deepEqual(snapshot.manifest, { a: [null, "é"] });
    deepEqual(arrayBits(snapshot.arrays), arrayBits(expected));
    await store.close();
  }));

Deno.test("A long write-ahead log is put into the database while ticks go on", () =>
  inFolder(async (open, folder) => {
    let store = open();
    const count = 1100;
    for (let k = 0; k < count; k++) await store.append(ticks(20 * k, 20));
    const size = (): number => Deno.statSync(join(folder, "journal.sqlite")).size;
    const before = size();
    while (size() === before) await new Promise((resolve) => setTimeout(resolve, 1));
    await store.append(ticks(20 * count, 20));
    await store.close();
    store = open();
    equal(store.sequence, 20 * count + 20);
    const times = [...store.replay(0)].flatMap((record) => record.ticks.map(({ time }) => time));
    deepEqual(times, Array.from({ length: 20 * count + 20 }, (_, time) => time));
    await store.close();
  }));

Deno.test("Numbers go on after everything journalled was let go", () =>
  inFolder(async (open) => {
    let store = open({ idsKept: 0, checkpointsKept: 1 });
    await store.append(ticks(0, 5));
    await store.saveCheckpoint(snapshot, 5);
    await store.close();
    store = open({ idsKept: 0 });
    equal(store.sequence, 5);
    equal((await store.append(ticks(5, 1))).first, 6);
    await store.close();
  }));

Deno.test("A damaged checkpoint is reported, and the one before taken", () =>
  inFolder(async (open, folder, statuses) => {
    const store = open();
    for (const sequence of [1, 2, 3]) await store.saveCheckpoint(snapshot, sequence);
    const names = [...Deno.readDirSync(join(folder, "checkpoints"))].map(({ name }) => name);
    const path = (sequence: number, extension: string): string => {
      const name = names.find((name) => name.includes(`0${sequence}`) && name.endsWith(extension));
      return join(folder, "checkpoints", name as string);
    };
    const bytes = await Deno.readFile(path(3, ".safetensors"));
    bytes[bytes.length - 1] ^= 1;
    await Deno.writeFile(path(3, ".safetensors"), bytes);
    const manifest = JSON.parse(await Deno.readTextFile(path(2, ".json")));
    await Deno.writeTextFile(path(2, ".json"), JSON.stringify({ ...manifest, state: { a: 2 } }));
    equal((await store.loadCheckpoint())?.sequence, 1);
    deepEqual(
      statuses.map((status) => status.kind === "degraded" && status.detail),
      [
        "checkpoint 3 is passed over: Cannot read checkpoint: the checksum of its tensors does not match",
        "checkpoint 2 is passed over: Cannot read checkpoint: the checksum of its state does not match",
      ],
    );
    await store.close();
  }));

Deno.test("A checkpoint saved again at the same number replaces the first, and leaves nothing behind", () =>
  inFolder(async (open, folder) => {
    const store = open();
    for (const first of [1, 9]) {
      const arrays = { w: new Float32Array([first, 2, 3]) };
      equal(await store.saveCheckpoint({ manifest: { first }, arrays }, 4), true);
    }
    const checkpoint = await store.loadCheckpoint();
    deepEqual(checkpoint?.snapshot.manifest, { first: 9 });
    equal(checkpoint?.snapshot.arrays.w[0], 9);
    equal([...Deno.readDirSync(join(folder, "checkpoints"))].length, 2);
    await store.close();
  }));

Deno.test("A checkpoint of a newer release is refused with a clear line", () =>
  inFolder(async (open, folder, statuses) => {
    const store = open();
    await store.saveCheckpoint(snapshot, 1);
    const path = join(folder, "checkpoints", "checkpoint-000000000000001.json");
    const manifest = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...manifest, formatVersion: 99 }));
    equal(await store.loadCheckpoint(), undefined);
    match(JSON.stringify(statuses), /format version 99, and this release reads up to 1/);
    await store.close();
  }));

Deno.test("A full journal refuses ticks, says so, and recovers when a checkpoint makes room", () =>
  inFolder(async (open, _, statuses) => {
    const store = open({ journalBytesMax: 200_000, checkpointsKept: 1 });
    let accepted = 0;
    const fill = async (): Promise<void> => {
      for (;;) accepted += (await store.append(ticks(accepted, 100, true))).ticks.length;
    };
    await rejects(fill(), JournalError);
    equal(store.sequence, accepted);
    equal(store.stats().writable, false);
    await rejects(store.append(ticks(accepted, 100, true)), /full/);
    equal(await store.saveCheckpoint(snapshot, accepted), true);
    const { ticks: fresh } = await store.append(ticks(accepted, 100, true));
    equal(fresh.length, 100, "ticks refused before must not count as seen");
    deepEqual([...new Set(statuses.map(({ kind }) => kind))], ["degraded", "recovered"]);
    equal(store.stats().writable, true);
    await store.close();
  }));

Deno.test("A checkpoint that cannot be written leaves the ones before, and is reported", () =>
  inFolder(async (open, folder, statuses) => {
    const store = open();
    await store.saveCheckpoint(snapshot, 1);
    // A folder where the file should go: writing fails, whoever runs the test.
    await Deno.mkdir(join(folder, "checkpoints", "checkpoint-000000000000002.json.part"));
    equal(await store.saveCheckpoint(snapshot, 2), false);
    equal((await store.loadCheckpoint())?.sequence, 1);
    equal(await store.saveCheckpoint(snapshot, 3), true);
    deepEqual(statuses.map(({ kind }) => kind), ["degraded", "recovered"]);
    await store.close();
  }));

Deno.test("A damaged journal is put aside, and numbers go on from the newest checkpoint", () =>
  inFolder(async (open, folder, statuses) => {
    let store = open();
    await store.append(ticks(0, 10));
    await store.saveCheckpoint(snapshot, 8);
    await store.close();
    await Deno.writeFile(join(folder, "journal.sqlite"), new Uint8Array(8192).fill(7));
    store = open();
    equal(store.sequence, 8);
    equal((await store.append(ticks(8, 1))).first, 9);
    equal(statuses[0].kind, "degraded");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).join(" ");
    match(names, /journal\.sqlite\.damaged-\d+/);
    await store.close();
  }));

Deno.test("A damaged record ends the replay there, and is reported", () =>
  inFolder(async (open, folder, statuses) => {
    const store = open();
    await store.append(ticks(0, 3));
    await store.append(ticks(3, 3));
    const database = new DatabaseSync(join(folder, "journal.sqlite"));
    database.exec("UPDATE batches SET data = zeroblob(length(data)) WHERE first = 4");
    database.close();
    equal([...store.replay(0)].length, 1);
    match(JSON.stringify(statuses), /the record at tick 4 is damaged/);
    await store.close();
  }));

Deno.test("Another database, or a journal of a newer release, is refused and left alone", () =>
  inFolder(async (open, folder) => {
    const change = (sql: string): void => {
      const database = new DatabaseSync(join(folder, "journal.sqlite"));
      database.exec(sql);
      database.close();
    };
    await open().close();
    change("PRAGMA user_version = 99");
    throws(() => open(), /format version 99/);
    change("PRAGMA user_version = 1; PRAGMA application_id = 1");
    throws(() => open(), /another database/);
  }));

Deno.test("One process at a time uses a folder", () =>
  inFolder(async (open) => {
    const store = open();
    throws(() => open(), /another process uses/);
    await store.close();
    await open().close();
  }));
