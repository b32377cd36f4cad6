import type { EvaluationResult, ModelResult } from "./evaluate.ts";
import type { Scores } from "./metrics.ts";
import { escape, type Plot, svgPlot } from "./svg_plot.ts";

const COLOURS = [
  "#0b6bcb",
  "#d9480f",
  "#2f9e44",
  "#9c36b5",
  "#e8a400",
  "#1098ad",
  "#c2255c",
  "#5c940d",
  "#495057",
  "#8d5524",
  "#4263eb",
];

const COLUMNS: readonly (readonly [keyof Scores, string])[] = [
  ["mae", "MAE"],
  ["rmse", "RMSE"],
  ["nrmse", "NRMSE"],
  ["mape", "MAPE (Σ|e| / Σ|y|)"],
  ["mase", "MASE"],
  ["pinball", "pinball"],
  ["crps", "CRPS"],
  ["coverage80", "in 80 % band"],
  ["coverage90", "in 90 % band"],
  ["winkler90", "Winkler 90 %"],
];

const STYLE =
  `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;font:11px system-ui,sans-serif;fill:currentColor}
svg .y{text-anchor:end;dominant-baseline:middle}svg .x{text-anchor:middle}svg .last{text-anchor:end}
svg .grid{stroke:#8884}figure{margin:1.5rem 0}figcaption{font-weight:600}
@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}`;

/**
 * Writes an evaluation as one HTML page that needs nothing else: the scores of every model, those of
 * the first one at every step ahead, the last forecasts with their band, the weights of the experts and the
 * coverage over time.
 *
 * @param result What {@linkcode evaluate} gave.
 * @param title The page's title, such as the name of the data.
 * @param sections More of it, as HTML, at the top.
 * @returns The page.
 *
 * @example
 * ```ts
 * import { evaluate, evaluationReport } from "@tickcast/tickcast";
 * import { ok } from "node:assert/strict";
 *
 * const rows = Array.from({ length: 120 }, (_, i) => ({
 *   time: i * 60_000,
 *   values: Float64Array.of(i % 7),
 * }));
 * const page = evaluationReport(await evaluate(rows, { horizon: 1 }), "weekdays");
 * ok(page.includes("<svg"));
 * ```
 */
export function evaluationReport(
  result: EvaluationResult,
  title: string,
  sections: readonly string[] = [],
): string {
  const { models, trace, horizon } = result;
  const [[first, { perHorizon }]] = Object.entries(models);
  const reached = `${result.scored} forecasts of ${result.rows} rows, ${horizon} steps ahead`;
  const parts = [
    ...sections,
    `<p>${reached}, in ${result.seconds.toFixed(1)} seconds.</p>`,
    table("Model", Object.entries(models), first),
    `<h2>${escape(first)} at every step ahead</h2>`,
    table("Steps", perHorizon.map((scores, h) => [`${h + 1}`, scores])),
    svgPlot(forecastPlot(result)),
    weights(result),
    svgPlot({
      title: "Share of truths in the 90 % band",
      x: trace.coverage.map(({ row }) => row),
      xLabel: (row) => `row ${Math.round(row)}`,
      range: [0, 1],
      lines: [
        { name: "share", colour: COLOURS[0], y: trace.coverage.map(({ share }) => share) },
        { name: "aim", colour: COLOURS[1], y: trace.coverage.map(() => 0.9) },
      ],
    }),
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>` +
    `<h1>${escape(title)}</h1>${parts.join("\n")}</html>\n`;
}

/**
 * The last forecasts of an evaluation with their band, beside what came.
 *
 * @param result What {@linkcode evaluate} gave.
 * @returns The plot.
 */
export function forecastPlot({ trace, horizon }: EvaluationResult): Plot {
  const { tail } = trace;
  return {
    title: `The last forecasts, ${horizon} steps ahead`,
    x: tail.map(({ time }) => time),
    xLabel: (time) => new Date(time).toISOString().slice(0, 16).replace("T", " "),
    lines: [
      { name: "truth", colour: COLOURS[8], y: tail.map(({ truth }) => truth) },
      { name: "forecast", colour: COLOURS[0], y: tail.map(({ mean }) => mean) },
    ],
    band: {
      name: "90 % band",
      colour: COLOURS[0],
      low: tail.map(({ low }) => low),
      high: tail.map(({ high }) => high),
    },
  };
}

/**
 * The losses of a training run, round by round.
 *
 * @param epochs The rounds.
 * @returns The plot.
 */
export function learningCurves(
  epochs: readonly { readonly trainingLoss: number; readonly validationLoss: number }[],
): Plot {
  return {
    title: "Loss, round by round",
    x: epochs.map((_, k) => k + 1),
    xLabel: (round) => `${Math.round(round)}`,
    lines: [
      {
        name: "training",
        colour: COLOURS[0],
        y: epochs.map(({ trainingLoss }) => trainingLoss),
      },
      {
        name: "validation",
        colour: COLOURS[1],
        y: epochs.map(({ validationLoss }) => validationLoss),
      },
    ],
  };
}

function weights({ trace, horizon }: EvaluationResult): string {
  if (trace.experts.length < 2) return "";
  return svgPlot({
    title: `Weights of the experts over time, ${horizon} steps ahead`,
    x: trace.weights.map(({ row }) => row),
    xLabel: (row) => `row ${Math.round(row)}`,
    range: [0, 1],
    lines: trace.experts.map((name, e) => ({
      name,
      colour: COLOURS[e % COLOURS.length],
      y: trace.weights.map(({ weights }) => weights[e]),
    })),
  });
}

function table(
  head: string,
  rows: readonly (readonly [string, Scores | ModelResult])[],
  skillOf?: string,
): string {
  const cells = rows.map(([name, scores]) =>
    `<tr><td>${escape(name)}</td>` +
    COLUMNS.map(([key]) => `<td>${number(scores[key])}</td>`).join("") +
    (skillOf ? `<td>${skillText(scores)}</td>` : "") + "</tr>"
  );
  const heads = COLUMNS.map(([, label]) => `<th>${label}</th>`).join("");
  const last = skillOf ? `<th>CRPS skill of ${escape(skillOf)} over it (95 %)</th>` : "";
  return `<table><tr><th>${head}</th>${heads}${last}</tr>${cells.join("")}</table>`;
}

function number(value: number): string {
  if (!Number.isFinite(value)) return "";
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

function skillText(scores: Scores | ModelResult): string {
  if (!("skill" in scores) || scores.skill === undefined) return "";
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  return `${percent(scores.skill.skill)} (${percent(scores.skill.low)} to ${
    percent(scores.skill.high)
  })`;
}
