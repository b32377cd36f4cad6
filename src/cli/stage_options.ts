import {
  AsOfJoin,
  type Covariate,
  marketHours,
  Resampler,
  type StatusListener,
  TARGET_FEATURE,
  type Tick,
  TickOrder,
  type TickStage,
} from "../../streams/mod.ts";
import type { Config } from "./config_schema.ts";
import { parseDuration } from "./duration.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** The options of every command that brings ticks to steps. */
export const STAGE_OPTIONS = {
  every: {
    kind: "string",
    placeholder: "DURATION",
    description: "Bring ticks to a grid of such steps: 500ms, 1s, 5m, 1h; else a tick is a step",
  },
  how: {
    kind: "string",
    choices: ["last", "mean", "sum", "ohlc"],
    description: "With --every: how the ticks of a step become one [last]",
  },
  lateness: {
    kind: "string",
    placeholder: "DURATION",
    description: "Wait so long for ticks that come out of order; later ones are counted",
  },
  features: {
    kind: "list",
    placeholder: "NAMES",
    description: "Features of a tick beside its value that help to forecast it, such as volume",
  },
} as const;

/** What of a configuration decides how ticks become steps. */
export type StageConfig = Pick<Config, "order" | "grid" | "covariates" | "features" | "series">;

/** What a command line says of it, over what a configuration says. */
export function stageConfig(
  options: OptionValues<typeof STAGE_OPTIONS>,
  config: StageConfig = {},
): StageConfig {
  const { every, lateness } = options;
  const how = options.how as "last" | "mean" | "sum" | "ohlc" | undefined;
  for (const [name, text] of Object.entries({ every, lateness })) {
    if (text === undefined || parseDuration(text) > 0) continue;
    throw new UsageError(`--${name}: expected a duration such as 500ms, 1s or 5m, got "${text}"`);
  }
  const grid = every === undefined ? config.grid : { ...config.grid, every };
  if (how !== undefined && grid === undefined) throw new UsageError("--how needs --every");
  return {
    ...config,
    features: options.features.length > 0 ? [...options.features] : config.features,
    order: lateness === undefined ? config.order : { ...config.order, lateness },
    grid: grid === undefined || how === undefined ? grid : { ...grid, how },
  };
}

/** The features of each step, the target first. */
export function featuresOf({ features = [], covariates = {} }: StageConfig): string[] {
  return [TARGET_FEATURE, ...features, ...Object.keys(covariates)];
}

/**
 * The stations that a configuration puts before the forecaster: order, join, grid.
 *
 * @param onLate Takes ticks that came too late.
 */
export function openStages(
  config: StageConfig,
  onStatus: StatusListener,
  onLate?: (tick: Tick) => void,
): TickStage[] {
  const { order, grid, covariates, series } = config;
  const stages: TickStage[] = [
    new TickOrder({
      latenessMs: order?.lateness === undefined ? 0 : parseDuration(order.lateness),
      jumpMs: order?.jump === undefined ? undefined : parseDuration(order.jump),
      onLate,
      onStatus,
    }),
  ];
  if (covariates !== undefined) {
    const taken = Object.entries(covariates).map(([name, { maxAge, ...from }]): [
      string,
      Covariate,
    ] => [name, { ...from, ageMsMax: maxAge === undefined ? undefined : parseDuration(maxAge) }]);
    stages.push(new AsOfJoin({ covariates: Object.fromEntries(taken) }));
  }
  if (series !== undefined) stages.push(new Chosen(series));
  if (grid !== undefined) {
    const { how = "last", hours } = grid;
    // A covariate is already what it was as of its tick; to add it up would make it something else.
    const own = typeof how === "string"
      ? Object.fromEntries([TARGET_FEATURE, ...config.features ?? []].map((name) => [name, how]))
      : how;
    stages.push(
      new Resampler({
        everyMs: parseDuration(grid.every),
        how: own,
        offsetMs: grid.offset === undefined ? 0 : parseDuration(grid.offset),
        open: hours === undefined ? undefined : marketHours(hours),
        onStatus,
      }),
    );
  }
  return stages;
}

/** Lets only some series pass: the others only helped. */
class Chosen implements TickStage {
  readonly #series: ReadonlySet<string>;

  constructor(series: Iterable<string>) {
    this.#series = new Set(series);
  }

  push(ticks: readonly Tick[]): Tick[] {
    return ticks.filter((tick) => this.#series.has(tick.series));
  }

  flush(): Tick[] {
    return [];
  }

  snapshot(): Record<string, unknown> {
    return {};
  }

  restore(): void {}
}
