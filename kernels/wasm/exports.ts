/** What the module built from `assembly/` exports; all arguments are addresses, counts or constants. */
export interface WasmExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  activate(kind: number, source: number, target: number, count: number): void;
  lstmPack(inputs: number, hidden: number, parameters: number, packed: number): void;
  gruPack(inputs: number, hidden: number, parameters: number, packed: number): void;
  lstmStep(
    batch: number,
    inputs: number,
    hidden: number,
    packed: number,
    x: number,
    h: number,
    c: number,
    rows: number,
    output: number,
  ): void;
  gruStep(
    batch: number,
    inputs: number,
    hidden: number,
    packed: number,
    x: number,
    h: number,
    rows: number,
    output: number,
  ): void;
  resetBeforeStep(
    batch: number,
    inputs: number,
    hidden: number,
    packed: number,
    x: number,
    h: number,
    rows: number,
    output: number,
    scratch: number,
  ): void;
  lstmSequence(
    steps: number,
    batch: number,
    inputs: number,
    hidden: number,
    packed: number,
    x: number,
    h0: number,
    c0: number,
    hs: number,
    cs: number,
    saved: number,
  ): void;
  gruSequence: Sequence;
  resetBeforeSequence: Sequence;
  lstmBackward(
    steps: number,
    batch: number,
    inputs: number,
    hidden: number,
    x: number,
    parameters: number,
    h0: number,
    c0: number,
    hs: number,
    cs: number,
    saved: number,
    dhs: number,
    gradient: number,
    dx: number,
    scratch: number,
  ): void;
  gruBackward: Backward;
  resetBeforeBackward: Backward;
  linear(
    rows: number,
    inputs: number,
    outputs: number,
    x: number,
    parameters: number,
    y: number,
  ): void;
  linearBackward(
    rows: number,
    inputs: number,
    outputs: number,
    x: number,
    parameters: number,
    dy: number,
    gradient: number,
    dx: number,
  ): void;
  loss(
    kind: number,
    targetCount: number,
    width: number,
    levels: number,
    delta: number,
    predictions: number,
    targets: number,
    mask: number,
    result: number,
    gradient: number,
  ): void;
  clip(count: number, gradient: number, maxNorm: number, result: number): void;
  adam(
    count: number,
    parameters: number,
    gradient: number,
    m: number,
    v: number,
    schedule: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    decoupled: number,
  ): void;
  sgd(
    count: number,
    parameters: number,
    gradient: number,
    velocity: number,
    schedule: number,
    momentum: number,
    weightDecay: number,
  ): void;
  multiply(count: number, a: number, b: number, target: number): void;
  gather(batch: number, width: number, source: number, rows: number, target: number): void;
  scatter(batch: number, bytes: number, rows: number, source: number, slab: number): void;
}

type Sequence = (
  steps: number,
  batch: number,
  inputs: number,
  hidden: number,
  packed: number,
  x: number,
  h0: number,
  hs: number,
  saved: number,
) => void;

type Backward = (
  steps: number,
  batch: number,
  inputs: number,
  hidden: number,
  x: number,
  parameters: number,
  h0: number,
  hs: number,
  saved: number,
  dhs: number,
  gradient: number,
  dx: number,
  scratch: number,
) => void;
