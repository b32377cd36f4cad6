import type { Scope } from "../access/tokens.ts";
import type { SCHEMAS } from "./schemas.ts";

/** The name of a schema of the document. */
export type SchemaName = keyof typeof SCHEMAS;

/** A parameter as OpenAPI words it. */
export interface ParameterText {
  /** Its name. */
  readonly name: string;
  /** Where it stands. */
  readonly in: "path" | "query" | "header";
  /** Whether it must be there. */
  readonly required?: boolean;
  /** What it does. */
  readonly description?: string;
  /** What it holds. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** What a route tells of itself. */
export interface OperationSpec {
  /** Its name in programs. */
  readonly id: string;
  /** One sentence. */
  readonly summary: string;
  /** What a token must allow; nothing where everyone may. */
  readonly scope?: Scope;
  /** Its parameters. */
  readonly parameters?: readonly ParameterText[];
  /** The schema of its body, or `Model` for a model file. */
  readonly body?: SchemaName | "Model";
  /** By status: the schema of the answer, and when it comes. */
  readonly responses: Readonly<Record<number, readonly [SchemaName, string]>>;
  /** Whether it is, or can be, upgraded to a WebSocket. */
  readonly socket?: boolean;
  /** The schema of the events it streams. */
  readonly eventStream?: SchemaName;
  /** Whether it answers with bytes. */
  readonly binary?: boolean;
  /** Whether it answers with plain text. */
  readonly plainText?: boolean;
}

/** An operation as it stands in the document. */
export type OperationText = Readonly<Record<string, unknown>>;

const json = (schema: SchemaName): OperationText => ({
  "application/json": { schema: { $ref: `#/components/schemas/${schema}` } },
});

const bodyText = (body: SchemaName | "Model"): OperationText =>
  body === "Model" ? { "application/octet-stream": {} } : json(body);

/** What the guard may answer on any route, and on those that need a scope. */
const GUARDED = {
  401: "No known token.",
  403: "The token lacks the scope, or the page's site may not.",
};
const ANYWHERE = {
  403: "The page's site may not call.",
  429: "Too many requests; see Retry-After.",
};

/** Writes one operation of the document. */
export function operation(spec: OperationSpec): OperationText {
  const responses: Record<string, OperationText> = {};
  const refusals = { ...ANYWHERE, ...(spec.scope === undefined ? {} : GUARDED) };
  for (const [status, description] of Object.entries(refusals)) {
    responses[status] = { description, content: json("Problem") };
  }
  for (const [status, [schema, description]] of Object.entries(spec.responses)) {
    responses[status] = { description, content: json(schema) };
  }
  if (spec.socket) {
    responses["101"] = { description: "The WebSocket is open, with the subprotocol tickcast.v1." };
  }
  if (spec.eventStream !== undefined) {
    const schema = { type: "string" };
    const events =
      `Events whose id is the number of a forecast and whose data is a ${spec.eventStream}.`;
    responses["200"] = { description: events, content: { "text/event-stream": { schema } } };
  }
  if (spec.plainText) {
    const content = { "text/plain": { schema: { type: "string" } } };
    responses["200"] = { description: "The text.", content };
  }
  if (spec.binary) {
    responses["200"] = { description: "The file.", content: { "application/octet-stream": {} } };
  }
  return {
    operationId: spec.id,
    summary: spec.summary,
    ...(spec.scope === undefined ? { security: [] } : { security: [{ bearer: [spec.scope] }] }),
    ...(spec.parameters === undefined ? {} : { parameters: spec.parameters }),
    ...(spec.body === undefined
      ? {}
      : { requestBody: { required: true, content: bodyText(spec.body) } }),
    responses,
  };
}
