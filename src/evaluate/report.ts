import type { LearningRun } from "../learn/learning_run.ts";
import type { EvaluationResult, ModelResult } from "./evaluate.ts";
import type { Scores } from "./metrics.ts";
import { skillChart } from "./skill_chart.ts";
import { escape, type Plot, type PlotBand, svgPlot } from "./svg_plot.ts";
import type { TracePoint } from "./trace.ts";

const BLUE = "#2f7fd8";
const ORANGE = "#d9480f";
const GREY = "#8a929a";
/** Of the experts and models; readable on light and on dark, neighbours told apart. */
const COLOURS = [
  BLUE,
  "#e8890c",
  "#2f9e44",
  "#9c4fd0",
  "#c2255c",
  "#1098ad",
  "#b08900",
  "#5c7cfa",
  "#74a12e",
  "#a0673a",
  GREY,
];
/** What came is drawn in the colour of the text, so that it is seen on light and on dark. */
const TRUTH = "currentColor";
/** Lines of a table of steps ahead at most. */
const STEPS_SHOWN = 24;

type Column = readonly [keyof Scores, label: string, write: (value: number) => string];

const COLUMNS: readonly Column[] = [
  ["crps", "CRPS", number],
  ["mae", "MAE", number],
  ["rmse", "RMSE", number],
  ["nrmse", "NRMSE", number],
  ["mape", "MAPE", percent],
  ["mase", "MASE", number],
  ["pinball", "pinball", number],
  ["coverage80", "80 % band", percent],
  ["coverage90", "90 % band", percent],
  ["winkler90", "Winkler 90 %", number],
];

const STYLE = `:root{color-scheme:light dark;--paper:#fff;--ink:#1d2126;--soft:#626a73}
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e9ec;--soft:#9aa3ad}}
body{font:15px/1.5 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1rem;
background:var(--paper);color:var(--ink)}
h1{font-size:1.6rem;line-height:1.2;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2.2rem}
.soft{color:var(--soft)}.wide{overflow-x:auto}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th{vertical-align:bottom;white-space:normal;color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left;padding-left:0}
tr.first td{font-weight:600}
figure{margin:1.8rem 0;overflow-x:auto}figcaption{font-weight:600;position:sticky;left:0}
figcaption+svg{margin-top:.3rem}
svg{display:block;width:100%;min-width:34rem;height:auto;font:12px system-ui,sans-serif;fill:currentColor}
svg .y{text-anchor:end;dominant-baseline:middle}svg .x{text-anchor:middle}
svg .first{text-anchor:start}svg .last{text-anchor:end}svg .grid{stroke:#8884}`;

/**
 * Writes an evaluation as one HTML page that needs nothing else: the scores of every model and how sure
 * the skill over it is, the scores at the steps ahead, the last forecasts as fans beside what came, the
 * weights of the experts and the coverage over time, and what the network's retrainings came to.
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
  const { models, horizon } = result;
  const all = Object.entries(models);
  const [[first, { perHorizon }]] = all;
  const steps = shownSteps(perHorizon.length);
  const parts = [
    ...summary(result),
    ...sections,
    `<h2>${escape(first)} and the simple methods, ${ahead(horizon)}</h2>`,
    table("Model", all),
    skillChart(first, all),
    ...perHorizon.length > 1
      ? [
        `<h2>${escape(first)} at every step ahead</h2>`,
        table("Steps", steps.map((step) => [`${step}`, perHorizon[step - 1]])),
        svgPlot(errorsAhead(result)),
      ]
      : [],
    "<h2>Forecasts and what came</h2>",
    ...horizon > 2 ? [svgPlot(fanPlot(result))] : [],
    svgPlot(forecastPlot(result)),
    "<h2>Over time</h2>",
    ...coverage(result),
    ...weights(result),
    ...retrainings(result.trace.runs),
  ];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>` +
    `<h1>${escape(title)}</h1>${parts.join("\n")}</html>\n`;
}

/**
 * The last forecasts of an evaluation with their bands, beside what came.
 *
 * @param result What {@linkcode evaluate} gave.
 * @returns The plot.
 */
export function forecastPlot({ trace, horizon }: EvaluationResult): Plot {
  return fan(`The last forecasts, each made ${horizon} ${steps(horizon)} before`, trace.tail);
}

/** The last forecasts that do not overlap, each from its first step to its last. */
function fanPlot({ trace, horizon }: EvaluationResult): Plot {
  const gap: TracePoint = {
    time: NaN,
    truth: NaN,
    mean: NaN,
    quantiles: trace.levels.map(() => NaN),
  };
  // Between the end of one forecast and the beginning of the next the pen is lifted.
  const points = trace.fans.flatMap((points, k) =>
    k === 0 ? points : [{ ...gap, time: points[0].time, truth: points[0].truth }, ...points]
  );
  return fan(`Whole forecasts of ${horizon} ${steps(horizon)}, one after the other`, points);
}

function fan(title: string, points: readonly TracePoint[]): Plot {
  const at = (index: number): number[] => points.map(({ quantiles }) => quantiles[index]);
  const band = (name: string, low: number): PlotBand => ({
    ...{ name, colour: BLUE, low: at(low), high: at(5 - low) },
  });
  const times = points.map(({ time }) => time);
  return {
    title,
    x: times,
    xLabel: timeLabel(times.at(-1)! - times[0]),
    bands: [band("90 % band", 0), band("80 %", 1), band("50 %", 2)],
    lines: [
      { name: "what came", colour: TRUTH, y: points.map(({ truth }) => truth) },
      { name: "forecast", colour: ORANGE, y: points.map(({ mean }) => mean) },
    ],
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
      { name: "training", colour: BLUE, y: epochs.map(({ trainingLoss }) => trainingLoss) },
      { name: "validation", colour: ORANGE, y: epochs.map(({ validationLoss }) => validationLoss) },
    ],
  };
}

/** What the page comes to, in two sentences. */
function summary({ models, rows, scored, horizon, seconds }: EvaluationResult): string[] {
  const [[first, own], ...others] = Object.entries(models);
  const [best] = others.sort(([, a], [, b]) => a.crps - b.crps);
  const told = [
    `${percent(own.coverage90)} of what came lay in the 90 % band, ${percent(own.coverage80)} in ` +
    "the 80 % band.",
  ];
  if (best?.[1].skill !== undefined) {
    const { skill, low, high } = best[1].skill;
    const better = skill >= 0 ? `${percent(skill)} better` : `${percent(-skill)} worse`;
    told.unshift(
      `By CRPS, forecasts of ${
        escape(first)
      } are ${better} than those of the best simple method, ` +
        `${escape(best[0])} (skill with its 95 % interval: ${percent(low)} to ${percent(high)}).`,
    );
  }
  return [
    `<p>${told.join(" ")}</p>`,
    `<p class="soft">${scored} forecasts of ${rows} rows, ${ahead(horizon)}, each made before ` +
    `what it forecasts was learnt; all models together took ${
      seconds.toFixed(1)
    } seconds. MAPE is Σ|e| / Σ|y|.</p>`,
  ];
}

function errorsAhead({ models }: EvaluationResult): Plot {
  const all = Object.entries(models);
  return {
    title: "CRPS by steps ahead",
    x: all[0][1].perHorizon.map((_, h) => h + 1),
    xLabel: (step) => `${Math.round(step)}`,
    lines: all.map(([name, { perHorizon }], k) => ({
      ...{ name, colour: COLOURS[k % COLOURS.length], y: perHorizon.map(({ crps }) => crps) },
    })),
  };
}

function coverage({ trace }: EvaluationResult): string[] {
  const { coverage, coverageOf } = trace;
  if (coverage.length < 2) return [];
  const line = (name: string, colour: string, y: number[]): Plot["lines"][number] => ({
    ...{ name, colour, y },
  });
  const shares = coverage.flatMap(({ share80, share90 }) => [share80, share90]);
  return [svgPlot({
    title: `Share of the last ${coverageOf} truths within their bands`,
    x: coverage.map(({ row }) => row),
    xLabel: rowLabel,
    range: [Math.min(0.6, ...shares), 1],
    lines: [
      line("90 % band", BLUE, coverage.map(({ share90 }) => share90)),
      line("80 % band", ORANGE, coverage.map(({ share80 }) => share80)),
      { ...line("aims", GREY, coverage.map(() => 0.9)), dashed: true },
      { ...line("", GREY, coverage.map(() => 0.8)), dashed: true },
    ],
  })];
}

function weights({ trace, horizon }: EvaluationResult): string[] {
  if (trace.experts.length < 2) return [];
  return [svgPlot({
    title: `How the experts were weighed, ${ahead(horizon)}`,
    x: trace.weights.map(({ row }) => row),
    xLabel: rowLabel,
    range: [0, 1],
    stacked: true,
    lines: trace.experts.map((name, e) => ({
      name,
      colour: COLOURS[e % COLOURS.length],
      y: trace.weights.map(({ weights }) => weights[e]),
    })),
  })];
}

/** The network's latest retrainings: their curves one after the other, and what came of each. */
function retrainings(runs: readonly LearningRun[]): string[] {
  if (runs.length === 0) return [];
  // A round without losses parts one retraining from the next.
  const rounds = runs.flatMap(({ curve }) => [...curve, { training: NaN, validation: NaN }])
    .slice(0, -1);
  const cells = runs.map((run) => [
    ...[`${run.startedAt} to ${run.endedAt}`, run.why, number(run.championLoss)],
    ...[number(run.candidateLoss), run.verdict.replace("-", " ")],
  ]);
  const head = ["Rows", "why", "loss of those in use", "of those trained", "verdict"];
  return [
    "<h2>Retrainings of the network</h2>",
    `<p class="soft">Losses are of the latest rows, held back from training; the parameters trained ` +
    "are taken where theirs is lower, and given up again where they turn out worse.</p>",
    tableOf(head, cells),
    svgPlot({
      title: "Loss of the latest retrainings, round by round",
      x: rounds.map((_, k) => k + 1),
      xLabel: (round) => `${Math.round(round)}`,
      lines: [
        { name: "training", colour: BLUE, y: rounds.map(({ training }) => training) },
        { name: "validation", colour: ORANGE, y: rounds.map(({ validation }) => validation) },
      ],
    }),
  ];
}

function table(head: string, rows: readonly (readonly [string, Scores | ModelResult])[]): string {
  return tableOf(
    [head, ...COLUMNS.map(([, label]) => label)],
    rows.map(([name, scores]) => [name, ...COLUMNS.map(([key, , write]) => write(scores[key]))]),
  );
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => line(cells, "td")).join("");
  return `<div class="wide"><table>${line(head, "th")}${body}</table></div>`;
}

/** All steps where they are few, else some from the first to the last, evenly. */
function shownSteps(horizon: number): number[] {
  const count = Math.min(horizon, STEPS_SHOWN);
  const stride = (horizon - 1) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, k) => 1 + Math.round(k * stride));
}

function number(value: number): string {
  if (!Number.isFinite(value)) return "";
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "";
}

function rowLabel(row: number): string {
  return `row ${Math.round(row)}`;
}

/** A day where the plot is of weeks, the minute where it is of days, the second where it is of minutes. */
function timeLabel(spanMs: number): (time: number) => string {
  const length = spanMs > 5 * 86_400_000 ? 10 : spanMs > 600_000 ? 16 : 19;
  return (time) => new Date(time).toISOString().slice(0, length).replace("T", " ");
}

function ahead(horizon: number): string {
  return `${horizon} ${steps(horizon)} ahead`;
}

function steps(count: number): string {
  return count === 1 ? "step" : "steps";
}
