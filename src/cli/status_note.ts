import type { Status } from "../../streams/mod.ts";
import type { CommandContext } from "./command.ts";

/** What people should read on stderr; the rest is counted. */
export function noteStatus(status: Status, context: CommandContext): void {
  switch (status.kind) {
    case "connected":
      return context.note(`connected to ${status.source}`);
    case "reconnecting":
      return context.note(
        `${status.source}: ${status.why}; attempt ${status.attempt} in ${
          (status.delayMs / 1000).toFixed(1)
        } s`,
      );
    case "degraded":
    case "chosen":
      return context.note(`${status.part}: ${status.detail}`);
    case "device-lost":
      return context.note(`${status.backend} is lost, the CPU takes over: ${status.detail}`);
    case "device-recovered":
      return context.note(`${status.backend} is back`);
    case "recovered":
      return context.note(`${status.part} is well again`);
    case "operated":
      return context.note(`${status.by} asked: ${status.action}`);
    case "stale":
      return context.note(`${status.source}: silent for ${Math.round(status.ageMs / 1000)} s`);
  }
}
