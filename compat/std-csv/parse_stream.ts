/**
 * Stands in for `jsr:@std/csv/parse-stream` in a checkout, over npm `csv-parse`.
 *
 * @module
 */
import { CsvError, parse } from "csv-parse";

/** How the text is to be read. */
export interface CsvParseStreamOptions {
  /** What separates values; a comma where left out. */
  separator?: string;
  /** The character that begins a comment line; none where left out. */
  comment?: string;
  /** Leave out white space before a value. */
  trimLeadingSpace?: boolean;
  /** Take a stray quote as it stands. */
  lazyQuotes?: boolean;
  /** Values in each record: 0 takes the first record's count, a negative number allows any. */
  fieldsPerRecord?: number;
  /** Leave out the first record; without `columns` it names the columns. */
  skipFirstRow?: boolean;
  /** The names of the columns. Records become objects. */
  columns?: readonly string[];
}

/** A record: an object where the columns have names, else an array. */
export type RowType<T> = T extends { columns: readonly (infer Column extends string)[] }
  ? Record<Column, string>
  : T extends { skipFirstRow: true } ? Record<string, string>
  : T extends { columns?: undefined; skipFirstRow?: false | undefined } | undefined ? string[]
  : string[] | Record<string, string>;

/**
 * Text parsed at once, some dozens of records: of more, all waiting for their reader, V8 would think that
 * records live long, and would put them where they are collected late.
 */
const PIECE_LENGTH = 2048;

/** A record above this is refused, so that one stray quote cannot take all memory. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

const REASONS: Partial<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'bare " in non-quoted-field',
  CSV_INVALID_CLOSING_QUOTE: 'extraneous or missing " in quoted-field',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'extraneous or missing " in quoted-field',
  CSV_QUOTE_NOT_CLOSED: 'extraneous or missing " in quoted-field',
};

function syntaxError(line: number, reason: string, cause?: unknown): SyntaxError {
  return new SyntaxError(`Syntax error on line ${line}: ${reason}`, { cause });
}

/**
 * Turns the text of a CSV into records, as RFC 4180 has it.
 *
 * Ends with a `SyntaxError` naming the line at a stray quote or a wrong number of values.
 */
export class CsvParseStream<const T extends CsvParseStreamOptions | undefined = undefined>
  implements TransformStream<string, RowType<T>> {
  /** The records. */
  readonly readable: ReadableStream<RowType<T>>;
  /** Takes the text, cut anywhere. */
  readonly writable: WritableStream<string>;

  /**
   * Opens the stream.
   *
   * @param options How the text is to be read.
   */
  constructor(options?: T) {
    const { separator = ",", comment, columns, skipFirstRow = false, fieldsPerRecord = -1 } =
      options ?? {};
    const named = columns !== undefined || skipFirstRow;
    let header = columns;
    let expected = fieldsPerRecord;
    let first = true;
    let output: ReadableStreamDefaultController<RowType<T>>;
    let delivered = false;
    let ended = false;
    let fault: Error | undefined;

    // Records leave through the callback, not through the parser's own readable side: one queue less.
    const parser = parse({
      delimiter: separator,
      comment: comment ?? null,
      comment_no_infix: true,
      ltrim: options?.trimLeadingSpace ?? false,
      relax_quotes: options?.lazyQuotes ?? false,
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ["\r\n", "\n"],
      max_record_size: RECORD_BYTES_MAX,
      on_record: (record: string[], { lines }): null => {
        if (first) {
          first = false;
          if (named) header ??= record;
          if (skipFirstRow) return null;
          if (expected === 0) expected = record.length;
        }
        if (expected > 0 && record.length !== expected) {
          throw syntaxError(lines, `expected ${expected} fields but got ${record.length}`);
        }
        output.enqueue((header ? byName(record, header, lines) : record) as RowType<T>);
        delivered = true;
        return null;
      },
    });

    // A parser that failed may tell by its callback, its event or both, and calls no callback again.
    let parsed = (): void => {};
    const settle = (error?: Error | null): void => {
      if (error) fault ??= translate(error);
      parsed();
    };
    parser.on("error", settle);
    parser.resume();

    const text = new TransformStream<string, string>({
      transform(chunk, controller): void {
        for (let at = 0; at < chunk.length;) {
          const end = Math.min(at + PIECE_LENGTH, chunk.length);
          // No piece ends within a character of two code units.
          const whole = (chunk.codePointAt(end - 1) ?? 0) > 0xffff ? end + 1 : end;
          controller.enqueue(chunk.slice(at, whole));
          at = whole;
        }
      },
    });
    const input = text.readable.getReader();
    this.writable = text.writable;
    this.readable = new ReadableStream<RowType<T>>({
      async pull(controller): Promise<void> {
        output = controller;
        delivered = false;
        while (!delivered) {
          // Only now: an error empties the queue, and the records before it should be read first.
          if (fault) {
            await input.cancel(fault);
            throw fault;
          }
          if (ended) return controller.close();
          const { value, done } = await input.read();
          ended = done;
          await new Promise<void>((resolve) => {
            parsed = resolve;
            if (done) parser.end(settle);
            else parser.write(value, settle);
          });
        }
      },
      async cancel(reason): Promise<void> {
        parser.destroy();
        await input.cancel(reason);
      },
    });
  }
}

function byName(
  record: readonly string[],
  header: readonly string[],
  line: number,
): Record<string, string> {
  if (record.length !== header.length) {
    throw syntaxError(
      line,
      `The record has ${record.length} fields, but the header has ${header.length} fields`,
    );
  }
  const named: Record<string, string> = {};
  for (let i = 0; i < header.length; i++) named[header[i]] = record[i];
  return named;
}

function translate(error: Error): Error {
  if (!(error instanceof CsvError)) return error;
  return syntaxError(Number(error.lines), REASONS[error.code] ?? error.message, error);
}
