// The first two records are, byte for byte, what PyTorch's SummaryWriter wrote for the same scalars
// (torch 2.13, tensorboard 2.21): add_scalar("loss/train", 0.5, 1, walltime=1700000000.25), then 0.25 at
// step 2 one second later.
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  crc32c,
  encodeTensorBoardEvent,
  type TensorBoardEvent,
  tensorBoardStream,
} from "../../mod.ts";
import { readFields } from "../../src/interop/protobuf.ts";

const FROM_PYTORCH = [
  "200000000000000029eda9500900001040fc54d94110012a130a110a0a6c6f73732f747261696e150000003fd3101c6d",
  "200000000000000029eda9500900005040fc54d94110022a130a110a0a6c6f73732f747261696e150000803eb59ad13d",
];

Deno.test("TensorBoard: scalars are written byte for byte as by PyTorch", () => {
  const events: TensorBoardEvent[] = [
    { step: 1, time: 1_700_000_000_250, scalars: { "loss/train": 0.5 } },
    { step: 2, time: 1_700_000_001_250, scalars: { "loss/train": 0.25 } },
  ];
  for (const [k, event] of events.entries()) {
    equal(encodeTensorBoardEvent(event).toHex(), FROM_PYTORCH[k]);
  }
});

/** Takes a file apart again, checking every checksum on the way. */
function messages(file: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const unmask = (stored: number): number => {
    const turned = (stored - 0xa282ead8) >>> 0;
    return (turned >>> 17 | turned << 15) >>> 0;
  };
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    equal(unmask(view.getUint32(at + 8, true)), crc32c(file.subarray(at, at + 8)));
    const message = file.subarray(at + 12, at + 12 + length);
    equal(unmask(view.getUint32(at + 12 + length, true)), crc32c(message));
    found.push(message);
    at += length + 16;
  }
  return found;
}

Deno.test("TensorBoard: a stream begins with the version, and holds every event", async () => {
  const events = [1, 2, 3].map((step) => ({ step, time: step, scalars: { loss: 1 / step } }));
  const chunks = await Array.fromAsync(
    ReadableStream.from(events).pipeThrough(tensorBoardStream()),
  );
  const [version, ...rest] = messages(new Uint8Array(await new Blob(chunks).arrayBuffer()));
  equal(new TextDecoder().decode([...readFields(version)][1].bytes), "brain.Event:2");
  deepEqual(rest.map((message) => Number([...readFields(message)][1].value)), [1, 2, 3]);
});

Deno.test("TensorBoard: a histogram counts every value", () => {
  const values = Float32Array.of(-1, -1, 0, 0.5, 3);
  const [message] = messages(
    encodeTensorBoardEvent({ step: 0, time: 0, histograms: { weights: values } }),
  );
  const within = (bytes: Uint8Array, field: number): Uint8Array =>
    [...readFields(bytes)].find((each) => each.field === field)!.bytes;
  const fields = [...readFields(within(within(within(message, 5), 1), 5))];
  const numbers = fields.map(({ bytes }) => [...new Float64Array(bytes.slice().buffer)]);
  deepEqual(numbers.slice(0, 5), [[-1], [3], [5], [1.5], [11.25]]);
  const [limits, counts] = numbers.slice(5);
  equal(limits.length, counts.length);
  equal(limits.at(-1), 3);
  deepEqual(counts.filter((count) => count > 0), [2, 1, 1, 1]);
  ok(limits.every((limit, k) => k === 0 || limit > limits[k - 1]));
  const constant = encodeTensorBoardEvent({ step: 0, time: 0, histograms: { a: [7, 7] } });
  equal(messages(constant).length, 1);
});

Deno.test("TensorBoard: what cannot be shown is refused", () => {
  throws(() => encodeTensorBoardEvent({ step: 1.5, time: 0 }), RangeError);
  throws(() => encodeTensorBoardEvent({ step: 1, time: 0, histograms: { a: [] } }), RangeError);
  throws(() => encodeTensorBoardEvent({ step: 1, time: 0, histograms: { a: [NaN] } }), RangeError);
});
