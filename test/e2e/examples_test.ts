// Every example runs as it stands.
import assert from "node:assert/strict";

const folder = new URL("../../examples/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
  name.endsWith(".ts")
);

Deno.test("there are examples", () => assert.ok(names.length > 0));

for (const name of names) {
  Deno.test(`examples/${name} runs and says something`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", new URL(name, folder).pathname],
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.ok(stdout.length > 0);
  });
}
