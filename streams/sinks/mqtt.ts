import { connectMqtt, type MqttBroker, type MqttConnection } from "../mqtt_client.ts";
import { DeliveryError, type OutboxOptions, outboxSink } from "./outbox.ts";

/** Where items are published, and how. */
export interface MqttSinkOptions<T> extends MqttBroker, OutboxOptions {
  /** The topic; `{series}` stands for the item's series. Default: `tickcast/forecasts/{series}`. */
  readonly topic?: string;
  /** Makes an item a message. Default: `JSON.stringify`. */
  readonly encode?: (item: T) => string;
  /** 0: at most once; 1: at least once, tried again until the broker acknowledges. Default 1. */
  readonly qos?: 0 | 1;
  /** Whether the broker keeps the last message of each topic for those who subscribe later. */
  readonly retain?: boolean;
}

/**
 * Publishes items to an MQTT broker, each on its topic, in order. While the broker is away they wait in a
 * bounded queue; under the default policy the oldest are dropped and counted.
 *
 * @param options Which broker and how.
 * @returns The sink. Closing it delivers what waits.
 *
 * @example
 * ```ts
 * import { mqttSink } from "@tickcast/tickcast/streams";
 *
 * const statuses: string[] = [];
 * const sink = mqttSink({
 *   url: "mqtt://127.0.0.1:1",
 *   attemptsMax: 1,
 *   onStatus: (status) => statuses.push(status.kind),
 * });
 * // Nobody listens there: the item is given up and counted, and the chain does not fail.
 * await ReadableStream.from([[{ series: "a", mean: 1 }]]).pipeTo(sink);
 * if (statuses.join() !== "degraded,dropped") throw new Error(statuses.join());
 * ```
 */
export function mqttSink<T extends { readonly series: string }>(
  options: MqttSinkOptions<T>,
): WritableStream<readonly T[]> {
  const { topic = "tickcast/forecasts/{series}", qos = 1, retain = false } = options;
  const encode = options.encode ?? ((item: T): string => JSON.stringify(item));
  let connection: MqttConnection | undefined;

  async function open(): Promise<MqttConnection> {
    if (connection?.client.connected) return connection;
    await connection?.close();
    connection = await connectMqtt(options);
    if (await connection.opened === undefined) throw new DeliveryError(await connection.ended);
    return connection;
  }

  async function publish(items: readonly T[], _: number, signal: AbortSignal): Promise<void> {
    const { client, ended } = await open();
    const stopped = new Promise<string>((resolve) => {
      signal.addEventListener("abort", () => resolve("stopped"), { once: true });
    });
    const published = Promise.all(
      items.map((item) =>
        client.publishAsync(topicOf(topic, item.series), encode(item), { qos, retain })
      ),
    );
    // The client itself would wait for a connection that does not come back.
    const lost = Promise.race([ended, stopped]).then((why) => {
      throw new DeliveryError(why);
    });
    await Promise.race([published, lost]);
  }

  return outboxSink(
    { ...options, name: options.name ?? "mqtt" },
    publish,
    () => connection?.close() ?? Promise.resolve(),
  );
}

/** Wildcards and NUL may not stand in a topic that is published to. */
function topicOf(template: string, series: string): string {
  // deno-lint-ignore no-control-regex
  const safe = series.replace(/[+#\u0000%]/g, (character) => encodeURIComponent(character));
  return template.replaceAll("{series}", () => safe);
}
