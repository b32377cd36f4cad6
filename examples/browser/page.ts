/**
 * Forecasts a feed entirely in the tab: ticks come by a Web Stream, the network steps on WASM or the GPU,
 * whichever is faster here, and is trained in a Worker of the tab. No server takes part.
 *
 * The query says what is forecast: nothing for a recording that is played back, or
 * `?feed=wss://HOST/PATH&value=PATH&time=PATH&series=NAME` for a live WebSocket feed. `&backend=wasm` or
 * `webgpu` decides where the network steps.
 */
import {
  type Forecast,
  OnlineForecaster,
  openNetwork,
  type OpenNetworkOptions,
  Pipeline,
  type Status,
  type Tick,
} from "@tickcast/tickcast";
import { csvSource, jsonFeed, webSocketSource } from "@tickcast/tickcast/streams";
import { ForecastChart } from "./chart.ts";
import { Score } from "./score.ts";

const HORIZON = 10;
/** Recorded days played in a second. */
const DAYS_PER_SECOND = 100;
const DAY_SECONDS = 86_400;

const query = new URLSearchParams(location.search);
const show = (id: string, text: string): void => {
  document.getElementById(id)!.textContent = text;
};

function onStatus(status: Status): void {
  switch (status.kind) {
    case "retraining":
      return show("status", `Tick ${status.sequence}: retraining in a Worker (${status.why})`);
    case "promoted":
      show("version", `${status.version} ×`);
      return show("status", `Tick ${status.sequence}: better weights swapped in`);
    case "candidate-rejected":
      return show("status", `Tick ${status.sequence}: new weights left out, ${status.why}`);
    case "device-lost":
      return show("device", `${status.backend} is lost, the CPU goes on: ${status.detail}`);
    case "reconnecting":
      return show("status", `${status.why}; again in ${Math.round(status.delayMs / 1000)} s`);
    case "rejected":
      return show("status", status.detail);
    case "ended":
      return show("status", "The recording has ended");
  }
}

/** What is forecast. */
function openFeed(): ReadableStream<readonly Tick[]> {
  const url = query.get("feed");
  if (url === null) {
    show("feed", "Births in the USA from 2000 to 2014, played back a hundred days a second");
    const input = new URL("births.csv", location.href);
    const speed = DAYS_PER_SECOND * DAY_SECONDS;
    return csvSource({ input, time: "day", value: "births", speed, onStatus });
  }
  show("feed", url);
  const protocol = jsonFeed({
    valuePath: query.get("value") ?? undefined,
    timePath: query.get("time") ?? undefined,
    series: query.get("series") ?? undefined,
  });
  return webSocketSource({ url, protocol, onStatus });
}

const network = await openNetwork({
  horizon: HORIZON,
  hiddenSize: 32,
  backend: (query.get("backend") ?? "auto") as OpenNetworkOptions["backend"],
  allowFallbackAdapter: query.has("software-gpu"),
  onStatus,
});
show("device", network.learning.description);
show("ahead", String(HORIZON));
const forecaster = new OnlineForecaster({ horizon: HORIZON, guests: [network] });
const pipeline = new Pipeline({ forecaster });
const chart = new ForecastChart(document.getElementById("chart")!);
const score = new Score(HORIZON);

let ticks = 0;
let series: string | undefined;
for await (const all of openFeed()) {
  // One series is drawn, the first to be heard of.
  series ??= all[0]?.series;
  const batch = all.filter((tick) => tick.series === series);
  let latest: Forecast | undefined;
  for (const forecast of await pipeline.process(batch)) {
    const { value } = batch.find(({ time }) => time === forecast.time)!.values;
    score.take(value, forecast);
    chart.push(forecast.time, value);
    latest = forecast;
    ticks++;
  }
  if (latest === undefined) continue;
  chart.show(latest);
  show("ticks", String(ticks));
  if (score.count === 0) continue;
  show("error", score.error.toPrecision(4));
  show("naive", score.naiveError.toPrecision(4));
  show("covered", `${(100 * score.covered).toFixed(1)} %`);
}
