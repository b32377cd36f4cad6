// Runs the benchmarks of a CPU, each in a process of its own: all of them, or those that are named.
//
//   deno task bench [NAME …] [--tiny] [--json]

const ALL = [
  "single_step",
  "batched_step",
  "training",
  "scaling",
  "replay_csv",
  "end_to_end",
  "memory",
];

const named = Deno.args.filter((argument) => ALL.includes(argument));
const passed = Deno.args.filter((argument) => !ALL.includes(argument));
for (const name of named.length > 0 ? named : ALL) {
  if (!passed.includes("--json")) console.log(`\n## ${name}\n`);
  const script = new URL(`./${name}.ts`, import.meta.url).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...passed],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
}
