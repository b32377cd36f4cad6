// PyTorch in a child process that takes turns with us over its stdin and stdout.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Skipped, Subject } from "../harness.ts";

const SCRIPT = new URL("./pytorch_cpu.py", import.meta.url).pathname;

interface Answer {
  readonly version?: string;
  readonly values?: string;
  readonly ms?: number;
}

/** A Python process with PyTorch in it. */
export class PyTorch {
  /** Its version, or why there is none. */
  readonly version: string;
  readonly #ask: (message: unknown) => Promise<Answer>;
  readonly #close: () => Promise<void>;
  #subjects = 0;

  private constructor(
    version: string,
    ask: (message: unknown) => Promise<Answer>,
    close: () => Promise<void>,
  ) {
    this.version = version;
    this.#ask = ask;
    this.#close = close;
  }

  /** Starts it with a number of threads. @returns The reason where it cannot be had. */
  static async open(threads: number): Promise<PyTorch | string> {
    const child = spawn("python3", [SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
    const lines = createInterface({ input: child.stdout });
    const errors: string[] = [];
    child.stderr.on("data", (chunk) => errors.push(String(chunk)));
    const ended = new Promise<string>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", () => resolve(errors.join("").trim().split("\n").at(-1) || "it ended"));
    });
    child.stdin.on("error", () => {});
    const ask = async (message: unknown): Promise<Answer> => {
      const said = new Promise<string>((resolve) => lines.once("line", resolve));
      child.stdin.write(`${JSON.stringify(message)}\n`);
      const line = await Promise.race([
        said,
        ended.then((reason) => Promise.reject(new Error(reason))),
      ]);
      return JSON.parse(line);
    };
    const close = async (): Promise<void> => {
      child.stdin.end();
      await ended;
    };
    try {
      const { version = "" } = await ask({ do: "threads", threads });
      return new PyTorch(version, ask, close);
    } catch (error) {
      await close();
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** A subject of the script; its result is that of `runs` runs. */
  async subject(
    name: string,
    what: "step" | "training",
    options: Readonly<Record<string, unknown>>,
    runs: number,
  ): Promise<Subject> {
    const id = this.#subjects++;
    await this.#ask({ do: "make", what, id, options });
    return {
      name,
      run: async (count): Promise<number> =>
        (await this.#ask({ do: "run", id, runs: count })).ms ?? NaN,
      result: async (): Promise<Float32Array> => {
        const { values = "" } = await this.#ask({ do: "result", id, runs });
        return new Float32Array(Uint8Array.fromBase64(values).buffer);
      },
      dispose: () => this.#ask({ do: "forget", id }),
    };
  }

  /** Ends the process. */
  close(): Promise<void> {
    return this.#close();
  }
}

/** The floats of an array as the script reads them. */
export function base64(values: Float32Array): string {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).toBase64();
}

/** Peers that are missing for one reason. */
export function skipped(reason: string, ...names: readonly string[]): Skipped[] {
  return names.map((name) => ({ name, skipped: reason }));
}
