import type { ModelResult } from "./evaluate.ts";
import { escape } from "./svg_plot.ts";

const WIDTH = 760;
const ROW = 26;
const NAMES = 150;
const FIGURES = 190;

/**
 * Draws the skill over every simple method with its interval: a dot and a bar each, and a line at no
 * skill, so that it is seen which differences chance could explain.
 *
 * @param first Whose skill it is.
 * @param models All models by name; those without a skill are left out.
 * @returns The HTML element; empty where there is no skill to draw.
 */
export function skillChart(
  first: string,
  models: readonly (readonly [string, ModelResult])[],
): string {
  const rows = models.flatMap(([name, { skill }]) =>
    skill !== undefined && Number.isFinite(skill.skill) ? [{ name, ...skill }] : []
  );
  if (rows.length === 0) return "";
  const low = Math.min(0, ...rows.map((row) => row.low));
  const high = Math.max(0, ...rows.map((row) => row.high));
  const across = (value: number): string =>
    (NAMES + 10 + (WIDTH - NAMES - FIGURES - 20) * (value - low) / (high - low || 1)).toFixed(1);
  const height = ROW * rows.length + 22;
  const parts = [
    `<path class="grid" d="M${across(0)} 4V${height - 18}"/>`,
    `<text x="${across(0)}" y="${height - 4}" class="x">no skill</text>`,
  ];
  rows.forEach((row, k) => {
    const y = ROW * k + ROW / 2;
    // Told apart from no skill at all by more than chance: in full colour.
    const sure = row.low > 0 || row.high < 0;
    const colour = !sure ? "#8a929a" : row.skill > 0 ? "#2f9e44" : "#d9480f";
    const text = (x: number, words: string): string =>
      `<text x="${x}" y="${y}" class="y">${escape(words)}</text>`;
    parts.push(
      text(NAMES, row.name),
      `<path d="M${across(row.low)} ${y}H${
        across(row.high)
      }" stroke="${colour}" stroke-width="3"/>`,
      `<circle cx="${across(row.skill)}" cy="${y}" r="5" fill="${colour}"/>`,
      text(WIDTH - 5, `${percent(row.skill)} (${percent(row.low)} to ${percent(row.high)})`),
    );
  });
  const title = `CRPS skill of ${escape(first)} over each, with its 95 % interval`;
  return `<figure><figcaption>${title}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">` +
    `${parts.join("")}</svg></figure>`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
