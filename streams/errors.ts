/** Why one input was refused. A bounded set, so that it can label a metric. */
export type RejectReason =
  | "malformed"
  | "missing-field"
  | "bad-type"
  | "bad-time"
  | "not-finite"
  | "too-large"
  | "too-many-series"
  | "duplicate"
  | "late"
  | "unknown";

/**
 * One input that could not be used: which field, why, and where it stood.
 *
 * Sources and decoders throw it for a caller that can answer (an ingest socket answers with it), or
 * turn it into a {@linkcode Status} of kind `rejected` where nobody waits for an answer.
 *
 * @example Naming the field and the reason
 * ```ts
 * import { InputError } from "@tickcast/tickcast/streams";
 *
 * const error = new InputError("bad-type", "value", "expected a number, got \"abc\"", { line: 7 });
 * if (error.message !== 'Line 7, field "value": expected a number, got "abc"') throw new Error();
 * ```
 */
export class InputError extends Error {
  /** The error's class name. */
  override readonly name: string = "InputError";
  /** Why it was refused. */
  readonly reason: RejectReason;
  /** The field at fault, empty where the whole input is. */
  readonly field: string;
  /** The line (CSV, NDJSON) or the position in an array, counted from 1; 0 where there is none. */
  readonly line: number;
  /** What was expected and what came: the message without the place. */
  readonly detail: string;

  /**
   * Describes one refused input.
   *
   * @param reason Why the input was refused.
   * @param field The field at fault, or an empty string.
   * @param detail What was expected and what came.
   * @param options `line`: the line the input stood on, counted from 1.
   */
  constructor(
    reason: RejectReason,
    field: string,
    detail: string,
    options: { line?: number; cause?: unknown } = {},
  ) {
    const line = options.line ?? 0;
    const place = [line > 0 ? `line ${line}` : "", field ? `field "${field}"` : ""]
      .filter(Boolean).join(", ");
    const message = place ? `${place}: ${detail}` : detail;
    super(message.charAt(0).toUpperCase() + message.slice(1), { cause: options.cause });
    this.reason = reason;
    this.field = field;
    this.line = line;
    this.detail = detail;
  }
}
