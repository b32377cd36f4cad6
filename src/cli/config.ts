import * as v from "valibot";
import { type Config, configSchema } from "./config_schema.ts";

/** A configuration that cannot be used: where and why, all of it. */
export class ConfigError extends Error {
  /** The error's class name. */
  override readonly name: string = "ConfigError";
}

/** Reasons spelt out; the rest is counted. */
const ISSUES_MAX = 10;

/**
 * Reads a configuration file. `${NAME}` inside a string stands for an environment variable, so that secrets
 * need not stand in the file.
 *
 * @throws {ConfigError} with the path and the reason of everything that is wrong with it.
 */
export async function readConfig(
  path: string,
  variable: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Promise<Config> {
  let file: string;
  try {
    file = await Deno.readTextFile(path);
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return parseConfig(file, variable);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${path}: ${error.message}`);
  }
}

/**
 * Reads a configuration.
 *
 * @throws {ConfigError} with the path and the reason of everything that is wrong with it.
 */
export function parseConfig(
  file: string,
  variable: (name: string) => string | undefined,
): Config {
  let value: unknown;
  try {
    value = JSON.parse(file);
  } catch (error) {
    throw new ConfigError(`not JSON: ${(error as Error).message}`);
  }
  const unset: string[] = [];
  const filled = fill(value, "", (name, where) => {
    const found = variable(name);
    if (found === undefined) unset.push(`${where}: environment variable ${name} is not set`);
    return found ?? "";
  });
  return checkConfig(filled, unset);
}

/**
 * Checks a configuration.
 *
 * @param reasons What is known to be wrong with it.
 * @throws {ConfigError} with the path and the reason of everything that is wrong with it.
 */
export function checkConfig(value: unknown, reasons: readonly string[] = []): Config {
  const result = v.safeParse(configSchema, value);
  const all = [
    ...reasons,
    ...(result.issues ?? []).map(reason),
    ...(result.success ? lists(value, result.output) : []),
  ];
  if (result.success && all.length === 0) return result.output;
  const more = all.length - ISSUES_MAX;
  throw new ConfigError(
    [...all.slice(0, ISSUES_MAX), ...(more > 0 ? [`and ${more} more`] : [])].join("\n  "),
  );
}

/** Puts variables into every string. */
function fill(
  value: unknown,
  where: string,
  variable: (name: string, where: string) => string,
): unknown {
  if (typeof value === "string") {
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => variable(name, where || "the file"));
  }
  if (Array.isArray(value)) return value.map((item, i) => fill(item, `${where}[${i}]`, variable));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      fill(item, where === "" ? key : `${where}.${key}`, variable),
    ]),
  );
}

/** `feeds[1].topics: expected …, got …`. */
function reason(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map((item, i) => {
    if (item.type === "array") return `[${String(item.key)}]`;
    return i === 0 ? String(item.key) : `.${String(item.key)}`;
  }).join("") || "the file";
  const { type, expected, received } = issue;
  if (expected === "never") return `${path}: there is no such key`;
  if (received === "undefined") return `${path}: is missing`;
  const { requirement } = issue as { requirement?: unknown };
  if (type === "non_empty") return `${path}: is empty`;
  if (type === "min_length") return `${path}: needs at least ${requirement} of them`;
  if (type === "min_value") return `${path}: expected at least ${requirement}, got ${received}`;
  if (type === "max_value") return `${path}: expected at most ${requirement}, got ${received}`;
  if (type === "regex") return `${path}: ${issue.message}, got ${received}`;
  const choices = expected?.includes(" | ")
    ? `one of ${expected.replace(/[()"]/g, "").replaceAll(" | ", ", ")}`
    : expected?.toLowerCase();
  return `${path}: expected ${choices}, got ${received}`;
}

/** Where a list stands in the place of an object: valibot takes an empty one for an empty object. */
function lists(given: unknown, read: unknown, where = ""): string[] {
  if (typeof given !== "object" || given === null) return [];
  if (Array.isArray(given) && !Array.isArray(read)) {
    return [`${where || "the file"}: expected object, got a list`];
  }
  return Object.keys(given).flatMap((key) =>
    lists(
      (given as Record<string, unknown>)[key],
      (read as Record<string, unknown>)[key],
      Array.isArray(given) ? `${where}[${key}]` : where === "" ? key : `${where}.${key}`,
    )
  );
}

/** A configuration as the command line would say it, option by option. */
export function optionValues(config: Config): Record<string, unknown> {
  const { server = {}, forecast = {}, state, record } = config;
  const kebab = (name: string): string =>
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const entries = Object.entries({ ...server, ...forecast, state, record });
  return Object.fromEntries(entries.map(([name, value]) => [kebab(name), value]));
}
