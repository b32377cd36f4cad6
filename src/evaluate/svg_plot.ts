/** A line over x; gaps where y is not finite. */
export interface PlotLine {
  /** What it is called in the legend. */
  readonly name: string;
  /** CSS colour. */
  readonly colour: string;
  /** Ordinates, one an abscissa. */
  readonly y: readonly number[];
}

/** A shaded band between two ordinates. */
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
  /** The band, drawn below the lines. */
  readonly band?: PlotBand;
  /** Bounds of the ordinates; those of the data where left out. */
  readonly range?: readonly [number, number];
}

const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 70;
const BOTTOM = 30;
const TOP = 34;

/** What a file needs that a page has in its style sheet. */
const STYLE = "text{font:11px system-ui,sans-serif;fill:#333}.y{text-anchor:end;" +
  "dominant-baseline:middle}.x{text-anchor:middle}.last{text-anchor:end}.title{text-anchor:end;font-weight:600}" +
  ".grid{stroke:#8884}";

/**
 * Draws a plot as a figure for a page.
 *
 * @param plot What it shows.
 * @returns The HTML element.
 */
export function svgPlot(plot: Plot): string {
  return `<figure><figcaption>${escape(plot.title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(plot.title)}">` +
    `${drawing(plot)}</svg></figure>`;
}

/**
 * Draws a plot as an SVG file, title included.
 *
 * @param plot What it shows.
 * @returns The file's text.
 */
export function svgFile(plot: Plot): string {
  const title = escape(plot.title);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${title}">` +
    `<style>${STYLE}</style><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>` +
    `${drawing(plot)}<text x="${WIDTH - 10}" y="${TOP - 5}" class="title">${title}</text></svg>\n`;
}

function drawing(plot: Plot): string {
  const { x, lines, band } = plot;
  const ordinates = [...lines.flatMap(({ y }) => y), ...band?.low ?? [], ...band?.high ?? []]
    .filter(Number.isFinite);
  const low = plot.range?.[0] ?? Math.min(...ordinates);
  const high = plot.range?.[1] ?? Math.max(...ordinates);
  const first = x[0] ?? 0;
  const span = (x.at(-1) ?? 1) - first || 1;
  const across = (value: number): string =>
    (LEFT + (WIDTH - LEFT - 10) * (value - first) / span).toFixed(1);
  const up = (value: number): string =>
    (HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low || 1)).toFixed(1);
  const path = (y: readonly number[]): string => {
    let drawn = "";
    let pen = "M";
    y.forEach((value, k) => {
      if (Number.isFinite(value)) drawn += `${pen}${across(x[k])} ${up(value)}`;
      pen = Number.isFinite(value) ? "L" : "M";
    });
    return drawn;
  };
  const parts: string[] = [];
  for (let tick = 0; tick <= 4; tick++) {
    const y = low + (high - low) * tick / 4;
    parts.push(`<path class="grid" d="M${LEFT} ${up(y)}H${WIDTH - 10}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${up(y)}" class="y">${Number(y.toPrecision(3))}</text>`);
    const at = first + span * tick / 4;
    const label = escape(plot.xLabel(at));
    const anchor = tick === 4 ? "x last" : "x";
    parts.push(`<text x="${across(at)}" y="${HEIGHT - 10}" class="${anchor}">${label}</text>`);
  }
  if (band !== undefined) {
    const forward = x.map((value, k) => `${across(value)},${up(band.high[k])}`);
    const back = x.map((value, k) => `${across(value)},${up(band.low[k])}`).reverse();
    const points = [...forward, ...back].join(" ");
    parts.push(`<polygon points="${points}" fill="${band.colour}" opacity="0.25"/>`);
  }
  for (const { y, colour } of lines) {
    parts.push(`<path d="${path(y)}" fill="none" stroke="${colour}" stroke-width="1.4"/>`);
  }
  let at = LEFT;
  for (const { name, colour } of [...lines, ...band ? [band] : []]) {
    parts.push(`<rect x="${at}" y="${TOP - 14}" width="10" height="10" fill="${colour}"/>`);
    parts.push(`<text x="${at + 14}" y="${TOP - 5}">${escape(name)}</text>`);
    at += 26 + 6.5 * name.length;
  }
  return parts.join("");
}

/** Makes text safe inside HTML and its attributes. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
