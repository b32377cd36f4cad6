import type { Context } from "hono";
import type { ServerEnv } from "./server_env.ts";

/** The statuses of refusals. */
export type ProblemStatus = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 503;

/**
 * A refusal as every route words it.
 *
 * @param reason Why, for programs.
 * @param detail Why, for people.
 * @param field The field at fault, where one is.
 */
export function problem(
  context: Context<ServerEnv>,
  status: ProblemStatus,
  reason: string,
  detail: string,
  field = "",
): Response {
  return context.json({ type: "error", reason, field, detail }, status);
}
