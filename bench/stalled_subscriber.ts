// What does a subscriber that reads nothing cost, and whom does it slow? Over real WebSockets the same
// messages go to the same readers with and without stalled ones beside them, in turns.
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
// @ts-types="npm:@types/ws@8"
import { WebSocket, WebSocketServer } from "ws";
import { FanOut, type OverflowPolicy, type Subscription } from "../streams/mod.ts";

/** How much is sent to how many. */
export interface Size {
  readonly readers: number;
  readonly stalled: number;
  readonly rounds: number;
  readonly messagesPerRound: number;
  /** Characters of each message: enough that the system's own buffers fill up. */
  readonly messageLength: number;
}

/** The sizes of the test. */
export const TINY: Size = {
  readers: 1,
  stalled: 1,
  rounds: 2,
  messagesPerRound: 1000,
  messageLength: 10_000,
};
const FULL: Size = {
  readers: 10,
  stalled: 1,
  rounds: 10,
  messagesPerRound: 1000,
  messageLength: 16_000,
};

/** What was found for one policy. */
export interface Figures {
  readonly policy: OverflowPolicy;
  /** Milliseconds from publishing to the last reader's receipt, of messages in the middle and the slowest. */
  readonly aloneP50Ms: number;
  readonly aloneP99Ms: number;
  /** The same beside stalled subscribers, as a share of it. */
  readonly besideP50: number;
  readonly besideP99: number;
  /** Messages that readers lost. */
  readonly lostByReaders: number;
  /** Messages that a stalled subscriber lost in a round. */
  readonly lostByStalled: number;
  /** Bytes that wait for one stalled subscriber in this process, at most: its queue and its socket. */
  readonly stalledBytesMax: number;
  /** Bytes sent to each in a round, that an unbounded queue and the system's buffers would hold. */
  readonly sentBytes: number;
}

interface Message {
  readonly series: string;
  readonly at: number;
  readonly padding: string;
}

/** Measures one policy. */
export async function measure(policy: OverflowPolicy, size: Size): Promise<Figures> {
  const padding = "x".repeat(size.messageLength);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients: WebSocket[] = [];
  const join = async (): Promise<[WebSocket, WebSocket]> => {
    const connected = once(server, "connection");
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    client.on("error", () => {});
    clients.push(client);
    const [[socket]] = await Promise.all([connected, once(client, "open")]);
    return [client, socket];
  };
  const fanOut = new FanOut<Message>({
    series: (message) => message.series,
    encode: (message) => JSON.stringify(message),
    policy,
  });
  let received = 0;
  let latencies: number[] = [];
  const readers: Subscription[] = [];
  for (let n = 0; n < size.readers; n++) {
    const [client, socket] = await join();
    client.on("message", (data) => {
      received++;
      latencies.push(performance.now() - JSON.parse(String(data)).at);
    });
    readers.push(fanOut.subscribe(socket));
  }
  const round = async (): Promise<number[]> => {
    latencies = [];
    const goal = received + size.messagesPerRound * size.readers;
    for (let sent = 0; sent < size.messagesPerRound; sent += 20) {
      await fanOut.publish(
        Array.from({ length: 20 }, (_, n) => ({
          series: `s${n}`,
          at: performance.now(),
          padding,
        })),
      );
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const lost = (): number => readers.reduce((sum, reader) => sum + reader.dropped, 0);
    while (received + lost() < goal) await new Promise((resolve) => setTimeout(resolve, 1));
    return latencies;
  };

  await round();
  const alone: number[] = [];
  const beside: number[] = [];
  let stalledBytesMax = 0;
  let lostByStalled = 0;
  for (let n = 0; n < size.rounds; n++) {
    if (n % 2 === 0) {
      alone.push(...await round());
      continue;
    }
    // Those that read nothing, beside the readers for one round.
    const stalled: [WebSocket, WebSocket, Subscription][] = [];
    for (let k = 0; k < size.stalled; k++) {
      const [client, socket] = await join();
      client.pause();
      stalled.push([client, socket, fanOut.subscribe(socket)]);
    }
    beside.push(...await round());
    for (const [client, socket, subscription] of stalled) {
      const raw = (socket as unknown as { _socket: Socket | null })._socket;
      const bytes = subscription.queuedBytes + (raw?.writableLength ?? 0);
      stalledBytesMax = Math.max(stalledBytesMax, bytes);
      lostByStalled += subscription.dropped;
      const closed = once(socket, "close");
      client.terminate();
      if (socket.readyState !== socket.CLOSED) await closed;
    }
  }
  for (const client of clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
  const [p50, p99] = [quantile(alone, 0.5), quantile(alone, 0.99)];
  const bytes = JSON.stringify({ series: "s10", at: 1e5 / 3, padding }).length;
  return {
    policy,
    aloneP50Ms: p50,
    aloneP99Ms: p99,
    besideP50: quantile(beside, 0.5) / p50,
    besideP99: quantile(beside, 0.99) / p99,
    lostByReaders: readers.reduce((sum, reader) => sum + reader.dropped, 0),
    lostByStalled: Math.round(lostByStalled / size.stalled / Math.floor(size.rounds / 2)),
    stalledBytesMax,
    sentBytes: bytes * size.messagesPerRound,
  };
}

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

if (import.meta.main) {
  const size = Deno.args.includes("--tiny") ? TINY : FULL;
  console.log(JSON.stringify(size));
  for (const policy of ["drop-oldest", "latest-per-series", "disconnect"] as const) {
    console.log(JSON.stringify(await measure(policy, size)));
  }
}
