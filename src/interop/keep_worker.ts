/** The engine's own Worker, as it was before anything else was loaded. */
const own = globalThis.Worker;

/**
 * Keeps the engine's own Worker. On Deno ONNX Runtime puts Node's in its place when its first session is made,
 * and workers of ours that start later, for retraining say, would not find what they expect.
 *
 * @param work What may exchange it.
 * @returns What it gives.
 */
export async function keepingWorker<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    if (own !== undefined) globalThis.Worker = own;
  }
}
