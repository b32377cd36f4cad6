// A worker's side of the threads: takes rows from the board until it is sent home.
import type { WasmExports } from "./exports.ts";
import { RowBoard } from "./row_board.ts";
import type { RowWorkerSetup } from "./row_threads.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<RowWorkerSetup>) => void;
  postMessage: (message: "ready") => void;
  close: () => void;
};

scope.onmessage = ({ data: { module, memory, board: words, threads, thread } }): void => {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as WasmExports;
  const board = new RowBoard(words, threads);
  const serve = (): void => {
    try {
      if (board.serve(exports, thread)) setTimeout(serve);
      else scope.close();
    } catch (error) {
      board.fail();
      throw error;
    }
  };
  scope.postMessage("ready");
  serve();
};
