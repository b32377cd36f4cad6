// The protocols of docs/accuracy.md: each is one command line, with defaults only.

/** One row of the tables. */
export interface Protocol {
  /** Which table it belongs to. */
  readonly data: string;
  /** Steps ahead. */
  readonly horizon: number;
  /** What follows `tickcast evaluate`; the file lies in the data folder. */
  readonly args: readonly string[];
  /** What the issue demands, and what is aimed at: upper bounds, by score. */
  readonly bounds: Readonly<Record<string, number>>;
  /** Whether it is a price, which is held against the random walk. */
  readonly price?: boolean;
}

const CSV = {
  taxi: "nyc_taxi.csv --time timestamp --value passenger_count --skip-rows 2",
  ett: (station: number): string =>
    `ETTh${station}.csv --time date --target-columns all --standardise-on 2880 --score-from 3599 ` +
    "--rows 14400",
  machine: "machine_temperature_system_failure.csv --time timestamp --value value",
  jena: "weather_jena2020.csv.gz --time date",
  seattle: "seattle-weather.csv --time date",
  bitcoin: "btc-perp-20211231-20220201_1m.csv.gz --time timestamp --value close",
  stocks: "sp500-2000.csv --time date --value close",
  airline: "airline-passengers.csv --time month --value passengers",
};

function protocol(
  data: string,
  line: string,
  horizon: number,
  bounds: Readonly<Record<string, number>> = {},
  price = false,
): Protocol {
  return { data, horizon, args: [...words(line), "--horizon", `${horizon}`], bounds, price };
}

/** Splits a line at its blanks, except within brackets: `T (degC)` is one column. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}

/** What is scored. */
export const PROTOCOLS: readonly Protocol[] = [
  protocol("nyc_taxi", `${CSV.taxi} --score-from 10000 --score-to 17514`, 5, {
    mape: 0.0579,
    nrmse: 0.206,
    crps: 658,
  }),
  protocol("ETTh1", CSV.ett(1), 1),
  protocol("ETTh1", CSV.ett(1), 24),
  protocol("ETTh1", CSV.ett(1), 48),
  protocol("ETTh2", CSV.ett(2), 1, { mse: 0.365 }),
  protocol("ETTh2", CSV.ett(2), 24, { mse: 1.77 }),
  protocol("ETTh2", CSV.ett(2), 48, { mse: 2.85 }),
  protocol("machine_temperature", `${CSV.machine} --score-from 4032`, 1, { mae: 0.845 }),
  protocol("machine_temperature", `${CSV.machine} --score-from 4032`, 12, { mae: 2.159 }),
  protocol("machine_temperature", `${CSV.machine} --score-from 4032`, 72, { mae: 5.898 }),
  protocol("jena", `${CSV.jena} --value "T (degC)"`, 1),
  protocol("jena", `${CSV.jena} --value "T (degC)"`, 6, { mae: 0.564 }),
  protocol("jena", `${CSV.jena} --value "T (degC)"`, 36, { mae: 2.23 }),
  ...[1, 3, 7].map((h) => protocol("seattle", `${CSV.seattle} --value temp_max`, h)),
  ...[1, 5, 15, 60].map((h) => protocol("btc", CSV.bitcoin, h, {}, true)),
  protocol("sp500", CSV.stocks, 1, {}, true),
  protocol("airline", `${CSV.airline} --order forecast-first --score-from 12`, 3, { mae: 30.4 }),
];

/**
 * What defaults were compared on: rows before the scored segments, and columns that are not scored.
 * docs/accuracy.md tells where the scored rows had a part in it all the same.
 */
export const DEVELOPMENT: readonly Protocol[] = [
  protocol("nyc_taxi", `${CSV.taxi} --rows 10000 --score-from 5000`, 5),
  ...[6, 36].flatMap((h) =>
    ["p (mbar)", "rh (%)", "wv (m/s)"].map((column) =>
      protocol(`jena ${column}`, `${CSV.jena} --rows 20000 --value "${column}"`, h)
    )
  ),
  ...["temp_min", "wind"].flatMap((column) =>
    [1, 7].map((h) => protocol(`seattle ${column}`, `${CSV.seattle} --value ${column}`, h))
  ),
  ...[1, 15, 60].map((h) =>
    protocol("btc", `${CSV.bitcoin} --rows 9000 --score-from 3000`, h, {}, true)
  ),
  protocol("sp500", `${CSV.stocks} --rows 1021 --score-from 300`, 1, {}, true),
  ...[1, 24].map((h) =>
    protocol(
      "ETTh2",
      "ETTh2.csv --time date --target-columns all --standardise-on 1000 --score-from 1500 --rows 3600",
      h,
    )
  ),
  ...[12, 72].map((h) => protocol("machine_temperature", `${CSV.machine} --rows 4032`, h)),
];
