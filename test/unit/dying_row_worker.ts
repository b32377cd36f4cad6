// A worker that dies: before it takes any rows (`?early`), or over the first that it takes, with its last
// words (`?loudly`) or without (`?silently`).
import type { WasmExports } from "../../kernels/wasm/exports.ts";
import { RowBoard } from "../../kernels/wasm/row_board.ts";
import type { RowWorkerSetup } from "../../kernels/wasm/row_threads.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<RowWorkerSetup>) => void;
  postMessage: (message: "ready") => void;
  close: () => void;
  location: Location;
};

const die = (): never => {
  throw new Error("dead");
};

scope.onmessage = ({ data: { board: words, threads, thread } }): void => {
  const board = new RowBoard(words, threads);
  scope.postMessage("ready");
  if (scope.location.search === "?early") return scope.close();
  try {
    while (board.serve({ step: die, linear: die } as unknown as WasmExports, thread));
  } catch {
    if (scope.location.search === "?loudly") board.fail();
  }
  scope.close();
};
