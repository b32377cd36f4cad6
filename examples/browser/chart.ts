import type { Forecast } from "@tickcast/tickcast";
import uPlot from "uplot";

/** Values of the past that are drawn. */
const PAST = 240;
const HEIGHT = 380;

/** The latest values and the forecast after them, drawn at most once a frame. */
export class ForecastChart {
  readonly #plot: uPlot;
  readonly #times: number[] = [];
  readonly #values: number[] = [];
  #forecast: Forecast | undefined;
  #asked = false;

  /** @param parent Where it is drawn. */
  constructor(parent: HTMLElement) {
    const style = getComputedStyle(document.documentElement);
    // Resolves light-dark() to the colour of now.
    const colour = (name: string): string => {
      const probe = document.createElement("i");
      probe.style.color = style.getPropertyValue(name);
      parent.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    };
    const forecast = colour("--forecast");
    const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 } };
    this.#plot = new uPlot(
      {
        width: parent.clientWidth,
        height: HEIGHT,
        cursor: { points: { show: false } },
        axes: [axis, { ...axis, size: 72 }],
        series: [
          {},
          { label: "Value", stroke: colour("--value"), width: 1.5, points: { show: false } },
          { label: "Forecast", stroke: forecast, width: 2, points: { show: false } },
          { label: "5 %", stroke: forecast, width: 0.5, points: { show: false } },
          { label: "95 %", stroke: forecast, width: 0.5, points: { show: false } },
        ],
        bands: [{
          series: [4, 3],
          fill: forecast.replace("rgb(", "rgba(").replace(")", ", 0.18)"),
        }],
      },
      [[], [], [], [], []],
      parent,
    );
    new ResizeObserver(() => this.#plot.setSize({ width: parent.clientWidth, height: HEIGHT }))
      .observe(parent);
  }

  /** Takes a value in. */
  push(time: number, value: number): void {
    this.#times.push(time / 1000);
    this.#values.push(value);
    if (this.#times.length > PAST) {
      this.#times.shift();
      this.#values.shift();
    }
  }

  /** Draws the values and what is expected after them. */
  show(forecast: Forecast): void {
    // After a single tick nobody knows how long a step is.
    if (forecast.step === 0) return;
    this.#forecast = forecast;
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { times, mean, levels, quantiles } = this.#forecast!;
    const past = this.#times.map(() => null);
    const level = (value: number): (number | null)[] => {
      const at = levels.indexOf(value);
      return [...past, ...Array.from(mean, (_, h) => quantiles[h * levels.length + at])];
    };
    this.#plot.setData([
      [...this.#times, ...Array.from(times, (time) => time / 1000)],
      [...this.#values, ...Array.from(mean, () => null)],
      [...past, ...mean],
      level(0.05),
      level(0.95),
    ]);
  }
}
