import type { IncomingMessage } from "node:http";
import type { Hono } from "hono";
import type { Grant } from "./access/tokens.ts";

/** What a request carries through the routes. */
export interface ServerEnv {
  /** What the Node adapter passes on; nothing where the app is called without a socket. */
  Bindings: { readonly incoming?: IncomingMessage };
  /** Set by the guard before any route runs. */
  Variables: { readonly grant: Grant; readonly address: string };
}

/** The HTTP side of a server. */
export type App = Hono<ServerEnv>;
