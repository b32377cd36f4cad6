/** What the module built from `assembly/` exports. Pointers, sizes and counts are whole numbers; pointers are in bytes. */
export interface WasmExports {
  readonly memory: WebAssembly.Memory;
  activate(kind: number, at: number, length: number): void;
  adam(...args: (number | boolean)[]): void;
  backwardScratch(cell: number, I: number, H: number, steps: number, batch: number): number;
  clip(gradient: number, length: number, maxNorm: number, norm: number): void;
  copyFloats(source: number, target: number, length: number): void;
  fill(target: number, length: number, bits: number): void;
  firstOutside(index: number, count: number, capacity: number): number;
  gather(width: number, source: number, index: number, target: number, count: number): void;
  heapBase(): number;
  linear(rows: number, I: number, O: number, x: number, parameters: number, y: number): void;
  linearBackward(...args: number[]): void;
  linearScratch(rows: number, I: number, O: number): number;
  loss(...args: number[]): void;
  multiply(a: number, b: number, target: number, length: number): void;
  multiplyAddPeak(rounds: number, at: number): void;
  multiplyAddStream(lines: number, w: number, at: number): void;
  pack(cell: number, I: number, H: number, parameters: number, packed: number): void;
  packedLength(cell: number, I: number, H: number): number;
  scatter(width: number, source: number, index: number, target: number, count: number): void;
  sequence(...args: number[]): void;
  sequenceBackward(...args: number[]): void;
  sequenceScratch(cell: number, I: number, H: number, steps: number, batch: number): number;
  sgd(...args: number[]): void;
  step(
    cell: number,
    I: number,
    H: number,
    count: number,
    x: number,
    packed: number,
    h: number,
    c: number,
    index: number,
    capacity: number,
    output: number,
    scratch: number,
  ): number;
  stepScratch(cell: number, I: number, H: number, batch: number): number;
}
