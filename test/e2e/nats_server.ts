import { connect } from "@nats-io/transport-node";

/** Where the real server stands; undefined where it is not installed. */
export function natsServerPath(): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin")) {
    try {
      if (Deno.statSync(`${folder}/nats-server`).isFile) return `${folder}/nats-server`;
    } catch {
      // Not here.
    }
  }
  if (Deno.env.get("TICKCAST_REQUIRE_ALL")) {
    throw new Error("nats-server is required and not found");
  }
  console.log("skipped: nats-server is not installed");
  return undefined;
}

/** A real nats-server with JetStream that can be killed and started again on the same port and files. */
export class NatsServer {
  #process: Deno.ChildProcess | undefined;

  private constructor(readonly path: string, readonly folder: string, readonly port: number) {}

  /** Starts one on a free port. */
  static async start(path: string): Promise<NatsServer> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const server = new NatsServer(path, await Deno.makeTempDir(), port);
    await server.restart();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** The process; undefined while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it where it was, and waits until JetStream answers. */
  async restart(): Promise<void> {
    this.#process = new Deno.Command(this.path, {
      args: ["-js", "-sd", this.folder, "-a", "127.0.0.1", "-p", String(this.port)],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const connection = await connect({
      servers: this.url,
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
    });
    while (true) {
      try {
        await connection.request("$JS.API.INFO", undefined, { timeout: 500 });
        break;
      } catch {
        // Not ready yet.
      }
    }
    await connection.close();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
    this.#process = undefined;
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}
