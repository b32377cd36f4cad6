// The worker's side: requests come in one at a time, and whatever takes long or waits for the disk is done here.
import { DatabaseSync } from "node:sqlite";
import { unpackParcel } from "./array_parcel.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import { CheckpointFiles } from "./checkpoint_files.ts";
import type { WorkerAnswer, WorkerRequest, WriteRequest } from "./checkpoint_writer.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage: (answer: WorkerAnswer) => void;
};

async function write(request: WriteRequest): Promise<void> {
  const { folder, sequence, createdMs, manifest, parcel } = request;
  const snapshot = { manifest: JSON.parse(manifest), arrays: unpackParcel(parcel) };
  const encoded = await encodeCheckpoint(snapshot, sequence, createdMs);
  await new CheckpointFiles(folder).write(sequence, encoded);
}

function settle(journal: string): void {
  const database = new DatabaseSync(journal);
  try {
    // Passive: nobody who writes to it is held up.
    database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  } finally {
    database.close();
  }
}

scope.onmessage = async ({ data }): Promise<void> => {
  try {
    if ("journal" in data) settle(data.journal);
    else await write(data);
    scope.postMessage({});
  } catch (error) {
    scope.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
