import type { Engine } from "../engine.ts";
import { operation } from "../openapi/operation.ts";
import type { Readiness } from "../readiness.ts";
import type { App } from "../server_env.ts";

/**
 * Probes: `/healthz` says whether the process works, `/readyz` whether it wants requests now. Both are
 * open to everyone; figures are told only to those who may read.
 */
export function healthRoutes(app: App, engine: Engine, readiness: Readiness): void {
  app.get("/healthz", (context) => {
    const health = engine.health();
    const told = context.var.grant.scopes.has("read") ? health : { ok: health.ok };
    return context.json(told, health.ok ? 200 : 503);
  });
  app.get("/readyz", (context) => {
    const ready = engine.health().ok && !readiness.draining;
    return context.json({ ready, draining: readiness.draining }, ready ? 200 : 503);
  });
}

/** What the document says of them. */
export const healthPaths = {
  "/healthz": {
    get: operation({
      id: "health",
      summary: "Whether the process works; figures for those with the scope read.",
      responses: { 200: ["Health", "It does."], 503: ["Health", "It does not."] },
    }),
  },
  "/readyz": {
    get: operation({
      id: "ready",
      summary: "Whether requests should come here: not while the server drains or cannot write.",
      responses: { 200: ["Readiness", "They should."], 503: ["Readiness", "They should not."] },
    }),
  },
};
