/** What may stand in a cell; nothing where it is left out. */
export type CsvCell = string | number | undefined;

/** How items become rows. */
export interface CsvSinkOptions<T> {
  /** The header. */
  readonly columns: readonly string[];
  /** The rows of an item, each with a cell a column. */
  readonly rows: (item: T) => Iterable<readonly CsvCell[]>;
  /** Leave the header out, for output that has one already. */
  readonly headless?: boolean;
}

/**
 * Writes items as CSV (RFC 4180, with line feeds). One write a chunk, and the next chunk is taken only when
 * the last one is written. Numbers that are not finite leave their cell empty.
 *
 * @param output Where the bytes go, such as a file. Closed with the sink.
 * @param options The columns, and how an item becomes rows.
 * @returns The sink.
 *
 * @example
 * ```ts
 * import { csvSink, type Tick } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
 * const ticks: Tick[] = [{ series: 'the "a"', time: 1, values: { value: 2 } }];
 * const sink = csvSink<Tick>(writable, {
 *   columns: ["series", "time", "value"],
 *   rows: ({ series, time, values }) => [[series, time, values.value]],
 * });
 * const [text] = await Promise.all([
 *   new Response(readable).text(),
 *   ReadableStream.from([ticks]).pipeTo(sink),
 * ]);
 * equal(text, 'series,time,value\n"the ""a""",1,2\n');
 * ```
 */
export function csvSink<T>(
  output: WritableStream<Uint8Array>,
  options: CsvSinkOptions<T>,
): WritableStream<readonly T[]> {
  const { columns, rows, headless = false } = options;
  const utf8 = new TextEncoder();
  const writer = output.getWriter();
  return new WritableStream<readonly T[]>({
    async start(): Promise<void> {
      if (!headless) await writer.write(utf8.encode(line(columns)));
    },
    async write(items): Promise<void> {
      let text = "";
      for (const item of items) for (const row of rows(item)) text += line(row);
      if (text !== "") await writer.write(utf8.encode(text));
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

function line(cells: readonly CsvCell[]): string {
  return cells.map(cell).join(",") + "\n";
}

function cell(value: CsvCell): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (value === undefined) return "";
  return /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
