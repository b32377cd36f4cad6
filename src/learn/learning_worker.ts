// The worker's side: tasks come in, outcomes go out, one at a time and in order.
import { LearningDevice } from "./learning_device.ts";
import type { WorkerAnswer, WorkerRequest } from "./learning_runner.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage: (answer: WorkerAnswer) => void;
};
let device: LearningDevice | undefined;

scope.onmessage = ({ data: { id, task, device: options } }): void => {
  device ??= LearningDevice.of(options);
  device.run(task).then((outcome) => ({ id, outcome }), (error) => {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }).then(scope.postMessage);
};
