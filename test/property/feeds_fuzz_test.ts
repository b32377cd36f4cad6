// Frames that no one should send, for every decoder. TICKCAST_FUZZ_FRAMES=1000000 is the full number.
import { equal, ok } from "node:assert/strict";
import {
  binanceFeed,
  coinbaseAdvancedFeed,
  coinbaseExchangeFeed,
  csvSource,
  type FeedFrame,
  frameDecoder,
  InputError,
  krakenFeed,
  ndjsonSource,
  recordingSource,
  type Status,
  type Tick,
  TickDecoder,
} from "../../streams/mod.ts";
import { SseParser } from "../../streams/sources/sse_parser.ts";
import { Random } from "../simulation/random.ts";

const framesWanted = Number(Deno.env.get("TICKCAST_FUZZ_FRAMES") ?? 20_000);
const REASONS = new Set([
  ...["malformed", "missing-field", "bad-type", "bad-time", "not-finite", "too-large"],
  ...["too-many-series", "duplicate", "late", "unknown"],
]);
const ARRIVAL = 1.7e12;

/** A decoder, and good frames to start from. */
interface Target {
  readonly name: string;
  readonly good: readonly string[];
  decode(frame: string | Uint8Array, arrival: number): FeedFrame;
  /** Frames that mean nothing are allowed: acknowledgements, heartbeats. */
  readonly silent?: boolean;
}

const wire = new TickDecoder();
const foreign = new TickDecoder({
  ...{ seriesPath: "d[0].s", valuePath: "d[0].p", timePath: "d[0].t", idPath: "id" },
  timeUnit: "us",
});
const senml = frameDecoder("senml");
const value = frameDecoder("value", { series: "a" });
const iso = "2026-01-01T00:00:00.000Z";
const candle = '"o":"1","c":"2","h":"3","l":"0.5","v":"9"';

const targets: Target[] = [
  {
    name: "wire",
    good: [
      '{"series":"a","time":1000,"value":1.5,"id":"x"}',
      `[{"series":"a","time":"${iso}","values":{"value":1,"b":2}},{"series":"b","time":1,"value":2}]`,
      '{"series":"a","time":1,"value":1}\n{"series":"a","time":2,"value":2}\n',
    ],
    decode: (frame) => wire.decode(frame, ARRIVAL),
  },
  {
    name: "foreign",
    good: ['{"id":7,"d":[{"s":"a","p":"1.5","t":1700000000000000}]}'],
    decode: (frame) => foreign.decode(frame, ARRIVAL),
  },
  {
    name: "senml",
    good: [
      '[{"bn":"urn:dev:","bt":1.7e9,"bu":"Cel","bver":10,"n":"t","v":23.1},{"n":"d","t":-5,"vb":true}]',
      '[{"n":"a","v":1,"s":5,"u":"W"},{"n":"b","vs":"x"},{"n":"c","vd":"aGk"}]',
    ],
    decode: (frame) => senml.decode(frame, ARRIVAL),
    // A record may only set the base of others.
    silent: true,
  },
  { name: "value", good: ["21.5", "-1e3"], decode: (frame) => value.decode(frame, ARRIVAL) },
  {
    name: "binance",
    good: [
      `{"e":"trade","E":2,"s":"BTCUSDT","t":7,"p":"42.5","q":"0.1","T":1000,"m":true}`,
      `{"e":"24hrTicker","E":2,"s":"BTCUSDT","c":"1","b":"2","a":"3"}`,
      `{"stream":"x","data":{"e":"kline","s":"X","k":{"s":"X","i":"1m","t":1,"T":2,"x":true,${candle}}}}`,
      '{"result":null,"id":1}',
      '{"error":{"code":2,"msg":"bad"}}',
      '{"e":"serverShutdown","E":1}',
    ],
    decode: binanceFeed({ symbols: ["BTCUSDT"] }).decode,
    silent: true,
  },
  {
    name: "coinbase-exchange",
    good: [
      `{"type":"match","trade_id":7,"product_id":"A-B","price":"1","size":"2","time":"${iso}"}`,
      `{"type":"heartbeat","last_trade_id":7,"product_id":"A-B","time":"${iso}"}`,
      `{"type":"ticker","trade_id":7,"product_id":"A-B","price":"1","best_bid":"1","best_ask":"2","time":"${iso}"}`,
      '{"type":"subscriptions","channels":[]}',
      '{"type":"error","message":"bad","reason":"x"}',
    ],
    decode: coinbaseExchangeFeed({ products: ["A-B"] }).decode,
    silent: true,
  },
  {
    name: "coinbase-advanced",
    good: [
      `{"channel":"market_trades","sequence_num":1,"timestamp":"${iso}","events":[{"type":"update","trades":[{"trade_id":"7","product_id":"A-B","price":"1","size":"2","time":"${iso}"}]}]}`,
      `{"channel":"ticker","sequence_num":2,"timestamp":"${iso}","events":[{"tickers":[{"product_id":"A-B","price":"1"}]}]}`,
      `{"channel":"heartbeats","sequence_num":3,"events":[]}`,
    ],
    decode: coinbaseAdvancedFeed({ products: ["A-B"] }).decode,
    silent: true,
  },
  {
    name: "kraken",
    good: [
      `{"channel":"trade","type":"update","data":[{"symbol":"A/B","price":1,"qty":2,"trade_id":7,"timestamp":"${iso}"}]}`,
      `{"channel":"ticker","type":"update","data":[{"symbol":"A/B","last":1,"bid":1,"ask":2}]}`,
      `{"channel":"ohlc","type":"update","data":[{"symbol":"A/B","open":1,"high":2,"low":1,"close":2,"volume":3,"interval":1,"interval_begin":"${iso}"}]}`,
      '{"channel":"status","data":[{"system":"online"}]}',
      '{"channel":"heartbeat"}',
      '{"method":"subscribe","success":true,"result":{}}',
    ],
    decode: krakenFeed({ symbols: ["A/B"], channel: "ohlc" }).decode,
    silent: true,
  },
  {
    name: "sse",
    good: [
      'event: tick\nid: 1\nretry: 5\ndata: {"series":"a","time":1000,\ndata: "value":1.5}\n\n',
    ],
    decode(frame): FeedFrame {
      const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
      const ticks: Tick[] = [];
      const rejected: InputError[] = [];
      for (const event of new SseParser(4096).push(bytes)) {
        if (event.tooLong) rejected.push(new InputError("too-large", "data", "too long"));
        else {
          const decoded = wire.decode(event.data, ARRIVAL);
          ticks.push(...decoded.ticks);
          rejected.push(...decoded.rejected);
        }
      }
      return { ticks, rejected };
    },
    // What is cut off in the middle is no event.
    silent: true,
  },
];

/** Puts things where they should not be. */
class Mutator {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  frame(good: readonly string[]): string | Uint8Array {
    let text = this.#one(good);
    for (let n = this.#below(3); n >= 0; n--) text = this.#mutate(text);
    if (this.#below(3) > 0) return text;
    const bytes = new TextEncoder().encode(text);
    for (let n = this.#below(3); n > 0 && bytes.length > 0; n--) {
      bytes[this.#below(bytes.length)] = this.#below(256);
    }
    return bytes;
  }

  #below(n: number): number {
    return this.#random.integer(n);
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#below(items.length)];
  }

  #mutate(text: string): string {
    const at = this.#below(text.length + 1);
    const to = at + this.#below(text.length - at + 1);
    switch (this.#below(9)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(0, at) + text.slice(to);
      case 2:
        return text.slice(0, to) + text.slice(at);
      case 3:
        return text.slice(0, at) + String.fromCharCode(this.#below(0x10000)) + text.slice(at);
      case 4:
        return text.replace(/-?\d+(\.\d+)?/g, (number) => this.#below(3) ? number : this.#number());
      case 5:
        return "[".repeat(this.#below(2000)) + text;
      case 6:
        return text.replace(/"[^"]*"/g, (string) => this.#below(4) ? string : this.#value());
      default:
        return this.#structure(text);
    }
  }

  #number(): string {
    return this.#one([
      ...["0", "-0", "1e999", "-1e999", "1e-400", "9007199254740993", "8640000000000001", "NaN"],
      ...["-1", "1e308", "0x10", "01", "1_000", "Infinity", "null", '""', "1.7976931348623157e308"],
    ]);
  }

  #value(): string {
    return this.#one([
      ...["null", "true", "[]", "{}", '""', "1", '"__proto__"', '"constructor"', '"\\u0000"'],
      ...[
        `"${"x".repeat(300)}"`,
        '"\\ud800"',
        '"9e999"',
        '"1970-02-30T00:00:00Z"',
        '{"a":{"b":1}}',
      ],
    ]);
  }

  /** Changes one place of a document, so that it still parses. */
  #structure(text: string): string {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return text + this.#value();
    }
    let parent: unknown;
    let place: unknown = document;
    let key = "";
    while (typeof place === "object" && place !== null && Object.keys(place).length > 0) {
      parent = place;
      key = this.#one(Object.keys(place));
      place = (place as Record<string, unknown>)[key];
      if (this.#below(3) === 0) break;
    }
    if (typeof parent !== "object" || parent === null) return this.#value();
    const put = JSON.parse(this.#value());
    const owner = parent as Record<string, unknown>;
    const how = this.#below(8);
    if (how < 2) delete owner[key];
    else if (how < 4) owner[this.#one(["extra", "__proto__", "toString", ""])] = put;
    else owner[key] = put;
    return JSON.stringify(document);
  }
}

function checkTick({ series, time, values, id }: Tick): void {
  ok(typeof series === "string" && series.length > 0 && series.length <= 256);
  ok(Math.abs(time) <= 8.64e15);
  const numbers = Object.values(values);
  ok(numbers.length > 0 && numbers.every(Number.isFinite));
  ok(id === undefined || (typeof id === "string" && id.length <= 256));
}

Deno.test("no frame crashes a decoder, and each rejected one has its reason", () => {
  const each = Math.ceil(framesWanted / targets.length);
  for (const [index, target] of targets.entries()) {
    const mutator = new Mutator(index + 1);
    const counts: Record<string, number> = { frames: 0, ticks: 0, silent: 0 };
    for (const good of target.good) {
      const { rejected = [] } = target.decode(good, ARRIVAL);
      equal(rejected.filter(({ field }) => field !== "vs" && field !== "vd").length, 0, good);
    }
    for (let n = 0; n < each; n++) {
      const frame = mutator.frame(target.good);
      const { ticks, rejected = [], alive, sequences, error, reconnect } = target.decode(
        frame,
        ARRIVAL,
      );
      counts.frames++;
      counts.ticks += ticks.length;
      ticks.forEach(checkTick);
      for (const refusal of rejected) {
        ok(refusal instanceof InputError && REASONS.has(refusal.reason));
        ok(refusal.message.length > 0 && refusal.message.length < 1000);
        counts[refusal.reason] = (counts[refusal.reason] ?? 0) + 1;
      }
      const meant = ticks.length + rejected.length + (alive?.length ?? 0) +
        (sequences?.length ?? 0);
      if (meant > 0 || error !== undefined || reconnect !== undefined) continue;
      counts.silent++;
      // Only an empty list of ticks says nothing and is not wrong.
      if (!target.silent) equal(String(frame).trim().replace(/\s/g, ""), "[]");
    }
    ok(counts.ticks > 0 && counts.frames > counts.ticks / 10);
    if (framesWanted >= 1_000_000) console.log(target.name, JSON.stringify(counts));
  }
});

/** Bytes of fuzzed lines, in chunks cut anywhere. */
function fuzzedLines(
  first: string,
  good: string[],
  lines: number,
  seed: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const mutator = new Mutator(seed);
  let made = 0;
  return new ReadableStream({
    pull(controller): void {
      const parts: Uint8Array[] = made === 0 ? [new TextEncoder().encode(first + "\n")] : [];
      for (let n = 0; n < 200 && made < lines; n++, made++) {
        const frame = mutator.frame(good);
        const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
        // One line a frame, so that the accounts can be checked.
        parts.push(bytes.map((byte) => byte === 10 || byte === 13 ? 32 : byte), Uint8Array.of(10));
      }
      controller.enqueue(new Uint8Array(parts.flatMap((part) => [...part])));
      if (made >= lines) controller.close();
    },
  });
}

Deno.test("no line ends a file, and each rejected one is counted with its number", async () => {
  const lines = Math.min(50_000, Math.ceil(framesWanted / 20));
  const tick = '{"series":"a","time":1000,"value":1.5}';
  const entry = `{"arrival":5,"ticks":[{"series":"a","time":1,"values":{"value":1}}]}`;
  const header = '{"format":"tickcast-recording","version":1}';
  const run = async (
    open: (onStatus: (status: Status) => void) => ReadableStream<readonly Tick[]>,
  ): Promise<{ ticks: number; rejected: number }> => {
    const counts = { ticks: 0, rejected: 0 };
    const source = open((status) => {
      if (status.kind !== "rejected") return;
      ok(REASONS.has(status.reason) && /line \d+/i.test(status.detail), status.detail);
      counts.rejected += status.count;
    });
    for await (const batch of source) {
      counts.ticks += batch.length;
      for (const { time, values } of batch) {
        ok(Number.isFinite(time) && Object.values(values).every(Number.isFinite));
      }
    }
    return counts;
  };
  const ndjson = await run((onStatus) =>
    ndjsonSource({ input: fuzzedLines(tick, [tick], lines, 1), onStatus })
  );
  ok(ndjson.ticks > 0 && ndjson.rejected > lines / 4);
  const recording = await run((onStatus) =>
    recordingSource({ input: fuzzedLines(header, [entry], lines, 2), onStatus })
  );
  ok(recording.ticks > 0 && recording.rejected > lines / 4);
  const csv = await run((onStatus) =>
    csvSource({
      input: fuzzedLines("time,value,other", ["1000,1.5,7", "2026-01-01,2,"], lines, 3),
      time: "time",
      value: ["value", "other"],
      onStatus,
    })
  );
  ok(csv.ticks > 0 && csv.rejected > 0);
  if (framesWanted >= 1_000_000) console.log(JSON.stringify({ lines, ndjson, recording, csv }));
});
