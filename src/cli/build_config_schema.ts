// Writes tickcast.schema.json, which editors check a tickcast.json against, from the code that reads it:
// deno task build:schema
import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./config_schema.ts";

/** The committed schema, as text. */
export function configJsonSchema(): string {
  const schema = {
    ...toJsonSchema(configSchema),
    title: "Tickcast configuration",
    description: "Feeds, series, grid, forecaster and sinks of `deno task serve --config FILE`.",
  };
  return JSON.stringify(schema, null, 2) + "\n";
}

if (import.meta.main) {
  await Deno.writeTextFile(
    new URL("../../tickcast.schema.json", import.meta.url),
    configJsonSchema(),
  );
}
