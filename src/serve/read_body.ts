import type { Context } from "hono";
import { problem } from "./problem.ts";
import type { ServerEnv } from "./server_env.ts";

/**
 * Reads the body of a request, as far as it may go.
 *
 * @param bytesMax Bytes it may have; a byte more is not kept.
 * @returns The body, or the refusal to answer with.
 */
export async function readBody(
  context: Context<ServerEnv>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | Response> {
  const refusal = (): Response =>
    problem(context, 413, "too-large", `a body has at most ${bytesMax} bytes`);
  if (Number(context.req.header("content-length")) > bytesMax) return refusal();
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = context.req.raw.body?.getReader();
  for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
    length += piece.value.length;
    if (length > bytesMax) {
      // The adapter lets go of the rest; cancelling here would wait for a sender that may never end.
      reader?.releaseLock();
      return refusal();
    }
    pieces.push(piece.value);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    body.set(piece, offset);
    offset += piece.length;
  }
  return body;
}
