import { restoreBackup } from "../state/backup.ts";
import type { Command } from "./command.ts";
import { describeOptions, parseOptions, UsageError } from "./options.ts";

const OPTIONS = {
  from: { kind: "string", placeholder: "FOLDER", description: "The backup" },
  state: {
    kind: "string",
    placeholder: "FOLDER",
    description: "The state folder to make; it must be empty or not exist",
  },
} as const;

/** Makes a state folder of a backup. */
export const restore: Command = {
  help: [
    "Usage: tickcast restore --from FOLDER --state FOLDER",
    "",
    "Checks a backup file by file and record by record, and makes a state folder of it.",
    "",
    describeOptions(OPTIONS),
    "",
    "Example: tickcast restore --from /backup/tickcast-monday --state /var/lib/tickcast",
  ].join("\n"),
  async run(args, context): Promise<number> {
    const { options, operands } = parseOptions(args, OPTIONS);
    if (operands.length > 0) throw new UsageError(`unexpected "${operands[0]}"`);
    const { from, state } = options;
    if (from === undefined || state === undefined) {
      throw new UsageError("--from and --state are needed");
    }
    const { sequence, checkpoint } = await restoreBackup(from, state);
    await context.out(`${state}: ${sequence} ticks, checkpoint at ${checkpoint}`);
    return 0;
  },
};
