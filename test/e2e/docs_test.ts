// The TypeScript of a page, its blocks joined to one program, runs.
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);

for (const page of ["README.md", "docs/tutorial.md", "docs/interchange.md", "docs/explain.md"]) {
  Deno.test(`the program in ${page} runs`, async () => {
    const text = await Deno.readTextFile(new URL(page, root));
    const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block);
    assert.ok(blocks.length > 0);
    const child = new Deno.Command(Deno.execPath(), {
      cwd: root,
      args: ["run", "--quiet", "-A", "--ext=ts", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(blocks.join("\n")));
    await writer.close();
    const { code, stderr } = await child.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  });
}

Deno.test("links between pages lead somewhere", async () => {
  const pages = ["README.md", "CONTRIBUTING.md"];
  for (const folder of ["docs", "docs/guides", "examples", "bench"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, root))) {
      if (name.endsWith(".md")) pages.push(`${folder}/${name}`);
    }
  }
  const dead: string[] = [];
  for (const page of pages) {
    const text = (await Deno.readTextFile(new URL(page, root))).replace(/```[\s\S]*?```/g, "");
    for (const [, link] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const target = new URL(link, new URL(page, root));
      await Deno.stat(target).catch(() => dead.push(`${page}: ${link}`));
    }
  }
  assert.deepEqual(dead, []);
});
