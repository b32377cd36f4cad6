// kill -9 at random moments, under live ingest: the real process, a real WebSocket, SQLite on a disk.
import { deepEqual, equal, fail, ok } from "node:assert/strict";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import {
  FORECASTER_OPTIONS,
  NETWORK_OPTIONS,
  openForecaster,
} from "../../src/cli/forecaster_options.ts";
import { parseOptions } from "../../src/cli/options.ts";
import type { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { encodeForecast } from "../../src/serve/wire.ts";
import type { Tick } from "../../streams/mod.ts";
import { Random } from "../simulation/random.ts";
import { type ServeProcess, startServe } from "./serve_process.ts";

/** Kills; `TICKCAST_KILLS=200` for the whole trial. */
const KILLS = Number(Deno.env.get("TICKCAST_KILLS") ?? 5);
const SEED = Number(Deno.env.get("TICKCAST_SEED") ?? 1);
const SERIES = 4;
/** A network small enough to be trained while it is killed all the time. */
const FORECASTER_ARGS = ["--horizon", "2", "--hidden", "8", "--retrain-every", "500"];
/** Messages on their way at once: some are always unanswered when the process dies. */
const OUTSTANDING_MAX = 8;
/** Ticks of a whole run at most, so that the journal read at every start stays small. */
const TICKS_PER_LIFE = 400;

/** Every tick there will ever be, by number. */
function tickOf(index: number): Tick {
  const time = Math.floor(index / SERIES) * 1000;
  const value = 20 + 5 * Math.sin(index / 40) + ((index * 2_654_435_761) % 1000) / 500;
  return { series: `s${index % SERIES}`, time, values: { value }, id: `${index}` };
}

/** What a run without any interruption forecasts, as far as it has been asked for. */
class Uninterrupted {
  readonly #forecaster: OnlineForecaster;
  readonly #pipeline: Pipeline;
  readonly #texts = new Map<string, string>();
  #ticks = 0;

  private constructor(forecaster: OnlineForecaster) {
    this.#forecaster = forecaster;
    this.#pipeline = new Pipeline({ forecaster });
  }

  static async open(): Promise<Uninterrupted> {
    const { options } = parseOptions(FORECASTER_ARGS, {
      ...FORECASTER_OPTIONS,
      ...NETWORK_OPTIONS,
    });
    return new Uninterrupted(await openForecaster(options, 0, () => {}));
  }

  /** Promotions and rejections of retrainings so far. */
  get retrainings(): number {
    return this.#forecaster.learner?.learning.runs.length ?? 0;
  }

  dispose(): void {
    this.#forecaster.dispose();
  }

  async advance(ticks: number): Promise<void> {
    if (ticks <= this.#ticks) return;
    const more = Array.from({ length: ticks - this.#ticks }, (_, i) => tickOf(this.#ticks + i));
    this.#ticks = ticks;
    for (const forecast of await this.#pipeline.process(more)) {
      this.#texts.set(`${forecast.series} ${forecast.step}`, encodeForecast(forecast));
    }
  }

  at(series: string, step: number): string {
    return this.#texts.get(`${series} ${step}`) ?? fail(`no forecast of ${series} at ${step}`);
  }
}

/** What is known over all lives of the server. */
class Trial {
  /** Ticks acknowledged, all before this number. */
  acknowledged = 0;
  /** Ticks sent at least once. */
  sent = 0;
  compared = 0;
  repeated = 0;
  /** Deaths that left messages unanswered. */
  interrupted = 0;
  readonly #received: string[] = [];

  constructor(readonly reference: Uninterrupted) {}

  /** Sends ticks until the socket closes or `until` are acknowledged. */
  ingest(url: string, random: Random, until: number): { done: Promise<void>; close: () => void } {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ingest`);
    const outstanding: number[] = [];
    let next = this.acknowledged;
    if (next < this.sent) this.repeated += this.sent - next;
    const send = (): void => {
      while (outstanding.length < OUTSTANDING_MAX && next < until) {
        const count = Math.min(random.between(1, 12), until - next);
        const ticks = Array.from({ length: count }, (_, i) => {
          const { series, time, values: { value }, id } = tickOf(next + i);
          return { series, time, value, id };
        });
        next += count;
        this.sent = Math.max(this.sent, next);
        outstanding.push(next);
        socket.send(JSON.stringify(ticks));
      }
    };
    const done = new Promise<void>((resolve, reject) => {
      socket.on("open", send);
      socket.on("message", (data) => {
        const answer = JSON.parse(String(data));
        if (answer.type !== "ack") return reject(new Error(String(data)));
        this.acknowledged = outstanding.shift() as number;
        if (this.acknowledged >= until) resolve();
        else send();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        if (outstanding.length > 0) this.interrupted++;
        resolve();
      });
    });
    return { done, close: () => socket.terminate() };
  }

  /** Keeps every forecast that is told, to compare them when there is time. */
  subscribe(url: string): () => void {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/forecasts`);
    socket.on("message", (data) => this.#received.push(String(data)));
    socket.on("error", () => {});
    return () => socket.terminate();
  }

  /** Holds every forecast received to the uninterrupted run, bit for bit. */
  async compare(): Promise<void> {
    await this.reference.advance(this.sent);
    for (const text of this.#received.splice(0)) {
      const { series, step } = JSON.parse(text);
      equal(text, this.reference.at(series, step));
      this.compared++;
    }
  }
}

interface Health {
  readonly applied: number;
  readonly waiting: number;
  readonly store: { readonly sequence: number; readonly checkpoints: number[] };
}

async function health({ url }: ServeProcess): Promise<Health> {
  return await (await fetch(`${url}/healthz`)).json();
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

Deno.test({
  name: `kill -9, ${KILLS} times under live ingest: nothing acknowledged lost, nothing twice`,
  // Sockets of a killed process end when the kernel says so.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    const random = new Random(SEED, "kill");
    const folder = await Deno.makeTempDir();
    const args = ["--state", folder, ...FORECASTER_ARGS];
    const trial = new Trial(await Uninterrupted.open());
    let starting = 0;
    let serving = 0;
    let checkpoints = 0;
    let killLast = (_signal: Deno.Signal): void => {};
    try {
      while (starting + serving < KILLS) {
        // One in six dies while it starts: in the middle of a replay, if need be.
        const early = random.chance(1 / 6);
        const server = await startServe(args, (kill) => {
          killLast = kill;
          if (early) void pause(random.between(50, 900)).then(() => kill("SIGKILL"));
        });
        if (server === undefined) {
          ok(early, "the server ended by itself");
          starting++;
          continue;
        }
        try {
          const { store } = await health(server);
          ok(store.sequence >= trial.acknowledged, "an acknowledged tick is lost");
          ok(store.sequence <= trial.sent, "a tick was taken twice");
          checkpoints = Math.max(checkpoints, store.checkpoints.length);
        } catch (error) {
          if (!early || !(error instanceof TypeError)) throw error;
        }
        const unsubscribe = trial.subscribe(server.url);
        const until = trial.acknowledged + TICKS_PER_LIFE;
        const { done, close } = trial.ingest(server.url, random, until);
        if (!early) {
          // Checkpoints are written now and then, so that deaths fall into their writing too.
          if (random.chance(0.5)) {
            const saving = pause(random.between(0, 100)).then(async () => {
              const answer = await fetch(`${server.url}/v1/admin/checkpoint`, { method: "POST" });
              await answer.body?.cancel();
            });
            saving.catch(() => {});
          }
          await pause(random.between(5, 250));
          server.kill("SIGKILL");
          serving++;
        } else starting++;
        await server.ended;
        close();
        await done;
        unsubscribe();
        await trial.compare();
      }

      const server = await startServe(args, (kill) => killLast = kill) ??
        fail("the server does not start");
      const total = trial.sent + 20;
      const unsubscribe = trial.subscribe(server.url);
      await trial.ingest(server.url, random, total).done;
      equal(trial.acknowledged, total);
      while ((await health(server)).waiting > 0) await pause(10);
      const { applied, store } = await health(server);
      deepEqual([applied, store.sequence], [total, total], "each tick exactly once");
      await trial.reference.advance(total);
      for (let index = 0; index < SERIES; index++) {
        const answer = await fetch(`${server.url}/v1/series/s${index}/forecast`);
        const text = await answer.text();
        const { step } = JSON.parse(text);
        equal(step, Math.ceil((total - index) / SERIES) - 1);
        equal(text, trial.reference.at(`s${index}`, step));
      }
      unsubscribe();
      server.kill("SIGTERM");
      equal(await server.ended, 0);
      await trial.compare();
      ok(trial.compared > 0);
      console.log(
        `${starting + serving} kills (${serving} while serving, ${starting} while starting, ` +
          `${trial.interrupted} with messages unanswered): ` +
          `${total} ticks acknowledged, ${trial.repeated} sent again, none lost, none twice; ` +
          `${trial.compared} forecasts equal to an uninterrupted run, through ` +
          `${trial.reference.retrainings} retrainings; ` +
          `up to ${checkpoints} checkpoints at a start`,
      );
    } finally {
      killLast("SIGKILL");
      trial.reference.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
