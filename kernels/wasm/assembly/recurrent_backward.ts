// Back through time. The gradients by all gates are kept in panels; the gradients of the weights are then
// one product over all steps and rows. The panels of a GRU stand in the order n (as x sees it), r, z, and,
// where the reset comes after the product, n (as h sees it): so x and h each see neighbours.

import { GRU, GRU_RESET_BEFORE, LSTM } from "./layout";
import {
  gradientScratch,
  packBackward,
  panelBytes,
  panelProduct,
  panelProductRows,
  roundUp,
  TILE_ROWS,
  weightGradient,
} from "./panels";
import { loadRow, madd } from "./simd";

// @ts-ignore: decorator
@inline
function gatesOf(cell: i32): i32 {
  return cell == LSTM ? 4 : 3;
}

/** Gates that have panels: both views of a GRU's candidate count. */
// @ts-ignore: decorator
@inline
function panelGates(cell: i32): i32 {
  return cell == GRU_RESET_BEFORE ? 3 : 4;
}

/** Bytes of one scratch state, rows padded to panels and tiles. */
// @ts-ignore: decorator
@inline
function stateBytes(hiddenSize: i32, batch: i32): usize {
  return (<usize>(batch + TILE_ROWS) * <usize>roundUp(hiddenSize, 8)) << 2;
}

/** Bytes of scratch that `sequenceBackward` needs. */
export function backwardScratch(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  steps: i32,
  batch: i32,
): usize {
  const H = roundUp(hiddenSize, 8);
  const I = roundUp(inputSize, 8);
  const panels = (panelGates(cell) * H) >> 3;
  return <usize>panels * panelBytes(steps * batch) +
    ((<usize>(4 * H) * <usize>(H + I)) << 2) +
    3 * stateBytes(hiddenSize, batch) +
    (<usize>(TILE_ROWS * I) << 2) +
    gradientScratch(max(inputSize, hiddenSize), panels) +
    (cell == GRU_RESET_BEFORE ? <usize>(steps * batch * hiddenSize) << 2 : 0);
}

/**
 * Four units of an LSTM, of which `count` lie inside the row, `k` bytes into it; `panel` is where their
 * gradients by the first gate go, `gate` the distance of gates. What the forward pass had as tanh c is h / o,
 * where o is never 0 but behind the row's last unit.
 */
// @ts-ignore: decorator
@inline
function lstmUnits(
  count: i32,
  k: usize,
  H: usize,
  saved: usize,
  h: usize,
  cPrevious: usize,
  dhs: usize,
  dh: usize,
  dc: usize,
  panel: usize,
  gate: usize,
): void {
  const one = f32x4.splat(1);
  const i = loadRow(saved + k, count);
  const f = loadRow(saved + H + k, count);
  const g = loadRow(saved + H * 2 + k, count);
  const o = loadRow(saved + H * 3 + k, count);
  const d = f32x4.add(loadRow(dhs + k, count), v128.load(dh + k));
  const tanhC = f32x4.div(loadRow(h + k, count), f32x4.pmax(o, f32x4.splat(f32.MIN_NORMAL_VALUE)));
  const slope = f32x4.sub(one, f32x4.mul(tanhC, tanhC));
  const dCell = madd(f32x4.mul(d, o), slope, v128.load(dc + k));
  v128.store(panel, f32x4.mul(f32x4.mul(dCell, g), f32x4.mul(i, f32x4.sub(one, i))));
  v128.store(
    panel + gate,
    f32x4.mul(f32x4.mul(dCell, loadRow(cPrevious + k, count)), f32x4.mul(f, f32x4.sub(one, f))),
  );
  v128.store(panel + gate * 2, f32x4.mul(f32x4.mul(dCell, i), f32x4.sub(one, f32x4.mul(g, g))));
  v128.store(panel + gate * 3, f32x4.mul(f32x4.mul(d, tanhC), f32x4.mul(o, f32x4.sub(one, o))));
  v128.store(dc + k, f32x4.mul(dCell, f));
}

/** One row of an LSTM; `panel` points at its line in the first panel. Whole vectors go first, unlooked at. */
function lstmRow(
  hiddenSize: i32,
  saved: usize,
  h: usize,
  cPrevious: usize,
  dhs: usize,
  dh: usize,
  dc: usize,
  panel: usize,
  stride: usize,
  gate: usize,
): void {
  const H = <usize>hiddenSize << 2;
  let k: usize = 0;
  for (; k + 16 <= H; k += 16) {
    const at = panel + (k >> 5) * stride + (k & 16);
    lstmUnits(4, k, H, saved, h, cPrevious, dhs, dh, dc, at, gate);
  }
  for (; k < H || k & 16; k += 16) {
    const at = panel + (k >> 5) * stride + (k & 16);
    lstmUnits(hiddenSize - <i32>(k >> 2), k, H, saved, h, cPrevious, dhs, dh, dc, at, gate);
  }
}

/** Four units of a GRU, as {@link lstmUnits}. */
// @ts-ignore: decorator
@inline
function gruUnits(
  count: i32,
  k: usize,
  H: usize,
  saved: usize,
  hPrevious: usize,
  dhs: usize,
  dh: usize,
  panel: usize,
  gate: usize,
  after: bool,
): void {
  const one = f32x4.splat(1);
  const r = loadRow(saved + k, count);
  const z = loadRow(saved + H + k, count);
  const n = loadRow(saved + H * 2 + k, count);
  const d = f32x4.add(loadRow(dhs + k, count), v128.load(dh + k));
  const dn = f32x4.mul(f32x4.mul(d, f32x4.sub(one, z)), f32x4.sub(one, f32x4.mul(n, n)));
  const dz = f32x4.mul(
    f32x4.mul(d, f32x4.sub(loadRow(hPrevious + k, count), n)),
    f32x4.mul(z, f32x4.sub(one, z)),
  );
  v128.store(panel, dn);
  v128.store(panel + gate * 2, dz);
  if (after) {
    const q = loadRow(saved + H * 3 + k, count);
    v128.store(panel + gate, f32x4.mul(f32x4.mul(dn, q), f32x4.mul(r, f32x4.sub(one, r))));
    v128.store(panel + gate * 3, f32x4.mul(dn, r));
  }
  v128.store(dh + k, f32x4.mul(d, z));
}

/** One row of a GRU; leaves in `dh` what reaches h without passing a product. */
function gruRow(
  hiddenSize: i32,
  saved: usize,
  hPrevious: usize,
  dhs: usize,
  dh: usize,
  panel: usize,
  stride: usize,
  gate: usize,
  after: bool,
): void {
  const H = <usize>hiddenSize << 2;
  let k: usize = 0;
  for (; k + 16 <= H; k += 16) {
    const at = panel + (k >> 5) * stride + (k & 16);
    gruUnits(4, k, H, saved, hPrevious, dhs, dh, at, gate, after);
  }
  for (; k < H || k & 16; k += 16) {
    const at = panel + (k >> 5) * stride + (k & 16);
    gruUnits(hiddenSize - <i32>(k >> 2), k, H, saved, hPrevious, dhs, dh, at, gate, after);
  }
}

/** The rest of a row that resets before the product, from `dReset`, the gradient by r · h. */
function resetRow(
  hiddenSize: i32,
  saved: usize,
  hPrevious: usize,
  dReset: usize,
  dh: usize,
  panel: usize,
  stride: usize,
  gate: usize,
): void {
  const one = f32x4.splat(1);
  for (let left = hiddenSize, half: usize = 0; left > 0 || half == 16; left -= 4) {
    const r = loadRow(saved, left);
    const d = v128.load(dReset);
    const slope = f32x4.mul(r, f32x4.sub(one, r));
    v128.store(panel + half + gate, f32x4.mul(f32x4.mul(d, loadRow(hPrevious, left)), slope));
    v128.store(dh, madd(d, r, v128.load(dh)));
    saved += 16;
    hPrevious += 16;
    dReset += 16;
    dh += 16;
    if (half) panel += stride;
    half ^= 16;
  }
}

export function sequenceBackward(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  steps: i32,
  batch: i32,
  x: usize,
  parameters: usize,
  h0: usize,
  c0: usize,
  hs: usize,
  cs: usize,
  saved: usize,
  dhs: usize,
  gradient: usize,
  dx: usize,
  scratch: usize,
): void {
  const I = inputSize;
  const H = hiddenSize;
  const G = gatesOf(cell);
  const padded = roundUp(H, 8);
  const gatePanels = padded >> 3;
  const rows = steps * batch;
  const stride = panelBytes(rows);
  const gate = <usize>gatePanels * stride;
  const firstX = cell == LSTM ? 0 : 2;
  const firstH = cell == LSTM ? 0 : 1;

  const panel = scratch;
  const state = stateBytes(H, batch);
  const dh = panel + <usize>panelGates(cell) * gate;
  const dc = dh + state;
  const dReset = dc + state;
  const wh = dReset + state;
  const wx = wh + ((<usize>(4 * padded) * <usize>padded) << 2);
  const tile = wx + ((<usize>(4 * padded) * <usize>roundUp(I, 8)) << 2);
  const work = tile + (<usize>(TILE_ROWS * roundUp(I, 8)) << 2);

  const weightHh = <usize>(G * H * I) << 2;
  const biasIh = weightHh + (<usize>(G * H * H) << 2);
  const biasHh = biasIh + (<usize>(G * H) << 2);
  // The reset form has two products with h: r and z with h, then n with r · h.
  const hGates = cell == GRU_RESET_BEFORE ? 2 : G;
  packBackward(parameters + weightHh, G, 0, hGates, H, H, wh);
  const wn = wh + ((<usize>(2 * padded) * <usize>padded) << 2);
  if (cell == GRU_RESET_BEFORE) {
    packBackward(parameters + weightHh, G, 2, 1, H, H, wn);
  }

  memory.fill(dh, 0, 2 * state);
  const rowBytes = <usize>H << 2;
  const stateStride = <usize>padded << 2;
  for (let t = steps - 1; t >= 0; t--) {
    const line = panel + (<usize>(t * batch) << 5);
    const hPrevious = t > 0 ? hs + <usize>((t - 1) * batch) * rowBytes : h0;
    const cPrevious = t > 0 ? cs + <usize>((t - 1) * batch) * rowBytes : c0;
    for (let b = 0; b < batch; b++) {
      const row = <usize>(t * batch + b);
      const savedRow = saved + row * (rowBytes << 2);
      const previous = <usize>b * rowBytes;
      const at = <usize>b * stateStride;
      const panelRow = line + (<usize>b << 5);
      if (cell == LSTM) {
        lstmRow(
          H,
          savedRow,
          hs + row * rowBytes,
          cPrevious + previous,
          dhs + row * rowBytes,
          dh + at,
          dc + at,
          panelRow,
          stride,
          gate,
        );
      } else {
        gruRow(
          H,
          savedRow,
          hPrevious + previous,
          dhs + row * rowBytes,
          dh + at,
          panelRow,
          stride,
          gate,
          cell == GRU,
        );
      }
    }
    if (cell == GRU_RESET_BEFORE) {
      panelProduct(batch, line, stride, gatePanels, wn, H, false, dReset);
      for (let b = 0; b < batch; b++) {
        const row = <usize>(t * batch + b);
        const at = <usize>b * stateStride;
        resetRow(
          H,
          saved + row * (rowBytes << 2),
          hPrevious + <usize>b * rowBytes,
          dReset + at,
          dh + at,
          line + (<usize>b << 5),
          stride,
          gate,
        );
      }
    }
    if (t > 0) {
      const hLine = line + <usize>firstH * gate;
      panelProduct(batch, hLine, stride, hGates * gatePanels, wh, H, cell != LSTM, dh);
    }
  }

  weightGradient(
    x,
    rows,
    x,
    rows,
    I,
    panel,
    G,
    firstX,
    G,
    H,
    gradient,
    gradient + biasIh,
    work,
  );
  weightGradient(
    h0,
    batch,
    hs,
    rows,
    H,
    panel + <usize>firstH * gate,
    G,
    0,
    hGates,
    H,
    gradient + weightHh,
    gradient + biasHh,
    work,
  );
  if (cell == GRU_RESET_BEFORE) {
    // r · h is the fourth part of what was saved of each row.
    const reset = work + gradientScratch(max(I, H), panelGates(cell) * gatePanels);
    for (let row: usize = 0; row < <usize>rows; row++) {
      const from = saved + row * (rowBytes << 2) + 3 * rowBytes;
      memory.copy(reset + row * rowBytes, from, rowBytes);
    }
    weightGradient(
      reset,
      rows,
      reset,
      rows,
      H,
      panel,
      G,
      2,
      1,
      H,
      gradient + weightHh,
      gradient + biasHh,
      work,
    );
  }
  if (dx) {
    packBackward(parameters, G, firstX, G, H, I, wx);
    panelProductRows(rows, panel, stride, G * gatePanels, wx, I, tile, dx);
  }
}
