// The client against a real server, through its restarts and refusals.
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { ClientError } from "../../src/serve/client_error.ts";
import { TickcastClient } from "../../src/serve/client.ts";
import { parseTokens } from "../../src/serve/access/tokens.ts";
import { startServer } from "../../src/serve/server.ts";
import type { ForecastMessage } from "../../src/serve/wire.ts";
import type { Tick } from "../../streams/mod.ts";
import { settled, withServer } from "./served.ts";

const tick = (series: string, time: number): Tick => ({
  series,
  time,
  values: { value: time },
  id: `${time}`,
});

async function take(
  reader: ReadableStreamDefaultReader<ForecastMessage>,
  count: number,
): Promise<[string, number][]> {
  const taken: [string, number][] = [];
  while (taken.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    taken.push([value.series, value.step]);
  }
  return taken;
}

Deno.test("post, latest, series", () =>
  withServer(async ({ server, engine }) => {
    const client = new TickcastClient({ url: server.url });
    deepEqual(await client.post([tick("a/b ☃", 1), tick("c", 1)]), { type: "ack", count: 2 });
    deepEqual(await client.post([tick("c", 1)]), { type: "ack", count: 1 }, "sent again");
    const refused = await client.post([{ series: "c", time: NaN, values: { value: 1 } }]);
    deepEqual([refused.type, refused.count, refused.field], ["error", 0, "time"]);
    await settled(engine);
    equal(engine.health().applied, 2);
    equal((await client.latest("a/b ☃"))?.step, 0);
    equal(await client.latest("nobody"), undefined);
    deepEqual(await client.series({ limit: 1 }), { series: ["a/b ☃"], total: 2, next: 1 });
  }));

Deno.test("forecasts go on after the server went away and came back", () =>
  withServer(async ({ server, engine }) => {
    const { port } = new URL(server.url);
    const lost: Error[] = [];
    const client = new TickcastClient({ url: server.url, random: () => 0.1 });
    const reader = client.forecasts({ onReconnect: (why) => lost.push(why) }).getReader();
    await engine.accept([tick("a", 1), tick("b", 1)]);
    await settled(engine);
    deepEqual(await take(reader, 2), [["a", 0], ["b", 0]]);
    const reading = take(reader, 2);
    await server.close();
    await engine.accept([tick("a", 2), tick("a", 3), tick("b", 2)]);
    await settled(engine);
    // The same engine behind a new server on the old port: what it remembers begins here.
    const again = await startServer({ engine, port: Number(port) });
    deepEqual((await reading).sort(), [["a", 2], ["b", 1]], "the latest of each");
    await engine.accept([tick("a", 4)]);
    deepEqual(await take(reader, 1), [["a", 3]]);
    await again.close();
    await reader.cancel();
    match(String(lost[0]), /Error/);
  }));

Deno.test("a stream that was cut off goes on after the last forecast received", () =>
  withServer(async ({ server, engine }) => {
    const open = async (last?: number): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
      const headers: HeadersInit = last === undefined ? {} : { "last-event-id": `${last}` };
      const answer = await fetch(`${server.url}/v1/forecasts`, { headers });
      return (answer.body as ReadableStream<Uint8Array>).getReader();
    };
    const ids = async (
      reader: ReadableStreamDefaultReader<Uint8Array>,
      count: number,
    ): Promise<number[]> => {
      let text = "";
      const decoder = new TextDecoder();
      while ([...text.matchAll(/^id: \d+$/gm)].length < count) {
        text += decoder.decode((await reader.read()).value);
      }
      await reader.cancel();
      return [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    };
    const first = await open();
    await engine.accept([1, 2, 3, 4, 5].map((time) => tick("a", time)));
    deepEqual(await ids(first, 5), [1, 2, 3, 4, 5]);
    deepEqual(await ids(await open(2), 3), [3, 4, 5]);
    deepEqual(await ids(await open(), 1), [5], "a new reader gets the latest");
    deepEqual(await ids(await open(77), 1), [5], "also one of another server's past");
  }));

Deno.test("a wrong token ends the stream with the reason, a right one reads", () =>
  withServer(async ({ server, engine }) => {
    await engine.accept([tick("a", 1)]);
    await settled(engine);
    const wrong = new TickcastClient({ url: server.url, token: "wrong-wrong-wrong" });
    const refused = (error: unknown): boolean =>
      error instanceof ClientError && error.status === 401 && error.reason === "unknown-token";
    await rejects(wrong.forecasts().getReader().read(), refused);
    await rejects(wrong.post([tick("a", 2)]), refused);
    await rejects(wrong.latest("a"), refused);
    const right = new TickcastClient({ url: server.url, token: "right-right-right" });
    const reader = right.forecasts({ series: ["a"] }).getReader();
    equal((await reader.read()).value?.series, "a");
    await reader.cancel();
    const ending = new AbortController();
    const ended = right.forecasts({ series: ["nobody"], signal: ending.signal }).getReader().read();
    ending.abort();
    equal((await ended).done, true);
  }, { access: { tokens: parseTokens("board read right-right-right") } }));
