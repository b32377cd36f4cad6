import type { HistoryMessage, StatusMessage } from "../messages.ts";
import type { Format } from "./format.ts";

/** The parts of the page that are words and numbers. */
export interface Panels {
  /** The figures of the series at the top, and the forecast as a table. */
  showSeries(message: HistoryMessage): void;
  /** Events, feeds, learner and server. */
  showStatus(status: StatusMessage): void;
  /** Says whether forecasts come in live. */
  showLive(state: "live" | "polling" | "offline"): void;
}

/** Makes the panels. Stands on its own: see script.ts. */
export function makePanels(format: Format): Panels {
  const find = (id: string): HTMLElement => document.getElementById(id)!;

  /** Sets a text where it changed, so that screen readers and layout are left alone otherwise. */
  function set(id: string, text: string): void {
    const element = find(id);
    if (element.textContent !== text) element.textContent = text;
  }

  function element(tag: string, text: string, className = ""): HTMLElement {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className !== "") made.className = className;
    return made;
  }

  function row(cells: readonly (string | HTMLElement)[]): HTMLTableRowElement {
    const made = document.createElement("tr");
    for (const cell of cells) {
      const td = document.createElement("td");
      td.append(cell);
      made.append(td);
    }
    return made;
  }

  function toggle(id: string, present: boolean): void {
    find(id).hidden = !present;
    find(`${id}-empty`).hidden = present;
  }

  function quality(id: string, state: "good" | "bad" | ""): void {
    find(id).className = `figure ${state}`;
  }

  function showSeries({ series, forecast, scores }: HistoryMessage): void {
    const { horizon, time, value, mean, quantiles, flags } = forecast;
    const stepMs = horizon.length > 0 ? horizon[0] - time : 0;
    const steps = horizon.length;
    const [low, high] = [quantiles["0.05"], quantiles["0.95"]];
    document.title = `${series}: ${format.value(value)} · Tickcast`;
    set("series-title", series);
    set("now-value", format.value(value));
    set("now-time", `${format.time(time, stepMs)} UTC`);
    set("next-value", format.value(mean[0]));
    set(
      "next-band",
      low === undefined || high === undefined
        ? "no 90 % band"
        : `90 %: ${format.value(low[0])} to ${format.value(high[0])}`,
    );
    const first = scores.first.recent;
    const last = scores.last.recent;
    set("skill-first", format.share(first.skill));
    set(
      "skill-last",
      steps === 1
        ? "MAE against the last value"
        : `${steps} steps ahead: ${format.share(last.skill)}`,
    );
    quality("skill-first", first.skill === null ? "" : first.skill > 0 ? "good" : "bad");
    set("coverage-first", format.share(first.coverage90));
    set(
      "coverage-last",
      steps === 1 ? "should be 90 %" : `${steps} steps ahead: ${format.share(last.coverage90)}`,
    );
    set("mae-first", format.value(first.mae));
    set("mae-last", `naive: ${format.value(first.naiveMae)}`);
    set("flags", flags.length === 0 ? "Well" : flags.join(", "));
    const young = flags.every((flag) => flag === "warming-up");
    quality("flags", flags.length === 0 ? "good" : young ? "" : "bad");
    set("flags-note", `step ${format.count(forecast.step)}`);
    set("ahead-last", `${steps} ${steps === 1 ? "step" : "steps"}`);
    find("forecast-rows").replaceChildren(...horizon.map((at, index) =>
      row([
        `+${index + 1}`,
        format.time(at, stepMs),
        format.value(mean[index]),
        format.value(low?.[index]),
        format.value(high?.[index]),
      ])
    ));
  }

  function showFeeds({ feeds, time }: StatusMessage): void {
    toggle("feeds", feeds.length > 0);
    find("feed-rows").replaceChildren(...feeds.map((feed) => {
      const state = element("span", feed.state, `state ${feed.state}`);
      if (feed.detail !== "") state.title = feed.detail;
      const came = feed.lastMessageMs === null ? "–" : format.ago(time - feed.lastMessageMs);
      return row([feed.name, state, came, format.count(feed.reconnects)]);
    }));
  }

  let eventsKey = "";
  function showEvents({ events }: StatusMessage): void {
    toggle("events", events.length > 0);
    const key = JSON.stringify(events);
    if (key === eventsKey) return;
    eventsKey = key;
    find("events").replaceChildren(...events.map((event) => {
      const item = document.createElement("li");
      const where = event.series === undefined
        ? event.text
        : `${event.series}: ${event.text}${
          event.step === undefined ? "" : ` at step ${event.step}`
        }`;
      const at = element("time", format.clock(event.time));
      at.setAttribute("datetime", new Date(event.time).toISOString());
      item.append(at, element("span", event.topic, `topic ${event.topic}`), element("span", where));
      return item;
    }));
  }

  function showLearner({ learner }: StatusMessage): void {
    const runs = learner?.runs ?? [];
    toggle("learner", learner !== null);
    if (learner === null) return;
    const state = learner.frozen ? "frozen" : learner.training ? "retraining now" : "waiting";
    set("learner-note", `${learner.description} · parameters ${learner.version} · ${state}`);
    find("run-rows").replaceChildren(
      ...[...runs].reverse().map((run) =>
        row([
          format.count(run.endedAt),
          run.why,
          element("span", run.verdict, `state ${run.verdict}`),
          format.value(run.championLoss),
          format.value(run.candidateLoss),
        ])
      ),
    );
  }

  function showServer({ health, horizon, levels, learner, experts, version }: StatusMessage): void {
    const { store } = health;
    const rows: readonly [string, string][] = [
      ["State", health.ok ? "well" : health.detail ?? "unwell"],
      ["Backend", learner?.description ?? "CPU, no network"],
      ["Experts", experts.length === 0 ? "none" : String(experts.length)],
      ["Horizon", `${horizon} ${horizon === 1 ? "step" : "steps"}, ${levels.length} levels`],
      ["Series", format.count(health.series)],
      ["Ticks forecast from", format.count(health.applied)],
      ["Ticks waiting", format.count(health.waiting)],
      ["Journal", `${format.bytes(store.journalBytes)}${store.writable ? "" : ", not writable"}`],
      [
        "Last checkpoint",
        store.checkpoints.length === 0
          ? "none yet"
          : `after tick ${format.count(store.checkpoints.at(-1)!)}`,
      ],
      ["Tickcast", version],
    ];
    find("server").replaceChildren(...rows.flatMap(([name, value]) => [
      element("dt", name),
      element("dd", value),
    ]));
  }

  return {
    showSeries,
    showStatus(status): void {
      showFeeds(status);
      showEvents(status);
      showLearner(status);
      showServer(status);
    },
    showLive(state): void {
      const words = { live: "Live", polling: "Polling", offline: "No connection" };
      set("live", words[state]);
      find("live").className = `pill ${state}`;
    },
  };
}
