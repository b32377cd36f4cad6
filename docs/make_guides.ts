/**
 * Runs the commands of the guides in docs/guides as they stand there, and writes what came of them back:
 * scores and picture between the two marks, and a line for each on the front page; and so with the page
 * on explanations. So no figure is set by hand, and every command runs.
 *
 *     deno task guides [NAME …]
 */
const ROOT = new URL("../", import.meta.url);
const GUIDES = new URL("guides/", import.meta.url);
const README = new URL("README.md", ROOT);
const EXPLAIN = new URL("docs/explain.md", ROOT);
const IMAGES = new URL("images/", import.meta.url);
const BEGIN = "<!-- Written by `deno task guides`. -->";
const END = "<!-- End. -->";

/** The last line of `evaluate`, as far as it is shown. */
interface Evaluation {
  readonly rows: number;
  readonly scored: number;
  readonly horizon: number;
  readonly models: Readonly<Record<string, ModelScores>>;
}

interface ModelScores {
  readonly mae: number;
  readonly rmse: number;
  readonly crps: number;
  readonly coverage80: number;
  readonly coverage90: number;
  readonly skill?: { readonly skill: number; readonly low: number; readonly high: number };
}

/** The names of the guides. */
export function guideNames(): string[] {
  return [...Deno.readDirSync(GUIDES)].map(({ name }) => name)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => name.slice(0, -".md".length)).sort();
}

/** The commands of a guide's first block, as words. */
export function guideCommands(name: string): string[][] {
  return pageCommands(new URL(`${name}.md`, GUIDES));
}

/** The commands of a page's first block, as words. */
export function pageCommands(page: URL): string[][] {
  const text = Deno.readTextFileSync(page);
  const [, block] = /```sh\n([\s\S]*?)```/.exec(text) ?? [];
  if (block === undefined) throw new SyntaxError(`${page.pathname} has no block of commands`);
  const lines = block.replaceAll("\\\n", " ").trim().split("\n");
  return lines.map((line) => line.trim().split(/\s+/));
}

/** Runs one command at the root of the checkout. @returns What it said. */
export async function runCommand(
  [program, ...args]: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  if (program !== "deno") {
    throw new SyntaxError(`A guide's commands begin with deno, not ${program}`);
  }
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    cwd: ROOT,
    args: [...args],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function makeGuide(name: string): Promise<Evaluation> {
  let evaluation: Evaluation | undefined;
  let drawn: string | undefined;
  for (const command of guideCommands(name)) {
    const { code, stdout, stderr } = await runCommand(command);
    if (code !== 0) throw new Error(`${command.join(" ")}\n${stderr}`);
    if (command[2] === "evaluate") evaluation = JSON.parse(stdout.trim().split("\n").at(-1)!);
    const plot = command.indexOf("--plot");
    if (plot > 0) drawn = command[plot + 1];
  }
  if (evaluation === undefined || drawn === undefined) {
    throw new SyntaxError(`${name}.md has no evaluate with --plot`);
  }
  await Deno.mkdir(IMAGES, { recursive: true });
  await Deno.copyFile(new URL(drawn, ROOT), new URL(`guide-${name}.svg`, IMAGES));
  await writeBetweenMarks(new URL(`${name}.md`, GUIDES), results(name, evaluation));
  return evaluation;
}

/** Writes what `explain` said and drew into its page. */
async function makeExplanation(): Promise<void> {
  for (const command of pageCommands(EXPLAIN)) {
    const { code, stdout, stderr } = await runCommand(command);
    if (code !== 0) throw new Error(`${command.join(" ")}\n${stderr}`);
    if (command[2] !== "explain") continue;
    const drawn = command[command.indexOf("--svg") + 1];
    await Deno.copyFile(new URL(drawn, ROOT), new URL("explanation.svg", IMAGES));
    const picture = "![A bar for each input, from the last value to the forecast]";
    await writeBetweenMarks(
      EXPLAIN,
      `\`\`\`text\n${stdout.trim()}\n\`\`\`\n\n${picture}(images/explanation.svg)`,
    );
  }
}

async function writeBetweenMarks(page: URL, content: string): Promise<void> {
  const text = await Deno.readTextFile(page);
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new SyntaxError(`${page.pathname} has no marks for its scores`);
  }
  await Deno.writeTextFile(
    page,
    `${text.slice(0, begin)}${BEGIN}\n\n${content}\n\n${text.slice(end)}`,
  );
}

/** All guides in one table: Tickcast beside the best of the simple methods. */
function overview(evaluations: ReadonlyMap<string, Evaluation>): string {
  const lines = [...evaluations].map(([name, { horizon, scored, models }]) => {
    const { tickcast, ...simple } = models;
    const [best, scores] = Object.entries(simple).sort(([, a], [, b]) => a.crps - b.crps)[0];
    const title = name[0].toUpperCase() + name.slice(1).replaceAll("-", " ");
    return cells([
      `[${title}](docs/guides/${name}.md)`,
      String(horizon),
      count(scored),
      tickcast.crps.toPrecision(4),
      `${scores.crps.toPrecision(4)} (${best})`,
      skillText(scores),
      share(tickcast.coverage90),
    ]);
  });
  const heads = ["steps ahead", "forecasts", "CRPS", "best simple method", "skill over it"];
  return [
    cells(["Series", ...heads, "in the 90 % band"]),
    cells(["---", ...heads.map(() => "---:"), "---:"]),
    ...lines,
  ].join("\n");
}

const count = (value: number): string => value.toLocaleString("en");
const cells = (values: readonly string[]): string => `| ${values.join(" | ")} |`;
const share = (value: number): string => `${(100 * value).toFixed(1)} %`;

function skillText({ skill }: ModelScores): string {
  return skill ? `${share(skill.skill)} (${share(skill.low)} to ${share(skill.high)})` : "";
}

function results(name: string, { rows, scored, horizon, models }: Evaluation): string {
  const lines = Object.entries(models).map(([model, scores]) => {
    const { mae, rmse, crps, coverage80, coverage90 } = scores;
    return cells([
      model,
      ...[mae, rmse, crps].map((value) => value.toPrecision(4)),
      ...[coverage80, coverage90].map(share),
      skillText(scores),
    ]);
  });
  const heads = ["model", "MAE", "RMSE", "CRPS", "in the 80 % band", "in the 90 % band"];
  return [
    `![The last forecasts, with their 90 % band, and what came](../images/guide-${name}.svg)`,
    "",
    `${count(rows)} rows; ${count(scored)} forecasts scored, ${horizon} steps ahead:`,
    "",
    cells([...heads, "CRPS skill of tickcast (95 % interval)"]),
    cells(["---", ...heads.map(() => "---:")]),
    ...lines,
  ].join("\n");
}

if (import.meta.main) {
  const names = Deno.args.length > 0 ? Deno.args : guideNames();
  const evaluations = new Map<string, Evaluation>();
  for (const name of names) {
    console.log(name);
    evaluations.set(name, await makeGuide(name));
  }
  // The front page shows all of them or is left as it is.
  if (Deno.args.length === 0) {
    await writeBetweenMarks(README, overview(evaluations));
    console.log("explain");
    await makeExplanation();
  }
  const pages = [README, EXPLAIN, ...names.map((name) => new URL(`${name}.md`, GUIDES))];
  await runCommand(["deno", "fmt", "--quiet", ...pages.map(({ pathname }) => pathname)]);
}
