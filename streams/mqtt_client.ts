import type { IClientOptions, MqttClient } from "mqtt";

/** Where a broker is, and who asks. */
export interface MqttBroker {
  /** `mqtt://HOST:PORT`, `mqtts://`, or MQTT over a WebSocket: `ws://`, `wss://`. */
  readonly url: string;
  /** The client's identifier: with it the broker keeps the session. A random one by default. */
  readonly clientId?: string;
  /** The user. */
  readonly username?: string;
  /** The user's password. */
  readonly password?: string;
  /** How often broker and client assure each other that they live. Default 30 s. */
  readonly keepAliveMs?: number;
  /** How long opening may take. Default 10 s. */
  readonly connectTimeoutMs?: number;
}

/** How long a polite end may take. */
const CLOSE_TIMEOUT_MS = 2000;

/** One connection to a broker. */
export interface MqttConnection {
  readonly client: MqttClient;
  /** Resolves once open: whether the broker had kept the session. Undefined where it failed. */
  readonly opened: Promise<boolean | undefined>;
  /** Why it ended. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends it politely, or by force where that takes too long. */
  close(): Promise<void>;
}

/** Makes one attempt to connect; coming back after a loss is the caller's matter. */
export async function connectMqtt(
  broker: MqttBroker,
  handleMessage?: MqttClient["handleMessage"],
): Promise<MqttConnection> {
  // Loaded only where it is used: the streams also run where there is no broker.
  const { connect } = await import("mqtt");
  const { clientId, username, password } = broker;
  const options: IClientOptions = {
    username,
    password,
    keepalive: Math.ceil((broker.keepAliveMs ?? 30_000) / 1000),
    connectTimeout: broker.connectTimeoutMs ?? 10_000,
    // A session that no one can come back to is only a burden for the broker.
    clean: clientId === undefined,
    clientId: clientId ?? `tickcast-${crypto.randomUUID().slice(0, 13)}`,
    reconnectPeriod: 0,
    resubscribe: false,
  };
  const client = connect(broker.url, options);
  if (handleMessage !== undefined) client.handleMessage = handleMessage;
  const opened = Promise.withResolvers<boolean | undefined>();
  const ended = Promise.withResolvers<string>();
  let why = "connection closed";
  // An error is followed by close, which alone counts as the end.
  client.on("error", (error) => {
    why = error.message || String((error as { code?: unknown }).code ?? "connection failed");
    // A refusal leaves the socket open.
    client.end(true);
  });
  client.on("connect", ({ sessionPresent }) => opened.resolve(sessionPresent));
  client.on("close", () => {
    opened.resolve(undefined);
    ended.resolve(why);
  });
  return {
    client,
    opened: opened.promise,
    ended: ended.promise,
    async close(): Promise<void> {
      const force = setTimeout(() => client.end(true), CLOSE_TIMEOUT_MS);
      client.end(!client.connected);
      await ended.promise;
      clearTimeout(force);
    },
  };
}
