import { operation } from "../openapi/operation.ts";
import type { App } from "../server_env.ts";

/** The API's own description. */
export function documentRoutes(app: App, document: Readonly<Record<string, unknown>>): void {
  app.get("/openapi.json", (context) => context.json(document));
}

/** What the document says of itself. */
export const documentPaths = {
  "/openapi.json": {
    get: operation({
      id: "document",
      summary: "This document.",
      scope: "read",
      responses: { 200: ["Document", "The document."] },
    }),
  },
};
