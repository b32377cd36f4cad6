// The command line as a process, with the permissions its tasks give it.
import assert from "node:assert/strict";

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

async function tickcast(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", main, ...args],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function withCsv<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

/** A daily rhythm on hourly steps, with one row that cannot be used. */
function rhythm(rows: number): string {
  const lines = Array.from({ length: rows }, (_, hour) => {
    const time = new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
    return `${time},${(10 + 5 * Math.sin(2 * Math.PI * hour / 24)).toFixed(3)}`;
  });
  return ["when,load", ...lines.slice(0, 5), "yesterday,12", ...lines.slice(5)].join("\n");
}

Deno.test("replay prints a forecast a row, counts what it cannot use, and ends with 0", () =>
  withCsv(rhythm(60), async (path) => {
    const { code, stdout, stderr } = await tickcast(
      ...["replay", path, "--time", "when", "--value", "load", "--horizon", "3", "--speed", "0"],
    );
    assert.equal(code, 0, stderr);
    const forecasts = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(forecasts.length, 60);
    for (const forecast of forecasts) {
      assert.equal(forecast.type, "forecast");
      assert.equal(forecast.mean.length, 3);
      assert.equal(forecast.horizon.length, 3);
    }
    assert.equal(forecasts[59].horizon[0], Date.UTC(2026, 0, 1, 60));
    assert.match(stderr, /Line 7, field "when"/);
  }));

Deno.test("replay says the same with two threads", async () => {
  const rows = Array.from(
    { length: 500 },
    (_, k) => `${1000 * Math.floor(k / 100)},${k % 100},${k}`,
  );
  await withCsv(["time,series,value", ...rows].join("\n"), async (path) => {
    const said = ["1", "2"].map((threads) =>
      tickcast(
        ...["replay", path, "--time", "time", "--value", "value", "--series", "series"],
        ...["--horizon", "2", "--hidden", "128", "--experts", "network", "--threads", threads],
      )
    );
    const [one, two] = await Promise.all(said);
    assert.equal(one.stdout.split("\n").length, 501, one.stderr);
    assert.equal(two.stdout, one.stdout);
  });
});

Deno.test("evaluate ends with one JSON object and beats the naive forecast on a rhythm", () =>
  withCsv(rhythm(400), async (path) => {
    const { code, stdout, stderr } = await tickcast(
      ...["evaluate", path, "--time", "when", "--value", "load", "--horizon", "4"],
      ...["--score-from", "200"],
    );
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    assert.equal(result.rows, 400);
    assert.equal(result.horizon, 4);
    assert.equal(result.scored, 400 - 4 - 200);
    const { tickcast: ours, naive, seasonal_naive } = result.models;
    for (const key of ["mae", "rmse", "nrmse", "mape", "crps", "coverage80", "coverage90"]) {
      for (const model of [ours, naive, seasonal_naive]) {
        assert.ok(Number.isFinite(model[key]), key);
      }
    }
    assert.ok(ours.mae < naive.mae);
  }));

Deno.test("the exit status tells a wrong command line (2) from a failure (1)", async () => {
  assert.equal((await tickcast("--version")).code, 0);
  assert.match((await tickcast("--help")).stdout, /\n {2}replay .*[^]*\n {2}evaluate /);
  const unknown = await tickcast("evalute");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown command "evalute"/);
  const option = await tickcast("replay", "a.csv", "--tme", "when");
  assert.equal(option.code, 2);
  assert.match(option.stderr, /Unknown option --tme/);
  const missing = await tickcast("replay", "no-such.csv", "--time", "a", "--value", "b");
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no-such\.csv/);
});

Deno.test("of many rows that cannot be used the first are told, then their number", () =>
  withCsv(rhythm(40), async (path) => {
    const columns = ["--time", "load", "--value", "when", "--horizon", "2"];
    const { code, stderr } = await tickcast("evaluate", path, ...columns);
    assert.equal(code, 1);
    const lines = stderr.trim().split("\n");
    assert.equal(lines.filter((line) => /^Line \d+, field "/.test(line)).length, 10);
    assert.match(lines.at(-2)!, /^41 rows could not be used$/);
    assert.match(lines.at(-1)!, /has no row that could be used/);
  }));

Deno.test("a reader that has enough ends a replay without complaint", () =>
  withCsv(rhythm(3000), async (path) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-read",
        main,
        "replay",
        path,
        "--time",
        "when",
        "--value",
        "load",
      ]
        .concat(["--horizon", "2", "--experts", "light"]),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    assert.ok(!(await reader.read()).done);
    await reader.cancel();
    const stderr = await new Response(child.stderr).text();
    assert.equal((await child.status).code, 0, stderr);
    assert.doesNotMatch(stderr, /pipe/i);
  }));

Deno.test("a column that is not there is named together with those that are", () =>
  withCsv(rhythm(10), async (path) => {
    const { code, stderr } = await tickcast("replay", path, "--time", "when", "--value", "lod");
    assert.equal(code, 1);
    assert.match(stderr, /"lod".*"when", "load"/);
  }));
