// Steps of enough rows for threads to share them.
import { type Backend, layerParameterLength } from "../../kernels/mod.ts";

/** The outputs of the last of some steps of a thousand rows. */
export async function manyRows(backend: Backend): Promise<number[]> {
  const [batch, steps] = [1000, 50];
  const shape = { cell: "lstm", inputSize: 4, hiddenSize: 64 } as const;
  const length = batch * shape.hiddenSize;
  const parameters = backend.allocate(layerParameterLength(shape));
  const packed = backend.allocate(backend.packedLength(shape));
  const x = backend.allocate(batch * shape.inputSize);
  const [h, c, output] = [length, length, length].map((size) => backend.allocate(size));
  for (const buffer of [parameters, x]) {
    backend.write(
      buffer,
      Float32Array.from({ length: buffer.length }, (_, k) => 0.2 * Math.sin(k + k * k)),
    );
  }
  backend.prepare("pack", { shape, parameters, packed })();
  const step = backend.prepare("step", { shape, batch, x, packed, h, c, output });
  for (let k = 0; k < steps; k++) step();
  const values = new Float32Array(length);
  await backend.read(output, values);
  return [...values];
}
