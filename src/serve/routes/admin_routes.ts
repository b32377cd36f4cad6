import type { Context } from "hono";
import type { Learner } from "../../forecast/learner.ts";
import { readModel, writeModel } from "../../interop/model_file.ts";
import { JournalError } from "../../state/store.ts";
import type { Engine } from "../engine.ts";
import { operation, type OperationText } from "../openapi/operation.ts";
import { problem } from "../problem.ts";
import { readBody } from "../read_body.ts";
import type { App, ServerEnv } from "../server_env.ts";

/** A model of 10 million parameters has 40 MB. */
const MODEL_BYTES_MAX = 64 << 20;
/** The other routes take nothing. */
const BODY_BYTES_MAX = 1024;

type Deed = (context: Context<ServerEnv>, learner: Learner) => Promise<Response>;

/**
 * What an operator may ask: to save, and to steer the network that keeps learning. Every change takes
 * effect between two ticks and is saved before it is answered.
 */
export function adminRoutes(app: App, engine: Engine): void {
  app.use("/v1/admin/*", async (context, next) => {
    if (context.req.method === "POST") {
      const body = await readBody(context, BODY_BYTES_MAX);
      if (body instanceof Response) return body;
    }
    await next();
  });

  const note = (context: Context<ServerEnv>, action: string): void =>
    engine.report({ kind: "operated", action, by: context.var.grant.name });
  const withLearner = (deed: Deed) => async (context: Context<ServerEnv>): Promise<Response> => {
    const { learner } = engine.forecaster;
    if (learner === undefined) {
      return problem(context, 409, "no-learner", "no network that keeps learning is served");
    }
    try {
      return await deed(context, learner);
    } catch (error) {
      if (error instanceof JournalError) return problem(context, 503, "unknown", error.message);
      throw error;
    }
  };
  /** Asks something of the learner, and answers with where it stands then. */
  const steer = (action: string, work: (learner: Learner) => boolean | Promise<boolean>) =>
    withLearner(async (context, learner) => {
      const done = await engine.change(() => work(learner));
      if (!done) return problem(context, 409, "nothing-to-do", `there is nothing to ${action}`);
      note(context, action);
      return context.json(learner.learning);
    });

  app.post("/v1/admin/checkpoint", async (context) => {
    if (!await engine.checkpoint()) {
      return problem(context, 503, "unknown", "the checkpoint could not be saved");
    }
    note(context, "checkpoint");
    return context.json({ ok: true, applied: engine.health().applied });
  });
  app.post(
    "/v1/admin/retrain",
    steer("retrain", (learner) => {
      learner.retrain();
      return true;
    }),
  );
  app.post("/v1/admin/roll-back", steer("roll back", (learner) => learner.rollBack()));
  for (
    const [path, frozen] of [["/v1/admin/freeze", true], ["/v1/admin/unfreeze", false]] as const
  ) {
    app.post(
      path,
      steer(frozen ? "freeze" : "unfreeze", (learner) => {
        learner.freeze(frozen);
        return true;
      }),
    );
  }
  app.get(
    "/v1/admin/model",
    withLearner(async (context, learner) => {
      const [model, { version }] = await engine.inspect(() =>
        [learner.exportModel(), learner.learning] as const
      );
      note(context, "export the model");
      return context.body(writeModel(model), 200, {
        "content-type": "application/octet-stream",
        "content-disposition": `attachment; filename="tickcast-model-${version}.safetensors"`,
      });
    }),
  );
  app.put("/v1/admin/model", async (context) => {
    const file = await readBody(context, MODEL_BYTES_MAX);
    if (file instanceof Response) return file;
    const adopt = withLearner(async (context, learner) => {
      try {
        const model = readModel(file);
        await engine.change(() => learner.adopt(model));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return problem(context, 400, "malformed", error.message);
      }
      note(context, "adopt a model");
      return context.json(learner.learning);
    });
    return await adopt(context);
  });
  app.get("/v1/learning", (context) => {
    const { learner } = engine.forecaster;
    if (learner === undefined) {
      return problem(context, 404, "no-learner", "no network that keeps learning is served");
    }
    return context.json(learner.learning);
  });
}

const steered = (id: string, summary: string): OperationText =>
  operation({
    id,
    summary,
    scope: "admin",
    responses: {
      200: ["Learning", "It is done and saved; so the network stands."],
      409: ["Problem", "There is no network that keeps learning, or nothing to do."],
      503: ["Problem", "It could not be saved, and was undone."],
    },
  });

/** What the document says of them. */
export const adminPaths = {
  "/v1/admin/checkpoint": {
    post: operation({
      id: "checkpoint",
      summary: "Save a checkpoint now.",
      scope: "admin",
      responses: {
        200: ["Saved", "It is saved."],
        503: ["Problem", "It could not be saved; the ones before are still there."],
      },
    }),
  },
  "/v1/admin/retrain": {
    post: steered("retrain", "Retrain the network as soon as no retraining is under way."),
  },
  "/v1/admin/roll-back": {
    post: steered("rollBack", "Go back to the parameters before the last change."),
  },
  "/v1/admin/freeze": {
    post: steered("freeze", "Stop retraining; one under way is dropped."),
  },
  "/v1/admin/unfreeze": { post: steered("unfreeze", "Resume retraining.") },
  "/v1/admin/model": {
    get: operation({
      id: "exportModel",
      summary: "The network's parameters and what they mean, as a safetensors file.",
      scope: "admin",
      binary: true,
      responses: { 409: ["Problem", "There is no network that keeps learning."] },
    }),
    put: operation({
      id: "adoptModel",
      summary: "Go on with a network trained elsewhere, of the same shape: a safetensors file.",
      scope: "admin",
      body: "Model",
      responses: {
        200: ["Learning", "It is in use and saved; so the network stands."],
        400: ["Problem", "The file is damaged, or the network in it of another shape."],
        409: ["Problem", "There is no network that keeps learning."],
        413: ["Problem", "The file is too large."],
        503: ["Problem", "It could not be saved, and was undone."],
      },
    }),
  },
  "/v1/learning": {
    get: operation({
      id: "learning",
      summary: "Where the network that keeps learning stands, and its latest retrainings.",
      scope: "read",
      responses: {
        200: ["Learning", "So it stands."],
        404: ["Problem", "There is no network that keeps learning."],
      },
    }),
  },
};
