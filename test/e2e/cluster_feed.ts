import type { NatsConnection } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import { type NatsMessage, NatsPublisher, type Tick, tickSubject } from "../../streams/mod.ts";
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { encodeForecast } from "../../src/serve/wire.ts";
import { FORECAST_STREAM } from "../../src/serve/cluster_setup.ts";
import { Random } from "../simulation/random.ts";

/** Ticks of `series` series, `steps` each, a step at a time: noisy sines, the same for a seed. */
export function* feed(series: number, steps: number, seed = 1): Generator<Tick[]> {
  const random = new Random(seed, "feed");
  for (let step = 0; step < steps; step++) {
    yield Array.from({ length: series }, (_, index) => ({
      series: `sensor.${index}`,
      time: step * 1000,
      values: { value: Math.sin(step / 5 + index) * 10 + random.next() },
      id: `${index}-${step}`,
    }));
  }
}

/** A tick as a message for its partition. */
export function tickMessage(tick: Tick, partitions: number): NatsMessage {
  return {
    subject: tickSubject(tick.series, partitions),
    id: `${tick.series} ${tick.id}`,
    data: JSON.stringify(tick),
  };
}

/** Sends every tick, retrying as long as it takes. */
export async function send(
  connection: NatsConnection,
  batches: Iterable<readonly Tick[]>,
  partitions: number,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const publisher = await NatsPublisher.open({ connection, retryMs: 500 });
  let sent = 0;
  for (const ticks of batches) {
    await publisher.publish(ticks.map((tick) => tickMessage(tick, partitions)));
    sent += ticks.length;
    await between();
  }
  publisher.close();
  return sent;
}

/** What one uninterrupted process forecasts, by series and step. */
export async function expectedForecasts(
  forecaster: Forecaster,
  batches: Iterable<readonly Tick[]>,
): Promise<Map<string, string>> {
  const pipeline = new Pipeline({ forecaster });
  const expected = new Map<string, string>();
  for (const ticks of batches) {
    for (const forecast of await pipeline.process(ticks)) {
      expected.set(`${forecast.step} ${forecast.series}`, encodeForecast(forecast));
    }
  }
  forecaster.dispose();
  return expected;
}

/** How published forecasts compare with what was expected. */
export interface Comparison {
  readonly stored: number;
  readonly lost: number;
  readonly doubled: number;
  readonly different: number;
}

/** Forecasts stored so far. */
export async function storedForecasts(connection: NatsConnection): Promise<number> {
  const manager = await jetstreamManager(connection);
  return (await manager.streams.info(FORECAST_STREAM)).state.messages;
}

/** Reads all forecasts from the stream and compares them with the expected ones. */
export async function compare(
  connection: NatsConnection,
  expected: ReadonlyMap<string, string>,
): Promise<Comparison> {
  const stored = await storedForecasts(connection);
  const open = new Set(expected.keys());
  let doubled = 0;
  let different = 0;
  if (stored > 0) {
    const consumer = await jetstream(connection).consumers.get(FORECAST_STREAM, {
      deliver_policy: DeliverPolicy.All,
    });
    let read = 0;
    for await (const message of await consumer.consume({ max_messages: 5_000 })) {
      const { series, step } = message.json<{ series: string; step: number }>();
      const key = `${step} ${series}`;
      if (!open.delete(key)) doubled++;
      if (expected.get(key) !== message.string()) different++;
      if (++read === stored) break;
    }
  }
  return { stored, lost: open.size, doubled, different };
}
