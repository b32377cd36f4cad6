// The worker's side: large checkpoints come in, one at a time, and are written.
import { encodeCheckpoint } from "./checkpoint.ts";
import { CheckpointFiles } from "./checkpoint_files.ts";
import type { WriteAnswer, WriteRequest } from "./checkpoint_writer.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<WriteRequest>) => void;
  postMessage: (answer: WriteAnswer) => void;
};

async function write(request: WriteRequest): Promise<WriteAnswer> {
  const { folder, sequence, createdMs, manifest, arrays } = request;
  const snapshot = { manifest: JSON.parse(manifest), arrays };
  const encoded = await encodeCheckpoint(snapshot, sequence, createdMs);
  await new CheckpointFiles(folder).write(sequence, encoded);
  return {};
}

scope.onmessage = ({ data }): void => {
  write(data).catch((error) => {
    return { error: error instanceof Error ? error.message : String(error) };
  }).then(scope.postMessage);
};
