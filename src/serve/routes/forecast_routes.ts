import type { EventStreams } from "../event_streams.ts";
import { operation } from "../openapi/operation.ts";
import { problem } from "../problem.ts";
import type { App } from "../server_env.ts";
import { askedSeries } from "../asked_series.ts";

/** Forecasts as server-sent events; the WebSocket at the same address is upgraded before it gets here. */
export function forecastRoutes(app: App, streams: EventStreams): void {
  app.get("/v1/forecasts", (context) => {
    const asked = askedSeries(new URL(context.req.url));
    const last = context.req.header("last-event-id") ?? "";
    const after = /^\d{1,16}$/.test(last) ? Number(last) : undefined;
    const body = streams.open(context.var.grant, asked, after);
    if (body === undefined) {
      return problem(context, 503, "too-many-connections", "the server has too many connections");
    }
    return context.body(body, 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // Proxies that gather answers would hold forecasts back.
      "x-accel-buffering": "no",
    });
  });
}

/** What the document says of it. */
export const forecastPaths = {
  "/v1/forecasts": {
    get: operation({
      id: "forecasts",
      summary: "Every forecast as it is made: as server-sent events, or over a WebSocket.",
      scope: "read",
      socket: true,
      parameters: [
        {
          name: "series",
          in: "query",
          description: "Only these series, separated by commas; all where left out.",
          schema: { type: "string" },
        },
        {
          name: "Last-Event-ID",
          in: "header",
          description:
            "The number of the last forecast received: those after it come first. Where they are no " +
            "longer remembered, or without it, the latest of each series comes first.",
          schema: { type: "string", pattern: "^[0-9]+$" },
        },
      ],
      eventStream: "Forecast",
      responses: { 503: ["Problem", "There are too many connections."] },
    }),
  },
};
