/** Reads one place of a parsed JSON document; undefined where there is nothing. */
export type PathReader = (document: unknown) => unknown;

const STEP = /\.?([^.[\]"']+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]/y;

/**
 * Compiles a path into foreign JSON: `price`, `data.price`, `data[0].p`, `data["last price"]`. A leading
 * `$` or `$.` is allowed and means the document.
 *
 * @param path The path.
 * @returns A function that reads that place. Only a document's own properties are seen.
 * @throws {SyntaxError} when the path cannot be read.
 *
 * @example
 * ```ts
 * import { compilePath } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const price = compilePath("data[1].p");
 * equal(price({ data: [{ p: 1 }, { p: 2 }] }), 2);
 * equal(price({}), undefined);
 * ```
 */
export function compilePath(path: string): PathReader {
  const steps: string[] = [];
  let at = path.startsWith("$") ? 1 : 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (!match) throw new SyntaxError(`Cannot read path "${path}" at character ${at + 1}`);
    steps.push(match[1] ?? match[2] ?? match[3] ?? match[4]);
    at = STEP.lastIndex;
  }
  if (steps.length === 0 && path !== "$") throw new SyntaxError("Cannot read an empty path");
  return (document) => {
    let value = document;
    for (const step of steps) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
        return undefined;
      }
      value = (value as Record<string, unknown>)[step];
    }
    return value;
  };
}
