/**
 * Stands in for `jsr:@std/cli/parse-args` in a checkout: the part of it that a command line needs,
 * over `node:util`. Dotted names are not nested here.
 *
 * @module
 */
import { parseArgs as tokenize } from "node:util";

/** What the command line may hold. */
export interface ParseOptions {
  /** Put what follows `--` into `result["--"]` instead of `result._`. */
  "--"?: boolean;
  /** Other names of an argument. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Arguments that take no value, `false` where absent; `true` means all that begin with `--`. */
  boolean?: boolean | string | readonly string[];
  /** Values of absent arguments. */
  default?: Readonly<Record<string, unknown>>;
  /** Take everything after the first positional argument as positional. */
  stopEarly?: boolean;
  /** Arguments whose value stays text; `"_"` keeps positional arguments text. */
  string?: string | readonly string[];
  /** Arguments that may be repeated, `[]` where absent. */
  collect?: string | readonly string[];
  /** Arguments that `--no-NAME` sets to `false`. */
  negatable?: string | readonly string[];
  /** Sees each argument that is not declared; one for which it returns `false` is left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The names declared, where they are literal. */
type Names<T> = T extends readonly (infer Name extends string)[] ? Literal<Name>
  : T extends string ? Literal<T>
  : never;
type Literal<Name extends string> = string extends Name ? never : Name;
type Defaults<O extends ParseOptions> = O["default"] extends object ? O["default"]
  : Record<never, never>;
type Collected<O extends ParseOptions> = Names<O["string"]> & Names<O["collect"]>;
type Single<O extends ParseOptions> = Exclude<Names<O["string"]>, Collected<O> | "_">;

/** What the command line held. */
export type Args<O extends ParseOptions = ParseOptions> =
  & Record<string, unknown>
  & { _: (string | number)[] }
  & (O["--"] extends true ? { "--": string[] } : Record<never, never>)
  & { [Name in Exclude<Names<O["boolean"]>, keyof Defaults<O>>]: boolean }
  & { [Name in Names<O["boolean"]> & keyof Defaults<O>]: boolean | Defaults<O>[Name] }
  & { [Name in Collected<O>]: string[] }
  & { [Name in Exclude<Single<O>, keyof Defaults<O>>]?: string }
  & { [Name in Single<O> & keyof Defaults<O>]: string | Defaults<O>[Name] };

const NUMBER = /^(?:0x[\da-f]+|[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)$/i;
const SHORT_WITH_VALUE = /^-([a-z])(?:=|(?=\d))(.+)$/is;

/** Numbers where the text is one, as the real parser does for what was not declared as text. */
function guess(text: string): string | number {
  return NUMBER.test(text) ? Number(text) : text;
}

function names(declared: boolean | string | readonly string[] | undefined): readonly string[] {
  return typeof declared === "string" ? [declared] : Array.isArray(declared) ? declared : [];
}

/**
 * Reads a command line.
 *
 * @param args The arguments, as in `Deno.args`.
 * @param options What to expect.
 * @returns The arguments by name; positional ones under `_`.
 */
export function parseArgs<const O extends ParseOptions = Record<never, never>>(
  args: string[],
  options?: O,
): Args<O> {
  const { alias = {}, unknown, stopEarly } = options ?? {};
  const groups = Object.entries(alias).map(([name, others]) => [name, ...names(others)]);
  const together = (name: string): readonly string[] =>
    groups.find((group) => group.includes(name)) ?? [name];
  const declared = (list: boolean | string | readonly string[] | undefined): Set<string> =>
    new Set(names(list).flatMap(together));
  const booleans = declared(options?.boolean);
  const strings = declared(options?.string);
  const collected = declared(options?.collect);
  const negatable = declared(options?.negatable);
  const aliased = new Set(groups.flat());
  const result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };

  function set(key: string, value: string | boolean, arg: string, collect = true): void {
    const known = booleans.has(key) || strings.has(key) || aliased.has(key) ||
      (options?.boolean === true && /^--[^=]+$/.test(arg));
    if (!known && unknown?.(arg, key, value) === false) return;
    const typed = typeof value === "string" && !strings.has(key) ? guess(value) : value;
    for (const name of together(key)) {
      const earlier = result[name];
      result[name] = !(collect && collected.has(name))
        ? typed
        : Array.isArray(earlier)
        ? [...earlier, typed]
        : [typed];
    }
  }

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const before = args.slice(0, end);
  // Without declared options the tokenizer never takes a value away, so that the rules are all here.
  const { tokens } = tokenize({
    args: before.map((arg) => arg.replace(SHORT_WITH_VALUE, "--$1=$2")),
    strict: false,
    tokens: true,
  });
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const arg = before[token.index];
    if (token.kind === "positional") {
      if (unknown?.(arg) !== false) result._.push(strings.has("_") ? arg : guess(arg));
      if (!stopEarly) continue;
      result._.push(...before.slice(token.index + 1));
      break;
    }
    if (token.kind !== "option") continue;
    const { name } = token;
    const takesNone = booleans.has(name) || options?.boolean === true && arg.startsWith("--");
    const next = tokens[i + 1];
    if (token.value !== undefined) {
      set(name, booleans.has(name) ? token.value !== "false" : token.value, arg);
    } else if (name.startsWith("no-") && negatable.has(name.slice(3))) {
      set(name.slice(3), false, arg, false);
    } else if (next?.kind === "positional" && !takesNone) {
      i++;
      set(name, next.value, arg);
    } else if (next?.kind === "positional" && /^(?:true|false)$/.test(next.value)) {
      i++;
      set(name, next.value === "true", arg);
    } else {
      set(name, strings.has(name) ? "" : true, arg);
    }
  }

  for (const [key, value] of Object.entries(options?.default ?? {})) {
    for (const name of together(key)) if (!Object.hasOwn(result, name)) result[name] = value;
  }
  for (const name of [...booleans, ...strings]) {
    if (Object.hasOwn(result, name) || name === "_") continue;
    if (collected.has(name)) result[name] = [];
    else if (booleans.has(name)) result[name] = false;
  }
  const after = args.slice(end + 1);
  if (options?.["--"]) result["--"] = after;
  else result._.push(...after);
  return result as Args<O>;
}
