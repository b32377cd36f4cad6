import type { Status, Tick } from "../../streams/mod.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { TinyForecaster } from "./tiny_forecaster.ts";

/** A promise of the system was broken. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Where forecasts arrive, and the judge of them. Taking each first arrival in turn tells in which order
 * ticks were applied; an oracle, one uninterrupted pipeline, takes the same ticks, and every forecast
 * must equal its own, bit for bit.
 */
export class Sink {
  /** Ticks applied, as the forecasts tell. */
  readonly applied = new Set<Tick>();
  /** Ticks that the pipeline left out, and said so, because a newer one of their series had come first. */
  readonly late = new Set<Tick>();
  readonly #sent: ReadonlyMap<string, Tick>;
  readonly #oracle = new Pipeline({ forecaster: new TinyForecaster() });
  /** One batch after another. */
  #last: Promise<void> = Promise.resolve();
  readonly #seen = new Map<string, string>();

  /** `sent`: what the clients sent, by series and time. */
  constructor(sent: ReadonlyMap<string, Tick>) {
    this.#sent = sent;
  }

  /** Takes forecasts in. @throws {InvariantError} when one cannot be. */
  take(forecasts: readonly Forecast[]): Promise<void> {
    const taken = this.#last.then(() => this.#take(forecasts));
    this.#last = taken.catch(() => {});
    return taken;
  }

  /** Hears what the pipeline leaves out. @throws {InvariantError} when it must not. */
  leaveOut(status: Status): void {
    if (status.kind === "duplicate") {
      throw new InvariantError(`Tick ${status.id} came out of the journal twice`);
    }
    if (status.kind !== "late") return;
    const tick = this.#sent.get(`${status.series} ${status.time}`);
    if (tick === undefined) throw new InvariantError("What was never sent is called late");
    if (this.applied.has(tick)) throw new InvariantError(`Tick ${tick.id} is late and was applied`);
    this.late.add(tick);
  }

  /** A tick may be late only behind a newer one of its series. @throws {InvariantError} */
  checkLate(): void {
    for (const tick of this.late) {
      const newer = [...this.applied].some((one) =>
        one.series === tick.series && one.time > tick.time
      );
      if (!newer || this.applied.has(tick)) {
        throw new InvariantError(`Tick ${tick.id} was called late and was not`);
      }
    }
  }

  async #take(forecasts: readonly Forecast[]): Promise<void> {
    for (const forecast of forecasts) {
      const place = `${forecast.series} step ${forecast.step}`;
      const bits = bitsOf(forecast);
      const seen = this.#seen.get(place);
      if (seen !== undefined) {
        if (seen !== bits) throw new InvariantError(`Forecast of ${place} came again, different`);
        continue;
      }
      const tick = this.#sent.get(`${forecast.series} ${forecast.time}`);
      if (tick === undefined) {
        throw new InvariantError(`Forecast of ${place} stems from no tick sent`);
      }
      if (this.applied.has(tick)) throw new InvariantError(`Tick ${tick.id} was applied twice`);
      this.applied.add(tick);
      this.#seen.set(place, bits);
      const [expected] = await this.#oracle.process([tick]);
      if (bitsOf(expected) !== bits) {
        throw new InvariantError(`Forecast of ${place} differs from the oracle's`);
      }
    }
  }
}

/** A forecast as text that is equal exactly where all its bits are. */
function bitsOf(
  { series, step, time, times, mean, quantiles, parametersVersion }: Forecast,
): string {
  return [series, step, time, parametersVersion, times, mean, quantiles].join();
}
