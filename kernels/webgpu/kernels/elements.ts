import type { KernelArguments } from "../../backend.ts";
import { gpuBuffer } from "../gpu_buffer.ts";
import { elementwise, type Stage } from "../stage.ts";

/** Sets every element. */
export function fill({ buffer, value }: KernelArguments["fill"]): Stage[] {
  const target = gpuBuffer(buffer);
  return [elementwise({
    name: "fill",
    code: `fn element(i: u32) { store_target(i, ${target.type}(args.value)); }`,
    buffers: { target },
    factors: { value },
    count: target.length,
  })];
}

/** `target = source`. */
export function copy({ source, target }: KernelArguments["copy"]): Stage[] {
  return [elementwise({
    name: "copy",
    code: "fn element(i: u32) { store_target(i, load_source(i)); }",
    buffers: { source: gpuBuffer(source), target: gpuBuffer(target) },
    count: source.length,
  })];
}

/** `target = a · b`. */
export function multiply({ a, b, target }: KernelArguments["multiply"]): Stage[] {
  return [elementwise({
    name: "multiply",
    code: "fn element(i: u32) { store_target(i, load_a(i) * load_b(i)); }",
    buffers: { a: gpuBuffer(a), b: gpuBuffer(b), target: gpuBuffer(target) },
    count: a.length,
  })];
}

/** The rows `rows` of `source`, one after the other. A row that `source` does not have is left out. */
export function gather(args: KernelArguments["gather"]): Stage[] {
  return [
    moveRows("gather", args, args.source.length, "load_source(place)", "store_target(i, value)"),
  ];
}

/** The rows of `source`, each to its place `rows` in `target`. */
export function scatter(args: KernelArguments["scatter"]): Stage[] {
  return [
    moveRows("scatter", args, args.target.length, "load_source(i)", "store_target(place, value)"),
  ];
}

function moveRows(
  name: string,
  { width, source, rows, target }: KernelArguments["gather"],
  placedLength: number,
  load: string,
  store: string,
): Stage {
  const stage = elementwise({
    name,
    code: `
fn element(i: u32) {
  let row = load_rows(i / args.width);
  if (row >= args.capacity) { return; }
  let place = row * args.width + i % args.width;
  let value = ${load};
  ${store};
}`,
    buffers: { source: gpuBuffer(source), rows: gpuBuffer(rows), target: gpuBuffer(target) },
    sizes: { width, capacity: Math.floor(placedLength / width) },
    count: rows.length,
  });
  // The count is in rows, the threads in elements.
  return {
    ...stage,
    code: stage.code.replace("i < args.count", "i < args.count * args.width"),
    groups: (count) => stage.groups(count * width),
  };
}
