// The stand-in against the documented behaviour of @std/cli/parse-args. The same file passes with the
// real package.
import { deepEqual, equal } from "node:assert/strict";
import { type Args, parseArgs, type ParseOptions } from "@std/cli/parse-args";

const cases: { name: string; args: string[]; options?: ParseOptions; result: Args }[] = [
  {
    name: "undeclared arguments are guessed",
    args: ["--foo", "--bar=baz", "-n", "5", "-p8080", "-q=1.5", "./quux.txt", "7", "0x10"],
    result: { foo: true, bar: "baz", n: 5, p: 8080, q: 1.5, _: ["./quux.txt", 7, 16] },
  },
  {
    name: "text stays text",
    args: ["--id", "0012", "--empty", "12"],
    options: { string: ["id", "_"], boolean: "empty" },
    result: { id: "0012", empty: true, _: ["12"] },
  },
  {
    name: "text without a value is empty",
    args: ["--id", "--name"],
    options: { string: ["id", "name"] },
    result: { id: "", name: "", _: [] },
  },
  {
    name: "a flag takes only true and false",
    args: ["--json", "file", "--quiet", "false", "--loud=false", "--wide", "true"],
    options: { boolean: ["json", "quiet", "loud", "absent", "wide"] },
    result: { json: true, quiet: false, loud: false, absent: false, wide: true, _: ["file"] },
  },
  {
    name: "short flags in one",
    args: ["-abc", "value"],
    result: { a: true, b: true, c: "value", _: [] },
  },
  {
    name: "a value may hold an equals sign and look like an argument",
    args: ["--url=ws://host?a=b", "--text=--no"],
    options: { string: ["url", "text"] },
    result: { url: "ws://host?a=b", text: "--no", _: [] },
  },
  {
    name: "repeated arguments are collected, else the last one counts",
    args: ["--add", "a", "--add", "b", "--one", "1", "--one", "2"],
    options: { string: ["add", "never"], collect: ["add", "never"] },
    result: { add: ["a", "b"], never: [], one: 2, _: [] },
  },
  {
    name: "an alias names the same value",
    args: ["-h", "-p", "80"],
    options: { boolean: "help", alias: { h: "help", port: ["p", "P"] } },
    result: { h: true, help: true, p: 80, P: 80, port: 80, _: [] },
  },
  {
    name: "an alias has the same default",
    args: [],
    options: { boolean: "help", alias: { h: "help", p: "port" }, default: { port: 8080 } },
    result: { h: false, help: false, p: 8080, port: 8080, _: [] },
  },
  {
    name: "only what may be negated is",
    args: ["--no-color", "--no-config"],
    options: { boolean: ["color"], negatable: ["color"], default: { color: true } },
    result: { color: false, "no-config": true, _: [] },
  },
  {
    name: "after the double dash nothing is an argument",
    args: ["a", "--", "--b", "1"],
    result: { _: ["a", "--b", "1"] },
  },
  {
    name: "the double dash has its own place",
    args: ["a", "--", "--b", "1"],
    options: { "--": true },
    result: { _: ["a"], "--": ["--b", "1"] },
  },
  {
    name: "stopping early leaves the rest alone",
    args: ["--cold", "true", "run", "--fast", "8"],
    options: { stopEarly: true, boolean: "cold" },
    result: { cold: true, _: ["run", "--fast", "8"] },
  },
  {
    name: "all flags",
    args: ["--honk", "cow", "-p", "55", "--tacos=good"],
    options: { boolean: true },
    result: { honk: true, p: 55, tacos: "good", _: ["cow"] },
  },
  { name: "a lone hyphen is a value", args: ["-n", "-", "-"], result: { n: "-", _: ["-"] } },
];

for (const { name, args, options, result } of cases) {
  Deno.test(`parseArgs: ${name}`, () => {
    const copy = [...args];
    deepEqual({ ...parseArgs(args, options) }, result);
    deepEqual(args, copy);
  });
}

Deno.test("parseArgs: unknown sees what is not declared and may leave it out", () => {
  const seen: unknown[][] = [];
  const args = parseArgs(["--known", "--extra=1", "-x", "file"], {
    boolean: ["known"],
    unknown: (...call: unknown[]): boolean => {
      seen.push(call);
      return false;
    },
  });
  deepEqual({ ...args }, { known: true, _: [] });
  deepEqual(seen, [["--extra=1", "extra", "1"], ["-x", "x", "file"]]);
});

Deno.test("parseArgs: results are typed by what was declared", () => {
  const args = parseArgs(["--port", "80", "--add", "x"], {
    boolean: ["json"],
    string: ["host", "port", "add"],
    collect: ["add"],
    default: { host: "localhost" },
  });
  const json: boolean = args.json;
  const host: string = args.host;
  const port: string | undefined = args.port;
  const add: string[] = args.add;
  equal(`${json} ${host} ${port} ${add}`, "false localhost 80 x");
});
