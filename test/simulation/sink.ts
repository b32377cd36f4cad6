import type { Status, Tick } from "../../streams/mod.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { Pipeline } from "../../src/pipeline.ts";
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import type { Tally } from "./tally.ts";

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
  readonly #oracle: Pipeline;
  /** One batch after another. */
  #last: Promise<void> = Promise.resolve();
  readonly #seen = new Map<string, string>();

  /** `sent`: what the clients sent, by series and time. `oracle`: what the forecasts must equal. */
  constructor(
    sent: ReadonlyMap<string, Tick>,
    oracle: Forecaster,
    readonly latenessMs: number,
    readonly tally: Tally,
  ) {
    this.#sent = sent;
    this.#oracle = new Pipeline({ forecaster: oracle });
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
    this.tally.add("late tick");
  }

  /**
   * When everything was sent and taken, each tick was forecast from, or was late behind a newer one of
   * its series, or is held back still because nothing new enough has come. @throws {InvariantError}
   */
  checkAll(): void {
    const newest = new Map<string, number>();
    for (const { series, time } of this.#sent.values()) {
      newest.set(series, Math.max(time, newest.get(series) ?? -Infinity));
    }
    for (const tick of this.#sent.values()) {
      const behindMs = newest.get(tick.series) as number - tick.time;
      const isLate = this.late.has(tick);
      if (isLate && (this.applied.has(tick) || behindMs <= this.latenessMs)) {
        throw new InvariantError(`Tick ${tick.id} was called late and was not`);
      }
      const held = this.latenessMs > 0 && behindMs < this.latenessMs;
      if (!isLate && !held && !this.applied.has(tick)) {
        throw new InvariantError(`Tick ${tick.id} was acknowledged and never forecast from`);
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
        this.tally.add("forecast came again");
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
