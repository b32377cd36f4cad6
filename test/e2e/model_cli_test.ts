// Models from the command line, with the permissions that the tasks give it.
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url).pathname;
const fixture = (name: string): string => `${root}test/fixtures/interop/${name}`;

async function replay(
  model: string,
  columns: readonly string[],
): Promise<[number, string, string]> {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    const rows = Array.from({ length: 60 }, (_, step) => {
      const values = columns.map((_, k) => Math.sin(step / (k + 2)).toFixed(3));
      return `${step * 60_000},${values}`;
    });
    await Deno.writeTextFile(path, [`time,${columns}`, ...rows].join("\n"));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      cwd: root,
      args: ["task", "--quiet", "replay", path, "--time", "time", "--speed", "0", "--horizon", "6"]
        .concat(columns.flatMap((name) => ["--value", name]), ["--model", model]),
      stdin: "null",
    }).output();
    return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
  } finally {
    await Deno.remove(path);
  }
}

for (const model of ["pytorch_lstm.onnx", "pytorch_gru.onnx", "stepwise_lstm.onnx"]) {
  Deno.test(`replay --model ${model} forecasts with the model among the experts`, async () => {
    const [code, stdout, stderr] = await replay(fixture(model), ["a", "b", "c"]);
    assert.equal(code, 0, stderr);
    const forecasts = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(forecasts.length, 60);
    assert.equal(forecasts[59].mean.length, 6);
    assert.deepEqual(forecasts[59].flags, []);
  });
}

/** Starts the server with a model and posts ticks of three features. */
async function serve(model: string, json: string[]): Promise<[unknown, string]> {
  const child = new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: ["run", "--quiet", "--allow-net", "--allow-read", "--allow-env", "src/cli/main.ts"]
      .concat(["serve", "--port", "0", "--no-feed", "--horizon", "6", "--experts", "last_value"])
      .concat(["--features", "load,hour", "--model", model]),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (!/Forecasts: \S+\n/.test(text)) {
      const { value, done } = await reader.read();
      assert.ok(!done, text);
      text += value;
    }
    const url = /http:\S+/.exec(text)![0];
    for (const body of json) {
      const posted = await fetch(`${url}/v1/ticks`, { method: "POST", body });
      assert.equal(posted.status, 200, await posted.text());
    }
    for (;;) {
      const forecast = await (await fetch(`${url}/v1/series/a/forecast`)).json();
      const { applied } = await (await fetch(`${url}/healthz`)).json();
      if (applied === json.length) return [forecast, text];
    }
  } finally {
    child.kill("SIGINT");
    assert.equal((await child.status).code, 0);
    await reader.cancel();
  }
}

for (const model of ["pytorch_gru.onnx", "stepwise_lstm.onnx"]) {
  Deno.test(`serve --model ${model} serves what the model says`, async () => {
    const ticks = Array.from({ length: 60 }, (_, step) => {
      const values = { value: Math.sin(step / 2), load: Math.sin(step / 3), hour: step % 24 / 24 };
      return JSON.stringify({ series: "a", time: 60_000 * step, values });
    });
    const [forecast] = await serve(fixture(model), ticks) as [
      { mean: number[]; flags: string[] },
      string,
    ];
    assert.equal(forecast.mean.length, 6);
    assert.ok(forecast.mean.every(Number.isFinite));
    assert.ok(!forecast.flags.includes("degraded"));
    assert.ok(new Set(forecast.mean).size > 1, "the last value alone would say one number");
  });
}

Deno.test("a model of more features than are given is refused at once", async () => {
  const [code, , stderr] = await replay(fixture("pytorch_gru.onnx"), ["a"]);
  assert.equal(code, 2);
  assert.match(stderr, /--model: it takes 3 features, 1 are given/);
});

Deno.test("replay --model says what is wrong with a file", async () => {
  const [code, , stderr] = await replay(fixture("lstm.safetensors"), ["a"]);
  assert.equal(code, 1);
  assert.match(stderr, /Tickcast did not write it/);
  const [usage, , hint] = await replay(fixture("make_fixtures.py"), ["a"]);
  assert.equal(usage, 2);
  assert.match(hint, /--model: expected a \.safetensors or \.onnx file/);
});
