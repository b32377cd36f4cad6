/** `deno task serve --cluster …` as a process of its own, with the permissions of the task. */
export class WorkerProcess {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  /** Resolves when it owns its first partitions, or has died. */
  readonly ready: Promise<void>;
  /** What it reported, one JSON object a line; only the last ones are kept. */
  readonly events: Record<string, unknown>[] = [];

  constructor(cluster: string, name: string, args: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-net",
        "--allow-read",
        "--allow-write",
        "--allow-env",
        main,
        "serve",
        `--cluster=${cluster}`,
        `--name=${name}`,
        ...args,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let isReady: () => void;
    this.ready = new Promise((resolve) => isReady = resolve);
    this.#reading = this.#read((event) => event.kind === "owned" && isReady()).then(() =>
      isReady()
    );
  }

  /** The process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The partitions it owns, as it last said. */
  get owned(): readonly number[] {
    const last = this.events.findLast(({ kind }) => kind === "owned");
    return (last?.partitions ?? []) as number[];
  }

  /** Stops it where it stands, until `resume`. */
  pause(): void {
    this.#process.kill("SIGSTOP");
  }

  /** Lets it go on. */
  resume(): void {
    this.#process.kill("SIGCONT");
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.status;
    await this.#reading;
  }

  /** Asks it to end, and waits. */
  async end(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await this.#reading;
  }

  async #read(heard: (event: Record<string, unknown>) => void): Promise<void> {
    const lines = this.#process.stdout.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const chunk of lines) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() as string;
      for (const line of parts) {
        const event = JSON.parse(line);
        this.events.push(event);
        if (this.events.length > EVENTS_KEPT) this.events.shift();
        heard(event);
      }
    }
  }
}

/** Enough to see what went wrong at the end. */
const EVENTS_KEPT = 200;
const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
