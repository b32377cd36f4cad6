import type { Explanation } from "../forecast/explanation.ts";
import { escape } from "./svg_plot.ts";

const WIDTH = 760;
const ROW = 24;
const NAMES = 250;
const FIGURES = 90;
const TOP = 40;

/**
 * Draws what moved a forecast: a bar an input, from where those above it have brought the forecast to
 * where it brings it, beginning at the last value and ending at the forecast.
 *
 * @param explanation What moved it.
 * @param top Inputs drawn one by one; the others are drawn together.
 * @returns A self-contained SVG.
 */
export function explanationChart(explanation: Explanation, top = 12): string {
  const { series, ahead, forecast, baseline, contributions } = explanation;
  const rest = contributions.slice(top);
  const steps = contributions.slice(0, top).map(({ input, value }) => ({ input, value }));
  if (rest.length > 0) {
    steps.push({
      input: `${rest.length} more`,
      value: rest.reduce((sum, { value }) => sum + value, 0),
    });
  }
  const stops = steps.reduce((all, { value }) => [...all, all.at(-1)! + value], [baseline]);
  const low = Math.min(...stops);
  const span = Math.max(...stops) - low || 1;
  const across = (value: number): number =>
    NAMES + 10 + (WIDTH - NAMES - FIGURES - 20) * (value - low) / span;
  const height = TOP + ROW * (steps.length + 2) + 10;
  const parts: string[] = [];
  const text = (x: number, row: number, words: string, anchor: string): void => {
    const y = TOP + ROW * row + 16;
    parts.push(`<text x="${x}" y="${y}" text-anchor="${anchor}">${escape(words)}</text>`);
  };
  const mark = (value: number, row: number): void => {
    const x = across(value).toFixed(1);
    parts.push(
      `<path d="M${x} ${TOP + ROW * row + 3}v${ROW - 6}" stroke="#495057" stroke-width="3"/>`,
    );
  };
  text(NAMES, 0, "last value", "end");
  text(WIDTH - 5, 0, baseline.toPrecision(5), "end");
  mark(baseline, 0);
  steps.forEach(({ input, value }, k) => {
    const from = across(Math.min(stops[k], stops[k + 1]));
    const width = Math.max(1, across(Math.max(stops[k], stops[k + 1])) - from);
    text(NAMES, k + 1, input, "end");
    text(WIDTH - 5, k + 1, `${value > 0 ? "+" : ""}${value.toPrecision(3)}`, "end");
    parts.push(
      `<rect x="${from.toFixed(1)}" y="${TOP + ROW * (k + 1) + 4}" width="${width.toFixed(1)}" ` +
        `height="${ROW - 8}" rx="2" fill="${value > 0 ? "#0b6bcb" : "#d9480f"}"/>`,
    );
  });
  text(NAMES, steps.length + 1, "forecast", "end");
  text(WIDTH - 5, steps.length + 1, forecast.toPrecision(5), "end");
  mark(forecast, steps.length + 1);
  const title = `What moved the forecast of ${series}, ${ahead} step${ahead > 1 ? "s" : ""} ahead`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" ` +
    `aria-label="${escape(title)}" font-family="system-ui,sans-serif" font-size="13">` +
    `<rect width="100%" height="100%" fill="#fff"/>` +
    `<text x="10" y="22" font-weight="600">${escape(title)}</text>${parts.join("")}</svg>\n`;
}
