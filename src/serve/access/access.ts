import { type Clock, systemClock } from "../../../streams/mod.ts";
import { hostName, isLoopback, parseOrigin } from "./hosts.ts";
import { type Rate, RateLimiter } from "./rate_limiter.ts";
import { findToken, type Grant, type Scope, SCOPES, type Token } from "./tokens.ts";

/** Who may do what, and how much. */
export interface AccessOptions {
  /** The tokens; without any, whoever can connect may do everything. */
  readonly tokens?: readonly Token[];
  /** Origins of other sites whose pages may call, such as `https://example.com`. */
  readonly origins?: readonly string[];
  /** Requests a client may make; 100 a second and 1,000 at once where left out. */
  readonly requests?: Rate;
  /** Ticks a client may send; 250,000 a second and 500,000 at once where left out. */
  readonly ticks?: Rate;
  /** Whether only this machine can reach the server. */
  readonly loopback?: boolean;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/** A hundred users behind one address each reload a page of ten parts: no more is meant by accident. */
const REQUESTS: Rate = { perSecond: 100, burst: 1000 };
/** Beyond what one process forecasts from, so that it stops a runaway sender, not a fast feed. */
const TICKS: Rate = { perSecond: 250_000, burst: 500_000 };

/** What of a request decides on it. */
export interface AccessRequest {
  /** Its method. */
  readonly method: string;
  /** Its path, without a query. */
  readonly path: string;
  /** Its `Host` header. */
  readonly host: string;
  /** Its `Origin` header: browsers send one. */
  readonly origin?: string;
  /** Its `Authorization` header. */
  readonly authorization?: string;
  /** Its `Sec-WebSocket-Protocol` header. */
  readonly protocols?: string;
  /** The address it comes from. */
  readonly address: string;
}

/** A request that is turned away. */
export interface Denial {
  /** The HTTP status. */
  readonly status: 401 | 403 | 429;
  /** Why, for programs. */
  readonly reason: "no-token" | "unknown-token" | "wrong-scope" | "wrong-origin" | "too-frequent";
  /** Why, for people. */
  readonly detail: string;
  /** Seconds until it may be tried again. */
  readonly retryAfterSeconds?: number;
}

/** The subprotocol a WebSocket speaks. */
export const SOCKET_PROTOCOL = "tickcast.v1";
/**
 * Begins a subprotocol that carries a token, its secret as base64url without padding: a browser's
 * WebSocket can send no header of its own, and a token in an address would end up in logs.
 */
const BEARER_PROTOCOL = "tickcast.bearer.";

const ANONYMOUS: Grant = { name: "anonymous", scopes: new Set(SCOPES) };

/**
 * The door of a server: decides on every request, HTTP and WebSocket alike, before anything else sees
 * it. What no rule names needs the scope `read`.
 */
export class Access {
  #tokens: readonly Token[];
  readonly #origins: ReadonlySet<string>;
  readonly #loopback: boolean;
  readonly #requests: RateLimiter;
  readonly #ticks: RateLimiter;

  /**
   * Sets up the rules.
   *
   * @throws {SyntaxError} for an origin that is none.
   */
  constructor(options: AccessOptions = {}) {
    const clock = options.clock ?? systemClock;
    this.#tokens = options.tokens ?? [];
    this.#origins = new Set((options.origins ?? []).map(parseOrigin));
    this.#loopback = options.loopback ?? false;
    this.#requests = new RateLimiter(options.requests ?? REQUESTS, clock);
    this.#ticks = new RateLimiter(options.ticks ?? TICKS, clock);
  }

  /** Whether there are tokens. Without, nobody is asked who they are. */
  get guarded(): boolean {
    return this.#tokens.length > 0;
  }

  /** Takes other tokens from now on. Grants of tokens that are gone end: see {@linkcode Access.holds}. */
  replaceTokens(tokens: readonly Token[]): void {
    this.#tokens = tokens;
  }

  /** Whether a grant still stands. */
  holds(grant: Grant): boolean {
    return this.guarded ? this.#tokens.includes(grant as Token) : grant === ANONYMOUS;
  }

  /** Decides on a request: who it comes from, or why it is turned away. */
  decide(request: AccessRequest): Grant | Denial {
    const denial = this.#checkOrigin(request);
    if (denial !== undefined) return denial;
    const secret = secretOf(request);
    const token = secret === undefined ? undefined : findToken(this.#tokens, secret);
    const grant = this.guarded ? token : ANONYMOUS;
    const waitMs = this.#requests.take(clientOf(grant, request.address));
    if (waitMs > 0) return tooFrequent("requests", waitMs);
    const scope = scopeOf(request.method, request.path);
    if (grant === undefined) {
      if (scope === undefined) return { name: "anonymous", scopes: new Set() };
      return secret === undefined
        ? { status: 401, reason: "no-token", detail: "a bearer token is needed" }
        : { status: 401, reason: "unknown-token", detail: "the token is unknown" };
    }
    if (scope !== undefined && !grant.scopes.has(scope)) {
      const detail = `this needs the scope ${scope}, and the token ${grant.name} does not have it`;
      return { status: 403, reason: "wrong-scope", detail };
    }
    return grant;
  }

  /** Whether a page of another site may read answers: the value of `Access-Control-Allow-Origin`. */
  allowedOrigin(origin: string | undefined): string | undefined {
    return origin !== undefined && this.#origins.has(origin) ? origin : undefined;
  }

  /** Takes ticks from a client's rate: 0 where it could, else how long to wait. */
  takeTicks(grant: Grant, address: string, count: number): number {
    return this.#ticks.take(clientOf(grant, address), count);
  }

  /**
   * A page may call its own server and those that list its site. Where there are no tokens the name by
   * which the server is called must be the machine's own too: else a page whose name is made to resolve
   * to 127.0.0.1 would pass for the server's own.
   */
  #checkOrigin({ origin, host }: AccessRequest): Denial | undefined {
    const name = hostName(host);
    if (!this.guarded && this.#loopback && (name === undefined || !isLoopback(name))) {
      const detail = `the server is not known as ${host}`;
      return { status: 403, reason: "wrong-origin", detail };
    }
    if (origin === undefined || this.#origins.has(origin)) return undefined;
    if (origin === `http://${host}` || origin === `https://${host}`) return undefined;
    return { status: 403, reason: "wrong-origin", detail: `pages of ${origin} may not call` };
  }
}

/** Whether a decision is a refusal. */
export function isDenial(decision: Grant | Denial): decision is Denial {
  return "status" in decision;
}

/** A refusal of what came too often. */
export function tooFrequent(what: string, waitMs: number): Denial {
  return {
    status: 429,
    reason: "too-frequent",
    detail: `too many ${what}; there is room again in ${Math.ceil(waitMs)} ms`,
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  };
}

/** The scope a route needs; undefined for the probes, and for pages, which hold no data. */
export function scopeOf(method: string, path: string): Scope | undefined {
  if (path === "/healthz" || path === "/readyz") return undefined;
  const isPage = path === "/" || path === "/favicon.ico" || path.startsWith("/dashboard/");
  if (method === "GET" && isPage) return undefined;
  // A browser asks so before it sends a token along.
  if (method === "OPTIONS") return undefined;
  if (path.startsWith("/v1/admin/")) return "admin";
  return path === "/v1/ingest" || path === "/v1/ticks" ? "ingest" : "read";
}

/** The name a client's rate is counted under: of its token, else its address. */
function clientOf(grant: Grant | undefined, address: string): string {
  return grant === undefined || grant === ANONYMOUS ? `address ${address}` : `token ${grant.name}`;
}

function secretOf({ authorization, protocols }: AccessRequest): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? "");
  if (bearer !== null) return bearer[1];
  for (const protocol of (protocols ?? "").split(",")) {
    const name = protocol.trim();
    if (!name.startsWith(BEARER_PROTOCOL)) continue;
    return decodeBase64Url(name.slice(BEARER_PROTOCOL.length));
  }
  return undefined;
}

/** Text of base64url; empty where it is none, which no token is. */
function decodeBase64Url(text: string): string {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return new TextDecoder().decode(bytes);
  } catch {
    return "";
  }
}
