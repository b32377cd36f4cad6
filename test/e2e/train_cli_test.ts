// From a CSV to a model, its curves and report, and on with it in the other commands.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Random } from "../../mod.ts";

const root = new URL("../../", import.meta.url).pathname;
const COLUMNS = ["--time", "time", "--value", "value", "--horizon", "3"];
const SMALL = ["--hidden", "8", "--epochs", "50", "--batch", "2", "--lr", "0.02"]
  .concat(["--patience", "50", "--season", "0"]);

async function task(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: ["task", "--quiet", ...args],
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const lastLine = (out: string): Record<string, never> => JSON.parse(out.trim().split("\n").at(-1)!);

/** Waves of two lengths under noise, which the last value forecasts badly. */
async function writeWaves(path: string): Promise<void> {
  const random = new Random(1);
  const rows = Array.from({ length: 900 }, (_, step) => {
    const value = 20 + 5 * Math.sin(step / 3) + 3 * Math.sin(step / 1.7) + 0.2 * random.normal();
    return `${step * 60_000},${value.toFixed(4)}`;
  });
  await Deno.writeTextFile(path, ["time,value", ...rows].join("\n"));
}

/** TFRecords of an event file: length, its checksum, the message, its checksum. */
function records(file: Uint8Array): number {
  const view = new DataView(file.buffer);
  let count = 0;
  for (let at = 0; at < file.length; count++) at += 16 + Number(view.getBigUint64(at, true));
  return count;
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("train writes a model that replay and evaluate begin with", () =>
  inFolder(async (folder) => {
    const csv = join(folder, "waves.csv");
    const model = join(folder, "waves.safetensors");
    const [logdir, report] = [join(folder, "log"), join(folder, "pages", "report.html")];
    await writeWaves(csv);
    const trained = await task(
      ...["train", csv, ...COLUMNS, ...SMALL, "-o", model, "--logdir", logdir, "--report", report],
    );
    assert.equal(trained.code, 0, trained.err);
    assert.match(trained.err, /round {2}50 {2}training 0\.\d+ {2}validation 0\.\d+/);
    const said = lastLine(trained.out) as unknown as {
      rows: number;
      rounds: number;
      loss: { test: number; testUntrained: number };
      test: { models: Record<string, { mae: number; coverage90: number }> };
    };
    assert.deepEqual([said.rows, said.rounds], [900, 50]);
    assert.ok(said.loss.test < 0.7 * said.loss.testUntrained, JSON.stringify(said.loss));
    const { network, naive } = said.test.models;
    assert.ok(network.mae < 0.6 * naive.mae, `${network.mae} against ${naive.mae}`);
    assert.match(trained.out, /MAE, steps .*network .*naive .*seasonal_naive/);

    for (const picture of ["waves-curves.svg", "waves-forecasts.svg"]) {
      const svg = await Deno.readTextFile(join(folder, picture));
      assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>\n$/);
    }
    const page = await Deno.readTextFile(report);
    assert.match(page, /Loss, round by round/);
    assert.match(page, /network at every step ahead/);
    const [events] = [...Deno.readDirSync(logdir)];
    assert.match(events.name, /tfevents/);
    // The version, a record a round, and the test with the weights' distributions.
    assert.equal(records(await Deno.readFile(join(logdir, events.name))), 1 + 50 + 1);

    const alone = ["--model", model, "--experts", "network", "--retrain-every", "0"];
    const columns = [...COLUMNS, "--season", "0"];
    const scored = await task("evaluate", csv, ...columns, ...alone, "--holdback", "0.15");
    assert.equal(scored.code, 0, scored.err);
    const { models } = lastLine(scored.out) as unknown as {
      models: Record<string, { mae: number }>;
    };
    assert.equal(models.tickcast.mae, network.mae, "the stream runs what was trained");
    const replayed = await task("replay", csv, ...columns, "--speed", "0", "--model", model);
    assert.equal(replayed.code, 0, replayed.err);
    assert.equal(replayed.out.trim().split("\n").length, 900);

    const other = await task("replay", csv, ...columns, "--horizon", "5", "--model", model);
    assert.equal(other.code, 2, other.err);
  }));

Deno.test("train repeats to the bit under one seed, and takes every choice", () =>
  inFolder(async (folder) => {
    const csv = join(folder, "waves.csv");
    await writeWaves(csv);
    const train = async (...more: string[]): Promise<Uint8Array> => {
      const model = join(folder, "model.safetensors");
      const { code, err } = await task(
        ...["train", csv, ...COLUMNS, "--season", "0", "-o", model, "--json"],
        ...["--hidden", "6", "--epochs", "2", "--layers", "2", ...more],
      );
      assert.equal(code, 0, err);
      return await Deno.readFile(model);
    };
    const choices = ["--cell", "gru", "--optimiser", "sgd", "--loss", "huber", "--dropout", "0.1"]
      .concat(["--schedule", "step", "--weight-decay", "0.1", "--clip", "0.5", "--window", "32"])
      .concat(["--batch", "8", "--patience", "3", "--split", "0.8,0.1,0.1", "--seed", "7"]);
    const first = await train(...choices);
    assert.deepEqual(await train(...choices), first);
    assert.notDeepEqual(await train(...choices.with(-1, "8")), first);
    await train("--cell", "gru_reset_before", "--optimiser", "adam", "--loss", "gaussian");

    const onnx = join(folder, "model.onnx");
    const exported = await task(
      ...["train", csv, ...COLUMNS, "--season", "0", "-o", onnx, "--json"],
      ...["--hidden", "6", "--epochs", "1"],
    );
    assert.equal(exported.code, 0, exported.err);
    const replayed = await task(
      ...["replay", csv, ...COLUMNS, "--speed", "0", "--experts", "last_value", "--model", onnx],
    );
    assert.equal(replayed.code, 0, replayed.err);
    assert.deepEqual(JSON.parse(replayed.out.trim().split("\n").at(-1)!).flags, []);
  }));

Deno.test("train says what is wrong", () =>
  inFolder(async (folder) => {
    const csv = join(folder, "short.csv");
    await Deno.writeTextFile(csv, "time,value\n0,1\n");
    const split = await task("train", csv, ...COLUMNS, "--split", "0.7,0.2,0.2");
    assert.equal(split.code, 2);
    assert.match(split.err, /--split: expected three shares that sum to 1/);
    const short = await task("train", csv, ...COLUMNS, "-o", join(folder, "m.safetensors"));
    assert.equal(short.code, 1);
    assert.match(short.err, /nothing to learn from/);
  }));

Deno.test("train and evaluate score every series of a file", () =>
  inFolder(async (folder) => {
    const csv = join(folder, "two.csv");
    const rows = Array.from({ length: 300 }, (_, step) => {
      const time = step * 60_000;
      return `${time},left,${Math.sin(step / 3).toFixed(3)}\n${time},right,${step % 5}`;
    });
    await Deno.writeTextFile(csv, ["time,side,value", ...rows].join("\n"));
    const columns = [...COLUMNS, "--series", "side"];
    const model = join(folder, "two.safetensors");
    const trained = await task(
      ...["train", csv, ...columns, "--hidden", "4", "--epochs", "2", "-o", model],
    );
    assert.equal(trained.code, 0, trained.err);
    const scored = await task("evaluate", csv, ...columns, "--experts", "last_value");
    assert.equal(scored.code, 0, scored.err);
    const both = ["left", "right"];
    assert.deepEqual(Object.keys((lastLine(trained.out).test as { series: object }).series), both);
    assert.deepEqual(Object.keys(lastLine(scored.out).series), both);
  }));
