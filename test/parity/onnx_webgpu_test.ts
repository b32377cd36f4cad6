// ONNX Runtime's WebGPU provider against its WASM one, state carried. A tick costs tens of milliseconds on
// a software adapter: TICKCAST_ONNX_TICKS=1000 looks longer.
import { ok } from "node:assert/strict";
import { OnnxNetwork } from "../../onnx.ts";
import { Random } from "../../mod.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";

const TICKS = Number(Deno.env.get("TICKCAST_ONNX_TICKS") ?? 16);
const TOLERANCE = 1e-5;
const read = (name: string): Uint8Array =>
  Deno.readFileSync(new URL(`../fixtures/interop/${name}.onnx`, import.meta.url));

const skip = await skipWithoutAdapter();
if (skip) console.warn(`ONNX Runtime on WebGPU: skipped, ${skip}`);

for (const name of ["pytorch_lstm", "pytorch_gru", "stepwise_lstm"]) {
  Deno.test({
    name: `ONNX on WebGPU: ${TICKS} ticks of ${name} as on the CPU`,
    ignore: skip !== undefined,
    // ONNX Runtime keeps its device and a message port for the models to come.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn(): Promise<void> {
      const networks = [
        await OnnxNetwork.open(read(name)),
        await OnnxNetwork.open(read(name), { device: "webgpu" }),
      ];
      const states = networks.map(({ stateLength }) => new Float32Array(stateLength));
      const random = new Random(9);
      let worst = 0;
      for (let tick = 0; tick < TICKS; tick++) {
        const x = Float32Array.from({ length: 3 }, () => random.normal());
        const said: Float32Array[] = [];
        for (const [k, network] of networks.entries()) {
          said.push((await network.step([x], [states[k]]))[0]);
        }
        said[0].forEach((value, k) => worst = Math.max(worst, Math.abs(value - said[1][k])));
      }
      ok(worst <= TOLERANCE, `forecasts differ by ${worst}`);
      ok(states[0].every((value, k) => Math.abs(value - states[1][k]) <= TOLERANCE));
      for (const network of networks) await network.dispose();
    },
  });
}
