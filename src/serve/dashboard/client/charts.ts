import type uPlot from "uplot";
import type { Column } from "../messages.ts";
import type { Format } from "./format.ts";
import type { History } from "./history.ts";

/** A chart that is drawn anew as often as there is something new. */
export interface Chart<T> {
  /** Draws. */
  draw(data: T): void;
  /** Draws the same again, in other colours say. */
  redraw(): void;
}

/** Something that happened, at the time of a tick. */
export interface Mark {
  /** When, epoch milliseconds. */
  readonly time: number;
  /** What. */
  readonly label: string;
  /** The custom property of its colour. */
  readonly colour: string;
}

/** What the forecast chart shows. */
export interface ForecastView {
  /** The series. */
  readonly history: History;
  /** Which past forecasts stand against the truth. */
  readonly ahead: "first" | "last";
  /** Steps of the past at most. */
  readonly steps: number;
  /** What happened to the series. */
  readonly marks: readonly Mark[];
}

/** One line of a line chart. */
export interface Line {
  /** What the legend and the readout call it. */
  readonly label: string;
  /** The custom property of its colour. */
  readonly colour: string;
  /** Dashed where set. */
  readonly dashed?: boolean;
  /** Its values. */
  readonly values: Column;
}

/** What a line chart shows. */
export interface Lines {
  /** Where each value stands. */
  readonly x: readonly number[];
  /** The lines. */
  readonly lines: readonly Line[];
}

/** How a line chart is made. */
export interface LinesOptions {
  /** Whether x is time in epoch milliseconds; else it is a count. */
  readonly time: boolean;
  /** The name of the x axis, where it is no time. */
  readonly xLabel?: string;
  /** Writes a value. */
  readonly write: (value: number | null) => string;
  /** The least extent of the y axis. */
  readonly range?: readonly [number, number];
  /** Whether the lines are parts of one whole, to be stacked. */
  readonly stacked?: boolean;
}

/** The charts. */
export interface Charts {
  /** The fan of quantiles, the truth, and what had been forecast of it. */
  forecast(root: HTMLElement): Chart<ForecastView>;
  /** Lines over time or rounds. */
  lines(root: HTMLElement, options: LinesOptions): Chart<Lines>;
}

/**
 * Makes the charts: uPlot, with what it lacks: the colours of the page in light and dark, a legend in
 * HTML, and a cursor that the arrow keys move and that is read out. Stands on its own: see script.ts.
 */
export function makeCharts(Plot: typeof uPlot, format: Format): Charts {
  const SECOND_MS = 1000;
  /** Whole pixels: uPlot scales the number before "px" for dense screens. */
  const AXIS_FONT = "12px system-ui, sans-serif";
  /** By the distance of ticks in seconds: the label, and what is added where a year or a day begins. */
  const TIMES: readonly (readonly [number, string, string, string])[] = [
    [365 * 86_400, "{YYYY}", "", ""],
    [28 * 86_400, "{MMM}", "\n{YYYY}", ""],
    [86_400, "{D} {MMM}", "\n{YYYY}", ""],
    [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", "\n{D} {MMM}"],
    [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", "\n{D} {MMM}"],
    [0.001, "{ss}.{fff}", "\n{D} {MMM} {YYYY} {HH}:{mm}", "\n{D} {MMM} {HH}:{mm}"],
  ];
  const colour = (name: string): string =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The frame around every chart: canvas, readout, legend, size and keys. */
  function frame(root: HTMLElement): {
    readonly canvas: HTMLElement;
    readonly readout: HTMLElement;
    legend(entries: readonly { label: string; colour: string; kind: string }[]): void;
    own(plot: uPlot, read: (index: number) => string, latest: () => number): void;
    /** Says what is under the cursor, or the latest. */
    say(): void;
    readonly size: { width: number; height: number };
    readonly hooks: uPlot.Hooks.Arrays;
  } {
    const canvas = root.querySelector<HTMLElement>(".canvas")!;
    const readout = root.querySelector<HTMLElement>(".readout")!;
    const legend = root.querySelector<HTMLElement>(".legend")!;
    let plot: uPlot | undefined;
    let read = (_index: number): string => "";
    let latest = (): number => 0;
    let legendText = "";
    const size = (): { width: number; height: number } => ({
      width: Math.max(160, canvas.clientWidth),
      height: Math.max(120, canvas.clientHeight),
    });
    new ResizeObserver(() => plot?.setSize(size())).observe(canvas);
    canvas.addEventListener("keydown", (event) => {
      if (plot === undefined) return;
      const last = plot.data[0].length - 1;
      const now = plot.cursor.idx ?? last;
      const moves: Record<string, number> = {
        ArrowLeft: now - 1,
        ArrowRight: now + 1,
        PageUp: now - 10,
        PageDown: now + 10,
        Home: 0,
        End: last,
      };
      if (!(event.key in moves)) return;
      event.preventDefault();
      readout.setAttribute("aria-live", "polite");
      const index = Math.min(last, Math.max(0, moves[event.key]));
      plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 10 });
    });
    canvas.addEventListener("blur", () => {
      readout.removeAttribute("aria-live");
      plot?.setCursor({ left: -10, top: -10 });
    });
    return {
      canvas,
      readout,
      legend(entries): void {
        const text = JSON.stringify(entries);
        if (text === legendText) return;
        legendText = text;
        legend.replaceChildren(...entries.map((entry) => {
          const item = document.createElement("li");
          const swatch = document.createElement("span");
          swatch.className = `swatch ${entry.kind}`;
          swatch.style.setProperty("--swatch", `var(${entry.colour})`);
          item.append(swatch, entry.label);
          return item;
        }));
      },
      own(made, reader, last): void {
        plot = made;
        read = reader;
        latest = last;
      },
      say(): void {
        readout.textContent = read(plot?.cursor.idx ?? latest());
      },
      get size() {
        return size();
      },
      hooks: {
        setCursor: [(made): void => {
          const index = made.cursor.idx;
          readout.textContent = read(index ?? latest());
        }],
      },
    };
  }

  function axes(time: boolean, write: (value: number) => string, xLabel?: string): uPlot.Axis[] {
    const shared: uPlot.Axis = {
      stroke: () => colour("--ink-2"),
      font: AXIS_FONT,
      grid: { stroke: () => colour("--grid"), width: 1 },
      ticks: { stroke: () => colour("--grid"), width: 1, size: 4 },
    };
    const x: uPlot.Axis = { ...shared, space: 72, size: xLabel === undefined ? 40 : 44 };
    if (time) {
      x.values = TIMES.map(([step, label, year, day]) => [
        step,
        label,
        year || null,
        null,
        day || null,
        null,
        null,
        null,
        1,
      ]);
    } else x.values = (_plot, splits): string[] => splits.map((split) => String(split));
    if (xLabel !== undefined) {
      Object.assign(x, { label: xLabel, labelSize: 16, labelFont: AXIS_FONT });
    }
    const y: uPlot.Axis = {
      ...shared,
      space: 30,
      values: (_plot, splits): string[] => splits.map(write),
      // As wide as the longest label: a fixed width cuts some and wastes room for others.
      size: (_plot, labels): number =>
        16 + 6.6 * Math.max(4, ...(labels ?? []).map((l) => l.length)),
    };
    return [x, y];
  }

  const base = (size: { width: number; height: number }): Partial<uPlot.Options> => ({
    ...size,
    padding: [14, 26, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * SECOND_MS), "Etc/UTC"),
  });

  const noPoints = { show: false };

  function forecast(root: HTMLElement): Chart<ForecastView> {
    const around = frame(root);
    let plot: uPlot | undefined;
    let levelsKey = "";
    let data: (number | null)[][] = [];
    let now = 0;
    let stepMs = 0;
    let nowIndex = 0;
    let marks: readonly Mark[] = [];
    let drawnStep = -1;

    const LOW = 1, HIGH = 2, PAST = 3, FAN = 4;

    /** A plot for these quantile levels: a band for each pair of them, darker towards the middle. */
    function make(levels: readonly string[]): void {
      plot?.destroy();
      const pairs = Math.floor(levels.length / 2);
      const median = FAN + pairs;
      const bands: uPlot.Band[] = [{ series: [HIGH, LOW], fill: () => colour("--past-band") }];
      for (let pair = 0; pair < pairs; pair++) {
        bands.push({
          series: [FAN + levels.length - 1 - pair, FAN + pair],
          fill: () => colour("--fan-band"),
        });
      }
      const nothing: uPlot.Series = { stroke: "transparent", width: 0, points: noPoints };
      const series: uPlot.Series[] = [{}, nothing, nothing, {
        stroke: () => colour("--past"),
        width: 1.5,
        dash: [4, 3],
        points: noPoints,
      }];
      levels.forEach((_level, index) => {
        series.push(
          FAN + index === median && levels.length % 2 === 1
            ? { stroke: () => colour("--fan"), width: 2, points: noPoints }
            : nothing,
        );
      });
      series.push(
        { stroke: () => colour("--truth"), width: 1.75, points: noPoints },
        {
          stroke: () => colour("--alert"),
          width: 0,
          paths: () => null,
          points: { show: true, size: 7, fill: () => colour("--alert") },
        },
      );
      const upright = (made: uPlot, time: number, line: string, label: string): void => {
        const { ctx, bbox } = made;
        const x = made.valToPos(time / SECOND_MS, "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) return;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = colour(line);
        ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
        ctx.lineWidth = devicePixelRatio;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.font = AXIS_FONT.replace(/\d+/, (size) => String(Number(size) * devicePixelRatio));
        ctx.textAlign = x > bbox.left + bbox.width * 0.9 ? "right" : "left";
        ctx.fillText(label, x + (ctx.textAlign === "left" ? 4 : -4) * devicePixelRatio, bbox.top);
        ctx.restore();
      };
      const drawn = (made: uPlot): void => {
        upright(made, now, "--ink-2", "");
        for (const mark of marks) upright(made, mark.time, mark.colour, mark.label);
        if (around.canvas.dataset.step === undefined) performance.mark("tickcast-first-forecast");
        around.canvas.dataset.step = String(drawnStep);
      };
      plot = new Plot(
        {
          ...base(around.size),
          axes: axes(true, (value) => format.value(value)),
          scales: { y: { range: (_plot, low, high) => padded(low, high) } },
          series,
          bands,
          hooks: { ...around.hooks, draw: [drawn] },
        } as uPlot.Options,
        data as uPlot.AlignedData,
        around.canvas,
      );
      const valueAt = FAN + levels.length;
      around.own(plot, (index) => {
        const [time] = data;
        const at = format.time((time[index] ?? 0) * SECOND_MS, stepMs);
        const value = (column: number): string => format.value(data[column][index]);
        if ((time[index] ?? 0) * SECOND_MS > now) {
          const [low, high] = [FAN + 1, FAN + levels.length - 2];
          return `${at} UTC · forecast ${value(median)}, between ${value(low)} and ${value(high)}`;
        }
        return `${at} UTC · value ${value(valueAt)} · had been forecast ${value(PAST)}, between ${
          value(LOW)
        } and ${value(HIGH)}`;
      }, () => nowIndex);
    }

    function draw({ history, ahead, steps, marks: happened }: ForecastView): void {
      marks = happened;
      const { columns, length, latest } = history;
      const { forecast } = latest;
      const levels = Object.keys(forecast.quantiles).sort((a, b) => Number(a) - Number(b));
      const kept = Math.min(length, steps);
      const from = length - kept;
      const horizon = forecast.horizon.length;
      const empty = Array<null>(horizon).fill(null);
      const past = (column: Column): (number | null)[] => [...column.slice(from), ...empty];
      const gap = Array<null>(Math.max(0, kept - 1)).fill(null);
      const last = columns.value[length - 1];
      now = forecast.time;
      stepMs = horizon > 0 ? forecast.horizon[0] - forecast.time : 0;
      nowIndex = kept - 1;
      drawnStep = forecast.step;
      data = [
        [...columns.time.slice(from), ...forecast.horizon].map((time) => (time ?? 0) / SECOND_MS),
        past(columns[`${ahead}Low`]),
        past(columns[`${ahead}High`]),
        past(columns[`${ahead}Mean`]),
        // The fan opens from the last value.
        ...levels.map((level) => [...gap, last, ...forecast.quantiles[level]]),
        past(columns.value),
        past(columns.value).map((value, index) => {
          return columns.anomaly[from + index] === 1 && index < kept ? value : null;
        }),
      ];
      const key = levels.join();
      if (plot === undefined || key !== levelsKey) {
        levelsKey = key;
        make(levels);
      } else plot.setData(data as uPlot.AlignedData);
      around.say();
      const outer = 100 * (1 - 2 * Number(levels[0]));
      around.legend([
        { label: "Value", colour: "--truth", kind: "line" },
        { label: `Forecast, bands to ${Math.round(outer)} %`, colour: "--fan", kind: "band" },
        {
          label: `Forecast ${ahead === "first" ? "1 step" : `${horizon} steps`} before, 90 % band`,
          colour: "--past",
          kind: "band dash",
        },
        { label: "Anomaly", colour: "--alert", kind: "dot" },
      ]);
      around.canvas.setAttribute(
        "aria-label",
        `Chart of ${latest.series}: ${kept} past values and ${horizon} steps ahead. Last value ${
          format.value(last)
        }; the next is forecast as ${
          format.value(forecast.mean[0])
        }. Arrow keys read it point by point.`,
      );
    }
    return { draw, redraw: () => plot?.redraw(false) };
  }

  /** A y range with some air, also around a constant. */
  function padded(low: number | null, high: number | null): [number, number] {
    if (low === null || high === null) return [0, 1];
    const air = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1;
    return [low - air, high + air];
  }

  function lines(root: HTMLElement, options: LinesOptions): Chart<Lines> {
    const { time, xLabel, write, range, stacked = false } = options;
    const around = frame(root);
    let plot: uPlot | undefined;
    let key = "";
    let shown: Lines = { x: [], lines: [] };

    function make(data: (number | null)[][]): void {
      plot?.destroy();
      const series: uPlot.Series[] = shown.lines.map((line) => ({
        stroke: () => colour(stacked ? "--surface" : line.colour),
        width: stacked ? 1 : 2,
        dash: line.dashed ? [4, 4] : undefined,
        fill: stacked ? (): string => colour(line.colour) : undefined,
        points: noPoints,
      }));
      plot = new Plot(
        {
          ...base(around.size),
          axes: axes(time, (value) => write(value).replace(".0 %", " %"), xLabel),
          scales: {
            x: { time },
            y: {
              range: (_plot, low, high): [number, number] => {
                if (stacked) return [0, 1];
                const [least, most] = range ?? [Infinity, -Infinity];
                return padded(Math.min(low ?? least, least), Math.max(high ?? most, most));
              },
            },
          },
          series: [{}, ...series],
          hooks: around.hooks,
        } as uPlot.Options,
        data as uPlot.AlignedData,
        around.canvas,
      );
      around.own(plot, (index) => {
        const x = shown.x[index];
        const at = time ? `${format.time(x, 60_000)} UTC` : `${xLabel} ${x}`;
        const lines = shown.lines.filter(({ dashed }) => !dashed);
        // Of many parts only the largest can be read out.
        if (stacked) {
          lines.sort((a, b) => (b.values[index] ?? 0) - (a.values[index] ?? 0)).splice(3);
        }
        const said = lines.map(({ label, values }) => `${label} ${write(values[index])}`);
        return `${at} · ${said.join(" · ")}`;
      }, () => shown.x.length - 1);
    }

    function draw(data: Lines): void {
      shown = data;
      const count = data.x.length;
      let rows: (number | null)[][] = data.lines.map(({ values }) => [...values]);
      if (stacked) {
        // The first line is painted last: what stands above it is painted over from there down.
        const sums = Array<number>(count).fill(0);
        rows = rows.reverse().map((values) =>
          values.map((value, index) => sums[index] += value ?? 0)
        ).reverse();
      }
      const x = data.x.map((value) => time ? value / SECOND_MS : value);
      const now = JSON.stringify(data.lines.map(({ label, colour }) => [label, colour]));
      if (plot === undefined || now !== key) {
        key = now;
        make([x, ...rows]);
      } else plot.setData([x, ...rows] as uPlot.AlignedData);
      around.say();
      const named = data.lines.filter(({ label }) => label !== "");
      around.legend(named.map(({ label, colour, dashed, values }) => ({
        label: stacked ? `${label} ${write(values[count - 1] ?? null)}` : label,
        colour,
        kind: stacked ? "block" : dashed ? "line dash" : "line",
      })));
      const said = data.lines.filter(({ dashed }) => !dashed).map(({ label, values }) => {
        return `${label} ${write(values[count - 1] ?? null)}`;
      });
      around.canvas.setAttribute(
        "aria-label",
        `${root.querySelector("h2")!.textContent}, latest: ${said.join(", ")}. Arrow keys read it.`,
      );
    }
    return { draw, redraw: () => plot?.redraw(false) };
  }

  return { forecast, lines };
}
