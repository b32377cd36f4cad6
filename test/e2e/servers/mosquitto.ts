import { connectAsync } from "mqtt";

/** Where the real broker stands; undefined where it is not installed. */
export function mosquittoPath(): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin")) {
    try {
      if (Deno.statSync(`${folder}/mosquitto`).isFile) return `${folder}/mosquitto`;
    } catch {
      // Not here.
    }
  }
  if (Deno.env.get("TICKCAST_REQUIRE_ALL")) throw new Error("mosquitto is required and not found");
  console.log("skipped: mosquitto is not installed");
  return undefined;
}

/** A real mosquitto that can be stopped, frozen and started again on the same port and files. */
export class Mosquitto {
  #process: Deno.ChildProcess | undefined;

  private constructor(readonly path: string, readonly folder: string, readonly port: number) {}

  /** Starts one on a free port. */
  static async start(path: string): Promise<Mosquitto> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const broker = new Mosquitto(path, await Deno.makeTempDir(), port);
    await Deno.writeTextFile(
      `${broker.folder}/mosquitto.conf`,
      [
        `listener ${port} 127.0.0.1`,
        "allow_anonymous true",
        "persistence true",
        `persistence_location ${broker.folder}/`,
        "max_queued_messages 100000",
        ...(Deno.uid() === 0 ? ["user root"] : []),
        "",
      ].join("\n"),
    );
    await broker.restart();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it where it was, and waits until it answers. */
  async restart(): Promise<void> {
    this.#process = new Deno.Command(this.path, {
      args: ["-c", `${this.folder}/mosquitto.conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    while (true) {
      try {
        const client = await connectAsync(this.url, { reconnectPeriod: 0 }, false);
        await client.endAsync();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Stops it; what it must keep is kept. */
  async down(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    this.#process?.kill(signal);
    await this.#process?.status;
    this.#process = undefined;
  }

  /** It stands still while its connections stay up, or goes on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(signal);
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    if (this.#process !== undefined) this.signal("SIGCONT");
    await this.down();
    await Deno.remove(this.folder, { recursive: true });
  }
}
