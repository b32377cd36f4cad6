import type { Tick } from "../../streams/mod.ts";

/** Bytes before the header's text: its length, and the number of ticks. */
const PREFIX_BYTES = 8;

interface Header {
  series: string[];
  features: string[];
  ids?: (string | null)[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Writes a micro-batch as one compact record: a JSON header with the names (and ids, where there are
 * any), padded to 8 bytes, then columns: times `f64 [n]`, each feature `f64 [n]` with NaN where a tick
 * lacks it, and the index of each tick's series `u32 [n]`. Little-endian, as every platform of Deno is.
 */
export function encodeBatch(ticks: readonly Tick[]): Uint8Array {
  const count = ticks.length;
  const seriesIndex = new Map<string, number>();
  const columns = new Map<string, Float64Array>();
  const times = new Float64Array(count);
  const seriesOf = new Uint32Array(count);
  let ids: (string | null)[] | undefined;
  for (let i = 0; i < count; i++) {
    const tick = ticks[i];
    times[i] = tick.time;
    let index = seriesIndex.get(tick.series);
    if (index === undefined) seriesIndex.set(tick.series, index = seriesIndex.size);
    seriesOf[i] = index;
    for (const feature in tick.values) {
      let column = columns.get(feature);
      if (column === undefined) columns.set(feature, column = new Float64Array(count).fill(NaN));
      column[i] = tick.values[feature];
    }
    if (tick.id !== undefined) {
      ids ??= new Array<string | null>(count).fill(null);
      ids[i] = tick.id;
    }
  }
  const header: Header = { series: [...seriesIndex.keys()], features: [...columns.keys()], ids };
  const text = encoder.encode(JSON.stringify(header));
  const start = align8(PREFIX_BYTES + text.length);
  const bytes = new Uint8Array(start + count * (8 + 8 * columns.size + 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, count, true);
  bytes.set(text, PREFIX_BYTES);
  let offset = start;
  for (const column of [times, ...columns.values(), seriesOf]) {
    bytes.set(new Uint8Array(column.buffer), offset);
    offset += column.byteLength;
  }
  return bytes;
}

/**
 * Reads what {@linkcode encodeBatch} wrote.
 *
 * @throws {SyntaxError} when the record is damaged.
 */
export function decodeBatch(bytes: Uint8Array): Tick[] {
  try {
    // A copy, so that the columns are aligned however the database handed the bytes over.
    const { buffer } = new Uint8Array(bytes);
    const view = new DataView(buffer);
    const textLength = view.getUint32(0, true);
    const count = view.getUint32(4, true);
    const text = new Uint8Array(buffer, PREFIX_BYTES, textLength);
    const header = JSON.parse(decoder.decode(text)) as Header;
    let offset = align8(PREFIX_BYTES + textLength);
    const column = (): Float64Array => {
      const values = new Float64Array(buffer, offset, count);
      offset += values.byteLength;
      return values;
    };
    const times = column();
    const columns = header.features.map(column);
    const seriesOf = new Uint32Array(buffer, offset, count);
    return Array.from(times, (time, i) => {
      const values: Record<string, number> = {};
      header.features.forEach((feature, f) => {
        if (!Number.isNaN(columns[f][i])) values[feature] = columns[f][i];
      });
      const id = header.ids?.[i];
      const tick = { series: header.series[seriesOf[i]], time, values };
      return typeof id === "string" ? { ...tick, id } : tick;
    });
  } catch (cause) {
    throw new SyntaxError("Cannot read journal record: it is damaged", { cause });
  }
}

function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
