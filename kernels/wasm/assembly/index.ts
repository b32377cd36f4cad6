// What the module exports: kernels over addresses in its one memory, which the host gives out.

export { activate } from "./activations";
export { copyFloats, fill, gather, multiply, scatter } from "./elementwise";
export { pack, packedLength } from "./layout";
export { linear, linearBackward, linearScratch } from "./linear";
export { loss } from "./loss";
export { adam, clip, sgd } from "./optimise";
export { multiplyAddPeak, multiplyAddStream } from "./peak";
export { firstOutside, sequence, sequenceScratch, step, stepScratch } from "./recurrent";
export { backwardScratch, sequenceBackward } from "./recurrent_backward";

/** Where the module's own constants end and the host may allocate. */
export function heapBase(): usize {
  return __heap_base;
}
