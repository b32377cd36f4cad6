// What is chosen and why, and that a device which computes wrongly is refused.
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { chooseBackend } from "../../kernels/choose_backend.ts";
import {
  type Backend,
  type Dispatch,
  type KernelArguments,
  type KernelName,
  openBackend,
  ReferenceBackend,
  selfCheck,
} from "../../kernels/mod.ts";
import { openWebGpu } from "../../kernels/webgpu/open_webgpu.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const layers = [{ cell: "gru", inputSize: 2, hiddenSize: 3 }] as const;

/** A backend of the same kernels that works slowly, or gets one kernel wrong. */
class OddBackend<O extends KernelName> extends ReferenceBackend {
  override readonly description = "odd";

  constructor(readonly odd: O, readonly change: (args: KernelArguments[O]) => void) {
    super();
  }

  override prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch {
    const run = super.prepare(kernel, args);
    const change = (this.change as (args: unknown) => void).bind(this);
    return (count) => {
      run(count);
      if (kernel as KernelName === this.odd) change(args);
    };
  }
}

function slow(): Backend {
  return new OddBackend("step", () => {
    const until = performance.now() + 5;
    while (performance.now() < until);
  });
}

Deno.test("the faster backend is chosen, and the other given back", async () => {
  const fast = new ReferenceBackend();
  for (const [cpu, gpu] of [[fast, slow()], [slow(), fast]]) {
    const { backend, reason } = await chooseBackend({
      openCpu: () => Promise.resolve(cpu),
      openGpu: () => Promise.resolve(gpu),
    }, { layers, series: 3 });
    strictEqual(backend, fast);
    match(reason, /^Chose reference.*: a step of 3 series takes [\d.]+ ms, on odd [\d.]+ ms$/);
  }
});

Deno.test("without a GPU the CPU is chosen, and the reason is given", async () => {
  const { backend, reason } = await chooseBackend({
    openCpu: () => openBackend("reference"),
    openGpu: () => Promise.reject(new Error("Cannot open backend: no WebGPU adapter")),
  }, { layers, series: 1 });
  strictEqual(backend.kind, "reference");
  match(reason, /^Chose reference.*: Cannot open backend: no WebGPU adapter$/);
});

Deno.test("a kernel that computes wrongly is found and named", async () => {
  const wrong: OddBackend<"step"> = new OddBackend("step", (args) => {
    wrong.view(args.h)[0] += 0.01;
  });
  await rejects(selfCheck(wrong), /^Error: Cannot use odd: step \(lstm h\) gives .* is right$/);
  const broken: OddBackend<"adam"> = new OddBackend("adam", (args) => {
    broken.view(args.m)[3] = NaN;
  });
  await rejects(selfCheck(broken), /^Error: Cannot use odd: adam \(m\) gives NaN/);
});

Deno.test("the GPU passes its check and gives the memory back", { ignore: !!skip }, async () => {
  const backend = await openWebGpu({ allowFallbackAdapter: true });
  await selfCheck(backend);
  const { used } = backend.counts.buffers;
  await selfCheck(backend);
  strictEqual(backend.counts.buffers.used, used);
  ok(used <= 1, "nothing but the memory for the insides of kernels");
  backend.dispose();
});

Deno.test("a GPU is opened by name where it is allowed", { ignore: !!skip }, async () => {
  const backend = await openBackend("webgpu", { allowFallbackAdapter: true });
  deepStrictEqual(backend.kind, "webgpu");
  match(backend.description, /^webgpu \(.+\)$/);
  backend.dispose();
});
