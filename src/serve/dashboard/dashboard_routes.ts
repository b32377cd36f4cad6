import type { App } from "../server_env.ts";
import { DASHBOARD_ICON, DASHBOARD_PAGE } from "./page.ts";
import { dashboardScript } from "./script.ts";
import { DASHBOARD_STYLE } from "./style.ts";

/** Only what this server serves, and nothing inline: a name of a series can never become code. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  // The page and its parts change together with the server only.
  "cache-control": "no-cache",
};

/** Files of the uPlot package, read once. */
const plotFiles = new Map<string, Promise<string>>();

function plotFile(name: string): Promise<string> {
  let text = plotFiles.get(name);
  if (text === undefined) {
    text = Deno.readTextFile(new URL(name, import.meta.resolve("uplot")));
    plotFiles.set(name, text);
  }
  return text;
}

/** Serves the dashboard at `/`, all its parts from this server. It draws what the views tell. */
export function dashboardRoutes(app: App): void {
  const file = (path: string, type: string, body: () => string | Promise<string>): void => {
    app.get(path, async (context) => {
      return context.body(await body(), 200, { ...HEADERS, "content-type": type });
    });
  };
  file("/", "text/html; charset=utf-8", () => DASHBOARD_PAGE);
  file("/favicon.ico", "image/svg+xml", () => DASHBOARD_ICON);
  file("/dashboard/style.css", "text/css; charset=utf-8", async () => {
    return await plotFile("uPlot.min.css") + DASHBOARD_STYLE;
  });
  file("/dashboard/uplot.js", "text/javascript; charset=utf-8", () => {
    return plotFile("uPlot.iife.min.js");
  });
  file("/dashboard/main.js", "text/javascript; charset=utf-8", dashboardScript);
}
