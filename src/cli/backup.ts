import { systemClock } from "../../streams/mod.ts";
import { backUp } from "../state/backup.ts";
import type { Command } from "./command.ts";
import { describeOptions, parseOptions, UsageError } from "./options.ts";

const OPTIONS = {
  state: { kind: "string", placeholder: "FOLDER", description: "The state folder of the server" },
  to: { kind: "string", placeholder: "FOLDER", description: "The backup; it must not exist yet" },
} as const;

/** Copies a server's state, also while it runs. */
export const backup: Command = {
  help: [
    "Usage: tickcast backup --state FOLDER --to FOLDER",
    "",
    "Copies checkpoints and journal as of one moment, also while a server uses them, and checks the copy.",
    "",
    describeOptions(OPTIONS),
    "",
    "Example: tickcast backup --state /var/lib/tickcast --to /backup/tickcast-monday",
  ].join("\n"),
  async run(args, context): Promise<number> {
    const { options, operands } = parseOptions(args, OPTIONS);
    if (operands.length > 0) throw new UsageError(`unexpected "${operands[0]}"`);
    const { state, to } = options;
    if (state === undefined || to === undefined) {
      throw new UsageError("--state and --to are needed");
    }
    const { sequence, checkpoint, bytes } = await backUp(state, to, systemClock.now());
    await context.out(`${to}: ${sequence} ticks, checkpoint at ${checkpoint}, ${bytes} bytes`);
    return 0;
  },
};
