// Every guide's commands run as they stand, on fewer rows; and the page shows what they drew.
import assert from "node:assert/strict";
import { guideCommands, guideNames, pageCommands, runCommand } from "../../docs/make_guides.ts";

/** Enough for a few seasons of the shortest kind. */
const ROWS = "260";

const guides = new URL("../../docs/guides/", import.meta.url);

Deno.test("there are the five guides", () =>
  assert.deepEqual(guideNames(), [
    "machine-sensor",
    "power-load",
    "stock-prices",
    "traffic",
    "weather",
  ]));

for (const name of guideNames()) {
  Deno.test(`docs/guides/${name}.md runs as it stands`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const command of guideCommands(name)) {
        const here = command.map((word) => word.replace(/^data\//, `${folder}/`));
        if (here[2] === "evaluate") here.push("--rows", ROWS);
        const { code, stdout, stderr } = await runCommand(here);
        assert.equal(code, 0, stderr);
        if (here[2] !== "evaluate") continue;
        const { rows, models } = JSON.parse(stdout.trim().split("\n").at(-1)!);
        assert.equal(rows, Number(ROWS));
        assert.ok(Number.isFinite(models.tickcast.crps));
      }
      const text = await Deno.readTextFile(new URL(`${name}.md`, guides));
      const picture = /!\[.*\]\((.*)\)/.exec(text)?.[1];
      assert.ok(picture, "the guide shows no picture: deno task guides");
      assert.match(await Deno.readTextFile(new URL(picture, guides)), /^<svg /);
      assert.match(text, /\| tickcast +\|/, "the guide shows no score: deno task guides");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("docs/explain.md runs as it stands, and shows what it said", async () => {
  const folder = await Deno.makeTempDir();
  const page = new URL("../explain.md", guides);
  try {
    let said = "";
    for (const command of pageCommands(page)) {
      const here = command.map((word) => word.replace(/^data\//, `${folder}/`));
      const { code, stdout, stderr } = await runCommand(here);
      assert.equal(code, 0, stderr);
      if (here[2] === "explain") said = stdout.trim();
    }
    const shown = /```text\n([\s\S]*?)\n```/.exec(await Deno.readTextFile(page))?.[1];
    assert.ok(shown, "the page shows no explanation: deno task guides");
    // Not its figures: a processor may round otherwise.
    const ends = (text: string): string[] =>
      text.split("\n").filter((_, k, lines) => k < 2 || k > lines.length - 3)
        .map((line) => line.split(/ {2,}/)[0]);
    assert.deepEqual(ends(said).slice(0, 2), ends(shown).slice(0, 2));
    assert.equal(ends(said).at(-1), "forecast");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
