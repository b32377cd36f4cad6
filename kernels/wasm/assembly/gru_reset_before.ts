// The GRU of Cho et al. (2014): the reset gate scales the state before the recurrent product, so the
// candidate needs r · h of every unit before its own sum: two passes over the blocks of gru.ts.
import { scatterRows } from "./lstm";
import { FLOAT, loadLanes, madd, sigmoid, storeLanes, tanh, VECTOR } from "./vector";

const BIAS: usize = 4 * VECTOR;
const TRIPLE: usize = 3 * VECTOR;

/** One row. `saved [4·H]` receives r, z, n and r · h; it also carries them from pass to pass. */
function stepOne(
  inputs: i32, hidden: i32, packed: usize, x: usize, hPrevious: usize, h: usize, saved: usize,
): void {
  const gateBytes = <usize>hidden * FLOAT;
  const update = saved + gateBytes;
  const candidate = update + gateBytes;
  const aside = candidate + gateBytes;
  const xEnd = x + <usize>inputs * FLOAT;
  const hEnd = hPrevious + gateBytes;
  let w = packed;
  for (let unit = 0; unit < hidden; unit += 4) {
    let r = v128.load(w), z = v128.load(w, 16);
    let n = f32x4.add(v128.load(w, 32), v128.load(w, 48));
    w += BIAS;
    for (let at = x; at < xEnd; at += FLOAT, w += TRIPLE) {
      const s = v128.load32_splat(at);
      r = madd(s, v128.load(w), r);
      z = madd(s, v128.load(w, 16), z);
      n = madd(s, v128.load(w, 32), n);
    }
    for (let at = hPrevious; at < hEnd; at += FLOAT, w += TRIPLE) {
      const s = v128.load32_splat(at);
      r = madd(s, v128.load(w), r);
      z = madd(s, v128.load(w, 16), z);
    }
    const lanes = hidden - unit;
    const to = <usize>unit * FLOAT;
    const reset = sigmoid(r);
    storeLanes(saved + to, reset, lanes);
    storeLanes(update + to, sigmoid(z), lanes);
    storeLanes(candidate + to, n, lanes);
    storeLanes(aside + to, f32x4.mul(reset, loadLanes(hPrevious + to, lanes)), lanes);
  }
  w = packed;
  for (let unit = 0; unit < hidden; unit += 4) {
    w += BIAS + <usize>inputs * TRIPLE;
    const lanes = hidden - unit;
    const to = <usize>unit * FLOAT;
    let n = loadLanes(candidate + to, lanes);
    for (let at = aside, end = aside + gateBytes; at < end; at += FLOAT, w += TRIPLE) {
      n = madd(v128.load32_splat(at), v128.load(w, 32), n);
    }
    n = tanh(n);
    const z = loadLanes(update + to, lanes);
    storeLanes(candidate + to, n, lanes);
    storeLanes(h + to, madd(z, f32x4.sub(loadLanes(hPrevious + to, lanes), n), n), lanes);
  }
}

/** `scratch [4·H]` serves one row after another. */
export function resetBeforeStep(
  batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h: usize, rows: usize, output: usize, scratch: usize,
): void {
  const hRow = <usize>hidden * FLOAT;
  for (let b = 0; b < batch; b++) {
    const r = <usize>(rows ? load<u32>(rows + <usize>b * 4) : b) * hRow;
    stepOne(
      inputs, hidden, packed, x + <usize>(b * inputs) * FLOAT, h + r,
      output + <usize>b * hRow, scratch,
    );
  }
  scatterRows(batch, hRow, rows, output, h);
}

export function resetBeforeSequence(
  steps: i32, batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h0: usize, hs: usize, saved: usize,
): void {
  const hRow = <usize>hidden * FLOAT;
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      const at = <usize>b * hRow;
      stepOne(inputs, hidden, packed, x, h0 + at, hs + at, saved);
      x += <usize>inputs * FLOAT;
      saved += 4 * hRow;
    }
    h0 = hs;
    hs += <usize>batch * hRow;
  }
}
