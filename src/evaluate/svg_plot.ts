/** A line over x; gaps where y is not finite. */
export interface PlotLine {
  /** What it is called in the legend; a line without a name is not in it. */
  readonly name: string;
  /** CSS colour. */
  readonly colour: string;
  /** Ordinates, one an abscissa. */
  readonly y: readonly number[];
  /** Whether it is drawn in dashes, as an aim is. */
  readonly dashed?: boolean;
}

/** A shaded band between two ordinates; gaps where one is not finite. */
export interface PlotBand {
  /** What it is called in the legend. */
  readonly name: string;
  /** CSS colour. */
  readonly colour: string;
  /** Lower and upper ordinates, one each an abscissa. */
  readonly low: readonly number[];
  /** See `low`. */
  readonly high: readonly number[];
}

/** What a plot shows. */
export interface Plot {
  /** Above it. */
  readonly title: string;
  /** Abscissae, ascending. */
  readonly x: readonly number[];
  /** Turns an abscissa into its label. */
  readonly xLabel: (x: number) => string;
  /** The lines, drawn in order. */
  readonly lines: readonly PlotLine[];
  /** Bands drawn below the lines, the widest first; where they overlap they add up. */
  readonly bands?: readonly PlotBand[];
  /** Whether the lines are shares, drawn as areas on top of each other. */
  readonly stacked?: boolean;
  /** Bounds of the ordinates; those of the data where left out. */
  readonly range?: readonly [number, number];
}

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 12;
const BOTTOM = 28;
const LEGEND_ROW = 18;
/** About what a letter is wide at 12 pixels; legends wrap by it. */
const LETTER = 6.9;
const BAND_OPACITY = 0.2;
const AREA_OPACITY = 0.75;
const Y_TICKS = 5;
const X_TICKS = 4;

/** What a file needs that a page has in its style sheet. */
const STYLE = "svg{color:#333}text{font:12px system-ui,sans-serif;fill:#333}" +
  ".y{text-anchor:end;dominant-baseline:middle}.x{text-anchor:middle}.first{text-anchor:start}" +
  ".last{text-anchor:end}.title{font-weight:600}.grid{stroke:#8884}";

/**
 * Draws a plot as a figure for a page.
 *
 * @param plot What it shows.
 * @returns The HTML element.
 */
export function svgPlot(plot: Plot): string {
  const { body, height } = drawing(plot, 0);
  return `<figure><figcaption>${escape(plot.title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(plot.title)}">` +
    `${body}</svg></figure>`;
}

/**
 * Draws a plot as an SVG file, title included.
 *
 * @param plot What it shows.
 * @returns The file's text.
 */
export function svgFile(plot: Plot): string {
  const title = escape(plot.title);
  const { body, height } = drawing(plot, LEGEND_ROW + 4);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" role="img" aria-label="${title}">` +
    `<style>${STYLE}</style><rect width="${WIDTH}" height="${height}" fill="#fff"/>` +
    `<text x="${LEFT}" y="18" class="title">${title}</text>${body}</svg>\n`;
}

/** The plot below `head`, and how high it came out. */
function drawing(plot: Plot, head: number): { body: string; height: number } {
  const { x, bands = [] } = plot;
  if (x.length === 0) return { body: "", height: head };
  const lines = plot.stacked ? pile(plot.lines) : plot.lines;
  const [legend, legendHeight] = drawLegend(plot, head);
  const top = head + legendHeight + 8;
  const bottom = top + HEIGHT - LEGEND_ROW - BOTTOM;
  const ordinates = [...lines, ...bands.flatMap(({ low, high }) => [{ y: low }, { y: high }])]
    .flatMap(({ y }) => y).filter(Number.isFinite);
  const [low, high] = plot.range ??
    [least(ordinates, Infinity, Math.min), least(ordinates, -Infinity, Math.max)];
  const first = x[0];
  const span = x[x.length - 1] - first || 1;
  const across = (value: number): string =>
    (LEFT + (WIDTH - LEFT - RIGHT) * (value - first) / span).toFixed(1);
  const up = (value: number): string =>
    (bottom - (bottom - top) * (value - low) / (high - low || 1)).toFixed(1);

  const parts: string[] = [];
  for (const y of roundTicks(low, high)) {
    parts.push(`<path class="grid" d="M${LEFT} ${up(y)}H${WIDTH - RIGHT}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${up(y)}" class="y">${y}</text>`);
  }
  // Labels stand at abscissae that there are: a step or a round has no halves.
  const last = x.length - 1;
  const labelled = new Set(
    Array.from({ length: X_TICKS + 1 }, (_, k) => Math.round(k * last / X_TICKS)),
  );
  for (const k of labelled) {
    const anchor = k === 0 ? "x first" : k === last ? "x last" : "x";
    const label = escape(plot.xLabel(x[k]));
    parts.push(`<text x="${across(x[k])}" y="${bottom + 20}" class="${anchor}">${label}</text>`);
  }
  const area = (from: readonly number[], to: readonly number[], paint: string): void => {
    for (const [start, end] of stretches(x.map((_, k) => from[k] + to[k]))) {
      const points: string[] = [];
      for (let k = start; k < end; k++) points.push(`${across(x[k])},${up(to[k])}`);
      for (let k = end - 1; k >= start; k--) points.push(`${across(x[k])},${up(from[k])}`);
      parts.push(`<polygon points="${points.join(" ")}" ${paint}/>`);
    }
  };
  for (const { low: from, high: to, colour } of bands) {
    area(from, to, `fill="${colour}" opacity="${BAND_OPACITY}"`);
  }
  lines.forEach(({ y, colour, dashed }, k) => {
    if (plot.stacked) {
      const below = lines[k - 1]?.y ?? y.map(() => 0);
      area(below, y, `fill="${colour}" opacity="${AREA_OPACITY}"`);
      return;
    }
    const path = stretches(y).map(([start, end]) => {
      const points = x.slice(start, end).map((at, j) => `${across(at)} ${up(y[start + j])}`);
      return `M${points.join("L")}`;
    }).join("");
    const dash = dashed ? ' stroke-dasharray="5 4"' : "";
    parts.push(
      `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${dash}/>`,
    );
  });
  return { body: legend + parts.join(""), height: bottom + BOTTOM };
}

/** The legend, wrapped where it would leave the picture, and its height. */
function drawLegend(plot: Plot, top: number): [string, number] {
  const parts: string[] = [];
  let at = LEFT;
  let row = 0;
  const entry = (name: string, mark: (x: number, y: number) => string): void => {
    const width = 20 + LETTER * name.length;
    if (at > LEFT && at + width > WIDTH - RIGHT) {
      at = LEFT;
      row++;
    }
    const y = top + row * LEGEND_ROW;
    parts.push(mark(at, y + 4), `<text x="${at + 15}" y="${y + 13}">${escape(name)}</text>`);
    at += width + 8;
  };
  for (const { name, colour, dashed } of plot.lines) {
    if (name === "") continue;
    entry(
      name,
      (x, y) =>
        dashed
          ? `<path d="M${x} ${
            y + 5
          }h11" stroke="${colour}" stroke-width="2" stroke-dasharray="4 3"/>`
          : `<rect x="${x}" y="${y}" width="10" height="10" fill="${colour}"/>`,
    );
  }
  plot.bands?.forEach(({ name, colour }, k) => {
    // Narrower bands lie on wider ones, so they look as dark as all of them together.
    const opacity = (1 - (1 - BAND_OPACITY) ** (k + 1)).toFixed(2);
    entry(
      name,
      (x, y) =>
        `<rect x="${x}" y="${y}" width="10" height="10" fill="${colour}" opacity="${opacity}"/>`,
    );
  });
  return [parts.join(""), (row + 1) * LEGEND_ROW];
}

/** Each line on top of those before it. */
function pile(lines: readonly PlotLine[]): PlotLine[] {
  const piled: PlotLine[] = [];
  for (const line of lines) {
    const below = piled.at(-1);
    piled.push({ ...line, y: line.y.map((value, k) => value + (below?.y[k] ?? 0)) });
  }
  return piled;
}

/** Where values are finite: first and one past the last of each stretch. */
function stretches(y: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let k = 0; k <= y.length; k++) {
    if (k < y.length && Number.isFinite(y[k])) {
      if (start < 0) start = k;
    } else if (start >= 0) {
      found.push([start, k]);
      start = -1;
    }
  }
  return found;
}

/** Round numbers between two bounds, about as many as fit. */
function roundTicks(low: number, high: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return Number.isFinite(low) ? [low] : [];
  const rough = span / Y_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) {
    ticks.push(Number((k * step).toPrecision(6)));
  }
  return ticks;
}

function least(
  values: readonly number[],
  start: number,
  pick: (a: number, b: number) => number,
): number {
  return values.reduce((found, value) => pick(found, value), start);
}

/** Makes text safe inside HTML and its attributes. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
