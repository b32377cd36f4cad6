/**
 * Bytes and ticks over time: sources, transforms and sinks on Web Streams. Knows no model.
 *
 * @module
 */
export { InputError, type RejectReason } from "./errors.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type Frame, TARGET_FEATURE, type Tick } from "./tick.ts";
export type { Status, StatusListener } from "./status.ts";
export { limits } from "./limits.ts";
export { bodyReader } from "./body_reader.ts";
export { fromEpoch, parseRfc3339, parseTime, type TimeUnit } from "./time.ts";
export {
  RingBuffer,
  type RingBufferOptions,
  type RingSnapshot,
  type RingView,
} from "./ring_buffer.ts";
export { RecentKeys } from "./recent_keys.ts";
export { type Decoded, type DecodeOptions, TickDecoder } from "./transforms/decode.ts";
export { type FrameDecoder, frameDecoder, type FrameFormat } from "./transforms/frame_decoder.ts";
export { SenmlDecoder } from "./transforms/senml.ts";
export { compilePath, type PathReader } from "./transforms/path.ts";
export { sourceOf } from "./sources/source.ts";
export { type ByteInput, openBytes, peekBytes } from "./sources/bytes.ts";
export { csvSource, type CsvSourceOptions } from "./sources/csv.ts";
export { ndjsonSink, type NdjsonSinkOptions } from "./sinks/ndjson.ts";
export { ManualClock } from "./manual_clock.ts";
export {
  type AcceptTicks,
  type IngestAnswer,
  ingestAnswer,
  type IngestOptions,
  ingestSocket,
  type IngestTotals,
  type Refusal,
} from "./sources/websocket_server.ts";
export {
  FanOut,
  type FanOutOptions,
  type OverflowPolicy,
  type Subscription,
} from "./sinks/fan_out.ts";
export type { Corked, ServerSocket, SocketData } from "./server_socket.ts";
export { type QueuePolicy, TickQueue, type TickQueueOptions } from "./tick_queue.ts";
export { backoffMs, type BackoffOptions } from "./sources/backoff.ts";
export {
  type FeedFrame,
  type FeedProtocol,
  type FeedSequence,
  jsonFeed,
  type JsonFeedOptions,
} from "./sources/feed_protocol.ts";
export {
  type FeedSocket,
  type FeedSocketEvents,
  type FeedSocketOptions,
  type OpenFeedSocket,
  openNativeSocket,
} from "./sources/feed_socket.ts";
export { webSocketSource, type WebSocketSourceOptions } from "./sources/websocket.ts";
export { type StageSnapshot, stageStream, type TickStage } from "./transforms/stage.ts";
export { TickOrder, type TickOrderCounts, type TickOrderOptions } from "./transforms/order.ts";
export { type Aggregate, Resampler, type ResamplerOptions } from "./transforms/resample.ts";
export { marketHours, type MarketHoursOptions } from "./transforms/market_hours.ts";
export { AsOfJoin, type AsOfJoinOptions, type Covariate } from "./transforms/join.ts";
export { mergeByTime, mergeSources } from "./sources/merge.ts";
export { ndjsonSource, type NdjsonSourceOptions } from "./sources/ndjson.ts";
export { recordingSink, type RecordingSinkOptions } from "./sinks/recording.ts";
export { recordingSource, type RecordingSourceOptions } from "./sources/recording.ts";
export {
  forecastSubject,
  modelSubject,
  partitionOf,
  subjectToken,
  tickSubject,
} from "./nats_subjects.ts";
export { type LogEntry, NatsLog, type NatsLogOptions } from "./sources/nats.ts";
export { type NatsMessage, NatsPublisher, type NatsPublisherOptions } from "./sinks/nats.ts";
export type { NatsConnection } from "./nats_connection.ts";
export { binanceFeed, type BinanceFeedOptions } from "./sources/exchanges/binance.ts";
export {
  coinbaseAdvancedFeed,
  type CoinbaseAdvancedFeedOptions,
  coinbaseExchangeFeed,
  type CoinbaseExchangeFeedOptions,
} from "./sources/exchanges/coinbase.ts";
export { krakenFeed, type KrakenFeedOptions } from "./sources/exchanges/kraken.ts";
export type { LiveOptions } from "./sources/live.ts";
export type { MqttBroker } from "./mqtt_client.ts";
export { mqttSource, type MqttSourceOptions } from "./sources/mqtt.ts";
export { sseSource, type SseSourceOptions } from "./sources/sse.ts";
export { type ReceivedEvent, SseParser } from "./sources/sse_parser.ts";
export type { OutboxOptions } from "./sinks/outbox.ts";
export { mqttSink, type MqttSinkOptions } from "./sinks/mqtt.ts";
export { webhookSink, type WebhookSinkOptions } from "./sinks/webhook.ts";
export { type CsvCell, csvSink, type CsvSinkOptions } from "./sinks/csv.ts";
export {
  encodeSse,
  type SseEvent,
  sseSink,
  type SseSinkOptions,
  type SseSubscriber,
  sseSubscriber,
  type SseSubscriberOptions,
} from "./sinks/sse.ts";
export { fileSink, type FileSinkOptions } from "./sinks/file.ts";
