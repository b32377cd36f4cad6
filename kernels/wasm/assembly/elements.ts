// Moving and combining whole buffers and rows.
import { FLOAT, loadLanes, storeLanes } from "./vector";

export function multiply(count: i32, a: usize, b: usize, target: usize): void {
  for (let k = 0; k < count; k += 4) {
    const at = <usize>k * FLOAT;
    const lanes = count - k;
    storeLanes(target + at, f32x4.mul(loadLanes(a + at, lanes), loadLanes(b + at, lanes)), lanes);
  }
}

export function gather(batch: i32, width: i32, source: usize, rows: usize, target: usize): void {
  const bytes = <usize>width * FLOAT;
  for (let b = 0; b < batch; b++) {
    memory.copy(target + <usize>b * bytes, source + <usize>load<u32>(rows + <usize>b * 4) * bytes, bytes);
  }
}
