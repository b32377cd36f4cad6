import type uPlot from "uplot";
import type { StatusMessage } from "../messages.ts";
import type { DashboardParts } from "../script.ts";
import type { Line, Mark } from "./charts.ts";
import type { History } from "./history.ts";

/** Puts the page together and keeps it up to date. Stands on its own: see script.ts. */
export function startDashboard(parts: DashboardParts, Plot: typeof uPlot): void {
  /** The page is drawn at most so often, however fast the feed: the eye sees no more. */
  const REFRESH_MS = 250;
  const STATUS_MS = 2000;
  const EXPERT_COLOURS = 12;

  const find = <T extends HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;
  const format = parts.makeFormat();
  const panels = parts.makePanels(format);
  const api = parts.makeApi(askToken);
  const charts = parts.makeCharts(Plot, format);
  const picker = parts.makePicker(api, format, (name) => location.hash = encodeURIComponent(name));

  const write = (value: number | null): string => format.share(value);
  const main = charts.forecast(find("#forecast-chart"));
  const skill = charts.lines(find("#skill-chart"), { time: true, write, range: [0, 0] });
  const coverage = charts.lines(find("#coverage-chart"), { time: true, write, range: [0.75, 1] });
  const mixture = charts.lines(find("#weights-chart"), { time: true, write, stacked: true });
  const learning = charts.lines(find("#learning-chart"), {
    time: false,
    xLabel: "round",
    write: (value) => format.value(value),
  });
  const drawn = [main, skill, coverage, mixture, learning];

  let series = "";
  let history: History | undefined;
  let status: StatusMessage | undefined;
  let unfollow = (): void => {};
  let rung = false;
  let pumping = false;

  /** Shows the form for a token until one is given. */
  function askToken(): Promise<string> {
    const form = find<HTMLFormElement>("#token-form");
    const input = find<HTMLInputElement>("#token");
    form.hidden = false;
    input.focus();
    return new Promise((resolve) => {
      form.onsubmit = (event): void => {
        event.preventDefault();
        form.hidden = true;
        resolve(input.value.trim());
        input.value = "";
      };
    });
  }

  function fail(error: unknown): void {
    find("#problem").textContent = error instanceof Error ? error.message : String(error);
    find("#problem").hidden = false;
  }

  const chosen = (name: string): string =>
    find<HTMLInputElement>(`input[name="${name}"]:checked`).value;

  function draw(): void {
    if (history === undefined || document.hidden) return;
    const ahead = chosen("ahead") as "first" | "last";
    main.draw({ history, ahead, steps: Number(chosen("steps")), marks: marks(history) });
    panels.showSeries(history.latest);
    drawScores(history, ahead);
    drawWeights(history, ahead);
    noteAhead(ahead, history.latest.forecast.horizon.length);
  }

  const setEmpty = (id: string, empty: boolean): boolean =>
    find(`#${id}`).classList.toggle("empty", empty);

  function drawScores({ trend, latest }: History, ahead: "first" | "last"): void {
    const rows = trend?.time.length ?? 0;
    setEmpty("skill-chart", rows < 2);
    setEmpty("coverage-chart", rows < 2);
    if (trend === undefined || rows < 2) return;
    const x = trend.time as number[];
    const steady = (value: number): number[] => x.map(() => value);
    const horizon = latest.forecast.horizon.length;
    const skills: Line[] = [{ label: "1 step ahead", colour: "--fan", values: trend.firstSkill }];
    if (horizon > 1) {
      const label = `${horizon} steps ahead`;
      skills.push({ label, colour: "--past", values: trend.lastSkill });
    }
    skills.push({ label: "As good as naive", colour: "--ink-2", dashed: true, values: steady(0) });
    skill.draw({ x, lines: skills });
    coverage.draw({
      x,
      lines: [
        { label: "90 % band", colour: "--fan", values: trend[`${ahead}Coverage90`] },
        { label: "80 % band", colour: "--past", values: trend[`${ahead}Coverage80`] },
        { label: "Promised", colour: "--ink-2", dashed: true, values: steady(0.9) },
        { label: "", colour: "--ink-2", dashed: true, values: steady(0.8) },
      ],
    });
  }

  function drawWeights(shown: History, ahead: "first" | "last"): void {
    const { weights, columns, latest: { experts } } = shown;
    // Those of long ago, before a batch was caught up on, would squeeze the rest together.
    const since = columns.time[0] ?? 0;
    const from = weights?.time.findIndex((time) => (time ?? 0) >= since) ?? -1;
    const rows = weights === undefined || from < 0 ? 0 : weights.time.length - from;
    setEmpty("weights-chart", rows < 2 || experts.length === 0);
    find("#weights-chart .nothing").textContent = experts.length === 0
      ? "This forecaster mixes no experts."
      : "Weights appear as ticks come in.";
    if (weights === undefined || rows < 2 || experts.length === 0) return;
    const lines = experts.map((label, index) => ({
      label: label.replaceAll("_", " "),
      colour: `--expert-${index % EXPERT_COLOURS}`,
      values: weights[ahead][index].slice(from),
    }));
    mixture.draw({ x: weights.time.slice(from) as number[], lines });
  }

  function noteAhead(ahead: "first" | "last", horizon: number): void {
    const text = ahead === "first" || horizon === 1 ? "1 step ahead" : `${horizon} steps ahead`;
    for (const element of document.querySelectorAll(".ahead-note")) element.textContent = text;
  }

  /** What happened to the series, by the times of its ticks: drift, and new parameters. */
  function marks({ columns, step, length }: History): Mark[] {
    const { time, parameters } = columns;
    const found: Mark[] = [];
    for (const event of status?.events ?? []) {
      if (event.kind !== "drift" || event.series !== series || event.step === undefined) continue;
      const index = length - 1 - (step - event.step);
      const at = time[index];
      if (at !== null && at !== undefined) {
        found.push({ time: at, label: "drift", colour: "--alert" });
      }
    }
    for (let index = 1; index < length; index++) {
      const at = time[index];
      if (parameters[index] === parameters[index - 1] || at === null) continue;
      found.push({ time: at, label: `parameters ${parameters[index]}`, colour: "--fan" });
    }
    return found;
  }

  function drawLearning({ learner }: StatusMessage): void {
    const run = learner?.runs.findLast(({ curve }) => curve.length > 0);
    setEmpty("learning-chart", run === undefined);
    if (run === undefined) return;
    learning.draw({
      x: run.curve.map((_, index) => index + 1),
      lines: [
        {
          label: "Training loss",
          colour: "--past",
          values: run.curve.map((round) => round.training),
        },
        {
          label: "Validation loss",
          colour: "--fan",
          values: run.curve.map((round) => round.validation),
        },
      ],
    });
  }

  /** Fetches what is new; without a beginning, or when the server began anew, everything. */
  async function refresh(): Promise<void> {
    const asked = series;
    const message = await api.history(asked, history?.step ?? -1);
    if (asked !== series) return;
    if (history === undefined) history = parts.makeHistory(message);
    else if (!history.merge(message)) {
      history = undefined;
      return ring();
    }
    find("#problem").hidden = true;
    draw();
  }

  /** Something is new: fetch it, now or when the refresh under way is done, and not too often. */
  function ring(): void {
    rung = true;
    if (!pumping) void pump();
  }

  async function pump(): Promise<void> {
    pumping = true;
    while (rung) {
      rung = false;
      try {
        await refresh();
      } catch (error) {
        fail(error);
      }
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
    pumping = false;
  }

  function choose(name: string): void {
    if (name === series) return;
    unfollow();
    series = name;
    history = undefined;
    picker.show(name);
    find("#series-panel").hidden = false;
    find("#waiting").hidden = true;
    unfollow = api.follow(name, ring, (open) => panels.showLive(open ? "live" : "polling"));
    ring();
  }

  /** The series that the address names, or the first there is. */
  async function start(): Promise<void> {
    let named = decodeURIComponent(location.hash.slice(1));
    while (named === "") {
      named = (await api.scores("", 1)).series[0]?.series ?? "";
      find("#waiting").hidden = named !== "";
      if (named === "") await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
    choose(named);
  }

  async function keepStatus(): Promise<void> {
    for (;;) {
      try {
        status = await api.status();
        if (!document.hidden) {
          panels.showStatus(status);
          drawLearning(status);
        }
      } catch (error) {
        panels.showLive("offline");
        fail(error);
      }
      await new Promise((resolve) => setTimeout(resolve, STATUS_MS));
    }
  }

  addEventListener("hashchange", () => {
    const named = decodeURIComponent(location.hash.slice(1));
    if (named !== "") choose(named);
  });
  document.addEventListener("visibilitychange", ring);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of drawn) chart.redraw();
  });
  for (const input of document.querySelectorAll("input[type=radio]")) {
    input.addEventListener("change", draw);
  }
  void start().catch(fail);
  void keepStatus();
}
