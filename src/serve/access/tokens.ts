import { createHash, timingSafeEqual } from "node:crypto";

/** What a token may do: send ticks, read forecasts, operate the server. None implies another. */
export type Scope = "ingest" | "read" | "admin";

/** All scopes. */
export const SCOPES: readonly Scope[] = ["ingest", "read", "admin"];

/** Who a request comes from. */
export interface Grant {
  /** The name of its token; `anonymous` where the server has no tokens. */
  readonly name: string;
  /** What it may do. */
  readonly scopes: ReadonlySet<Scope>;
}

/** One token. Of its secret only the digest is kept. */
export interface Token extends Grant {
  /** SHA-256 of the secret. */
  readonly digest: Uint8Array;
}

/** A secret that can be guessed protects nothing: 16 characters of base64 are 96 bits. */
const SECRET_LENGTH_MIN = 16;
/** Every token is compared with on every request; thousands of clients need another kind of door. */
const TOKENS_MAX = 1000;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Reads tokens, one a line: `NAME SCOPE[,SCOPE…] SECRET`. The secret may be given as
 * `sha256:` and the hexadecimal digest of it, so that the file holds nothing worth stealing. Empty lines
 * and lines that begin with `#` are passed over; in an environment variable a semicolon ends a line too.
 *
 * @param text The lines.
 * @throws {SyntaxError} naming the line and what is wrong with it, never the secret.
 *
 * @example
 * ```ts
 * import { parseTokens } from "@tickcast/tickcast/server";
 *
 * const tokens = parseTokens("sensors ingest 5OJQmVJvuj9qJkDn\nboard read,admin h1Ll0PqWl4tXcVbN");
 * if (tokens.length !== 2 || !tokens[1].scopes.has("admin")) throw new Error();
 * ```
 */
export function parseTokens(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [index, line] of text.split(/[\n;]/).entries()) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === "" || fields[0].startsWith("#")) continue;
    const fail = (why: string): SyntaxError => new SyntaxError(`Tokens, line ${index + 1}: ${why}`);
    if (fields.length !== 3) throw fail("expected NAME SCOPES SECRET");
    const [name, scopeList, secret] = fields;
    if (!NAME.test(name)) throw fail("a name has 1 to 64 letters, digits, dots or dashes");
    if (tokens.some((token) => token.name === name)) throw fail(`the name ${name} is taken`);
    const scopes = scopeList.split(",");
    const unknown = scopes.find((scope) => !SCOPES.includes(scope as Scope));
    if (unknown !== undefined) {
      throw fail(`unknown scope "${unknown}"; there are ${SCOPES.join(", ")}`);
    }
    const digest = digestOf(secret, fail);
    if (tokens.some((token) => timingSafeEqual(token.digest, digest))) {
      throw fail("another token has the same secret");
    }
    if (tokens.length === TOKENS_MAX) throw fail(`there may be ${TOKENS_MAX} tokens`);
    tokens.push({ name, scopes: new Set(scopes as Scope[]), digest });
  }
  return tokens;
}

/**
 * The token with a secret. Every token is compared with, each in constant time, so that the time taken
 * tells neither how much of a secret was right nor which token it belongs to.
 */
export function findToken(tokens: readonly Token[], secret: string): Token | undefined {
  const digest = sha256(secret);
  let found: Token | undefined;
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token;
  return found;
}

function digestOf(secret: string, fail: (why: string) => SyntaxError): Uint8Array {
  if (secret.startsWith("sha256:")) {
    const hex = secret.slice("sha256:".length);
    if (!/^[0-9a-f]{64}$/i.test(hex)) throw fail("expected 64 hexadecimal digits after sha256:");
    return Uint8Array.from({ length: 32 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  }
  if (secret.length < SECRET_LENGTH_MIN) {
    throw fail(`a secret has at least ${SECRET_LENGTH_MIN} characters`);
  }
  return sha256(secret);
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
