// `tickcast serve` as a process of its own.

/** A server process that listens. */
export interface ServeProcess {
  readonly url: string;
  readonly pid: number;
  /** What it said on stderr so far. */
  readonly said: () => string;
  /** Sends a signal. */
  kill(signal: Deno.Signal): void;
  /** Resolves when it has ended, with its exit code. */
  readonly ended: Promise<number>;
}

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/**
 * Starts `tickcast serve` on a free port, without a feed.
 *
 * @param args Further arguments.
 * @param onSpawn Told at once how to kill it, before it listens.
 * @param runtimeArgs Further arguments of Deno itself.
 * @returns The server; undefined where it ended before it listened.
 */
export async function startServe(
  args: readonly string[],
  onSpawn: (kill: (signal: Deno.Signal) => void) => void = () => {},
  runtimeArgs: readonly string[] = [],
): Promise<ServeProcess | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      ...runtimeArgs,
      MAIN,
      "serve",
      "--no-feed",
      "--port",
      "0",
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const kill = (signal: Deno.Signal): void => {
    try {
      child.kill(signal);
    } catch {
      // It has ended already.
    }
  };
  onSpawn(kill);
  let said = "";
  const listening = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) said += text;
  };
  const errors = listening(child.stderr);
  const url = Promise.withResolvers<string | undefined>();
  const output = (async (): Promise<void> => {
    let text = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const match = /forecasts on (https?:\S+)\n/.exec(text);
      if (match !== null) url.resolve(match[1]);
    }
    url.resolve(undefined);
  })();
  const ended = (async (): Promise<number> => {
    const { code } = await child.status;
    await Promise.all([output, errors]);
    return code;
  })();
  const found = await url.promise;
  if (found === undefined) {
    await ended;
    return undefined;
  }
  return { url: found, pid: child.pid, said: () => said, kill, ended };
}
