// What the module exports: kernels over addresses in its one memory. The host allocates.
export { activate } from "./vector";
export { lstmPack, lstmSequence, lstmStep, scatterRows as scatter } from "./lstm";
export { gruPack, gruSequence, gruStep } from "./gru";
export { resetBeforeSequence, resetBeforeStep } from "./gru_reset_before";
export { linear } from "./matrix";
export { gruBackward, linearBackward, lstmBackward, resetBeforeBackward } from "./backward";
export { loss } from "./loss";
export { adam, clip, sgd } from "./optimise";
export { gather, multiply } from "./elements";

/** Where the module's own constants end and the host may allocate. */
export function heapBase(): usize {
  return __heap_base;
}
