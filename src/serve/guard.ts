import type { MiddlewareHandler } from "hono";
import { type Access, isDenial } from "./access/access.ts";
import { problem } from "./problem.ts";
import type { ServerEnv } from "./server_env.ts";

/** Headers of every answer: no sniffing of types, no framing by other sites, no address passed on. */
const SAFE_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
} as const;

/** How long a browser may remember what a preflight allowed. */
const PREFLIGHT_SECONDS = "600";

/** Turns away what {@linkcode Access} denies, before any route sees it. */
export function guard(access: Access): MiddlewareHandler<ServerEnv> {
  return async (context, next) => {
    const { req } = context;
    const address = context.env?.incoming?.socket.remoteAddress ?? "local";
    const origin = req.header("origin");
    for (const [name, value] of Object.entries(SAFE_HEADERS)) context.header(name, value);
    const allowed = access.allowedOrigin(origin);
    if (allowed !== undefined) {
      context.header("access-control-allow-origin", allowed);
      context.header("access-control-expose-headers", "retry-after");
      context.header("vary", "Origin");
    }
    const decision = access.decide({
      method: req.method,
      path: req.path,
      host: req.header("host") ?? new URL(req.url).host,
      origin,
      authorization: req.header("authorization"),
      address,
    });
    if (isDenial(decision)) {
      const { status, reason, detail, retryAfterSeconds } = decision;
      if (status === 401) context.header("www-authenticate", 'Bearer realm="tickcast"');
      if (retryAfterSeconds !== undefined) context.header("retry-after", `${retryAfterSeconds}`);
      return problem(context, status, reason, detail);
    }
    if (req.method === "OPTIONS" && req.header("access-control-request-method") !== undefined) {
      return context.body(null, 204, {
        "access-control-allow-methods": "GET, POST, PUT",
        "access-control-allow-headers": "authorization, content-type, last-event-id",
        "access-control-max-age": PREFLIGHT_SECONDS,
      });
    }
    context.set("grant", decision);
    context.set("address", address);
    await next();
  };
}
