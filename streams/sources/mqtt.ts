import { systemClock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { connectMqtt, type MqttBroker } from "../mqtt_client.ts";
import type { Tick } from "../tick.ts";
import type { DecodeOptions } from "../transforms/decode.ts";
import { frameDecoder, type FrameFormat } from "../transforms/frame_decoder.ts";
import { type LiveOptions, type LiveSession, liveSource } from "./live.ts";

/** What to follow at a broker. */
export interface MqttSourceOptions extends MqttBroker, LiveOptions {
  /** The topics, with wildcards: `plant/+/temperature`, `sensors/#`. */
  readonly topics: readonly string[];
  /** 0: at most once; 1: at least once, and acknowledged only when read. Default 1. */
  readonly qos?: 0 | 1;
  /** The format of a message. Default: `json`. */
  readonly format?: FrameFormat;
  /** How JSON is read; the wire format by default. Ticks that name no series get their topic's name. */
  readonly decode?: DecodeOptions;
}

/**
 * Ticks from an MQTT broker: JSON, SenML or plain numbers, on topics with wildcards.
 *
 * A message of quality 1 is acknowledged when the reader asks for the batch after it, that is, has done its
 * work; what was not acknowledged comes again. With a `clientId` the broker keeps the session, so that
 * nothing is lost while nobody is connected, within the broker's own limits. What comes twice is left out
 * and counted. Under a dropping queue policy messages are acknowledged at once.
 *
 * A retained message without a time of its own is left out: nobody knows how old it is.
 *
 * @param options Which broker and what of it.
 * @returns The ticks, whatever has arrived since the last pull. It ends only by its signal or reader.
 *
 * @example
 * ```ts
 * import { mqttSource } from "@tickcast/tickcast/streams";
 *
 * const stop = new AbortController();
 * const statuses: string[] = [];
 * const ticks = mqttSource({
 *   url: "mqtt://127.0.0.1:1",
 *   topics: ["plant/+/temperature"],
 *   format: "value",
 *   signal: stop.signal,
 *   onStatus: (status) => {
 *     statuses.push(status.kind);
 *     if (status.kind === "reconnecting") stop.abort();
 *   },
 * });
 * // Nobody listens there, so that nothing comes until the signal ends it.
 * for await (const _ of ticks) throw new Error("unexpected");
 * if (statuses.join() !== "connecting,reconnecting,ended") throw new Error(statuses.join());
 * ```
 */
export function mqttSource(options: MqttSourceOptions): ReadableStream<readonly Tick[]> {
  if (options.topics.length === 0) throw new RangeError("An MQTT source needs at least one topic");
  const decoder = frameDecoder(options.format ?? "json", options.decode);
  const untimed = options.format === "value" || options.decode?.arrivalTime === true;
  const { clock = systemClock, qos = 1 } = options;

  async function receive(
    session: LiveSession,
    topic: string,
    payload: Uint8Array,
    retained: boolean,
  ): Promise<void> {
    const arrival = clock.now();
    if (retained && untimed) {
      const detail = `a retained message on ${topic} has no time of its own`;
      return session.reject(new InputError("bad-time", "", detail));
    }
    const { ticks, rejected } = decoder.decode(
      payload,
      arrival,
      0,
      options.decode?.series ?? topic,
    );
    rejected.forEach(session.reject);
    await session.deliver(ticks, arrival);
  }

  return liveSource({ ...options, name: options.name ?? "mqtt" }, async (session) => {
    const connection = await connectMqtt(options, (packet, done) => {
      // While this one waits the client takes no further packet, which holds the broker back.
      void (async (): Promise<void> => {
        if (packet.cmd !== "publish") return done();
        if (session.signal.aborted) return;
        const payload = typeof packet.payload === "string"
          ? new TextEncoder().encode(packet.payload)
          : packet.payload;
        await receive(session, packet.topic, payload, packet.retain);
        const read = packet.qos === 0 || await session.read();
        if (read && connection.client.connected) done();
      })();
    });
    const stopped = new Promise<string>((resolve) => {
      const stop = (): void => resolve("stopped");
      session.signal.addEventListener("abort", stop, { once: true });
      if (session.signal.aborted) stop();
    });
    try {
      const kept = await Promise.race([connection.opened, stopped]);
      if (typeof kept !== "boolean") return await Promise.race([connection.ended, stopped]);
      const granted = await connection.client.subscribeAsync([...options.topics], { qos });
      const refused = granted.filter((grant) => grant.qos > 1).map(({ topic }) => topic);
      if (refused.length > 0) return `the broker refuses ${refused.join(", ")}`;
      session.connected(kept && qos > 0);
      const why = await Promise.race([connection.ended, stopped]);
      // What is still being read can be acknowledged.
      if (connection.client.connected) await session.read();
      return why;
    } catch (error) {
      return `cannot subscribe: ${error instanceof Error ? error.message : error}`;
    } finally {
      await connection.close();
    }
  }, false);
}
