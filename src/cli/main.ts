/**
 * The command line: `tickcast COMMAND …`, also `deno task COMMAND …`.
 *
 * Exit status: 0 done, 1 failed, 2 the command line could not be used.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import type { Command, CommandContext } from "./command.ts";
import { UsageError } from "./options.ts";

export type { CommandContext };

/** Each command's module, loaded only when it is called: `--help` starts at once. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  replay: async () => (await import("./replay.ts")).replay,
  worker: async () => (await import("./worker.ts")).worker,
  evaluate: async () => (await import("./evaluate.ts")).evaluate,
};

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "tickcast: a streaming forecaster for real-time feeds",
    "",
    "Usage: tickcast COMMAND [OPTIONS]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "tickcast COMMAND --help tells a command's options; tickcast --version the version.",
  ].join("\n");
}

/**
 * Runs one command line.
 *
 * @param args What stands after the program's name.
 * @returns The exit status.
 */
export async function main(args: readonly string[], context: CommandContext): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-V") {
    await context.out(config.version);
    return 0;
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    await context.out(await overview());
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    context.note(`tickcast: unknown command "${name}"; tickcast --help lists them`);
    return 2;
  }
  const command = await load();
  const end = rest.indexOf("--");
  const flags = end < 0 ? rest : rest.slice(0, end);
  if (flags.includes("--help") || flags.includes("-h")) {
    await context.out(command.help);
    return 0;
  }
  if (flags.includes("--version")) {
    await context.out(config.version);
    return 0;
  }
  try {
    return await command.run(rest, context);
  } catch (error) {
    if (error instanceof UsageError) {
      context.note(`tickcast ${name}: ${error.message}; tickcast ${name} --help tells the options`);
      return 2;
    }
    context.note(`tickcast ${name}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** The process's own context: stdout with back-pressure, stderr, and signals that ask to end. */
function processContext(): CommandContext {
  const controller = new AbortController();
  const end = (): void => {
    // A second signal means now.
    if (controller.signal.aborted) Deno.exit(130);
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  const encoder = new TextEncoder();
  const writer = Deno.stdout.writable.getWriter();
  return {
    out: (line) => writer.write(encoder.encode(`${line}\n`)),
    note: (line) => console.error(line),
    interactive: Deno.stderr.isTerminal(),
    signal: controller.signal,
  };
}

if (import.meta.main) Deno.exit(await main(Deno.args, processContext()));
