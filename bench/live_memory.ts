// What a Deno process holds after a garbage collection, asked of its inspector: resident memory alone
// does not tell garbage from a leak.
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";

/** A process under inspection. */
export interface LiveMemory {
  /** Collects garbage; MiB then held by JavaScript's heap and by buffers outside it. */
  measure(): Promise<number>;
  /** Stops asking. */
  close(): void;
}

/** How long a process may take to open its inspector. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 50;
const BYTES_PER_MIB = 2 ** 20;

/** A port that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Attaches to a process that runs with `--inspect=127.0.0.1:PORT`.
 *
 * @throws {Error} when it has no inspector.
 */
export async function attachLiveMemory(port: number): Promise<LiveMemory> {
  const socket = new WebSocket(await inspectorUrl(port), { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  const waiting = new Map<number, (message: Answer) => void>();
  socket.on("message", (data) => {
    const answer: Answer = JSON.parse(String(data));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let calls = 0;
  const call = (method: string, params: Record<string, unknown> = {}): Promise<Answer> => {
    const id = ++calls;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  return {
    async measure(): Promise<number> {
      await call("HeapProfiler.collectGarbage");
      const expression = "Deno.memoryUsage().heapUsed + Deno.memoryUsage().external";
      const { result } = await call("Runtime.evaluate", { expression, returnByValue: true });
      const bytes = result?.result?.value;
      if (bytes === undefined) throw new Error("The inspector does not tell the memory in use");
      return bytes / BYTES_PER_MIB;
    },
    close: () => socket.terminate(),
  };
}

interface Answer {
  readonly id: number;
  readonly result?: { readonly result?: { readonly value?: number } };
}

async function inspectorUrl(port: number): Promise<string> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const [target] = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
      return target.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > deadlineMs) throw new Error("No inspector answers", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
