// Does one more hidden unit, layer or feature cost what the arithmetic says?
//
//   deno task bench scaling [--tiny] [--json]
import { openWasm } from "../kernels/wasm/open_wasm.ts";
import type { Architecture } from "../src/model/architecture.ts";
import { initialParameters } from "../src/model/initialisation.ts";
import { Random } from "../src/model/random.ts";
import { RecurrentNetwork } from "../src/model/recurrent_network.ts";
import { digits, type Effort, FULL, type Spread, spread, timed, TINY } from "./harness.ts";

/** One network beside the one that everything is compared with. */
export interface Scaled {
  readonly what: string;
  /** Multiply-adds of one step, in thousands. */
  readonly thousands: number;
  /** Microseconds of one step of one series. */
  readonly us: Spread;
  /** How many times the arithmetic of the first, and how many times its time. */
  readonly arithmetic: number;
  readonly time: Spread;
}

const BASE: Architecture = {
  cell: "lstm",
  inputSize: 4,
  hiddenSize: 64,
  layers: 1,
  outputSize: 12,
};

const VARIED: readonly (readonly [string, Partial<Architecture>])[] = [
  ["64 hidden, 1 layer, 4 features", {}],
  ["32 hidden", { hiddenSize: 32 }],
  ["128 hidden", { hiddenSize: 128 }],
  ["256 hidden", { hiddenSize: 256 }],
  ["2 layers", { layers: 2 }],
  ["3 layers", { layers: 3 }],
  ["32 features", { inputSize: 32 }],
  ["128 features", { inputSize: 128 }],
];

function multiplyAdds({ inputSize, hiddenSize: H, layers, outputSize }: Architecture): number {
  return 4 * H * (inputSize + H) + (layers - 1) * 8 * H * H + H * outputSize;
}

/** Steps of whole networks, head included, side by side. */
export async function scaling(effort: Effort): Promise<Scaled[]> {
  const backend = await openWasm();
  const networks = VARIED.map(([what, change]) => {
    const architecture = { ...BASE, ...change };
    const network = new RecurrentNetwork(backend, architecture);
    network.setParameters(initialParameters(architecture, new Random(1)).values);
    const x = new Float32Array(architecture.inputSize).fill(0.5);
    const rows = Uint32Array.of(network.states.allocateRow());
    return { what, network, run: timed(() => network.step(x, rows)), us: new Array<number>() };
  });
  const runs = networks.map(({ network }) =>
    Math.ceil(effort.turnMs * 1e7 / multiplyAdds(network.architecture))
  );
  for (const [k, { run }] of networks.entries()) {
    for (let spentMs = 0; spentMs < effort.warmMs;) spentMs += run(runs[k]) + 1e-3;
  }
  for (let turn = 0; turn < effort.turns; turn++) {
    networks.forEach(({ run, us }, k) => us.push(1000 * run(runs[k]) / runs[k]));
  }
  const first = multiplyAdds(BASE);
  const scaled = networks.map(({ what, network, us }) => {
    const count = multiplyAdds(network.architecture);
    return {
      what,
      thousands: count / 1000,
      us: spread(us),
      arithmetic: count / first,
      time: spread(us.map((time, turn) => time / networks[0].us[turn])),
    };
  });
  for (const { network } of networks) network.dispose();
  return scaled;
}

if (import.meta.main) {
  const found = await scaling(Deno.args.includes("--tiny") ? TINY : FULL);
  if (Deno.args.includes("--json")) console.log(JSON.stringify(found));
  else {
    console.log("| | thousand multiply-adds | µs a step | times the arithmetic | times the time |");
    console.log("| --- | --- | --- | --- | --- |");
    for (const { what, thousands, us, arithmetic, time } of found) {
      const figures = [thousands, us.median, arithmetic].map(digits);
      const quartiles = `${digits(time.low)} to ${digits(time.high)}`;
      console.log(
        `| ${[what, ...figures, `${digits(time.median)} (${quartiles})`].join(" | ")} |`,
      );
    }
  }
}
