import { parseArgs } from "@std/cli/parse-args";

/** A command line that cannot be used: the process prints it with a hint and ends with status 2. */
export class UsageError extends Error {
  /** The error's class name. */
  override readonly name: string = "UsageError";
}

/** One option of a command. */
export interface OptionSpec {
  /** What it takes. `list` may be given several times or hold commas. */
  readonly kind: "string" | "number" | "integer" | "boolean" | "list";
  /** Its one-letter name, where it has one: `o` for `-o`. */
  readonly short?: string;
  /** What stands for the value in the help: `PORT`. */
  readonly placeholder?: string;
  /** One line of help. */
  readonly description: string;
  /** The value where the option is left out. */
  readonly default?: string | number | boolean;
  /** The smallest number allowed. */
  readonly min?: number;
  /** The largest number allowed. */
  readonly max?: number;
  /** The only values allowed. */
  readonly choices?: readonly string[];
}

/** The options of a command by their long names, without dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S["kind"] extends "string" ? string
  : S["kind"] extends "boolean" ? boolean
  : S["kind"] extends "list" ? readonly string[]
  : number;

/** The values of options: one with a default is always there, another may be undefined. */
export type OptionValues<S extends OptionSpecs> = {
  readonly [K in keyof S]: S[K] extends { readonly default: string | number | boolean }
    ? ValueOf<S[K]>
    : S[K]["kind"] extends "list" ? readonly string[]
    : S[K]["kind"] extends "boolean" ? boolean
    : ValueOf<S[K]> | undefined;
};

/** What a command line says. */
export interface ParsedOptions<S extends OptionSpecs> {
  /** The options. */
  readonly options: OptionValues<S>;
  /** What is left: file names and the like. */
  readonly operands: readonly string[];
}

function checked(name: string, spec: OptionSpec, given: string): string | number {
  if (spec.choices && !spec.choices.includes(given)) {
    throw new UsageError(`--${name}: expected one of ${spec.choices.join(", ")}, got "${given}"`);
  }
  if (spec.kind === "string" || spec.kind === "list") return given;
  const value = given.trim() === "" ? NaN : Number(given);
  if (!Number.isFinite(value) || (spec.kind === "integer" && !Number.isInteger(value))) {
    const kind = spec.kind === "integer" ? "a whole number" : "a number";
    throw new UsageError(`--${name}: expected ${kind}, got "${given}"`);
  }
  if (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity)) {
    const range = spec.max === undefined
      ? `at least ${spec.min}`
      : `between ${spec.min ?? "-∞"} and ${spec.max}`;
    throw new UsageError(`--${name}: expected ${range}, got ${given}`);
  }
  return value;
}

/**
 * Reads a command line against its options.
 *
 * @param before Values that stand in the place of defaults, such as those of a configuration file.
 * @throws {UsageError} for an unknown option, a missing value or one out of range, by name.
 */
export function parseOptions<const S extends OptionSpecs>(
  args: readonly string[],
  specs: S,
  before: Readonly<Record<string, unknown>> = {},
): ParsedOptions<S> {
  const names = Object.keys(specs);
  const valued = names.filter((name) => specs[name].kind !== "boolean");
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs([...args], {
    string: ["_", ...valued],
    boolean: names.filter((name) => specs[name].kind === "boolean"),
    collect: valued,
    alias: Object.fromEntries(
      names.flatMap((name) => {
        const { short } = specs[name];
        return short === undefined ? [] : [[name, short]];
      }),
    ),
    unknown: (argument: string, key?: string): boolean => {
      if (key === undefined) return true;
      throw new UsageError(`Unknown option ${argument.split("=")[0]}`);
    },
  });

  const options: Record<string, unknown> = {};
  for (const name of names) {
    const spec = specs[name];
    if (spec.kind === "boolean") {
      options[name] = parsed[name] === true ||
        (parsed[name] === undefined && (before[name] ?? spec.default) === true);
      continue;
    }
    const given = (parsed[name] ?? []) as string[];
    if (given.some((value) => value === "" && spec.kind !== "string")) {
      throw new UsageError(`--${name}: a value is missing`);
    }
    if (given.length === 0) {
      options[name] = before[name] ?? (spec.kind === "list" ? [] : spec.default);
    } else if (spec.kind === "list") {
      options[name] = given.flatMap((value) => value.split(",")).map((value) =>
        checked(name, spec, value.trim())
      );
    } else if (given.length > 1) {
      throw new UsageError(`--${name}: given ${given.length} times`);
    } else {
      options[name] = checked(name, spec, given[0]);
    }
  }
  return { options: options as OptionValues<S>, operands: parsed._.map(String) };
}

/** Help is wrapped here, and options wider than that have their description on the next line. */
const HELP_WIDTH = 96;
const FLAG_WIDTH = 26;

/**
 * The options as help, aligned and wrapped.
 *
 * @param specs All options of a command.
 * @param groups Those that stand together under a title, after the others.
 */
export function describeOptions(
  specs: OptionSpecs,
  groups: Readonly<Record<string, OptionSpecs>> = {},
): string {
  const grouped = new Set(Object.values(groups).flatMap((group) => Object.keys(group)));
  const own = Object.keys(specs).filter((name) => !grouped.has(name));
  const sections = Object.entries(groups).map(([title, group]) => {
    return `\n${title}:\n${describe(specs, Object.keys(group))}`;
  });
  return [...own.length > 0 ? [describe(specs, own)] : [], ...sections].join("\n");
}

function describe(specs: OptionSpecs, names: readonly string[]): string {
  const rows = names.map((name): [string, string] => {
    const spec = specs[name];
    const placeholder = spec.placeholder ?? (spec.choices?.join("|") ?? spec.kind.toUpperCase());
    const long = spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`;
    const flag = spec.kind === "boolean" ? long : `${long} ${placeholder}`;
    const shown = spec.default === undefined || spec.default === false || spec.default === ""
      ? ""
      : ` [${spec.default}]`;
    return [flag, `${spec.description}${shown}`];
  });
  const width = Math.min(FLAG_WIDTH, Math.max(...rows.map(([flag]) => flag.length)));
  const indent = " ".repeat(width + 4);
  return rows.map(([flag, description]) => {
    const lines = wrap(description, HELP_WIDTH - indent.length);
    const head = flag.length <= width ? `  ${flag.padEnd(width)}  ` : `  ${flag}\n${indent}`;
    return head + lines.join(`\n${indent}`);
  }).join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
