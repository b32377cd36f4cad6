import { systemClock } from "../../streams/mod.ts";
import { isLoopback } from "../serve/access/hosts.ts";
import { parseTokens, type Token } from "../serve/access/tokens.ts";
import type { Engine } from "../serve/engine.ts";
import type { Server, TlsOptions } from "../serve/server.ts";
import type { CommandContext } from "./command.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** Holds tokens where no file does; never on the command line, which every user of a machine can read. */
const TOKENS_VARIABLE = "TICKCAST_TOKENS";
/** A bucket holds so many seconds of its rate. */
const BURST_SECONDS = 10;

/** Who may connect. */
export const TOKEN_OPTIONS = {
  "token-file": {
    kind: "string",
    placeholder: "FILE",
    description:
      `Tokens, a line each: NAME SCOPES SECRET; read again on SIGHUP. Else ${TOKENS_VARIABLE}`,
  },
  "open-to-all": {
    kind: "boolean",
    description: "Listen where others can reach it although there are no tokens",
  },
} as const;

/** The options of a command that serves: who may connect, how, and how much. */
export const SERVER_OPTIONS = {
  ...TOKEN_OPTIONS,
  "allow-origin": {
    kind: "list",
    placeholder: "ORIGIN",
    description: "Another site whose pages may call, such as https://example.com",
  },
  "tls-cert": {
    kind: "string",
    placeholder: "FILE.pem",
    description: "Speak HTTPS with this certificate",
  },
  "tls-key": {
    kind: "string",
    placeholder: "FILE.pem",
    description: "The private key of the certificate",
  },
  "max-connections": {
    kind: "integer",
    default: 5000,
    min: 1,
    placeholder: "N",
    description: "WebSockets and event streams at most",
  },
  "max-series": {
    kind: "integer",
    default: 10_000,
    min: 1,
    placeholder: "N",
    description: "Series at most; ticks of further ones are refused",
  },
  "max-requests": {
    kind: "integer",
    default: 100,
    min: 1,
    placeholder: "N",
    description: "Requests a second for each client",
  },
  "max-ticks": {
    kind: "integer",
    default: 250_000,
    min: 1,
    placeholder: "N",
    description: "Ticks a second from each client",
  },
  "drain-seconds": {
    kind: "number",
    default: 0,
    min: 0,
    max: 600,
    placeholder: "S",
    description: "When told to end, say so on /readyz for so long before closing",
  },
} as const;

/**
 * Serves an engine as a command line asks.
 *
 * @throws {UsageError} when options exclude each other, or a file cannot be used.
 */
export async function openServer(
  engine: Engine,
  options: OptionValues<typeof SERVER_OPTIONS> & { readonly host: string; readonly port: number },
  context: CommandContext,
): Promise<Server> {
  const file = options["token-file"];
  const tokens = await chosenTokens(options);
  // Loaded late: commands that only know these options need no server, nor what it is allowed.
  const { startServer } = await import("../serve/server.ts");
  const server = await startServer({
    engine,
    host: options.host,
    port: options.port,
    openToAll: options["open-to-all"],
    connectionsMax: options["max-connections"],
    tls: await readTls(options["tls-cert"], options["tls-key"]),
    access: {
      tokens,
      origins: options["allow-origin"],
      requests: rate(options["max-requests"]),
      ticks: rate(options["max-ticks"]),
    },
  });
  const unwatch = rereadTokens(file, tokens, server.replaceTokens, context);
  return {
    ...server,
    close: async (): Promise<void> => {
      unwatch();
      server.drain();
      await systemClock.sleep(1000 * options["drain-seconds"]);
      await server.close();
    },
  };
}

/**
 * Reads tokens again at every SIGHUP.
 *
 * @param file Where they are; nothing is read again where there is none.
 * @param before Those in use.
 * @param replace Takes the new ones.
 * @param context Hears of it.
 * @returns Ends it.
 */
export function rereadTokens(
  file: string | undefined,
  before: readonly Token[],
  replace: (tokens: readonly Token[]) => void,
  context: CommandContext,
): () => void {
  if (file === undefined) return () => {};
  const reread = async (): Promise<void> => {
    try {
      const again = await readTokens(file);
      if (again.length === 0 && before.length > 0) throw new Error("there is no token left");
      replace(again);
      context.note(`tokens read again: ${again.map(({ name }) => name).join(", ")}`);
    } catch (error) {
      context.note(`tokens stay as they are: ${(error as Error).message}`);
    }
  };
  const onHangUp = (): void => void reread();
  Deno.addSignalListener("SIGHUP", onHangUp);
  return () => Deno.removeSignalListener("SIGHUP", onHangUp);
}

/**
 * The tokens that a command line names.
 *
 * @throws {UsageError} when they cannot be read, or others could connect without any.
 */
export async function chosenTokens(
  options: OptionValues<typeof TOKEN_OPTIONS> & { readonly host: string },
): Promise<Token[]> {
  const tokens = await readTokens(options["token-file"]);
  if (!isLoopback(options.host) && tokens.length === 0 && !options["open-to-all"]) {
    throw new UsageError(
      `--host ${options.host} can be reached by others: name tokens with --token-file or ` +
        `${TOKENS_VARIABLE}, or say --open-to-all`,
    );
  }
  return tokens;
}

function rate(perSecond: number): { perSecond: number; burst: number } {
  return { perSecond, burst: BURST_SECONDS * perSecond };
}

async function readTokens(file: string | undefined): Promise<Token[]> {
  const text = file === undefined
    ? Deno.env.get(TOKENS_VARIABLE) ?? ""
    : await readFile("token-file", file);
  try {
    const tokens = parseTokens(text);
    if (file !== undefined && tokens.length === 0) throw new SyntaxError("Tokens: there is none");
    return tokens;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function readTls(
  cert: string | undefined,
  key: string | undefined,
): Promise<TlsOptions | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError("--tls-cert and --tls-key go together");
  }
  return { cert: await readFile("tls-cert", cert), key: await readFile("tls-key", key) };
}

async function readFile(option: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`);
  }
}
