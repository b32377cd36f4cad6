import { ExponentialSmoothing } from "./exponential_smoothing.ts";
import type { Expert, ExpertContext } from "./expert.ts";
import { LagLinear } from "./lag_linear.ts";
import { LastValue } from "./last_value.ts";
import { Seasonal } from "./seasonal.ts";
import { SeasonalLinear } from "./seasonal_linear.ts";

/** The experts that can be asked for by name. */
export type ExpertName =
  | "last_value"
  | "seasonal_naive"
  | "seasonal_median"
  | "seasonal_growth"
  | "smoothing"
  | "linear"
  | "linear_small"
  | "linear_covariates"
  | "seasonal_linear"
  | "seasonal_linear_waves";

const LONG_MEMORY = 0.9998;

const makers: Record<ExpertName, (context: ExpertContext) => Expert> = {
  last_value: (context) => new LastValue(context),
  seasonal_naive: (context) => new Seasonal(context, "naive"),
  seasonal_median: (context) => new Seasonal(context, "median"),
  seasonal_growth: (context) => new Seasonal(context, "growth"),
  smoothing: (context) => new ExponentialSmoothing(context),
  linear: (context) =>
    new LagLinear(context, { lags: 96, harmonics: 2, forgetting: LONG_MEMORY, ridge: 10 }),
  linear_small: (context) =>
    new LagLinear(context, { lags: 12, harmonics: 2, forgetting: 0.999, ridge: 1 }),
  linear_covariates: (context) =>
    new LagLinear(context, {
      ...{ lags: 12, harmonics: 2, forgetting: LONG_MEMORY, ridge: 1 },
      covariateLags: 12,
    }),
  seasonal_linear: (context) =>
    new SeasonalLinear(context, { lags: 3, harmonics: 0, forgetting: LONG_MEMORY, ridge: 0.01 }),
  seasonal_linear_waves: (context) =>
    new SeasonalLinear(context, { lags: 3, harmonics: 3, forgetting: 0.9999, ridge: 0.1 }),
};

/** Every expert that forecasts a series from itself. */
export const ALL_EXPERTS: readonly ExpertName[] = (Object.keys(makers) as ExpertName[])
  .filter((name) => name !== "linear_covariates");

/** Cheap experts, for thousands of series at high rates. */
export const LIGHT_EXPERTS: readonly ExpertName[] = [
  "last_value",
  "seasonal_naive",
  "linear_small",
];

/**
 * The experts where nothing else is said: all of them, and one that looks at covariates where there are
 * any. It stands beside the others, so that covariates that tell nothing cost next to nothing.
 *
 * @param covariates Features beside the target.
 */
export function defaultExperts(covariates: number): readonly ExpertName[] {
  return covariates > 0 ? [...ALL_EXPERTS, "linear_covariates"] : ALL_EXPERTS;
}

/**
 * Makes an expert for one series.
 * @param name Which.
 * @param context The series.
 */
export function makeExpert(name: ExpertName, context: ExpertContext): Expert {
  return makers[name](context);
}
