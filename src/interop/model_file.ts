import { LOSS_KINDS, type LossKind } from "../../kernels/mod.ts";
import type { NetworkModel } from "../forecast/learner.ts";
import { type Head, headOutputs } from "../model/head.ts";
import { Parameters } from "../model/parameters.ts";
import { readSealedTensors, writeSealedTensors } from "../state/sealed_tensors.ts";
import { parametersFromStateDict, stateDict } from "./state_dict.ts";

/** The name in the file's metadata under which everything that is not an array stands. */
const METADATA = "tickcast";

/**
 * Writes a network as a safetensors file: its parameters by PyTorch's names, what its inputs and outputs
 * mean in the metadata, and a checksum of it all.
 *
 * @param model The network.
 * @returns The file's bytes.
 *
 * @example There and back
 * ```ts
 * import { Parameters, readModel, writeModel } from "@tickcast/tickcast";
 *
 * const parameters = new Parameters({
 *   cell: "gru_reset_before", inputSize: 3, hiddenSize: 4, layers: 1, outputSize: 2,
 * });
 * const file = writeModel({ parameters, head: { loss: "mse", horizon: 2 }, covariates: 0 });
 * if (readModel(file).parameters.architecture.cell !== "gru_reset_before") throw new Error();
 * ```
 */
export function writeModel(model: NetworkModel): Uint8Array<ArrayBuffer> {
  const { parameters, head, covariates } = model;
  const meaning = { cell: parameters.architecture.cell, head, covariates };
  return writeSealedTensors(stateDict(parameters), { [METADATA]: JSON.stringify(meaning) });
}

/**
 * Reads what {@linkcode writeModel} wrote.
 *
 * @param file The file's bytes.
 * @returns The network.
 * @throws {SyntaxError} when it is damaged or no such file.
 *
 * @example A file that is none
 * ```ts
 * import { readModel } from "@tickcast/tickcast";
 * import { throws } from "node:assert/strict";
 *
 * throws(() => readModel(new Uint8Array(100)), SyntaxError);
 * ```
 */
export function readModel(file: Uint8Array): NetworkModel {
  const { tensors, metadata } = readSealedTensors(file);
  const meaning = meaningOf(metadata[METADATA]);
  const read = parametersFromStateDict(tensors);
  const { architecture } = read;
  // The shapes of the two GRUs are alike: only the metadata tells them apart.
  const isGru = architecture.cell !== "lstm";
  if (isGru !== (meaning.cell !== "lstm")) {
    throw new SyntaxError(
      `Cannot read model: its weights are those of a ${architecture.cell}, not ${meaning.cell}`,
    );
  }
  const { head, covariates } = meaning;
  if (headOutputs(head) !== architecture.outputSize) {
    throw new SyntaxError(
      `Cannot read model: its head has ${architecture.outputSize} outputs, ` +
        `its description needs ${headOutputs(head)}`,
    );
  }
  read.values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      throw new SyntaxError(`Cannot read model: parameter ${index} is not a finite number`);
    }
  });
  const parameters = new Parameters(
    { ...architecture, cell: meaning.cell },
    read.values,
  );
  return { parameters, head, covariates };
}

interface Meaning {
  readonly cell: "lstm" | "gru" | "gru_reset_before";
  readonly head: Head;
  readonly covariates: number;
}

function meaningOf(text: string | undefined): Meaning {
  if (text === undefined) {
    throw new SyntaxError(
      `Cannot read model: its metadata have no "${METADATA}", so what it takes and says is unknown`,
    );
  }
  const { cell, head, covariates } = JSON.parse(text);
  const isLevels = head?.loss !== "pinball" ||
    (Array.isArray(head.levels) && head.levels.length > 0 &&
      head.levels.every((level: unknown) => typeof level === "number" && level > 0 && level < 1));
  if (
    !["lstm", "gru", "gru_reset_before"].includes(cell) ||
    !LOSS_KINDS.includes(head?.loss as LossKind) || !isLevels ||
    !Number.isSafeInteger(head.horizon) || head.horizon < 1 ||
    !Number.isSafeInteger(covariates) || covariates < 0
  ) {
    throw new SyntaxError("Cannot read model: its description is damaged");
  }
  return { cell, head, covariates };
}
