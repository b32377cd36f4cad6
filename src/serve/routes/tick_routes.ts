import {
  ingestAnswer,
  type InputError,
  limits,
  SenmlDecoder,
  TickDecoder,
} from "../../../streams/mod.ts";
import { JournalError } from "../../state/store.ts";
import { type Access, tooFrequent } from "../access/access.ts";
import type { Engine } from "../engine.ts";
import { operation } from "../openapi/operation.ts";
import { problem } from "../problem.ts";
import { readBody } from "../read_body.ts";
import type { App } from "../server_env.ts";

/** A body of this type is a SenML pack (RFC 8428, section 12.3); any other is read as the wire format. */
const SENML = /^application\/senml\+json\b/i;

/** Ticks in by POST: acknowledged when they are durable. */
export function tickRoutes(app: App, engine: Engine, access: Access): void {
  app.post(
    "/v1/ticks",
    async (context) => {
      engine.received("http");
      const body = await readBody(context, limits.frameBytes);
      if (body instanceof Response) return body;
      const isSenml = SENML.test(context.req.header("content-type") ?? "");
      const decoded = (isSenml ? new SenmlDecoder() : new TickDecoder()).decode(body);
      const rejected: InputError[] = [...decoded.rejected];
      const { grant, address } = context.var;
      const waitMs = access.takeTicks(grant, address, decoded.ticks.length);
      if (waitMs > 0) {
        const { status, reason, detail, retryAfterSeconds } = tooFrequent("ticks", waitMs);
        context.header("retry-after", `${retryAfterSeconds}`);
        return problem(context, status, reason, detail);
      }
      if (decoded.ticks.length > 0) {
        try {
          for (const { error } of await engine.accept(decoded.ticks)) rejected.push(error);
        } catch (error) {
          const { ok, detail } = engine.health();
          if (!(error instanceof JournalError) && ok) throw error;
          const why = error instanceof JournalError ? error.message : detail;
          return problem(context, 503, "unknown", why ?? "the engine stands still");
        }
      }
      for (const { reason, message: detail } of rejected) {
        engine.report({ kind: "rejected", source: "http", reason, detail, count: 1 });
      }
      const count = decoded.ticks.length + decoded.rejected.length - rejected.length;
      return context.json(ingestAnswer(count, rejected), rejected.length === 0 ? 200 : 400);
    },
  );
}

/** What the document says of it, and of the socket beside it. */
export const tickPaths = {
  "/v1/ticks": {
    post: operation({
      id: "postTicks",
      summary: "Send ticks: one, an array, NDJSON, or a pack of SenML as application/senml+json. " +
        "Those acknowledged survive a crash.",
      scope: "ingest",
      body: "Ticks",
      responses: {
        200: ["IngestAnswer", "All were accepted."],
        400: ["IngestAnswer", "Those named were refused, the others accepted."],
        413: ["Problem", "The body is too large."],
        503: ["Problem", "They could not be made durable; send them again later."],
      },
    }),
  },
  "/v1/ingest": {
    get: operation({
      id: "ingest",
      summary: "A WebSocket: each message of ticks is answered in order, once it is durable.",
      scope: "ingest",
      socket: true,
      responses: {},
    }),
  },
};
