// Memory without garbage: when the engine collects by itself is its own affair, and no test's.
import v8 from "node:v8";
import vm from "node:vm";

/** Collects all garbage, as far as nothing of this turn of the event loop holds it. */
export const collectGarbage: () => void = (() => {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
})();

/** Bytes of the heap that are in use. */
export function heapBytes(): number {
  collectGarbage();
  return Deno.memoryUsage().heapUsed;
}
