/**
 * Every limit of the streams, each with its reason. What is named here is a default that an option can
 * change, unless its reason says that it must not.
 */
export const limits = {
  /**
   * Bytes of one frame (WebSocket message, HTTP body, NDJSON line). A batch of 10,000 ticks in JSON is
   * about 700 kB; parsing 1 MiB blocks the thread for about 10 ms, the most that a tick should wait.
   */
  frameBytes: 1 << 20,
  /** Characters of a series' name: it becomes a key, a URL part and a metric's label. */
  seriesLength: 256,
  /** Characters of a tick's identifier: a UUID has 36, and identifiers are kept for de-duplication. */
  idLength: 128,
  /** Characters of a feature's name. */
  featureLength: 64,
  /** Features of one tick: wider than any public multivariate benchmark, far from a memory attack. */
  featuresPerTick: 1024,
  /** Errors spelt out in one answer. The rest are counted: an answer must not dwarf its question. */
  errorsPerAnswer: 20,
  /** Ticks a source holds before its policy applies: a second of a busy feed, about 2 MB. */
  queueTicks: 16_384,
  /**
   * Ticks of one chunk. Large enough to amortise a chunk's cost (about 1 µs), small enough that a
   * consumer's work on one chunk stays far below a second.
   */
  batchTicks: 1024,
  /**
   * Ticks of one chunk where a table is one series: each is a step of its own, so that more gain nothing,
   * and what hundreds of them keep alive at once a collector takes for long-lived, which costs a tenth.
   */
  oneSeriesTicks: 64,
  /** Chunks queued at each joint of a chain. One keeps both sides busy; more only adds latency. */
  chunkQueue: 1,
  /** Messages an ingest socket may run ahead of their acceptance before it is paused. */
  ingestQueueMessages: 256,
  /** Bytes of those messages: a few of the largest allowed. */
  ingestQueueBytes: 4 << 20,
  /**
   * Bytes handed to a subscriber's socket and not yet written out. More only moves the queue from
   * here, where a policy governs it, to the socket, where none does.
   */
  socketBufferBytes: 64 << 10,
  /** Messages waiting for one subscriber: some seconds of forecasts; a slower reader loses the oldest. */
  subscriberQueueMessages: 1024,
  /** Bytes waiting for one subscriber, so that 1,000 stalled ones cost at most 1 GiB. */
  subscriberQueueBytes: 1 << 20,
  /** Series that one stream follows: state is kept for each, and senders choose the names. */
  series: 100_000,
  /**
   * Recent ticks remembered to recognise repeated ones, over all series: a redelivery or an overlap is
   * seconds deep, and this is some seconds of a busy feed in about 6 MB.
   */
  recentIds: 65_536,
  /** Ticks held back for each series while waiting for earlier ones. */
  reorderTicks: 4096,
  /** Empty steps filled in one go: a year of daily steps; a longer hole starts the grid anew. */
  fillSteps: 10_000,
} as const;
