// One step of a GRU, the reset after the recurrent product. Four units make a block, as in lstm.ts: its
// biases r, z, n of the input, n of the state; then r, z, n for each x, then r, z, n for each h.
import { scatterRows } from "./lstm";
import { FLOAT, loadLanes, madd, sigmoid, storeLanes, tanh, VECTOR } from "./vector";

const ROWS_A_CHUNK: i32 = 48;
const BIAS: usize = 4 * VECTOR;
const TRIPLE: usize = 3 * VECTOR;

export function gruPack(inputs: i32, hidden: i32, parameters: usize, packed: usize): void {
  const gateRows = 3 * hidden;
  const weightHidden = parameters + <usize>(gateRows * inputs) * FLOAT;
  const biasInput = weightHidden + <usize>(gateRows * hidden) * FLOAT;
  const biasHidden = biasInput + <usize>gateRows * FLOAT;
  let to = packed;
  for (let unit = 0; unit < hidden; unit += 4) {
    for (let k = -1; k < inputs + hidden; k++) {
      for (let gate = 0; gate < (k < 0 ? 4 : 3); gate++) {
        for (let lane = 0; lane < 4; lane++) {
          let value: f32 = 0;
          if (unit + lane < hidden) {
            const row = min(gate, 2) * hidden + unit + lane;
            if (k < 0) {
              const ofInput = load<f32>(biasInput + <usize>row * FLOAT);
              const ofHidden = load<f32>(biasHidden + <usize>row * FLOAT);
              // The candidate's two biases stay apart: the reset gate scales only one.
              value = gate < 2 ? ofInput + ofHidden : gate == 2 ? ofInput : ofHidden;
            } else if (k < inputs) {
              value = load<f32>(parameters + <usize>(row * inputs + k) * FLOAT);
            } else {
              value = load<f32>(weightHidden + <usize>(row * hidden + k - inputs) * FLOAT);
            }
          }
          store<f32>(to, value);
          to += FLOAT;
        }
      }
    }
  }
}

/** r, z = σ(…); n = tanh(nx + r · nh); h′ = n + z (h − n). */
@inline
function finish(
  r: v128, z: v128, nx: v128, nh: v128, lanes: i32,
  hPrevious: usize, h: usize, saved: usize, gateBytes: usize,
): void {
  const reset = sigmoid(r);
  const update = sigmoid(z);
  const candidate = tanh(madd(reset, nh, nx));
  storeLanes(h, madd(update, f32x4.sub(loadLanes(hPrevious, lanes), candidate), candidate), lanes);
  if (saved) {
    storeLanes(saved, reset, lanes);
    storeLanes(saved + gateBytes, update, lanes);
    storeLanes(saved + 2 * gateBytes, candidate, lanes);
    storeLanes(saved + 3 * gateBytes, nh, lanes);
  }
}

/** One row, two blocks at a time; the second is a repetition of the first where only one is left. */
function stepOne(
  inputs: i32, hidden: i32, packed: usize, x: usize, hPrevious: usize, h: usize, saved: usize,
): void {
  const blockBytes = BIAS + <usize>(inputs + hidden) * TRIPLE;
  const gateBytes = <usize>hidden * FLOAT;
  const xEnd = x + <usize>inputs * FLOAT;
  const hEnd = hPrevious + gateBytes;
  for (let unit = 0, block = packed; unit < hidden; unit += 8, block += 2 * blockBytes) {
    const both = unit + 4 < hidden;
    let w = block;
    let v = both ? block + blockBytes : block;
    let r0 = v128.load(w), z0 = v128.load(w, 16), nx0 = v128.load(w, 32), nh0 = v128.load(w, 48);
    let r1 = v128.load(v), z1 = v128.load(v, 16), nx1 = v128.load(v, 32), nh1 = v128.load(v, 48);
    w += BIAS;
    v += BIAS;
    for (let at = x; at < xEnd; at += FLOAT) {
      const s = v128.load32_splat(at);
      r0 = madd(s, v128.load(w), r0);
      z0 = madd(s, v128.load(w, 16), z0);
      nx0 = madd(s, v128.load(w, 32), nx0);
      r1 = madd(s, v128.load(v), r1);
      z1 = madd(s, v128.load(v, 16), z1);
      nx1 = madd(s, v128.load(v, 32), nx1);
      w += TRIPLE;
      v += TRIPLE;
    }
    for (let at = hPrevious; at < hEnd; at += FLOAT) {
      const s = v128.load32_splat(at);
      r0 = madd(s, v128.load(w), r0);
      z0 = madd(s, v128.load(w, 16), z0);
      nh0 = madd(s, v128.load(w, 32), nh0);
      r1 = madd(s, v128.load(v), r1);
      z1 = madd(s, v128.load(v, 16), z1);
      nh1 = madd(s, v128.load(v, 32), nh1);
      w += TRIPLE;
      v += TRIPLE;
    }
    const to = <usize>unit * FLOAT;
    finish(
      r0, z0, nx0, nh0, hidden - unit, hPrevious + to, h + to, saved ? saved + to : 0, gateBytes,
    );
    if (both) {
      const next = to + VECTOR;
      finish(
        r1, z1, nx1, nh1, hidden - unit - 4,
        hPrevious + next, h + next, saved ? saved + next : 0, gateBytes,
      );
    }
  }
}

/** Three rows, one block. */
@inline
function blockOfThree(
  inputs: i32, hidden: i32, block: usize, unit: i32,
  x0: usize, x1: usize, x2: usize, h0: usize, h1: usize, h2: usize,
  to0: usize, to1: usize, to2: usize, saved: usize, savedRow: usize,
): void {
  let w = block;
  let r0 = v128.load(w), z0 = v128.load(w, 16), nx0 = v128.load(w, 32), nh0 = v128.load(w, 48);
  let r1 = r0, z1 = z0, nx1 = nx0, nh1 = nh0;
  let r2 = r0, z2 = z0, nx2 = nx0, nh2 = nh0;
  w += BIAS;
  for (let k: usize = 0, end = <usize>inputs * FLOAT; k < end; k += FLOAT) {
    const a = v128.load32_splat(x0 + k);
    const b = v128.load32_splat(x1 + k);
    const d = v128.load32_splat(x2 + k);
    let v = v128.load(w);
    r0 = madd(a, v, r0);
    r1 = madd(b, v, r1);
    r2 = madd(d, v, r2);
    v = v128.load(w, 16);
    z0 = madd(a, v, z0);
    z1 = madd(b, v, z1);
    z2 = madd(d, v, z2);
    v = v128.load(w, 32);
    nx0 = madd(a, v, nx0);
    nx1 = madd(b, v, nx1);
    nx2 = madd(d, v, nx2);
    w += TRIPLE;
  }
  for (let k: usize = 0, end = <usize>hidden * FLOAT; k < end; k += FLOAT) {
    const a = v128.load32_splat(h0 + k);
    const b = v128.load32_splat(h1 + k);
    const d = v128.load32_splat(h2 + k);
    let v = v128.load(w);
    r0 = madd(a, v, r0);
    r1 = madd(b, v, r1);
    r2 = madd(d, v, r2);
    v = v128.load(w, 16);
    z0 = madd(a, v, z0);
    z1 = madd(b, v, z1);
    z2 = madd(d, v, z2);
    v = v128.load(w, 32);
    nh0 = madd(a, v, nh0);
    nh1 = madd(b, v, nh1);
    nh2 = madd(d, v, nh2);
    w += TRIPLE;
  }
  const gateBytes = <usize>hidden * FLOAT;
  const lanes = hidden - unit;
  const at = <usize>unit * FLOAT;
  finish(r0, z0, nx0, nh0, lanes, h0 + at, to0 + at, saved ? saved + at : 0, gateBytes);
  finish(r1, z1, nx1, nh1, lanes, h1 + at, to1 + at, saved ? saved + savedRow + at : 0, gateBytes);
  finish(
    r2, z2, nx2, nh2, lanes, h2 + at, to2 + at, saved ? saved + 2 * savedRow + at : 0, gateBytes,
  );
}

/** `batch` rows from hPrevious (rows of a slab where `rows` is given) to the dense `output`. */
export function gruRows(
  batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  hPrevious: usize, rows: usize, output: usize, saved: usize,
): void {
  const xRow = <usize>inputs * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const savedRow = 4 * hRow;
  const blockBytes = BIAS + <usize>(inputs + hidden) * TRIPLE;
  for (let first = 0; first < batch; first += ROWS_A_CHUNK) {
    const end = min(batch, first + ROWS_A_CHUNK);
    const triples = first + (end - first) / 3 * 3;
    if (triples > first) {
      let block = packed;
      for (let unit = 0; unit < hidden; unit += 4, block += blockBytes) {
        for (let b = first; b < triples; b += 3) {
          const r0 = <usize>(rows ? load<u32>(rows + <usize>b * 4) : b) * hRow;
          const r1 = <usize>(rows ? load<u32>(rows + <usize>b * 4, 4) : b + 1) * hRow;
          const r2 = <usize>(rows ? load<u32>(rows + <usize>b * 4, 8) : b + 2) * hRow;
          const xAt = x + <usize>b * xRow;
          const to = output + <usize>b * hRow;
          blockOfThree(
            inputs, hidden, block, unit, xAt, xAt + xRow, xAt + 2 * xRow,
            hPrevious + r0, hPrevious + r1, hPrevious + r2, to, to + hRow, to + 2 * hRow,
            saved ? saved + <usize>b * savedRow : 0, savedRow,
          );
        }
      }
    }
    for (let b = triples; b < end; b++) {
      const r = <usize>(rows ? load<u32>(rows + <usize>b * 4) : b) * hRow;
      stepOne(
        inputs, hidden, packed, x + <usize>b * xRow, hPrevious + r,
        output + <usize>b * hRow, saved ? saved + <usize>b * savedRow : 0,
      );
    }
  }
}

export function gruStep(
  batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h: usize, rows: usize, output: usize,
): void {
  gruRows(batch, inputs, hidden, packed, x, h, rows, output, 0);
  scatterRows(batch, <usize>hidden * FLOAT, rows, output, h);
}

export function gruSequence(
  steps: i32, batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h0: usize, hs: usize, saved: usize,
): void {
  const hStep = <usize>(batch * hidden) * FLOAT;
  for (let t = 0; t < steps; t++) {
    gruRows(batch, inputs, hidden, packed, x, h0, 0, hs, saved);
    h0 = hs;
    x += <usize>(batch * inputs) * FLOAT;
    hs += hStep;
    saved += 4 * hStep;
  }
}
