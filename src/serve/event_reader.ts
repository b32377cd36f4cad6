import { limits } from "../../streams/mod.ts";

/** Characters of one event at most: a forecast of 1,000 steps and 20 levels has about 300,000. */
const EVENT_CHARACTERS_MAX = 4 * limits.frameBytes;

/** One server-sent event. */
export interface ServerEvent {
  /** Its id, empty where it has none. */
  readonly id: string;
  /** Its data. */
  readonly data: string;
}

/**
 * Reads server-sent events (HTML Standard, 9.2), as far as Tickcast writes them: `id` and `data`, each on
 * a line of its own, and comments.
 *
 * @param body The answer's body.
 * @param onHeard Called with every piece that arrives, comments included.
 * @throws {RangeError} when an event does not end.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onHeard: () => void,
): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return;
      onHeard();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() as string;
      if (rest.length > EVENT_CHARACTERS_MAX) throw new RangeError("An event does not end");
      for (const block of blocks) {
        const fields = new Map(
          block.split("\n").map((line) => {
            const colon = line.indexOf(": ");
            return [line.slice(0, colon), line.slice(colon + 2)];
          }),
        );
        const data = fields.get("data");
        if (data !== undefined) yield { id: fields.get("id") ?? "", data };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
