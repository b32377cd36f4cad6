// The worker's side: tasks come in, outcomes go out, one at a time and in order.
import { openBackend } from "../../kernels/mod.ts";
import { type LearningTask, runLearningTask } from "./learning_task.ts";
import type { WorkerAnswer, WorkerRequest } from "./learning_runner.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage: (answer: WorkerAnswer) => void;
};
const backend = openBackend("wasm");
let last: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }): void => {
  last = last.then(() => answer(data.id, data.task)).then(scope.postMessage);
};

async function answer(id: number, task: LearningTask): Promise<WorkerAnswer> {
  try {
    return { id, outcome: await runLearningTask(await backend, task) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
