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

/** A command in the overview, and its module, loaded only when it is called: `--help` starts at once. */
interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: {
    summary: "Forecast a live feed and serve the forecasts; a demo feed where none is named",
    load: async () => (await import("./serve.ts")).serve,
  },
  replay: {
    summary: "Play a CSV, lines of JSON or a recording back; forecasts as NDJSON on stdout",
    load: async () => (await import("./replay.ts")).replay,
  },
  record: {
    summary: "Write a live feed to a file, with arrival times, for replay",
    load: async () => (await import("./record.ts")).record,
  },
  worker: {
    summary: "Forecast partitions of a NATS JetStream, beside other workers",
    load: async () => (await import("./worker.ts")).worker,
  },
  backup: {
    summary: "Copy a server's state, also while it runs",
    load: async () => (await import("./backup.ts")).backup,
  },
  restore: {
    summary: "Make a state folder of a backup, after checking it",
    load: async () => (await import("./restore.ts")).restore,
  },
  explain: {
    summary: "Tell which inputs and lags moved the last forecast of a CSV",
    load: async () => (await import("./explain.ts")).explain,
  },
  evaluate: {
    summary: "Score forecasts of a CSV against simple methods, test-then-train",
    load: async () => (await import("./evaluate.ts")).evaluate,
  },
  train: {
    summary: "Train a network on a CSV, for --model of the other commands",
    load: async () => (await import("./train.ts")).train,
  },
};

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "tickcast: a streaming forecaster for real-time feeds",
    "",
    "Usage: tickcast COMMAND [OPTIONS]",
    "",
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
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
    await context.out(overview());
    return name === undefined ? 2 : 0;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    context.note(`tickcast: unknown command "${name}"; tickcast --help lists them`);
    return 2;
  }
  const command = await entry.load();
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
    out: (line) =>
      writer.write(encoder.encode(`${line}\n`)).catch((error) => {
        // Who reads, `head` say, has what they wanted: end in order, as on Ctrl-C.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        controller.abort();
      }),
    note: (line) => console.error(line),
    interactive: Deno.stderr.isTerminal(),
    signal: controller.signal,
  };
}

if (import.meta.main) Deno.exit(await main(Deno.args, processContext()));
