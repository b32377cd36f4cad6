// One step of an LSTM. Four units make a block: their gates i, f, g, o are four vectors, and a block's
// weights are [bias, x₀ … x_I, h₀ … h_H] × those four vectors, one after the other in memory.
//
// A sum always runs over the bias, then x, then h, whatever the number of rows, so that a row's result
// does not depend on its neighbours. Parallelism comes from units (one row) or rows (many).
import { FLOAT, loadLanes, madd, sigmoid, storeLanes, tanh, VECTOR } from "./vector";

/** Rows that take turns with one block's weights while these stay in the first-level cache. */
const ROWS_A_CHUNK: i32 = 48;
const BLOCK: usize = 4 * VECTOR;

export function lstmPack(inputs: i32, hidden: i32, parameters: usize, packed: usize): void {
  const gateRows = 4 * hidden;
  const weightHidden = parameters + <usize>(gateRows * inputs) * FLOAT;
  const biasInput = weightHidden + <usize>(gateRows * hidden) * FLOAT;
  const biasHidden = biasInput + <usize>gateRows * FLOAT;
  let to = packed;
  for (let unit = 0; unit < hidden; unit += 4) {
    for (let k = -1; k < inputs + hidden; k++) {
      for (let gate = 0; gate < 4; gate++) {
        for (let lane = 0; lane < 4; lane++) {
          let value: f32 = 0;
          if (unit + lane < hidden) {
            const row = gate * hidden + unit + lane;
            if (k < 0) {
              value = load<f32>(biasInput + <usize>row * FLOAT) +
                load<f32>(biasHidden + <usize>row * FLOAT);
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

/** From the sums of a block to its new c and h: c′ = f c + i g, h′ = o tanh(c′). */
@inline
function finish(
  i: v128, f: v128, g: v128, o: v128, lanes: i32,
  cPrevious: usize, c: usize, h: usize, saved: usize, gateBytes: usize,
): void {
  const input = sigmoid(i);
  const forget = sigmoid(f);
  const candidate = tanh(g);
  const output = sigmoid(o);
  const cell = madd(input, candidate, f32x4.mul(forget, loadLanes(cPrevious, lanes)));
  storeLanes(c, cell, lanes);
  storeLanes(h, f32x4.mul(output, tanh(cell)), lanes);
  if (saved) {
    storeLanes(saved, input, lanes);
    storeLanes(saved + gateBytes, forget, lanes);
    storeLanes(saved + 2 * gateBytes, candidate, lanes);
    storeLanes(saved + 3 * gateBytes, output, lanes);
  }
}

/** One row, two blocks at a time: eight sums keep both multiply-add units busy. */
function stepOne(
  inputs: i32, hidden: i32, packed: usize,
  x: usize, hPrevious: usize, cPrevious: usize, h: usize, c: usize, saved: usize,
): void {
  const blockBytes = <usize>(1 + inputs + hidden) * BLOCK;
  const gateBytes = <usize>hidden * FLOAT;
  const xEnd = x + <usize>inputs * FLOAT;
  const hEnd = hPrevious + gateBytes;
  let unit = 0;
  let w = packed;
  for (; unit + 4 < hidden; unit += 8) {
    let v = w + blockBytes;
    let i0 = v128.load(w), f0 = v128.load(w, 16), g0 = v128.load(w, 32), o0 = v128.load(w, 48);
    let i1 = v128.load(v), f1 = v128.load(v, 16), g1 = v128.load(v, 32), o1 = v128.load(v, 48);
    for (let at = x; at < xEnd; at += FLOAT) {
      w += BLOCK;
      v += BLOCK;
      const s = v128.load32_splat(at);
      i0 = madd(s, v128.load(w), i0);
      f0 = madd(s, v128.load(w, 16), f0);
      g0 = madd(s, v128.load(w, 32), g0);
      o0 = madd(s, v128.load(w, 48), o0);
      i1 = madd(s, v128.load(v), i1);
      f1 = madd(s, v128.load(v, 16), f1);
      g1 = madd(s, v128.load(v, 32), g1);
      o1 = madd(s, v128.load(v, 48), o1);
    }
    let at = hPrevious;
    for (; at + 4 < hEnd; at += 2 * FLOAT) {
      const s = v128.load32_splat(at);
      i0 = madd(s, v128.load(w, 64), i0);
      f0 = madd(s, v128.load(w, 80), f0);
      g0 = madd(s, v128.load(w, 96), g0);
      o0 = madd(s, v128.load(w, 112), o0);
      i1 = madd(s, v128.load(v, 64), i1);
      f1 = madd(s, v128.load(v, 80), f1);
      g1 = madd(s, v128.load(v, 96), g1);
      o1 = madd(s, v128.load(v, 112), o1);
      const t = v128.load32_splat(at, 4);
      i0 = madd(t, v128.load(w, 128), i0);
      f0 = madd(t, v128.load(w, 144), f0);
      g0 = madd(t, v128.load(w, 160), g0);
      o0 = madd(t, v128.load(w, 176), o0);
      i1 = madd(t, v128.load(v, 128), i1);
      f1 = madd(t, v128.load(v, 144), f1);
      g1 = madd(t, v128.load(v, 160), g1);
      o1 = madd(t, v128.load(v, 176), o1);
      w += 2 * BLOCK;
      v += 2 * BLOCK;
    }
    if (at < hEnd) {
      w += BLOCK;
      v += BLOCK;
      const s = v128.load32_splat(at);
      i0 = madd(s, v128.load(w), i0);
      f0 = madd(s, v128.load(w, 16), f0);
      g0 = madd(s, v128.load(w, 32), g0);
      o0 = madd(s, v128.load(w, 48), o0);
      i1 = madd(s, v128.load(v), i1);
      f1 = madd(s, v128.load(v, 16), f1);
      g1 = madd(s, v128.load(v, 32), g1);
      o1 = madd(s, v128.load(v, 48), o1);
    }
    const to = <usize>unit * FLOAT;
    const savedAt = saved ? saved + to : 0;
    finish(i0, f0, g0, o0, 4, cPrevious + to, c + to, h + to, savedAt, gateBytes);
    const next = to + VECTOR;
    finish(
      i1, f1, g1, o1, hidden - unit - 4,
      cPrevious + next, c + next, h + next, saved ? saved + next : 0, gateBytes,
    );
    w = v + BLOCK;
  }
  if (unit < hidden) {
    let i0 = v128.load(w), f0 = v128.load(w, 16), g0 = v128.load(w, 32), o0 = v128.load(w, 48);
    for (let at = x; at < xEnd; at += FLOAT) {
      w += BLOCK;
      const s = v128.load32_splat(at);
      i0 = madd(s, v128.load(w), i0);
      f0 = madd(s, v128.load(w, 16), f0);
      g0 = madd(s, v128.load(w, 32), g0);
      o0 = madd(s, v128.load(w, 48), o0);
    }
    for (let at = hPrevious; at < hEnd; at += FLOAT) {
      w += BLOCK;
      const s = v128.load32_splat(at);
      i0 = madd(s, v128.load(w), i0);
      f0 = madd(s, v128.load(w, 16), f0);
      g0 = madd(s, v128.load(w, 32), g0);
      o0 = madd(s, v128.load(w, 48), o0);
    }
    const to = <usize>unit * FLOAT;
    finish(
      i0, f0, g0, o0, hidden - unit,
      cPrevious + to, c + to, h + to, saved ? saved + to : 0, gateBytes,
    );
  }
}

/** Three rows, one block: every weight is used three times once it is in a register. */
@inline
function blockOfThree(
  inputs: i32, hidden: i32, block: usize, unit: i32,
  x0: usize, x1: usize, x2: usize, h0: usize, h1: usize, h2: usize,
  cPrevious0: usize, cPrevious1: usize, cPrevious2: usize,
  c0: usize, c1: usize, c2: usize, to0: usize, to1: usize, to2: usize,
  saved: usize, savedRow: usize,
): void {
  let w = block;
  let i0 = v128.load(w), f0 = v128.load(w, 16), g0 = v128.load(w, 32), o0 = v128.load(w, 48);
  let i1 = i0, f1 = f0, g1 = g0, o1 = o0;
  let i2 = i0, f2 = f0, g2 = g0, o2 = o0;
  for (let k: usize = 0, end = <usize>inputs * FLOAT; k < end; k += FLOAT) {
    w += BLOCK;
    const a = v128.load32_splat(x0 + k);
    const b = v128.load32_splat(x1 + k);
    const d = v128.load32_splat(x2 + k);
    let v = v128.load(w);
    i0 = madd(a, v, i0);
    i1 = madd(b, v, i1);
    i2 = madd(d, v, i2);
    v = v128.load(w, 16);
    f0 = madd(a, v, f0);
    f1 = madd(b, v, f1);
    f2 = madd(d, v, f2);
    v = v128.load(w, 32);
    g0 = madd(a, v, g0);
    g1 = madd(b, v, g1);
    g2 = madd(d, v, g2);
    v = v128.load(w, 48);
    o0 = madd(a, v, o0);
    o1 = madd(b, v, o1);
    o2 = madd(d, v, o2);
  }
  for (let k: usize = 0, end = <usize>hidden * FLOAT; k < end; k += FLOAT) {
    w += BLOCK;
    const a = v128.load32_splat(h0 + k);
    const b = v128.load32_splat(h1 + k);
    const d = v128.load32_splat(h2 + k);
    let v = v128.load(w);
    i0 = madd(a, v, i0);
    i1 = madd(b, v, i1);
    i2 = madd(d, v, i2);
    v = v128.load(w, 16);
    f0 = madd(a, v, f0);
    f1 = madd(b, v, f1);
    f2 = madd(d, v, f2);
    v = v128.load(w, 32);
    g0 = madd(a, v, g0);
    g1 = madd(b, v, g1);
    g2 = madd(d, v, g2);
    v = v128.load(w, 48);
    o0 = madd(a, v, o0);
    o1 = madd(b, v, o1);
    o2 = madd(d, v, o2);
  }
  const gateBytes = <usize>hidden * FLOAT;
  const lanes = hidden - unit;
  const at = <usize>unit * FLOAT;
  finish(i0, f0, g0, o0, lanes, cPrevious0 + at, c0 + at, to0 + at, saved ? saved + at : 0, gateBytes);
  finish(
    i1, f1, g1, o1, lanes,
    cPrevious1 + at, c1 + at, to1 + at, saved ? saved + savedRow + at : 0, gateBytes,
  );
  finish(
    i2, f2, g2, o2, lanes,
    cPrevious2 + at, c2 + at, to2 + at, saved ? saved + 2 * savedRow + at : 0, gateBytes,
  );
}

/**
 * `batch` rows from (hPrevious, cPrevious) to `output` and c. With `rows`, the previous states and c are
 * rows of slabs; without, they are dense.
 */
export function lstmRows(
  batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  hPrevious: usize, cPrevious: usize, c: usize, rows: usize, output: usize, saved: usize,
): void {
  const xRow = <usize>inputs * FLOAT;
  const hRow = <usize>hidden * FLOAT;
  const savedRow = 4 * hRow;
  const blockBytes = <usize>(1 + inputs + hidden) * BLOCK;
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
            inputs, hidden, block, unit,
            xAt, xAt + xRow, xAt + 2 * xRow,
            hPrevious + r0, hPrevious + r1, hPrevious + r2,
            cPrevious + r0, cPrevious + r1, cPrevious + r2, c + r0, c + r1, c + r2,
            to, to + hRow, to + 2 * hRow,
            saved ? saved + <usize>b * savedRow : 0, savedRow,
          );
        }
      }
    }
    for (let b = triples; b < end; b++) {
      const r = <usize>(rows ? load<u32>(rows + <usize>b * 4) : b) * hRow;
      stepOne(
        inputs, hidden, packed, x + <usize>b * xRow, hPrevious + r, cPrevious + r,
        output + <usize>b * hRow, c + r, saved ? saved + <usize>b * savedRow : 0,
      );
    }
  }
}

/** One step of states in a slab: `output` is written densely, then copied to the rows of `h`. */
export function lstmStep(
  batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h: usize, c: usize, rows: usize, output: usize,
): void {
  lstmRows(batch, inputs, hidden, packed, x, h, c, c, rows, output, 0);
  scatterRows(batch, <usize>hidden * FLOAT, rows, output, h);
}

/** Copies dense rows of `bytes` to the rows of a slab. */
@inline
export function scatterRows(batch: i32, bytes: usize, rows: usize, source: usize, slab: usize): void {
  if (!rows) {
    memory.copy(slab, source, <usize>batch * bytes);
    return;
  }
  for (let b = 0; b < batch; b++) {
    memory.copy(slab + <usize>load<u32>(rows + <usize>b * 4) * bytes, source + <usize>b * bytes, bytes);
  }
}

/** `steps` steps; the output of one is the previous state of the next. */
export function lstmSequence(
  steps: i32, batch: i32, inputs: i32, hidden: i32, packed: usize, x: usize,
  h0: usize, c0: usize, hs: usize, cs: usize, saved: usize,
): void {
  const xStep = <usize>(batch * inputs) * FLOAT;
  const hStep = <usize>(batch * hidden) * FLOAT;
  for (let t = 0; t < steps; t++) {
    lstmRows(batch, inputs, hidden, packed, x, h0, c0, cs, 0, hs, saved);
    h0 = hs;
    c0 = cs;
    x += xStep;
    hs += hStep;
    cs += hStep;
    saved += 4 * hStep;
  }
}
