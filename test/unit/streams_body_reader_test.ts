import { equal, throws } from "node:assert/strict";
import { bodyReader } from "../../streams/mod.ts";
import { collectGarbage } from "../garbage.ts";

Deno.test("a silent body is let go by its signal, also after garbage was collected", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(
        new ReadableStream({
          start: (controller): void => controller.enqueue(new TextEncoder().encode("hello")),
        }),
      ),
  );
  const ending = new AbortController();
  /** Nothing but the reader is left of the request and the response. */
  const open = async (): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
    const { port } = server.addr;
    const { body } = await fetch(`http://127.0.0.1:${port}/`, { signal: ending.signal });
    return bodyReader(body!, ending.signal);
  };
  const reader = await open();
  equal((await reader.read()).done, false);
  const waiting = reader.read().then(({ done }) => done, () => true);
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  ending.abort();
  equal(await waiting, true);
  await server.shutdown();
});

Deno.test("a body whose signal has ended is not read at all", () => {
  throws(() => bodyReader(new ReadableStream(), AbortSignal.abort(new Error("late"))), /late/);
});
