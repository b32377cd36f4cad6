// What moved a forecast, told on the command line.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Explanation, Random } from "../../mod.ts";

const root = new URL("../../", import.meta.url).pathname;
const HOUR_MS = 3_600_000;

async function explain(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: ["task", "--quiet", "explain", ...args],
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** A load that follows the hour of the day, and two hours later the wind. */
function load(): string {
  const random = new Random(4);
  const wind: number[] = [];
  const rows = Array.from({ length: 700 }, (_, step) => {
    wind.push(0.8 * (wind[step - 1] ?? 0) + random.normal());
    const daily = 20 * Math.sin(2 * Math.PI * step / 24);
    const value = 100 + daily + 6 * (wind[step - 2] ?? 0) + 0.3 * random.normal();
    return `${step * HOUR_MS},${value.toFixed(3)},${wind[step].toFixed(3)}`;
  });
  return ["time,load,wind", ...rows].join("\n");
}

Deno.test("explain tells columns and lags, as words, JSON and a picture that agree", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const csv = join(folder, "load.csv");
    const svg = join(folder, "load.svg");
    await Deno.writeTextFile(csv, load());
    const from = [csv, "--time", "time", "--value", "load,wind", "--horizon", "2"];

    const told = await explain(...from, "--json");
    assert.equal(told.code, 0, told.err);
    const explanation = JSON.parse(told.out) as Explanation;
    const { forecast, baseline, contributions } = explanation;
    assert.deepEqual([explanation.series, explanation.ahead], ["load", 2]);
    const sum = contributions.reduce((total, { value }) => total + value, 0);
    assert.ok(Math.abs(sum - (forecast - baseline)) < 1e-7, `${sum} of ${forecast - baseline}`);
    assert.ok(contributions.some(({ input }) => input === "wind"));
    assert.ok(contributions.some(({ input }) => input.startsWith("network: ")));
    assert.ok(!contributions.some(({ input }) => input.includes("covariate")));
    const unexplained = contributions
      .filter(({ input }) => input.endsWith("unexplained"))
      .reduce((total, { value }) => total + Math.abs(value), 0);
    assert.ok(unexplained < 0.01 * Math.abs(forecast - baseline), `${unexplained} unexplained`);

    const words = await explain(...from, "--ahead", "1", "--top", "3", "--svg", svg);
    assert.equal(words.code, 0, words.err);
    const lines = words.out.trim().split("\n");
    assert.equal(lines[0], "load, 1 step ahead");
    assert.match(lines[1], /^last value +\d/);
    assert.match(lines.at(-2)!, /^\d+ more +[+-]?\d/);
    assert.match(lines.at(-1)!, /^forecast +\d/);
    assert.equal(lines.length, 7);
    const figures = lines.slice(1).map((line) => Number(line.split(/ {2,}/)[1]));
    const parts = figures.slice(0, -1).reduce((total, figure) => total + figure, 0);
    // Five digits are told of each.
    assert.ok(Math.abs(parts - figures.at(-1)!) < 0.02, `${parts} of ${figures.at(-1)}`);
    const picture = await Deno.readTextFile(svg);
    for (const line of lines.slice(2, -2)) assert.ok(picture.includes(line.split(/ {2,}/)[0]));

    const beyond = await explain(...from, "--ahead", "3");
    assert.equal(beyond.code, 2);
    assert.match(beyond.err, /--ahead: .*2/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
