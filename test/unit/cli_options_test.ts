import assert from "node:assert/strict";
import { describeOptions, parseOptions, UsageError } from "../../src/cli/options.ts";

const SPECS = {
  horizon: { kind: "integer", default: 12, min: 1, max: 1000, description: "Steps ahead" },
  speed: { kind: "number", default: 1, min: 0, description: "Pace" },
  cell: { kind: "string", default: "lstm", choices: ["lstm", "gru"], description: "Cell" },
  time: { kind: "string", description: "Column" },
  value: { kind: "list", description: "Columns" },
  json: { kind: "boolean", description: "JSON" },
} as const;

Deno.test("options have defaults, types and operands", () => {
  const { options, operands } = parseOptions(
    [
      "a.csv",
      "--horizon",
      "5",
      "--time=when",
      "--value",
      "x,y",
      "--value",
      "z",
      "--json",
      "--",
      "-b",
    ],
    SPECS,
  );
  assert.deepEqual(operands, ["a.csv", "-b"]);
  assert.deepEqual({ ...options }, {
    horizon: 5,
    speed: 1,
    cell: "lstm",
    time: "when",
    value: ["x", "y", "z"],
    json: true,
  });
  const horizon: number = options.horizon;
  assert.equal(horizon, 5);
});

Deno.test("a number out of range is refused by name", () => {
  assert.throws(
    () => parseOptions(["--speed=-1"], SPECS),
    (error: unknown) =>
      error instanceof UsageError && /--speed: expected at least 0/.test(error.message),
  );
});

for (
  const [args, message] of [
    [["--horizn", "5"], /Unknown option --horizn/],
    [["--horizon", "five"], /--horizon: expected a whole number, got "five"/],
    [["--horizon", "1.5"], /--horizon: expected a whole number/],
    [["--horizon", "0"], /--horizon: expected between 1 and 1000, got 0/],
    [["--horizon"], /--horizon: a value is missing/],
    [["--horizon", "1", "--horizon", "2"], /--horizon: given 2 times/],
    [["--cell", "rnn"], /--cell: expected one of lstm, gru, got "rnn"/],
  ] as [string[], RegExp][]
) {
  Deno.test(`${args.join(" ")} is refused by name`, () => {
    assert.throws(
      () => parseOptions(args, SPECS),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  });
}

Deno.test("the help is grouped, and fits a terminal", () => {
  const specs = {
    short: { kind: "boolean", description: "Short" },
    long: {
      kind: "string",
      choices: ["a-very-long-choice", "another-very-long-choice"],
      description: "Words ".repeat(40).trim(),
    },
  } as const;
  const { long, ...own } = specs;
  const lines = describeOptions({ ...own, long }, { "Others": { long } }).split("\n");
  assert.deepEqual(lines.slice(1, 3), ["", "Others:"]);
  assert.match(lines[0], /^ {2}--short {2}Short$/);
  assert.match(lines[3], /^ {2}--long a-very-long-choice\|another-very-long-choice$/);
  assert.ok(lines.every((line) => line.length <= 100), lines.join("\n"));
  assert.equal(lines.slice(4).join(" ").trim().split(/\s+/).length, 40);
});

Deno.test("the help names each option, its values and its default", () => {
  const help = describeOptions(SPECS);
  assert.match(help, /--horizon INTEGER\s+Steps ahead \[12\]/);
  assert.match(help, /--cell lstm\|gru\s+Cell \[lstm\]/);
  assert.match(help, /--json\s+JSON$/m);
});
