import { makeApi } from "./client/api.ts";
import { makeCharts } from "./client/charts.ts";
import { makeFormat } from "./client/format.ts";
import { makeHistory } from "./client/history.ts";
import { startDashboard } from "./client/main.ts";
import { makePanels } from "./client/panels.ts";
import { makePicker } from "./client/picker.ts";

/**
 * The parts of the page's script by the names under which they are handed to `startDashboard`. Each is
 * one function that stands on its own: it uses what browsers have and its arguments, nothing of its
 * module. So it is written and checked as TypeScript, and its own text, from which the runtime has taken
 * the types, is what the browser gets: no build step.
 */
const PARTS = { makeApi, makeCharts, makeFormat, makeHistory, makePanels, makePicker };

/** The parts as `startDashboard` gets them. */
export type DashboardParts = typeof PARTS;

/** The whole script of the dashboard; it expects `uPlot` to be loaded. */
export function dashboardScript(): string {
  const parts = Object.entries(PARTS).map(([name, part]) => `${name}: ${part}`);
  return `"use strict";\n(${startDashboard})({\n${parts.join(",\n")}\n}, uPlot);\n`;
}
