import { crc32c } from "../state/crc32c.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** What TensorBoard is to show of one step. */
export interface TensorBoardEvent {
  /** The step: an epoch, a retraining, a tick. */
  readonly step: number;
  /** When, in epoch milliseconds. */
  readonly time: number;
  /** Numbers by tag, such as `loss/train`. */
  readonly scalars?: Readonly<Record<string, number>>;
  /** Values whose distribution is shown, by tag, such as the weights of a layer. */
  readonly histograms?: Readonly<Record<string, ArrayLike<number>>>;
}

/** Equally wide bins of a histogram; TensorBoard redraws them as 30 whatever it gets. */
const BINS = 30;

/**
 * Turns training curves into the bytes of a TensorBoard event file: TFRecord framing with masked
 * CRC-32C, `Event` messages within. Write them to a file whose name contains `tfevents`, in a folder
 * that `tensorboard --logdir` watches.
 *
 * @returns A stream from events to bytes. It begins with the file's version.
 *
 * @example A loss curve
 * ```ts
 * import { tensorBoardStream } from "@tickcast/tickcast";
 *
 * const curve = ReadableStream.from([
 *   { step: 1, time: 0, scalars: { "loss/train": 0.5, "loss/validation": 0.6 } },
 *   { step: 2, time: 1000, scalars: { "loss/train": 0.4, "loss/validation": 0.5 } },
 * ]);
 * let bytes = 0;
 * for await (const chunk of curve.pipeThrough(tensorBoardStream())) bytes += chunk.length;
 * if (bytes < 100) throw new Error();
 * ```
 */
export function tensorBoardStream(): TransformStream<TensorBoardEvent, Uint8Array<ArrayBuffer>> {
  let first = true;
  return new TransformStream({
    transform(event, controller): void {
      if (first) controller.enqueue(record(header(event.time).text(3, "brain.Event:2")));
      first = false;
      controller.enqueue(encodeTensorBoardEvent(event));
    },
  });
}

/**
 * One event as a record of an event file.
 *
 * @param event What is to be shown of a step.
 * @returns The record's bytes.
 * @throws {RangeError} when the step is not a whole number, or a histogram is empty or not finite.
 *
 * @example
 * ```ts
 * import { encodeTensorBoardEvent } from "@tickcast/tickcast";
 *
 * const record = encodeTensorBoardEvent({ step: 1, time: 0, scalars: { loss: 0.5 } });
 * // A record says first how long its message is.
 * if (new DataView(record.buffer).getUint32(0, true) !== record.length - 16) throw new Error();
 * ```
 */
export function encodeTensorBoardEvent(event: TensorBoardEvent): Uint8Array<ArrayBuffer> {
  const { step, time, scalars = {}, histograms = {} } = event;
  if (!Number.isSafeInteger(step)) throw new RangeError(`A step is a whole number, not ${step}`);
  const summary = new ProtobufWriter();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.message(1, new ProtobufWriter().text(1, tag).float(2, value));
  }
  for (const [tag, values] of Object.entries(histograms)) {
    summary.message(1, new ProtobufWriter().text(1, tag).message(5, histogram(tag, values)));
  }
  return record(header(time).integer(2, step).message(5, summary));
}

function header(time: number): ProtobufWriter {
  return new ProtobufWriter().double(1, time / 1000);
}

function histogram(tag: string, values: ArrayLike<number>): ProtobufWriter {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i]);
    max = Math.max(max, values[i]);
    sum += values[i];
    squares += values[i] ** 2;
  }
  if (values.length === 0 || !Number.isFinite(squares)) {
    throw new RangeError(`The histogram "${tag}" needs finite values, at least one`);
  }
  const width = (max - min) / BINS;
  const limits = Float64Array.from({ length: BINS }, (_, k) => min + (k + 1) * width);
  const counts = new Float64Array(BINS);
  for (let i = 0; i < values.length; i++) {
    const bin = width > 0 ? Math.floor((values[i] - min) / width) : 0;
    counts[Math.min(BINS - 1, bin)]++;
  }
  return new ProtobufWriter()
    .double(1, min).double(2, max).double(3, values.length).double(4, sum).double(5, squares)
    .doubles(6, limits).doubles(7, counts);
}

/** Length, its checksum, the message, its checksum. */
function record(event: ProtobufWriter): Uint8Array<ArrayBuffer> {
  const message = event.finish();
  const bytes = new Uint8Array(message.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, masked(bytes.subarray(0, 8)), true);
  bytes.set(message, 12);
  view.setUint32(12 + message.length, masked(message), true);
  return bytes;
}

/** A checksum of data that holds checksums is weak: it is turned and shifted before it is stored. */
function masked(bytes: Uint8Array): number {
  const sum = crc32c(bytes);
  return ((sum >>> 15 | sum << 17) + 0xa282ead8) >>> 0;
}
