// A server in a process of its own that takes ticks on one WebSocket and gives forecasts on another.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";

/** How a service is started and spoken to. */
export interface ServiceKind {
  readonly name: string;
  readonly command: readonly string[];
  readonly ingestPath: string;
  readonly forecastsPath: string;
}

/** Tickcast, with its experts or with the network alone. */
export function tickcast(horizon: number, bare = false): ServiceKind {
  const script = new URL("../service.ts", import.meta.url).pathname;
  return {
    name: bare ? "Tickcast, network alone" : "Tickcast",
    command: [Deno.execPath(), "run", "-A", script, String(horizon), bare ? "bare" : "whole"],
    ingestPath: "/v1/ingest",
    forecastsPath: "/v1/forecasts",
  };
}

/** Python's asyncio, `websockets` and PyTorch. */
export function python(horizon: number): ServiceKind {
  const script = new URL("./python_service.py", import.meta.url).pathname;
  return {
    name: "Python",
    command: ["python3", script, "--hidden", "64", "--horizon", String(horizon)],
    ingestPath: "/ingest",
    forecastsPath: "/forecasts",
  };
}

/** A running service with both sockets open. */
export class LiveService {
  readonly name: string;
  /** Hears the time of the tick of every forecast, in epoch milliseconds. */
  onForecast: (time: number) => void = () => {};
  readonly #child: ChildProcess;
  readonly #ingest: WebSocket;
  readonly #forecasts: WebSocket;

  private constructor(name: string, child: ChildProcess, ingest: WebSocket, forecasts: WebSocket) {
    this.name = name;
    this.#child = child;
    this.#ingest = ingest;
    this.#forecasts = forecasts;
    forecasts.on("message", (data) => {
      const text = (data as Uint8Array).toString();
      const at = text.indexOf('"time":') + 7;
      this.onForecast(parseInt(text.slice(at, at + 16)));
    });
  }

  /** Starts one. @returns The reason where it cannot be had. */
  static async open(kind: ServiceKind): Promise<LiveService | string> {
    const [program, ...args] = kind.command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    const errors: string[] = [];
    child.stderr.on("data", (chunk) => errors.push(String(chunk)));
    const port = await new Promise<string | undefined>((resolve) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("error", (error) => {
        errors.push(error.message);
        resolve(undefined);
      });
      child.once("close", () => resolve(undefined));
    });
    if (port === undefined) return errors.join("").trim().split("\n").at(-1) || "it ended";
    const connect = (path: string): Promise<WebSocket> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
        socket.once("open", () => resolve(socket));
        socket.once("error", reject);
      });
    const forecasts = await connect(kind.forecastsPath);
    return new LiveService(kind.name, child, await connect(kind.ingestPath), forecasts);
  }

  /** Seconds that the processor has worked for the service; NaN where the system does not tell. */
  processorSeconds(): number {
    try {
      const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
      // User and system time, in hundredths, stand behind the name, which may hold spaces.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      return NaN;
    }
  }

  /** Sends one message of ticks. */
  send(message: string): void {
    this.#ingest.send(message);
  }

  /** Closes the sockets and ends the process. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    for (const socket of [this.#ingest, this.#forecasts]) socket.terminate();
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill(), 3000);
    await ended;
    clearTimeout(late);
  }
}
