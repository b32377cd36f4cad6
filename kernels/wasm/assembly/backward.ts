// Backward through time. The steps run backwards and leave the gradients of all gate sums; the
// gradients of the weights are then single products over all steps and rows at once.
import { addRows, multiplyAdd } from "./matrix";
import { FLOAT, loadLanes, madd, storeLanes, tanh } from "./vector";

/** s (1 − s): the slope of the sigmoid by its value, times what comes in. */
@inline
function throughSigmoid(slope: v128, s: v128): v128 {
  return f32x4.mul(slope, f32x4.mul(s, f32x4.sub(f32x4.splat(1), s)));
}

/** 1 − t²: the slope of tanh by its value, times what comes in. */
@inline
function throughTanh(slope: v128, t: v128): v128 {
  return f32x4.mul(slope, f32x4.sub(f32x4.splat(1), f32x4.mul(t, t)));
}

/**
 * One row of an LSTM step. `dh` comes in as the gradient by h; `dc` as that by c from the step after,
 * and leaves as that by the c before.
 */
function lstmRow(
  hidden: i32, dh: usize, dhs: usize, dc: usize, c: usize, cPrevious: usize, saved: usize, dGates: usize,
): void {
  const gate = <usize>hidden * FLOAT;
  for (let unit = 0; unit < hidden; unit += 4) {
    const at = <usize>unit * FLOAT;
    const lanes = hidden - unit;
    const i = loadLanes(saved + at, lanes);
    const f = loadLanes(saved + gate + at, lanes);
    const g = loadLanes(saved + 2 * gate + at, lanes);
    const o = loadLanes(saved + 3 * gate + at, lanes);
    const squashed = tanh(loadLanes(c + at, lanes));
    const byH = f32x4.add(loadLanes(dh + at, lanes), loadLanes(dhs + at, lanes));
    const byC = f32x4.add(loadLanes(dc + at, lanes), throughTanh(f32x4.mul(byH, o), squashed));
    storeLanes(dGates + at, throughSigmoid(f32x4.mul(byC, g), i), lanes);
    const byF = f32x4.mul(byC, loadLanes(cPrevious + at, lanes));
    storeLanes(dGates + gate + at, throughSigmoid(byF, f), lanes);
    storeLanes(dGates + 2 * gate + at, throughTanh(f32x4.mul(byC, i), g), lanes);
    storeLanes(dGates + 3 * gate + at, throughSigmoid(f32x4.mul(byH, squashed), o), lanes);
    storeLanes(dc + at, f32x4.mul(byC, f), lanes);
  }
}

/**
 * Gradients of one layer's weights and biases from those of its gate sums, `[T·B, G·H]`. The state
 * before the first step is `h0`, before later ones the output of the step before.
 */
function weightGradients(
  gateRows: i32, steps: i32, batch: i32, inputs: i32, hidden: i32,
  x: usize, h0: usize, hs: usize, byInput: usize, byHidden: usize, gradient: usize,
): void {
  const rows = steps * batch;
  const gates = <usize>gateRows * FLOAT;
  const xRow = <usize>inputs * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const hiddenWeight = gradient + <usize>gateRows * xRow;
  const inputBias = hiddenWeight + <usize>gateRows * hRow;
  multiplyAdd(gateRows, inputs, rows, byInput, FLOAT, gates, x, xRow, gradient, xRow);
  multiplyAdd(gateRows, hidden, batch, byHidden, FLOAT, gates, h0, hRow, hiddenWeight, hRow);
  const later = byHidden + <usize>batch * gates;
  multiplyAdd(gateRows, hidden, rows - batch, later, FLOAT, gates, hs, hRow, hiddenWeight, hRow);
  addRows(rows, gateRows, byInput, gates, inputBias);
  addRows(rows, gateRows, byHidden, gates, inputBias + gates);
}

/** dx = dGates W: the gradient by the inputs. */
function inputGradient(
  gateRows: i32, rows: i32, inputs: i32, dGates: usize, parameters: usize, dx: usize,
): void {
  const gates = <usize>gateRows * FLOAT;
  const xRow = <usize>inputs * FLOAT;
  memory.fill(dx, 0, <usize>rows * xRow);
  multiplyAdd(rows, inputs, gateRows, dGates, gates, FLOAT, parameters, xRow, dx, xRow);
}

/** `scratch` holds dGates `[T, B, 4·H]`, dh `[B, H]` and dc `[B, H]`. */
export function lstmBackward(
  steps: i32, batch: i32, inputs: i32, hidden: i32, x: usize, parameters: usize,
  h0: usize, c0: usize, hs: usize, cs: usize, saved: usize, dhs: usize,
  gradient: usize, dx: usize, scratch: usize,
): void {
  const gateRows = 4 * hidden;
  const gates = <usize>gateRows * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const hStep = <usize>batch * hRow;
  const dGates = scratch;
  const dh = dGates + <usize>(steps * batch) * gates;
  const dc = dh + hStep;
  const weightHidden = parameters + <usize>(gateRows * inputs) * FLOAT;
  memory.fill(dh, 0, 2 * hStep);
  for (let t = steps - 1; t >= 0; t--) {
    const at = <usize>t * hStep;
    const before = t > 0 ? cs + at - hStep : c0;
    for (let b = 0; b < batch; b++) {
      const row = <usize>b * hRow;
      lstmRow(
        hidden, dh + row, dhs + at + row, dc + row, cs + at + row, before + row,
        saved + 4 * (at + row), dGates + 4 * (at + row),
      );
    }
    if (t > 0) {
      memory.fill(dh, 0, hStep);
      multiplyAdd(batch, hidden, gateRows, dGates + 4 * at, gates, FLOAT, weightHidden, hRow, dh, hRow);
    }
  }
  weightGradients(gateRows, steps, batch, inputs, hidden, x, h0, hs, dGates, dGates, gradient);
  if (dx) inputGradient(gateRows, steps * batch, inputs, dGates, parameters, dx);
}

/** One row of a GRU step; `dh` leaves as z · dh, to which the product with the weights is added. */
function gruRow(
  hidden: i32, dh: usize, dhs: usize, hPrevious: usize, saved: usize, byInput: usize, byHidden: usize,
): void {
  const gate = <usize>hidden * FLOAT;
  const one = f32x4.splat(1);
  for (let unit = 0; unit < hidden; unit += 4) {
    const at = <usize>unit * FLOAT;
    const lanes = hidden - unit;
    const r = loadLanes(saved + at, lanes);
    const z = loadLanes(saved + gate + at, lanes);
    const n = loadLanes(saved + 2 * gate + at, lanes);
    const nh = loadLanes(saved + 3 * gate + at, lanes);
    const h = loadLanes(hPrevious + at, lanes);
    const byH = f32x4.add(loadLanes(dh + at, lanes), loadLanes(dhs + at, lanes));
    const byN = throughTanh(f32x4.mul(byH, f32x4.sub(one, z)), n);
    const byR = throughSigmoid(f32x4.mul(byN, nh), r);
    const byZ = throughSigmoid(f32x4.mul(byH, f32x4.sub(h, n)), z);
    storeLanes(byInput + at, byR, lanes);
    storeLanes(byInput + gate + at, byZ, lanes);
    storeLanes(byInput + 2 * gate + at, byN, lanes);
    storeLanes(byHidden + at, byR, lanes);
    storeLanes(byHidden + gate + at, byZ, lanes);
    storeLanes(byHidden + 2 * gate + at, f32x4.mul(byN, r), lanes);
    storeLanes(dh + at, f32x4.mul(byH, z), lanes);
  }
}

/** `scratch` holds the gradients by the sums of the input and of the state `[T, B, 3·H]`, and dh. */
export function gruBackward(
  steps: i32, batch: i32, inputs: i32, hidden: i32, x: usize, parameters: usize,
  h0: usize, hs: usize, saved: usize, dhs: usize, gradient: usize, dx: usize, scratch: usize,
): void {
  const gateRows = 3 * hidden;
  const gates = <usize>gateRows * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const hStep = <usize>batch * hRow;
  const byInput = scratch;
  const byHidden = byInput + <usize>(steps * batch) * gates;
  const dh = byHidden + <usize>(steps * batch) * gates;
  const weightHidden = parameters + <usize>(gateRows * inputs) * FLOAT;
  memory.fill(dh, 0, hStep);
  for (let t = steps - 1; t >= 0; t--) {
    const at = <usize>t * hStep;
    const before = t > 0 ? hs + at - hStep : h0;
    for (let b = 0; b < batch; b++) {
      const row = <usize>b * hRow;
      gruRow(
        hidden, dh + row, dhs + at + row, before + row, saved + 4 * (at + row),
        byInput + 3 * (at + row), byHidden + 3 * (at + row),
      );
    }
    const from = byHidden + 3 * at;
    multiplyAdd(batch, hidden, gateRows, from, gates, FLOAT, weightHidden, hRow, dh, hRow);
  }
  weightGradients(gateRows, steps, batch, inputs, hidden, x, h0, hs, byInput, byHidden, gradient);
  if (dx) inputGradient(gateRows, steps * batch, inputs, byInput, parameters, dx);
}

/** What does not pass through the reset state: n, z, and z · dh. */
function resetBeforeOuter(
  hidden: i32, dh: usize, dhs: usize, hPrevious: usize, saved: usize, dGates: usize,
): void {
  const gate = <usize>hidden * FLOAT;
  const one = f32x4.splat(1);
  for (let unit = 0; unit < hidden; unit += 4) {
    const at = <usize>unit * FLOAT;
    const lanes = hidden - unit;
    const z = loadLanes(saved + gate + at, lanes);
    const n = loadLanes(saved + 2 * gate + at, lanes);
    const byH = f32x4.add(loadLanes(dh + at, lanes), loadLanes(dhs + at, lanes));
    const byN = throughTanh(f32x4.mul(byH, f32x4.sub(one, z)), n);
    const byZ = f32x4.mul(byH, f32x4.sub(loadLanes(hPrevious + at, lanes), n));
    storeLanes(dGates + gate + at, throughSigmoid(byZ, z), lanes);
    storeLanes(dGates + 2 * gate + at, byN, lanes);
    storeLanes(dh + at, f32x4.mul(byH, z), lanes);
  }
}

/** What passes through r · h, given its gradient `ds`. */
function resetBeforeInner(
  hidden: i32, dh: usize, ds: usize, hPrevious: usize, saved: usize, dGates: usize,
): void {
  for (let unit = 0; unit < hidden; unit += 4) {
    const at = <usize>unit * FLOAT;
    const lanes = hidden - unit;
    const r = loadLanes(saved + at, lanes);
    const slope = loadLanes(ds + at, lanes);
    const h = loadLanes(hPrevious + at, lanes);
    storeLanes(dGates + at, throughSigmoid(f32x4.mul(slope, h), r), lanes);
    storeLanes(dh + at, madd(slope, r, loadLanes(dh + at, lanes)), lanes);
  }
}

/** `scratch` holds dGates `[T, B, 3·H]`, dh `[B, H]` and ds `[B, H]`. */
export function resetBeforeBackward(
  steps: i32, batch: i32, inputs: i32, hidden: i32, x: usize, parameters: usize,
  h0: usize, hs: usize, saved: usize, dhs: usize, gradient: usize, dx: usize, scratch: usize,
): void {
  const gateRows = 3 * hidden;
  const gates = <usize>gateRows * FLOAT;
  const xRow = <usize>inputs * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const hStep = <usize>batch * hRow;
  const dGates = scratch;
  const dh = dGates + <usize>(steps * batch) * gates;
  const ds = dh + hStep;
  const weightHidden = parameters + <usize>gateRows * xRow;
  const weightCandidate = weightHidden + 2 * <usize>hidden * hRow;
  memory.fill(dh, 0, hStep);
  for (let t = steps - 1; t >= 0; t--) {
    const at = <usize>t * hStep;
    const before = t > 0 ? hs + at - hStep : h0;
    for (let b = 0; b < batch; b++) {
      const row = <usize>b * hRow;
      const from = saved + 4 * (at + row);
      resetBeforeOuter(hidden, dh + row, dhs + at + row, before + row, from, dGates + 3 * (at + row));
    }
    const step = dGates + 3 * at;
    memory.fill(ds, 0, hStep);
    multiplyAdd(batch, hidden, hidden, step + 2 * hRow, gates, FLOAT, weightCandidate, hRow, ds, hRow);
    for (let b = 0; b < batch; b++) {
      const row = <usize>b * hRow;
      const from = saved + 4 * (at + row);
      resetBeforeInner(hidden, dh + row, ds + row, before + row, from, dGates + 3 * (at + row));
    }
    multiplyAdd(batch, hidden, 2 * hidden, step, gates, FLOAT, weightHidden, hRow, dh, hRow);
  }
  const rows = steps * batch;
  const hiddenWeight = gradient + <usize>gateRows * xRow;
  const inputBias = hiddenWeight + <usize>gateRows * hRow;
  multiplyAdd(gateRows, inputs, rows, dGates, FLOAT, gates, x, xRow, gradient, xRow);
  multiplyAdd(2 * hidden, hidden, batch, dGates, FLOAT, gates, h0, hRow, hiddenWeight, hRow);
  const later = dGates + <usize>batch * gates;
  multiplyAdd(2 * hidden, hidden, rows - batch, later, FLOAT, gates, hs, hRow, hiddenWeight, hRow);
  const candidate = hiddenWeight + 2 * <usize>hidden * hRow;
  const aside = saved + 3 * hRow;
  multiplyAdd(
    hidden, hidden, rows, dGates + 2 * hRow, FLOAT, gates, aside, 4 * hRow, candidate, hRow,
  );
  addRows(rows, gateRows, dGates, gates, inputBias);
  addRows(rows, gateRows, dGates, gates, inputBias + gates);
  if (dx) inputGradient(gateRows, rows, inputs, dGates, parameters, dx);
}

/** Adds the gradients of weight and bias; writes `dx` where it is given. */
export function linearBackward(
  rows: i32, inputs: i32, outputs: i32, x: usize, parameters: usize, dy: usize,
  gradient: usize, dx: usize,
): void {
  const xRow = <usize>inputs * FLOAT;
  const yRow = <usize>outputs * FLOAT;
  multiplyAdd(outputs, inputs, rows, dy, FLOAT, yRow, x, xRow, gradient, xRow);
  addRows(rows, outputs, dy, yRow, gradient + <usize>outputs * xRow);
  if (dx) inputGradient(outputs, rows, inputs, dy, parameters, dx);
}
