// ONNX models from the command line, with the permissions that the task gives it.
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

Deno.test("replay --model says what is wrong with a file", async () => {
  const [code, , stderr] = await replay(fixture("lstm.safetensors"), ["a"]);
  assert.equal(code, 1);
  assert.match(stderr, /metadata have no "tickcast"/);
  const [usage, , hint] = await replay(fixture("make_fixtures.py"), ["a"]);
  assert.equal(usage, 2);
  assert.match(hint, /--model: expected a \.safetensors or \.onnx file/);
});
