// Back-up of a live server's state, and what becomes of it.
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { restoreBackup } from "../../src/state/backup.ts";
import { SqliteStore } from "../../src/state/sqlite_store.ts";
import { TickcastClient } from "../../src/serve/client.ts";
import type { Tick } from "../../streams/mod.ts";
import { settled, withServer } from "./served.ts";

/** Runs a command in this process. */
async function tickcast(...args: string[]): Promise<{ code: number; said: string }> {
  let said = "";
  const code = await main(args, {
    out: (line) => Promise.resolve(void (said += `${line}\n`)),
    note: (line) => said += `${line}\n`,
    interactive: false,
    signal: new AbortController().signal,
  });
  return { code, said };
}

function ticks(from: number, count: number): Tick[] {
  return Array.from({ length: count }, (_, i) => ({
    series: `s${i % 3}`,
    time: 1000 * (from + i),
    values: { value: Math.sin(from + i) },
    id: `${from + i}`,
  }));
}

Deno.test("a backup under live ingest is whole, and goes on as the server would have", async () => {
  const folder = await Deno.makeTempDir();
  const at = (name: string): string => join(folder, name);
  await Deno.mkdir(at("state"));
  try {
    let sent = 0;
    let during = 0;
    const expected: Record<string, unknown> = {};
    await withServer(async ({ server, engine }) => {
      const client = new TickcastClient({ url: server.url });
      for (let round = 0; round < 6; round++, sent += 300) {
        await client.post(ticks(sent, 300));
        if (round % 2 === 1) ok(await engine.checkpoint());
      }
      let going = true;
      const ingest = (async (): Promise<void> => {
        for (; going; sent += 10) await client.post(ticks(sent, 10));
      })();
      const before = sent;
      equal((await tickcast("backup", "--state", at("state"), "--to", at("copy"))).code, 0);
      during = sent - before;
      going = false;
      await ingest;
      await settled(engine);
    }, { store: SqliteStore.open({ folder: at("state") }) });
    ok(during > 0, "ticks came while the backup was made");

    const { code, said } = await tickcast("restore", "--from", at("copy"), "--state", at("again"));
    equal(code, 0, said);
    const saved = Number(/: (\d+) ticks/.exec(said)?.[1]);
    ok(saved >= 1800 && saved <= sent, said);
    for (const name of ["state", "again"]) {
      await withServer(async ({ server, engine }) => {
        const client = new TickcastClient({ url: server.url });
        equal(engine.health().store.sequence, name === "state" ? sent : saved);
        // The one restored is told again what came after the backup.
        for (let from = saved - (saved % 10); from < sent + 30; from += 10) {
          equal((await client.post(ticks(from, 10))).type, "ack");
        }
        await settled(engine);
        equal(engine.health().applied, sent + 30);
        const forecasts = await Promise.all(["s0", "s1", "s2"].map((s) => client.latest(s)));
        if (name === "state") Object.assign(expected, { forecasts });
        else deepEqual({ forecasts }, expected);
      }, { store: SqliteStore.open({ folder: at(name) }) });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a backup that was changed, is incomplete or of another kind is refused, and nothing is left", async () => {
  const folder = await Deno.makeTempDir();
  const at = (name: string): string => join(folder, name);
  await Deno.mkdir(at("state"));
  try {
    const store = SqliteStore.open({ folder: at("state") });
    await store.append(ticks(0, 50));
    await store.saveCheckpoint({ manifest: {}, arrays: { w: new Float32Array(9) } }, 20);
    await store.close();
    match((await tickcast("backup", "--state", at("none"), "--to", at("b"))).said, /no state in/);
    equal((await tickcast("backup", "--state", at("state"), "--to", at("b"))).code, 0);
    match(
      (await tickcast("backup", "--state", at("state"), "--to", at("b"))).said,
      /exists already/,
    );
    await rejects(restoreBackup(at("b"), at("state")), /is not empty/);
    equal((await tickcast("backup", "--to", at("c"))).code, 2);

    const manifestPath = join(at("b"), "backup.json");
    const manifest = JSON.parse(await Deno.readTextFile(manifestPath));
    equal(Object.keys(manifest.files).length, 3);
    for (const path of Object.keys(manifest.files)) {
      const bytes = await Deno.readFile(join(at("b"), path));
      const changed = bytes.slice();
      changed[changed.length >> 1] ^= 1;
      await Deno.writeFile(join(at("b"), path), changed);
      await rejects(restoreBackup(at("b"), at("again")), /is not as it was backed up/, path);
      await Deno.remove(join(at("b"), path));
      await rejects(restoreBackup(at("b"), at("again")), /cannot be read/, path);
      await Deno.writeFile(join(at("b"), path), bytes);
    }
    const refusals: [Record<string, unknown>, RegExp][] = [
      [{ formatVersion: 99 }, /format version 99.*a newer release wrote it/],
      [{ format: "other" }, /of another kind/],
      [{ files: { "../../etc/passwd": "00" } }, /is no file of a backup/],
      [{ sequence: 49 }, /does not hold what it says/],
    ];
    for (const [change, expected] of refusals) {
      await Deno.writeTextFile(manifestPath, JSON.stringify({ ...manifest, ...change }));
      await rejects(restoreBackup(at("b"), at("again")), expected);
    }
    await Deno.writeTextFile(manifestPath, "{");
    await rejects(restoreBackup(at("b"), at("again")), /holds no backup\.json/);
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["b", "state"]);
    await Deno.writeTextFile(manifestPath, JSON.stringify(manifest));
    const summary = await restoreBackup(at("b"), at("again"));
    deepEqual([summary.sequence, summary.checkpoint], [50, 20]);
    notEqual(summary.bytes, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
