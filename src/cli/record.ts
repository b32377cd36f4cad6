import type { Status } from "../../streams/mod.ts";
import { statusLog } from "../serve/log.ts";
import type { Command, CommandContext } from "./command.ts";
import { FEED_OPTIONS, feedConfig } from "./feed_options.ts";
import { openFeed } from "./open_feed.ts";
import { describeOptions, parseOptions, UsageError } from "./options.ts";
import { openRecording } from "./outlets.ts";
import { drawOnTerminal, Progress } from "./progress.ts";

const OPTIONS = {
  ...FEED_OPTIONS,
  ticks: {
    kind: "integer",
    min: 1,
    placeholder: "N",
    description: "End after so many ticks; by default only Ctrl-C ends it",
  },
} as const;

/** Writes a live feed to a file that replay plays back. */
export const record: Command = {
  help: [
    "Usage: tickcast record FILE.ndjson --feed URL [OPTIONS]",
    "",
    "Writes what a feed brings to a file, batch by batch with the time of arrival, until Ctrl-C. Without",
    "a feed it records the demo feed. tickcast replay FILE.ndjson plays it back: the very same ticks in",
    "the very same batches, so that the forecasts are the very same.",
    "",
    describeOptions(OPTIONS, { "The feed": FEED_OPTIONS }),
    "",
    "Example: tickcast record trades.ndjson --exchange kraken --symbols BTC/USD",
  ].join("\n"),
  run: runRecord,
};

async function runRecord(args: readonly string[], context: CommandContext): Promise<number> {
  const { options, operands } = parseOptions(args, OPTIONS);
  if (operands.length !== 1) throw new UsageError(`expected one file, got ${operands.length}`);
  const [path] = operands;
  const { ticks: ticksMax = Infinity } = options;
  let rejected = 0;
  const log = statusLog("text", context.note);
  const onStatus = (status: Status): void => {
    if (status.kind === "rejected") rejected += status.count;
    log(status);
  };
  const { signal } = context;
  const feed = await openFeed(feedConfig(options) ?? { kind: "demo" }, { signal, onStatus });
  const progress = new Progress("record", context.interactive ? drawOnTerminal : undefined);
  let ticks = 0;
  let batches = 0;
  try {
    const writer = (await openRecording(path)).getWriter();
    try {
      for await (const batch of feed.ticks) {
        const kept = batch.slice(0, ticksMax - ticks);
        await writer.write(kept);
        ticks += kept.length;
        batches++;
        progress.update(ticks);
        if (ticks >= ticksMax) break;
      }
    } finally {
      await writer.close();
    }
  } finally {
    progress.end();
    await feed.close();
  }
  await context.out(JSON.stringify({ file: path, ticks, batches, rejected }));
  return 0;
}
