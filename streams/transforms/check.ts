// The checks that every decoder makes of what strangers send. Each throws an InputError that names the
// field, the reason and the line.
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";

/** A number as text, anything else unchanged: some feeds name series and messages by number. */
export function asText(value: unknown): unknown {
  return typeof value === "number" ? String(value) : value;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A decimal number written as a string as a number, anything else unchanged. */
export function asNumber(value: unknown): unknown {
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
}

/** A non-empty string within a length. */
export function checkText(value: unknown, field: string, lengthMax: number, line: number): string {
  if (typeof value !== "string") throw refusal(value, "a string", field, line);
  if (value === "") throw new InputError("missing-field", field, "is empty", { line });
  if (value.length <= lengthMax) return value;
  const detail = `${value.length} characters are over the limit of ${lengthMax}`;
  throw new InputError("too-large", field, detail, { line });
}

/** A finite number. */
export function checkNumber(value: unknown, field: string, line: number): number {
  if (typeof value !== "number") throw refusal(value, "a number", field, line);
  if (Number.isFinite(value)) return value;
  throw new InputError("not-finite", field, "is beyond the range of a double", { line });
}

/** Checks the features in place: the object was just parsed and belongs to nobody else. */
export function checkValues(values: unknown, line: number): Record<string, number> {
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw refusal(values, "an object of numbers", "values", line);
  }
  let count = 0;
  for (const feature in values) {
    count++;
    const value = (values as Record<string, unknown>)[feature];
    if (!Number.isFinite(value)) checkNumber(value, `values.${feature}`, line);
    if (feature.length > limits.featureLength) {
      const detail = `a name is over the limit of ${limits.featureLength} characters`;
      throw new InputError("too-large", "values", detail, { line });
    }
    // It would change an object's prototype when the features are copied one by one.
    if (feature === "__proto__") throw new InputError("bad-type", "values", "bad name", { line });
  }
  if (count === 0) throw new InputError("missing-field", "values", "holds no feature", { line });
  if (count <= limits.featuresPerTick) return values as Record<string, number>;
  const detail = `${count} features are over the limit of ${limits.featuresPerTick}`;
  throw new InputError("too-large", "values", detail, { line });
}

/** Says that a field is missing or of another type. */
export function refusal(value: unknown, expected: string, field: string, line: number): InputError {
  return value === undefined
    ? new InputError("missing-field", field, `expected ${expected}, got nothing`, { line })
    : new InputError("bad-type", field, `expected ${expected}, got ${shown(value)}`, { line });
}

/** A value as it may stand in a message: short, on one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
